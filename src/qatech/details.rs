//! The details of one test case. Each field of an answer is kept only if its value is valid.

use chrono::DateTime;
use url::Url;

use crate::net::secret_url::is_loopback;
use crate::qatech::clean::Cleaner;
use crate::qatech::wire::RunTestCaseDetail;
use crate::report::{CaseDetails, Classification};
use crate::text::short_id::is_short_id;

/// Longest error code that is kept, in bytes.
const MAX_CODE: usize = 100;
/// Longest URL that is kept, in bytes.
const MAX_URL: usize = 4_000;

/// The details of one test case in one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseAnswer {
    /// Short id of the case, if the answer has it.
    pub short_id: Option<String>,
    /// Short id of the run, if the answer has it.
    pub run_short_id: Option<String>,
    /// The details that are shown.
    pub details: CaseDetails,
    /// URL of the last screenshot. It is signed, so it is never shown.
    pub screenshot: Option<ImageUrl>,
}

/// The URL of an image: https, or http on a loopback host if the API's is one too.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageUrl(Url);

impl std::fmt::Debug for ImageUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ImageUrl(***)")
    }
}

impl ImageUrl {
    /// The URL, if it may be fetched; `api` is the API's.
    pub fn new(text: &str, api: &Url) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_URL)?;
        let is_local = |url: &Url| url.scheme() == "http" && is_loopback(url);
        let is_allowed = url.scheme() == "https" || is_local(&url) && is_local(api);
        is_allowed.then_some(Self(url))
    }

    /// The target of a redirect, if it may be followed: never to another scheme.
    pub fn redirect(&self, location: &str) -> Option<Self> {
        let url = self.0.join(location).ok().filter(|_| location.len() <= MAX_URL)?;
        let is_allowed = url.scheme() == self.0.scheme() && (url.scheme() == "https" || is_loopback(&url));
        is_allowed.then_some(Self(url))
    }

    /// The URL, for the request.
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl CaseAnswer {
    pub(super) fn new(detail: RunTestCaseDetail, cleaner: &Cleaner, api: &Url) -> Self {
        let RunTestCaseDetail {
            short_id,
            run_short_id,
            project_test_case_id,
            error_code,
            classification,
            started_at,
            completed_at,
            duration_ms,
            url,
            screenshot_url,
        } = detail;
        let is_harmless = |text: &String| !cleaner.gives_away_a_secret(text);
        let started_at = started_at.as_deref().and_then(epoch_millis);
        let completed_at = completed_at
            .as_deref()
            .and_then(epoch_millis)
            .filter(|completed| started_at.is_none_or(|started| *completed >= started));
        Self {
            short_id,
            run_short_id,
            details: CaseDetails {
                error_code: error_code.filter(|code| is_code(code)).filter(is_harmless),
                classification: match classification.as_deref() {
                    Some("POSITIVE") => Some(Classification::Positive),
                    Some("NEGATIVE") => Some(Classification::Negative),
                    Some(_) | None => None,
                },
                started_at,
                completed_at,
                duration: duration_ms,
                url: url.filter(|url| is_page(url)).filter(is_harmless),
                project_test_case_id: project_test_case_id.filter(|id| is_short_id(id)).filter(is_harmless),
                screenshot: None,
            },
            screenshot: screenshot_url.and_then(|url| ImageUrl::new(&url, api)),
        }
    }
}

fn is_code(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=MAX_CODE).contains(&text.len()) && text.bytes().all(is_sign)
}

/// Whether a URL can be made a link. The text itself is checked, since parsing drops line breaks and accepts much else.
fn is_page(text: &str) -> bool {
    let is_clean = text.len() <= MAX_URL && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    let parsed = Url::parse(text)
        .ok()
        .filter(|_| is_clean && text.starts_with("https://"));
    parsed.is_some_and(|url| url.username().is_empty() && url.password().is_none())
}

