//! The pull request comment against a fake GitHub: which comment is ours, when it is written, and when it is left alone.

use crate::github::stage::{RUN_ID, Stage, failed, in_seconds, passed, with_verdict};
use qatech_fakes::events::{DEFAULT_SHA, HEAD_SHA, Scene};
use qatech_fakes::github::{ACTIONS_LOGIN, Access, Call, FakeGitHub, Fault, Issue, On, Scope, Token};
use qatech_run::publish::identity::{Identity, target};
use qatech_run::render::github::comment::LIMIT;
use qatech_run::render::github::marker::Marker;
use qatech_run::report::Verdict;
use qatech_run::report::sample::valid_short_id;

const NEWER_SHA: &str = "ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00";

fn pull_request() -> FakeGitHub {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD_SHA).head("octo-org", "feature"));
    github
}

/// A job of the pull request that comments whatever the verdict, and does nothing else.
fn job(github: &FakeGitHub) -> Stage {
    of(github, &Scene::new().pull_request())
}

fn of(github: &FakeGitHub, event: &qatech_fakes::events::Event) -> Stage {
    Stage::new(github, event)
        .input("comment", "always")
        .input("annotations", "off")
}

/// The marker of the job's own comment, with other numbers.
fn marker(stage: &Stage, head_sha: &str, run_id: u64, attempt: u64) -> Marker {
    let identity = Identity::new(&stage.inputs(), &stage.context());
    Marker {
        key: identity.hash().to_owned(),
        head_sha: head_sha.to_owned(),
        run_id,
        attempt,
        target: target(&stage.inputs(), &stage.context().origin),
        short_ids: vec![Some(valid_short_id("old-1"))],
    }
}

/// A comment with that marker.
fn old_comment(stage: &Stage, head_sha: &str, run_id: u64, attempt: u64) -> String {
    let marker = stage.marker_key().sign(&marker(stage, head_sha, run_id, attempt));
    format!("{marker}\nold")
}

#[tokio::test]
async fn every_event_comments_on_its_pull_request_and_on_no_other() {
    let scene = Scene::new();
    let fork = Scene::new().from_fork("mallory");
    for (event, owner, comments) in [
        (scene.pull_request(), "octo-org", 1),
        (scene.pull_request_target(), "octo-org", 1),
        (scene.workflow_run(), "octo-org", 1),
        (fork.workflow_run(), "mallory", 1),
        (scene.merge_group(), "octo-org", 1),
        (scene.push(), "octo-org", 1),
        (scene.deployment_status(), "octo-org", 1),
        (scene.comment_on_pull_request(), "octo-org", 1),
        (scene.comment_on_issue(), "octo-org", 0),
        (scene.workflow_dispatch(), "octo-org", 0),
        (scene.schedule(), "octo-org", 0),
    ] {
        let github = FakeGitHub::start();
        github.add(Issue::pull(7, HEAD_SHA).head(owner, "feature"));
        // The commit is in another pull request as well, and was the head of one that is closed.
        github.add(Issue::pull(8, DEFAULT_SHA).head("octo-org", "other"));
        github.add_commit_to_pull(HEAD_SHA, 8);
        github.add(Issue::pull(9, HEAD_SHA).head(owner, "feature").closed());
        let published = of(&github, &event).publish(&failed(1)).await;
        assert_eq!(github.comments(7).len(), comments, "{}\n{}", event.name, github.log());
        assert_eq!(github.comments(8).len() + github.comments(9).len(), 0, "{}", event.name);
        assert_eq!(published.links.comment_url.is_some(), comments == 1, "{}", event.name);
        assert_eq!(
            (published.warnings.len(), published.notices.len()),
            (0, 1 - comments),
            "{}",
            event.name
        );
        // If there is no pull request to comment on, the log says so.
        assert!(
            published
                .notices
                .iter()
                .all(|notice| notice.contains("no pull request"))
        );
    }
}

#[tokio::test]
async fn a_pushed_commit_that_heads_several_pull_requests_gets_a_comment_on_each() {
    let github = FakeGitHub::start();
    for number in [7, 8] {
        github.add(Issue::pull(number, HEAD_SHA).head("octo-org", "feature"));
    }
    github.add(Issue::pull(9, HEAD_SHA).head("octo-org", "feature").closed());
    let job = of(&github, &Scene::new().push());
    let published = job.publish(&failed(1)).await;
    let urls = published.links.comment_url.unwrap();
    let urls: Vec<_> = urls.split(',').collect();
    assert!(
        urls.len() == 2 && urls[0].contains("/7#") && urls[1].contains("/8#"),
        "{urls:?}"
    );
    // The next run updates both.
    job.clone().variable("GITHUB_RUN_ID", "901").publish(&passed()).await;
    for number in [7, 8] {
        assert_eq!(github.only_comment(number).updates, 1);
    }
    assert_eq!(github.comments(9).len(), 0);
}

