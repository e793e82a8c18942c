//! JUnit XML: one suite a run, one case a test case, valid against the schema of Jenkins' xUnit plugin (`junit-10.xsd`).
//!
//! - `time` is QA.tech's duration where the details of a case give it, else as observed, else zero: readers make `NaN` of
//!   a `time` that is missing. A suite has a `timestamp` where we created the run ourselves.
//! - Cases that did not finish are `skipped` with a message: nothing is known against them, and where that leaves a red
//!   run without a red case, [`SyntheticCase`] adds one that gives the reason.
//! - Reruns follow Surefire, as nextest does: a case that passed in the end has `flakyFailure`/`flakyError` for what went
//!   before, one that failed has its first failure as such and `rerunFailure`/`rerunError` for the others.
//! - The schema has no `properties` on a test case. They are lines `[[PROPERTY|name=value]]` in its `system-out`, as
//!   <https://github.com/testmoapp/junitxml> documents for such readers.

mod marks;
mod names;
mod root;
mod texts;

use crate::render::buffer::Buffer;
use crate::render::synthetic_case;
use crate::render::synthetic_case::{Ending, SyntheticCase};
use crate::render::times::Times;
use crate::report::{AttemptOrigin, Case, CaseAttempt, CaseOutcome, Millis, Report, RunReport, TestPlan};
use chrono::{DateTime, Utc};
use marks::{Deferred, Marks};
use names::Wanted;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestRerun, TestSuite, XmlString};
use root::WithoutRootSkipped;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::time::Duration;
use texts::{Entry, RunTexts};

/// Longest name of a suite, which is the class of its cases, in characters.
const MAX_CLASS: usize = 100;
/// Longest `classname.name`, in characters: a title at GitHub has 255.
const MAX_IDENTITY: usize = 250;

/// Writes the report as JUnit XML.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut impl io::Write) -> io::Result<()> {
    let Report {
        started_at: _,
        duration,
        mode: _,
        origin: _,
        runs,
        interrupted_by: _,
        fail_on: _,
        warnings: _,
        trend: _,
    } = report;
    let mut junit = quick_junit::Report::new(synthetic_case::SUITE);
    junit.set_time(Duration::from_millis(*duration));
    let mut marks = Marks::new();
    let classes = classes(runs);
    for (run, class) in runs.iter().zip(&classes) {
        junit.add_test_suite(suite(report, run, class, &mut marks));
    }
    if runs.is_empty() {
        let class = synthetic_case::SUITE.replace('.', "_");
        let mut suite = TestSuite::new(synthetic_case::SUITE);
        suite.set_time(Duration::ZERO);
        suite.add_test_case(synthetic_case(&SyntheticCase::without_runs(report), &class));
        junit.add_test_suite(suite);
    }
    // The serializer makes many small writes.
    let mut out = marks.written_to(Buffer::new(out));
    junit
        .serialize(WithoutRootSkipped::new(&mut out))
        .map_err(io::Error::other)?;
    out.finish()
}

/// A name for each run: of its suite, and as the class of its cases. Without dots, since readers take what is before one
/// for a package.
fn classes(runs: &[RunReport]) -> Vec<String> {
    let labels: Vec<String> = runs.iter().map(|run| run.label().replace('.', "_")).collect();
    let ids: Vec<[String; 2]> = runs
        .iter()
        .map(|run| {
            let plan = run.plan.as_ref().map(|plan| plan.short_id.as_str());
            let plan = plan.or(run.requested_plan.as_deref()).unwrap_or_default();
            let latest = run.latest().map_or("", |latest| &latest.short_id);
            [plan.replace('.', "_"), latest.replace('.', "_")]
        })
        .collect();
    let wanted: Vec<_> = labels
        .iter()
        .zip(&ids)
        .map(|(label, [plan, latest])| Wanted {
            name: label,
            tags: [plan, latest],
        })
        .collect();
    names::unique(&wanted, MAX_CLASS, HashSet::new())
}

