//! SIGINT, SIGTERM and SIGHUP: what is known is written within 2 s, and nothing more is begun.

use std::time::{Duration, Instant};

use qatech_fakes::harness::{Done, Running, Signal};
use qatech_fakes::http::{Reply, Server, wait_until};
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript, When};
use serde_json::json;

use crate::scene::{OUTPUTS, assert_ending, endless, green, json_file, red, run, start, start_all, wait_for_gets};

/// Generous: the contract says 2 s, and the machine of the tests may be busy.
const SOON: Duration = Duration::from_secs(4);

fn stop(running: Running, signal: Signal) -> (Done, Duration) {
    let begun = Instant::now();
    running.signal(signal);
    let done = running.wait();
    (done, begun.elapsed())
}

#[test]
fn each_signal_writes_what_is_known_and_has_its_code() {
    for (signal, code) in [(Signal::Int, 130), (Signal::Term, 143), (Signal::Hup, 143)] {
        let fake = FakeQaTech::start();
        let webhook = Server::start(|_| Reply::empty(200));
        let script = RunScript::new([
            Case::passed("Login"),
            Case::failed("Pay"),
            Case::passed("Search").ends(When::Never),
        ]);
        let running = start(&fake, script)
            .input("json_path", "r.json")
            .input("junit_path", "r.xml")
            .input("ctrf_path", "r.ctrf.json")
            .input("outputs_path", "o.env")
            .input("webhook_url", &webhook.url())
            .input("fail_on", "none")
            .start();
        wait_for_gets(&fake, 3);
        let (done, took) = stop(running, signal);
        assert_ending(&done, code, "interrupted");
        assert!(took < SOON, "{took:?}");
        for name in OUTPUTS {
            assert!(done.outputs.get(name).is_some(), "no {name}");
        }
        done.assert_outputs(&[("run_short_id", "run001"), ("run_status", "RUNNING")]);
        let counts = ["total", "passed", "failed"].map(|name| &done.outputs[name]);
        assert_eq!(counts, ["3", "1", "1"]);
        assert!(done.summary.to_lowercase().contains("interrupted"), "{}", done.summary);
        assert!(done.summary.contains("Pay"), "{}", done.summary);
        for place in [&done.log, &done.summary] {
            assert!(place.contains("https://app.qa.tech/p/fake/results/run001"), "{place}");
            assert!(place.contains("goes on at QA.tech"), "{place}");
        }
        assert!(json_file(&done, "workspace/r.json").is_object());
        assert!(json_file(&done, "workspace/r.ctrf.json").is_object());
        assert!(done.job.read("workspace/r.xml").unwrap().contains("Pay"));
        let dotenv = done.job.read("workspace/o.env").unwrap();
        assert!(dotenv.contains("verdict=interrupted\n"), "{dotenv}");
        // Paths are told after all else, and nothing is told twice.
        let raw = done.job.read("output").unwrap();
        for name in OUTPUTS.iter().chain(&["json_path", "junit_path", "ctrf_path"]) {
            assert_eq!(
                raw.matches(&format!("\n{name}<<")).count() + usize::from(raw.starts_with(&format!("{name}<<"))),
                1
            );
            let lines = dotenv.lines().filter(|line| line.starts_with(&format!("{name}=")));
            assert_eq!(
                lines.count(),
                usize::from(!matches!(*name, "runs" | "failed_tests")),
                "{name}"
            );
        }
        assert_eq!(&done.outputs["json_path"], "r.json");
        assert_eq!(webhook.requests().len(), 0);
    }
}

#[test]
fn what_later_steps_need_goes_before_files_that_may_hang() {
    let fake = FakeQaTech::start();
    let run = start(&fake, endless())
        .input("json_path", "pipe")
        .input("junit_path", "r.xml")
        .input("outputs_path", "o.env");
    // Whoever opens it to write waits for a reader, who never comes.
    let made = std::process::Command::new("mkfifo")
        .arg(run.job().file("workspace/pipe"))
        .status();
    assert!(made.unwrap().success());
    let running = run.start();
    wait_for_gets(&fake, 2);
    running.signal(Signal::Term);
    let summary_is_there = || {
        let text = running.job().read("summary.md");
        text.is_some_and(|text| text.contains("interrupted"))
    };
    assert!(
        wait_until(Duration::from_secs(20), summary_is_there),
        "{}",
        running.log()
    );
    let (done, _) = stop(running, Signal::Term);
    assert_ending(&done, 143, "interrupted");
    assert_eq!(
        (&done.outputs["run_short_id"], done.outputs.get("json_path")),
        ("run001", None)
    );
    let dotenv = done.job.read("workspace/o.env").unwrap();
    assert!(dotenv.contains("verdict=interrupted\n"), "{dotenv}");
}

#[test]
fn a_request_under_way_does_not_hold_it_up() {
    let fake = FakeQaTech::start();
    fake.fault_polls(2, Reply::hang());
    let running = start(&fake, endless()).start();
    wait_for_gets(&fake, 2);
    let (done, took) = stop(running, Signal::Term);
    assert_ending(&done, 143, "interrupted");
    assert!(took < SOON, "{took:?}");
    assert_eq!(fake.gets(), 2, "no retry");
}

#[test]
fn a_pause_between_retries_does_not_hold_it_up() {
    let fake = FakeQaTech::start();
    fake.fault_polls(2.., Reply::empty(503).header("Retry-After", "60"));
    let running = start(&fake, endless()).start();
    wait_for_gets(&fake, 2);
    let (done, took) = stop(running, Signal::Int);
    assert_ending(&done, 130, "interrupted");
    assert!(took < SOON, "{took:?}");
}

