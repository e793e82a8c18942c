//! The events that trigger workflows: the payload and variables that GitHub's runner provides, reduced to the fields that are read.
//!
//! Shapes from <https://docs.github.com/webhooks/webhook-events-and-payloads>, variables from
//! <https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows>.
//!
//! ```
//! use qatech_fakes::events::{HEAD_SHA, Scene};
//!
//! let event = Scene::new().from_fork("mallory").workflow_run();
//! assert_eq!(event.payload["workflow_run"]["head_sha"], HEAD_SHA);
//! // let done = event.trigger(github.connect(Run::new(program).github())).output();
//! ```

use serde_json::{Value, json};

use crate::github::REPOSITORY;
use crate::harness::Run;
use crate::job::SHA;

/// The pull request's head commit, which is also what is pushed and deployed.
pub const HEAD_SHA: &str = "a11ce0a11ce0a11ce0a11ce0a11ce0a11ce0a11c";
/// The commit that merges the pull request's head into its base.
pub const MERGE_SHA: &str = "3e43e03e43e03e43e03e43e03e43e03e43e03e43";
/// The head of a merge group.
pub const GROUP_SHA: &str = "960009600096000960009600096000960009600a";
/// The tip of the default branch.
pub const DEFAULT_SHA: &str = SHA;

/// The HTML tags that the program writes into Markdown.
pub const MARKDOWN_TAGS: [&str; 15] = [
    "details",
    "details open",
    "/details",
    "summary",
    "/summary",
    "b",
    "/b",
    "i",
    "/i",
    "sub",
    "/sub",
    "br",
    "br/",
    "code",
    "/code",
];

/// Text that tries to break out of every format it may be written to. One of its lines is longer than a log line may be.
pub const HOSTILE_TEXT: &str = "fix </details></script><img src=x onerror=alert(1)> `````` | @octocat #1 $(id) %0A\r\n\
    ::error::forged\n  ::set-output name=verdict::passed\n##[error]forged\n::add-mask::a\nQA_OUT\nverdict=passed\n\
    <!-- qatech-run --> ]]> \u{202e}desrever\u{2066}\u{200b}\u{1b}[31m\u{7}";

/// A branch name that git accepts.
pub const HOSTILE_BRANCH: &str = "x/$(id)`id`\"';<!--m-->|</details>@octocat#1%0A&<b>\u{202e}";

/// Not a login that GitHub would assign, but it is untrusted input.
pub const HOSTILE_LOGIN: &str = "mallory[bot]</b>\n::set-output name=verdict::passed\n@octocat#1";

/// What triggered a workflow.
#[derive(Clone, Debug)]
pub struct Event {
    /// `GITHUB_EVENT_NAME`
    pub name: &'static str,
    /// The content of the file of `GITHUB_EVENT_PATH`.
    pub payload: Value,
    /// The other `GITHUB_*` variables that depend on the event.
    pub env: Vec<(&'static str, String)>,
}

impl Event {
    /// Applies the event to a run of the program; call it after [`Run::github`].
    #[must_use]
    pub fn trigger(&self, run: Run) -> Run {
        let run = run.event(self.name, &self.payload);
        self.env.iter().fold(run, |run, (key, value)| run.env(key, value))
    }
}

/// A state of the repository; each method returns another event about it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// `owner/name`
    pub repository: String,
    /// The number of the pull request or the issue.
    pub number: u64,
    /// The head commit of the pull request, push or deployment.
    pub head_sha: String,
    /// The branch of that commit.
    pub head_ref: String,
    /// The owner of that branch's repository.
    pub head_owner: String,
    /// The base branch of the pull request.
    pub base_ref: String,
    /// The default branch.
    pub default_branch: String,
    /// The actor.
    pub actor: String,
    /// The head commit's message.
    pub message: String,
    /// The title of the pull request or issue.
    pub title: String,
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// `mona` pushed to `feature` of [`REPOSITORY`], which is pull request 7.
    pub fn new() -> Self {
        let owner = REPOSITORY.split('/').next().unwrap_or_default();
        Self {
            repository: REPOSITORY.to_owned(),
            number: 7,
            head_sha: HEAD_SHA.to_owned(),
            head_ref: "feature".to_owned(),
            head_owner: owner.to_owned(),
            base_ref: "main".to_owned(),
            default_branch: "main".to_owned(),
            actor: "mona".to_owned(),
            message: "Add a shopping cart\n\nIt holds things.".to_owned(),
            title: "A shopping cart".to_owned(),
        }
    }

