//! `on_github_rerun: failed`, the whole program: what a re-run of the job makes of the runs of its earlier attempt.

use std::time::Duration;

use crate::program::{job, one_fails, pull_request, qatech};
use qatech_fakes::events::Scene;
use qatech_fakes::qatech::{Case, FakeQaTech, Rerun, RunScript, When};

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
    // Another workflow run is none of it.
    stage()
        .env("GITHUB_RUN_ATTEMPT", "2")
        .env("GITHUB_RUN_ID", "77")
        .output();
    assert_eq!((qatech.starts(), qatech.reruns()), (2, 1));
}

#[test]
fn a_run_that_goes_on_is_waited_for_before_its_failed_cases_are_rerun() {
    // The first attempt gave up; what fails after that is no less failed.
    for (reruns, code, verdict) in [(["Pay", "Search"], 0, "flaky"), (["Pay", "-"], 1, "failed")] {
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
    }
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
        let github = pull_request();
        let qatech = qatech(script.rerun(Rerun::passing(&["Pay"])));
        let stage = || job(&github, &qatech, &Scene::new().pull_request()).input("on_github_rerun", "failed");
        let first = stage().output();
        assert_ne!(first.code, 0, "{name}: {}", first.log);
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
    }
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
    // In another order each would get the other's run.
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
