//! The issue of a plan that is red: its title, its body, and the comments on it.

use super::escape::{cut_chars, inline, one_line};
use super::markdown::{body, head, origin_line};
use crate::report::{Report, RunReport};

/// GitHub refuses bodies over 65,536 characters; counted in bytes, which are never fewer.
const LIMIT: usize = 65_000;
/// Characters of a title; GitHub takes 256.
const TITLE: usize = 200;

/// The hidden text that opens the body, by which a later run finds the issue. `key` is hexadecimal.
pub fn marker(key: &str) -> String {
    format!("<!-- qatech-run:issue:1 key={key} -->")
}

/// The hidden text that opens a comment: at most one is written for each workflow run.
pub fn comment_marker(run_id: u64) -> String {
    format!("<!-- qatech-run:issue-comment:1 run={run_id} -->")
}

/// The title, which GitHub does not read as Markdown.
pub fn title(run: &RunReport) -> String {
    format!("QA.tech: {} fails", cut_chars(&one_line(run.label()), TITLE))
}

/// The body, when the issue is opened.
pub fn opened(report: &Report, run: &RunReport, key: &str) -> String {
    let introduction = "This issue is kept by the QA.tech action: it is commented on while the plan stays red, and \
                        closed once it is green.";
    compose(report, run, &marker(key), introduction)
}

/// A comment while the plan is red; `reopened` where the issue had been closed.
pub fn still_red(report: &Report, run: &RunReport, run_id: u64, reopened: bool) -> String {
    let name = inline(&cut_chars(run.label(), TITLE));
    let introduction = if reopened {
        format!("**{name}** is red again.")
    } else {
        format!("**{name}** is still red.")
    };
    compose(report, run, &comment_marker(run_id), &introduction)
}

/// The comment that closes the issue.
pub fn green(report: &Report, run: &RunReport, run_id: u64) -> String {
    let name = inline(&cut_chars(run.label(), TITLE));
    let introduction = format!("**{name}** is green again.");
    compose(report, run, &comment_marker(run_id), &introduction)
}

/// The report of this one plan below a marker and a sentence.
fn compose(report: &Report, run: &RunReport, marker: &str, introduction: &str) -> String {
    let report = Report {
        runs: vec![run.clone()],
        ..report.clone()
    };
    let origin = origin_line(&report);
    let mut text = format!("{marker}\n{introduction}\n\n");
    let room = LIMIT.saturating_sub(text.len() + origin.len());
    let head = head(&report, room / 5 * 3, true);
    text.push_str(&head);
    text.push_str(&body(&report, room.saturating_sub(head.len()), false));
    text.push_str(&origin);
    text
}
