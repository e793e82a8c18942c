//! Log lines: changes while runs are in progress, the live line of a terminal, and the final summary.

pub mod events;
pub mod live;

use crate::render::duration::format_duration;
use crate::render::escape::{cut_chars, is_blank, log_line};
use crate::render::phrases::{
    Headline, attempt_name, done_of, failure_phrase, is_tolerated, next_step, outcome_phrase, phrase, several, unseen,
};
use crate::report::{Case, CaseAttempt, CaseOutcome, Counts, Millis, Report, RunReport};
use crate::text::sort::sort_by_number;
use std::iter;

/// Most characters of a name or title.
const NAME: usize = 200;
/// Most characters of a run's label.
const LABEL: usize = 80;
/// Most lines of the final summary, so that it is visible without scrolling.
const MAX_SUMMARY: usize = 10;
/// Most runs of the final summary; the worst verdicts come first.
const MAX_RUNS: usize = 5;

/// A run's name in a line: label and short id.
fn run_name(label: &str, short_id: &str) -> String {
    let (label, short_id) = (cut_chars(label, LABEL), cut_chars(short_id, NAME));
    if label == short_id {
        short_id.into_owned()
    } else {
        format!("{label} ({short_id})")
    }
}

/// A new status: `Smoke tests (abc): RUNNING, after 5 s`.
pub fn status_change(label: &str, short_id: &str, status: &str, result: Option<&str>, elapsed: Millis) -> String {
    let result = result
        .map(|result| format!(", {}", cut_chars(result, NAME)))
        .unwrap_or_default();
    log_line(&format!(
        "{}: {}{result}, after {}",
        run_name(label, short_id),
        cut_chars(status, NAME),
        format_duration(elapsed)
    ))
}

/// A failed case: `failed: Pay with a saved card: Could not find the pay button`. With several runs, `label` is the run's
/// name: `failed: Pay (Smoke tests): No button (product failure, quarantined)`.
pub fn failed_case(case: &Case, label: Option<&str>) -> String {
    failure(case, case.outcome, case.decisive_attempt(), label)
}

/// [`failed_case`] of the latest attempt alone.
pub fn failed_attempt(case: &Case, label: Option<&str>) -> String {
    let latest = case.latest();
    failure(
        case,
        latest.map_or(case.outcome, |latest| latest.outcome),
        latest,
        label,
    )
}

fn failure(case: &Case, outcome: CaseOutcome, attempt: Option<&CaseAttempt>, label: Option<&str>) -> String {
    let mut line = format!("{}: {}", outcome_phrase(outcome), cut_chars(case.label(), NAME));
    if let Some(label) = label {
        line.push_str(&format!(" ({})", cut_chars(label, LABEL)));
    }
    let title = attempt.map(CaseAttempt::explanation).unwrap_or_default().title;
    if !is_blank(title) {
        line.push_str(": ");
        line.push_str(&cut_chars(title, NAME));
    }
    let quarantined = case.is_quarantined_failure().then_some("quarantined");
    let kind = attempt.and_then(|attempt| attempt.details.as_deref()?.failure_kind());
    let notes: Vec<_> = kind
        .filter(|_| outcome.is_bad())
        .map(failure_phrase)
        .into_iter()
        .chain(quarantined)
        .collect();
    if !notes.is_empty() {
        line.push_str(&format!(" ({})", notes.join(", ")));
    }
    log_line(&line)
}

/// Progress: `8 of 14 tests done, 1 failed, after 2 min 5 s`, or `rerun: 2 of 6 tests done, after 3 min`.
pub fn progress(runs: &[RunReport], elapsed: Millis) -> String {
    let Stage { name, counts } = Stage::new(runs);
    let done = if counts.total == 0 {
        "waiting".to_owned()
    } else {
        done_of(counts)
    };
    format!("{name}{done}, after {}", format_duration(elapsed))
}

/// What is waited for, and how far it is.
struct Stage {
    /// Nothing, or `rerun: ` while only reruns are waited for.
    name: &'static str,
    counts: Counts,
}

