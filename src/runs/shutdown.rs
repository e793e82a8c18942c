//! Stops the step early, after a signal or a failure with `fail_fast`: nothing new is started, but the program waits a
//! moment for the answer to a POST in flight, which may have created a run that is billed.

use std::collections::BTreeSet;

use tokio::sync::watch;

/// Shared by all runs of the step.
#[derive(Debug)]
pub struct Shutdown {
    stopping: watch::Sender<bool>,
    /// Indices of the runs whose POST is in flight.
    posts: watch::Sender<BTreeSet<usize>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            stopping: watch::Sender::new(false),
            posts: watch::Sender::new(BTreeSet::new()),
        }
    }
}

impl Shutdown {
    /// Tells all runs to start nothing new.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether the step is stopping.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Returns once [`Self::stop`] was called.
    pub async fn stopped(&self) {
        // An error would mean that the sender is gone, and it is `self`.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Marks a run's POST as in flight until the guard is dropped.
    pub fn post_in_flight(&self, run: usize) -> PostGuard<'_> {
        self.posts.send_modify(|posts| {
            posts.insert(run);
        });
        PostGuard { shutdown: self, run }
    }

    /// Indices of the runs whose POST is in flight.
    pub fn posts_in_flight(&self) -> Vec<usize> {
        self.posts.borrow().iter().copied().collect()
    }

    /// Returns once no POST is in flight.
    pub async fn posts_answered(&self) {
        let _ = self.posts.subscribe().wait_for(BTreeSet::is_empty).await;
    }
}

/// A POST in flight.
#[derive(Debug)]
pub struct PostGuard<'a> {
    shutdown: &'a Shutdown,
    run: usize,
}

impl Drop for PostGuard<'_> {
    fn drop(&mut self) {
        self.shutdown.posts.send_modify(|posts| {
            posts.remove(&self.run);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_for_answers_ends_with_the_last_one() {
        let shutdown = Shutdown::default();
        shutdown.posts_answered().await;
        let post = async |run, seconds| {
            let _guard = shutdown.post_in_flight(run);
            sleep(Duration::from_secs(seconds)).await;
        };
        let begun = Instant::now();
        let ended = async {
            sleep(Duration::from_secs(1)).await;
            assert_eq!(shutdown.posts_in_flight(), [0, 1]);
            shutdown.posts_answered().await;
            begun.elapsed()
        };
        let ((), (), waited) = tokio::join!(post(0, 2), post(1, 5), ended);
        assert_eq!(waited, Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_wakes_whoever_waits_for_it() {
        let shutdown = Shutdown::default();
        let stop = async {
            sleep(Duration::from_secs(3)).await;
            assert!(!shutdown.is_stopping());
            shutdown.stop();
        };
        tokio::join!(shutdown.stopped(), stop);
        assert!(shutdown.is_stopping());
        shutdown.stopped().await;
    }
}
