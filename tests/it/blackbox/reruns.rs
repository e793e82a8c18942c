//! `rerun_failed`: what failed is run again, and only a pass that was seen is a pass.

use std::time::Duration;

use qatech_fakes::harness::{Done, Run};
use qatech_fakes::http::{End, Reply};
use qatech_fakes::qatech::{Case, FakeQaTech, Identity, Outcome, Rerun, RunScript, When};
use serde_json::json;

use crate::scene::{assert_ending, endless, green, in_parallel, json_file, json_output, red, run, start, start_all};

fn rerunning(fake: &FakeQaTech, script: RunScript, times: &str) -> Run {
    start(fake, script).input("rerun_failed", times)
}

fn counts(done: &Done) -> [&str; 6] {
    ["total", "passed", "failed", "skipped", "errored", "flaky"].map(|name| &done.outputs[name])
}

#[test]
fn what_passes_in_a_rerun_is_flaky() {
    for identity in [Identity::Same, Identity::NewIds, Identity::NewIdsAndShortIds] {
        let fake = FakeQaTech::start();
        let script = red().rerun(Rerun::passing(&["Pay"]).identity(identity));
        let done = rerunning(&fake, script, "1")
            .input("json_path", "r.json")
            .input("junit_path", "r.xml")
            .input("ctrf_path", "r.ctrf.json")
            .output();
        assert_ending(&done, 0, "flaky");
        assert_eq!((fake.starts(), fake.reruns()), (1, 1));
        assert_eq!(fake.rerun_bodies(), [json!({"failedOnly": true})]);
        assert_eq!(counts(&done), ["2", "1", "0", "0", "0", "1"], "{identity:?}");
        // The five outputs speak of the latest attempt.
        done.assert_outputs(&[("run_short_id", "run002"), ("run_result", "PASSED")]);
        assert_eq!(&done.outputs["run_url"], "https://app.qa.tech/p/fake/results/run002");
        let runs = json_output(&done, "runs");
        let attempts = runs[0]["attempts"].as_array().unwrap();
        let ids: Vec<_> = attempts
            .iter()
            .map(|attempt| attempt["short_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["run001", "run002"]);
        // Each attempt's link stays visible.
        for place in [&done.log, &done.summary] {
            assert!(
                place.contains("results/run001") && place.contains("results/run002"),
                "{place}"
            );
        }
        assert!(done.job.read("workspace/r.xml").unwrap().contains("<flakyFailure"));
        let ctrf = json_file(&done, "workspace/r.ctrf.json");
        let tests = ctrf["results"]["tests"].as_array().unwrap();
        let pay = tests.iter().find(|test| test["name"] == "Pay").unwrap();
        assert_eq!((&pay["flaky"], &pay["retries"]), (&json!(true), &json!(1)), "{pay}");
    }
}

#[test]
fn flaky_can_be_made_to_fail() {
    let fake = FakeQaTech::start();
    let done = rerunning(&fake, red().rerun(Rerun::passing(&["Pay"])), "1")
        .input("fail_on", "failed,flaky")
        .output();
    assert_ending(&done, 1, "flaky");
}

#[test]
fn reruns_end_when_all_passed_or_after_n() {
    let three = || RunScript::new(["a", "b", "c"].map(Case::failed));
    for (n, reruns, verdict, code, flaky) in [
        ("0", 0, "failed", 1, "0"),
        ("1", 1, "failed", 1, "1"),
        ("2", 2, "failed", 1, "2"),
        ("3", 3, "flaky", 0, "3"),
        ("9", 3, "flaky", 0, "3"),
    ] {
        let fake = FakeQaTech::start();
        let script = three()
            .rerun(Rerun::passing(&["a"]))
            .rerun(Rerun::passing(&["b"]))
            .rerun(Rerun::passing(&["c"]));
        let done = rerunning(&fake, script, n).output();
        assert_ending(&done, code, verdict);
        assert_eq!((fake.starts(), fake.reruns()), (1, reruns), "{n}");
        assert_eq!(&done.outputs["flaky"], flaky, "{n}");
        // Each rerun is one of the attempt before.
        let runs = fake.runs();
        for (index, run) in runs.iter().enumerate().skip(1) {
            assert_eq!(run.rerun_of.as_deref(), Some(runs[index - 1].short_id.as_str()));
        }
    }
}

#[test]
fn only_a_failed_run_is_rerun() {
    let table = [
        (green(), 0, "passed"),
        (RunScript::new([Case::new("x", Outcome::Skipped)]), 0, "skipped"),
        (red().ends(When::Now, "ERROR", None), 3, "error"),
        (red().ends(When::Now, "CANCELLED", None), 3, "cancelled"),
        (red().ends(When::Now, "COMPLETED", Some("MAYBE")), 3, "unknown"),
    ];
    in_parallel(&table, |(script, code, verdict)| {
        let fake = FakeQaTech::start();
        assert_ending(&rerunning(&fake, script.clone(), "2").output(), *code, verdict);
        assert_eq!(fake.rerun_bodies().len(), 0, "{verdict}");
    });
}

#[test]
fn an_errored_case_counts_like_a_failed_one() {
    let script = || RunScript::new([Case::passed("Login"), Case::new("Pay", Outcome::Error)]);
    let fake = FakeQaTech::start();
    let done = rerunning(&fake, script().rerun(Rerun::passing(&["Pay"])), "1").output();
    assert_ending(&done, 0, "flaky");
    let fake = FakeQaTech::start();
    let done = rerunning(&fake, script().rerun(Rerun::passing(&[])), "1").output();
    assert_ending(&done, 1, "failed");
}

#[test]
fn a_rerun_that_does_not_show_a_pass_hides_no_failure() {
    let pay = || [Case::failed("Pay")];
    let table: Vec<(&str, Rerun)> = vec![
        ("fails again", Rerun::passing(&[])),
        (
            "error",
            Rerun::exactly(RunScript::new(pay()).ends(When::Now, "ERROR", None)),
        ),
        (
            "cancelled",
            Rerun::exactly(RunScript::new(pay()).ends(When::Now, "CANCELLED", None)),
        ),
        (
            "unknown result",
            Rerun::exactly(RunScript::new(pay()).ends(When::Now, "COMPLETED", Some("MAYBE"))),
        ),
        (
            "without the case",
            Rerun::exactly(RunScript::new([Case::passed("Other")])),
        ),
        (
            "without any case",
            Rerun::exactly(RunScript::new([]).ends(When::Now, "COMPLETED", Some("PASSED"))),
        ),
        (
            "skipped",
            Rerun::exactly(RunScript::new([Case::new("Pay", Outcome::Skipped)])),
        ),
        (
            "passed, but the case failed",
            Rerun::exactly(RunScript::new(pay()).ends(When::Now, "COMPLETED", Some("PASSED"))),
        ),
        (
            "a new case that fails",
            Rerun::exactly(RunScript::new([Case::passed("Pay"), Case::failed("Refund")])),
        ),
    ];
    in_parallel(&table, |(name, rerun)| {
        let fake = FakeQaTech::start();
        let done = rerunning(&fake, red().rerun(rerun.clone()), "1").output();
        assert_eq!(
            (done.code, &done.outputs["verdict"]),
            (1, "failed"),
            "{name}:\n{}",
            done.log
        );
        assert_eq!(fake.reruns(), 1, "{name}");
        assert!(done.summary.contains("Pay"), "{name}: {}", done.summary);
    });
}

#[test]
fn a_case_that_is_new_in_a_rerun_is_listed() {
    let fake = FakeQaTech::start();
    let rerun = Rerun::exactly(RunScript::new([Case::passed("Pay"), Case::failed("Refund")]));
    let done = rerunning(&fake, red().rerun(rerun), "1").output();
    assert_ending(&done, 1, "failed");
    assert_eq!(counts(&done), ["3", "1", "1", "0", "0", "1"]);
    assert_eq!(json_output(&done, "failed_tests")[0]["name"], "Refund");
}

#[test]
fn the_same_name_twice_is_distinguished_or_not_passed() {
    let twice = |first: Outcome, second: Outcome| {
        [
            Case::new("Pay", first).ids("00000000-0000-4000-8000-0000000000a1", "tc_a1"),
            Case::new("Pay", second).ids("00000000-0000-4000-8000-0000000000a2", "tc_a2"),
        ]
    };
    // By id: the one that failed passes.
    let fake = FakeQaTech::start();
    let script = RunScript::new(twice(Outcome::Passed, Outcome::Failed)).rerun(Rerun::passing(&["Pay"]));
    let done = rerunning(&fake, script, "1").output();
    assert_ending(&done, 0, "flaky");
    assert_eq!(counts(&done), ["2", "1", "0", "0", "0", "1"]);
    // By name alone nobody can tell which of the two passed.
    let fake = FakeQaTech::start();
    let script =
        RunScript::new(twice(Outcome::Failed, Outcome::Failed))
            .rerun(Rerun::exactly(RunScript::new([
                Case::passed("Pay").ids("00000000-0000-4000-8000-0000000000a3", "tc_a3")
            ])));
    let done = rerunning(&fake, script, "1").output();
    assert_ending(&done, 1, "failed");
    assert_eq!(&done.outputs["failed"], "2");
}

#[test]
fn nothing_to_rerun_keeps_the_first_result() {
    let fake = FakeQaTech::start();
    fake.fault(
        "POST",
        "/run/*",
        1,
        Reply::json(400, &json!({"message": "No tests to rerun"})),
    );
    let done = rerunning(&fake, red(), "3").output();
    assert_ending(&done, 1, "failed");
    assert_eq!(fake.rerun_bodies().len(), 1);
    done.assert_outputs(&[("run_short_id", "run001"), ("failed", "1")]);
}

#[test]
fn a_rerun_that_may_have_been_started_is_not_repeated() {
    let faults = [
        Reply::empty(500),
        Reply::raw(502, "text/html", "<html>"),
        Reply::cut(End::Reset),
        Reply::raw(200, "application/json", "?"),
        Reply::empty(307).header("Location", "/v1/run/x"),
    ];
    in_parallel(&faults, |fault| {
        let fake = FakeQaTech::start();
        fake.lose_answer("POST", "/run/*", 1, fault.clone());
        let done = rerunning(&fake, red().rerun(Rerun::passing(&["Pay"])), "2").output();
        assert_ending(&done, 1, "failed");
        assert_eq!((fake.rerun_bodies().len(), fake.reruns()), (1, 1), "{}", done.log);
        done.assert_logged("may have been started");
    });
}

#[test]
fn a_rerun_that_was_not_started_is_tried_again() {
    let fake = FakeQaTech::start();
    fake.fault("POST", "/run/*", 1..=2, Reply::empty(429));
    let done = rerunning(&fake, red().rerun(Rerun::passing(&["Pay"])), "1").output();
    assert_ending(&done, 0, "flaky");
    assert_eq!((fake.rerun_bodies().len(), fake.reruns()), (3, 1));
}

#[test]
fn a_refused_rerun_keeps_the_first_result_and_says_why() {
    for status in [401, 402, 403, 404] {
        let fake = FakeQaTech::start();
        fake.fault(
            "POST",
            "/run/*",
            1,
            Reply::json(status, &json!({"message": "because I say so"})),
        );
        let done = rerunning(&fake, red(), "3").output();
        assert_ending(&done, 1, "failed");
        assert_eq!(fake.rerun_bodies().len(), 1);
        done.assert_logged("because I say so");
    }
}

#[test]
fn a_rerun_has_the_same_deadline() {
    let fake = FakeQaTech::start();
    let rerun = Rerun::exactly(RunScript::new([Case::passed("Pay").ends(When::Never)]));
    let done = rerunning(&fake, red().rerun(rerun), "1")
        .input("timeout_minutes", "0.05")
        .output();
    // What failed was not seen to pass.
    assert_ending(&done, 1, "failed");
    done.assert_outputs(&[("failed", "1"), ("run_short_id", "run002")]);
}

#[test]
fn a_rerun_that_is_not_found_at_first_is_polled_again() {
    let fake = FakeQaTech::start();
    fake.fault(
        "GET",
        "/run/run002",
        1..=2,
        Reply::json(404, &json!({"message": "Run not found"})),
    );
    let done = rerunning(&fake, red().rerun(Rerun::passing(&["Pay"])), "1").output();
    assert_ending(&done, 0, "flaky");
}

#[test]
fn a_run_that_was_attached_to_is_rerun_too() {
    let fake = FakeQaTech::start();
    fake.existing_run("abc123", red().rerun(Rerun::passing(&["Pay"])));
    let done = run(&fake)
        .input("run_short_id", "abc123")
        .input("rerun_failed", "1")
        .output();
    assert_ending(&done, 0, "flaky");
    assert_eq!((fake.starts(), fake.reruns()), (0, 1));
}

#[test]
fn several_plans_are_rerun_at_once() {
    let fake = FakeQaTech::start();
    let slow = |rerun: &[&str]| {
        red()
            .ends(When::Look(3), "COMPLETED", Some("FAILED"))
            .rerun(Rerun::passing(rerun))
    };
    let done = start_all(&fake, [slow(&["Pay"]), green(), slow(&[])])
        .input("rerun_failed", "1")
        .output();
    assert_ending(&done, 1, "failed");
    assert_eq!((fake.starts(), fake.reruns()), (3, 2));
    let runs = json_output(&done, "runs");
    let verdicts: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["flaky", "passed", "failed"]);
    assert_eq!(counts(&done), ["5", "3", "1", "0", "0", "1"]);
    let ids: Vec<String> = done.outputs["run_short_id"].split(',').map(ToOwned::to_owned).collect();
    let latest = |plan: &str| {
        fake.runs()
            .into_iter()
            .rfind(|run| run.plan.as_deref() == Some(plan))
            .unwrap()
            .short_id
    };
    assert_eq!(ids, ["pln_a", "pln_b", "pln_c"].map(latest));
}

#[test]
fn the_worst_verdict_over_several_knows_flaky() {
    for (other, verdict) in [
        (green(), "flaky"),
        (RunScript::new([Case::new("x", Outcome::Skipped)]), "flaky"),
    ] {
        let fake = FakeQaTech::start();
        let done = start_all(&fake, [red().rerun(Rerun::passing(&["Pay"])), other])
            .input("rerun_failed", "1")
            .output();
        assert_ending(&done, 0, verdict);
    }
}

#[test]
#[cfg(unix)]
fn a_signal_during_a_rerun_reports_both_attempts() {
    use qatech_fakes::harness::Signal;
    use qatech_fakes::http::wait_until;

    for (signal, code) in [(Signal::Int, 130), (Signal::Term, 143)] {
        let fake = FakeQaTech::start();
        let rerun = Rerun::exactly(RunScript::new([Case::passed("Pay").ends(When::Never)]));
        let running = rerunning(&fake, red().rerun(rerun), "1").start();
        let looked = || {
            fake.requests()
                .iter()
                .filter(|request| request.path.ends_with("run002"))
                .count()
                >= 2
        };
        assert!(wait_until(Duration::from_secs(20), looked));
        running.signal(signal);
        let done = running.wait();
        assert_ending(&done, code, "interrupted");
        assert_eq!(&done.outputs["run_short_id"], "run002");
        assert!(done.summary.contains("results/run001") && done.summary.contains("results/run002"));
        done.assert_outputs(&[("flaky", "0"), ("total", "2")]);
    }
}

#[test]
fn nothing_is_rerun_without_waiting() {
    let fake = FakeQaTech::start();
    let done = rerunning(&fake, red(), "2").input("blocking", "false").output();
    assert_ending(&done, 0, "");
    assert_eq!(fake.reruns(), 0);
    let fake = FakeQaTech::start();
    let done = rerunning(&fake, endless(), "2")
        .input("timeout_minutes", "0.02")
        .output();
    assert_ending(&done, 4, "timed_out");
    assert_eq!(fake.reruns(), 0);
}

#[test]
fn a_github_rerun_without_a_trace_starts_afresh_and_says_why() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green())
        .input("on_github_rerun", "failed")
        .input("github_token", "")
        .env("GITHUB_RUN_ATTEMPT", "2")
        .output();
    assert_ending(&done, 0, "passed");
    assert_eq!((fake.starts(), fake.reruns()), (1, 0));
    done.assert_logged("new runs are started: there is no `github_token`");
}

