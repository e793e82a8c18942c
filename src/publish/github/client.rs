//! GitHub's REST API through octocrab on our one HTTP client: one place that sends, decides what may be repeated,
//! and turns answers into values or into a [`Failure`] that says what was missing.
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
use tokio::time::{Instant, sleep_until, timeout};

use crate::context::Repository;
use crate::net::http;
use crate::net::retry::Delays;
use crate::publish::github::answer::{has_next, limit, message, reason};
use crate::text::{Redactor, Secret};

/// Up to this wait the tries go on as quickly while the runs are waited for as they do at the end.
const QUICK: Duration = Duration::from_secs(5);
/// Objects a page, the most that GitHub gives.
const PER_PAGE: usize = 100;
/// More pages than any pull request has comments.
const MAX_PAGES: usize = 100;

/// Why a call did not succeed: a fragment for people, without any secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// GitHub understood and said no.
    #[error("GitHub answered {status}: {message}")]
    Refused {
        /// HTTP status, 4xx.
        status: u16,
        /// GitHub's own words.
        message: String,
    },
    /// Nothing can have happened, or it does not matter if it has.
    #[error("GitHub is out of reach: {0}")]
    Unreachable(String),
    /// A write whose answer was lost, and which was not repeated.
    #[error("GitHub's answer was lost ({0}), so it may have happened; it was not repeated")]
    Lost(String),
    /// An answer that can't be GitHub's: a redirect, or no JSON.
    #[error("the answer is not one of GitHub's API: {0}")]
    Invalid(String),
    /// GitHub asks for a longer wait than there is time for.
    #[error("GitHub's rate limit is exceeded, and there is no time to wait for it")]
    Limited,
    /// The deadline came first.
    #[error("there was no time left for GitHub")]
    OutOfTime,
}

impl Failure {
    /// Whether GitHub found fault with what was sent: without the fault it may be taken.
    pub(super) fn is_invalid(&self) -> bool {
        self.status() == Some(422)
    }

    /// The status of a refusal.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, message: _ } => Some(*status),
            Self::Unreachable(_) | Self::Lost(_) | Self::Invalid(_) | Self::Limited | Self::OutOfTime => None,
        }
    }
}

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

/// The calls of one repository, all of which end by a deadline that is set late.
#[derive(Clone)]
pub(super) struct Api {
    octocrab: Octocrab,
    /// `https://…/repos/owner/name`, without a slash at its end.
    repository: String,
    root: String,
    redactor: Redactor,
    /// `None` as long as the runs are waited for.
    deadline: watch::Receiver<Option<Instant>>,
    /// Set once a request did not succeed at once.
    trouble: watch::Sender<bool>,
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
    /// Something went wrong on the way; `made` says whether the request can have arrived.
    Broken {
        what: String,
        made: bool,
    },
    Failed(Failure),
}

