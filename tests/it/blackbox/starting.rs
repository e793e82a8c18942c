//! POST: exactly one run a plan, whatever happens on the way.

use std::net::TcpStream;
use std::time::Duration;

use qatech_fakes::http::{End, Reply, Server, closed_port, wait_until};
use qatech_fakes::qatech::{FakeQaTech, TOKEN};
use serde_json::json;

use crate::scene::{assert_ending, endless, green, in_parallel, run, run_at, start};

/// What the contract says of a start whose outcome is not known.
const NOT_REPEATED: &str = "not repeated so that it is not billed twice";

#[test]
fn a_start_that_may_have_happened_is_not_repeated() {
    let run = json!({"id": "00000000-0000-4000-8000-000000000001", "url": "https://x.example/", "testCount": 1});
    let faults = [
        Reply::json(500, &json!({"message": "oops"})),
        Reply::raw(502, "text/html", "<html>bad gateway</html>"),
        Reply::empty(503).header("Retry-After", "1"),
        Reply::empty(504),
        Reply::empty(408),
        Reply::empty(425),
        Reply::cut(End::Reset),
        Reply::cut(End::Close),
        Reply::json(200, &json!({})).cut_in_headers(End::Reset),
        Reply::json(200, &json!({"success": true})).cut_in_body(3, End::Close),
        Reply::raw(200, "application/json", "no json"),
        Reply::json(200, &json!({"success": true, "run": run})),
        Reply::json(200, &json!([])),
        Reply::empty(204),
        Reply::empty(301).header("Location", "/v1/run"),
        Reply::empty(307).header("Location", "/v1/run"),
        Reply::empty(418),
    ];
    in_parallel(&faults, |fault| {
        let fake = FakeQaTech::start();
        fake.lose_answer("POST", "/run", 1, fault.clone());
        let done = start(&fake, green()).output();
        assert_ending(&done, 3, "unknown");
        assert_eq!((fake.start_bodies().len(), fake.starts()), (1, 1), "{}", done.log);
        done.assert_logged("may have been started");
        done.assert_logged(NOT_REPEATED);
        done.assert_outputs(&[("run_created", ""), ("run_short_id", "")]);
        assert!(done.summary.contains("may have been started"), "{}", done.summary);
    });
}

#[test]
fn a_start_without_an_answer_ends_after_30_seconds() {
    let fake = FakeQaTech::start();
    fake.fault_starts(1, Reply::hang());
    let done = start(&fake, green()).output();
    assert_ending(&done, 3, "unknown");
    assert!(done.elapsed >= Duration::from_secs(28), "{:?}", done.elapsed);
    assert_eq!(fake.start_bodies().len(), 1);
    done.assert_logged(NOT_REPEATED);
    assert_eq!(&done.outputs["run_created"], "");
}

#[test]
fn the_deadline_holds_for_a_start_without_an_answer() {
    let fake = FakeQaTech::start();
    fake.fault_starts(1, Reply::hang());
    let done = start(&fake, green()).input("timeout_minutes", "0.05").output();
    assert!(done.elapsed < Duration::from_secs(28), "{:?}", done.elapsed);
    assert_eq!(fake.start_bodies().len(), 1);
    assert_ne!(done.code, 0);
    assert_eq!(&done.outputs["run_created"], "");
    done.assert_logged("may have been started");
}

#[test]
fn a_refusal_ends_at_once_with_advice() {
    for (status, message, advice) in [
        (400, "applications are odd", &[][..]),
        (401, "Missing or invalid API key", &["api_token"][..]),
        (402, "Usage limit exceeded", &["limit"]),
        (403, "Organization suspended", &["token"]),
        (404, "Test plan not found", &["short id"]),
    ] {
        let fake = FakeQaTech::start();
        fake.fault_starts(1, Reply::json(status, &json!({"message": message})));
        let done = start(&fake, green()).output();
        assert_ending(&done, 3, "unknown");
        assert_eq!((fake.start_bodies().len(), fake.starts(), fake.gets()), (1, 0, 0));
        assert_eq!(&done.outputs["run_created"], "false", "{status}");
        assert!(!done.log.contains("may have been started"), "{}", done.log);
        assert!(
            done.log.contains(&status.to_string()) && done.log.contains(message),
            "{}",
            done.log
        );
        for part in advice {
            assert!(done.log.contains(part), "{status}: no {part}:\n{}", done.log);
        }
    }
}

