//! Why a call has no answer, and what a refusal means. Every text here is for people and has passed the redactor.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use thiserror::Error;

use crate::net::http;
use crate::qatech::wire::ErrorBody;
use crate::text::Redactor;

/// How much of the API's own words is shown, in characters.
const MESSAGE: usize = 500;

/// Why a GET has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GetError {
    /// May succeed next time: transport, 408, 425, 429, 5xx, or an answer that is invalid.
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
    /// The API refuses; asking again changes nothing. With what to do about it.
    #[error("{0}")]
    Refused(String),
    /// The answer is larger than is read.
    #[error("the answer is larger than 64 MiB")]
    TooLarge,
}

/// Why a POST has created nothing that we know of.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PostError {
    /// Nothing was created, and it may be sent again: 429.
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
        /// Whether no repetition can make it: a certificate, no roots, a proxy's refusal, an unknown host.
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
    /// Nothing was created: something on the way, such as a firewall, answered 400 to 404 in QA.tech's place.
    #[error("{0}")]
    Blocked(String),
    /// Something may have been created. A start or a rerun is never repeated: there is no idempotency key, and each run is
    /// billed.
    #[error("{0}")]
    Ambiguous(String),
}

/// Why the details of a test case are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CaseError {
    /// The API does not give them: 400, 401, 403, 404 or 405.
    #[error("QA.tech's API gives no details of test cases")]
    Unsupported,
    /// Anything else: transport, another status, an invalid answer.
    #[error("the details of the test case could not be had")]
    Failed,
}

/// What a refusal means and what to do about it.
pub(super) struct Refusals<'a> {
    pub redactor: &'a Redactor,
    /// `project_short_id` is set.
    pub names_project: bool,
}

impl Refusals<'_> {
    /// Explains an answer with a 4xx status. `Err` where it is not QA.tech's JSON: then nobody is blamed, and the status and
    /// the first 200 characters are shown.
    pub(super) fn explain(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<String, String> {
        let Some(message) = ErrorBody::message(body) else {
            return Err(format!(
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
        Ok(format!("HTTP {}{message}: {}{hint}", status.as_u16(), advice(status)))
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn explain(status: u16, body: &str, names_project: bool) -> Result<String, String> {
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

    #[test]
    fn a_refusal_tells_of_the_project_where_none_is_named() {
        for (status, hinted) in [(400, true), (401, true), (402, false), (403, true), (404, true)] {
            let told = explain(status, r#"{"message": "no"}"#, false).unwrap();
            assert_eq!(told.contains("`project_short_id`"), hinted, "{told}");
            assert!(told.starts_with(&format!("HTTP {status}: no: ")), "{told}");
            assert!(
                !explain(status, r#"{"message": "no"}"#, true)
                    .unwrap()
                    .contains("project_short_id")
            );
        }
    }

    #[test]
    fn both_forms_of_error_bodies_are_read() {
        assert!(
            explain(400, r#"{"statusText": "Old words"}"#, true)
                .unwrap()
                .contains("Old words")
        );
    }

    #[test]
    fn what_is_not_qatechs_is_not_told_as_its_refusal() {
        let page = format!("<html><title>403 Forbidden</title>{}</html>", "x".repeat(900));
        for body in [page.as_str(), "", "nginx", "[]", "{}", "{\"message\""] {
            let told = explain(403, body, false).unwrap_err();
            assert!(
                told.starts_with("HTTP 403 Forbidden with an answer that is not QA.tech's"),
                "{told}"
            );
            assert!(!told.contains("token") && !told.contains("project_short_id"), "{told}");
            assert!(told.chars().count() < 420, "{told}");
        }
    }
}
