//! Checks whether the run of the job's previous attempt can be rerun (`on_github_rerun: failed`). A rerun repeats only the
//! failed test cases, so all others must have ended in that run.

use thiserror::Error;
use tokio::time::sleep;

use crate::net::retry::{Backoff, OUT_OF_REACH};
use crate::qatech::client::{Api, Cases, GetError};
use crate::qatech::wire::{Run, RunTestCase};
use crate::report::merge::KnownElements;
use crate::report::{CaseCoverage, CaseOutcome, RunReport, Verdict, status};
use crate::runs::event::Event;
use crate::runs::poller::Policy;
use crate::runs::store::RunHandle;
use crate::text::ShortId;

/// The state of the run.
#[derive(Debug)]
pub(super) enum PreviousRun {
    /// It is still running: wait for it first.
    Running,
    /// It passed, so there is nothing to rerun.
    Passed,
    /// It failed, and all its test cases have ended: rerun those that failed.
    Failed(Run),
    /// It can't be rerun.
    NotReusable(NotReusable),
    /// The API did not answer, for this reason.
    OutOfReach(String),
}

/// Why the run can't be rerun, as the end of a sentence whose subject is the run.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum NotReusable {
    #[error("no longer exists")]
    NotFound,
    #[error("has too many test cases to be read")]
    TooLarge,
    #[error("can't be read ({0})")]
    Refused(String),
    #[error("ended with an error")]
    Errored,
    #[error("was cancelled")]
    Cancelled,
    #[error("has no test cases")]
    NoCases,
    #[error("does not list all its test cases")]
    IncompleteList,
    #[error("has test cases that did not finish")]
    UnfinishedCases,
    #[error("neither passed nor failed")]
    NoResult,
}

/// Polls until there is an answer, the deadline passes or QA.tech has been out of reach for 10 minutes.
pub(super) async fn poll(client: &impl Api, policy: Policy, run: RunHandle<'_>, short_id: &ShortId) -> PreviousRun {
    let until = policy.deadline.within(OUT_OF_REACH);
    let mut backoff = Backoff::default().until(until);
    let known = KnownElements::new();
    loop {
        let get = client.get(short_id, None, Cases::All, &known);
        let Some(answer) = until.limit(get).await else {
            return PreviousRun::OutOfReach("no answer in time".to_owned());
        };
        let (what, after) = match answer {
            Ok(got) => {
                if let Some(after) = backoff.succeeded() {
                    run.emit(Event::BackInReach { after });
                }
                return classify(got.run);
            }
            Err(GetError::NotFound(_)) => return PreviousRun::NotReusable(NotReusable::NotFound),
            Err(GetError::TooLarge) => return PreviousRun::NotReusable(NotReusable::TooLarge),
            Err(GetError::Refused(why)) => return PreviousRun::NotReusable(NotReusable::Refused(why)),
            Err(GetError::Retry { what, after }) => (what, after),
        };
        let next = match backoff.unreachable(after) {
            Ok(next) => next,
            Err(end) => {
                end.passed().await;
                return PreviousRun::OutOfReach(what);
            }
        };
        run.emit(Event::OutOfReach { what, next });
        sleep(next).await;
    }
}

fn classify(run: Run) -> PreviousRun {
    let (status, result) = (run.status.as_str(), run.result.as_deref());
    if !status::is_over(status) {
        return PreviousRun::Running;
    }
    if passed(status, result) {
        return PreviousRun::Passed;
    }
    // No element is known, so each was read. One that was not would not have ended.
    let seen = run.run_test_cases.iter().flatten().map(|listed| {
        let case = listed.case();
        let status = case.and_then(|case| case.status.as_deref());
        (
            case.map_or(CaseOutcome::Unfinished, outcome),
            status.unwrap_or_default(),
        )
    });
    match blocker(status, result, seen) {
        Some(why) => PreviousRun::NotReusable(why),
        None => PreviousRun::Failed(run),
    }
}

/// Why a run that was waited for can't be rerun; `None` also if it passed or is still running.
pub(super) fn rerun_blocker(run: &RunReport) -> Option<NotReusable> {
    let latest = run.latest()?;
    let (status, result) = (latest.status.as_deref()?, latest.result.as_deref());
    if !status::is_over(status) || passed(status, result) || latest.verdict == Some(Verdict::TimedOut) {
        return None;
    }
    if result == Some(status::FAILED) && run.listed != CaseCoverage::Complete {
        return Some(NotReusable::IncompleteList);
    }
    let cases = run.cases.iter().filter_map(|case| case.latest());
    blocker(status, result, cases.map(|seen| (seen.outcome, seen.status.as_str())))
}

