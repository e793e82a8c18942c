//! From status and result to verdict and exit code.

use std::time::Duration;

use qatech_fakes::qatech::{Case, FakeQaTech, Outcome, RunScript, When};

use crate::scene::{assert_ending, attach, endless, green, in_parallel, json_file, red, script_for, start, told};

#[test]
fn each_status_and_result_has_its_verdict() {
    let table: [(&str, Option<&str>, &str, i32); 6] = [
        ("COMPLETED", Some("PASSED"), "passed", 0),
        ("COMPLETED", Some("FAILED"), "failed", 1),
        ("COMPLETED", Some("SKIPPED"), "skipped", 0),
        ("ERROR", None, "error", 3),
        ("CANCELLED", None, "cancelled", 3),
        ("COMPLETED", Some("MAYBE"), "unknown", 3),
    ];
    in_parallel(&table, |(status, result, verdict, code)| {
        let fake = FakeQaTech::start();
        let done = attach(&fake, RunScript::new([]).ends(When::Look(2), status, *result)).output();
        assert_ending(&done, *code, verdict);
        assert_eq!(&done.outputs["run_status"], *status);
        assert_eq!(&done.outputs["run_result"], result.unwrap_or_default());
        assert!(done.summary.contains(verdict) || done.summary.to_lowercase().contains(verdict));
        assert_eq!(fake.starts(), 0);
    });
}

#[test]
fn a_result_that_stays_null_is_unknown_after_its_grace() {
    let fake = FakeQaTech::start();
    let done = attach(&fake, RunScript::new([]).ends(When::Now, "COMPLETED", None)).output();
    assert_ending(&done, 3, "unknown");
    assert!(done.elapsed >= Duration::from_secs(28), "{:?}", done.elapsed);
    done.assert_outputs(&[("run_status", "COMPLETED"), ("run_result", "")]);
}

#[test]
fn a_result_that_comes_late_counts() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::passed("Login")])
        .ends(When::Now, "COMPLETED", None)
        .phase(When::Look(4), "COMPLETED", Some("PASSED"));
    assert_ending(&attach(&fake, script).output(), 0, "passed");
}

#[test]
fn the_deadline_comes_before_the_grace() {
    let fake = FakeQaTech::start();
    let done = attach(&fake, RunScript::new([]).ends(When::Now, "COMPLETED", None))
        .input("timeout_minutes", "0.03")
        .output();
    assert!(done.elapsed < Duration::from_secs(28), "{:?}", done.elapsed);
    assert!(
        matches!((done.code, &done.outputs["verdict"]), (4, "timed_out") | (3, "unknown")),
        "{}",
        done.log
    );
}

#[test]
fn an_unknown_status_is_warned_of_once_and_waited_through() {
    let fake = FakeQaTech::start();
    let script = green()
        .phase(When::Now, "PAUSED", None)
        .phase(When::Look(4), "RUNNING", None)
        .phase(When::Look(5), "PAUSED", None)
        .phase(When::Look(7), "COMPLETED", Some("PASSED"));
    let done = attach(&fake, script).output();
    assert_ending(&done, 0, "passed");
    let warnings = told(&done, "warning");
    let about = warnings.iter().filter(|warning| warning.contains("PAUSED")).count();
    assert_eq!(about, 1, "{warnings:?}");
}

#[test]
fn a_status_in_other_letters_is_unknown_and_not_an_end() {
    let fake = FakeQaTech::start();
    let script = green()
        .phase(When::Now, "completed", Some("PASSED"))
        .phase(When::Look(4), "ERROR", None);
    assert_ending(&attach(&fake, script).output(), 3, "error");
}

#[test]
fn the_deadline_gives_timed_out() {
    let fake = FakeQaTech::start();
    let done = start(&fake, endless()).input("timeout_minutes", "0.03").output();
    assert_ending(&done, 4, "timed_out");
    done.assert_outputs(&[("run_status", "RUNNING"), ("total", "2")]);
    done.assert_outputs(&[("passed", "1"), ("failed", "0")]);
}

