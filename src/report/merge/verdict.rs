//! The verdict over all attempts of a run, and where its cases contradict it.

use crate::report::merge::combined_outcome;
use crate::report::{Attempt, Case, CaseCoverage, CaseOutcome, Counts, RunReport, Verdict, status};

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
    if first.verdict != Some(Verdict::Failed) {
        return (first.verdict, first.problem.clone());
    }
    match reruns.last() {
        None => match forgiven(run, first) {
            Ok(Forgiven::Quarantined) => (Some(Verdict::Quarantined), first.problem.clone()),
            Ok(Forgiven::Flaky) | Err(_) => (first.verdict, first.problem.clone()),
        },
        Some(last) => verdict_after(run, first, last),
    }
}

/// The verdict on a run that failed first, by its latest rerun.
fn verdict_after(run: &RunReport, first: &Attempt, last: &Attempt) -> (Option<Verdict>, Option<String>) {
    let rerun = format!("rerun {}", last.short_id);
    let forgiven = forgiven(run, first);
    let problem = match (last.verdict, &forgiven) {
        (Some(Verdict::Interrupted), _) => return (Some(Verdict::Interrupted), last.problem.clone()),
        (Some(Verdict::Passed), Ok(Forgiven::Flaky)) => return (Some(Verdict::Flaky), None),
        (Some(Verdict::Passed | Verdict::Failed), Ok(Forgiven::Quarantined)) => None,
        (Some(Verdict::Passed), Err(why)) => Some(format!("{rerun} passed, but {why}, so the first result stands")),
        (Some(Verdict::Failed), Ok(Forgiven::Flaky)) => Some(format!(
            "{rerun} is FAILED at QA.tech although every case that failed has passed in it"
        )),
        (Some(Verdict::Failed), Err(_)) => not_played(run)
            .map(|cases| format!("of the test cases that had not passed before, {cases} were not played in {rerun}")),
        // The attempt itself says why.
        (other, _) => Some(format!("{rerun} {}, so the first result stands", without_use(other))),
    };
    match forgiven {
        Ok(Forgiven::Quarantined) => (Some(Verdict::Quarantined), problem),
        Ok(Forgiven::Flaky) | Err(_) => (Some(Verdict::Failed), problem),
    }
}

/// What a failed run is forgiven for.
enum Forgiven {
    /// Every case that failed has passed in a rerun.
    Flaky,
    /// Every case that failed is in quarantine, or has passed in a rerun.
    Quarantined,
}

/// What forgives the first attempt's failure, or why nothing does.
///
/// The one rule of `flaky` and `quarantined`: of the first attempt's complete list, every case has passed, was skipped,
/// passed in a rerun, or failed in quarantine. At least one of them failed before it passed, or failed in quarantine. A
/// case that is unfinished forgives nothing, and neither does an attempt that failed without a failed case.
fn forgiven(run: &RunReport, first: &Attempt) -> Result<Forgiven, String> {
    let blocks = |case: &&Case| !case.outcome.is_green() && !case.is_quarantined_failure();
    let blocking = run.cases.iter().filter(blocks).count();
    let flaky = run.cases.iter().any(|case| case.outcome == CaseOutcome::Flaky);
    let quarantined = run.cases.iter().any(Case::is_quarantined_failure);
    if run.listed != CaseCoverage::Complete {
        Err("not every test case of the first run could be listed".to_owned())
    } else if !run.first_list_is_complete() {
        Err(format!(
            "run {} lists {} of the {} test cases that it announced",
            first.short_id,
            run.listed_in_first_attempt(),
            first.test_count.unwrap_or(0)
        ))
    } else if blocking > 0 {
        let verb = if blocking == 1 { "was" } else { "were" };
        Err(format!("{blocking} of the test cases {verb} not seen to pass"))
    } else if quarantined && !every_failure_is_listed(run) {
        Err("an attempt failed without a failed test case".to_owned())
    } else if quarantined {
        Ok(Forgiven::Quarantined)
    } else if flaky {
        Ok(Forgiven::Flaky)
    } else {
        Err("no test case that failed before was seen to pass in it".to_owned())
    }
}

/// Whether each attempt that failed lists a case that did not pass: otherwise something else may have failed.
fn every_failure_is_listed(run: &RunReport) -> bool {
    let failed = (0..)
        .zip(&run.attempts)
        .filter(|(_, attempt)| attempt.verdict == Some(Verdict::Failed));
    let has_failed_in = |case: &Case, index| {
        let mut attempts = case.attempts.iter();
        attempts.any(|seen| seen.attempt == index && seen.outcome.is_bad())
    };
    failed
        .map(|(index, _)| index)
        .all(|index| run.cases.iter().any(|case| has_failed_in(case, index)))
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

/// A warning where the cases do not support the run's verdict: they contradict it, or there are none. The API's result
/// decides.
pub fn contradiction(run: &RunReport) -> Option<String> {
    let mut counts = Counts::default();
    run.cases.iter().for_each(|case| counts.add_case(case));
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
        Verdict::Passed if run.has_no_tests() => Some(format!(
            "run {short_id} PASSED at QA.tech without a single test case (`fail_on: no_tests` fails the step for that)"
        )),
        Verdict::Passed if run.listed == CaseCoverage::Complete && !run.first_list_is_complete() => Some(format!(
            "run {short_id} PASSED at QA.tech, although it lists {} of the {} test cases that it announced; its result \
             decides",
            run.listed_in_first_attempt(),
            run.attempts.first().and_then(|first| first.test_count).unwrap_or(0)
        )),
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
