//! The redactor, which every string from an API passes: errors and agents echo URLs and tokens.
//!
//! A secret is compared with the text as it stands and with the text decoded, so that it is found in whatever spelling a page,
//! a log or a header gives it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem::Finder;
use percent_encoding::percent_decode_str;

use crate::text::Secret;
use crate::text::decode::Decoded;
use crate::text::sort::sort_by_number;

/// What stands in a secret's place.
const STAND_IN: &str = "***";

/// A part of a URL shorter than this is only redacted together with the mark it stands behind or before:
/// an environment's `?a=1` must not blot out every `a=1`. Nor must a line of a secret of several: of a key file in JSON,
/// some are single brackets.
const SHORT: usize = 8;
/// Passwords and the values of secret names are redacted from this length on, with a warning below [`SHORT`].
const SHORTEST: usize = 4;
/// Plain words longer than this may be a passphrase.
const PLAIN: usize = 20;
/// A parameter whose name holds one of these, in any case, holds a secret.
const SECRET_NAMES: [&str; 18] = [
    "access", "auth", "bypass", "code", "cred", "hash", "invit", "jwt", "key", "login", "otp", "pass", "pin", "pwd",
    "secret", "session", "sig", "token",
];
/// Values that switch something and are no secret, whatever their name.
const SWITCHES: [&str; 4] = ["true", "false", "null", "none"];
/// How many encodings may lie over each other, such as JSON in HTML in a URL.
const LAYERS: usize = 4;

/// Removes known secrets from text.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
    patterns: Vec<Pattern>,
    has_short_secret: bool,
    /// What became known only after clones were made, for all of them.
    learned: Arc<RwLock<Vec<Pattern>>>,
}

/// A spelling of a secret that decoding does not lead back to.
#[derive(Clone)]
struct Pattern {
    finder: Finder<'static>,
    /// Part of a base64 word: what surrounds it may hold a few bits of the secret.
    is_base64: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Adds a token or other secret value, and each of its lines that is long enough to be one.
    pub fn add(&mut self, secret: &Secret) {
        self.add_secret(secret.expose());
        for line in secret.expose().lines() {
            self.add_long(line.trim());
        }
    }

    /// Adds a value of which only its place says that it is a secret, such as a value of `config_overrides`: from four
    /// characters on, unless it is a mere switch.
    pub fn add_value_of_secret(&mut self, value: &str) {
        let value = value.trim();
        if value.len() >= SHORTEST && !SWITCHES.iter().any(|switch| switch.eq_ignore_ascii_case(value)) {
            self.add(&Secret::new(value));
        }
    }

    /// Whether a secret has fewer than eight characters, so that innocent text may be redacted: worth a warning.
    pub fn has_short_secret(&self) -> bool {
        self.has_short_secret
    }