impl Api {
    /// Must be called inside the runtime: octocrab starts a task.
    ///
    /// # Errors
    /// Why the token or the address can't be used, as a sentence.
    pub(super) fn new(
        client: reqwest::Client,
        root: &url::Url,
        repository: &Repository,
        token: &Secret,
        redactor: Redactor,
        deadline: watch::Receiver<Option<Instant>>,
    ) -> Result<Self, String> {
        // octocrab panics where the header can't be made.
        if !token.expose().bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
            return Err("`github_token` holds characters that no token has.".to_owned());
        }
        let root = root.as_str().trim_end_matches('/').to_owned();
        let octocrab = Octocrab::builder()
            .add_header(ACCEPT, "application/vnd.github+json".to_owned())
            .base_uri(root.as_str())
            .and_then(|builder| builder.personal_token(token.expose()).build_with_reqwest(client))
            .map_err(|error| format!("GITHUB_API_URL can't be used: {}", redactor.clean(reason(&error).0)))?;
        Ok(Self {
            octocrab,
            repository: format!("{root}/repos/{}/{}", repository.owner, repository.name),
            root,
            redactor,
            deadline,
            trouble: watch::Sender::new(false),
            author: Arc::default(),
        })
    }

    /// Resolves once a request has to be repeated: nobody should wait for GitHub any more who need not.
    pub(super) async fn troubled(&self) {
        let mut trouble = self.trouble.subscribe();
        // The sender is our own, so it is not gone.
        let _ = trouble.wait_for(|trouble| *trouble).await;
    }

    /// Waits before a write whose answer was lost is looked for or sent again; false, and at once, where there is no time.
    pub(super) async fn pause(&self, delays: &mut Delays) -> bool {
        self.trouble.send_replace(true);
        let mut deadline = self.deadline.clone();
        let early = deadline.borrow().is_none();
        waited(next_wait(delays, early), &mut deadline, early).await
    }

    /// GETs a path behind the repository, such as `/pulls/7`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let url = format!("{}{path}", self.repository);
        self.parse(&self.send("GET", &url, None::<&()>, Repeat::Always).await?)
    }

    /// GETs a path at the API's root, such as `/user`.
    pub(super) async fn get_at_root<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let url = format!("{}{path}", self.root);
        self.parse(&self.send("GET", &url, None::<&()>, Repeat::Always).await?)
    }

    /// GETs a list page by page, until `take` says that it has enough. The query starts with `?`, or is empty.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        mut take: impl FnMut(T) -> bool + Send,
    ) -> Result<(), Failure> {
        let joint = if query.is_empty() { '?' } else { '&' };
        for page in 1..=MAX_PAGES {
            // The pages are counted here and the links only believed for there being one: they could lead anywhere.
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
    ) -> Result<T, Failure> {
        let url = format!("{}{path}", self.repository);
        let answer = self.send("POST", &url, Some(body), Repeat::IfNothingHappened).await?;
        // It has happened: only what came back is unusable.
        self.parse(&answer)
            .map_err(|failure| Failure::Lost(failure.to_string()))
    }

    pub(super) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
        repeat: Repeat,
    ) -> Result<T, Failure> {
        let url = format!("{}{path}", self.repository);
        self.parse(&self.send("PATCH", &url, Some(body), repeat).await?)
    }

    /// A text of GitHub's without secrets.
    pub(super) fn clean(&self, text: String) -> String {
        self.redactor.clean(text)
    }

    fn parse<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        serde_json::from_slice(&answer.body).map_err(|error| Failure::Invalid(self.redactor.clean(error.to_string())))
    }

    async fn send(
        &self,
        method: &'static str,
        url: &str,
        body: Option<&(impl Serialize + Sync)>,
        repeat: Repeat,
    ) -> Result<Answer, Failure> {
        let mut deadline = self.deadline.clone();
        let mut delays = Delays::default();
        loop {
            let outcome = tokio::select! {
                outcome = self.once(method, url, body) => outcome,
                () = passed(&mut deadline) => return Err(match repeat {
                    Repeat::IfNothingHappened | Repeat::Never => Failure::Lost("no answer in time".to_owned()),
                    Repeat::Always => Failure::OutOfTime,
                }),
            };
            let late = deadline.borrow().is_some();
            let (wait, failure, eager) = match outcome {
                Outcome::Answered(answer) => return Ok(answer),
                Outcome::Failed(failure) => return Err(failure),
                Outcome::Limited(wait) => (wait, Failure::Limited, false),
                Outcome::Broken { what, made } => match repeat {
                    Repeat::IfNothingHappened | Repeat::Never if made => return Err(Failure::Lost(what)),
                    Repeat::Always | Repeat::IfNothingHappened | Repeat::Never => {
                        (next_wait(&mut delays, !late), Failure::Unreachable(what), true)
                    }
                },
            };
            self.trouble.send_replace(true);
            if repeat == Repeat::Never || !waited(wait, &mut deadline, eager && !late).await {
                return Err(failure);
            }
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
                        made: connected,
                    };
                }
            };
            let (parts, body) = response.into_parts();
            let body = match Limited::new(body, http::MAX_BODY).collect().await {
                Ok(body) => body.to_bytes().to_vec(),
                // What was answered is known by its status; only a success needs its body.
                Err(_) if !parts.status.is_success() => Vec::new(),
                Err(error) => {
                    return Outcome::Broken {
                        what: self.redactor.clean(format!("the answer broke off: {error}")),
                        made: true,
                    };
                }
            };
            self.classify(parts.status.as_u16(), &parts.headers, body)
        };
        match timeout(http::REQUEST_TIMEOUT, request).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Broken {
                what: "no answer in time".to_owned(),
                made: true,
            },
        }
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: Vec<u8>) -> Outcome {
        match status {
            200..=299 => Outcome::Answered(Answer {
                more: has_next(headers),
                body,
            }),
            300..=399 => Outcome::Failed(Failure::Invalid(format!(
                "a redirect ({status}), which is not followed"
            ))),
            400..=499 => {
                let message = message(headers, &body, &self.redactor);
                match limit(status, headers, &message) {
                    Some(wait) => Outcome::Limited(wait),
                    None if status == 408 => Outcome::Broken {
                        what: format!("{status} {message}"),
                        made: true,
                    },
                    None => Outcome::Failed(Failure::Refused { status, message }),
                }
            }
            _ => Outcome::Broken {
                what: format!("{status} {}", message(headers, &body, &self.redactor)),
                made: true,
            },
        }
    }
}

