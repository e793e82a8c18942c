//! Verdicts, which of them fail the step, and the exit code that follows.

/// What is to be said of a run, or of the step. Ordered from best to worst: the worst is the step's.
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
    /// A signal came first.
    Interrupted,
    /// Status `CANCELLED`.
    Cancelled,
    /// The deadline came first.
    TimedOut,
    /// `COMPLETED` with `FAILED`.
    Failed,
    /// Status `ERROR`.
    Error,
    /// We could not find out.
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

    /// The exit code if the verdict is one that fails the step; see [`exit`].
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
    /// Nothing that fails the step.
    pub const GREEN: u8 = 0;
    /// `failed`, `skipped`, `flaky` or `quarantined`, where `fail_on` names it.
    pub const RED: u8 = 1;
    /// Inputs are wrong; nothing was sent.
    pub const USAGE: u8 = 2;
    /// `error`, `cancelled` or `unknown`, where `fail_on` names it; a file that could not be written.
    pub const BROKEN: u8 = 3;
    /// `timed_out`, where `fail_on` names it.
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

    /// The exit code for the verdicts of all runs: of several that apply, 3 goes before 4 before 1.
    /// A signal's code is not decided here: it depends on which signal it was.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
