//! Short ids of QA.tech, the ones in addresses: which texts can be one, and where one may be written.

use std::fmt::{self, Display};
use std::ops::Deref;

use thiserror::Error;

/// The longest short id, in bytes. QA.tech's have about ten.
const MAX_LENGTH: usize = 200;
/// The longest one that is [plain](ShortId::is_plain).
const MAX_PLAIN_LENGTH: usize = 100;

/// The short id of a run. It is one segment of a URL's path (percent-encoded), one entry of a comma-separated list and one line
/// of an output, whatever characters it has otherwise: the documented pattern is not required, since older ids have none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortId(String);

/// The text can't be a short id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a short id")]
pub struct InvalidShortId;

impl ShortId {
    /// A short id of this text.
    ///
    /// # Errors
    /// If it is empty, too long, `.` or `..` (which a URL's path drops), or has a control character, white space, a comma
    /// or a semicolon.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidShortId> {
        let text = text.into();
        if is_short_id(&text) {
            Ok(Self(text))
        } else {
            Err(InvalidShortId)
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is safe in a hidden HTML comment and in a check run's `external_id` too: at most 100 ASCII letters, digits
    /// and `_`, `-`, `.`, `~`, with no `--`.
    pub fn is_plain(&self) -> bool {
        self.len() <= MAX_PLAIN_LENGTH
            && self
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~'))
            && self.bytes().any(|byte| byte.is_ascii_alphanumeric())
            && !self.contains("--")
    }
}

/// Whether a text can be a short id, of a run or of anything else; see [`ShortId::new`].
pub fn is_short_id(text: &str) -> bool {
    let is_separator = |c: char| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';');
    (1..=MAX_LENGTH).contains(&text.len()) && !matches!(text, "." | "..") && !text.contains(is_separator)
}

impl Deref for ShortId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<ShortId> for String {
    fn from(id: ShortId) -> Self {
        id.0
    }
}

impl Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    #[test]
    fn older_ids_without_a_pattern_are_short_ids() {
        for good in [
            "a",
            "run-a_1",
            "b.2~c",
            "a--b",
            "-",
            "ä",
            "a/b",
            "..a",
            &"x".repeat(200),
        ] {
            assert_eq!(ShortId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a b", "a\nb", "a,b", "a;b", "a\u{7f}", &"x".repeat(201)] {
            assert_eq!(ShortId::new(bad), Err(InvalidShortId), "{bad}");
        }
    }

    #[test]
    fn only_words_without_traps_are_plain() {
        for good in ["a", "run-a_1", "b.2~c", &"x".repeat(100)] {
            assert!(ShortId::new(good).unwrap().is_plain(), "{good}");
        }
        for bad in ["../b", "a--b", "-", "ä", "a>b", &"x".repeat(101)] {
            assert!(!ShortId::new(bad).unwrap().is_plain(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_short_id_is_one_segment_of_a_path(text in "\\PC{1,20}|[./\\\\%?#]{1,4}") {
            prop_assume!(is_short_id(&text));
            let mut url = Url::parse("https://api.example/v1/run").unwrap();
            url.path_segments_mut().unwrap().push(&ShortId::new(text).unwrap());
            prop_assert_eq!(url.path_segments().unwrap().count(), 3, "{}", url);
            prop_assert!(url.query().is_none() && url.fragment().is_none());
        }
    }
}
