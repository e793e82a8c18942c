//! What goes over the wire, after the vendor's OpenAPI document (<https://docs.qa.tech/api-reference>).
//!
//! Forward-compatible: unknown fields, statuses and results are no errors, and a test case's texts may be of any type.
//! Strict only where a wrong answer could become a wrong verdict: which run it is, its status and its result.

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::inputs::{ApplicationOverride, ConfigOverrides, Inputs, NotificationOverride, Platform};
use crate::qatech::clean::Cleaner;
use crate::qatech::lenient::{cases, count, if_readable, is_false, lenient, text};
use crate::report::merge::{CaseSnapshot, Listed};
use crate::text::ShortId;

/// Body of `POST /run`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StartRequest<'a> {
    /// `GITHUB` with the commit's fields, or `API` without them.
    #[serde(flatten)]
    pub trigger: &'a StartFields,
    /// The project; an organization's key needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_short_id: Option<&'a str>,
    /// The plan; the project's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_plan_short_id: Option<&'a str>,
    /// Single test cases instead of a plan.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub test_case_ids: &'a [String],
    /// Config overrides. Every string value in them is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<&'a ConfigOverrides>,
    /// Application overrides.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub applications: &'a [ApplicationOverride],
    /// Notification overrides; the API refuses an empty array.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub notifications: &'a [NotificationOverride],
}

impl<'a> StartRequest<'a> {
    /// The request for one plan (`None`: the project's default, or the inputs' single test cases), with these
    /// applications: those of the inputs, once builds and deployments are known.
    pub fn new(
        inputs: &'a Inputs,
        trigger: &'a StartFields,
        plan: Option<&'a str>,
        applications: &'a [ApplicationOverride],
    ) -> Self {
        Self {
            trigger,
            project_short_id: inputs.project_short_id.as_deref(),
            test_plan_short_id: plan,
            test_case_ids: &inputs.test_case_ids,
            parameters: inputs.config_overrides.as_ref(),
            applications,
            notifications: &inputs.notifications,
        }
    }
}

/// The start request's fields that say where the run comes from
/// (`RunRequest` in <https://docs.qa.tech/api-reference/start-run>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct StartFields {
    pub trigger: Trigger,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
}

impl From<&Context> for StartFields {
    /// The fields that describe where the start comes from; empty outside GitHub.
    fn from(context: &Context) -> Self {
        if !context.in_github() {
            return Self::default();
        }
        let origin = &context.origin;
        Self {
            trigger: Trigger::Github,
            actor: origin.actor.clone(),
            branch: origin.branch.clone(),
            commit_hash: origin.sha.clone(),
            commit_message: origin.commit_message.clone(),
            repository: origin.repository.clone(),
        }
    }
}

/// Who starts the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum Trigger {
    #[default]
    Api,
    Github,
}

/// Body of `POST /run/{shortId}`. `failedOnly` and `projectTestCaseIds` exclude each other.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RerunRequest<'a> {
    /// Only the failed, skipped and errored cases.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed_only: bool,
    /// These test cases of the project (not of the run).
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub project_test_case_ids: &'a [String],
    /// The project; an organization's key needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_short_id: Option<&'a str>,
}

/// Body of `POST /applications/{applicationShortId}/builds/upload-url`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadUrlRequest<'a> {
    /// Name of the file. Its extension determines the platform.
    pub file_name: &'a str,
    /// The project; an organization's key needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_short_id: Option<&'a str>,
}

/// Answer to it. Both fields are secrets.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadUrlResponse {
    /// Where the file is put; signed, and expires soon.
    pub upload_url: String,
    /// What registers the file afterwards.
    pub build_token: String,
}

/// Body of `POST /applications/{applicationShortId}/builds`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildRequest<'a> {
    /// Platform of the build.
    pub platform: &'static str,
    /// From the answer to `upload-url`; a secret.
    pub build_token: &'a str,
    /// The project; an organization's key needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_short_id: Option<&'a str>,
}

impl Platform {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
        }
    }
}

/// Answer to it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildResponse {
    /// What a start names as the application's environment.
    pub application_build_short_id: String,
}

/// Answer to a start or a rerun. Only a missing short id is an error, since the run was started and is billed.
#[derive(Debug, Clone, Deserialize)]
pub struct StartResponse {
    /// Whether `success` is `false`, which contradicts the status 200. Other values are ignored.
    #[serde(default, rename = "success", deserialize_with = "is_false")]
    pub denied: bool,
    /// The run.
    pub run: StartedRunBody,
}

