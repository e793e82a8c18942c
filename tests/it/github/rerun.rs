//! What a re-run of the job reads from its earlier attempt, and which check runs and comments it trusts.

use std::time::Duration;

use crate::github::stage::{RUN_ID, Stage, failed, passed};
use qatech_fakes::events::{HEAD_SHA, Scene};
use qatech_fakes::github::{ACTIONS_LOGIN, Access, Call, CheckRun, FakeGitHub, Fault, Issue, On, Scope};
use qatech_run::publish::identity::{Identity, target};
use qatech_run::render::github::marker::Marker;
use qatech_run::report::sample::valid_short_id;
use qatech_run::text::ShortId;

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
    Identity::new(&stage.inputs(), &stage.context()).hash().to_owned()
}

fn ids(ids: &[&str]) -> Vec<Option<ShortId>> {
    ids.iter().map(|id| ShortId::new(*id).ok()).collect()
}

#[tokio::test]
async fn the_check_run_of_the_first_attempt_is_found() {
    let github = pull_request();
    second_attempt(&github)
        .variable("GITHUB_RUN_ATTEMPT", "1")
        .publish(&failed(1))
        .await;
    let part = second_attempt(&github).begin();
    part.wait_created(TIME).await;
    assert_eq!(part.previous_run_ids(TIME).await, Ok(ids(&["run-1"])));
    // By now its own check run, which has only begun, exists beside the other one.
    assert_eq!(github.check_runs().len(), 2);
}

/// The check run that the job would have left after an attempt.
fn left(stage: &Stage, name: &str, attempt: u64, short_ids: &str) -> CheckRun {
    let key = key(stage);
    let run = CheckRun::new(name, HEAD_SHA).external_id(&format!("qatech-run:{short_ids};{RUN_ID};{key}"));
    let marker = Marker {
        key,
        head_sha: HEAD_SHA.to_owned(),
        run_id: RUN_ID,
        attempt,
        target: target(&stage.inputs(), &stage.context().origin),
        short_ids: ids(&short_ids.split(',').collect::<Vec<_>>()),
    };
    let marker = stage.marker_key().sign(&marker);
    CheckRun {
        summary: Some(format!("{marker}\nbody")),
        ..run
    }
}

#[tokio::test]
async fn the_newest_of_many_check_runs_counts() {
    let github = pull_request();
    let stage = second_attempt(&github).variable("GITHUB_RUN_ATTEMPT", "4");
    github.add_check_run(left(&stage, "Another name", 2, "new,"));
    github.add_check_run(left(&stage, "QA.tech (e2e)", 1, "old,b"));
    // One that was killed before it wrote its runs, and one of an attempt that can't be an earlier one.
    github.add_check_run(left(&stage, "QA.tech (e2e)", 3, ""));
    github.add_check_run(left(&stage, "QA.tech (e2e)", 5, "later"));
    for number in 0..150 {
        github.add_check_run(CheckRun::new(&format!("noise {number}"), HEAD_SHA));
    }
    assert_eq!(stage.begin().previous_run_ids(TIME).await, Ok(ids(&["new", ""])));
}

#[tokio::test]
async fn legs_that_differ_by_a_url_never_take_each_others_runs() {
    let github = pull_request();
    let leg =
        |region: &str| second_attempt(&github).input("environments", &format!("app_w = https://{region}.shop.example"));
    let (eu, us) = (leg("eu"), leg("us"));
    let first = |leg: &Stage| leg.clone().variable("GITHUB_RUN_ATTEMPT", "1");
    first(&eu).publish(&failed(1)).await;
    let mut report = passed();
    report.runs[0].attempts[0].short_id = valid_short_id("run-2");
    first(&us).publish(&report).await;
    assert_eq!(
        github.check_runs()[0].external_id.as_ref().unwrap().split(';').nth(2),
        Some(key(&us).as_str())
    );
    assert_eq!(eu.begin().previous_run_ids(TIME).await, Ok(ids(&["run-1"])));
    assert_eq!(us.begin().previous_run_ids(TIME).await, Ok(ids(&["run-2"])));
    let why = leg("asia").begin().previous_run_ids(TIME).await.unwrap_err();
    assert!(
        why.to_string().contains("other plans, applications or environments"),
        "{why}"
    );
    // The same with the comment, which these legs share: the first that wrote it is the only one to have it.
    github.permit(Scope::Checks, Access::None);
    let comment = |leg: &Stage| leg.clone().input("comment", "always");
    comment(&first(&eu)).publish(&failed(1)).await;
    comment(&first(&us)).publish(&report).await;
    assert_eq!(comment(&eu).begin().previous_run_ids(TIME).await, Ok(ids(&["run-1"])));
    assert!(comment(&us).begin().previous_run_ids(TIME).await.is_err());
}

