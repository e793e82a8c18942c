//! Which URLs may be shown as links.

use crate::text::scan::ByteSet;

/// Whether a text is an https URL without user information, and without characters that could end a link in any of the
/// formats.
pub(crate) fn is_https(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_at_checked(8) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("https://")
        && !host.is_empty()
        && !host.contains('@')
        && (ENDING.find(url.as_bytes()) == url.len() || !url.chars().any(ends_a_link))
}

/// The bytes at which a character may begin that ends a link.
static ENDING: ByteSet = ByteSet::with_special(b" <>\"`\\()[]|'");

/// Whether a character could end a link in one of the formats.
fn ends_a_link(c: char) -> bool {
    let is_sign = matches!(c, '<' | '>' | '"' | '`' | '\\' | '(' | ')' | '[' | ']' | '|' | '\'');
    is_sign || c.is_whitespace() || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_that_ends_a_link_begins_with_a_byte_that_is_looked_at() {
        for c in ('\0'..=char::MAX).filter(|c| ends_a_link(*c)) {
            assert_eq!(ENDING.find(c.to_string().as_bytes()), 0, "{c:?}");
        }
    }

    #[test]
    fn a_link_is_https_without_user_info() {
        for good in ["https://a.example", "HTTPS://a.example/b@c", "https://a.example?q=a@b"] {
            assert!(is_https(good), "{good}");
        }
        for bad in [
            "https://",
            "https:///a",
            "http://a.example",
            "https://user@a.example/",
            "https://u:p@a.example?q",
            "https://a.example/ b",
            "https://a.example/(b)",
            "javasc\u{20ac}ipt",
        ] {
            assert!(!is_https(bad), "{bad}");
        }
    }
}
