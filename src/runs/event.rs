//! What happens to the runs while they are waited for, for whoever writes the log.

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
    /// A request failed and will be repeated.
    OutOfReach {
        /// What went wrong.
        what: String,
        /// Time until the next attempt.
        next: Duration,
    },
    /// The API answers again.
    BackInReach {
        /// How long it did not.
        after: Duration,
    },
    /// An attempt has ended, or could not be made; with the reason where it does not follow from the status and is not
    /// logged in another way.
    Ended(Option<String>),
    /// The start failed, for this reason.
    NotStarted(String),
    /// A decision about the run.
    Note(String),
}