#[tokio::test]
async fn jobs_that_share_a_key_never_take_each_others_runs() {
    let github = pull_request();
    let job = |plans: &str| {
        second_attempt(&github)
            .input("comment_key", "web")
            .input("test_plan_short_id", plans)
            .input("check_name", "Browser tests")
    };
    for plans in ["pln_b", "pln_a pln_b"] {
        job(plans).variable("GITHUB_RUN_ATTEMPT", "1").publish(&passed()).await;
    }
    for plans in ["pln_a", "pln_b pln_a"] {
        let why = job(plans).begin().previous_run_ids(TIME).await.unwrap_err();
        assert!(why.to_string().contains("other plans"), "{plans}: {why}");
    }
}

#[tokio::test]
async fn indistinguishable_legs_start_new_runs() {
    let github = pull_request();
    let stage = second_attempt(&github).variable("GITHUB_RUN_ATTEMPT", "3");
    github.add_check_run(left(&stage, "QA.tech (e2e)", 1, "a"));
    github.add_check_run(left(&stage, "QA.tech (e2e)", 2, "b"));
    assert_eq!(stage.begin().previous_run_ids(TIME).await, Ok(ids(&["b"])));
    // The same if one of them names no run, or if its attempt is over.
    github.add_check_run(left(&stage, "QA.tech (e2e)", 1, ""));
    let why = stage.begin().previous_run_ids(TIME).await.unwrap_err();
    assert!(why.to_string().contains("several check runs"), "{why}");
}

#[tokio::test]
async fn without_its_marker_no_check_run_counts() {
    let github = pull_request();
    let stage = second_attempt(&github);
    let whole = left(&stage, "QA.tech (e2e)", 1, "a");
    let text = whole.summary.clone().unwrap();
    for summary in [
        None,
        Some("body".to_owned()),
        Some(text.replace("runs=a", "runs=evil")),
        Some(format!("\n{text}")),
    ] {
        github.add_check_run(CheckRun {
            summary,
            ..whole.clone()
        });
        let why = stage.begin().previous_run_ids(TIME).await.unwrap_err();
        assert!(why.to_string().contains("no check run or comment"), "{why}");
    }
    github.add_check_run(whole);
    assert_eq!(stage.begin().previous_run_ids(TIME).await, Ok(ids(&["a"])));
}

#[tokio::test]
async fn a_marker_of_another_run_commit_key_or_token_does_not_count() {
    let github = pull_request();
    let stage = second_attempt(&github).input("comment", "always");
    let ours = Marker {
        key: key(&stage),
        head_sha: HEAD_SHA.to_owned(),
        run_id: RUN_ID,
        attempt: 1,
        target: target(&stage.inputs(), &stage.context().origin),
        short_ids: ids(&["a"]),
    };
    let of = |change: &dyn Fn(&mut Marker)| {
        let mut marker = ours.clone();
        change(&mut marker);
        stage.marker_key().sign(&marker).to_string()
    };
    let other_token = second_attempt(&github).input("api_token", "other-token").marker_key();
    for replayed in [
        of(&|marker| marker.run_id = u64::MAX),
        of(&|marker| marker.head_sha = "b0".repeat(20)),
        of(&|marker| marker.key = "0123456789abcdef".to_owned()),
        of(&|marker| marker.target = "0123456789abcdef".to_owned()),
        of(&|marker| marker.attempt = 2),
        other_token.sign(&ours).to_string(),
    ] {
        let body = format!("{replayed}\nbody");
        github.add_check_run(CheckRun {
            summary: Some(body.clone()),
            ..left(&stage, "QA.tech (e2e)", 1, "a")
        });
        let comment = github.add_comment(7, ACTIONS_LOGIN, &body);
        assert!(stage.begin().previous_run_ids(TIME).await.is_err(), "{replayed}");
        github.delete_comment(comment);
    }
    github.add_comment(7, ACTIONS_LOGIN, &format!("{}\nbody", of(&|_| {})));
    assert_eq!(stage.begin().previous_run_ids(TIME).await, Ok(ids(&["a"])));
}