    /// The branch is in the fork of another user.
    #[must_use]
    pub fn from_fork(mut self, owner: &str) -> Self {
        owner.clone_into(&mut self.head_owner);
        self
    }

    /// On another branch; for pushes, deployments and dispatches also the default one.
    #[must_use]
    pub fn on_branch(mut self, branch: &str) -> Self {
        branch.clone_into(&mut self.head_ref);
        self
    }

    /// Everything that an outsider can choose is hostile.
    #[must_use]
    pub fn hostile(mut self) -> Self {
        HOSTILE_BRANCH.clone_into(&mut self.head_ref);
        HOSTILE_LOGIN.clone_into(&mut self.actor);
        HOSTILE_TEXT.clone_into(&mut self.message);
        HOSTILE_TEXT.clone_into(&mut self.title);
        self
    }

    /// `pull_request` (synchronize)
    pub fn pull_request(&self) -> Event {
        let reference = format!("refs/pull/{}/merge", self.number);
        let env = self.env(&reference, MERGE_SHA);
        self.event("pull_request", self.pull_request_payload(), self.with_refs(env))
    }

    /// `pull_request_target` (synchronize): runs on the base, with its secrets.
    pub fn pull_request_target(&self) -> Event {
        let env = self.env(&format!("refs/heads/{}", self.base_ref), DEFAULT_SHA);
        self.event("pull_request_target", self.pull_request_payload(), self.with_refs(env))
    }

    /// `workflow_run` (completed) after a workflow of the pull request. GitHub names no pull request of a fork.
    pub fn workflow_run(&self) -> Event {
        let own = self.head_owner == self.owner();
        let pulls = if own { vec![self.minimal_pull()] } else { Vec::new() };
        let payload = json!({
            "action": "completed",
            "workflow": {"id": 11, "name": "CI", "path": ".github/workflows/ci.yml"},
            "workflow_run": {
                "id": 8_000_000_001_u64, "name": "CI", "event": "pull_request", "status": "completed",
                "conclusion": "success", "head_branch": self.head_ref, "head_sha": self.head_sha,
                "display_title": self.title, "path": ".github/workflows/ci.yml", "run_number": 41, "run_attempt": 1,
                "pull_requests": pulls, "head_commit": self.commit(&self.head_sha), "actor": user(&self.actor),
                "triggering_actor": user(&self.actor), "repository": self.repository(self.owner()),
                "head_repository": self.repository(&self.head_owner),
            },
        });
        self.event("workflow_run", payload, self.on_default_branch())
    }

    /// `merge_group` (checks_requested)
    pub fn merge_group(&self) -> Event {
        let queue = format!(
            "refs/heads/gh-readonly-queue/{}/pr-{}-{DEFAULT_SHA}",
            self.base_ref, self.number
        );
        let payload = json!({
            "action": "checks_requested",
            "merge_group": {
                "head_sha": GROUP_SHA, "head_ref": queue, "base_sha": DEFAULT_SHA,
                "base_ref": format!("refs/heads/{}", self.base_ref), "head_commit": self.commit(GROUP_SHA),
            },
        });
        let env = self.env(&queue, GROUP_SHA);
        self.event("merge_group", payload, env)
    }

    /// `push` of the head commit to its branch.
    pub fn push(&self) -> Event {
        let reference = format!("refs/heads/{}", self.head_ref);
        let commit = self.commit(&self.head_sha);
        let payload = json!({
            "ref": reference, "before": DEFAULT_SHA, "after": self.head_sha, "created": false, "deleted": false,
            "forced": false, "base_ref": null, "commits": [commit], "head_commit": commit,
            "pusher": {"name": self.actor, "email": "mona@users.noreply.example"},
        });
        let env = self.env(&reference, &self.head_sha);
        self.event("push", payload, env)
    }

