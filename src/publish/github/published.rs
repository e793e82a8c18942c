//! What came of publishing at GitHub, for the outputs and the log.

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

/// What came of publishing at GitHub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// All that was created or updated since the session began.
    pub links: Links,
    /// Failed cases are to be annotated in the log, because no check run shows them.
    pub annotate_in_log: bool,
    /// What is worth knowing, such as the permission to add for a check run.
    pub notices: Vec<String>,
    /// What went wrong.
    pub warnings: Vec<String>,
}

impl Published {
    /// Takes over what another part did. Links are the session's.
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
