//! Which test cases a poll asks for: all while the answers are small, less often once they are big, and none for a while if
//! the API seems to fail because of them.

use std::time::Duration;

use tokio::time::Instant;

use crate::net::http::REQUEST_TIMEOUT;
use crate::qatech::client::Cases;

/// Body size, in bytes, above which not every poll asks for test cases.
const BIG_BODY: usize = 256 * 1024;
/// Shortest time between two requests for the failed cases, and for all cases, once bodies are big.
const BIG_FAILED_EVERY: Duration = Duration::from_secs(30);
const BIG_ALL_EVERY: Duration = Duration::from_secs(120);
/// Failures in a row after which one poll without cases shows whether the list of cases is the cause.
const FAILURES: u32 = 3;

/// What the answers for one run have shown so far.
#[derive(Debug, Default)]
pub(super) struct FetchPolicy {
    big: bool,
    all_is_too_large: bool,
    failed_is_too_large: bool,
    last_all: Option<Instant>,
    last_failed: Option<Instant>,
    /// Failures in a row.
    failures: u32,
    /// The API answered a poll without cases after polls with cases had failed, and has not returned all cases since.
    suspect: bool,
}

impl FetchPolicy {
    /// What the next poll asks for, given the time left until the deadline: a big list that arrives slowly must not delay the
    /// polls that would show the run's end.
    pub(super) fn next(&self, fail_fast: bool, left: Duration) -> Cases {
        if self.failures >= FAILURES {
            return Cases::None;
        }
        if !self.big {
            return Cases::All;
        }
        if left < REQUEST_TIMEOUT && !fail_fast {
            return Cases::None;
        }
        let due = |last: Option<Instant>, every| last.is_none_or(|last: Instant| last.elapsed() >= every);
        if !self.all_is_too_large && due(self.last_all, BIG_ALL_EVERY) {
            Cases::All
        } else if !self.failed_is_too_large && (fail_fast || due(self.last_failed, BIG_FAILED_EVERY)) {
            Cases::Failed
        } else {
            Cases::None
        }
    }

    /// Records an answer of this size in bytes.
    pub(super) fn saw(&mut self, cases: Cases, size: usize) {
        let now = Instant::now();
        match cases {
            Cases::None => self.suspect |= self.failures >= FAILURES,
            Cases::Failed => self.last_failed = Some(now),
            Cases::All => {
                self.suspect = false;
                self.big = size > BIG_BODY;
                self.last_all = Some(now);
                self.last_failed = Some(now);
            }
        }
        self.failures = 0;
    }

    /// Records a failed poll or an invalid answer.
    pub(super) fn failed(&mut self, cases: Cases) {
        self.failures += 1;
        let now = Some(Instant::now());
        match cases {
            Cases::None => {}
            // Treated as received, so that the next request waits for its interval.
            Cases::All if self.suspect => {
                self.big = true;
                self.last_all = now;
            }
            Cases::Failed if self.suspect => self.last_failed = now,
            Cases::All | Cases::Failed => {}
        }
    }

    /// Records that a list is too large. It is not requested again, since it only grows.
    pub(super) fn too_large(&mut self, cases: Cases) {
        self.big = true;
        match cases {
            Cases::All => self.all_is_too_large = true,
            Cases::Failed => self.failed_is_too_large = true,
            Cases::None => {}
        }
    }

    /// Whether a list was too large.
    pub(super) fn is_too_large(&self, cases: Cases) -> bool {
        match cases {
            Cases::All => self.all_is_too_large,
            Cases::Failed => self.failed_is_too_large,
            Cases::None => false,
        }
    }
}
