//! How much of what an API sends is kept: one that lists new cases at each look would fill all memory.

use crate::report::merge::snapshot::CaseSnapshot;
use crate::report::{Case, CaseAttempt, RunReport};

/// Test cases of a run at most: whoever sends more wants our memory, not a test report.
pub const MAX_CASES: usize = 100_000;
/// Bytes of text of a run at most: two answers of the largest size that is read.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// What a run may still take.
pub(super) struct MemoryBudget {
    cases: usize,
    bytes: usize,
}

impl MemoryBudget {
    /// The room that a run has left.
    pub(super) fn new(run: &RunReport) -> Self {
        let held: usize = run.cases.iter().map(of_case).sum();
        Self {
            cases: MAX_CASES.saturating_sub(run.cases.len()),
            bytes: MAX_BYTES.saturating_sub(held),
        }
    }

    /// Takes the room of a new case, if there is enough.
    pub(super) fn take_new(&mut self, seen: &CaseSnapshot) -> bool {
        let size = of_seen(seen);
        let fits = self.cases > 0 && size <= self.bytes;
        if fits {
            self.cases -= 1;
            self.bytes -= size;
        }
        fits
    }

    /// Takes the room of what is seen of a known case in place of what was seen of it before in the same attempt. What
    /// was seen before goes in any case.
    pub(super) fn take_known(&mut self, case: &Case, attempt: usize, seen: &CaseSnapshot) -> bool {
        let before = case.attempts.last().filter(|last| last.attempt == attempt);
        self.bytes = self.bytes.saturating_add(before.map_or(0, of_attempt));
        let size = of_seen(seen);
        let fits = size <= self.bytes;
        if fits {
            self.bytes -= size;
        }
        fits
    }
}

fn of_case(case: &Case) -> usize {
    let Case {
        id,
        short_id,
        name,
        goal,
        examples,
        outcome: _,
        attempts,
        quarantine: _,
    } = case;
    let attempts: usize = attempts.iter().map(of_attempt).sum();
    id.len() + short_id.len() + name.len() + of_text(goal) + of_text(examples) + attempts
}

fn of_attempt(attempt: &CaseAttempt) -> usize {
    let CaseAttempt {
        attempt: _,
        short_id,
        outcome: _,
        counts: _,
        status,
        result,
        title,
        reasoning,
        observed: _,
        details: _,
    } = attempt;
    short_id.len() + status.len() + of_text(result) + of_text(title) + of_text(reasoning)
}

fn of_seen(seen: &CaseSnapshot) -> usize {
    let CaseSnapshot {
        id,
        short_id,
        name,
        status,
        result,
        title,
        reasoning,
        goal,
        examples,
    } = seen;
    let texts = [result, title, reasoning, goal, examples];
    let words = id.len() + short_id.len() + name.len() + status.len();
    words + texts.into_iter().map(of_text).sum::<usize>()
}

fn of_text(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Merged;
    use super::*;
    use crate::report::Quarantine;
    use crate::report::sample::run;

    fn apply(run: &mut RunReport, attempt: usize, seen: Vec<CaseSnapshot>, at: u64) -> Merged {
        super::super::apply(run, attempt, seen, at, &Quarantine::default())
    }

    fn seen(id: String, reasoning: usize) -> CaseSnapshot {
        CaseSnapshot {
            name: id.clone(),
            id,
            status: "COMPLETED".into(),
            result: Some("FAILED".into()),
            reasoning: Some("x".repeat(reasoning)),
            ..CaseSnapshot::default()
        }
    }

    #[test]
    fn new_cases_at_each_look_have_an_end() {
        let mut run = run("Plan", "r", vec![]);
        let most = 8 * 1024 * 1024;
        let merged: Vec<Merged> = (0..20)
            .map(|look| apply(&mut run, 0, vec![seen(format!("{look}"), most)], look))
            .collect();
        assert_eq!(merged.iter().filter(|merged| !merged.left_out).count(), run.cases.len());
        assert_eq!(run.cases.len(), 15);
        // What is known may still change, and its new text takes the place of the old one.
        let merged = apply(&mut run, 0, vec![seen("3".into(), most + 1)], 30);
        assert!(!merged.left_out && run.cases.get(3).unwrap().latest().unwrap().reasoning.is_some());
        // In a rerun, its outcome counts also where its text has no room.
        let merged = apply(&mut run, 1, vec![seen("3".into(), most)], 40);
        let latest = run.cases.get(3).unwrap().latest().unwrap();
        assert!(merged.left_out && merged.newly_bad == [3]);
        assert_eq!((latest.attempt, latest.reasoning.as_deref()), (1, None));
    }

    #[test]
    fn cases_are_counted() {
        let mut run = run("Plan", "r", vec![]);
        let list = (0..=MAX_CASES).map(|number| seen(number.to_string(), 0)).collect();
        assert!(apply(&mut run, 0, list, 0).left_out);
        assert_eq!(run.cases.len(), MAX_CASES);
    }
}
