//! Tests of the fake QA.tech, over its socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::*;
use crate::http::End;

/// Sends one request; status 0 stands for a connection that broke.
fn call(fake: &FakeQaTech, method: &str, target: &str, body: &str) -> (u16, String) {
    call_with(fake, method, target, body, TOKEN)
}

fn call_with(fake: &FakeQaTech, method: &str, target: &str, body: &str, token: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(fake.server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let kind = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/json\r\n"
    };
    let head = format!(
        "{method} /v1{target} HTTP/1.1\r\nHost: x\r\nUser-Agent: t/1\r\nAuthorization: Bearer {token}\r\n{kind}\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = Vec::new();
    if stream.read_to_end(&mut answer).is_err() || answer.is_empty() {
        return (0, String::new());
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn good(fake: &FakeQaTech, method: &str, target: &str, body: &str) -> Value {
    let (status, answer) = call(fake, method, target, body);
    assert_eq!(status, 200, "{method} {target}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

fn names(run: &Value) -> Vec<&str> {
    run["runTestCases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["name"].as_str().unwrap())
        .collect()
}

#[test]
fn a_run_is_started_and_plays_its_script_and_all_answers_are_valid() {
    let fake = FakeQaTech::start();
    fake.plan(
        "pln_a",
        RunScript::new([
            Case::passed("Login"),
            Case::failed("Pay").ends(When::Look(2)),
            Case::new("Mail", Outcome::Skipped).ends(When::Look(3)),
            Case::new("Search", Outcome::Error).ends(When::Look(3)),
            Case::new("Help", Outcome::Cancelled).ends(When::Look(3)),
        ]),
    );
    let api = OpenApi::get(ShortIds::Patterns);
    let started = good(&fake, "POST", "/run", r#"{"testPlanShortId":"pln_a"}"#);
    assert_eq!(api.response_errors("POST", "/run", &started), [""; 0]);
    assert_eq!(started["run"]["testCount"], 5);
    assert_eq!(
        started["run"]["testPlan"],
        json!({"name": "Checkout", "shortId": "pln_a"})
    );
    let target = format!("/run/{}", started["run"]["shortId"].as_str().unwrap());

    let first = good(&fake, "GET", &target, "");
    assert_eq!(
        (&first["status"], &first["result"], &first["runTestCases"]),
        (&json!("RUNNING"), &Value::Null, &json!([]))
    );
    let second = good(&fake, "GET", &format!("{target}?testCases=failed"), "");
    assert_eq!(names(&second), ["Pay"]);
    assert_eq!(second["status"], "RUNNING");
    let third = good(&fake, "GET", &format!("{target}?testCases=all"), "");
    assert_eq!(names(&third), ["Login", "Pay", "Mail", "Search", "Help"]);
    assert_eq!(
        (&third["status"], &third["result"]),
        (&json!("COMPLETED"), &json!("FAILED"))
    );
    assert_eq!(third["runTestCases"][3]["status"], "ERROR");
    assert_eq!(
        names(&good(&fake, "GET", &format!("{target}?testCases=failed"), "")),
        ["Pay", "Mail", "Search"]
    );
    for answer in [&first, &second, &third] {
        assert_eq!(api.response_errors("GET", "/run/{shortId}", answer), [""; 0]);
    }
    assert_eq!((fake.starts(), fake.reruns(), fake.gets()), (1, 0, 4));
    assert_eq!(fake.start_bodies(), [json!({"testPlanShortId": "pln_a"})]);
}

#[test]
fn phases_say_what_they_are_told() {
    let fake = FakeQaTech::start();
    let script =
        RunScript::new([])
            .phase(When::Look(2), "PAUSED", None)
            .phase(When::Look(3), "COMPLETED", Some("MAYBE"));
    fake.existing_run("abc123", script.leave_cases_out().field("surprise", json!(1)));
    let say = || {
        let run = good(&fake, "GET", "/run/abc123", "");
        assert!(run.get("runTestCases").is_none());
        assert_eq!(run["surprise"], 1);
        (run["status"].clone(), run["result"].clone())
    };
    assert_eq!(say(), (json!("INITIATED"), Value::Null));
    assert_eq!(say(), (json!("PAUSED"), Value::Null));
    assert_eq!(say(), (json!("COMPLETED"), json!("MAYBE")));
    assert_eq!(fake.starts(), 0);

    fake.existing_run(
        "slow",
        RunScript::new([]).ends(When::After(Duration::from_millis(100)), "ERROR", None),
    );
    assert_eq!(good(&fake, "GET", "/run/slow", "")["status"], "RUNNING");
    thread::sleep(Duration::from_millis(120));
    assert_eq!(good(&fake, "GET", "/run/slow", "")["status"], "ERROR");
    fake.existing_run("never", RunScript::new([Case::passed("x").ends(When::Never)]));
    assert_eq!(good(&fake, "GET", "/run/never", "")["status"], "RUNNING");
}

fn cases_to_rerun() -> [Case; 4] {
    [
        Case::passed("a"),
        Case::failed("b"),
        Case::failed("c"),
        Case::new("d", Outcome::Skipped),
    ]
}

#[test]
fn reruns_play_the_failed_cases_and_hand_on_what_is_left() {
    let fake = FakeQaTech::start();
    let script = RunScript::new(cases_to_rerun())
        .rerun(Rerun::passing(&["b", "d"]))
        .rerun(Rerun::passing(&["c"]).identity(Identity::NewIds));
    fake.default_plan(script.test_plan(None));
    let started = good(&fake, "POST", "/run", "");
    assert_eq!(started["run"]["testPlan"], Value::Null);
    let first = good(&fake, "GET", "/run/run001?testCases=all", "");

    let rerun = good(&fake, "POST", "/run/run001", r#"{"failedOnly":true}"#);
    assert_eq!(
        OpenApi::get(ShortIds::Patterns).response_errors("POST", "/run/{shortId}", &rerun),
        [""; 0]
    );
    assert_eq!(
        (&rerun["run"]["shortId"], &rerun["run"]["testCount"]),
        (&json!("run002"), &json!(3))
    );
    let second = good(&fake, "GET", "/run/run002?testCases=all", "");
    assert_eq!(
        (names(&second), &second["result"]),
        (vec!["b", "c", "d"], &json!("FAILED"))
    );
    assert_eq!(second["runTestCases"][0]["id"], first["runTestCases"][1]["id"]);

    good(&fake, "POST", "/run/run002", r#"{"failedOnly":true}"#);
    let third = good(&fake, "GET", "/run/run003?testCases=all", "");
    assert_eq!((names(&third), &third["result"]), (vec!["c"], &json!("PASSED")));
    assert_ne!(third["runTestCases"][0]["id"], first["runTestCases"][2]["id"]);
    assert_eq!(third["runTestCases"][0]["shortId"], first["runTestCases"][2]["shortId"]);

    assert_eq!(
        call(&fake, "POST", "/run/run003", r#"{"failedOnly":true}"#),
        (400, r#"{"message":"No tests to rerun"}"#.to_owned())
    );
    assert_eq!(
        call(
            &fake,
            "POST",
            "/run/run001",
            r#"{"failedOnly":true,"projectTestCaseIds":[]}"#
        )
        .0,
        400
    );
    let details = good(
        &fake,
        "GET",
        &format!(
            "/run-test-case/{}",
            first["runTestCases"][0]["shortId"].as_str().unwrap()
        ),
        "",
    );
    let one = json!({"projectTestCaseIds": [details["projectTestCaseId"]]}).to_string();
    assert_eq!(good(&fake, "POST", "/run/run001", &one)["run"]["testCount"], 1);
    assert_eq!(good(&fake, "POST", "/run/run001", "{}")["run"]["testCount"], 4);
    assert_eq!((fake.starts(), fake.reruns()), (1, 4));
    assert_eq!(fake.runs()[2].rerun_of.as_deref(), Some("run002"));
}

#[test]
fn a_rerun_may_have_a_script_of_its_own() {
    let fake = FakeQaTech::start();
    let own = Rerun::exactly(RunScript::new([Case::failed("new")]));
    fake.existing_run("own", RunScript::new(cases_to_rerun()).rerun(own));
    good(&fake, "POST", "/run/own", r#"{"failedOnly":true}"#);
    let last = fake.runs().pop().unwrap();
    assert_eq!(
        names(&good(
            &fake,
            "GET",
            &format!("/run/{}?testCases=all", last.short_id),
            ""
        )),
        ["new"]
    );
}

#[test]
fn wrong_requests_are_refused() {
    let fake = FakeQaTech::start();
    fake.default_plan(RunScript::new([]));
    assert_eq!(call(&fake, "GET", "/run/none", "").0, 404);
    assert_eq!(call(&fake, "POST", "/run/none", "{}").0, 404);
    assert_eq!(call(&fake, "POST", "/run", r#"{"testPlanShortId":"pln_none"}"#).0, 404);
    assert_eq!(call(&fake, "POST", "/run", r#"{"notifications":[]}"#).0, 400);
    assert_eq!(call_with(&fake, "POST", "/run", "", "wrong").0, 401);
    assert_eq!(fake.starts(), 0);
    fake.set_token("wrong");
    assert_eq!(call_with(&fake, "POST", "/run", "", "wrong").0, 200);
    assert_eq!(fake.take_violations(), [""; 0]);
}

#[test]
fn faults_hit_the_requests_they_mean() {
    let fake = FakeQaTech::start();
    fake.default_plan(RunScript::new([Case::passed("a").ends(When::Look(2))]));
    fake.lose_answer("POST", "/run", 1, Reply::cut(End::Reset));
    fake.fault("POST", "/run", 2, Reply::json(500, &json!({})));
    fake.fault("GET", "/run/*", 2..=3, Reply::raw(502, "text/html", "<html>"));
    assert_eq!(call(&fake, "POST", "/run", "{}").0, 0);
    assert_eq!(fake.starts(), 1);
    assert_eq!(call(&fake, "POST", "/run", "{}").0, 500);
    assert_eq!(fake.starts(), 1);
    let statuses: Vec<u16> = (0..4).map(|_| call(&fake, "GET", "/run/run001", "").0).collect();
    assert_eq!(statuses, [200, 502, 502, 200]);
    // Looks that a fault answered are none.
    assert_eq!(good(&fake, "GET", "/run/run001", "")["status"], "COMPLETED");
    assert_eq!(fake.gets(), 5);

    fake.clear_faults();
    fake.intercept(|request, nth| (request.method == "GET" && nth == 2).then(|| Instead::Of(Reply::empty(503))));
    assert_eq!(call(&fake, "GET", "/run/run001", "").0, 200);
    assert_eq!(call(&fake, "GET", "/run/run001", "").0, 503);
}

#[test]
fn documented_bodies_are_replayed_byte_for_byte() {
    let fake = FakeQaTech::start();
    fake.replay("GET", "/run/abc123", &["{}", DOCUMENTED_RUN]);
    assert_eq!(call(&fake, "GET", "/run/abc123", "").1, "{}");
    for _ in 0..2 {
        assert_eq!(
            call(&fake, "GET", "/run/abc123?testCases=all", ""),
            (200, DOCUMENTED_RUN.to_owned())
        );
    }
}

#[test]
fn a_fake_that_saw_an_invalid_request_panics_on_drop() {
    let fake = FakeQaTech::start();
    fake.plan("jgbinp", RunScript::new([]));
    let body = r#"{"testPlanShortId":"jgbinp"}"#;
    assert_eq!(call(&fake, "POST", "/run", body).0, 200);
    let panic = catch_unwind(AssertUnwindSafe(|| drop(fake))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("jgbinp"));

    let fake = FakeQaTech::start();
    fake.allow_bare_short_ids();
    fake.plan("jgbinp", RunScript::new([]));
    assert_eq!(call(&fake, "POST", "/run", body).0, 200);
    call(&fake, "PUT", "/run", body);
    assert_eq!(fake.take_violations().len(), 1);
}

#[test]
fn large_runs_are_answered_quickly() {
    let fake = FakeQaTech::start();
    fake.existing_run("big", RunScript::big(10_000, 2_000));
    let all = call(&fake, "GET", "/run/big?testCases=all", "").1;
    assert!(all.len() > 20_000_000, "{}", all.len());
    let failed = good(&fake, "GET", "/run/big?testCases=failed", "");
    assert_eq!(names(&failed).len(), 1_000);
    assert_eq!(
        failed["runTestCases"][0]["evaluationThought"].as_str().unwrap().len(),
        2_000
    );
    let begun = Instant::now();
    call(&fake, "GET", "/run/big?testCases=all", "");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn it_can_start_where_connections_were_refused() {
    let port = crate::http::closed_port();
    assert!(TcpStream::connect(port.address()).is_err());
    let fake = FakeQaTech::start_at(port);
    assert_eq!(call(&fake, "GET", "/run/x", "").0, 404);
}

#[test]
fn details_show_the_kind_of_failure_and_its_screenshot() {
    let fake = FakeQaTech::start();
    let missed = Case::failed("Pay")
        .error_code("AGENT_TIMEOUT")
        .screenshot("image/png", b"\x89PNG");
    fake.existing_run(
        "abc",
        RunScript::new([Case::failed("Log in").ids("1", "tc1"), missed.ids("2", "tc2")]),
    );
    let api = OpenApi::get(ShortIds::Patterns);
    for (short_id, code) in [("tc1", "TEST_FAILED"), ("tc2", "AGENT_TIMEOUT")] {
        let details = good(&fake, "GET", &format!("/run-test-case/{short_id}"), "");
        assert_eq!(
            api.response_errors("GET", "/run-test-case/{shortId}", &details),
            [""; 0]
        );
        assert_eq!(
            (&details["errorCode"], &details["runShortId"]),
            (&json!(code), &json!("abc"))
        );
        assert_eq!(details["screenshotUrl"].is_string(), short_id == "tc2");
    }
    assert_eq!(call(&fake, "GET", "/run-test-case/none", "").0, 404);
    assert_eq!(fake.asked_details(), ["tc1", "tc2", "none"]);
}

#[test]
fn a_build_is_registered_after_it_was_put() {
    let fake = FakeQaTech::start();
    let app = "/applications/app_shop/builds";
    let wrong = call(&fake, "POST", &format!("{app}/upload-url"), r#"{"fileName":"a.zip"}"#);
    assert_eq!(wrong.0, 400);
    let target = good(&fake, "POST", &format!("{app}/upload-url"), r#"{"fileName":"a.apk"}"#);
    let register = json!({"platform": "android", "buildToken": target["buildToken"]}).to_string();
    assert_eq!(call(&fake, "POST", app, &register).0, 404);
    let path = target["uploadUrl"]
        .as_str()
        .unwrap()
        .strip_prefix("http://x")
        .unwrap()
        .to_owned();
    let mut stream = TcpStream::connect(fake.server.address()).unwrap();
    let head = "Content-Type: application/octet-stream\r\nContent-Length: 3\r\nConnection: close";
    write!(stream, "PUT {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\nabc").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let build = good(&fake, "POST", app, &register);
    assert_eq!(
        (&build["applicationBuildShortId"], &build["fileSizeBytes"]),
        (&json!("build_0001"), &json!(3))
    );
}

#[test]
fn an_older_api_and_an_organizations_key_refuse() {
    let fake = FakeQaTech::start();
    fake.default_plan(RunScript::new([]));
    fake.require_project("proj_shop");
    assert_eq!(call(&fake, "POST", "/run", "{}").0, 400);
    good(&fake, "POST", "/run", r#"{"projectShortId":"proj_shop"}"#);
    fake.older(404);
    assert_eq!(call(&fake, "GET", "/run-test-case/x", "").0, 404);
    assert_eq!(call(&fake, "POST", "/run", r#"{"projectShortId":"proj_shop"}"#).0, 404);
    good(&fake, "GET", "/run/run001", "");
}
