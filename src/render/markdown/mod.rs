//! The report as Markdown: the sections of job summary, comment, check run and issue.
//!
//! `head` has verdict, counts, runs and problems; `body` has the cases. A body that is too long is rendered again in the
//! next `Tier`. Each attempt stops at the limit, so that its cost does not depend on the length of the report.

mod brief;
mod cases;
mod head;
pub mod page;
pub mod summary;
mod timeline;
mod trend;

use crate::render::escape::{clean, code_cell, cut_bytes, cut_chars, push_inline};
use crate::render::markdown::page::{Measure, Page};
use crate::render::phrases;
use crate::report::{Attempt, Case, CaseOutcome, ReportSlice, RunReport};

pub(in crate::render) use head::{head, origin_line};

/// Where a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Layout {
    /// On a page of its own: the first failure is open, and there is a timeline.
    Page,
    /// In a conversation, where it should be short: every case is folded, and there is no timeline.
    Conversation,
}

/// The level of detail of a body, from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    /// Everything.
    Full,
    /// Cases that need no attention have a table without reasoning.
    TitlesOfRest,
    /// Cases that need no attention are counted.
    NumberOfRest,
    /// The same, with reasoning and goal of the others cut at this number of characters each.
    CutReasoning(usize),
    /// The others have a line each, and the first of them a short fold: see [`brief`].
    Names,
}

/// Reasoning is not cut below this number of characters: [`Tier::Names`] has folds of about that length.
const SHORTEST_CUT: usize = 500;

impl Tier {
    /// Characters of reasoning, and of goal, for each case that needs attention.
    fn reasoning(self) -> usize {
        match self {
            Self::Full | Self::TitlesOfRest | Self::NumberOfRest => usize::MAX,
            Self::CutReasoning(characters) => characters,
            Self::Names => brief::REASONING,
        }
    }

    /// The tiers to try for a body of at most `limit`.
    fn for_limit(groups: &Groups<'_>, limit: usize, measure: Measure) -> impl Iterator<Item = Self> {
        let longest = groups.longest_cut(limit, measure);
        // Escaping makes texts longer than estimated.
        let cuts = std::iter::successors(longest, |cut| Some(cut / 5 * 4));
        let cuts = cuts.take_while(|cut| *cut >= SHORTEST_CUT).map(Self::CutReasoning);
        [Self::Full, Self::TitlesOfRest, Self::NumberOfRest]
            .into_iter()
            .chain(cuts)
    }
}

/// A case with its run.
type Entry<'a> = (&'a RunReport, &'a Case);

/// All cases, grouped by the attention that they need.
struct Groups<'a> {
    /// Failed and errored, outside quarantine.
    failed: Vec<Entry<'a>>,
    /// Failed and errored, in quarantine.
    quarantined: Vec<Entry<'a>>,
    flaky: Vec<Entry<'a>>,
    rest: Vec<Entry<'a>>,
    /// Whether each case shows the name of its run.
    several_runs: bool,
}

impl<'a> Groups<'a> {
    fn new(part: ReportSlice<'a>) -> Self {
        let mut groups = Self {
            failed: Vec::new(),
            quarantined: Vec::new(),
            flaky: Vec::new(),
            rest: Vec::new(),
            several_runs: part.runs.len() > 1,
        };
        for (run, case) in part.cases_by_outcome() {
            let group = match case.outcome {
                CaseOutcome::Failed | CaseOutcome::Errored if case.quarantine.is_some() => &mut groups.quarantined,
                CaseOutcome::Failed | CaseOutcome::Errored => &mut groups.failed,
                CaseOutcome::Flaky => &mut groups.flaky,
                CaseOutcome::Skipped | CaseOutcome::Unfinished | CaseOutcome::Passed => &mut groups.rest,
            };
            group.push((run, case));
        }
        groups
    }

