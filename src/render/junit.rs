//! JUnit XML: one suite a run, one case a test case.
//!
//! Nothing here has a `time`, since the API gives none. A suite has a `timestamp` where we created the run ourselves.
//! Cases that did not finish are `skipped` with a message: nothing is known against them, and where that leaves a red
//! run without a red case, [`SyntheticCase`] adds one that tells why. Reruns follow Surefire, as nextest does: a case that
//! passed in the end has `flakyFailure`/`flakyError` for what went before, one that failed has its first failure as
//! such and `rerunFailure`/`rerunError` for the others.

use crate::render::escape::{clean, cut_chars, is_blank, one_line};
use crate::render::synthetic_case;
use crate::render::synthetic_case::{Ending, SyntheticCase};
use crate::report::{Attempt, AttemptOrigin, Case, CaseAttempt, CaseOutcome, Report, RunReport, TestPlan};
use chrono::{DateTime, Utc};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestRerun, TestSuite, XmlString};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

/// Longest name of a suite, which is the class of its cases, in characters.
const LABEL_CHARS: usize = 200;
/// Longest `message` attribute, in characters; the element's text has the whole.
const MESSAGE_CHARS: usize = 500;

/// Writes the report as JUnit XML.
pub fn write(report: &Report, out: &mut impl io::Write) -> io::Result<()> {
    let Report {
        started_at,
        duration: _,
        mode: _,
        origin: _,
        runs,
        interrupted_by: _,
        fail_on: _,
        warnings: _,
        trend: _,
    } = report;
    let mut junit = quick_junit::Report::new(synthetic_case::SUITE);
    for run in runs {
        junit.add_test_suite(suite(run, *started_at));
    }
    if runs.is_empty() {
        let mut suite = TestSuite::new(synthetic_case::SUITE);
        suite.add_test_case(synthetic_case(
            &SyntheticCase::without_runs(report),
            synthetic_case::SUITE,
        ));
        junit.add_test_suite(suite);
    }
    // The serializer makes many small writes.
    let mut out = io::BufWriter::new(out);
    junit.serialize(&mut out).map_err(io::Error::other)?;
    io::Write::flush(&mut out)
}

fn suite(run: &RunReport, started_at: u64) -> TestSuite {
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
    let label = match run.label() {
        blank if is_blank(blank) => Cow::Borrowed(synthetic_case::NAME),
        label => one_line(label),
    };
    let label = cut_chars(&label, LABEL_CHARS);
    let mut suite = TestSuite::new(text(&label));

    let first = attempts.first().filter(|first| first.origin == AttemptOrigin::Started);
    if let Some(created) = first.and_then(|first| timestamp(started_at.saturating_add(first.began))) {
        suite.set_timestamp(created);
    }

    let mut property = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            suite.add_property((text(name), text(&one_line(value))));
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
            property(&format!("attempt_{}", at + 1), Some(&attempt_line(attempt)));
        }
    }
    let known = u64::try_from(cases.len()).unwrap_or(u64::MAX);
    let missing = run.counts().total.saturating_sub(known);
    if missing > 0 {
        property("cases_not_listed", Some(&missing.to_string()));
    }

    let mut names: HashMap<&str, usize> = HashMap::with_capacity(cases.len());
    for case in cases {
        *names.entry(case.name.as_str()).or_default() += 1;
    }
    for case in cases {
        let twice = names.get(case.name.as_str()).is_some_and(|count| *count > 1);
        suite.add_test_case(test_case(run, case, twice, &label));
    }
    if let Some(whole) = SyntheticCase::of(run) {
        suite.add_test_case(synthetic_case(&whole, &label));
    }
    suite
}

