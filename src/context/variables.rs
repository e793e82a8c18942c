//! The environment variables that describe where the program runs, and our own `QATECH_RUN_*`, each checked and bounded.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use url::Url;

use crate::net::secret_url::{SecretUrlError, base_for_secrets};

/// The variables that are read. All others are ignored: some of them hold secrets.
pub(in crate::context) struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// Keeps the variables that `is_ours` accepts, except for blank ones.
    pub(in crate::context) fn new(
        all: impl IntoIterator<Item = (OsString, OsString)>,
        is_ours: impl Fn(&str) -> bool,
    ) -> Self {
        let ours = all.into_iter().filter_map(|(name, value)| {
            let name = name.to_str().filter(|name| is_ours(name))?.to_owned();
            let blank = value.to_str().is_some_and(|value| value.trim().is_empty());
            (!blank).then_some((name, value))
        });
        Self(ours.collect())
    }

    pub(in crate::context) fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).map(PathBuf::from)
    }

    /// A value without surrounding white space, cut after `most` characters. A value that is not UTF-8 counts as unset.
    pub(in crate::context) fn text(&self, name: &str, most: usize) -> Option<String> {
        self.0.get(name)?.to_str().map(|text| bounded(text.trim(), most))
    }

    pub(in crate::context) fn number(&self, name: &str) -> Option<u64> {
        self.text(name, 20)?.parse().ok()
    }

    /// A base URL that a token is sent to.
    ///
    /// # Errors
    /// If the value is not such a URL; a fragment that follows the name.
    pub(in crate::context) fn url(&self, name: &str) -> Result<Option<Url>, SecretUrlError> {
        let text = self.text(name, 2_000);
        text.map(|text| base_for_secrets(&text)).transpose()
    }
}

/// The text's first `most` characters.
pub(in crate::context) fn bounded(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