    /// Adds the query string, the fragment and the user info of a URL; its path too if `path` is true (webhooks carry keys there).
    ///
    /// A query string is a secret as a whole, and so is each of its pairs. A value without its name is one only if it may
    /// be a key: `?env=production` must not blot out "production" in every report, and in every later step's log.
    pub fn add_url(&mut self, url: &url::Url, path: bool) {
        for (mark, query) in [('?', url.query()), ('#', url.fragment())] {
            self.add_query(mark, query.unwrap_or_default());
        }
        for (name, value) in url.query_pairs() {
            self.add_value(&name, &value);
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
                for segment in url.path_segments().into_iter().flatten() {
                    self.add_value("", segment);
                    self.add_value("", &percent_decoded(segment));
                }
            }
        }
    }

    /// Adds the query string, the fragment and the user info of a URL, first as they were written, which is how they are sent and
    /// repeated, and then as parsed, which encodes some characters. A text that is not a URL may contain a secret too.
    pub fn add_written_url(&mut self, text: &str) {
        let text = text.trim();
        let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        let end = after_scheme.find(['/', '?', '#', '\\']).unwrap_or(after_scheme.len());
        let authority = after_scheme.get(..end).unwrap_or_default();
        let parsed = url::Url::parse(text).ok();
        // A character such as `#` in a password that should have been encoded ends the authority too early.
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
        let (before_fragment, fragment) = text.split_once('#').unwrap_or((text, ""));
        if let Some((_, query)) = before_fragment.split_once('?') {
            self.add_query('?', query);
        }
        self.add_query('#', fragment);
        if let Some(url) = parsed {
            self.add_url(&url, false);
        }
    }

    /// Adds a query string, or a fragment that is more than the name of a place on the page.
    fn add_query(&mut self, mark: char, query: &str) {
        if query.is_empty() || (mark == '#' && !query.contains('=') && is_plain(query)) {
            return;
        }
        self.add_text(&if query.len() < SHORT || is_plain(query) {
            format!("{mark}{query}")
        } else {
            query.to_owned()
        });
        // They may be repeated one by one, or separated by `&amp;`.
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
        let (user, password) = (percent_decoded(user), password.map(percent_decoded));
        match &password {
            Some(password) => {
                self.add_text(&format!("{user}:{password}@"));
                // As `Proxy-Authorization: Basic` carries it.
                self.add_long(&format!("{user}:{password}"));
            }
            None => self.add_text(&format!("{user}@")),
        }
        self.add_long(&user);
        self.add_value_of_secret(&password.unwrap_or_default());
    }

    /// Adds the value of a parameter if it may be a key.
    fn add_value(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        if SECRET_NAMES.iter().any(|word| name.contains(word)) {
            self.add_value_of_secret(value);
        } else if !is_plain(value) {
            self.add_long(value);
        }
    }

    fn add_secret(&mut self, text: &str) {
        self.has_short_secret |= !text.trim().is_empty() && text.trim().chars().count() < SHORT;
        self.add_text(text);
    }

    fn add_long(&mut self, text: &str) {
        if text.len() >= SHORT {
            self.add_text(text);
        }
    }

    /// Adds a text with every spelling that decoding does not lead back to it.
    fn add_text(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() || self.secrets.iter().any(|known| known == text) {
            return;
        }
        self.secrets.push(text.to_owned());
        // As it is shown if white space is squeezed, and as forms encode it.
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let form = one_line.replace(' ', "+");
        let decoded = String::from_utf8_lossy(Decoded::fully(text.as_bytes(), LAYERS).bytes()).into_owned();
        for spelling in [text, &one_line, &form, &decoded] {
            self.add_pattern(spelling, false);
        }
        for core in base64_cores(text.as_bytes()) {
            self.add_pattern(&core.replace('+', "-").replace('/', "_"), true);
            self.add_pattern(&core, true);
        }
    }

    fn add_pattern(&mut self, text: &str, is_base64: bool) {
        let is_known = |pattern: &Pattern| pattern.finder.needle() == text.as_bytes();
        if !text.is_empty() && !self.patterns.iter().any(is_known) {
            let finder = Finder::new(text).into_owned();
            self.patterns.push(Pattern { finder, is_base64 });
        }
    }

    /// Adds the secrets of another redactor to this one and to all its clones: some secrets become known only when others
    /// hold clones already, such as the query of a deployment's URL. Whether any was not known before.
    pub fn learn(&self, more: &Self) -> bool {
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        let before = learned.len();
        for pattern in &more.patterns {
            let mut known = self.patterns.iter().chain(learned.iter());
            if !known.any(|known| known.finder.needle() == pattern.finder.needle()) {
                learned.push(pattern.clone());
            }
        }
        learned.len() > before
    }

    /// Length of the longest secret in its longest common spelling (`\u0000` or `&#x00;` for each byte), in bytes.
    pub fn longest(&self) -> usize {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let patterns = self.patterns.iter().chain(learned.iter());
        patterns.map(|pattern| pattern.finder.needle().len()).max().unwrap_or(0) * 6
    }

    /// Length of the shortest pattern, in bytes.
    fn shortest(&self) -> usize {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let patterns = self.patterns.iter().chain(learned.iter());
        patterns
            .map(|pattern| pattern.finder.needle().len())
            .min()
            .unwrap_or(usize::MAX)
    }

    /// The text without any known secret. Costs no copy if there is none.
    pub fn clean(&self, text: String) -> String {
        // Decoding makes no text longer.
        if text.len() < self.shortest() {
            return text;
        }
        let mut found = Vec::new();
        self.find(text.as_bytes(), &mut found, |range| range);
        let mut layer = Decoded::new(text.as_bytes());
        for _ in 0..LAYERS {
            let Some(decoded) = layer else { break };
            self.find(decoded.bytes(), &mut found, |range| decoded.original(range));
            layer = decoded.next();
        }
        if found.is_empty() { text } else { without(&text, found) }
    }

    /// Whether a text holds, as it stands, a secret of at least so many bytes.
    pub fn finds_secret_of(&self, min_bytes: usize, text: &str) -> bool {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let mut long = self
            .patterns
            .iter()
            .chain(learned.iter())
            .filter(|pattern| (min_bytes..=text.len()).contains(&pattern.finder.needle().len()));
        long.any(|pattern| pattern.finder.find(text.as_bytes()).is_some())
    }

    /// Finds the secrets of a text or of a decoded form of it, as ranges of the original text.
    fn find(&self, bytes: &[u8], found: &mut Vec<Range<usize>>, original: impl Fn(Range<usize>) -> Range<usize>) {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        for Pattern { finder, is_base64 } in self.patterns.iter().chain(learned.iter()) {
            for at in finder.find_iter(bytes) {
                let mut range = at..at + finder.needle().len();
                if *is_base64 {
                    range = base64_word(bytes, range);
                }
                found.push(original(range));
            }
        }
    }

    /// Every known secret in the spellings that it may have in a log, for the masks of the runner and for nothing else.
    /// Longest first, so that a secret that holds another is masked whole.
    pub fn expose(&self) -> Vec<String> {
        let mut masks = Vec::new();
        let patterns = self.patterns.iter().map(|pattern| pattern.finder.needle());
        for pattern in patterns.map(String::from_utf8_lossy) {
            for spelling in spellings(&pattern) {
                if !masks.contains(&spelling) {
                    masks.push(spelling);
                }
            }
        }
        sort_by_number(&mut masks, |mask| u64::MAX - mask.len() as u64);
        masks
    }
}

