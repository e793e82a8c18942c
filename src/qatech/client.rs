//! The calls for runs: start, rerun, get status, get the details of a test case. Each sends one request; the callers decide
//! about retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::net::http;
use crate::net::http::{BodyError, Clients, PermanentFailure};
use crate::net::retry::is_transient;
use crate::qatech::clean::Cleaner;
use crate::qatech::details::CaseAnswer;
use crate::qatech::digest::Digester;
pub use crate::qatech::error::{CaseError, GetError, PostError};
use crate::qatech::error::{Refusal, Refusals};
use crate::qatech::repair::repair;
use crate::qatech::run_reader::{ReadError, RunReader};
use crate::qatech::wire::{RerunRequest, Run, RunTestCaseDetail, StartRequest, StartResponse, StartedRun};
use crate::report::merge::KnownElements;
use crate::text::{Redactor, Secret, ShortId};

/// A client of QA.tech's API, with one key.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) clients: Clients,
    pub(super) base: Url,
    token: Secret,
    pub(super) project: Option<String>,
    pub(super) cleaner: Cleaner,
    digester: Digester,
}

/// The largest answer with the details of one test case, in bytes: eight of them are read at once.
const MAX_DETAILS: usize = 2 * 1024 * 1024;

/// Which test cases a rerun repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerunCases<'a> {
    /// The failed, skipped and errored ones.
    Failed,
    /// These, by their ids in the project. Never empty.
    Only(&'a [String]),
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

/// An answer, and its size.
#[derive(Debug)]
pub struct Got {
    /// The run.
    pub run: Run,
    /// Size of the body, decompressed, in bytes.
    pub size: usize,
}

/// What is reported of a POST whose outcome is not known.
pub const MAYBE_STARTED: &str = "may have been started, not repeated so that it is not billed twice";

/// The calls that the runs need: implemented by the client, and in tests by a simulated API on paused time.
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

    /// `POST /run/{shortId}`: reruns cases of a run (<https://docs.qa.tech/api-reference/rerun>).
    ///
    /// # Errors
    /// See [`PostError`].
    fn rerun(
        &self,
        short_id: &ShortId,
        cases: RerunCases<'_>,
        timeout: Duration,
    ) -> impl Future<Output = Result<StartedRun, PostError>>;

    /// `GET /run/{shortId}`: a run's status (<https://docs.qa.tech/api-reference/get-run-status>). Elements of the list of
    /// test cases that are known are not read.
    ///
    /// # Errors
    /// See [`GetError`]. An answer for another run than `short_id` (or `id`, where known) is invalid.
    fn get(
        &self,
        short_id: &ShortId,
        id: Option<&str>,
        cases: Cases,
        known: &KnownElements,
    ) -> impl Future<Output = Result<Got, GetError>>;

    /// `GET /run-test-case/{shortId}`: the details of one test case of a run.
    ///
    /// # Errors
    /// See [`CaseError`].
    fn case(&self, short_id: &str) -> impl Future<Output = Result<CaseAnswer, CaseError>>;
}

impl Api for Client {
    async fn start(&self, request: &StartRequest<'_>, timeout: Duration) -> Result<StartedRun, PostError> {
        self.create_run(&["run"], request, timeout).await
    }

    async fn rerun(
        &self,
        short_id: &ShortId,
        cases: RerunCases<'_>,
        timeout: Duration,
    ) -> Result<StartedRun, PostError> {
        let request = RerunRequest {
            failed_only: cases == RerunCases::Failed,
            project_test_case_ids: match cases {
                RerunCases::Failed => &[],
                RerunCases::Only(ids) => ids,
            },
            project_short_id: self.project.as_deref(),
        };
        self.create_run(&["run", short_id], &request, timeout).await
    }

