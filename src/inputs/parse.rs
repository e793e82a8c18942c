//! From `INPUT_*` variables to [`Inputs`]: every mistake is collected, and all are told at once.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::annotation_paths::PathRule;
use super::table::{INPUTS, Raw};
use super::values::Parser;
use super::{Annotations, CommentWhen, Inputs, OnGithubRerun, ReportFiles, SummaryWhen, Target, Webhook, overrides};
use crate::secret::{Redactor, Secret};
use crate::url_rules;

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
    let mut redactor = Redactor::default();
    let secrets = [&raw.api_token, &raw.github_token, &raw.webhook_secret]
        .into_iter()
        .flatten()
        .cloned()
        .map(Secret::new);
    for secret in secrets.chain(env_token.clone()) {
        redactor.add(&secret);
    }
    add_urls(&mut redactor, &raw);
    let outputs_path = raw.outputs_path.as_ref().map(PathBuf::from);
    match parser.inputs(raw, env_token) {
        Some(inputs) if parser.problems.is_empty() => Ok(Inputs {
            secrets: redactor,
            ..inputs
        }),
        Some(_) | None => Err(Rejected {
            problems: parser.problems,
            redactor,
            outputs_path,
        }),
    }
}

/// Adds what is secret in URLs, as far as inputs that may yet be refused show it.
fn add_urls(redactor: &mut Redactor, raw: &Raw) {
    if let Some(url) = raw.webhook_url.as_deref().and_then(|text| Url::parse(text).ok()) {
        redactor.add_url(&url, true);
    }
    for text in [&raw.api_url, &raw.environments, &raw.applications_config]
        .into_iter()
        .flatten()
    {
        for part in text.split(|c: char| c.is_whitespace() || c == '"') {
            if part.contains("://") {
                redactor.add_written_url(part);
            }
        }
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
    /// Only our own variables reach envy, trimmed and without blank ones: others may hold anything, even no UTF-8.
    fn read(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> (Raw, Option<Secret>) {
        let mut ours = Vec::new();
        let mut env_token = None;
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let is_token = name == "QATECH_API_TOKEN";
            if !is_token && !INPUTS.iter().any(|input| input.variable() == name) {
                continue;
            }
            let Some(value) = value.to_str() else {
                self.problems.push(format!("{name} is not valid UTF-8"));
                continue;
            };
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            if is_token {
                env_token = Some(Secret::new(value));
            } else {
                ours.push((name.to_owned(), value.to_owned()));
            }
        }
        match envy::prefixed("INPUT_").from_iter::<_, Raw>(ours) {
            Ok(raw) => (raw, env_token),
            Err(error) => {
                self.problems.push(format!("the inputs can't be read: {error}"));
                (Raw::default(), env_token)
            }
        }
    }

    /// `None` where a problem left nothing to put into the struct; every problem is collected either way.
    fn inputs(&mut self, raw: Raw, env_token: Option<Secret>) -> Option<Inputs> {
        self.one_file_each(&raw);
        let api_token = self.token(raw.api_token, env_token, raw.on_missing_token.as_deref());
        let api_url = self.api_url(raw.api_url.as_deref());
        if raw.project_id.is_some() {
            self.notices
                .push("`project_id` is ignored: the API token tells the project.".to_owned());
        }
        for (name, given) in [
            ("test_plan_short_id", raw.test_plan_short_id.is_some()),
            ("applications_config", raw.applications_config.is_some()),
            ("environments", raw.environments.is_some()),
            ("notifications_config", raw.notifications_config.is_some()),
        ] {
            if given && raw.run_short_id.is_some() {
                self.problems.push(format!(
                    "`run_short_id` attaches to runs that exist, so `{name}` can have no effect; remove one of them"
                ));
            }
        }
        if raw.applications_config.is_some() && raw.environments.is_some() {
            self.problems
                .push("`applications_config` and `environments` say the same thing; remove one of them".to_owned());
        }
        let target = match raw.run_short_id.as_deref() {
            Some(text) => Target::Attach(self.short_ids("run_short_id", text)),
            None => match raw.test_plan_short_id.as_deref() {
                Some(text) => Target::Start(
                    self.short_ids("test_plan_short_id", text)
                        .into_iter()
                        .map(Some)
                        .collect(),
                ),
                None => Target::Start(vec![None]),
            },
        };
        let applications = self.structured("applications_config", raw.applications_config, overrides::applications);
        let environments = self.structured("environments", raw.environments, overrides::environments);
        let notifications = self.structured(
            "notifications_config",
            raw.notifications_config,
            overrides::notifications,
        );
        let timeout = self
            .number("timeout_minutes", raw.timeout_minutes.as_deref(), 1e-4..=MAX_MINUTES)
            .map_or(Duration::from_secs(3600), |minutes| {
                Duration::from_secs_f64(minutes * 60.0)
            });
        let poll_interval = self
            .number(
                "poll_interval_seconds",
                raw.poll_interval_seconds.as_deref(),
                0.1..=3600.0,
            )
            .map(Duration::from_secs_f64);
        let fail_fast = self.boolean("fail_fast", raw.fail_fast.as_deref(), false);
        let rerun_failed = self.rerun_failed(raw.rerun_failed.as_deref());
        if fail_fast && rerun_failed > 0 {
            self.notices.push(
                "`fail_fast` ends the wait before a failed run has ended, so `rerun_failed` has nothing to rerun then."
                    .to_owned(),
            );
        }
        let blocking = self.boolean("blocking", raw.blocking.as_deref(), true);
        let comment = self.word(
            "comment",
            raw.comment.as_deref(),
            &[
                ("off", CommentWhen::Off),
                ("failure", CommentWhen::Failure),
                ("always", CommentWhen::Always),
            ],
            CommentWhen::Off,
        );
        let issue = self.word(
            "issue",
            raw.issue.as_deref(),
            &[("off", false), ("failure", true)],
            false,
        );
        let of_an_end = [
            ("fail_fast", fail_fast),
            ("rerun_failed", rerun_failed > 0),
            ("comment", comment != CommentWhen::Off),
            ("issue", issue),
            ("history_path", raw.history_path.is_some()),
        ];
        let of_an_end: Vec<_> = of_an_end
            .into_iter()
            .filter(|(_, given)| *given && !blocking)
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        if !of_an_end.is_empty() {
            let names = of_an_end.join(", ");
            self.notices.push(format!(
                "Without effect, since `blocking: false` waits for no end: {names}."
            ));
        }
        let webhook_url = raw
            .webhook_url
            .as_deref()
            .and_then(|text| self.url("webhook_url", text, url_rules::for_secrets));
        if raw.webhook_secret.is_some() && raw.webhook_url.is_none() {
            self.notices
                .push("`webhook_secret` has no effect without `webhook_url`.".to_owned());
        }
        Some(Inputs {
            secrets: Redactor::default(),
            api_token,
            target,
            blocking,
            applications: if environments.is_empty() {
                applications
            } else {
                environments
            },
            notifications,
            timeout,
            poll_interval,
            fail_fast,
            rerun_failed,
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
            check_name: raw.check_name,
            annotation_paths: self.structured("annotation_paths", raw.annotation_paths, PathRule::parse_lines),
            comment,
            comment_key: raw.comment_key,
            github_token: raw.github_token.map(Secret::new),
            files: ReportFiles {
                junit: raw.junit_path.map(PathBuf::from),
                ctrf: raw.ctrf_path.map(PathBuf::from),
                json: raw.json_path.map(PathBuf::from),
                html: raw.html_path.map(PathBuf::from),
            },
            outputs_path: raw.outputs_path.map(PathBuf::from),
            history_path: raw.history_path.map(PathBuf::from),
            webhook: webhook_url.map(|url| Webhook {
                url,
                secret: raw.webhook_secret.map(Secret::new),
            }),
            issue,
            issue_labels: raw
                .issue_labels
                .as_deref()
                .unwrap_or("qa-tech")
                .split([',', '\n'])
                .map(str::trim)
                .filter(|label| !label.is_empty())
                .map(str::to_owned)
                .collect(),
            dry_run: self.boolean("dry_run", raw.dry_run.as_deref(), false),
            notices: std::mem::take(&mut self.notices),
            // Last: it ends the function, and by then every other input has been looked at.
            api_url: api_url?,
        })
    }

    /// Two reports in one file would leave one, and a report over the history nothing of it. Devices take any number.
    fn one_file_each(&mut self, raw: &Raw) {
        let given = [
            ("junit_path", &raw.junit_path),
            ("ctrf_path", &raw.ctrf_path),
            ("json_path", &raw.json_path),
            ("html_path", &raw.html_path),
            ("outputs_path", &raw.outputs_path),
            ("history_path", &raw.history_path),
        ];
        let file = |path: &String| {
            let parts = Path::new(path).components().filter(|part| *part != Component::CurDir);
            parts.collect::<PathBuf>()
        };
        let given = given.map(|(name, path)| (name, path.as_ref().map(file)));
        for (index, (name, path)) in given.iter().enumerate() {
            let Some(path) = path.as_ref().filter(|path| !path.starts_with("/dev")) else {
                continue;
            };
            let mut before = given.iter().take(index);
            if let Some((other, _)) = before.find(|(_, other)| other.as_ref() == Some(path)) {
                self.problems.push(format!(
                    "`{name}` and `{other}` name one file, so that one would replace the other; give each its own"
                ));
            }
        }
    }

    fn token(&mut self, input: Option<String>, env: Option<Secret>, on_missing: Option<&str>) -> Option<Secret> {
        let skip = self.word(
            "on_missing_token",
            on_missing,
            &[("fail", false), ("skip", true)],
            false,
        );
        let token = input.map(Secret::new).or(env);
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
        let url = self.url("api_url", text.unwrap_or(DEFAULT_API), url_rules::base_for_secrets)?;
        if url.host_str() != Some(VENDOR_HOST) {
            return Some(url);
        }
        self.notices.push(format!(
            "`api_url` names the deprecated API of the vendor's action; {DEFAULT_API} is used."
        ));
        Url::parse(DEFAULT_API).ok()
    }
}

/// Whether a value can be sent in an HTTP header.
fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::{FailOn, Verdict};
    use proptest::prelude::*;

    fn given(pairs: &[(&str, &str)]) -> Result<Inputs, Vec<String>> {
        let token = ("api_token", "secret-token");
        parse_only(&[&[token], pairs].concat())
    }

    fn parse_only(pairs: &[(&str, &str)]) -> Result<Inputs, Vec<String>> {
        parse(
            pairs
                .iter()
                .map(|(name, value)| (format!("INPUT_{}", name.to_uppercase()).into(), value.into())),
        )
        .map_err(|rejected| rejected.problems)
    }

    #[test]
    fn defaults_are_those_of_the_table() {
        let table: Vec<_> = INPUTS
            .iter()
            .map(|input| (input.name, input.default))
            .filter(|(name, _)| *name != "github_token")
            .collect();
        let explicit = given(&table[..]).unwrap();
        let implicit = given(&[]).unwrap();
        // Compared by their printed form: it holds every field.
        assert_eq!(
            format!("{explicit:?}"),
            format!("{implicit:?}").replace("api_token: None", "api_token: Some(***)")
        );
        assert_eq!(implicit.target, Target::Start(vec![None]));
        assert!(implicit.blocking);
        assert_eq!(implicit.timeout, Duration::from_secs(3600));
    }

    #[test]
    fn blank_is_unset_and_foreign_variables_do_no_harm() {
        #[cfg(unix)]
        fn no_text(byte: u8) -> OsString {
            std::os::unix::ffi::OsStringExt::from_vec(vec![byte])
        }
        // Half a surrogate pair is what Windows can hold and UTF-8 can't.
        #[cfg(windows)]
        fn no_text(byte: u8) -> OsString {
            std::os::windows::ffi::OsStringExt::from_wide(&[0xd800 + u16::from(byte)])
        }
        let variables = vec![
            (OsString::from("INPUT_API_TOKEN"), OsString::from("  t0ken \n")),
            (OsString::from("INPUT_BLOCKING"), OsString::from("  ")),
            (OsString::from("INPUT_FOREIGN"), no_text(0xff)),
            (no_text(0xfe), no_text(0xff)),
        ];
        let inputs = parse(variables).unwrap();
        assert_eq!(inputs.api_token.unwrap().expose(), "t0ken");
        assert!(inputs.blocking);
    }

    #[test]
    fn the_token_may_come_from_the_environment_and_the_input_goes_first() {
        let env = |pairs: &[(&str, &str)]| parse(pairs.iter().map(|(name, value)| (name.into(), value.into())));
        assert_eq!(
            env(&[("QATECH_API_TOKEN", "from-env")])
                .unwrap()
                .api_token
                .unwrap()
                .expose(),
            "from-env"
        );
        let both = env(&[("QATECH_API_TOKEN", "from-env"), ("INPUT_API_TOKEN", "from-input")]);
        assert_eq!(both.unwrap().api_token.unwrap().expose(), "from-input");
        assert!(parse_only(&[("on_missing_token", "skip")]).unwrap().api_token.is_none());
        assert!(parse_only(&[]).unwrap_err()[0].starts_with("`api_token` is missing"));
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_secret_with_it() {
        let problems = parse_only(&[
            ("api_token", "s3\ncret"),
            ("blocking", "yes"),
            ("timeout_minutes", "0"),
            ("poll_interval_seconds", "0.05"),
            ("rerun_failed", "-1"),
            ("fail_on", "failed,broken"),
            ("api_url", "http://example.com/path"),
            ("webhook_url", "https://user:s3cret@example.com"),
            ("run_short_id", "abc"),
            ("environments", "a = env_b"),
        ])
        .unwrap_err();
        assert_eq!(problems.len(), 9, "{problems:#?}");
        let text = problems.join("\n");
        assert!(!text.contains("s3"), "{text}");
        for name in [
            "api_token",
            "blocking",
            "timeout_minutes",
            "poll_interval_seconds",
            "rerun_failed",
            "fail_on",
            "api_url",
            "webhook_url",
            "environments",
        ] {
            assert!(text.contains(&format!("`{name}`")), "{name} in {text}");
        }
        assert!(text.contains("\"yes\"; allowed: true, false"), "{text}");
    }

    #[test]
    fn plans_are_split_and_counted_once() {
        let inputs = given(&[("test_plan_short_id", "pln_a, pln_b\n pln_c pln_a")]).unwrap();
        assert_eq!(inputs.plans(), ["pln_a", "pln_b", "pln_c"]);
        assert_eq!(inputs.notices.len(), 1);
    }

    #[test]
    fn the_vendors_host_is_ours_with_a_notice() {
        for url in ["https://app.qa.tech", "https://app.qa.tech/"] {
            let inputs = given(&[("api_url", url)]).unwrap();
            assert_eq!(inputs.api_url.as_str(), DEFAULT_API);
            assert_eq!(inputs.notices.len(), 1);
        }
        assert_eq!(
            given(&[("api_url", "http://127.0.0.1:9/v1/")])
                .unwrap()
                .api_url
                .as_str(),
            "http://127.0.0.1:9/v1"
        );
        assert!(given(&[("api_url", "http://[::1]:9")]).is_ok());
        assert!(given(&[("api_url", "http://localhost.example.com")]).is_err());
    }

    #[test]
    fn what_needs_an_end_is_told_to_have_no_effect_without_waiting() {
        let given = [
            ("comment", "always"),
            ("rerun_failed", "0"),
            ("history_path", "h.jsonl"),
        ];
        let notices = |blocking| given_notices(&[&given[..], &[("blocking", blocking)]].concat());
        assert_eq!(
            notices("false"),
            ["Without effect, since `blocking: false` waits for no end: `comment`, `history_path`."]
        );
        assert_eq!(notices("true"), [""; 0]);
    }

    fn given_notices(pairs: &[(&str, &str)]) -> Vec<String> {
        given(pairs).unwrap().notices
    }

    #[test]
    fn no_two_files_are_one() {
        let problems = given(&[
            ("json_path", "out/report"),
            ("ctrf_path", "out/other"),
            ("history_path", "./out//report"),
            ("outputs_path", "out/./report"),
        ])
        .unwrap_err();
        let expected = |name| {
            format!("`{name}` and `json_path` name one file, so that one would replace the other; give each its own")
        };
        assert_eq!(problems, [expected("outputs_path"), expected("history_path")]);
        assert!(given(&[("json_path", "/dev/null"), ("html_path", "/dev/null")]).is_ok());
        assert!(given(&[("json_path", "../a"), ("html_path", "a")]).is_ok());
    }

    #[test]
    fn fail_on_none_is_for_none() {
        assert_eq!(given(&[("fail_on", "none")]).unwrap().fail_on, FailOn(vec![]));
        assert!(given(&[("fail_on", "none, failed")]).is_err());
        assert_eq!(given(&[("fail_on", ","), ("summary", "loud")]).unwrap_err().len(), 2);
        assert_eq!(
            given(&[("fail_on", "skipped flaky")]).unwrap().fail_on,
            FailOn(vec![Verdict::Skipped, Verdict::Flaky])
        );
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic_and_none_of_a_secret_is_told(index in 0..INPUTS.len(), value in "\\PC{0,40}") {
            let name = INPUTS[index].name;
            if let Err(problems) = given(&[(name, &value)])
                && matches!(name, "api_token" | "github_token" | "webhook_secret") && value.trim().len() > 12
            {
                prop_assert!(!problems.join("\n").contains(value.trim()));
            }
        }

        #[test]
        fn no_configuration_makes_it_panic(text in "[\\[\\]{}\":,a-zA-Z0-9_ =\n]{0,200}") {
            let _ = overrides::applications(&text);
            let _ = overrides::environments(&text);
            let _ = overrides::notifications(&text);
        }
    }
}
