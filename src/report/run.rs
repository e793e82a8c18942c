//! One run with its attempts.

use crate::report::links::is_https;
use crate::report::{Case, Millis, Verdict, status};
use crate::text::ShortId;

/// One plan's run with all its attempts, or one attached run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The plan that was asked for, or `None` for the project's default or an attached run.
    pub requested_plan: Option<String>,
    /// The plan as the API named it.
    pub plan: Option<TestPlan>,
    /// Whether this program created the run; `None` where a start may or may not have happened.
    pub created: Option<bool>,
    /// The first run, then its reruns. Empty where the start failed.
    pub attempts: Vec<Attempt>,
    /// All test cases, merged over the attempts.
    pub cases: Vec<Case>,
    /// How much of the first attempt's list of cases is known.
    pub listed: CaseCoverage,
    /// The verdict over all attempts; `None` if the run was not waited for.
    pub verdict: Option<Verdict>,
    /// Why the verdict differs from the API's result (refused, unreachable, deadline, …), for people.
    pub problem: Option<String>,
}

/// Which of a run's test cases are known. For a run that has ended, only lists read after its end count: an earlier list
/// does not show later failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseCoverage {
    /// Some, or none.
    Partial,
    /// At least those that failed, errored or were skipped.
    Failures,
    /// All.
    Complete,
}

/// A test plan's name and short id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestPlan {
    /// Short id, such as `pln_smoke`.
    pub short_id: String,
    /// Name in QA.tech.
    pub name: String,
}

/// How an attempt was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOrigin {
    /// This program started it.
    Started,
    /// It existed before: `run_short_id`.
    Attached,
    /// Rerun of the failed cases: `rerun_failed`.
    Rerun,
    /// Rerun because GitHub re-ran the job: `on_github_rerun: failed`.
    GithubRerun,
}

impl AttemptOrigin {
    /// The word in outputs and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Attached => "attached",
            Self::Rerun => "rerun",
            Self::GithubRerun => "github_rerun",
        }
    }
}

/// One run at QA.tech.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// How it was created.
    pub origin: AttemptOrigin,
    /// Short id, as in URLs.
    pub short_id: ShortId,
    /// Internal id (UUID), if the API returned one.
    pub id: Option<String>,
    /// The run's page; only the answers to a start and a rerun contain it.
    pub url: Option<String>,
    /// Latest status seen.
    pub status: Option<String>,
    /// Latest result seen.
    pub result: Option<String>,
    /// Number of test cases in the answer to the start or rerun.
    pub test_count: Option<u64>,
    /// Verdict on this attempt alone.
    pub verdict: Option<Verdict>,
    /// Why the verdict does not follow from status and result, if it does not.
    pub problem: Option<String>,
    /// When the run was created or first polled.
    pub began: Millis,
    /// When a poll first saw that it had ended.
    pub ended: Option<Millis>,
    /// Status changes as they were observed.
    pub changes: Vec<StatusChange>,
    /// GET requests made for it.
    pub requests: u64,
    /// How many of these requests failed and were retried.
    pub retries: u64,
}

/// A change of status, as a poll first saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// When it was seen.
    pub at: Millis,
    /// The run's status.
    pub status: String,
    /// The run's result.
    pub result: Option<String>,
}

impl RunReport {
    /// A run of this plan that is not started yet.
    pub fn planned(plan: Option<String>) -> Self {
        Self {
            requested_plan: plan,
            plan: None,
            created: Some(false),
            attempts: Vec::new(),
            cases: Vec::new(),
            listed: CaseCoverage::Partial,
            verdict: None,
            problem: None,
        }
    }

    /// Whether the run passed without a single test case: the list is complete and empty, and none was announced.
    pub fn has_no_tests(&self) -> bool {
        let announced = self.attempts.iter().filter_map(|attempt| attempt.test_count);
        self.verdict == Some(Verdict::Passed)
            && self.listed == CaseCoverage::Complete
            && self.cases.is_empty()
            && announced.sum::<u64>() == 0
    }

    /// The latest run at QA.tech.
    pub fn latest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Whether the latest run at QA.tech has ended, as far as is known.
    pub fn is_over(&self) -> bool {
        self.latest().is_some_and(Attempt::is_over)
    }

    /// The verdict, else the latest attempt's result at the last poll; `None` for a run that was not seen to end.
    pub fn seen(&self) -> Option<Verdict> {
        self.verdict.or_else(|| self.latest()?.seen())
    }

    /// The run's display name: the plan's name, else the plan's short id, else the run's short id.
    pub fn label(&self) -> &str {
        self.plan
            .as_ref()
            .map(|plan| plan.name.as_str())
            .filter(|name| !name.trim().is_empty())
            .or(self.requested_plan.as_deref())
            .or_else(|| self.latest().map(|attempt| attempt.short_id.as_str()))
            .unwrap_or("QA.tech run")
    }

    /// Whether all cases that the first attempt announced are known; true if it announced none.
    pub fn first_list_is_complete(&self) -> bool {
        let announced = self.attempts.first().and_then(|first| first.test_count);
        announced.is_none_or(|announced| self.listed_in_first_attempt() >= announced)
    }

    /// How many cases the first attempt has listed.
    pub(super) fn listed_in_first_attempt(&self) -> u64 {
        let listed = self.cases.iter().filter(|case| case.is_in(0));
        listed.count() as u64
    }
}

impl Attempt {
    /// The verdict, else what follows from status and result; `None` for a run that has not ended.
    pub fn seen(&self) -> Option<Verdict> {
        let from_status = || match (self.status.as_deref()?, self.result.as_deref()) {
            (status::ERROR, _) => Some(Verdict::Error),
            (status::CANCELLED, _) => Some(Verdict::Cancelled),
            (status::COMPLETED, result) => Some(match result? {
                status::PASSED => Verdict::Passed,
                status::FAILED => Verdict::Failed,
                status::SKIPPED => Verdict::Skipped,
                _ => Verdict::Unknown,
            }),
            (_, _) => None,
        };
        self.verdict.or_else(from_status)
    }

    /// Whether it has ended at QA.tech, by its latest status.
    pub fn is_over(&self) -> bool {
        self.status.as_deref().is_some_and(status::is_over)
    }

    /// The run's page, if it may be shown as a link: an https URL without user information.
    pub fn link(&self) -> Option<&str> {
        self.url.as_deref().filter(|url| is_https(url))
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::CaseCoverage;
    use crate::report::CaseOutcome;
    use crate::report::sample::{case, run};

    #[test]
    fn a_run_has_no_tests_only_if_its_list_is_complete_and_none_was_announced() {
        let mut empty = run("A", "a", Vec::new());
        assert!(empty.has_no_tests());
        empty.listed = CaseCoverage::Partial;
        assert!(!empty.has_no_tests(), "the list could not be read");
        empty.listed = CaseCoverage::Complete;
        empty.attempts[0].test_count = Some(3);
        assert!(!empty.has_no_tests());
        let full = run("A", "a", vec![case(1, "b", CaseOutcome::Passed, "", "")]);
        assert!(!full.has_no_tests());
    }
}
