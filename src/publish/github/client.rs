//! Client of GitHub's APIs: sends requests through octocrab on the shared HTTP client, decides which may be sent again, and
//! turns answers into values or an [`Error`].
//!
//! octocrab only sends the requests: its models are large, and its errors display only "GitHub".

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use octocrab::Octocrab;
use reqwest::header::{ACCEPT, HeaderMap};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{OnceCell, watch};
use tokio::time::timeout;

use crate::context::Context;
use crate::net::http;
use crate::publish::github::answer::{has_next, limit, message, reason};
use crate::publish::github::deadline::{Deadlines, Retries};
use crate::publish::github::error::{Error, Unusable};
use crate::publish::github::wire::{GraphQl, ViewerData, ViewerQuery};
use crate::text::{Redactor, Secret};

/// Objects per page; GitHub's maximum.
const PER_PAGE: usize = 100;
/// Maximum number of pages that are read of a list.
const MAX_PAGES: usize = 100;

/// Which requests may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// The request is idempotent.
    Always,
    /// A POST: only if the first one certainly had no effect.
    IfNothingHappened,
    /// Never: after a signal there is no time.
    Never,
}

/// How long a request waits for a rate limit once the runs have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Until the regular deadline.
    Regular,
    /// Until the later deadline: giving up would leave a check run in progress.
    Long,
}

/// The calls for one repository. All end by a deadline that is set once the runs have ended.
#[derive(Clone)]
pub(super) struct Api {
    octocrab: Octocrab,
    /// `https://…/repos/owner/name`, without a slash at its end.
    repository: String,
    root: String,
    /// The GraphQL endpoint, if it is on the same host as the REST API.
    graphql: Option<String>,
    redactor: Redactor,
    /// `None` until the runs have ended.
    deadlines: watch::Receiver<Option<Deadlines>>,
    patience: Patience,
    /// Set once a request has to be sent again.
    trouble: watch::Sender<bool>,
    /// The latest wait for a rate limit beyond the regular deadline.
    long_wait: watch::Sender<Option<Duration>>,
    /// See [`author`](super::author::author).
    pub(super) author: Arc<OnceCell<String>>,
}

/// A successful answer. `more`: a list has another page.
struct Answer {
    body: Vec<u8>,
    more: bool,
}

/// The outcome of one attempt.
enum Outcome {
    Answered(Answer),
    /// GitHub rejected the request because of a rate limit, and asks for this wait.
    Limited(Duration),
    /// There was no usable answer; `sent` says whether the request may have arrived.
    Broken {
        what: String,
        sent: bool,
    },
    Failed(Error),
}

