//! The entries of a CTRF report: one a test case, and those that stand for whole runs.

use crate::render::case_facts::{classification, kind_word, page};
use crate::render::ctrf::parts::{AttemptExtra, Line, Text, synthetic_cases, text};
use crate::render::escape::one_line;
use crate::render::synthetic_case;
use crate::render::synthetic_case::{Ending, SyntheticCase};
use crate::render::times::{TimeSource, Times};
use crate::report::{Case, CaseAttempt, CaseDetails, CaseOutcome, Millis, QuarantineNote, Report, RunReport};
use serde::{Serialize, Serializer};

/// The entries, made one by one while they are written.
pub(super) struct Tests<'a>(pub(super) &'a Report);

impl Serialize for Tests<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let started_at = self.0.started_at;
        let runs = self.0.runs.iter();
        let cases = runs.flat_map(|run| run.cases.iter().map(move |case| Test::from_case(run, case, started_at)));
        let wholes: Vec<_> = synthetic_cases(self.0).collect();
        let wholes = wholes.iter().map(|(label, whole)| Test::from_synthetic(label, whole));
        serializer.collect_seq(cases.chain(wholes))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Test<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    test_id: Option<Line<'a>>,
    name: Line<'a>,
    status: &'static str,
    duration: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<u64>,
    suite: [Line<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Text<'a>>,
    raw_status: Line<'a>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retry_attempts: Vec<RetryAttempt<'a>>,
    flaky: bool,
    extra: TestExtra<'a>,
}

impl<'a> Test<'a> {
    fn from_case(run: &'a RunReport, case: &'a Case, started_at: u64) -> Self {
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
        let latest = attempts.last();
        // A rerun that did not see the case end takes nothing back: the failure is still what is to be told.
        let told = if outcome.is_bad() {
            case.decisive_attempt()
        } else {
            latest
        };
        let is_other = |attempt: &CaseAttempt| !told.is_some_and(|told| std::ptr::eq(told, attempt));
        let others: Vec<_> = (1..).zip(attempts).filter(|(_, attempt)| is_other(attempt)).collect();
        let times = told.map(|told| Times::new(told, started_at)).unwrap_or_default();
        let stable = [id, short_id].into_iter().find(|id| !one_line(id).is_empty());
        let shown = [name, short_id].into_iter().find(|name| !one_line(name).is_empty());
        Self {
            test_id: stable.map(|id| Line(id)),
            name: Line(shown.map_or("unnamed", String::as_str)),
            status: status(*outcome),
            duration: times.duration.unwrap_or(0),
            start: times.start,
            stop: times.stop,
            suite: [Line(run.label())],
            message: told.and_then(|told| text(told.title.as_ref())),
            trace: told.and_then(|told| text(told.reasoning.as_ref())),
            raw_status: Line(told.map_or("", raw_status)),
            r#type: "e2e",
            retries: (!others.is_empty()).then_some(others.len()),
            retry_attempts: others
                .into_iter()
                .map(|(number, attempt)| RetryAttempt::new(run, attempt, number, started_at))
                .collect(),
            flaky: *outcome == CaseOutcome::Flaky,
            extra: TestExtra {
                outcome: outcome.as_str(),
                short_id: Some(Text(short_id)),
                goal: text(goal.as_ref()),
                examples: text(examples.as_ref()),
                run: told.and_then(|told| AttemptExtra::of_case(run, told)),
                details: told.and_then(DetailsExtra::from_attempt),
                quarantined: case.is_quarantined_failure(),
                quarantine: quarantine.as_ref().map(QuarantineExtra::from),
                times: Some(source(times.source)),
            },
        }
    }

