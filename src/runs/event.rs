//! Events of the runs, which the log shows.

use std::time::Duration;

/// Something that happened to one run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A run was started, attached to, or rerun.
    Attempt,
    /// Status or result changed.
    Status,
    /// A test case failed or errored; its index among the run's cases.
    BadCase(usize),
    /// A request failed and will be sent again.
    OutOfReach {
        /// What went wrong.
        what: String,
        /// Time until the next attempt.
        next: Duration,
    },
    /// The API answers again.
    BackInReach {
        /// How long it was out of reach.
        after: Duration,
    },
    /// An attempt has ended, or could not be started. With the reason, if it neither follows from the status nor is logged
    /// otherwise.
    Ended(Option<String>),
    /// The start failed, for this reason.
    NotStarted(String),
    /// A decision about the run.
    Note(String),
}
