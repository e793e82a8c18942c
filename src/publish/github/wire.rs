//! The parts of GitHub's objects that are read and written here (<https://docs.github.com/en/rest>).

use serde::{Deserialize, Serialize};

use crate::render::github::check::CheckOutput;

/// <https://docs.github.com/en/rest/checks/runs>
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckRun {
    pub(super) id: u64,
    pub(super) html_url: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) name: Option<String>,
    pub(super) app: Option<App>,
    pub(super) output: Option<CheckRunOutput>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct App {
    pub(super) slug: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckRunOutput {
    pub(super) title: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) annotations_count: Option<usize>,
}

/// <https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference>
#[derive(Debug, Deserialize)]
pub(super) struct CheckRuns {
    pub(super) check_runs: Vec<CheckRun>,
}

/// The body that creates or updates a check run.
#[derive(Debug, Default, Serialize)]
pub(super) struct CheckRunChange<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) head_sha: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conclusion: Option<&'static str>,
    pub(super) output: Output<'a>,
}

/// GitHub replaces all of it, except for the annotations, which it appends.
#[derive(Debug, Default, Serialize)]
pub(super) struct Output<'a> {
    pub(super) title: &'a str,
    pub(super) summary: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) annotations: Vec<NewAnnotation<'a>>,
}

impl<'a> Output<'a> {
    pub(super) fn new(output: &'a CheckOutput, annotations: Vec<NewAnnotation<'a>>) -> Self {
        let CheckOutput { title, summary, text } = output;
        Self {
            title,
            summary,
            text,
            annotations,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct NewAnnotation<'a> {
    pub(super) path: &'a str,
    pub(super) start_line: u32,
    pub(super) end_line: u32,
    pub(super) annotation_level: &'static str,
    pub(super) title: &'a str,
    pub(super) message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) raw_details: &'a str,
}

/// <https://docs.github.com/en/rest/issues/comments>
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) html_url: Option<String>,
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
}

/// <https://docs.github.com/en/rest/users/users#get-the-authenticated-user>
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

/// <https://docs.github.com/en/rest/pulls/pulls>
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) state: Option<String>,
    pub(super) head: PullHead,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PullHead {
    pub(super) sha: String,
    #[serde(rename = "ref")]
    pub(super) branch: Option<String>,
}

/// <https://docs.github.com/en/rest/issues/issues>
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Issue {
    pub(super) number: u64,
    pub(super) html_url: Option<String>,
    pub(super) state: Option<String>,
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
    /// Lists of issues hold pull requests too.
    pub(super) pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct IssueChange<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) labels: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_reason: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct NewComment<'a> {
    pub(super) body: &'a str,
}

/// What asks for the token's owner (<https://docs.github.com/en/graphql/reference/queries#viewer>).
#[derive(Debug, Serialize)]
pub(super) struct ViewerQuery {
    pub(super) query: &'static str,
}

/// An answer of the GraphQL API; without `data` where the query failed.
#[derive(Debug, Deserialize)]
pub(super) struct GraphQl<T> {
    pub(super) data: Option<T>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ViewerData {
    pub(super) viewer: User,
}
