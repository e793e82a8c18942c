//! What goes over the wire, after the vendor's OpenAPI document (<https://docs.qa.tech/api-reference>).
//!
//! Forward-compatible: unknown fields, statuses and results are no errors, and a test case's texts may be of any type.
//! Strict only where a wrong answer could become a wrong verdict: which run it is, its status and its result.

use serde::{Deserialize, Deserializer, Serialize};

use crate::inputs::{ApplicationOverride, NotificationOverride};

/// Body of `POST /run`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StartRequest<'a> {
    /// `GITHUB` with the commit's fields, or `API` without them.
    #[serde(flatten)]
    pub trigger: &'a crate::context::StartFields,
    /// The plan; the project's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_plan_short_id: Option<&'a str>,
    /// Application overrides.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub applications: &'a [ApplicationOverride],
    /// Notification overrides; the API refuses an empty array.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub notifications: &'a [NotificationOverride],
}

/// Body of `POST /run/{shortId}`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RerunRequest {
    /// Only the failed, skipped and errored cases.
    pub failed_only: bool,
}

/// Answer to a start or a rerun.
#[derive(Debug, Clone, Deserialize)]
pub struct StartResponse {
    /// False would contradict the 200 it comes with.
    #[serde(default)]
    pub success: Option<bool>,
    /// The run.
    pub run: StartedRun,
}

/// A run that was just created.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartedRun {
    /// Internal id.
    #[serde(default, deserialize_with = "loose")]
    pub id: Option<String>,
    /// Short id; the old API spelled it `short_id`.
    #[serde(alias = "short_id")]
    pub short_id: String,
    /// The run's page.
    #[serde(default, deserialize_with = "loose")]
    pub url: Option<String>,
    /// Number of test cases.
    #[serde(default, deserialize_with = "count")]
    pub test_count: Option<u64>,
    /// The plan; null in practice for runs without one, and absent from a rerun's answer.
    #[serde(default)]
    pub test_plan: Option<StartedPlan>,
}

/// A plan, as a start names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartedPlan {
    /// Name.
    #[serde(default, deserialize_with = "loose")]
    pub name: Option<String>,
    /// Short id; the old API spelled it `short_id`.
    #[serde(default, alias = "short_id", deserialize_with = "loose")]
    pub short_id: Option<String>,
}

/// Answer to `GET /run/{shortId}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Internal id.
    pub id: String,
    /// Short id.
    pub short_id: String,
    /// Status.
    pub status: String,
    /// Result; null while the run is in progress.
    #[serde(default)]
    pub result: Option<String>,
    /// Test cases; empty, null or absent where none were asked for.
    #[serde(default)]
    pub run_test_cases: Option<Vec<RunTestCase>>,
}

/// One test case.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunTestCase {
    /// Id.
    #[serde(deserialize_with = "loose")]
    pub id: Option<String>,
    /// Short id.
    #[serde(deserialize_with = "loose")]
    pub short_id: Option<String>,
    /// Name.
    #[serde(deserialize_with = "loose")]
    pub name: Option<String>,
    /// Status.
    #[serde(deserialize_with = "loose")]
    pub status: Option<String>,
    /// Result.
    #[serde(deserialize_with = "loose")]
    pub result: Option<String>,
    /// Title of the outcome.
    #[serde(deserialize_with = "loose")]
    pub result_title: Option<String>,
    /// Reasoning.
    #[serde(deserialize_with = "loose")]
    pub evaluation_thought: Option<String>,
    /// Goal.
    #[serde(deserialize_with = "loose")]
    pub prompt_goal: Option<String>,
    /// Examples.
    #[serde(deserialize_with = "loose")]
    pub prompt_examples: Option<String>,
}

/// The body of an error answer.
#[derive(Debug, Default, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    #[serde(default, deserialize_with = "loose")]
    pub message: Option<String>,
}

/// A text where there should be one, the JSON of whatever else stands there, `None` for null.
fn loose<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Loose {
        Text(String),
        Other(serde_json::Value),
    }
    Ok(match Option::<Loose>::deserialize(deserializer)? {
        None => None,
        Some(Loose::Text(text)) => Some(text),
        Some(Loose::Other(value)) => Some(value.to_string()),
    })
}

/// A count, or nothing where no count stands.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?.as_u64())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_we_do_not_know_is_no_error() {
        let run: Run = serde_json::from_str(
            r#"{"id": "1", "shortId": "a", "status": "PAUSED", "new": {}, "runTestCases":
                [{"name": "x", "result": "MAYBE", "evaluationThought": {"steps": 3}, "duration": 1}, {}]}"#,
        )
        .unwrap();
        assert_eq!(run.result, None);
        let cases = run.run_test_cases.unwrap();
        assert_eq!(cases[0].evaluation_thought.as_deref(), Some(r#"{"steps":3}"#));
        assert_eq!(cases[1].name, None);
    }

    #[test]
    fn what_could_become_a_wrong_verdict_is_an_error() {
        for text in [
            r#"{"id": "1", "shortId": "a"}"#,
            r#"{"id": "1", "shortId": "a", "status": null}"#,
            r#"{"id": "1", "shortId": "a", "status": 3}"#,
            r#"{"id": "1", "shortId": "a", "status": "COMPLETED", "result": ["PASSED"]}"#,
            r#"{"id": "1", "status": "COMPLETED", "result": "PASSED"}"#,
            r#"["a"]"#,
        ] {
            assert!(serde_json::from_str::<Run>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_start_may_have_no_plan_and_the_old_spelling() {
        let text = r#"{"success": true, "run": {"id": "1", "short_id": "a", "url": "https://x", "testCount": 3, "testPlan": null}}"#;
        let run = serde_json::from_str::<StartResponse>(text).unwrap().run;
        assert_eq!((run.short_id.as_str(), run.test_count), ("a", Some(3)));
        assert!(run.test_plan.is_none());
        let text = r#"{"run": {"shortId": "a", "testCount": "many", "testPlan": {"name": "n", "short_id": "pln_x"}}}"#;
        let run = serde_json::from_str::<StartResponse>(text).unwrap().run;
        assert_eq!(run.test_count, None);
        assert_eq!(run.test_plan.unwrap().short_id.as_deref(), Some("pln_x"));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\PC{0,200}") {
            let _ = serde_json::from_str::<Run>(&body);
            let _ = serde_json::from_str::<StartResponse>(&body);
        }
    }
}
