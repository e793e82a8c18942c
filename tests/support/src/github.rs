//! A fake GitHub: the part of its APIs that this action calls, with state, permissions, limits and faults.
//!
//! Each request is checked against schemas made from GitHub's OpenAPI document. A request that no client may send is
//! recorded as a violation, and the fake panics on drop unless the test took it.
//!
//! ```
//! use qatech_fakes::github::{Call, CheckRun, Fault, FakeGitHub, Issue, On};
//!
//! let github = FakeGitHub::start();
//! github.add(Issue::pull(7, "a11ce0a11ce0a11ce0a11ce0a11ce0a11ce0a11c").head("octo-org", "feature"));
//! github.add_comment(7, "octocat", "Looks good");
//! github.fault(On::call(Call::UpdateCheckRun).nth(2).if_called(), Fault::html_bad_gateway().after_write());
//! // … here `github.connect(Run::new(program).github())` runs …
//! assert_eq!(github.comments(7).len(), 1);
//! github.assert_no_writes();
//! ```

mod calls;
mod checks;
mod deployments;
mod fault;
mod issues;
mod model;
mod page;
mod permissions;
mod pulls;
mod repo;
mod wire;
mod world;

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub use calls::Call;
pub use deployments::DeploymentStatus;
pub use fault::{Fault, On};
pub use model::{
    ACTIONS_APP, ACTIONS_LOGIN, Access, Annotation, CheckRun, Comment, Issue, Pull, Recorded, Scope, Token,
};
pub use repo::Repo;

use crate::harness::Run;
use crate::http::{Server, lock, wait_until};
use world::{Repository, World};

/// The repository that every fake has.
pub const REPOSITORY: &str = "octo-org/shop";

/// Its number, as in `GITHUB_REPOSITORY_ID`.
const REPOSITORY_ID: u64 = 4711;

/// A running fake GitHub. Wherever a [`Repo`] is expected, it stands for its first repository, [`REPOSITORY`].
pub struct FakeGitHub {
    // Stopped before `drop` reads the state.
    server: Server,
    repo: Repo,
}

impl FakeGitHub {
    /// Like github.com, with the API at the root of its host. The token is a `GITHUB_TOKEN` with all write permissions.
    pub fn start() -> Self {
        Self::start_with("", "https://github.com")
    }

    /// Like GitHub Enterprise Server, with the API under `/api/v3`.
    pub fn start_enterprise() -> Self {
        Self::start_with("/api/v3", "https://ghe.example")
    }

    /// With the API under a path (empty or starting with a slash), and with the base URL of its pages.
    pub fn start_with(prefix: &str, pages: &str) -> Self {
        let world = Arc::new(Mutex::new(World::new(String::new(), prefix, pages)));
        let server = {
            let world = Arc::clone(&world);
            Server::start(move |request| lock(&world).handle(request))
        };
        {
            let mut world = lock(&world);
            world.root = format!("{}{prefix}", server.url());
            world.repositories.push(Repository::new(REPOSITORY_ID, REPOSITORY));
        }
        Self {
            server,
            repo: Repo { world, index: 0 },
        }
    }

    /// Points a run of the program at this GitHub, with its token; call it after [`Run::github`].
    #[must_use]
    pub fn connect(&self, run: Run) -> Run {
        let (owner, _) = REPOSITORY.split_once('/').unwrap_or_default();
        run.env("GITHUB_API_URL", &self.url())
            .env("GITHUB_GRAPHQL_URL", &self.graphql_url())
            .env("GITHUB_SERVER_URL", &self.server_url())
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_REPOSITORY_OWNER", owner)
            .env("GITHUB_REPOSITORY_ID", &REPOSITORY_ID.to_string())
            .input("github_token", &self.token())
    }

    /// The value of `GITHUB_API_URL`, without a trailing slash.
    pub fn url(&self) -> String {
        lock(&self.repo.world).root.clone()
    }

    /// The value of `GITHUB_GRAPHQL_URL`.
    pub fn graphql_url(&self) -> String {
        let root = self.url();
        format!("{}/graphql", root.strip_suffix("/v3").unwrap_or(&root))
    }

    /// The value of `GITHUB_SERVER_URL`.
    pub fn server_url(&self) -> String {
        lock(&self.repo.world).server.clone()
    }

    /// The only token that is accepted.
    pub fn token(&self) -> String {
        lock(&self.repo.world).token.value.clone()
    }

