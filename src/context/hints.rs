//! What an event tells of the repository, the commit, the pull request and the deployment.

/// `owner/name`, taken apart. Both parts are safe in a URL's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// User or organization.
    pub owner: String,
    /// Name.
    pub name: String,
}

impl Repository {
    /// Parses `owner/name`, with the characters that GitHub allows.
    pub fn parse(text: &str) -> Option<Self> {
        let (owner, name) = text.split_once('/')?;
        let fine = |part: &str| {
            (1..=100).contains(&part.len())
                && part != "."
                && part != ".."
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        (fine(owner) && fine(name)).then(|| Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The commit that gets the check run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HeadSha {
    /// Known from the event or from `GITHUB_SHA`.
    Known(String),
    /// The head of this pull request, which the event does not tell (`issue_comment`).
    OfPullRequest(u64),
    /// Not known.
    #[default]
    None,
}

/// How to find the pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PullRequestHint {
    /// The event names it.
    Number(u64),
    /// `GET pulls?head=owner:branch`, and of those the one whose head is this commit (`workflow_run` of a fork).
    ByHead {
        /// Owner of the repository that the branch is in.
        owner: String,
        /// Branch.
        branch: String,
        /// Head commit.
        sha: String,
    },
    /// `GET commits/{sha}/pulls`, and of those an open one whose head is this commit (`push`, `deployment_status`).
    ByCommit(String),
    /// There is none.
    #[default]
    None,
}

/// A deployment that the event itself reports, as it is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDeployment {
    /// The deployed commit.
    pub sha: String,
    /// Name of the environment.
    pub environment: String,
    /// The event calls it a production environment.
    pub is_production: bool,
    /// What became of it.
    pub state: DeploymentState,
    /// More about the state, with secrets and uncut.
    pub description: Option<String>,
    /// Where the application runs: unchecked, and its query is a secret.
    pub environment_url: Option<String>,
    /// The older field for the same, which may also be a page of logs.
    pub target_url: Option<String>,
}

/// The state of a deployment (<https://docs.github.com/rest/deployments/statuses>, and Vercel's words for the same).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentState {
    /// It can be tested.
    Success,
    /// It will not be there; the word for it.
    Failed(String),
    /// It was replaced or removed.
    Inactive,
    /// It is on its way; the word for it.
    Pending(String),
}

impl DeploymentState {
    /// Parses a state; one that is not known is on its way.
    pub fn parse(word: &str) -> Self {
        match word {
            "success" | "ready" | "promoted" => Self::Success,
            "failure" | "error" | "failed" | "canceled" | "ignored" | "skipped" => Self::Failed(word.to_owned()),
            "inactive" => Self::Inactive,
            other => Self::Pending(other.to_owned()),
        }
    }
}
