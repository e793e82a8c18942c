//! What of an answer is cleaned of secrets, and what is kept as it came: the one place that decides it.
//!
//! Redaction alters what is shown, never what is used. A weak secret such as `test` must not turn the run `testabc1` into
//! one that does not exist, nor the result `PASSED` into a word that nobody knows.

use crate::report::status;
use crate::text::Redactor;

/// A secret of at least this length in an identifier or URL is no coincidence. In bytes.
const STRONG: usize = 8;
/// Characters of an unknown status or result that are kept: they are words, whatever stands there.
const MAX_WORD: usize = 200;

/// Cleans the parts of an answer, each by its kind.
#[derive(Debug, Clone, Default)]
pub struct Cleaner {
    redactor: Redactor,
}

impl Cleaner {
    /// A cleaner of these secrets.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor }
    }

    /// The secrets, for texts that are shown and nothing else.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A text that is only shown.
    pub fn text(&self, text: String) -> String {
        self.redactor.clean(text)
    }

    /// A status or result: one of QA.tech's own words is kept, any other is a text of at most 200 characters.
    pub fn word(&self, word: String) -> String {
        let is_result = matches!(word.as_str(), status::PASSED | status::FAILED | status::SKIPPED);
        if is_result || status::is_known(&word) {
            return word;
        }
        self.redactor.clean(word).chars().take(MAX_WORD).collect()
    }

    /// An id or a URL, which is asked for or followed: kept, unless it gives away a secret.
    pub fn identifier(&self, text: String) -> String {
        if self.gives_away_a_secret(&text) {
            self.redactor.clean(text)
        } else {
            text
        }
    }

    /// Whether a text holds a secret that is too long to stand there by coincidence.
    pub fn gives_away_a_secret(&self, text: &str) -> bool {
        self.redactor.finds_secret_of(STRONG, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Secret;

    fn cleaner() -> Cleaner {
        let mut redactor = Redactor::default();
        for secret in ["test", "PASS", "COMPLETED", "long-secret-0123"] {
            redactor.add(&Secret::new(secret));
        }
        Cleaner::new(redactor)
    }

    #[test]
    fn what_is_used_is_kept_where_a_weak_secret_stands_in_it_by_coincidence() {
        let cleaner = cleaner();
        assert_eq!(cleaner.identifier("testabc1".to_owned()), "testabc1");
        let page = "https://app.qa.tech/p/test/results/testabc1";
        assert_eq!(cleaner.identifier(page.to_owned()), page);
        assert_eq!(cleaner.word("PASSED".to_owned()), "PASSED");
        assert_eq!(cleaner.word("COMPLETED".to_owned()), "COMPLETED");
    }

    #[test]
    fn what_gives_away_a_secret_is_cleaned_wherever_it_stands() {
        let cleaner = cleaner();
        assert_eq!(cleaner.identifier("x-long-secret-0123".to_owned()), "x-***");
        assert_eq!(cleaner.word("long-secret-0123".to_owned()), "***");
        assert_eq!(
            cleaner.text("a test with long-secret-0123".to_owned()),
            "a *** with ***"
        );
        assert_eq!(cleaner.word("x".repeat(900)).len(), 200);
    }
}
