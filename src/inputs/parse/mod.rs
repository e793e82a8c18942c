//! Parses the environment into [`Inputs`]. All problems are collected and reported together.

mod files;
mod given;
mod target;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::inputs::annotation_paths::PathRule;
use crate::inputs::parse::given::Given;
use crate::inputs::secrets::TOKEN_VARIABLES;
use crate::inputs::table::Raw;
use crate::inputs::values::Parser;
use crate::inputs::{
    Annotations, CaseDetailsFor, CommentWhen, ConfigOverrides, Inputs, OnGithubRerun, RerunOnly, SummaryWhen, Tested,
    Webhook, config_overrides, overrides, wait_for,
};
use crate::net::secret_url;
use crate::text::{Redactor, Secret};

const DEFAULT_API: &str = "https://api.qa.tech/v1";
/// Hosts in the defaults of QA.tech's own action: the API (there without `/v1`), and that of older versions.
const VENDOR_HOSTS: [&str; 2] = ["api.qa.tech", "app.qa.tech"];
const DEFAULT_TIMEOUT_MINUTES: f64 = 60.0;
const DEFAULT_DEPLOYMENT_MINUTES: f64 = 15.0;
const DEFAULT_WAIT_FOR_MINUTES: f64 = 10.0;
/// Thirty days: longer than a CI job can take, and far from the limits of the clock.
const MAX_MINUTES: f64 = 43_200.0;