    /// The groups that need attention with their headings, the most urgent first.
    fn with_headings(&self) -> [(&[Entry<'a>], &'static str); 3] {
        let errored = |(_, case): &Entry<'_>| case.outcome == CaseOutcome::Errored;
        let failed = if self.failed.iter().any(errored) {
            "Failed and errored tests"
        } else {
            "Failed tests"
        };
        [
            (&self.failed, failed),
            (&self.quarantined, "Quarantined tests"),
            (&self.flaky, "Flaky tests"),
        ]
    }

    /// The cases that need attention.
    fn notable(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.failed.iter().chain(&self.quarantined).chain(&self.flaky)
    }

    /// The name of a case's run, if there are several runs.
    fn label<'b>(&self, run: &'b RunReport) -> Option<&'b str> {
        self.several_runs.then(|| run.label())
    }

    /// Estimates the bytes of a body of this tier from the lengths of the raw texts.
    fn estimate(&self, tier: Tier) -> usize {
        let folds = self.notable().map(|(_, case)| estimate_fold(case, tier.reasoning()));
        let rest = self.rest.iter().map(|(_, case)| match tier {
            Tier::Full => 40 + case.name.len() + case.latest().map_or(0, |latest| text_len(&latest.reasoning)),
            Tier::TitlesOfRest => 20 + case.name.len().min(cases::NAME),
            Tier::NumberOfRest | Tier::CutReasoning(_) | Tier::Names => 0,
        });
        folds.sum::<usize>().saturating_add(rest.sum())
    }

    /// The greatest cut with which a body may fit, if there is one.
    fn longest_cut(&self, limit: usize, measure: Measure) -> Option<usize> {
        let fits = |cut: usize| measure.at_least(self.estimate(Tier::CutReasoning(cut))) <= limit;
        let (mut fitting, mut too_long) = (SHORTEST_CUT, limit.checked_mul(4)?);
        if !fits(fitting) {
            return None;
        }
        while too_long.saturating_sub(fitting) > SHORTEST_CUT / 10 {
            let middle = fitting.midpoint(too_long);
            if fits(middle) {
                fitting = middle;
            } else {
                too_long = middle;
            }
        }
        Some(fitting)
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

/// The cases in a text of at most `limit`: failed cases first and in full, the rest folded.
pub(in crate::render) fn body(part: ReportSlice<'_>, limit: usize, measure: Measure, layout: Layout) -> String {
    let ReportSlice { report, runs: _ } = part;
    let groups = Groups::new(part);
    let timeline = match layout {
        Layout::Page => timeline::section(report),
        Layout::Conversation => String::new(),
    };
    let appendix = [trend::section(report), timeline];
    let reserved: usize = appendix.iter().map(|section| measure.length(section)).sum();
    // The appendix may replace some details of the cases, but not most of them.
    let reserved = if reserved > limit / 4 { 0 } else { reserved };
    for tier in Tier::for_limit(&groups, limit - reserved, measure) {
        // White space and control characters are dropped, so the estimate may be a little too high.
        if measure.at_least(groups.estimate(tier) / 3 * 2) > limit {
            continue;
        }
        let mut page = Page::new(limit, measure);
        if cases::sections(&mut page, report, &groups, tier, layout) && page.room() >= reserved {
            return finish(page, &appendix);
        }
    }
    let mut page = Page::new(limit, measure);
    let complete = brief::sections(&mut page, report, &groups, reserved);
    let told = cases::rest(&mut page, &groups, Tier::Names);
    if complete && told {
        return finish(page, &appendix);
    }
    page.finish()
}

/// Adds the sections that fit.
fn finish(mut page: Page, appendix: &[String]) -> String {
    for section in appendix {
        page.push(section);
    }
    page.finish()
}

/// A test case's name in at most `max` bytes, or its short id if nothing of the name is visible.
fn push_name_or_short_id(out: &mut String, name: &str, short_id: &str, max: usize) {
    let start = out.len();
    push_inline(out, &cut_bytes(name, max));
    if out.len() == start {
        out.push_str(&code_cell(&cut_chars(short_id, 60)));
    }
}

/// A run's page as a link on its short id, or the short id alone.
fn run_link(attempt: &Attempt) -> String {
    let id = code_cell(&cut_chars(&attempt.short_id, 60));
    match attempt.link().and_then(safe_url) {
        Some(url) => format!("[{id}]({url})"),
        None => id,
    }
}

/// The page of a case in its decisive attempt, as the target of a Markdown link.
fn case_url(case: &Case) -> Option<String> {
    case.decisive_attempt()?.details.as_deref()?.link().and_then(safe_url)
}

/// An https URL as the target of a Markdown link.
fn safe_url(url: &str) -> Option<String> {
    let plain = url.len() <= 1_000 && clean(url) == url;
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
