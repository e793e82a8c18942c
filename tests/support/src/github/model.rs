//! The state of the fake GitHub: check runs, comments, issues, pull requests, and the accepted token.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::calls::Call;
use crate::http::Headers;

/// The app that acts for the `GITHUB_TOKEN`.
pub const ACTIONS_APP: &str = "github-actions";

/// The author of everything that the `GITHUB_TOKEN` writes.
pub const ACTIONS_LOGIN: &str = "github-actions[bot]";

/// A permission scope, as in a workflow's `permissions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `checks`
    Checks,
    /// `pull-requests`
    PullRequests,
    /// `issues`
    Issues,
    /// `deployments`
    Deployments,
}

/// A token's access to a [`Scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// No access (a public repository can still be read).
    None,
    /// `read`
    Read,
    /// `write`
    Write,
}

/// A token that the fake accepts.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token in `Authorization: Bearer`.
    pub value: String,
    /// The user of a personal access token; `None` for the token of an app, which has no user.
    pub login: Option<String>,
    /// The slug of the app: [`ACTIONS_APP`] for the `GITHUB_TOKEN` of a workflow.
    pub app: String,
    /// Access to check runs. A personal access token can only read them, whatever this is.
    pub checks: Access,
    /// Access to pull requests and their comments.
    pub pull_requests: Access,
    /// Access to issues and all comments.
    pub issues: Access,
    /// Access to deployments.
    pub deployments: Access,
}

impl Token {
    /// The `GITHUB_TOKEN` with `checks`, `pull-requests`, `issues` and `deployments` at `write`.
    pub fn actions(value: &str) -> Self {
        let access = Access::Write;
        Self {
            value: value.to_owned(),
            login: None,
            app: ACTIONS_APP.to_owned(),
            checks: access,
            pull_requests: access,
            issues: access,
            deployments: access,
        }
    }

    /// The installation token of another GitHub App.
    pub fn app(value: &str, slug: &str) -> Self {
        Self {
            app: slug.to_owned(),
            ..Self::actions(value)
        }
    }

    /// A personal access token of `login`.
    pub fn personal(value: &str, login: &str) -> Self {
        Self {
            login: Some(login.to_owned()),
            ..Self::actions(value)
        }
    }

    /// The token that forks and Dependabot get: `read` for every scope.
    #[must_use]
    pub fn read_only(self) -> Self {
        self.with(Scope::Checks, Access::Read)
            .with(Scope::PullRequests, Access::Read)
            .with(Scope::Issues, Access::Read)
            .with(Scope::Deployments, Access::Read)
    }

    /// The same token, with different access to one scope.
    #[must_use]
    pub fn with(mut self, scope: Scope, access: Access) -> Self {
        match scope {
            Scope::Checks => self.checks = access,
            Scope::PullRequests => self.pull_requests = access,
            Scope::Issues => self.issues = access,
            Scope::Deployments => self.deployments = access,
        }
        self
    }

    pub(super) fn access(&self, scope: Scope) -> Access {
        match scope {
            Scope::Checks => self.checks,
            Scope::PullRequests => self.pull_requests,
            Scope::Issues => self.issues,
            Scope::Deployments => self.deployments,
        }
    }

    pub(super) fn author(&self) -> String {
        self.login.clone().unwrap_or_else(|| format!("{}[bot]", self.app))
    }
}

/// An annotation of a check run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// Path in the repository.
    pub path: String,
    /// First line, from 1.
    pub start_line: u64,
    /// Last line.
    pub end_line: u64,
    /// First column, if given.
    pub start_column: Option<u64>,
    /// Last column, if given.
    pub end_column: Option<u64>,
    /// `notice`, `warning` or `failure`.
    pub annotation_level: String,
    /// The text.
    pub message: String,
    /// The title.
    pub title: Option<String>,
    /// The raw details, which GitHub folds.
    pub raw_details: Option<String>,
}

/// A check run.
#[derive(Clone, Debug)]
pub struct CheckRun {
    /// Unique in the whole fake.
    pub id: u64,
    /// The check's name.
    pub name: String,
    /// The commit that it belongs to.
    pub head_sha: String,
    /// The slug of the app that created it.
    pub app: String,
    /// The reference that its creator set.
    pub external_id: Option<String>,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// Set when completed.
    pub conclusion: Option<String>,
    /// ISO 8601.
    pub started_at: Option<String>,
    /// ISO 8601.
    pub completed_at: Option<String>,
    /// `output.title`
    pub title: Option<String>,
    /// `output.summary`
    pub summary: Option<String>,
    /// `output.text`, truncated to what GitHub keeps.
    pub text: Option<String>,
    /// Whether `text` ever arrived longer than GitHub keeps it.
    pub text_was_cut: bool,
    /// All annotations, in order of arrival.
    pub annotations: Vec<Annotation>,
    /// How many PATCH requests changed it.
    pub updates: usize,
}