/// The wait before the next try. As long as the runs are waited for, nobody is in a hurry, and all jobs of a repository
/// share a thousand requests an hour.
fn next_wait(delays: &mut Delays, early: bool) -> Duration {
    let wait = delays.next(None);
    if early && wait > QUICK { wait * 6 } else { wait }
}

/// Resolves when the deadline has passed; never where none is set.
async fn passed(deadline: &mut watch::Receiver<Option<Instant>>) {
    loop {
        let until = *deadline.borrow_and_update();
        let changed = async {
            if deadline.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        match until {
            Some(until) => tokio::select! {
                () = sleep_until(until) => return,
                () = changed => {}
            },
            None => changed.await,
        }
    }
}

/// Waits; `false`, and at once, where the deadline comes first. An `eager` wait ends when the deadline is set: the runs
/// are over, and the next try decides.
async fn waited(wait: Duration, deadline: &mut watch::Receiver<Option<Instant>>, eager: bool) -> bool {
    let Some(until) = Instant::now().checked_add(wait) else {
        return false;
    };
    loop {
        if deadline.borrow_and_update().is_some_and(|deadline| until >= deadline) {
            return false;
        }
        tokio::select! {
            () = sleep_until(until) => return true,
            changed = deadline.changed() => match changed {
                Ok(()) if eager => return true,
                Ok(()) => {}
                Err(_) => {
                    sleep_until(until).await;
                    return true;
                }
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_does_not_fit_is_not_begun() {
        let (set, mut deadline) = watch::channel(None);
        let from = Instant::now();
        assert!(waited(Duration::from_secs(3600), &mut deadline, false).await);
        assert_eq!(from.elapsed().as_secs(), 3600);
        set.send(Some(Instant::now() + Duration::from_secs(60))).unwrap();
        assert!(!waited(Duration::from_secs(61), &mut deadline, false).await);
        assert_eq!(from.elapsed().as_secs(), 3600);
        // A deadline that is set while it waits ends the wait.
        let (set, mut deadline) = watch::channel(None);
        let wait = tokio::spawn(async move { waited(Duration::from_secs(3600), &mut deadline, false).await });
        tokio::task::yield_now().await;
        set.send(Some(Instant::now() + Duration::from_secs(60))).unwrap();
        assert!(!wait.await.unwrap());
        assert_eq!(from.elapsed().as_secs(), 3600);
    }
}
