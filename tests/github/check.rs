//! The check run against a fake GitHub: commits, batches, faults, fallbacks, cancellation.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::stage::{RUN_ID, Stage, failed, in_seconds, passed, with_verdict};
use qatech_fakes::events::{DEFAULT_SHA, GROUP_SHA, HEAD_SHA, Scene};
use qatech_fakes::github::{Access, Call, CheckRun, FakeGitHub, Fault, Issue, On, Recorded, Scope};
use qatech_run::render::marker::Marker;
use qatech_run::report::Verdict;
use serde_json::json;

fn pull_request() -> FakeGitHub {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD_SHA).head("octo-org", "feature"));
    github
}

#[tokio::test]
async fn every_event_gets_its_check_on_the_right_commit() {
    let scene = Scene::new();
    let fork = Scene::new().from_fork("mallory");
    for (event, sha) in [
        (scene.pull_request(), HEAD_SHA),
        (scene.pull_request_target(), HEAD_SHA),
        (scene.workflow_run(), HEAD_SHA),
        (fork.workflow_run(), HEAD_SHA),
        (scene.merge_group(), GROUP_SHA),
        (scene.push(), HEAD_SHA),
        (scene.deployment_status(), HEAD_SHA),
        (scene.comment_on_pull_request(), HEAD_SHA),
        (scene.comment_on_issue(), DEFAULT_SHA),
        (scene.workflow_dispatch(), HEAD_SHA),
        (scene.schedule(), DEFAULT_SHA),
    ] {
        let github = pull_request();
        let published = Stage::new(&github, &event).publish(&failed(1)).await;
        let run = github.only_check_run();
        assert_eq!(run.head_sha, sha, "{}", event.name);
        assert_eq!(run.conclusion.as_deref(), Some("failure"), "{}", event.name);
        assert_eq!(run.annotations.len(), 1);
        assert_eq!(run.annotations[0].path, ".github/workflows/ci.yml");
        assert_eq!(run.name, "QA.tech (e2e)");
        assert!(published.check_run_url.unwrap().ends_with(&run.id.to_string()));
        assert!(!published.annotate_in_log);
        assert_eq!(
            (published.warnings.len(), published.notices.len()),
            (0, 0),
            "{}",
            event.name
        );
        let id = run.external_id.unwrap();
        assert!(id.starts_with(&format!("qatech-run:run-1;{RUN_ID};")), "{id}");
    }
}

#[tokio::test]
async fn the_head_of_a_commented_pull_request_is_known_once_the_check_is() {
    let github = pull_request();
    let part = Stage::new(&github, &Scene::new().comment_on_pull_request()).begin();
    part.wait_created(Duration::from_secs(20)).await;
    let head = part.head().unwrap();
    assert_eq!((head.sha.as_str(), head.branch.as_deref()), (HEAD_SHA, Some("feature")));
}

#[tokio::test]
async fn the_check_is_in_progress_before_it_is_completed() {
    let github = pull_request();
    let part = Stage::new(&github, &Scene::new().pull_request()).begin();
    part.wait_created(Duration::from_secs(20)).await;
    assert_eq!(github.only_check_run().status, "in_progress");
    part.finish(&passed(), in_seconds(60)).await;
    let run = github.only_check_run();
    assert_eq!(
        (run.status.as_str(), run.conclusion.as_deref()),
        ("completed", Some("success"))
    );
}

