//! The whole program with a fake QA.tech and a fake GitHub: the verdict does not depend on what GitHub does.

use std::time::Duration;
#[cfg(unix)]
use std::time::Instant;

use qatech_fakes::events::{HEAD_SHA, Scene};
use qatech_fakes::github::{Access, Call, FakeGitHub, Fault, Issue, On, Scope};
use qatech_fakes::harness::Run;
#[cfg(unix)]
use qatech_fakes::harness::{Done, Signal};
use qatech_fakes::http::Reply;
#[cfg(unix)]
use qatech_fakes::qatech::When;
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript};
use serde_json::json;

use crate::github::hostile;
use crate::scene;
pub use crate::scene::red as one_fails;

pub fn pull_request() -> FakeGitHub {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD_SHA).head("octo-org", "feature"));
    github
}

pub fn qatech(script: RunScript) -> FakeQaTech {
    let qatech = FakeQaTech::start();
    qatech.default_plan(script);
    qatech
}

/// A job of the pull request, with check run and comment.
pub fn job(github: &FakeGitHub, qatech: &FakeQaTech, event: &qatech_fakes::events::Event) -> Run {
    let run = github.connect(Run::new(scene::PROGRAM).github());
    scene::connect(event.trigger(run), &qatech.api_url()).input("comment", "always")
}

#[test]
fn the_verdict_is_the_same_whatever_github_does() {
    let faults: [(&str, Option<(On, Fault)>); 10] = [
        ("fine", None),
        ("forbidden", Some((On::any(), Fault::forbidden()))),
        ("not found", Some((On::any(), Fault::not_found()))),
        ("bad credentials", Some((On::any(), Fault::bad_credentials()))),
        ("too many", Some((On::any().first(2), Fault::too_many_requests(1)))),
        ("secondary", Some((On::any().first(2), Fault::secondary_limit(Some(1))))),
        ("5xx", Some((On::any().first(2), Fault::server_error(503)))),
        ("pages", Some((On::any(), Fault::html_page()))),
        ("resets", Some((On::any().first(2), Fault::reset()))),
        ("limit", Some((On::any(), Fault::primary_limit(3_000)))),
    ];
    let all: Vec<_> = faults
        .into_iter()
        .map(|(name, fault)| {
            std::thread::spawn(move || {
                let github = pull_request();
                let heals = fault.is_none() || matches!(name, "too many" | "secondary" | "5xx" | "resets");
                if let Some((on, fault)) = fault {
                    github.fault(on, fault);
                }
                let qatech = qatech(one_fails());
                let done = job(&github, &qatech, &Scene::new().pull_request()).output();
                assert_eq!(done.code, 1, "{name}: {}", done.log);
                assert_eq!(&done.outputs["verdict"], "failed", "{name}");
                assert_eq!(&done.outputs["failed"], "1", "{name}");
                assert!(done.summary.contains("Pay"), "{name}");
                assert_eq!(qatech.starts(), 1, "{name}");
                // Either the check run or the log shows the failed case.
                let annotated = done.shown_log().contains("::error title=Pay::");
                assert_eq!(annotated, !heals, "{name}: {}", done.log);
                assert_eq!(github.annotations().len(), usize::from(heals), "{name}");
                assert!(done.places_with(&github.token()).is_empty(), "{name}");
            })
        })
        .collect();
    for one in all {
        one.join().unwrap();
    }
}

#[test]
fn links_are_outputs() {
    let github = FakeGitHub::start();
    let qatech = qatech(one_fails());
    let event = Scene::new().on_branch("main").push();
    let done = job(&github, &qatech, &event).input("issue", "failure").output();
    assert_eq!(done.code, 1, "{}", done.log);
    let url = github.only_check_run().id.to_string();
    assert!(done.outputs["check_run_url"].ends_with(&url));
    assert!(done.outputs["issue_url"].ends_with(&format!("/issues/{}", github.only_issue().number)));

    let github = pull_request();
    let done = job(&github, &qatech, &Scene::new().pull_request()).output();
    assert!(done.outputs["comment_url"].contains("#issuecomment-"), "{}", done.log);
}

#[test]
fn the_check_is_there_before_the_run_is_started() {
    let github = pull_request();
    let qatech = qatech(one_fails());
    let repo = (*github).clone();
    qatech.intercept(move |request, _| {
        if request.method == "POST" {
            let run = repo.only_check_run();
            assert_eq!((run.status.as_str(), run.head_sha.as_str()), ("in_progress", HEAD_SHA));
        }
        None
    });
    let done = job(&github, &qatech, &Scene::new().pull_request()).output();
    assert_eq!(done.code, 1, "{}", done.log);
    let start = &qatech.start_bodies()[0];
    assert_eq!(
        (&start["commitHash"], &start["branch"]),
        (&json!(HEAD_SHA), &json!("feature"))
    );
}

#[test]
fn a_comments_event_starts_with_the_pull_requests_head() {
    let github = pull_request();
    let qatech = qatech(one_fails());
    job(&github, &qatech, &Scene::new().comment_on_pull_request()).output();
    let start = &qatech.start_bodies()[0];
    assert_eq!(
        (&start["commitHash"], &start["branch"]),
        (&json!(HEAD_SHA), &json!("feature"))
    );
    assert_eq!(github.comments(7).len(), 1);
}

