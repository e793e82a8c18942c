//! The table of inputs. Tests compare `action.yml`, `--help`, the README, `docs/inputs.md` and the parser with it.

use serde::Deserialize;

/// One input of the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// The task that it belongs to, as an imperative: the heading under which it is documented.
    pub task: &'static str,
    /// Name, in `[a-z0-9_]`: dash and busybox drop environment variables with other characters in their names.
    pub name: &'static str,
    /// Default as in `action.yml`; empty if there is none.
    pub default: &'static str,
    /// What it means, in Markdown.
    pub help: &'static str,
}

/// What the name of each input's variable begins with.
pub(super) const PREFIX: &str = "INPUT_";

impl Input {
    /// The environment variable that carries it: `INPUT_<NAME>`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// Whether a text is [`Self::variable`]. Without a copy: each variable is compared with each input.
    pub fn is_variable(&self, text: &str) -> bool {
        let upper_case = self.name.bytes().map(|byte| byte.to_ascii_uppercase());
        text.strip_prefix(PREFIX)
            .is_some_and(|name| name.bytes().eq(upper_case))
    }
}

/// Each task with its inputs, in the order in which they are documented.
pub fn tasks() -> impl Iterator<Item = (&'static str, &'static [Input])> {
    let groups = INPUTS.chunk_by(|one, next| one.task == next.task);
    groups.filter_map(|inputs| Some((inputs.first()?.task, inputs)))
}

macro_rules! inputs {
    ($($task:literal { $($name:ident = $default:literal, $help:literal;)* })*) => {
        /// Every input, in the order in which it is documented.
        pub const INPUTS: &[Input] = &[$($(
            Input { task: $task, name: stringify!($name), default: $default, help: $help },
        )*)*];

        /// The inputs as they were given: `None` if unset or blank.
        #[derive(Debug, Default, Clone, Deserialize)]
        #[serde(default)]
        #[allow(missing_docs)]
        pub struct Raw {
            $($(pub $name: Option<String>,)*)*
        }
    };
}

