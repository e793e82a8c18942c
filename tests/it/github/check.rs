//! The check run against a fake GitHub: commits, batches, fallbacks, cancellation.

use std::time::{Duration, Instant};

use crate::github::stage::{RUN_ID, Stage, failed, in_seconds, passed, with_verdict};
use qatech_fakes::events::{DEFAULT_SHA, GROUP_SHA, HEAD_SHA, Scene};
use qatech_fakes::github::{Access, Call, FakeGitHub, Fault, Issue, On, Scope};
use qatech_run::report::Verdict;

pub fn pull_request() -> FakeGitHub {
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
        assert!(published.links.check_run_url.unwrap().ends_with(&run.id.to_string()));
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
    // A verdict that `fail_on` tolerates never blocks.
    let github = pull_request();
    let stage = Stage::new(&github, &Scene::new().pull_request()).input("fail_on", "error");
    stage.publish(&failed(3)).await;
    assert_eq!(github.only_check_run().conclusion.as_deref(), Some("neutral"));
    // Nothing of it is shown as a failure either.
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
async fn a_missing_permission_falls_back_to_the_log_and_names_the_lines_to_add() {
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
async fn a_fork_gets_advice_to_use_a_second_workflow() {
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
        // Outside GitHub there is nothing to publish.
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
        assert!(published.links.check_run_url.is_some() && published.warnings.is_empty());
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
    assert!(
        published
            .links
            .check_run_url
            .unwrap()
            .starts_with("https://ghe.example/")
    );
    assert!(published.links.comment_url.unwrap().starts_with("https://ghe.example/"));
    assert_eq!(published.warnings.len(), 0);
}
