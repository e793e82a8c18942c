//! Tests of the fake GitHub, over plain sockets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::*;

mod checks;
mod faults;
mod issues;

const HEAD: &str = "a11ce0a11ce0a11ce0a11ce0a11ce0a11ce0a11c";
const OTHER: &str = "0b0e0b0e0b0e0b0e0b0e0b0e0b0e0b0e0b0e0b0e";

/// An answer as a client sees it; status 0 where there was none.
struct Answer {
    status: u16,
    head: String,
    body: Value,
    raw: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Sends a request with good header fields; `path` is behind the API's root, or a whole address of it.
fn send(github: &FakeGitHub, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let fields = format!(
        "Authorization: Bearer {}\r\nUser-Agent: test\r\nAccept: application/vnd.github+json\r\n",
        github.token()
    );
    send_with(
        github,
        method,
        path,
        &fields,
        body.map_or_else(String::new, Value::to_string).as_bytes(),
    )
}

fn send_with(github: &FakeGitHub, method: &str, path: &str, fields: &str, body: &[u8]) -> Answer {
    let root = github.url();
    let address = if path.starts_with("http") {
        path.to_owned()
    } else {
        format!("{root}{path}")
    };
    let (host, target) = address["http://".len()..].split_at(address["http://".len()..].find('/').unwrap());
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut bytes = Vec::new();
    // A reset is seen as an empty answer here.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, raw) = text.split_once("\r\n\r\n").unwrap_or_default();
    Answer {
        status: head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap()),
        head: head.to_owned(),
        body: serde_json::from_str(raw).unwrap_or_default(),
        raw: raw.to_owned(),
    }
}

fn get(github: &FakeGitHub, path: &str) -> Answer {
    send(github, "GET", path, None)
}

fn post(github: &FakeGitHub, path: &str, body: Value) -> Answer {
    send(github, "POST", path, Some(&body))
}

fn patch(github: &FakeGitHub, path: &str, body: Value) -> Answer {
    send(github, "PATCH", path, Some(&body))
}

/// Expects an answer and exactly one violation that contains `words`.
#[track_caller]
fn assert_violation(github: &FakeGitHub, answer: &Answer, status: u16, words: &str) {
    let violations = github.take_violations();
    assert_eq!(answer.status, status, "{}", answer.raw);
    assert!(
        violations.len() == 1 && violations[0].contains(words),
        "{words:?} in {violations:#?}"
    );
}

#[test]
fn every_call_has_its_schema() {
    let github = FakeGitHub::start();
    // Reading any of them compiles all.
    assert_eq!(get(&github, "/repos/octo-org/shop/issues").status, 200);
    assert_eq!(get(&github, "/repos/Octo-Org/SHOP/issues").status, 200);
    assert_eq!(get(&github, "/repos/octo-org/other/issues").status, 404);
    let other = github.add_repository("octo-org/other");
    other.add(Issue::new("Elsewhere", ""));
    assert_eq!(
        get(&github, "/repos/octo-org/other/issues").body[0]["title"],
        "Elsewhere"
    );
    assert!(github.issues().is_empty());
}

#[test]
fn an_enterprise_server_has_its_api_below_a_path() {
    let github = FakeGitHub::start_enterprise();
    assert!(github.url().ends_with("/api/v3"));
    github.add(Issue::pull(7, HEAD));
    let answer = get(&github, "/repos/octo-org/shop/pulls/7");
    assert_eq!(
        answer.body["url"],
        format!("{}/repos/octo-org/shop/pulls/7", github.url())
    );
    assert_eq!(answer.body["html_url"], "https://ghe.example/octo-org/shop/pull/7");
    let outside = github.url().replace("/api/v3", "/repos/octo-org/shop/pulls/7");
    let answer = get(&github, &outside);
    assert_violation(&github, &answer, 404, "no such call");
}

