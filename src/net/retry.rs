//! When to repeat a failed request, and for how long: exponential back-off with jitter, and never earlier than the server asked
//! for.
//!
//! Only this file uses the `backoff` crate, and only to compute delays: it is no longer maintained (see deny.toml), and its
//! clock ignores tokio's paused time.

use std::time::Duration;

use backoff::SystemClock;
use backoff::backoff::Backoff as _;
use backoff::exponential::{ExponentialBackoff, ExponentialBackoffBuilder};
use reqwest::StatusCode;
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long QA.tech may be unreachable without interruption.
pub const OUT_OF_REACH: Duration = Duration::from_secs(600);
const FIRST_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(10);
/// Longest time that is added to a delay that the server asked for.
const MAX_EXTRA: Duration = Duration::from_millis(500);

/// Whether a repeated request may succeed, given the status of the answer.
pub fn is_transient(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        )
}

/// A point in time on tokio's clock by which something must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(at)
    }
}

impl Deadline {
    /// The deadline this long from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// This deadline, or the one this long from now if that is earlier.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        self.min(Self::after(time))
    }

    /// The point in time.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// The time left; zero once it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.left().is_zero()
    }

    /// Whether something that starts after this delay starts before the deadline.
    pub fn allows(self, delay: Duration) -> bool {
        delay < self.left()
    }

    /// Waits until it has passed.
    pub async fn passed(self) {
        sleep_until(self.0).await;
    }

    /// Waits for a future; `None` if the deadline passes first.
    pub async fn limit<T>(self, future: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.0, future).await.ok()
    }
}

/// Why a request is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// All attempts were made.
    NoAttemptLeft,
    /// The next attempt would start at or after this deadline.
    Deadline(Deadline),
    /// The next attempt would start after this point in time, at which the server has been unreachable for too long.
    OutOfReach(Deadline),
}

impl GiveUp {
    /// The end of the time in which another attempt could have started.
    pub fn at(self) -> Option<Deadline> {
        match self {
            Self::NoAttemptLeft => None,
            Self::Deadline(at) | Self::OutOfReach(at) => Some(at),
        }
    }

    /// The time left until that end.
    pub fn left(self) -> Duration {
        self.at().map(Deadline::left).unwrap_or_default()
    }

    /// Waits until that end.
    pub async fn passed(self) {
        if let Some(at) = self.at() {
            at.passed().await;
        }
    }
}

/// The retries of one request, unlimited by default.
pub struct Backoff {
    delays: ExponentialBackoff<SystemClock>,
    deadline: Option<Deadline>,
    max_attempts: Option<u32>,
    patience: Option<Duration>,
    /// Failures since the last success.
    failures: u32,
    /// Start of the current outage: the first failure to reach the server since it last answered.
    out_of_reach_since: Option<Instant>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            delays: ExponentialBackoffBuilder::new()
                .with_initial_interval(FIRST_DELAY)
                .with_max_interval(MAX_DELAY)
                .with_multiplier(1.7)
                .with_randomization_factor(0.3)
                // Limits are checked here, on tokio's clock.
                .with_max_elapsed_time(None)
                .build(),
            deadline: None,
            max_attempts: None,
            patience: None,
            failures: 0,
            out_of_reach_since: None,
        }
    }
}

