//! Errors of calls, and what a refusal means. Every text here is for people and has been redacted.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use thiserror::Error;

use crate::net::http;
use crate::qatech::wire::ErrorBody;
use crate::text::Redactor;

/// How much of the API's message is shown, in characters.
const MESSAGE: usize = 500;

/// Why a GET failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GetError {
    /// A retry may succeed: a transport error, 408, 425, 429, 5xx, or an invalid answer.
    #[error("{what}")]
    Retry {
        /// What went wrong.
        what: String,
        /// The delay the server asked for.
        after: Option<Duration>,
    },
    /// 404: the run does not exist, or does not exist yet.
    #[error("{0}")]
    NotFound(String),
    /// The API refuses, and a retry would not help. With what to do about it.
    #[error("{0}")]
    Refused(String),
    /// The answer exceeds the limit.
    #[error("the answer is larger than 64 MiB")]
    TooLarge,
}

/// Why a POST returned no run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PostError {
    /// Nothing was created, and the request may be sent again: 429.
    #[error("{what}")]
    NotSent {
        /// What went wrong.
        what: String,
        /// The delay the server asked for.
        after: Option<Duration>,
    },
    /// Nothing was created: no connection was made.
    #[error("{what}")]
    Unreachable {
        /// Whether no retry can help: a certificate, no trusted authority, a proxy's refusal, an unknown host.
        permanent: bool,
        /// What went wrong, and what to do about it if it is permanent.
        what: String,
    },
    /// Nothing was created: QA.tech refuses. With what to do about it.
    #[error("{why}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// For people.
        why: String,
    },
    /// Nothing was created: a proxy or firewall answered 400 to 404 instead of QA.tech.
    #[error("{0}")]
    Blocked(String),
    /// A run may have been created. The request is never sent again: the API has no idempotency key, and each run is billed.
    #[error("{0}")]
    Ambiguous(String),
}

/// Why the details of a test case are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CaseError {
    /// The API does not return them: 400, 401, 403, 404 or 405.
    #[error("QA.tech's API returns no details of test cases")]
    Unsupported,
    /// Anything else: transport, another status, an invalid answer.
    #[error("the details of the test case could not be read")]
    Failed,
}

/// An answer with a 4xx status, explained.
#[derive(Debug)]
pub(super) enum Refusal {
    /// QA.tech refuses: its message, and what to do about it.
    ByApi(String),
    /// The answer is not QA.tech's JSON, so QA.tech is not named as its source: its status and first 200 characters.
    ByOther(String),
}

impl Refusal {
    /// The explanation.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::ByApi(text) | Self::ByOther(text) => text,
        }
    }
}

/// Explains refusals, and says what to do about them.
pub(super) struct Refusals<'a> {
    pub redactor: &'a Redactor,
    /// Whether `project_short_id` is set.
    pub names_project: bool,
}

impl Refusals<'_> {
    /// Explains an answer with a 4xx status.
    pub(super) fn explain(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
        let Some(message) = ErrorBody::message(body) else {
            return Refusal::ByOther(format!(
                "HTTP {status} with an answer that is not QA.tech's, perhaps from a proxy, a firewall or a wrong \
                 `api_url`: {}",
                http::beginning(headers, body, self.redactor)
            ));
        };
        let message = http::brief(&message, MESSAGE, self.redactor);
        let message = if message.is_empty() {
            message
        } else {
            format!(": {message}")
        };
        let hint = match status.as_u16() {
            400 | 401 | 403 | 404 if !self.names_project => {
                "; or set `project_short_id` (an organization's key needs it)"
            }
            _ => "",
        };
        Refusal::ByApi(format!("HTTP {}{message}: {}{hint}", status.as_u16(), advice(status)))
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "the API refuses the request; check the plan, the applications and the notifications",
        401 => {
            "the API token is missing or invalid; check the secret that is passed as `api_token` (QA.tech: Settings → Integrations → API)"
        }
        402 => "the usage limit of the QA.tech organization is exceeded; raise it or wait for the next period",
        403 => {
            "the API token is not valid for this, or the organization is suspended; check the token, then the organization's account"
        }
        404 => "not found in the project of this token; check the short ids, and that the token is that project's",
        _ => "the API refuses the request",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn explain(status: u16, body: &str, names_project: bool) -> Refusal {
        let refusals = Refusals {
            redactor: &Redactor::default(),
            names_project,
        };
        refusals.explain(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    /// The explanation of a refusal by the API.
    fn by_api(status: u16, body: &str, names_project: bool) -> String {
        match explain(status, body, names_project) {
            Refusal::ByApi(text) => text,
            Refusal::ByOther(text) => panic!("{text}"),
        }
    }

    #[test]
    fn a_refusal_names_the_input_for_the_project_where_it_is_unset() {
        for (status, hinted) in [(400, true), (401, true), (402, false), (403, true), (404, true)] {
            let text = by_api(status, r#"{"message": "no"}"#, false);
            assert_eq!(text.contains("`project_short_id`"), hinted, "{text}");
            assert!(text.starts_with(&format!("HTTP {status}: no: ")), "{text}");
            assert!(!by_api(status, r#"{"message": "no"}"#, true).contains("project_short_id"));
        }
    }

    #[test]
    fn both_forms_of_error_bodies_are_read() {
        assert!(by_api(400, r#"{"statusText": "Old words"}"#, true).contains("Old words"));
    }

    #[test]
    fn an_answer_of_another_server_is_not_taken_for_qatechs_refusal() {
        let page = format!("<html><title>403 Forbidden</title>{}</html>", "x".repeat(900));
        for body in [page.as_str(), "", "nginx", "[]", "{}", "{\"message\""] {
            let Refusal::ByOther(text) = explain(403, body, false) else {
                panic!("{body}");
            };
            assert!(
                text.starts_with("HTTP 403 Forbidden with an answer that is not QA.tech's"),
                "{text}"
            );
            assert!(!text.contains("token") && !text.contains("project_short_id"), "{text}");
            assert!(text.chars().count() < 420, "{text}");
        }
    }
}
