//! GitHub's APIs through octocrab on our one HTTP client: one place that sends, decides what may be repeated, and turns
//! answers into values or into an [`Error`].
//!
//! octocrab carries the requests and nothing else: its models are large, and its own errors say only "GitHub".

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
use crate::net::retry::Delays;
use crate::publish::github::answer::{has_next, limit, message, reason};
use crate::publish::github::deadline::{Deadline, Deadlines};
use crate::publish::github::error::{Error, Unusable};
use crate::publish::github::wire::{GraphQl, ViewerData, ViewerQuery};
use crate::text::{Redactor, Secret};

/// Delays up to this one are the same while the runs are waited for as at the end; longer ones are stretched.
const QUICK: Duration = Duration::from_secs(5);
/// Objects a page, GitHub's maximum.
const PER_PAGE: usize = 100;
/// More pages than any pull request has comments.
const MAX_PAGES: usize = 100;

/// Which requests may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Sending it twice does the same as sending it once.
    Always,
    /// A POST: again only where the first certainly did nothing.
    IfNothingHappened,
    /// Not at all: a signal leaves no time.
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

/// The calls of one repository, all of which end by a deadline that is set once the runs have ended.
#[derive(Clone)]
pub(super) struct Api {
    octocrab: Octocrab,
    /// `https://…/repos/owner/name`, without a slash at its end.
    repository: String,
    root: String,
    /// The GraphQL endpoint, where it is on the same host as the REST API.
    graphql: Option<String>,
    redactor: Redactor,
    /// `None` as long as the runs are waited for.
    deadlines: watch::Receiver<Option<Deadlines>>,
    patience: Patience,
    /// Set once a request did not succeed at once.
    trouble: watch::Sender<bool>,
    /// The latest rate limit that is waited for beyond the regular deadline.
    long_wait: watch::Sender<Option<Duration>>,
    /// See [`author`](super::author::author).
    pub(super) author: Arc<OnceCell<String>>,
}

/// A parsed answer, and whether the list it may be goes on.
struct Answer {
    body: Vec<u8>,
    more: bool,
}

