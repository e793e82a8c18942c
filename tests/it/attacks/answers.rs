//! Answers that are valid and malicious: neither memory nor log nor the verdict is theirs.

use qatech_fakes::http::{Body, Reply, Server};
use qatech_fakes::qatech::{Case, FakeQaTech, Instead, Nth, RunScript};

use super::{body, looks_at, run};
use crate::scene::assert_ending;

/// The limit of the tests in `network`, in bytes.
const MEMORY: u64 = 200_000_000;
/// Longer than any clock reaches.
const FOR_EVER: u64 = u64::MAX;

#[test]
fn a_wait_that_no_clock_can_hold_ends_nothing() {
    let fake = FakeQaTech::start();
    fake.plan("pln_a", RunScript::new([Case::passed("Login")]));
    for (method, path) in [("POST", "/run"), ("GET", "/run/*")] {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", RunScript::new([Case::passed("Login")]));
        fake.fault(
            method,
            path,
            Nth::Every,
            Reply::empty(429).header("Retry-After", FOR_EVER),
        );
        let done = run(&fake)
            .input("test_plan_short_id", "pln_a")
            .input("timeout_minutes", "0.03")
            .output();
        assert_ending(&done, 4, "timed_out");
    }
    let webhook = Server::start(|_| Reply::empty(503).header("Retry-After", FOR_EVER));
    let done = run(&fake)
        .input("test_plan_short_id", "pln_a")
        .input("webhook_url", &format!("{}/hook-of-ours", webhook.url()))
        .output();
    assert_ending(&done, 0, "passed");
    done.assert_logged("HTTP 503");
}

#[test]
fn millions_of_cases_without_anything_in_them_do_not_fill_memory() {
    for case in ["{}", r#"{"name":[[],[],[]]}"#] {
        let fake = FakeQaTech::start();
        let cases = vec![case; (60 << 20) / (case.len() + 1)].join(",");
        let done = looks_at(&fake, move |_, asked| {
            body("COMPLETED", "\"PASSED\"", if asked { &cases } else { "" })
        })
        .measure_memory()
        .output();
        done.assert_memory_below(MEMORY);
        assert_eq!(
            (done.code, &done.outputs["verdict"]),
            (0, "passed"),
            "{case}: {}",
            done.log
        );
    }
}

#[test]
fn one_text_of_millions_of_values_does_not_fill_memory() {
    let fake = FakeQaTech::start();
    let values = vec!["[]"; (60 << 20) / 3].join(",");
    let answer = body(
        "COMPLETED",
        "\"PASSED\"",
        &format!(r#"{{"id": "1", "evaluationThought": [{values}]}}"#),
    );
    let done = looks_at(&fake, move |_, _| answer.clone()).measure_memory().output();
    done.assert_memory_below(MEMORY * 2);
    assert_ending(&done, 0, "passed");
}

#[test]
fn the_same_cases_at_each_poll_are_the_same_cases() {
    let fake = FakeQaTech::start();
    let cases = r#"{"name": "Pay", "status": "RUNNING"}, {"name": "Pay", "status": "RUNNING"}, {"status": "RUNNING"},
        {"id": "1", "name": "Login", "status": "RUNNING"}, {"id": "1", "name": "Login", "status": "RUNNING"}"#;
    let done = looks_at(&fake, move |look, _| match look {
        1..=9 => body("RUNNING", "null", cases),
        _ => body(
            "COMPLETED",
            "\"PASSED\"",
            &cases.replace("RUNNING", "COMPLETED\", \"result\": \"PASSED"),
        ),
    })
    .output();
    assert_eq!(
        (done.code, &done.outputs["total"], &done.outputs["passed"]),
        (0, "5", "5"),
        "{}",
        done.log
    );
}

#[test]
fn a_new_status_at_each_poll_does_not_flood_the_log() {
    let fake = FakeQaTech::start();
    let done = looks_at(&fake, |look, _| match look {
        1..=100 => body(&format!("{look}{}", "X".repeat(1 << 20)), "null", ""),
        _ => body("COMPLETED", "\"PASSED\"", ""),
    })
    .measure_memory()
    .output();
    done.assert_memory_below(MEMORY / 2);
    assert_ending(&done, 0, "passed");
    assert!(done.log.matches("unknown status").count() <= 10, "{}", done.log);
    assert!(done.log.len() < 100_000, "{}", done.log.len());
}

#[test]
fn a_number_of_cases_that_no_sum_can_hold_is_not_believed() {
    let fake = FakeQaTech::start();
    for plan in ["pln_a", "pln_b"] {
        fake.plan(plan, RunScript::new([Case::passed("Login")]));
    }
    fake.intercept(|request, _| {
        let spoil = |reply: Reply| {
            let Body::Bytes(bytes) = reply.body else { return reply };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let at = text.find("\"testCount\":").expect("a count");
            let (before, after) = text.split_at(at + 12);
            let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
            Reply::raw(200, "application/json", format!("{before}{FOR_EVER}{rest}"))
        };
        (request.method == "POST").then(|| Instead::spoiled(spoil))
    });
    let done = run(&fake)
        .input("test_plan_short_id", "pln_a pln_b")
        .input("blocking", "false")
        .output();
    assert_eq!(done.code, 0, "{}", done.log);
    assert!(!done.log.contains("bug"), "{}", done.log);
}

#[test]
fn cases_that_fail_anew_at_each_poll_do_not_flood_the_log() {
    let fake = FakeQaTech::start();
    let done = looks_at(&fake, |look, _| {
        let result = if look % 2 == 1 { "FAILED" } else { "PASSED" };
        let cases: Vec<_> = (0..1_500)
            .map(|at| format!(r#"{{"id": "{at}", "name": "Case", "status": "COMPLETED", "result": "{result}"}}"#))
            .collect();
        let (status, result) = if look < 10 {
            ("RUNNING", "null")
        } else {
            ("COMPLETED", "\"PASSED\"")
        };
        body(status, result, &cases.join(","))
    })
    .output();
    assert_ending(&done, 0, "passed");
    let lines = done.log.lines().count();
    assert!((2_000..2_050).contains(&lines), "{lines}");
}
