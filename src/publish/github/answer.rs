//! Reads rate limits, links to further pages and error messages from GitHub's answers, and explains why there is no answer.

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, LINK};

use crate::net::http;
use crate::text::Redactor;

/// The wait after a rate limit without `retry-after` or `x-ratelimit-reset`
/// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>).
const DEFAULT_WAIT: Duration = Duration::from_secs(60);
/// The shortest wait after a rate limit: one that has just ended may still be in effect.
const SHORTEST: Duration = Duration::from_secs(1);
/// How much of an error's message is repeated, in characters.
const SHOWN: usize = 200;

/// How long to wait if the answer means that a rate limit is exceeded: `retry-after`, else until `x-ratelimit-reset` if no
/// request remains, else a minute for the secondary limit.
pub(super) fn limit(status: u16, headers: &HeaderMap, message: &str) -> Option<Duration> {
    if status != 403 && status != 429 {
        return None;
    }
    if let Some(wait) = http::retry_after(headers) {
        return Some(wait.max(SHORTEST));
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if number("x-ratelimit-remaining") == Some(0)
        && let Some(reset) = number("x-ratelimit-reset")
    {
        let wait = Duration::from_secs(reset.saturating_sub(now(headers)));
        return Some(wait.max(SHORTEST));
    }
    let is_secondary = message.to_ascii_lowercase().contains("rate limit");
    (status == 429 || is_secondary).then_some(DEFAULT_WAIT)
}

/// Seconds since the Unix epoch, by the answer's `date` if it has one, since our clock may be wrong.
fn now(headers: &HeaderMap) -> u64 {
    headers
        .get(DATE)
        .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
        .unwrap_or_else(SystemTime::now)
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Whether a list has another page (<https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>).
pub(super) fn has_next(headers: &HeaderMap) -> bool {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|link| link.to_str().ok())
        .any(|link| link.contains("rel=\"next\""))
}

/// GitHub's error message, shortened to one line; if there is none, the beginning of the answer.
pub(super) fn message(headers: &HeaderMap, body: &[u8], redactor: &Redactor) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        message: String,
        #[serde(default)]
        errors: serde_json::Value,
    }
    let Ok(Body { message, errors }) = serde_json::from_slice(body) else {
        return http::beginning(headers, body, redactor);
    };
    let details = errors.as_array().into_iter().flatten().filter_map(|error| {
        let detail = error.get("message").unwrap_or(error);
        detail.as_str().map(str::to_owned)
    });
    let all: Vec<String> = std::iter::once(message).chain(details).collect();
    http::brief(&all.join("; "), SHOWN, redactor)
}

/// Why a request has no answer, and whether GitHub may have received it.
pub(super) fn reason(error: &octocrab::Error) -> (String, bool) {
    let mut deepest = error.to_string();
    let mut word = None;
    let mut made = true;
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<reqwest::Error>() {
            made = !error.is_connect() && !error.is_builder();
            word = if error.is_connect() {
                Some("no connection")
            } else if error.is_timeout() {
                Some("no answer in time")
            } else {
                None
            };
        }
        deepest = cause.to_string();
        source = cause.source();
    }
    let text = match word {
        Some(word) => format!("{word}: {deepest}"),
        None => deepest,
    };
    (text, made)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_missing_permission_is_no_rate_limit() {
        let seconds =
            |status, pairs: &[_], message: &str| limit(status, &headers(pairs), message).map(|wait| wait.as_secs());
        assert_eq!(seconds(403, &[], "Resource not accessible by integration"), None);
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "12")], "no"), None);
        assert_eq!(seconds(404, &[("retry-after", "5")], "no"), None);
        assert_eq!(seconds(403, &[("retry-after", "5")], "no"), Some(5));
        assert_eq!(seconds(403, &[], "You have exceeded a secondary rate limit."), Some(60));
        assert_eq!(seconds(429, &[], ""), Some(60));
        let reset = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1445412489"),
            ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ];
        assert_eq!(seconds(403, &reset, "API rate limit exceeded"), Some(9));
    }

    #[test]
    fn an_error_is_told_in_githubs_words() {
        let body = br#"{"message": "Validation Failed", "errors": [{"message": "Body is\ntoo long"}, "x", 7]}"#;
        assert_eq!(
            message(&HeaderMap::new(), body, &Redactor::default()),
            "Validation Failed; Body is too long; x"
        );
        assert_eq!(
            message(&HeaderMap::new(), b"{\"message\": 7}", &Redactor::default()),
            "{\"message\": 7} (no content type)"
        );
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status: u16, value in "[ -~]{0,20}", body in ".{0,300}") {
            let headers = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &value), ("date", &value)]);
            let message = message(&headers, body.as_bytes(), &Redactor::default());
            prop_assert!(message.chars().count() <= SHOWN + 40);
            let _ = limit(status, &headers, &message);
        }
    }
}
