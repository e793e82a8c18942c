//! When to poll a run again: quickly while it is young or nearly done, never slower than ten seconds.
//!
//! An end is noticed, on average, half an interval late. Where nothing is known of the end, the interval follows the run's
//! age alone. Where test cases are seen to end, or earlier results tell how long the run usually takes, the end is
//! estimated: polls are saved while it is far, and spent about the time when it is likely. Whatever is expected, ten
//! minutes cost at most 150 requests. `benches/latency.rs` draws the curve, and `tests/it/latency.rs` holds the figures.

use std::time::Duration;

/// No interval is longer, jitter included.
pub const MAX_INTERVAL: Duration = Duration::from_secs(10);

/// The interval, in seconds, for a run up to that age, in seconds.
const BY_AGE: [(f64, f64); 3] = [(6.0, 1.0), (60.0, 4.0), (600.0, 4.45)];
const OLD: f64 = 9.0;
/// The interval about the time when the end is likely, and once all test cases have ended, in seconds.
const QUICK: f64 = 1.0;
/// The interval while the end is far, in seconds, unless that by age is longer.
const FAR: f64 = 8.0;
/// Polls beyond those that the age allows: an end that comes early is met with them.
const RESERVE: f64 = 6.0;
/// Share of the usual duration by which a run may differ from it.
const USUAL_SPREAD: f64 = 0.1;
/// Relative error of an estimate after one test case; it falls with the root of their number.
const PACE_SPREAD: f64 = 0.5;
/// Share of its test cases that a nearly done run may be waiting for; one may always be missing.
const NEARLY_DONE: f64 = 0.1;
/// Shortest time, in seconds, over which saved polls are spread where the end is near but can't be estimated.
const MIN_HORIZON: f64 = 30.0;

/// What a poll has seen of a run.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Time since the wait began.
    pub age: Duration,
    /// Test cases that are known to have ended.
    pub done: u64,
    /// Test cases; zero where their number is not known.
    pub total: u64,
    /// Whether the poll listed all cases, so that `done` is the number of this moment.
    pub is_exact: bool,
}

/// The polling policy of one run.
#[derive(Debug, Clone, Default)]
pub struct Cadence {
    fixed: Option<Duration>,
    /// How long such a run usually takes, in seconds.
    usual: Option<f64>,
    /// Polls so far.
    polls: f64,
    pace: Option<Pace>,
    /// Seconds until the expected end.
    left: Option<f64>,
}

/// How test cases have ended so far; times are the run's age in seconds.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// The first exact poll, and how many cases had ended by then.
    first: (f64, u64),
    /// The latest exact poll, likewise.
    latest: (f64, u64),
    /// When the latest case is likely to have ended, and how wrong that may be.
    changed: (f64, f64),
}

/// When the end is expected, in seconds from now.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    left: f64,
    /// How wrong that may be, either way.
    spread: f64,
}

impl Estimate {
    /// An estimate counts until the end should have come.
    fn if_possible(self) -> Option<Self> {
        (self.left + self.spread > 0.0).then_some(self)
    }
}

impl Cadence {
    /// A fixed interval, or the adaptive policy for runs that usually take so long.
    pub fn new(fixed: Option<Duration>, usual: Option<Duration>) -> Self {
        Self {
            fixed,
            usual: usual.map(|usual| usual.as_secs_f64()),
            ..Self::default()
        }
    }