impl Stage {
    fn new(runs: &[RunReport]) -> Self {
        let open: Vec<_> = runs
            .iter()
            .filter(|run| run.latest().is_some_and(|attempt| attempt.verdict.is_none()))
            .collect();
        if !open.is_empty() && open.iter().all(|run| run.attempts.len() > 1) {
            Self {
                name: "rerun: ",
                counts: open.iter().map(|run| run.attempt_counts(run.attempts.len() - 1)).sum(),
            }
        } else {
            Self {
                name: "",
                counts: runs.iter().map(RunReport::counts).sum(),
            }
        }
    }
}

/// The final summary, in at most ten lines: the verdict, the runs with their links, the first failures, and the next step.
pub fn final_summary(report: &Report) -> Vec<String> {
    let part = report.as_slice();
    let title = Headline::new(part).title();
    let mut lines = vec![format!("QA.tech: {title}, after {}", format_duration(report.duration))];
    if is_tolerated(part) {
        lines.push("The step passes: fail_on tolerates this result.".to_owned());
    }
    lines.extend(run_lines(report));
    let mut end = Vec::new();
    if report.interrupted_by.is_some() && report.runs.iter().any(|run| !run.attempts.is_empty()) {
        end.push("A run that had not ended goes on at QA.tech: it can't be cancelled from here.".to_owned());
    }
    end.extend(next_step(part).map(|step| format!("Next step: {}", step.replace('`', ""))));
    let room = MAX_SUMMARY.saturating_sub(lines.len() + end.len());
    lines.extend(case_lines(report, room));
    lines.extend(end);
    lines
}

/// A line for each run; if there are too many, for those with the worst verdicts.
fn run_lines(report: &Report) -> Vec<String> {
    let mut runs: Vec<_> = report.runs.iter().collect();
    if runs.len() > MAX_RUNS {
        let badness = |run: &RunReport| run.seen().map_or(0, |verdict| verdict as u64 + 1);
        sort_by_number(&mut runs, |run| u64::MAX - badness(run));
    }
    let mut lines: Vec<_> = runs.iter().take(MAX_RUNS).map(|run| run_line(run)).collect();
    let more = runs.len().saturating_sub(MAX_RUNS) as u64;
    if more > 0 {
        lines.push(format!("and {}", several(more, "more run")));
    }
    lines
}

/// The failed cases in at most `room` lines, those in quarantine last; the last line counts the rest.
fn case_lines(report: &Report, room: usize) -> Vec<String> {
    let several_runs = report.runs.len() > 1;
    let mut cases = report.bad_cases_quarantined_last();
    let total = report.bad_cases().count();
    let shown = if total > room { room.saturating_sub(1) } else { total };
    let mut lines: Vec<_> = cases
        .by_ref()
        .take(shown)
        .map(|(run, case)| format!("  {}", failed_case(case, several_runs.then(|| run.label()))))
        .collect();
    if total > shown {
        lines.push(format!("  and {}", several((total - shown) as u64, "more failed test")));
    }
    lines
}

