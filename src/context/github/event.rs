//! Finds the head commit, its branch and its pull request in the payload of each event
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows>).
//!
//! The payload is read with JSON pointers, and every value is checked: a value of the wrong type counts as absent.

use serde_json::Value;

use crate::context::variables::{Variables, bounded};
use crate::context::{DeploymentState, EventDeployment, HeadSha, PullRequestHint, Repository};

/// Longest branch name, in characters. Git's own limit is lower; this limits a forged payload.
const MAX_BRANCH: usize = 300;
/// Longest URL, in characters. Browsers and proxies allow less.
const MAX_URL: usize = 8_000;

pub(in crate::context) struct Event<'a> {
    variables: &'a Variables,
    payload: Option<&'a Value>,
    repository: &'a Repository,
    name: String,
}

impl<'a> Event<'a> {
    pub(in crate::context) fn new(
        variables: &'a Variables,
        payload: Option<&'a Value>,
        repository: &'a Repository,
    ) -> Self {
        let name = variables.text("GITHUB_EVENT_NAME", 100).unwrap_or_default();
        Self {
            variables,
            payload,
            repository,
            name,
        }
    }

    pub(in crate::context) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether the event is `pull_request`, `pull_request_target`, or for a review, which contains the same object.
    fn is_pull_request(&self) -> bool {
        self.name.starts_with("pull_request")
    }

    /// Whether the event is for a pull request, or for a workflow run that was started by one.
    pub(in crate::context) fn of_pull_request(&self) -> bool {
        self.is_pull_request()
            || (self.is("issue_comment") && self.commented_pull_request().is_some())
            || (self.is("workflow_run")
                && self
                    .text("/workflow_run/event", 100)
                    .is_some_and(|event| event.starts_with("pull_request")))
    }

    /// The commit that the results belong to.
    pub(in crate::context) fn head(&self) -> HeadSha {
        let known = |sha: Option<String>| sha.map_or(HeadSha::None, HeadSha::Known);
        match self.name.as_str() {
            _ if self.is_pull_request() => match (self.sha("/pull_request/head/sha"), self.merge_ref()) {
                (Some(sha), _) => HeadSha::Known(sha),
                // Without the payload, `refs/pull/<N>/merge` is still known. `GITHUB_SHA` is the merge commit.
                (None, Some(number)) => HeadSha::OfPullRequest(number),
                (None, None) => HeadSha::None,
            },
            "workflow_run" => known(self.workflow_run_sha()),
            "merge_group" => known(self.sha("/merge_group/head_sha").or_else(|| self.github_sha())),
            "issue_comment" => match self.commented_pull_request() {
                Some(number) => HeadSha::OfPullRequest(number),
                None if self.payload.is_none() => HeadSha::None,
                None => known(self.github_sha()),
            },
            // `GITHUB_SHA` is always the head of the default branch.
            "repository_dispatch" => match self.dispatched_sha() {
                Some(text) => known(sha(&text)),
                None => known(self.github_sha()),
            },
            _ => known(self.github_sha()),
        }
    }

    /// How to find the pull request.
    pub(in crate::context) fn pull_request(&self) -> PullRequestHint {
        let number = |number: Option<u64>| number.map_or(PullRequestHint::None, PullRequestHint::Number);
        match self.name.as_str() {
            _ if self.is_pull_request() => number(
                self.number("/pull_request/number")
                    .or_else(|| self.number("/number"))
                    .or_else(|| self.merge_ref()),
            ),
            "workflow_run" => self.workflow_run_pull_request(),
            "merge_group" => number(
                self.text("/merge_group/head_ref", 2_000)
                    .or_else(|| self.variables.text("GITHUB_REF", 2_000))
                    .as_deref()
                    .and_then(queued_pull_request),
            ),
            "issue_comment" => number(self.commented_pull_request()),
            "push" | "deployment_status" => self
                .github_sha()
                .map_or(PullRequestHint::None, PullRequestHint::ByCommit),
            "repository_dispatch" => self
                .dispatched_sha()
                .as_deref()
                .and_then(sha)
                .map_or(PullRequestHint::None, PullRequestHint::ByCommit),
            _ => PullRequestHint::None,
        }
    }