fn suite<'a>(report: &Report, run: &'a RunReport, class: &'a str, marks: &mut Marks<'a>) -> TestSuite {
    let RunReport {
        requested_plan: _,
        plan: _,
        created: _,
        attempts,
        cases,
        listed: _,
        verdict: _,
        problem: _,
    } = run;
    let mut suite = TestSuite::new(XmlString::new(class));
    let first = attempts.first().filter(|first| first.origin == AttemptOrigin::Started);
    if let Some(created) = first.and_then(|first| timestamp(report.started_at.saturating_add(first.began))) {
        suite.set_timestamp(created);
    }
    let spans = attempts.iter().map(|attempt| {
        let ended = attempt.ended.unwrap_or(report.duration);
        ended.saturating_sub(attempt.began)
    });
    suite.set_time(Duration::from_millis(spans.fold(0, Millis::saturating_add)));
    for (name, value) in suite_properties(run) {
        suite.add_property((XmlString::new(name), texts::line(&value)));
    }

    let wanted: Vec<_> = cases
        .iter()
        .map(|case| Wanted {
            name: &case.name,
            tags: [&case.short_id, &case.id],
        })
        .collect();
    let whole = SyntheticCase::from_run(run);
    let taken = whole.iter().map(|_| synthetic_case::NAME.to_owned()).collect();
    let room = MAX_IDENTITY - 1 - class.chars().count().min(MAX_CLASS);
    let names = names::unique(&wanted, room, taken);
    for (case, name) in cases.iter().zip(names) {
        suite.add_test_case(test_case(report, run, case, [name.into(), class.into()], marks));
    }
    if let Some(whole) = whole {
        suite.add_test_case(synthetic_case(&whole, class));
    }
    suite
}

/// The properties of a suite, which describe its run.
fn suite_properties(run: &RunReport) -> Vec<(String, String)> {
    let RunReport {
        requested_plan,
        plan,
        created: _,
        attempts,
        cases,
        listed: _,
        verdict,
        problem,
    } = run;
    let mut properties = Vec::new();
    let mut property = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            properties.push((name.to_owned(), value.to_owned()));
        }
    };
    property("verdict", verdict.map(|verdict| verdict.as_str()));
    property("problem", problem.as_deref());
    match plan {
        Some(TestPlan { short_id, name: _ }) => property("test_plan_short_id", Some(short_id)),
        None => property("test_plan_short_id", requested_plan.as_deref()),
    }
    if let Some(latest) = run.latest() {
        property("run_short_id", Some(&latest.short_id));
        property("run_url", latest.link());
        property("run_status", latest.status.as_deref());
        property("run_result", latest.result.as_deref());
    }
    if attempts.len() > 1 {
        for (at, attempt) in attempts.iter().enumerate() {
            property(&format!("attempt_{}", at + 1), Some(&texts::attempt_line(attempt)));
        }
    }
    let known = u64::try_from(cases.len()).unwrap_or(u64::MAX);
    let missing = run.counts().total.saturating_sub(known);
    if missing > 0 {
        property("cases_not_listed", Some(&missing.to_string()));
    }
    let quarantined = run.counts().quarantined;
    if quarantined > 0 {
        property("quarantined", Some(&quarantined.to_string()));
    }
    properties
}

/// Its texts are put in the order in which quick-junit writes them. `names`: name and class.
fn test_case<'a>(
    report: &Report,
    run: &'a RunReport,
    case: &'a Case,
    names: [Cow<'a, str>; 2],
    marks: &mut Marks<'a>,
) -> TestCase {
    let Case {
        id: _,
        short_id: _,
        name: _,
        goal: _,
        examples: _,
        outcome,
        attempts,
        quarantine: _,
    } = case;
    let [name, class] = names.map(|name| marks.put(Deferred::Text(name)));
    let status = match outcome {
        CaseOutcome::Passed => TestCaseStatus::success(),
        CaseOutcome::Flaky => {
            let mut status = TestCaseStatus::success();
            status.add_reruns(attempts.iter().filter_map(|attempt| rerun(run, case, attempt, marks)));
            status
        }
        CaseOutcome::Failed => non_success(run, case, NonSuccessKind::Failure, marks),
        CaseOutcome::Errored => non_success(run, case, NonSuccessKind::Error, marks),
        CaseOutcome::Skipped | CaseOutcome::Unfinished => skipped(run, case, marks),
    };
    let mut junit = TestCase::new(name, status);
    junit.set_classname(class);
    // The time of the attempt that the case ended with.
    let timed = match outcome {
        CaseOutcome::Failed | CaseOutcome::Errored => first_like(case).map(|(_, attempt)| attempt),
        CaseOutcome::Flaky | CaseOutcome::Skipped | CaseOutcome::Unfinished | CaseOutcome::Passed => case.latest(),
    };
    let time = timed.and_then(|attempt| Times::new(attempt, report.started_at).duration);
    junit.set_time(Duration::from_millis(time.unwrap_or(0)));
    junit.set_system_out(marks.put(Deferred::Properties(run, case)));
    junit
}

