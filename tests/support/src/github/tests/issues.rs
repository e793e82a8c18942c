//! Issues, comments, pull requests and pages of the fake.

use super::*;

const COMMENTS: &str = "/repos/octo-org/shop/issues/7/comments";

fn titles(answer: &Answer) -> Vec<&str> {
    answer
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| issue["title"].as_str().unwrap())
        .collect()
}

/// The address of a relation in a `Link` header.
fn link(answer: &Answer, rel: &str) -> Option<String> {
    let links = answer.header("link")?;
    let link = links
        .split(", ")
        .find(|link| link.ends_with(&format!("rel=\"{rel}\"")))?;
    Some(link[1..link.find('>').unwrap()].to_owned())
}

#[test]
fn comments_come_in_ascending_pages() {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD));
    github.add(Issue::new("Other", ""));
    for number in 0..250 {
        github.add_comment(7, "octocat", &format!("comment {number}"));
        github.add_comment(8, "octocat", "elsewhere");
    }
    let mut seen = Vec::new();
    let mut next = Some(format!("{COMMENTS}?per_page=100"));
    let mut pages = 0;
    while let Some(path) = next {
        let answer = get(&github, &path);
        pages += 1;
        seen.extend(
            answer
                .body
                .as_array()
                .unwrap()
                .iter()
                .map(|c| c["body"].as_str().unwrap().to_owned()),
        );
        assert_eq!(link(&answer, "prev").is_some(), pages > 1);
        assert_eq!(link(&answer, "last").is_some(), pages < 3);
        next = link(&answer, "next");
        if let Some(next) = &next {
            let wanted = format!(
                "{}/repositories/4711/issues/7/comments?per_page=100&page={}",
                github.url(),
                pages + 1
            );
            assert_eq!(*next, wanted);
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(
        seen,
        (0..250).map(|number| format!("comment {number}")).collect::<Vec<_>>()
    );

    // 30 unless told, 100 at most, nothing behind the end.
    for (query, count) in [
        ("", 30),
        ("?per_page=1000", 100),
        ("?per_page=100&page=4", 0),
        ("?per_page=0&page=0", 30),
    ] {
        assert_eq!(
            get(&github, &format!("{COMMENTS}{query}"))
                .body
                .as_array()
                .unwrap()
                .len(),
            count,
            "{query}"
        );
    }
    let first = get(&github, COMMENTS);
    assert_eq!(
        link(&first, "last").unwrap(),
        format!("{}/repositories/4711/issues/7/comments?page=9", github.url())
    );
    github
        .comments(7)
        .iter()
        .skip(100)
        .for_each(|comment| github.delete_comment(comment.id));
    assert_eq!(get(&github, &format!("{COMMENTS}?per_page=100")).header("link"), None);
    let since = &github.comments(7)[98].created_at.clone();
    assert_eq!(
        get(&github, &format!("{COMMENTS}?since={since}"))
            .body
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn comments_are_written_and_updated() {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD));
    let answer = post(&github, COMMENTS, json!({"body": "one"}));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body["user"]["login"], ACTIONS_LOGIN);
    let id = answer.body["id"].as_u64().unwrap();
    assert_eq!(
        answer.body["html_url"],
        format!("https://github.com/octo-org/shop/pull/7#issuecomment-{id}")
    );
    let path = format!("/repos/octo-org/shop/issues/comments/{id}");
    assert_eq!(patch(&github, &path, json!({"body": "two"})).status, 200);
    assert_eq!(get(&github, &path).body["body"], "two");
    let comment = github.only_comment(7);
    assert_eq!(
        (
            comment.body.as_str(),
            comment.updates,
            comment.created_at < comment.updated_at
        ),
        ("two", 1, true)
    );
    assert_eq!(
        patch(&github, "/repos/octo-org/shop/issues/comments/1", json!({"body": "x"})).status,
        404
    );
    assert_eq!(
        post(&github, "/repos/octo-org/shop/issues/9/comments", json!({"body": "x"})).status,
        404
    );
    github.add_comment(7, "mallory", "forged");
    assert_eq!(github.comments_by(7, ACTIONS_LOGIN).len(), 1);
    let panic = catch_unwind(AssertUnwindSafe(|| github.only_comment(7))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("found 2"));
}

#[test]
fn long_comments_are_refused() {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD));
    assert_eq!(post(&github, COMMENTS, json!({"body": "é".repeat(65_536)})).status, 201);
    let answer = post(&github, COMMENTS, json!({"body": "x".repeat(65_537)}));
    assert_violation(&github, &answer, 422, "65537 characters");
    assert_eq!(
        answer.body["errors"][0]["message"],
        "Body is too long (maximum is 65536 characters)"
    );
    let answer = post(&github, COMMENTS, json!({"body": " "}));
    assert_violation(&github, &answer, 422, "blank");
    github.limit_comments(1_000);
    assert_eq!(post(&github, COMMENTS, json!({"body": "x".repeat(1_001)})).status, 422);
    assert_eq!(post(&github, COMMENTS, json!({"body": "x".repeat(1_000)})).status, 201);
    assert_eq!(github.comments(7).len(), 2);
}

