//! How long to wait before a failed request is repeated: exponential back-off with jitter, never less than the server asked.
//!
//! The only place that uses the `backoff` crate, which computes the delays and nothing else: it is no longer
//! maintained (see deny.toml), and its clock would ignore tokio's paused time.

use std::time::Duration;

use backoff::SystemClock;
use backoff::backoff::Backoff as _;
use backoff::exponential::{ExponentialBackoff, ExponentialBackoffBuilder};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// The delays between the attempts of one request.
pub struct Delays(ExponentialBackoff<SystemClock>);

impl Default for Delays {
    fn default() -> Self {
        Self(
            ExponentialBackoffBuilder::new()
                .with_initial_interval(FIRST)
                .with_max_interval(LONGEST)
                .with_multiplier(1.7)
                .with_randomization_factor(0.3)
                // The deadline is the caller's.
                .with_max_elapsed_time(None)
                .build(),
        )
    }
}

impl Delays {
    /// The next delay. Where the server named one, at least that, and a little more so that not all clients come at once.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.0.next_backoff().unwrap_or(LONGEST);
        match asked {
            Some(asked) => asked
                .saturating_add(own.min(Duration::from_secs(1)).mul_f64(crate::random::unit() * 0.5))
                .max(own),
            None => own,
        }
    }

    /// Begins anew after a success.
    pub fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_limit_and_begin_anew() {
        let mut delays = Delays::default();
        let first = delays.next(None);
        assert!(
            (Duration::from_millis(350)..=Duration::from_millis(650)).contains(&first),
            "{first:?}"
        );
        let mut later = first;
        for _ in 0..20 {
            later = delays.next(None);
        }
        assert!(
            (Duration::from_secs(7)..=Duration::from_secs(13)).contains(&later),
            "{later:?}"
        );
        delays.reset();
        assert!(delays.next(None) < Duration::from_secs(1));
    }

    #[test]
    fn never_less_than_the_server_asked() {
        let mut delays = Delays::default();
        for seconds in [0, 1, 30, 86_400] {
            let asked = Duration::from_secs(seconds);
            assert!(delays.next(Some(asked)) >= asked);
        }
        assert!(delays.next(Some(Duration::from_secs(u64::MAX))) > Duration::from_secs(1));
    }
}
