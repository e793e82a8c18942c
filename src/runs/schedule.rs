//! When to poll a run again: at short intervals while it is young or nearly done, and at least every ten seconds.
//!
//! On average, an end is noticed half an interval late. The number of polls is limited by a budget: some are available from the
//! start, and each slow interval adds one, so that ten minutes take at most 150 requests. If the end can't be estimated, the rest
//! of the budget is spread evenly over the ten minutes. If test cases have ended, or earlier results show how long the run
//! usually takes, the end is estimated: polls are saved while it is far, and spent when it is likely.
//! `benches/latency.rs` measures the delays, and `tests/it/latency.rs` checks them.

use std::time::Duration;

/// Longest interval, including jitter.
pub const MAX_INTERVAL: Duration = Duration::from_secs(10);

/// Time, in seconds, for which the initial budget must last.
const PERIOD: f64 = 620.0;
/// Initial budget of polls, to which slow intervals add.
const GIVEN: f64 = 82.0;
/// The interval, in seconds, that adds one poll to the budget and uses one.
const SLOW: f64 = 9.0;
/// The interval, in seconds, while the run is young, when the end is near, and once all test cases have ended.
const QUICK: f64 = 1.0;
/// Age, in seconds, up to which a run is young.
const YOUNG: f64 = 6.0;
/// Share of the usual duration by which a run may differ from it.
const USUAL_SPREAD: f64 = 0.1;
/// Relative error of an estimate after one test case. It decreases with the square root of their number.
const PACE_SPREAD: f64 = 0.5;
/// Share of the remaining budget that is spent while the end is likely: the estimate may be wrong.
const LIKELY_SHARE: f64 = 0.5;
/// After a wrong estimate, the run is expected to end within this multiple of the time since the last test case ended.
const IDLE_FACTOR: f64 = 8.0;
/// Shortest time, in seconds, over which polls are spread.
const MIN_HORIZON: f64 = 30.0;

/// The progress of a run, as observed by a poll.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Time since the wait began.
    pub age: Duration,
    /// Number of test cases that are known to have ended.
    pub done: u64,
    /// Number of test cases; zero if it is not known.
    pub total: u64,
    /// Whether the poll listed all cases, so that `done` is up to date.
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

/// The pace at which test cases have ended so far. Times are the age of the run in seconds.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Time of the first exact poll, and the number of cases that had ended by then.
    first: (f64, u64),
    /// The same for the latest exact poll.
    latest: (f64, u64),
    /// When the latest case is likely to have ended, and the possible error.
    changed: (f64, f64),
}

/// When the end is expected.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    /// Seconds from now.
    left: f64,
    /// Possible error in either direction, in seconds.
    spread: f64,
}

impl Estimate {
    /// The estimate, unless the latest time for the end has passed.
    fn if_possible(self) -> Option<Self> {
        (self.left + self.spread > 0.0).then_some(self)
    }
}

impl Cadence {
    /// A fixed interval, or the adaptive policy with the usual duration of the run, if known.
    pub fn new(fixed: Option<Duration>, usual: Option<Duration>) -> Self {
        Self {
            fixed,
            usual: usual.map(|usual| usual.as_secs_f64()),
            ..Self::default()
        }
    }

    /// The interval until the next poll, after one that observed this progress. `jitter` is a random number in `0.0..1.0`.
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
        // The pace of this run is a better estimate than the duration of earlier ones.
        let estimate = pace
            .and_then(Estimate::if_possible)
            .or_else(|| usual.and_then(Estimate::if_possible));
        self.left = estimate.map(|estimate| estimate.left.max(0.0));
        self.polls += 1.0;
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let polls_left = GIVEN + age / SLOW - self.polls;
        let wanted = match estimate {
            // The budget is used up.
            _ if polls_left < 1.0 => SLOW,
            _ if age < YOUNG || (total > 0 && done >= total) => QUICK,
            // Half of the time until the end becomes likely.
            Some(Estimate { left, spread }) if left > spread => ((left - spread) / 2.0).clamp(QUICK, SLOW),
            Some(Estimate { left, spread }) => spread_over(left + spread, polls_left * LIKELY_SHARE),
            None => {
                let evenly = spread_over(if age < PERIOD { PERIOD - age } else { PERIOD }, polls_left);
                match self.pace.and_then(|pace| pace.idle(age)) {
                    Some(idle) => spread_over(idle * IDLE_FACTOR, polls_left).min(evenly),
                    None => evenly,
                }
            }
        };
        // ±10 %, so that the jobs of a matrix do not poll at the same time.
        Duration::from_secs_f64(wanted * (0.9 + 0.2 * jitter)).min(MAX_INTERVAL)
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
            // Expected time since the last of the cases that ended between the two polls, if they ended at random times.
            let ago = (age - before) / (done - known + 1) as f64;
            pace.changed = (age - ago, ago);
        }
        pace.latest = (age, done);
    }
}

