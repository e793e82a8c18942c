//! An attacker who can write to GitHub but has no API token can't make a re-run of the job accept another run.

use qatech_fakes::events::{HEAD_SHA, Scene};
use qatech_fakes::github::{ACTIONS_LOGIN, CheckRun, FakeGitHub};
use qatech_fakes::harness::Done;
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript};

use crate::github::program::{job, one_fails, pull_request, qatech};

/// What the first attempt of a job, which failed, left at GitHub.
struct Left {
    qatech: FakeQaTech,
    check: CheckRun,
    comment: String,
}

fn first_attempt() -> Left {
    let github = pull_request();
    let qatech = qatech(one_fails());
    let done = job(&github, &qatech, &Scene::new().pull_request())
        .input("on_github_rerun", "failed")
        .output();
    assert_eq!(done.code, 1, "{}", done.log);
    // The attacker's choice: a run of another plan, which passed.
    qatech.existing_run("evil", RunScript::new([Case::passed("Other")]));
    Left {
        check: github.only_check_run(),
        comment: github.only_comment(7).body,
        qatech,
    }
}

/// The second attempt of the job, at a GitHub with this check run and comment.
fn second_attempt(left: &Left, check: Option<CheckRun>, comment: Option<&str>) -> (FakeGitHub, Done) {
    let github = pull_request();
    if let Some(check) = check {
        github.add_check_run(check);
    }
    if let Some(comment) = comment {
        github.add_comment(7, ACTIONS_LOGIN, comment);
    }
    let done = job(&github, &left.qatech, &Scene::new().pull_request())
        .input("on_github_rerun", "failed")
        .env("GITHUB_RUN_ATTEMPT", "2")
        .output();
    (github, done)
}

/// Fails unless it starts the plan anew and reruns nothing.
fn assert_afresh(left: &Left, done: &Done, what: &str) {
    assert_eq!(
        (left.qatech.starts(), left.qatech.rerun_bodies().len()),
        (2, 0),
        "{what}: {}",
        done.log
    );
    assert_eq!(done.code, 1, "{what}: {}", done.log);
}

fn swapped(text: &str) -> String {
    let swapped = text.replace("runs=run001", "runs=evil");
    assert_ne!(swapped, text);
    swapped
}

#[test]
fn runs_that_were_swapped_in_the_comment_are_not_used() {
    let left = first_attempt();
    let comment = swapped(&left.comment);
    let (github, done) = second_attempt(&left, None, Some(&comment));
    assert_afresh(&left, &done, "comment");
    // And the check run is written anew.
    let comment = github.only_comment(7);
    assert!(
        comment.updates == 1 && !comment.body.contains("evil"),
        "{}",
        comment.body
    );
}

#[test]
fn runs_that_were_swapped_in_the_check_are_not_used() {
    for (what, summary) in [("in its summary", true), ("in its external_id alone", false)] {
        let left = first_attempt();
        let mut check = left.check.clone();
        check.external_id = check.external_id.map(|id| id.replace("run001", "evil"));
        check.summary = check.summary.filter(|_| summary).map(|text| swapped(&text));
        let (_, done) = second_attempt(&left, Some(check), None);
        assert_afresh(&left, &done, what);
    }
}

#[test]
fn what_was_not_touched_is_believed() {
    let left = first_attempt();
    let (_, done) = second_attempt(&left, Some(left.check.clone()), None);
    assert_eq!(
        (left.qatech.starts(), left.qatech.rerun_bodies().len()),
        (1, 1),
        "{}",
        done.log
    );
    let left = first_attempt();
    let (_, done) = second_attempt(&left, None, Some(&left.comment));
    assert_eq!(
        (left.qatech.starts(), left.qatech.rerun_bodies().len()),
        (1, 1),
        "{}",
        done.log
    );
}

#[test]
fn a_run_id_that_was_not_signed_keeps_no_comment_from_being_written() {
    let left = first_attempt();
    let at = left.comment.find(" run=").unwrap();
    let end = left.comment.find(" attempt=").unwrap();
    let mut green = left.comment.clone();
    green.replace_range(at..end, " run=18446744073709551615");
    let green = green.replace("failed", "passed");
    let (github, done) = second_attempt(&left, None, Some(&green));
    assert_afresh(&left, &done, "run id");
    let comment = github.only_comment(7);
    assert_eq!(comment.updates, 1, "{}", done.log);
    assert!(comment.body.contains(HEAD_SHA) && !comment.body.contains("18446744073709551615"));
}
