//! The one rule for URLs that a secret is sent to: https, or this machine.

use url::Url;

use crate::net::written_url::parse;

/// A URL that a secret may be sent to: https, or http on this machine, and without user info.
///
/// # Errors
/// What is wrong and what is allowed, as a fragment that follows the name of what holds it. It repeats nothing of the URL but
/// its scheme.
pub fn for_secrets(text: &str) -> Result<Url, String> {
    let url = parse(text)
        .map_err(|error| format!("is no URL ({error}); allowed: an absolute one such as https://example.com/path"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err("must be https: over http, a secret could be read by anyone on the way".to_owned()),
        other => Err(format!(
            "has the scheme {other:?}; allowed: https (http for loopback hosts)"
        )),
    }
}

/// The same of a URL that paths are put behind: nothing stands behind its own, which loses its last slash.
///
/// # Errors
/// As [`for_secrets`].
pub fn base_for_secrets(text: &str) -> Result<Url, String> {
    let mut url = for_secrets(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have no query and no fragment".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Whether a URL's host is this machine.
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
    fn a_secret_goes_over_https_or_stays_on_this_machine() {
        for fine in [
            "https://api.example",
            "http://localhost:9",
            "http://127.1.2.3",
            "http://[::1]:9/a?b#c",
        ] {
            assert!(for_secrets(fine).is_ok(), "{fine}");
        }
        for (wrong, why) in [
            ("api.example", "is no URL"),
            (
                "https://bücher.example",
                "is no URL (the host is not a valid domain name",
            ),
            ("http://api.example", "must be https"),
            ("http://localhost.example", "must be https"),
            ("http://127.0.0.1.example", "must be https"),
            ("http://128.0.0.1", "must be https"),
            ("ftp://localhost", "has the scheme \"ftp\""),
            ("file:///etc/passwd", "has the scheme \"file\""),
            ("https://s3cret@api.example", "must not hold a user name"),
            ("https://:s3cret@api.example", "must not hold a user name"),
        ] {
            let problem = for_secrets(wrong).unwrap_err();
            assert!(
                problem.starts_with(why) && !problem.contains("s3cret"),
                "{wrong}: {problem}"
            );
            assert_eq!(base_for_secrets(wrong), Err(problem));
        }
    }

    #[test]
    fn a_base_ends_with_its_path() {
        for text in ["https://api.example/v1", "https://api.example/v1//"] {
            assert_eq!(base_for_secrets(text).unwrap().as_str(), "https://api.example/v1");
        }
        for text in ["https://api.example/v1?s3cret", "https://api.example/#s3cret"] {
            assert_eq!(
                base_for_secrets(text).unwrap_err(),
                "must have no query and no fragment"
            );
        }
    }
}
