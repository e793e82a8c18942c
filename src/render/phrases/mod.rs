//! Words and marks for what became of runs and test cases, the same in summary, check, comment and log.
//!
//! Everything here is made of our own words and of numbers, so it needs no escaping anywhere.

use crate::render::duration::format_duration;
use crate::report::{Attempt, AttemptOrigin, CaseOutcome, Counts, Mode, ReportSlice, RunReport, Verdict, status};

/// What stands for the verdict where there was one look only.
const LOOKED_AT: &str = "looked at";

/// The verdict in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// An emoji, never the only sign of the verdict.
    pub mark: &'static str,
    /// Such as `failed` or `timed out`.
    pub verdict: &'static str,
    /// Such as `2 of 14 tests failed, 1 errored`; may be empty.
    pub detail: String,
}

impl Headline {
    /// The headline of a report, or of a part of it.
    pub fn of(part: ReportSlice<'_>) -> Self {
        let counts = part.counts();
        let (mark, verdict, detail) = match (part.verdict(), part.report.mode) {
            (Some(Verdict::Skipped), Mode::SkippedWithoutToken) => {
                ("⏭️", "skipped", "there is no API token".to_owned())
            }
            (Some(verdict), Mode::Wait | Mode::StartOnly | Mode::Look | Mode::SkippedWithoutToken) => {
                (mark(verdict), phrase(verdict), detail(part, verdict, counts))
            }
            (None, Mode::StartOnly) => (
                "🚀",
                "started",
                format!("{}, not waited for", several(started(part), "run")),
            ),
            (None, Mode::Look) => ("👀", LOOKED_AT, looked_at(part, counts)),
            (None, Mode::Wait | Mode::SkippedWithoutToken) => ("⏭️", "not started", String::new()),
        };
        Self { mark, verdict, detail }
    }

    /// As a title by itself: `Failed: 2 of 14 tests failed`.
    pub fn title(&self) -> String {
        format!("{}{}{}", capitalized(self.verdict), self.separator(), self.detail)
    }

    /// What stands between verdict and detail.
    pub fn separator(&self) -> &'static str {
        if self.verdict == LOOKED_AT || self.detail.starts_with("in ") {
            " "
        } else {
            separator(&self.detail)
        }
    }
}

/// Whether a verdict that looks red needs the words that `fail_on` lets the step through.
pub fn tolerated(part: ReportSlice<'_>) -> bool {
    part.report.is_tolerated()
        && match part.verdict() {
            Some(Verdict::Cancelled | Verdict::TimedOut | Verdict::Failed | Verdict::Error | Verdict::Unknown) => true,
            Some(Verdict::Passed | Verdict::Skipped | Verdict::Flaky | Verdict::Quarantined | Verdict::Interrupted)
            | None => false,
        }
}

/// What one look saw: the worst end, or how far it is.
fn looked_at(part: ReportSlice<'_>, counts: Counts) -> String {
    let runs = part.runs.len();
    let open = part.runs.iter().filter(|run| run.seen().is_none()).count();
    let worst = part.runs.iter().filter_map(RunReport::seen).max();
    let (mut text, more) = match (worst, part.runs) {
        (Some(worst), [_]) => (one_run(worst), detail(part, worst, counts)),
        (None, [run]) => {
            let with = if is_over(run) { "with " } else { "" };
            (format!("a run {with}{}", unseen(run)), done(counts))
        }
        (Some(worst), _) if open == 0 => (format!("{runs} runs: {}", phrase(worst)), detail(part, worst, counts)),
        (Some(_), _) => (format!("{runs} runs: {open} not over yet"), done(counts)),
        (None, _) => (format!("{runs} runs: none is over yet"), done(counts)),
    };
    text.push_str(match part.runs {
        [_] => separator(&more),
        _ if more.is_empty() => "",
        _ => ", ",
    });
    text.push_str(&more);
    text
}

fn one_run(seen: Verdict) -> String {
    let phrase = phrase(seen);
    match seen {
        Verdict::Passed | Verdict::Failed | Verdict::Skipped | Verdict::Cancelled => format!("a {phrase} run"),
        Verdict::Error | Verdict::TimedOut | Verdict::Flaky | Verdict::Quarantined => format!("a run that {phrase}"),
        Verdict::Unknown | Verdict::Interrupted => "a run of unknown outcome".to_owned(),
    }
}

