//! Parses the values of single inputs. A problem names the input, the value and the allowed values.

use url::Url;

use crate::net::secret_url::SecretUrlError;
use crate::report::{FailOn, Verdict};
use crate::text::short_id::is_short_id;

/// Verdicts that are allowed in `fail_on`.
const FAIL_ON: [Verdict; 8] = [
    Verdict::Failed,
    Verdict::Error,
    Verdict::Cancelled,
    Verdict::TimedOut,
    Verdict::Unknown,
    Verdict::Skipped,
    Verdict::Flaky,
    Verdict::Quarantined,
];

/// The value in `fail_on` for a run that passed without a single test case.
const NO_TESTS: &str = "no_tests";

/// Parses inputs, and collects their problems and notices.
#[derive(Default)]
pub(super) struct Parser {
    pub(super) problems: Vec<String>,
    pub(super) notices: Vec<String>,
}

impl Parser {
    /// Parses a URL that a secret may be sent to, with one of the functions of [`crate::net::secret_url`]. A problem repeats the URL
    /// only if no part of it can be a secret.
    pub(super) fn url(&mut self, name: &str, text: &str, rule: fn(&str) -> Result<Url, SecretUrlError>) -> Option<Url> {
        rule(text)
            .map_err(|problem| {
                let shown = if name == "api_url" && !text.contains(['@', '?', '#']) {
                    format!(" is {text:?}, which")
                } else {
                    String::new()
                };
                self.problems.push(format!("`{name}`{shown} {problem}"));
            })
            .ok()
    }

    pub(super) fn short_ids(&mut self, name: &str, text: &str) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        let mut names_any = false;
        for id in text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|id| !id.is_empty())
        {
            names_any = true;
            if !is_short_id(id) {
                self.problems
                    .push(format!("`{name}` contains {id:?}, which is not a short id"));
            } else if ids.iter().any(|known| known == id) {
                self.notices
                    .push(format!("`{name}` contains {id} more than once; it is used once."));
            } else {
                ids.push(id.to_owned());
            }
        }
        if !names_any {
            self.problems
                .push(format!("`{name}` is {text:?}; allowed: one or more short ids"));
        }
        ids
    }

    pub(super) fn structured<T>(
        &mut self,
        name: &str,
        text: Option<&str>,
        parse: fn(&str) -> Result<Vec<T>, Vec<String>>,
    ) -> Vec<T> {
        match text.map(parse) {
            None => Vec::new(),
            Some(Ok(list)) => list,
            Some(Err(problems)) => {
                self.problems
                    .extend(problems.into_iter().map(|problem| format!("`{name}` {problem}")));
                Vec::new()
            }
        }
    }

    /// Parses a boolean of YAML 1.2's core schema (<https://yaml.org/spec/1.2.2/#10212-boolean>).
    pub(super) fn boolean(&mut self, name: &str, text: Option<&str>, default: bool) -> bool {
        match text {
            None => default,
            Some("true" | "True" | "TRUE") => true,
            Some("false" | "False" | "FALSE") => false,
            Some(other) => {
                self.problems
                    .push(format!("`{name}` is {other:?}; allowed: true, false"));
                default
            }
        }
    }

    /// Parses one of several words.
    pub(super) fn choice<T: Copy + Default>(&mut self, name: &str, text: Option<&str>, choices: &[(&str, T)]) -> T {
        let Some(text) = text else { return T::default() };
        match choices.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *value,
            None => {
                let allowed: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                self.problems
                    .push(format!("`{name}` is {text:?}; allowed: {}", allowed.join(", ")));
                T::default()
            }
        }
    }

    pub(super) fn number(
        &mut self,
        name: &str,
        text: Option<&str>,
        range: std::ops::RangeInclusive<f64>,
    ) -> Option<f64> {
        let text = text?;
        match text.parse::<f64>() {
            Ok(number) if range.contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                let least = if *range.start() < 0.1 {
                    "more than 0".to_owned()
                } else {
                    format!("at least {}", range.start())
                };
                self.problems.push(format!(
                    "`{name}` is {text:?}; allowed: a number, {least} and at most {}",
                    range.end()
                ));
                None
            }
        }
    }

    pub(super) fn rerun_failed(&mut self, text: Option<&str>) -> u32 {
        const MAX: u32 = 20;
        let Some(text) = text else { return 0 };
        match text.parse::<u32>() {
            Ok(times) if times <= MAX => times,
            Ok(_) | Err(_) => {
                self.problems.push(format!(
                    "`rerun_failed` is {text:?}; allowed: a whole number from 0 to {MAX}"
                ));
                0
            }
        }
    }

    pub(super) fn fail_on(&mut self, text: Option<&str>) -> FailOn {
        let text = text.unwrap_or("failed,error,cancelled,timed_out,unknown");
        let words: Vec<_> = text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|word| !word.is_empty())
            .collect();
        if words == ["none"] {
            return FailOn::new(Vec::new());
        }
        if words.is_empty() {
            self.problems.push(format!(
                "`fail_on` is {text:?}, which contains no verdict; use none to fail on no verdict"
            ));
        }
        let mut fail_on = FailOn::new(Vec::new());
        for word in words {
            match FAIL_ON.iter().find(|verdict| verdict.as_str() == word) {
                Some(verdict) => fail_on.verdicts.push(*verdict),
                None if word == NO_TESTS => fail_on.no_tests = true,
                None => self.problems.push(format!(
                    "`fail_on` contains {word:?}; allowed: {}, {NO_TESTS}, or none alone",
                    FAIL_ON.map(Verdict::as_str).join(", ")
                )),
            }
        }
        fail_on
    }
}