fn test_case(run: &RunReport, case: &Case, twice: bool, label: &str) -> TestCase {
    let Case {
        id: _,
        short_id,
        name,
        goal: _,
        examples: _,
        outcome,
        attempts,
        quarantine: _,
    } = case;
    let status = match outcome {
        CaseOutcome::Passed => TestCaseStatus::success(),
        CaseOutcome::Flaky => {
            let mut status = TestCaseStatus::success();
            status.add_reruns(attempts.iter().filter_map(|attempt| rerun(run, case, attempt)));
            status
        }
        CaseOutcome::Failed => non_success(run, case, NonSuccessKind::Failure),
        CaseOutcome::Errored => non_success(run, case, NonSuccessKind::Error),
        CaseOutcome::Skipped | CaseOutcome::Unfinished => skipped(run, case),
    };
    // Readers take cases of one class and name for one case.
    let shown = match (is_blank(name), twice) {
        (true, _) => Cow::Borrowed(short_id.as_str()),
        (false, true) => Cow::Owned(format!("{name} [{short_id}]")),
        (false, false) => Cow::Borrowed(name.as_str()),
    };
    let mut junit = TestCase::new(text(&one_line(&shown)), status);
    junit.set_classname(text(label));
    junit
}

/// A failed or errored case: the first attempt that ended as the case did, then the other bad ones as reruns.
fn non_success(run: &RunReport, case: &Case, kind: NonSuccessKind) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let main = case.attempts.iter().position(|attempt| attempt.outcome == case.outcome);
    let told = main
        .and_then(|at| case.attempts.get(at))
        .or_else(|| case.decisive_attempt());
    if let Some(attempt) = told {
        status
            .set_type(text(&one_line(kind_word(attempt))))
            .set_message(text(&message(attempt)))
            .set_description(text(&details(run, case, attempt)));
    }
    let others = case.attempts.iter().enumerate().filter(|(at, _)| Some(*at) != main);
    status.add_reruns(others.filter_map(|(_, attempt)| rerun(run, case, attempt)));
    status
}

fn skipped(run: &RunReport, case: &Case) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    let Some(attempt) = case.latest() else {
        return status;
    };
    let (kind, message) = match case.outcome {
        CaseOutcome::Unfinished => (
            "UNFINISHED",
            match (attempt.status.as_str(), attempt.result.as_deref()) {
                ("COMPLETED", result) => format!("completed with the result {}", result.unwrap_or("null")),
                (status, _) => format!("{} (status {status})", synthetic_case::unfinished(run, attempt.attempt)),
            },
        ),
        CaseOutcome::Skipped
        | CaseOutcome::Failed
        | CaseOutcome::Errored
        | CaseOutcome::Flaky
        | CaseOutcome::Passed => ("SKIPPED", message(attempt).into_owned()),
    };
    status
        .set_type(text(kind))
        .set_message(text(&cut_chars(&one_line(&message), MESSAGE_CHARS)))
        .set_description(text(&details(run, case, attempt)));
    status
}

/// A failed or errored attempt of a case as a rerun element; others have none.
fn rerun(run: &RunReport, case: &Case, attempt: &CaseAttempt) -> Option<TestRerun> {
    let kind = match attempt.outcome {
        CaseOutcome::Failed => NonSuccessKind::Failure,
        CaseOutcome::Errored => NonSuccessKind::Error,
        CaseOutcome::Flaky | CaseOutcome::Skipped | CaseOutcome::Unfinished | CaseOutcome::Passed => return None,
    };
    let mut rerun = TestRerun::new(kind);
    rerun
        .set_type(text(&one_line(kind_word(attempt))))
        .set_message(text(&message(attempt)))
        .set_stack_trace(text(&details(run, case, attempt)));
    Some(rerun)
}

