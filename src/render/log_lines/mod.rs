//! The lines of the log: what changes while we wait, and the last words.

pub mod events;
pub mod live;

use crate::render::duration::format_duration;
use crate::render::escape::{cut_chars, is_blank, log_line};
use crate::render::phrases::{Headline, attempt_name, done_of, outcome_word, phrase, several, tolerated, unseen};
use crate::report::{Case, Counts, Millis, Report, RunReport};
use std::iter;

/// Characters of a name or title.
const NAME: usize = 200;
/// Characters of a run's label.
const LABEL: usize = 80;
/// Failed cases that the last words list, over all runs.
const LISTED: usize = 50;
/// And of one run, however many runs there are.
const LISTED_EACH: usize = 5;

/// A run's name in a line: label and short id.
fn run_name(label: &str, short_id: &str) -> String {
    let (label, short_id) = (cut_chars(label, LABEL), cut_chars(short_id, NAME));
    if label == short_id {
        short_id.into_owned()
    } else {
        format!("{label} ({short_id})")
    }
}

/// A status that was seen for the first time: `Smoke tests (abc): RUNNING, after 5 s`.
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

/// A case that was seen to fail: `failed: Pay with a saved card: Could not find the pay button`. Where there are several
/// runs, the name of its own stands after the case's: `failed: Pay (Smoke tests): …`.
pub fn failed_case(case: &Case, label: Option<&str>) -> String {
    let name = if is_blank(&case.name) {
        &case.short_id
    } else {
        &case.name
    };
    let mut line = format!("{}: {}", outcome_word(case.outcome), cut_chars(name, NAME));
    if let Some(label) = label {
        line.push_str(&format!(" ({})", cut_chars(label, LABEL)));
    }
    let title = case
        .decisive_attempt()
        .and_then(|attempt| attempt.title.as_deref())
        .unwrap_or_default();
    if !is_blank(title) {
        line.push_str(": ");
        line.push_str(&cut_chars(title, NAME));
    }
    log_line(&line)
}

/// How far it is: `8 of 14 tests done, 1 failed, after 2 min 5 s`.
pub fn progress(counts: Counts, elapsed: Millis) -> String {
    let line = if counts.total == 0 {
        "waiting".to_owned()
    } else {
        done_of(counts)
    };
    format!("{line}, after {}", format_duration(elapsed))
}

/// The last words: the verdict, and each run with its link and its failed cases.
pub fn final_summary(report: &Report) -> Vec<String> {
    let title = Headline::of(report.as_slice()).title();
    let mut lines = vec![format!("QA.tech: {title}, after {}", format_duration(report.duration))];
    if tolerated(report.as_slice()) {
        lines.push("The step lets this through (fail_on).".to_owned());
    }
    let listed = (LISTED / report.runs.len().max(1)).max(LISTED_EACH);
    for run in &report.runs {
        lines.push(run_line(run));
        let mut bad = run.cases.iter().filter(|case| case.outcome.is_bad());
        let told = bad.by_ref().take(listed);
        lines.extend(told.map(|case| format!("  {}", failed_case(case, None))));
        let more = bad.count() as u64;
        if more > 0 {
            lines.push(format!("  and {}", several(more, "more failed test")));
        }
    }
    if report.interrupted_by.is_some() && report.runs.iter().any(|run| !run.attempts.is_empty()) {
        lines.push("What was not over goes on at QA.tech: it can't be cancelled from here.".to_owned());
    }
    lines
}

/// A run with its verdict and links: `Smoke tests (abc): failed, https://…`, and why, where that needs words.
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
        // Seen with one look, or only started.
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
    use crate::report::sample::{large, report, run, shop};
    use crate::report::{FailOn, Mode, Signal, Verdict, merge};

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
            progress(shop.counts(), 125_000),
            "14 of 14 tests done, 2 failed, 1 errored, after 2 min 5 s"
        );
        assert_eq!(progress(Counts::default(), 1_000), "waiting, after 1 s");
    }

    #[test]
    fn the_last_words() {
        let mut shop = shop();
        shop.interrupted_by = Some(Signal::Int);
        insta::assert_snapshot!(final_summary(&shop).join("\n"), @r#"
        QA.tech: Failed: 2 of 14 tests failed, 1 errored, 1 flaky, after 2 min 40 s
        Smoke tests: failed; first run (smk1) failed, https://app.qa.tech/p/shop/results/smk1; rerun 1 (smk2) failed, https://app.qa.tech/p/shop/results/smk2
          failed: Pay with a saved card: Could not find the pay button
          errored: Search for a product: The browser crashed
          failed: Change the delivery address: New address was not saved
        What was not over goes on at QA.tech: it can't be cancelled from here.
        "#);
    }

    #[test]
    fn of_a_rerun_that_did_not_end_the_last_words_say_so() {
        let mut run = shop().runs.remove(0);
        run.attempts[1].verdict = Some(Verdict::TimedOut);
        run.attempts[1].problem = Some("the deadline came first".into());
        merge::conclude(&mut run);
        insta::assert_snapshot!(run_line(&run), @"Smoke tests: failed; first run (smk1) failed, https://app.qa.tech/p/shop/results/smk1; rerun 1 (smk2) timed out, https://app.qa.tech/p/shop/results/smk2: rerun smk2 did not end in time, so the first result stands: the deadline came first");
    }

    #[test]
    fn what_fail_on_lets_through_is_explained_where_it_looks_red() {
        let mut shop = shop();
        shop.fail_on = FailOn::new(vec![]);
        assert_eq!(final_summary(&shop)[1], "The step lets this through (fail_on).");
        let job = summary(&shop, 10_000);
        assert!(job.contains("\n\nThe step lets this through (`fail_on`).\n\n"), "{job}");
        shop.runs[0].verdict = Some(Verdict::Skipped);
        assert!(!final_summary(&shop)[1].contains("lets this through"));
    }

    #[test]
    fn the_last_words_on_a_start_that_failed() {
        let mut refused = run("Smoke tests", "smk1", vec![]);
        refused.attempts.clear();
        refused.problem = Some("the API answered 402: usage limit exceeded".into());
        let lines = final_summary(&report(vec![refused]));
        assert_eq!(lines[1], "Smoke tests: the API answered 402: usage limit exceeded");
    }

    #[test]
    fn of_a_run_that_was_not_waited_for_its_end_is_told_if_it_was_seen() {
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
    fn not_all_of_many_failures_are_listed() {
        let lines = final_summary(&large(1_000, 0));
        assert_eq!(lines.len(), 2 + LISTED + 1);
        assert_eq!(lines[lines.len() - 1], "  and 50 more failed tests");
        let runs = vec![large(1_000, 0).runs.remove(0); 20];
        let lines = final_summary(&report(runs));
        assert_eq!(lines.len(), 1 + 20 * (1 + LISTED_EACH + 1));
        assert_eq!(lines[7], "  and 95 more failed tests");
        assert!(lines[8].starts_with("Everything (all1): failed, "), "{}", lines[8]);
    }
}
