//! Several plans, and several runs to attach to, in one step.

use std::time::Duration;

use qatech_fakes::http::Reply;
use qatech_fakes::qatech::{Case, FakeQaTech, Instead, RunScript, When};
use serde_json::json;

use crate::scene::{assert_ending, endless, green, in_parallel, json_output, red, run, script_for, start_all};

fn slow(script: RunScript) -> RunScript {
    script.ends(When::Look(4), "COMPLETED", Some("PASSED"))
}

#[test]
fn each_plan_is_started_once_and_all_are_waited_for_together() {
    for plans in [
        "pln_a,pln_b,pln_c",
        "pln_a pln_b\npln_c",
        " pln_a, \n pln_b\n\n,pln_c, ",
    ] {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", slow(green()));
        fake.plan("pln_b", green());
        fake.plan("pln_c", slow(green()));
        let done = run(&fake).input("test_plan_short_id", plans).output();
        assert_ending(&done, 0, "passed");
        assert_eq!(fake.starts(), 3);
        let mut started: Vec<_> = fake
            .start_bodies()
            .iter()
            .map(|body| body["testPlanShortId"].clone())
            .collect();
        started.sort_by_key(ToString::to_string);
        assert_eq!(started, [json!("pln_a"), json!("pln_b"), json!("pln_c")]);
        // In the order of the input, whatever order the starts were answered in.
        let run_of = |plan: &str| {
            let run = fake
                .runs()
                .into_iter()
                .find(|run| run.plan.as_deref() == Some(plan))
                .unwrap();
            (run.short_id, run.url)
        };
        let (ids, urls): (Vec<_>, Vec<_>) = ["pln_a", "pln_b", "pln_c"].map(run_of).into_iter().unzip();
        assert_eq!(&done.outputs["run_short_id"], ids.join(","));
        assert_eq!(&done.outputs["run_url"], urls.join(","));
        assert_eq!(&done.outputs["run_status"], "COMPLETED,COMPLETED,COMPLETED");
        assert_eq!(&done.outputs["run_result"], "PASSED,PASSED,PASSED");
        done.assert_outputs(&[("run_created", "true,true,true"), ("total", "3")]);
        assert_eq!(json_output(&done, "runs").as_array().unwrap().len(), 3);
    }
}

#[test]
fn several_runs_are_attached_to() {
    let fake = FakeQaTech::start();
    fake.existing_run("one", green());
    fake.existing_run("two", red());
    let done = run(&fake).input("run_short_id", "one, two").output();
    assert_ending(&done, 1, "failed");
    assert_eq!(fake.starts(), 0);
    assert_eq!(&done.outputs["run_short_id"], "one,two");
    assert_eq!(&done.outputs["run_result"], "PASSED,FAILED");
    assert_eq!(&done.outputs["run_created"], "false,false");
}

#[test]
fn a_failure_that_the_step_tolerates_does_not_hide_a_later_error() {
    let fake = FakeQaTech::start();
    let done = start_all(&fake, [red(), red().ends(When::Look(4), "ERROR", None)])
        .input("fail_fast", "true")
        .input("fail_on", "error")
        .output();
    assert_ending(&done, 3, "error");
    assert_eq!(&done.outputs["run_status"], "COMPLETED,ERROR");
    done.assert_logged("`fail_fast` has no effect");
}

#[test]
fn the_worst_verdict_and_exit_code_are_the_steps() {
    // Worst first.
    let order = [
        "unknown",
        "error",
        "failed",
        "timed_out",
        "cancelled",
        "skipped",
        "passed",
    ];
    let all = "failed,error,cancelled,timed_out,unknown,skipped";
    let mut table = Vec::new();
    for (index, worse) in order.iter().enumerate() {
        for better in &order[index + 1..] {
            let pair = [*worse, *better];
            let code = if pair.iter().any(|v| matches!(*v, "unknown" | "error" | "cancelled")) {
                3
            } else if pair.contains(&"timed_out") {
                4
            } else {
                1
            };
            table.push((*worse, *better, code));
        }
    }
    in_parallel(&table, |(worse, better, code)| {
        let fake = FakeQaTech::start();
        let done = start_all(&fake, [script_for(better), script_for(worse)])
            .input("timeout_minutes", "0.03")
            .input("fail_on", all)
            .output();
        assert_ending(&done, *code, worse);
        let runs = json_output(&done, "runs");
        assert_eq!(
            (&runs[0]["verdict"], &runs[1]["verdict"]),
            (&json!(better), &json!(worse))
        );
    });
}

