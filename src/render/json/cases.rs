//! Test cases in the JSON report, created one at a time while they are written.

use crate::render::duration::utc;
use crate::render::escape::json_text;
use crate::report::{Case, CaseAttempt, CaseDetails, Classification, FailureKind, Millis, Observed, QuarantineNote};
use serde::{Serialize, Serializer};

/// All cases of a run.
pub(super) struct Cases<'a>(pub(super) &'a [Case]);

impl Serialize for Cases<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(CaseJson::from))
    }
}

#[derive(Serialize)]
struct CaseJson<'a> {
    #[serde(serialize_with = "json_text::text")]
    id: &'a str,
    #[serde(serialize_with = "json_text::text")]
    short_id: &'a str,
    #[serde(serialize_with = "json_text::text")]
    name: &'a str,
    outcome: &'static str,
    #[serde(serialize_with = "json_text::optional_text")]
    goal: Option<&'a str>,
    #[serde(serialize_with = "json_text::optional_text")]
    examples: Option<&'a str>,
    quarantined: bool,
    quarantine: Option<QuarantineJson<'a>>,
    attempts: Vec<CaseAttemptJson<'a>>,
}

impl<'a> From<&'a Case> for CaseJson<'a> {
    fn from(case: &'a Case) -> Self {
        let Case {
            id,
            short_id,
            name,
            goal,
            examples,
            outcome,
            attempts,
            quarantine,
        } = case;
        Self {
            id,
            short_id,
            name,
            outcome: outcome.as_str(),
            goal: goal.as_deref(),
            examples: examples.as_deref(),
            quarantined: case.is_quarantined_failure(),
            quarantine: quarantine.as_ref().map(QuarantineJson::from),
            attempts: attempts.iter().map(CaseAttemptJson::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct QuarantineJson<'a> {
    reason: Option<&'a str>,
    until: Option<&'a str>,
}

impl<'a> From<&'a QuarantineNote> for QuarantineJson<'a> {
    fn from(note: &'a QuarantineNote) -> Self {
        let QuarantineNote { reason, until } = note;
        Self {
            reason: reason.as_deref(),
            until: until.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct CaseAttemptJson<'a> {
    attempt: usize,
    short_id: &'a str,
    outcome: &'static str,
    status: &'a str,
    result: Option<&'a str>,
    #[serde(serialize_with = "json_text::optional_text")]
    title: Option<&'a str>,
    #[serde(serialize_with = "json_text::optional_text")]
    reasoning: Option<&'a str>,
    first_seen_ms: Millis,
    running_ms: Option<Millis>,
    ended_ms: Option<Millis>,
    details: Option<DetailsJson<'a>>,
}

/// QA.tech's details of a case in one attempt, without the screenshot.
#[derive(Serialize)]
struct DetailsJson<'a> {
    error_code: Option<&'a str>,
    failure_kind: Option<&'static str>,
    classification: Option<&'static str>,
    started_at: Option<String>,
    completed_at: Option<String>,
    duration_ms: Option<Millis>,
    url: Option<&'a str>,
    project_test_case_id: Option<&'a str>,
}

impl<'a> From<&'a CaseDetails> for DetailsJson<'a> {
    fn from(details: &'a CaseDetails) -> Self {
        let CaseDetails {
            error_code,
            classification,
            started_at,
            completed_at,
            duration,
            url: _,
            project_test_case_id,
            screenshot: _,
        } = details;
        Self {
            error_code: error_code.as_deref(),
            failure_kind: details.failure_kind().map(FailureKind::as_str),
            classification: classification.map(Classification::as_str),
            started_at: started_at.and_then(utc),
            completed_at: completed_at.and_then(utc),
            duration_ms: *duration,
            url: details.link(),
            project_test_case_id: project_test_case_id.as_deref(),
        }
    }
}

impl<'a> From<&'a CaseAttempt> for CaseAttemptJson<'a> {
    fn from(of: &'a CaseAttempt) -> Self {
        let CaseAttempt {
            attempt,
            outcome,
            counts: _,
            short_id,
            details,
            status,
            result,
            title,
            reasoning,
            observed:
                Observed {
                    first_seen,
                    running,
                    ended,
                },
        } = of;
        Self {
            attempt: *attempt,
            short_id,
            outcome: outcome.as_str(),
            status,
            result: result.as_deref(),
            title: title.as_deref(),
            reasoning: reasoning.as_deref(),
            first_seen_ms: *first_seen,
            running_ms: *running,
            ended_ms: *ended,
            details: details.as_deref().map(DetailsJson::from),
        }
    }
}
