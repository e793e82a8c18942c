//! A look at the run of the job's earlier attempt (`on_github_rerun: failed`), before anything is built on it: a rerun of
//! what failed vouches for all the rest, so the rest must have been seen to end.

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::net::retry::Delays;
use crate::qatech::client::{Api, Cases, GetError};
use crate::qatech::wire::{Run, RunTestCase};
use crate::report::{CaseCoverage, CaseOutcome, RunReport, Verdict, status};
use crate::runs::poller::{OUT_OF_REACH, Policy};
use crate::runs::store::{Event, RunStore};

/// What the run is good for.
#[derive(Debug)]
pub(super) enum Earlier {
    /// It goes on: wait for it first.
    Running,
    /// It passed, so there is nothing to rerun.
    Passed,
    /// It failed, and all its test cases have ended: rerun those that failed.
    Failed(Run),
    /// Nothing can be built on it: why, as the end of a sentence that begins with the run.
    NotReusable(String),
    /// Nobody can tell.
    OutOfReach(String),
}

/// Asks until there is an answer, for as long as the wait for a run would.
pub(super) async fn look(client: &impl Api, policy: Policy, board: &RunStore, run: usize, short_id: &str) -> Earlier {
    let began = Instant::now();
    let until = policy.deadline.min(began + OUT_OF_REACH);
    let mut delays = Delays::default();
    let mut first = true;
    loop {
        let answer = match timeout_at(until, client.get(short_id, None, Cases::All)).await {
            Ok(answer) => answer,
            Err(_) => return Earlier::OutOfReach("no answer in time".to_owned()),
        };
        let (what, after) = match answer {
            Ok(got) => return classify(got.run),
            Err(GetError::NotFound(_)) => return Earlier::NotReusable("is gone".to_owned()),
            Err(GetError::TooLarge) => {
                return Earlier::NotReusable("has too many test cases to be looked through".to_owned());
            }
            Err(GetError::Refused(why)) => return Earlier::NotReusable(format!("can't be looked at ({why})")),
            Err(GetError::Retry { what, after }) => (what, after),
        };
        let next = delays.next(after);
        let at = Instant::now() + next;
        if at >= until {
            sleep_until(until).await;
            return Earlier::OutOfReach(what);
        }
        board.tell(run, Event::OutOfReach { what, first, next });
        first = false;
        sleep_until(at).await;
    }
}

fn classify(run: Run) -> Earlier {
    let (status, result) = (run.status.as_str(), run.result.as_deref());
    if !status::is_over(status) {
        return Earlier::Running;
    }
    if passed(status, result) {
        return Earlier::Passed;
    }
    let seen = run
        .run_test_cases
        .iter()
        .flatten()
        .map(|case| (outcome(case), case.status.as_deref().unwrap_or_default()));
    match flaw(status, result, seen) {
        Some(why) => Earlier::NotReusable(why.to_owned()),
        None => Earlier::Failed(run),
    }
}

/// The same of a run that was waited for: why nothing can be built on it; `None` also where it passed or goes on.
pub(super) fn rerun_blocker(run: &RunReport) -> Option<&'static str> {
    let latest = run.latest()?;
    let (status, result) = (latest.status.as_deref()?, latest.result.as_deref());
    if !status::is_over(status) || passed(status, result) || latest.verdict == Some(Verdict::TimedOut) {
        return None;
    }
    if result == Some(status::FAILED) && run.listed != CaseCoverage::Complete {
        return Some("does not list all its test cases");
    }
    let cases = run.cases.iter().filter_map(|case| case.latest());
    flaw(status, result, cases.map(|seen| (seen.outcome, seen.status.as_str())))
}

fn passed(status: &str, result: Option<&str>) -> bool {
    (status, result) == (status::COMPLETED, Some(status::PASSED))
}

/// Why nothing can be built on a run that is over and has not passed, as the end of a sentence that begins with the run.
fn flaw<'a>(
    status: &str,
    result: Option<&str>,
    cases: impl Iterator<Item = (CaseOutcome, &'a str)>,
) -> Option<&'static str> {
    let mut cases = cases.peekable();
    match (status, result) {
        (status::ERROR, _) => Some("broke off with an error"),
        (status::CANCELLED, _) => Some("was cancelled"),
        (_, Some(status::FAILED)) if cases.peek().is_none() => Some("names no test case"),
        (_, Some(status::FAILED)) if cases.all(|(outcome, status)| has_ended(outcome, status)) => None,
        (_, Some(status::FAILED)) => Some("has test cases that did not finish"),
        (_, _) => Some("neither passed nor failed"),
    }
}

/// Whether a case was played, or is one that a rerun of what failed plays. One that was cancelled is neither, by the
/// API's own words (<https://docs.qa.tech/api-reference/rerun>).
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
            run_test_cases: Some(cases.iter().map(case).collect()),
        }
    }

    #[test]
    fn only_what_was_seen_to_end_is_built_on() {
        const DONE: (&str, Option<&str>) = ("COMPLETED", Some("PASSED"));
        const BAD: (&str, Option<&str>) = ("COMPLETED", Some("FAILED"));
        let of = |status: &str, result, cases: &[_]| classify(run(status, result, cases));
        assert!(matches!(of("COMPLETED", Some("PASSED"), &[DONE]), Earlier::Passed));
        match of(
            "COMPLETED",
            Some("FAILED"),
            &[DONE, BAD, ("ERROR", None), ("SKIPPED", None)],
        ) {
            Earlier::Failed(run) => assert_eq!(run.run_test_cases.map(|cases| cases.len()), Some(4)),
            other => panic!("{other:?}"),
        }
        for status in ["INITIATED", "RUNNING", "PAUSED"] {
            let earlier = of(status, None, &[BAD, ("RUNNING", None)]);
            assert!(matches!(earlier, Earlier::Running), "{status}: {earlier:?}");
        }
        for (status, result, case) in [
            ("COMPLETED", Some("FAILED"), ("RUNNING", None)),
            ("COMPLETED", Some("FAILED"), ("CANCELLED", None)),
            ("COMPLETED", Some("FAILED"), ("COMPLETED", None)),
            ("COMPLETED", Some("SKIPPED"), DONE),
            ("COMPLETED", Some("MAYBE"), DONE),
            ("COMPLETED", None, DONE),
            ("ERROR", Some("FAILED"), DONE),
            ("CANCELLED", None, DONE),
        ] {
            let earlier = of(status, result, &[BAD, case]);
            assert!(
                matches!(earlier, Earlier::NotReusable(_)),
                "{status} {result:?} {case:?}: {earlier:?}"
            );
        }
        assert!(matches!(of("COMPLETED", Some("FAILED"), &[]), Earlier::NotReusable(_)));
    }
}
