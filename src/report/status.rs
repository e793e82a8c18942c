//! Status and result of runs and test cases, as QA.tech's API names them.
//!
//! They are strings rather than an enum, since the API may add values
//! (<https://docs.qa.tech/api-reference/get-run-status>).

/// Created, not started yet.
pub const INITIATED: &str = "INITIATED";
/// In progress.
pub const RUNNING: &str = "RUNNING";
/// Ended, with a result.
pub const COMPLETED: &str = "COMPLETED";
/// Ended with an error.
pub const ERROR: &str = "ERROR";
/// Ended because someone cancelled it.
pub const CANCELLED: &str = "CANCELLED";

/// The result of a run or test case that passed.
pub const PASSED: &str = "PASSED";
/// The result of a run or test case that failed.
pub const FAILED: &str = "FAILED";
/// The result, and for test cases also the status, of what was not run.
pub const SKIPPED: &str = "SKIPPED";

/// Whether a run with this status has ended. An unknown status counts as not ended.
pub fn is_over(status: &str) -> bool {
    matches!(status, COMPLETED | ERROR | CANCELLED)
}

/// Whether this is a known status of a run.
pub fn is_known(status: &str) -> bool {
    is_over(status) || matches!(status, INITIATED | RUNNING)
}
