//! The calls of GitHub's REST and GraphQL APIs that the fake implements, their routes, and the schemas of their requests.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::http::percent_decode;

/// A call of GitHub's REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `POST /repos/{owner}/{repo}/check-runs`
    CreateCheckRun,
    /// `PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}`
    UpdateCheckRun,
    /// `GET /repos/{owner}/{repo}/check-runs/{check_run_id}`
    GetCheckRun,
    /// `GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations`
    ListAnnotations,
    /// `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`
    ListCheckRuns,
    /// `GET /repos/{owner}/{repo}/issues/{issue_number}/comments`
    ListComments,
    /// `POST /repos/{owner}/{repo}/issues/{issue_number}/comments`
    CreateComment,
    /// `GET /repos/{owner}/{repo}/issues/comments/{comment_id}`
    GetComment,
    /// `PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}`
    UpdateComment,
    /// `GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls`
    ListPullsOfCommit,
    /// `GET /repos/{owner}/{repo}/pulls/{pull_number}`
    GetPull,
    /// `GET /repos/{owner}/{repo}/pulls`
    ListPulls,
    /// `GET /repos/{owner}/{repo}/issues`
    ListIssues,
    /// `POST /repos/{owner}/{repo}/issues`
    CreateIssue,
    /// `GET /repos/{owner}/{repo}/issues/{issue_number}`
    GetIssue,
    /// `PATCH /repos/{owner}/{repo}/issues/{issue_number}`
    UpdateIssue,
    /// `GET /repos/{owner}/{repo}/deployments`
    ListDeployments,
    /// `GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses`
    ListDeploymentStatuses,
    /// `GET /user`
    GetUser,
    /// `POST /graphql` with `viewer { login }`
    Viewer,
}

/// Calls with their method and the path segments after `/repos/{owner}/{repo}`, as in GitHub's OpenAPI document.
const REPOSITORY_CALLS: [(Call, &str, &str); 18] = [
    (Call::CreateCheckRun, "POST", "check-runs"),
    (Call::UpdateCheckRun, "PATCH", "check-runs/{check_run_id}"),
    (Call::GetCheckRun, "GET", "check-runs/{check_run_id}"),
    (Call::ListAnnotations, "GET", "check-runs/{check_run_id}/annotations"),
    (Call::ListCheckRuns, "GET", "commits/{ref}/check-runs"),
    (Call::ListComments, "GET", "issues/{issue_number}/comments"),
    (Call::CreateComment, "POST", "issues/{issue_number}/comments"),
    // Before the calls of a single issue: `comments` is not an issue number.
    (Call::GetComment, "GET", "issues/comments/{comment_id}"),
    (Call::UpdateComment, "PATCH", "issues/comments/{comment_id}"),
    (Call::ListPullsOfCommit, "GET", "commits/{commit_sha}/pulls"),
    (Call::GetPull, "GET", "pulls/{pull_number}"),
    (Call::ListPulls, "GET", "pulls"),
    (Call::ListIssues, "GET", "issues"),
    (Call::CreateIssue, "POST", "issues"),
    (Call::GetIssue, "GET", "issues/{issue_number}"),
    (Call::UpdateIssue, "PATCH", "issues/{issue_number}"),
    (Call::ListDeployments, "GET", "deployments"),
    (
        Call::ListDeploymentStatuses,
        "GET",
        "deployments/{deployment_id}/statuses",
    ),
];

impl Call {
    /// Whether the call changes something. A query of GraphQL does not, although it is a POST.
    pub fn writes(self) -> bool {
        self.method() != "GET"
    }

    fn method(self) -> &'static str {
        REPOSITORY_CALLS
            .iter()
            .find(|(call, ..)| *call == self)
            .map_or("GET", |(_, method, _)| method)
    }

    /// The call's name in `schemas/github.json`.
    fn key(self) -> String {
        match REPOSITORY_CALLS.iter().find(|(call, ..)| *call == self) {
            Some((_, method, path)) => format!("{method} /repos/{{owner}}/{{repo}}/{path}"),
            None if self == Self::Viewer => "POST /graphql".to_owned(),
            None => "GET /user".to_owned(),
        }
    }

    /// The errors in a request's query and body.
    pub(super) fn problems(self, query: &[(String, String)], body: Option<&Value>) -> Vec<String> {
        let schemas = &schemas()[&self];
        let mut problems = Vec::new();
        for error in schemas.query.iter_errors(&typed(query, &schemas.query_types)) {
            problems.push(format!("query: {error}"));
        }
        match (&schemas.body, body) {
            (Some(schema), Some(body)) => {
                for error in schema.iter_errors(body) {
                    // GitHub truncates a long text silently; the fake does the same.
                    if error
                        .schema_path()
                        .as_str()
                        .ends_with("/output/properties/text/maxLength")
                    {
                        continue;
                    }
                    let place = error.instance_path().to_string();
                    // Long values would hide the error.
                    let text = Some(error.to_string()).filter(|text| text.len() <= 300);
                    let text = text.unwrap_or_else(|| error.masked().to_string());
                    problems.push(format!("body{place}: {text}"));
                }
            }
            (Some(_), None) => problems.push("the body is missing".to_owned()),
            (None, Some(_)) => problems.push("this call takes no body".to_owned()),
            (None, None) => {}
        }
        problems
    }
}

