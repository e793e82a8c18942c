//! Counts of test cases by outcome, in one place so that every format shows the same numbers.

use crate::report::{Case, CaseCoverage, CaseOutcome, FailureKind, RunReport};
use serde::{Deserialize, Serialize};

/// How many test cases had which outcome. The rest of `total` did not finish. The history file has it in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// All cases that are known to be part of the run.
    pub total: u64,
    /// Passed at the first attempt.
    pub passed: u64,
    /// Failed in the latest attempt that had them, in quarantine or not.
    pub failed: u64,
    /// Skipped.
    pub skipped: u64,
    /// Status `ERROR` or `CANCELLED`.
    pub errored: u64,
    /// Passed only in a rerun; not counted in `passed`.
    pub flaky: u64,
    /// Failed and errored cases in quarantine. They are counted in `failed` and `errored` as well.
    #[serde(default)]
    pub quarantined: u64,
}

/// How many test cases had which kind of failure, as far as QA.tech returned an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FailureKinds {
    /// Failures of the product under test.
    pub product: u64,
    /// Failures of the agent.
    pub agent: u64,
    /// Failures of QA.tech's platform.
    pub platform: u64,
}

impl FailureKinds {
    /// Counts one failed case.
    pub fn add(&mut self, kind: FailureKind) {
        match kind {
            FailureKind::Product => self.product += 1,
            FailureKind::Agent => self.agent += 1,
            FailureKind::Platform => self.platform += 1,
        }
    }

    /// How many failures have a known kind.
    pub fn known(self) -> u64 {
        self.product + self.agent + self.platform
    }
}

impl<'a> FromIterator<&'a Case> for FailureKinds {
    fn from_iter<I: IntoIterator<Item = &'a Case>>(cases: I) -> Self {
        let mut kinds = Self::default();
        for kind in cases.into_iter().filter_map(Case::failure_kind) {
            kinds.add(kind);
        }
        kinds
    }
}

impl Counts {
    /// Counts one case.
    pub fn add_case(&mut self, case: &Case) {
        self.add(case.outcome);
        self.quarantined += u64::from(case.is_quarantined_failure());
    }

    /// Counts one outcome.
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

    /// All counts by name, in the order in which JSON and the step outputs have them.
    pub fn entries(self) -> [(&'static str, u64); 8] {
        let Self {
            total,
            passed,
            failed,
            skipped,
            errored,
            flaky,
            quarantined,
        } = self;
        [
            ("total", total),
            ("passed", passed),
            ("failed", failed),
            ("skipped", skipped),
            ("errored", errored),
            ("flaky", flaky),
            ("unfinished", self.unfinished()),
            ("quarantined", quarantined),
        ]
    }

    /// The number of cases with an outcome.
    pub fn get(self, outcome: CaseOutcome) -> u64 {
        match outcome {
            CaseOutcome::Failed => self.failed,
            CaseOutcome::Errored => self.errored,
            CaseOutcome::Flaky => self.flaky,
            CaseOutcome::Skipped => self.skipped,
            CaseOutcome::Unfinished => self.unfinished(),
            CaseOutcome::Passed => self.passed,
        }
    }

    /// Cases that ended, with any outcome.
    pub fn done(&self) -> u64 {
        // Saturating: a history file can contain any numbers.
        let ended = [self.passed, self.failed, self.skipped, self.errored, self.flaky];
        ended.into_iter().fold(0, u64::saturating_add)
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
            quarantined: a.quarantined + b.quarantined,
        })
    }
}

impl RunReport {
    /// Counts of this run. Until all cases are known, the total is the number that the API announced: the list of a run in
    /// progress can still grow.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for case in &self.cases {
            counts.add_case(case);
        }
        if let Some(first) = self.attempts.first()
            && !(self.listed == CaseCoverage::Complete && first.is_over())
        {
            counts.total = counts.total.max(first.test_count.unwrap_or(0));
        }
        counts
    }

    /// Counts of the cases that the attempt of this index is the latest of, and of those that it announced.
    pub fn attempt_counts(&self, index: usize) -> Counts {
        let mut counts = Counts::default();
        let latest = self.cases.iter().filter_map(|case| case.latest());
        for seen in latest.filter(|seen| seen.attempt == index) {
            counts.add(seen.outcome);
        }
        let announced = self.attempts.get(index).and_then(|attempt| attempt.test_count);
        counts.total = counts.total.max(announced.unwrap_or(0));
        counts
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_announced_counts_until_all_cases_of_an_ended_run_are_known() {
        for (status, listed, total) in [
            (Some("RUNNING"), CaseCoverage::Complete, 7),
            (None, CaseCoverage::Partial, 7),
            (Some("COMPLETED"), CaseCoverage::Failures, 7),
            (Some("COMPLETED"), CaseCoverage::Complete, 2),
        ] {
            let mut run = sample::shop().runs.swap_remove(0);
            run.cases.truncate(2);
            run.listed = listed;
            run.attempts[0].status = status.map(str::to_owned);
            run.attempts[0].test_count = Some(7);
            assert_eq!(run.counts().total, total, "{status:?} {listed:?}");
        }
    }
}