impl Api {
    /// Must be called inside the runtime: octocrab starts a task.
    ///
    /// # Errors
    /// Why the token or the address can't be used.
    pub(super) fn new(
        client: reqwest::Client,
        context: &Context,
        token: &Secret,
        redactor: Redactor,
        deadlines: watch::Receiver<Option<Deadlines>>,
    ) -> Result<Self, Unusable> {
        let repository = context.repository.as_ref().ok_or(Unusable::NoRepository)?;
        let api = context.api_url.as_ref().ok_or(Unusable::NoApiUrl)?;
        // octocrab panics if the token is not valid in a header.
        if !token.expose().bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
            return Err(Unusable::InvalidToken);
        }
        let root = api.as_str().trim_end_matches('/').to_owned();
        let octocrab = Octocrab::builder()
            .add_header(ACCEPT, "application/vnd.github+json".to_owned())
            // Only the origin: all our URLs are absolute, and octocrab would prepend a path to GraphQL's.
            .base_uri(api.origin().ascii_serialization())
            .and_then(|builder| builder.personal_token(token.expose()).build_with_reqwest(client))
            .map_err(|error| Unusable::InvalidApiUrl(redactor.clean(reason(&error).0)))?;
        // The token must not be sent to another host.
        let graphql = context.graphql_url.as_ref().filter(|url| url.origin() == api.origin());
        Ok(Self {
            octocrab,
            repository: format!("{root}/repos/{}/{}", repository.owner, repository.name),
            root,
            graphql: graphql.map(ToString::to_string),
            redactor,
            deadlines,
            patience: Patience::Regular,
            trouble: watch::Sender::new(false),
            long_wait: watch::Sender::new(None),
            author: Arc::default(),
        })
    }

    /// A client whose requests wait for a rate limit until the later deadline.
    pub(super) fn patient(&self) -> Self {
        Self {
            patience: Patience::Long,
            ..self.clone()
        }
    }

    /// Receives the waits of [`patient`](Self::patient) requests beyond the regular deadline when they begin.
    pub(super) fn long_waits(&self) -> watch::Receiver<Option<Duration>> {
        self.long_wait.subscribe()
    }

    /// Returns once a request has to be sent again: callers that don't need its result should then stop waiting.
    pub(super) async fn troubled(&self) {
        let mut trouble = self.trouble.subscribe();
        // It can't fail: the sender is a field of `self`.
        let _ = trouble.wait_for(|trouble| *trouble).await;
    }

    /// The retries of one request or write.
    pub(super) fn retries(&self) -> Retries {
        Retries::new(self.deadlines.clone())
    }

    /// Waits after a write whose answer was lost, before its effect is looked up. Returns false at once if there is no time.
    pub(super) async fn pause(&self, retries: &mut Retries) -> bool {
        self.trouble.send_replace(true);
        retries.back_off().await
    }

    /// The login of the token's owner, by GraphQL: the REST API does not return it for installation tokens.
    pub(super) async fn viewer(&self) -> Result<String, Error> {
        let Some(url) = &self.graphql else {
            return Err(Error::Unreachable("no GraphQL endpoint is known".to_owned()));
        };
        let query = ViewerQuery {
            query: "query { viewer { login } }",
        };
        // A query only reads, so it may be sent again.
        let answer: GraphQl<ViewerData> = self.parse(&self.send("POST", url, Some(&query), Repeat::Always).await?)?;
        match answer.data {
            Some(data) => Ok(data.viewer.login),
            None => Err(Error::Invalid("no viewer".to_owned())),
        }
    }

    /// GETs a path of the repository, such as `/pulls/7`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let url = format!("{}{path}", self.repository);
        self.parse(&self.send("GET", &url, None::<&()>, Repeat::Always).await?)
    }

    /// GETs a path at the API's root, such as `/user`.
    pub(super) async fn get_at_root<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let url = format!("{}{path}", self.root);
        self.parse(&self.send("GET", &url, None::<&()>, Repeat::Always).await?)
    }

    /// GETs a list page by page until `take` returns true. The query starts with `?`, or is empty.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        mut take: impl FnMut(T) -> bool + Send,
    ) -> Result<(), Error> {
        let joint = if query.is_empty() { '?' } else { '&' };
        for page in 1..=MAX_PAGES {
            // The `next` link only shows that there is another page. Its URL is not followed: it could lead anywhere.
            let url = format!("{}{path}{query}{joint}per_page={PER_PAGE}&page={page}", self.repository);
            let answer = self.send("GET", &url, None::<&()>, Repeat::Always).await?;
            if take(self.parse(&answer)?) || !answer.more {
                break;
            }
        }
        Ok(())
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, Error> {
        let url = format!("{}{path}", self.repository);
        let answer = self.send("POST", &url, Some(body), Repeat::IfNothingHappened).await?;
        // The request succeeded, only its answer is unusable.
        self.parse(&answer).map_err(|failure| Error::Lost(failure.to_string()))
    }

    pub(super) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
        repeat: Repeat,
    ) -> Result<T, Error> {
        let url = format!("{}{path}", self.repository);
        self.parse(&self.send("PATCH", &url, Some(body), repeat).await?)
    }

    /// Redacts a text from GitHub.
    pub(super) fn clean(&self, text: String) -> String {
        self.redactor.clean(text)
    }

    fn parse<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Error> {
        serde_json::from_slice(&answer.body).map_err(|error| Error::Invalid(self.redactor.clean(error.to_string())))
    }

    async fn send(
        &self,
        method: &'static str,
        url: &str,
        body: Option<&(impl Serialize + Sync)>,
        repeat: Repeat,
    ) -> Result<Answer, Error> {
        let mut retries = self.retries();
        loop {
            let outcome = tokio::select! {
                outcome = self.once(method, url, body) => outcome,
                () = retries.deadline_passed() => return Err(match repeat {
                    Repeat::IfNothingHappened | Repeat::Never => Error::Lost("no answer in time".to_owned()),
                    Repeat::Always => Error::OutOfTime,
                }),
            };
            let (asked, error) = match outcome {
                Outcome::Answered(answer) => return Ok(answer),
                Outcome::Failed(error) => return Err(error),
                Outcome::Limited(wait) => {
                    self.extend(&mut retries, wait, repeat);
                    (Some(wait), Error::RateLimited { wait })
                }
                Outcome::Broken { what, sent } => match repeat {
                    Repeat::IfNothingHappened | Repeat::Never if sent => return Err(Error::Lost(what)),
                    Repeat::Always | Repeat::IfNothingHappened | Repeat::Never => (None, Error::Unreachable(what)),
                },
            };
            self.trouble.send_replace(true);
            let repeats = match asked {
                _ if repeat == Repeat::Never => false,
                Some(wait) => retries.wait(wait, false).await,
                None => retries.back_off().await,
            };
            if !repeats {
                return Err(error);
            }
        }
    }

    /// Extends the deadline of a patient request for a rate limit, and announces the wait.
    fn extend(&self, retries: &mut Retries, wait: Duration, repeat: Repeat) {
        if self.patience == Patience::Regular || repeat == Repeat::Never || retries.allow(wait) {
            return;
        }
        retries.extend();
        if retries.allow(wait) {
            self.long_wait.send_replace(Some(wait));
        }
    }

    async fn once(&self, method: &'static str, url: &str, body: Option<&(impl Serialize + Sync)>) -> Outcome {
        let request = async {
            let response = match method {
                "POST" => self.octocrab._post(url, body).await,
                "PATCH" => self.octocrab._patch(url, body).await,
                _ => self.octocrab._get(url).await,
            };
            let response = match response {
                Ok(response) => response,
                Err(error) => {
                    let (what, connected) = reason(&error);
                    return Outcome::Broken {
                        what: self.redactor.clean(what),
                        sent: connected,
                    };
                }
            };
            let (parts, body) = response.into_parts();
            let body = match Limited::new(body, http::MAX_BODY).collect().await {
                Ok(body) => body.to_bytes().to_vec(),
                // The status of a refusal is enough; only a success needs its body.
                Err(_) if !parts.status.is_success() => Vec::new(),
                Err(error) => {
                    return Outcome::Broken {
                        what: self.redactor.clean(format!("the answer can't be read: {error}")),
                        sent: true,
                    };
                }
            };
            self.classify(parts.status.as_u16(), &parts.headers, body)
        };
        match timeout(http::REQUEST_TIMEOUT, request).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Broken {
                what: "no answer in time".to_owned(),
                sent: true,
            },
        }
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: Vec<u8>) -> Outcome {
        match status {
            200..=299 => Outcome::Answered(Answer {
                more: has_next(headers),
                body,
            }),
            300..=399 => Outcome::Failed(Error::Invalid(format!("a redirect ({status}), which is not followed"))),
            400..=499 => {
                let words = message(&body, &self.redactor);
                let shown = || http::beginning(headers, &body, &self.redactor);
                match limit(status, headers, words.as_deref().unwrap_or_default()) {
                    Some(wait) => Outcome::Limited(wait),
                    None if status == 408 => Outcome::Broken {
                        what: format!("{status} {}", words.unwrap_or_else(shown)),
                        sent: true,
                    },
                    None => Outcome::Failed(match words {
                        Some(message) => Error::Refused { status, message },
                        None => Error::Blocked {
                            status,
                            beginning: shown(),
                        },
                    }),
                }
            }
            _ => {
                let words = message(&body, &self.redactor);
                let words = words.unwrap_or_else(|| http::beginning(headers, &body, &self.redactor));
                Outcome::Broken {
                    what: format!("{status} {words}"),
                    sent: true,
                }
            }
        }
    }
}
