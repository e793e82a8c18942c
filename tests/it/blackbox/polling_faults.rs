//! GET: what goes wrong while a run is waited for, and what is made of it.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use qatech_fakes::http::{End, Framing, Reply};
use qatech_fakes::qatech::{Case, FakeQaTech, Instead, Nth, RunScript, TOKEN, When};
use serde_json::{Value, json};

use crate::scene::{assert_ending, attach, green, in_parallel, run, start};

/// A run that passes at its third look.
fn soon_green() -> RunScript {
    RunScript::new([Case::passed("Login").ends(When::Look(3))])
}

fn run_json(change: impl FnOnce(&mut Value)) -> Reply {
    let mut run = json!({
        "id": "00000000-0000-4000-8000-000000000001", "shortId": "run001", "status": "COMPLETED", "result": "FAILED",
        "runTestCases": []});
    change(&mut run);
    Reply::json(200, &run)
}

fn without(field: &str) -> Reply {
    run_json(|run| {
        run.as_object_mut().unwrap().remove(field);
    })
}

#[test]
fn temporary_errors_are_retried() {
    let page = format!("<html><body>{}</body></html>", "Bad gateway. ".repeat(100));
    let faults = [
        ("500", Reply::json(500, &json!({"message": "oops"}))),
        ("502 page", Reply::raw(502, "text/html", &page)),
        ("503", Reply::empty(503)),
        ("503 Retry-After", Reply::empty(503).header("Retry-After", "1")),
        ("504", Reply::empty(504)),
        ("429", Reply::empty(429).header("Retry-After", "1")),
        ("429 odd Retry-After", Reply::empty(429).header("Retry-After", "soon")),
        (
            "429 past date",
            Reply::empty(429).header("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ),
        ("408", Reply::empty(408)),
        ("425", Reply::empty(425)),
        ("reset", Reply::cut(End::Reset)),
        ("closed", Reply::cut(End::Close)),
        ("cut in headers", run_json(|_| {}).cut_in_headers(End::Close)),
        ("cut in body", run_json(|_| {}).cut_in_body(20, End::Close)),
        ("reset in body", run_json(|_| {}).cut_in_body(20, End::Reset)),
        ("broken chunks", run_json(|_| {}).framing(Framing::BrokenChunks)),
        ("no HTTP", Reply::bytes("hello\r\n\r\n")),
        ("page with 200", Reply::raw(200, "text/html", &page)),
        ("garbage", Reply::raw(200, "application/json", "{\"id\":")),
        ("empty", Reply::raw(200, "application/json", "")),
        ("array", Reply::json(200, &json!([]))),
        ("null", Reply::json(200, &Value::Null)),
        ("no content", Reply::empty(204)),
        ("no status", without("status")),
        ("null status", run_json(|run| run["status"] = Value::Null)),
        ("status 7", run_json(|run| run["status"] = json!(7))),
        ("no id", without("id")),
        ("no shortId", without("shortId")),
        (
            "another id",
            run_json(|run| run["id"] = json!("00000000-0000-4000-8000-00000000ffff")),
        ),
        ("another shortId", run_json(|run| run["shortId"] = json!("other1"))),
        ("moved", Reply::empty(302).header("Location", "/v1/run/run001")),
        ("bad gzip", run_json(|_| {}).header("Content-Encoding", "gzip")),
    ];
    in_parallel(&faults, |(name, fault)| {
        let fake = FakeQaTech::start();
        fake.fault_polls(2..=3, fault.clone());
        let done = start(&fake, soon_green()).output();
        assert_eq!(
            (done.code, &done.outputs["verdict"]),
            (0, "passed"),
            "{name}:\n{}",
            done.log
        );
        assert_eq!((fake.starts(), fake.gets() >= 5), (1, true), "{name}");
        assert!(!done.log.contains(&page), "{name}: the page is shown");
    });
}

#[test]
fn status_and_beginning_of_an_invalid_answer_are_shown() {
    for (status, kind) in [(502, "text/html"), (200, "text/html"), (200, "application/json")] {
        let fake = FakeQaTech::start();
        let page = format!("<html><h1>Nginx is unwell</h1>{}TheEndOfThePage", "x".repeat(3_000));
        fake.fault_polls(1, Reply::raw(status, kind, page));
        let done = start(&fake, green()).output();
        assert_ending(&done, 0, "passed");
        done.assert_logged("Nginx is unwell");
        done.assert_logged(&status.to_string());
        assert!(
            !done.log.contains("TheEndOfThePage") && !done.log.contains(&"x".repeat(200)),
            "{}",
            done.log
        );
    }
}

#[test]
fn retry_after_is_obeyed_in_seconds_and_as_a_date() {
    let date = |after| httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(after));
    in_parallel(
        &[(429, false, 2_900), (503, true, 2_500)],
        |&(status, by_date, at_least)| {
            let fake = FakeQaTech::start();
            // A date has whole seconds only.
            let value = if by_date { date(5) } else { "3".to_owned() };
            fake.fault_polls(2, Reply::empty(status).header("Retry-After", &value));
            let done = start(&fake, RunScript::new([Case::passed("Login").ends(When::Look(2))])).output();
            assert_ending(&done, 0, "passed");
            let requests = fake.requests();
            let gets: Vec<_> = requests.iter().filter(|request| request.method == "GET").collect();
            let pause = gets[2].at - gets[1].at;
            assert!(pause >= Duration::from_millis(at_least), "{value}: {pause:?}");
        },
    );
}

#[test]
fn the_deadline_ends_a_long_retry_after() {
    let fake = FakeQaTech::start();
    fake.fault_polls(2.., Reply::empty(429).header("Retry-After", "600"));
    let done = start(&fake, soon_green()).input("timeout_minutes", "0.05").output();
    assert_ending(&done, 4, "timed_out");
}

#[test]
fn an_api_that_stays_away_times_out_and_backs_off() {
    let fake = FakeQaTech::start();
    fake.fault_polls(2.., Reply::empty(503));
    let done = start(&fake, soon_green()).input("timeout_minutes", "0.1").output();
    assert_ending(&done, 4, "timed_out");
    // At an interval of 0.1 s there would be 60.
    assert!((3..30).contains(&fake.gets()), "{}", fake.gets());
    assert_eq!(fake.starts(), 1);
}

#[test]
fn a_refusal_ends_at_once_with_advice() {
    for (status, message, advice) in [
        (400, "Invalid query", ""),
        (401, "Missing or invalid API key", "api_token"),
        (402, "Usage limit exceeded", "limit"),
        (403, "Organization suspended", "token"),
        (404, "Run not found", "short id"),
    ] {
        let fake = FakeQaTech::start();
        fake.fault_polls(2, Reply::json(status, &json!({"message": message})));
        let done = attach(&fake, soon_green()).output();
        assert_ending(&done, 3, "unknown");
        assert_eq!(fake.gets(), 2, "{status}");
        for part in [&status.to_string(), message, advice] {
            assert!(done.log.contains(part), "{status}: no {part}:\n{}", done.log);
        }
    }
}

#[test]
fn an_answer_of_more_than_64_mib_is_refused() {
    for reply in [Reply::huge_json(70 << 20), Reply::gzip_bomb(70 << 20)] {
        let fake = FakeQaTech::start();
        fake.fault_polls(2, reply);
        let done = start(&fake, soon_green()).measure_memory().output();
        assert_ending(&done, 0, "passed");
        done.assert_memory_below(200 << 20);
    }
}

#[test]
fn where_all_cases_are_too_large_the_failed_ones_do_and_the_verdict_stands() {
    let fake = FakeQaTech::start();
    fake.intercept(|request, _| {
        let all = request.query("testCases") == Some("all");
        all.then(|| Instead::Of(Reply::huge_json(70 << 20)))
    });
    let script = RunScript::new([Case::passed("Login"), Case::failed("Pay")]);
    let done = start(&fake, script).output();
    assert_ending(&done, 1, "failed");
    assert_eq!(&done.outputs["failed"], "1");
    assert!(done.summary.contains("Pay"), "{}", done.summary);
    let warnings = crate::scene::told(&done, "warning").join("\n");
    assert!(
        warnings.contains("missing") || warnings.contains("failed"),
        "{}",
        done.log
    );
}

#[test]
fn a_slow_body_is_read_to_its_end() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::passed("Login")]);
    let slow = run_json(|run| run["result"] = json!("PASSED")).drip(20, Duration::from_millis(200));
    fake.fault_polls(1..=9, slow);
    let done = start(&fake, script).output();
    assert_ending(&done, 0, "passed");
}

