//! The redactor, which every string from an API passes: errors and agents echo URLs and tokens.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::text::Secret;
use crate::text::sanitize;
use crate::text::sort::sort_by_number;

/// What stands in a secret's place.
const STAND_IN: &str = "***";

/// A part of a URL shorter than this is only redacted together with the mark it stands behind or before:
/// an environment's `?a=1` must not blot out every `a=1`. Nor must a line of a secret of several: of a key file in JSON,
/// some are single brackets.
const SHORT: usize = 8;
/// Plain words longer than this may be a passphrase.
const PLAIN: usize = 20;
/// A parameter whose name holds one of these, in any case, holds a secret.
const SECRET_NAMES: [&str; 18] = [
    "access", "auth", "bypass", "code", "cred", "hash", "invit", "jwt", "key", "login", "otp", "pass", "pin", "pwd",
    "secret", "session", "sig", "token",
];

/// Removes known secrets from text: errors and agents echo URLs and tokens.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that holds another is removed whole.
    secrets: Vec<String>,
    /// All secrets in the same order once [`learn`](Self::learn) was called, shared with all clones; empty until then.
    learned: Arc<RwLock<Vec<String>>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Adds a token or other secret value, and each of its lines that is long enough to be one.
    pub fn add(&mut self, secret: &Secret) {
        self.add_text(secret.expose());
        for line in secret.expose().lines() {
            self.add_long(line.trim());
        }
    }

    /// Adds the query string and the user info of a URL; its path too where `path` says so (webhooks carry keys there).
    ///
    /// A query string is a secret as a whole, and so is each of its pairs. A value without its name is one only if it may
    /// be a key: `?env=production` must not blot out "production" in every report, and in every later step's log.
    pub fn add_url(&mut self, url: &url::Url, path: bool) {
        if let Some(query) = url.query() {
            self.add_query(query);
            for (name, value) in url.query_pairs() {
                self.add_value(&name, &value);
            }
        }
        self.add_user_info(url.username(), url.password());
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
                    self.add_value("", last);
                    self.add_value("", &percent_decoded(last));
                }
            }
        }
    }

    /// Adds the query string and the user info of a URL as they were written, which is also as they are sent and
    /// repeated: parsing encodes some signs anew. Then those of the parsed URL. What is no URL may hold a secret too.
    pub fn add_written_url(&mut self, text: &str) {
        let text = text.trim();
        let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        let end = after_scheme.find(['/', '?', '#', '\\']).unwrap_or(after_scheme.len());
        let authority = after_scheme.get(..end).unwrap_or_default();
        let parsed = url::Url::parse(text).ok();
        // A sign such as `#` in a password that should have been encoded ends the authority too early.
        let before_host = match &parsed {
            Some(_) => authority.rsplit_once('@'),
            None => after_scheme.rsplit_once('@'),
        };
        if let Some((info, _)) = before_host {
            let (user, password) = info
                .split_once(':')
                .map_or((info, None), |(user, password)| (user, Some(password)));
            self.add_user_info(user, password);
        }
        let before_fragment = text.split('#').next().unwrap_or_default();
        if let Some((_, query)) = before_fragment.split_once('?') {
            self.add_query(query);
        }
        if let Some(url) = parsed {
            self.add_url(&url, false);
        }
    }

    fn add_query(&mut self, query: &str) {
        if query.is_empty() {
            return;
        }
        self.add_text(&if query.len() < SHORT || is_plain(query) {
            format!("?{query}")
        } else {
            query.to_owned()
        });
        // They may be repeated one by one, or parted by `&amp;`.
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some((name, value)) => {
                    self.add_long(pair);
                    self.add_value(&percent_decoded(name), value);
                    self.add_value(&percent_decoded(name), &percent_decoded(value));
                }
                None => self.add_value("", pair),
            }
        }
    }

    fn add_user_info(&mut self, user: &str, password: Option<&str>) {
        if user.is_empty() && password.is_none_or(str::is_empty) {
            return;
        }
        let info = |user: &str, password: Option<&str>| match password {
            Some(password) => format!("{user}:{password}@"),
            None => format!("{user}@"),
        };
        let decoded = (percent_decoded(user), password.map(percent_decoded));
        self.add_text(&info(user, password));
        self.add_text(&info(&decoded.0, decoded.1.as_deref()));
        for text in [Some(user), password, Some(&decoded.0), decoded.1.as_deref()] {
            self.add_long(text.unwrap_or_default());
        }
    }

    /// Adds the value of a parameter if it may be a key.
    fn add_value(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        if SECRET_NAMES.iter().any(|word| name.contains(word)) || !is_plain(value) {
            self.add_long(value);
        }
    }

    fn add_long(&mut self, text: &str) {
        if text.len() >= SHORT {
            self.add_text(text);
        }
    }

    /// Adds a text in every spelling in which it may come back: inside a URL, JSON or HTML.
    fn add_text(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() || self.secrets.iter().any(|known| known == text) {
            return;
        }
        let json = serde_json::to_string(text).unwrap_or_default();
        let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
        let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let html = html.replace('"', "&quot;").replace('\'', "&#39;");
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut spellings = vec![
            text.to_owned(),
            // As it is shown where white space is squeezed.
            one_line,
            json.to_owned(),
            // As PHP and Go write it.
            json.replace('/', "\\/"),
            json.replace('&', "\\u0026")
                .replace('<', "\\u003c")
                .replace('>', "\\u003e"),
            html,
        ];
        // All but letters and digits; what JavaScript's `encodeURIComponent` leaves; what its `encodeURI` leaves.
        for kept in ["-_.~", "-_.~!'()*", "-_.~!'()*;,/?:@&=+$#"] {
            spellings.push(percent_encoded(text, kept, |byte| format!("%{byte:02X}")));
            spellings.push(percent_encoded(text, kept, |byte| format!("%{byte:02x}")));
        }
        for spelling in spellings {
            if !spelling.is_empty() && !self.secrets.contains(&spelling) {
                self.secrets.push(spelling);
            }
        }
        sort_by_number(&mut self.secrets, |secret| u64::MAX - secret.len() as u64);
    }

    /// Adds the secrets of another redactor to this one and to all its clones: some secrets become known only when others
    /// hold clones already, such as the query of a deployment's URL. What is added to one clone afterwards has no effect.
    pub fn learn(&self, more: &Self) {
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        if learned.is_empty() {
            learned.clone_from(&self.secrets);
        }
        for secret in &more.secrets {
            if !learned.contains(secret) {
                learned.push(secret.clone());
            }
        }
        sort_by_number(&mut learned, |secret| u64::MAX - secret.len() as u64);
    }

    fn with_all<T>(&self, look: impl FnOnce(&[String]) -> T) -> T {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        look(if learned.is_empty() { &self.secrets } else { &learned })
    }

    /// Length of the longest secret, in bytes.
    pub fn longest(&self) -> usize {
        self.with_all(|secrets| secrets.first().map_or(0, String::len))
    }

    /// The text without any known secret. Costs no copy where there is none.
    ///
    /// A secret is found too where characters stand in it that renderers take out later: pages put soft hyphens and
    /// spaces without width into long words, and terminals colours. The text is then without any such character.
    pub fn clean(&self, text: String) -> String {
        let text = self.without_secrets(text);
        match sanitize::clean(&text) {
            Cow::Owned(bare) if self.with_all(|all| all.iter().any(|secret| bare.contains(secret.as_str()))) => {
                self.without_secrets(bare)
            }
            Cow::Owned(_) | Cow::Borrowed(_) => text,
        }
    }

    fn without_secrets(&self, text: String) -> String {
        self.with_all(|secrets| {
            let mut text = text;
            for secret in secrets {
                if text.contains(secret.as_str()) {
                    text = text.replace(secret.as_str(), STAND_IN);
                }
            }
            text
        })
    }

    /// Every secret that was added, for the masks of the runner's log and for nothing else.
    pub fn expose(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }
}