    /// `deployment_status` (created): the head commit was deployed for a preview.
    pub fn deployment_status(&self) -> Event {
        let payload = json!({
            "action": "created",
            "deployment_status": {
                "id": 12, "state": "success", "environment": "preview", "description": self.title,
                "environment_url": format!("https://pr-{}.example", self.number), "creator": user(&self.actor),
            },
            "deployment": {
                "id": 13, "sha": self.head_sha, "ref": self.head_ref, "task": "deploy", "environment": "preview",
                "creator": user(&self.actor),
            },
        });
        let env = self.env(&format!("refs/heads/{}", self.head_ref), &self.head_sha);
        self.event("deployment_status", payload, env)
    }

    /// `repository_dispatch` as Vercel sends it: a preview of the head commit is ready. It runs on the default branch.
    /// Shape from <https://github.com/vercel/repository-dispatch>.
    pub fn vercel_dispatch(&self) -> Event {
        let payload = json!({
            "action": "vercel.deployment.ready", "branch": self.default_branch,
            "client_payload": {
                "environment": "preview", "id": "dpl_1", "project": {"id": "prj_1", "name": "shop"},
                "git": {"ref": self.head_ref, "sha": self.head_sha, "shortSha": self.head_sha.get(..7)},
                "state": {"type": "ready"}, "url": format!("https://shop-pr-{}.vercel.example", self.number),
            },
        });
        self.event("repository_dispatch", payload, self.on_default_branch())
    }

    /// `issue_comment` (created) on the pull request.
    pub fn comment_on_pull_request(&self) -> Event {
        let mut event = self.comment_on_issue();
        let (api, page) = (self.api(), self.page());
        event.payload["issue"]["pull_request"] = json!({
            "url": format!("{api}/pulls/{}", self.number), "html_url": format!("{page}/pull/{}", self.number),
        });
        event
    }

    /// `issue_comment` (created) on an issue of the same number.
    pub fn comment_on_issue(&self) -> Event {
        let payload = json!({
            "action": "created",
            "issue": {
                "id": 14, "number": self.number, "title": self.title, "state": "open", "user": user(&self.actor),
                "body": self.message, "labels": [], "url": format!("{}/issues/{}", self.api(), self.number),
            },
            "comment": {"id": 15, "body": format!("/qatech {}", self.message), "user": user(&self.actor)},
        });
        self.event("issue_comment", payload, self.on_default_branch())
    }

    /// `workflow_dispatch` on the head branch.
    pub fn workflow_dispatch(&self) -> Event {
        let reference = format!("refs/heads/{}", self.head_ref);
        let payload = json!({
            "inputs": {"reason": self.message}, "ref": reference, "workflow": ".github/workflows/ci.yml",
        });
        let env = self.env(&reference, &self.head_sha);
        self.event("workflow_dispatch", payload, env)
    }

    /// `schedule`: always the default branch.
    pub fn schedule(&self) -> Event {
        let payload = json!({"schedule": "30 5 * * 1,3", "workflow": ".github/workflows/ci.yml"});
        self.event("schedule", payload, self.on_default_branch())
    }

    /// One event of each kind, for tests that cover all of them.
    pub fn all(&self) -> Vec<Event> {
        vec![
            self.pull_request(),
            self.pull_request_target(),
            self.workflow_run(),
            self.merge_group(),
            self.push(),
            self.deployment_status(),
            self.vercel_dispatch(),
            self.comment_on_pull_request(),
            self.comment_on_issue(),
            self.workflow_dispatch(),
            self.schedule(),
        ]
    }

