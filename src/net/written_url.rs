//! URLs that people write in inputs and variables.

use url::{ParseError, Url};

/// Why a text is not a URL. No message repeats the text: it may contain credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Its host is not a valid ASCII domain name. The tables for international names would be 4 % of the binary's size.
    #[error(
        "the host is not a valid domain name; an international one is written in punycode, such as xn--bcher-kva.example for bücher.example"
    )]
    Host,
    /// It can't be parsed for another reason.
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
    fn an_international_host_is_refused_with_how_to_write_it() {
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
    fn another_problem_keeps_its_words() {
        let problem = parse("shop.example").map_err(|error| error.to_string());
        assert_eq!(problem, Err("relative URL without a base".to_owned()));
    }
}
