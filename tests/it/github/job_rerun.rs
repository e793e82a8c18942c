//! `on_github_rerun: failed`, the whole program: what a re-run of the job makes of the runs of its earlier attempt.

use std::time::Duration;

use crate::github::program::{job, one_fails, pull_request, qatech};
use crate::scene::in_parallel;
use qatech_fakes::events::Scene;
use qatech_fakes::harness::Done;
use qatech_fakes::qatech::{Case, FakeQaTech, Outcome, Rerun, RunScript, When};

#[test]
fn a_re_run_of_the_job_reruns_what_failed() {
    let github = pull_request();
    let qatech = qatech(one_fails().rerun(Rerun::passing(&["Pay"])));
    let stage = || job(&github, &qatech, &Scene::new().pull_request()).input("on_github_rerun", "failed");
    let first = stage().output();
    assert_eq!(first.code, 1, "{}", first.log);
    assert_eq!((qatech.starts(), qatech.reruns()), (1, 0));
    let second = stage().env("GITHUB_RUN_ATTEMPT", "2").output();
    assert_eq!(second.code, 0, "{}", second.log);
    assert_eq!((qatech.starts(), qatech.reruns()), (1, 1));
    assert_ne!(first.outputs["run_short_id"], second.outputs["run_short_id"]);
    assert_eq!(github.comments(7).len(), 1);
    // Another workflow run is not an earlier attempt.
    stage()
        .env("GITHUB_RUN_ATTEMPT", "2")
        .env("GITHUB_RUN_ID", "77")
        .output();
    assert_eq!((qatech.starts(), qatech.reruns()), (2, 1));
}

#[test]
fn a_run_that_goes_on_is_waited_for_before_its_failed_cases_are_rerun() {
    // The first attempt timed out; cases that fail after that are still failed.
    in_parallel(
        &[(["Pay", "Search"], 0, "flaky"), (["Pay", "-"], 1, "failed")],
        |&(reruns, code, verdict)| {
            let github = pull_request();
            let late = Duration::from_secs(4);
            let script = RunScript::new([
                Case::failed("Pay"),
                Case::passed("Login").ends(When::After(late)),
                Case::failed("Search").ends(When::After(late)),
            ]);
            let qatech = qatech(script.rerun(Rerun::passing(&reruns)));
            let stage = || job(&github, &qatech, &Scene::new().pull_request()).input("on_github_rerun", "failed");
            let first = stage().input("timeout_minutes", "0.02").output();
            assert_eq!(first.code, 4, "{}", first.log);
            let second = stage().env("GITHUB_RUN_ATTEMPT", "2").output();
            assert_eq!(
                (second.code, &second.outputs["verdict"]),
                (code, verdict),
                "{}",
                second.log
            );
            assert_eq!((qatech.starts(), qatech.reruns()), (1, 1), "{}", second.log);
            assert_eq!(&second.outputs["total"], "3");
        },
    );
}

#[test]
fn a_run_that_broke_off_is_started_afresh() {
    let whole = || RunScript::new([Case::failed("Pay"), Case::passed("Login")]);
    let unfinished = || RunScript::new([Case::failed("Pay"), Case::passed("Login").ends(When::Never)]);
    for (name, script) in [
        ("cancelled", whole().ends(When::Now, "CANCELLED", None)),
        ("error", whole().ends(When::Now, "ERROR", None)),
        ("unfinished", unfinished().ends(When::Now, "COMPLETED", Some("FAILED"))),
        (
            "nothing",
            RunScript::new([]).ends(When::Now, "COMPLETED", Some("FAILED")),
        ),
    ] {
        let (first, _) = started_afresh(name, script, "60");
        assert_ne!(first.code, 0, "{name}: {}", first.log);
    }
}

/// Two attempts of a job, of which the second must start the plan afresh, which is green by then; the first has so many
/// minutes.
fn started_afresh(name: &str, script: RunScript, minutes: &str) -> (Done, Done) {
    let github = pull_request();
    let qatech = qatech(script.rerun(Rerun::passing(&["Pay"])));
    let stage = || job(&github, &qatech, &Scene::new().pull_request()).input("on_github_rerun", "failed");
    let first = stage().input("timeout_minutes", minutes).output();
    qatech.default_plan(RunScript::new([Case::passed("Pay"), Case::passed("Login")]));
    let second = stage().env("GITHUB_RUN_ATTEMPT", "2").output();
    assert_eq!(
        (second.code, &second.outputs["total"]),
        (0, "2"),
        "{name}: {}",
        second.log
    );
    assert_eq!((qatech.starts(), qatech.rerun_bodies().len()), (2, 0), "{name}");
    assert!(second.log.contains("a new one is started"), "{name}: {}", second.log);
    (first, second)
}

