//! The inputs: read once from the environment, checked all at once, and turned into types that hold valid values only.

mod annotation_paths;
mod builds;
mod config_overrides;
pub mod environments;
mod json;
mod lines;
pub mod overrides;
mod parse;
mod secrets;
pub mod table;
mod values;
mod wait_for;
mod web_url;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use crate::report::FailOn;
use crate::text::ShortId;
use crate::text::{Redactor, Secret};
pub use annotation_paths::PathRule;
pub use overrides::{ApplicationOverride, EnvironmentOverride, NotificationOverride};
pub use parse::{Rejected, parse};
pub use wait_for::SHA_PLACEHOLDER;

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
    /// Project that the key acts on (`projectShortId`); an organization's key needs it.
    pub project_short_id: Option<String>,
    /// Single test cases to run as one run instead of a plan (`testCaseIds`); empty for none.
    pub test_case_ids: Vec<String>,
    /// The start request's `parameters`. Every string value in it is a secret.
    pub config_overrides: Option<ConfigOverrides>,
    /// Builds to upload before the start.
    pub builds: Vec<Build>,
    /// How long `deployment` environments are waited for.
    pub deployment_timeout: Duration,
    /// URLs that must answer before the start.
    pub wait_for: Vec<Probe>,
    /// How long they are waited for.
    pub wait_for_timeout: Duration,
    /// What the user says was tested, instead of what is detected.
    pub tested: Tested,
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
    /// Which failed cases are rerun.
    pub rerun_only: RerunOnly,
    /// Which cases' details are asked for once a run has ended.
    pub case_details: CaseDetailsFor,
    /// Folder for the last screenshot of each failed case.
    pub screenshots_path: Option<PathBuf>,
    /// Lines of `quarantine`; [`crate::report`] knows their grammar.
    pub quarantine: Option<String>,
    /// File with such lines.
    pub quarantine_path: Option<PathBuf>,
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
    /// Messages on the inputs, such as one that is ignored. They repeat values, so they are redacted where they are shown.
    pub notices: Vec<String>,
    /// Messages on inputs that are probably wrong, such as a secret that is very short.
    pub warnings: Vec<String>,
}

/// What to run: new runs of plans, or runs that exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One run per plan; `None` is the project's default. Never empty.
    Start(Vec<Option<String>>),
    /// Short ids of runs that exist. Never empty.
    Attach(Vec<ShortId>),
}

/// `config_overrides`: maps of config short ids to payloads, sent as the start request's `parameters`.
/// It has no `Debug` form that shows a value: user names, passwords and tokens stand in it.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigOverrides {
    /// Config short id → the whole payload that replaces the config.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub configs: Map<String, Value>,
    /// Environment UUID → such a map.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub configs_by_environment: Map<String, Value>,
}

impl std::fmt::Debug for ConfigOverrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfigOverrides(***)")
    }
}

/// One line of `builds`: a build file to upload, and the application to test on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Short id of the application, `app_…`.
    pub application: String,
    /// Path of the `.apk`, `.aab` or `.ipa` file.
    pub path: PathBuf,
    /// Platform, by the file's extension.
    pub platform: Platform,
}

/// Platform of a mobile application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// `.apk` or `.aab`.
    Android,
    /// `.ipa`.
    Ios,
}

/// One line of `wait_for`: a URL that must answer before runs are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The URL, in which `{sha}` stands for the head commit. Its query is a secret: never log it unredacted.
    pub url: String,
    /// Text that the answer must contain, with `{sha}` likewise.
    pub contains: Option<String>,
}

/// `commit`, `branch` and `pull_request`: what was tested, where the user says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tested {
    /// Commit SHA.
    pub commit: Option<String>,
    /// Branch name.
    pub branch: Option<String>,
    /// Number of the pull request.
    pub pull_request: Option<u64>,
}

/// `rerun_only`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RerunOnly {
    /// All cases that failed.
    #[default]
    Failed,
    /// Cases that the agent or the platform missed (`AGENT_…`, `PLATFORM_…`).
    Misses,
}

impl RerunOnly {
    /// The values of the input.
    pub(crate) const CHOICES: &[(&str, Self)] = &[("failed", Self::Failed), ("misses", Self::Misses)];
}

/// `case_details`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CaseDetailsFor {
    /// Failed and errored cases.
    #[default]
    Failed,
    /// Every case.
    All,
    /// No case.
    Off,
}

impl CaseDetailsFor {
    /// The values of the input.
    pub(crate) const CHOICES: &[(&str, Self)] = &[("failed", Self::Failed), ("all", Self::All), ("off", Self::Off)];
}

/// `on_github_rerun`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnGithubRerun {
    /// Start afresh.
    #[default]
    All,
    /// Rerun only what failed in the earlier attempt.
    Failed,
}

impl OnGithubRerun {
    /// The values of the input.
    pub(crate) const CHOICES: &[(&str, Self)] = &[("all", Self::All), ("failed", Self::Failed)];
}

/// `summary`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SummaryWhen {
    /// Whatever the verdict.
    #[default]
    Always,
    /// Whenever the verdict is not `passed`.
    Failure,
    /// Never.
    Off,
}

impl SummaryWhen {
    /// The values of the input.
    pub(crate) const CHOICES: &[(&str, Self)] =
        &[("always", Self::Always), ("failure", Self::Failure), ("off", Self::Off)];
}

/// `annotations`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Annotations {
    /// A check run with annotations.
    #[default]
    Check,
    /// Annotations on the job's own check run.
    Job,
    /// Workflow commands.
    Log,
    /// None.
    Off,
}

impl Annotations {
    /// The values of the input.
    pub(crate) const CHOICES: &[(&str, Self)] = &[
        ("check", Self::Check),
        ("job", Self::Job),
        ("log", Self::Log),
        ("off", Self::Off),
    ];
}

/// `comment`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CommentWhen {
    /// Never.
    #[default]
    Off,
    /// Created on failure, updated ever after.
    Failure,
    /// Whatever the verdict.
    Always,
}

impl CommentWhen {
    /// The values of the input.
    pub(crate) const CHOICES: &[(&str, Self)] =
        &[("off", Self::Off), ("failure", Self::Failure), ("always", Self::Always)];
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
    /// The redactor of every secret in the inputs. Those of proxies are added by whoever reads the environment.
    pub fn redactor(&self) -> Redactor {
        self.secrets.clone()
    }

    /// Whether an application is tested at a deployment that GitHub knows.
    pub fn wants_deployment(&self) -> bool {
        self.applications
            .iter()
            .any(|application| matches!(application.environment, Some(EnvironmentOverride::Deployment { .. })))
    }

    /// The plans' short ids, as asked for.
    pub fn plans(&self) -> Vec<&str> {
        match &self.target {
            Target::Start(plans) => plans.iter().flatten().map(String::as_str).collect(),
            Target::Attach(_) => Vec::new(),
        }
    }
}
