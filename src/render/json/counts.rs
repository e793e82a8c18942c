//! Counts in the JSON report.

use crate::report::Counts;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct CountsJson {
    total: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
    errored: u64,
    flaky: u64,
    unfinished: u64,
    /// Of `failed` and `errored`, those in quarantine.
    quarantined: u64,
}

impl From<Counts> for CountsJson {
    fn from(counts: Counts) -> Self {
        let Counts {
            total,
            passed,
            failed,
            skipped,
            errored,
            flaky,
            quarantined,
        } = counts;
        Self {
            total,
            passed,
            failed,
            skipped,
            errored,
            flaky,
            unfinished: counts.unfinished(),
            quarantined,
        }
    }
}