/// A run that was just created.
#[derive(Debug, Clone)]
pub struct StartedRun {
    /// Internal id.
    pub id: Option<String>,
    /// Short id.
    pub short_id: ShortId,
    /// The run's page.
    pub url: Option<String>,
    /// Number of test cases.
    pub test_count: Option<u64>,
    /// The plan; null in practice for runs without one, and absent from a rerun's answer.
    pub test_plan: Option<StartedPlan>,
}

/// A plan, as a start names it.
#[derive(Debug, Clone)]
pub struct StartedPlan {
    /// Name.
    pub name: Option<String>,
    /// Short id.
    pub short_id: Option<String>,
}

/// A run that was just created, as the answer has it, with both spellings of its short id: the old API had `short_id`, and
/// an answer may have both, which an alias would not take.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StartedRunBody {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    #[serde(deserialize_with = "text")]
    short_id: Option<String>,
    #[serde(rename = "short_id", deserialize_with = "text")]
    old_short_id: Option<String>,
    #[serde(deserialize_with = "text")]
    url: Option<String>,
    #[serde(deserialize_with = "count")]
    test_count: Option<u64>,
    #[serde(deserialize_with = "if_readable")]
    test_plan: Option<StartedPlanBody>,
}

/// A plan, parsed in the same way.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StartedPlanBody {
    #[serde(deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(deserialize_with = "text")]
    short_id: Option<String>,
    #[serde(rename = "short_id", deserialize_with = "text")]
    old_short_id: Option<String>,
}

impl StartedRunBody {
    /// The run as it may be shown; see [`Cleaner`]. `None` if it has no usable short id: one that holds a secret can't be
    /// cleaned, since it is sent again.
    pub fn cleaned(self, cleaner: &Cleaner) -> Option<StartedRun> {
        let Self {
            id,
            short_id,
            old_short_id,
            url,
            test_count,
            test_plan,
        } = self;
        let identifier = |text: Option<String>| text.map(|text| cleaner.identifier(text));
        let short_id = ShortId::new(short_id.or(old_short_id)?).ok()?;
        if cleaner.gives_away_a_secret(&short_id) {
            return None;
        }
        let plan = |plan: StartedPlanBody| {
            let StartedPlanBody {
                name,
                short_id,
                old_short_id,
            } = plan;
            StartedPlan {
                name: name.map(|name| cleaner.text(name)),
                short_id: identifier(short_id.or(old_short_id)),
            }
        };
        Some(StartedRun {
            id: identifier(id),
            short_id,
            url: identifier(url),
            test_count,
            test_plan: test_plan.map(plan),
        })
    }
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
    /// Test cases, at most [`MAX_CASES`](crate::report::merge::MAX_CASES); empty if none were requested. `None` if
    /// there is no list.
    #[serde(default, deserialize_with = "cases")]
    pub run_test_cases: Option<Vec<Listed<RunTestCase>>>,
}

/// One test case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunTestCase {
    /// Id.
    #[serde(deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Short id.
    #[serde(deserialize_with = "lenient")]
    pub short_id: Option<String>,
    /// Name.
    #[serde(deserialize_with = "lenient")]
    pub name: Option<String>,
    /// Status.
    #[serde(deserialize_with = "lenient")]
    pub status: Option<String>,
    /// Result.
    #[serde(deserialize_with = "lenient")]
    pub result: Option<String>,
    /// Title of the outcome.
    #[serde(deserialize_with = "lenient")]
    pub result_title: Option<String>,
    /// Reasoning.
    #[serde(deserialize_with = "lenient")]
    pub evaluation_thought: Option<String>,
    /// Goal.
    #[serde(deserialize_with = "lenient")]
    pub prompt_goal: Option<String>,
    /// Examples.
    #[serde(deserialize_with = "lenient")]
    pub prompt_examples: Option<String>,
}

impl Run {
    /// The run as it may be shown; see [`Cleaner`].
    #[must_use]
    pub fn cleaned(self, cleaner: &Cleaner) -> Self {
        let Self {
            id,
            short_id,
            status,
            result,
            run_test_cases,
        } = self;
        let cases = |cases: Vec<Listed<RunTestCase>>| {
            let cases = cases.into_iter();
            cases.map(|case| case.map(|case| case.cleaned(cleaner))).collect()
        };
        Self {
            id: cleaner.identifier(id),
            short_id,
            status: cleaner.word(status),
            result: result.map(|word| cleaner.word(word)),
            run_test_cases: run_test_cases.map(cases),
        }
    }
}