#[test]
fn a_code_counts_only_where_its_verdict_is_in_fail_on() {
    for (fail_on, code) in [("failed", 1), ("timed_out", 4), ("error", 0)] {
        let fake = FakeQaTech::start();
        let done = start_all(&fake, [red(), endless()])
            .input("timeout_minutes", "0.03")
            .input("fail_on", fail_on)
            .output();
        assert_ending(&done, code, "failed");
    }
}

#[test]
fn when_a_start_fails_the_others_are_waited_for() {
    for (reply, created) in [
        (Reply::json(404, &json!({"message": "Test plan not found"})), "false"),
        (Reply::json(500, &json!({"message": "oops"})), ""),
    ] {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", slow(green()));
        fake.plan("pln_c", slow(red()).ends(When::Look(4), "COMPLETED", Some("FAILED")));
        fake.intercept(move |request, _| {
            let wrong = request.method == "POST" && request.json()["testPlanShortId"] == "pln_b";
            wrong.then(|| Instead::Of(reply.clone()))
        });
        let done = run(&fake).input("test_plan_short_id", "pln_a,pln_b,pln_c").output();
        assert_ending(&done, 3, "unknown");
        assert_eq!((fake.starts(), fake.start_bodies().len()), (2, 3));
        let ids: Vec<&str> = done.outputs["run_short_id"].split(',').collect();
        assert!(
            matches!(ids[..], [a, "", c] if !a.is_empty() && !c.is_empty()),
            "{ids:?}"
        );
        assert_eq!(&done.outputs["run_status"], "COMPLETED,,COMPLETED");
        assert_eq!(&done.outputs["run_result"], "PASSED,,FAILED");
        assert_eq!(&done.outputs["run_created"], format!("true,{created},true"));
        assert!(done.summary.contains("pln_b"), "{}", done.summary);
    }
}

#[test]
fn a_failed_case_of_one_run_ends_the_wait_for_all_with_fail_fast() {
    let fake = FakeQaTech::start();
    let done = start_all(
        &fake,
        [
            endless(),
            RunScript::new([
                Case::failed("Pay").ends(When::Look(2)),
                Case::passed("x").ends(When::Never),
            ]),
        ],
    )
    .input("fail_fast", "true")
    .output();
    assert_ending(&done, 1, "failed");
    let runs = json_output(&done, "runs");
    assert_eq!(
        (&runs[0]["verdict"], &runs[1]["verdict"]),
        (&json!(null), &json!("failed"))
    );
}

#[test]
fn a_run_that_has_ended_keeps_its_verdict_when_another_fails_fast() {
    in_parallel(&[("error", 3), ("cancelled", 3), ("passed", 1)], |&(verdict, code)| {
        let fake = FakeQaTech::start();
        // Too big to be asked for at each look, so that the list is still to be had when the run has ended.
        let text = "x".repeat(10_000);
        let script =
            RunScript::new((0..40).map(|nth| Case::passed(&format!("case {nth}")).texts("fine", &text, "a goal")));
        fake.existing_run(
            "ended",
            match verdict {
                "error" => script.ends(When::Look(3), "ERROR", None),
                "cancelled" => script.ends(When::Look(3), "CANCELLED", None),
                _ => script.ends(When::Look(3), "COMPLETED", Some("PASSED")),
            },
        );
        let pay = Case::failed("Pay").ends(When::Look(15));
        fake.existing_run("fails", RunScript::new([pay, Case::passed("x").ends(When::Never)]));
        fake.intercept(|request, nth| {
            let list = request.path.ends_with("/ended") && request.query("testCases") == Some("all");
            (list && nth > 1).then(|| Instead::Of(Reply::hang()))
        });
        let done = run(&fake)
            .input("run_short_id", "ended,fails")
            .input("fail_fast", "true")
            .output();
        let runs = json_output(&done, "runs");
        assert_eq!(runs[0]["verdict"], verdict, "{}", done.log);
        assert_eq!(
            (done.code, &runs[1]["verdict"]),
            (code, &json!("failed")),
            "{}",
            done.log
        );
        // Less than the answer that never comes.
        assert!(done.elapsed < Duration::from_secs(28), "{:?}", done.elapsed);
        assert!(!done.log.contains("of another run failed"), "{}", done.log);
    });
}

#[test]
fn one_run_that_times_out_does_not_hide_the_others() {
    let fake = FakeQaTech::start();
    let done = start_all(&fake, [endless(), green()])
        .input("timeout_minutes", "0.03")
        .output();
    assert_ending(&done, 4, "timed_out");
    assert_eq!(&done.outputs["run_result"], ",PASSED");
    done.assert_outputs(&[("total", "3"), ("passed", "2")]);
}