/// What one attempt came to.
enum Outcome {
    Answered(Answer),
    /// GitHub did nothing, and asks for a wait.
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
        // octocrab panics where the header can't be made.
        if !token.expose().bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
            return Err(Unusable::InvalidToken);
        }
        let root = api.as_str().trim_end_matches('/').to_owned();
        let octocrab = Octocrab::builder()
            .add_header(ACCEPT, "application/vnd.github+json".to_owned())
            // Without a path, which octocrab would put before that of GraphQL: all our addresses are absolute.
            .base_uri(api.origin().ascii_serialization())
            .and_then(|builder| builder.personal_token(token.expose()).build_with_reqwest(client))
            .map_err(|error| Unusable::InvalidApiUrl(redactor.clean(reason(&error).0)))?;
        // The token goes to no other host.
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

    /// The same for requests that wait for a rate limit until the later deadline.
    pub(super) fn patient(&self) -> Self {
        Self {
            patience: Patience::Long,
            ..self.clone()
        }
    }

    /// The waits of [`patient`](Self::patient) requests beyond the regular deadline, as they begin.
    pub(super) fn long_waits(&self) -> watch::Receiver<Option<Duration>> {
        self.long_wait.subscribe()
    }

    /// Resolves once a request has to be repeated: then only those who need its result should go on waiting.
    pub(super) async fn troubled(&self) {
        let mut trouble = self.trouble.subscribe();
        // The sender is our own, so it is not gone.
        let _ = trouble.wait_for(|trouble| *trouble).await;
    }

    /// Waits before a write whose answer was lost is looked for or sent again; false, and at once, where there is no time.
    pub(super) async fn pause(&self, delays: &mut Delays) -> bool {
        self.trouble.send_replace(true);
        let mut deadline = Deadline::new(self.deadlines.clone());
        let early = !deadline.is_set();
        deadline.wait(next_wait(delays, early), early).await
    }

    /// The login of the token's owner, asked by GraphQL: the REST API refuses that to installation tokens.
    pub(super) async fn viewer(&self) -> Result<String, Error> {
        let Some(url) = &self.graphql else {
            return Err(Error::Unreachable("no GraphQL endpoint is known".to_owned()));
        };
        let query = ViewerQuery {
            query: "query { viewer { login } }",
        };
        // It only reads.
        let answer: GraphQl<ViewerData> = self.parse(&self.send("POST", url, Some(&query), Repeat::Always).await?)?;
        match answer.data {
            Some(data) => Ok(data.viewer.login),
            None => Err(Error::Invalid("no viewer".to_owned())),
        }
    }

    /// GETs a path behind the repository, such as `/pulls/7`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let url = format!("{}{path}", self.repository);
        self.parse(&self.send("GET", &url, None::<&()>, Repeat::Always).await?)
    }

    /// GETs a path at the API's root, such as `/user`.
    pub(super) async fn get_at_root<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let url = format!("{}{path}", self.root);
        self.parse(&self.send("GET", &url, None::<&()>, Repeat::Always).await?)
    }

    /// GETs a list page by page, until `take` says that it has enough. The query starts with `?`, or is empty.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        mut take: impl FnMut(T) -> bool + Send,
    ) -> Result<(), Error> {
        let joint = if query.is_empty() { '?' } else { '&' };
        for page in 1..=MAX_PAGES {
            // Pages are counted here: a link only says that there is a next page, since it could lead anywhere.
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
        // It was done: only the answer is unusable.
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

    /// A text from GitHub without secrets.
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
        let mut deadline = Deadline::new(self.deadlines.clone());
        let mut delays = Delays::default();
        loop {
            let outcome = tokio::select! {
                outcome = self.once(method, url, body) => outcome,
                () = deadline.passed() => return Err(match repeat {
                    Repeat::IfNothingHappened | Repeat::Never => Error::Lost("no answer in time".to_owned()),
                    Repeat::Always => Error::OutOfTime,
                }),
            };
            let late = deadline.is_set();
            let (wait, error, eager) = match outcome {
                Outcome::Answered(answer) => return Ok(answer),
                Outcome::Failed(error) => return Err(error),
                Outcome::Limited(wait) => {
                    self.extend(&mut deadline, wait, repeat);
                    (wait, Error::RateLimited { wait }, false)
                }
                Outcome::Broken { what, sent } => match repeat {
                    Repeat::IfNothingHappened | Repeat::Never if sent => return Err(Error::Lost(what)),
                    Repeat::Always | Repeat::IfNothingHappened | Repeat::Never => {
                        (next_wait(&mut delays, !late), Error::Unreachable(what), true)
                    }
                },
            };
            self.trouble.send_replace(true);
            if repeat == Repeat::Never || !deadline.wait(wait, eager && !late).await {
                return Err(error);
            }
        }
    }

    /// Lets a request that has patience wait for a rate limit beyond the regular deadline, and announces that.
    fn extend(&self, deadline: &mut Deadline, wait: Duration, repeat: Repeat) {
        if self.patience == Patience::Regular || repeat == Repeat::Never || deadline.allows(wait) {
            return;
        }
        deadline.extend();
        if deadline.allows(wait) {
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
                // Of a refusal the status is enough; only a success needs its body.
                Err(_) if !parts.status.is_success() => Vec::new(),
                Err(error) => {
                    return Outcome::Broken {
                        what: self.redactor.clean(format!("the answer broke off: {error}")),
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

/// The wait before the next try. As long as the runs are waited for there is no hurry, and all jobs of a repository share
/// 1,000 requests an hour.
fn next_wait(delays: &mut Delays, early: bool) -> Duration {
    let wait = delays.next(None);
    if early && wait > QUICK { wait * 6 } else { wait }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_in_a_hurry_while_the_runs_are_waited_for() {
        let hour = |early| {
            let (mut delays, mut spent, mut tries) = (Delays::default(), Duration::ZERO, 0);
            while spent < Duration::from_secs(3600) {
                spent += next_wait(&mut delays, early);
                tries += 1;
            }
            tries
        };
        assert!((40..120).contains(&hour(true)), "{}", hour(true));
        assert!(hour(false) > 250);
    }
}