#[test]
fn plans_that_passed_are_not_run_again() {
    let github = pull_request();
    let qatech = FakeQaTech::start();
    qatech.plan("pln_a", RunScript::new([Case::passed("Login")]));
    qatech.plan("pln_b", one_fails().rerun(Rerun::passing(&["Pay"])));
    let stage = |plans: &str| {
        job(&github, &qatech, &Scene::new().pull_request())
            .input("on_github_rerun", "failed")
            .input("test_plan_short_id", plans)
    };
    let first = stage("pln_a pln_b").output();
    assert_eq!(first.code, 1, "{}", first.log);
    let (passed, _) = first.outputs["run_short_id"].split_once(',').unwrap();
    let second = stage("pln_a pln_b").env("GITHUB_RUN_ATTEMPT", "2").output();
    assert_eq!(second.code, 0, "{}", second.log);
    assert_eq!((qatech.starts(), qatech.rerun_bodies().len()), (2, 1));
    assert_eq!(second.outputs["run_short_id"], format!("{passed},run003"));
    assert!(!second.log.contains("::warning"), "{}", second.log);
    // In another order, each plan would get the other plan's run.
    let third = stage("pln_b pln_a").env("GITHUB_RUN_ATTEMPT", "3").output();
    assert_eq!((qatech.starts(), qatech.rerun_bodies().len()), (4, 1), "{}", third.log);
}

#[test]
fn a_rerun_that_does_not_show_a_pass_hides_no_failure() {
    let other = || Rerun::exactly(RunScript::new([Case::passed("Other")]));
    // Neither the rerun of a re-run job …
    let github = pull_request();
    let qatech_of_two = qatech(one_fails().rerun(other()));
    let stage = |qatech| job(&github, qatech, &Scene::new().pull_request()).input("on_github_rerun", "failed");
    assert_eq!(stage(&qatech_of_two).output().code, 1);
    let second = stage(&qatech_of_two).env("GITHUB_RUN_ATTEMPT", "2").output();
    assert_eq!((second.code, qatech_of_two.reruns()), (1, 1), "{}", second.log);
    assert!(second.log.contains("not seen to pass"), "{}", second.log);
    assert!(!second.log.contains("FAILED at QA.tech"), "{}", second.log);
    // … nor one that the earlier attempt had made already.
    let qatech = qatech(one_fails().rerun(other()));
    let stage = |attempt| {
        stage(&qatech)
            .input("rerun_failed", "1")
            .env("GITHUB_RUN_ID", "77")
            .env("GITHUB_RUN_ATTEMPT", attempt)
    };
    assert_eq!(stage("1").output().code, 1);
    let second = stage("2").output();
    assert_eq!((second.code, qatech.starts()), (1, 2), "{}", second.log);
}

#[test]
fn a_rerun_that_lists_only_part_of_what_failed_hides_none_of_the_rest() {
    let error = || Case::new("Search", Outcome::Error);
    let pay = || Rerun::exactly(RunScript::new([Case::failed("Pay")]));
    let script = || RunScript::new([Case::failed("Pay"), error(), Case::passed("Login")]);
    // The rerun of the second attempt, of which a further rerun could see no more than it lists …
    for reruns in ["0", "1"] {
        let github = pull_request();
        let qatech = qatech(script().rerun(pay()).rerun(Rerun::passing(&["Pay"])));
        let stage = |attempt, reruns| {
            job(&github, &qatech, &Scene::new().pull_request())
                .input("on_github_rerun", "failed")
                .input("rerun_failed", reruns)
                .env("GITHUB_RUN_ATTEMPT", attempt)
        };
        assert_eq!(stage("1", "0").output().code, 1);
        let second = stage("2", reruns).output();
        assert_eq!(second.code, 1, "{}", second.log);
        assert_eq!((qatech.starts(), qatech.reruns()), (1, 1), "{}", second.log);
        assert!(second.log.contains("not played"), "{}", second.log);
        // … so the third builds on the first attempt's run.
        let third = stage("3", "0").output();
        assert_eq!((third.code, qatech.starts()), (1, 1), "{}", third.log);
        let last = qatech.rerun_bodies().len();
        assert_eq!(last, 2, "{}", third.log);
    }
    // … and the rerun that the first attempt had made already.
    let github = pull_request();
    let cancelled = RunScript::new([Case::failed("Pay"), Case::new("Search", Outcome::Cancelled)]);
    let qatech = qatech(cancelled.rerun(pay()).rerun(Rerun::passing(&["Pay"])));
    let stage = |attempt| {
        job(&github, &qatech, &Scene::new().pull_request())
            .input("on_github_rerun", "failed")
            .input("rerun_failed", "1")
            .env("GITHUB_RUN_ATTEMPT", attempt)
    };
    assert_eq!(stage("1").output().code, 1);
    qatech.default_plan(RunScript::new([Case::passed("Pay"), Case::passed("Search")]));
    let second = stage("2").output();
    assert_eq!(
        (second.code, qatech.starts(), qatech.reruns()),
        (0, 2, 1),
        "{}",
        second.log
    );
}