    async fn get(
        &self,
        short_id: &ShortId,
        id: Option<&str>,
        cases: Cases,
        known: &KnownElements,
    ) -> Result<Got, GetError> {
        let mut request = self.request(&self.clients.pooled, Method::GET, &["run", short_id]);
        match cases {
            Cases::None => {}
            Cases::Failed => request = request.query(&[("testCases", "failed")]),
            Cases::All => request = request.query(&[("testCases", "all")]),
        }
        let retry = |what, after| GetError::Retry {
            what: self.cleaner.text(what),
            after,
        };
        let response = request
            .send()
            .await
            .map_err(|error| retry(http::explain(error), None))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            return self.read_run(response, short_id, id, known).await;
        }
        let body = match http::read_body(response).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => Vec::new(),
            Err(BodyError::Broken(what)) => return Err(retry(format!("HTTP {status}, body broken off: {what}"), None)),
        };
        if is_transient(status) {
            let what = format!("HTTP {status}: {}", self.beginning(&headers, &body));
            return Err(retry(what, http::retry_after(&headers)));
        }
        if status.is_client_error() {
            let why = self.refusals().explain(status, &headers, &body).into_text();
            return Err(match status {
                StatusCode::NOT_FOUND => GetError::NotFound(why),
                _ => GetError::Refused(why),
            });
        }
        let beginning = self.beginning(&headers, &body);
        Err(retry(
            format!("HTTP {status}, which is not a valid answer: {beginning}"),
            None,
        ))
    }

    async fn case(&self, short_id: &str) -> Result<CaseAnswer, CaseError> {
        let request = self.request(&self.clients.pooled, Method::GET, &["run-test-case", short_id]);
        let response = request.send().await.map_err(|_| CaseError::Failed)?;
        let status = response.status();
        if matches!(status.as_u16(), 400 | 401 | 403 | 404 | 405) {
            return Err(CaseError::Unsupported);
        }
        if !status.is_success() {
            return Err(CaseError::Failed);
        }
        let body = http::read_body_up_to(response, MAX_DETAILS).await;
        let mut body = body.map_err(|_| CaseError::Failed)?;
        let detail = parse::<RunTestCaseDetail>(&mut body).map_err(|_| CaseError::Failed)?;
        Ok(CaseAnswer::new(detail, &self.cleaner, &self.base))
    }
}

impl Client {
    /// A client with this key, and for this project if one is named.
    pub fn new(clients: Clients, base: Url, token: Secret, project: Option<String>, redactor: Redactor) -> Self {
        Self {
            clients,
            base,
            token,
            project,
            cleaner: Cleaner::new(redactor),
            digester: Digester::new(),
        }
    }

