//! `wait_for`: URLs that must answer before runs are started.

use crate::inputs::Probe;
use crate::inputs::lines::{Problems, parse_lines};
use crate::inputs::web_url::{self, WebUrlError};

/// The placeholder for the head commit.
pub const SHA_PLACEHOLDER: &str = "{sha}";

/// Why a line of `wait_for` can't be used. The messages do not repeat the URL, which may contain credentials.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("has a URL that {0}")]
    Url(#[from] WebUrlError),
    #[error("does not have the form `URL` or `URL contains TEXT`")]
    Form,
}

/// Parses `wait_for`: lines `URL` or `URL contains TEXT`.
///
/// # Errors
/// The problems of all lines, as fragments that follow the input's name.
pub fn parse(text: &str) -> Result<Vec<Probe>, Problems> {
    parse_lines(text, probe)
}

fn probe(line: &str) -> Result<Probe, LineError> {
    let (url, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    // The placeholder may be anywhere, even in the host name, where braces are not allowed.
    web_url::check(&url.replace(SHA_PLACEHOLDER, "0a"))?;
    let contains = match rest.trim_start() {
        "" => None,
        rest => {
            let text = rest.strip_prefix("contains").ok_or(LineError::Form)?;
            let text = text.strip_prefix(char::is_whitespace).ok_or(LineError::Form)?.trim();
            if text.is_empty() {
                return Err(LineError::Form);
            }
            Some(text.to_owned())
        }
    };
    Ok(Probe {
        url: url.to_owned(),
        contains,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_url_with_or_without_a_text() {
        let text = "https://pr.example/health?key=a=b\n\n# the build\nhttp://{sha}.pr.example/{sha}  contains  commit {sha}, or so ";
        let probe = |url: &str, contains: Option<&str>| Probe {
            url: url.to_owned(),
            contains: contains.map(str::to_owned),
        };
        assert_eq!(
            parse(text).unwrap(),
            [
                probe("https://pr.example/health?key=a=b", None),
                probe("http://{sha}.pr.example/{sha}", Some("commit {sha}, or so")),
            ]
        );
    }

    #[test]
    fn a_wrong_line_is_reported_by_its_number_and_not_repeated() {
        for (line, problem) in [
            ("pr.example?s3cret", "line 2 has a URL that is not valid"),
            (
                "ftp://pr.example?s3cret",
                "line 2 has a URL that has the scheme \"ftp\"",
            ),
            ("https://pr.example?s3cret 200", "line 2 does not have the form"),
            ("https://pr.example?s3cret contains", "line 2 does not have the form"),
            ("https://pr.example?s3cret containsx", "line 2 does not have the form"),
        ] {
            let problems = parse(&format!("https://fine.example\n{line}")).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].starts_with(problem) && !problems[0].contains("s3cret"),
                "{problems:?}"
            );
        }
        assert_eq!(
            parse("#").unwrap_err(),
            ["contains no lines except empty ones and comments"]
        );
    }
}
