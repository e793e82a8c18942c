//! Which URLs may be shown as links.

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
        && !url.chars().any(|c| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '<' | '>' | '"' | '`' | '\\' | '(' | ')' | '[' | ']' | '|' | '\'')
        })
}

#[cfg(test)]
mod tests {
    use super::is_https;

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
