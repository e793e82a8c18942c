//! The verdict over all attempts of a run, and where its cases contradict it.

use super::super::{Attempt, CaseOutcome, Listed, RunReport, Verdict, status};

/// The verdict over all attempts of a run that was waited for, and what is to be said where the attempts and the cases
/// do not simply agree.
///
/// Only a failed first attempt is ever rerun, so every other first verdict stands. A failed one becomes `flaky` when
/// every case that failed or errored was seen to pass; nothing else forgives it.
pub fn verdict(run: &RunReport) -> (Option<Verdict>, Option<String>) {
    let Some((first, reruns)) = run.attempts.split_first() else {
        return (run.verdict, run.problem.clone());
    };
    let Some(last) = reruns.last() else {
        return (first.verdict, first.problem.clone());
    };
    if first.verdict != Some(Verdict::Failed) {
        return (first.verdict, first.problem.clone());
    }
    let still_bad = run.cases.iter().filter(|case| case.outcome.is_bad()).count();
    let forgiven = run.cases.iter().any(|case| case.outcome == CaseOutcome::Flaky);
    let rerun = format!("rerun {}", last.short_id);
    match last.verdict {
        Some(Verdict::Interrupted) => (Some(Verdict::Interrupted), last.problem.clone()),
        Some(Verdict::Passed) if still_bad == 0 && forgiven => match run.listed {
            Listed::All | Listed::Bad => (Some(Verdict::Flaky), None),
            Listed::Nothing => (
                Some(Verdict::Failed),
                Some(format!(
                    "{rerun} passed, but what failed before could not be listed, so the first result stands"
                )),
            ),
        },
        Some(Verdict::Passed) => (
            Some(Verdict::Failed),
            Some(format!(
                "{rerun} passed, but not every case that failed before was seen to pass in it"
            )),
        ),
        Some(Verdict::Failed) if still_bad == 0 && forgiven => (
            Some(Verdict::Failed),
            Some(format!(
                "{rerun} is FAILED at QA.tech although every case that failed has passed in it"
            )),
        ),
        Some(Verdict::Failed) => (Some(Verdict::Failed), None),
        // Why, the attempt itself says.
        other => (
            Some(Verdict::Failed),
            Some(format!("{rerun} {}, so the first result stands", without_use(other))),
        ),
    }
}

/// What became of a rerun that decides nothing.
fn without_use(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Skipped) => "was skipped",
        Some(Verdict::Cancelled) => "was cancelled",
        Some(Verdict::TimedOut) => "did not end in time",
        Some(Verdict::Error) => "ended with an error",
        Some(Verdict::Unknown | Verdict::Interrupted | Verdict::Passed | Verdict::Failed | Verdict::Flaky) => {
            "has an unknown outcome"
        }
        None => "was not waited for",
    }
}

/// What is to be said where the cases contradict the run's verdict: the API's result decides.
pub fn contradiction(run: &RunReport) -> Option<String> {
    let bad = run.cases.iter().filter(|case| case.outcome.is_bad()).count();
    let Attempt { short_id, result, .. } = run.latest()?;
    match run.verdict? {
        Verdict::Passed if bad > 0 => Some(format!(
            "run {short_id} PASSED at QA.tech, although {bad} of its test cases failed or errored; its result decides"
        )),
        // A rerun that is not believed failed by our word, not by QA.tech's.
        Verdict::Failed
            if bad == 0
                && result.as_deref() == Some(status::FAILED)
                && run.listed == Listed::All
                && run.attempts.len() == 1
                && !run.cases.iter().any(|case| case.outcome == CaseOutcome::Unfinished) =>
        {
            Some(format!(
                "run {short_id} FAILED at QA.tech, although none of its test cases failed or errored; its result decides"
            ))
        }
        Verdict::Passed
        | Verdict::Failed
        | Verdict::Skipped
        | Verdict::Flaky
        | Verdict::Interrupted
        | Verdict::Cancelled
        | Verdict::TimedOut
        | Verdict::Error
        | Verdict::Unknown => None,
    }
}