    fn from_synthetic(label: &'a str, whole: &'a SyntheticCase) -> Self {
        let SyntheticCase { ending, word, message } = whole;
        Self {
            test_id: None,
            name: Line(synthetic_case::NAME),
            status: match ending {
                Ending::Passed => "passed",
                Ending::Skipped => "skipped",
                Ending::Broken => "failed",
            },
            duration: 0,
            start: None,
            stop: None,
            suite: [Line(label)],
            message: Some(Text(message)),
            trace: None,
            raw_status: Line(word),
            r#type: "e2e",
            retries: None,
            retry_attempts: Vec::new(),
            flaky: false,
            extra: TestExtra {
                outcome: "whole_run",
                short_id: None,
                goal: None,
                examples: None,
                run: None,
                details: None,
                quarantined: false,
                quarantine: None,
                times: None,
            },
        }
    }
}

#[derive(Serialize)]
struct TestExtra<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_id: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    examples: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<AttemptExtra<'a>>,
    #[serde(flatten)]
    details: Option<DetailsExtra<'a>>,
    quarantined: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<QuarantineExtra<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<&'static str>,
}

/// What QA.tech's details of a case say besides its times.
#[derive(Serialize)]
struct DetailsExtra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_test_case_id: Option<Text<'a>>,
}

impl<'a> DetailsExtra<'a> {
    fn from_attempt(attempt: &'a CaseAttempt) -> Option<Self> {
        let details = attempt.details.as_deref()?;
        let CaseDetails {
            error_code,
            classification: expected,
            started_at: _,
            completed_at: _,
            duration: _,
            url: _,
            project_test_case_id,
            screenshot: _,
        } = details;
        Some(Self {
            error_code: text(error_code.as_ref()),
            failure_kind: details.failure_kind().map(kind_word),
            classification: expected.map(classification),
            page_url: page(details),
            project_test_case_id: text(project_test_case_id.as_ref()),
        })
    }
}

/// The quarantine entry of a case.
#[derive(Serialize)]
struct QuarantineExtra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Text<'a>>,
}

impl<'a> From<&'a QuarantineNote> for QuarantineExtra<'a> {
    fn from(note: &'a QuarantineNote) -> Self {
        let QuarantineNote { reason, until } = note;
        Self {
            reason: text(reason.as_ref()),
            until: text(until.as_ref()),
        }
    }
}

#[derive(Serialize)]
struct RetryAttempt<'a> {
    attempt: usize,
    status: &'static str,
    duration: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Text<'a>>,
    extra: RetryExtra<'a>,
}

#[derive(Serialize)]
struct RetryExtra<'a> {
    outcome: &'static str,
    raw_status: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<AttemptExtra<'a>>,
    #[serde(flatten)]
    details: Option<DetailsExtra<'a>>,
    times: &'static str,
}

impl<'a> RetryAttempt<'a> {
    fn new(run: &'a RunReport, of: &'a CaseAttempt, number: usize, started_at: u64) -> Self {
        let times = Times::new(of, started_at);
        let CaseAttempt {
            attempt: _,
            outcome,
            counts: _,
            status: _,
            result: _,
            title,
            reasoning,
            observed: _,
            short_id: _,
            details: _,
        } = of;
        Self {
            attempt: number,
            status: status(*outcome),
            duration: times.duration.unwrap_or(0),
            start: times.start,
            stop: times.stop,
            message: text(title.as_ref()),
            trace: text(reasoning.as_ref()),
            extra: RetryExtra {
                outcome: outcome.as_str(),
                raw_status: Text(raw_status(of)),
                run: AttemptExtra::of_case(run, of),
                details: DetailsExtra::from_attempt(of),
                times: source(times.source),
            },
        }
    }
}

/// Where the times of an entry are from.
fn source(source: TimeSource) -> &'static str {
    match source {
        TimeSource::Reported => "reported by QA.tech",
        TimeSource::Observed => "observed between polls",
        TimeSource::Unknown => "duration not observed",
    }
}

fn status(outcome: CaseOutcome) -> &'static str {
    match outcome {
        CaseOutcome::Passed | CaseOutcome::Flaky => "passed",
        CaseOutcome::Failed | CaseOutcome::Errored => "failed",
        CaseOutcome::Skipped => "skipped",
        CaseOutcome::Unfinished => "pending",
    }
}

fn raw_status(attempt: &CaseAttempt) -> &str {
    attempt.result.as_deref().unwrap_or(&attempt.status)
}
