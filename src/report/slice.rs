//! A report, or what it says of some of its runs only: nothing is copied for it, since runs may be large.

use crate::report::{Case, Counts, FailureKinds, Mode, Report, RunReport, Verdict};
use crate::text::sort::sort_by_number;

/// Some runs of a report, with all that the report says besides.
#[derive(Debug, Clone, Copy)]
pub struct ReportSlice<'a> {
    /// The report that the runs are of.
    pub report: &'a Report,
    /// The runs that are looked at.
    pub runs: &'a [RunReport],
}

impl<'a> ReportSlice<'a> {
    /// The step's verdict: the worst over the runs that were waited for, `None` where none was.
    pub fn verdict(self) -> Option<Verdict> {
        match self.report.mode {
            Mode::SkippedWithoutToken => Some(Verdict::Skipped),
            Mode::Wait | Mode::StartOnly | Mode::Look => {
                let interrupted = self.report.interrupted_by.map(|_| Verdict::Interrupted);
                self.runs.iter().filter_map(|run| run.verdict).chain(interrupted).max()
            }
        }
    }

    /// Counts over the runs.
    pub fn counts(self) -> Counts {
        self.runs.iter().map(RunReport::counts).sum()
    }

    /// What the failures over the runs were.
    pub fn failure_kinds(self) -> FailureKinds {
        self.runs.iter().flat_map(|run| &run.cases).collect()
    }

    /// All cases with their run, worst outcome first, then in the API's order.
    pub fn cases_by_outcome(self) -> Vec<(&'a RunReport, &'a Case)> {
        let mut cases: Vec<_> = self
            .runs
            .iter()
            .flat_map(|run| run.cases.iter().map(move |case| (run, case)))
            .collect();
        sort_by_number(&mut cases, |(_, case)| case.outcome as u64);
        cases
    }
}

impl Report {
    /// All of it.
    pub fn as_slice(&self) -> ReportSlice<'_> {
        ReportSlice {
            report: self,
            runs: &self.runs,
        }
    }

    /// See [`ReportSlice::verdict`].
    pub fn verdict(&self) -> Option<Verdict> {
        self.as_slice().verdict()
    }

    /// See [`ReportSlice::counts`].
    pub fn counts(&self) -> Counts {
        self.as_slice().counts()
    }

    /// See [`ReportSlice::failure_kinds`].
    pub fn failure_kinds(&self) -> FailureKinds {
        self.as_slice().failure_kinds()
    }

    /// See [`ReportSlice::cases_by_outcome`].
    pub fn cases_by_outcome(&self) -> Vec<(&RunReport, &Case)> {
        self.as_slice().cases_by_outcome()
    }

    /// Failed and errored cases with their run, in the order of runs and of the API.
    pub fn bad_cases(&self) -> impl Iterator<Item = (&RunReport, &Case)> {
        self.runs.iter().flat_map(|run| {
            run.cases
                .iter()
                .filter(|case| case.outcome.is_bad())
                .map(move |case| (run, case))
        })
    }
}
