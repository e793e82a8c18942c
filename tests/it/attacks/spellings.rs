//! Secrets in every spelling: as they were written, as they are sent, and as whoever echoes them may write them.

use qatech_fakes::harness::{Done, FILE_INPUTS};
use qatech_fakes::http::Reply;
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript, TOKEN};
use serde_json::json;

use super::run;

/// A URL as somebody may write it: signs that parsing would encode, a plus, a short value between others.
const WRITTEN: &str = "https://me:top s3cr'et@pr.example/?a=1&token=it's+hidd\"en&pin=hush42";
/// What no one may see of it, in any spelling.
const PARTS: [&str; 9] = [
    "s3cr'et",
    "s3cr%27et",
    "s3cr&#39;et",
    "hidd\"en",
    "hidd\\\"en",
    "hidd%22en",
    "hidd&quot;en",
    "pin=hush42",
    "pin%3Dhush42",
];

#[track_caller]
fn assert_kept(done: &Done, parts: &[&str]) {
    for part in parts {
        assert_eq!(done.places_with(part), [""; 0], "{part}:\n{}", done.shown_log());
        for (name, value) in &done.outputs.pairs {
            assert!(!value.contains(part), "{part} in {name}");
        }
    }
}

fn applications() -> String {
    json!([{"applicationShortId": "app_web", "environment": {"url": WRITTEN}}]).to_string()
}

/// Every way in which a page or an error may repeat the URL.
fn echoes() -> String {
    let parsed = "https://me:top%20s3cr%27et@pr.example/?a=1&token=it%27s+hidd%22en&pin=hush42";
    let component = "https%3A%2F%2Fpr.example%2F%3Fa%3D1%26token%3Dit's%2Bhidd%22en%26pin%3Dhush42";
    let html = "https://pr.example/?a=1&amp;token=it&#39;s+hidd&quot;en&amp;pin=hush42";
    let json = json!(WRITTEN).to_string();
    let php = json.replace('/', "\\/");
    let go = json.replace('&', "\\u0026");
    [
        WRITTEN,
        parsed,
        component,
        html,
        &json,
        &php,
        &go,
        "the token it's hidd\"en, me:top s3cr'et@pr",
    ]
    .join("\n")
}

#[test]
fn an_environment_is_kept_in_every_spelling() {
    for (method, path, reply) in [
        ("POST", "/run", Reply::raw(500, "text/plain", echoes())),
        ("POST", "/run", Reply::json(400, &json!({"message": echoes()}))),
        ("GET", "/run/*", Reply::json(403, &json!({"message": echoes()}))),
    ] {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", RunScript::new([Case::passed("Login")]));
        fake.fault(method, path, 1, reply);
        let done = run(&fake)
            .input("test_plan_short_id", "pln_a")
            .input("applications_config", &applications())
            .output();
        assert_kept(&done, &PARTS);
    }
    let fake = FakeQaTech::start();
    let all = echoes();
    fake.plan("pln_a", RunScript::new([Case::failed(&all).texts(&all, &all, &all)]));
    let mut running = run(&fake)
        .input("test_plan_short_id", "pln_a")
        .input("applications_config", &applications());
    for file in FILE_INPUTS {
        running = running.input(file, file);
    }
    let done = running.output();
    assert_eq!(done.code, 1, "{}", done.log);
    assert_kept(&done, &PARTS);
    let sent = &fake.start_bodies()[0]["applications"][0]["environment"]["url"];
    assert_eq!(sent, WRITTEN);
}

#[test]
fn a_dry_run_shows_no_environment_as_it_was_written() {
    let fake = FakeQaTech::start();
    let done = run(&fake)
        .input("applications_config", &applications())
        .input("dry_run", "true")
        .output();
    assert_eq!(done.code, 0, "{}", done.log);
    done.assert_logged("pr.example");
    assert_kept(&done, &PARTS);
}

#[test]
fn an_api_that_names_a_run_after_the_token_is_not_believed() {
    let named =
        |id: &str, short_id: &str| json!({"success": true, "run": {"id": id, "shortId": short_id, "url": "https://x"}});
    for (started, verdict) in [(named("1", TOKEN), "unknown"), (named(TOKEN, "abc123"), "passed")] {
        let fake = FakeQaTech::start();
        fake.existing_run("abc123", RunScript::new([Case::passed("Login")]));
        fake.fault_starts(1, Reply::json(200, &started));
        let look =
            json!({"id": TOKEN, "shortId": "abc123", "status": "COMPLETED", "result": "PASSED", "runTestCases": []});
        fake.fault_polls(1, Reply::json(200, &look));
        let done = run(&fake)
            .input("json_path", "r.json")
            .input("ctrf_path", "r.ctrf.json")
            .output();
        assert_eq!(&done.outputs["verdict"], verdict, "{}", done.log);
        assert_kept(&done, &[TOKEN]);
    }
}

#[test]
fn half_a_token_is_not_shown_where_a_page_is_cut() {
    for before in (4_800..4_900).step_by(3).chain(3_900..3_920) {
        let fake = FakeQaTech::start();
        let page = format!("{}{TOKEN} and more{}", " ".repeat(before), "x".repeat(5_000));
        fake.fault_starts(1, Reply::raw(500, "text/html", page));
        let done = run(&fake).output();
        assert_kept(&done, &[&TOKEN[..10]]);
    }
}

#[test]
fn a_path_that_can_not_be_written_reveals_no_secret() {
    let fake = FakeQaTech::start();
    fake.default_plan(RunScript::new([Case::passed("Login")]));
    let path = |name| format!("/proc/{TOKEN}/{name}");
    let done = run(&fake)
        .input("junit_path", &path("junit"))
        .input("history_path", &path("history"))
        .input("outputs_path", &path("outputs"))
        .output();
    assert_eq!(done.code, 3, "{}", done.log);
    assert!(!done.shown_log().contains(TOKEN), "{}", done.log);
}