#[tokio::test]
async fn verdicts_become_conclusions() {
    for (verdict, conclusion) in [
        (Verdict::Passed, "success"),
        (Verdict::Flaky, "success"),
        (Verdict::Failed, "failure"),
        (Verdict::Error, "failure"),
        (Verdict::Unknown, "failure"),
        (Verdict::Skipped, "neutral"),
        (Verdict::TimedOut, "timed_out"),
        (Verdict::Cancelled, "cancelled"),
    ] {
        let github = pull_request();
        let stage = Stage::new(&github, &Scene::new().pull_request());
        stage.publish(&with_verdict(passed(), verdict)).await;
        assert_eq!(
            github.only_check_run().conclusion.as_deref(),
            Some(conclusion),
            "{verdict}"
        );
    }
    // What `fail_on` tolerates never blocks.
    let github = pull_request();
    let stage = Stage::new(&github, &Scene::new().pull_request()).input("fail_on", "error");
    stage.publish(&failed(3)).await;
    assert_eq!(github.only_check_run().conclusion.as_deref(), Some("neutral"));
    // Nor is any of it red.
    let levels = |github: &FakeGitHub| {
        let annotations = github.annotations().into_iter();
        annotations
            .map(|annotation| annotation.annotation_level)
            .collect::<Vec<_>>()
    };
    assert_eq!(levels(&github), ["warning"; 3]);
    let github = pull_request();
    Stage::new(&github, &Scene::new().pull_request())
        .publish(&failed(2))
        .await;
    assert_eq!(levels(&github), ["failure"; 2]);
}

#[tokio::test]
async fn annotations_come_in_order_and_in_few_requests() {
    for cases in [0_usize, 1, 50, 51, 100, 1_000, 5_000] {
        let github = pull_request();
        Stage::new(&github, &Scene::new().pull_request())
            .publish(&failed(cases))
            .await;
        let run = github.only_check_run();
        let shown = cases.min(1_000);
        let titles: Vec<_> = run
            .annotations
            .iter()
            .map(|annotation| annotation.title.clone().unwrap())
            .collect();
        let wanted: Vec<_> = (1..=shown).map(|number| format!("Case {number}")).collect();
        assert_eq!(titles, wanted, "{cases}");
        assert!(github.total() <= shown.div_ceil(50) + 2, "{cases}:\n{}", github.log());
        assert_eq!(
            run.summary.unwrap().contains("4,000 failed tests."),
            cases == 5_000,
            "{cases}"
        );
        // The output was sent whole each time: nothing is left of the first one.
        assert_ne!(run.title.as_deref(), Some("Waiting for QA.tech"));
    }
}

#[tokio::test]
async fn rules_say_where_annotations_point() {
    let github = pull_request();
    let stage = Stage::new(&github, &Scene::new().pull_request())
        .input("annotation_paths", "Case 2 = src/two.ts:22\nCase * = src/all.ts")
        .input("check_name", "Browser tests");
    stage.publish(&failed(2)).await;
    let run = github.only_check_run();
    let places: Vec<_> = run
        .annotations
        .iter()
        .map(|one| (one.path.as_str(), one.start_line))
        .collect();
    assert_eq!(places, [("src/all.ts", 1), ("src/two.ts", 22)]);
    assert_eq!(run.name, "Browser tests");
}

#[tokio::test]
async fn a_missing_permission_falls_back_to_the_log_and_tells_the_lines() {
    for fault in [None, Some(Fault::not_found())] {
        let github = pull_request();
        match fault {
            None => github.permit(Scope::Checks, Access::None),
            Some(fault) => github.fault(On::call(Call::CreateCheckRun), fault),
        }
        let published = Stage::new(&github, &Scene::new().pull_request())
            .publish(&failed(2))
            .await;
        assert!(published.annotate_in_log);
        assert_eq!(published.notices.len(), 1, "{published:?}");
        assert!(
            published.notices[0].contains("permissions:\n  contents: read\n  checks: write"),
            "{published:?}"
        );
        github.assert_count(Call::CreateCheckRun, 1);
        github.assert_count(Call::UpdateCheckRun, 0);
    }
}

#[tokio::test]
async fn a_fork_is_told_of_the_second_workflow() {
    let github = pull_request();
    github.make_token_read_only();
    let event = Scene::new().from_fork("mallory").pull_request();
    let published = Stage::new(&github, &event)
        .input("comment", "always")
        .publish(&failed(2))
        .await;
    assert!(published.annotate_in_log);
    for text in &published.notices {
        assert!(text.contains("read-only") && text.contains("workflow_run"), "{text}");
    }
    assert_eq!((published.notices.len(), published.warnings.len()), (1, 1));
    assert_eq!(github.check_runs().len() + github.comments(7).len(), 0);
}

