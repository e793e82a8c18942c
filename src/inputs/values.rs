//! The values of single inputs: each is turned into its type, or into a problem that names the input, the value and what is
//! allowed.

use url::Url;

use crate::report::{FailOn, Verdict};

/// Verdicts that `fail_on` may name.
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

/// Collects the problems of all inputs, and what the user should know of them.
#[derive(Default)]
pub(super) struct Parser {
    pub(super) problems: Vec<String>,
    pub(super) notices: Vec<String>,
}

impl Parser {
    /// A URL that a secret may be sent to, by one of the rules of [`crate::net::secret_url`]. It is repeated in a problem only where no
    /// part of it can be a secret.
    pub(super) fn url(&mut self, name: &str, text: &str, rule: fn(&str) -> Result<Url, String>) -> Option<Url> {
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
        for id in text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|id| !id.is_empty())
        {
            // Never held to the documented pattern: older ids are bare. But a dot segment can't be put into a path.
            if id == "." || id == ".." || id.chars().any(char::is_control) {
                self.problems
                    .push(format!("`{name}` holds {id:?}, which is no short id"));
            } else if ids.iter().any(|known| known == id) {
                self.notices
                    .push(format!("`{name}` names {id} more than once; it counts once."));
            } else {
                ids.push(id.to_owned());
            }
        }
        if ids.is_empty() {
            self.problems.push(format!(
                "`{name}` is {text:?}, which names nothing; give one or more short ids"
            ));
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

    /// Booleans as the YAML 1.2 core schema writes them: <https://yaml.org/spec/1.2.2/#10212-boolean>.
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

    pub(super) fn word<T: Copy>(&mut self, name: &str, text: Option<&str>, words: &[(&str, T)], default: T) -> T {
        let Some(text) = text else { return default };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *value,
            None => {
                let allowed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                self.problems
                    .push(format!("`{name}` is {text:?}; allowed: {}", allowed.join(", ")));
                default
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
        const MOST: u32 = 20;
        let Some(text) = text else { return 0 };
        match text.parse::<u32>() {
            Ok(times) if times <= MOST => times,
            Ok(_) | Err(_) => {
                self.problems.push(format!(
                    "`rerun_failed` is {text:?}; allowed: a whole number from 0 to {MOST}"
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
                "`fail_on` is {text:?}, which names nothing; for no verdict at all say none"
            ));
        }
        let mut verdicts = Vec::new();
        for word in words {
            match FAIL_ON.iter().find(|verdict| verdict.as_str() == word) {
                Some(verdict) => verdicts.push(*verdict),
                None => self.problems.push(format!(
                    "`fail_on` names {word:?}; allowed: {}, or none alone",
                    FAIL_ON.map(Verdict::as_str).join(", ")
                )),
            }
        }
        FailOn::new(verdicts)
    }
}