/// What stands before a detail.
fn separator(detail: &str) -> &'static str {
    if detail.is_empty() {
        ""
    } else if detail.starts_with("though ") {
        ", "
    } else {
        ": "
    }
}

/// What to say of a run whose end one look did not see.
pub fn unseen(run: &RunReport) -> &'static str {
    if is_over(run) { "no result yet" } else { "not over yet" }
}

fn is_over(run: &RunReport) -> bool {
    let status = run.latest().and_then(|attempt| attempt.status.as_deref());
    status.is_some_and(status::is_over)
}

/// Runs that exist because of us.
fn started(part: ReportSlice<'_>) -> u64 {
    part.runs.iter().filter(|run| run.created == Some(true)).count() as u64
}

/// Of a step that does not wait, what did not come to be: its runs' tests have yet to begin.
fn not_started(part: ReportSlice<'_>) -> String {
    let missing: Vec<_> = part.runs.iter().filter(|run| run.attempts.is_empty()).collect();
    let did_not = if missing.iter().all(|run| run.created == Some(false)) {
        "did not start"
    } else {
        "may not have started"
    };
    match (missing.len(), part.runs.len()) {
        (0, _) => String::new(),
        (_, 1) => format!("the run {did_not}"),
        (missing, runs) => format!("{missing} of {runs} runs {did_not}"),
    }
}

fn detail(part: ReportSlice<'_>, verdict: Verdict, counts: Counts) -> String {
    if part.report.mode == Mode::StartOnly {
        return not_started(part);
    }
    let numbers = match verdict {
        Verdict::Passed => passed(counts),
        Verdict::Skipped => skipped(counts),
        Verdict::Flaky => format!(
            "{} of {} only in a rerun",
            number(counts.flaky),
            several(counts.total, "test")
        ),
        Verdict::Failed | Verdict::Quarantined => bad(counts),
        Verdict::Error | Verdict::Cancelled | Verdict::TimedOut | Verdict::Interrupted | Verdict::Unknown => {
            done(counts)
        }
    };
    let runs = part.runs.len();
    let so = part.runs.iter().filter(|run| run.seen() == Some(verdict)).count();
    let told_by_tests = matches!(verdict, Verdict::Passed | Verdict::Failed | Verdict::Flaky);
    if so > 0 && so < runs && !told_by_tests {
        let mut text = format!("{so} of {runs} runs");
        let tests = by_outcome(counts);
        if !tests.is_empty() {
            text.push_str("; tests: ");
            text.push_str(&tests);
        }
        return text;
    }
    // What has ended says nothing of a rerun that has not.
    match part.runs {
        [run] if run.attempts.len() > 1 && verdict == Verdict::Interrupted && !numbers.is_empty() => {
            format!("in rerun {}: {numbers}", run.attempts.len() - 1)
        }
        _ => numbers,
    }
}

fn passed(counts: Counts) -> String {
    match (counts.total, counts.passed) {
        (0, _) => String::new(),
        (1, 1) => "the one test".to_owned(),
        (total, passed) if total == passed => format!("all {} tests", number(total)),
        (total, passed) => {
            let mut text = format!("{} of {}", number(passed), several(total, "test"));
            also_not_passed(&mut text, counts);
            text
        }
    }
}

fn skipped(counts: Counts) -> String {
    match (counts.total, counts.skipped) {
        (0, _) => String::new(),
        (1, 1) => "the one test".to_owned(),
        (total, skipped) if total == skipped => format!("all {} tests", number(total)),
        (total, skipped) => {
            let mut text = format!("{} of {}", number(skipped), several(total, "test"));
            also(&mut text, counts.passed, "passed");
            also_not_passed(&mut text, Counts { skipped: 0, ..counts });
            text
        }
    }
}

/// The numbers of all outcomes but passed, without zeros.
fn also_not_passed(text: &mut String, counts: Counts) {
    also(text, counts.failed, "failed");
    also(text, counts.errored, "errored");
    also(text, counts.flaky, "flaky");
    also(text, counts.skipped, "skipped");
    also(text, counts.unfinished(), "not finished");
}