#[test]
fn header_fields_are_checked() {
    let github = FakeGitHub::start();
    let token = format!("Authorization: Bearer {}\r\n", github.token());
    let (agent, accept) = ("User-Agent: t\r\n", "Accept: application/vnd.github+json\r\n");
    let path = "/repos/octo-org/shop/issues";
    let answer = send_with(&github, "GET", path, &format!("{agent}{accept}"), b"");
    assert_violation(&github, &answer, 401, "Authorization");
    let answer = send_with(
        &github,
        "GET",
        path,
        &format!("Authorization: token SECRET\r\n{agent}{accept}"),
        b"",
    );
    assert!(!github.repo.world.lock().unwrap().violations[0].contains("SECRET"));
    assert_violation(&github, &answer, 422, "Authorization");
    let answer = send_with(&github, "GET", path, &format!("{token}{accept}"), b"");
    assert_violation(&github, &answer, 422, "User-Agent");
    let answer = send_with(&github, "GET", path, &format!("{token}{agent}Accept: */*\r\n"), b"");
    assert_violation(&github, &answer, 422, "Accept");
    let answer = send_with(
        &github,
        "GET",
        path,
        &format!("Authorization: Bearer old\r\n{agent}{accept}"),
        b"",
    );
    assert_eq!((answer.status, github.take_violations().len()), (401, 0));
}

#[test]
fn bodies_and_queries_are_checked() {
    let github = FakeGitHub::start();
    github.add(Issue::new("One", ""));
    let answer = get(&github, "/repos/octo-org/shop/issues?per_page=100&colour=red");
    assert_violation(&github, &answer, 422, "colour");
    let answer = get(&github, "/repos/octo-org/shop/issues?state=shut");
    assert_violation(&github, &answer, 422, "shut");
    let answer = get(&github, "/repos/octo-org/shop/issues?page=two");
    assert_violation(&github, &answer, 422, "two");
    let answer = post(
        &github,
        "/repos/octo-org/shop/issues/1/comments",
        json!({"body": "x", "colour": 1}),
    );
    assert_violation(&github, &answer, 422, "colour");
    let answer = post(&github, "/repos/octo-org/shop/issues/1/comments", json!({"body": 1}));
    assert_violation(&github, &answer, 422, "body/body");
    let answer = send(&github, "POST", "/repos/octo-org/shop/issues/1/comments", None);
    assert_violation(&github, &answer, 422, "missing");
    let answer = send(&github, "GET", "/repos/octo-org/shop/issues/1", Some(&json!({})));
    assert_violation(&github, &answer, 422, "no body");
    assert!(github.comments(1).is_empty());
    let answer = get(&github, "/repos/octo-org/shop/releases");
    assert_violation(&github, &answer, 404, "no such call");
}

#[test]
fn violations_fail_the_test_that_owns_the_fake() {
    let github = FakeGitHub::start();
    get(&github, "/emojis");
    let panic = catch_unwind(AssertUnwindSafe(|| drop(github))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("GET /emojis"), "{text}");
}

#[test]
fn graphql_tells_whose_any_token_is() {
    let query = json!({"query": "query { viewer { login } }"});
    for (token, login) in [
        (Token::actions("ghs_a"), ACTIONS_LOGIN),
        (Token::app("ghs_b", "acme-ci"), "acme-ci[bot]"),
        (Token::personal("ghp_c", "octocat"), "octocat"),
    ] {
        for github in [FakeGitHub::start(), FakeGitHub::start_enterprise()] {
            github.set_token(token.clone());
            let answer = send(&github, "POST", &github.graphql_url(), Some(&query));
            assert_eq!(answer.body["data"]["viewer"]["login"], json!(login));
            github.assert_no_writes();
        }
    }
}

#[test]
fn a_check_run_is_changed_by_the_app_that_made_it_only() {
    let github = FakeGitHub::start();
    let id = github.add_check_run(CheckRun::new("e2e", HEAD));
    github.set_token(Token::app("ghs_b", "acme-ci"));
    let path = format!("/repos/octo-org/shop/check-runs/{id}");
    let output = json!({"output": {"title": "x", "summary": "y"}});
    assert_eq!(send(&github, "PATCH", &path, Some(&output)).status, 403);
    let made = post(
        &github,
        "/repos/octo-org/shop/check-runs",
        json!({"name": "x", "head_sha": HEAD}),
    );
    assert_eq!(made.body["app"]["slug"], json!("acme-ci"));
}

