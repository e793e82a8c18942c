//! What was given: the variables that are ours, and the secrets among them, be they right or wrong.

use std::ffi::OsString;

use url::Url;

use crate::inputs::table::{INPUTS, Raw};
use crate::inputs::values::Parser;
use crate::text::{Redactor, Secret};

impl Parser {
    /// Only our own variables reach envy, trimmed and without blank ones: others may hold anything, even no UTF-8.
    pub(super) fn read(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> (Raw, Option<Secret>) {
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
}

/// The redactor of every secret that was given, also one that is not used or will be refused.
pub(super) fn redactor(raw: &Raw, env_token: Option<&Secret>) -> Redactor {
    let mut redactor = Redactor::default();
    for text in [&raw.api_token, &raw.github_token, &raw.webhook_secret]
        .into_iter()
        .flatten()
    {
        redactor.add(&Secret::new(text.as_str()));
    }
    if let Some(token) = env_token {
        redactor.add(token);
    }
    add_urls(&mut redactor, raw);
    redactor
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
