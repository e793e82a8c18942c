//! Counting test cases by outcome, in one place, so that every format shows the same numbers.

use super::{CaseOutcome, Listed, RunReport};

/// How many test cases ended how. What is missing from `total` did not finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All cases that are known to belong to the run.
    pub total: u64,
    /// Passed at the first attempt.
    pub passed: u64,
    /// Failed in the latest attempt that had them.
    pub failed: u64,
    /// Skipped.
    pub skipped: u64,
    /// Status `ERROR` or `CANCELLED`.
    pub errored: u64,
    /// Passed only in a rerun; not counted in `passed`.
    pub flaky: u64,
}

impl Counts {
    /// Counts one case.
    pub fn add(&mut self, outcome: CaseOutcome) {
        self.total += 1;
        match outcome {
            CaseOutcome::Passed => self.passed += 1,
            CaseOutcome::Failed => self.failed += 1,
            CaseOutcome::Skipped => self.skipped += 1,
            CaseOutcome::Errored => self.errored += 1,
            CaseOutcome::Flaky => self.flaky += 1,
            CaseOutcome::Unfinished => {}
        }
    }

    /// Cases that ended, however.
    pub fn done(&self) -> u64 {
        self.passed + self.failed + self.skipped + self.errored + self.flaky
    }

    /// Cases that were not seen to end.
    pub fn unfinished(&self) -> u64 {
        self.total.saturating_sub(self.done())
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |a, b| Self {
            total: a.total + b.total,
            passed: a.passed + b.passed,
            failed: a.failed + b.failed,
            skipped: a.skipped + b.skipped,
            errored: a.errored + b.errored,
            flaky: a.flaky + b.flaky,
        })
    }
}

impl RunReport {
    /// Counts of this run. Where not all cases are known, the API's own number of them is the total.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for case in &self.cases {
            counts.add(case.outcome);
        }
        if self.listed != Listed::All {
            let told = self
                .attempts
                .first()
                .and_then(|attempt| attempt.test_count)
                .unwrap_or(0);
            counts.total = counts.total.max(told);
        }
        counts
    }
}
