//! The job summary: everything a person wants to know on the page of the workflow run.

use super::markdown::{body, head};
use crate::report::Report;

/// What GitHub takes, with headroom: a summary of 1,048,576 bytes or more is dropped whole.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary>
pub const LIMIT: usize = 1_000_000;

/// The job summary as Markdown, in at most `limit` bytes: verdict, counts, runs, then the cases, in less and less detail
/// the more there are.
pub fn summary(report: &Report, limit: usize) -> String {
    let mut text = head(report, limit / 5 * 3, true);
    let rest = limit.saturating_sub(text.len());
    text.push_str(&body(report, rest, true));
    text
}
