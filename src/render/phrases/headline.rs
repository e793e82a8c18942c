//! The verdict in one line.

use crate::render::phrases::{Tone, also, by_outcome, done_of, failure_phrase, mark, number, phrase, several, unseen};
use crate::report::{Counts, FailureKind, FailureKinds, Mode, ReportSlice, RunReport, Verdict};

/// The phrase in place of a verdict if runs were polled only once.
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
    /// The headline of a report, or of some of its runs.
    pub fn new(part: ReportSlice<'_>) -> Self {
        let counts = part.counts();
        let (mark, verdict, detail) = match (part.verdict(), part.report.mode) {
            (Some(Verdict::Skipped), Mode::SkippedWithoutToken) => {
                ("⏭️", "skipped", "there is no API token".to_owned())
            }
            (Some(verdict), Mode::Wait | Mode::StartOnly | Mode::Look | Mode::SkippedWithoutToken) => {
                let mark = if verdict == Verdict::Passed && without_tests(part) > 0 {
                    "⚠️"
                } else {
                    mark(verdict)
                };
                (mark, phrase(verdict), detail(part, verdict, counts))
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

    /// The headline as a title: `Failed: 2 of 14 tests failed`.
    pub fn title(&self) -> String {
        let verdict = super::capitalized(self.verdict);
        format!("{verdict}{}{}", self.separator(), self.detail)
    }

    /// The separator between verdict and detail.
    pub fn separator(&self) -> &'static str {
        if self.verdict == LOOKED_AT {
            " "
        } else {
            separator(&self.detail)
        }
    }
}

/// Whether the verdict looks red although `fail_on` tolerates it, so that it needs an explanation.
pub fn is_tolerated(part: ReportSlice<'_>) -> bool {
    part.report.is_tolerated()
        && part
            .verdict()
            .is_some_and(|verdict| verdict == Verdict::Cancelled || Tone::from_verdict(verdict) == Tone::Red)
}

/// The result of polling once: the worst result, or the progress.
fn looked_at(part: ReportSlice<'_>, counts: Counts) -> String {
    let runs = part.runs.len();
    let open = part.runs.iter().filter(|run| run.seen().is_none()).count();
    let worst = part.runs.iter().filter_map(RunReport::seen).max();
    let (mut text, more) = match (worst, part.runs) {
        (Some(worst), [_]) => (one_run(worst), detail(part, worst, counts)),
        (None, [run]) => {
            let with = if run.is_over() { "with " } else { "" };
            (format!("a run {with}{}", unseen(run)), progress(counts))
        }
        (Some(worst), _) if open == 0 => (format!("{runs} runs: {}", phrase(worst)), detail(part, worst, counts)),
        (Some(_), _) => (format!("{runs} runs: {open} not over yet"), progress(counts)),
        (None, _) => (format!("{runs} runs: none is over yet"), progress(counts)),
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

/// The separator before a detail.
fn separator(detail: &str) -> &'static str {
    if detail.is_empty() {
        ""
    } else if detail.starts_with("though ") {
        ", "
    } else if detail.starts_with("without ") || detail.starts_with("in ") {
        " "
    } else {
        ": "
    }
}

/// The number of runs that this program started.
fn started(part: ReportSlice<'_>) -> u64 {
    part.runs.iter().filter(|run| run.created == Some(true)).count() as u64
}

/// For a step that does not wait: the runs that were not started. The others have no test results yet.
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
    let mut text = numbers(part, verdict, counts);
    if counts.quarantined > 0 {
        text.push_str(&format!("; {} quarantined", number(counts.quarantined)));
    }
    let (empty, runs) = (without_tests(part), part.runs.len());
    if empty > 0 && empty < runs {
        text.push_str(&format!("; {empty} of {runs} runs {WITHOUT_TESTS}"));
    }
    text
}

/// What is said of runs that passed and tested nothing.
const WITHOUT_TESTS: &str = "without a single test case";

/// How many runs passed and tested nothing.
fn without_tests(part: ReportSlice<'_>) -> usize {
    part.runs.iter().filter(|run| run.has_no_tests()).count()
}

/// The numbers that explain a verdict.
fn numbers(part: ReportSlice<'_>, verdict: Verdict, counts: Counts) -> String {
    let runs = part.runs.len();
    let with_verdict = part.runs.iter().filter(|run| run.seen() == Some(verdict)).count();
    let (text, about_tests) = match verdict {
        Verdict::Passed if runs > 0 && without_tests(part) == runs => (WITHOUT_TESTS.to_owned(), true),
        Verdict::Passed => (passed(counts), true),
        Verdict::Flaky => {
            let total = several(counts.total, "test");
            (format!("{} of {total} only in a rerun", number(counts.flaky)), true)
        }
        Verdict::Failed | Verdict::Quarantined => (failures(counts, part.failure_kinds()), true),
        Verdict::Skipped => (skipped(counts), false),
        Verdict::Error | Verdict::Cancelled | Verdict::TimedOut | Verdict::Interrupted | Verdict::Unknown => {
            (progress(counts), false)
        }
    };
    if with_verdict > 0 && with_verdict < runs && !about_tests {
        let mut text = format!("{with_verdict} of {runs} runs");
        let tests = by_outcome(counts);
        if !tests.is_empty() {
            text.push_str("; tests: ");
            text.push_str(&tests);
        }
        return text;
    }
    // The numbers are those of earlier attempts, not of the rerun in progress.
    match part.runs {
        [run] if run.attempts.len() > 1 && verdict == Verdict::Interrupted && !text.is_empty() => {
            format!("in rerun {}: {text}", run.attempts.len() - 1)
        }
        _ => text,
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

/// Appends the numbers of all outcomes except passed, without zeros.
fn also_not_passed(text: &mut String, counts: Counts) {
    also(text, counts.failed, "failed");
    also(text, counts.errored, "errored");
    also(text, counts.flaky, "flaky");
    also(text, counts.skipped, "skipped");
    also(text, counts.unfinished(), "not finished");
}

/// `3 of 20 tests failed, 1 flaky: 2 product failures, 1 agent miss`.
fn failures(counts: Counts, kinds: FailureKinds) -> String {
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
    let kinds = kinds_of_failures(kinds);
    if !kinds.is_empty() {
        text.push_str(": ");
        text.push_str(&kinds);
    }
    text
}

/// `2 product failures, 1 agent miss`; empty where no kind is known.
fn kinds_of_failures(kinds: FailureKinds) -> String {
    let FailureKinds {
        product,
        agent,
        platform,
    } = kinds;
    let parts = [
        (product, FailureKind::Product),
        (agent, FailureKind::Agent),
        (platform, FailureKind::Platform),
    ];
    let known = parts.into_iter().filter(|(count, _)| *count > 0);
    let known: Vec<_> = known
        .map(|(count, kind)| several(count, failure_phrase(kind)))
        .collect();
    known.join(", ")
}

fn progress(counts: Counts) -> String {
    if counts.total == 0 {
        String::new()
    } else {
        done_of(counts)
    }
}