    /// Accepts another token, or gives the token other permissions.
    pub fn set_token(&self, token: Token) {
        lock(&self.repo.world).token = token;
    }

    /// Changes the permissions of the token: `github.permit(Scope::Checks, Access::None)`.
    pub fn permit(&self, scope: Scope, access: Access) {
        let mut world = lock(&self.repo.world);
        world.token = world.token.clone().with(scope, access);
    }

    /// Makes the token read-only, as in pull requests from forks and by Dependabot.
    pub fn make_token_read_only(&self) {
        let mut world = lock(&self.repo.world);
        world.token = world.token.clone().read_only();
    }

    /// Adds another repository, `owner/name`.
    pub fn add_repository(&self, name: &str) -> Repo {
        let mut world = lock(&self.repo.world);
        let index = world.repositories.len();
        world
            .repositories
            .push(Repository::new(REPOSITORY_ID + index as u64, name));
        Repo {
            world: Arc::clone(&self.repo.world),
            index,
        }
    }

    /// Plays a fault on the requests that `on` matches. If several faults match, the first that was added is played.
    pub fn fault(&self, on: On, fault: Fault) {
        lock(&self.repo.world).faults.push((on, fault));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        let mut world = lock(&self.repo.world);
        let faults = std::mem::take(&mut world.faults);
        let complaints = faults.iter().filter_map(|(on, _)| on.complaint());
        world.violations.extend(complaints);
    }

    /// Answers 422 to comments longer than this many characters (GitHub: 65,536), which is not a violation.
    pub fn limit_comments(&self, characters: usize) {
        lock(&self.repo.world).comment_limit = characters;
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.repo.world).requests.clone()
    }

    /// The requests of one kind, oldest first.
    pub fn requests_of(&self, call: Call) -> Vec<Recorded> {
        let world = lock(&self.repo.world);
        world
            .requests
            .iter()
            .filter(|request| request.call == Some(call))
            .cloned()
            .collect()
    }

    /// How many requests of one kind there were.
    pub fn count(&self, call: Call) -> usize {
        lock(&self.repo.world)
            .requests
            .iter()
            .filter(|request| request.call == Some(call))
            .count()
    }

    /// How many requests there were.
    pub fn total(&self) -> usize {
        lock(&self.repo.world).requests.len()
    }

    /// How many TCP connections there were.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Fails unless there were exactly `count` requests of one kind.
    #[track_caller]
    pub fn assert_count(&self, call: Call, count: usize) {
        let got = self.count(call);
        assert_eq!(
            got,
            count,
            "{call:?} was called {got} times, not {count}; all requests:\n{}",
            self.log()
        );
    }

    /// Fails if a request would have changed anything.
    #[track_caller]
    pub fn assert_no_writes(&self) {
        let requests = self.requests();
        let writes = requests
            .iter()
            .filter(|request| request.method != "GET" && request.call != Some(Call::Viewer));
        let writes = writes.count();
        assert_eq!(writes, 0, "nothing was to be written; all requests:\n{}", self.log());
    }

    /// Fails if there was any request.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!(
            self.total(),
            0,
            "GitHub was not to be called; all requests:\n{}",
            self.log()
        );
    }

    /// Waits until there were at least `count` requests of one kind.
    ///
    /// # Panics
    /// After 20 seconds without them.
    #[track_caller]
    pub fn wait_for(&self, call: Call, count: usize) {
        let came = wait_until(Duration::from_secs(20), || self.count(call) >= count);
        assert!(
            came,
            "{call:?} was not called {count} times; all requests:\n{}",
            self.log()
        );
    }

    /// All requests, one line each, for failure messages.
    pub fn log(&self) -> String {
        let line = |request: &Recorded| {
            let status = request
                .status
                .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            format!("  {} {} → {status}", request.method, request.path)
        };
        self.requests().iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Takes the violations recorded so far; they no longer fail the test.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.repo.world).violations)
    }
}

impl Deref for FakeGitHub {
    type Target = Repo;

    fn deref(&self) -> &Repo {
        &self.repo
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.server.stop();
        self.clear_faults();
        let violations = self.take_violations();
        if !violations.is_empty() && !thread::panicking() {
            panic!("GitHub was used wrongly:\n{}", violations.join("\n"));
        }
    }
}

#[cfg(test)]
mod tests;