    /// Time from the poll that saw this progress to the next one. `jitter` is a random number in `0.0..1.0`.
    pub fn next(&mut self, progress: Progress, jitter: f64) -> Duration {
        let Progress {
            age,
            done,
            total,
            is_exact,
        } = progress;
        let age = age.as_secs_f64();
        if is_exact {
            self.update_pace(age, done);
        }
        let pace = self.pace.and_then(|pace| pace.estimate(age, total));
        let usual = self.usual.map(|usual| Estimate {
            left: usual - age,
            spread: usual * USUAL_SPREAD,
        });
        // How the cases go on today says more than how long they took before.
        let estimate = pace
            .and_then(Estimate::if_possible)
            .or_else(|| usual.and_then(Estimate::if_possible));
        self.left = estimate.map(|estimate| estimate.left.max(0.0));
        self.polls += 1.0;
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let by_age = by_age(age);
        let saved = (polls_by(age) + RESERVE - self.polls).max(0.0);
        let missing = total.saturating_sub(done);
        let wanted = match estimate {
            _ if total > 0 && missing == 0 => QUICK,
            Some(Estimate { left, spread }) if left > spread => {
                // Half of the way to the time when the end becomes likely.
                ((left - spread) / 2.0).clamp(QUICK, FAR.max(by_age))
            }
            Some(Estimate { left, spread }) => spread_over(left + spread, saved, by_age),
            None if total > 0 && missing as f64 <= (total as f64 * NEARLY_DONE).max(1.0) => {
                // Whatever has lasted so long may well last as long again.
                spread_over(age.max(MIN_HORIZON), saved, by_age)
            }
            None => by_age,
        };
        // A quick poll is paid for with saved ones.
        let seconds = if saved + wanted / by_age >= 1.0 {
            wanted
        } else {
            wanted.max(by_age)
        };
        // ±10 %, so that the jobs of a matrix do not poll in step.
        Duration::from_secs_f64(seconds * (0.9 + 0.2 * jitter)).min(MAX_INTERVAL)
    }

    /// Time until the expected end, as of the latest poll.
    pub fn expected_left(&self) -> Option<Duration> {
        self.left.map(Duration::from_secs_f64)
    }

    fn update_pace(&mut self, age: f64, done: u64) {
        let pace = self.pace.get_or_insert(Pace {
            first: (age, done),
            latest: (age, done),
            changed: (age, 0.0),
        });
        let (before, known) = pace.latest;
        if done > known {
            // Of so many that ended between the two polls, the last one is to be expected so long ago.
            let ago = (age - before) / (done - known + 1) as f64;
            pace.changed = (age - ago, ago);
        }
        pace.latest = (age, done);
    }
}

impl Pace {
    /// When the last case should end if the others go on ending as they did.
    fn estimate(&self, age: f64, total: u64) -> Option<Estimate> {
        let (since, before) = self.first;
        let (changed, error) = self.changed;
        let (_, done) = self.latest;
        if done <= before || total < done {
            return None;
        }
        let ended = (done - before) as f64;
        let remaining = (changed - since) / ended * (total - done) as f64;
        Some(Estimate {
            left: changed + remaining - age,
            spread: error + remaining * PACE_SPREAD / ended.sqrt(),
        })
    }
}

/// The interval, in seconds, for a run of this age of whose end nothing is known.
fn by_age(age: f64) -> f64 {
    let young = BY_AGE.iter().find(|(until, _)| age < *until);
    young.map_or(OLD, |(_, interval)| *interval)
}

/// How many polls the intervals by age make until then.
fn polls_by(age: f64) -> f64 {
    let mut polls = 0.0;
    let mut since = 0.0;
    for (until, interval) in BY_AGE.into_iter().chain([(f64::INFINITY, OLD)]) {
        polls += (age.min(until) - since).max(0.0) / interval;
        since = until;
    }
    polls
}

