//! A look at the run of the job's earlier attempt (`on_github_rerun: failed`), before anything is built on it: a rerun of
//! what failed vouches for all the rest, so the rest must have been seen to end.

use tokio::time::{Instant, sleep_until, timeout_at};

use super::client::{Api, Cases, GetError};
use super::delay::Delays;
use super::wait::{OUT_OF_REACH, Policy};
use super::wire::{Run, RunTestCase};
use crate::board::{Board, News};
use crate::report::{Case, CaseOutcome, status};

/// What the run is good for.
#[derive(Debug)]
pub(super) enum Earlier {
    /// It goes on: wait for it first.
    Running,
    /// It passed, so there is nothing to rerun.
    Passed,
    /// It failed, and all its test cases have ended: rerun those that failed, which are these.
    Failed(Vec<RunTestCase>),
    /// Nothing can be built on it: why, as the end of a sentence that begins with the run.
    Useless(String),
    /// Nobody can tell.
    OutOfReach(String),
}

/// Asks until there is an answer, for as long as the wait for a run would.
pub(super) async fn look(client: &impl Api, policy: Policy, board: &Board, run: usize, short_id: &str) -> Earlier {
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
            Ok(got) => return judge(got.run),
            Err(GetError::NotFound(_)) => return Earlier::Useless("is gone".to_owned()),
            Err(GetError::TooLarge) => {
                return Earlier::Useless("has too many test cases to be looked through".to_owned());
            }
            Err(GetError::Refused(why)) => return Earlier::Useless(format!("can't be looked at ({why})")),
            Err(GetError::Retry { what, after }) => (what, after),
        };
        let next = delays.next(after);
        let at = Instant::now() + next;
        if at >= until {
            sleep_until(until).await;
            return Earlier::OutOfReach(what);
        }
        board.tell(run, News::OutOfReach { what, first, next });
        first = false;
        sleep_until(at).await;
    }
}

fn judge(run: Run) -> Earlier {
    let useless = |why: &str| Earlier::Useless(why.to_owned());
    match (run.status.as_str(), run.result.as_deref()) {
        (status::COMPLETED, Some(status::PASSED)) => Earlier::Passed,
        (status::COMPLETED, Some(status::FAILED)) => {
            let mut cases = run.run_test_cases.unwrap_or_default();
            if cases.is_empty() {
                return useless("names no test case");
            }
            if !cases.iter().all(has_ended) {
                return useless("has test cases that did not finish");
            }
            cases.retain(|case| outcome(case).is_bad());
            Earlier::Failed(cases)
        }
        (status::COMPLETED, _) => useless("neither passed nor failed"),
        (status::ERROR, _) => useless("broke off with an error"),
        (status::CANCELLED, _) => useless("was cancelled"),
        (_, _) => Earlier::Running,
    }
}

/// Whether a case was played, or is one that a rerun of what failed plays. One that was cancelled is neither, by the
/// API's own words (<https://docs.qa.tech/api-reference/rerun>).
fn has_ended(case: &RunTestCase) -> bool {
    let outcome = outcome(case);
    let cancelled = case.status.as_deref() == Some(status::CANCELLED);
    outcome != CaseOutcome::Unfinished && (!cancelled || outcome == CaseOutcome::Failed)
}

fn outcome(case: &RunTestCase) -> CaseOutcome {
    CaseOutcome::of(case.status.as_deref().unwrap_or_default(), case.result.as_deref())
}

/// How many of the cases that failed then are not seen to pass in their rerun.
pub(super) fn not_passed(failed: &[RunTestCase], rerun: &[Case]) -> usize {
    let is = |theirs: &Option<String>, ours: &str| theirs.as_deref().is_some_and(|theirs| theirs == ours);
    let passed = || rerun.iter().filter(|case| case.outcome == CaseOutcome::Passed);
    let seen = failed.iter().filter(|then| {
        passed().any(|case| is(&then.id, &case.id) || is(&then.short_id, &case.short_id) || is(&then.name, &case.name))
    });
    // Two of one name are not both seen to pass by one.
    failed.len() - seen.count().min(passed().count())
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
        let of = |status: &str, result, cases: &[_]| judge(run(status, result, cases));
        assert!(matches!(of("COMPLETED", Some("PASSED"), &[DONE]), Earlier::Passed));
        match of(
            "COMPLETED",
            Some("FAILED"),
            &[DONE, BAD, ("ERROR", None), ("SKIPPED", None)],
        ) {
            Earlier::Failed(cases) => assert_eq!(cases.len(), 2),
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
                matches!(earlier, Earlier::Useless(_)),
                "{status} {result:?} {case:?}: {earlier:?}"
            );
        }
        assert!(matches!(of("COMPLETED", Some("FAILED"), &[]), Earlier::Useless(_)));
    }
}