/// Parses the inputs from environment variables.
///
/// # Errors
/// All problems, each a sentence that names the input, its value (never that of a secret) and the allowed values.
pub fn parse(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Inputs, Box<Rejected>> {
    let mut parser = Parser::default();
    let given = parser.read(variables);
    match parser.inputs(&given) {
        Some(inputs) if parser.problems.is_empty() => Ok(inputs),
        Some(_) | None => Err(Box::new(Rejected {
            problems: parser.problems,
            redactor: given.secrets.redactor,
            outputs_path: files::path(given.raw.outputs_path.as_ref()),
            quarantine: given.raw.quarantine.clone(),
            quarantine_path: files::path(given.raw.quarantine_path.as_ref()),
        })),
    }
}

/// Inputs that can't be used, with the values that are needed to report it.
#[derive(Debug)]
pub struct Rejected {
    /// The problems.
    pub problems: Vec<String>,
    /// The secrets among the rejected inputs.
    pub redactor: Redactor,
    /// `outputs_path`, if set.
    pub outputs_path: Option<PathBuf>,
    /// `quarantine`. Its problems are not in the list yet.
    pub quarantine: Option<String>,
    /// The same for `quarantine_path`.
    pub quarantine_path: Option<PathBuf>,
}

impl Parser {
    /// Parses all inputs. Returns `None` if there is no value for a field; every problem is collected in any case.
    fn inputs(&mut self, given: &Given) -> Option<Inputs> {
        let raw = &given.raw;
        let api_token = self.token(given);
        let api_url = self.api_url(raw.api_url.as_deref());
        let webhook = self.webhook(raw);
        let target = self.target(raw);
        let applications = self.applications(raw);
        let builds = self.builds(raw.builds.as_deref(), &applications);
        let notifications = raw.notifications_config.as_deref();
        let rules = raw.annotation_paths.as_deref();
        let mut inputs = Inputs {
            secrets: given.secrets.redactor.clone(),
            api_token,
            target,
            project_short_id: self.project(given),
            test_case_ids: self.test_cases(raw.test_case_ids.as_deref()),
            config_overrides: self.config_overrides(raw.config_overrides.as_deref()),
            builds,
            deployment_timeout: self.minutes(
                "deployment_timeout_minutes",
                raw.deployment_timeout_minutes.as_deref(),
                DEFAULT_DEPLOYMENT_MINUTES,
            ),
            wait_for: self.structured("wait_for", raw.wait_for.as_deref(), wait_for::parse),
            wait_for_timeout: self.minutes(
                "wait_for_timeout_minutes",
                raw.wait_for_timeout_minutes.as_deref(),
                DEFAULT_WAIT_FOR_MINUTES,
            ),
            tested: self.tested(raw),
            blocking: self.boolean("blocking", raw.blocking.as_deref(), true),
            applications,
            notifications: self.structured("notifications_config", notifications, overrides::notifications),
            timeout: self.minutes(
                "timeout_minutes",
                raw.timeout_minutes.as_deref(),
                DEFAULT_TIMEOUT_MINUTES,
            ),
            poll_interval: self.poll_interval(raw.poll_interval_seconds.as_deref()),
            fail_fast: self.boolean("fail_fast", raw.fail_fast.as_deref(), false),
            rerun_failed: self.rerun_failed(raw.rerun_failed.as_deref()),
            rerun_only: self.choice("rerun_only", raw.rerun_only.as_deref(), RerunOnly::CHOICES),
            case_details: self.choice("case_details", raw.case_details.as_deref(), CaseDetailsFor::CHOICES),
            screenshots_path: files::path(raw.screenshots_path.as_ref()),
            quarantine: raw.quarantine.clone(),
            quarantine_path: files::path(raw.quarantine_path.as_ref()),
            on_github_rerun: self.choice(
                "on_github_rerun",
                raw.on_github_rerun.as_deref(),
                OnGithubRerun::CHOICES,
            ),
            fail_on: self.fail_on(raw.fail_on.as_deref()),
            summary: self.choice("summary", raw.summary.as_deref(), SummaryWhen::CHOICES),
            annotations: self.choice("annotations", raw.annotations.as_deref(), Annotations::CHOICES),
            check_name: raw.check_name.clone(),
            annotation_paths: self.structured("annotation_paths", rules, PathRule::parse_lines),
            comment: self.choice("comment", raw.comment.as_deref(), CommentWhen::CHOICES),
            comment_key: raw.comment_key.clone(),
            github_token: raw.github_token.as_deref().map(Secret::new),
            files: self.report_files(raw),
            outputs_path: files::path(raw.outputs_path.as_ref()),
            history_path: files::path(raw.history_path.as_ref()),
            webhook,
            issue: self.choice("issue", raw.issue.as_deref(), &[("off", false), ("failure", true)]),
            issue_labels: labels(raw.issue_labels.as_deref()),
            dry_run: self.boolean("dry_run", raw.dry_run.as_deref(), false),
            notices: Vec::new(),
            warnings: given.secrets.warnings(),
            // This field is last because `?` returns early: all other inputs must be checked before.
            api_url: api_url?,
        };
        self.note_unused(&inputs);
        inputs.notices = std::mem::take(&mut self.notices);
        Some(inputs)
    }

    fn token(&mut self, given: &Given) -> Option<Secret> {
        let choices = &[("fail", false), ("skip", true)];
        let skip = self.choice("on_missing_token", given.raw.on_missing_token.as_deref(), choices);
        let token = given
            .raw
            .api_token
            .as_deref()
            .map(Secret::new)
            .or_else(|| given.token.clone());
        match &token {
            Some(token) if !is_header_text(token.expose()) => self.problems.push(
                "`api_token` contains characters that are not allowed in a token, such as a line break".to_owned(),
            ),
            None if !skip => self.problems.push(format!(
                "`api_token` is missing: set the input `api_token` or one of the environment variables {} to an API key (QA.tech: Settings → \
                 Integrations → API). Pull requests from forks and from Dependabot get no secrets; set `on_missing_token: skip` to \
                 pass there",
                TOKEN_VARIABLES.join(", ")
            )),
            Some(_) | None => {}
        }
        token
    }

    fn api_url(&mut self, text: Option<&str>) -> Option<Url> {
        let url = self.url("api_url", text.unwrap_or(DEFAULT_API), secret_url::base_for_secrets)?;
        let is_vendors = url.port().is_none() && url.host_str().is_some_and(|host| VENDOR_HOSTS.contains(&host));
        if !is_vendors || url.as_str() == DEFAULT_API {
            return Some(url);
        }
        self.notices.push(format!(
            "`api_url` is a default of QA.tech's own action; {DEFAULT_API} is used instead."
        ));
        Url::parse(DEFAULT_API).ok()
    }

    fn config_overrides(&mut self, text: Option<&str>) -> Option<ConfigOverrides> {
        match config_overrides::parse(text?) {
            Ok(overrides) => Some(overrides),
            Err(problems) => {
                let problems = problems.into_iter();
                self.problems
                    .extend(problems.map(|problem| format!("`config_overrides` {problem}")));
                None
            }
        }
    }

    /// Parses `commit`, `branch` and `pull_request`. GitHub accepts only a full SHA as the head of a check run.
    fn tested(&mut self, raw: &Raw) -> Tested {
        let is_sha = |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(commit) = raw.commit.as_ref().filter(|text| !is_sha(text)) {
            self.problems.push(format!(
                "`commit` is {commit:?}; allowed: a full SHA of 40 (or 64) hexadecimal digits"
            ));
        }
        let branch = raw
            .branch
            .as_deref()
            .map(|text| text.strip_prefix("refs/heads/").unwrap_or(text));
        if let Some(branch) =
            branch.filter(|text| text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()))
        {
            self.problems
                .push(format!("`branch` is {branch:?}; allowed: the name of a branch"));
        }
        let number = raw
            .pull_request
            .as_deref()
            .map(|text| text.strip_prefix('#').unwrap_or(text));
        let pull_request = number.and_then(|text| text.parse().ok().filter(|number| *number > 0));
        if let (Some(text), None) = (number, pull_request) {
            self.problems.push(format!(
                "`pull_request` is {text:?}; allowed: the number of a pull request"
            ));
        }
        Tested {
            commit: raw.commit.as_deref().map(str::to_ascii_lowercase),
            branch: branch.map(str::to_owned),
            pull_request,
        }
    }

    fn webhook(&mut self, raw: &Raw) -> Option<Webhook> {
        let Some(text) = &raw.webhook_url else {
            if raw.webhook_secret.is_some() {
                self.notices
                    .push("`webhook_secret` has no effect without `webhook_url`.".to_owned());
            }
            return None;
        };
        Some(Webhook {
            url: self.url("webhook_url", text, secret_url::for_secrets)?,
            secret: raw.webhook_secret.as_deref().map(Secret::new),
        })
    }

    fn poll_interval(&mut self, text: Option<&str>) -> Option<Duration> {
        self.number("poll_interval_seconds", text, 0.1..=3600.0)
            .map(Duration::from_secs_f64)
    }

    fn minutes(&mut self, name: &str, text: Option<&str>, default: f64) -> Duration {
        let minutes = self.number(name, text, 1e-4..=MAX_MINUTES);
        Duration::from_secs_f64(minutes.unwrap_or(default) * 60.0)
    }

    /// Adds notices about inputs that have no effect because of others.
    fn note_unused(&mut self, inputs: &Inputs) {
        if inputs.fail_fast && inputs.rerun_failed > 0 {
            self.notices.push(
                "`rerun_failed` has no effect if `fail_fast` stops the wait: a run can be rerun only after it has ended."
                    .to_owned(),
            );
        }
        if inputs.screenshots_path.is_some() && inputs.case_details == CaseDetailsFor::Off {
            self.notices.push(
                "`screenshots_path` has no effect with `case_details: off`: screenshots are part of the details."
                    .to_owned(),
            );
        }
        if inputs.blocking {
            return;
        }
        let unused = [
            ("`fail_fast`", inputs.fail_fast),
            ("`rerun_failed`", inputs.rerun_failed > 0),
            ("`screenshots_path`", inputs.screenshots_path.is_some()),
            ("`quarantine`", inputs.quarantine.is_some()),
            ("`quarantine_path`", inputs.quarantine_path.is_some()),
            ("`comment`", inputs.comment != CommentWhen::Off),
            ("`issue`", inputs.issue),
            ("`history_path`", inputs.history_path.is_some()),
        ];
        let names: Vec<_> = unused
            .iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name)
            .collect();
        if !names.is_empty() {
            self.notices.push(format!(
                "`blocking: false` does not wait for the end, so these inputs have no effect: {}.",
                names.join(", ")
            ));
        }
    }
}

/// The labels of the issue, which are separated by commas or newlines.
fn labels(text: Option<&str>) -> Vec<String> {
    let labels = text.unwrap_or("qa-tech").split([',', '\n']).map(str::trim);
    labels.filter(|label| !label.is_empty()).map(str::to_owned).collect()
}

/// Whether a value can be sent in an HTTP header.
fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}
