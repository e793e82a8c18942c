//! Details of a failure besides title and reasoning, as text.

use crate::render::duration::format_duration;
use crate::render::escape::{cut_chars, one_line};
use crate::render::phrases::{capitalized, failure_phrase};
use crate::report::{CaseDetails, QuarantineNote};

/// Most characters of an error code.
const MAX_CODE: usize = 60;
/// Most characters of the reason of a quarantine entry.
const MAX_REASON: usize = 300;

/// The details on one line of plain text: `Product failure (TEST_FAILED), took 42 s, https://…`. Empty if none are known.
/// Cleaned, but not escaped.
pub fn details_line(details: &CaseDetails) -> String {
    let mut parts = Vec::new();
    let code = error_code(details);
    match (details.failure_kind(), code) {
        (Some(kind), Some(code)) => parts.push(format!("{} ({code})", capitalized(failure_phrase(kind)))),
        (None, Some(code)) => parts.push(format!("Error code {code}")),
        (Some(_) | None, None) => {}
    }
    if let Some(duration) = details.duration {
        parts.push(format!("took {}", format_duration(duration)));
    }
    parts.extend(details.link().map(str::to_owned));
    parts.join(", ")
}

/// The error code on one line, shortened; `None` if there is none.
pub fn error_code(details: &CaseDetails) -> Option<String> {
    let code = one_line(details.error_code.as_deref()?).into_owned();
    (!code.is_empty()).then(|| cut_chars(&code, MAX_CODE).into_owned())
}

/// Why a case is in quarantine, on one line: `Quarantined until 2026-01-31: the bank's test system is down`. Cleaned, but
/// not escaped.
pub fn quarantine_line(note: &QuarantineNote) -> String {
    let QuarantineNote { reason, until } = note;
    let mut line = "Quarantined".to_owned();
    if let Some(until) = until.as_deref().map(one_line).filter(|until| !until.is_empty()) {
        line.push_str(&format!(" until {}", cut_chars(&until, 10)));
    }
    if let Some(reason) = reason.as_deref().map(one_line).filter(|reason| !reason.is_empty()) {
        line.push_str(&format!(": {}", cut_chars(&reason, MAX_REASON)));
    }
    line
}