impl CheckRun {
    /// A check run in progress, created by GitHub Actions; [`Repo::add_check_run`](super::Repo::add_check_run) assigns its id.
    pub fn new(name: &str, head_sha: &str) -> Self {
        Self {
            id: 0,
            name: name.to_owned(),
            head_sha: head_sha.to_owned(),
            app: ACTIONS_APP.to_owned(),
            external_id: None,
            status: "in_progress".to_owned(),
            conclusion: None,
            started_at: None,
            completed_at: None,
            title: None,
            summary: None,
            text: None,
            text_was_cut: false,
            annotations: Vec::new(),
            updates: 0,
        }
    }

    /// Created by another app.
    #[must_use]
    pub fn by_app(mut self, slug: &str) -> Self {
        slug.clone_into(&mut self.app);
        self
    }

    /// With the creator's reference.
    #[must_use]
    pub fn external_id(mut self, id: &str) -> Self {
        self.external_id = Some(id.to_owned());
        self
    }

    /// Completed.
    #[must_use]
    pub fn completed(mut self, conclusion: &str) -> Self {
        "completed".clone_into(&mut self.status);
        self.conclusion = Some(conclusion.to_owned());
        self
    }
}

/// A comment on an issue or pull request.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Unique in the whole fake.
    pub id: u64,
    /// The issue's or pull request's number.
    pub number: u64,
    /// Login.
    pub author: String,
    /// Markdown.
    pub body: String,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
    /// How many PATCH requests changed it.
    pub updates: usize,
}

impl Comment {
    /// A comment that is written now.
    pub(super) fn new(id: u64, number: u64, author: &str, body: &str, now: String) -> Self {
        Self {
            id,
            number,
            author: author.to_owned(),
            body: body.to_owned(),
            created_at: now.clone(),
            updated_at: now,
            updates: 0,
        }
    }
}

/// What only a pull request has.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The head commit.
    pub head_sha: String,
    /// The head branch.
    pub head_ref: String,
    /// The owner of the repository that the head branch is in; for a fork, not the base's owner.
    pub head_owner: String,
    /// The branch to merge into.
    pub base_ref: String,
    /// Whether it was merged.
    pub merged: bool,
}

/// An issue or, with `pull`, a pull request: GitHub numbers them together.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Unique in the repository; 0 until it is added.
    pub number: u64,
    /// The title.
    pub title: String,
    /// Markdown.
    pub body: Option<String>,
    /// Login.
    pub author: String,
    /// Names of labels.
    pub labels: Vec<String>,
    /// `open` or `closed`.
    pub state: String,
    /// The reason for its state.
    pub state_reason: Option<String>,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
    /// ISO 8601, when closed.
    pub closed_at: Option<String>,
    /// The fields that only a pull request has.
    pub pull: Option<Pull>,
}

impl Issue {
    /// An open issue by `octocat`; [`Repo::add`](super::Repo::add) assigns its number.
    pub fn new(title: &str, body: &str) -> Self {
        Self {
            number: 0,
            title: title.to_owned(),
            body: Some(body.to_owned()),
            author: "octocat".to_owned(),
            labels: Vec::new(),
            state: "open".to_owned(),
            state_reason: None,
            created_at: String::new(),
            updated_at: String::new(),
            closed_at: None,
            pull: None,
        }
    }

    /// An open pull request from the branch `feature` of the same repository into `main`.
    pub fn pull(number: u64, head_sha: &str) -> Self {
        let pull = Pull {
            head_sha: head_sha.to_owned(),
            head_ref: "feature".to_owned(),
            head_owner: String::new(),
            base_ref: "main".to_owned(),
            merged: false,
        };
        Self {
            number,
            pull: Some(pull),
            ..Self::new("A change", "")
        }
    }

    /// The pull request's head branch, and the owner of its repository.
    #[must_use]
    pub fn head(mut self, owner: &str, branch: &str) -> Self {
        let pull = self.pull.as_mut().expect("only a pull request has a head");
        owner.clone_into(&mut pull.head_owner);
        branch.clone_into(&mut pull.head_ref);
        self
    }

    /// The base branch of the pull request.
    #[must_use]
    pub fn base(mut self, branch: &str) -> Self {
        branch.clone_into(&mut self.pull.as_mut().expect("only a pull request has a base").base_ref);
        self
    }

    /// By another author.
    #[must_use]
    pub fn by(mut self, login: &str) -> Self {
        login.clone_into(&mut self.author);
        self
    }

    /// With labels.
    #[must_use]
    pub fn labels(mut self, labels: &[&str]) -> Self {
        self.labels = labels.iter().map(ToString::to_string).collect();
        self
    }

    /// Closed (not merged).
    #[must_use]
    pub fn closed(mut self) -> Self {
        "closed".clone_into(&mut self.state);
        self
    }

    /// Closed by a merge.
    #[must_use]
    pub fn merged(mut self) -> Self {
        self.pull.as_mut().expect("only a pull request can be merged").merged = true;
        self.closed()
    }
}

/// A request that the fake received.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The call; `None` for one that the fake does not know.
    pub call: Option<Call>,
    /// The method.
    pub method: String,
    /// The path below the API's root, percent-encoded.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The header fields.
    pub headers: Headers,
    /// The body, if it is JSON.
    pub body: Option<Value>,
    /// The answer's status; `None` if a fault left the request without an answer.
    pub status: Option<u16>,
    /// When it arrived.
    pub at: Instant,
}