    fn event(&self, name: &'static str, mut payload: Value, env: Vec<(&'static str, String)>) -> Event {
        payload["repository"] = self.repository(self.owner());
        payload["sender"] = user(&self.actor);
        Event { name, payload, env }
    }

    /// The variables that every event sets.
    fn env(&self, reference: &str, sha: &str) -> Vec<(&'static str, String)> {
        let name = reference
            .trim_start_matches("refs/heads/")
            .trim_start_matches("refs/pull/");
        let (repository, owner) = (self.repository.clone(), self.owner().to_owned());
        let workflow = format!("{repository}/.github/workflows/ci.yml@{reference}");
        vec![
            ("GITHUB_REPOSITORY", repository),
            ("GITHUB_REPOSITORY_OWNER", owner),
            ("GITHUB_REF", reference.to_owned()),
            ("GITHUB_REF_NAME", name.to_owned()),
            ("GITHUB_REF_TYPE", "branch".to_owned()),
            ("GITHUB_SHA", sha.to_owned()),
            ("GITHUB_WORKFLOW_REF", workflow),
            ("GITHUB_WORKFLOW_SHA", sha.to_owned()),
            ("GITHUB_ACTOR", self.actor.clone()),
            ("GITHUB_TRIGGERING_ACTOR", self.actor.clone()),
        ]
    }

    fn on_default_branch(&self) -> Vec<(&'static str, String)> {
        self.env(&format!("refs/heads/{}", self.default_branch), DEFAULT_SHA)
    }

    /// Adds the variables that only the two pull request events set.
    fn with_refs(&self, mut env: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
        env.push(("GITHUB_HEAD_REF", self.head_ref.clone()));
        env.push(("GITHUB_BASE_REF", self.base_ref.clone()));
        env
    }

    fn pull_request_payload(&self) -> Value {
        let side = |owner: &str, branch: &str, sha: &str| {
            json!({
                "label": format!("{owner}:{branch}"), "ref": branch, "sha": sha, "user": user(owner),
                "repo": self.repository(owner),
            })
        };
        json!({
            "action": "synchronize", "number": self.number, "before": DEFAULT_SHA, "after": self.head_sha,
            "pull_request": {
                "id": 16, "number": self.number, "state": "open", "title": self.title, "body": self.message,
                "draft": false, "merged": false, "merge_commit_sha": MERGE_SHA, "user": user(&self.actor),
                "url": format!("{}/pulls/{}", self.api(), self.number),
                "html_url": format!("{}/pull/{}", self.page(), self.number),
                "head": side(&self.head_owner, &self.head_ref, &self.head_sha),
                "base": side(self.owner(), &self.base_ref, DEFAULT_SHA),
            },
        })
    }

    /// The pull request as listed in a workflow run.
    fn minimal_pull(&self) -> Value {
        let name = self.repository.split('/').next_back().unwrap_or_default();
        let place = json!({"id": 4711, "url": self.api(), "name": name});
        json!({
            "id": 16, "number": self.number, "url": format!("{}/pulls/{}", self.api(), self.number),
            "head": {"ref": self.head_ref, "sha": self.head_sha, "repo": place},
            "base": {"ref": self.base_ref, "sha": DEFAULT_SHA, "repo": place},
        })
    }

    fn commit(&self, sha: &str) -> Value {
        let person = json!({"name": self.actor, "email": "mona@users.noreply.example", "username": self.actor});
        json!({
            "id": sha, "tree_id": MERGE_SHA, "message": self.message, "timestamp": "2026-01-01T12:00:00Z",
            "author": person, "committer": person, "url": format!("{}/commit/{sha}", self.page()),
        })
    }

    fn repository(&self, owner: &str) -> Value {
        let name = self.repository.split('/').next_back().unwrap_or_default();
        let fork = owner != self.owner();
        json!({
            "id": if fork { 4712 } else { 4711 }, "name": name, "full_name": format!("{owner}/{name}"),
            "private": true, "fork": fork, "owner": user(owner), "default_branch": self.default_branch,
            "html_url": format!("https://github.com/{owner}/{name}"),
            "url": format!("https://api.github.com/repos/{owner}/{name}"),
        })
    }

    fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    fn api(&self) -> String {
        format!("https://api.github.com/repos/{}", self.repository)
    }

    fn page(&self) -> String {
        format!("https://github.com/{}", self.repository)
    }
}