fn passed(status: &str, result: Option<&str>) -> bool {
    (status, result) == (status::COMPLETED, Some(status::PASSED))
}

/// Why a run that is over and has not passed can't be rerun.
fn blocker<'a>(
    status: &str,
    result: Option<&str>,
    cases: impl Iterator<Item = (CaseOutcome, &'a str)>,
) -> Option<NotReusable> {
    let mut cases = cases.peekable();
    match (status, result) {
        (status::ERROR, _) => Some(NotReusable::Errored),
        (status::CANCELLED, _) => Some(NotReusable::Cancelled),
        (_, Some(status::FAILED)) if cases.peek().is_none() => Some(NotReusable::NoCases),
        (_, Some(status::FAILED)) if cases.all(|(outcome, status)| has_ended(outcome, status)) => None,
        (_, Some(status::FAILED)) => Some(NotReusable::UnfinishedCases),
        (_, _) => Some(NotReusable::NoResult),
    }
}

/// Whether a case has ended, or is repeated by a rerun of the failed cases. A cancelled case is neither, according to the
/// API's documentation (<https://docs.qa.tech/api-reference/rerun>).
fn has_ended(outcome: CaseOutcome, status: &str) -> bool {
    outcome != CaseOutcome::Unfinished && (status != status::CANCELLED || outcome == CaseOutcome::Failed)
}

fn outcome(case: &RunTestCase) -> CaseOutcome {
    CaseOutcome::from_status(case.status.as_deref().unwrap_or_default(), case.result.as_deref())
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    fn run(status: &str, result: Option<&str>, cases: &[(&str, Option<&str>)]) -> Run {
        let case = |(status, result): &(&str, Option<&str>)| RunTestCase {
            status: Some((*status).to_owned()),
            result: result.map(str::to_owned),
            ..RunTestCase::default()
        };
        Run {
            id: "1".to_owned(),
            short_id: "run1".to_owned(),
            status: status.to_owned(),
            result: result.map(str::to_owned),
            run_test_cases: Some(cases.iter().map(|words| case(words).into()).collect()),
        }
    }

    #[test]
    fn only_a_run_whose_cases_all_ended_is_used() {
        const PASSED: (&str, Option<&str>) = ("COMPLETED", Some("PASSED"));
        const FAILED: (&str, Option<&str>) = ("COMPLETED", Some("FAILED"));
        let of = |status: &str, result, cases: &[_]| classify(run(status, result, cases));
        assert!(matches!(
            of("COMPLETED", Some("PASSED"), &[PASSED]),
            PreviousRun::Passed
        ));
        match of(
            "COMPLETED",
            Some("FAILED"),
            &[PASSED, FAILED, ("ERROR", None), ("SKIPPED", None)],
        ) {
            PreviousRun::Failed(run) => assert_eq!(run.run_test_cases.map(|cases| cases.len()), Some(4)),
            other => panic!("{other:?}"),
        }
        for status in ["INITIATED", "RUNNING", "PAUSED"] {
            let previous = of(status, None, &[FAILED, ("RUNNING", None)]);
            assert!(matches!(previous, PreviousRun::Running), "{status}: {previous:?}");
        }
        for (status, result, case) in [
            ("COMPLETED", Some("FAILED"), ("RUNNING", None)),
            ("COMPLETED", Some("FAILED"), ("CANCELLED", None)),
            ("COMPLETED", Some("FAILED"), ("COMPLETED", None)),
            ("COMPLETED", Some("SKIPPED"), PASSED),
            ("COMPLETED", Some("MAYBE"), PASSED),
            ("COMPLETED", None, PASSED),
            ("ERROR", Some("FAILED"), PASSED),
            ("CANCELLED", None, PASSED),
        ] {
            let previous = of(status, result, &[FAILED, case]);
            assert!(
                matches!(previous, PreviousRun::NotReusable(_)),
                "{status} {result:?} {case:?}: {previous:?}"
            );
        }
        assert!(matches!(
            of("COMPLETED", Some("FAILED"), &[]),
            PreviousRun::NotReusable(_)
        ));
    }
}
