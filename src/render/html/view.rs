//! Runs and test cases as the template shows them.

use crate::render::duration::format_duration;
use crate::render::escape::{code_segments, is_blank, one_line};
use crate::render::html::parts::{Clean, Line, class, label};
use crate::render::phrases::{attempt_name, capitalized, failure_phrase, phrase, unseen};
use crate::render::synthetic_case;
use crate::render::times::Times;
use crate::report::{
    Attempt, AttemptOrigin, Case, CaseAttempt, CaseDetails, CaseOutcome, Millis, Observed, QuarantineNote, RunReport,
    Screenshot, Verdict,
};
use askama::filters::HtmlSafe;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// One run with its attempts.
pub(super) struct RunView<'a> {
    pub(super) label: Line<'a>,
    pub(super) verdict: String,
    pub(super) verdict_class: &'static str,
    /// Whether it passed without a single test case.
    pub(super) no_tests: bool,
    pub(super) problem: Vec<(bool, Clean<'a>)>,
    pub(super) attempts: Vec<AttemptView<'a>>,
}

impl<'a> From<&'a RunReport> for RunView<'a> {
    fn from(run: &'a RunReport) -> Self {
        let RunReport {
            requested_plan: _,
            plan: _,
            created,
            attempts,
            cases: _,
            listed: _,
            verdict: _,
            problem,
        } = run;
        Self {
            label: Line(run.label()),
            verdict: match (run.seen(), created) {
                (Some(verdict), _) => capitalized(phrase(verdict)),
                (None, Some(true)) => "Started".to_owned(),
                (None, Some(false) | None) => capitalized(unseen(run)),
            },
            verdict_class: run_class(run),
            no_tests: run.has_no_tests(),
            problem: with_code(problem.as_deref()),
            attempts: attempts
                .iter()
                .enumerate()
                .map(|(index, attempt)| AttemptView::new(run, index, attempt))
                .collect(),
        }
    }
}

/// The class of a run. A run that passed without a test case is not green.
pub(super) fn run_class(run: &RunReport) -> &'static str {
    if run.has_no_tests() { "flaky" } else { class(run.seen()) }
}

/// One run at QA.tech.
pub(super) struct AttemptView<'a> {
    /// `None` for a single attempt.
    pub(super) name: Option<String>,
    pub(super) short_id: Line<'a>,
    pub(super) link: Option<&'a str>,
    pub(super) result: Option<Line<'a>>,
    pub(super) span: Option<String>,
    pub(super) problem: Vec<(bool, Clean<'a>)>,
}

impl<'a> AttemptView<'a> {
    fn new(run: &RunReport, index: usize, attempt: &'a Attempt) -> Self {
        let Attempt {
            origin,
            short_id,
            id: _,
            url: _,
            status,
            result,
            test_count: _,
            verdict: _,
            problem,
            began,
            ended,
            changes: _,
            requests: _,
            retries: _,
        } = attempt;
        Self {
            name: (run.attempts.len() > 1 || *origin != AttemptOrigin::Started)
                .then(|| attempt_name(index, Some(attempt))),
            short_id: Line(short_id),
            link: attempt.link(),
            result: match attempt.seen() {
                Some(Verdict::Unknown) | None => result.as_deref().or(status.as_deref()).map(Line),
                Some(verdict) => Some(Line(phrase(verdict))),
            },
            span: ended.map(|ended| format_duration(ended.saturating_sub(*began))),
            // Not repeated if the run has the same problem.
            problem: with_code(
                problem
                    .as_deref()
                    .filter(|problem| Some(*problem) != run.problem.as_deref()),
            ),
        }
    }
}

/// A text in segments, each with whether it is code.
pub(super) fn with_code(text: Option<&str>) -> Vec<(bool, Clean<'_>)> {
    let parts = code_segments(text.unwrap_or_default()).into_iter();
    parts.map(|(code, part)| (code, Clean(part))).collect()
}