#[tokio::test]
async fn without_token_or_address_nothing_is_called() {
    let github = pull_request();
    let stage = Stage::new(&github, &Scene::new().pull_request());
    for (stage, said) in [
        (stage.clone().input("github_token", ""), 1),
        (stage.clone().input("github_token", "a\u{e9}b"), 1),
        (stage.clone().variable("GITHUB_API_URL", ""), 1),
        (stage.clone().variable("GITHUB_API_URL", "http://ghe.example"), 1),
        (stage.clone().variable("GITHUB_REPOSITORY", ""), 1),
        // Outside of GitHub there is nothing to say.
        (
            stage
                .clone()
                .variable("GITHUB_REPOSITORY", "")
                .variable("GITHUB_ACTIONS", ""),
            0,
        ),
    ] {
        let published = stage.publish(&failed(1)).await;
        assert!(published.annotate_in_log);
        assert_eq!(published.notices.len(), said, "{published:?}");
        assert_eq!(published.warnings.len(), 0);
    }
    for stage in [
        stage.clone().input("blocking", "false"),
        stage.clone().input("dry_run", "true"),
        stage.clone().input("annotations", "log"),
        stage.input("annotations", "off"),
    ] {
        stage.publish(&failed(1)).await;
    }
    github.assert_untouched();
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
        let published = Stage::new(&github, &Scene::new().pull_request())
            .publish(&failed(60))
            .await;
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
        // Neither another app's check run, nor a completed one, nor another key's, is ours.
        let begun = format!("qatech-run:;{RUN_ID};0123456789abcdef");
        github.add_check_run(CheckRun::new("QA.tech (e2e)", HEAD_SHA).external_id(&begun));
        github.fault(On::call(Call::CreateCheckRun).first(1), fault.clone().after_write());
        github.fault(On::call(Call::UpdateCheckRun).first(1), fault.clone().after_write());
        github.fault(On::call(Call::UpdateCheckRun).nth(3), fault.after_write());
        let published = Stage::new(&github, &Scene::new().pull_request())
            .publish(&failed(120))
            .await;
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
async fn a_github_that_is_gone_for_seconds_gets_the_whole_check_all_the_same() {
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
        let published = Stage::new(&github, &Scene::new().pull_request())
            .publish(&failed(120))
            .await;
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
        let published = Stage::new(&github, &Scene::new().pull_request())
            .publish(&failed(120))
            .await;
        let run = github.only_check_run();
        assert_eq!(
            (run.conclusion.as_deref(), run.annotations.len(), run.text.is_some()),
            (Some("failure"), annotations, whole),
            "{}",
            github.log()
        );
        assert!(published.annotate_in_log && published.check_run_url.is_some());
        assert_eq!(published.warnings.len(), 1, "{published:?}");
        assert!(Marker::parse(&run.summary.unwrap()).is_some());
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
    assert!(from.elapsed() < Duration::from_secs(20), "{:?}", from.elapsed());
}

#[tokio::test]
async fn a_github_that_hangs_is_left_at_the_deadline() {
    let github = pull_request();
    github.fault(On::any(), Fault::hang());
    let from = Instant::now();
    let part = Stage::new(&github, &Scene::new().pull_request()).begin();
    let published = part.finish(&failed(1), in_seconds(3)).await;
    assert!(published.annotate_in_log, "{published:?}");
    assert!(from.elapsed() < Duration::from_secs(15), "{:?}", from.elapsed());
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
        published.comment_url.is_some() && published.annotate_in_log,
        "{published:?}"
    );
}

