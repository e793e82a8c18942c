//! The report: everything that is known of the runs, as plain data that every renderer and sink reads.
//!
//! Nothing here knows a network, a clock or the environment: times are offsets that the caller observed.
//! All text in it has passed the redactor, none of it has been escaped: that is each renderer's job.

pub mod counts;
pub mod details;
pub mod history;
mod links;
pub mod merge;
#[doc(hidden)]
pub mod sample;
pub mod slice;
pub mod status;
pub mod trend;
pub mod verdict;

pub use counts::Counts;
pub use details::{CaseDetails, Classification, FailureKind, ImageFormat, Screenshot};
pub(crate) use links::is_https;
pub use slice::ReportSlice;
pub use trend::Trend;
pub use verdict::{FailOn, Verdict};

/// Milliseconds since the program started, as observed on a monotonic clock.
pub type Millis = u64;

/// Everything known when the sinks are served.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Wall clock when the program started, milliseconds since the Unix epoch.
    pub started_at: u64,
    /// From the start of the program until this report was made.
    pub duration: Millis,
    /// What was asked for: decides whether a missing verdict is news.
    pub mode: Mode,
    /// Where the program runs and for which commit.
    pub origin: Origin,
    /// One entry per plan or attached run, in the order of the input. Empty after `on_missing_token: skip`.
    pub runs: Vec<RunReport>,
    /// The signal that ended the wait, if one did.
    pub interrupted_by: Option<Signal>,
    /// The step is green whatever the verdict: `fail_on` names none of the runs' verdicts.
    pub tolerated: bool,
    /// What the user should know besides the verdict (fallbacks, contradictions), in order of appearance.
    pub warnings: Vec<String>,
    /// What earlier results say, where there is a history.
    pub trend: Option<Trend>,
}

/// What the step was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Start or attach, and wait until the runs end.
    Wait,
    /// `blocking: false`: start, do not wait.
    StartOnly,
    /// `blocking: false` with `run_short_id`: one look at runs that exist.
    Look,
    /// `on_missing_token: skip` and no token: nothing was done.
    SkippedWithoutToken,
}

/// The signals that interrupt the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, or CTRL_C on Windows.
    Int,
    /// SIGTERM, or CTRL_BREAK on Windows.
    Term,
    /// SIGHUP.
    Hup,
}

impl Signal {
    /// The system's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "SIGINT",
            Self::Term => "SIGTERM",
            Self::Hup => "SIGHUP",
        }
    }

    /// The exit code after it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Int => verdict::exit::SIGINT,
            Self::Term | Self::Hup => verdict::exit::SIGTERM,
        }
    }
}

/// Where the report comes from. Every text in it is untrusted: branches, messages and actors are chosen by strangers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// `owner/name`.
    pub repository: Option<String>,
    /// The commit the runs speak of: the head commit of a pull request, not its merge commit.
    pub sha: Option<String>,
    /// The head branch's name.
    pub branch: Option<String>,
    /// The repository's default branch, where the event tells it.
    pub default_branch: Option<String>,
    /// Who caused the workflow run.
    pub actor: Option<String>,
    /// Message of the head commit, where the event has it.
    pub commit_message: Option<String>,
    /// Name of the event, such as `pull_request`.
    pub event: Option<String>,
    /// Name of the workflow.
    pub workflow: Option<String>,
    /// Id of the job.
    pub job: Option<String>,
    /// `GITHUB_RUN_ID`.
    pub run_id: Option<u64>,
    /// `GITHUB_RUN_ATTEMPT`.
    pub run_attempt: Option<u64>,
    /// Page of the workflow run.
    pub ci_url: Option<String>,
    /// Number of the pull request.
    pub pull_request: Option<u64>,
}

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
    /// How much of the first run's list of cases the API has given.
    pub listed: CaseCoverage,
    /// The verdict over all attempts; `None` where nothing was waited for.
    pub verdict: Option<Verdict>,
    /// Why the verdict is not simply what the API said (refused, out of reach, deadline, …), for people.
    pub problem: Option<String>,
}

/// Which of a run's test cases are known. Of a run that has ended, as they were then: what a list told before says
/// nothing of what failed later.
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