/// Options for showing a case.
pub(super) struct Shown {
    pub(super) several_runs: bool,
    pub(super) open: bool,
    pub(super) anchor: String,
    /// When the program started, in milliseconds since the Unix epoch.
    pub(super) started_at: u64,
}

/// The line about a case's quarantine.
fn quarantine_text(note: &QuarantineNote) -> String {
    let QuarantineNote { reason, until } = note;
    let reason =
        filled(reason.as_deref()).map_or_else(|| "no reason given".to_owned(), |text| one_line(text).into_owned());
    match until {
        Some(until) => format!("{reason}, until {}", one_line(until)),
        None => reason,
    }
}

/// One test case.
pub(super) struct CaseView<'a> {
    pub(super) class: &'static str,
    pub(super) label: &'static str,
    pub(super) open: bool,
    pub(super) name: Line<'a>,
    /// The name again, if it is too long for the heading.
    pub(super) whole_name: Option<Line<'a>>,
    pub(super) title: Option<Line<'a>>,
    pub(super) marks: Vec<String>,
    /// Failed or errored.
    pub(super) bad: bool,
    /// Why it is in quarantine, and until when.
    pub(super) quarantine: Option<String>,
    /// Its `id` in the page.
    pub(super) anchor: String,
    /// The run's name, if there are several.
    pub(super) run: Option<Line<'a>>,
    pub(super) span: Option<String>,
    pub(super) short_id: Line<'a>,
    pub(super) goal: Option<Clean<'a>>,
    pub(super) examples: Option<Clean<'a>>,
    pub(super) several: bool,
    pub(super) attempts: Vec<CaseAttemptView<'a>>,
}

impl<'a> CaseView<'a> {
    pub(super) fn new(run: &'a RunReport, case: &'a Case, shown: Shown, marks: Vec<String>) -> Self {
        let Shown {
            several_runs,
            open,
            anchor,
            started_at,
        } = shown;
        let decisive = case.decisive_attempt();
        let title = decisive.and_then(|attempt| attempt.title.as_deref());
        let name = filled(Some(case.label())).unwrap_or("unnamed");
        let kind = case.failure_kind().map(|kind| capitalized(failure_phrase(kind)));
        let quarantined = case.quarantine.as_ref().filter(|_| case.is_quarantined_failure());
        let duration = decisive.and_then(|attempt| Times::new(attempt, started_at).duration);
        Self {
            class: case.outcome.as_str(),
            label: label(case.outcome),
            open,
            name: Line(name),
            whole_name: is_long(name).then_some(Line(name)),
            title: filled(title).map(Line),
            marks: kind.into_iter().chain(marks).collect(),
            bad: case.outcome.is_bad(),
            quarantine: quarantined.map(quarantine_text),
            anchor,
            run: several_runs.then(|| Line(run.label())),
            span: duration.map(format_duration),
            short_id: Line(&case.short_id),
            goal: filled(case.goal.as_deref()).map(Clean),
            examples: filled(case.examples.as_deref()).map(Clean),
            several: case.attempts.len() > 1,
            attempts: case
                .attempts
                .iter()
                .enumerate()
                .map(|(index, attempt)| CaseAttemptView::new(run, case, index, attempt))
                .collect(),
        }
    }
}

/// Whether a text is cut in the list of cases, which shows three lines of a wide screen.
fn is_long(text: &str) -> bool {
    text.chars().nth(180).is_some()
}

/// A case in one attempt.
pub(super) struct CaseAttemptView<'a> {
    pub(super) class: &'static str,
    pub(super) label: &'static str,
    /// The attempt's name; empty if it is the only one, since the page does not name it.
    pub(super) which: String,
    /// Whether it failed as the attempt before it did, so that the reason is not shown again.
    pub(super) repeats: bool,
    pub(super) title: Option<Line<'a>>,
    pub(super) reasoning: Option<Clean<'a>>,
    pub(super) status: String,
    pub(super) run: Line<'a>,
    pub(super) link: Option<&'a str>,
    /// The durable page of the case.
    pub(super) page: Option<&'a str>,
    pub(super) error_code: Option<Line<'a>>,
    /// QA.tech's own duration.
    pub(super) took: Option<String>,
    pub(super) screenshot: Option<Image<'a>>,
    pub(super) observed: Option<String>,
}

