//! From `INPUT_*` variables to [`Inputs`]: every mistake is collected, and all are told at once.

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
use crate::inputs::table::Raw;
use crate::inputs::values::Parser;
use crate::inputs::{
    Annotations, CaseDetailsFor, CommentWhen, Inputs, OnGithubRerun, RerunOnly, SummaryWhen, Tested, Webhook, overrides,
};
use crate::net::secret_url;
use crate::text::{Redactor, Secret};

const DEFAULT_API: &str = "https://api.qa.tech/v1";
/// The vendor's old host, the default of its own action.
const VENDOR_HOST: &str = "app.qa.tech";
/// Thirty days: longer than any CI job may take, and far from the limits of the clock.
const MAX_MINUTES: f64 = 43_200.0;

/// Parses the inputs out of the environment's variables.
///
/// # Errors
/// All problems at once, each a sentence that names the input, the value (never that of a secret) and what is allowed.
pub fn parse(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Inputs, Rejected> {
    let mut parser = Parser::default();
    let (raw, env_token) = parser.read(variables);
    let redactor = given::redactor(&raw, env_token.as_ref());
    match parser.inputs(&raw, env_token, &redactor) {
        Some(inputs) if parser.problems.is_empty() => Ok(inputs),
        Some(_) | None => Err(Rejected {
            problems: parser.problems,
            redactor,
            outputs_path: files::path(raw.outputs_path.as_ref()),
        }),
    }
}

/// Inputs that can't be used, with what is needed to say so.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong.
    pub problems: Vec<String>,
    /// The secrets that were given all the same.
    pub redactor: Redactor,
    /// `outputs_path`, where given.
    pub outputs_path: Option<PathBuf>,
}

impl Parser {
    /// `None` where a problem left nothing to put into the struct; every problem is collected either way.
    fn inputs(&mut self, raw: &Raw, env_token: Option<Secret>, redactor: &Redactor) -> Option<Inputs> {
        let api_token = self.token(raw, env_token);
        let api_url = self.api_url(raw.api_url.as_deref());
        let webhook = self.webhook(raw);
        if raw.project_id.is_some() {
            self.notices
                .push("`project_id` is ignored: the API token tells the project.".to_owned());
        }
        let target = self.target(raw);
        let applications = self.applications(raw);
        let notifications = raw.notifications_config.as_deref();
        let notifications = self.structured("notifications_config", notifications, overrides::notifications);
        let rules = raw.annotation_paths.as_deref();
        let annotation_paths = self.structured("annotation_paths", rules, PathRule::parse_lines);
        let (timeout, poll_interval) = self.times(raw);
        let mut inputs = Inputs {
            secrets: redactor.clone(),
            api_token,
            target,
            project_short_id: None,
            test_case_ids: Vec::new(),
            config_overrides: None,
            builds: Vec::new(),
            deployment_timeout: Duration::from_secs(15 * 60),
            wait_for: Vec::new(),
            wait_for_timeout: Duration::from_secs(10 * 60),
            tested: Tested::default(),
            blocking: self.boolean("blocking", raw.blocking.as_deref(), true),
            applications,
            notifications,
            timeout,
            poll_interval,
            fail_fast: self.boolean("fail_fast", raw.fail_fast.as_deref(), false),
            rerun_failed: self.rerun_failed(raw.rerun_failed.as_deref()),
            rerun_only: RerunOnly::Failed,
            case_details: CaseDetailsFor::Failed,
            screenshots_path: None,
            on_github_rerun: self.word(
                "on_github_rerun",
                raw.on_github_rerun.as_deref(),
                &[("all", OnGithubRerun::All), ("failed", OnGithubRerun::Failed)],
                OnGithubRerun::All,
            ),
            fail_on: self.fail_on(raw.fail_on.as_deref()),
            summary: self.word(
                "summary",
                raw.summary.as_deref(),
                &[
                    ("always", SummaryWhen::Always),
                    ("failure", SummaryWhen::Failure),
                    ("off", SummaryWhen::Off),
                ],
                SummaryWhen::Always,
            ),
            annotations: self.word(
                "annotations",
                raw.annotations.as_deref(),
                &[
                    ("check", Annotations::Check),
                    ("log", Annotations::Log),
                    ("off", Annotations::Off),
                ],
                Annotations::Check,
            ),
            check_name: raw.check_name.clone(),
            annotation_paths,
            comment: self.word(
                "comment",
                raw.comment.as_deref(),
                &[
                    ("off", CommentWhen::Off),
                    ("failure", CommentWhen::Failure),
                    ("always", CommentWhen::Always),
                ],
                CommentWhen::Off,
            ),
            comment_key: raw.comment_key.clone(),
            github_token: raw.github_token.as_deref().map(Secret::new),
            files: self.report_files(raw),
            outputs_path: files::path(raw.outputs_path.as_ref()),
            history_path: files::path(raw.history_path.as_ref()),
            webhook,
            issue: self.word(
                "issue",
                raw.issue.as_deref(),
                &[("off", false), ("failure", true)],
                false,
            ),
            issue_labels: labels(raw.issue_labels.as_deref()),
            dry_run: self.boolean("dry_run", raw.dry_run.as_deref(), false),
            notices: Vec::new(),
            // Last: it ends the function, and by then every other input has been looked at.
            api_url: api_url?,
        };
        self.tell_what_has_no_effect(&inputs);
        inputs.notices = std::mem::take(&mut self.notices);
        Some(inputs)
    }

