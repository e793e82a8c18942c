//! The sticky comment on the pull request: its marker, then the job summary in less room.

use crate::render::github::marker::SignedMarker;
use crate::render::markdown::page::Measure;
use crate::render::markdown::{Layout, body, head, origin_line};
use crate::report::Report;

/// UTF-16 units of a comment, which are never fewer than characters: GitHub refuses more than 65,536 characters.
pub const LIMIT: usize = 65_000;
const LENGTH: Measure = Measure::Utf16;

/// The comment's body in at most `limit` UTF-16 units, opened by its marker.
pub fn comment(report: &Report, marker: &SignedMarker, limit: usize) -> String {
    let mut text = format!("{marker}\n");
    let origin = origin_line(report);
    let room = limit.saturating_sub(LENGTH.length(&text) + LENGTH.length(&origin));
    let head = head(report.as_slice(), room / 5 * 3, LENGTH, true);
    text.push_str(&head);
    let rest = room.saturating_sub(LENGTH.length(&head));
    text.push_str(&body(report.as_slice(), rest, LENGTH, Layout::Conversation));
    if LENGTH.length(&text) + LENGTH.length(&origin) <= limit {
        text.push_str(&origin);
    }
    text
}
