//! The entries of a CTRF report: one for each test case, and synthetic ones for whole runs.

use crate::render::ctrf::parts::{AttemptExtra, Line, Text, synthetic_cases, text};
use crate::render::escape::{is_blank, one_line};
use crate::render::synthetic_case;
use crate::render::synthetic_case::{Ending, SyntheticCase};
use crate::render::times::{TimeSource, Times};
use crate::report::{
    Case, CaseAttempt, CaseOutcome, Classification, FailureKind, Millis, QuarantineNote, Report, RunReport,
};
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
        // A rerun that did not see the case end takes nothing back: the failure is still what is reported.
        let reported = if case.outcome.is_bad() {
            case.decisive_attempt()
        } else {
            case.latest()
        };
        let is_other = |attempt: &CaseAttempt| !reported.is_some_and(|reported| std::ptr::eq(reported, attempt));
        let others: Vec<_> = (1..)
            .zip(&case.attempts)
            .filter(|(_, attempt)| is_other(attempt))
            .collect();
        let times = reported
            .map(|attempt| Times::new(attempt, started_at))
            .unwrap_or_default();
        let id = [&case.id, &case.short_id]
            .into_iter()
            .find(|id| !one_line(id).is_empty());
        let name = Some(case.label()).filter(|name| !is_blank(name));
        Self {
            test_id: id.map(|id| Line(id)),
            name: Line(name.unwrap_or("unnamed")),
            status: status(case.outcome),
            duration: times.duration.unwrap_or(0),
            start: times.start,
            stop: times.stop,
            suite: [Line(run.label())],
            message: reported.and_then(|attempt| text(attempt.title.as_ref())),
            trace: reported.and_then(|attempt| text(attempt.reasoning.as_ref())),
            raw_status: Line(reported.map_or("", raw_status)),
            r#type: "e2e",
            retries: (!others.is_empty()).then_some(others.len()),
            retry_attempts: others
                .into_iter()
                .map(|(number, attempt)| RetryAttempt::new(run, attempt, number, started_at))
                .collect(),
            flaky: case.outcome == CaseOutcome::Flaky,
            extra: TestExtra {
                outcome: case.outcome.as_str(),
                short_id: Some(Text(&case.short_id)),
                goal: text(case.goal.as_ref()),
                examples: text(case.examples.as_ref()),
                run: reported.and_then(|attempt| AttemptExtra::from_case(run, attempt)),
                details: reported.and_then(DetailsExtra::from_attempt),
                quarantined: case.is_quarantined_failure(),
                quarantine: case.quarantine.as_ref().map(QuarantineExtra::from),
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
        Some(Self {
            error_code: text(details.error_code.as_ref()),
            failure_kind: details.failure_kind().map(FailureKind::as_str),
            classification: details.classification.map(Classification::as_str),
            page_url: details.link(),
            project_test_case_id: text(details.project_test_case_id.as_ref()),
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
    fn new(run: &'a RunReport, attempt: &'a CaseAttempt, number: usize, started_at: u64) -> Self {
        let times = Times::new(attempt, started_at);
        Self {
            attempt: number,
            status: status(attempt.outcome),
            duration: times.duration.unwrap_or(0),
            start: times.start,
            stop: times.stop,
            message: text(attempt.title.as_ref()),
            trace: text(attempt.reasoning.as_ref()),
            extra: RetryExtra {
                outcome: attempt.outcome.as_str(),
                raw_status: Text(raw_status(attempt)),
                run: AttemptExtra::from_case(run, attempt),
                details: DetailsExtra::from_attempt(attempt),
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
