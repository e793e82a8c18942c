//! `wait_for`: waits until URLs answer.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::try_join_all;
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use crate::inputs::{Probe, SHA_PLACEHOLDER};
use crate::net::http;
use crate::net::retry::Deadline;
use crate::net::written_url::{self, UrlError};
use crate::preflight::deployment::elapsed;
use crate::preflight::step::Preflight;

/// Time limit for one attempt, including redirects and the body.
const TRY: Duration = Duration::from_secs(5);
/// Number of bytes of an answer that are searched for the text, after decompression.
const SEARCHED: usize = 1 << 20;
/// Number of redirects on the same host that are followed.
const MAX_REDIRECTS: usize = 10;

/// Why the wait for a URL failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadinessError {
    /// There is no value for `{sha}`.
    #[error("`wait_for` contains {{sha}}, but the head commit is not known (set `commit`)")]
    NoCommit,
    /// The URL is not valid after `{sha}` was replaced.
    #[error("`wait_for`: {0}")]
    Url(#[from] UrlError),
    /// The URL was not ready in time.
    #[error("{url} was not ready within {waited}: {last}")]
    TimedOut {
        /// The URL without user info and query.
        url: String,
        /// How long the program waited.
        waited: String,
        /// The result of the last attempt.
        #[source]
        last: NotReady,
    },
}

impl ReadinessError {
    pub(super) fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::NoCommit | Self::Url(_) => false,
        }
    }
}

/// The result of an attempt that found a URL not ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReady {
    /// No attempt has ended yet.
    #[error("no answer")]
    NotTried,
    /// The attempt took too long.
    #[error("no answer within 5 s")]
    TooSlow,
    /// The request failed.
    #[error("{0}")]
    Unreachable(String),
    /// The status is 404, or 500 and above.
    #[error("it answered with HTTP {0}")]
    Status(StatusCode),
    /// The answer does not contain the text.
    #[error("it answered with HTTP {0}, but without the text")]
    NoText(StatusCode),
    /// There are too many redirects on the host.
    #[error("it redirected more than {MAX_REDIRECTS} times")]
    Redirects,
}

impl From<reqwest::Error> for NotReady {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(http::explain(error))
    }
}

/// Whether a probe contains the head commit.
pub(super) fn names_commit(probe: &Probe) -> bool {
    let Probe { url, contains } = probe;
    url.contains(SHA_PLACEHOLDER) || contains.as_ref().is_some_and(|text| text.contains(SHA_PLACEHOLDER))
}

/// Waits until all URLs are ready.
///
/// # Errors
/// See [`ReadinessError`].
pub(super) async fn wait(preflight: &Preflight<'_>, sha: Option<&str>) -> Result<(), ReadinessError> {
    let inputs = preflight.app.inputs;
    let begun = Instant::now();
    let deadline = preflight.deadline.within(inputs.wait_for_timeout);
    let probes = inputs.wait_for.iter().map(|probe| Waiting::new(probe, sha));
    let probes = probes.collect::<Result<Vec<_>, _>>()?;
    let all = probes.iter().map(|probe| probe.until_ready(preflight, begun, deadline));
    try_join_all(all).await.map(drop)
}

/// A URL that must become ready.
struct Waiting {
    url: Url,
    contains: Option<String>,
    /// The URL without user info and query, for messages.
    shown: String,
    /// The result of the last attempt.
    last: RefCell<NotReady>,
}

impl Waiting {
    fn new(probe: &Probe, sha: Option<&str>) -> Result<Self, ReadinessError> {
        let Probe { url, contains } = probe;
        let sha = match sha {
            Some(sha) => sha,
            None if names_commit(probe) => return Err(ReadinessError::NoCommit),
            None => "",
        };
        let url = written_url::parse(&url.replace(SHA_PLACEHOLDER, sha))?;
        let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
        Ok(Self {
            url,
            contains: contains.as_ref().map(|text| text.replace(SHA_PLACEHOLDER, sha)),
            shown,
            last: RefCell::new(NotReady::NotTried),
        })
    }

