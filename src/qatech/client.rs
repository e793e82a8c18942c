//! The three calls: start a run, rerun one, get one's status. One request each; what is repeated, and when, is decided elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::net::http;
use crate::net::http::BodyError;
use crate::qatech::repair::repair;
use crate::qatech::wire::{ErrorBody, RerunRequest, Run, StartRequest, StartResponse, StartedRun, is_too_many};
use crate::text::{Redactor, Secret};

/// A client of one project.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Secret,
    redactor: Redactor,
}

/// Which test cases a [`Run`] comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cases {
    /// None.
    None,
    /// Failed, skipped and errored ones.
    Failed,
    /// All.
    All,
}

/// An answer, and what it cost.
#[derive(Debug)]
pub struct Got {
    /// The run.
    pub run: Run,
    /// Size of the body, decompressed, in bytes.
    pub size: usize,
}

/// Why a GET has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GetError {
    /// May go better next time: transport, 408, 425, 429, 5xx, or an answer that makes no sense.
    Retry {
        /// What went wrong.
        what: String,
        /// The delay the server asked for.
        after: Option<Duration>,
    },
    /// 404: the run does not exist, or does not exist yet.
    NotFound(String),
    /// The API refuses; asking again changes nothing. With what to do about it.
    Refused(String),
    /// The answer is larger than is read.
    TooLarge,
}

/// Why a POST has created no run that we know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostError {
    /// Nothing was created, and it may be sent again: 429.
    NotSent {
        /// What went wrong.
        what: String,
        /// The delay the server asked for.
        after: Option<Duration>,
    },
    /// Nothing was created: no connection was made.
    Unreachable {
        /// Whether no repetition can make it (a certificate, no roots, a proxy's refusal, an unknown scheme or host).
        permanent: bool,
        /// What went wrong, and what to do about it where it is permanent.
        what: String,
    },
    /// Nothing was created: the API refuses. With what to do about it.
    Refused {
        /// HTTP status.
        status: u16,
        /// For people.
        why: String,
    },
    /// A run may have been created. Never repeated: there is no idempotency key, and each run is billed.
    Ambiguous(String),
}

/// How much of the API's own words is shown, in characters.
const MESSAGE: usize = 500;

/// What a POST whose outcome is not known is told with.
pub const MAYBE_STARTED: &str = "may have been started, not repeated so that it is not billed twice";

/// The calls, as the wait needs them: the real client, or a simulated API on paused time.
pub trait Api {
    /// `POST /run`: starts a run (<https://docs.qa.tech/api-reference/start-run>).
    ///
    /// # Errors
    /// See [`PostError`].
    fn start(
        &self,
        request: &StartRequest<'_>,
        timeout: Duration,
    ) -> impl Future<Output = Result<StartedRun, PostError>>;

    /// `POST /run/{shortId}`: reruns the failed, skipped and errored cases of a run
    /// (<https://docs.qa.tech/api-reference/rerun>).
    ///
    /// # Errors
    /// See [`PostError`].
    fn rerun_failed(&self, short_id: &str, timeout: Duration) -> impl Future<Output = Result<StartedRun, PostError>>;

    /// `GET /run/{shortId}`: a run's status (<https://docs.qa.tech/api-reference/get-run-status>).
    ///
    /// # Errors
    /// See [`GetError`]. An answer that speaks of another run than `short_id` (or `id`, where known) is no answer.
    fn get(&self, short_id: &str, id: Option<&str>, cases: Cases) -> impl Future<Output = Result<Got, GetError>>;
}

impl Api for Client {
    async fn start(&self, request: &StartRequest<'_>, timeout: Duration) -> Result<StartedRun, PostError> {
        self.post(&[], request, timeout).await
    }

    async fn rerun_failed(&self, short_id: &str, timeout: Duration) -> Result<StartedRun, PostError> {
        self.post(&[short_id], &RerunRequest { failed_only: true }, timeout)
            .await
    }

