//! Decides which parts of an answer are redacted, and which are kept as they are.
//!
//! Redaction changes what is shown, never what is used: with a weak secret such as `test`, the run `testabc1` must stay a
//! run that exists, and the result `PASSED` a known word.

use crate::report::status;
use crate::text::Redactor;

/// Length, in bytes, from which a secret in an identifier or URL is not there by coincidence.
const STRONG: usize = 8;
/// How many characters of an unknown status or result are kept.
const MAX_WORD: usize = 200;

/// Redacts the parts of an answer, each according to its kind.
#[derive(Debug, Clone, Default)]
pub struct Cleaner {
    redactor: Redactor,
}

impl Cleaner {
    /// A cleaner of these secrets.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor }
    }

    /// The redactor, for texts that are only shown.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A text that is only shown.
    pub fn text(&self, text: String) -> String {
        self.redactor.clean(text)
    }

    /// A status or result: a known one is kept, any other is redacted and cut to 200 characters.
    pub fn word(&self, word: String) -> String {
        let is_result = matches!(word.as_str(), status::PASSED | status::FAILED | status::SKIPPED);
        if is_result || status::is_known(&word) {
            return word;
        }
        self.redactor.clean(word).chars().take(MAX_WORD).collect()
    }

    /// An id or a URL, which is used in requests or links: kept unless it contains a strong secret.
    pub fn identifier(&self, text: String) -> String {
        if self.gives_away_a_secret(&text) {
            self.redactor.clean(text)
        } else {
            text
        }
    }

    /// Whether a text contains a secret that is too long to be there by coincidence.
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