    async fn until_ready(
        &self,
        preflight: &Preflight<'_>,
        begun: Instant,
        deadline: Deadline,
    ) -> Result<(), ReadinessError> {
        let shown = &self.shown;
        let tries = async {
            loop {
                let found = match timeout(TRY, self.try_once(preflight.client)).await {
                    Ok(found) => found,
                    Err(_) => Err(NotReady::TooSlow),
                };
                match found {
                    Ok(status) => {
                        preflight.say(format!("{shown} is ready ({status}), after {}", elapsed(begun)));
                        return;
                    }
                    Err(why) => {
                        if *self.last.borrow() != why {
                            preflight.say(format!("Waiting for {shown}: {why}"));
                            self.last.replace(why);
                        }
                    }
                }
                sleep((preflight.interval)(begun.elapsed())).await;
            }
        };
        let ready = deadline.limit(tries).await;
        ready.ok_or_else(|| ReadinessError::TimedOut {
            url: shown.clone(),
            waited: elapsed(begun),
            last: self.last.replace(NotReady::NotTried),
        })
    }

    /// The status of a ready answer, or why it is not ready.
    async fn try_once(&self, client: &reqwest::Client) -> Result<StatusCode, NotReady> {
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            // The client sends no token and does not follow redirects.
            let response = client.get(url.clone()).send().await?;
            let status = response.status();
            if let Some(next) = redirect(&response).filter(|next| is_on_host(next, &url)) {
                url = next;
                continue;
            }
            if status == StatusCode::NOT_FOUND || status.as_u16() >= 500 {
                return Err(NotReady::Status(status));
            }
            return match &self.contains {
                Some(text) if !contains(response, text.as_bytes()).await? => Err(NotReady::NoText(status)),
                Some(_) | None => Ok(status),
            };
        }
        Err(NotReady::Redirects)
    }
}

/// The target of a redirect.
fn redirect(response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(location).ok()
}

/// Whether a redirect stays on the host. It may change from http to https, but not back.
fn is_on_host(next: &Url, from: &Url) -> bool {
    let same_port = next.port_or_known_default() == from.port_or_known_default();
    next.host() == from.host()
        && (next.scheme() == from.scheme() && same_port || (from.scheme(), next.scheme()) == ("http", "https"))
}

/// Whether the first bytes of a body contain a text.
async fn contains(mut response: Response, text: &[u8]) -> reqwest::Result<bool> {
    let mut body = Vec::new();
    while body.len() < SEARCHED {
        let Some(chunk) = response.chunk().await? else {
            return Ok(text.is_empty());
        };
        // The text may start in an earlier chunk.
        let from = body.len().saturating_sub(text.len());
        body.extend_from_slice(chunk.get(..SEARCHED - body.len()).unwrap_or(&chunk));
        let news = body.get(from..).unwrap_or_default();
        if text.is_empty() || news.windows(text.len()).any(|part| part == text) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn probe(url: &str, contains: Option<&str>) -> Probe {
        Probe {
            url: url.to_owned(),
            contains: contains.map(str::to_owned),
        }
    }

    #[test]
    fn the_commit_is_inserted_into_url_and_text() {
        let waiting = Waiting::new(&probe("https://{sha}.pr.example/v?k=s", Some("v={sha}")), Some("abc")).unwrap();
        assert_eq!(waiting.url.as_str(), "https://abc.pr.example/v?k=s");
        assert_eq!(waiting.contains.as_deref(), Some("v=abc"));
        assert_eq!(waiting.shown, "https://abc.pr.example/v");
        for unknown in [
            probe("https://{sha}.example", None),
            probe("https://a.example", Some("{sha}")),
        ] {
            assert!(matches!(Waiting::new(&unknown, None), Err(ReadinessError::NoCommit)));
        }
        assert!(Waiting::new(&probe("https://a.example", None), None).is_ok());
    }

    #[test]
    fn only_redirects_on_the_host_are_followed() {
        let from = |next: &str, from: &str| is_on_host(&Url::parse(next).unwrap(), &Url::parse(from).unwrap());
        assert!(from("https://a.example/login", "https://a.example/"));
        assert!(from("https://a.example/", "http://a.example/"));
        assert!(!from("http://a.example/", "https://a.example/"));
        assert!(!from("https://b.example/", "https://a.example/"));
        assert!(!from("https://a.example:8443/", "https://a.example/"));
        assert!(!from("https://a.example.b.example/", "https://a.example/"));
    }
}