#[test]
fn a_start_that_fails_leaves_a_completed_check() {
    let github = pull_request();
    let qatech = qatech(one_fails());
    qatech.fault_starts(1, Reply::json(402, &json!({"message": "usage limit exceeded"})));
    let done = job(&github, &qatech, &Scene::new().pull_request()).output();
    assert_eq!(done.code, 3, "{}", done.log);
    let run = github.only_check_run();
    assert_eq!(
        (run.status.as_str(), run.conclusion.as_deref()),
        ("completed", Some("failure"))
    );
    assert!(run.summary.unwrap().contains("usage limit exceeded"));
}

#[test]
fn a_skip_without_token_leaves_a_neutral_check() {
    let github = pull_request();
    let qatech = qatech(one_fails());
    let run = job(&github, &qatech, &Scene::new().pull_request())
        .without_env("INPUT_API_TOKEN")
        .input("on_missing_token", "skip")
        .input("comment", "failure");
    let done = run.output();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(github.only_check_run().conclusion.as_deref(), Some("neutral"));
    assert_eq!(github.comments(7).len() + qatech.requests().len(), 0);
}

#[test]
fn nothing_is_asked_of_github_without_a_wait_or_in_a_dry_run() {
    let github = pull_request();
    let qatech = qatech(one_fails());
    for (name, value) in [("blocking", "false"), ("dry_run", "true")] {
        let done = job(&github, &qatech, &Scene::new().pull_request())
            .input(name, value)
            .output();
        assert_eq!(done.code, 0, "{}", done.log);
    }
    github.assert_untouched();
}

#[test]
fn a_fork_in_two_workflows() {
    // First the pull request's own workflow, whose token may only read.
    let scene = Scene::new().from_fork("mallory");
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD_SHA).head("mallory", "feature"));
    let token = github.token();
    github.make_token_read_only();
    let qatech = qatech(one_fails());
    let done = job(&github, &qatech, &scene.pull_request()).output();
    assert_eq!(done.code, 1);
    let log = done.shown_log();
    assert!(
        log.contains("::error title=Pay::") && log.contains("workflow_run"),
        "{log}"
    );
    assert!(
        log.contains("permissions:%0A  contents: read%0A  checks: write"),
        "{log}"
    );
    assert_eq!(github.check_runs().len(), 0);
    // Then the one that it triggers, which finds commit and pull request by itself.
    github.set_token(qatech_fakes::github::Token::actions(&token));
    let done = job(&github, &qatech, &scene.workflow_run()).output();
    assert_eq!(done.code, 1, "{}", done.log);
    assert_eq!(github.only_check_run().head_sha, HEAD_SHA);
    assert_eq!(github.comments(7).len(), 1);
    assert_eq!(qatech.start_bodies()[1]["commitHash"], json!(HEAD_SHA));
}

#[test]
fn the_head_of_a_commented_pull_request_is_sent_whatever_is_published() {
    for blocking in ["true", "false"] {
        let github = pull_request();
        let qatech = qatech(RunScript::new([Case::passed("Login")]));
        let done = job(&github, &qatech, &Scene::new().comment_on_pull_request())
            .input("annotations", "off")
            .input("comment", "off")
            .input("blocking", blocking)
            .output();
        assert_eq!(done.code, 0, "{}", done.log);
        let body = &qatech.start_bodies()[0];
        assert_eq!(
            (&body["commitHash"], &body["branch"]),
            (&json!(HEAD_SHA), &json!("feature"))
        );
        github.assert_no_writes();
        assert_eq!(github.total(), 1);
    }
}

#[test]
fn a_failed_lookup_of_the_head_does_not_affect_qatech() {
    for annotations in ["check", "off"] {
        let github = pull_request();
        github.fault(On::call(Call::GetPull).first(1), Fault::server_error(502));
        let qatech = qatech(RunScript::new([Case::passed("Login")]));
        let done = job(&github, &qatech, &Scene::new().comment_on_pull_request())
            .input("annotations", annotations)
            .output();
        assert_eq!(done.code, 0, "{}", done.log);
        assert_eq!(qatech.start_bodies()[0]["commitHash"], json!(HEAD_SHA), "{annotations}");
    }
}

#[test]
fn a_head_that_may_not_be_read_causes_a_notice() {
    let github = pull_request();
    github.fault(On::call(Call::GetPull), Fault::forbidden());
    let qatech = qatech(RunScript::new([Case::passed("Login")]));
    let done = job(&github, &qatech, &Scene::new().comment_on_pull_request())
        .input("annotations", "off")
        .input("comment", "off")
        .output();
    assert_eq!(done.code, 0, "{}", done.log);
    let notices: Vec<_> = done.log.lines().filter(|line| line.starts_with("::notice")).collect();
    assert_eq!(notices.len(), 1, "{}", done.log);
    assert!(notices[0].contains("head commit") && notices[0].contains("pull-requests: read"));
}

