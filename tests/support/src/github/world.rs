//! The fake's state, and the steps of a request: record, check, fault, permission, call.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::calls::{self, Call, Repository as Named, Route};
use super::deployments::Deployment;
use super::fault::{Fault, On, epoch};
use super::model::{CheckRun, Comment, Issue, Recorded, Token};
use super::wire;
use crate::http::{Reply, Request};

/// The hourly limit of requests of a `GITHUB_TOKEN` in one repository.
const HOURLY_LIMIT: usize = 1_000;

pub(super) struct World {
    /// The API's root, without a trailing slash.
    pub root: String,
    /// The path of `root`.
    pub prefix: String,
    /// URL of its page.
    pub server: String,
    pub token: Token,
    pub repositories: Vec<Repository>,
    pub faults: Vec<(On, Fault)>,
    pub requests: Vec<Recorded>,
    pub violations: Vec<String>,
    /// Maximum length of a comment, in characters; tests lower it below GitHub's limit.
    pub comment_limit: usize,
    last_id: u64,
    seconds: u64,
}

pub(super) struct Repository {
    pub id: u64,
    /// `owner/name`
    pub name: String,
    pub private: bool,
    pub branches: BTreeMap<String, String>,
    pub check_runs: Vec<CheckRun>,
    pub comments: Vec<Comment>,
    pub issues: Vec<Issue>,
    pub deployments: Vec<Deployment>,
    /// Pull requests that contain a commit which is not their head.
    pub commit_pulls: Vec<(String, u64)>,
}

impl Repository {
    pub fn new(id: u64, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            private: true,
            branches: BTreeMap::new(),
            check_runs: Vec::new(),
            comments: Vec::new(),
            issues: Vec::new(),
            deployments: Vec::new(),
            commit_pulls: Vec::new(),
        }
    }

    pub fn owner(&self) -> &str {
        self.name.split_once('/').map_or(self.name.as_str(), |(owner, _)| owner)
    }

    pub fn short_name(&self) -> &str {
        self.name.split_once('/').map_or(self.name.as_str(), |(_, name)| name)
    }

    pub fn issue(&self, number: u64) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.number == number)
    }

    pub fn is_pull(&self, number: u64) -> bool {
        self.issue(number).is_some_and(|issue| issue.pull.is_some())
    }

    pub fn pulls(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter().filter(|issue| issue.pull.is_some())
    }

    pub fn next_number(&self) -> u64 {
        self.issues.iter().map(|issue| issue.number).max().unwrap_or(0) + 1
    }

    /// An id that is unique across repositories.
    pub fn unique(&self, number: u64) -> u64 {
        self.id * 100_000 + number
    }
}

/// A request on its way to a handler.
pub(super) struct Context {
    pub call: Call,
    /// Index of the repository.
    pub at: usize,
    /// The variable segments of the path.
    pub parameters: Vec<String>,
    /// The path after the repository, as received.
    pub tail: String,
    pub query: Vec<(String, String)>,
    pub body: Value,
}

impl Context {
    /// The first variable segment, if it is a number.
    pub fn number(&self) -> u64 {
        self.parameter().parse().unwrap_or(0)
    }

    /// The first variable segment.
    pub fn parameter(&self) -> &str {
        self.parameters.first().map_or("", String::as_str)
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A string property of the body.
    pub fn text(&self, name: &str) -> Option<String> {
        self.body[name].as_str().map(str::to_owned)
    }
}

impl World {
    pub fn new(root: String, prefix: &str, server: &str) -> Self {
        Self {
            root,
            prefix: prefix.to_owned(),
            server: server.to_owned(),
            token: Token::actions("ghs_FakeTokenOfTheWorkflow0123456789abcd"),
            repositories: Vec::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            violations: Vec::new(),
            comment_limit: 65_536,
            last_id: 1_000,
            seconds: 0,
        }
    }

    /// The API URL of a repository.
    pub fn api(&self, repository: &Repository) -> String {
        format!("{}/repos/{}", self.root, repository.name)
    }

