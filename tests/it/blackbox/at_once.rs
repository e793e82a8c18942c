//! What comes at the same time: the end of the wait, by a failure or a signal, while a run is being started.

use std::time::Duration;

use qatech_fakes::http::Reply;
use qatech_fakes::qatech::{Case, FakeQaTech, Instead, RunScript, When};
use serde_json::json;

use crate::scene::{assert_ending, json_output, run};

#[test]
fn with_fail_fast_a_start_that_is_under_way_is_still_heard_of() {
    let fake = FakeQaTech::start();
    let failed = Case::failed("Pay");
    fake.plan(
        "pln_a",
        RunScript::new([failed, Case::passed("Login").ends(When::Never)]),
    );
    fake.intercept(|request, _| {
        let late = request.method == "POST" && request.json()["testPlanShortId"] == "pln_b";
        let answer = json!({"success": true, "run": {
            "id": "00000000-0000-4000-8000-000000000001", "shortId": "late1", "url": "https://x.example/late1",
            "testCount": 2, "testPlan": null}});
        late.then(|| Instead::Of(Reply::json(200, &answer).delay(Duration::from_millis(2500))))
    });
    let done = run(&fake)
        .input("test_plan_short_id", "pln_a pln_b")
        .input("fail_fast", "true")
        .output();
    assert_ending(&done, 1, "failed");
    assert_eq!(&done.outputs["run_created"], "true,true");
    assert!(done.outputs["run_short_id"].ends_with(",late1"));
    let runs = json_output(&done, "runs");
    let problem = runs[1]["problem"].as_str().unwrap();
    assert!(problem.contains("goes on at QA.tech"), "{problem}");
    assert_eq!(fake.start_bodies().len(), 2);
}

#[test]
#[cfg(unix)]
fn a_rerun_that_a_signal_cuts_off_may_have_been_started() {
    use qatech_fakes::harness::Signal;
    use qatech_fakes::http::wait_until;

    let fake = FakeQaTech::start();
    fake.plan("pln_a", RunScript::new([Case::failed("Pay")]));
    fake.fault("POST", "/run/*", 1, Reply::hang());
    let running = run(&fake)
        .input("test_plan_short_id", "pln_a")
        .input("rerun_failed", "1")
        .start();
    assert!(wait_until(Duration::from_secs(20), || fake.rerun_bodies().len() == 1));
    running.signal(Signal::Term);
    let done = running.wait();
    assert_ending(&done, 143, "failed");
    done.assert_logged("a rerun of run run001 may have been started");
    assert_eq!(fake.rerun_bodies().len(), 1);
}