    async fn get(&self, short_id: &str, id: Option<&str>, cases: Cases) -> Result<Got, GetError> {
        let mut request = self.request(Method::GET, &[short_id]);
        match cases {
            Cases::None => {}
            Cases::Failed => request = request.query(&[("testCases", "failed")]),
            Cases::All => request = request.query(&[("testCases", "all")]),
        }
        let retry = |what, after| GetError::Retry {
            what: self.redactor.clean(what),
            after,
        };
        let response = request
            .send()
            .await
            .map_err(|error| retry(http::explain(error), None))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = match http::read_body(response).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) if status.is_success() => return Err(GetError::TooLarge),
            Err(BodyError::TooLarge) => Vec::new(),
            Err(BodyError::Broken(what)) => return Err(retry(format!("HTTP {status}, body broken off: {what}"), None)),
        };
        if status == StatusCode::NOT_FOUND {
            return Err(GetError::NotFound(self.advice(status, &body)));
        }
        if status == StatusCode::TOO_MANY_REQUESTS || matches!(status.as_u16(), 408 | 425) || status.is_server_error() {
            return Err(retry(
                format!("HTTP {status}: {}", http::beginning(&headers, &body, &self.redactor)),
                http::retry_after(&headers),
            ));
        }
        if status.is_client_error() {
            return Err(GetError::Refused(self.advice(status, &body)));
        }
        let parsed = parse::<Run>(&mut body);
        let nonsense = |why: &str| {
            retry(
                format!(
                    "HTTP {status}, {why}: {}",
                    http::beginning(&headers, &body, &self.redactor)
                ),
                None,
            )
        };
        if !status.is_success() {
            return Err(nonsense("which is no answer"));
        }
        let mut run = match parsed {
            Ok(run) => run,
            Err(error) if is_too_many(&error) => return Err(GetError::TooLarge),
            Err(error) => return Err(nonsense(&explain(&error))),
        };
        run.id = self.redactor.clean(run.id);
        if run.short_id != short_id || id.is_some_and(|id| id != run.id) {
            return Err(nonsense("which speaks of another run"));
        }
        Ok(Got { run, size: body.len() })
    }
}

impl Client {
    /// A client for the project of this token.
    pub fn new(http: reqwest::Client, base: Url, token: Secret, redactor: Redactor) -> Self {
        Self {
            http,
            base,
            token,
            redactor,
        }
    }