#[tokio::test]
async fn what_needs_no_comment_needs_no_pull_request() {
    let github = FakeGitHub::start();
    for (when, report, notices) in [
        ("failure", passed(), 0),
        ("failure", failed(1), 1),
        ("failure", with_verdict(passed(), Verdict::Flaky), 0),
        ("always", passed(), 1),
        ("off", failed(1), 0),
    ] {
        let job = of(&github, &Scene::new().workflow_dispatch()).input("comment", when);
        assert_eq!(job.publish(&report).await.notices.len(), notices, "{when}");
    }
    // Any result that fails the step is a failure.
    let strict = of(&github, &Scene::new().workflow_dispatch()).input("comment", "failure");
    let published = strict
        .input("fail_on", "failed,flaky")
        .publish(&with_verdict(passed(), Verdict::Flaky))
        .await;
    assert_eq!(published.notices.len(), 1);
}

#[tokio::test]
async fn a_comment_of_the_same_run_and_key_is_not_written_over() {
    let github = pull_request();
    let job = |url: &str| {
        job(&github)
            .input("comment_key", "web")
            .input("environments", &format!("app_w = {url}"))
    };
    job("https://eu.example").publish(&failed(1)).await;
    let published = job("https://us.example").publish(&passed()).await;
    assert!(
        published.warnings[0].contains("`comment_key` of its own"),
        "{published:?}"
    );
    let comment = github.only_comment(7);
    assert!(
        comment.updates == 0 && comment.body.contains("Case 1"),
        "{}",
        comment.body
    );
    // A later run writes it.
    job("https://us.example")
        .variable("GITHUB_RUN_ID", "901")
        .publish(&passed())
        .await;
    assert_eq!(github.only_comment(7).updates, 1);
}

#[tokio::test]
async fn a_fork_whose_branch_has_moved_on_gets_no_comment() {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, NEWER_SHA).head("mallory", "feature"));
    let event = Scene::new().from_fork("mallory").workflow_run();
    let published = of(&github, &event).publish(&failed(1)).await;
    assert_eq!(github.comments(7).len(), 0);
    assert_eq!(published.warnings.len(), 0);
}

#[tokio::test]
async fn it_is_created_by_verdict_and_updated_ever_after() {
    let github = pull_request();
    let job = job(&github).input("comment", "failure");
    assert_eq!(job.publish(&passed()).await.links.comment_url, None);
    assert_eq!(github.comments(7).len(), 0);
    let url = job.publish(&failed(2)).await.links.comment_url;
    assert!(github.only_comment(7).body.contains("Case 1"));
    let later = job.clone().variable("GITHUB_RUN_ID", "901");
    assert_eq!(later.publish(&passed()).await.links.comment_url, url);
    let comment = github.only_comment(7);
    assert!(!comment.body.contains("Case 1"));
    assert_eq!(comment.updates, 1);
    assert_eq!(
        job.marker_key().verify(&comment.body).unwrap(),
        Marker {
            short_ids: vec![Some(valid_short_id("run-1"))],
            ..marker(&job, HEAD_SHA, 901, 1)
        }
    );
    // The same text is not written again.
    assert_eq!(later.publish(&passed()).await.links.comment_url, url);
    assert_eq!(github.only_comment(7).updates, 1);
    job.input("comment", "off").publish(&failed(1)).await;
    assert_eq!(github.only_comment(7).updates, 1);
}

#[tokio::test]
async fn it_is_found_on_the_last_page_and_never_taken_for_a_forgery() {
    let github = pull_request();
    let job = job(&github);
    let ours = old_comment(&job, HEAD_SHA, 1, 1);
    github.add_comment(7, "mallory", &ours);
    for number in 0..247 {
        github.add_comment(7, "octocat", &format!("comment {number}"));
    }
    let other_key = ours.replace("key=", "key=f");
    github.add_comment(7, ACTIONS_LOGIN, &other_key);
    github.add_comment(7, ACTIONS_LOGIN, &format!("> {ours}"));
    let id = github.add_comment(7, ACTIONS_LOGIN, &ours);
    job.publish(&failed(1)).await;
    let comments = github.comments(7);
    assert_eq!(comments.len(), 251);
    for comment in comments {
        assert_eq!(comment.updates, usize::from(comment.id == id), "{}", comment.body);
    }
    github.assert_count(Call::ListComments, 3);
}

