//! Verdicts, which of them fail the step, and the resulting exit code and conclusion.

use crate::report::{Mode, Report};

/// The result of a run, or of the step. Ordered from best to worst; the step has the worst verdict of its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// `COMPLETED` with `PASSED`.
    Passed,
    /// `COMPLETED` with `SKIPPED`, or no token and `on_missing_token: skip`.
    Skipped,
    /// The run failed, and every failed or errored case passed in a rerun.
    Flaky,
    /// The run failed, and every case that failed is in quarantine or passed in a rerun.
    Quarantined,
    /// A signal ended the wait.
    Interrupted,
    /// Status `CANCELLED`.
    Cancelled,
    /// The run did not end before the deadline.
    TimedOut,
    /// `COMPLETED` with `FAILED`.
    Failed,
    /// Status `ERROR`.
    Error,
    /// The outcome could not be determined.
    Unknown,
}

impl Verdict {
    /// All verdicts, best first.
    pub const ALL: [Verdict; 10] = [
        Verdict::Passed,
        Verdict::Skipped,
        Verdict::Flaky,
        Verdict::Quarantined,
        Verdict::Interrupted,
        Verdict::Cancelled,
        Verdict::TimedOut,
        Verdict::Failed,
        Verdict::Error,
        Verdict::Unknown,
    ];

    /// The word in outputs, inputs and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Flaky => "flaky",
            Self::Quarantined => "quarantined",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }

    /// The exit code if the verdict fails the step; see [`exit`].
    fn code(self) -> u8 {
        match self {
            Self::Passed => exit::GREEN,
            Self::Failed | Self::Skipped | Self::Flaky | Self::Quarantined => exit::RED,
            Self::Error | Self::Cancelled | Self::Unknown => exit::BROKEN,
            Self::TimedOut => exit::TIMED_OUT,
            Self::Interrupted => exit::SIGINT,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Exit codes, as documented in the README.
pub mod exit {
    /// The step passes.
    pub const GREEN: u8 = 0;
    /// `failed`, `skipped`, `flaky` or `quarantined`, or a run without test cases, if `fail_on` names it.
    pub const RED: u8 = 1;
    /// Inputs are wrong; nothing was sent.
    pub const USAGE: u8 = 2;
    /// `error`, `cancelled` or `unknown`, if `fail_on` names it; a file that could not be written.
    pub const BROKEN: u8 = 3;
    /// `timed_out`, if `fail_on` names it.
    pub const TIMED_OUT: u8 = 4;
    /// Ended by SIGINT.
    pub const SIGINT: u8 = 130;
    /// Ended by SIGTERM or SIGHUP.
    pub const SIGTERM: u8 = 143;
}

/// What makes the step fail: the input `fail_on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailOn {
    /// Verdicts that make the step fail.
    pub verdicts: Vec<Verdict>,
    /// Whether a run that passed without a single test case makes the step fail.
    pub no_tests: bool,
}

impl Default for FailOn {
    fn default() -> Self {
        Self::new(vec![
            Verdict::Failed,
            Verdict::Error,
            Verdict::Cancelled,
            Verdict::TimedOut,
            Verdict::Unknown,
        ])
    }
}

impl FailOn {
    /// These verdicts, and no failure for a run without test cases.
    pub fn new(verdicts: Vec<Verdict>) -> Self {
        Self {
            verdicts,
            no_tests: false,
        }
    }

    /// Whether a verdict makes the step fail. `interrupted` always does.
    pub fn fails(&self, verdict: Verdict) -> bool {
        verdict == Verdict::Interrupted || self.verdicts.contains(&verdict)
    }

    /// The exit code for the verdicts of all runs. Precedence: 3, 4, 1. [`Report::exit_code`] handles signals.
    pub fn exit_code(&self, verdicts: impl IntoIterator<Item = Verdict>) -> u8 {
        let codes: Vec<u8> = verdicts
            .into_iter()
            .filter(|verdict| self.fails(*verdict))
            .map(Verdict::code)
            .collect();
        [exit::SIGINT, exit::BROKEN, exit::TIMED_OUT, exit::RED]
            .into_iter()
            .find(|code| codes.contains(code))
            .unwrap_or(exit::GREEN)
    }
}

/// The conclusion of the step, which is also that of its check run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepConclusion {
    /// Green.
    Success,
    /// Red.
    Failure,
    /// Grey; does not block a merge.
    Neutral,
    /// Red: out of time.
    TimedOut,
    /// Grey; blocks a merge if the check is required.
    Cancelled,
}

