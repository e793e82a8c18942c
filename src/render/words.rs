//! Words and marks for what became of runs and test cases, the same in summary, check, comment and log.
//!
//! Everything here is made of our own words and of numbers, so it needs no escaping anywhere.

use super::time::span;
use crate::report::{Attempt, AttemptOrigin, CaseOutcome, Counts, Mode, Part, RunReport, Verdict};

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
    pub fn of(part: Part<'_>) -> Self {
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
            (None, Mode::Look) => ("👀", "looked at", looked_at(part, counts)),
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
        if self.detail.is_empty() {
            ""
        } else if self.detail.starts_with("though ") {
            ", "
        } else {
            ": "
        }
    }
}

/// What one look saw: the worst end, or how far it is.
fn looked_at(part: Part<'_>, counts: Counts) -> String {
    let runs = part.runs.len();
    let open = part.runs.iter().filter(|run| run.seen().is_none()).count();
    let worst = part.runs.iter().filter_map(RunReport::seen).max();
    let (mut text, more) = match worst {
        Some(worst) if open == 0 => (phrase(worst).to_owned(), detail(part, worst, counts)),
        _ if runs == 1 => ("not over yet".to_owned(), done(counts)),
        _ => (format!("{open} of {runs} runs not over yet"), done(counts)),
    };
    if !more.is_empty() {
        text.push_str(", ");
        text.push_str(&more);
    }
    text
}

/// Runs that exist because of us.
fn started(part: Part<'_>) -> u64 {
    part.runs.iter().filter(|run| run.created == Some(true)).count() as u64
}

fn detail(part: Part<'_>, verdict: Verdict, counts: Counts) -> String {
    let numbers = match verdict {
        Verdict::Passed => passed(counts),
        Verdict::Skipped => skipped(counts),
        Verdict::Flaky => format!(
            "{} of {} only in a rerun",
            number(counts.flaky),
            several(counts.total, "test")
        ),
        Verdict::Failed => bad(counts),
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
    numbers
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
        | CaseOutcome::Passed => outcome.word(),
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
    attempt.ended.map(|ended| span(ended.saturating_sub(attempt.began)))
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
mod tests {
    use super::*;
    use crate::report::Report;
    use crate::report::sample::{case, large, report, run, shop};

    #[test]
    fn numbers_and_plurals() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0, 1, 2].map(|count| several(count, "test")),
            ["0 tests", "1 test", "2 tests"]
        );
    }

    #[test]
    fn a_headline_says_the_verdict_in_words() {
        let title = |report: &Report| Headline::of(report.whole()).title();
        let mut shop = shop();
        assert_eq!(title(&shop), "Failed: 2 of 14 tests failed, 1 errored, 1 flaky");
        for (verdict, expected) in [
            (Verdict::TimedOut, "Timed out: 14 of 14 tests done, 2 failed, 1 errored"),
            (Verdict::Flaky, "Passed, but flaky: 1 of 14 tests only in a rerun"),
        ] {
            for run in &mut shop.runs {
                run.verdict = Some(verdict);
            }
            assert_eq!(title(&shop), expected);
        }
        let passed = |number| case(number, "Log in", CaseOutcome::Passed, "", "");
        let one = run("A", "a", vec![passed(1)]);
        assert_eq!(title(&report(vec![one.clone()])), "Passed: the one test");
        // A result that its cases contradict.
        for (verdict, outcomes, expected) in [
            (Verdict::Passed, [8, 2, 1], "Passed: 8 of 11 tests, 2 failed, 1 skipped"),
            (Verdict::Skipped, [0, 0, 2], "Skipped: all 2 tests"),
            (Verdict::Skipped, [1, 1, 0], "Skipped: 0 of 2 tests, 1 passed, 1 failed"),
            (Verdict::Failed, [9, 0, 0], "Failed, though none of the 9 tests did"),
            (Verdict::Failed, [1, 0, 0], "Failed, though the one test did not"),
        ] {
            let outcomes = [CaseOutcome::Passed, CaseOutcome::Failed, CaseOutcome::Skipped]
                .into_iter()
                .zip(outcomes)
                .flat_map(|(outcome, count)| vec![case(1, "Log in", outcome, "", ""); count]);
            let mut odd = run("A", "a", outcomes.collect());
            odd.verdict = Some(verdict);
            assert_eq!(title(&report(vec![odd])), expected);
        }
        let mut unknown = run("B", "b", vec![]);
        unknown.verdict = Some(Verdict::Unknown);
        assert_eq!(
            title(&report(vec![one, unknown.clone()])),
            "Outcome unknown: 1 of 2 runs; tests: 1 passed"
        );
        assert_eq!(title(&report(vec![unknown])), "Outcome unknown");
        assert_eq!(title(&large(20_000, 0)), "Failed: 2,000 of 20,000 tests failed");
    }

    #[test]
    fn what_was_not_waited_for_has_a_headline_too() {
        let mut started = shop();
        started.runs.iter_mut().for_each(|run| run.verdict = None);
        started.mode = Mode::StartOnly;
        assert_eq!(Headline::of(started.whole()).title(), "Started: 1 run, not waited for");
        started.mode = Mode::Look;
        assert_eq!(
            Headline::of(started.whole()).title(),
            "Looked at: failed, 2 of 14 tests failed, 1 errored, 1 flaky"
        );
        let mut open = run("B", "b", vec![case(1, "Log in", CaseOutcome::Unfinished, "", "")]);
        let attempt = &mut open.attempts[0];
        (open.verdict, attempt.verdict, attempt.result) = (None, None, None);
        // Its result is still to come.
        attempt.status = Some("COMPLETED".into());
        let mut two = report(vec![open.clone()]);
        two.mode = Mode::Look;
        assert_eq!(
            Headline::of(two.whole()).title(),
            "Looked at: not over yet, 0 of 1 test done"
        );
        two.runs.push(started.runs[0].clone());
        assert_eq!(
            Headline::of(two.whole()).title(),
            "Looked at: 1 of 2 runs not over yet, 14 of 15 tests done, 2 failed, 1 errored"
        );
        for (status, title) in [
            (
                "ERROR",
                "Looked at: ended with an error, 1 of 2 runs; tests: 2 failed, 1 errored, 1 flaky, 1 skipped, 1 not finished, 9 passed",
            ),
            (
                "CANCELLED",
                "Looked at: failed, 2 of 15 tests failed, 1 errored, 1 flaky, 1 not finished",
            ),
        ] {
            two.runs[0].attempts[0].status = Some(status.into());
            assert_eq!(Headline::of(two.whole()).title(), title);
        }
        let mut skipped = report(vec![]);
        skipped.mode = Mode::SkippedWithoutToken;
        assert_eq!(Headline::of(skipped.whole()).title(), "Skipped: there is no API token");
        assert_eq!(Headline::of(report(vec![]).whole()).title(), "Not started");
    }

    #[test]
    fn outcomes_are_counted_in_words() {
        assert_eq!(
            by_outcome(shop().counts()),
            "2 failed, 1 errored, 1 flaky, 1 skipped, 9 passed"
        );
        assert_eq!(by_outcome(Counts::default()), "");
    }
}