impl Pace {
    /// When the last case ends if the pace stays the same.
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

    /// Time since the latest case ended, if one has ended since the first exact poll.
    fn idle(&self, age: f64) -> Option<f64> {
        let (_, before) = self.first;
        let (_, done) = self.latest;
        let (changed, _) = self.changed;
        (done > before).then_some(age - changed)
    }
}

/// The interval, in seconds, that spreads a number of polls evenly over a time, together with those that it adds to the budget.
fn spread_over(seconds: f64, polls: f64) -> f64 {
    let seconds = seconds.max(MIN_HORIZON);
    (seconds / (seconds / SLOW + polls)).clamp(QUICK, SLOW)
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

    /// The ages at which a run is polled. `done` is the number of cases that have ended at an age.
    fn polls(cadence: &mut Cadence, until: f64, total: u64, jitter: f64, done: impl Fn(f64) -> u64) -> Vec<f64> {
        let mut ages = vec![0.0];
        let mut age = 0.0;
        while age < until {
            age += cadence.next(seen(age, done(age), total), jitter).as_secs_f64();
            ages.push(age);
        }
        ages
    }

    /// The interval between the polls before and after an age.
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
    fn ten_minutes_take_at_most_150_requests_whatever_is_expected() {
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
                        // One more request for the final list.
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
    fn polls_are_frequent_near_the_end_that_the_pace_predicts() {
        // A case ends every 50 s, the twentieth at 1000 s.
        let mut cadence = Cadence::default();
        let polls = polls(&mut cadence, 1000.0, 20, 0.5, |age| (age / 50.0) as u64);
        assert!(interval_at(&polls, 500.0) >= 7.9, "{polls:?}");
        assert!(interval_at(&polls, 995.0) <= 1.1, "{polls:?}");
    }

    #[test]
    fn polls_are_frequent_near_the_usual_end_if_the_pace_is_unknown() {
        let mut cadence = Cadence::new(None, Some(Duration::from_secs(300)));
        let polls = polls(&mut cadence, 500.0, 0, 0.5, |_| 0);
        assert!(interval_at(&polls, 200.0) >= 7.9, "{polls:?}");
        assert!(interval_at(&polls, 300.0) <= 2.5, "{polls:?}");
        // It did not end as usual.
        assert!(interval_at(&polls, 450.0) >= 4.4, "{polls:?}");
    }

    #[test]
    fn a_run_that_does_not_end_as_predicted_stays_within_the_budget() {
        let mut cadence = Cadence::default();
        let polls = polls(&mut cadence, 3600.0, 20, 0.5, |age| ((age / 6.0) as u64).min(19));
        let allowed = GIVEN + 3600.0 / SLOW + 2.0;
        assert!(polls.len() as f64 <= allowed, "{} of {allowed}", polls.len());
        assert!(interval_at(&polls, 3500.0) >= 8.0, "{polls:?}");
    }

    #[test]
    fn polls_become_less_frequent_while_a_case_outlasts_the_estimate() {
        // All but one have ended at 100 s.
        let mut cadence = Cadence::default();
        let polls = polls(&mut cadence, 600.0, 20, 0.5, |age| ((age / 5.0) as u64).min(19));
        let (soon, later) = (interval_at(&polls, 130.0), interval_at(&polls, 400.0));
        assert!(soon < later && later <= 5.0, "{soon}, {later}: {polls:?}");
    }

    #[test]
    fn polls_are_frequent_once_all_cases_have_ended() {
        let interval = |done, total| Cadence::default().next(seen(1000.0, done, total), 0.5);
        assert_eq!(interval(20, 20), Duration::from_secs(1));
        // More have ended than were announced.
        assert_eq!(interval(3, 2), Duration::from_secs(1));
        // Nothing is known of the cases.
        assert!(interval(0, 0) > Duration::from_secs(1));
    }

    #[test]
    fn cases_that_ended_before_the_first_poll_give_no_estimate() {
        let mut cadence = Cadence::default();
        cadence.next(seen(0.0, 10, 20), 0.5);
        cadence.next(seen(700.0, 10, 20), 0.5);
        assert_eq!(cadence.expected_left(), None);
    }

    #[test]
    fn an_outdated_count_does_not_change_the_estimate() {
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
