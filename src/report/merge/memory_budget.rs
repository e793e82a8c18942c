//! The limit for the test cases of a run: an API that lists new cases at each poll must not fill the memory.

use crate::report::merge::snapshot::CaseSnapshot;
use crate::report::{Case, CaseAttempt, RunReport};

/// Most test cases of a run, far more than any plan has.
pub const MAX_CASES: usize = 100_000;
/// Most bytes of text of a run: two responses of the largest size that is read.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// What a run may still use.
pub(super) struct MemoryBudget {
    cases: usize,
    bytes: usize,
}

impl MemoryBudget {
    /// The remaining budget of a run.
    pub(super) fn new(run: &RunReport) -> Self {
        let held: usize = run.cases.iter().map(case_len).sum();
        Self {
            cases: MAX_CASES.saturating_sub(run.cases.len()),
            bytes: MAX_BYTES.saturating_sub(held),
        }
    }

    /// Reserves room for a new case. False if there is not enough.
    pub(super) fn take_new(&mut self, seen: &CaseSnapshot) -> bool {
        let size = snapshot_len(seen);
        let fits = self.cases > 0 && size <= self.bytes;
        if fits {
            self.cases -= 1;
            self.bytes -= size;
        }
        fits
    }

    /// Reserves room for new texts of a known case, after releasing that of its earlier texts in the same attempt. False if
    /// there is not enough.
    pub(super) fn take_known(&mut self, case: &Case, attempt: usize, seen: &CaseSnapshot) -> bool {
        let before = case.attempts.last().filter(|last| last.attempt == attempt);
        self.bytes = self.bytes.saturating_add(before.map_or(0, attempt_len));
        let size = snapshot_len(seen);
        let fits = size <= self.bytes;
        if fits {
            self.bytes -= size;
        }
        fits
    }
}

fn case_len(case: &Case) -> usize {
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
    let attempts: usize = attempts.iter().map(attempt_len).sum();
    id.len() + short_id.len() + name.len() + text_len(goal) + text_len(examples) + attempts
}

fn attempt_len(attempt: &CaseAttempt) -> usize {
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
    short_id.len() + status.len() + text_len(result) + text_len(title) + text_len(reasoning)
}

fn snapshot_len(seen: &CaseSnapshot) -> usize {
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
    words + texts.into_iter().map(text_len).sum::<usize>()
}

fn text_len(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::apply;
    use super::super::{Listed, Merged, Recorded};
    use super::*;
    use crate::report::Quarantine;
    use crate::report::sample::run;

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
        // A known case can still change, and its new text replaces the old one.
        let merged = apply(&mut run, 0, vec![seen("3".into(), most + 1)], 30);
        assert!(!merged.left_out && run.cases.get(3).unwrap().latest().unwrap().reasoning.is_some());
        // In a rerun, its outcome counts even if there is no room for its text, which is read again.
        let recorded = &mut Recorded::default();
        let listed = [(3, most), (4, 0)].map(|(number, size)| Listed::Read {
            case: Box::new(seen(number.to_string(), size)),
            digest: Some(number),
        });
        let merged = super::super::apply(&mut run, 1, listed.into(), 40, &Quarantine::default(), recorded);
        assert_eq!(recorded.known(1), [(4, 4)].into());
        let latest = run.cases.get(3).unwrap().latest().unwrap();
        assert!(merged.left_out && merged.newly_bad == [3, 4]);
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