/// How an attempt came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOrigin {
    /// We started it.
    Started,
    /// It existed: `run_short_id`.
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
    /// How it came to be.
    pub origin: AttemptOrigin,
    /// Short id, the one in URLs.
    pub short_id: String,
    /// Internal id (UUID), where the API has told it.
    pub id: Option<String>,
    /// The run's page; only a start or a rerun tells it.
    pub url: Option<String>,
    /// Latest status seen.
    pub status: Option<String>,
    /// Latest result seen.
    pub result: Option<String>,
    /// Number of test cases, as the start or rerun told it.
    pub test_count: Option<u64>,
    /// Verdict on this attempt alone.
    pub verdict: Option<Verdict>,
    /// Why, where `verdict` does not follow from status and result.
    pub problem: Option<String>,
    /// When the run was created or first looked at.
    pub began: Millis,
    /// When it was seen to have ended.
    pub ended: Option<Millis>,
    /// Status changes as they were observed.
    pub changes: Vec<StatusChange>,
    /// GET requests made for it.
    pub requests: u64,
    /// Those of them that failed and were retried.
    pub retries: u64,
}

/// A status as it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// When it was seen.
    pub at: Millis,
    /// The run's status.
    pub status: String,
    /// The run's result.
    pub result: Option<String>,
}

/// What became of a test case.
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
    /// Not seen to end, or with a status or result that we do not know.
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
    /// running, or has a status or result that we do not know, is unfinished.
    pub fn of(status: &str, result: Option<&str>) -> Self {
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

    /// Whether a person should look at it: failed or errored.
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
    /// Over all attempts.
    pub outcome: CaseOutcome,
    /// What each attempt that had the case said of it, in order; never empty.
    pub attempts: Vec<CaseAttempt>,
    /// The quarantine entry that matches the case, where one does.
    pub quarantine: Option<QuarantineNote>,
}

/// Why a test case is in quarantine: its failures do not fail the step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineNote {
    /// The reason that the entry gives.
    pub reason: Option<String>,
    /// The last day it counts, `YYYY-MM-DD`.
    pub until: Option<String>,
}

impl Case {
    /// The latest attempt's word on the case.
    pub fn latest(&self) -> Option<&CaseAttempt> {
        self.attempts.last()
    }

    /// Whether an attempt of the run, given by its index, has the case.
    pub fn is_in(&self, attempt: usize) -> bool {
        self.attempts.iter().any(|seen| seen.attempt == attempt)
    }

    /// The attempt that tells why the case is not simply passed: of those that count, the latest that ended as the case
    /// did, else the latest that failed or errored, else the latest of all.
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

/// What one attempt said of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseAttempt {
    /// Index into [`RunReport::attempts`].
    pub attempt: usize,
    /// Short id of the case in this attempt's run.
    pub short_id: String,
    /// Outcome in this attempt; never [`CaseOutcome::Flaky`].
    pub outcome: CaseOutcome,
    /// False in a rerun that neither passed nor failed: it changes no case.
    pub counts: bool,
    /// The API's status.
    pub status: String,
    /// The API's result.
    pub result: Option<String>,
    /// Short title of the outcome (`resultTitle`), written by the agent.
    pub title: Option<String>,
    /// The agent's reasoning (`evaluationThought`).
    pub reasoning: Option<String>,
    /// When we saw what; the API gives no times.
    pub observed: Observed,
    /// Details, where they were asked for and given. Boxed: most cases have none.
    pub details: Option<Box<CaseDetails>>,
}

/// When a case was observed in which state. Bounded by the polling interval, so never an exact duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observed {
    /// First poll that listed it.
    pub first_seen: Millis,
    /// First poll that saw it `RUNNING`.
    pub running: Option<Millis>,
    /// First poll that saw it ended.
    pub ended: Option<Millis>,
}

impl RunReport {
    /// The latest run at QA.tech.
    pub fn latest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The verdict, or what QA.tech said at a look at a run that was not waited for; `None` where it was not seen to end.
    pub fn seen(&self) -> Option<Verdict> {
        self.verdict.or_else(|| self.latest()?.seen())
    }

    /// What to call the run: the plan's name, else its short id, else the run's short id.
    pub fn label(&self) -> &str {
        self.plan
            .as_ref()
            .map(|plan| plan.name.as_str())
            .filter(|name| !name.trim().is_empty())
            .or(self.requested_plan.as_deref())
            .or_else(|| self.latest().map(|attempt| attempt.short_id.as_str()))
            .unwrap_or("QA.tech run")
    }
}

impl Attempt {
    /// The verdict, or what follows from status and result where nothing was waited for; `None` for a run that is not over.
    pub fn seen(&self) -> Option<Verdict> {
        let told = || match (self.status.as_deref()?, self.result.as_deref()) {
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
        self.verdict.or_else(told)
    }
}
