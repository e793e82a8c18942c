//! What a rerun forgives: only a run of which every case was seen to pass or to be skipped.

use qatech_fakes::qatech::{Case, FakeQaTech, Outcome, Rerun, RunScript, When};
use serde_json::{Value, json};

use crate::scene::{assert_ending, attach, in_parallel, json_file, json_output, red, start, told};

/// A case as the API shows it, whatever that means.
fn odd(name: &str, status: &str, result: &Value) -> Case {
    Case::passed(name)
        .field("status", json!(status))
        .field("result", result.clone())
}

fn oddities() -> Vec<(&'static str, Value)> {
    vec![
        ("RUNNING", json!(null)),
        ("INITIATED", json!(null)),
        ("TIMED_OUT", json!(null)),
        ("FAILED", json!(null)),
        ("FAILED", json!("PASSED")),
        ("PAUSED", json!(null)),
        ("RUNNING", json!("PASSED")),
        ("RUNNING", json!("SKIPPED")),
        ("COMPLETED", json!("BLOCKED")),
        ("COMPLETED", json!("failed")),
        ("COMPLETED", json!(null)),
    ]
}

#[test]
fn a_case_without_a_pass_keeps_the_run_failed() {
    in_parallel(&oddities(), |(status, result)| {
        let fake = FakeQaTech::start();
        let script = RunScript::new([Case::failed("A"), odd("B", status, result)])
            .ends(When::Now, "COMPLETED", Some("FAILED"))
            .rerun(Rerun::exactly(RunScript::new([Case::passed("A")])));
        let done = start(&fake, script).input("rerun_failed", "1").output();
        assert_ending(&done, 1, "failed");
        assert_eq!(fake.reruns(), 1, "{status} {result}");
        done.assert_logged("not seen to pass");
    });
}

#[test]
fn cases_that_were_announced_and_not_listed_keep_the_run_failed() {
    let fake = FakeQaTech::start();
    let cases = ["A", "B", "C", "D", "E"].map(Case::failed);
    let listed = json!([cases[0].json(true)]);
    let script = RunScript::new(cases)
        .ends(When::Now, "COMPLETED", Some("FAILED"))
        .field("runTestCases", listed)
        .rerun(Rerun::exactly(RunScript::new([Case::passed("A")])));
    let done = start(&fake, script).input("rerun_failed", "1").output();
    assert_ending(&done, 1, "failed");
    done.assert_logged("1 of the 5 test cases");
}

#[test]
fn a_case_that_was_skipped_or_passes_in_the_rerun_is_forgiven() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([
        Case::failed("A"),
        odd("B", "RUNNING", &json!(null)),
        Case::new("C", Outcome::Skipped),
    ])
    .ends(When::Now, "COMPLETED", Some("FAILED"))
    .rerun(Rerun::exactly(RunScript::new([Case::passed("A"), Case::passed("B")])));
    let done = start(&fake, script).input("rerun_failed", "1").output();
    assert_ending(&done, 0, "flaky");
}

#[test]
fn a_rerun_that_breaks_leaves_the_first_failure_as_it_was() {
    for (status, result) in [("ERROR", None), ("CANCELLED", None)] {
        let fake = FakeQaTech::start();
        let pay = |outcome, title: &str| Case::new("Pay", outcome).texts(title, "Because.", "Pay");
        let script = RunScript::new([Case::passed("Login"), pay(Outcome::Failed, "No pay button")]).rerun(
            Rerun::exactly(RunScript::new([pay(Outcome::Error, "Browser crashed")]).ends(When::Now, status, result)),
        );
        let done = start(&fake, script)
            .input("rerun_failed", "1")
            .input("junit_path", "r.xml")
            .input("ctrf_path", "r.ctrf.json")
            .output();
        assert_ending(&done, 1, "failed");
        assert_eq!(
            (&done.outputs["failed"], &done.outputs["errored"]),
            ("1", "0"),
            "{status}"
        );
        assert_eq!(json_output(&done, "failed_tests")[0]["title"], "No pay button");
        let junit = done.job.read("workspace/r.xml").unwrap();
        assert!(
            junit.contains("<failure message=\"No pay button\" type=\"FAILED\""),
            "{junit}"
        );
        assert!(junit.contains("<rerunError"), "{junit}");
        let ctrf = json_file(&done, "workspace/r.ctrf.json");
        let tests = ctrf["results"]["tests"].as_array().unwrap();
        let pay = tests.iter().find(|test| test["name"] == "Pay").unwrap();
        assert_eq!(pay["message"], "No pay button", "{pay}");
        assert_eq!(pay["retryAttempts"][0]["message"], "Browser crashed", "{pay}");
    }
}

#[test]
fn a_pass_beside_a_case_that_contradicts_it_is_warned_of() {
    in_parallel(&oddities(), |(status, result)| {
        let fake = FakeQaTech::start();
        let script = RunScript::new([Case::passed("A"), odd("B", status, result)]);
        let done = attach(&fake, script.ends(When::Now, "COMPLETED", Some("PASSED"))).output();
        assert_ending(&done, 0, "passed");
        let warnings = told(&done, "warning").join("\n");
        assert!(
            warnings.contains("did not end or have no known result"),
            "{status} {result}: {}",
            done.log
        );
    });
    let fake = FakeQaTech::start();
    let done = attach(&fake, red().ends(When::Now, "COMPLETED", Some("PASSED"))).output();
    let warnings = told(&done, "warning").join("\n");
    assert!(warnings.contains("1 of its test cases failed or errored"), "{warnings}");
    // One that was announced and is not listed was not seen to pass either.
    let cases = ["A", "B"].map(Case::passed);
    for (listed, count) in [(json!([]), 0), (json!([cases[0].json(true)]), 1)] {
        let fake = FakeQaTech::start();
        let script = RunScript::new(cases.clone()).field("runTestCases", listed);
        let done = start(&fake, script).output();
        assert_ending(&done, 0, "passed");
        let warnings = told(&done, "warning").join("\n");
        let expected = format!("PASSED at QA.tech, although it lists {count} of the 2 test cases that it announced");
        assert!(warnings.contains(&expected), "{}", done.log);
    }
}
