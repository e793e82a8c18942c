//! The inputs: read once from `INPUT_*`, checked all at once, turned into types that cannot be wrong.

mod annotation_paths;
pub mod overrides;
mod parse;
pub mod table;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::report::FailOn;
use crate::text::{Redactor, Secret};
pub use annotation_paths::PathRule;
pub use overrides::{ApplicationOverride, EnvironmentOverride, NotificationOverride};
pub use parse::{Rejected, parse};

/// Everything the user asked for.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// Every secret that was given, also one that is not used: a `webhook_secret` without a URL.
    secrets: Redactor,
    /// Project API token; `None` only where `on_missing_token: skip` applies.
    pub api_token: Option<Secret>,
    /// Base URL without a trailing slash.
    pub api_url: Url,
    /// What to run.
    pub target: Target,
    /// Whether to wait.
    pub blocking: bool,
    /// The start request's `applications`, empty for none.
    pub applications: Vec<ApplicationOverride>,
    /// The start request's `notifications`, empty for none.
    pub notifications: Vec<NotificationOverride>,
    /// Deadline, from the program's start.
    pub timeout: Duration,
    /// Fixed polling interval; `None` for the adaptive cadence.
    pub poll_interval: Option<Duration>,
    /// Stop waiting at the first failed test case.
    pub fail_fast: bool,
    /// How often failed cases are rerun.
    pub rerun_failed: u32,
    /// What to do when GitHub re-runs the job.
    pub on_github_rerun: OnGithubRerun,
    /// Verdicts that fail the step.
    pub fail_on: FailOn,
    /// When to write the job summary.
    pub summary: SummaryWhen,
    /// Where failed cases are annotated.
    pub annotations: Annotations,
    /// Name of the check run, where given.
    pub check_name: Option<String>,
    /// Where annotations point, in order of precedence.
    pub annotation_paths: Vec<PathRule>,
    /// When to write the sticky comment.
    pub comment: CommentWhen,
    /// The user's own key.
    pub comment_key: Option<String>,
    /// Token for GitHub.
    pub github_token: Option<Secret>,
    /// Report files.
    pub files: ReportFiles,
    /// The outputs once more, as dotenv.
    pub outputs_path: Option<PathBuf>,
    /// Earlier results.
    pub history_path: Option<PathBuf>,
    /// Where the JSON report is posted.
    pub webhook: Option<Webhook>,
    /// Whether a failing plan gets an issue.
    pub issue: bool,
    /// Labels of that issue.
    pub issue_labels: Vec<String>,
    /// Send nothing.
    pub dry_run: bool,
    /// What the user should know of the inputs, such as one that is ignored.
    pub notices: Vec<String>,
}

/// What to run: new runs of plans, or runs that exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One run per plan; `None` is the project's default. Never empty.
    Start(Vec<Option<String>>),
    /// Short ids of runs that exist. Never empty.
    Attach(Vec<String>),
}

/// `on_github_rerun`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGithubRerun {
    /// Start afresh.
    All,
    /// Rerun only what failed in the earlier attempt.
    Failed,
}

/// `summary`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryWhen {
    /// Whatever the verdict.
    Always,
    /// Whenever the verdict is not `passed`.
    Failure,
    /// Never.
    Off,
}

/// `annotations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Annotations {
    /// A check run with annotations.
    Check,
    /// Workflow commands.
    Log,
    /// None.
    Off,
}

/// `comment`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentWhen {
    /// Never.
    Off,
    /// Created on failure, updated ever after.
    Failure,
    /// Whatever the verdict.
    Always,
}

/// Report files to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportFiles {
    /// `junit_path`
    pub junit: Option<PathBuf>,
    /// `ctrf_path`
    pub ctrf: Option<PathBuf>,
    /// `json_path`
    pub json: Option<PathBuf>,
    /// `html_path`
    pub html: Option<PathBuf>,
}

/// Where the JSON report is posted. The URL's path and query are secrets.
#[derive(Clone)]
pub struct Webhook {
    /// https, or a loopback host.
    pub url: Url,
    /// Key of the signature.
    pub secret: Option<Secret>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({})", self.url.host_str().unwrap_or_default())
    }
}

impl Inputs {
    /// The redactor of every secret the inputs hold. Proxies are added by who reads the environment.
    pub fn redactor(&self) -> Redactor {
        let mut redactor = self.secrets.clone();
        for application in &self.applications {
            if let Some(EnvironmentOverride::Url { url, name: _ }) = &application.environment {
                redactor.add_written_url(url);
            }
        }
        redactor
    }

    /// The plans' short ids, as asked for.
    pub fn plans(&self) -> Vec<&str> {
        match &self.target {
            Target::Start(plans) => plans.iter().flatten().map(String::as_str).collect(),
            Target::Attach(_) => Vec::new(),
        }
    }
}