/// A run with its verdict and links: `Smoke tests (abc): failed, https://…`, and its problem if it has one.
fn run_line(run: &RunReport) -> String {
    let Some(latest) = run.latest() else {
        let problem = run.problem.as_deref().unwrap_or("not started");
        return log_line(&format!(
            "{}: {}",
            cut_chars(run.label(), NAME),
            cut_chars(problem, NAME * 5)
        ));
    };
    let reruns = run.attempts.len() > 1;
    let mut line = if reruns {
        cut_chars(run.label(), LABEL).into_owned()
    } else {
        run_name(run.label(), &latest.short_id)
    };
    line.push_str(": ");
    line.push_str(match run.seen() {
        Some(verdict) => phrase(verdict),
        // Polled once, or only started.
        None if run.created == Some(false) => unseen(run),
        None => "not waited for",
    });
    for (index, attempt) in run.attempts.iter().enumerate() {
        if reruns {
            line.push_str("; ");
            line.push_str(&attempt_name(index, Some(attempt)).to_lowercase());
            line.push_str(&format!(" ({}) ", cut_chars(&attempt.short_id, NAME)));
            line.push_str(attempt.seen().map_or("not over yet", phrase));
        }
        if let Some(url) = &attempt.url {
            line.push_str(", ");
            line.push_str(&cut_chars(url, NAME * 5));
        }
    }
    let of_attempts = run.attempts.iter().map(|attempt| &attempt.problem);
    let mut before = None;
    for problem in iter::once(&run.problem).chain(of_attempts).flatten() {
        if before != Some(problem) {
            line.push_str(": ");
            line.push_str(&cut_chars(problem, NAME * 5));
        }
        before = Some(problem);
    }
    log_line(&line)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::render::markdown::summary::summary;
    use crate::render::markdown::summary::tests::detailed;
    use crate::report::sample::{case, large, report, run, shop};
    use crate::report::{FailOn, Mode, QuarantineNote, Signal, Verdict, merge};

    #[test]
    fn lines_while_waiting() {
        let line = status_change("Smoke tests", "abc", "COMPLETED", Some("FAILED"), 65_000);
        assert_eq!(line, "Smoke tests (abc): COMPLETED, FAILED, after 1 min 5 s");
        assert_eq!(
            status_change("abc", "abc", "RUNNING", None, 5_000),
            "abc: RUNNING, after 5 s"
        );
        let shop = shop();
        assert_eq!(
            failed_case(&shop.runs[0].cases[1], None),
            "failed: Pay with a saved card: Could not find the pay button"
        );
        assert_eq!(
            failed_case(&shop.runs[0].cases[1], Some("Smoke\ntests")),
            "failed: Pay with a saved card (Smoke tests): Could not find the pay button"
        );
        assert_eq!(
            progress(&shop.runs, 125_000),
            "14 of 14 tests done, 2 failed, 1 errored, after 2 min 5 s"
        );
        assert_eq!(progress(&[], 1_000), "waiting, after 1 s");
    }

    #[test]
    fn while_only_reruns_are_waited_for_their_tests_are_counted() {
        let mut runs = shop().runs;
        runs[0].attempts[1].verdict = None;
        runs[0].attempts[1].test_count = Some(5);
        assert_eq!(
            progress(&runs, 125_000),
            "rerun: 4 of 5 tests done, 2 failed, 1 errored, after 2 min 5 s"
        );
        runs.push(run("Other tests", "oth1", Vec::new()));
        runs[1].attempts[0].verdict = None;
        assert!(progress(&runs, 125_000).starts_with("14 of 14 tests done"));
    }

    #[test]
    fn the_final_summary_of_an_interrupted_run() {
        let mut shop = shop();
        shop.interrupted_by = Some(Signal::Int);
        insta::assert_snapshot!(final_summary(&shop).join("\n"), @r#"
        QA.tech: Failed: 2 of 14 tests failed, 1 errored, 1 flaky, after 2 min 40 s
        Smoke tests: failed; first run (smk1) failed, https://app.qa.tech/p/shop/results/smk1; rerun 1 (smk2) failed, https://app.qa.tech/p/shop/results/smk2
          failed: Pay with a saved card: Could not find the pay button
          errored: Search for a product: The browser crashed
          failed: Change the delivery address: New address was not saved
        A run that had not ended goes on at QA.tech: it can't be cancelled from here.
        "#);
    }

    #[test]
    fn the_final_summary_says_that_a_rerun_did_not_end() {
        let mut run = shop().runs.remove(0);
        run.attempts[1].verdict = Some(Verdict::TimedOut);
        run.attempts[1].problem = Some("the deadline came first".into());
        merge::conclude(&mut run);
        insta::assert_snapshot!(run_line(&run), @"Smoke tests: failed; first run (smk1) failed, https://app.qa.tech/p/shop/results/smk1; rerun 1 (smk2) timed out, https://app.qa.tech/p/shop/results/smk2: rerun smk2 did not end in time, so the first result stands: the deadline came first");
    }

    #[test]
    fn a_tolerated_result_is_explained_where_it_looks_red() {
        let mut shop = shop();
        shop.fail_on = FailOn::new(vec![]);
        assert_eq!(
            final_summary(&shop)[1],
            "The step passes: fail_on tolerates this result."
        );
        let job = summary(&shop, 10_000);
        assert!(
            job.contains("\n\nThe step passes: `fail_on` tolerates this result.\n\n"),
            "{job}"
        );
        shop.runs[0].verdict = Some(Verdict::Skipped);
        assert!(!final_summary(&shop)[1].contains("tolerates"));
    }

    #[test]
    fn the_final_summary_of_a_start_that_failed() {
        let mut refused = run("Smoke tests", "smk1", vec![]);
        refused.attempts.clear();
        refused.problem = Some("the API answered 402: usage limit exceeded".into());
        let lines = final_summary(&report(vec![refused]));
        assert_eq!(lines[1], "Smoke tests: the API answered 402: usage limit exceeded");
    }

    #[test]
    fn a_run_that_was_not_waited_for_has_its_result_if_it_had_ended() {
        let mut looked = shop();
        looked.mode = Mode::Look;
        (looked.runs[0].verdict, looked.runs[0].created) = (None, Some(false));
        looked.runs[0].attempts.truncate(1);
        looked.runs[0].attempts[0].verdict = None;
        let line = |report: &Report| final_summary(report)[1].clone();
        let link = "https://app.qa.tech/p/shop/results/smk1";
        assert_eq!(line(&looked), format!("Smoke tests (smk1): failed, {link}"));
        looked.runs[0].attempts[0].status = Some("RUNNING".into());
        assert_eq!(line(&looked), format!("Smoke tests (smk1): not over yet, {link}"));
        (looked.mode, looked.runs[0].created) = (Mode::StartOnly, Some(true));
        assert_eq!(line(&looked), format!("Smoke tests (smk1): not waited for, {link}"));
    }

    #[test]
    fn a_line_about_an_attempt_says_what_came_of_that_one() {
        let mut pay = case(1, "Pay", CaseOutcome::Failed, "No button", "");
        let mut rerun = case(1, "Pay", CaseOutcome::Errored, "Browser crashed", "")
            .attempts
            .remove(0);
        rerun.attempt = 1;
        pay.attempts.push(rerun);
        assert_eq!(failed_case(&pay, None), "failed: Pay: No button");
        assert_eq!(
            failed_attempt(&pay, Some("Smoke")),
            "errored: Pay (Smoke): Browser crashed"
        );
    }

    #[test]
    fn the_final_summary_has_ten_lines_whatever_there_is() {
        let lines = final_summary(&large(1_000, 0));
        assert_eq!(lines.len(), MAX_SUMMARY);
        assert_eq!(lines[2], "  failed: Case number 3: What came of it");
        assert_eq!(lines[8], "  and 94 more failed tests");
        let mut runs = vec![large(1_000, 0).runs.remove(0); 20];
        runs[19].verdict = Some(Verdict::Unknown);
        let lines = final_summary(&report(runs));
        assert_eq!(lines.len(), MAX_SUMMARY);
        assert!(
            lines[1].starts_with("Everything (all1): outcome unknown, "),
            "{}",
            lines[1]
        );
        assert_eq!(lines[6], "and 15 more runs");
        assert_eq!(lines[7], "  failed: Case number 3 (Everything): What came of it");
        assert_eq!(lines[8], "  and 1,999 more failed tests");
        assert!(lines[9].starts_with("Next step: "), "{}", lines[9]);
    }

    #[test]
    fn a_failed_case_says_what_the_failure_was() {
        let mut failed = detailed().runs.remove(0).cases.remove(1);
        assert_eq!(
            failed_case(&failed, None),
            "failed: Pay with a saved card: Could not find the pay button (product failure)"
        );
        failed.quarantine = Some(QuarantineNote::default());
        assert!(failed_case(&failed, None).ends_with(" (product failure, quarantined)"));
    }
}