/// The first attempt with the outcome of the case, with its index, else the decisive attempt.
fn first_like(case: &Case) -> Option<(Option<usize>, &CaseAttempt)> {
    let mut attempts = case.attempts.iter().enumerate();
    match attempts.find(|(_, attempt)| attempt.outcome == case.outcome) {
        Some((at, attempt)) => Some((Some(at), attempt)),
        None => case.decisive_attempt().map(|attempt| (None, attempt)),
    }
}

/// A failed or errored case: the first attempt that ended as the case did, then the other bad ones as reruns.
fn non_success<'a>(run: &'a RunReport, case: &'a Case, kind: NonSuccessKind, marks: &mut Marks<'a>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let reported = first_like(case);
    if let Some((_, attempt)) = reported {
        let [message, kind, body] = texts_of(Entry::bad(run, case, attempt), marks);
        status.set_type(kind).set_message(message).set_description(body);
    }
    let main = reported.and_then(|(at, _)| at);
    let others = case.attempts.iter().enumerate().filter(|(at, _)| Some(*at) != main);
    status.add_reruns(others.filter_map(|(_, attempt)| rerun(run, case, attempt, marks)));
    status
}

fn skipped<'a>(run: &'a RunReport, case: &'a Case, marks: &mut Marks<'a>) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    if let Some(attempt) = case.latest() {
        let [message, kind, body] = texts_of(Entry::skipped(run, case, attempt), marks);
        status.set_type(kind).set_message(message).set_description(body);
    }
    status
}

/// A failed or errored attempt of a case as a rerun element; others have none.
fn rerun<'a>(run: &'a RunReport, case: &'a Case, attempt: &'a CaseAttempt, marks: &mut Marks<'a>) -> Option<TestRerun> {
    let kind = match attempt.outcome {
        CaseOutcome::Failed => NonSuccessKind::Failure,
        CaseOutcome::Errored => NonSuccessKind::Error,
        CaseOutcome::Flaky | CaseOutcome::Skipped | CaseOutcome::Unfinished | CaseOutcome::Passed => return None,
    };
    let mut rerun = TestRerun::new(kind);
    let [message, kind, body] = texts_of(Entry::bad(run, case, attempt), marks);
    rerun.set_type(kind).set_message(message).set_stack_trace(body);
    Some(rerun)
}

/// Message, type and body of an element, in the order in which quick-junit writes them.
fn texts_of<'a>(entry: Entry<'a>, marks: &mut Marks<'a>) -> [XmlString; 3] {
    [Deferred::Message(entry), Deferred::Kind(entry), Deferred::Body(entry)].map(|text| marks.put(text))
}

/// The entry for a run itself.
fn synthetic_case(whole: &SyntheticCase, class: &str) -> TestCase {
    let SyntheticCase {
        ending,
        result,
        message,
    } = whole;
    let mut status = match ending {
        Ending::Passed => TestCaseStatus::success(),
        Ending::Skipped => TestCaseStatus::skipped(),
        Ending::Broken => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let RunTexts { kind, message, body } = RunTexts::new(result, message);
    status.set_type(kind).set_message(message).set_description(body);
    let mut case = TestCase::new(synthetic_case::NAME, status);
    case.set_classname(XmlString::new(class));
    case.set_time(Duration::ZERO);
    case
}

fn timestamp(at: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(at).ok()?)
}

#[cfg(test)]
mod tests;