fn user(login: &str) -> Value {
    json!({"login": login, "id": 1, "type": if login.contains("[bot]") { "Bot" } else { "User" }})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
        event
            .env
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn github_sha_is_rarely_the_head() {
        let scene = Scene::new();
        let shas: Vec<_> = scene
            .all()
            .iter()
            .map(|e| (e.name, variable(e, "GITHUB_SHA").unwrap().to_owned()))
            .collect();
        let wanted = [
            ("pull_request", MERGE_SHA),
            ("pull_request_target", DEFAULT_SHA),
            ("workflow_run", DEFAULT_SHA),
            ("merge_group", GROUP_SHA),
            ("push", HEAD_SHA),
            ("deployment_status", HEAD_SHA),
            ("repository_dispatch", DEFAULT_SHA),
            ("issue_comment", DEFAULT_SHA),
            ("issue_comment", DEFAULT_SHA),
            ("workflow_dispatch", HEAD_SHA),
            ("schedule", DEFAULT_SHA),
        ];
        assert_eq!(shas, wanted.map(|(name, sha)| (name, sha.to_owned())));
        assert_eq!(variable(&scene.pull_request(), "GITHUB_REF"), Some("refs/pull/7/merge"));
        assert_eq!(variable(&scene.pull_request(), "GITHUB_REF_NAME"), Some("7/merge"));
        assert_eq!(variable(&scene.push(), "GITHUB_HEAD_REF"), None);
        for event in scene.all() {
            assert_eq!(event.payload["repository"]["full_name"], REPOSITORY, "{}", event.name);
        }
    }

    #[test]
    fn pull_requests_are_where_github_puts_them() {
        let scene = Scene::new();
        assert_eq!(
            scene.workflow_run().payload["workflow_run"]["pull_requests"][0]["number"],
            7
        );
        let run = scene.clone().from_fork("mallory").workflow_run().payload;
        assert_eq!(run["workflow_run"]["pull_requests"], json!([]));
        assert_eq!(run["workflow_run"]["head_repository"]["owner"]["login"], "mallory");
        let queue = scene.merge_group().payload["merge_group"]["head_ref"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(queue.starts_with("refs/heads/gh-readonly-queue/main/pr-7-"), "{queue}");
        assert!(scene.comment_on_issue().payload["issue"].get("pull_request").is_none());
        assert!(scene.comment_on_pull_request().payload["issue"]["pull_request"]["url"].is_string());
        let pull = scene.from_fork("mallory").pull_request().payload;
        assert_eq!(pull["pull_request"]["head"]["repo"]["full_name"], "mallory/shop");
    }

    #[test]
    fn hostile_scenes_are_hostile_everywhere_a_stranger_writes() {
        let scene = Scene::new().hostile();
        assert_eq!(scene.push().payload["head_commit"]["message"], HOSTILE_TEXT);
        assert_eq!(variable(&scene.push(), "GITHUB_REF_NAME"), Some(HOSTILE_BRANCH));
        for event in scene.all() {
            assert_eq!(variable(&event, "GITHUB_ACTOR"), Some(HOSTILE_LOGIN), "{}", event.name);
            assert_eq!(event.payload["sender"]["login"], HOSTILE_LOGIN, "{}", event.name);
        }
        // Characters that git refuses in a branch name.
        assert!(!HOSTILE_BRANCH.contains([' ', '~', '^', ':', '?', '*', '[', '\\', '\n']));
        assert!(!HOSTILE_BRANCH.contains("..") && !HOSTILE_BRANCH.contains("@{"));
    }

    #[cfg(unix)]
    #[test]
    fn an_event_is_handed_to_the_program() {
        let event = Scene::new().on_branch("topic").push();
        let done = event
            .trigger(
                Run::new("/bin/sh")
                    .arg("-c")
                    .arg("cat \"$GITHUB_EVENT_PATH\"; echo; env")
                    .github(),
            )
            .output();
        assert!(done.stdout.contains("GITHUB_REF=refs/heads/topic\n"), "{}", done.stdout);
        assert!(done.stdout.starts_with(&event.payload.to_string()), "{}", done.stdout);
    }
}