#[tokio::test]
async fn a_limit_longer_than_the_time_is_not_waited_for() {
    let github = pull_request();
    github.fault(On::call(Call::UpdateCheckRun), Fault::primary_limit(3_000));
    let from = Instant::now();
    let published = Stage::new(&github, &Scene::new().pull_request())
        .publish(&failed(1))
        .await;
    assert!(published.annotate_in_log);
    assert!(published.warnings[0].contains("rate limit"), "{published:?}");
    assert!(from.elapsed() < Duration::from_secs(20));
    github.assert_count(Call::UpdateCheckRun, 1);
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_a_completed_check() {
    let github = pull_request();
    github.fault(On::call(Call::UpdateCheckRun).from(2), Fault::forbidden());
    let published = Stage::new(&github, &Scene::new().pull_request())
        .publish(&failed(120))
        .await;
    let run = github.only_check_run();
    assert_eq!(
        (run.conclusion.as_deref(), run.annotations.len()),
        (Some("failure"), 50)
    );
    assert!(!published.annotate_in_log);
    assert_eq!(published.warnings.len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let github = pull_request();
    let other = FakeGitHub::start();
    github.fault(
        On::call(Call::CreateCheckRun),
        Fault::moved(&format!("{}/repos/a/b/check-runs", other.url())),
    );
    let published = Stage::new(&github, &Scene::new().pull_request())
        .publish(&failed(1))
        .await;
    assert!(published.annotate_in_log);
    assert!(published.notices[0].contains("redirect"), "{published:?}");
    other.assert_untouched();
}

#[tokio::test]
async fn githubs_words_are_cleaned_of_secrets() {
    let github = pull_request();
    let message = format!("token {} is\nno good", github.token());
    github.fault(On::call(Call::CreateCheckRun), Fault::status(403, &message));
    let published = Stage::new(&github, &Scene::new().pull_request())
        .publish(&failed(1))
        .await;
    assert!(published.notices[0].contains("token *** is no good"), "{published:?}");
}

#[tokio::test]
async fn a_signal_is_answered_with_one_request() {
    for cases in [0, 3, 120] {
        let github = pull_request();
        let part = Stage::new(&github, &Scene::new().pull_request())
            .input("comment", "always")
            .begin();
        part.wait_created(Duration::from_secs(20)).await;
        let before = github.total();
        let report = with_verdict(failed(cases), Verdict::Interrupted);
        let published = part.cancel(&report, in_seconds(20)).await;
        let run = github.only_check_run();
        assert_eq!(run.conclusion.as_deref(), Some("cancelled"));
        assert_eq!(run.annotations.len(), cases.min(50));
        assert_eq!(github.total(), before + 1, "{}", github.log());
        assert!(published.check_run_url.is_some() && published.warnings.is_empty());
    }
    let github = pull_request();
    github.fault(On::call(Call::UpdateCheckRun), Fault::server_error(503));
    let part = Stage::new(&github, &Scene::new().pull_request()).begin();
    part.wait_created(Duration::from_secs(20)).await;
    let published = part.cancel(&failed(1), in_seconds(20)).await;
    github.assert_count(Call::UpdateCheckRun, 1);
    assert_eq!(published.warnings.len(), 1);
}

#[tokio::test]
async fn a_signal_before_the_check_is_made_waits_no_longer_than_it_may() {
    let github = pull_request();
    github.fault(On::call(Call::CreateCheckRun), Fault::hang());
    let part = Stage::new(&github, &Scene::new().pull_request()).begin();
    part.wait_created(Duration::from_secs(1)).await;
    github.assert_count(Call::CreateCheckRun, 1);
    let from = Instant::now();
    let published = part.cancel(&failed(1), in_seconds(1)).await;
    assert!(from.elapsed() < Duration::from_secs(10));
    assert!(published.annotate_in_log);
}

#[tokio::test]
async fn github_enterprise_is_called_below_its_own_path() {
    let github = FakeGitHub::start_enterprise();
    github.add(Issue::pull(7, HEAD_SHA).head("octo-org", "feature"));
    let stage = Stage::new(&github, &Scene::new().pull_request()).input("comment", "always");
    let published = stage.publish(&failed(1)).await;
    assert!(published.check_run_url.unwrap().starts_with("https://ghe.example/"));
    assert!(published.comment_url.unwrap().starts_with("https://ghe.example/"));
    assert_eq!(published.warnings.len(), 0);
}
