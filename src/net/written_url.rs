//! Parses URLs in inputs and environment variables.

use url::{ParseError, Url};

/// Why a text is not a URL. No message repeats the text: it may contain credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The host is not a valid ASCII domain name. Tables for international names would make up 4 % of the binary.
    #[error(
        "the host is not a valid domain name; write an international name in punycode, such as xn--bcher-kva.example for bücher.example"
    )]
    Host,
    /// The URL can't be parsed for another reason.
    #[error(transparent)]
    Syntax(ParseError),
}

impl From<ParseError> for UrlError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::IdnaError => Self::Host,
            other => Self::Syntax(other),
        }
    }
}

/// Parses an absolute URL.
///
/// # Errors
/// See [`UrlError`].
pub fn parse(text: &str) -> Result<Url, UrlError> {
    Ok(Url::parse(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_international_host_is_refused_with_advice() {
        for text in [
            "https://bücher.example/a",
            "https://b%C3%BCcher.example",
            "https://例え.example",
        ] {
            assert_eq!(parse(text), Err(UrlError::Host), "{text}");
        }
        assert!(UrlError::Host.to_string().contains("xn--bcher-kva.example"));
    }

    #[test]
    fn punycode_and_capitals_are_accepted() {
        for (text, host) in [
            ("https://xn--bcher-kva.example/ü?ü=ü", "xn--bcher-kva.example"),
            ("https://XN--BCHER-KVA.Example", "xn--bcher-kva.example"),
            ("https://xn--r8jz45g.example", "xn--r8jz45g.example"),
            ("http://Preview-12.Example:8080", "preview-12.example"),
            ("http://127.0.0.1", "127.0.0.1"),
        ] {
            let url = parse(text);
            assert_eq!(url.as_ref().ok().and_then(Url::host_str), Some(host), "{text}: {url:?}");
        }
    }

    #[test]
    fn another_problem_keeps_its_message() {
        let problem = parse("shop.example").map_err(|error| error.to_string());
        assert_eq!(problem, Err("relative URL without a base".to_owned()));
    }
}