impl StepConclusion {
    /// The value in GitHub's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the step fails. If it does not, nothing in its reports is red.
    pub fn is_red(self) -> bool {
        match self {
            Self::Failure | Self::TimedOut | Self::Cancelled => true,
            Self::Success | Self::Neutral => false,
        }
    }

    /// The `annotation_level` of failed cases.
    pub fn annotation_level(self) -> &'static str {
        if self.is_red() { "failure" } else { "warning" }
    }

    /// The conclusion that matches the exit code: a result that `fail_on` tolerates never blocks, and one that fails the
    /// step is never green.
    pub fn new(report: &Report, fail_on: &FailOn) -> Self {
        let of_runs = report.runs.iter().filter_map(|run| run.verdict);
        let failing = of_runs
            .chain(report.verdict())
            .filter(|verdict| fail_on.fails(*verdict))
            .max();
        match (failing, report.verdict()) {
            // Without a token nothing fails, even if `fail_on` names `skipped`.
            (_, Some(Verdict::Skipped)) if report.runs.is_empty() => Self::Neutral,
            (Some(Verdict::TimedOut), _) => Self::TimedOut,
            (Some(Verdict::Cancelled | Verdict::Interrupted), _) => Self::Cancelled,
            (
                Some(
                    Verdict::Failed
                    | Verdict::Error
                    | Verdict::Unknown
                    | Verdict::Skipped
                    | Verdict::Flaky
                    | Verdict::Quarantined
                    | Verdict::Passed,
                ),
                _,
            ) => Self::Failure,
            (None, _) if fail_on.no_tests && report.runs.iter().any(|run| run.has_no_tests()) => Self::Failure,
            (None, Some(Verdict::Passed | Verdict::Flaky)) => Self::Success,
            (None, _) => Self::Neutral,
        }
    }
}

impl Report {
    /// See [`StepConclusion::new`].
    pub fn conclusion(&self) -> StepConclusion {
        StepConclusion::new(self, &self.fail_on)
    }

    /// Whether the step passes although its verdict is neither `passed` nor `flaky`.
    pub fn is_tolerated(&self) -> bool {
        self.conclusion() == StepConclusion::Neutral
    }

    /// Whether the step fails because a run passed without a single test case.
    pub fn fails_for_no_tests(&self) -> bool {
        self.fail_on.no_tests && self.runs.iter().any(|run| run.has_no_tests())
    }