#[test]
fn a_body_that_never_ends_is_given_up_after_30_seconds() {
    let fake = FakeQaTech::start();
    fake.fault_polls(2, Reply::huge_json(1 << 20).drip(1, Duration::from_millis(500)));
    let done = start(&fake, soon_green()).output();
    assert_ending(&done, 0, "passed");
    assert!(done.elapsed >= Duration::from_secs(28), "{:?}", done.elapsed);
}

#[test]
fn a_compressed_answer_is_understood() {
    let fake = FakeQaTech::start();
    fake.fault_polls(1.., run_json(|run| run["result"] = json!("PASSED")).gzip());
    assert_ending(&start(&fake, green()).output(), 0, "passed");
}

#[test]
fn a_compressed_answer_may_have_several_members_and_the_older_name() {
    // https://www.rfc-editor.org/rfc/rfc9110#name-gzip-coding, https://www.rfc-editor.org/rfc/rfc1952#page-5
    let run = json!({
        "id": "00000000-0000-4000-8000-000000000001", "shortId": "run001", "status": "COMPLETED", "result": "PASSED",
        "runTestCases": []});
    let text = run.to_string();
    let (first, second) = text.split_at(text.len() / 2);
    let body = [first, second].map(|part| {
        let mut member = GzEncoder::new(Vec::new(), Compression::default());
        member.write_all(part.as_bytes()).unwrap();
        member.finish().unwrap()
    });
    for encoding in ["gzip", "x-gzip", "GZIP"] {
        let fake = FakeQaTech::start();
        let answer = Reply::raw(200, "application/json", body.concat()).header("Content-Encoding", encoding);
        fake.fault_polls(1.., answer);
        assert_ending(&start(&fake, green()).output(), 0, "passed");
    }
}