#[tokio::test]
async fn a_personal_token_finds_what_its_user_wrote() {
    let github = pull_request();
    github.set_token(Token::personal("ghp_personal", "hubot"));
    let job = job(&github);
    job.publish(&failed(1)).await;
    job.clone().variable("GITHUB_RUN_ID", "901").publish(&passed()).await;
    let comment = github.only_comment(7);
    assert_eq!((comment.author.as_str(), comment.updates), ("hubot", 1));
}

#[tokio::test]
async fn jobs_have_comments_of_their_own() {
    let github = pull_request();
    let job = job(&github);
    job.publish(&failed(1)).await;
    job.clone().variable("GITHUB_JOB", "other").publish(&failed(1)).await;
    job.clone().input("comment_key", "mine").publish(&failed(1)).await;
    assert_eq!(github.comments(7).len(), 3);
}

#[tokio::test]
async fn older_never_goes_over_newer() {
    for (theirs, head, written) in [
        // Another run of the same commit, older or newer than ours.
        ((HEAD_SHA, RUN_ID - 1, 1), HEAD_SHA, true),
        ((HEAD_SHA, RUN_ID, 1), HEAD_SHA, true),
        ((HEAD_SHA, RUN_ID, 2), HEAD_SHA, false),
        ((HEAD_SHA, RUN_ID + 1, 1), HEAD_SHA, false),
        // An older run of the commit that is the head now: ours is a re-run of something older still.
        ((NEWER_SHA, RUN_ID - 1, 1), NEWER_SHA, false),
        // An older commit than ours.
        ((DEFAULT_SHA, RUN_ID - 1, 1), HEAD_SHA, true),
    ] {
        let github = FakeGitHub::start();
        github.add(Issue::pull(7, head).head("octo-org", "feature"));
        let job = job(&github);
        let (sha, run_id, attempt) = theirs;
        github.add_comment(7, ACTIONS_LOGIN, &old_comment(&job, sha, run_id, attempt));
        let published = job.publish(&failed(1)).await;
        assert_eq!(github.only_comment(7).updates, usize::from(written), "{theirs:?}");
        assert_eq!(published.notices.len(), usize::from(!written), "{theirs:?}");
        assert_eq!(published.warnings.len(), 0);
    }
}

#[tokio::test]
async fn merge_groups_and_failed_lookups_do_not_block() {
    let github = pull_request();
    let job = of(&github, &Scene::new().merge_group());
    github.add_comment(7, ACTIONS_LOGIN, &old_comment(&job, HEAD_SHA, 1, 1));
    job.publish(&failed(1)).await;
    assert_eq!(github.only_comment(7).updates, 1);

    let github = FakeGitHub::start();
    github.add(Issue::pull(7, NEWER_SHA).head("octo-org", "feature"));
    let job = of(&github, &Scene::new().pull_request());
    github.add_comment(7, ACTIONS_LOGIN, &old_comment(&job, NEWER_SHA, 1, 1));
    github.fault(On::call(Call::GetPull), Fault::not_found());
    job.publish(&failed(1)).await;
    assert_eq!(github.only_comment(7).updates, 1);
}

#[tokio::test]
async fn a_comment_that_is_too_long_is_shrunk_once() {
    let report = failed(200);
    for old in [false, true] {
        let github = pull_request();
        github.limit_comments(30_000);
        let job = job(&github);
        if old {
            github.add_comment(7, ACTIONS_LOGIN, &old_comment(&job, HEAD_SHA, 1, 1));
        }
        let published = job.publish(&report).await;
        let length = github.only_comment(7).body.chars().count();
        assert!((1_000..30_000).contains(&length), "{length}");
        assert_eq!(published.warnings.len(), 0);
        github.assert_count(if old { Call::UpdateComment } else { Call::CreateComment }, 2);
    }
    let github = pull_request();
    github.limit_comments(100);
    let published = job(&github).publish(&report).await;
    assert_eq!(published.warnings.len(), 1);
    github.assert_count(Call::CreateComment, 2);
    // Within GitHub's own limit it fits at once.
    let github = pull_request();
    job(&github).publish(&report).await;
    assert!(github.only_comment(7).body.len() <= LIMIT);
    github.assert_count(Call::CreateComment, 1);
}

#[tokio::test]
async fn a_missing_permission_is_reported_and_affects_nothing_else() {
    let github = pull_request();
    github.permit(Scope::PullRequests, Access::Read);
    github.permit(Scope::Issues, Access::None);
    let stage = Stage::new(&github, &Scene::new().pull_request()).input("comment", "always");
    let published = stage.publish(&failed(1)).await;
    assert_eq!(github.only_check_run().conclusion.as_deref(), Some("failure"));
    assert_eq!(published.warnings.len(), 1);
    assert!(
        published.warnings[0].contains("`pull-requests: write`"),
        "{published:?}"
    );
    assert_eq!(published.notices.len(), 1);
    assert!(
        published.notices[0].contains("\n  pull-requests: write"),
        "{published:?}"
    );
}

