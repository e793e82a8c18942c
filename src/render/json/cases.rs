//! Test cases in the JSON report, made one by one while they are written.

use crate::report::{Case, CaseAttempt, Millis, Observed};
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
    id: &'a str,
    short_id: &'a str,
    name: &'a str,
    outcome: &'static str,
    goal: Option<&'a str>,
    examples: Option<&'a str>,
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
            quarantine: _,
        } = case;
        Self {
            id,
            short_id,
            name,
            outcome: outcome.as_str(),
            goal: goal.as_deref(),
            examples: examples.as_deref(),
            attempts: attempts.iter().map(CaseAttemptJson::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct CaseAttemptJson<'a> {
    attempt: usize,
    outcome: &'static str,
    status: &'a str,
    result: Option<&'a str>,
    title: Option<&'a str>,
    reasoning: Option<&'a str>,
    first_seen_ms: Millis,
    running_ms: Option<Millis>,
    ended_ms: Option<Millis>,
}

impl<'a> From<&'a CaseAttempt> for CaseAttemptJson<'a> {
    fn from(of: &'a CaseAttempt) -> Self {
        let CaseAttempt {
            attempt,
            outcome,
            counts: _,
            short_id: _,
            details: _,
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
            outcome: outcome.as_str(),
            status,
            result: result.as_deref(),
            title: title.as_deref(),
            reasoning: reasoning.as_deref(),
            first_seen_ms: *first_seen,
            running_ms: *running,
            ended_ms: *ended,
        }
    }
}
