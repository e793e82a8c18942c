//! The webhook: the JSON report, signed the way GitHub signs its own
//! (<https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>).

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use ring::hmac;
use thiserror::Error;
use tokio::time::sleep;

use crate::inputs::Webhook;
use crate::net::http;
use crate::net::retry::{Backoff, Deadline, is_transient};
use crate::render::json;
use crate::report::Report;

const ATTEMPTS: u32 = 3;
const TIMEOUT: Duration = Duration::from_secs(10);
/// The same for all attempts of one delivery, so that a receiver can drop duplicates.
const DELIVERY: &str = "X-Qatech-Run-Delivery";
const SIGNATURE: &str = "X-Hub-Signature-256";

/// Why the report was not delivered. Contains the host, but never path or query, which are secrets.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// The report could not be rendered.
    #[error("the report for the webhook can't be made: {0}")]
    Report(#[source] io::Error),
    /// The id of the delivery needs random bytes.
    #[error("the report was not sent to the webhook: the system has no random source")]
    NoRandom,
    /// The deadline passed first.
    #[error("the webhook at {host} took too long")]
    TooLong {
        /// The webhook's host.
        host: String,
    },
    /// All attempts failed.
    #[error("the webhook at {host} did not accept the report: {why}")]
    Refused {
        /// The webhook's host.
        host: String,
        /// Why the last attempt failed.
        why: String,
    },
}

/// The JSON report. It is rendered twice, the first time only to count its bytes: a growing buffer would need up to three
/// times the memory.
///
/// # Errors
/// If it can't be made.
pub fn body(report: &Report) -> io::Result<Vec<u8>> {
    let mut length = Length(0);
    json::write(report, &mut (&mut length as &mut dyn Write))?;
    let mut body = Vec::with_capacity(length.0);
    json::write(report, &mut (&mut body as &mut dyn Write))?;
    Ok(body)
}

/// Counts the bytes that are written to it.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Delivers a JSON body.
///
/// # Errors
/// See [`DeliveryError`].
pub async fn deliver(
    client: &Client,
    webhook: &Webhook,
    body: Vec<u8>,
    deadline: Deadline,
) -> Result<(), DeliveryError> {
    let host = webhook.url.host_str().unwrap_or_default().to_owned();
    let delivery = crate::random::hex(16).map_err(|_| DeliveryError::NoRandom)?;
    let signature = webhook.secret.as_ref().map(|secret| signature(secret.expose(), &body));
    // Cheap to clone for each attempt, unlike a Vec.
    let body = Bytes::from(body);
    let mut backoff = Backoff::default().until(deadline).with_max_attempts(ATTEMPTS);
    loop {
        let mut request = client
            .post(webhook.url.clone())
            .timeout(TIMEOUT)
            .header(CONTENT_TYPE, "application/json")
            .header(DELIVERY, &delivery)
            .body(body.clone());
        if let Some(signature) = &signature {
            request = request.header(SIGNATURE, signature);
        }
        let Some(sent) = deadline.limit(request.send()).await else {
            return Err(DeliveryError::TooLong { host });
        };
        let (why, next) = match sent {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) if is_transient(answer.status()) => {
                let next = backoff.deferred(http::retry_after(answer.headers()));
                (format!("HTTP {}", answer.status()), next.ok())
            }
            Ok(answer) => (format!("HTTP {}", answer.status()), None),
            Err(error) => (http::explain(error), backoff.unreachable(None).ok()),
        };
        match next {
            Some(delay) => sleep(delay).await,
            None => return Err(DeliveryError::Refused { host, why }),
        }
    }
}

fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body);
    format!("sha256={}", hex::encode(tag.as_ref()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::report::sample::large;

    #[test]
    fn the_body_has_no_spare_capacity() {
        let body = super::body(&large(2_000, 300)).unwrap();
        assert!(body.capacity() < body.len() + 100, "{}", body.capacity());
        assert!(serde_json::from_slice::<serde_json::Value>(&body).unwrap().is_object());
    }

    #[test]
    fn the_signature_is_githubs() {
        // The example of GitHub's page on validating deliveries.
        assert_eq!(
            super::signature("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
