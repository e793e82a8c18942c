//! The test cases: a fold for each case that needs attention, and a folded table of the rest.

use crate::render::duration::format_duration;
use crate::render::escape::{code_cell, cut_bytes, cut_chars, inline, is_blank, lines, push_inline, push_lines};
use crate::render::markdown::page::Page;
use crate::render::markdown::{Entry, Groups, Layout, Tier, attempt_label, case_url, push_name_or_short_id};
use crate::render::phrases::details::{error_code, quarantine_line};
use crate::render::phrases::{
    QUARANTINE_MARK, by_outcome, failure_phrase, number, outcome_mark, outcome_phrase, several,
};
use crate::report::{Case, CaseAttempt, Counts, Report, RunReport};

/// Most bytes of a case's name.
pub(super) const NAME: usize = 200;
/// Most bytes of the title of an outcome.
const TITLE: usize = 300;
/// Most bytes of a run's label.
const LABEL: usize = 100;
/// The end of a fold.
const END: &str = "\n</details>\n\n";

/// Adds all sections about cases. False if they do not fit; the page is then incomplete and must be dropped.
pub(super) fn sections(page: &mut Page, report: &Report, groups: &Groups<'_>, tier: Tier, layout: Layout) -> bool {
    let mut open_next = layout == Layout::Page;
    for (cases, title) in groups.with_headings() {
        // Only the first failure is open.
        let open_first = std::mem::take(&mut open_next);
        if !section(page, report, groups, cases, title, tier, open_first) {
            return false;
        }
    }
    rest(page, groups, tier)
}

/// A heading and a fold for each case.
fn section(
    page: &mut Page,
    report: &Report,
    groups: &Groups<'_>,
    cases: &[Entry<'_>],
    title: &str,
    tier: Tier,
    open_first: bool,
) -> bool {
    if cases.is_empty() {
        return true;
    }
    let mut start = format!("### {title} ({})\n\n", number(cases.len() as u64));
    if tier.reasoning() != usize::MAX {
        start.push_str(&format!(
            "What happened is cut at {} characters for each test, to stay within GitHub's limit.\n\n",
            number(tier.reasoning() as u64)
        ));
    }
    let shown = page.push(&start).then(|| {
        page.push_all(cases.iter().enumerate(), 0, |out, (index, (run, case))| {
            let fold = Fold {
                report,
                run,
                case,
                label: groups.label(run),
                reasoning: tier.reasoning(),
                open: open_first && index == 0,
            };
            fold.push(out);
        })
    });
    shown == Some(cases.len())
}

/// A case as an item of a list.
pub(super) fn line(out: &mut String, case: &Case, label: Option<&str>, with_title: bool) {
    out.push_str("- ");
    name(out, case, label);
    if with_title {
        title(out, case);
        if let Some(kind) = case.failure_kind() {
            out.push_str(&format!(" <i>({})</i>", failure_phrase(kind)));
        }
        if let Some(url) = case_url(case) {
            out.push_str(&format!(" · [open]({url})"));
        }
    }
    out.push('\n');
}

/// Mark, name and plan.
fn name(out: &mut String, case: &Case, label: Option<&str>) {
    out.push_str(if case.is_quarantined_failure() {
        QUARANTINE_MARK
    } else {
        outcome_mark(case.outcome)
    });
    out.push_str(" <b>");
    push_name(out, case);
    out.push_str("</b>");
    if let Some(label) = label {
        out.push_str(" (");
        push_inline(out, &cut_bytes(label, LABEL));
        out.push(')');
    }
}

fn push_name(out: &mut String, case: &Case) {
    push_name_or_short_id(out, &case.name, &case.short_id, NAME);
}

/// The title of the decisive attempt, after a colon.
fn title(out: &mut String, case: &Case) {
    let title = case.explanation().title;
    if !is_blank(title) {
        out.push_str(": ");
        push_inline(out, &cut_bytes(title, TITLE));
    }
}

/// A fold with everything about a case.
pub(super) struct Fold<'a> {
    pub report: &'a Report,
    pub run: &'a RunReport,
    pub case: &'a Case,
    /// The run's name, if there are several runs.
    pub label: Option<&'a str>,
    /// Most characters of each attempt's reasoning, and of the goal.
    pub reasoning: usize,
    /// Whether it is shown unfolded.
    pub open: bool,
}

impl Fold<'_> {
    pub(super) fn push(&self, out: &mut String) {
        let Self {
            report,
            run,
            case,
            label,
            reasoning,
            open,
        } = self;
        out.push_str(if *open { "<details open>\n" } else { "<details>\n" });
        out.push_str("<summary>");
        name(out, case, *label);
        title(out, case);
        notes(out, report, case);
        out.push_str("</summary>\n\n");
        if let Some(note) = case.quarantine.as_ref().filter(|_| case.is_quarantined_failure()) {
            push_inline(out, &quarantine_line(note));
            out.push_str("\n\n");
        }
        if let Some(goal) = case.goal.as_deref().filter(|goal| !is_blank(goal)) {
            out.push_str("**Goal:** ");
            push_lines(out, &cut_chars(goal, *reasoning));
            out.push_str("\n\n");
        }
        for index in 0..case.attempts.len() {
            push_attempt(out, run, case, index, *reasoning);
        }
        facts(out, case);
        out.push_str(END);
    }
}