#[test]
fn the_first_attempt_of_a_job_searches_nothing() {
    for (input, attempt) in [("failed", "1"), ("all", "2")] {
        let fake = FakeQaTech::start();
        let done = start(&fake, green())
            .input("on_github_rerun", input)
            .env("GITHUB_RUN_ATTEMPT", attempt)
            .output();
        assert_ending(&done, 0, "passed");
        assert_eq!(fake.starts(), 1);
        assert!(!done.log.contains("afresh"), "{}", done.log);
    }
}

#[test]
fn fail_fast_and_reruns_do_not_mix_up() {
    // A run that is still going can't be rerun.
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::failed("Pay"), Case::passed("Search").ends(When::Never)]);
    let done = rerunning(&fake, script.rerun(Rerun::passing(&["Pay"])), "1")
        .input("fail_fast", "true")
        .input("timeout_minutes", "0.1")
        .output();
    assert_ending(&done, 1, "failed");
    assert_eq!(fake.reruns(), 0);
}

#[test]
fn cases_that_the_first_answer_lacked_are_not_taken_as_passed() {
    // The run failed and names nothing that failed: what a rerun shows says nothing of it.
    let fake = FakeQaTech::start();
    let script = green()
        .ends(When::Now, "COMPLETED", Some("FAILED"))
        .rerun(Rerun::exactly(green()));
    fake.fault("POST", "/run/*", 2..=usize::MAX, Reply::empty(400));
    let done = rerunning(&fake, script, "1").output();
    assert_ending(&done, 1, "failed");
}
