//! The verdict over all attempts of a run, and where its cases contradict it.

use crate::report::merge::combined_outcome;
use crate::report::{Attempt, CaseCoverage, CaseOutcome, Counts, RunReport, Verdict, status};

/// Settles a run that was waited for: which reruns count, its cases' outcomes, and its verdict over all attempts, with
/// what is to be said where the attempts and the cases do not simply agree.
pub fn conclude(run: &mut RunReport) {
    let counting: Vec<bool> = (0..)
        .zip(&run.attempts)
        .map(|(index, attempt)| index == 0 || is_played(attempt))
        .collect();
    for case in &mut run.cases {
        for seen in &mut case.attempts {
            seen.counts = counting.get(seen.attempt).copied().unwrap_or(false);
        }
        if case.attempts.iter().any(|seen| seen.counts) {
            case.outcome = combined_outcome(&case.attempts);
        }
    }
    (run.verdict, run.problem) = verdict(run);
}

/// Whether a rerun was played to its end. One that errored, was cancelled or timed out changes no case.
fn is_played(attempt: &Attempt) -> bool {
    matches!(attempt.verdict, Some(Verdict::Passed | Verdict::Failed))
}

/// Only a failed first attempt is ever rerun, so every other first verdict stands.
fn verdict(run: &RunReport) -> (Option<Verdict>, Option<String>) {
    let Some((first, reruns)) = run.attempts.split_first() else {
        return (run.verdict, run.problem.clone());
    };
    let Some(last) = reruns.last() else {
        return (first.verdict, first.problem.clone());
    };
    if first.verdict != Some(Verdict::Failed) {
        return (first.verdict, first.problem.clone());
    }
    let rerun = format!("rerun {}", last.short_id);
    let problem = match (last.verdict, unforgiven(run, first)) {
        (Some(Verdict::Interrupted), _) => return (Some(Verdict::Interrupted), last.problem.clone()),
        (Some(Verdict::Passed), None) => return (Some(Verdict::Flaky), None),
        (Some(Verdict::Passed), Some(why)) => Some(format!("{rerun} passed, but {why}, so the first result stands")),
        (Some(Verdict::Failed), None) => Some(format!(
            "{rerun} is FAILED at QA.tech although every case that failed has passed in it"
        )),
        (Some(Verdict::Failed), Some(_)) => not_played(run)
            .map(|cases| format!("of the test cases that had not passed before, {cases} were not played in {rerun}")),
        // Why, the attempt itself says.
        (other, _) => Some(format!("{rerun} {}, so the first result stands", without_use(other))),
    };
    (Some(Verdict::Failed), problem)
}

/// Why the reruns do not forgive the first attempt's failure; `None` where they do.
///
/// The one rule of `flaky`: of the first attempt's complete list, every case has passed, was skipped, or passed in a
/// rerun, and at least one that failed is among the last.
fn unforgiven(run: &RunReport, first: &Attempt) -> Option<String> {
    let not_green = run.cases.iter().filter(|case| !case.outcome.is_green()).count();
    let forgiven = run.cases.iter().any(|case| case.outcome == CaseOutcome::Flaky);
    if run.listed != CaseCoverage::Complete {
        Some("not every test case of the first run could be listed".to_owned())
    } else if !first_list_is_complete(run) {
        Some(format!(
            "run {} lists {} of the {} test cases that it announced",
            first.short_id,
            of_first_attempt(run),
            first.test_count.unwrap_or(0)
        ))
    } else if not_green > 0 {
        Some(format!("{not_green} of the test cases were not seen to pass"))
    } else if !forgiven {
        Some("no test case that failed before was seen to pass in it".to_owned())
    } else {
        None
    }
}

/// Whether as many cases of the first attempt are known as it announced, where it did.
pub fn first_list_is_complete(run: &RunReport) -> bool {
    let announced = run.attempts.first().and_then(|first| first.test_count);
    announced.is_none_or(|announced| of_first_attempt(run) >= announced)
}

/// How many cases the first attempt has listed.
fn of_first_attempt(run: &RunReport) -> u64 {
    let listed = run.cases.iter().filter(|case| case.is_in(0));
    listed.count() as u64
}

/// How many cases that are not green the latest attempt does not have: no rerun of it can see them pass. `None` for none.
pub fn not_played(run: &RunReport) -> Option<usize> {
    let latest = run.attempts.len().checked_sub(1)?;
    let missing = run
        .cases
        .iter()
        .filter(|case| !case.outcome.is_green() && !case.is_in(latest));
    Some(missing.count()).filter(|count| *count > 0)
}

/// What became of a rerun that decides nothing.
fn without_use(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Skipped) => "was skipped",
        Some(Verdict::Cancelled) => "was cancelled",
        Some(Verdict::TimedOut) => "did not end in time",
        Some(Verdict::Error) => "ended with an error",
        Some(
            Verdict::Unknown
            | Verdict::Interrupted
            | Verdict::Passed
            | Verdict::Failed
            | Verdict::Flaky
            | Verdict::Quarantined,
        ) => "has an unknown outcome",
        None => "was not waited for",
    }
}

/// What is to be said where the cases contradict the run's verdict: the API's result decides.
pub fn contradiction(run: &RunReport) -> Option<String> {
    let mut counts = Counts::default();
    for case in &run.cases {
        counts.add(case.outcome);
    }
    let bad = counts.failed + counts.errored;
    // Of a list that is not of the run's end nothing follows for what was still running in it.
    let unfinished = if run.listed == CaseCoverage::Complete {
        counts.unfinished()
    } else {
        0
    };
    let Attempt { short_id, result, .. } = run.latest()?;
    match run.verdict? {
        Verdict::Passed if bad + unfinished > 0 => {
            let of_bad = format!("{bad} of its test cases failed or errored");
            let of_unfinished = format!("{unfinished} of its test cases did not end or have no known result");
            let what = match (bad, unfinished) {
                (_, 0) => of_bad,
                (0, _) => of_unfinished,
                (_, _) => format!("{of_bad} and {of_unfinished}"),
            };
            Some(format!(
                "run {short_id} PASSED at QA.tech, although {what}; its result decides"
            ))
        }
        // A rerun that is not believed failed by our word, not by QA.tech's.
        Verdict::Failed
            if bad == 0
                && unfinished == 0
                && result.as_deref() == Some(status::FAILED)
                && run.listed == CaseCoverage::Complete
                && run.attempts.len() == 1 =>
        {
            Some(format!(
                "run {short_id} FAILED at QA.tech, although none of its test cases failed or errored; its result decides"
            ))
        }
        Verdict::Passed
        | Verdict::Failed
        | Verdict::Skipped
        | Verdict::Flaky
        | Verdict::Quarantined
        | Verdict::Interrupted
        | Verdict::Cancelled
        | Verdict::TimedOut
        | Verdict::Error
        | Verdict::Unknown => None,
    }
}
