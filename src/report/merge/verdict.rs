//! The verdict over all attempts of a run, and a warning if its cases contradict it.

use thiserror::Error;

use crate::report::merge::combined_outcome;
use crate::report::{Attempt, Case, CaseCoverage, CaseOutcome, Counts, FailureKind, RunReport, Verdict, status};
use crate::text::ShortId;

/// Completes a run that was waited for: which reruns count, the outcomes of its cases, its verdict over all attempts, and
/// the problem if attempts and cases do not agree.
pub fn conclude(run: &mut RunReport) {
    let counting: Vec<bool> = (0..)
        .zip(&run.attempts)
        .map(|(index, attempt)| index == 0 || passed_or_failed(attempt))
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

/// Whether a rerun passed or failed. One that errored, was cancelled or timed out changes no case.
fn passed_or_failed(attempt: &Attempt) -> bool {
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
        (Some(Verdict::Failed), Err(_)) => {
            // Product failures may have been left out on purpose (`rerun_only`).
            let lost = not_played(run).filter(|case| case.failure_kind() != Some(FailureKind::Product));
            match lost.count() {
                0 => None,
                cases => Some(format!(
                    "of the test cases that had not passed before, {cases} {} not played in {rerun}",
                    were(cases)
                )),
            }
        }
        // The attempt's own problem says why.
        (other, _) => Some(format!("{rerun} {}, so the first result stands", inconclusive(other))),
    };
    match forgiven {
        Ok(Forgiven::Quarantined) => (Some(Verdict::Quarantined), problem),
        Ok(Forgiven::Flaky) | Err(_) => (Some(Verdict::Failed), problem),
    }
}

/// The verb after a number of cases.
fn were(cases: usize) -> &'static str {
    if cases == 1 { "was" } else { "were" }
}

/// Why a failed run does not count as failed.
enum Forgiven {
    /// Every case that failed has passed in a rerun.
    Flaky,
    /// Every case that failed is in quarantine, or has passed in a rerun.
    Quarantined,
}

/// Why the first attempt's failure is not forgiven.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum NotForgiven {
    #[error("not every test case of the first run could be listed")]
    NotListed,
    #[error("run {short_id} lists {listed} of the {announced} test cases that it announced")]
    FewerThanAnnounced {
        short_id: ShortId,
        listed: u64,
        announced: u64,
    },
    #[error("{cases} of the test cases {} not seen to pass", were(*.cases))]
    NotPassed { cases: usize },
    #[error("an attempt failed without a failed test case")]
    NoFailedCase,
    #[error("no test case that failed before was seen to pass in it")]
    NothingPassed,
}

/// Why the first attempt's failure is forgiven, or why it is not.
///
/// The rule for `flaky` and `quarantined`: the first attempt's list is complete; every case in it passed, was skipped,
/// passed in a rerun, or failed in quarantine; and at least one failed before it passed, or failed in quarantine. A run
/// with an unfinished case, or with an attempt that failed without a failed case, is not forgiven.
fn forgiven(run: &RunReport, first: &Attempt) -> Result<Forgiven, NotForgiven> {
    let blocks = |case: &&Case| !case.outcome.is_green() && !case.is_quarantined_failure();
    let blocking = run.cases.iter().filter(blocks).count();
    let flaky = run.cases.iter().any(|case| case.outcome == CaseOutcome::Flaky);
    let quarantined = run.cases.iter().any(Case::is_quarantined_failure);
    if run.listed != CaseCoverage::Complete {
        Err(NotForgiven::NotListed)
    } else if !run.first_list_is_complete() {
        Err(NotForgiven::FewerThanAnnounced {
            short_id: first.short_id.clone(),
            listed: run.listed_in_first_attempt(),
            announced: first.test_count.unwrap_or(0),
        })
    } else if blocking > 0 {
        Err(NotForgiven::NotPassed { cases: blocking })
    } else if quarantined && !every_failure_is_listed(run) {
        Err(NotForgiven::NoFailedCase)
    } else if quarantined {
        Ok(Forgiven::Quarantined)
    } else if flaky {
        Ok(Forgiven::Flaky)
    } else {
        Err(NotForgiven::NothingPassed)
    }
}

/// Whether each failed attempt lists a failed or errored case: otherwise something else may have failed.
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

/// The cases that are not green and that the latest attempt left out, so that no rerun of it can see them pass.
pub fn not_played(run: &RunReport) -> impl Iterator<Item = &Case> {
    let latest = run.attempts.len().checked_sub(1);
    let is_missing = move |case: &&Case| latest.is_some_and(|latest| !case.outcome.is_green() && !case.is_in(latest));
    run.cases.iter().filter(is_missing)
}

/// How a rerun ended that has no effect on the verdict.
fn inconclusive(verdict: Option<Verdict>) -> &'static str {
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

/// A warning if the cases do not support the run's verdict: they contradict it, or there are none. The API's result
/// decides.
pub fn contradiction(run: &RunReport) -> Option<String> {
    let mut counts = Counts::default();
    run.cases.iter().for_each(|case| counts.add_case(case));
    let bad = counts.failed + counts.errored;
    // In a list from before the run's end, a case that was still running is no contradiction.
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
        // With reruns, this program may have decided on `failed`, not QA.tech.
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
