//! The head: verdict, counts, runs and problems.

use crate::render::duration::format_duration;
use crate::render::escape::{code_cell, code_segments, cut_bytes, cut_chars, inline, push_inline, push_lines};
use crate::render::markdown::page::{Measure, Page};
use crate::render::markdown::{run_link, safe_url};
use crate::render::phrases;
use crate::render::phrases::{Headline, by_outcome, number, several};
use crate::report::{Attempt, Counts, Mode, Report, ReportSlice, RunReport, Verdict};

/// Most characters of a run's label in the table.
const LABEL: usize = 100;
/// Most bytes of a problem or warning.
const PROBLEM: usize = 1_000;
/// Room for "and N more".
const NOTE: usize = 80;

/// Verdict, next step, counts, runs and problems in a text of at most `limit`. `heading` says whether the text begins with
/// the verdict, which a check run shows as its title instead.
pub(in crate::render) fn head(part: ReportSlice<'_>, limit: usize, measure: Measure, heading: bool) -> String {
    let mut page = Page::new(limit, measure);
    let headline = Headline::new(part);
    if heading {
        let separator = headline.separator();
        let Headline { mark, verdict, detail } = headline;
        page.push(&format!("## {mark} QA.tech {verdict}{separator}{detail}\n\n"));
    }
    let mut lines = explanation(part);
    lines.extend(phrases::changes(part.report).map(|changes| format!("**Compared with earlier results:** {changes}.")));
    lines.extend(phrases::next_step(part).map(|step| format!("**Next step:** {step}")));
    for line in lines {
        page.push(&format!("{line}\n\n"));
    }
    counts_table(&mut page, part);
    runs_table(&mut page, part.runs);
    problems(&mut page, part);
    page.finish()
}

/// Sentences that explain the verdict, or why there is none.
fn explanation(part: ReportSlice<'_>) -> Vec<String> {
    let ReportSlice { report, runs } = part;
    let mut lines = Vec::new();
    match report.mode {
        Mode::SkippedWithoutToken => lines.push(
            "Nothing was started: there is no QA.tech API token, and `on_missing_token` is `skip`. \
             Pull requests from forks and from Dependabot don't receive secrets."
                .to_owned(),
        ),
        Mode::StartOnly if runs.iter().all(|run| run.attempts.is_empty()) => {}
        Mode::StartOnly => {
            lines.push("Started without waiting (`blocking: false`); the results are shown at QA.tech.".to_owned());
        }
        Mode::Look => {
            let ended = runs.iter().all(RunReport::is_over);
            let is_unknown = |run: &RunReport| matches!(run.seen(), Some(Verdict::Unknown | Verdict::Interrupted));
            let what = match (ended, runs.len()) {
                (false, _) if runs.iter().any(is_unknown) => "",
                (false, 1) => ": the run has not ended",
                (false, _) => ": not all runs have ended",
                (true, 1) => ": the run had already ended",
                (true, _) => ": all runs had already ended",
            };
            lines.push(format!("Looked at once, without waiting (`blocking: false`){what}."));
        }
        Mode::Wait => {}
    }
    if phrases::is_tolerated(part) {
        lines.push("The step passes: `fail_on` tolerates this result.".to_owned());
    }
    if let Some(signal) = report.interrupted_by {
        let signal = signal.name();
        let in_progress = if runs.iter().any(|run| !run.attempts.is_empty()) {
            " A run that had not ended **goes on at QA.tech**: it can't be cancelled from here."
        } else {
            ""
        };
        lines.push(format!(
            "{signal} ended the wait after {}.{in_progress}",
            format_duration(report.duration)
        ));
    }
    if runs.iter().any(|run| run.verdict == Some(Verdict::TimedOut)) {
        lines.push(format!("Timed out after {}.", format_duration(report.duration)));
    }
    lines
}

fn counts_table(page: &mut Page, part: ReportSlice<'_>) {
    let counts = part.counts();
    if counts.total == 0 || part.report.mode == Mode::StartOnly {
        return;
    }
    let columns = [
        (counts.total, "Tests"),
        (counts.passed, "✅ Passed"),
        (counts.failed, "❌ Failed"),
        (counts.errored, "💥 Errored"),
        (counts.quarantined, "🚧 Of them quarantined"),
        (counts.flaky, "🔁 Flaky"),
        (counts.skipped, "⏭️ Skipped"),
        (counts.unfinished(), "⏳ Not finished"),
    ];
    let shown = |index: usize, count: u64| index < 3 || count > 0;
    let mut rows = [String::from("|"), String::from("|"), String::from("|")];
    for (index, (count, name)) in columns.into_iter().enumerate() {
        if shown(index, count) {
            let [names, rule, numbers] = &mut rows;
            names.push_str(&format!(" {name} |"));
            rule.push_str("---:|");
            numbers.push_str(&format!(" {} |", number(count)));
        }
    }
    page.push(&format!("{}\n\n", rows.join("\n")));
}

fn runs_table(page: &mut Page, runs: &[RunReport]) {
    if runs.is_empty()
        || !page.open(
            "| Plan | Run | Result | Tests | Observed time |\n|---|---|---|---|---|\n",
            "\n",
        )
    {
        return;
    }
    let shown = page.push_all(runs, NOTE, run_rows);
    page.close("\n");
    left_out(page, runs.len() - shown, "more run");
}

/// A note such as "and 3 more runs", if some are left out.
fn left_out(page: &mut Page, count: usize, what: &str) {
    if count > 0 {
        page.push(&format!("…and {}.\n\n", several(count as u64, what)));
    }
}

