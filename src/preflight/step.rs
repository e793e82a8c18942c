//! What the parts of the preflight share.

use std::time::Duration;

use crate::app::App;
use crate::net::retry::Deadline;
use crate::publish::github::deployments::{Lookup, LookupError};
use crate::text::Redactor;

/// What each part of the preflight needs.
#[derive(Clone, Copy)]
pub(super) struct Preflight<'a> {
    pub(super) app: &'a App<'a>,
    pub(super) client: &'a reqwest::Client,
    /// End of `timeout_minutes`.
    pub(super) deadline: Deadline,
    /// Time until the next poll, by the time waited so far.
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

    /// Redacts and masks the query of a URL from now on.
    pub(super) fn keep_secret(&self, url: &str) {
        let mut secrets = Redactor::default();
        secrets.add_written_url(url);
        // Once: the same URL is seen at every poll.
        if self.app.redactor.learn(&secrets) && self.app.log.is_github() {
            self.app.log.mask(&secrets);
        }
    }
}