    /// The head branch's name.
    pub(in crate::context) fn branch(&self) -> Option<String> {
        let named = match self.name.as_str() {
            _ if self.is_pull_request() => self
                .text("/pull_request/head/ref", MAX_BRANCH)
                .or_else(|| self.variables.text("GITHUB_HEAD_REF", MAX_BRANCH)),
            "workflow_run" => self.text("/workflow_run/head_branch", MAX_BRANCH),
            "merge_group" => self
                .text("/merge_group/head_ref", MAX_BRANCH)
                .map(|branch| branch.trim_start_matches("refs/heads/").to_owned())
                .or_else(|| self.ref_branch()),
            // The workflow runs on the default branch.
            "issue_comment" if self.payload.is_none() || self.commented_pull_request().is_some() => None,
            "deployment_status" => self.ref_branch().or_else(|| {
                // Used only if the runner has no ref: a tag is not a branch, and neither is a commit.
                let unknown = self.variables.text("GITHUB_REF", 10).is_none();
                self.text("/deployment/ref", MAX_BRANCH)
                    .filter(|name| unknown && !is_full_sha(name))
            }),
            "repository_dispatch" => match self.dispatched_ref() {
                Some(name) => Some(name).filter(|name| !is_full_sha(name) && !name.starts_with("refs/")),
                // The default branch does not apply to another commit.
                None if self.dispatched_sha().is_some() => None,
                None => self.ref_branch(),
            },
            _ => self.ref_branch(),
        };
        named.filter(|branch| !branch.trim().is_empty())
    }

    /// The deployment that the event reports: `deployment_status`, or Vercel's `repository_dispatch`
    /// (<https://github.com/vercel/repository-dispatch>).
    pub(in crate::context) fn deployment(&self) -> Option<EventDeployment> {
        let text = |pointer: &str, most| self.text(pointer, most).filter(|text| !text.trim().is_empty());
        match self.name.as_str() {
            "deployment_status" => Some(EventDeployment {
                sha: self.sha("/deployment/sha")?,
                environment: text("/deployment_status/environment", MAX_BRANCH)
                    .or_else(|| text("/deployment/environment", MAX_BRANCH))
                    .unwrap_or_default(),
                is_production: self
                    .payload?
                    .pointer("/deployment/production_environment")
                    .and_then(Value::as_bool)
                    .unwrap_or(false),
                state: DeploymentState::parse(&text("/deployment_status/state", 100)?),
                description: text("/deployment_status/description", usize::MAX),
                environment_url: text("/deployment_status/environment_url", MAX_URL),
                target_url: text("/deployment_status/target_url", MAX_URL),
            }),
            "repository_dispatch" => Some(EventDeployment {
                sha: self.sha("/client_payload/git/sha")?,
                environment: text("/client_payload/environment", MAX_BRANCH).unwrap_or_default(),
                is_production: false,
                state: DeploymentState::parse(
                    &text("/client_payload/state/type", 100).or_else(|| text("/client_payload/state", 100))?,
                ),
                description: None,
                environment_url: Some(text("/client_payload/url", MAX_URL)?),
                target_url: None,
            }),
            _ => None,
        }
    }

