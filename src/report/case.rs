//! One test case over all attempts of its run.

use crate::report::{CaseDetails, FailureKind, Millis, status};
use crate::text::sanitize::is_blank;

/// The outcome of a test case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CaseOutcome {
    /// Result `FAILED`.
    Failed,
    /// Status `ERROR` or `CANCELLED`.
    Errored,
    /// Failed or errored in an earlier attempt, passed in a later one.
    Flaky,
    /// Result `SKIPPED`.
    Skipped,
    /// Not seen to end, or with an unknown status or result.
    Unfinished,
    /// Result `PASSED`.
    Passed,
}

impl CaseOutcome {
    /// All outcomes, worst first: the order in which cases are shown.
    pub const ALL: [CaseOutcome; 6] = [
        CaseOutcome::Failed,
        CaseOutcome::Errored,
        CaseOutcome::Flaky,
        CaseOutcome::Skipped,
        CaseOutcome::Unfinished,
        CaseOutcome::Passed,
    ];

    /// The outcome of one attempt of a case, from the API's status and result. Never `Flaky`.
    ///
    /// A result of `FAILED` decides alone. A pass or a skip needs a status that agrees with it: a case that is still
    /// running, or has an unknown status or result, is unfinished.
    pub fn from_status(status: &str, result: Option<&str>) -> Self {
        match (status, result) {
            (_, Some(status::FAILED)) => Self::Failed,
            (status::ERROR | status::CANCELLED, _) => Self::Errored,
            (status::COMPLETED, Some(status::PASSED)) => Self::Passed,
            (status::COMPLETED | status::SKIPPED, Some(status::SKIPPED)) | (status::SKIPPED, None) => Self::Skipped,
            (_, _) => Self::Unfinished,
        }
    }

    /// Lowercase word, as in JSON and log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Flaky => "flaky",
            Self::Skipped => "skipped",
            Self::Unfinished => "unfinished",
            Self::Passed => "passed",
        }
    }

    /// Whether it failed or errored, so that a person should look at it.
    pub fn is_bad(self) -> bool {
        match self {
            Self::Failed | Self::Errored => true,
            Self::Flaky | Self::Skipped | Self::Unfinished | Self::Passed => false,
        }
    }

    /// Whether the case passed, at once or in a rerun, or was skipped. A run is forgiven only if this is true of all.
    pub fn is_green(self) -> bool {
        match self {
            Self::Passed | Self::Flaky | Self::Skipped => true,
            Self::Failed | Self::Errored | Self::Unfinished => false,
        }
    }
}

/// One test case over all attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Id (UUID).
    pub id: String,
    /// Short id.
    pub short_id: String,
    /// Name, as a person wrote it.
    pub name: String,
    /// What it should achieve (`promptGoal`).
    pub goal: Option<String>,
    /// Example scenarios (`promptExamples`).
    pub examples: Option<String>,
    /// Outcome over all attempts.
    pub outcome: CaseOutcome,
    /// The case in each attempt that had it, in order; never empty.
    pub attempts: Vec<CaseAttempt>,
    /// The quarantine entry that matches the case, if one does.
    pub quarantine: Option<QuarantineNote>,
}

impl Case {
    /// Whether it failed or errored in quarantine, so that its failure does not fail the step.
    pub fn is_quarantined_failure(&self) -> bool {
        self.outcome.is_bad() && self.quarantine.is_some()
    }

    /// The case's display name: its name, else its short id; empty if it has neither.
    pub fn label(&self) -> &str {
        name_or_short_id(&self.name, &self.short_id)
    }

    /// Whether an attempt, given by its index, failed like the one before it: with the same outcome, title and reasoning.
    pub fn repeats_reason(&self, index: usize) -> bool {
        let before = index.checked_sub(1).and_then(|before| self.attempts.get(before));
        before.zip(self.attempts.get(index)).is_some_and(|(before, attempt)| {
            attempt.outcome.is_bad()
                && attempt.outcome == before.outcome
                && (&attempt.title, &attempt.reasoning) == (&before.title, &before.reasoning)
                && (attempt.title.is_some() || attempt.reasoning.is_some())
        })
    }

