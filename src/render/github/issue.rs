//! The issue on a plan that fails: its title, its body, and the comments on it.

use std::borrow::Cow;

use crate::render::escape::{break_emoji_codes, cut_chars, inline, one_line};
use crate::render::markdown::page::Measure;
use crate::render::markdown::{Layout, body, head, origin_line};
use crate::report::ReportSlice;

/// GitHub refuses bodies over 65,536 characters; counted in bytes, which are never fewer.
const LIMIT: usize = 65_000;
/// Characters of a title; GitHub takes 256.
const TITLE: usize = 200;

/// The hidden text that opens the body, by which later runs find the issue. `key` is hexadecimal.
pub fn marker(key: &str) -> String {
    format!("<!-- qatech-run:issue:1 key={key} -->")
}

/// The hidden text that opens a comment: at most one is written for each workflow run.
pub fn comment_marker(run_id: u64) -> String {
    format!("<!-- qatech-run:issue-comment:1 run={run_id} -->")
}

/// The title. GitHub does not read it as Markdown, but replaces emoji codes in it.
pub fn title(part: ReportSlice<'_>) -> String {
    let name = break_emoji_codes(&one_line(&name(part)));
    format!("QA.tech: {} fails", cut_chars(&name, TITLE))
}

/// The body, when the issue is opened.
pub fn opened(part: ReportSlice<'_>, key: &str) -> String {
    let introduction = "The QA.tech action keeps this issue up to date: it comments while the plan fails, and closes \
                        the issue once the plan passes.";
    compose(part, &marker(key), introduction)
}

/// A comment while the plan fails; `reopened` where the issue had been closed.
pub fn still_red(part: ReportSlice<'_>, run_id: u64, reopened: bool) -> String {
    let name = inline(&cut_chars(&name(part), TITLE));
    let introduction = if reopened {
        format!("**{name}** fails again.")
    } else {
        format!("**{name}** still fails.")
    };
    compose(part, &comment_marker(run_id), &introduction)
}

/// The comment that closes the issue.
pub fn green(part: ReportSlice<'_>, run_id: u64) -> String {
    let name = inline(&cut_chars(&name(part), TITLE));
    let introduction = format!("**{name}** passes again.");
    compose(part, &comment_marker(run_id), &introduction)
}

/// The subject of the issue: the plan, else the job, since a run's own short id is new each time.
fn name(part: ReportSlice<'_>) -> Cow<'_, str> {
    let of_plan = part
        .runs
        .iter()
        .find(|run| run.plan.is_some() || run.requested_plan.is_some());
    if let Some(run) = of_plan {
        return Cow::Borrowed(run.label());
    }
    let origin = &part.report.origin;
    let of_job: Vec<_> = [&origin.workflow, &origin.job]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    match part.runs {
        [run, ..] if of_job.is_empty() => Cow::Borrowed(run.label()),
        _ => Cow::Owned(of_job.join(" / ")),
    }
}

/// The report of this one plan below a marker and a sentence.
fn compose(part: ReportSlice<'_>, marker: &str, introduction: &str) -> String {
    let origin = origin_line(part.report);
    let mut text = format!("{marker}\n{introduction}\n\n");
    let room = LIMIT.saturating_sub(text.len() + origin.len());
    let head = head(part, room / 5 * 3, Measure::Bytes, true);
    text.push_str(&head);
    text.push_str(&body(
        part,
        room.saturating_sub(head.len()),
        Measure::Bytes,
        Layout::Conversation,
    ));
    text.push_str(&origin);
    text
}