/// A screenshot as a `data:` URL, encoded while it is written.
pub(super) struct Image<'a>(&'a Screenshot);

impl fmt::Display for Image<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Screenshot { format, bytes } = self.0;
        write!(
            f,
            "data:{};base64,{}",
            format.media_type(),
            Base64Display::new(bytes, &STANDARD)
        )
    }
}

/// Consists of a fixed media type and base64.
impl HtmlSafe for Image<'_> {}

impl<'a> CaseAttemptView<'a> {
    fn new(run: &'a RunReport, case: &'a Case, index: usize, of: &'a CaseAttempt) -> Self {
        let CaseAttempt {
            attempt,
            outcome,
            counts: _,
            status,
            result,
            title,
            reasoning,
            observed,
            short_id: _,
            details,
        } = of;
        let details = details.as_deref();
        let at_qatech = run.attempts.get(*attempt);
        // With one attempt, the heading of the case has the title already, unless it is too long.
        let several = case.attempts.len() > 1;
        let is_shown = |title: &&str| several || is_long(title);
        let title = title.as_deref().filter(is_shown);
        let repeats = case.repeats_reason(index);
        let mut status = one_line(status).into_owned();
        if let Some(result) = filled(result.as_deref()) {
            status.push(' ');
            status.push_str(&one_line(result));
        }
        if *outcome == CaseOutcome::Unfinished {
            status.push_str(": ");
            status.push_str(synthetic_case::unfinished(run, *attempt));
        }
        Self {
            class: outcome.as_str(),
            label: label(*outcome),
            which: if several {
                attempt_name(*attempt, at_qatech)
            } else {
                String::new()
            },
            repeats,
            title: filled(title).filter(|_| !repeats).map(Line),
            reasoning: filled(reasoning.as_deref())
                .filter(|_| !repeats)
                .map(str::trim_end)
                .map(Clean),
            status,
            run: Line(at_qatech.map_or("", |attempt| &attempt.short_id)),
            link: at_qatech.and_then(Attempt::link),
            page: details.and_then(CaseDetails::link),
            error_code: details
                .and_then(|details| filled(details.error_code.as_deref()))
                .map(Line),
            took: details.and_then(|details| details.duration).map(format_duration),
            screenshot: details.and_then(|details| details.screenshot.as_ref()).map(Image),
            observed: observed_text(*observed),
        }
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !is_blank(text))
}

fn observed_text(observed: Observed) -> Option<String> {
    let Observed {
        first_seen: _,
        running,
        ended,
    } = observed;
    match (running.map(moment), ended.map(moment)) {
        (Some(from), Some(to)) if from != to => Some(format!("seen running from {from} to {to}")),
        (_, Some(to)) => Some(format!("seen ended at {to}")),
        (Some(from), None) => Some(format!("seen running from {from} on")),
        (None, None) => None,
    }
}

/// A time since the start of the program; in tenths of a second below 10 s, since short tests begin and end within a
/// second.
fn moment(at: Millis) -> String {
    match at {
        ..10_000 => format!("{}.{} s", at / 1_000, at % 1_000 / 100),
        _ => format_duration(at),
    }
}

impl Line<'_> {
    /// Whether the text is empty, for the template.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observed_times_are_shown_if_they_differ() {
        let text = |running, ended| {
            observed_text(Observed {
                first_seen: 0,
                running,
                ended,
            })
            .unwrap_or_default()
        };
        assert_eq!(text(Some(1_050), Some(1_900)), "seen running from 1.0 s to 1.9 s");
        assert_eq!(text(Some(9_999), Some(60_000)), "seen running from 9.9 s to 1 min");
        assert_eq!(text(Some(12_100), Some(12_900)), "seen ended at 12 s");
        assert_eq!(text(Some(12_100), None), "seen running from 12 s on");
    }
}
