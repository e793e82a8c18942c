//! What a re-run of the job reads back of its earlier attempt, and whom it believes.

use std::time::Duration;

use crate::stage::{RUN_ID, Stage, failed};
use qatech_fakes::events::{HEAD_SHA, Scene};
use qatech_fakes::github::{ACTIONS_LOGIN, Access, Call, CheckRun, FakeGitHub, Fault, Issue, On, Scope};
use qatech_run::publish::identity::Identity;
use qatech_run::render::marker::Marker;

const TIME: Duration = Duration::from_secs(20);

fn pull_request() -> FakeGitHub {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD_SHA).head("octo-org", "feature"));
    github
}

fn second_attempt(github: &FakeGitHub) -> Stage {
    Stage::new(github, &Scene::new().pull_request())
        .input("on_github_rerun", "failed")
        .variable("GITHUB_RUN_ATTEMPT", "2")
}

fn key(stage: &Stage) -> String {
    Identity::new(&stage.inputs(), &stage.context().origin)
        .hash()
        .to_owned()
}

fn ids(ids: &[&str]) -> Vec<Option<String>> {
    ids.iter()
        .map(|id| (!id.is_empty()).then(|| (*id).to_owned()))
        .collect()
}

#[tokio::test]
async fn the_check_run_of_the_first_attempt_is_found() {
    let github = pull_request();
    second_attempt(&github)
        .variable("GITHUB_RUN_ATTEMPT", "1")
        .publish(&failed(1))
        .await;
    let part = second_attempt(&github).begin();
    assert_eq!(part.earlier(TIME).await, Ok(ids(&["run-1"])));
    // Its own check run, which has only begun, is beside the other by now.
    assert_eq!(github.check_runs().len(), 2);
}

#[tokio::test]
async fn the_newest_of_many_check_runs_counts() {
    let github = pull_request();
    let stage = second_attempt(&github);
    let key = key(&stage);
    let id = |ids: &str| format!("qatech-run:{ids};{RUN_ID};{key}");
    github.add_check_run(CheckRun::new("QA.tech (e2e)", HEAD_SHA).external_id(&id("old,b")));
    github.add_check_run(CheckRun::new("Another name", HEAD_SHA).external_id(&id("new,")));
    for number in 0..150 {
        github.add_check_run(CheckRun::new(&format!("noise {number}"), HEAD_SHA));
    }
    assert_eq!(stage.begin().earlier(TIME).await, Ok(ids(&["new", ""])));
}

#[tokio::test]
async fn ids_of_others_are_not_believed() {
    let github = pull_request();
    let stage = second_attempt(&github).input("comment", "always");
    let key = key(&stage);
    let good = format!("qatech-run:evil;{RUN_ID};{key}");
    for run in [
        CheckRun::new("QA.tech (e2e)", HEAD_SHA)
            .by_app("mallory")
            .external_id(&good),
        CheckRun::new("QA.tech (e2e)", "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0").external_id(&good),
        CheckRun::new("QA.tech (e2e)", HEAD_SHA).external_id(&format!("qatech-run:evil;1;{key}")),
        CheckRun::new("QA.tech (e2e)", HEAD_SHA).external_id(&format!("qatech-run:evil;{RUN_ID};0123456789abcdef")),
        CheckRun::new("QA.tech (e2e)", HEAD_SHA).external_id(&format!("qatech-run:../evil;{RUN_ID};{key}")),
        CheckRun::new("QA.tech (e2e)", HEAD_SHA).external_id(&format!("{good} ")),
    ] {
        github.add_check_run(run);
    }
    let marker = |run_id, id: &str| {
        let marker = Marker {
            key: key.clone(),
            head_sha: HEAD_SHA.to_owned(),
            run_id,
            attempt: 1,
            short_ids: vec![Some(id.to_owned())],
        };
        format!("{marker}\nbody")
    };
    github.add_comment(7, "mallory", &marker(RUN_ID, "evil"));
    let why = stage.begin().earlier(TIME).await.unwrap_err();
    assert!(why.contains("no check run or comment"), "{why}");
    // A comment of our author, but of another workflow run; or with what is no short id.
    for (run_id, id) in [(RUN_ID - 1, "evil"), (RUN_ID, "../evil"), (RUN_ID, "")] {
        let comment = github.add_comment(7, ACTIONS_LOGIN, &marker(run_id, id));
        assert!(stage.begin().earlier(TIME).await.is_err(), "{run_id} {id}");
        github.delete_comment(comment);
    }
    github.add_comment(7, ACTIONS_LOGIN, &marker(RUN_ID, "good"));
    assert_eq!(stage.begin().earlier(TIME).await, Ok(ids(&["good"])));
}

#[tokio::test]
async fn without_the_permission_for_checks_the_comment_tells() {
    let github = pull_request();
    github.permit(Scope::Checks, Access::None);
    let stage = second_attempt(&github).input("comment", "always");
    stage
        .clone()
        .variable("GITHUB_RUN_ATTEMPT", "1")
        .publish(&failed(1))
        .await;
    assert_eq!(stage.begin().earlier(TIME).await, Ok(ids(&["run-1"])));
    let why = second_attempt(&github).begin().earlier(TIME).await.unwrap_err();
    assert!(why.contains("403"), "{why}");
}

#[tokio::test]
async fn a_github_that_does_not_answer_is_not_waited_for() {
    let github = pull_request();
    github.fault(On::call(Call::ListCheckRuns), Fault::hang());
    let why = second_attempt(&github)
        .begin()
        .earlier(Duration::from_secs(2))
        .await
        .unwrap_err();
    assert!(why.contains("in time"), "{why}");
    let why = second_attempt(&github)
        .variable("GITHUB_REPOSITORY", "")
        .begin()
        .earlier(TIME)
        .await
        .unwrap_err();
    assert_eq!(why, "nothing was published at GitHub");
}
