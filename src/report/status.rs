//! The words that QA.tech uses for the status and the result of runs and of test cases, and what follows from a status.
//!
//! They are kept as texts, since an API may learn new ones (<https://docs.qa.tech/api-reference/get-run-status>).

/// Not begun yet.
pub const INITIATED: &str = "INITIATED";
/// Under way.
pub const RUNNING: &str = "RUNNING";
/// Over, with a result.
pub const COMPLETED: &str = "COMPLETED";
/// Over: something broke.
pub const ERROR: &str = "ERROR";
/// Over: someone stopped it.
pub const CANCELLED: &str = "CANCELLED";

/// The result of what is as it should be.
pub const PASSED: &str = "PASSED";
/// The result of what is not.
pub const FAILED: &str = "FAILED";
/// The result, and for test cases also the status, of what was not tried.
pub const SKIPPED: &str = "SKIPPED";

/// Whether a run of this status is over. One that we do not know is not.
pub fn is_over(status: &str) -> bool {
    matches!(status, COMPLETED | ERROR | CANCELLED)
}

/// Whether a run may have this status, as far as we know.
pub fn is_known(status: &str) -> bool {
    is_over(status) || matches!(status, INITIATED | RUNNING)
}
