//! Tokens other than the job's own: who is the author of the results, and what the log advises if they are refused.

use std::time::Duration;

use qatech_fakes::events::{HEAD_SHA, Scene};
use qatech_fakes::github::{Call, FakeGitHub, Fault, Issue, On, Token};
use qatech_fakes::http::Reply;
use qatech_run::report::sample::valid_short_id;

use crate::github::program::{job, one_fails, qatech};
use crate::github::stage::{Stage, failed, passed};

const APP: &str = "acme-ci[bot]";

fn with_token(github: FakeGitHub, token: Token) -> FakeGitHub {
    github.set_token(token);
    github.add(Issue::pull(7, HEAD_SHA).head("octo-org", "feature"));
    github
}

fn with_app() -> FakeGitHub {
    with_token(FakeGitHub::start(), Token::app("ghs_app", "acme-ci"))
}

#[tokio::test]
async fn an_app_updates_its_one_comment_and_closes_its_one_issue() {
    let enterprise = with_token(FakeGitHub::start_enterprise(), Token::app("ghs_app", "acme-ci"));
    for github in [with_app(), enterprise] {
        let comments = Stage::new(&github, &Scene::new().pull_request()).input("comment", "always");
        let issues = Stage::new(&github, &Scene::new().on_branch("main").push()).input("issue", "failure");
        for (run, report) in [("901", failed(1)), ("902", failed(2)), ("903", passed())] {
            for stage in [&comments, &issues] {
                let published = stage.clone().variable("GITHUB_RUN_ID", run).publish(&report).await;
                assert!(published.warnings.is_empty(), "{published:?}");
            }
        }
        let comment = github.only_comment(7);
        assert_eq!((comment.author.as_str(), comment.updates), (APP, 2));
        let issue = github.only_issue();
        assert_eq!((issue.author.as_str(), issue.state.as_str()), (APP, "closed"));
        github.assert_count(Call::GetUser, 0);
    }
}

#[tokio::test]
async fn an_app_finds_the_runs_of_the_jobs_earlier_attempt() {
    let github = with_app();
    let stage = Stage::new(&github, &Scene::new().pull_request()).input("on_github_rerun", "failed");
    stage.publish(&failed(1)).await;
    let second = stage.variable("GITHUB_RUN_ATTEMPT", "2").begin();
    let found = second.previous_run_ids(Duration::from_secs(20)).await;
    assert_eq!(found, Ok(vec![Some(valid_short_id("run-1"))]));
    // Another app's check run is never ours, whatever it contains.
    github.set_token(Token::app("ghs_app", "other-ci"));
    let stage = Stage::new(&github, &Scene::new().pull_request()).input("on_github_rerun", "failed");
    let second = stage.variable("GITHUB_RUN_ATTEMPT", "2").begin();
    assert!(second.previous_run_ids(Duration::from_secs(20)).await.is_err());
}

#[tokio::test]
async fn where_graphql_is_refused_the_rest_api_is_asked() {
    let github = with_token(FakeGitHub::start(), Token::personal("ghp_personal", "hubot"));
    github.fault(On::call(Call::Viewer), Fault::not_found());
    let stage = Stage::new(&github, &Scene::new().pull_request())
        .input("comment", "always")
        .input("annotations", "off");
    for run in ["901", "902"] {
        stage.clone().variable("GITHUB_RUN_ID", run).publish(&failed(1)).await;
    }
    assert_eq!(github.only_comment(7).updates, 1);
    github.assert_count(Call::GetUser, 2);
}

#[tokio::test]
async fn a_firewalls_page_is_told_as_nobodys_missing_permission() {
    let github = with_app();
    for (call, page) in [
        (Call::CreateCheckRun, "<html>Blocked by policy 4711</html>"),
        (Call::CreateComment, ""),
    ] {
        github.fault(On::call(call), Fault::reply(Reply::raw(403, "text/html", page)));
    }
    let published = Stage::new(&github, &Scene::new().pull_request())
        .input("comment", "always")
        .publish(&failed(1))
        .await;
    let told = [published.notices.clone(), published.warnings.clone()]
        .concat()
        .join("\n");
    for part in [
        "HTTP 403, <html>Blocked by policy 4711</html>",
        "an empty body",
        "perhaps from a proxy",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for blame in ["permission", "checks: write", "pull-requests: write", "token"] {
        assert!(!told.contains(blame), "{blame}: {told}");
    }
}

#[tokio::test]
async fn the_token_goes_to_no_other_host_than_the_apis() {
    let (github, other) = (with_app(), FakeGitHub::start());
    let stage = Stage::new(&github, &Scene::new().pull_request())
        .input("comment", "always")
        .variable("GITHUB_GRAPHQL_URL", &other.graphql_url());
    stage.publish(&failed(1)).await;
    other.assert_untouched();
}

#[test]
fn advice_is_about_what_was_refused() {
    let allow_list = "Although you appear to have the correct authorization credentials, the `octo-org` organization has \
                      an IP allow list enabled, and your IP address is not permitted to access this resource.";
    for (token, fault, advised) in [
        (
            Token::personal("ghp_personal", "hubot"),
            None,
            "A personal access token can't",
        ),
        (
            Token::actions("ghs_a"),
            Some(Fault::status(403, allow_list)),
            "to its IP allow list",
        ),
    ] {
        let github = with_token(FakeGitHub::start(), token);
        if let Some(fault) = fault {
            github.fault(On::any(), fault);
        }
        let qatech = qatech(one_fails());
        let done = job(&github, &qatech, &Scene::new().pull_request()).output();
        assert_eq!(done.code, 1, "{}", done.log);
        done.assert_logged(advised);
        assert!(!done.log.contains("checks: write"), "{}", done.log);
        assert!(done.shown_log().contains("::error title=Pay::"), "{}", done.log);
    }
}
