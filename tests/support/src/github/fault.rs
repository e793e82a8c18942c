//! Faults: what the fake answers instead of the true answer, and to which requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::calls::Call;
use super::model::Recorded;
use super::wire;
use crate::http::{End, Reply};

/// An answer other than the true one.
///
/// Texts and headers as in <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api> and
/// <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api>.
#[derive(Clone)]
pub struct Fault {
    /// `None`: the true answer.
    reply: Option<Reply>,
    after_write: bool,
    delay: Duration,
}

impl Fault {
    /// Any answer at all.
    pub fn reply(reply: Reply) -> Self {
        Self {
            reply: Some(reply),
            after_write: false,
            delay: Duration::ZERO,
        }
    }

    /// A JSON error with this status and message.
    pub fn status(status: u16, message: &str) -> Self {
        Self::reply(wire::error(status, message))
    }

    /// 401: the token is invalid or expired.
    pub fn bad_credentials() -> Self {
        Self::status(401, "Bad credentials")
    }

    /// 403: the token lacks a permission.
    pub fn forbidden() -> Self {
        Self::status(403, "Resource not accessible by integration")
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::status(404, "Not Found")
    }

    /// 422 with GitHub's message for a comment that is too long.
    pub fn comment_too_long() -> Self {
        Self::reply(wire::comment_too_long(65_536))
    }

    /// 429 with `Retry-After` in seconds.
    pub fn too_many_requests(retry_after: u64) -> Self {
        Self::reply(wire::error(429, SECONDARY_LIMIT).header("Retry-After", retry_after))
    }

    /// 403: the primary rate limit is used up; it resets in this many seconds.
    pub fn primary_limit(reset_in: u64) -> Self {
        let reset = epoch() + reset_in;
        let reply = wire::error(403, "API rate limit exceeded for installation ID 41898282.")
            .header("X-RateLimit-Limit", 1000)
            .header("X-RateLimit-Remaining", 0)
            .header("X-RateLimit-Used", 1000)
            .header("X-RateLimit-Reset", reset)
            .header("X-RateLimit-Resource", "core");
        Self::reply(reply)
    }

    /// 403: the secondary rate limit; with or without `Retry-After` in seconds.
    pub fn secondary_limit(retry_after: Option<u64>) -> Self {
        let reply = wire::error(403, SECONDARY_LIMIT);
        Self::reply(match retry_after {
            Some(seconds) => reply.header("Retry-After", seconds),
            None => reply,
        })
    }

    /// A 5xx in JSON.
    pub fn server_error(status: u16) -> Self {
        Self::status(status, "Server Error")
    }

    /// 502 with a proxy's HTML page instead of JSON.
    pub fn html_bad_gateway() -> Self {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502</h1></body>\r\n</html>\r\n";
        Self::reply(Reply::raw(502, "text/html", page))
    }

    /// 200 with an HTML page instead of JSON.
    pub fn html_page() -> Self {
        Self::reply(Reply::raw(
            200,
            "text/html",
            "<!DOCTYPE html><title>Sign in to your network</title>",
        ))
    }

    /// The connection is reset instead of an answer.
    pub fn reset() -> Self {
        Self::reply(Reply::cut(End::Reset))
    }

    /// No answer for as long as the client waits.
    pub fn hang() -> Self {
        Self::reply(Reply::hang())
    }

    /// 301 to another URL.
    pub fn moved(location: &str) -> Self {
        let body = json!({"message": "Moved Permanently", "url": location, "documentation_url": wire::DOCUMENTATION});
        Self::reply(Reply::json(301, &body).header("Location", location))
    }

    /// The true answer, after a delay.
    pub fn slow(delay: Duration) -> Self {
        Self {
            reply: None,
            after_write: true,
            delay,
        }
    }

    /// The request is executed, and only its answer is faulty.
    #[must_use]
    pub fn after_write(mut self) -> Self {
        self.after_write = true;
        self
    }

    /// Waits before the answer.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Whether the request is executed nevertheless.
    pub(super) fn lets_through(&self) -> bool {
        self.after_write
    }