#[tokio::test]
async fn the_permissions_to_add_are_shown_once() {
    let github = pull_request();
    for scope in [Scope::Checks, Scope::PullRequests, Scope::Issues] {
        github.permit(scope, Access::None);
    }
    let stage = Stage::new(&github, &Scene::new().pull_request()).input("comment", "always");
    let published = stage.publish(&failed(1)).await;
    assert!(published.annotate_in_log);
    assert_eq!(
        (published.warnings.len(), published.notices.len()),
        (1, 1),
        "{published:?}"
    );
    let lines = "permissions:\n  contents: read\n  checks: write\n  pull-requests: write";
    assert!(published.notices[0].starts_with("No check run") && published.notices[0].ends_with(lines));
    assert!(!published.warnings[0].contains("permissions:"), "{published:?}");
}

#[tokio::test]
async fn a_comment_that_may_have_been_written_is_not_written_twice() {
    for fault in [Fault::reset(), Fault::server_error(502), Fault::html_page()] {
        let github = pull_request();
        github.fault(On::call(Call::CreateComment).first(1), fault.after_write());
        let published = job(&github).publish(&failed(1)).await;
        assert_eq!(github.comments(7).len(), 1);
        assert_eq!(published.warnings.len(), 1);
        assert!(published.warnings[0].contains("not repeated"), "{published:?}");
    }
    for fault in [Fault::too_many_requests(1), Fault::secondary_limit(Some(1))] {
        let github = pull_request();
        github.fault(On::call(Call::CreateComment).first(1), fault);
        assert!(job(&github).publish(&failed(1)).await.links.comment_url.is_some());
        assert_eq!(github.comments(7).len(), 1);
    }
}

#[tokio::test]
async fn an_update_is_sent_again_until_it_is_there() {
    let github = pull_request();
    let job = job(&github);
    github.add_comment(7, ACTIONS_LOGIN, &old_comment(&job, HEAD_SHA, 1, 1));
    github.fault(On::call(Call::ListComments).first(1), Fault::html_bad_gateway());
    github.fault(On::call(Call::UpdateComment).first(1), Fault::reset());
    let published = job.publish(&failed(1)).await;
    assert!(
        published.links.comment_url.is_some() && published.warnings.is_empty(),
        "{published:?}"
    );
    assert_eq!(github.only_comment(7).updates, 1);
}

#[tokio::test]
async fn a_comment_that_is_deleted_in_the_meantime_is_written_anew() {
    for (when, report, created) in [
        ("always", passed(), 1),
        ("failure", failed(1), 1),
        ("failure", passed(), 0),
    ] {
        let github = pull_request();
        let job = job(&github).input("comment", when);
        github.add_comment(7, ACTIONS_LOGIN, &old_comment(&job, HEAD_SHA, 1, 1));
        github.fault(On::call(Call::UpdateComment), Fault::not_found());
        let published = job.publish(&report).await;
        github.assert_count(Call::UpdateComment, 1);
        github.assert_count(Call::CreateComment, created);
        assert_eq!(published.links.comment_url.is_some(), created == 1);
        assert!(published.warnings.is_empty(), "{published:?}");
    }
}

#[tokio::test]
async fn a_signal_writes_no_comment() {
    let github = pull_request();
    job(&github).begin().cancel(&failed(1), in_seconds(5)).await;
    github.assert_no_writes();
}

#[tokio::test]
async fn a_hanging_lookup_of_the_head_does_not_use_up_its_time() {
    let github = pull_request();
    let job = job(&github);
    github.add_comment(7, ACTIONS_LOGIN, &old_comment(&job, NEWER_SHA, RUN_ID - 1, 1));
    github.fault(On::call(Call::GetPull), Fault::hang());
    let published = job.publish(&failed(1)).await;
    assert!(published.links.comment_url.is_some(), "{published:?}");
    assert_eq!(github.only_comment(7).updates, 1);
}

#[tokio::test]
async fn its_page_is_known_before_the_rest_is_published() {
    let github = pull_request();
    github.fault(On::call(Call::UpdateCheckRun), Fault::hang());
    let running = job(&github).input("annotations", "check").begin();
    running.wait_created(std::time::Duration::from_secs(20)).await;
    let report = failed(1);
    let known = async {
        while running.links().comment_url.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        published = running.finish(&report, in_seconds(60)) => panic!("{published:?}"),
        () = known => {}
    }
    assert!(running.links().check_run_url.is_some());
}