#[test]
fn issues_are_opened_closed_and_reopened() {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD));
    let answer = post(
        &github,
        "/repos/octo-org/shop/issues",
        json!({"title": "Red", "body": "b", "labels": ["qa-tech"]}),
    );
    assert_eq!((answer.status, &answer.body["number"]), (201, &json!(8)));
    assert_eq!(answer.body["labels"][0]["name"], "qa-tech");
    assert_eq!(answer.body["html_url"], "https://github.com/octo-org/shop/issues/8");
    let path = "/repos/octo-org/shop/issues/8";
    assert_eq!(
        patch(&github, path, json!({"state": "closed", "state_reason": "not_planned"})).status,
        200
    );
    let issue = github.only_issue();
    assert_eq!(
        (issue.state.as_str(), issue.state_reason.as_deref()),
        ("closed", Some("not_planned"))
    );
    assert!(issue.closed_at.is_some());
    let answer = patch(
        &github,
        path,
        json!({"state": "open", "labels": [{"name": "b"}], "title": "Redder"}),
    );
    assert_eq!(answer.body["state_reason"], "reopened");
    assert_eq!(
        (answer.body["labels"][0]["name"].as_str(), answer.body["title"].as_str()),
        (Some("b"), Some("Redder"))
    );
    // Ignored without a change of state.
    patch(&github, path, json!({"state": "open", "state_reason": "completed"}));
    assert_eq!(github.issue(8).state_reason.as_deref(), Some("reopened"));
    assert_eq!(
        patch(&github, "/repos/octo-org/shop/issues/99", json!({"state": "closed"})).status,
        404
    );
    let answer = post(
        &github,
        "/repos/octo-org/shop/issues",
        json!({"title": "x".repeat(257)}),
    );
    assert_violation(&github, &answer, 422, "257 characters");
    let answer = post(
        &github,
        "/repos/octo-org/shop/issues",
        json!({"title": "x", "body": "x".repeat(65_537)}),
    );
    assert_violation(&github, &answer, 422, "65537 characters");
    assert_eq!(github.issues().len(), 1);
}

#[test]
fn issues_are_filtered_and_include_pull_requests() {
    let github = FakeGitHub::start();
    github.add(Issue::new("a", "").labels(&["qa-tech"]).by(ACTIONS_LOGIN));
    github.add(Issue::new("b", "").labels(&["qa-tech", "bug"]).closed());
    github.add(Issue::pull(3, HEAD).labels(&["qa-tech"]));
    github.add_comment(1, "octocat", "x");
    let list = |query: &str| get(&github, &format!("/repos/octo-org/shop/issues{query}"));
    let answer = list("");
    assert_eq!(titles(&answer), ["A change", "a"]);
    assert_eq!(
        answer.body[0]["pull_request"]["url"],
        format!("{}/repos/octo-org/shop/pulls/3", github.url())
    );
    assert_eq!(
        (answer.body[1].get("pull_request"), &answer.body[1]["comments"]),
        (None, &json!(1))
    );
    assert_eq!(titles(&list("?state=all&labels=QA-Tech,bug")), ["b"]);
    assert_eq!(titles(&list("?state=closed")), ["b"]);
    assert_eq!(titles(&list("?creator=github-actions%5Bbot%5D&labels=qa-tech")), ["a"]);
    assert_eq!(titles(&list("?state=all&direction=asc")), ["a", "b", "A change"]);
    assert_eq!(titles(&list("?state=all&sort=comments&per_page=1")), ["a"]);
    assert_eq!(
        get(&github, "/repos/octo-org/shop/issues/3").body["pull_request"]["html_url"],
        "https://github.com/octo-org/shop/pull/3"
    );
}

#[test]
fn pull_requests_are_found_by_number_head_and_commit() {
    let github = FakeGitHub::start();
    github.add(Issue::pull(1, HEAD).head("octo-org", "feature"));
    github.add(Issue::pull(2, OTHER).head("mallory", "feature").base("release"));
    github.add(Issue::pull(3, HEAD).head("octo-org", "old").merged());
    let merged = "5555555555555555555555555555555555555555";
    github.add_commit_to_pull(merged, 3);
    let numbers = |path: &str| {
        let answer = get(&github, &format!("/repos/octo-org/shop/{path}"));
        assert_eq!(answer.status, 200, "{}", answer.raw);
        answer
            .body
            .as_array()
            .unwrap()
            .iter()
            .map(|pull| pull["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("pulls"), [2, 1]);
    assert_eq!(numbers("pulls?state=all&sort=updated"), [1, 2, 3]);
    assert_eq!(numbers("pulls?head=mallory:feature&state=all"), [2]);
    assert_eq!(numbers("pulls?head=feature"), [2, 1]);
    assert_eq!(numbers("pulls?base=release"), [2]);
    assert_eq!(numbers(&format!("commits/{HEAD}/pulls")), [3, 1]);
    assert_eq!(numbers(&format!("commits/{merged}/pulls")), [3]);

    let pull = get(&github, "/repos/octo-org/shop/pulls/2").body;
    assert_eq!(
        (pull["head"]["sha"].as_str(), pull["head"]["ref"].as_str()),
        (Some(OTHER), Some("feature"))
    );
    assert_eq!(pull["head"]["repo"]["full_name"], "mallory/shop");
    assert_eq!(pull["head"]["repo"]["fork"], true);
    assert_eq!(pull["base"]["repo"]["full_name"], "octo-org/shop");
    github.edit(2, |issue| issue.pull.as_mut().unwrap().head_sha = HEAD.to_owned());
    assert_eq!(get(&github, "/repos/octo-org/shop/pulls/2").body["head"]["sha"], HEAD);
    assert_eq!(get(&github, "/repos/octo-org/shop/pulls/9").status, 404);
}