/// The text with a stand-in for each range.
fn without(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    sort_by_number(&mut ranges, |range| range.start as u64);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut ranges = ranges.into_iter().peekable();
    while let Some(mut range) = ranges.next() {
        while let Some(next) = ranges.next_if(|next| next.start <= range.end) {
            range.end = range.end.max(next.end);
        }
        out.push_str(text.get(at..text.floor_char_boundary(range.start)).unwrap_or_default());
        out.push_str(STAND_IN);
        at = text.ceil_char_boundary(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// A text as JSON, HTML and URLs spell it.
fn spellings(text: &str) -> Vec<String> {
    // JSON, HTML and URLs (RFC 3986, 2.3) leave these characters as they are.
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    {
        return vec![text.to_owned()];
    }
    let json = serde_json::to_string(text).unwrap_or_default();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let html = html.replace('"', "&quot;").replace('\'', "&#39;");
    let mut spellings = vec![
        text.to_owned(),
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
    spellings
}

/// What every base64 text has in it that encodes these bytes, whatever stands around them: one for each position within a
/// group of three bytes. Nothing of a short text, which would be found by chance.
fn base64_cores(bytes: &[u8]) -> Vec<String> {
    let core = |(before, skipped): (usize, usize)| {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
        let whole = padded.len() * 8 / 6;
        STANDARD_NO_PAD.encode(padded).get(skipped..whole).map(str::to_owned)
    };
    let cores = [(0, 0), (1, 2), (2, 3)].into_iter().filter_map(core);
    cores
        .filter(|core| core.len() >= SHORT && bytes.len() >= SHORT)
        .collect()
}

/// The whole base64 word around a range.
fn base64_word(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    let before = bytes.get(..range.start).unwrap_or_default();
    let after = bytes.get(range.end..).unwrap_or_default();
    let before = before.iter().rev().take_while(is_base64).count();
    let after = after.iter().take_while(is_base64).count();
    range.start - before..range.end + after
}

/// Whether a text is a few plain words, such as `production` or `Pre-Production`: small letters, with a capital at most
/// where a word begins. Keys have digits, other characters, or more capitals.
fn is_plain(text: &str) -> bool {
    let is_word = |word: &str| {
        let rest = word
            .strip_prefix(|first: char| first.is_ascii_uppercase())
            .unwrap_or(word);
        rest.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    text.len() <= PLAIN && text.split(['-', '_', '.', '+', ' ']).all(is_word)
}

/// Percent-encodes everything except letters, digits and the characters in `kept`.
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

/// Percent-decoded, with invalid UTF-8 replaced.
fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::sanitize;
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
    fn masks_have_every_spelling() {
        let masks = |secret: &str| {
            let mut redactor = Redactor::default();
            redactor.add(&Secret::new(secret));
            redactor.expose()
        };
        for (secret, spelling) in [
            ("pass word-123", "pass%20word-123"),
            ("pass\"word-123", "pass\\\"word-123"),
            ("pass&word-123", "pass&amp;word-123"),
            ("pass/word-123", "pass%2fword-123"),
            ("pass!word-123", "pass%21word-123"),
        ] {
            let masks = masks(secret);
            assert!(masks.iter().any(|mask| mask == spelling), "{masks:?}");
        }
        // Without special characters, all spellings are the same.
        let plain = masks("pass-word_1.2~3");
        assert_eq!(
            plain.iter().filter(|mask| mask.starts_with("pass")).count(),
            1,
            "{plain:?}"
        );
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

    #[test]
    fn short_passwords_and_values_of_secret_names_are_secrets() {
        for (url, secret) in [
            ("https://admin:hunter2@x.example/", "hunter2"),
            ("https://x.example/?password=hunter2", "hunter2"),
            ("https://x.example/?pin=482913", "482913"),
            ("https://x.example/#access_token=abc123", "abc123"),
        ] {
            let redactor = redactor(url, false);
            assert!(redactor.has_short_secret(), "{url}");
            assert_eq!(redactor.clean(format!("the {secret}.")), "the ***.", "{url}");
            assert!(redactor.expose().iter().any(|mask| mask == secret), "{url}");
        }
        let switches = redactor("https://x.example/?auth=true&key=abc", false);
        assert_eq!(switches.clean("it is true, abc".into()), "it is true, abc");
        assert!(!switches.has_short_secret());
    }

    #[test]
    fn a_secret_is_found_in_every_encoding() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("s3c/r+t&=\"k\""));
        for text in [
            r#"s3c\u002Fr\u002Bt\u0026=\"k\""#,
            r"s3c\/r\x2Bt\x26=\x22k\x22",
            "s3c&sol;r&plus;t&amp;&equals;&quot;k&quot;",
            "s3c&#47;r&#43;t&#38;&#61;&#34;k&#34;",
            "s3c&#x2F;r&#X2b;t&#x26;&#x3D;&#x22k&#x22",
            "s3c%2fr%2Bt%26%3d%22k%22",
            "s3c%252Fr%252bt%2526%253D%2522k%2522",
            "s3c&#37;2Fr%2Bt%26=%22k%22",
        ] {
            assert_eq!(redactor.clean(format!("a {text} b")), "a *** b", "{text}");
        }
    }

    #[test]
    fn a_secret_is_found_in_base64_wherever_it_stands() {
        use base64::engine::general_purpose::{STANDARD, URL_SAFE};
        let mut redactor = redactor("http://robot:p%40ss%3Fword@proxy.example", false);
        redactor.add(&Secret::new("token-0123456789~~~???"));
        for before in ["", "x", "xy", "xyz", "x-access-token:"] {
            for after in ["", "1", "12"] {
                let text = format!("{before}token-0123456789~~~???{after}");
                for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                    assert_eq!(redactor.clean(format!("Basic {encoded}.")), "Basic ***.", "{text}");
                }
            }
        }
        let header = STANDARD.encode("robot:p@ss?word");
        assert_eq!(redactor.clean(format!("Basic {header}")), "Basic ***");
    }

    #[test]
    fn each_segment_of_a_webhook_path_that_may_be_a_key_is_a_secret() {
        let redactor = redactor("https://hooks.example/services/T0AB12CD3EF/incoming", true);
        assert_eq!(
            redactor.clean("team T0AB12CD3EF, incoming".into()),
            "team ***, incoming"
        );
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

        #[test]
        fn innocent_text_stays_as_it_is(text in any::<String>()) {
            let mut redactor = Redactor::default();
            redactor.add(&Secret::new("s3cr3t-t0ken"));
            prop_assert_eq!(redactor.clean(text.clone()), text);
        }
    }
}