/// The entry for a run itself.
fn synthetic_case(whole: &SyntheticCase, label: &str) -> TestCase {
    let SyntheticCase { ending, word, message } = whole;
    let mut status = match ending {
        Ending::Passed => TestCaseStatus::success(),
        Ending::Skipped => TestCaseStatus::skipped(),
        Ending::Broken => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    status
        .set_type(text(word))
        .set_message(text(&cut_chars(&one_line(message), MESSAGE_CHARS)))
        .set_description(text(message));
    let mut case = TestCase::new(synthetic_case::NAME, status);
    case.set_classname(text(label));
    case
}

/// The API's own word for what happened.
fn kind_word(attempt: &CaseAttempt) -> &str {
    match attempt.outcome {
        CaseOutcome::Failed => attempt.result.as_deref().unwrap_or("FAILED"),
        CaseOutcome::Errored
        | CaseOutcome::Flaky
        | CaseOutcome::Skipped
        | CaseOutcome::Unfinished
        | CaseOutcome::Passed => &attempt.status,
    }
}

/// The title, else the reasoning, else the outcome's word; never blank, also where cleaning leaves nothing of a text.
fn message(attempt: &CaseAttempt) -> Cow<'_, str> {
    let said = [&attempt.title, &attempt.reasoning].into_iter().flatten();
    let said = said.map(String::as_str).find(|text| !is_blank(text));
    match one_line(said.unwrap_or(attempt.outcome.as_str())) {
        Cow::Borrowed(line) => cut_chars(line, MESSAGE_CHARS),
        Cow::Owned(line) => Cow::Owned(cut_chars(&line, MESSAGE_CHARS).into_owned()),
    }
}

/// All that is known of an attempt, for the text of an element.
fn details(run: &RunReport, case: &Case, attempt: &CaseAttempt) -> String {
    let reasoning = attempt.reasoning.as_deref().unwrap_or_default();
    let mut text = String::with_capacity(reasoning.len() + 256);
    for part in [attempt.title.as_deref().unwrap_or_default(), reasoning] {
        if !part.trim().is_empty() {
            text.push_str(part.trim());
            text.push_str("\n\n");
        }
    }
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{name}: {}", one_line(value));
        }
    };
    if let Some(goal) = &case.goal {
        line("Goal", goal);
    }
    line("Test case", &case.short_id);
    if let Some(of) = run.attempts.get(attempt.attempt) {
        line("Run", &attempt_line(of));
    }
    text.truncate(text.trim_end().len());
    text
}

fn attempt_line(attempt: &Attempt) -> String {
    let words = [
        Some(attempt.short_id.as_str()),
        attempt.status.as_deref(),
        attempt.result.as_deref(),
        attempt.link(),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn timestamp(at: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(at).ok()?)
}

/// Text that XML can hold. Cleaned before `XmlString` sees it: that takes an unended escape sequence for the rest of
/// the text, and drops tabs.
fn text(text: &str) -> XmlString {
    let text = clean(text);
    if text.contains('\t') {
        XmlString::new(text.replace('\t', "    "))
    } else {
        XmlString::new(text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use crate::report::sample::{case, report, run};
    use crate::report::{CaseOutcome, Report};

    fn xml(report: &Report) -> String {
        let mut out = Vec::new();
        super::write(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_blank_once_it_is_cleaned_gives_way() {
        let blank = "\u{1b}[31m \u{200b}\u{fffe}";
        for (outcome, word) in [
            (CaseOutcome::Failed, "failed"),
            (CaseOutcome::Errored, "errored"),
            (CaseOutcome::Skipped, "skipped"),
        ] {
            let nothing = xml(&report(vec![run(
                blank,
                "r",
                vec![case(1, blank, outcome, blank, blank)],
            )]));
            assert!(nothing.contains(&format!("message=\"{word}\"")), "{nothing}");
            assert!(
                nothing.contains("name=\"case_1\"") && !nothing.contains("name=\"\""),
                "{nothing}"
            );
            let thought = xml(&report(vec![run(
                "A",
                "r",
                vec![case(1, "B", outcome, blank, "No button")],
            )]));
            assert!(thought.contains("message=\"No button\""), "{thought}");
        }
    }
}
