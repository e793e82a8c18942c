//! `blocking: false`: start and go on, or one look at a run.

use qatech_fakes::http::Reply;
use qatech_fakes::qatech::FakeQaTech;
use serde_json::json;

use crate::scene::{assert_ending, attach, endless, in_parallel, red, run, start};

#[test]
fn a_run_is_started_and_not_waited_for() {
    let fake = FakeQaTech::start();
    let done = start(&fake, red()).input("blocking", "false").output();
    assert_ending(&done, 0, "");
    assert_eq!((fake.starts(), fake.gets()), (1, 0));
    assert_eq!(&done.outputs["run_created"], "true");
    assert_eq!(&done.outputs["run_short_id"], "run001");
    assert_eq!(&done.outputs["run_url"], "https://app.qa.tech/p/fake/results/run001");
    assert_eq!(&done.outputs["run_result"], "");
    done.assert_logged("https://app.qa.tech/p/fake/results/run001");
}

#[test]
fn an_existing_run_is_polled_once() {
    let table = [(red(), "COMPLETED", "FAILED"), (endless(), "RUNNING", "")];
    in_parallel(&table, |(script, status, result)| {
        let fake = FakeQaTech::start();
        let done = attach(&fake, script.clone()).input("blocking", "false").output();
        assert_ending(&done, 0, "");
        assert_eq!((fake.starts(), fake.gets()), (0, 1));
        assert_eq!(&done.outputs["run_created"], "false");
        assert_eq!(&done.outputs["run_status"], *status);
        assert_eq!(&done.outputs["run_result"], *result);
        assert_eq!(&done.outputs["total"], "2");
    });
}

#[test]
fn a_start_that_fails_is_red() {
    for (status, created) in [(401, "false"), (500, "")] {
        let fake = FakeQaTech::start();
        fake.fault_starts(1, Reply::json(status, &json!({"message": "no"})));
        let done = start(&fake, red()).input("blocking", "false").output();
        assert_eq!((done.code, &done.outputs["run_created"]), (3, created), "{}", done.log);
        assert_eq!(fake.start_bodies().len(), 1);
    }
}

#[test]
fn one_of_several_starts_that_fails_is_red_too() {
    let fake = FakeQaTech::start();
    fake.plan("pln_a", red());
    let done = run(&fake)
        .input("test_plan_short_id", "pln_a pln_missing")
        .input("blocking", "false")
        .output();
    assert_eq!(
        (done.code, &done.outputs["run_created"]),
        (3, "true,false"),
        "{}",
        done.log
    );
    assert_eq!(&done.outputs["run_short_id"], "run001,");
}

#[test]
fn one_poll_of_a_missing_run_fails() {
    let fake = FakeQaTech::start();
    let done = run(&fake)
        .input("run_short_id", "gone")
        .input("blocking", "false")
        .output();
    assert_eq!(done.code, 3, "{}", done.log);
}

#[test]
fn a_poll_is_repeated_until_there_is_an_answer() {
    let fake = FakeQaTech::start();
    fake.fault_polls(1..=2, Reply::empty(503));
    let done = attach(&fake, red()).input("blocking", "false").output();
    assert_ending(&done, 0, "");
    assert_eq!((fake.gets(), &done.outputs["run_result"]), (3, "FAILED"));
}
