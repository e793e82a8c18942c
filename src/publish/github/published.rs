//! What came of publishing at GitHub, for the outputs and the log.

/// Pages at GitHub that were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The check run's page.
    pub check_run_url: Option<String>,
    /// The comment's page.
    pub comment_url: Option<String>,
    /// The pages of the issues that were touched, joined by commas.
    pub issue_url: Option<String>,
}

/// What came of publishing at GitHub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// What was made.
    pub links: Links,
    /// Failed cases are to be annotated in the log, because no check run shows them.
    pub annotate_in_log: bool,
    /// What is worth knowing, such as the permission to add for a check run.
    pub notices: Vec<String>,
    /// What went wrong.
    pub warnings: Vec<String>,
}

impl Published {
    /// Takes over what another part did.
    pub(super) fn add(&mut self, other: Self) {
        let Self {
            links:
                Links {
                    check_run_url,
                    comment_url,
                    issue_url,
                },
            annotate_in_log,
            notices,
            warnings,
        } = other;
        let links = &mut self.links;
        links.check_run_url = links.check_run_url.take().or(check_run_url);
        links.comment_url = links.comment_url.take().or(comment_url);
        links.issue_url = links.issue_url.take().or(issue_url);
        self.annotate_in_log |= annotate_in_log;
        self.notices.extend(notices);
        self.warnings.extend(warnings);
    }
}
