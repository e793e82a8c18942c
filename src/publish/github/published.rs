//! The result of publishing at GitHub, for the outputs and the log.

/// Pages at GitHub that were created or updated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The check run's page.
    pub check_run_url: Option<String>,
    /// The pages of the comments, joined by commas.
    pub comment_url: Option<String>,
    /// The pages of the issues, joined by commas.
    pub issue_url: Option<String>,
}

/// The result of publishing at GitHub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// All that was created or updated since the session began.
    pub links: Links,
    /// Whether failed cases must be annotated in the log, because no check run shows them.
    pub annotate_in_log: bool,
    /// Notices, such as the permission to add for a check run.
    pub notices: Vec<String>,
    /// Warnings about failures.
    pub warnings: Vec<String>,
}

impl Published {
    /// Adds the result of another part. Links come from the session.
    pub(super) fn add(&mut self, other: Self) {
        let Self {
            links: _,
            annotate_in_log,
            notices,
            warnings,
        } = other;
        self.annotate_in_log |= annotate_in_log;
        self.notices.extend(notices);
        self.warnings.extend(warnings);
    }
}
