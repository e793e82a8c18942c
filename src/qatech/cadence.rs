//! When to look at a run again: quick while it is young or nearly done, never slower than ten seconds.
//!
//! How late an end is noticed is, on average, half the interval. The figures keep that under 2.5 s for runs of up to ten
//! minutes and under 5 s beyond, with at most 150 requests in ten minutes; the bench draws the curve.

use std::time::Duration;

/// No interval is longer, jitter included.
pub const SLOWEST: Duration = Duration::from_secs(10);

/// The interval, in seconds, for a run up to that age, in seconds.
const BY_AGE: [(f64, f64); 4] = [(6.0, 1.0), (30.0, 2.0), (60.0, 3.0), (600.0, 4.7)];
const OLD: f64 = 9.0;
/// The interval for a run of which nearly all test cases are done.
const NEARLY_DONE: f64 = 2.0;
/// How many quick looks a run may have that seems nearly done and does not end: a stuck last case must not cost more.
const QUICK_LOOKS: u32 = 20;

/// The polling policy of one run.
#[derive(Debug, Clone, Default)]
pub struct Cadence {
    fixed: Option<Duration>,
    quick_looks: u32,
}

impl Cadence {
    /// A fixed interval, or the adaptive policy.
    pub fn new(fixed: Option<Duration>) -> Self {
        Self { fixed, quick_looks: 0 }
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
        // One case left, or a twentieth of many.
        let nearly_done = total > 0 && done < total && (total - done) <= (total / 20).max(1);
        let all_done = total > 0 && done >= total;
        let seconds = if (nearly_done || all_done) && by_age > NEARLY_DONE && self.quick_looks < QUICK_LOOKS {
            self.quick_looks += 1;
            if all_done { 1.0 } else { NEARLY_DONE }
        } else {
            by_age
        };
        // ±10 %, so that the jobs of a matrix do not come in step.
        Duration::from_secs_f64(seconds * (0.9 + 0.2 * jitter)).min(SLOWEST)
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
        assert!(looks(600.0) <= 150, "{}", looks(600.0));
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
    fn nearly_done_is_quick_but_not_for_ever() {
        let mut cadence = Cadence::default();
        let age = Duration::from_secs(1000);
        let intervals: Vec<_> = (0..30).map(|_| cadence.next(age, 19, 20, 0.5)).collect();
        assert_eq!(
            intervals
                .iter()
                .filter(|interval| **interval < Duration::from_secs(3))
                .count(),
            20
        );
        assert!(Cadence::default().next(age, 10, 20, 0.5) > Duration::from_secs(8));
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
