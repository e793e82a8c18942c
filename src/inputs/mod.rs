//! The inputs: read once from the environment, validated together, and converted to types that have only valid values.

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

/// All inputs, parsed.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// All secrets in the inputs, including those that are not used, such as a `webhook_secret` without a URL.
    secrets: Redactor,
    /// API token; `None` only if `on_missing_token: skip` applies.
    pub api_token: Option<Secret>,
    /// Base URL without a trailing slash.
    pub api_url: Url,
    /// What to run.
    pub target: Target,
    /// Project that the key is used for (`projectShortId`). An organization's key requires it.
    pub project_short_id: Option<String>,
    /// Single test cases to run as one run instead of a plan (`testCaseIds`); empty for none.
    pub test_case_ids: Vec<String>,
    /// The start request's `parameters`. Every string value in it is a secret.
    pub config_overrides: Option<ConfigOverrides>,
    /// Builds to upload before the start.
    pub builds: Vec<Build>,
    /// How long to wait for `deployment` environments.
    pub deployment_timeout: Duration,
    /// URLs that must answer before the start.
    pub wait_for: Vec<Probe>,
    /// How long to wait for these URLs.
    pub wait_for_timeout: Duration,
    /// The tested commit, branch and pull request, if set by inputs instead of detected.
    pub tested: Tested,
    /// Whether to wait for the runs to end.
    pub blocking: bool,
    /// The start request's `applications`, empty for none.
    pub applications: Vec<ApplicationOverride>,
    /// The start request's `notifications`, empty for none.
    pub notifications: Vec<NotificationOverride>,
    /// Time limit, from the start of the program.
    pub timeout: Duration,
    /// Fixed polling interval; `None` for the adaptive cadence.
    pub poll_interval: Option<Duration>,
    /// Whether to stop waiting at the first failed test case.
    pub fail_fast: bool,
    /// How many times to rerun failed cases.
    pub rerun_failed: u32,
    /// Which failed cases to rerun.
    pub rerun_only: RerunOnly,
    /// The cases whose details are requested after a run has ended.
    pub case_details: CaseDetailsFor,
    /// Folder for the last screenshot of each failed case.
    pub screenshots_path: Option<PathBuf>,
    /// Lines of `quarantine`, which [`crate::report`] parses.
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
    /// Name of the check run, if set.
    pub check_name: Option<String>,
    /// Where annotations point, in order of precedence.
    pub annotation_paths: Vec<PathRule>,
    /// When to comment on the pull request.
    pub comment: CommentWhen,
    /// The key that the user set.
    pub comment_key: Option<String>,
    /// Token for GitHub.
    pub github_token: Option<Secret>,
    /// Report files.
    pub files: ReportFiles,
    /// Path of the dotenv file with the outputs.
    pub outputs_path: Option<PathBuf>,
    /// Path of the file with earlier results.
    pub history_path: Option<PathBuf>,
    /// Where to send the JSON report.
    pub webhook: Option<Webhook>,
    /// Whether a failing plan gets an issue.
    pub issue: bool,
    /// Labels of that issue.
    pub issue_labels: Vec<String>,
    /// Whether to send nothing.
    pub dry_run: bool,
    /// Messages about inputs, for example one that is ignored. They contain values and are redacted before they are shown.
    pub notices: Vec<String>,
    /// Messages about inputs that are probably wrong, such as a very short secret.
    pub warnings: Vec<String>,
}

/// What to run: new runs of plans, or existing runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One run per plan; `None` is the project's default. Never empty.
    Start(Vec<Option<String>>),
    /// Short ids of existing runs. Never empty.
    Attach(Vec<ShortId>),
}

/// `config_overrides`: maps of config short ids to payloads, sent as the start request's `parameters`.
/// `Debug` shows no values, since they are user names, passwords and tokens.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigOverrides {
    /// Config short id → the payload that replaces the config.
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
    /// Platform, determined by the file's extension.
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
    /// Text that the answer must contain, in which `{sha}` stands for the head commit too.
    pub contains: Option<String>,
}

/// `commit`, `branch` and `pull_request`: the tested commit, as far as inputs set it.
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
    /// Start new runs.
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
    /// For every verdict.
    #[default]
    Always,
    /// If the verdict is not `passed`.
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
    /// Created at the first failure, and then updated.
    Failure,
    /// For every verdict.
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

/// Where to send the JSON report. The path and query of the URL are secrets.
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
    /// The redactor of all secrets in the inputs. The caller adds those of proxies.
    pub fn redactor(&self) -> Redactor {
        self.secrets.clone()
    }

    /// Whether an application is tested at a GitHub deployment.
    pub fn wants_deployment(&self) -> bool {
        self.applications
            .iter()
            .any(|application| matches!(application.environment, Some(EnvironmentOverride::Deployment { .. })))
    }

    /// The short ids of the plans, as given.
    pub fn plans(&self) -> Vec<&str> {
        match &self.target {
            Target::Start(plans) => plans.iter().flatten().map(String::as_str).collect(),
            Target::Attach(_) => Vec::new(),
        }
    }
}
