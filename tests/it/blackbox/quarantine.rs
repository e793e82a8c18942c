//! Quarantine and runs without tests: what does not gate, what always does, and what is said about it.

use qatech_fakes::events::Scene;
use qatech_fakes::qatech::{Case, FakeQaTech, Rerun, RunScript, When};

use crate::github::program::{job, pull_request, qatech};
use crate::scene::{assert_ending, attach, endless, green, in_parallel, json_file, red, start, told};

fn two_fail() -> RunScript {
    RunScript::new([Case::passed("Login"), Case::failed("Pay"), Case::failed("Search")])
}

/// What a run plays, with how many reruns.
fn script(name: &str) -> (RunScript, &'static str) {
    match name {
        "passes" => (green(), "0"),
        "Pay fails" => (red(), "0"),
        "Pay and Search fail" => (two_fail(), "0"),
        "Search passes in the rerun" => (two_fail().rerun(Rerun::passing(&["Search"])), "1"),
        "Pay passes in the rerun" => (two_fail().rerun(Rerun::passing(&["Pay"])), "1"),
        "both pass in the rerun" => (two_fail().rerun(Rerun::passing(&["Pay", "Search"])), "1"),
        "the rerun errors" => {
            let rerun = RunScript::new([Case::passed("Pay"), Case::passed("Search")]).ends(When::Now, "ERROR", None);
            (two_fail().rerun(Rerun::exactly(rerun)), "1")
        }
        "errors" => (red().ends(When::Now, "ERROR", None), "0"),
        "is cancelled" => (red().ends(When::Now, "CANCELLED", None), "0"),
        "never ends" => (endless(), "0"),
        "fails without a failed case" => (green().ends(When::Now, "COMPLETED", Some("FAILED")), "0"),
        "fails while a case still runs" => {
            let cases = [Case::failed("Pay"), Case::passed("Login").ends(When::Never)];
            (RunScript::new(cases).ends(When::Now, "COMPLETED", Some("FAILED")), "0")
        }
        "fails without a list" => (red().field("runTestCases", serde_json::json!(null)), "0"),
        "has no tests" => (RunScript::new([]).ends(When::Now, "COMPLETED", Some("PASSED")), "0"),
        other => panic!("no script for {other:?}"),
    }
}

const DEFAULT: &str = "failed,error,cancelled,timed_out,unknown";

/// Attempts × quarantine × `fail_on` → verdict, exit code, conclusion of the check.
const TABLE: [(&str, &str, &str, &str, i32, &str); 27] = [
    ("Pay fails", "", DEFAULT, "failed", 1, "failure"),
    ("Pay fails", "Pay", DEFAULT, "quarantined", 0, "neutral"),
    ("Pay fails", "P*y # known", DEFAULT, "quarantined", 0, "neutral"),
    (
        "Pay fails",
        "Pay until 2999-12-31",
        DEFAULT,
        "quarantined",
        0,
        "neutral",
    ),
    ("Pay fails", "Pay until 2020-01-01", DEFAULT, "failed", 1, "failure"),
    ("Pay fails", "Search", DEFAULT, "failed", 1, "failure"),
    ("Pay fails", "Pay", "quarantined", "quarantined", 1, "failure"),
    ("Pay fails", "Pay", "none", "quarantined", 0, "neutral"),
    ("Pay fails", "Search", "none", "failed", 0, "neutral"),
    ("Pay and Search fail", "Pay", DEFAULT, "failed", 1, "failure"),
    (
        "Pay and Search fail",
        "Pay\nSearch",
        DEFAULT,
        "quarantined",
        0,
        "neutral",
    ),
    (
        "Search passes in the rerun",
        "Pay",
        DEFAULT,
        "quarantined",
        0,
        "neutral",
    ),
    (
        "Search passes in the rerun",
        "Pay",
        "flaky",
        "quarantined",
        0,
        "neutral",
    ),
    ("Pay passes in the rerun", "Pay", DEFAULT, "failed", 1, "failure"),
    ("both pass in the rerun", "Pay", DEFAULT, "flaky", 0, "success"),
    (
        "both pass in the rerun",
        "Pay",
        "quarantined,flaky",
        "flaky",
        1,
        "failure",
    ),
    ("the rerun errors", "Pay", DEFAULT, "failed", 1, "failure"),
    ("errors", "*", DEFAULT, "error", 3, "failure"),
    ("is cancelled", "*", DEFAULT, "cancelled", 3, "cancelled"),
    ("never ends", "*", DEFAULT, "timed_out", 4, "timed_out"),
    ("fails without a failed case", "*", DEFAULT, "failed", 1, "failure"),
    ("fails while a case still runs", "*", DEFAULT, "failed", 1, "failure"),
    ("fails without a list", "*", DEFAULT, "failed", 1, "failure"),
    ("passes", "*", "failed,quarantined", "passed", 0, "success"),
    ("has no tests", "*", DEFAULT, "passed", 0, "success"),
    ("has no tests", "", "no_tests", "passed", 1, "failure"),
    ("passes", "", "no_tests", "passed", 0, "success"),
];