impl RunTestCase {
    pub(super) fn cleaned(self, cleaner: &Cleaner) -> Self {
        let text = |text: Option<String>| text.map(|text| cleaner.text(text));
        let word = |text: Option<String>| text.map(|text| cleaner.word(text));
        let identifier = |text: Option<String>| text.map(|text| cleaner.identifier(text));
        let Self {
            id,
            short_id,
            name,
            status,
            result,
            result_title,
            evaluation_thought,
            prompt_goal,
            prompt_examples,
        } = self;
        Self {
            id: identifier(id),
            short_id: identifier(short_id),
            name: text(name),
            status: word(status),
            result: word(result),
            result_title: text(result_title),
            evaluation_thought: text(evaluation_thought),
            prompt_goal: text(prompt_goal),
            prompt_examples: text(prompt_examples),
        }
    }

    /// The case as it is merged: without its blank texts.
    pub fn into_snapshot(self) -> CaseSnapshot {
        let given = |text: Option<String>| text.filter(|text| !text.chars().all(char::is_whitespace));
        let Self {
            id,
            short_id,
            name,
            status,
            result,
            result_title,
            evaluation_thought,
            prompt_goal,
            prompt_examples,
        } = self;
        CaseSnapshot {
            id: given(id).unwrap_or_default(),
            short_id: given(short_id).unwrap_or_default(),
            name: given(name).unwrap_or_default(),
            status: given(status).unwrap_or_default(),
            result: given(result),
            title: given(result_title),
            reasoning: given(evaluation_thought),
            goal: given(prompt_goal),
            examples: given(prompt_examples),
        }
    }
}

/// Answer to `GET /run-test-case/{shortId}`: the fields that are used and that `GET /run/{shortId}` does not return.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunTestCaseDetail {
    /// Short id of the case.
    #[serde(deserialize_with = "text")]
    pub short_id: Option<String>,
    /// Short id of its run.
    #[serde(deserialize_with = "text")]
    pub run_short_id: Option<String>,
    /// Id of the test case in the project.
    #[serde(deserialize_with = "text")]
    pub project_test_case_id: Option<String>,
    /// Why it failed.
    #[serde(deserialize_with = "text")]
    pub error_code: Option<String>,
    /// `POSITIVE` or `NEGATIVE`.
    #[serde(deserialize_with = "text")]
    pub classification: Option<String>,
    /// RFC 3339.
    #[serde(deserialize_with = "text")]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(deserialize_with = "text")]
    pub completed_at: Option<String>,
    /// Milliseconds; `None` for what is negative or absurdly long.
    #[serde(deserialize_with = "count")]
    pub duration_ms: Option<u64>,
    /// Durable page of the case.
    #[serde(deserialize_with = "text")]
    pub url: Option<String>,
    /// Signed, and expires: never shown.
    #[serde(deserialize_with = "text")]
    pub screenshot_url: Option<String>,
}

/// The body of an error answer.
#[derive(Debug, Default, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    #[serde(default, deserialize_with = "lenient")]
    message: Option<String>,
    /// The same in an older form.
    #[serde(default, rename = "statusText", deserialize_with = "lenient")]
    status_text: Option<String>,
}

