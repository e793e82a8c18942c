//! The report as Markdown: the sections that job summary, comment and check run are put together from.
//!
//! [`head`] tells the verdict, counts, runs and problems; [`body`] tells the cases. A body that would be too long is made
//! anew with less detail, see [`DETAILS`] and [`brief`]; each try ends at the limit, so that the cost does not grow with
//! what is cut.

mod brief;
mod cases;
mod head;
pub mod page;
pub mod summary;
mod timeline;
mod trend;

use crate::render::markdown::page::{Measure, Page};
use crate::render::phrases;
use crate::report::{Attempt, Case, CaseOutcome, ReportSlice, RunReport};

pub(in crate::render) use head::{head, origin_line};

/// How much is told of each case.
#[derive(Debug, Clone, Copy)]
struct Detail {
    /// What is told of cases that are neither failed nor flaky.
    rest: Rest,
    /// Characters of reasoning, and of goal, for failed and flaky cases.
    reasoning: usize,
}

/// What is told of the cases that nobody has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// A table with reasoning.
    Reasoning,
    /// A table with titles.
    Titles,
    /// Their number.
    Number,
}

/// From the most to the least. After them comes [`brief`]. The steps are small, so that little room stays unused.
const DETAILS: [Detail; 15] = [
    Detail::new(Rest::Reasoning, usize::MAX),
    Detail::new(Rest::Titles, usize::MAX),
    Detail::new(Rest::Number, usize::MAX),
    Detail::new(Rest::Number, 32_000),
    Detail::new(Rest::Number, 16_000),
    Detail::new(Rest::Number, 8_000),
    Detail::new(Rest::Number, 4_000),
    Detail::new(Rest::Number, 2_800),
    Detail::new(Rest::Number, 2_000),
    Detail::new(Rest::Number, 1_400),
    Detail::new(Rest::Number, 1_000),
    Detail::new(Rest::Number, 700),
    Detail::new(Rest::Number, 500),
    Detail::new(Rest::Number, 350),
    Detail::new(Rest::Number, 200),
];

impl Detail {
    const fn new(rest: Rest, reasoning: usize) -> Self {
        Self { rest, reasoning }
    }
}

/// A case with its run.
type Entry<'a> = (&'a RunReport, &'a Case);

/// All cases, by what is told of them.
struct Groups<'a> {
    bad: Vec<Entry<'a>>,
    flaky: Vec<Entry<'a>>,
    rest: Vec<Entry<'a>>,
    /// Whether cases have to say which run they belong to.
    several_runs: bool,
}

impl<'a> Groups<'a> {
    fn of(part: ReportSlice<'a>) -> Self {
        let (bad, others): (Vec<_>, Vec<_>) = part
            .cases_by_outcome()
            .into_iter()
            .partition(|(_, case)| case.outcome.is_bad());
        let (flaky, rest) = others
            .into_iter()
            .partition(|(_, case)| case.outcome == CaseOutcome::Flaky);
        Self {
            bad,
            flaky,
            rest,
            several_runs: part.runs.len() > 1,
        }
    }

    /// What to call a case's run, where cases have to say it.
    fn label<'b>(&self, run: &'b RunReport) -> Option<&'b str> {
        self.several_runs.then(|| run.label())
    }

    /// About how many bytes a body of this detail has, from the lengths of the raw texts.
    fn estimate(&self, detail: Detail) -> usize {
        let told = self.bad.iter().chain(&self.flaky);
        let told: usize = told.map(|(_, case)| estimate_fold(case, detail.reasoning)).sum();
        let rest = self.rest.iter().map(|(_, case)| match detail.rest {
            Rest::Reasoning => 40 + case.name.len() + case.latest().map_or(0, |latest| text_len(&latest.reasoning)),
            Rest::Titles => 20 + case.name.len().min(cases::NAME),
            Rest::Number => 0,
        });
        told.saturating_add(rest.sum())
    }
}

fn text_len(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

fn estimate_fold(case: &Case, reasoning: usize) -> usize {
    let attempts = case
        .attempts
        .iter()
        .map(|attempt| text_len(&attempt.reasoning).min(reasoning));
    let goal = text_len(&case.goal).min(reasoning);
    120 + case.name.len().min(cases::NAME) + goal + attempts.sum::<usize>()
}

/// The cases, in a text of at most that length: failed ones first and in full, the rest folded.
pub(in crate::render) fn body(part: ReportSlice<'_>, limit: usize, measure: Measure, with_timeline: bool) -> String {
    let ReportSlice { report, runs: _ } = part;
    let groups = Groups::of(part);
    let trend = trend::section(report);
    let timeline = if with_timeline {
        timeline::section(report)
    } else {
        String::new()
    };
    for detail in DETAILS {
        // White space and control characters vanish, so the estimate may be a little too high.
        if measure.at_least(groups.estimate(detail) / 3 * 2) > limit {
            continue;
        }
        let mut page = Page::new(limit, measure);
        if cases::sections(&mut page, report, &groups, detail) && page.push(&trend) && page.push(&timeline) {
            return page.finish();
        }
    }
    let mut page = Page::new(limit, measure);
    let after = page.length(&trend) + page.length(&timeline);
    // What others are about is worth some names, but not most of them.
    let after = if after > limit / 4 { 0 } else { after };
    let complete = brief::sections(&mut page, report, &groups, after);
    if complete && cases::rest(&mut page, &groups, Rest::Number) {
        page.push(&trend);
        page.push(&timeline);
    }
    page.finish()
}

/// A run's page as a link on its short id, or the short id alone.
fn run_link(attempt: &Attempt) -> String {
    let id = crate::render::escape::code_cell(&crate::render::escape::cut_chars(&attempt.short_id, 60));
    match attempt.link().and_then(safe_url) {
        Some(url) => format!("[{id}]({url})"),
        None => id,
    }
}

/// An https URL as the target of a Markdown link.
fn safe_url(url: &str) -> Option<String> {
    let plain = url.len() <= 1_000 && crate::render::escape::clean(url) == url;
    plain.then(|| url.replace('&', "&amp;"))
}

/// The attempt's name and link: `Rerun 1 (smk2)`.
fn attempt_label(run: &RunReport, index: usize) -> String {
    let attempt = run.attempts.get(index);
    let name = phrases::attempt_name(index, attempt);
    match attempt {
        Some(attempt) => format!("{name} ({})", run_link(attempt)),
        None => name,
    }
}