fn bad(counts: Counts) -> String {
    if counts.failed + counts.errored == 0 {
        return match (counts.total, counts.unfinished()) {
            (0, _) => String::new(),
            (1, 0) => "though the one test did not".to_owned(),
            (total, 0) => format!("though none of the {} tests did", number(total)),
            (_, _) => done_of(counts),
        };
    }
    let of = several(counts.total, "test");
    let mut text = if counts.failed > 0 {
        let mut text = format!("{} of {of} failed", number(counts.failed));
        also(&mut text, counts.errored, "errored");
        text
    } else {
        format!("{} of {of} errored", number(counts.errored))
    };
    also(&mut text, counts.flaky, "flaky");
    also(&mut text, counts.unfinished(), "not finished");
    text
}

fn done(counts: Counts) -> String {
    if counts.total == 0 {
        String::new()
    } else {
        done_of(counts)
    }
}

/// How far it is: `8 of 14 tests done, 1 failed`.
pub fn done_of(counts: Counts) -> String {
    let mut text = format!("{} of {} done", number(counts.done()), several(counts.total, "test"));
    also(&mut text, counts.failed, "failed");
    also(&mut text, counts.errored, "errored");
    text
}

fn also(text: &mut String, count: u64, what: &str) {
    if count > 0 {
        text.push_str(", ");
        text.push_str(&number(count));
        text.push(' ');
        text.push_str(what);
    }
}

/// Counts by outcome, without zeros: `9 passed, 1 skipped`. Empty where nothing is counted.
pub fn by_outcome(counts: Counts) -> String {
    let parts = CaseOutcome::ALL.map(|outcome| (counts.of(outcome), outcome_word(outcome)));
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", number(count)))
        .collect();
    parts.join(", ")
}

/// A verdict's emoji.
pub fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✅",
        Verdict::Skipped => "⏭️",
        Verdict::Flaky => "🔁",
        Verdict::Quarantined => "🚧",
        Verdict::Interrupted => "🛑",
        Verdict::Cancelled => "🚫",
        Verdict::TimedOut => "⌛",
        Verdict::Failed => "❌",
        Verdict::Error => "💥",
        Verdict::Unknown => "❔",
    }
}

/// A verdict for people.
pub fn phrase(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Skipped => "skipped",
        Verdict::Flaky => "passed, but flaky",
        Verdict::Quarantined => "failed in quarantined tests only",
        Verdict::Interrupted => "interrupted",
        Verdict::Cancelled => "cancelled",
        Verdict::TimedOut => "timed out",
        Verdict::Failed => "failed",
        Verdict::Error => "ended with an error",
        Verdict::Unknown => "outcome unknown",
    }
}

/// An outcome's emoji.
pub fn outcome_mark(outcome: CaseOutcome) -> &'static str {
    match outcome {
        CaseOutcome::Failed => "❌",
        CaseOutcome::Errored => "💥",
        CaseOutcome::Flaky => "🔁",
        CaseOutcome::Skipped => "⏭️",
        CaseOutcome::Unfinished => "⏳",
        CaseOutcome::Passed => "✅",
    }
}

/// An outcome for people.
pub fn outcome_word(outcome: CaseOutcome) -> &'static str {
    match outcome {
        CaseOutcome::Unfinished => "not finished",
        CaseOutcome::Failed
        | CaseOutcome::Errored
        | CaseOutcome::Flaky
        | CaseOutcome::Skipped
        | CaseOutcome::Passed => outcome.as_str(),
    }
}

/// What to call the attempt at an index.
pub fn attempt_name(index: usize, attempt: Option<&Attempt>) -> String {
    match (index, attempt.map(|attempt| attempt.origin)) {
        (0, Some(AttemptOrigin::GithubRerun)) => "Rerun with the job".to_owned(),
        (0, Some(AttemptOrigin::Attached)) => "Attached run".to_owned(),
        (0, Some(AttemptOrigin::Started | AttemptOrigin::Rerun) | None) => "First run".to_owned(),
        (index, Some(AttemptOrigin::GithubRerun)) => format!("Rerun {index}, with the job"),
        (index, Some(AttemptOrigin::Started | AttemptOrigin::Attached | AttemptOrigin::Rerun) | None) => {
            format!("Rerun {index}")
        }
    }
}

/// From the first to the last sight of an attempt, or nothing while it is not over.
pub fn attempt_span(attempt: &Attempt) -> Option<String> {
    attempt
        .ended
        .map(|ended| format_duration(ended.saturating_sub(attempt.began)))
}

/// With a capital letter at its beginning.
pub fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// `1 test`, `14 tests`.
pub fn several(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", number(count))
}

/// A number with its thousands parted: `1,234,567`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;
