//! A report with all or some of its runs, without copying them: runs can be large.

use crate::report::{Case, Counts, FailureKinds, Mode, Report, RunReport, Verdict};
use crate::text::sort::sort_by_number;

/// Some runs of a report, with access to the rest of it.
#[derive(Debug, Clone, Copy)]
pub struct ReportSlice<'a> {
    /// The report.
    pub report: &'a Report,
    /// The selected runs.
    pub runs: &'a [RunReport],
}

impl<'a> ReportSlice<'a> {
    /// The worst verdict of the runs; `None` if no run was waited for.
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

    /// How many cases the runs list, which may be fewer than they have.
    pub fn listed_cases(self) -> u64 {
        self.runs.iter().map(|run| run.cases.len() as u64).sum()
    }

    /// The kinds of failures over the runs.
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
    /// The report with all of its runs.
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

    /// See [`ReportSlice::listed_cases`].
    pub fn listed_cases(&self) -> u64 {
        self.as_slice().listed_cases()
    }

    /// See [`ReportSlice::failure_kinds`].
    pub fn failure_kinds(&self) -> FailureKinds {
        self.as_slice().failure_kinds()
    }

    /// See [`ReportSlice::cases_by_outcome`].
    pub fn cases_by_outcome(&self) -> Vec<(&RunReport, &Case)> {
        self.as_slice().cases_by_outcome()
    }

    /// Failed and errored cases with their run, those in quarantine last.
    pub fn bad_cases_quarantined_last(&self) -> impl Iterator<Item = (&RunReport, &Case)> {
        let in_quarantine = |wanted: bool| {
            let cases = self.bad_cases();
            cases.filter(move |(_, case)| case.is_quarantined_failure() == wanted)
        };
        in_quarantine(false).chain(in_quarantine(true))
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
