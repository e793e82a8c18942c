//! The check run while GitHub fails, loses answers, hangs or refuses: it is complete, or the log says what is missing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::github::check::pull_request;
use crate::github::stage::{RUN_ID, Stage, failed, in_seconds, passed};
use qatech_fakes::events::{HEAD_SHA, Scene};
use qatech_fakes::github::{Call, CheckRun, FakeGitHub, Fault, On, Recorded};
use qatech_run::publish::github::Published;
use serde_json::json;

/// Publishes a report of this many failed cases in a pull request's job.
async fn publish_failed(github: &FakeGitHub, cases: usize) -> Published {
    Stage::new(github, &Scene::new().pull_request())
        .publish(&failed(cases))
        .await
}

#[tokio::test]
async fn limits_and_faults_on_the_way_cost_time_and_nothing_else() {
    for (call, fault) in [
        (Call::CreateCheckRun, Fault::too_many_requests(1)),
        (Call::CreateCheckRun, Fault::secondary_limit(Some(1))),
        (Call::CreateCheckRun, Fault::primary_limit(1)),
        (Call::UpdateCheckRun, Fault::too_many_requests(1)),
        (Call::UpdateCheckRun, Fault::server_error(503)),
        (Call::UpdateCheckRun, Fault::html_bad_gateway()),
        (Call::UpdateCheckRun, Fault::reset()),
        (Call::CreateCheckRun, Fault::server_error(500)),
        (Call::CreateCheckRun, Fault::html_page()),
    ] {
        let github = pull_request();
        github.fault(On::call(call).first(1), fault);
        let published = publish_failed(&github, 60).await;
        let run = github.only_check_run();
        assert_eq!(run.annotations.len(), 60);
        assert_eq!(run.conclusion.as_deref(), Some("failure"));
        assert!(
            published.warnings.is_empty() && !published.annotate_in_log,
            "{published:?}\n{}",
            github.log()
        );
    }
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_check_and_no_second_annotation() {
    for fault in [Fault::reset(), Fault::html_bad_gateway(), Fault::html_page()] {
        let github = pull_request();
        // A check run of another app or another key is not ours, and a completed one is not continued.
        let begun = format!("qatech-run:;{RUN_ID};0123456789abcdef");
        github.add_check_run(CheckRun::new("QA.tech (e2e)", HEAD_SHA).external_id(&begun));
        github.fault(On::call(Call::CreateCheckRun).first(1), fault.clone().after_write());
        github.fault(On::call(Call::UpdateCheckRun).first(1), fault.clone().after_write());
        github.fault(On::call(Call::UpdateCheckRun).nth(3), fault.after_write());
        let published = publish_failed(&github, 120).await;
        let runs = github.check_runs();
        assert_eq!(runs.len(), 2, "{}", github.log());
        assert_eq!(runs[0].status, "in_progress");
        assert_eq!(runs[1].annotations.len(), 120, "{}", github.log());
        assert!(published.warnings.is_empty(), "{published:?}");
        github.assert_count(Call::CreateCheckRun, 1);
        github.assert_count(Call::UpdateCheckRun, 3);
    }
}

#[tokio::test]
async fn a_lost_create_takes_no_other_legs_check_run() {
    for lost in [Fault::html_bad_gateway(), Fault::html_bad_gateway().after_write()] {
        let github = pull_request();
        let stage = Stage::new(&github, &Scene::new().pull_request());
        let leg = stage.begin();
        leg.wait_created(Duration::from_secs(20)).await;
        github.fault(On::call(Call::CreateCheckRun).first(1), lost);
        stage.publish(&failed(1)).await;
        leg.finish(&passed(), in_seconds(20)).await;
        let runs = github.check_runs();
        let conclusions: Vec<_> = runs.iter().map(|run| run.conclusion.as_deref()).collect();
        assert_eq!(conclusions, [Some("success"), Some("failure")], "{}", github.log());
    }
}

#[tokio::test]
async fn a_short_outage_of_github_leaves_the_check_complete() {
    let lasting = async |call: Call, from: usize, fault: Fault| {
        let github = pull_request();
        let requests = AtomicUsize::new(0);
        let fails = move |request: &Recorded| {
            let nth = if request.call == Some(call) {
                requests.fetch_add(1, Ordering::Relaxed) + 1
            } else {
                0
            };
            (from..from + 4).contains(&nth)
        };
        github.fault(On::when(fails), fault);
        let published = publish_failed(&github, 120).await;
        let run = github.only_check_run();
        assert_eq!(
            (run.conclusion.as_deref(), run.annotations.len()),
            (Some("failure"), 120),
            "{call:?}\n{}",
            github.log()
        );
        assert!(
            published.warnings.is_empty() && published.notices.is_empty(),
            "{published:?}"
        );
        assert!(!published.annotate_in_log);
    };
    tokio::join!(
        lasting(Call::CreateCheckRun, 1, Fault::html_bad_gateway()),
        lasting(Call::UpdateCheckRun, 1, Fault::html_bad_gateway()),
        lasting(Call::UpdateCheckRun, 2, Fault::server_error(503)),
        lasting(Call::UpdateCheckRun, 3, Fault::reset()),
    );
}

#[tokio::test]
async fn what_github_finds_invalid_is_left_out_and_the_check_completed() {
    let of = |request: &Recorded, pointer: &str| {
        let body = request
            .body
            .as_ref()
            .filter(|_| request.call == Some(Call::UpdateCheckRun));
        body.and_then(|body| body.pointer(pointer)).cloned()
    };
    type IsInvalid = Box<dyn Fn(&Recorded) -> bool + Send>;
    let table: [(IsInvalid, usize, bool); 3] = [
        // One annotation of the second batch.
        (
            Box::new(move |request| {
                of(request, "/output/annotations/0/title").is_some_and(|title| title == json!("Case 51"))
            }),
            70,
            true,
        ),
        (
            Box::new(move |request| of(request, "/output/annotations").is_some()),
            0,
            true,
        ),
        (Box::new(move |request| of(request, "/output/text").is_some()), 0, false),
    ];
    for (invalid, annotations, whole) in table {
        let github = pull_request();
        github.fault(On::when(invalid), Fault::status(422, "Invalid request."));
        let stage = Stage::new(&github, &Scene::new().pull_request());
        let published = stage.publish(&failed(120)).await;
        let run = github.only_check_run();
        assert_eq!(
            (run.conclusion.as_deref(), run.annotations.len(), run.text.is_some()),
            (Some("failure"), annotations, whole),
            "{}",
            github.log()
        );
        assert!(published.annotate_in_log && published.links.check_run_url.is_some());
        assert_eq!(published.warnings.len(), 1, "{published:?}");
        assert!(stage.marker_key().verify(&run.summary.unwrap()).is_some());
    }
}

#[tokio::test]
async fn github_out_of_reach_ends_soon_in_the_log() {
    let github = pull_request();
    github.fault(On::any(), Fault::server_error(503));
    let from = Instant::now();
    let part = Stage::new(&github, &Scene::new().pull_request())
        .input("comment", "always")
        .begin();
    let published = part.finish(&failed(1), in_seconds(4)).await;
    assert!(published.annotate_in_log, "{published:?}");
    assert_eq!(published.notices.len() + published.warnings.len(), 2, "{published:?}");
    for told in published.notices.iter().chain(&published.warnings) {
        assert!(!told.contains("not repeated"), "{told}");
    }
    assert!(from.elapsed() < Duration::from_secs(50), "{:?}", from.elapsed());
}

#[tokio::test]
async fn a_github_that_hangs_is_left_at_the_deadline() {
    let github = pull_request();
    github.fault(On::any(), Fault::hang());
    let from = Instant::now();
    let part = Stage::new(&github, &Scene::new().pull_request()).begin();
    let published = part.finish(&failed(1), in_seconds(3)).await;
    assert!(published.annotate_in_log, "{published:?}");
    assert!(from.elapsed() < Duration::from_secs(28), "{:?}", from.elapsed());
}

#[tokio::test]
async fn a_create_that_hangs_keeps_nothing_else() {
    let github = pull_request();
    github.fault(On::call(Call::CreateCheckRun), Fault::hang());
    let part = Stage::new(&github, &Scene::new().pull_request())
        .input("comment", "always")
        .begin();
    let published = part.finish(&failed(1), in_seconds(4)).await;
    assert_eq!(github.comments(7).len(), 1, "{}", github.log());
    assert!(
        published.links.comment_url.is_some() && published.annotate_in_log,
        "{published:?}"
    );
}

#[tokio::test]
async fn a_limit_longer_than_the_time_is_not_waited_for() {
    let github = pull_request();
    github.fault(On::call(Call::UpdateCheckRun), Fault::primary_limit(3_000));
    let from = Instant::now();
    let published = publish_failed(&github, 1).await;
    assert!(published.annotate_in_log);
    assert!(published.warnings[0].contains("rate limit"), "{published:?}");
    assert!(from.elapsed() < Duration::from_secs(50), "{:?}", from.elapsed());
    github.assert_count(Call::UpdateCheckRun, 1);
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_a_completed_check() {
    let github = pull_request();
    github.fault(On::call(Call::UpdateCheckRun).from(2), Fault::forbidden());
    let published = publish_failed(&github, 120).await;
    let run = github.only_check_run();
    assert_eq!(
        (run.conclusion.as_deref(), run.annotations.len()),
        (Some("failure"), 50)
    );
    assert!(!published.annotate_in_log);
    assert_eq!(published.warnings.len(), 1);
}