impl ErrorBody {
    /// QA.tech's words; `None` where the body is none of QA.tech's errors.
    pub fn message(body: &[u8]) -> Option<String> {
        let Self { message, status_text } = serde_json::from_slice(body).ok()?;
        message.or(status_text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::qatech::lenient::is_too_many;
    use crate::report::merge::MAX_CASES;
    use proptest::prelude::*;

    #[test]
    fn what_we_do_not_know_is_no_error() {
        let run: Run = serde_json::from_str(
            r#"{"id": "1", "shortId": "a", "status": "PAUSED", "new": {}, "runTestCases":
                [{"name": "x", "result": "MAYBE", "evaluationThought": {"steps": 3}, "duration": 1}, {}]}"#,
        )
        .unwrap();
        assert_eq!(run.result, None);
        let cases: Vec<_> = run.run_test_cases.iter().flatten().filter_map(Listed::case).collect();
        assert_eq!(cases[0].evaluation_thought.as_deref(), Some(r#"{"steps":3}"#));
        assert_eq!(cases[1].name, None);
    }

    #[test]
    fn whatever_stands_in_a_texts_place_is_kept_as_json() {
        for json in [
            "[]",
            "{}",
            "[[],{},[[1,-2,3.5]]]",
            r#"{"a":[true,null,"x\"y\n"],"b":{"c":""}}"#,
            "7",
            "-7",
            "2.5",
            "true",
        ] {
            let case: RunTestCase = serde_json::from_str(&format!(r#"{{"name": {json}, "id": null}}"#)).unwrap();
            assert_eq!((case.name.as_deref(), case.id), (Some(json), None));
        }
    }

    #[test]
    fn a_list_has_an_end() {
        let list = |count| {
            format!(
                r#"{{"id": "1", "shortId": "a", "status": "x", "runTestCases": [{}]}}"#,
                vec!["{}"; count].join(",")
            )
        };
        let run: Run = serde_json::from_str(&list(MAX_CASES)).unwrap();
        assert_eq!(run.run_test_cases.unwrap().len(), MAX_CASES);
        let error = serde_json::from_str::<Run>(&list(MAX_CASES + 1)).unwrap_err();
        assert!(is_too_many(&error), "{error}");
        assert!(!is_too_many(&serde_json::from_str::<Run>("{}").unwrap_err()));
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
        assert_eq!((run.old_short_id.as_deref(), run.test_count), (Some("a"), Some(3)));
        let run = run.cleaned(&Cleaner::default()).unwrap();
        assert_eq!((run.short_id.as_str(), run.test_count), ("a", Some(3)));
        assert!(run.test_plan.is_none());
        let text = r#"{"run": {"shortId": "a", "short_id": "a", "testCount": "many", "testPlan": {"name": "n", "short_id": "pln_x"}}}"#;
        let run = serde_json::from_str::<StartResponse>(text).unwrap().run;
        assert_eq!(run.test_count, None);
        let run = run.cleaned(&Cleaner::default()).unwrap();
        assert_eq!(run.test_plan.unwrap().short_id.as_deref(), Some("pln_x"));
    }

    #[test]
    fn nothing_that_only_adorns_a_start_loses_it() {
        for (field, whole) in [
            (r#""short_id": "old""#, true),
            (r#""short_id": 7, "id": {}, "url": [1], "testCount": {"a": 1}"#, false),
            (r#""testPlan": "pln_x""#, true),
            (r#""testPlan": 7, "url": null"#, false),
            (r#""testPlan": [{"name": "n"}]"#, true),
            (
                r#""testPlan": {"name": {"a": 1}, "shortId": "pln_x", "short_id": "pln_x"}"#,
                true,
            ),
        ] {
            let more = if whole { r#", "id": "1", "testCount": 3"# } else { "" };
            let text = format!(r#"{{"success": true, "run": {{"shortId": "a", {field}{more}}}}}"#);
            let run = serde_json::from_str::<StartResponse>(&text).unwrap().run;
            assert_eq!(run.short_id.as_deref(), Some("a"), "{text}");
            let known = (run.id.as_deref(), run.test_count);
            assert_eq!(known, if whole { (Some("1"), Some(3)) } else { (None, None) }, "{text}");
            assert_eq!(run.url, None, "{text}");
        }
        let text = r#"{"run": {"shortId": null, "short_id": "old"}}"#;
        let run = serde_json::from_str::<StartResponse>(text).unwrap().run;
        assert_eq!(run.cleaned(&Cleaner::default()).unwrap().short_id.as_str(), "old");
    }

    #[test]
    fn only_false_denies_a_start() {
        for (success, denied) in [
            ("false", true),
            ("true", false),
            ("1", false),
            ("0", false),
            (r#""true""#, false),
            (r#""false""#, false),
            ("null", false),
            ("{}", false),
        ] {
            let text = format!(r#"{{"success": {success}, "run": {{"shortId": "a"}}}}"#);
            let response: StartResponse = serde_json::from_str(&text).unwrap();
            assert_eq!(response.denied, denied, "{success}");
        }
    }

    #[test]
    fn a_list_that_is_none_costs_nothing_but_the_list() {
        let read = |list: &str| {
            let text = format!(r#"{{"id": "1", "shortId": "a", "status": "x", "runTestCases": {list}}}"#);
            serde_json::from_str::<Run>(&text).unwrap().run_test_cases
        };
        for list in ["null", "{}", r#"{"a": [1]}"#, r#""none""#, "3", "-3", "2.5", "true"] {
            assert!(read(list).is_none(), "{list}");
        }
        // An element that is not a test case becomes one without fields: it must not count as passed, nor be omitted.
        let list = read(r#"[null, 7, -7, 2.5, true, "x", ["y"], {"name": "n"}]"#).unwrap();
        let cases: Vec<_> = list.iter().filter_map(Listed::case).collect();
        assert_eq!(cases.len(), 8);
        assert!(
            cases[..7]
                .iter()
                .all(|case| case.name.is_none() && case.status.is_none())
        );
        assert_eq!(cases[7].name.as_deref(), Some("n"));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\PC{0,200}") {
            let _ = serde_json::from_str::<Run>(&body);
            let _ = serde_json::from_str::<StartResponse>(&body);
        }
    }
}