#[test]
fn where_nothing_is_waited_for_nothing_is_published() {
    let github = pull_request();
    let qatech = qatech(RunScript::new([Case::passed("Login")]));
    let done = job(&github, &qatech, &Scene::new().comment_on_pull_request())
        .input("blocking", "false")
        .output();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(qatech.start_bodies()[0]["commitHash"], json!(HEAD_SHA));
    github.assert_no_writes();
}

#[test]
fn the_log_shows_at_most_ten_failed_cases_and_counts_the_rest() {
    for (cases, lines) in [(1, 1), (10, 10), (11, 10), (300, 10)] {
        let github = pull_request();
        github.permit(Scope::Checks, Access::None);
        let qatech = qatech(RunScript::new((0..cases).map(|n| Case::failed(&format!("Case {n}")))));
        let done = job(&github, &qatech, &Scene::new().pull_request()).output();
        let log = done.shown_log();
        let errors: Vec<_> = log.lines().filter(|line| line.starts_with("::error")).collect();
        assert_eq!(errors.len(), lines, "{log}");
        assert!(errors.iter().all(|line| line.chars().count() <= 4_096));
        let rest = cases - 9;
        assert_eq!(errors[lines - 1].contains(&format!("{rest} more")), cases > 10, "{log}");
        let notices = log
            .lines()
            .filter(|line| line.starts_with("::notice") && line.contains("checks: write"));
        assert_eq!(notices.count(), 1, "{log}");
    }
}

/// Sends a signal to a job after its first failure, and measures how long it takes to end.
#[cfg(unix)]
fn interrupted(github: &FakeGitHub, signal: Signal) -> (Done, Duration) {
    let qatech = qatech(RunScript::new([
        Case::failed("Pay"),
        Case::passed("Login").ends(When::Never),
    ]));
    let mut running = job(github, &qatech, &Scene::new().pull_request()).start();
    running.wait_for_log("Pay");
    let from = Instant::now();
    running.signal(signal);
    let done = running.wait();
    (done, from.elapsed())
}

#[cfg(unix)]
#[test]
fn a_signal_completes_the_check_as_cancelled_within_two_seconds() {
    for signal in [Signal::Int, Signal::Term] {
        let github = pull_request();
        let (done, elapsed) = interrupted(&github, signal);
        assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
        assert!(matches!(done.code, 130 | 143), "{}", done.log);
        let run = github.only_check_run();
        assert_eq!(run.conclusion.as_deref(), Some("cancelled"), "{}", done.log);
        assert_eq!((run.updates, run.annotations.len()), (1, 1));
        assert_eq!(github.comments(7).len(), 0);
        assert!(done.outputs["check_run_url"].ends_with(&run.id.to_string()));
        assert_eq!(&done.outputs["verdict"], "interrupted");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_while_github_hangs_ends_in_time_all_the_same() {
    for call in [Call::CreateCheckRun, Call::UpdateCheckRun] {
        let github = pull_request();
        github.fault(On::call(call), Fault::hang());
        let (done, elapsed) = interrupted(&github, Signal::Int);
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
        assert_eq!(done.code, 130, "{}", done.log);
        assert!(done.summary.contains("Pay"));
    }
}

#[cfg(unix)]
#[test]
fn a_signal_while_publishing_leaves_no_check_in_progress() {
    let github = pull_request();
    github.fault(On::call(Call::ListComments), Fault::hang());
    let qatech = qatech(one_fails());
    let running = job(&github, &qatech, &Scene::new().pull_request()).start();
    github.wait_for(Call::ListComments, 1);
    github.wait_for(Call::UpdateCheckRun, 1);
    let from = Instant::now();
    running.signal(Signal::Term);
    let done = running.wait();
    assert!(from.elapsed() < Duration::from_secs(5), "{:?}", from.elapsed());
    assert_eq!(done.code, 143, "{}", done.log);
    let run = github.only_check_run();
    assert_eq!((run.status.as_str(), run.annotations.len()), ("completed", 1));
}

#[test]
fn hostile_text_stays_text() {
    let github = pull_request();
    let texts = hostile::texts();
    let cases: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| Case::failed(&format!("{text}{number}")).texts(text, text, text))
        .collect();
    let qatech = qatech(RunScript::new(cases).test_plan(Some(texts[0].as_str())));
    let event = Scene::new().hostile().pull_request();
    github.permit(Scope::PullRequests, Access::Write);
    let done = job(&github, &qatech, &event).output();
    assert_eq!(done.code, 1, "{}", done.log);
    assert_eq!(github.annotations().len(), texts.len());
    let run = github.only_check_run();
    hostile::assert_markdown(&run.summary.unwrap());
    hostile::assert_markdown(&run.text.unwrap());
    hostile::assert_markdown(&github.only_comment(7).body);
    hostile::assert_markdown(&done.summary);
    hostile::assert_log(&done.shown_log());
    assert_eq!(&done.outputs["verdict"], "failed");

    // The same with the annotations in the log.
    let done = job(&github, &qatech, &event).input("annotations", "log").output();
    assert_eq!(done.code, 1, "{}", done.log);
    hostile::assert_log(&done.shown_log());
}
