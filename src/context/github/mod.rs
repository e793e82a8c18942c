//! GitHub Actions: its variables and the event's payload.

pub(super) mod event;
pub(super) mod event_file;
