//! Matrix jobs and steps of a job that differ in a URL only: each keeps its own check run and comment.

use qatech_fakes::events::Scene;
use qatech_fakes::github::{CheckRun, FakeGitHub};
use qatech_fakes::harness::{Done, Run};
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript};

use crate::github::program::{job, pull_request};
use crate::scene::{green, red};

/// Runs one of two parts of the workflow run, on a preview of this push.
fn play(github: &FakeGitHub, script: RunScript, run_id: &str, part: (&str, &str)) -> Done {
    let qatech = FakeQaTech::start();
    qatech.plan("pln_a", script);
    let (name, value) = part;
    let url = format!("app_w = https://{value}-{run_id}.example");
    let run: Run = job(github, &qatech, &Scene::new().pull_request());
    run.input("test_plan_short_id", "pln_a")
        .input("environments", &url)
        .env("GITHUB_RUN_ID", run_id)
        .env(name, value)
        .output()
}

fn conclusions(runs: &[CheckRun]) -> Vec<(&str, &str)> {
    let conclusion = |run: &CheckRun| run.conclusion.clone();
    assert!(runs.iter().all(|run| conclusion(run).is_some()));
    runs.iter()
        .map(|run| (run.name.as_str(), run.conclusion.as_deref().unwrap()))
        .collect()
}

#[test]
fn none_hides_anothers_red_at_this_push_and_the_next() {
    for (variable, parts, names) in [
        (
            "QATECH_RUN_JOB_INDEX",
            ["0", "1"],
            ["QA.tech (pln_a)", "QA.tech (pln_a, leg 2)"],
        ),
        (
            "GITHUB_ACTION",
            ["__acme_gate", "__acme_gate_2"],
            ["QA.tech (pln_a)", "QA.tech (pln_a, step 2)"],
        ),
        (
            "GITHUB_ACTION",
            ["eu", "us"],
            ["QA.tech (pln_a, eu)", "QA.tech (pln_a, us)"],
        ),
    ] {
        let github = pull_request();
        let [first, second] = parts;
        assert_eq!(play(&github, red(), "91", (variable, first)).code, 1);
        assert_eq!(play(&github, green(), "91", (variable, second)).code, 0);
        let comments = github.comments(7);
        assert_eq!(comments.len(), 2, "{variable}");
        assert!(comments[0].body.contains("Pay") && !comments[1].body.contains("Pay"));
        assert_eq!(
            conclusions(&github.check_runs()),
            [(names[0], "failure"), (names[1], "success")]
        );
        // The next push finds the same two, whichever job ends first.
        let slow = RunScript::new([Case::passed("Home")]);
        assert_eq!(play(&github, red(), "92", (variable, second)).code, 1);
        assert_eq!(play(&github, slow, "92", (variable, first)).code, 0);
        let comments = github.comments(7);
        assert_eq!(
            comments.iter().map(|comment| comment.updates).collect::<Vec<_>>(),
            [1, 1]
        );
        assert!(!comments[0].body.contains("Pay") && comments[1].body.contains("Pay"));
        assert_eq!(
            conclusions(&github.check_runs()[2..]),
            [(names[1], "failure"), (names[0], "success")]
        );
    }
}

#[test]
fn two_uses_within_one_composite_action_hide_nothing_either() {
    let github = pull_request();
    for (run_id, scripts) in [("91", [red(), green()]), ("92", [green(), red()])] {
        // The runner gives both the name of the step that uses the composite action, and empties the folder for each job.
        let temp = tempfile::tempdir().unwrap();
        for (script, number) in scripts.into_iter().zip(["1", "2"]) {
            let qatech = FakeQaTech::start();
            qatech.plan("pln_a", script);
            let done = job(&github, &qatech, &Scene::new().pull_request())
                .input("test_plan_short_id", "pln_a")
                .input("environments", &format!("app_w = https://{number}-{run_id}.example"))
                .env("GITHUB_RUN_ID", run_id)
                .env("GITHUB_ACTION", "__acme_wrapper")
                .env("QATECH_RUN_JOB_INDEX", "0")
                .env("RUNNER_TEMP", temp.path().to_str().unwrap())
                .output();
            assert!(done.code < 2, "{}", done.log);
        }
    }
    let comments = github.comments(7);
    assert_eq!(
        comments.iter().map(|comment| comment.updates).collect::<Vec<_>>(),
        [1, 1]
    );
    assert!(!comments[0].body.contains("Pay") && comments[1].body.contains("Pay"));
    let names = ["QA.tech (pln_a)", "QA.tech (pln_a, use 2)"];
    assert_eq!(
        conclusions(&github.check_runs()),
        [
            (names[0], "failure"),
            (names[1], "success"),
            (names[0], "success"),
            (names[1], "failure")
        ]
    );
}