inputs! {
    "Connect to QA.tech" {
        api_token = "", "API key of a QA.tech project or organization (**Settings → Integrations → API**). If unset, the environment variable `QATECH_API_TOKEN`, `QATECH_API_KEY` or `QA_TECH_API_TOKEN` is used.";
        on_missing_token = "fail", "What to do without a token: `fail`, or `skip` to pass with a notice. Pull requests from forks and from Dependabot get no secrets.";
        project_short_id = "", "Short id (`proj_…`) of the project that the runs belong to. Required with an organization's key. If unset, the environment variable `QATECH_PROJECT_SHORT_ID` is used.";
        project_id = "", "From older versions of QA.tech's own action: a value of the form `proj…` is used as `project_short_id`; any other value is ignored with a notice.";
        api_url = "https://api.qa.tech/v1", "Base URL of the QA.tech API. Must use https, except on a loopback host.";
    }
    "Choose what to run" {
        test_plan_short_id = "", "Short id of the test plan to run. Several ids, separated by commas, spaces or newlines, start one run each. If unset, the project's default plan is run.";
        test_plan_short_ids = "", "Alias of `test_plan_short_id`, from version 1 of QA.tech's own action.";
        test_case_ids = "", "UUIDs of test cases to run, all in one run, instead of a plan. Separated by commas, spaces or newlines.";
        run_short_id = "", "Existing runs to attach to instead of starting new ones: short ids or URLs of run pages (`https://app.qa.tech/…/results/<id>`). Cannot be combined with inputs that only a start uses.";
    }
    "Choose what to test" {
        environments = "", "Where to test each application: lines `application = …` with a URL, the short id of an environment (`env_…`) or a build (`build_…`), or `deployment[: glob]` for the GitHub deployment of the head commit. Cannot be combined with `applications_config`.";
        applications_config = "", "Where to test each application, as JSON: the API's array, `{\"applications\": [array]}`, or the object that QA.tech's own action takes, `{\"applications\": {id: {environment, devicePresetShortId}}}`. An environment is `{url, name}`, `{shortId}` or `{applicationBuildShortId}`.";
        builds = "", "Builds of mobile applications to upload and test: lines `application = path` of an `.apk`, `.aab` or `.ipa` file.";
        config_overrides = "", "Overrides of test configs as JSON: `{\"configs\": {…}, \"configsByEnvironment\": {…}}`, sent as the API's `parameters`. Every string value of at least 4 characters is treated as a secret.";
    }
    "Wait for the preview" {
        deployment_timeout_minutes = "15", "How long to wait for a `deployment` in `environments`, in minutes; fractions are allowed.";
        wait_for = "", "URLs that must answer before a run is started: lines `URL` or `URL contains TEXT`. `{sha}` is replaced by the head commit.";
        wait_for_timeout_minutes = "10", "How long to wait for the URLs of `wait_for`, in minutes; fractions are allowed. After that, the verdict is `timed_out` and no run is started.";
    }
    "Override the detected commit" {
        commit = "", "Full SHA of the commit that is tested. If unset, it is detected from the event.";
        branch = "", "Branch that is tested. If unset, it is detected from the event.";
        pull_request = "", "Number of the pull request that is tested. If unset, it is detected from the event.";
    }
    "Wait for the result" {
        blocking = "true", "`false`: start the runs, write the outputs, and do not wait. With `run_short_id`: poll the runs once.";
        timeout_minutes = "60", "How long to wait for the runs to end, in minutes; fractions are allowed. After that, the verdict is `timed_out`.";
        poll_interval_seconds = "", "Fixed polling interval in seconds, at least 0.1; fractions are allowed. If unset, the interval adapts: short while a run is young or nearly done, and never longer than 10 seconds.";
        fail_fast = "false", "Stop waiting at the first failed test case.";
    }
    "Rerun failed test cases" {
        rerun_failed = "0", "How many times to rerun the failed cases of a failed run. A case that passes in a rerun is flaky.";
        rerun_only = "failed", "Which cases to rerun: `failed` for all that failed, `misses` for those that the agent or the platform missed (error codes `AGENT_…` and `PLATFORM_…`).";
        on_github_rerun = "all", "What to do when GitHub re-runs the job: `all` starts new runs, `failed` reruns only the cases that failed in the earlier attempt.";
    }
    "Decide which results fail the job" {
        fail_on = "failed,error,cancelled,timed_out,unknown", "Verdicts that fail the step. `skipped`, `flaky`, `quarantined` and `no_tests` (a run that passed without a single test case) can be added; `none` stands for no verdict.";
        quarantine = "", "Test cases whose failures do not fail the step: lines `pattern [until YYYY-MM-DD] [# reason]`.";
        quarantine_path = "", "File with lines like those of `quarantine`.";
    }
    "Show the result on GitHub" {
        summary = "always", "When to write a job summary: `always`, `failure` (if the verdict is not `passed`) or `off`.";
        annotations = "check", "Where to annotate failed cases: `check` on a separate check run on the head commit, `job` on the job's own check run, `log` with workflow commands, or `off`.";
        annotation_paths = "", "Files that annotations point to: lines `pattern = path[:line]`, where the pattern is a glob (`*` and `?`) for the name of the test case. The first match is used. Without a match, annotations point to the workflow file.";
        check_name = "", "Name of the check run. If unset: `QA.tech (<plan ids, or the job>)`.";
        comment = "off", "When to comment on the pull request, in one comment that is updated: `off`, `failure` (created at the first failure) or `always`.";
        comment_key = "", "Distinguishes the comments and check runs of several jobs. If unset, it is made of workflow, job, plans, application ids and device presets.";
        issue = "off", "Whether to keep an issue for each failing plan: `off`, or `failure` to open one when the plan fails, comment while it keeps failing, and close it when it passes.";
        issue_labels = "qa-tech", "Labels of the issue, separated by commas or newlines.";
        github_token = "${{ github.token }}", "Token for deployments, check run, comment and issue.";
    }
    "Write report files" {
        junit_path = "", "Path of a JUnit XML report to write.";
        ctrf_path = "", "Path of a CTRF JSON report to write.";
        json_path = "", "Path of a JSON report with every detail to write.";
        html_path = "", "Path of an HTML report to write, in one self-contained file.";
        case_details = "failed", "Test cases whose error code, duration and screenshot are requested after a run has ended: `failed`, `all` or `off`.";
        screenshots_path = "", "Folder to save the last screenshot of each failed case in.";
        history_path = "", "JSON Lines file of earlier results. The result is appended to it, and the summary and the HTML report show a trend.";
        outputs_path = "", "Path of a dotenv file to write the outputs to, for example for GitLab's `artifacts:reports:dotenv`.";
    }
    "Notify other systems" {
        webhook_url = "", "URL to send the JSON report to with POST. Must use https, except on a loopback host.";
        webhook_secret = "", "Secret to sign the body of the webhook with (HMAC-SHA256, in the header `X-Hub-Signature-256`).";
        notifications_config = "", "Slack notifications of the run, as the JSON array that the API takes.";
    }
    "Check the configuration" {
        dry_run = "false", "Check everything and print what would be sent, but send nothing.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

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

    #[test]
    fn each_input_and_each_task_is_documented_once() {
        let names: BTreeSet<_> = INPUTS.iter().map(|input| input.name).collect();
        assert_eq!(names.len(), INPUTS.len());
        let titles: BTreeSet<_> = tasks().map(|(task, _)| task).collect();
        assert_eq!(titles.len(), tasks().count());
        assert_eq!(tasks().map(|(_, inputs)| inputs.len()).sum::<usize>(), INPUTS.len());
    }
}