#[test]
fn too_many_requests_are_repeated_since_nothing_was_started() {
    for reply in [
        Reply::empty(429),
        Reply::json(429, &json!({"message": "slow down"})).header("Retry-After", "1"),
        Reply::raw(429, "text/html", "<html>"),
    ] {
        let fake = FakeQaTech::start();
        fake.fault_starts(1..=2, reply);
        let done = start(&fake, green()).output();
        assert_ending(&done, 0, "passed");
        assert_eq!((fake.start_bodies().len(), fake.starts()), (3, 1));
        assert_eq!(&done.outputs["run_created"], "true");
    }
}

#[test]
fn too_many_requests_are_repeated_until_the_deadline_only() {
    let fake = FakeQaTech::start();
    fake.fault_starts(1.., Reply::empty(429).header("Retry-After", "3600"));
    let done = start(&fake, green()).input("timeout_minutes", "0.05").output();
    assert_ending(&done, 4, "timed_out");
    assert_eq!((fake.starts(), &done.outputs["run_created"]), (0, "false"));
}

#[test]
fn a_connection_that_was_never_made_is_tried_again() {
    let port = closed_port();
    let url = format!("{}/v1", port.url());
    let running = run_at(&url).input("test_plan_short_id", "pln_a").start();
    // Long enough for some refused attempts, which nothing here can see.
    assert!(!wait_until(Duration::from_secs(2), || false));
    let fake = FakeQaTech::start_at(port);
    fake.plan("pln_a", green());
    let done = running.wait();
    assert_eq!(fake.starts(), 1, "{}", done.log);
    assert_ending(&done, 0, "passed");
}

#[test]
fn a_connection_that_is_never_made_times_out() {
    let port = closed_port();
    let done = run_at(&format!("{}/v1", port.url()))
        .input("timeout_minutes", "0.05")
        .output();
    assert_ending(&done, 4, "timed_out");
    done.assert_outputs(&[("run_created", "false"), ("run_short_id", "")]);
}

#[test]
fn a_run_that_is_not_found_right_after_its_start_is_polled_again() {
    let fake = FakeQaTech::start();
    fake.fault_polls(1..=3, Reply::json(404, &json!({"message": "Run not found"})));
    let done = start(&fake, green()).output();
    assert_ending(&done, 0, "passed");
    assert!(fake.gets() >= 4);
    assert_eq!(fake.starts(), 1);
}

#[test]
fn a_run_to_attach_to_that_is_not_found_ends_at_once() {
    let fake = FakeQaTech::start();
    let done = run(&fake).input("run_short_id", "gone").output();
    assert_ending(&done, 3, "unknown");
    assert_eq!(fake.gets(), 1, "{}", done.log);
    done.assert_logged("short id");
    done.assert_outputs(&[("run_short_id", "gone"), ("run_created", "false")]);
}

