//! The one table of inputs: `action.yml`, `--help`, the README and the parser are held to it by a test.

use serde::Deserialize;

/// One input of the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Name, in `[a-z0-9_]`: dash and busybox drop environment names with other characters.
    pub name: &'static str,
    /// Default as `action.yml` declares it; empty where there is none.
    pub default: &'static str,
    /// What it means, in Markdown.
    pub help: &'static str,
}

impl Input {
    /// The variable that carries it: `INPUT_<NAME>`.
    pub fn variable(&self) -> String {
        format!("INPUT_{}", self.name.to_ascii_uppercase())
    }
}

macro_rules! inputs {
    ($($name:ident = $default:literal, $help:literal;)*) => {
        /// Every input, in the order in which it is documented.
        pub const INPUTS: &[Input] = &[$(Input { name: stringify!($name), default: $default, help: $help }),*];

        /// The inputs as they were given: `None` where unset or blank.
        #[derive(Debug, Default, Clone, Deserialize)]
        #[serde(default)]
        #[allow(missing_docs)]
        pub struct Raw {
            $(pub $name: Option<String>,)*
        }
    };
}

inputs! {
    api_token = "", "Project API token of QA.tech (**Settings → Integrations → API**). Unset: the environment variable `QATECH_API_TOKEN`.";
    on_missing_token = "fail", "Without a token: `fail`, or `skip` to end green with a notice (pull requests from forks and from Dependabot get no secrets).";
    api_url = "https://api.qa.tech/v1", "Base URL of the QA.tech API. Must be https, except for loopback hosts.";
    project_id = "", "Accepted so that workflows of the vendor's action can switch; ignored, since the token tells the project.";
    test_plan_short_id = "", "Test plan to run. Several, split by comma, space or newline, start one run each. Unset: one run of the project's default.";
    run_short_id = "", "Attach to runs that exist instead of starting any; several as above. Excludes `test_plan_short_id`, `applications_config`, `environments` and `notifications_config`.";
    blocking = "true", "`false`: start, write outputs, do not wait. With `run_short_id`: one look at the run.";
    applications_config = "", "Application overrides as JSON: the API's array, `{\"applications\": [array]}`, or the vendor action's `{\"applications\": {id: {environment, devicePresetShortId}}}`.";
    environments = "", "Application overrides without JSON: lines `application = https://…` or `application = env_…`. Excludes `applications_config`.";
    notifications_config = "", "Slack overrides: the API's JSON array.";
    timeout_minutes = "60", "How long to wait for the runs' end, in minutes; fractions allowed. Then the verdict is `timed_out`.";
    poll_interval_seconds = "", "Fixed polling interval in seconds (at least 0.1). Unset: adaptive, quick while a run is young or nearly done, never slower than 10 s.";
    fail_fast = "false", "Stop waiting at the first failed test case.";
    rerun_failed = "0", "After a failed run, rerun its failed cases up to this many times. A case that then passes is flaky.";
    on_github_rerun = "all", "When GitHub re-runs the job: `all` starts afresh, `failed` reruns only what failed in the earlier attempt.";
    fail_on = "failed,error,cancelled,timed_out,unknown", "Verdicts that make the step fail. May also name `skipped` and `flaky`; `none` for none.";
    summary = "always", "Job summary: `always`, `failure` (whenever the verdict is not `passed`), `off`.";
    annotations = "check", "`check`: a check run with annotations on the pull request's head; `log`: workflow commands; `off`.";
    check_name = "", "Name of the check run. Unset: `QA.tech (<plan ids, or the job>)`.";
    annotation_paths = "", "Where annotations point: lines `pattern = path[:line]`, glob (`*` and `?`) on the test case's name, first match wins. Nothing matches: the workflow file.";
    comment = "off", "Sticky pull-request comment: `off`, `failure` (created on failure, updated ever after), `always`.";
    comment_key = "", "Tells comments and check runs of several jobs apart. Unset: made of workflow, job, plans, application ids and device presets.";
    github_token = "${{ github.token }}", "Token for check run, comment and issue.";
    junit_path = "", "JUnit XML report to write.";
    ctrf_path = "", "CTRF JSON report to write.";
    json_path = "", "JSON report of our own, with everything known, to write.";
    html_path = "", "HTML report, one self-contained file, to write.";
    outputs_path = "", "The outputs once more as a dotenv file, for GitLab's `artifacts:reports:dotenv` and the like.";
    history_path = "", "JSON-lines file of earlier results: appended to, and shown as a trend in summary and HTML.";
    webhook_url = "", "POST the JSON report there. Must be https, except for loopback hosts.";
    webhook_secret = "", "Signs the webhook's body with HMAC-SHA256 (`X-Hub-Signature-256`).";
    issue = "off", "`failure`: open one issue per plan when it fails, comment while it stays red, close it when it is green.";
    issue_labels = "qa-tech", "Labels of that issue, split by comma or newline.";
    dry_run = "false", "Check everything, print what would be sent, send nothing.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_every_shell() {
        for input in INPUTS {
            assert!(
                input.name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_')),
                "{}",
                input.name
            );
            assert!(!input.help.trim().is_empty(), "{}", input.name);
        }
    }
}
