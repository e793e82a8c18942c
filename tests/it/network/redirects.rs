//! Redirects are answers that make no sense: nobody follows them, and no other host hears the token.

use qatech_fakes::http::{Reply, Server};
use qatech_fakes::qatech::{FakeQaTech, Nth, TOKEN};
use serde_json::json;

use super::{passing, run};
use crate::scene::assert_ending;

const CODES: [u16; 5] = [301, 302, 303, 307, 308];

fn to(code: u16, location: &str) -> Reply {
    Reply::json(
        code,
        &json!({"shortId": "run001", "status": "COMPLETED", "result": "PASSED"}),
    )
    .header("Location", location)
}

#[test]
fn a_redirected_status_is_requested_again() {
    let thief = Server::start(|_| {
        Reply::json(
            200,
            &json!({"id": "1", "shortId": "run001", "status": "COMPLETED", "result": "PASSED"}),
        )
    });
    for code in CODES {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", passing());
        fake.fault_polls(1, to(code, &format!("{}/v1/run/run001", thief.url())));
        let done = run(&fake.api_url()).output();
        assert_ending(&done, 0, "passed");
        done.assert_logged(&format!("HTTP {code}"));
    }
    assert!(thief.requests().is_empty(), "{:?}", thief.requests());
}

#[test]
fn a_redirected_start_is_unknown_and_not_repeated() {
    let thief = Server::start(|_| {
        Reply::json(
            200,
            &json!({"success": true, "run": {"id": "1", "shortId": "run001", "url": "https://x"}}),
        )
    });
    for code in CODES {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", passing());
        fake.fault_starts(1, to(code, &format!("{}/v1/run", thief.url())));
        let done = run(&fake.api_url()).output();
        assert_eq!(
            (done.code, &done.outputs["verdict"], &done.outputs["run_created"]),
            (3, "unknown", ""),
            "{}",
            done.log
        );
        done.assert_logged("not repeated so that it is not billed twice");
        assert_eq!((fake.requests().len(), fake.starts()), (1, 0));
    }
    assert!(thief.requests().is_empty(), "{:?}", thief.requests());
}

#[test]
fn a_loop_is_no_loop() {
    let fake = FakeQaTech::start();
    fake.existing_run("run009", passing());
    fake.fault_polls(Nth::Every, to(302, &format!("{}/run/run009", fake.api_url())));
    let done = run(&fake.api_url())
        .input("test_plan_short_id", "")
        .input("run_short_id", "run009")
        .input("timeout_minutes", "0.1")
        .output();
    assert_ending(&done, 4, "timed_out");
    assert!((2..=12).contains(&fake.gets()), "{}", fake.gets());
    assert_eq!(done.places_with(TOKEN), [""; 0]);
}
