//! What several formats say of a test case in the same words.

use crate::report::{CaseDetails, Classification, FailureKind, RunReport, Verdict, is_https};

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

/// What a test case expects, as the API writes it.
pub(super) fn classification(classification: Classification) -> &'static str {
    match classification {
        Classification::Positive => "POSITIVE",
        Classification::Negative => "NEGATIVE",
    }
}

/// A failure's kind as a word for programs.
pub(super) fn kind_word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Product => "product",
        FailureKind::Agent => "agent",
        FailureKind::Platform => "platform",
    }
}

/// Whether a run passed without a single test case.
pub(super) fn has_no_tests(run: &RunReport) -> bool {
    run.seen() == Some(Verdict::Passed) && run.counts().total == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::CaseOutcome;
    use crate::report::sample::{case, run};

    #[test]
    fn a_run_has_no_tests_only_if_none_was_announced() {
        let mut empty = run("A", "a", Vec::new());
        assert!(has_no_tests(&empty));
        empty.listed = crate::report::CaseCoverage::Partial;
        for attempt in &mut empty.attempts {
            attempt.test_count = Some(3);
        }
        assert!(!has_no_tests(&empty));
        let full = run("A", "a", vec![case(1, "b", CaseOutcome::Passed, "", "")]);
        assert!(!has_no_tests(&full));
    }
}
