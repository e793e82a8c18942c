//! The sticky comment on the pull request: its marker, then what the job summary says, in less room.

use crate::render::github::marker::SignedMarker;
use crate::render::markdown::page::Measure;
use crate::render::markdown::{body, head, origin_line};
use crate::report::Report;

/// What a comment may have; GitHub refuses more than 65,536. Counted in UTF-16 units here, which are never fewer than characters.
pub const LIMIT: usize = 65_000;
const LENGTH: Measure = Measure::Utf16;

/// The comment's body in at most `limit` UTF-16 units, opened by its marker. No timeline: a chart in a conversation is noise.
pub fn comment(report: &Report, marker: &SignedMarker, limit: usize) -> String {
    let mut text = format!("{marker}\n");
    let origin = origin_line(report);
    let room = limit.saturating_sub(LENGTH.of(&text) + LENGTH.of(&origin));
    let head = head(report.as_slice(), room / 5 * 3, LENGTH, true);
    text.push_str(&head);
    let rest = room.saturating_sub(LENGTH.of(&head));
    text.push_str(&body(report.as_slice(), rest, LENGTH, false));
    if LENGTH.of(&text) + LENGTH.of(&origin) <= limit {
        text.push_str(&origin);
    }
    text
}
