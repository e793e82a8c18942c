//! Tests of headlines, numbers and next steps.

use super::*;
use crate::report::sample::{case, large, report, run, shop};
use crate::report::{CaseOutcome, Mode, Report, Verdict};

#[test]
fn numbers_and_plurals() {
    assert_eq!(
        [0, 999, 1_000, 1_234_567].map(number),
        ["0", "999", "1,000", "1,234,567"]
    );
    assert_eq!(
        [0, 1, 2].map(|count| several(count, "test")),
        ["0 tests", "1 test", "2 tests"]
    );
    assert_eq!(several(2, "agent miss"), "2 agent misses");
}

#[test]
fn a_headline_says_the_verdict_in_words() {
    let title = |report: &Report| Headline::new(report.as_slice()).title();
    let mut shop = shop();
    assert_eq!(title(&shop), "Failed: 2 of 14 tests failed, 1 errored, 1 flaky");
    for (verdict, expected) in [
        (Verdict::TimedOut, "Timed out: 14 of 14 tests done, 2 failed, 1 errored"),
        (Verdict::Flaky, "Passed, but flaky: 1 of 14 tests only in a rerun"),
    ] {
        for run in &mut shop.runs {
            run.verdict = Some(verdict);
        }
        assert_eq!(title(&shop), expected);
    }
    shop.runs[0].verdict = Some(Verdict::Interrupted);
    assert_eq!(
        title(&shop),
        "Interrupted in rerun 1: 14 of 14 tests done, 2 failed, 1 errored"
    );
    let passed = |number| case(number, "Log in", CaseOutcome::Passed, "", "");
    let one = run("A", "a", vec![passed(1)]);
    assert_eq!(title(&report(vec![one.clone()])), "Passed: the one test");
    // A result that its cases contradict.
    for (verdict, outcomes, expected) in [
        (Verdict::Passed, [8, 2, 1], "Passed: 8 of 11 tests, 2 failed, 1 skipped"),
        (Verdict::Skipped, [0, 0, 2], "Skipped: all 2 tests"),
        (Verdict::Skipped, [1, 1, 0], "Skipped: 0 of 2 tests, 1 passed, 1 failed"),
        (Verdict::Failed, [9, 0, 0], "Failed, though none of the 9 tests did"),
        (Verdict::Failed, [1, 0, 0], "Failed, though the one test did not"),
    ] {
        let outcomes = [CaseOutcome::Passed, CaseOutcome::Failed, CaseOutcome::Skipped]
            .into_iter()
            .zip(outcomes)
            .flat_map(|(outcome, count)| vec![case(1, "Log in", outcome, "", ""); count]);
        let mut odd = run("A", "a", outcomes.collect());
        odd.verdict = Some(verdict);
        assert_eq!(title(&report(vec![odd])), expected);
    }
    let mut unknown = run("B", "b", vec![]);
    unknown.verdict = Some(Verdict::Unknown);
    assert_eq!(
        title(&report(vec![one, unknown.clone()])),
        "Outcome unknown: 1 of 2 runs; tests: 1 passed"
    );
    assert_eq!(title(&report(vec![unknown])), "Outcome unknown");
    assert_eq!(title(&large(20_000, 0)), "Failed: 2,000 of 20,000 tests failed");
}

#[test]
fn what_was_not_waited_for_has_a_headline_too() {
    let mut started = shop();
    started.runs.iter_mut().for_each(|run| run.verdict = None);
    started.mode = Mode::StartOnly;
    assert_eq!(
        Headline::new(started.as_slice()).title(),
        "Started: 1 run, not waited for"
    );
    let mut missing = run("B", "b", vec![]);
    missing.attempts.clear();
    (missing.created, missing.verdict) = (Some(false), Some(Verdict::Unknown));
    started.runs.push(missing);
    assert_eq!(
        Headline::new(started.as_slice()).title(),
        "Outcome unknown: 1 of 2 runs did not start"
    );
    started.runs[1].created = None;
    assert_eq!(
        Headline::new(started.as_slice()).title(),
        "Outcome unknown: 1 of 2 runs may not have started"
    );
    started.runs.truncate(1);
    started.mode = Mode::Look;
    assert_eq!(
        Headline::new(started.as_slice()).title(),
        "Looked at a failed run: 2 of 14 tests failed, 1 errored, 1 flaky"
    );
    let mut open = run("B", "b", vec![case(1, "Log in", CaseOutcome::Unfinished, "", "")]);
    let attempt = &mut open.attempts[0];
    (open.verdict, attempt.verdict, attempt.result) = (None, None, None);
    // Its result is still to come.
    attempt.status = Some("COMPLETED".into());
    let mut two = report(vec![open.clone()]);
    two.mode = Mode::Look;
    assert_eq!(
        Headline::new(two.as_slice()).title(),
        "Looked at a run with no result yet: 0 of 1 test done"
    );
    two.runs.push(open);
    assert_eq!(
        Headline::new(two.as_slice()).title(),
        "Looked at 2 runs: none is over yet, 0 of 2 tests done"
    );
    two.runs.truncate(1);
    two.runs.push(started.runs[0].clone());
    assert_eq!(
        Headline::new(two.as_slice()).title(),
        "Looked at 2 runs: 1 not over yet, 14 of 15 tests done, 2 failed, 1 errored"
    );
    for (status, title) in [
        (
            "ERROR",
            "Looked at 2 runs: ended with an error, 1 of 2 runs; tests: 2 failed, 1 errored, 1 flaky, 1 skipped, 1 not finished, 9 passed",
        ),
        (
            "CANCELLED",
            "Looked at 2 runs: failed, 2 of 15 tests failed, 1 errored, 1 flaky, 1 not finished",
        ),
    ] {
        two.runs[0].attempts[0].status = Some(status.into());
        assert_eq!(Headline::new(two.as_slice()).title(), title);
    }
    let mut skipped = report(vec![]);
    skipped.mode = Mode::SkippedWithoutToken;
    assert_eq!(
        Headline::new(skipped.as_slice()).title(),
        "Skipped: there is no API token"
    );
    assert_eq!(Headline::new(report(vec![]).as_slice()).title(), "Not started");
}

#[test]
fn outcomes_are_counted_in_words() {
    assert_eq!(
        by_outcome(shop().counts()),
        "2 failed, 1 errored, 1 flaky, 1 skipped, 9 passed"
    );
    assert_eq!(by_outcome(Counts::default()), "");
}

#[test]
fn a_run_that_tested_nothing_is_told_beside_one_that_did() {
    let login = case(1, "Log in", CaseOutcome::Passed, "", "");
    let mut two = report(vec![
        run("Smoke tests", "smk1", vec![login]),
        run("Checkout", "chk1", Vec::new()),
    ]);
    let headline = Headline::new(two.as_slice());
    assert_eq!(
        (headline.mark, headline.title().as_str()),
        ("⚠️", "Passed: the one test; 1 of 2 runs without a single test case")
    );
    for (no_tests, advice) in [
        (
            false,
            "Add test cases to the plan, or set `fail_on: no_tests` to fail on a run without any.",
        ),
        (true, "Add test cases to the plan."),
    ] {
        two.fail_on.no_tests = no_tests;
        assert_eq!(next_step(two.as_slice()), Some(advice));
    }
}

#[test]
fn a_run_that_tested_nothing_has_no_green_mark() {
    let report = report(vec![run("Smoke tests", "smk1", Vec::new())]);
    let Headline { mark, verdict, detail } = Headline::new(report.as_slice());
    assert_eq!(
        (mark, verdict, detail.as_str()),
        ("⚠️", "passed", "without a single test case")
    );
}
