//! Addresses that may be shown as links, see the contract.

use crate::report::{Attempt, Origin};

impl Attempt {
    /// The run's page, only if it is a link that may be shown as one: https and nothing else (see the contract).
    pub fn link(&self) -> Option<&str> {
        self.url.as_deref().filter(|url| is_https(url))
    }
}

impl Origin {
    /// The page of the workflow run, only if it may be shown as a link; see [`Attempt::link`].
    pub fn ci_link(&self) -> Option<&str> {
        self.ci_url.as_deref().filter(|url| is_https(url))
    }

    /// The repository's page: where it is, the address of the workflow run says.
    pub fn repository_link(&self) -> Option<String> {
        let (link, name) = (self.ci_link()?, self.repository.as_deref()?);
        let (server, _) = link.split_once(&format!("/{name}/actions/"))?;
        Some(format!("{server}/{name}"))
    }

    /// The commit's page.
    pub fn commit_link(&self) -> Option<String> {
        let sha = self.sha.as_deref()?;
        let is_sha = sha.len() >= 40 && sha.bytes().all(|b| b.is_ascii_hexdigit());
        Some(format!("{}/commit/{sha}", self.repository_link().filter(|_| is_sha)?))
    }
}

/// Whether a text is an https URL without user info, and without anything that could end a link in any of our formats.
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