    /// The page URL of a repository.
    pub fn html(&self, repository: &Repository) -> String {
        format!("{}/{}", self.server, repository.name)
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A time in ISO 8601, one second later at each call.
    pub fn now(&mut self) -> String {
        self.seconds += 1;
        let (days, rest) = (self.seconds / 86_400, self.seconds % 86_400);
        format!(
            "2026-01-{:02}T{:02}:{:02}:{:02}Z",
            1 + days,
            rest / 3_600,
            rest / 60 % 60,
            rest % 60
        )
    }

    /// Answers a request and records it.
    pub fn handle(&mut self, request: &Request) -> Reply {
        let local = self.local(&request.path);
        let route = local.and_then(|path| calls::route(&request.method, path));
        let body = serde_json::from_slice(&request.body).ok();
        let mut recorded = Recorded {
            call: route.as_ref().map(|route| route.call),
            method: request.method.clone(),
            path: local.unwrap_or(&request.path).to_owned(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body,
            status: None,
            at: request.at,
        };
        let sound = self.check(request, &recorded);
        let met = self
            .faults
            .iter_mut()
            .map(|(on, _)| on.meets(&recorded))
            .collect::<Vec<_>>();
        let fault = met.iter().position(|met| *met).map(|index| {
            let (on, fault) = &mut self.faults[index];
            on.play();
            fault.clone()
        });
        let reply = match &fault {
            Some(fault) if !fault.lets_through() => fault.spoil(None),
            _ => {
                let reply = match sound {
                    Ok(()) => self.answer(route, &recorded),
                    Err(reply) => *reply,
                };
                recorded.status = Some(reply.status);
                fault
                    .as_ref()
                    .map_or_else(|| reply.clone(), |fault| fault.spoil(Some(reply.clone())))
            }
        };
        if let Some(seen) = fault.as_ref().and_then(Fault::status_seen) {
            recorded.status = seen;
        }
        self.requests.push(recorded);
        self.with_limits(reply)
    }

    /// A path below the API's root. GraphQL is beside the REST API: `/api/graphql` on GitHub Enterprise Server.
    fn local<'a>(&self, path: &'a str) -> Option<&'a str> {
        let above = self.prefix.strip_suffix("/v3").unwrap_or(&self.prefix);
        let behind = |prefix: &str| path.strip_prefix(prefix).filter(|path| path.starts_with('/'));
        match behind(above) {
            Some("/graphql") => Some("/graphql"),
            _ => behind(&self.prefix).filter(|path| *path != "/graphql"),
        }
    }

    /// The header fields for the remaining requests of the hour, unless the answer has its own.
    fn with_limits(&self, reply: Reply) -> Reply {
        if reply
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("x-ratelimit-remaining"))
        {
            return reply;
        }
        let used = self.requests.len();
        reply
            .header("X-RateLimit-Limit", HOURLY_LIMIT)
            .header("X-RateLimit-Remaining", HOURLY_LIMIT.saturating_sub(used).max(1))
            .header("X-RateLimit-Used", used)
            .header("X-RateLimit-Reset", epoch() + 3_600)
            .header("X-RateLimit-Resource", "core")
    }