#[test]
fn only_a_personal_token_has_a_user() {
    let github = FakeGitHub::start();
    let answer = get(&github, "/user");
    assert_eq!(
        (answer.status, &answer.body["message"]),
        (403, &json!("Resource not accessible by integration"))
    );
    github.set_token(Token::personal("ghp_x", "octocat"));
    let answer = get(&github, "/user");
    assert_eq!((answer.status, &answer.body["login"]), (200, &json!("octocat")));
    let answer = post(
        &github,
        "/repos/octo-org/shop/check-runs",
        json!({"name": "x", "head_sha": HEAD}),
    );
    assert_eq!(
        (answer.status, &answer.body["message"]),
        (403, &json!("You must authenticate via a GitHub App."))
    );
    let answer = post(&github, "/repos/octo-org/shop/issues", json!({"title": "x"}));
    assert_eq!((answer.status, &answer.body["user"]["login"]), (201, &json!("octocat")));
}

#[test]
fn permissions_are_those_of_the_workflow() {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD));
    github.add(Issue::new("Eight", ""));
    let check = json!({"name": "x", "head_sha": HEAD});
    let comment = json!({"body": "x"});
    let (runs, on_pull) = (
        "/repos/octo-org/shop/check-runs",
        "/repos/octo-org/shop/issues/7/comments",
    );
    let on_issue = "/repos/octo-org/shop/issues/8/comments";

    github.permit(Scope::Issues, Access::None);
    assert_eq!(post(&github, on_pull, comment.clone()).status, 201);
    let answer = post(&github, on_issue, comment.clone());
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("x-accepted-github-permissions"), Some("issues=write"));
    assert_eq!(get(&github, "/repos/octo-org/shop/issues").status, 403);
    github.make_public();
    assert_eq!(get(&github, "/repos/octo-org/shop/issues").status, 200);

    github.make_token_read_only();
    for answer in [post(&github, runs, check.clone()), post(&github, on_pull, comment)] {
        assert_eq!(answer.status, 403);
        assert_eq!(answer.body["message"], "Resource not accessible by integration");
    }
    assert_eq!(get(&github, on_pull).status, 200);
    github.permit(Scope::Checks, Access::Write);
    assert_eq!(post(&github, runs, check).status, 201);
    assert_eq!(github.only_comment(7).author, ACTIONS_LOGIN);
}

#[test]
fn requests_are_recorded() {
    let github = FakeGitHub::start();
    github.assert_untouched();
    github.add(Issue::pull(7, HEAD));
    get(&github, "/repos/octo-org/shop/issues/7/comments?per_page=100");
    github.assert_no_writes();
    post(
        &github,
        "/repos/octo-org/shop/issues/7/comments",
        json!({"body": "hello"}),
    );
    github.assert_count(Call::CreateComment, 1);
    github.wait_for(Call::ListComments, 1);
    assert_eq!((github.total(), github.connections()), (2, 2));
    let requests = github.requests();
    assert_eq!(requests[0].query, [("per_page".to_owned(), "100".to_owned())]);
    assert_eq!(requests[1].body, Some(json!({"body": "hello"})));
    assert_eq!(
        (requests[1].status, requests[1].path.as_str()),
        (Some(201), "/repos/octo-org/shop/issues/7/comments")
    );
    assert!(requests[0].at < requests[1].at);
    assert_eq!(github.requests_of(Call::CreateComment).len(), 1);
    let panic = catch_unwind(AssertUnwindSafe(|| github.assert_no_writes())).unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("POST /repos/octo-org/shop/issues/7/comments → 201")
    );
}

#[cfg(unix)]
#[test]
fn a_run_is_connected() {
    let github = FakeGitHub::start_enterprise();
    let done = github.connect(Run::new("/usr/bin/env").github()).output();
    for line in [
        format!("GITHUB_API_URL={}/api/v3", github.server.url()),
        format!("INPUT_GITHUB_TOKEN={}", github.token()),
        "GITHUB_SERVER_URL=https://ghe.example".to_owned(),
    ] {
        assert!(done.stdout.lines().any(|got| got == line), "{line} in {}", done.stdout);
    }
}
