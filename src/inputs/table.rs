//! The table of inputs. Tests compare `action.yml`, `--help`, the README and the parser with it.

use serde::Deserialize;

/// One input of the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Name, in `[a-z0-9_]`: dash and busybox drop environment names with other characters.
    pub name: &'static str,
    /// Default as in `action.yml`; empty if there is none.
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
    api_token = "", "API key of a QA.tech project or organization (**Settings → Integrations → API**). Unset: the environment variable `QATECH_API_TOKEN`, `QATECH_API_KEY` or `QA_TECH_API_TOKEN`.";
    on_missing_token = "fail", "Without a token: `fail`, or `skip` to pass with a notice (pull requests from forks and from Dependabot get no secrets).";
    api_url = "https://api.qa.tech/v1", "Base URL of the QA.tech API. Must be https, except for loopback hosts.";
    project_short_id = "", "Project (`proj_…`) that the runs belong to; required with an organization's key. Unset: the environment variable `QATECH_PROJECT_SHORT_ID`.";
    project_id = "", "Input of older versions of the vendor's action: a value of the form `proj…` is used as `project_short_id`, any other is ignored with a notice.";
    test_plan_short_id = "", "Test plan to run. Several, separated by comma, space or newline, start one run each. Unset: one run of the project's default plan.";
    test_plan_short_ids = "", "Alias of `test_plan_short_id`, the name in version 1 of the vendor's action.";
    test_case_ids = "", "UUIDs of single test cases to run as one run instead of a plan, separated by comma, space or newline.";
    run_short_id = "", "Attach to existing runs instead of starting any: short ids, or addresses of run pages (`https://app.qa.tech/…/results/<id>`). Excludes every input that only a start uses.";
    blocking = "true", "`false`: start, write the outputs, do not wait. With `run_short_id`: query the run once.";
    applications_config = "", "Application overrides as JSON: the API's array, `{\"applications\": [array]}`, or the vendor action's `{\"applications\": {id: {environment, devicePresetShortId}}}`. An environment is `{url, name}`, `{shortId}` or `{applicationBuildShortId}`.";
    environments = "", "Application overrides without JSON: lines `application = …` with a URL, the short id of an environment (`env_…`) or a build (`build_…`), or `deployment[: glob]` for the GitHub deployment of the head commit. Excludes `applications_config`.";
    config_overrides = "", "Config overrides as JSON, `{\"configs\": {…}, \"configsByEnvironment\": {…}}`, sent as the API's `parameters`. Every string value of at least 4 characters is treated as a secret.";
    builds = "", "Builds of mobile applications to upload and test: lines `application = path` of an `.apk`, `.aab` or `.ipa` file.";
    deployment_timeout_minutes = "15", "How long to wait for a `deployment` of `environments`, in minutes; fractions allowed.";
    wait_for = "", "Wait until these URLs answer before starting runs: lines `URL` or `URL contains TEXT`, where `{sha}` is replaced by the head commit.";
    wait_for_timeout_minutes = "10", "How long to wait for the URLs of `wait_for`, in minutes; fractions allowed. Then the verdict is `timed_out`, and no run is started.";
    commit = "", "Full SHA of the commit that is tested. Unset: detected from the event.";
    branch = "", "Branch that is tested. Unset: detected from the event.";
    pull_request = "", "Number of the pull request that is tested. Unset: detected from the event.";
    notifications_config = "", "Slack overrides: the API's JSON array.";
    timeout_minutes = "60", "How long to wait for the runs to end, in minutes; fractions allowed. Then the verdict is `timed_out`.";
    poll_interval_seconds = "", "Fixed polling interval in seconds (at least 0.1). Unset: adaptive, short while a run is young or nearly done, never longer than 10 s.";
    fail_fast = "false", "Stop waiting at the first failed test case.";
    rerun_failed = "0", "After a failed run, rerun its failed cases up to this many times. A case that then passes is flaky.";
    rerun_only = "failed", "Which cases are rerun: `failed` for all that failed, `misses` for those that the agent or the platform missed (error codes `AGENT_…` and `PLATFORM_…`).";
    case_details = "failed", "Cases whose details (error code, duration, screenshot) are requested once a run has ended: `failed`, `all` or `off`.";
    screenshots_path = "", "Folder for the last screenshot of each failed case.";
    quarantine = "", "Test cases that do not gate: lines `pattern [until YYYY-MM-DD] [# why]`.";
    quarantine_path = "", "File with such lines.";
    on_github_rerun = "all", "When GitHub re-runs the job: `all` starts new runs, `failed` reruns only what failed in the earlier attempt.";
    fail_on = "failed,error,cancelled,timed_out,unknown", "Verdicts that make the step fail. May also name `skipped`, `flaky`, `quarantined` and `no_tests` (a run that passed without a single test case); `none` for none.";
    summary = "always", "Job summary: `always`, `failure` (unless the verdict is `passed`), `off`.";
    annotations = "check", "Where failed cases are annotated: `check` on a check run of its own on the pull request's head, `job` on the job's own check run, `log` by workflow commands, `off`.";
    check_name = "", "Name of the check run. Unset: `QA.tech (<plan ids, or the job>)`.";
    annotation_paths = "", "Where annotations point: lines `pattern = path[:line]`, glob (`*` and `?`) on the test case's name, first match wins. Without a match: the workflow file.";
    comment = "off", "Sticky pull-request comment: `off`, `failure` (created on failure, updated from then on), `always`.";
    comment_key = "", "Distinguishes the comments and check runs of several jobs. Unset: made of workflow, job, plans, application ids and device presets.";
    github_token = "${{ github.token }}", "Token for check run, comment and issue.";
    junit_path = "", "JUnit XML report to write.";
    ctrf_path = "", "CTRF JSON report to write.";
    json_path = "", "JSON report with every detail, to write.";
    html_path = "", "HTML report to write, one self-contained file.";
    outputs_path = "", "The outputs as a dotenv file too, for GitLab's `artifacts:reports:dotenv` and the like.";
    history_path = "", "JSON-lines file of earlier results: appended to, and shown as a trend in summary and HTML.";
    webhook_url = "", "URL to POST the JSON report to. Must be https, except for loopback hosts.";
    webhook_secret = "", "Signs the webhook's body with HMAC-SHA256 (`X-Hub-Signature-256`).";
    issue = "off", "`failure`: open one issue per plan when it fails, comment while it keeps failing, close it when it passes.";
    issue_labels = "qa-tech", "Labels of that issue, separated by comma or newline.";
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