    /// The commit in the payload of a `repository_dispatch`, not validated.
    fn dispatched_sha(&self) -> Option<String> {
        let text = self
            .text("/client_payload/git/sha", 100)
            .or_else(|| self.text("/client_payload/sha", 100))?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The branch in the payload of a `repository_dispatch`.
    fn dispatched_ref(&self) -> Option<String> {
        let text = self
            .text("/client_payload/git/ref", MAX_BRANCH)
            .or_else(|| self.text("/client_payload/ref", MAX_BRANCH))?;
        let text = text.trim();
        let name = text.strip_prefix("refs/heads/").unwrap_or(text);
        Some(name.to_owned()).filter(|name| !name.is_empty())
    }

    /// The message of the head commit, if the payload contains it. It is not cut, since that could leave a part of a secret.
    pub(in crate::context) fn commit_message(&self) -> Option<String> {
        let at = match self.name.as_str() {
            "workflow_run" => "/workflow_run/head_commit/message",
            "merge_group" => "/merge_group/head_commit/message",
            "push" => "/head_commit/message",
            _ => return None,
        };
        // The head commit of a workflow run may differ from the head of its pull request.
        if self.is("workflow_run") && self.sha("/workflow_run/head_sha") != self.workflow_run_sha() {
            return None;
        }
        self.text(at, usize::MAX).filter(|message| !message.trim().is_empty())
    }

    pub(in crate::context) fn default_branch(&self) -> Option<String> {
        self.text("/repository/default_branch", MAX_BRANCH)
            // Schedules run on the default branch only.
            .or_else(|| self.is("schedule").then(|| self.ref_branch()).flatten())
            .filter(|branch| !branch.trim().is_empty())
    }

    /// Whether the head is in another repository than the workflow.
    pub(in crate::context) fn is_from_fork(&self) -> bool {
        let (object, head) = match self.name.as_str() {
            _ if self.is_pull_request() => ("/pull_request/head", "/pull_request/head/repo/full_name"),
            "workflow_run" => ("/workflow_run", "/workflow_run/head_repository/full_name"),
            _ => return false,
        };
        let known = self.payload.is_some_and(|payload| payload.pointer(object).is_some());
        // If the fork was deleted in the meantime, the payload has no repository.
        known
            && self
                .text(head, 300)
                .is_none_or(|name| !name.eq_ignore_ascii_case(&self.repository.to_string()))
    }

    /// The head commit of a workflow run. Runs of `pull_request_target` have the commit of the base instead, so that the head of the
    /// pull request from the same branch is used.
    fn workflow_run_sha(&self) -> Option<String> {
        let own = self.sha("/workflow_run/head_sha");
        let target = self.text("/workflow_run/event", 100).as_deref() == Some("pull_request_target");
        let of_branch = || {
            self.workflow_run_pull_requests()
                .find(|pull| pull.is_of_branch(self))
                .and_then(|pull| pull.sha)
        };
        let listed = self
            .workflow_run_pull_requests()
            .any(|pull| pull.sha.is_some() && pull.sha == own);
        if target && !listed { of_branch().or(own) } else { own }
    }

    fn workflow_run_pull_request(&self) -> PullRequestHint {
        let sha = self.workflow_run_sha();
        let by_sha = self
            .workflow_run_pull_requests()
            .find(|pull| pull.sha.is_some() && pull.sha == sha);
        let found = by_sha.or_else(|| self.workflow_run_pull_requests().find(|pull| pull.is_of_branch(self)));
        if let Some(found) = found {
            return PullRequestHint::Number(found.number);
        }
        let owner = self.text("/workflow_run/head_repository/owner/login", 100).or_else(|| {
            let full = self.text("/workflow_run/head_repository/full_name", 300)?;
            full.split_once('/').map(|(owner, _)| owner.to_owned())
        });
        match (owner, self.branch(), sha) {
            // There is no pull request from the default branch into itself.
            (Some(_), branch, Some(_)) if !self.is_from_fork() && branch == self.default_branch() => {
                PullRequestHint::None
            }
            (Some(owner), Some(branch), Some(sha)) => PullRequestHint::ByHead { owner, branch, sha },
            (_, _, _) => PullRequestHint::None,
        }
    }

    /// The pull requests into this repository; those from forks are not listed. GitHub lists every pull request of the branch, including
    /// those that pull it into a fork, which have the fork's own numbers.
    fn workflow_run_pull_requests(&self) -> impl Iterator<Item = ListedPullRequest> {
        let list = self
            .payload
            .and_then(|payload| payload.pointer("/workflow_run/pull_requests"))
            .and_then(Value::as_array);
        let ours = list.into_iter().flatten().take(100);
        ours.filter(|entry| self.is_into_ours(entry)).filter_map(|entry| {
            Some(ListedPullRequest {
                number: entry
                    .get("number")
                    .and_then(Value::as_u64)
                    .filter(|number| *number > 0)?,
                sha: entry.pointer("/head/sha").and_then(Value::as_str).and_then(sha),
                branch: entry
                    .pointer("/head/ref")
                    .and_then(Value::as_str)
                    .map(|name| bounded(name, MAX_BRANCH)),
            })
        })
    }

    /// Whether the base of a listed pull request is this repository, as far as the entry describes it.
    fn is_into_ours(&self, entry: &Value) -> bool {
        let Some(base) = entry.pointer("/base/repo") else {
            return true;
        };
        let id = self
            .number("/repository/id")
            .or_else(|| self.variables.number("GITHUB_REPOSITORY_ID"));
        let same_id = |theirs: u64| id.is_none_or(|id| theirs == id);
        let Repository { owner, name } = self.repository;
        // `https://api.github.com/repos/acme/shop`
        let same_url = |url: &str| {
            let mut parts = url.rsplit('/');
            let mut is = |part: &str| parts.next().is_some_and(|theirs| theirs.eq_ignore_ascii_case(part));
            is(name) && is(owner)
        };
        base.get("id").and_then(Value::as_u64).is_none_or(same_id)
            && base.get("url").and_then(Value::as_str).is_none_or(same_url)
            && base
                .get("name")
                .and_then(Value::as_str)
                .is_none_or(|theirs| theirs.eq_ignore_ascii_case(name))
    }

    fn commented_pull_request(&self) -> Option<u64> {
        self.payload?
            .pointer("/issue/pull_request")
            .filter(|value| value.is_object())?;
        self.number("/issue/number")
    }

    /// The number in `refs/pull/<N>/merge`.
    fn merge_ref(&self) -> Option<u64> {
        let reference = self.variables.text("GITHUB_REF", 100)?;
        reference.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()
    }

    fn ref_branch(&self) -> Option<String> {
        let reference = self.variables.text("GITHUB_REF", MAX_BRANCH + 11)?;
        reference.strip_prefix("refs/heads/").map(str::to_owned)
    }

    fn github_sha(&self) -> Option<String> {
        self.variables.text("GITHUB_SHA", 100).as_deref().and_then(sha)
    }

    fn text(&self, pointer: &str, most: usize) -> Option<String> {
        let text = self.payload?.pointer(pointer)?.as_str()?;
        Some(bounded(text, most))
    }

    fn sha(&self, pointer: &str) -> Option<String> {
        self.text(pointer, 100).as_deref().and_then(sha)
    }

    fn number(&self, pointer: &str) -> Option<u64> {
        self.payload?.pointer(pointer)?.as_u64().filter(|number| *number > 0)
    }
}

/// A pull request in the list of a workflow run.
struct ListedPullRequest {
    number: u64,
    sha: Option<String>,
    branch: Option<String>,
}

impl ListedPullRequest {
    fn is_of_branch(&self, event: &Event<'_>) -> bool {
        !event.is_from_fork() && self.branch.is_some() && self.branch == event.branch()
    }
}

/// A commit SHA; `None` for all zeros, which mean a deleted branch.
pub(in crate::context) fn sha(text: &str) -> Option<String> {
    let fine = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte != b'0');
    fine.then(|| text.to_owned())
}

fn is_full_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The number in `refs/heads/gh-readonly-queue/<base>/pr-<N>-<sha>`; a base may contain slashes.
fn queued_pull_request(reference: &str) -> Option<u64> {
    let queue = reference
        .trim_start_matches("refs/heads/")
        .strip_prefix("gh-readonly-queue/")?;
    let (number, _) = queue.rsplit('/').next()?.strip_prefix("pr-")?.split_once('-')?;
    number.parse().ok().filter(|number| *number > 0)
}