/// Whether a text is a few plain words, such as `production` or `Pre-Production`: small letters, with a capital at most
/// where a word begins. Keys have digits, other signs, or more capitals.
fn is_plain(text: &str) -> bool {
    let is_word = |word: &str| {
        let rest = word
            .strip_prefix(|first: char| first.is_ascii_uppercase())
            .unwrap_or(word);
        rest.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    text.len() <= PLAIN && text.split(['-', '_', '.', '+', ' ']).all(is_word)
}

/// Percent-encoded but for letters, digits and the signs in `kept`.
fn percent_encoded(text: &str, kept: &str, encode: impl Fn(u8) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&encode(byte));
        }
    }
    out
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
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("hunter2-hunter2"));
        assert_eq!(format!("{redactor:?}"), "Redactor(1 secrets)");
    }

    #[test]
    fn what_is_learned_later_is_known_to_all_clones() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("hunter2-hunter2"));
        let clone = redactor.clone();
        let mut more = Redactor::default();
        more.add(&Secret::new("later-hunter2-hunter2"));
        redactor.learn(&more);
        let mut most = Redactor::default();
        most.add(&Secret::new("last-s3cret"));
        clone.learn(&most);
        for redactor in [redactor, clone] {
            let text = "a later-hunter2-hunter2 hunter2-hunter2 last-s3cret".to_owned();
            assert_eq!(redactor.clean(text), "a *** *** ***");
            assert_eq!(redactor.longest(), "later-hunter2-hunter2".len());
        }
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
    fn a_secret_is_known_in_every_spelling() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("s3c/r&t+\"q\"<=>'x'"));
        let secret = "s3c/r&t+\"q\"<=>'x'";
        for text in [
            secret.to_owned(),
            serde_json::json!([secret]).to_string(),
            serde_json::json!([secret]).to_string().replace('/', "\\/"),
            serde_json::json!([secret])
                .to_string()
                .replace('&', "\\u0026")
                .replace('<', "\\u003c")
                .replace('>', "\\u003e"),
            "https://x.example/?t=s3c%2Fr%26t%2B%22q%22%3C%3D%3E%27x%27".to_owned(),
            "https://x.example/?t=s3c%2fr%26t%2b%22q%22%3c%3d%3e%27x%27".to_owned(),
            "<b>s3c/r&amp;t+&quot;q&quot;&lt;=&gt;&#39;x&#39;</b>".to_owned(),
        ] {
            let cleaned = redactor.clean(text);
            assert!(cleaned.contains("***") && !cleaned.contains("s3c"), "{cleaned}");
        }
        assert_eq!(redactor.clean("S3C/R&T".into()), "S3C/R&T");
    }

    #[test]
    fn a_url_is_known_as_it_was_written() {
        let mut redactor = Redactor::default();
        redactor.add_written_url("https://me:pa ss'w0rd@pr.example/a?token=it's+a+\"secret\"&pin=abcd1234&x=1#top");
        for text in [
            "https://me:pa ss'w0rd@pr.example/",
            "https://me:pa%20ss%27w0rd@pr.example/",
            "logged in with pa ss'w0rd",
            "https://pr.example/a?token=it's+a+\"secret\"&pin=abcd1234&x=1",
            "https://pr.example/a?token=it%27s+a+%22secret%22&pin=abcd1234&x=1",
            "the token it's a \"secret\"",
            "it's+a+\"secret\"",
            "it%27s+a+%22secret%22",
            "?x=1&pin=abcd1234",
            "the pin abcd1234",
        ] {
            let cleaned = redactor.clean(text.to_owned());
            let kept = ["ss'w0rd", "ss%27w", "secret", "abcd1234"]
                .iter()
                .all(|part| !cleaned.contains(part));
            assert!(kept && cleaned.contains("***"), "{cleaned}");
        }
        assert_eq!(
            redactor.clean("x=1 #top of pr.example/a".into()),
            "x=1 #top of pr.example/a"
        );
        redactor.add_written_url("http://proxy:pa#ss-word@10.0.0.1:3128");
        assert_eq!(redactor.clean("proxy:pa#ss-word@10.0.0.1".into()), "***10.0.0.1");
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
    fn a_plain_word_of_a_query_is_no_secret_by_itself() {
        for (url, kept, gone) in [
            (
                "https://x.example/?env=production",
                "production",
                "at x.example/?env=production with env=production, env%3Dproduction",
            ),
            (
                "https://x.example/?env=Pre-Production&a=1",
                "Pre-Production",
                "env=Pre-Production",
            ),
            (
                "https://x.example/?production",
                "the production of a&b",
                "x.example/?production",
            ),
        ] {
            let redactor = redactor(url, false);
            assert_eq!(redactor.clean(kept.into()), kept);
            let (_, query) = url.split_once('?').unwrap();
            let cleaned = redactor.clean(gone.into());
            assert!(cleaned.contains("***") && !cleaned.contains(query), "{cleaned}");
        }
    }

    #[test]
    fn a_value_that_may_be_a_key_is_a_secret_by_itself() {
        for (query, secret) in [
            ("env=prod1234", "prod1234"),
            ("env=xKqTbWzP", "xKqTbWzP"),
            ("env=product!on", "product!on"),
            ("env=pr%6Fduct%21on", "product!on"),
            ("env=a-secret-of-many-words", "a-secret-of-many-words"),
            ("env=12345678", "12345678"),
            ("preview_token=production", "production"),
            ("x-vercel-protection-Bypass=production", "production"),
            ("a=1&PASSWORD=correcthorse&b=2", "correcthorse"),
            ("xKqTbWzPxKqTbWzP", "xKqTbWzPxKqTbWzP"),
        ] {
            let redactor = redactor(&format!("https://x.example/?{query}"), false);
            assert_eq!(
                redactor.clean(format!("the {secret} of it")),
                "the *** of it",
                "{query}"
            );
        }
    }

    #[test]
    fn a_short_line_of_a_secret_is_no_secret_by_itself() {
        let mut redactor = Redactor::default();
        let key = "{\n  \"key\": \"s3cr3t-of-webhook\"\n}";
        redactor.add(&Secret::new(key));
        let text = format!("{{a}} of {key}, \"key\": \"s3cr3t-of-webhook\"");
        assert_eq!(redactor.clean(text), "{a} of ***, ***");
        let mut short = Redactor::default();
        short.add(&Secret::new("abc"));
        assert_eq!(short.clean("the abc".into()), "the ***");
    }

    #[test]
    fn a_plain_end_of_a_webhook_path_is_no_secret_by_itself() {
        let redactor = redactor("https://hooks.example/team/XXXXYYYY/production", true);
        assert_eq!(
            redactor.clean("production at https://hooks.example/team/XXXXYYYY/production".into()),
            "production at https://hooks.example***"
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

    #[test]
    fn a_secret_is_known_with_invisible_characters_in_it() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("prvw_9f8e7d6c5b4a"));
        for hidden in [
            "\0",
            "\u{ad}",
            "\u{200b}",
            "\u{202e}",
            "\u{feff}",
            "\u{200d}",
            "\u{1b}[0m",
            "\u{e0041}",
        ] {
            let text = format!("expired: prvw_{hidden}9f8e7d6c5b4{hidden}a, caf\u{e9}");
            assert_eq!(redactor.clean(text), "expired: ***, caf\u{e9}");
            let innocent = format!("a{hidden}b");
            assert_eq!(redactor.clean(innocent.clone()), innocent);
        }
    }

    proptest! {
        #[test]
        fn no_secret_comes_back_in_cleaned_text(
            parts in prop::collection::vec(prop::sample::select(vec!["s3cr", "3t-t0", "ken", "\u{200b}", "\u{ad}", "\u{200d}", "\u{1b}[1m", "\u{fe0f}", "\u{e9}"]), 0..24),
        ) {
            let mut redactor = Redactor::default();
            redactor.add(&Secret::new("s3cr3t-t0ken"));
            let shown = sanitize::one_line(&redactor.clean(parts.concat())).into_owned();
            prop_assert!(!shown.contains("s3cr3t-t0ken"), "{shown:?}");
        }

        #[test]
        fn no_secret_survives(secret in "[a-zA-Z0-9+/_-]{6,40}", before in ".{0,40}", after in ".{0,40}") {
            let mut redactor = Redactor::default();
            redactor.add(&Secret::new(secret.clone()));
            let cleaned = redactor.clean(format!("{before}{secret}{after}{secret}"));
            prop_assert!(!cleaned.contains(&secret));
        }
    }
}
