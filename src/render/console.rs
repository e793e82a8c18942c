//! The lines of the log: what changes while we wait, and the last words.

use super::escape::{cut_chars, log_line};
use super::time::span;
use super::words::{Headline, done_of, outcome_word, phrase, several};
use crate::report::{Case, Counts, Millis, Report, RunReport};

/// Characters of a name or title.
const NAME: usize = 200;
/// Failed cases that the last words list.
const LISTED: usize = 50;

/// A run's name in a line: label and short id.
fn run_name(label: &str, short_id: &str) -> String {
    let (label, short_id) = (cut_chars(label, NAME), cut_chars(short_id, NAME));
    if label == short_id {
        short_id.into_owned()
    } else {
        format!("{label} ({short_id})")
    }
}

/// A status that was seen for the first time: `Smoke tests (abc): RUNNING, after 5 s`.
pub fn status_change(label: &str, short_id: &str, status: &str, result: Option<&str>, elapsed: Millis) -> String {
    let result = result
        .map(|result| format!(", {}", cut_chars(result, NAME)))
        .unwrap_or_default();
    log_line(&format!(
        "{}: {}{result}, after {}",
        run_name(label, short_id),
        cut_chars(status, NAME),
        span(elapsed)
    ))
}

/// A case that was seen to fail: `failed: Pay with a saved card: Could not find the pay button`.
pub fn failed_case(case: &Case) -> String {
    let name = if case.name.trim().is_empty() {
        &case.short_id
    } else {
        &case.name
    };
    let mut line = format!("{}: {}", outcome_word(case.outcome), cut_chars(name, NAME));
    let title = case
        .telling()
        .and_then(|attempt| attempt.title.as_deref())
        .unwrap_or_default();
    if !title.trim().is_empty() {
        line.push_str(": ");
        line.push_str(&cut_chars(title, NAME));
    }
    log_line(&line)
}

/// How far it is: `8 of 14 tests done, 1 failed, after 2 min 5 s`.
pub fn progress(counts: Counts, elapsed: Millis) -> String {
    let line = if counts.total == 0 {
        "waiting".to_owned()
    } else {
        done_of(counts)
    };
    format!("{line}, after {}", span(elapsed))
}

/// The last words: the verdict, each run with its link, and the failed cases.
pub fn last_words(report: &Report) -> Vec<String> {
    let title = Headline::of(report).title();
    let mut lines = vec![format!("QA.tech: {title}, after {}", span(report.duration))];
    lines.extend(report.runs.iter().map(run_line));
    let mut bad = report.bad_cases();
    lines.extend(
        bad.by_ref()
            .take(LISTED)
            .map(|(_, case)| format!("  {}", failed_case(case))),
    );
    let more = bad.count() as u64;
    if more > 0 {
        lines.push(format!("  and {}", several(more, "more failed test")));
    }
    if report.interrupted_by.is_some() && report.runs.iter().any(|run| !run.attempts.is_empty()) {
        lines.push("What was not over goes on at QA.tech: it can't be cancelled from here.".to_owned());
    }
    lines
}

/// A run with its verdict and links: `Smoke tests (abc): failed, https://…`, and why, where that needs words.
fn run_line(run: &RunReport) -> String {
    let Some(latest) = run.latest() else {
        let problem = run.problem.as_deref().unwrap_or("not started");
        return log_line(&format!(
            "{}: {}",
            cut_chars(run.label(), NAME),
            cut_chars(problem, NAME * 5)
        ));
    };
    let mut line = run_name(run.label(), &latest.short_id);
    line.push_str(": ");
    line.push_str(run.verdict.map_or("not waited for", phrase));
    for url in run.attempts.iter().filter_map(|attempt| attempt.url.as_deref()) {
        line.push_str(", ");
        line.push_str(&cut_chars(url, NAME * 5));
    }
    if let Some(problem) = &run.problem {
        line.push_str(": ");
        line.push_str(&cut_chars(problem, NAME * 5));
    }
    log_line(&line)
}