    async fn post(&self, path: &[&str], body: &impl Serialize, timeout: Duration) -> Result<StartedRun, PostError> {
        let ambiguous = |what: String| PostError::Ambiguous(self.redactor.clean(format!("{MAYBE_STARTED}: {what}")));
        let body = serde_json::to_vec(body).map_err(|error| ambiguous(error.to_string()))?;
        let length = body.len();
        // The body is asked for once there is a connection to write the request to, and before anything is written.
        let written = Arc::new(AtomicBool::new(false));
        let body = Full::new(Bytes::from(body)).map_frame({
            let written = Arc::clone(&written);
            move |frame| {
                written.store(true, Ordering::Relaxed);
                frame
            }
        });
        let request = self
            .request(Method::POST, path)
            .timeout(timeout.min(http::REQUEST_TIMEOUT))
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap(body));
        let response = match request.send().await {
            Ok(response) => response,
            // The connection was never made, so nobody can have read the request: also where the deadline came while
            // it was being made. A connection that was made and broke off is another matter, whoever saw what of it.
            Err(error) if error.is_connect() || (error.is_timeout() && !written.load(Ordering::Relaxed)) => {
                return Err(PostError::Unreachable {
                    permanent: false,
                    what: self.redactor.clean(http::explain(error)),
                });
            }
            Err(error) => return Err(ambiguous(http::explain(error))),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = match http::read_body(response).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) if status.is_success() => {
                return Err(ambiguous(format!("HTTP {status}, and the answer is too large")));
            }
            Err(BodyError::Broken(what)) if status.is_success() => {
                return Err(ambiguous(format!("HTTP {status}, body broken off: {what}")));
            }
            // The status alone tells what follows from it.
            Err(BodyError::TooLarge | BodyError::Broken(_)) => Vec::new(),
        };
        match status.as_u16() {
            429 => Err(PostError::NotSent {
                what: self.redactor.clean(format!(
                    "HTTP {status}: {}",
                    http::beginning(&headers, &body, &self.redactor)
                )),
                after: http::retry_after(&headers),
            }),
            400..=404 => Err(PostError::Refused {
                status: status.as_u16(),
                why: self.advice(status, &body),
            }),
            200..=299 => match parse::<StartResponse>(&mut body) {
                Ok(StartResponse { denied: true, run: _ }) => {
                    Err(ambiguous(format!("HTTP {status} with success: false")))
                }
                Ok(StartResponse { denied: false, run }) if self.is_short_id(&run.short_id) => Ok(self.clean(run)),
                Ok(StartResponse { denied: false, run: _ }) => Err(ambiguous(format!(
                    "HTTP {status} with no usable short id: {}",
                    http::beginning(&headers, &body, &self.redactor)
                ))),
                Err(error) => Err(ambiguous(format!(
                    "HTTP {status}, {}: {}",
                    explain(&error),
                    http::beginning(&headers, &body, &self.redactor)
                ))),
            },
            _ => Err(ambiguous(format!(
                "HTTP {status}: {}",
                http::beginning(&headers, &body, &self.redactor)
            ))),
        }
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http
            .request(method, run_url(&self.base, path))
            .bearer_auth(self.token.expose())
    }

    /// Whether a short id can be used and shown: one that holds a secret can't be cleaned, since it is asked for again.
    fn is_short_id(&self, text: &str) -> bool {
        is_short_id(text) && self.redactor.clean(text.to_owned()) == text
    }

    fn clean(&self, run: StartedRun) -> StartedRun {
        let clean = |text: Option<String>| text.map(|text| self.redactor.clean(text));
        let StartedRun {
            id,
            short_id,
            url,
            test_count,
            test_plan,
        } = run;
        StartedRun {
            id: clean(id),
            short_id,
            url: clean(url),
            test_count,
            test_plan: test_plan.map(|plan| super::wire::StartedPlan {
                name: clean(plan.name),
                short_id: clean(plan.short_id),
            }),
        }
    }

    /// What a refusal means and what to do about it, with the API's own words where it has any.
    fn advice(&self, status: StatusCode, body: &[u8]) -> String {
        let message = serde_json::from_slice::<ErrorBody>(body)
            .unwrap_or_default()
            .message
            .map(|message| http::brief(&message, MESSAGE, &self.redactor))
            .filter(|message| !message.is_empty())
            .map(|message| format!(": {message}"));
        let advice = match status.as_u16() {
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
        };
        format!("HTTP {}{}: {advice}", status.as_u16(), message.unwrap_or_default())
    }
}

/// The URL of the runs, or of one of them.
pub fn run_url(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // An https or http URL always has a path that can be added to, and percent-encodes each segment.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("run").extend(path);
    }
    url
}

/// Reads a body, mending its texts where it can't be read without.
fn parse<T: DeserializeOwned>(body: &mut [u8]) -> serde_json::Result<T> {
    match serde_json::from_slice(body) {
        Err(_) if repair(body) => serde_json::from_slice(body),
        result => result,
    }
}

/// What is wrong with a body. serde's message would repeat values of it; its kind and place do not.
fn explain(error: &serde_json::Error) -> String {
    let kind = if error.is_data() {
        "whose JSON is not what the API documents"
    } else {
        "which is no JSON"
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}

/// Whether a short id can be put into a path, an output and a comma-joined list.
fn is_short_id(text: &str) -> bool {
    !text.is_empty()
        && text != "."
        && text != ".."
        && text.len() <= 200
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == ',' || c == ';')
}