#[test]
fn an_outage_of_one_run_does_not_disturb_another() {
    let fake = FakeQaTech::start();
    fake.existing_run("good", green());
    fake.existing_run("bad", green());
    fake.fault("GET", "/run/bad", 1..=usize::MAX, Reply::empty(503));
    let done = run(&fake)
        .input("run_short_id", "bad good")
        .input("timeout_minutes", "0.04")
        .output();
    assert_ending(&done, 4, "timed_out");
    assert_eq!(&done.outputs["run_result"], ",PASSED");
}

#[test]
fn where_all_cases_can_no_longer_be_had_the_failed_ones_do_and_the_verdict_stands() {
    let fake = FakeQaTech::start();
    fake.intercept(|request, nth| {
        let all = request.query("testCases") == Some("all");
        (all && nth > 1).then(|| Instead::Of(Reply::empty(503)))
    });
    let script = RunScript::big(300, 2_000).ends(When::Look(3), "COMPLETED", Some("FAILED"));
    let done = start(&fake, script).input("timeout_minutes", "0.3").output();
    assert_ending(&done, 1, "failed");
    assert_eq!(&done.outputs["failed"], "30");
}

#[test]
fn nothing_is_shown_of_a_secret_at_the_edge_of_what_is_shown() {
    let fake = FakeQaTech::start();
    for length in 170..200 {
        let page = format!("{}{TOKEN}", "x".repeat(length));
        fake.fault_polls(length - 169, Reply::raw(502, "text/plain", page));
    }
    let done = start(&fake, green()).input("timeout_minutes", "0.1").output();
    assert!(fake.gets() > 3);
    assert!(!done.shown_log().contains(&TOKEN[..8]), "{}", done.shown_log());
}

#[test]
fn half_a_character_in_one_case_costs_no_case() {
    let cases = [
        Case::passed("Login").json(true),
        Case::failed("Pay")
            .texts("cut HALF", "it did NO TEXT", "pay")
            .json(true),
    ];
    let body = json!({
        "id": "00000000-0000-4000-8000-000000000001", "shortId": "abc123", "status": "COMPLETED", "result": "FAILED",
        "runTestCases": cases});
    let body = body.to_string().replace("HALF", "\\ud83d").into_bytes();
    let body: Vec<u8> = [&b"\xef\xbb\xbf"[..], &body].concat();
    let at = body.windows(7).position(|bytes| bytes == b"NO TEXT").unwrap();
    let body = [&body[..at], b"\xff", &body[at + 7..]].concat();
    let fake = FakeQaTech::start();
    fake.fault_polls(Nth::Every, Reply::raw(200, "application/json", body));
    let done = attach(&fake, green()).output();
    assert_ending(&done, 1, "failed");
    done.assert_outputs(&[("total", "2"), ("passed", "1"), ("failed", "1")]);
    assert!(done.outputs["failed_tests"].contains("cut \u{fffd}"), "{}", done.log);
    assert!(done.summary.contains("it did ?"), "{}", done.summary);
}