#[tokio::test]
async fn many_plans_are_found_too() {
    let github = pull_request();
    let plans: Vec<_> = (0..60).map(|number| format!("pln_number-{number}")).collect();
    let stage = second_attempt(&github).input("test_plan_short_id", &plans.join(" "));
    let mut report = failed(1);
    report.runs = vec![report.runs[0].clone(); plans.len()];
    stage.clone().variable("GITHUB_RUN_ATTEMPT", "1").publish(&report).await;
    // They have no room there.
    assert!(github.only_check_run().external_id.unwrap().starts_with("qatech-run:;"));
    assert_eq!(stage.begin().previous_run_ids(TIME).await.map(|ids| ids.len()), Ok(60));
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
            target: target(&stage.inputs(), &stage.context().origin),
            short_ids: vec![ShortId::new(id).ok()],
        };
        let marker = stage.marker_key().sign(&marker);
        format!("{marker}\nbody")
    };
    github.add_comment(7, "mallory", &marker(RUN_ID, "evil"));
    let why = stage.begin().previous_run_ids(TIME).await.unwrap_err();
    assert!(why.to_string().contains("no check run or comment"), "{why}");
    // A comment of our author, but of another workflow run; or with what is no short id.
    for (run_id, id) in [(RUN_ID - 1, "evil"), (RUN_ID, "../evil"), (RUN_ID, "")] {
        let comment = github.add_comment(7, ACTIONS_LOGIN, &marker(run_id, id));
        assert!(stage.begin().previous_run_ids(TIME).await.is_err(), "{run_id} {id}");
        github.delete_comment(comment);
    }
    github.add_comment(7, ACTIONS_LOGIN, &marker(RUN_ID, "good"));
    assert_eq!(stage.begin().previous_run_ids(TIME).await, Ok(ids(&["good"])));
}

#[tokio::test]
async fn without_permission_for_checks_the_comment_is_written() {
    let github = pull_request();
    github.permit(Scope::Checks, Access::None);
    let stage = second_attempt(&github).input("comment", "always");
    stage
        .clone()
        .variable("GITHUB_RUN_ATTEMPT", "1")
        .publish(&failed(1))
        .await;
    assert_eq!(stage.begin().previous_run_ids(TIME).await, Ok(ids(&["run-1"])));
    let why = second_attempt(&github)
        .begin()
        .previous_run_ids(TIME)
        .await
        .unwrap_err();
    assert!(why.to_string().contains("403"), "{why}");
}

#[tokio::test]
async fn a_create_that_hangs_does_not_keep_from_looking_back() {
    let github = pull_request();
    let stage = second_attempt(&github);
    github.add_check_run(left(&stage, "QA.tech (e2e)", 1, "a"));
    github.fault(On::call(Call::CreateCheckRun), Fault::hang());
    assert_eq!(
        stage.begin().previous_run_ids(Duration::from_secs(10)).await,
        Ok(ids(&["a"]))
    );
}

#[tokio::test]
async fn a_github_that_does_not_answer_is_not_waited_for() {
    let github = pull_request();
    github.fault(On::call(Call::ListCheckRuns), Fault::hang());
    let why = second_attempt(&github)
        .begin()
        .previous_run_ids(Duration::from_secs(2))
        .await
        .unwrap_err();
    assert!(why.to_string().contains("in time"), "{why}");
    let why = second_attempt(&github)
        .variable("GITHUB_REPOSITORY", "")
        .begin()
        .previous_run_ids(TIME)
        .await
        .unwrap_err();
    assert_eq!(why.to_string(), "GITHUB_REPOSITORY does not name a repository");
}