    /// Checks the rules for every request; the error is GitHub's answer.
    fn check(&mut self, request: &Request, recorded: &Recorded) -> Result<(), Box<Reply>> {
        let header = |name: &str| request.headers.get(name).unwrap_or_default();
        let mut problems = Vec::new();
        let authorization = header("authorization");
        if authorization
            .strip_prefix("Bearer ")
            .is_none_or(|token| token.trim().is_empty())
        {
            // Only its scheme: the rest may be a secret.
            let scheme = authorization.split(' ').next().unwrap_or_default();
            problems.push(format!("`Authorization` must be `Bearer TOKEN`, not {scheme:?}"));
        }
        if header("user-agent").trim().is_empty() {
            problems.push("`User-Agent` is missing: GitHub refuses such requests".to_owned());
        }
        let accept = header("accept");
        if !accept.contains("application/vnd.github") && !accept.contains("application/json") {
            problems.push(format!(
                "`Accept` should be `application/vnd.github+json`, not {accept:?}"
            ));
        }
        if !request.body.is_empty() && recorded.body.is_none() {
            problems.push("the body is not JSON".to_owned());
        }
        match recorded.call {
            None => problems.push("the fake GitHub knows no such call".to_owned()),
            Some(call) => problems.extend(call.problems(&recorded.query, recorded.body.as_ref())),
        }
        if problems.is_empty() {
            return Ok(());
        }
        let place = format!("{} {}", recorded.method, recorded.path);
        self.violations
            .extend(problems.iter().map(|problem| format!("{place}: {problem}")));
        Err(Box::new(match recorded.call {
            None => wire::error(404, "Not Found"),
            Some(_) if authorization.is_empty() => wire::error(401, "Requires authentication"),
            Some(_) => wire::error(422, &format!("Invalid request.\n\n{}", problems.join("\n"))),
        }))
    }

    /// A client error that a schema can't express: recorded as a violation, answered with 422.
    pub fn reject(&mut self, context: &Context, problem: &str) -> Reply {
        self.violations
            .push(format!("{:?} {}: {problem}", context.call, context.tail));
        wire::error(422, &format!("Invalid request.\n\n{problem}"))
    }

    fn answer(&mut self, route: Option<Route>, recorded: &Recorded) -> Reply {
        let Some(Route {
            call,
            repository,
            parameters,
            tail,
        }) = route
        else {
            return wire::error(404, "Not Found");
        };
        let token = recorded
            .headers
            .get("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        if token != Some(self.token.value.as_str()) {
            return wire::error(401, "Bad credentials");
        }
        let at = match repository {
            None => None,
            Some(Named::Name(name)) => self
                .repositories
                .iter()
                .position(|r| r.name.eq_ignore_ascii_case(&name)),
            Some(Named::Id(id)) => self.repositories.iter().position(|r| r.id == id),
        };
        if call == Call::GetUser {
            return match &self.token.login {
                Some(login) => Reply::json(200, &self.user(login)),
                None => wire::error(403, "Resource not accessible by integration"),
            };
        }
        if call == Call::Viewer {
            let viewer = json!({"data": {"viewer": {"login": self.token.author()}}});
            return Reply::json(200, &viewer);
        }
        let Some(at) = at else {
            return wire::error(404, "Not Found");
        };
        let query = recorded.query.clone();
        let context = Context {
            call,
            at,
            parameters,
            tail,
            query,
            body: recorded.body.clone().unwrap_or_default(),
        };
        if let Some(refusal) = self.refusal(&context) {
            return refusal;
        }
        match call {
            Call::CreateCheckRun => self.create_check_run(&context),
            Call::UpdateCheckRun => self.update_check_run(&context),
            Call::GetCheckRun => self.get_check_run(&context),
            Call::ListAnnotations => self.list_annotations(&context),
            Call::ListCheckRuns => self.list_check_runs(&context),
            Call::ListComments => self.list_comments(&context),
            Call::CreateComment => self.create_comment(&context),
            Call::GetComment => self.get_comment(&context),
            Call::UpdateComment => self.update_comment(&context),
            Call::ListPullsOfCommit => self.list_pulls_of_commit(&context),
            Call::GetPull => self.get_pull(&context),
            Call::ListPulls => self.list_pulls(&context),
            Call::ListIssues => self.list_issues(&context),
            Call::CreateIssue => self.create_issue(&context),
            Call::GetIssue => self.get_issue(&context),
            Call::UpdateIssue => self.update_issue(&context),
            Call::ListDeployments => self.list_deployments(&context),
            Call::ListDeploymentStatuses => self.list_deployment_statuses(&context),
            Call::GetUser | Call::Viewer => wire::error(404, "Not Found"),
        }
    }
}
