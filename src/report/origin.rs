//! Where the report comes from: commit, branch, workflow.

use crate::report::links::is_https;
use serde::Serialize;

/// Where the report comes from. The JSON report has it in this form.
///
/// Every text in it is untrusted: anyone who opens a pull request chooses branch, message and actor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// `owner/name`.
    pub repository: Option<String>,
    /// The commit the runs speak of: the head commit of a pull request, not its merge commit.
    pub sha: Option<String>,
    /// The head branch's name.
    pub branch: Option<String>,
    /// The repository's default branch, where the event tells it.
    pub default_branch: Option<String>,
    /// Who caused the workflow run.
    pub actor: Option<String>,
    /// Message of the head commit, where the event has it.
    pub commit_message: Option<String>,
    /// Name of the event, such as `pull_request`.
    pub event: Option<String>,
    /// Name of the workflow.
    pub workflow: Option<String>,
    /// Id of the job.
    pub job: Option<String>,
    /// `GITHUB_RUN_ID`.
    pub run_id: Option<u64>,
    /// `GITHUB_RUN_ATTEMPT`.
    pub run_attempt: Option<u64>,
    /// Page of the workflow run.
    pub ci_url: Option<String>,
    /// Number of the pull request.
    pub pull_request: Option<u64>,
}

impl Origin {
    /// The page of the workflow run, only if it may be shown as a link; see [`Attempt::link`](crate::report::Attempt::link).
    pub fn ci_link(&self) -> Option<&str> {
        self.ci_url.as_deref().filter(|url| is_https(url))
    }

    /// The repository's page: where it is, the address of the workflow run says.
    pub fn repository_link(&self) -> Option<String> {
        let (link, name) = (self.ci_link()?, self.repository.as_deref()?);
        let (server, _) = link.split_once(&format!("/{name}/actions/"))?;
        Some(format!("{server}/{name}"))
    }

    /// The commit's page.
    pub fn commit_link(&self) -> Option<String> {
        let sha = self.sha.as_deref()?;
        let is_sha = sha.len() >= 40 && sha.bytes().all(|b| b.is_ascii_hexdigit());
        Some(format!("{}/commit/{sha}", self.repository_link().filter(|_| is_sha)?))
    }
}
