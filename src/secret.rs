//! Secrets that cannot be printed, and the redactor that every string from an API passes.

use std::fmt;

/// A secret: its `Debug` form is `***`, it has no `Display`, and its value is had only on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What stands in a secret's place.
const STAND_IN: &str = "***";

/// A part of a URL shorter than this is only redacted together with the mark it stands behind or before:
/// an environment's `?a=1` must not blot out every `a=1`.
const SHORT: usize = 8;

/// Removes known secrets from text: errors and agents echo URLs and tokens.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that holds another is removed whole.
    secrets: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Adds a token or other secret value, and each of its lines.
    pub fn add(&mut self, secret: &Secret) {
        self.add_text(secret.expose());
        for line in secret.expose().lines() {
            self.add_text(line);
        }
    }

    /// Adds the query string and the user info of a URL; its path too where `path` says so (webhooks carry keys there).
    pub fn add_url(&mut self, url: &url::Url, path: bool) {
        if let Some(query) = url.query().filter(|query| !query.is_empty()) {
            self.add_text(&if query.len() < SHORT {
                format!("?{query}")
            } else {
                query.to_owned()
            });
            for (_, value) in url.query_pairs() {
                self.add_long(&value);
            }
        }
        let user = url.username();
        let password = url.password().unwrap_or_default();
        if !user.is_empty() || !password.is_empty() {
            let info = if url.password().is_some() {
                format!("{user}:{password}")
            } else {
                user.to_owned()
            };
            self.add_text(&format!("{info}@"));
            self.add_long(password);
            self.add_long(&percent_decoded(password));
            self.add_long(&percent_decoded(user));
        }
        if path && url.path() != "/" {
            let host = url.host_str().unwrap_or_default();
            if url.path().len() < SHORT {
                self.add_text(&format!("{host}{}", url.path()));
                if let Some(port) = url.port() {
                    self.add_text(&format!("{host}:{port}{}", url.path()));
                }
            } else {
                self.add_text(url.path());
                self.add_text(url.path().trim_start_matches('/'));
                if let Some(last) = url.path_segments().and_then(|mut segments| segments.next_back()) {
                    self.add_long(last);
                }
            }
        }
    }

    fn add_long(&mut self, text: &str) {
        if text.len() >= SHORT {
            self.add_text(text);
        }
    }

    fn add_text(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() && !self.secrets.iter().any(|known| known == text) {
            self.secrets.push(text.to_owned());
            self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// The text without any known secret. Costs no copy where there is none.
    pub fn clean(&self, text: String) -> String {
        let mut text = text;
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), STAND_IN);
            }
        }
        text
    }

    /// Every known secret, for the masks of the runner's log and for nothing else.
    pub fn expose(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }
}

/// Percent-decoded, with what is no UTF-8 replaced.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'%')
            .then(|| tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok()))
            .flatten()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor(url: &str, path: bool) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add_url(&url::Url::parse(url).unwrap(), path);
        redactor
    }

    #[test]
    fn debug_never_shows_a_secret() {
        assert_eq!(format!("{:?}", Secret::new("hunter2-hunter2")), "***");
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("hunter2-hunter2"));
        assert_eq!(format!("{redactor:?}"), "Redactor(1 secrets)");
    }

    #[test]
    fn a_url_loses_user_info_and_query_but_keeps_its_host() {
        let redactor = redactor(
            "https://me:s3cr3tpw@pr-12.example/login?preview_token=abcdef123456",
            false,
        );
        assert_eq!(
            redactor.clean(
                "went to https://me:s3cr3tpw@pr-12.example/login?preview_token=abcdef123456 and s3cr3tpw".into()
            ),
            "went to https://***pr-12.example/login?*** and ***"
        );
    }

    #[test]
    fn a_short_query_does_not_blot_out_innocent_text() {
        let redactor = redactor("https://x.example/?a=1", false);
        assert_eq!(
            redactor.clean("a=1 stays, x.example/?a=1 goes".into()),
            "a=1 stays, x.example/*** goes"
        );
    }

    #[test]
    fn a_webhook_path_is_a_secret() {
        let redactor = redactor("https://hooks.example/services/T000/B000/XXXXYYYY", true);
        assert_eq!(
            redactor.clean("POST https://hooks.example/services/T000/B000/XXXXYYYY: 500".into()),
            "POST https://hooks.example***: 500"
        );
        assert_eq!(redactor.clean("key XXXXYYYY".into()), "key ***");
    }

    proptest! {
        #[test]
        fn no_secret_survives(secret in "[a-zA-Z0-9+/_-]{6,40}", before in ".{0,40}", after in ".{0,40}") {
            let mut redactor = Redactor::default();
            redactor.add(&Secret::new(secret.clone()));
            let cleaned = redactor.clean(format!("{before}{secret}{after}{secret}"));
            prop_assert!(!cleaned.contains(&secret));
        }
    }
}
