//! URLs of tested applications. No token is sent to them, so http is allowed.

use url::Url;

use crate::net::written_url::{UrlError, parse};

/// Why a text is not such a URL. The messages do not repeat the text, which may contain credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebUrlError {
    /// It can't be parsed.
    #[error("is not valid ({0})")]
    Invalid(#[from] UrlError),
    /// Its scheme is neither http nor https.
    #[error("has the scheme {0:?}; allowed: http, https")]
    Scheme(String),
}

/// Checks that a text is an http or https URL.
///
/// # Errors
/// What is wrong, as a fragment that follows the name of what holds the URL.
pub fn check(text: &str) -> Result<Url, WebUrlError> {
    let url = parse(text)?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(WebUrlError::Scheme(other.to_owned())),
    }
}
