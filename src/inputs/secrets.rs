//! Finds the secrets in the inputs.

use url::Url;

use crate::inputs::json;
use crate::inputs::table::PREFIX;
use crate::text::{Redactor, Secret};

/// Variables for the token if the input is not set, in order of precedence: this program's, that of QA.tech's command line, and
/// that of QA.tech's documentation for GitLab.
pub(super) const TOKEN_VARIABLES: [&str; 3] = ["QATECH_API_TOKEN", "QATECH_API_KEY", "QA_TECH_API_TOKEN"];
/// A secret with fewer bytes causes a warning: it is easy to guess, and may be part of other words.
const MIN_LENGTH: usize = 8;
/// Strings of `config_overrides` with fewer characters are not secrets.
const MIN_CONFIG_CHARS: usize = 4;

/// The secrets of all variables, whether their values are valid or not.
#[derive(Default)]
pub(super) struct Secrets {
    /// Removes them from text.
    pub(super) redactor: Redactor,
    /// Names of variables with a very short secret.
    short: Vec<String>,
}

impl Secrets {
    /// Adds the secrets in the value of a variable.
    pub(super) fn add(&mut self, variable: &str, value: &str) {
        let is_short = match variable {
            "INPUT_API_TOKEN" | "INPUT_GITHUB_TOKEN" | "INPUT_WEBHOOK_SECRET" => self.add_whole(value),
            "INPUT_WEBHOOK_URL" => self.add_webhook(value),
            "INPUT_CONFIG_OVERRIDES" => self.add_config(value),
            "INPUT_APPLICATIONS_CONFIG" => self.add_urls(json::string_values(value).iter().map(String::as_str)),
            "INPUT_API_URL" => self.add_urls(std::iter::once(value)),
            // An invalid URL may contain white space.
            "INPUT_ENVIRONMENTS" => self.add_urls(value.lines().filter_map(|line| Some(line.split_once('=')?.1))),
            "INPUT_WAIT_FOR" => self.add_urls(value.split_whitespace()),
            "INPUT_RUN_SHORT_ID" => self.add_urls(value.split(|c: char| c == ',' || c.is_whitespace())),
            other if TOKEN_VARIABLES.contains(&other) => self.add_whole(value),
            _ => false,
        };
        if is_short && !self.short.iter().any(|known| known == variable) {
            self.short.push(variable.to_owned());
        }
    }

    /// A warning for each variable with a very short secret.
    pub(super) fn warnings(&self) -> Vec<String> {
        let warning = |variable: &String| {
            let name = variable
                .strip_prefix(PREFIX)
                .map_or_else(|| variable.clone(), str::to_ascii_lowercase);
            format!(
                "`{name}` contains a secret of fewer than {MIN_LENGTH} characters. It is removed from the log and the reports even \
                 where it is part of another word; use a longer one."
            )
        };
        self.short.iter().map(warning).collect()
    }

    fn add_whole(&mut self, value: &str) -> bool {
        self.redactor.add(&Secret::new(value));
        value.len() < MIN_LENGTH
    }

    /// Adds all strings of at least [`MIN_CONFIG_CHARS`]. They cause no warning: most are ordinary settings.
    fn add_config(&mut self, text: &str) -> bool {
        for value in json::string_values(text) {
            if value.trim().chars().count() >= MIN_CONFIG_CHARS {
                self.redactor.add(&Secret::new(value));
            }
        }
        false
    }

    fn add_webhook(&mut self, text: &str) -> bool {
        match Url::parse(text) {
            Ok(url) => {
                self.redactor.add_url(&url, true);
                self.add_urls(std::iter::once(text))
            }
            Err(_) => self.add_whole(text),
        }
    }

    fn add_urls<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> bool {
        let mut is_short = false;
        for text in texts.filter(|text| text.contains("://")) {
            // Only the redactor knows which parts of a URL are secrets.
            let mut of_this = Redactor::default();
            of_this.add_written_url(text);
            is_short |= of_this.has_short_secret();
            self.redactor.add_written_url(text);
        }
        is_short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        let mut secrets = Secrets::default();
        for (name, value) in pairs {
            secrets.add(name, value);
        }
        secrets
    }

    #[test]
    fn strings_of_config_overrides_are_secrets_except_keys_and_very_short_ones() {
        let text = r#"{"configs": {"cfg_login": {"user": "mona", "pin": "123", "password": "hunter\"2"}}}"#;
        let cleaned = secrets(&[("INPUT_CONFIG_OVERRIDES", text)])
            .redactor
            .clean("mona logs in at cfg_login by password hunter\"2 and 123".to_owned());
        assert_eq!(cleaned, "*** logs in at cfg_login by password *** and 123");
    }

    #[test]
    fn queries_of_tested_urls_are_secrets() {
        for (name, value) in [
            (
                "INPUT_ENVIRONMENTS",
                "app_a=https://a.example/?t=s3cret-query\napp_b = env_b",
            ),
            ("INPUT_WAIT_FOR", "https://a.example/?t=s3cret-query contains ok"),
            ("INPUT_RUN_SHORT_ID", "abc,https://a.example/results/b?t=s3cret-query"),
            (
                "INPUT_APPLICATIONS_CONFIG",
                r#"[{"environment": {"url": "https:\/\/a.example\/?t=s3cret\u002dquery"}}]"#,
            ),
        ] {
            let cleaned = secrets(&[(name, value)]).redactor.clean("with s3cret-query".to_owned());
            assert_eq!(cleaned, "with ***", "{name}");
        }
    }

    #[test]
    fn a_short_secret_causes_one_warning_that_does_not_show_it() {
        for (name, value, warned) in [
            ("INPUT_WEBHOOK_SECRET", "test", true),
            ("INPUT_WEBHOOK_SECRET", "long-enough", false),
            ("QATECH_API_KEY", "short", true),
            (
                "INPUT_ENVIRONMENTS",
                "a = https://u:hunter2@a.example\nb = https://u:hunter3@b.example",
                true,
            ),
            ("INPUT_ENVIRONMENTS", "a = https://a.example/?pin=482913", true),
            ("INPUT_ENVIRONMENTS", "a = https://a.example/?page=2", false),
            ("INPUT_WAIT_FOR", "https://a.example/?password=hunter2", true),
            ("INPUT_WEBHOOK_URL", "https://a.example/?token=hunter2", true),
            ("INPUT_CHECK_NAME", "short", false),
        ] {
            let warnings = secrets(&[(name, value), (name, value)]).warnings();
            assert_eq!(warnings.len(), usize::from(warned), "{name}={value}: {warnings:?}");
            assert!(!warnings.join("").contains("hunter"), "{warnings:?}");
        }
    }
}
