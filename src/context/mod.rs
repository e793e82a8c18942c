//! Where the program runs: determines the commit, the branch and the pull request of the results from the variables of GitHub
//! Actions and the event's payload, or from the variables of another CI system.
//!
//! GitHub's API is not used here: values that only the API knows become hints ([`HeadSha`], [`PullRequestHint`]). All values are
//! untrusted, since strangers choose branches, messages and actors. All are bounded in length, except for a text that may contain
//! a secret, which is cut after the secret was removed ([`Context::redact`]).

mod github;
mod hints;
mod other_ci;
mod variables;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;
use url::Url;

use crate::files::Files;
use crate::inputs::Tested;
use crate::net::proxy::Network;
use crate::report::Origin;
use crate::text::Redactor;
use github::event::Event;
pub use hints::{DeploymentState, EventDeployment, HeadSha, PullRequestHint, Repository};
use variables::{Variables, bounded};

/// Longest commit message that is kept, in characters.
const MAX_MESSAGE: usize = 4_096;

/// Where the program runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// `GITHUB_ACTIONS=true`: workflow commands and masks are understood.
    pub github_actions: bool,
    /// Commit, branch, actor, workflow and other values for the report. `sha` is `None` if only the API knows it.
    pub origin: Origin,
    /// The repository; `None` outside GitHub, where GitHub is not called.
    pub repository: Option<Repository>,
    /// Base of GitHub's REST API, without a trailing slash: `GITHUB_API_URL`.
    pub api_url: Option<Url>,
    /// Base of GitHub's pages: `GITHUB_SERVER_URL`.
    pub server_url: Option<Url>,
    /// GitHub's GraphQL endpoint: `GITHUB_GRAPHQL_URL`, or else the one that belongs to the REST API.
    pub graphql_url: Option<Url>,
    /// `strategy.job-index`, which action.yml passes as `QATECH_RUN_JOB_INDEX`: the position of this leg in its matrix.
    pub job_index: Option<u64>,
    /// `job.check_run_id`, which action.yml passes as `QATECH_RUN_CHECK_RUN_ID`: the job's own check run.
    pub check_run_id: Option<u64>,
    /// `GITHUB_ACTION`: the step's id, or the name that the runner generates for a step without one. For a step of a composite
    /// action, it is the id of the step that uses the composite action.
    pub step: Option<String>,
    /// Number of earlier uses of this action in the same job that differ in nothing else: steps of the same composite action.
    pub earlier_uses: u64,
    /// `RUNNER_TEMP`: a folder that the runner clears before and after each job.
    pub temp_folder: Option<PathBuf>,
    /// The commit that gets the check run.
    pub head: HeadSha,
    /// How to find the pull request.
    pub pull_request: PullRequestHint,
    /// The head comes from a fork: the token is read-only in `pull_request` events.
    pub from_fork: bool,
    /// Dependabot caused the event: the token is read-only.
    pub dependabot: bool,
    /// The event is for a group of a merge queue, whose commit is never the head of a pull request.
    pub merge_group: bool,
    /// The event is for a pull request, or for a workflow run that was started by one.
    pub of_pull_request: bool,
    /// The deployment that the event reports.
    pub deployment: Option<EventDeployment>,
    /// Path of the workflow file in the repository, from `GITHUB_WORKFLOW_REF`, such as `.github/workflows/ci.yml`.
    pub workflow_file: Option<String>,
    /// `GITHUB_ACTION_REPOSITORY`: the repository of the running action, `owner/name`.
    pub action_repository: Option<String>,
    /// `GITHUB_OUTPUT`: the step's outputs.
    pub output_file: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`: the job summary.
    pub summary_file: Option<PathBuf>,
    /// `GITHUB_WORKSPACE`: the checkout, if there is one.
    pub workspace: Option<PathBuf>,
    /// How servers are reached.
    pub network: Network,
    /// Warnings for the log about values that could not be determined.
    pub warnings: Vec<String>,
}

impl Context {
    /// Determines the context from environment variables, and from the event file if they name one. An event file that can't be read
    /// causes a warning.
    pub async fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = read_variables(variables);
        let Some(path) = variables.path("GITHUB_EVENT_PATH") else {
            return Self::from_parts(&variables, None);
        };
        match github::event_file::read(&Files::new(None), &path).await {
            Ok(event) => Self::from_parts(&variables, Some(&event)),
            Err(problem) => {
                let mut context = Self::from_parts(&variables, None);
                context.warnings.push(format!(
                    "the event file (GITHUB_EVENT_PATH) {problem}; the pull request may remain unknown"
                ));
                context
            }
        }
    }

    /// Determines the context from environment variables and the event's payload.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, event: Option<&Value>) -> Self {
        Self::from_parts(&read_variables(variables), event)
    }

    fn from_parts(variables: &Variables, payload: Option<&Value>) -> Self {
        let mut warnings = Vec::new();
        let repository = variables
            .text("GITHUB_REPOSITORY", 201)
            .and_then(|name| Repository::parse(&name));
        let mut context = Self {
            github_actions: variables.text("GITHUB_ACTIONS", 8).as_deref() == Some("true"),
            output_file: variables.path("GITHUB_OUTPUT"),
            summary_file: variables.path("GITHUB_STEP_SUMMARY"),
            workspace: variables.path("GITHUB_WORKSPACE"),
            temp_folder: variables.path("RUNNER_TEMP"),
            ..Self::default()
        };
        let Some(repository) = repository else {
            if !context.github_actions {
                context.origin = other_ci::origin(variables);
            }
            return context;
        };
        let mut base = |name| {
            variables
                .url(name)
                .map_err(|problem| warnings.push(format!("{name} {problem}; it is ignored")))
                .ok()
                .flatten()
        };
        context.api_url = base("GITHUB_API_URL");
        context.server_url = base("GITHUB_SERVER_URL");
        context.graphql_url = base("GITHUB_GRAPHQL_URL").or_else(|| graphql_beside(context.api_url.as_ref()?));
        context.job_index = variables.number("QATECH_RUN_JOB_INDEX");
        context.check_run_id = variables.number("QATECH_RUN_CHECK_RUN_ID");
        context.step = variables.text("GITHUB_ACTION", 100);
        let event = Event::new(variables, payload, &repository);
        context.head = event.head();
        context.pull_request = event.pull_request();
        context.from_fork = event.is_from_fork();
        context.merge_group = event.is("merge_group");
        context.of_pull_request = event.of_pull_request();
        context.deployment = event.deployment();
        context.dependabot = variables.text("GITHUB_ACTOR", 100).as_deref() == Some("dependabot[bot]");
        context.workflow_file = variables
            .text("GITHUB_WORKFLOW_REF", 2_000)
            .and_then(|reference| workflow_path(&reference));
        context.action_repository = variables.text("GITHUB_ACTION_REPOSITORY", 201);
        let run_id = variables.number("GITHUB_RUN_ID");
        let run_attempt = variables.number("GITHUB_RUN_ATTEMPT");
        context.origin = Origin {
            repository: Some(repository.to_string()),
            sha: match &context.head {
                HeadSha::Known(sha) => Some(sha.clone()),
                HeadSha::OfPullRequest(_) | HeadSha::None => None,
            },
            branch: event.branch(),
            default_branch: event.default_branch(),
            actor: variables.text("GITHUB_ACTOR", 100),
            commit_message: event.commit_message(),
            event: variables.text("GITHUB_EVENT_NAME", 100),
            workflow: variables.text("GITHUB_WORKFLOW", 300),
            job: variables.text("GITHUB_JOB", 200),
            run_id,
            run_attempt,
            ci_url: context.server_url.as_ref().zip(run_id).map(|(server, run)| {
                let server = server.as_str().trim_end_matches('/');
                let page = match (context.check_run_id, run_attempt) {
                    // A job has the same id as its check run.
                    (Some(job), _) => format!("/job/{job}"),
                    (None, Some(attempt)) => format!("/attempts/{attempt}"),
                    (None, None) => String::new(),
                };
                format!("{server}/{repository}/actions/runs/{run}{page}")
            }),
            pull_request: match context.pull_request {
                PullRequestHint::Number(number) => Some(number),
                PullRequestHint::ByHead { .. } | PullRequestHint::ByCommit(_) | PullRequestHint::None => None,
            },
        };
        context.repository = Some(repository);
        context.warnings = warnings;
        context
    }

    /// Replaces detected values by those of the inputs. Values that were detected for another commit are removed: its message and,
    /// except in an event of a pull request, its branch.
    pub fn set_tested(&mut self, tested: &Tested) {
        let Tested {
            commit,
            branch,
            pull_request,
        } = tested;
        if let Some(number) = *pull_request {
            if self.pull_request != PullRequestHint::Number(number) && self.in_github() {
                self.head = HeadSha::OfPullRequest(number);
                self.pull_request = PullRequestHint::Number(number);
                (self.origin.sha, self.origin.branch, self.origin.commit_message) = (None, None, None);
                (self.of_pull_request, self.merge_group) = (true, false);
            }
            self.origin.pull_request = Some(number);
        }
        if let Some(commit) = commit
            && self.origin.sha.as_ref() != Some(commit)
        {
            if self.in_github() {
                self.head = HeadSha::Known(commit.clone());
                self.merge_group = false;
                if !matches!(self.pull_request, PullRequestHint::Number(_)) {
                    self.pull_request = PullRequestHint::ByCommit(commit.clone());
                }
            }
            if !self.of_pull_request {
                self.origin.branch = None;
            }
            self.origin.commit_message = None;
            self.origin.sha = Some(commit.clone());
        }
        if branch.is_some() {
            self.origin.branch.clone_from(branch);
        }
    }

    /// Removes secrets from the commit message, which may contain the URL of a preview with its key, and then cuts the message.
    /// Cutting first could leave a part of a secret.
    pub fn redact(&mut self, redactor: &Redactor) {
        let message = self.origin.commit_message.take();
        self.origin.commit_message = message.map(|text| bounded(&redactor.clean(text), MAX_MESSAGE));
    }

    /// Whether the head commit is known or can be requested from GitHub.
    pub fn can_know_commit(&self) -> bool {
        self.origin.sha.is_some() || matches!(self.head, HeadSha::OfPullRequest(_))
    }

    /// Whether the program runs on GitHub. Only there does it call GitHub's API and send GitHub's data to QA.tech.
    pub fn in_github(&self) -> bool {
        self.repository.is_some()
    }

    /// Whether the commit is on the default branch, according to the event.
    pub fn on_default_branch(&self) -> bool {
        !self.from_fork
            && !self.of_pull_request
            && self.origin.branch.is_some()
            && self.origin.branch == self.origin.default_branch
    }
}

/// The GraphQL endpoint that belongs to a REST API: `/graphql` on github.com, `/api/graphql` for `/api/v3` on GitHub Enterprise
/// Server (<https://docs.github.com/en/enterprise-server@latest/graphql/guides/forming-calls-with-graphql>).
fn graphql_beside(api: &Url) -> Option<Url> {
    let base = api.as_str().trim_end_matches('/');
    let base = base.strip_suffix("/v3").unwrap_or(base);
    Url::parse(&format!("{base}/graphql")).ok()
}

/// The variables that describe where the program runs. On GitHub, those of other systems are not used.
fn read_variables(all: impl IntoIterator<Item = (OsString, OsString)>) -> Variables {
    let all: Vec<_> = all.into_iter().collect();
    let on_github = all
        .iter()
        .any(|(name, value)| name == "GITHUB_ACTIONS" && value.to_str().is_some_and(|value| value.trim() == "true"));
    let of_other_ci: HashSet<&str> = if on_github {
        HashSet::new()
    } else {
        other_ci::variables().collect()
    };
    Variables::new(all, |variable| {
        variable.starts_with("GITHUB_")
            || variable.starts_with("QATECH_RUN_")
            || variable == "RUNNER_TEMP"
            || of_other_ci.contains(variable)
    })
}

/// The path in `owner/name/.github/workflows/ci.yml@refs/heads/main`.
fn workflow_path(text: &str) -> Option<String> {
    let (place, _) = text
        .find("@refs/")
        .or_else(|| text.rfind('@'))
        .and_then(|at| text.split_at_checked(at))?;
    let path = place.splitn(3, '/').nth(2).filter(|path| !path.is_empty())?;
    let odd = path.starts_with('/') || path.split('/').any(|part| part == "..") || path.chars().any(char::is_control);
    (!odd).then(|| path.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
