//! The rule for URLs that a secret is sent to: https, or a loopback host.

use thiserror::Error;
use url::Url;

use crate::net::written_url::{UrlError, parse};

/// Why a URL can't be used, as a fragment that follows its name. The message repeats only the scheme of the URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretUrlError {
    /// It can't be parsed.
    #[error("is not a URL ({0}); allowed: an absolute URL such as https://example.com/path")]
    Invalid(#[from] UrlError),
    /// It has user info.
    #[error("must not contain a user name or password")]
    UserInfo,
    /// It uses http with a host that is not loopback.
    #[error("must use https: with http, anyone on the network path could read the secret")]
    Insecure,
    /// It has another scheme.
    #[error("has the scheme {0:?}; allowed: https (http for loopback hosts)")]
    Scheme(String),
    /// It has a query or a fragment, so paths can't be added to it.
    #[error("must not have a query or a fragment")]
    QueryOrFragment,
}

/// Parses a URL that a secret may be sent to: https, or http on this machine, and without user info.
///
/// # Errors
/// See [`SecretUrlError`].
pub fn for_secrets(text: &str) -> Result<Url, SecretUrlError> {
    let url = parse(text)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SecretUrlError::UserInfo);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(SecretUrlError::Insecure),
        other => Err(SecretUrlError::Scheme(other.to_owned())),
    }
}

/// Parses such a URL as a base for paths: it must not have a query or a fragment, and trailing slashes are removed.
///
/// # Errors
/// See [`SecretUrlError`].
pub fn base_for_secrets(text: &str) -> Result<Url, SecretUrlError> {
    let mut url = for_secrets(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(SecretUrlError::QueryOrFragment);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Whether the host of a URL is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_sent_over_https_or_to_a_loopback_host() {
        for fine in [
            "https://api.example",
            "http://localhost:9",
            "http://127.1.2.3",
            "http://[::1]:9/a?b#c",
        ] {
            assert!(for_secrets(fine).is_ok(), "{fine}");
        }
        for (wrong, why) in [
            ("api.example", "is not a URL"),
            (
                "https://bücher.example",
                "is not a URL (the host is not a valid domain name",
            ),
            ("http://api.example", "must use https"),
            ("http://localhost.example", "must use https"),
            ("http://127.0.0.1.example", "must use https"),
            ("http://128.0.0.1", "must use https"),
            ("ftp://localhost", "has the scheme \"ftp\""),
            ("file:///etc/passwd", "has the scheme \"file\""),
            ("https://s3cret@api.example", "must not contain a user name"),
            ("https://:s3cret@api.example", "must not contain a user name"),
        ] {
            let error = for_secrets(wrong).unwrap_err();
            let problem = error.to_string();
            assert!(
                problem.starts_with(why) && !problem.contains("s3cret"),
                "{wrong}: {problem}"
            );
            assert_eq!(base_for_secrets(wrong), Err(error));
        }
    }

    #[test]
    fn a_base_ends_with_its_path() {
        for text in ["https://api.example/v1", "https://api.example/v1//"] {
            assert_eq!(base_for_secrets(text).unwrap().as_str(), "https://api.example/v1");
        }
        for text in ["https://api.example/v1?s3cret", "https://api.example/#s3cret"] {
            assert_eq!(base_for_secrets(text), Err(SecretUrlError::QueryOrFragment));
        }
    }
}
