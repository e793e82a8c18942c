//! The entries of a CTRF report: one a test case, and those that stand for whole runs.

use crate::render::ctrf::{AttemptExtra, Line, Text, synthetic_cases, text};
use crate::render::escape::one_line;
use crate::render::synthetic_case;
use crate::render::synthetic_case::{Ending, SyntheticCase};
use crate::report::{Case, CaseAttempt, CaseOutcome, Millis, Observed, Report, RunReport};
use serde::{Serialize, Serializer};

/// The entries, made one by one while they are written.
pub(super) struct Tests<'a>(pub(super) &'a Report);

impl Serialize for Tests<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let started_at = self.0.started_at;
        let runs = self.0.runs.iter();
        let cases = runs.flat_map(|run| run.cases.iter().map(move |case| Test::of_case(run, case, started_at)));
        let wholes: Vec<_> = synthetic_cases(self.0).collect();
        let wholes = wholes.iter().map(|(label, whole)| Test::of_whole(label, whole));
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
    fn of_case(run: &'a RunReport, case: &'a Case, started_at: u64) -> Self {
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
        let latest = attempts.last();
        // A rerun that did not see the case end takes nothing back: the failure is still what is to be told.
        let told = if outcome.is_bad() {
            case.decisive_attempt()
        } else {
            latest
        };
        let is_other = |attempt: &CaseAttempt| !told.is_some_and(|told| std::ptr::eq(told, attempt));
        let others: Vec<_> = (1..).zip(attempts).filter(|(_, attempt)| is_other(attempt)).collect();
        let times = Times::of(told, started_at);
        let stable = [id, short_id].into_iter().find(|id| !one_line(id).is_empty());
        let shown = [name, short_id].into_iter().find(|name| !one_line(name).is_empty());
        Self {
            test_id: stable.map(|id| Line(id)),
            name: Line(shown.map_or("unnamed", String::as_str)),
            status: status(*outcome),
            duration: times.duration,
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
                .map(|(number, attempt)| RetryAttempt::of(run, attempt, number, started_at))
                .collect(),
            flaky: *outcome == CaseOutcome::Flaky,
            extra: TestExtra {
                outcome: outcome.as_str(),
                short_id: Some(Text(short_id)),
                goal: text(goal.as_ref()),
                examples: text(examples.as_ref()),
                run: told.and_then(|told| AttemptExtra::of(run, told)),
                times: Some(times.source),
            },
        }
    }

    fn of_whole(label: &'a str, whole: &'a SyntheticCase) -> Self {
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
                outcome: "synthetic_case",
                short_id: None,
                goal: None,
                examples: None,
                run: None,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<&'static str>,
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
    times: &'static str,
}

impl<'a> RetryAttempt<'a> {
    fn of(run: &'a RunReport, of: &'a CaseAttempt, number: usize, started_at: u64) -> Self {
        let times = Times::of(Some(of), started_at);
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
            duration: times.duration,
            start: times.start,
            stop: times.stop,
            message: text(title.as_ref()),
            trace: text(reasoning.as_ref()),
            extra: RetryExtra {
                outcome: outcome.as_str(),
                raw_status: Text(raw_status(of)),
                run: AttemptExtra::of(run, of),
                times: times.source,
            },
        }
    }
}

/// Observed times of a case.
struct Times {
    duration: Millis,
    start: Option<u64>,
    stop: Option<u64>,
    source: &'static str,
}

impl Times {
    fn of(attempt: Option<&CaseAttempt>, started_at: u64) -> Self {
        let Observed {
            first_seen: _,
            running,
            ended,
        } = attempt.map(|attempt| attempt.observed).unwrap_or_default();
        let duration = running.zip(ended).map(|(from, to)| to.saturating_sub(from));
        Self {
            duration: duration.unwrap_or(0),
            start: running.map(|at| started_at.saturating_add(at)),
            stop: ended.map(|at| started_at.saturating_add(at)),
            source: match duration {
                Some(_) => "observed between polls",
                None => "duration not observed",
            },
        }
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