/// The interval that spends saved polls evenly over a time.
fn spread_over(seconds: f64, saved: f64, by_age: f64) -> f64 {
    (seconds / (saved + seconds / by_age)).clamp(QUICK.min(by_age), by_age)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(age: f64, done: u64, total: u64) -> Progress {
        Progress {
            age: Duration::from_secs_f64(age),
            done,
            total,
            is_exact: true,
        }
    }

    /// The ages at which a run is polled until then, where so many cases have ended at each age.
    fn polls(cadence: &mut Cadence, until: f64, total: u64, jitter: f64, done: impl Fn(f64) -> u64) -> Vec<f64> {
        let mut ages = vec![0.0];
        let mut age = 0.0;
        while age < until {
            age += cadence.next(seen(age, done(age), total), jitter).as_secs_f64();
            ages.push(age);
        }
        ages
    }

    /// Time between the polls about an age.
    fn interval_at(polls: &[f64], age: f64) -> f64 {
        let pair = polls.windows(2).find(|pair| matches!(pair, [_, after] if *after > age));
        pair.map_or(0.0, |pair| {
            pair.iter()
                .rev()
                .copied()
                .reduce(|after, before| after - before)
                .unwrap_or(0.0)
        })
    }

    #[test]
    fn ten_minutes_cost_at_most_150_requests_whatever_is_expected() {
        for usual in [None, Some(30), Some(300), Some(550), Some(700)] {
            for total in [0_u64, 1, 20, 300] {
                for pace in [0.0, 0.5, 5.0, 29.9, 60.0] {
                    for jitter in [0.5, 0.2] {
                        let mut cadence = Cadence::new(None, usual.map(Duration::from_secs));
                        let done = |age: f64| {
                            if pace > 0.0 {
                                ((age / pace) as u64).min(total)
                            } else {
                                0
                            }
                        };
                        let stuck = |age: f64| done(age).min(total.saturating_sub(1));
                        let polls = polls(&mut cadence, 600.0, total, jitter, stuck);
                        // With the final list.
                        let limit = if jitter < 0.5 { 157 } else { 150 };
                        assert!(
                            polls.len() < limit,
                            "{} polls: usually {usual:?}, {total} cases, one every {pace} s",
                            polls.len()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn never_slower_than_ten_seconds() {
        for age in [0.0, 5.0, 59.0, 601.0, 100_000.0] {
            for jitter in [0.0, 0.5, 0.999] {
                for usual in [None, Some(Duration::from_secs(200_000))] {
                    let interval = Cadence::new(None, usual).next(seen(age, 0, 10), jitter);
                    assert!(
                        interval <= MAX_INTERVAL && interval >= Duration::from_millis(900),
                        "{age}: {interval:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_end_that_the_pace_foretells_is_polled_quickly() {
        // A case ends every 50 s, the twentieth at 1000 s.
        let mut cadence = Cadence::default();
        let polls = polls(&mut cadence, 1000.0, 20, 0.5, |age| (age / 50.0) as u64);
        assert!(interval_at(&polls, 500.0) >= 7.9, "{polls:?}");
        assert!(interval_at(&polls, 995.0) <= 1.1, "{polls:?}");
    }

    #[test]
    fn the_usual_end_is_polled_quickly_where_cases_tell_nothing() {
        let mut cadence = Cadence::new(None, Some(Duration::from_secs(300)));
        let polls = polls(&mut cadence, 500.0, 0, 0.5, |_| 0);
        assert!(interval_at(&polls, 200.0) >= 7.9, "{polls:?}");
        assert!(interval_at(&polls, 300.0) <= 2.5, "{polls:?}");
        // It did not end as usual.
        assert!(interval_at(&polls, 450.0) >= 4.4, "{polls:?}");
    }

    #[test]
    fn a_run_that_does_not_end_as_foreseen_costs_no_more_than_was_saved() {
        let mut cadence = Cadence::default();
        let polls = polls(&mut cadence, 3600.0, 20, 0.5, |age| ((age / 6.0) as u64).min(19));
        let allowed = polls_by(3600.0) + RESERVE + 1.0;
        assert!(polls.len() as f64 <= allowed, "{} of {allowed}", polls.len());
        assert!(interval_at(&polls, 3500.0) >= 8.0, "{polls:?}");
    }

    #[test]
    fn all_cases_done_is_nearly_over() {
        let interval = |done, total| Cadence::default().next(seen(1000.0, done, total), 0.5);
        assert_eq!(interval(20, 20), Duration::from_secs(1));
        // More have ended than were announced.
        assert_eq!(interval(3, 2), Duration::from_secs(1));
        // Nothing is known of the cases.
        assert!(interval(0, 0) > Duration::from_secs(8));
    }

    #[test]
    fn cases_that_ended_before_the_first_poll_foretell_nothing() {
        let mut cadence = Cadence::default();
        cadence.next(seen(0.0, 10, 20), 0.5);
        cadence.next(seen(700.0, 10, 20), 0.5);
        assert_eq!(cadence.expected_left(), None);
    }

    #[test]
    fn a_count_that_is_not_of_the_moment_changes_no_estimate() {
        let mut cadence = Cadence::default();
        for done in 0..=10_u8 {
            cadence.next(seen(f64::from(done) * 10.0, done.into(), 20), 0.5);
        }
        let stale = Progress {
            is_exact: false,
            ..seen(150.0, 10, 20)
        };
        cadence.next(stale, 0.5);
        let left = cadence.expected_left().unwrap_or_default();
        assert!((35.0..=55.0).contains(&left.as_secs_f64()), "{left:?}");
    }

    #[test]
    fn a_fixed_interval_is_kept() {
        let fixed = Duration::from_millis(100);
        let mut cadence = Cadence::new(Some(fixed), None);
        assert_eq!(cadence.next(seen(9999.0, 1, 2), 0.9), fixed);
    }
}
