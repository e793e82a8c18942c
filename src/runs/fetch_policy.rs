//! Which test cases to ask for: all while the answers are small, seldom once they have grown big, and none for a while
//! where their list seems to keep the API from answering.

use std::time::Duration;

use tokio::time::Instant;

use crate::net::http::REQUEST_TIMEOUT;
use crate::qatech::client::Cases;

/// Body size above which test cases are no longer asked for at each poll, in bytes.
const BIG_BODY: usize = 256 * 1024;
/// Shortest time between two requests for the failed cases, and for all cases, of a run with big bodies.
const BIG_FAILED_EVERY: Duration = Duration::from_secs(30);
const BIG_ALL_EVERY: Duration = Duration::from_secs(120);
/// After so many failures in a row one poll without cases finds out whether their list is the cause.
const FAILURES: u32 = 3;

/// What is known of the answers of one run.
#[derive(Debug, Default)]
pub(super) struct FetchPolicy {
    big: bool,
    all_is_too_large: bool,
    failed_is_too_large: bool,
    last_all: Option<Instant>,
    last_failed: Option<Instant>,
    /// Failures in a row.
    failures: u32,
    /// The API answered without cases where it had not with them, and has not given all of them since.
    suspect: bool,
}

impl FetchPolicy {
    /// What to ask for at the next poll, with so much time left until the deadline: a big list that arrives slowly must not
    /// take the time in which the run's end would be seen.
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

    /// An answer came, of this size in bytes.
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

    /// No answer came, or an invalid one.
    pub(super) fn failed(&mut self, cases: Cases) {
        self.failures += 1;
        let now = Some(Instant::now());
        match cases {
            Cases::None => {}
            // As if they had arrived: they are asked for again when they would be due next.
            Cases::All if self.suspect => {
                self.big = true;
                self.last_all = now;
            }
            Cases::Failed if self.suspect => self.last_failed = now,
            Cases::All | Cases::Failed => {}
        }
    }

    /// A list that was too large once is never asked for again: it only grows.
    pub(super) fn too_large(&mut self, cases: Cases) {
        self.big = true;
        match cases {
            Cases::All => self.all_is_too_large = true,
            Cases::Failed => self.failed_is_too_large = true,
            Cases::None => {}
        }
    }

    /// Whether a list was too large once.
    pub(super) fn is_too_large(&self, cases: Cases) -> bool {
        match cases {
            Cases::All => self.all_is_too_large,
            Cases::Failed => self.failed_is_too_large,
            Cases::None => false,
        }
    }
}
