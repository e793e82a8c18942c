//! When a request to GitHub is sent again, and its deadline, which is set once the runs have ended.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::net::retry::Backoff;

/// Longer delays are multiplied until the runs have ended.
const QUICK: Duration = Duration::from_secs(5);
/// The factor.
const STRETCH: u32 = 6;

/// The deadlines of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadlines {
    /// The deadline of every request.
    pub(super) regular: Instant,
    /// The deadline of a request that must not be given up because of a rate limit.
    pub(super) rate_limited: Instant,
}

/// The retries of one request. Their deadline may be set or moved while the request is in flight.
pub(super) struct Retries {
    deadlines: watch::Receiver<Option<Deadlines>>,
    extended: bool,
    backoff: Backoff,
}

impl Retries {
    pub(super) fn new(deadlines: watch::Receiver<Option<Deadlines>>) -> Self {
        Self {
            deadlines,
            extended: false,
            backoff: Backoff::default(),
        }
    }

    /// Applies the later deadline from now on.
    pub(super) fn extend(&mut self) {
        self.extended = true;
    }

    /// The delay before the next attempt. It is longer until the runs have ended, since all jobs of a repository share 1,000
    /// requests per hour.
    fn delay(&mut self, runs_go_on: bool) -> Duration {
        // There is always a next attempt: the deadline is checked by `wait`.
        let delay = self.backoff.unreachable(None).unwrap_or(QUICK);
        if runs_go_on && delay > QUICK {
            delay * STRETCH
        } else {
            delay
        }
    }

    /// Waits before the next attempt, with exponential back-off. Returns false at once if the deadline comes first. If the
    /// deadline is set during the wait, the runs have ended, and the wait ends too.
    pub(super) async fn back_off(&mut self) -> bool {
        let runs_go_on = self.deadlines.borrow().is_none();
        let delay = self.delay(runs_go_on);
        self.wait(delay, runs_go_on).await
    }

    fn current(&mut self) -> Option<Instant> {
        let deadlines = (*self.deadlines.borrow_and_update())?;
        Some(if self.extended {
            deadlines.rate_limited
        } else {
            deadlines.regular
        })
    }

    /// Whether a wait ends before the deadline.
    pub(super) fn allow(&mut self, wait: Duration) -> bool {
        let until = Instant::now().checked_add(wait);
        until.is_some_and(|until| self.current().is_none_or(|deadline| until < deadline))
    }

    /// Returns when the deadline has passed; never if none is set.
    pub(super) async fn deadline_passed(&mut self) {
        loop {
            let until = self.current();
            let changed = async {
                if self.deadlines.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            match until {
                Some(until) => tokio::select! {
                    () = sleep_until(until) => return,
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Waits. Returns false at once if the deadline comes first. An `eager` wait ends when the deadline is set.
    pub(super) async fn wait(&mut self, wait: Duration, eager: bool) -> bool {
        let Some(until) = Instant::now().checked_add(wait) else {
            return false;
        };
        loop {
            if self.current().is_some_and(|deadline| until >= deadline) {
                return false;
            }
            tokio::select! {
                () = sleep_until(until) => return true,
                changed = self.deadlines.changed() => match changed {
                    Ok(()) if eager => return true,
                    Ok(()) => {}
                    Err(_) => {
                        sleep_until(until).await;
                        return true;
                    }
                },
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn in_seconds(regular: u64, rate_limited: u64) -> Option<Deadlines> {
        let now = Instant::now();
        Some(Deadlines {
            regular: now + Duration::from_secs(regular),
            rate_limited: now + Duration::from_secs(rate_limited),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_does_not_fit_is_not_begun() {
        let (set, deadlines) = watch::channel(None);
        let mut retries = Retries::new(deadlines);
        let from = Instant::now();
        assert!(retries.wait(Duration::from_secs(3600), false).await);
        assert_eq!(from.elapsed().as_secs(), 3600);
        set.send(in_seconds(60, 60)).unwrap();
        assert!(!retries.wait(Duration::from_secs(61), false).await);
        assert_eq!(from.elapsed().as_secs(), 3600);
        // A deadline that is set while it waits ends the wait.
        let (set, deadlines) = watch::channel(None);
        let mut retries = Retries::new(deadlines);
        let wait = tokio::spawn(async move { retries.wait(Duration::from_secs(3600), false).await });
        tokio::task::yield_now().await;
        set.send(in_seconds(60, 300)).unwrap();
        assert!(!wait.await.unwrap());
        assert_eq!(from.elapsed().as_secs(), 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_extended_deadline_leaves_time_for_a_long_rate_limit() {
        let (_set, deadlines) = watch::channel(in_seconds(60, 300));
        let mut retries = Retries::new(deadlines);
        let from = Instant::now();
        for seconds in [70, 90, 299] {
            assert!(!retries.allow(Duration::from_secs(seconds)));
            assert!(!retries.wait(Duration::from_secs(seconds), false).await);
        }
        retries.extend();
        assert!(!retries.allow(Duration::from_secs(24 * 60)));
        assert!(retries.allow(Duration::from_secs(90)));
        assert!(retries.wait(Duration::from_secs(90), false).await);
        assert_eq!(from.elapsed().as_secs(), 90);
        retries.deadline_passed().await;
        assert_eq!(from.elapsed().as_secs(), 300);
    }

    #[test]
    fn requests_are_rare_while_the_runs_go_on() {
        let attempts_an_hour = |runs_go_on| {
            let mut retries = Retries::new(watch::channel(None).1);
            let (mut spent, mut attempts) = (Duration::ZERO, 0);
            while spent < Duration::from_secs(3600) {
                spent += retries.delay(runs_go_on);
                attempts += 1;
            }
            attempts
        };
        let rare = attempts_an_hour(true);
        assert!((40..120).contains(&rare), "{rare}");
        assert!(attempts_an_hour(false) > 250);
    }
}