const VERDICTS: [(&str, i32); 8] = [
    ("passed", 0),
    ("failed", 1),
    ("skipped", 1),
    ("flaky", 1),
    ("error", 3),
    ("cancelled", 3),
    ("unknown", 3),
    ("timed_out", 4),
];

fn play(verdict: &str, fail_on: &str, code: i32) {
    let fake = FakeQaTech::start();
    let reruns = if verdict == "flaky" { "1" } else { "0" };
    let minutes = if verdict == "timed_out" { "0.02" } else { "1" };
    let done = start(&fake, script_for(verdict))
        .input("fail_on", fail_on)
        .input("rerun_failed", reruns)
        .input("timeout_minutes", minutes)
        .output();
    assert_ending(&done, code, verdict);
}

#[test]
fn fail_on_decides_what_fails_and_the_verdict_with_what_code() {
    in_parallel(&VERDICTS, |(verdict, code)| {
        play(verdict, "none", 0);
        if *verdict != "passed" {
            play(verdict, verdict, *code);
            let others: Vec<&str> = VERDICTS
                .iter()
                .map(|(other, _)| *other)
                .filter(|other| other != verdict && *other != "passed")
                .collect();
            play(verdict, &others.join(", "), 0);
        }
    });
}

#[test]
fn the_result_decides_and_cases_that_contradict_it_are_warned_of() {
    for (result, script, code, verdict) in [("PASSED", red(), 0, "passed"), ("FAILED", green(), 1, "failed")] {
        let fake = FakeQaTech::start();
        let done = attach(&fake, script.ends(When::Now, "COMPLETED", Some(result))).output();
        assert_ending(&done, code, verdict);
        assert_ne!(told(&done, "warning"), [""; 0], "{}", done.log);
    }
    let fake = FakeQaTech::start();
    let done = attach(&fake, red()).output();
    assert_eq!(told(&done, "warning"), [""; 0], "{}", done.log);
}

#[test]
fn fail_fast_stops_at_the_first_failed_case() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([
        Case::passed("Login"),
        Case::new("Mail", Outcome::Skipped),
        Case::failed("Pay").ends(When::Look(4)),
        Case::passed("Search").ends(When::Never),
    ]);
    let done = start(&fake, script).input("fail_fast", "true").output();
    assert_ending(&done, 1, "failed");
    assert!(fake.gets() >= 4, "a skipped case is no failed one");
    done.assert_outputs(&[("failed", "1"), ("total", "4"), ("run_status", "RUNNING")]);
}

#[test]
fn without_fail_fast_the_end_is_waited_for() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::failed("Pay"), Case::passed("Search").ends(When::Look(5))]);
    let done = start(&fake, script).output();
    assert_ending(&done, 1, "failed");
    done.assert_outputs(&[("passed", "1"), ("failed", "1")]);
}

#[test]
fn missing_fields_and_unknown_ones_do_no_harm() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::passed("Login")
        .field("surprise", serde_json::json!([1]))
        .field("promptExamples", serde_json::json!(null))])
    .test_plan(None)
    .leave_cases_out()
    .field("surprise", serde_json::json!({"a": 1}));
    assert_ending(&start(&fake, script).output(), 0, "passed");

    for no_list in [
        serde_json::json!(null),
        serde_json::json!({"a": [1]}),
        serde_json::json!("none"),
    ] {
        let fake = FakeQaTech::start();
        let script = green().field("runTestCases", no_list);
        let done = start(&fake, script).input("json_path", "r.json").output();
        assert_ending(&done, 0, "passed");
        let warnings = told(&done, "warning").join("\n");
        assert!(warnings.contains("could not be read"), "{}", done.log);
        assert_eq!(json_file(&done, "workspace/r.json")["runs"][0]["cases_complete"], false);
    }
}