impl Call {
    /// The errors in the body of a successful answer, for the calls whose answers `schemas/github.json` describes.
    pub(super) fn answer_problems(self, body: &Value) -> Vec<String> {
        let answer = schemas()[&self].answer.as_ref();
        let errors = answer.into_iter().flat_map(|schema| schema.iter_errors(body));
        errors
            .map(|error| format!("answer{}: {error}", error.instance_path()))
            .collect()
    }
}

/// The route of a request.
pub(super) struct Route {
    pub call: Call,
    /// `owner/name`, or the number of a repository; `None` for calls without one.
    pub repository: Option<Repository>,
    /// The variable path segments after the repository, decoded.
    pub parameters: Vec<String>,
    /// The path after the repository, as received.
    pub tail: String,
}

/// How a path identifies its repository.
pub(super) enum Repository {
    Name(String),
    /// `/repositories/{id}/…`, which GitHub's own `Link` headers use.
    Id(u64),
}

/// Finds the call for a percent-encoded path below the API's root.
pub(super) fn route(method: &str, path: &str) -> Option<Route> {
    let path = path.strip_prefix('/')?;
    let of_token = match (method, path) {
        ("GET", "user") => Some(Call::GetUser),
        ("POST", "graphql") => Some(Call::Viewer),
        _ => None,
    };
    if let Some(call) = of_token {
        return Some(Route {
            call,
            repository: None,
            parameters: Vec::new(),
            tail: String::new(),
        });
    }
    let (repository, tail) = if let Some(rest) = path.strip_prefix("repos/") {
        let mut parts = rest.splitn(3, '/');
        let (owner, name) = (parts.next()?, parts.next()?);
        (
            Repository::Name(format!("{}/{}", percent_decode(owner), percent_decode(name))),
            parts.next()?,
        )
    } else {
        let (id, tail) = path.strip_prefix("repositories/")?.split_once('/')?;
        (Repository::Id(id.parse().ok()?), tail)
    };
    REPOSITORY_CALLS
        .iter()
        .find_map(|(call, call_method, template)| {
            let parameters = (*call_method == method).then(|| parameters(template, tail)).flatten()?;
            Some((*call, parameters))
        })
        .map(|(call, parameters)| Route {
            call,
            repository: Some(repository),
            parameters,
            tail: tail.to_owned(),
        })
}

fn parameters(template: &str, path: &str) -> Option<Vec<String>> {
    if template.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut found = Vec::new();
    for (wanted, got) in template.split('/').zip(path.split('/')) {
        if wanted.starts_with('{') {
            let numeric = wanted.ends_with("_id}") || wanted.ends_with("_number}");
            let value = percent_decode(got);
            if value.is_empty() || (numeric && !value.bytes().all(|byte| byte.is_ascii_digit())) {
                return None;
            }
            found.push(value);
        } else if wanted != got {
            return None;
        }
    }
    Some(found)
}

struct Schemas {
    query: Validator,
    /// The declared type of each query parameter.
    query_types: BTreeMap<String, String>,
    body: Option<Validator>,
    answer: Option<Validator>,
}

fn schemas() -> &'static BTreeMap<Call, Schemas> {
    static SCHEMAS: OnceLock<BTreeMap<Call, Schemas>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let document: Value =
            serde_json::from_str(include_str!("../../schemas/github.json")).expect("schemas/github.json is JSON");
        let calls = REPOSITORY_CALLS
            .iter()
            .map(|(call, ..)| *call)
            .chain([Call::GetUser, Call::Viewer]);
        calls
            .map(|call| {
                let entry = &document["calls"][call.key()];
                assert!(entry.is_object(), "schemas/github.json lacks {}", call.key());
                let types = entry["query"]["properties"].as_object().into_iter().flatten();
                let schemas = Schemas {
                    query: compile(&entry["query"]),
                    query_types: types
                        .map(|(name, schema)| (name.clone(), schema["type"].as_str().unwrap_or_default().to_owned()))
                        .collect(),
                    body: (!entry["body"].is_null()).then(|| compile(&entry["body"])),
                    // Formats are not checked: GitHub sends empty strings where there is no URL.
                    answer: entry
                        .get("answer")
                        .map(|schema| jsonschema::validator_for(schema).expect("a valid JSON Schema")),
                };
                (call, schemas)
            })
            .collect()
    })
}

fn compile(schema: &Value) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .expect("a valid JSON Schema")
}

/// The query as an object, as its schema describes it.
fn typed(query: &[(String, String)], types: &BTreeMap<String, String>) -> Value {
    let mut object = Map::new();
    for (name, value) in query {
        let number = types
            .get(name)
            .is_some_and(|kind| kind == "integer")
            .then(|| value.parse::<i64>().ok())
            .flatten();
        object.insert(
            name.clone(),
            number.map_or_else(|| Value::from(value.as_str()), Value::from),
        );
    }
    Value::Object(object)
}
