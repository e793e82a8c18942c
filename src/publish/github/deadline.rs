//! By when GitHub's part has to end: unknown as long as the runs are waited for.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The points in time by which requests have to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadlines {
    /// Of every request.
    pub(super) regular: Instant,
    /// Of a request that GitHub's rate limit delays and that must not be given up.
    pub(super) rate_limited: Instant,
}

/// The deadline of one request, which may be set or moved while it is under way.
pub(super) struct Deadline {
    deadlines: watch::Receiver<Option<Deadlines>>,
    extended: bool,
}

impl Deadline {
    pub(super) fn new(deadlines: watch::Receiver<Option<Deadlines>>) -> Self {
        Self {
            deadlines,
            extended: false,
        }
    }

    /// From now on the later deadline applies.
    pub(super) fn extend(&mut self) {
        self.extended = true;
    }

    /// Whether it is set: the runs are over.
    pub(super) fn is_set(&self) -> bool {
        self.deadlines.borrow().is_some()
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
    pub(super) fn allows(&mut self, wait: Duration) -> bool {
        let until = Instant::now().checked_add(wait);
        until.is_some_and(|until| self.current().is_none_or(|deadline| until < deadline))
    }

    /// Resolves when the deadline has passed; never where none is set.
    pub(super) async fn passed(&mut self) {
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

    /// Waits; `false`, and at once, where the deadline comes first. An `eager` wait ends when the deadline is set: the
    /// runs are over, and the next try decides.
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
        let mut deadline = Deadline::new(deadlines);
        let from = Instant::now();
        assert!(deadline.wait(Duration::from_secs(3600), false).await);
        assert_eq!(from.elapsed().as_secs(), 3600);
        set.send(in_seconds(60, 60)).unwrap();
        assert!(!deadline.wait(Duration::from_secs(61), false).await);
        assert_eq!(from.elapsed().as_secs(), 3600);
        // A deadline that is set while it waits ends the wait.
        let (set, deadlines) = watch::channel(None);
        let mut deadline = Deadline::new(deadlines);
        let wait = tokio::spawn(async move { deadline.wait(Duration::from_secs(3600), false).await });
        tokio::task::yield_now().await;
        set.send(in_seconds(60, 300)).unwrap();
        assert!(!wait.await.unwrap());
        assert_eq!(from.elapsed().as_secs(), 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_extended_deadline_leaves_time_for_a_long_rate_limit() {
        let (_set, deadlines) = watch::channel(in_seconds(60, 300));
        let mut deadline = Deadline::new(deadlines);
        let from = Instant::now();
        for seconds in [70, 90, 299] {
            assert!(!deadline.allows(Duration::from_secs(seconds)));
            assert!(!deadline.wait(Duration::from_secs(seconds), false).await);
        }
        deadline.extend();
        assert!(!deadline.allows(Duration::from_secs(24 * 60)));
        assert!(deadline.allows(Duration::from_secs(90)));
        assert!(deadline.wait(Duration::from_secs(90), false).await);
        assert_eq!(from.elapsed().as_secs(), 90);
        deadline.passed().await;
        assert_eq!(from.elapsed().as_secs(), 300);
    }
}
