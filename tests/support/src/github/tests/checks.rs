//! The Checks API of the fake.

use super::*;

const RUNS: &str = "/repos/octo-org/shop/check-runs";

fn annotation(number: usize) -> Value {
    let message = format!("message {number}");
    json!({"path": "a.yml", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": message})
}

fn output(annotations: Vec<Value>) -> Value {
    json!({"output": {"title": "t", "summary": "s", "annotations": annotations}})
}

fn create(github: &FakeGitHub) -> String {
    let answer = post(
        github,
        RUNS,
        json!({"name": "QA.tech", "head_sha": HEAD, "status": "in_progress"}),
    );
    assert_eq!(answer.status, 201, "{}", answer.raw);
    format!("{RUNS}/{}", answer.body["id"])
}

#[test]
fn a_check_run_lives_from_start_to_conclusion() {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD));
    let body = json!({
        "name": "QA.tech", "head_sha": HEAD, "status": "in_progress", "external_id": "ours", "details_url": "https://x.example",
    });
    let answer = post(&github, RUNS, body);
    assert_eq!(answer.status, 201);
    let id = answer.body["id"].as_u64().unwrap();
    assert_eq!(
        answer.body["details_url"],
        format!("https://github.com/octo-org/shop/runs/{id}")
    );
    assert_eq!(answer.body["app"]["slug"], ACTIONS_APP);
    assert_eq!(answer.body["pull_requests"][0]["number"], 7);
    assert_eq!(answer.body["conclusion"], Value::Null);
    let run = github.only_check_run();
    assert_eq!(
        (run.status.as_str(), run.external_id.as_deref()),
        ("in_progress", Some("ours"))
    );

    let path = format!("{RUNS}/{id}");
    let done = json!({"status": "completed", "conclusion": "success", "output": {"title": "t", "summary": "s"}});
    assert_eq!(patch(&github, &path, done).status, 200);
    let run = github.check_run("QA.tech");
    assert_eq!(
        (run.status.as_str(), run.conclusion.as_deref(), run.updates),
        ("completed", Some("success"), 1)
    );
    assert!(run.completed_at.is_some());
    assert_eq!(get(&github, &path).body["external_id"], "ours");
    assert_eq!(patch(&github, &format!("{RUNS}/1"), json!({"name": "x"})).status, 404);
}

#[test]
fn annotations_are_appended_and_output_is_replaced() {
    let github = FakeGitHub::start();
    let path = create(&github);
    let first = json!({"output": {"title": "one", "summary": "s", "text": "x", "annotations": [annotation(0)]}});
    assert_eq!(patch(&github, &path, first).status, 200);
    let answer = patch(&github, &path, output((1..51).map(annotation).collect()));
    assert_eq!(answer.body["output"]["annotations_count"], 51);
    assert_eq!(answer.body["output"]["text"], Value::Null);
    let run = github.only_check_run();
    assert_eq!((run.title.as_deref(), run.text), (Some("t"), None));
    let messages: Vec<String> = github.annotations().into_iter().map(|a| a.message).collect();
    assert_eq!(messages, (0..51).map(|n| format!("message {n}")).collect::<Vec<_>>());
    let page = get(&github, &format!("{path}/annotations?per_page=50&page=2"));
    assert_eq!(page.body[0]["message"], "message 50");
}

#[test]
fn five_thousand_annotations_are_no_burden() {
    let github = FakeGitHub::start();
    let path = create(&github);
    for batch in 0..100 {
        let annotations = (batch * 50..batch * 50 + 50).map(annotation).collect();
        assert_eq!(patch(&github, &path, output(annotations)).status, 200);
    }
    assert_eq!(github.annotations().len(), 5_000);
    assert_eq!(github.annotations()[4_999].message, "message 4999");
}

