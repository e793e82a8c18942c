//! What several formats say of a test case in the same words.

use crate::report::{Case, CaseDetails, FailureKind, is_https};

/// Whether a case failed or errored and is in quarantine.
pub(super) fn is_quarantined(case: &Case) -> bool {
    case.quarantine.is_some() && case.outcome.is_bad()
}

/// What a failure was, in words.
pub(super) fn failure_kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Product => "product failure",
        FailureKind::Agent => "agent miss",
        FailureKind::Platform => "platform miss",
    }
}

/// The durable page of a case, only if it may be a link; see [`crate::report::Attempt::link`].
pub(super) fn page(details: &CaseDetails) -> Option<&str> {
    details.url.as_deref().filter(|url| is_https(url))
}