/// A date and time of RFC 3339 as milliseconds since the Unix epoch; `None` before it.
fn epoch_millis(text: &str) -> Option<u64> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    u64::try_from(time.timestamp_millis()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::{Redactor, Secret};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn answer(body: &Value) -> CaseAnswer {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("secret-token-0123"));
        let detail: RunTestCaseDetail = serde_json::from_value(body.clone()).unwrap();
        let api = Url::parse("https://api.qa.tech/v1").unwrap();
        CaseAnswer::new(detail, &Cleaner::new(redactor), &api)
    }

    #[test]
    fn documented_details_are_kept() {
        let read = answer(&json!({
            "shortId": "tc1", "runShortId": "run1", "errorCode": "AGENT_TIMEOUT", "classification": "NEGATIVE",
            "startedAt": "2026-11-20T10:00:00.250Z", "completedAt": "2026-11-20T10:01:00Z", "durationMs": 59750,
            "url": "https://app.qa.tech/p/x/results/test/tc1", "projectTestCaseId": "0b0c",
            "screenshotUrl": "https://media.example/a.png?signature=x", "recordingUrl": "https://media.example/a.webm",
        }));
        let details = &read.details;
        assert_eq!(details.error_code.as_deref(), Some("AGENT_TIMEOUT"));
        assert_eq!(details.classification, Some(Classification::Negative));
        assert_eq!(details.started_at, Some(1_795_168_800_250));
        assert_eq!(details.completed_at, Some(1_795_168_860_000));
        assert_eq!(details.duration, Some(59_750));
        assert_eq!(details.url.as_deref(), Some("https://app.qa.tech/p/x/results/test/tc1"));
        assert_eq!(details.project_test_case_id.as_deref(), Some("0b0c"));
        assert!(read.screenshot.is_some());
        assert!(!format!("{read:?}").contains("signature"), "{read:?}");
    }

    #[test]
    fn invalid_values_are_left_out() {
        for (field, values) in [
            (
                "errorCode",
                vec![
                    json!("<script>alert(1)</script>"),
                    json!("AGENT_\n::error::x"),
                    json!("A".repeat(101)),
                    json!(""),
                    json!(7),
                    json!({"a": 1}),
                    json!("AGENT_secret-token-0123"),
                ],
            ),
            ("classification", vec![json!("positive"), json!("<b>"), json!([])]),
            (
                "startedAt",
                vec![
                    json!("yesterday"),
                    json!("1900-01-01T00:00:00Z"),
                    json!(-1),
                    json!(1e300),
                ],
            ),
            ("completedAt", vec![json!("never"), json!(17)]),
            (
                "durationMs",
                vec![json!(-5), json!(1.5), json!(u64::MAX), json!("NaN"), json!([1])],
            ),
            (
                "url",
                vec![
                    json!("javascript:alert(1)"),
                    json!("http://app.qa.tech/x"),
                    json!("https://me:pw@app.qa.tech/x"),
                    json!("https://app.qa.tech/\n::error::x"),
                    json!("https://app.qa.tech/?t=secret-token-0123"),
                    json!(format!("https://app.qa.tech/{}", "x".repeat(5000))),
                    json!(7),
                ],
            ),
            (
                "projectTestCaseId",
                vec![json!("a b"), json!("x".repeat(201)), json!(""), json!(1)],
            ),
            (
                "screenshotUrl",
                vec![
                    json!("http://media.example/a.png"),
                    json!("http://127.0.0.1/a.png"),
                    json!("file:///etc/passwd"),
                    json!("data:image/png;base64,AA"),
                    json!(1),
                ],
            ),
        ] {
            for value in values {
                assert_eq!(
                    answer(&json!({field: value})),
                    CaseAnswer::default(),
                    "{field}: {value}"
                );
            }
        }
    }

    #[test]
    fn a_case_does_not_end_before_it_begins() {
        let read = answer(&json!({"startedAt": "2026-11-20T10:00:00Z", "completedAt": "2026-11-20T09:00:00Z"}));
        assert!(read.details.started_at.is_some() && read.details.completed_at.is_none());
    }

    #[test]
    fn images_stay_on_their_scheme() {
        let https = Url::parse("https://api.qa.tech/v1").unwrap();
        let local = Url::parse("http://127.0.0.1:9/v1").unwrap();
        assert!(ImageUrl::new("http://localhost:8/a.png", &local).is_some());
        assert!(ImageUrl::new("http://media.example/a.png", &local).is_none());
        let image = ImageUrl::new("https://media.example/a.png", &https).unwrap();
        assert!(image.redirect("/b.png").is_some() && image.redirect("https://cdn.example/b.png").is_some());
        assert!(image.redirect("http://media.example/b.png").is_none());
        assert!(image.redirect("file:///b.png").is_none());
        let image = ImageUrl::new("http://127.0.0.1:9/a.png", &local).unwrap();
        assert!(image.redirect("http://169.254.169.254/latest").is_none());
    }

    proptest! {
        #[test]
        fn no_answer_causes_a_panic(code in "\\PC{0,40}", time in "[0-9TZ:.+-]{0,30}", number in any::<i64>()) {
            let read = answer(&json!({"errorCode": code, "startedAt": time, "completedAt": time, "durationMs": number, "url": code}));
            prop_assert!(read.details.error_code.is_none_or(|code| !code.contains('<')));
        }
    }
}
