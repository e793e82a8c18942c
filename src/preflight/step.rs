//! What each step before the start is given, and what the steps share.

use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;
use crate::publish::github::deployments::{Lookup, LookupError};
use crate::text::Redactor;

/// What each step before the start is given.
#[derive(Clone, Copy)]
pub(super) struct Preflight<'a> {
    pub(super) app: &'a App<'a>,
    pub(super) client: &'a reqwest::Client,
    /// End of `timeout_minutes`.
    pub(super) deadline: Instant,
    /// Time until the next look, by how long has been waited.
    pub(super) interval: &'a dyn Fn(Duration) -> Duration,
}

impl Preflight<'_> {
    pub(super) fn lookup(&self, deadline: Instant) -> Result<Lookup, LookupError> {
        let App {
            inputs,
            context,
            redactor,
            log: _,
            files: _,
        } = *self.app;
        Lookup::new(self.client.clone(), inputs, context, redactor, deadline)
    }

    /// The end of a step's own limit or of everything's.
    pub(super) fn until(&self, begun: Instant, limit: Duration) -> Instant {
        begun
            .checked_add(limit)
            .map_or(self.deadline, |end| end.min(self.deadline))
    }

    /// Logs a line of untrusted text.
    pub(super) fn say(&self, text: String) {
        self.app.log.untrusted_line(&text);
    }

    /// Keeps the query of a URL out of everything from now on.
    pub(super) fn keep_secret(&self, url: &str) {
        let mut secrets = Redactor::default();
        secrets.add_written_url(url);
        // Once: the same URL is seen at every poll.
        if self.app.redactor.learn(&secrets) && self.app.log.is_github() {
            self.app.log.mask(&secrets);
        }
    }
}