impl Backoff {
    /// Starts no attempt at or after the deadline.
    #[must_use]
    pub fn until(self, deadline: Deadline) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Starts no attempt after the server has been unreachable for this long without interruption.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self {
            patience: Some(patience),
            ..self
        }
    }

    /// Makes at most this many attempts.
    #[must_use]
    pub fn with_max_attempts(self, attempts: u32) -> Self {
        Self {
            max_attempts: Some(attempts),
            ..self
        }
    }

    /// The delay before the next attempt, after one that could not reach the server. It is at least the delay that the server asked
    /// for, and a little more so that not all clients return at once.
    ///
    /// # Errors
    /// Why there is no next attempt.
    pub fn unreachable(&mut self, asked: Option<Duration>) -> Result<Duration, GiveUp> {
        self.out_of_reach_since.get_or_insert_with(Instant::now);
        self.next(asked)
    }

    /// The delay before the next attempt, after one that the server answered: it is reachable, but does not serve the request
    /// yet.
    ///
    /// # Errors
    /// Why there is no next attempt.
    pub fn deferred(&mut self, asked: Option<Duration>) -> Result<Duration, GiveUp> {
        self.out_of_reach_since = None;
        self.next(asked)
    }

    /// Resets the delays after a success. Returns how long the server was unreachable, if it was.
    pub fn succeeded(&mut self) -> Option<Duration> {
        self.delays.reset();
        self.failures = 0;
        self.out_of_reach_since.take().map(|since| since.elapsed())
    }

    fn next(&mut self, asked: Option<Duration>) -> Result<Duration, GiveUp> {
        self.failures += 1;
        if self.max_attempts.is_some_and(|max| self.failures >= max) {
            return Err(GiveUp::NoAttemptLeft);
        }
        let own = self.delays.next_backoff().unwrap_or(MAX_DELAY);
        let delay = match asked {
            Some(asked) => asked
                .saturating_add(own.min(MAX_EXTRA * 2).mul_f64(crate::random::unit() * 0.5))
                .max(own),
            None => own,
        };
        let out_of_reach = self.out_of_reach_since.zip(self.patience);
        let out_of_reach = out_of_reach.map(|(since, patience)| GiveUp::OutOfReach(Deadline(since + patience)));
        let ends = [self.deadline.map(GiveUp::Deadline), out_of_reach];
        let first = ends.into_iter().flatten().min_by_key(|end| end.at());
        match first {
            Some(end) if end.at().is_some_and(|at| !at.allows(delay)) => Err(end),
            Some(_) | None => Ok(delay),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_grow_to_a_limit_and_are_reset_by_a_success() {
        let mut backoff = Backoff::default();
        let first = backoff.unreachable(None).unwrap();
        assert!(
            (Duration::from_millis(350)..=Duration::from_millis(650)).contains(&first),
            "{first:?}"
        );
        let mut later = first;
        for _ in 0..20 {
            later = backoff.unreachable(None).unwrap();
        }
        assert!((SECOND * 7..=SECOND * 13).contains(&later), "{later:?}");
        backoff.succeeded();
        assert!(backoff.unreachable(None).unwrap() < SECOND);
    }

    #[test]
    fn a_delay_is_never_shorter_than_the_server_asked_for() {
        let mut backoff = Backoff::default();
        for seconds in [0, 1, 30, 86_400] {
            let asked = Duration::from_secs(seconds);
            assert!(backoff.unreachable(Some(asked)).unwrap() >= asked);
        }
        assert!(backoff.deferred(Some(Duration::from_secs(u64::MAX))).unwrap() > SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_starts_at_or_after_the_deadline() {
        let deadline = Deadline::after(SECOND * 60);
        let mut backoff = Backoff::default().until(deadline);
        let begun = Instant::now();
        let end = loop {
            match backoff.deferred(None) {
                Ok(delay) => sleep(delay).await,
                Err(end) => break end,
            }
            assert!(!deadline.has_passed());
        };
        assert_eq!(end, GiveUp::Deadline(deadline));
        assert!(begun.elapsed() >= SECOND * 47, "{:?}", begun.elapsed());
        let mut backoff = Backoff::default().until(Deadline::after(SECOND * 60));
        assert!(matches!(backoff.deferred(Some(SECOND * 60)), Err(GiveUp::Deadline(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_after_an_uninterrupted_outage_but_not_after_refusals() {
        let mut backoff = Backoff::default().with_patience(OUT_OF_REACH);
        let outage = async |backoff: &mut Backoff| {
            let begun = Instant::now();
            let end = loop {
                match backoff.unreachable(None) {
                    Ok(delay) => sleep(delay).await,
                    Err(end) => break end,
                }
            };
            assert_eq!(end, GiveUp::OutOfReach(Deadline(begun + OUT_OF_REACH)));
            assert!(begun.elapsed() >= OUT_OF_REACH - SECOND * 13);
        };
        outage(&mut backoff).await;
        // An answer ends the outage, and its delay is accepted however long it is.
        for _ in 0..100 {
            sleep(backoff.deferred(Some(SECOND * 700)).unwrap()).await;
        }
        outage(&mut backoff).await;
        assert!(backoff.succeeded().unwrap() >= OUT_OF_REACH - SECOND * 13);
        assert_eq!(backoff.succeeded(), None);
        outage(&mut backoff).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_limit_applies() {
        let deadline = Deadline::after(SECOND * 30);
        let mut backoff = Backoff::default().until(deadline).with_patience(OUT_OF_REACH);
        assert_eq!(backoff.unreachable(Some(SECOND * 700)), Err(GiveUp::Deadline(deadline)));
        let mut backoff = Backoff::default()
            .until(Deadline::after(OUT_OF_REACH * 2))
            .with_patience(OUT_OF_REACH);
        assert_eq!(
            backoff.unreachable(Some(SECOND * 700)),
            Err(GiveUp::OutOfReach(Deadline::after(OUT_OF_REACH)))
        );
    }

    #[test]
    fn attempts_are_counted() {
        let mut backoff = Backoff::default().with_max_attempts(3);
        assert!(backoff.unreachable(None).is_ok() && backoff.deferred(None).is_ok());
        assert_eq!(backoff.unreachable(None), Err(GiveUp::NoAttemptLeft));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_limits_what_is_waited_for() {
        let deadline = Deadline::after(SECOND * 5);
        assert_eq!(deadline.within(SECOND * 9), deadline);
        assert_eq!(deadline.within(SECOND * 2).left(), SECOND * 2);
        assert!(deadline.allows(SECOND * 4) && !deadline.allows(SECOND * 5));
        assert_eq!(deadline.limit(async { 1 }).await, Some(1));
        assert_eq!(deadline.limit(sleep(SECOND * 9)).await, None);
        assert!(deadline.has_passed());
        assert_eq!(deadline.left(), Duration::ZERO);
        deadline.passed().await;
    }
}