    /// Title and reasoning of the decisive attempt, without surrounding white space.
    pub fn explanation(&self) -> Explanation<'_> {
        self.decisive_attempt()
            .map(CaseAttempt::explanation)
            .unwrap_or_default()
    }

    /// The kind of failure, by the decisive attempt's error code; `None` if the case did not fail, or if the code is absent
    /// or unknown.
    pub fn failure_kind(&self) -> Option<FailureKind> {
        let details = self
            .decisive_attempt()
            .filter(|_| self.outcome.is_bad())?
            .details
            .as_deref()?;
        details.failure_kind()
    }

    /// The case in the latest attempt that had it.
    pub fn latest(&self) -> Option<&CaseAttempt> {
        self.attempts.last()
    }

    /// Whether an attempt of the run, given by its index, has the case.
    pub fn is_in(&self, attempt: usize) -> bool {
        self.attempts.iter().any(|seen| seen.attempt == attempt)
    }

    /// The attempt that explains the outcome: among those that count, the latest bad one with the outcome of the case, else
    /// the latest that failed or errored; else the latest of all.
    pub fn decisive_attempt(&self) -> Option<&CaseAttempt> {
        let find = |wanted: &dyn Fn(&CaseAttempt) -> bool| {
            let mut newest_first = self.attempts.iter().rev();
            newest_first.find(|attempt| attempt.counts && wanted(attempt))
        };
        find(&|attempt| self.outcome.is_bad() && attempt.outcome == self.outcome)
            .or_else(|| find(&|attempt| attempt.outcome.is_bad()))
            .or_else(|| self.latest())
    }
}

/// The quarantine entry of a test case, whose failures do not fail the step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineNote {
    /// The comment of the entry.
    pub reason: Option<String>,
    /// The last day of the entry, `YYYY-MM-DD`.
    pub until: Option<String>,
}

/// The agent's explanation of an outcome. Both texts may be empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// Short title of the outcome, one line.
    pub title: &'a str,
    /// The reasoning.
    pub reasoning: &'a str,
}

/// The name, or the short id if the name is blank.
pub(super) fn name_or_short_id<'a>(name: &'a str, short_id: &'a str) -> &'a str {
    if is_blank(name) { short_id } else { name }
}

/// A test case in one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseAttempt {
    /// Index into [`RunReport::attempts`](crate::report::RunReport::attempts).
    pub attempt: usize,
    /// Short id of the case in this attempt's run.
    pub short_id: String,
    /// Outcome in this attempt; never [`CaseOutcome::Flaky`].
    pub outcome: CaseOutcome,
    /// Whether the attempt counts; a rerun that neither passed nor failed does not, and changes no case.
    pub counts: bool,
    /// The API's status.
    pub status: String,
    /// The API's result.
    pub result: Option<String>,
    /// Short title of the outcome (`resultTitle`), written by the agent.
    pub title: Option<String>,
    /// The agent's reasoning (`evaluationThought`).
    pub reasoning: Option<String>,
    /// When polls saw which state; the API gives no times while a run is in progress.
    pub observed: Observed,
    /// Details, if they were requested and returned. Boxed, since most cases have none.
    pub details: Option<Box<CaseDetails>>,
}

impl CaseAttempt {
    /// Title and reasoning, without surrounding white space.
    pub fn explanation(&self) -> Explanation<'_> {
        Explanation {
            title: self.title.as_deref().unwrap_or_default().trim(),
            reasoning: self.reasoning.as_deref().unwrap_or_default().trim(),
        }
    }
}

/// When polls saw a case in which state. Exact only to the polling interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observed {
    /// First poll that listed it.
    pub first_seen: Millis,
    /// First poll that saw it `RUNNING`.
    pub running: Option<Millis>,
    /// First poll that saw it ended.
    pub ended: Option<Millis>,
}
