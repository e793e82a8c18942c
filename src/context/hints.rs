//! The values in an event that describe the repository, the commit, the pull request and the deployment.

/// A repository, `owner/name`. Both parts are safe in the path of a URL.
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
    /// The head of this pull request. The event does not contain it (`issue_comment`).
    OfPullRequest(u64),
    /// Not known.
    #[default]
    None,
}

/// How to find the pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PullRequestHint {
    /// Its number is known.
    Number(u64),
    /// The pull request in `GET pulls?head=owner:branch` whose head is this commit (`workflow_run` of a fork).
    ByHead {
        /// Owner of the repository that the branch is in.
        owner: String,
        /// Branch.
        branch: String,
        /// Head commit.
        sha: String,
    },
    /// An open pull request in `GET commits/{sha}/pulls` whose head is this commit (`push`, `deployment_status`).
    ByCommit(String),
    /// There is none.
    #[default]
    None,
}

/// A deployment as the event reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDeployment {
    /// The deployed commit.
    pub sha: String,
    /// Name of the environment.
    pub environment: String,
    /// Whether the event marks the environment as production.
    pub is_production: bool,
    /// Its state.
    pub state: DeploymentState,
    /// Description of the state, neither redacted nor cut.
    pub description: Option<String>,
    /// URL of the application. It is not validated, and its query is a secret.
    pub environment_url: Option<String>,
    /// Older field for the same URL, which may also be that of a log.
    pub target_url: Option<String>,
}

/// The state of a deployment: GitHub's (<https://docs.github.com/rest/deployments/statuses>) and Vercel's names for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentState {
    /// It can be tested.
    Success,
    /// It has failed; the name of the state.
    Failed(String),
    /// It was replaced or removed.
    Inactive,
    /// It has not ended; the name of the state.
    Pending(String),
}

impl DeploymentState {
    /// Parses a state. An unknown one counts as pending.
    pub fn parse(word: &str) -> Self {
        match word {
            "success" | "ready" | "promoted" => Self::Success,
            "failure" | "error" | "failed" | "canceled" | "ignored" | "skipped" => Self::Failed(word.to_owned()),
            "inactive" => Self::Inactive,
            other => Self::Pending(other.to_owned()),
        }
    }
}