#[test]
fn a_run_that_is_waited_for_is_judged_like_one_that_had_ended() {
    let late = When::After(Duration::from_secs(4));
    let cases = |other: Case| [Case::failed("Pay"), other];
    let login = || Case::passed("Login");
    in_parallel(
        &[
            (
                "unfinished",
                RunScript::new(cases(login().ends(When::Never))).ends(late, "COMPLETED", Some("FAILED")),
            ),
            (
                "cancelled case",
                RunScript::new(cases(Case::new("Login", Outcome::Cancelled).ends(late))),
            ),
            ("error", RunScript::new(cases(login())).ends(late, "ERROR", None)),
            (
                "cancelled",
                RunScript::new(cases(login())).ends(late, "CANCELLED", None),
            ),
        ],
        |(name, script)| {
            let (first, second) = started_afresh(name, script.clone(), "0.02");
            assert_eq!(first.code, 4, "{name}: {}", first.log);
            assert_eq!(
                (&second.outputs["verdict"], &second.outputs["run_created"]),
                ("passed", "true"),
                "{name}: {}",
                second.log
            );
        },
    );
}

#[test]
fn a_flaky_result_is_not_taken_for_a_pass() {
    let github = pull_request();
    let qatech = qatech(one_fails().rerun(Rerun::passing(&["Pay"])));
    let stage = |attempt| {
        job(&github, &qatech, &Scene::new().pull_request())
            .input("on_github_rerun", "failed")
            .input("rerun_failed", "1")
            .input("fail_on", "failed,flaky")
            .env("GITHUB_RUN_ATTEMPT", attempt)
    };
    assert_eq!(stage("1").output().code, 1);
    let second = stage("2").output();
    assert_eq!((second.code, qatech.starts()), (1, 2), "{}", second.log);
}

#[test]
fn what_fails_in_a_run_that_goes_on_is_rerun_even_if_failing_fast() {
    let github = pull_request();
    let late = When::After(Duration::from_secs(3));
    let script = RunScript::new([Case::failed("Pay"), Case::passed("Login").ends(late)]);
    let qatech = qatech(script.rerun(Rerun::passing(&["Pay"])));
    let stage = || {
        job(&github, &qatech, &Scene::new().pull_request())
            .input("on_github_rerun", "failed")
            .input("fail_fast", "true")
    };
    let first = stage().output();
    assert_eq!(first.code, 1, "{}", first.log);
    let second = stage().env("GITHUB_RUN_ATTEMPT", "2").output();
    assert_eq!((second.code, qatech.reruns()), (0, 1), "{}", second.log);
}

#[test]
fn legs_that_differ_by_the_checks_name_alone_find_their_own_runs() {
    let github = pull_request();
    let qatech = qatech(one_fails().rerun(Rerun::passing(&["Pay"])));
    let stage = |name, attempt| {
        job(&github, &qatech, &Scene::new().pull_request())
            .input("on_github_rerun", "failed")
            .input("check_name", name)
            .env("GITHUB_RUN_ATTEMPT", attempt)
    };
    for name in ["Chrome", "Firefox"] {
        assert_eq!(stage(name, "1").output().code, 1);
    }
    for name in ["Chrome", "Firefox"] {
        let second = stage(name, "2").output();
        assert_eq!(second.code, 0, "{}", second.log);
    }
    assert_eq!((qatech.starts(), qatech.reruns()), (2, 2));
}