    /// The answer that is sent instead of `truth`; `None` for a fault that answers before there is one.
    pub(super) fn spoil(&self, truth: Option<Reply>) -> Reply {
        let reply = self.reply.clone().or(truth).unwrap_or_else(Reply::hang);
        if self.delay.is_zero() {
            reply
        } else {
            reply.delay(self.delay)
        }
    }

    /// The status that the client sees, if it is not the true one.
    pub(super) fn status_seen(&self) -> Option<Option<u16>> {
        // A reply that is cut off or never ends has no status.
        self.reply
            .as_ref()
            .map(|reply| (reply.status != 0).then_some(reply.status))
    }
}

const SECONDARY_LIMIT: &str =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

/// Seconds since the Unix epoch.
pub(super) fn epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

enum Which {
    Any,
    Call(Call),
    Path(String, String),
    When(Box<dyn Fn(&Recorded) -> bool + Send>),
}

/// Which requests a [`Fault`] applies to: by default, all that match.
pub struct On {
    which: Which,
    /// How many matching requests pass first.
    skip: usize,
    /// How many are affected after those.
    times: usize,
    optional: bool,
    matched: usize,
    played: usize,
}

impl On {
    fn new(which: Which) -> Self {
        Self {
            which,
            skip: 0,
            times: usize::MAX,
            optional: false,
            matched: 0,
            played: 0,
        }
    }

    /// Every request.
    pub fn any() -> Self {
        Self::new(Which::Any)
    }

    /// One kind of call.
    pub fn call(call: Call) -> Self {
        Self::new(Which::Call(call))
    }

    /// A method and a path below the API's root, in which `*` is one segment: `/repos/*/*/issues/7`.
    pub fn path(method: &str, pattern: &str) -> Self {
        Self::new(Which::Path(method.to_owned(), pattern.to_owned()))
    }

    /// Requests for which the closure returns true; they have no status yet.
    pub fn when(condition: impl Fn(&Recorded) -> bool + Send + 'static) -> Self {
        Self::new(Which::When(Box::new(condition)))
    }

    /// Only the `n`-th of them, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        (self.skip, self.times) = (n - 1, 1);
        self
    }

    /// The `n`-th of them, counted from 1, and all later ones.
    #[must_use]
    pub fn from(mut self, n: usize) -> Self {
        (self.skip, self.times) = (n - 1, usize::MAX);
        self
    }

    /// Only the first `n` of them.
    #[must_use]
    pub fn first(mut self, n: usize) -> Self {
        (self.skip, self.times) = (0, n);
        self
    }

    /// Does not fail the test if no request matches.
    #[must_use]
    pub fn if_called(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Counts a request; `true` if the fault applies to it.
    pub(super) fn meets(&mut self, request: &Recorded) -> bool {
        let matches = match &self.which {
            Which::Any => true,
            Which::Call(call) => request.call == Some(*call),
            Which::Path(method, pattern) => *method == request.method && path_matches(pattern, &request.path),
            Which::When(condition) => condition(request),
        };
        if matches {
            self.matched += 1;
        }
        matches && self.matched > self.skip && self.matched - self.skip <= self.times
    }

    /// Records that the fault was played.
    pub(super) fn play(&mut self) {
        self.played += 1;
    }

    /// Why the fault fails the test at its end: a fault that no request matched tested nothing.
    pub(super) fn complaint(&self) -> Option<String> {
        if self.optional || self.played > 0 {
            return None;
        }
        let which = match &self.which {
            Which::Any => "any request".to_owned(),
            Which::Call(call) => format!("{call:?}"),
            Which::Path(method, pattern) => format!("{method} {pattern}"),
            Which::When(_) => "requests of a closure".to_owned(),
        };
        Some(format!(
            "the fault on {which} was never played ({} matched, {} to be skipped)",
            self.matched, self.skip
        ))
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(&path)
            .all(|(wanted, got)| *wanted == "*" || wanted == got)
}
