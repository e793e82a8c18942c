//! The entry that stands for a run itself in formats that know only test cases.
//!
//! A reader of JUnit or CTRF sees cases and nothing else. Where a run has none, or is red without a red case, the file
//! would read as green or as empty: then one more entry says what became of the run.

use crate::report::{Attempt, Mode, Report, RunReport, Verdict};

/// Name of the entry. Its class or suite names the plan.
pub const NAME: &str = "QA.tech run";

/// Name of the suite where there is no run to name it.
pub const SUITE: &str = "QA.tech";

/// Why a run that passed proves nothing.
const NO_TESTS: &str = "the run passed without a single test case";

/// What became of a run as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntheticCase {
    /// How the entry ends.
    pub ending: Ending,
    /// The verdict's word, or what stands in for it.
    pub word: &'static str,
    /// Why, for people; neither cleaned nor escaped.
    pub message: String,
}

/// How an entry for a whole run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Green.
    Passed,
    /// Neither green nor red.
    Skipped,
    /// Red.
    Broken,
}

impl SyntheticCase {
    /// The entry for a run, where it needs one.
    pub fn from_run(run: &RunReport) -> Option<Self> {
        let verdict = run.seen();
        if run.has_no_tests() {
            return Some(Self {
                ending: Ending::Skipped,
                word: "no_tests",
                message: run.problem.clone().unwrap_or_else(|| NO_TESTS.to_owned()),
            });
        }
        let ending = verdict.map_or(Ending::Skipped, ending);
        let red_case = run.cases.iter().any(|case| case.outcome.is_bad());
        let needed = run.cases.is_empty() || (ending == Ending::Broken && !red_case);
        needed.then(|| Self {
            ending,
            word: verdict.map_or("not_waited_for", Verdict::as_str),
            message: run.problem.clone().unwrap_or_else(|| said(verdict).to_owned()),
        })
    }

    /// The entry for a report without runs.
    pub fn without_runs(report: &Report) -> Self {
        let (ending, word, message) = match (report.interrupted_by, report.mode) {
            (Some(signal), _) => (
                Ending::Broken,
                Verdict::Interrupted.as_str(),
                format!("{} came before any run was started", signal.name()),
            ),
            (None, Mode::SkippedWithoutToken) => (
                Ending::Skipped,
                Verdict::Skipped.as_str(),
                "no API token, and on_missing_token is skip".to_owned(),
            ),
            (None, Mode::Wait | Mode::StartOnly | Mode::Look) => {
                (Ending::Skipped, "not_started", "no run was started".to_owned())
            }
        };
        Self { ending, word, message }
    }
}

/// Why a case was not seen to end in the attempt at an index.
pub fn unfinished(run: &RunReport, attempt: usize) -> &'static str {
    match run.attempts.get(attempt).map_or_else(|| run.seen(), Attempt::seen) {
        Some(Verdict::TimedOut) => "not finished when the time was up",
        Some(Verdict::Interrupted) => "not finished when a signal ended the wait",
        Some(Verdict::Cancelled) => "not finished when the run was cancelled",
        Some(Verdict::Unknown) => "not seen to finish: the run could not be followed",
        Some(
            Verdict::Passed
            | Verdict::Skipped
            | Verdict::Flaky
            | Verdict::Quarantined
            | Verdict::Failed
            | Verdict::Error,
        ) => "not seen to finish before the run ended",
        None => "not finished; the run was not waited for",
    }
}

fn ending(verdict: Verdict) -> Ending {
    match verdict {
        Verdict::Passed | Verdict::Flaky => Ending::Passed,
        Verdict::Skipped => Ending::Skipped,
        Verdict::Interrupted
        | Verdict::Cancelled
        | Verdict::TimedOut
        | Verdict::Quarantined
        | Verdict::Failed
        | Verdict::Error
        | Verdict::Unknown => Ending::Broken,
    }
}

fn said(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Passed) => "the run passed; QA.tech returned no test cases",
        Some(Verdict::Flaky) => "the run passed in a rerun; QA.tech returned no test cases",
        Some(Verdict::Quarantined) => "the run failed in quarantined tests only",
        Some(Verdict::Skipped) => "the run was skipped",
        Some(Verdict::Interrupted) => "a signal ended the wait",
        Some(Verdict::Cancelled) => "the run was cancelled",
        Some(Verdict::TimedOut) => "the run did not end in time",
        Some(Verdict::Failed) => "the run failed; none of its known test cases did",
        Some(Verdict::Error) => "the run ended with an error",
        Some(Verdict::Unknown) => "the outcome of the run is not known",
        None => "the run was not waited for",
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::sample::shop;

    #[test]
    fn a_case_did_not_end_for_what_became_of_its_attempt() {
        let mut run = shop().runs.remove(0);
        run.attempts[1].verdict = Some(Verdict::TimedOut);
        assert_eq!(run.verdict, Some(Verdict::Failed));
        assert_eq!(unfinished(&run, 0), "not seen to finish before the run ended");
        assert_eq!(unfinished(&run, 1), "not finished when the time was up");
    }
}