#[test]
fn a_start_under_way_is_awaited_for_a_second() {
    let answer = json!({"success": true, "run": {
        "id": "00000000-0000-4000-8000-000000000001", "shortId": "late1", "url": "https://x.example/late1",
        "testCount": 2, "testPlan": null}});
    let fake = FakeQaTech::start();
    fake.plan("pln_a", green());
    fake.fault_starts(1, Reply::json(200, &answer).delay(Duration::from_millis(500)));
    let running = run(&fake).start();
    assert!(wait_until(Duration::from_secs(20), || fake.start_bodies().len() == 1));
    let (done, took) = stop(running, Signal::Int);
    assert_ending(&done, 130, "interrupted");
    assert!(took < SOON, "{took:?}");
    done.assert_outputs(&[("run_short_id", "late1"), ("run_created", "true")]);
    done.assert_logged("https://x.example/late1");
}

#[test]
fn a_start_that_is_not_answered_may_have_happened() {
    let fake = FakeQaTech::start();
    fake.fault_starts(1, Reply::hang());
    let running = run(&fake).input("test_plan_short_id", "pln_a").start();
    assert!(wait_until(Duration::from_secs(20), || fake.start_bodies().len() == 1));
    let (done, took) = stop(running, Signal::Term);
    assert_ending(&done, 143, "interrupted");
    assert!(took < SOON, "{took:?}");
    assert_eq!(&done.outputs["run_created"], "");
    done.assert_logged("may have been started");
    assert_eq!(fake.start_bodies().len(), 1);
}

#[test]
fn a_second_signal_ends_at_once() {
    // The first signal is followed by a second of waiting for the start; the second one cuts that short. Nothing shows
    // when the first was taken, and until then another one is the same to the system: so they are sent until it ends.
    let fake = FakeQaTech::start();
    fake.fault_starts(1, Reply::hang());
    let mut running = run(&fake).input("test_plan_short_id", "pln_a").start();
    assert!(wait_until(Duration::from_secs(20), || fake.start_bodies().len() == 1));
    let ended = wait_until(SOON, || {
        running.has_ended() || {
            running.signal(Signal::Int);
            false
        }
    });
    assert!(ended, "{}", running.log());
    let done = running.wait();
    // At once: what the first one would have led to after its second of waiting is not there.
    assert_eq!((done.code, done.outputs.get("verdict")), (130, None), "{}", done.log);
}

#[test]
fn of_several_runs_those_that_ended_keep_their_verdict() {
    let fake = FakeQaTech::start();
    let running = start_all(&fake, [green(), endless()]).start();
    wait_for_gets(&fake, 5);
    let (done, _) = stop(running, Signal::Int);
    assert_eq!(done.code, 130);
    assert_eq!(&done.outputs["verdict"], "interrupted", "{}", done.log);
    let runs = crate::scene::json_output(&done, "runs");
    assert_eq!(
        (&runs[0]["verdict"], &runs[1]["verdict"]),
        (&json!("passed"), &json!("interrupted"))
    );
}

#[test]
fn outside_github_it_is_the_same() {
    let fake = FakeQaTech::start();
    fake.default_plan(endless());
    let running = crate::scene::elsewhere(&fake).start();
    wait_for_gets(&fake, 2);
    let (done, _) = stop(running, Signal::Int);
    assert_eq!(done.code, 130, "{}", done.log);
    assert!(done.stdout.contains("verdict=interrupted\n"), "{}", done.stdout);
}

#[test]
fn a_sink_that_hangs_does_not_hold_it_up() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::hang());
    let running = start(&fake, red())
        .input("webhook_url", &webhook.url())
        .input("json_path", "r.json")
        .start();
    assert!(wait_until(Duration::from_secs(20), || webhook.requests().len() == 1));
    let (done, took) = stop(running, Signal::Term);
    assert!(took < SOON, "{took:?}");
    assert_eq!(done.code, 143, "{}", done.log);
    // What was known is told all the same.
    done.assert_outputs(&[("run_result", "FAILED"), ("failed", "1")]);
    assert!(done.summary.contains("Pay"), "{}", done.summary);
    assert!(json_file(&done, "workspace/r.json").is_object());
}

#[test]
fn a_start_that_waits_for_its_turn_was_not_made() {
    let fake = FakeQaTech::start();
    fake.fault_starts(1.., Reply::empty(429).header("Retry-After", "60"));
    let mut running = run(&fake).input("test_plan_short_id", "pln_a").start();
    assert!(wait_until(Duration::from_secs(20), || fake.start_bodies().len() == 1));
    // Until the answer has arrived, the start might have been made.
    running.wait_for_log("trying again in");
    let (done, took) = stop(running, Signal::Int);
    assert_ending(&done, 130, "interrupted");
    assert!(took < SOON, "{took:?}");
    assert_eq!((&done.outputs["run_created"], fake.start_bodies().len()), ("false", 1));
    assert!(!done.log.contains("may have been started"), "{}", done.log);
}

#[test]
fn without_blocking_a_signal_counts_too() {
    let fake = FakeQaTech::start();
    fake.fault_starts(1, Reply::hang());
    let running = run(&fake)
        .input("test_plan_short_id", "pln_a")
        .input("blocking", "false")
        .start();
    assert!(wait_until(Duration::from_secs(20), || fake.start_bodies().len() == 1));
    let (done, took) = stop(running, Signal::Int);
    assert_eq!((done.code, &done.outputs["run_created"]), (130, ""), "{}", done.log);
    assert!(took < SOON, "{took:?}");
}
