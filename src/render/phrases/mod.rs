//! Phrases and marks for the results of runs and test cases, shared by summary, check, comment and log.
//!
//! Except for [`details`], phrases consist of fixed texts and numbers, and need no escaping in any format.

mod changes;
pub mod details;
mod headline;
mod next_step;
mod numbers;
mod words;

use crate::render::duration::format_duration;
use crate::report::{Attempt, AttemptOrigin, CaseOutcome, Counts, RunReport};

pub use changes::changes;
pub use headline::{Headline, is_tolerated};
pub use next_step::next_step;
pub use numbers::{capitalized, number, several};
pub use words::{QUARANTINE_MARK, Tone, failure_phrase, mark, outcome_mark, outcome_phrase, phrase};

/// The phrase for a run that had no result when it was polled.
pub fn unseen(run: &RunReport) -> &'static str {
    if run.is_over() { "no result yet" } else { "not over yet" }
}

/// Progress: `8 of 14 tests done, 1 failed`.
pub fn done_of(counts: Counts) -> String {
    done(counts, &several(counts.total, "test"))
}

/// Progress in less room: `8 of 14 done, 1 failed`.
pub fn tally(counts: Counts) -> String {
    done(counts, &number(counts.total))
}

fn done(counts: Counts, total: &str) -> String {
    let mut text = format!("{} of {total} done", number(counts.done()));
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

/// Counts by outcome, without zeros: `9 passed, 1 skipped`. Empty if all are zero.
pub fn by_outcome(counts: Counts) -> String {
    let parts = CaseOutcome::ALL.map(|outcome| (counts.get(outcome), outcome_phrase(outcome)));
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, phrase)| format!("{} {phrase}", number(count)))
        .collect();
    parts.join(", ")
}

/// The name of an attempt, given its index.
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

/// How long an attempt was observed; `None` until it has ended.
pub fn attempt_duration(attempt: &Attempt) -> Option<String> {
    attempt
        .ended
        .map(|ended| format_duration(ended.saturating_sub(attempt.began)))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;
