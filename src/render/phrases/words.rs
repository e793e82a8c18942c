//! Marks, phrases and colours for verdicts, outcomes and kinds of failures.

use crate::report::{CaseOutcome, FailureKind, Verdict};

/// Whether a result is good, bad, or neither. All colours derive from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Passed.
    Green,
    /// Neither passed nor failed, or failed without effect on the step.
    Neutral,
    /// Failed, or not known to have passed.
    Red,
}

impl Tone {
    /// The tone of a verdict. An unknown outcome is red: it is not known to be a pass.
    pub fn from_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed | Verdict::Flaky => Self::Green,
            Verdict::Skipped | Verdict::Quarantined | Verdict::Interrupted | Verdict::Cancelled => Self::Neutral,
            Verdict::TimedOut | Verdict::Failed | Verdict::Error | Verdict::Unknown => Self::Red,
        }
    }

    /// The tone of an outcome.
    pub fn from_outcome(outcome: CaseOutcome) -> Self {
        match outcome {
            CaseOutcome::Passed | CaseOutcome::Flaky => Self::Green,
            CaseOutcome::Skipped | CaseOutcome::Unfinished => Self::Neutral,
            CaseOutcome::Failed | CaseOutcome::Errored => Self::Red,
        }
    }
}

/// The emoji for quarantined failures.
pub const QUARANTINE_MARK: &str = "🚧";

/// The emoji for a verdict.
pub fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✅",
        Verdict::Skipped => "⏭️",
        Verdict::Flaky => "🔁",
        Verdict::Quarantined => QUARANTINE_MARK,
        Verdict::Interrupted => "🛑",
        Verdict::Cancelled => "🚫",
        Verdict::TimedOut => "⌛",
        Verdict::Failed => "❌",
        Verdict::Error => "💥",
        Verdict::Unknown => "❓",
    }
}

/// The phrase for a verdict.
pub fn phrase(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Skipped => "skipped",
        Verdict::Flaky => "passed, but flaky",
        Verdict::Quarantined => "failed in quarantined tests only",
        Verdict::Interrupted => "interrupted",
        Verdict::Cancelled => "cancelled",
        Verdict::TimedOut => "timed out",
        Verdict::Failed => "failed",
        Verdict::Error => "ended with an error",
        Verdict::Unknown => "outcome unknown",
    }
}

/// The emoji for an outcome.
pub fn outcome_mark(outcome: CaseOutcome) -> &'static str {
    match outcome {
        CaseOutcome::Failed => "❌",
        CaseOutcome::Errored => "💥",
        CaseOutcome::Flaky => "🔁",
        CaseOutcome::Skipped => "⏭️",
        CaseOutcome::Unfinished => "⏳",
        CaseOutcome::Passed => "✅",
    }
}

/// The phrase for an outcome.
pub fn outcome_phrase(outcome: CaseOutcome) -> &'static str {
    match outcome {
        CaseOutcome::Unfinished => "not finished",
        CaseOutcome::Failed
        | CaseOutcome::Errored
        | CaseOutcome::Flaky
        | CaseOutcome::Skipped
        | CaseOutcome::Passed => outcome.as_str(),
    }
}

/// The phrase for a kind of failure.
pub fn failure_phrase(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Product => "product failure",
        FailureKind::Agent => "agent miss",
        FailureKind::Platform => "platform miss",
    }
}
