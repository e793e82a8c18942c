//! The sticky comment on the pull request: its marker, then what the job summary says, in less room.

use super::markdown::{body, head, origin_line};
use super::marker::Marker;
use crate::report::Report;

/// What a comment may have; GitHub refuses more than 65,536. Counted in bytes here, which are never fewer than characters.
pub const LIMIT: usize = 65_000;

/// The comment's body in at most `limit` bytes, opened by its marker. No timeline: a chart in a conversation is noise.
pub fn comment(report: &Report, marker: &Marker, limit: usize) -> String {
    let mut text = format!("{marker}\n");
    let origin = origin_line(report);
    let room = limit.saturating_sub(text.len() + origin.len());
    let head = head(report.whole(), room / 5 * 3, true);
    text.push_str(&head);
    text.push_str(&body(report.whole(), room.saturating_sub(head.len()), false));
    if text.len() + origin.len() <= limit {
        text.push_str(&origin);
    }
    text
}
