//! The test cases: failed ones in a fold each, flaky ones with what every attempt said, the rest in a folded table.

use crate::render::escape::{code_cell, cut_bytes, cut_chars, inline, is_blank, lines, push_inline, push_lines};
use crate::render::markdown::page::Page;
use crate::render::markdown::{Detail, Entry, Groups, Rest, attempt_label};
use crate::render::phrases::{by_outcome, number, outcome_mark, outcome_word, several};
use crate::report::{Case, CaseAttempt, CaseOutcome, Counts, Report, RunReport};

/// Bytes of a case's name.
pub(super) const NAME: usize = 200;
/// Bytes of the title of an outcome.
const TITLE: usize = 300;
/// Bytes of a run's label.
const LABEL: usize = 100;
/// How a fold ends.
const END: &str = "\n</details>\n\n";

/// All sections on cases. Says whether everything of this detail is in; if not, what is on the page is to be thrown away.
pub(super) fn sections(page: &mut Page, report: &Report, groups: &Groups<'_>, detail: Detail) -> bool {
    section(page, report, groups, &groups.bad, bad_title(groups), detail)
        && section(page, report, groups, &groups.flaky, "Flaky tests", detail)
        && rest(page, groups, detail.rest)
}

/// What to call the cases that failed or errored.
pub(super) fn bad_title(groups: &Groups<'_>) -> &'static str {
    if groups.bad.iter().any(|(_, case)| case.outcome == CaseOutcome::Errored) {
        "Failed and errored tests"
    } else {
        "Failed tests"
    }
}

/// A heading and a fold for each case.
fn section(
    page: &mut Page,
    report: &Report,
    groups: &Groups<'_>,
    cases: &[Entry<'_>],
    title: &str,
    detail: Detail,
) -> bool {
    if cases.is_empty() {
        return true;
    }
    let mut start = format!("### {title} ({})\n\n", number(cases.len() as u64));
    if detail.reasoning != usize::MAX {
        start.push_str(&format!(
            "What happened is cut at {} characters for each test, to stay within GitHub's limit.\n\n",
            number(detail.reasoning as u64)
        ));
    }
    let shown = page.push(&start).then(|| {
        page.push_all(cases, 0, |out, (run, case)| {
            fold(out, report, run, case, groups.label(run), detail.reasoning);
        })
    });
    shown == Some(cases.len())
}

/// A case on a line of a list.
pub(super) fn line(out: &mut String, case: &Case, label: Option<&str>, with_title: bool) {
    out.push_str("- ");
    name(out, case, label);
    if with_title {
        title(out, case);
    }
    out.push('\n');
}

/// Mark, name and plan.
fn name(out: &mut String, case: &Case, label: Option<&str>) {
    out.push_str(outcome_mark(case.outcome));
    out.push_str(" <b>");
    push_name(out, case);
    out.push_str("</b>");
    if let Some(label) = label {
        out.push_str(" (");
        push_inline(out, &cut_bytes(label, LABEL));
        out.push(')');
    }
}

/// The name, or the short id where there is none.
fn push_name(out: &mut String, case: &Case) {
    let start = out.len();
    push_inline(out, &cut_bytes(&case.name, NAME));
    if out.len() == start {
        out.push_str(&code_cell(&cut_chars(&case.short_id, 60)));
    }
}

/// What the telling attempt's title says, after a colon.
fn title(out: &mut String, case: &Case) {
    let title = case
        .decisive_attempt()
        .and_then(|attempt| attempt.title.as_deref())
        .unwrap_or_default();
    if !is_blank(title) {
        out.push_str(": ");
        push_inline(out, &cut_bytes(title, TITLE));
    }
}

/// A case with what every attempt said of it, in so many characters each.
pub(super) fn fold(
    out: &mut String,
    report: &Report,
    run: &RunReport,
    case: &Case,
    label: Option<&str>,
    reasoning: usize,
) {
    out.push_str("<details>\n<summary>");
    name(out, case, label);
    title(out, case);
    if report.trend.as_ref().is_some_and(|trend| trend.failed_on_default(case)) {
        out.push_str(" <i>(failed on the default branch before, too)</i>");
    }
    out.push_str("</summary>\n\n");
    if let Some(goal) = case.goal.as_deref().filter(|goal| !is_blank(goal)) {
        out.push_str("**Goal:** ");
        push_lines(out, &cut_chars(goal, reasoning));
        out.push_str("\n\n");
    }
    for attempt in &case.attempts {
        attempt_words(out, run, attempt, case.attempts.len() > 1, reasoning);
    }
    out.push_str(&format!(
        "<sub>Test {}</sub>\n",
        code_cell(&cut_chars(&case.short_id, 60))
    ));
    out.push_str(END);
}

/// What one attempt said. With several, each says which it was; alone, its title stands in the summary already.
fn attempt_words(out: &mut String, run: &RunReport, attempt: &CaseAttempt, several: bool, reasoning: usize) {
    let CaseAttempt {
        attempt: index,
        outcome,
        counts: _,
        status,
        result: _,
        title,
        reasoning: thought,
        observed: _,
        short_id: _,
        details: _,
    } = attempt;
    let thought = lines(&cut_chars(thought.as_deref().unwrap_or_default(), reasoning));
    if several {
        let (mark, word) = (outcome_mark(*outcome), outcome_word(*outcome));
        out.push_str(&format!("{mark} **{}:** {word}", attempt_label(run, *index)));
        if let Some(title) = title.as_deref().filter(|title| !is_blank(title)) {
            out.push_str(" – ");
            push_inline(out, &cut_bytes(title, TITLE));
        }
        if !thought.is_empty() {
            out.push_str("<br>");
        }
    } else if thought.is_empty() {
        out.push_str("QA.tech gave no reason; status ");
        out.push_str(&code_cell(&cut_chars(status, 40)));
        out.push('.');
    } else {
        out.push_str("**What happened:** ");
    }
    out.push_str(&thought);
    out.push_str("\n\n");
}

/// The rest in a folded table, or its number.
pub(super) fn rest(page: &mut Page, groups: &Groups<'_>, detail: Rest) -> bool {
    let cases = &groups.rest;
    if cases.is_empty() {
        return true;
    }
    let mut counts = Counts::default();
    cases.iter().for_each(|(_, case)| counts.add(case.outcome));
    let kinds = by_outcome(counts);
    let others = if groups.bad.is_empty() && groups.flaky.is_empty() {
        "test"
    } else {
        "other test"
    };
    let total = several(cases.len() as u64, others);
    if detail == Rest::Number {
        return page.push(&format!(
            "{total} not listed here, to stay within GitHub's limit: {kinds}.\n\n"
        ));
    }
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
        row(out, case, groups.label(run), detail == Rest::Reasoning);
    });
    page.close(END);
    shown == cases.len()
}

/// A row of the table.
fn row(out: &mut String, case: &Case, label: Option<&str>, with_reasoning: bool) {
    out.push_str(&format!(
        "| {} {} | ",
        outcome_mark(case.outcome),
        outcome_word(case.outcome)
    ));
    push_name(out, case);
    out.push_str(" | ");
    if let Some(label) = label {
        push_inline(out, &cut_bytes(label, LABEL));
        out.push_str(" | ");
    }
    let latest = case.latest();
    let title = latest.and_then(|attempt| attempt.title.as_deref()).unwrap_or_default();
    let title = inline(&cut_bytes(title, TITLE));
    let thought = latest
        .and_then(|attempt| attempt.reasoning.as_deref())
        .filter(|_| with_reasoning);
    let thought = lines(thought.unwrap_or_default());
    if thought.is_empty() {
        out.push_str(if title.is_empty() { "–" } else { &title });
    } else {
        let title = if title.is_empty() { "Details" } else { &title };
        out.push_str(&format!("<details><summary>{title}</summary>{thought}</details>"));
    }
    out.push_str(" |\n");
}