#[test]
fn the_truth_table_of_quarantine() {
    in_parallel(&TABLE, |(attempts, quarantine, fail_on, verdict, code, conclusion)| {
        let (script, reruns) = script(attempts);
        let (github, fake) = (pull_request(), qatech(script));
        let minutes = if *attempts == "never ends" { "0.03" } else { "1" };
        let done = job(&github, &fake, &Scene::new().pull_request())
            .input("quarantine", quarantine)
            .input("fail_on", fail_on)
            .input("rerun_failed", reruns)
            .input("timeout_minutes", minutes)
            .output();
        let check = github.only_check_run();
        assert_eq!(
            (&done.outputs["verdict"], done.code, check.conclusion.as_deref()),
            (*verdict, *code, Some(*conclusion)),
            "{attempts}, quarantine {quarantine:?}, fail_on {fail_on}; the log:\n{}",
            done.log
        );
    });
}

#[test]
fn an_entry_in_a_file_or_by_short_id_counts_too() {
    let fake = FakeQaTech::start();
    let cases = [
        Case::failed("Pay"),
        Case::failed("Search").ids("id-search", "tc_search"),
    ];
    let run = start(&fake, RunScript::new(cases))
        .input("quarantine", "tc_search")
        .input("quarantine_path", "list.txt");
    run.job()
        .write("workspace/list.txt", "# known\n\nPay until 2999-01-01 # card form\n");
    assert_ending(&run.output(), 0, "quarantined");
}

#[test]
fn a_list_that_cannot_be_used_ends_before_anything_is_sent() {
    let fake = FakeQaTech::start();
    fake.plan("pln_a", red());
    for (name, value, expected) in [
        ("quarantine", "fine\nPay until 2026-02-30", "`quarantine`, line 2"),
        ("quarantine", "until 2999-01-01", "`quarantine`, line 1"),
        ("quarantine_path", "missing.txt", "`quarantine_path`"),
        ("quarantine_path", ".", "`quarantine_path`"),
    ] {
        for dry_run in ["false", "true"] {
            let done = crate::scene::run(&fake)
                .input("test_plan_short_id", "pln_a")
                .input(name, value)
                .input("dry_run", dry_run)
                .output();
            assert_eq!((done.code, &done.outputs["run_created"]), (2, "false"), "{}", done.log);
            done.assert_logged(expected);
        }
    }
    assert_eq!(fake.starts(), 0);
}

#[test]
fn expired_entries_and_those_that_match_nothing_are_warned_of_once() {
    let fake = FakeQaTech::start();
    let list = "Pay\nLogin until 2020-02-29\nGone *";
    let done = start(&fake, red())
        .input("quarantine", list)
        .input("json_path", "r.json")
        .output();
    assert_ending(&done, 0, "quarantined");
    let warnings = told(&done, "warning").join("\n");
    let expired = "line 2 of `quarantine` (Login) ended on 2020-02-29";
    let unmatched = "No test case matches the quarantine entry in line 3 of `quarantine` (Gone *)";
    for text in [expired, unmatched] {
        assert_eq!(warnings.matches(text).count(), 1, "{}", done.log);
        assert!(
            json_file(&done, "workspace/r.json")["warnings"]
                .to_string()
                .contains(text)
        );
    }
    // A list that is not complete says nothing of what is missing.
    let fake = FakeQaTech::start();
    let partial = red().field("runTestCases", serde_json::json!(null));
    let done = start(&fake, partial).input("quarantine", "Gone").output();
    assert!(!done.log.contains("No test case matches"), "{}", done.log);
}

#[test]
fn fail_fast_does_not_stop_for_what_is_in_quarantine() {
    for (quarantine, code, verdict, passed) in [("Pay", 0, "quarantined", "1"), ("", 1, "failed", "0")] {
        let fake = FakeQaTech::start();
        let script = RunScript::new([Case::failed("Pay"), Case::passed("Search").ends(When::Look(5))]);
        let done = start(&fake, script)
            .input("fail_fast", "true")
            .input("quarantine", quarantine)
            .output();
        assert_ending(&done, code, verdict);
        assert_eq!(&done.outputs["passed"], passed, "{}", done.log);
    }
}

#[test]
fn a_run_without_tests_is_warned_of() {
    let fake = FakeQaTech::start();
    let empty = || RunScript::new([]).ends(When::Now, "COMPLETED", Some("PASSED"));
    let done = attach(&fake, empty()).input("json_path", "r.json").output();
    assert_ending(&done, 0, "passed");
    let warning = "without a single test case";
    assert_eq!(
        told(&done, "warning").join("\n").matches(warning).count(),
        1,
        "{}",
        done.log
    );
    assert!(done.summary.contains(warning), "{}", done.summary);
    assert!(
        json_file(&done, "workspace/r.json")["warnings"]
            .to_string()
            .contains(warning)
    );
    let fake = FakeQaTech::start();
    let done = attach(&fake, empty()).input("fail_on", "no_tests").output();
    assert_ending(&done, 1, "passed");
}
