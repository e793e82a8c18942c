//! The fake's objects and errors as GitHub's JSON.

use serde_json::{Value, json};

use super::model::{ACTIONS_APP, CheckRun, Comment, Issue, Pull};
use super::world::{Repository, World};
use crate::http::Reply;

pub(super) const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// An error in GitHub's words.
pub(super) fn error(status: u16, message: &str) -> Reply {
    let body = json!({"message": message, "documentation_url": DOCUMENTATION, "status": status.to_string()});
    Reply::json(status, &body)
}

/// 422 for one field.
pub(super) fn invalid_field(resource: &str, field: &str, message: &str) -> Reply {
    let error = json!({"resource": resource, "code": "unprocessable", "field": field, "message": message});
    let body =
        json!({"message": "Validation Failed", "errors": [error], "documentation_url": DOCUMENTATION, "status": "422"});
    Reply::json(422, &body)
}

/// 422 for a comment over `limit` characters.
pub(super) fn comment_too_long(limit: usize) -> Reply {
    invalid_field(
        "IssueComment",
        "data",
        &format!("Body is too long (maximum is {limit} characters)"),
    )
}

impl World {
    pub(super) fn user(&self, login: &str) -> Value {
        let bot = login.ends_with("[bot]");
        let id: u64 = login
            .bytes()
            .fold(5_381, |id, byte| (id * 33 + u64::from(byte)) % 100_000_000);
        let escaped = login.replace('[', "%5B").replace(']', "%5D");
        let url = format!("{}/users/{escaped}", self.root);
        let html = match login.strip_suffix("[bot]") {
            Some(app) => format!("{}/apps/{app}", self.server),
            None => format!("{}/{login}", self.server),
        };
        json!({
            "login": login, "id": id, "node_id": format!("U_{id}"), "gravatar_id": "",
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
            "url": url, "html_url": html, "followers_url": format!("{url}/followers"),
            "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"), "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"), "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"), "type": if bot { "Bot" } else { "User" },
            "user_view_type": "public", "site_admin": false,
        })
    }

    fn app(&self, slug: &str) -> Value {
        // The app id of GitHub Actions on github.com.
        let id = if slug == ACTIONS_APP {
            15_368
        } else {
            100_000 + slug.len()
        };
        let name = if slug == ACTIONS_APP { "GitHub Actions" } else { slug };
        json!({
            "id": id, "slug": slug, "client_id": format!("Iv1.{id}"), "node_id": format!("A_{id}"),
            "owner": self.user("github"), "name": name, "description": "", "external_url": "https://help.github.com",
            "html_url": format!("{}/apps/{slug}", self.server), "created_at": "2018-07-30T09:30:17Z",
            "updated_at": "2024-04-10T20:33:16Z", "permissions": {"checks": "write"}, "events": [],
        })
    }

    /// The repository object; only the owner's name varies.
    fn repository(&self, repository: &Repository, owner: &str) -> Value {
        let name = repository.short_name();
        let fork = owner != repository.owner();
        let id = if fork { repository.id + 1_000_000 } else { repository.id };
        json!({
            "id": id, "node_id": format!("R_{id}"), "name": name, "full_name": format!("{owner}/{name}"),
            "private": repository.private, "owner": self.user(owner), "description": null, "fork": fork,
            "html_url": format!("{}/{owner}/{name}", self.server), "url": format!("{}/repos/{owner}/{name}", self.root),
            "default_branch": "main",
        })
    }

    pub(super) fn check_run(&self, repository: &Repository, run: &CheckRun) -> Value {
        let url = format!("{}/check-runs/{}", self.api(repository), run.id);
        let html = format!("{}/runs/{}", self.html(repository), run.id);
        let pulls: Vec<Value> = repository
            .pulls()
            .filter_map(|issue| self.minimal_pull(repository, issue, run))
            .collect();
        json!({
            "id": run.id, "name": run.name, "node_id": format!("CR_{}", run.id), "head_sha": run.head_sha,
            "external_id": run.external_id.as_deref().unwrap_or(""), "url": url, "html_url": html,
            // GitHub sets its own page here, whatever was sent.
            "details_url": html, "status": run.status, "conclusion": run.conclusion,
            "started_at": run.started_at, "completed_at": run.completed_at,
            "output": {
                "title": run.title, "summary": run.summary, "text": run.text,
                "annotations_count": run.annotations.len(), "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": {"id": 9_000}, "app": self.app(&run.app), "pull_requests": pulls,
        })
    }

    /// A pull request as a check run of its head commit lists it; not for forks, as on GitHub.
    fn minimal_pull(&self, repository: &Repository, issue: &Issue, run: &CheckRun) -> Option<Value> {
        let pull = issue.pull.as_ref().filter(|pull| pull.head_sha == run.head_sha)?;
        if pull.head_owner != repository.owner() || issue.state != "open" {
            return None;
        }
        let place = json!({"id": repository.id, "url": self.api(repository), "name": repository.short_name()});
        Some(json!({
            "url": format!("{}/pulls/{}", self.api(repository), issue.number), "id": repository.unique(issue.number),
            "number": issue.number, "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": place},
            "base": {"ref": pull.base_ref, "sha": BASE_SHA, "repo": place},
        }))
    }

    pub(super) fn comment(&self, repository: &Repository, comment: &Comment) -> Value {
        let kind = if repository.is_pull(comment.number) {
            "pull"
        } else {
            "issues"
        };
        let Comment {
            id,
            number,
            author,
            body,
            created_at,
            updated_at,
            updates: _,
        } = comment;
        json!({
            "id": id, "node_id": format!("IC_{id}"), "url": format!("{}/issues/comments/{id}", self.api(repository)),
            "html_url": format!("{}/{kind}/{number}#issuecomment-{id}", self.html(repository)),
            "issue_url": format!("{}/issues/{number}", self.api(repository)), "body": body, "user": self.user(author),
            "created_at": created_at, "updated_at": updated_at, "author_association": "CONTRIBUTOR",
            "performed_via_github_app": author.strip_suffix("[bot]").map(|slug| self.app(slug)),
        })
    }

    pub(super) fn issue(&self, repository: &Repository, issue: &Issue) -> Value {
        let Issue {
            number,
            title,
            body,
            author,
            labels,
            state,
            ..
        } = issue;
        let Issue {
            state_reason,
            created_at,
            updated_at,
            closed_at,
            pull,
            ..
        } = issue;
        let url = format!("{}/issues/{number}", self.api(repository));
        let kind = if pull.is_some() { "pull" } else { "issues" };
        let html = format!("{}/{kind}/{number}", self.html(repository));
        let comments = repository
            .comments
            .iter()
            .filter(|comment| comment.number == *number)
            .count();
        let mut object = json!({
            "id": repository.unique(*number), "node_id": format!("I_{number}"), "url": url,
            "repository_url": self.api(repository), "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"), "html_url": html,
            "timeline_url": format!("{url}/timeline"), "number": number, "state": state, "state_reason": state_reason,
            "title": title, "body": body, "user": self.user(author), "labels": self.labels(repository, labels),
            "assignee": null, "assignees": [], "milestone": null, "locked": false, "active_lock_reason": null,
            "comments": comments, "closed_at": closed_at, "closed_by": null, "created_at": created_at,
            "updated_at": updated_at, "author_association": "CONTRIBUTOR",
            "performed_via_github_app": author.strip_suffix("[bot]").map(|slug| self.app(slug)),
        });
        if pull.is_some() {
            object["draft"] = json!(false);
            object["pull_request"] = json!({
                "url": format!("{}/pulls/{number}", self.api(repository)), "html_url": html,
                "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "merged_at": null,
            });
        }
        object
    }

    fn labels(&self, repository: &Repository, names: &[String]) -> Vec<Value> {
        let label = |name: &String| {
            let id = 7_000 + name.len();
            let url = format!("{}/labels/{}", self.api(repository), name.replace(' ', "%20"));
            json!({
                "id": id, "node_id": format!("LA_{id}"), "url": url, "name": name, "description": null,
                "color": "ededed", "default": false,
            })
        };
        names.iter().map(label).collect()
    }

    /// A pull request as in lists; `whole` adds what only `GET pulls/{n}` has.
    pub(super) fn pull(&self, repository: &Repository, issue: &Issue, pull: &Pull, whole: bool) -> Value {
        let number = issue.number;
        let (api, html) = (self.api(repository), format!("{}/pull/{number}", self.html(repository)));
        let url = format!("{api}/pulls/{number}");
        let merged_at = if pull.merged {
            json!(issue.closed_at)
        } else {
            Value::Null
        };
        let side = |owner: &str, branch: &str, sha: &str| {
            json!({
                "label": format!("{owner}:{branch}"), "ref": branch, "sha": sha, "user": self.user(owner),
                "repo": self.repository(repository, owner),
            })
        };
        let link = |url: String| json!({"href": url});
        let links = json!({
            "self": link(url.clone()), "html": link(html.clone()), "issue": link(format!("{api}/issues/{number}")),
            "comments": link(format!("{api}/issues/{number}/comments")),
            "review_comments": link(format!("{url}/comments")),
            "review_comment": link(format!("{api}/pulls/comments{{/number}}")),
            "commits": link(format!("{url}/commits")),
            "statuses": link(format!("{api}/statuses/{}", pull.head_sha)),
        });
        let mut object = json!({
            "url": url, "id": repository.unique(number), "node_id": format!("PR_{number}"), "html_url": html,
            "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
            "issue_url": format!("{api}/issues/{number}"), "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
            "comments_url": format!("{api}/issues/{number}/comments"),
            "statuses_url": format!("{api}/statuses/{}", pull.head_sha), "number": number, "state": issue.state,
            "locked": false, "title": issue.title, "user": self.user(&issue.author), "body": issue.body,
            "labels": self.labels(repository, &issue.labels), "milestone": null, "active_lock_reason": null,
            "created_at": issue.created_at, "updated_at": issue.updated_at, "closed_at": issue.closed_at,
            "merged_at": merged_at, "merge_commit_sha": BASE_SHA, "assignee": null, "assignees": [],
            "requested_reviewers": [], "requested_teams": [],
            "head": side(&pull.head_owner, &pull.head_ref, &pull.head_sha),
            "base": side(repository.owner(), &pull.base_ref, BASE_SHA),
            "_links": links,
            "author_association": "CONTRIBUTOR", "auto_merge": null, "draft": false,
        });
        if whole {
            let comments = repository
                .comments
                .iter()
                .filter(|comment| comment.number == number)
                .count();
            for (name, value) in [
                ("merged", json!(pull.merged)),
                ("mergeable", json!(true)),
                ("rebaseable", json!(true)),
                ("mergeable_state", json!("clean")),
                ("merged_by", Value::Null),
                ("comments", json!(comments)),
                ("review_comments", json!(0)),
                ("maintainer_can_modify", json!(false)),
                ("commits", json!(1)),
                ("additions", json!(1)),
                ("deletions", json!(0)),
                ("changed_files", json!(1)),
            ] {
                object[name] = value;
            }
        }
        object
    }
}

/// The commit at the head of every base branch.
const BASE_SHA: &str = "b45eb45eb45eb45eb45eb45eb45eb45eb45eb45e";
