//! A fake QA.tech: starts, returns and reruns runs that follow a script, and injects faults.
//!
//! ```
//! use qatech_fakes::qatech::{Case, FakeQaTech, RunScript, When};
//!
//! let fake = FakeQaTech::start();
//! fake.plan("pln_checkout", RunScript::new([Case::passed("Login"), Case::failed("Pay").ends(When::Look(2))]));
//! assert!(fake.api_url().ends_with("/v1"));
//! assert_eq!(fake.starts(), 0);
//! ```
//!
//! Every request is checked against the vendor's OpenAPI document. A fake that saw a wrong one panics on drop, unless
//! the test took them with [`FakeQaTech::take_violations`]. Without the feature `harness`, nothing is checked.

mod builds;
mod faults;
mod runs;
mod script;

use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::http::{ClosedPort, Reply, Request, Server, lock};
#[cfg(feature = "harness")]
use crate::openapi::{OpenApi, ShortIds};
pub use builds::BuildInfo;
pub use faults::{Instead, Nth, Spoil};
pub use runs::RunInfo;
pub use script::{Case, Identity, Outcome, Phase, Rerun, RunScript, When};

/// The answer that the vendor's page on Get Run Status documents, byte for byte.
pub const DOCUMENTED_RUN: &str = include_str!("../fixtures/get-run-status.json");

/// The base path of the API, as in `https://api.qa.tech/v1`.
pub const BASE: &str = "/v1";

/// The token that the fake accepts.
pub const TOKEN: &str = "qatech-token-0123456789";

struct Shared {
    #[cfg(feature = "harness")]
    api: Mutex<&'static OpenApi>,
    token: Mutex<String>,
    runs: Mutex<runs::Runs>,
    builds: Mutex<builds::Builds>,
    /// The project that requests with an organization's key must name.
    project: Mutex<Option<String>>,
    /// The status of an older API for unknown requests.
    older: Mutex<Option<u16>>,
    faults: Mutex<faults::Faults>,
    violations: Mutex<Vec<String>>,
}

/// The fake; it stops on drop.
pub struct FakeQaTech {
    shared: Arc<Shared>,
    server: Server,
}

impl FakeQaTech {
    /// Starts it on a free port of loopback, without plans and runs.
    pub fn start() -> Self {
        Self::start_by(|handler| Server::start(handler))
    }

    /// Starts it on a port that has refused connections until now.
    pub fn start_at(port: ClosedPort) -> Self {
        Self::start_by(|handler| port.open(handler))
    }

    /// Starts it on a server that `serve` makes from its handler, for example with TLS.
    pub fn start_by(serve: impl FnOnce(Box<crate::http::Handler>) -> Server) -> Self {
        let shared = Arc::new(Shared {
            #[cfg(feature = "harness")]
            api: Mutex::new(OpenApi::get(ShortIds::Patterns)),
            token: Mutex::new(TOKEN.to_owned()),
            runs: Mutex::default(),
            builds: Mutex::default(),
            project: Mutex::default(),
            older: Mutex::default(),
            faults: Mutex::default(),
            violations: Mutex::default(),
        });
        let server = {
            let shared = Arc::clone(&shared);
            serve(Box::new(move |request| shared.answer(request)))
        };
        Self { shared, server }
    }

    /// The value for `api_url`: `http://127.0.0.1:PORT/v1`.
    pub fn api_url(&self) -> String {
        format!("{}{BASE}", self.server.url())
    }

    /// `api_url` with another scheme and host, as a TLS server needs: `https://localhost`.
    pub fn api_url_as(&self, scheme_and_host: &str) -> String {
        format!("{scheme_and_host}:{}{BASE}", self.server.address().port())
    }