/// One row for each attempt of a run, or one for a run that was not started.
fn run_rows(out: &mut String, run: &RunReport) {
    let label = cut_chars(run.label(), LABEL);
    let unnamed = run.plan.is_none() && run.requested_plan.is_none();
    if run.attempts.is_empty() {
        let result = run.verdict.map_or_else(|| "not started".to_owned(), verdict_cell);
        out.push_str(&format!("| {} | – | {result} | – | – |\n", inline(&label)));
    }
    let counts = attempt_counts(run);
    for (index, attempt) in run.attempts.iter().enumerate() {
        out.push_str("| ");
        if index == 0 && unnamed {
            // The only name is the short id, which is in the next column.
            out.push('–');
        } else if index == 0 {
            push_inline(out, &label);
        } else {
            out.push_str("↳ ");
            out.push_str(&phrases::attempt_name(index, Some(attempt)));
        }
        let tests = counts.get(index).map(|counts| by_outcome(*counts)).unwrap_or_default();
        let tests = match (tests.is_empty(), attempt.test_count) {
            (false, _) => tests,
            (true, Some(count)) => several(count, "test"),
            (true, None) => "–".to_owned(),
        };
        let result = attempt_result(attempt);
        let observed = phrases::attempt_duration(attempt).unwrap_or_else(|| "–".to_owned());
        out.push_str(&format!(
            " | {} | {result} | {tests} | {observed} |\n",
            run_link(attempt)
        ));
    }
}

fn verdict_cell(verdict: Verdict) -> String {
    let (mark, phrase) = (phrases::mark(verdict), phrases::phrase(verdict));
    let bold = if verdict == Verdict::Unknown { "**" } else { "" };
    format!("{mark} {bold}{phrase}{bold}")
}

/// The verdict of an attempt, else its latest status.
fn attempt_result(attempt: &Attempt) -> String {
    match (attempt.seen(), &attempt.status) {
        (Some(verdict), _) => verdict_cell(verdict),
        (None, Some(status)) => {
            let mut text = inline(&cut_chars(status, 40));
            if let Some(result) = &attempt.result {
                text.push_str(", ");
                push_inline(&mut text, &cut_chars(result, 40));
            }
            text
        }
        (None, None) => "started".to_owned(),
    }
}

/// The counts of the cases of each attempt.
fn attempt_counts(run: &RunReport) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); run.attempts.len()];
    for case in &run.cases {
        for attempt in &case.attempts {
            if let Some(counts) = counts.get_mut(attempt.attempt) {
                counts.add(attempt.outcome);
            }
        }
    }
    counts
}

/// The first sentence of the alert if the verdict is unknown.
const OUTCOME_UNKNOWN: &str = "**The outcome could not be determined.** It does not count as a pass.";

/// An alert with a paragraph for each problem of a run or attempt and for each warning.
fn problems(page: &mut Page, part: ReportSlice<'_>) {
    let ReportSlice { report, runs } = part;
    let mut items: Vec<(Option<&str>, &str)> = Vec::new();
    for run in runs {
        let label = (runs.len() > 1).then(|| run.label());
        let problems = run
            .problem
            .iter()
            .chain(run.attempts.iter().filter_map(|attempt| attempt.problem.as_ref()));
        for problem in problems {
            if !items.iter().any(|known| known == &(label, problem.as_str())) {
                items.push((label, problem));
            }
        }
    }
    items.extend(report.warnings.iter().map(|warning| (None, warning.as_str())));
    let unknown = part.verdict() == Some(Verdict::Unknown);
    let caution = unknown || part.verdict() == Some(Verdict::Error);
    let mut start = format!("> [!{}]\n", if caution { "CAUTION" } else { "WARNING" });
    if unknown {
        start.push_str(&format!("> {OUTCOME_UNKNOWN}\n>\n"));
    }
    if (items.is_empty() && !unknown) || !page.open(&start, "\n") {
        return;
    }
    // Paragraphs rather than a list: a list item that begins with `[x]` would be a task.
    let total = items.len();
    let shown = page.push_all(items, NOTE, |out, (label, problem)| {
        out.push_str("> ");
        if let Some(label) = label {
            out.push_str(&format!("**{}**: ", inline(&cut_chars(label, LABEL))));
        }
        push_with_code(out, &cut_bytes(problem, PROBLEM));
        out.push_str("\n>\n");
    });
    page.close("\n");
    left_out(page, total - shown, "more warning");
}

/// A message, with the texts between backticks as code.
fn push_with_code(out: &mut String, text: &str) {
    let mut space = false;
    for (code, part) in code_segments(text) {
        // Escaping trims each part, so the spaces between parts are added here.
        if (space || part.starts_with(char::is_whitespace)) && !out.ends_with(' ') {
            out.push(' ');
        }
        space = !code && part.ends_with(char::is_whitespace);
        if code {
            out.push_str(&code_cell(part));
        } else {
            push_lines(out, part);
        }
    }
}

/// Commit, workflow run and duration: the last line of texts that are shown outside the workflow run.
pub(in crate::render) fn origin_line(report: &Report) -> String {
    let mut parts = Vec::new();
    if let Some(sha) = &report.origin.sha {
        let short = sha.get(..7).unwrap_or(sha);
        if short.bytes().all(|b| b.is_ascii_hexdigit()) {
            let code = format!("<code>{short}</code>");
            parts.push(match report.origin.commit_link().as_deref().and_then(safe_url) {
                Some(url) => format!("commit [{code}]({url})"),
                None => format!("commit {code}"),
            });
        }
    }
    if let Some(url) = report.origin.ci_link().and_then(safe_url) {
        let page = if url.contains("/job/") { "job" } else { "workflow run" };
        parts.push(format!("[{page}]({url})"));
    }
    parts.push(format!("observed for {}", format_duration(report.duration)));
    format!("<sub>{}</sub>\n", parts.join(" · "))
}
