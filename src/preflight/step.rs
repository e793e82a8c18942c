//! The values that all steps of the preflight use.

use std::time::Duration;

use crate::app::App;
use crate::net::retry::Deadline;
use crate::publish::github::deployments::{Lookup, LookupError};
use crate::text::Redactor;

/// The values that all steps of the preflight use.
#[derive(Clone, Copy)]
pub(super) struct Preflight<'a> {
    pub(super) app: &'a App<'a>,
    pub(super) client: &'a reqwest::Client,
    /// End of `timeout_minutes`.
    pub(super) deadline: Deadline,
    /// The interval until the next poll, given the time waited so far.
    pub(super) interval: &'a dyn Fn(Duration) -> Duration,
}

impl Preflight<'_> {
    pub(super) fn lookup(&self, deadline: Deadline) -> Result<Lookup, LookupError> {
        let App {
            inputs,
            context,
            redactor,
            log: _,
            files: _,
        } = *self.app;
        Lookup::new(self.client.clone(), inputs, context, redactor, deadline.instant())
    }

    /// Logs a line of untrusted text.
    pub(super) fn say(&self, text: String) {
        self.app.log.untrusted_line(&text);
    }

    /// Makes the query of a URL a secret: redacts and masks it from now on.
    pub(super) fn keep_secret(&self, url: &str) {
        let mut secrets = Redactor::default();
        secrets.add_written_url(url);
        // Masked only once, although each poll returns the same URL.
        if self.app.redactor.learn(&secrets) && self.app.log.is_github() {
            self.app.log.mask(&secrets);
        }
    }
}