    /// The underlying server.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Accepts this token instead of [`TOKEN`].
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut lock(&self.shared.token));
    }

    /// From now on, requests may contain bare short ids such as `jgbinp`, which users still have.
    #[cfg(feature = "harness")]
    pub fn allow_bare_short_ids(&self) {
        *lock(&self.shared.api) = OpenApi::get(ShortIds::Any);
    }

    /// Sets the script of each start of this plan.
    pub fn plan(&self, short_id: &str, script: RunScript) {
        lock(&self.shared.runs).set_plan(Some(short_id), script);
    }

    /// Sets the script of a start without a plan.
    pub fn default_plan(&self, script: RunScript) {
        lock(&self.shared.runs).set_plan(None, script);
    }

    /// From now on, the key is an organization's: starts, reruns and builds must name this project.
    pub fn require_project(&self, short_id: &str) {
        *lock(&self.shared.project) = Some(short_id.to_owned());
    }

    /// From now on, the API is that of early 2026: it answers unknown calls with this status (404 or 400),
    /// and unknown fields of a body as well.
    pub fn older(&self, status: u16) {
        *lock(&self.shared.older) = Some(status);
    }

    /// All requested uploads, in order.
    pub fn builds(&self) -> Vec<BuildInfo> {
        lock(&self.shared.builds).list()
    }

    /// The short ids of the test cases whose details were requested, in order.
    pub fn asked_details(&self) -> Vec<String> {
        let requests = self.requests();
        let paths = requests.iter().map(local_path);
        paths
            .filter_map(|path| path.strip_prefix("/run-test-case/"))
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Creates an existing run to attach to. Its time starts now.
    pub fn existing_run(&self, short_id: &str, script: RunScript) {
        lock(&self.shared.runs).create(script, Some(short_id), None, None);
    }

    /// All requests, oldest first, including those that a fault answered.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// The bodies of all start requests (`POST /run`), whatever their answer.
    pub fn start_bodies(&self) -> Vec<Value> {
        self.bodies(|path| path == "/run")
    }

    /// The bodies of all rerun requests (`POST /run/{shortId}`), whatever their answer.
    pub fn rerun_bodies(&self) -> Vec<Value> {
        self.bodies(|path| path.starts_with("/run/"))
    }

    /// The number of GET requests of runs.
    pub fn gets(&self) -> usize {
        let is_get = |request: &&Request| request.method == "GET" && local_path(request).starts_with("/run/");
        self.requests().iter().filter(is_get).count()
    }

    /// All runs, in the order of creation.
    pub fn runs(&self) -> Vec<RunInfo> {
        lock(&self.shared.runs).list()
    }

    /// How many runs were started (and billed), other than by a rerun.
    pub fn starts(&self) -> usize {
        self.runs()
            .iter()
            .filter(|run| run.started && run.rerun_of.is_none())
            .count()
    }

    /// How many reruns were started (and billed).
    pub fn reruns(&self) -> usize {
        self.runs().iter().filter(|run| run.rerun_of.is_some()).count()
    }

    /// Takes the errors of the requests, so that the drop does not panic.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.shared.violations))
    }

    fn bodies(&self, wanted: impl Fn(&str) -> bool) -> Vec<Value> {
        let requests = self.requests();
        let posts = requests.iter().filter(|request| request.method == "POST");
        posts
            .filter(|request| wanted(local_path(request)))
            .map(Request::json)
            .collect()
    }
}

impl Drop for FakeQaTech {
    fn drop(&mut self) {
        let violations = self.take_violations();
        if !violations.is_empty() && !thread::panicking() {
            panic!(
                "requests that QA.tech's OpenAPI document does not allow:\n{}",
                violations.join("\n")
            );
        }
    }
}

impl Shared {
    fn answer(&self, request: &Request) -> Reply {
        #[cfg(feature = "harness")]
        lock(&self.violations).extend(match is_storage(request) {
            true => builds::storage_errors(request),
            false => lock(&self.api).request_errors(request),
        });
        let fault = lock(&self.faults).apply(request, local_path(request));
        match fault {
            Some(Instead::Of(reply)) => reply,
            Some(Instead::OfTheAnswer(reply)) => {
                self.play(request);
                reply
            }
            Some(Instead::Spoiled(spoil)) => spoil(self.play(request)),
            None => self.play(request),
        }
    }

    fn play(&self, request: &Request) -> Reply {
        let server = format!("http://{}", request.headers.get("host").unwrap_or_default());
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("PUT", ["storage", number]) => return lock(&self.builds).put(number, request),
            ("GET", ["media", short_id]) => return lock(&self.runs).screenshot(short_id),
            _ => {}
        }
        if request.bearer() != Some(lock(&self.token).as_str()) {
            return error(401, "Missing or invalid API key");
        }
        if let Some(refusal) = self.refusal(request) {
            return refusal;
        }
        let mut runs = lock(&self.runs);
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["v1", "run"]) => runs.start(&body(request)),
            ("GET", ["v1", "run", short_id]) => runs.show(short_id, request.query("testCases")),
            ("POST", ["v1", "run", short_id]) => runs.rerun(short_id, &body(request)),
            ("GET", ["v1", "run-test-case", short_id]) => runs.show_case(short_id, &server),
            ("POST", ["v1", "applications", application, "builds", "upload-url"]) => {
                lock(&self.builds).upload_url(application, &body(request), &server)
            }
            ("POST", ["v1", "applications", application, "builds"]) => {
                lock(&self.builds).register(application, &body(request))
            }
            _ => error(404, "Not found"),
        }
    }
}

impl Shared {
    /// The refusal of an older API, or of one that requires the project.
    fn refusal(&self, request: &Request) -> Option<Reply> {
        let body = body(request);
        let path = local_path(request);
        if let Some(status) = *lock(&self.older) {
            let new_fields = ["projectShortId", "testCaseIds", "parameters"];
            let is_new = !path.starts_with("/run/") && path != "/run"
                || new_fields.iter().any(|field| body.get(field).is_some());
            if is_new {
                return Some(Reply::json(status, &json!({"statusText": "Unknown to this version"})));
            }
        }
        let project = lock(&self.project).clone()?;
        let is_wrong = request.method == "POST" && body["projectShortId"] != json!(project);
        is_wrong.then(|| error(400, "projectShortId is required with an organization's key"))
    }
}

/// Whether the request is for the storage of files, not for the API.
#[cfg(feature = "harness")]
fn is_storage(request: &Request) -> bool {
    request.path.starts_with("/storage/") || request.path.starts_with("/media/")
}

/// The path below the API's base path, as sent.
fn local_path(request: &Request) -> &str {
    request.path.strip_prefix(BASE).unwrap_or(&request.path)
}

/// The body; one that is not JSON has already been recorded as a violation.
fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// An error in the API's words.
fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"message": message}))
}

#[cfg(test)]
mod tests;