    fn token(&mut self, raw: &Raw, env: Option<Secret>) -> Option<Secret> {
        let skip = self.word(
            "on_missing_token",
            raw.on_missing_token.as_deref(),
            &[("fail", false), ("skip", true)],
            false,
        );
        let token = raw.api_token.as_deref().map(Secret::new).or(env);
        match &token {
            Some(token) if !is_header_text(token.expose()) => {
                self.problems.push("`api_token` holds characters that no token has (a line break in its middle?)".to_owned());
            }
            None if !skip => self.problems.push(
                "`api_token` is missing: pass the project's API token as the input `api_token` or as the environment variable \
                 QATECH_API_TOKEN (QA.tech: Settings → Integrations → API). Pull requests from forks and from Dependabot get \
                 no secrets; `on_missing_token: skip` ends those green"
                    .to_owned(),
            ),
            Some(_) | None => {}
        }
        token
    }

    fn api_url(&mut self, text: Option<&str>) -> Option<Url> {
        let url = self.url("api_url", text.unwrap_or(DEFAULT_API), secret_url::base_for_secrets)?;
        if url.host_str() != Some(VENDOR_HOST) {
            return Some(url);
        }
        self.notices.push(format!(
            "`api_url` names the deprecated API of the vendor's action; {DEFAULT_API} is used."
        ));
        Url::parse(DEFAULT_API).ok()
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

    /// How long to wait at all, and how long between two looks where that is fixed.
    fn times(&mut self, raw: &Raw) -> (Duration, Option<Duration>) {
        let minutes = self.number("timeout_minutes", raw.timeout_minutes.as_deref(), 1e-4..=MAX_MINUTES);
        let interval = raw.poll_interval_seconds.as_deref();
        let interval = self.number("poll_interval_seconds", interval, 0.1..=3600.0);
        (
            Duration::from_secs_f64(minutes.unwrap_or(60.0) * 60.0),
            interval.map(Duration::from_secs_f64),
        )
    }

    fn tell_what_has_no_effect(&mut self, inputs: &Inputs) {
        if inputs.fail_fast && inputs.rerun_failed > 0 {
            self.notices.push(
                "`fail_fast` ends the wait before a failed run has ended, so `rerun_failed` has nothing to rerun then."
                    .to_owned(),
            );
        }
        if inputs.blocking {
            return;
        }
        let mut names = Vec::new();
        for (name, given) in [
            ("`fail_fast`", inputs.fail_fast),
            ("`rerun_failed`", inputs.rerun_failed > 0),
            ("`comment`", inputs.comment != CommentWhen::Off),
            ("`issue`", inputs.issue),
            ("`history_path`", inputs.history_path.is_some()),
        ] {
            if given {
                names.push(name);
            }
        }
        if !names.is_empty() {
            let names = names.join(", ");
            self.notices.push(format!(
                "Without effect, since `blocking: false` waits for no end: {names}."
            ));
        }
    }
}

/// The labels of the issue, split by comma or newline.
fn labels(text: Option<&str>) -> Vec<String> {
    let labels = text.unwrap_or("qa-tech").split([',', '\n']).map(str::trim);
    labels.filter(|label| !label.is_empty()).map(str::to_owned).collect()
}

/// Whether a value can be sent in an HTTP header.
fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}
