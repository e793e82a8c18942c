//! Types and tables that all parts of the page share: escaped texts, percentages, names and classes of outcomes.

use crate::render::escape::{one_line, write_clean_html, write_html};
use crate::report::{CaseOutcome, Verdict};
use askama::filters::HtmlSafe;
use std::fmt;

/// Untrusted text, cleaned and escaped when it is displayed. This is faster than the template's own escaping.
#[derive(Clone, Copy)]
pub(super) struct Clean<'a>(pub(super) &'a str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_clean_html(f, self.0)
    }
}

impl HtmlSafe for Clean<'_> {}

/// [`Clean`] on one line.
#[derive(Clone, Copy)]
pub(super) struct Line<'a>(pub(super) &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_html(f, &one_line(self.0))
    }
}

impl HtmlSafe for Line<'_> {}

/// A percentage for SVG attributes, which make a drawing as wide as the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Percent(pub(super) f64);

impl Percent {
    /// A part of a whole; counts and milliseconds are exact in f64.
    pub(super) fn new(part: u64, whole: u64) -> Self {
        Self(part as f64 * 100.0 / whole.max(1) as f64)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}%", self.0)
    }
}

/// An outcome's name on the page.
pub(super) fn label(outcome: CaseOutcome) -> &'static str {
    match outcome {
        CaseOutcome::Failed => "Failed",
        CaseOutcome::Errored => "Errored",
        CaseOutcome::Flaky => "Flaky",
        CaseOutcome::Skipped => "Skipped",
        CaseOutcome::Unfinished => "Not finished",
        CaseOutcome::Passed => "Passed",
    }
}

/// The CSS class that gives a verdict its colour.
pub(super) fn class(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Passed) => "passed",
        Some(Verdict::Flaky | Verdict::Quarantined) => "flaky",
        Some(Verdict::Failed | Verdict::TimedOut) => "failed",
        Some(Verdict::Error | Verdict::Unknown) => "errored",
        Some(Verdict::Skipped | Verdict::Cancelled | Verdict::Interrupted) => "skipped",
        None => "unfinished",
    }
}