#[test]
fn redirects_are_not_followed_and_the_token_goes_nowhere_else() {
    let other = Server::start(|_| Reply::json(200, &json!({})));
    for status in [301, 302, 303, 307, 308] {
        let moved = Reply::empty(status).header("Location", format!("{}/v1/run", other.url()));
        let fake = FakeQaTech::start();
        fake.fault_starts(1, moved.clone());
        let done = start(&fake, green()).output();
        assert_ending(&done, 3, "unknown");
        assert_eq!(fake.start_bodies().len(), 1);

        let fake = FakeQaTech::start();
        fake.fault_polls(1, moved);
        assert_ending(&start(&fake, green()).output(), 0, "passed");
    }
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn a_trailing_slash_of_the_url_is_fine() {
    let fake = FakeQaTech::start();
    let url = format!("{}/", fake.api_url());
    let done = start(&fake, green()).input("api_url", &url).output();
    assert_ending(&done, 0, "passed");
    assert!(fake.requests().iter().all(|request| !request.path.contains("//")));
}

#[test]
fn requests_identify_the_program() {
    let fake = FakeQaTech::start();
    start(&fake, green()).output();
    let agent = concat!("qatech-run/", env!("CARGO_PKG_VERSION"));
    for request in fake.requests() {
        assert_eq!(request.headers.get("user-agent"), Some(agent));
        assert_eq!(request.bearer(), Some(TOKEN));
    }
}

#[test]
fn what_only_adorns_an_answer_does_not_lose_the_run() {
    let started = |more: &str| format!(r#""run": {{"id": "r1", "shortId": "abc123", {more}}}"#);
    let bodies = [
        format!(r#"{{"success": true, {}}}"#, started(r#""short_id": "abc123""#)),
        format!(r#"{{"success": 1, {}}}"#, started(r#""testPlan": "pln_x""#)),
        format!(r#"{{"success": "true", {}}}"#, started(r#""url": 7, "testCount": []"#)),
    ];
    in_parallel(&bodies, |body| {
        let fake = FakeQaTech::start();
        fake.existing_run("abc123", green().field("id", json!("r1")));
        fake.replay("POST", "/run", &[body]);
        let done = run(&fake).output();
        assert_ending(&done, 0, "passed");
        assert_eq!(&done.outputs["run_created"], "true");
        assert_eq!(fake.start_bodies().len(), 1);
    });
}

#[test]
fn a_start_that_answers_late_is_waited_for() {
    let fake = FakeQaTech::start();
    let answer = json!({"success": true, "run": {
        "id": "00000000-0000-4000-8000-000000000001", "shortId": "late1", "url": "https://x.example/late1",
        "testCount": 2, "testPlan": null}});
    fake.existing_run("late1", endless());
    fake.fault_starts(1, Reply::json(200, &answer).delay(Duration::from_secs(3)));
    let done = run(&fake).input("timeout_minutes", "0.1").output();
    assert_ending(&done, 4, "timed_out");
    done.assert_outputs(&[("run_short_id", "late1"), ("run_url", "https://x.example/late1")]);
}

#[test]
fn a_host_that_does_not_answer_is_given_up_after_ten_seconds_and_tried_again() {
    // A listener whose queue is full leaves a connection unanswered, as a firewall does.
    let listener = closed_port().listen();
    let full = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(client) = TcpStream::connect_timeout(&full, Duration::from_millis(500)) {
        queue.push(client);
    }
    let mut running = run_at(&format!("http://{full}/v1"))
        .input("timeout_minutes", "0.3")
        .start();
    let begun = std::time::Instant::now();
    running.wait_for_log("trying again");
    assert!(begun.elapsed() >= Duration::from_secs(8), "{:?}", begun.elapsed());
    let done = running.wait();
    assert_ending(&done, 4, "timed_out");
    assert_eq!(&done.outputs["run_created"], "false");
}

#[test]
fn a_server_that_takes_no_request_after_the_connection_may_have_read_it() {
    // Accepted and cut at once, before a byte is read: the program can't know.
    let listener = closed_port().listen();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let accepting = std::thread::spawn(move || {
        let (connection, _) = listener.accept().unwrap();
        drop(connection);
        listener.set_nonblocking(true).unwrap();
        std::thread::sleep(Duration::from_secs(2));
        listener.accept().is_ok()
    });
    let done = run_at(&url).input("timeout_minutes", "0.05").output();
    assert_ending(&done, 3, "unknown");
    assert!(!accepting.join().unwrap(), "the start was repeated");
}

#[test]
fn a_start_reports_its_duration() {
    let fake = FakeQaTech::start();
    start(&fake, green()).output();
    let requests = fake.requests();
    let post = requests.iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(
        post.headers.get("content-length"),
        Some(post.body.len().to_string().as_str())
    );
    assert!(post.headers.get("transfer-encoding").is_none());
    assert_eq!(post.headers.get("content-type"), Some("application/json"));
}