#[test]
fn limits_are_enforced() {
    let github = FakeGitHub::start();
    let path = create(&github);
    let with = |name: &str, value: Value| {
        let mut body = json!({"output": {"title": "t", "summary": "s"}});
        body["output"][name] = value;
        body
    };
    let annotated = |name: &str, value: Value| {
        let mut one = annotation(0);
        one[name] = value;
        output(vec![one])
    };
    let cases = [
        (output((0..51).map(annotation).collect()), "50 items"),
        (with("title", json!("é".repeat(256))), "256 characters"),
        // Characters are few enough, bytes are not.
        (with("summary", json!("é".repeat(32_768))), "65536 bytes"),
        (json!({"output": {"summary": "s"}}), "title is required"),
        (json!({"output": {"title": "s"}}), "summary"),
        (annotated("message", json!("x".repeat(65_537))), "65537 bytes"),
        (annotated("raw_details", json!("x".repeat(65_537))), "raw_details"),
        (annotated("title", json!("x".repeat(256))), "256 characters"),
        (annotated("path", Value::Null), "annotations/0/path"),
        (annotated("annotation_level", json!("error")), "annotation_level"),
        (annotated("start_line", json!(2)), "lines 2 to 1"),
        (annotated("start_line", json!(0)), "lines 0 to 1"),
        (json!({"status": "completed"}), "anyOf"),
        (
            json!({"completed_at": "2026-01-01T00:00:00Z"}),
            "conclusion is required",
        ),
        (
            json!({"completed_at": "yesterday", "conclusion": "success"}),
            "date-time",
        ),
        (json!({"conclusion": "failed"}), "conclusion"),
        (json!({"colour": "red"}), "colour"),
    ];
    for (body, words) in cases {
        let answer = patch(&github, &path, body);
        assert_violation(&github, &answer, 422, words);
    }
    for field in ["path", "start_line", "end_line", "annotation_level", "message"] {
        let mut one = annotation(0);
        one.as_object_mut().unwrap().remove(field);
        let answer = patch(&github, &path, output(vec![one]));
        assert_violation(&github, &answer, 422, field);
    }
    let answer = post(
        &github,
        RUNS,
        json!({"name": "x", "head_sha": HEAD, "status": "completed"}),
    );
    assert_violation(&github, &answer, 422, "conclusion is required");
    assert_eq!(
        post(&github, RUNS, json!({"name": "x", "head_sha": "main"})).status,
        422
    );
    let run = github.only_check_run();
    assert_eq!((run.updates, run.annotations.len(), run.title), (0, 0, None));

    for body in [
        output((0..50).map(annotation).collect()),
        with("title", json!("é".repeat(255))),
        with("summary", json!("x".repeat(65_535))),
        annotated("message", json!("x".repeat(65_536))),
    ] {
        assert_eq!(patch(&github, &path, body).status, 200);
    }
}

#[test]
fn a_long_text_is_truncated_silently() {
    let github = FakeGitHub::start();
    let path = create(&github);
    let text = format!("{}é", "x".repeat(65_534));
    assert_eq!(
        patch(
            &github,
            &path,
            json!({"output": {"title": "t", "summary": "s", "text": text}})
        )
        .status,
        200
    );
    let run = github.only_check_run();
    assert_eq!((run.text.unwrap().len(), run.text_was_cut), (65_534, true));
    let long = "x".repeat(200_000);
    assert_eq!(
        patch(
            &github,
            &path,
            json!({"output": {"title": "t", "summary": "s", "text": long}})
        )
        .status,
        200
    );
    assert_eq!(github.only_check_run().text.unwrap().len(), 65_535);
}

#[test]
fn check_runs_are_listed_by_commit() {
    let github = FakeGitHub::start();
    github.add_check_run(CheckRun::new("QA.tech", HEAD).external_id("old").completed("failure"));
    github.add_check_run(CheckRun::new("QA.tech", HEAD).external_id("forged").by_app("evil-app"));
    let newest = github.add_check_run(CheckRun::new("QA.tech", HEAD).external_id("new"));
    github.add_check_run(CheckRun::new("lint", HEAD));
    github.add_check_run(CheckRun::new("QA.tech", OTHER));
    github.set_branch("feature/x", HEAD);

    let list = |reference: &str, query: &str| {
        let answer = get(
            &github,
            &format!("/repos/octo-org/shop/commits/{reference}/check-runs{query}"),
        );
        assert_eq!(answer.status, 200, "{}", answer.raw);
        let runs = answer.body["check_runs"].as_array().unwrap();
        assert_eq!(answer.body["total_count"].as_u64().unwrap() as usize, runs.len());
        runs.iter()
            .map(|run| run["external_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(HEAD, ""), ["", "new", "forged"]);
    assert_eq!(list(HEAD, "?check_name=QA.tech&filter=latest"), ["new", "forged"]);
    assert_eq!(list(HEAD, "?check_name=QA.tech&filter=all"), ["new", "forged", "old"]);
    assert_eq!(list(HEAD, "?filter=all&status=completed"), ["old"]);
    assert_eq!(list("feature%2Fx", "?check_name=QA.tech"), ["new", "forged"]);
    assert_eq!(
        get(&github, "/repos/octo-org/shop/commits/nowhere/check-runs").status,
        422
    );
    assert_eq!(
        patch(&github, &format!("{RUNS}/{}", newest - 1), json!({"name": "x"})).status,
        403
    );
    assert_eq!(github.check_run("QA.tech").head_sha, OTHER);

    let answer = get(
        &github,
        &format!("/repos/octo-org/shop/commits/{HEAD}/check-runs?filter=all&per_page=3&page=2"),
    );
    assert_eq!(
        (
            answer.body["total_count"].as_u64(),
            answer.body["check_runs"].as_array().unwrap().len()
        ),
        (Some(4), 1)
    );
}
