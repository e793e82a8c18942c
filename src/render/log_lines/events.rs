//! Log lines for events of a run other than status changes and failed cases: attempts, outages, the end.

use std::time::Duration;

use crate::render::duration::format_duration;
use crate::render::escape::{cut_chars, log_line};
use crate::render::phrases::several;
use crate::report::{AttemptOrigin, Millis, RunReport};

/// Longest reason in a line, in characters.
const REASON: usize = 500;

/// A run was started, attached to, or rerun.
pub fn attempt(run: &RunReport) -> String {
    let Some(attempt) = run.latest() else {
        return log_line(run.label());
    };
    let what = match attempt.origin {
        AttemptOrigin::Started => "started run",
        AttemptOrigin::Attached => "attached to run",
        AttemptOrigin::Rerun => "rerunning the failed tests as run",
        AttemptOrigin::GithubRerun => "rerunning the tests that failed in the job's earlier attempt as run",
    };
    let tests = attempt.test_count.map(|count| format!(", {}", several(count, "test")));
    let tests = tests.unwrap_or_default();
    let url = attempt.url.as_deref().map(|url| format!(": {url}")).unwrap_or_default();
    log_line(&format!(
        "{}: {what} {}{tests}{url}",
        cut_chars(run.label(), 100),
        attempt.short_id
    ))
}

/// A request failed, the first since the last success.
pub fn out_of_reach(run: &RunReport, what: &str, next: Duration) -> String {
    let next = format_duration(Millis::try_from(next.as_millis()).unwrap_or(Millis::MAX));
    log_line(&format!(
        "{}: no answer ({}); trying again in {next}",
        cut_chars(run.label(), 100),
        cut_chars(what, REASON)
    ))
}

/// The addition to a progress line during an outage.
pub fn still_out_of_reach(what: &str) -> String {
    log_line(&format!("; no answer from QA.tech ({})", cut_chars(what, REASON)))
}

/// The API answers again.
pub fn back_in_reach(run: &RunReport, after: Duration) -> String {
    let after = format_duration(Millis::try_from(after.as_millis()).unwrap_or(Millis::MAX));
    log_line(&format!(
        "{}: QA.tech answers again, after {after}",
        cut_chars(run.label(), 100)
    ))
}

/// An attempt ended with a verdict that does not follow from its last status, or a start failed.
pub fn ended(run: &RunReport, why: &str) -> String {
    log_line(&format!(
        "{}: {}",
        cut_chars(run.label(), 100),
        cut_chars(why, REASON * 2)
    ))
}