    /// Reads an answer with a run while it arrives.
    async fn read_run(
        &self,
        response: Response,
        short_id: &ShortId,
        id: Option<&str>,
        known: &KnownElements,
    ) -> Result<Got, GetError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let retry = |what| GetError::Retry {
            what: self.cleaner.text(what),
            after: None,
        };
        let mut reader = RunReader::new(&self.cleaner, &self.digester, known);
        match http::read_body_into(response, http::MAX_BODY, &mut reader).await {
            Ok(()) => {}
            Err(BodyError::TooLarge) => return Err(GetError::TooLarge),
            Err(BodyError::Broken(what)) => return Err(retry(format!("HTTP {status}, body broken off: {what}"))),
        }
        let why = match reader.finish() {
            Ok(run) if run.short_id == short_id.as_str() && id.is_none_or(|id| id == run.id) => {
                return Ok(Got {
                    run,
                    size: reader.size(),
                });
            }
            Ok(_) => "which is for a different run".to_owned(),
            Err(ReadError::TooManyCases) => return Err(GetError::TooLarge),
            Err(error @ (ReadError::NotJson | ReadError::NotDocumented)) => error.to_string(),
        };
        let beginning = self.beginning(&headers, reader.head());
        Err(retry(format!("HTTP {status}, {why}: {beginning}")))
    }

    /// Sends a POST that starts a run, which is billed.
    async fn create_run(
        &self,
        path: &[&str],
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<StartedRun, PostError> {
        let ambiguous = |what: &str| PostError::Ambiguous(format!("{MAYBE_STARTED}: {what}"));
        match self.post::<StartResponse>(path, body, timeout).await {
            Ok(StartResponse { denied: true, run: _ }) => Err(ambiguous("HTTP 200 with success: false")),
            Ok(StartResponse { denied: false, run }) => {
                let run = run.cleaned(&self.cleaner);
                run.ok_or_else(|| ambiguous("the answer has no usable short id"))
            }
            Err(PostError::Ambiguous(what)) => Err(ambiguous(&what)),
            Err(
                error @ (PostError::NotSent { .. }
                | PostError::Unreachable { .. }
                | PostError::Refused { .. }
                | PostError::Blocked(_)),
            ) => Err(error),
        }
    }

    /// Sends a POST on a connection of its own, and reads its answer.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, PostError> {
        let ambiguous = |what: String| PostError::Ambiguous(self.cleaner.text(what));
        let body = serde_json::to_vec(body).map_err(|error| ambiguous(error.to_string()))?;
        let length = body.len();
        // The body is read once there is a connection, and before anything is written to it.
        let written = Arc::new(AtomicBool::new(false));
        let body = Full::new(Bytes::from(body)).map_frame({
            let written = Arc::clone(&written);
            move |frame| {
                written.store(true, Ordering::Relaxed);
                frame
            }
        });
        let request = self
            .request(&self.clients.fresh, Method::POST, path)
            .timeout(timeout.min(http::REQUEST_TIMEOUT))
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap(body));
        let response = match request.send().await {
            Ok(response) => response,
            // There was no connection, so nothing can have been created: also if the request timed out while connecting. If a
            // connection broke off, the request may have been received.
            Err(error) if error.is_connect() || (error.is_timeout() && !written.load(Ordering::Relaxed)) => {
                let permanent = PermanentFailure::from_error(&error, &self.url(path), &self.clients.network).await;
                return Err(PostError::Unreachable {
                    permanent: permanent.is_some(),
                    what: self.cleaner.text(match permanent {
                        Some(failure) => failure.to_string(),
                        None => http::explain(error),
                    }),
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
            // The status alone decides.
            Err(BodyError::TooLarge | BodyError::Broken(_)) => Vec::new(),
        };
        match status.as_u16() {
            429 => Err(PostError::NotSent {
                what: format!("HTTP {status}: {}", self.beginning(&headers, &body)),
                after: http::retry_after(&headers),
            }),
            400..=404 => Err(match self.refusals().explain(status, &headers, &body) {
                Refusal::ByApi(why) => PostError::Refused {
                    status: status.as_u16(),
                    why,
                },
                Refusal::ByOther(what) => PostError::Blocked(what),
            }),
            200..=299 => parse(&mut body).map_err(|error| {
                let (what, beginning) = (explain(&error), self.beginning(&headers, &body));
                ambiguous(format!("HTTP {status}, {what}: {beginning}"))
            }),
            _ => Err(ambiguous(format!("HTTP {status}: {}", self.beginning(&headers, &body)))),
        }
    }

    fn request(&self, client: &reqwest::Client, method: Method, path: &[&str]) -> RequestBuilder {
        let request = client.request(method, self.url(path));
        let request = request.bearer_auth(self.token.expose());
        request.header(ACCEPT_ENCODING, "gzip")
    }

    fn url(&self, path: &[&str]) -> Url {
        url(&self.base, path)
    }

    fn refusals(&self) -> Refusals<'_> {
        Refusals {
            redactor: self.cleaner.redactor(),
            names_project: self.project.is_some(),
        }
    }

    fn beginning(&self, headers: &HeaderMap, body: &[u8]) -> String {
        http::beginning(headers, body, self.cleaner.redactor())
    }
}

/// The URL of `/run`, or of a path below it.
pub fn run_url(base: &Url, path: &[&str]) -> Url {
    let path: Vec<&str> = std::iter::once("run").chain(path.iter().copied()).collect();
    url(base, &path)
}

fn url(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // An https or http URL always has a path. Each segment is percent-encoded.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Parses a body; repairs its strings if it can't be parsed otherwise.
fn parse<T: DeserializeOwned>(body: &mut [u8]) -> serde_json::Result<T> {
    match serde_json::from_slice(body) {
        Err(_) if repair(body) => serde_json::from_slice(body),
        result => result,
    }
}

/// What is wrong with a body: kind and position of the error, since serde's message repeats values.
fn explain(error: &serde_json::Error) -> String {
    let kind = if error.is_data() {
        "whose JSON does not match the API's schema"
    } else {
        "which is not JSON"
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}