    /// The exit code that follows from the runs, or from the signal that ended the wait.
    pub fn exit_code(&self) -> u8 {
        match (self.interrupted_by, self.mode) {
            (Some(signal), _) => signal.exit_code(),
            (None, Mode::SkippedWithoutToken) => exit::GREEN,
            (None, Mode::Wait | Mode::StartOnly | Mode::Look) => {
                let code = self.fail_on.exit_code(self.runs.iter().filter_map(|run| run.verdict));
                if code == exit::GREEN && self.fails_for_no_tests() {
                    exit::RED
                } else {
                    code
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::sample::{case, report, run, shop};
    use crate::report::{CaseCoverage, CaseOutcome, Signal};

    #[test]
    fn the_worst_verdict_is_the_greatest() {
        let worst_first = [
            "unknown",
            "error",
            "failed",
            "timed_out",
            "cancelled",
            "interrupted",
            "quarantined",
            "flaky",
            "skipped",
            "passed",
        ];
        let mut words = Verdict::ALL.map(Verdict::as_str);
        words.reverse();
        assert_eq!(words, worst_first);
        assert!(Verdict::ALL.is_sorted());
    }

    #[test]
    fn of_several_codes_three_goes_before_four_before_one() {
        let all = FailOn::new(Verdict::ALL.to_vec());
        assert_eq!(all.exit_code([Verdict::Failed, Verdict::TimedOut, Verdict::Error]), 3);
        assert_eq!(all.exit_code([Verdict::Failed, Verdict::TimedOut]), 4);
        assert_eq!(all.exit_code([Verdict::Failed, Verdict::Passed]), 0x1);
        assert_eq!(all.exit_code([Verdict::Passed]), 0);
        assert_eq!(all.exit_code([]), 0);
    }

    #[test]
    fn a_failed_run_fails_the_step_even_beside_a_tolerated_worse_one() {
        let only_failed = FailOn::new(vec![Verdict::Failed]);
        assert_eq!(only_failed.exit_code([Verdict::Unknown, Verdict::Failed]), 1);
        assert_eq!(only_failed.exit_code([Verdict::Unknown]), 0);
    }

    #[test]
    fn interrupted_fails_whatever_fail_on_says() {
        assert!(FailOn::new(vec![]).fails(Verdict::Interrupted));
    }

    fn ended(verdicts: &[Verdict], fail_on: FailOn) -> Report {
        let runs = verdicts.iter().map(|verdict| {
            let mut run = run("Plan", "id", vec![case(1, "A", CaseOutcome::Passed, "", "")]);
            run.verdict = Some(*verdict);
            run
        });
        Report {
            fail_on,
            ..report(runs.collect())
        }
    }

    #[test]
    fn each_verdict_has_its_conclusion() {
        let words = Verdict::ALL.map(|verdict| ended(&[verdict], FailOn::default()).conclusion().as_str());
        let expected = [
            "success",
            "neutral",
            "success",
            "neutral",
            "cancelled",
            "cancelled",
            "timed_out",
            "failure",
            "failure",
            "failure",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn what_fail_on_tolerates_is_neutral_and_what_it_names_is_red() {
        let conclusion =
            |verdicts: &[Verdict], fail_on: &[Verdict]| ended(verdicts, FailOn::new(fail_on.to_vec())).conclusion();
        for verdict in [Verdict::Failed, Verdict::Unknown, Verdict::TimedOut, Verdict::Cancelled] {
            assert_eq!(conclusion(&[verdict], &[]), StepConclusion::Neutral);
        }
        for verdict in [Verdict::Flaky, Verdict::Skipped, Verdict::Quarantined] {
            assert_eq!(conclusion(&[verdict], &[verdict]), StepConclusion::Failure);
        }
        let mixed = [Verdict::Unknown, Verdict::Failed];
        assert_eq!(conclusion(&mixed, &[Verdict::Failed]), StepConclusion::Failure);
        assert_eq!(StepConclusion::Failure.annotation_level(), "failure");
        assert_eq!(StepConclusion::Neutral.annotation_level(), "warning");
    }

    #[test]
    fn without_token_or_wait_nothing_is_blocked() {
        let mut skipped = ended(&[], FailOn::new(Verdict::ALL.to_vec()));
        skipped.mode = Mode::SkippedWithoutToken;
        assert_eq!(skipped.conclusion(), StepConclusion::Neutral);
        let mut started = shop();
        started.mode = Mode::StartOnly;
        started.runs[0].verdict = None;
        assert_eq!(started.conclusion(), StepConclusion::Neutral);
        started.interrupted_by = Some(Signal::Int);
        started.fail_on = FailOn::new(vec![]);
        assert_eq!(started.conclusion(), StepConclusion::Cancelled);
    }

    #[test]
    fn a_run_without_tests_fails_the_step_only_where_fail_on_says_so() {
        let mut empty = report(vec![run("Plan", "id", vec![])]);
        assert_eq!(
            (empty.conclusion(), empty.exit_code()),
            (StepConclusion::Success, exit::GREEN)
        );
        empty.fail_on.no_tests = true;
        assert_eq!(
            (empty.conclusion(), empty.exit_code()),
            (StepConclusion::Failure, exit::RED)
        );
        // A run with test cases that were announced but not listed is not empty.
        empty.runs[0].attempts[0].test_count = Some(2);
        assert_eq!(empty.exit_code(), exit::GREEN);
        empty.runs[0].attempts[0].test_count = None;
        empty.runs[0].listed = CaseCoverage::Partial;
        assert_eq!(empty.exit_code(), exit::GREEN);
    }

    #[test]
    fn the_exit_code_and_the_conclusion_agree() {
        // `passed` can't be named.
        for verdict in Verdict::ALL.into_iter().skip(1) {
            for fail_on in [FailOn::new(vec![]), FailOn::new(vec![verdict]), FailOn::default()] {
                let report = ended(&[verdict], fail_on);
                let fails = report.exit_code() != exit::GREEN;
                assert_eq!(fails, report.conclusion().is_red(), "{verdict}");
            }
        }
    }
}