/// Short notes about a failure: `(product failure; fails on the default branch, too)`.
fn notes(out: &mut String, report: &Report, case: &Case) {
    let mut notes = Vec::new();
    if case.is_quarantined_failure() {
        notes.push(outcome_phrase(case.outcome));
    }
    notes.extend(case.failure_kind().map(failure_phrase));
    if report.trend.as_ref().is_some_and(|trend| trend.failed_on_default(case)) {
        notes.push("fails on the default branch, too");
    }
    if !notes.is_empty() {
        out.push_str(&format!(" <i>({})</i>", notes.join("; ")));
    }
}

/// The last line of a fold: the short id and the details of the decisive attempt.
fn facts(out: &mut String, case: &Case) {
    out.push_str(&format!("<sub>Test {}", code_cell(&cut_chars(&case.short_id, 60))));
    let details = case.decisive_attempt().and_then(|attempt| attempt.details.as_deref());
    if let Some(details) = details {
        if let Some(code) = error_code(details) {
            let code = code_cell(&code);
            match case.failure_kind() {
                Some(kind) => out.push_str(&format!(" · {} {code}", failure_phrase(kind))),
                None => out.push_str(&format!(" · error code {code}")),
            }
        }
        if let Some(duration) = details.duration {
            out.push_str(&format!(" · took {}", format_duration(duration)));
        }
    }
    if let Some(url) = case_url(case) {
        out.push_str(&format!(" · [open at QA.tech]({url})"));
    }
    out.push_str("</sub>\n");
}

/// One attempt of the case. Each of several is named; the title of a single one is in the summary of the fold already.
fn push_attempt(out: &mut String, run: &RunReport, case: &Case, at: usize, reasoning: usize) {
    let Some(attempt) = case.attempts.get(at) else {
        return;
    };
    let CaseAttempt {
        attempt: index,
        outcome,
        counts: _,
        status,
        result: _,
        title,
        reasoning: explanation,
        observed: _,
        short_id: _,
        details,
    } = attempt;
    let explanation = lines(&cut_chars(explanation.as_deref().unwrap_or_default(), reasoning));
    if case.attempts.len() > 1 {
        let (mark, phrase) = (outcome_mark(*outcome), outcome_phrase(*outcome));
        out.push_str(&format!("{mark} **{}:** {phrase}", attempt_label(run, *index)));
        let kind = details.as_ref().filter(|_| outcome.is_bad());
        if let Some(kind) = kind.and_then(|details| details.failure_kind()) {
            out.push_str(&format!(" ({})", failure_phrase(kind)));
        }
        if case.repeats_reason(at) {
            out.push_str(" for the same reason\n\n");
            return;
        }
        if let Some(title) = title.as_deref().filter(|title| !is_blank(title)) {
            out.push_str(" – ");
            push_inline(out, &cut_bytes(title, TITLE));
        }
        if !explanation.is_empty() {
            out.push_str("<br>");
        }
    } else if !explanation.is_empty() {
        out.push_str("**What happened:** ");
    } else if title.as_deref().is_none_or(is_blank) {
        out.push_str("QA.tech gave no reason; status ");
        out.push_str(&code_cell(&cut_chars(status, 40)));
        out.push('.');
    } else {
        // The title is the reason, and stands in the heading.
        return;
    }
    out.push_str(&explanation);
    out.push_str("\n\n");
}

/// The rest in a folded table, or their number.
pub(super) fn rest(page: &mut Page, groups: &Groups<'_>, tier: Tier) -> bool {
    let cases = &groups.rest;
    if cases.is_empty() {
        return true;
    }
    let mut counts = Counts::default();
    cases.iter().for_each(|(_, case)| counts.add(case.outcome));
    let kinds = by_outcome(counts);
    let others = if groups.notable().next().is_none() {
        "test"
    } else {
        "other test"
    };
    let total = several(cases.len() as u64, others);
    let with_reasoning = match tier {
        Tier::Full => true,
        Tier::TitlesOfRest => false,
        Tier::NumberOfRest | Tier::CutReasoning(_) | Tier::Names => {
            return page.push(&format!(
                "{total} not listed here, to stay within GitHub's limit: {kinds}.\n\n"
            ));
        }
    };
    let (plan, rule) = if groups.several_runs {
        (" Plan |", "---|")
    } else {
        ("", "")
    };
    let start = format!(
        "<details>\n<summary>{total}: {kinds}</summary>\n\n| Result | Test |{plan} What happened |\n|---|---|{rule}---|\n"
    );
    if !page.open(&start, END) {
        return false;
    }
    let shown = page.push_all(cases, 0, |out, (run, case)| {
        row(out, case, groups.label(run), with_reasoning);
    });
    page.close(END);
    shown == cases.len()
}

/// A row of the table.
fn row(out: &mut String, case: &Case, label: Option<&str>, with_reasoning: bool) {
    out.push_str(&format!(
        "| {} {} | ",
        outcome_mark(case.outcome),
        outcome_phrase(case.outcome)
    ));
    match case_url(case) {
        Some(url) => {
            out.push('[');
            push_name(out, case);
            out.push_str(&format!("]({url})"));
        }
        None => push_name(out, case),
    }
    out.push_str(" | ");
    if let Some(label) = label {
        push_inline(out, &cut_bytes(label, LABEL));
        out.push_str(" | ");
    }
    let explanation = case.explanation();
    let title = inline(&cut_bytes(explanation.title, TITLE));
    let reasoning = if with_reasoning {
        lines(explanation.reasoning)
    } else {
        String::new()
    };
    if reasoning.is_empty() {
        out.push_str(if title.is_empty() { "–" } else { &title });
    } else {
        let title = if title.is_empty() { "Details" } else { &title };
        out.push_str(&format!("<details><summary>{title}</summary>{reasoning}</details>"));
    }
    out.push_str(" |\n");
}
