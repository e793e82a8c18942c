//! When to look at a run again: quick while it is young or nearly done, never slower than ten seconds.
//!
//! How late an end is noticed is, on average, half the interval. The figures keep that under 2.5 s for runs of up to ten
//! minutes and under 5 s beyond, with at most 150 requests in ten minutes. Where test cases are seen to end, the end of the
//! last one is foreseen, and a few quick looks are kept for that moment. `benches/latency.rs` draws the curve, and
//! `tests/it/latency.rs` holds the figures.

use std::time::Duration;

/// No interval is longer, jitter included.
pub const SLOWEST: Duration = Duration::from_secs(10);

/// The interval, in seconds, for a run up to that age, in seconds.
const BY_AGE: [(f64, f64); 3] = [(6.0, 1.0), (60.0, 4.0), (600.0, 4.45)];
const OLD: f64 = 9.0;
/// The interval about the time when the last test case should end, and once all have ended.
const QUICK: f64 = 2.0;
const ALL_DONE: f64 = 1.0;
/// How many quick looks a run may have: one that does not end as foreseen must not cost more.
const QUICK_LOOKS: u32 = 7;

/// The polling policy of one run.
#[derive(Debug, Clone, Default)]
pub struct Cadence {
    fixed: Option<Duration>,
    quick_looks: u32,
    progress: Option<Progress>,
}

/// What was seen of a run's test cases; times are the run's age in seconds.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The first look, and how many cases had ended by then.
    first: (f64, u64),
    /// When the number of ended cases last changed, and what it is since.
    latest: (f64, u64),
    /// The last look.
    looked: f64,
}

impl Cadence {
    /// A fixed interval, or the adaptive policy.
    pub fn new(fixed: Option<Duration>) -> Self {
        Self {
            fixed,
            ..Self::default()
        }
    }

    /// Time until the next look, from the run's age and how many of its test cases are known to be done.
    /// `jitter` is a random number in `0.0..1.0`.
    pub fn next(&mut self, age: Duration, done: u64, total: u64, jitter: f64) -> Duration {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let age = age.as_secs_f64();
        let by_age = BY_AGE
            .iter()
            .find(|(until, _)| age < *until)
            .map_or(OLD, |(_, interval)| *interval);
        let left = self.left(age, done, total);
        let all_done = total > 0 && done >= total;
        let wanted = match left {
            _ if all_done => ALL_DONE,
            // Half of the way each time, so that a wrong guess costs little.
            Some(left) => (left / 2.0).max(QUICK),
            None => by_age,
        };
        let seconds = if wanted < by_age && self.quick_looks < QUICK_LOOKS {
            self.quick_looks += 1;
            wanted
        } else {
            by_age
        };
        // ±10 %, so that the jobs of a matrix do not come in step.
        Duration::from_secs_f64(seconds * (0.9 + 0.2 * jitter)).min(SLOWEST)
    }

    /// Seconds until the last case should end if they go on ending as they did; negative where it is late.
    fn left(&mut self, age: f64, done: u64, total: u64) -> Option<f64> {
        let progress = self.progress.get_or_insert(Progress {
            first: (age, done),
            latest: (age, done),
            looked: age,
        });
        if done != progress.latest.1 {
            // It changed somewhere between the two looks.
            progress.latest = (f64::midpoint(progress.looked, age), done);
        }
        progress.looked = age;
        let (since, before) = progress.first;
        let (changed, now) = progress.latest;
        if now <= before || total < now {
            return None;
        }
        let pace = (changed - since) / (now - before) as f64;
        Some(changed + pace * (total - now) as f64 - age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(until: f64) -> u32 {
        let (mut cadence, mut at, mut looks) = (Cadence::default(), 0.0, 1);
        while at < until {
            at += cadence.next(Duration::from_secs_f64(at), 0, 0, 0.5).as_secs_f64();
            looks += 1;
        }
        looks
    }

    #[test]
    fn ten_minutes_cost_at_most_150_requests() {
        // With the quick looks and the last answer that has everything, should both be needed.
        let quick = f64::from(QUICK_LOOKS) * (1.0 - ALL_DONE / 4.45) + 1.0;
        assert!(f64::from(looks(600.0)) + quick <= 150.0, "{} + {quick}", looks(600.0));
    }

    #[test]
    fn never_slower_than_ten_seconds() {
        for age in [0, 5, 59, 601, 100_000] {
            for jitter in [0.0, 0.5, 0.999] {
                let interval = Cadence::default().next(Duration::from_secs(age), 0, 0, jitter);
                assert!(
                    interval <= SLOWEST && interval >= Duration::from_millis(900),
                    "{age}: {interval:?}"
                );
            }
        }
    }

    #[test]
    fn the_foreseen_end_is_looked_at_quickly() {
        // A case ends every 50 s, the twentieth at 1000 s.
        let mut cadence = Cadence::default();
        let mut at = 0.0;
        let mut intervals = Vec::new();
        while at < 1000.0 {
            let interval = cadence.next(Duration::from_secs_f64(at), (at / 50.0) as u64, 20, 0.5);
            intervals.push((at, interval.as_secs_f64()));
            at += interval.as_secs_f64();
        }
        assert!(at < 1003.0, "{at}");
        let quick: Vec<_> = intervals
            .iter()
            .filter(|(at, interval)| *at > 600.0 && *interval < 8.0)
            .collect();
        assert!(quick.iter().all(|(at, _)| *at > 975.0), "{quick:?}");
    }

    #[test]
    fn a_run_that_does_not_end_as_foreseen_costs_a_few_looks() {
        let mut cadence = Cadence::default();
        let looks = |cadence: &mut Cadence, done| {
            let intervals = (700..1000)
                .step_by(10)
                .map(|age| cadence.next(Duration::from_secs(age), done, 20, 0.5));
            intervals.filter(|interval| *interval < Duration::from_secs(8)).count()
        };
        assert!(looks(&mut cadence, 0) == 0);
        assert!(looks(&mut cadence, 19) == QUICK_LOOKS as usize);
        assert!(looks(&mut cadence, 20) == 0);
    }

    #[test]
    fn all_cases_done_is_nearly_over() {
        let mut cadence = Cadence::default();
        let age = Duration::from_secs(1000);
        assert_eq!(cadence.next(age, 20, 20, 0.5), Duration::from_secs(1));
        // Nothing is told of the cases, or more have ended than there should be.
        assert!(Cadence::default().next(age, 0, 0, 0.5) > Duration::from_secs(8));
        assert_eq!(Cadence::default().next(age, 3, 2, 0.5), Duration::from_secs(1));
    }

    #[test]
    fn a_case_that_ended_before_the_first_look_foretells_nothing() {
        let mut cadence = Cadence::default();
        for age in [0, 700] {
            assert!(cadence.next(Duration::from_secs(age), 19, 20, 0.5) >= Duration::from_secs(1));
        }
        assert_eq!(cadence.quick_looks, 0);
    }

    #[test]
    fn a_fixed_interval_is_kept() {
        let mut cadence = Cadence::new(Some(Duration::from_millis(100)));
        assert_eq!(
            cadence.next(Duration::from_secs(9999), 1, 2, 0.9),
            Duration::from_millis(100)
        );
    }
}
