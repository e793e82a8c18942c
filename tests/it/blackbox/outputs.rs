//! Step outputs: names, values, and that they are always written.

use qatech_fakes::http::Reply;
use qatech_fakes::qatech::{Case, FakeQaTech, Outcome, Rerun, RunScript, When};
use qatech_fakes::runner::commands;
use serde_json::json;

use crate::scene::{OUTPUTS, assert_ending, attach, endless, green, json_output, run, start};

fn mixed() -> RunScript {
    RunScript::new([
        Case::passed("Login"),
        Case::passed("Search"),
        Case::failed("Pay"),
        Case::new("Mail", Outcome::Skipped),
        Case::new("Export", Outcome::Error),
        Case::new("Import", Outcome::Cancelled),
    ])
}

#[test]
fn counts_and_ids_are_written() {
    let fake = FakeQaTech::start();
    let done = start(&fake, mixed()).output();
    assert_ending(&done, 1, "failed");
    for (name, value) in [
        ("run_created", "true"),
        ("run_short_id", "run001"),
        ("run_url", "https://app.qa.tech/p/fake/results/run001"),
        ("run_status", "COMPLETED"),
        ("run_result", "FAILED"),
        ("total", "6"),
        ("passed", "2"),
        ("failed", "1"),
        ("skipped", "1"),
        ("errored", "2"),
        ("flaky", "0"),
        ("quarantined", "0"),
    ] {
        assert_eq!(&done.outputs[name], value, "{name}");
    }
    let seconds: f64 = done.outputs["duration_seconds"].parse().unwrap();
    assert!((0.0..60.0).contains(&seconds), "{seconds}");
    let failed = json_output(&done, "failed_tests");
    let mut names: Vec<&str> = failed
        .as_array()
        .unwrap()
        .iter()
        .map(|test| test["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["Export", "Import", "Pay"]);
    let pay = failed
        .as_array()
        .unwrap()
        .iter()
        .find(|test| test["name"] == "Pay")
        .unwrap();
    assert_eq!(
        pay,
        &json!({
            "name": "Pay", "short_id": Case::failed("Pay").short_id, "run_short_id": "run001", "title": "Pay did not pass",
            "error_code": "TEST_FAILED",
            "url": format!("https://app.qa.tech/p/fake/results/test/{}", Case::failed("Pay").short_id),
            "duration_ms": pay["duration_ms"], "quarantined": false,
        })
    );
}

#[test]
fn failed_tests_holds_at_most_100_cut_texts() {
    let fake = FakeQaTech::start();
    let long = "\u{e4}".repeat(500);
    let cases = (0..250).map(|number| Case::failed(&format!("{number} {long}")).texts(&long, "t", "g"));
    let done = start(&fake, RunScript::new(cases)).output();
    assert_ending(&done, 1, "failed");
    let failed = json_output(&done, "failed_tests");
    let failed = failed.as_array().unwrap();
    assert_eq!((failed.len(), &done.outputs["failed"]), (100, "250"));
    for test in failed {
        for field in ["name", "title"] {
            let length = test[field].as_str().unwrap().chars().count();
            assert!((190..=201).contains(&length), "{field} has {length}");
        }
    }
}

#[test]
fn a_flaky_case_is_not_counted_as_passed_too() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::passed("Login"), Case::failed("Pay")]).rerun(Rerun::passing(&["Pay"]));
    let done = start(&fake, script).input("rerun_failed", "1").output();
    assert_ending(&done, 0, "flaky");
    let counts = ["total", "passed", "failed", "flaky"].map(|name| &done.outputs[name]);
    assert_eq!(counts, ["2", "1", "0", "1"]);
    assert_eq!(json_output(&done, "failed_tests"), json!([]));
}

#[test]
fn they_are_always_written() {
    let fake = FakeQaTech::start();
    fake.plan("pln_end", endless());
    fake.plan("pln_red", mixed());
    fake.plan("pln_green", green());
    let plan = |plan: &str| run(&fake).input("test_plan_short_id", plan);
    for (run, code, verdict) in [
        (plan("pln_green"), 0, "passed"),
        (plan("pln_red"), 1, "failed"),
        (plan("pln_end").input("timeout_minutes", "0.02"), 4, "timed_out"),
        (plan("pln_none"), 3, "unknown"),
        (plan("pln_green").input("fail_on", "nonsense"), 2, ""),
        (plan("pln_green").input("blocking", "false"), 0, ""),
        (plan("pln_green").input("dry_run", "true"), 0, ""),
        (
            plan("pln_green")
                .input("api_token", "")
                .input("on_missing_token", "skip"),
            0,
            "skipped",
        ),
    ] {
        let done = run.output();
        assert_ending(&done, code, verdict);
        for name in OUTPUTS {
            assert!(done.outputs.get(name).is_some(), "no {name}:\n{}", done.log);
        }
        for name in ["runs", "failed_tests"] {
            assert!(json_output(&done, name).is_array(), "{name}");
        }
        // Written once: of a name that stands there twice the later would win unseen.
        let text = done.job.read("output").unwrap();
        let verdicts = text
            .lines()
            .filter(|line| line.starts_with("verdict=") || line.starts_with("verdict<<"));
        assert_eq!(verdicts.count(), 1, "{text}");
        for made in ["check_run_url", "comment_url", "issue_url", "junit_path", "html_path"] {
            assert!(
                done.outputs.get(made).unwrap_or_default().is_empty(),
                "{made} was not made"
            );
        }
    }
}

#[test]
fn what_others_wrote_before_stays() {
    let fake = FakeQaTech::start();
    let run = start(&fake, green());
    run.job().write("output", "mine=1\n");
    run.job().write("summary.md", "before\n");
    let done = run.output();
    done.assert_outputs(&[("mine", "1"), ("verdict", "passed")]);
    assert!(done.summary.starts_with("before\n"), "{}", done.summary);
}

#[test]
fn hostile_text_forges_no_output() {
    let fake = FakeQaTech::start();
    let evil = "x\nverdict=passed\r\nEOF\nghadelimiter\n::set-output name=verdict::passed\n##[error]no";
    let script = RunScript::new([Case::failed(evil).texts(evil, evil, evil)])
        .url("https://app.qa.tech/x\nverdict=passed")
        .ends(When::Now, "COMPLETED", Some("FAILED"));
    fake.plan("pln_a", script.test_plan(Some(evil)));
    let done = run(&fake).input("test_plan_short_id", "pln_a").output();
    assert_ending(&done, 1, "failed");
    done.assert_outputs(&[("total", "1"), ("failed", "1")]);
    assert_eq!(commands(&done.log).iter().filter(|c| c.name == "set-output").count(), 0);
    assert!(!done.outputs["run_url"].contains('\n'));
    assert!(!done.outputs["failed_tests"].contains('\n'));
}

#[test]
fn outputs_path_is_a_dotenv_file() {
    let fake = FakeQaTech::start();
    let done = start(&fake, mixed()).input("outputs_path", "made/out.env").output();
    assert_ending(&done, 1, "failed");
    let text = done.job.read("workspace/made/out.env").unwrap();
    assert!(text.len() <= 5_000);
    let pairs: Vec<(&str, &str)> = text.lines().map(|line| line.split_once('=').unwrap()).collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    for name in OUTPUTS {
        match name {
            "runs" | "failed_tests" => assert_eq!(value(name), None),
            name => assert_eq!(value(name), done.outputs.get(name), "{name}"),
        }
    }
}

#[test]
fn outputs_path_stays_small_and_is_written_for_wrong_inputs_too() {
    let fake = FakeQaTech::start();
    let many: Vec<String> = (0..60).map(|number| format!("pln_{number:03}")).collect();
    for plan in &many {
        let url = format!("https://app.qa.tech/{}", "long/".repeat(30));
        fake.plan(plan, green().url(&url));
    }
    let done = run(&fake)
        .input("test_plan_short_id", &many.join(","))
        .input("outputs_path", "out.env")
        .output();
    assert_ending(&done, 0, "passed");
    assert_eq!(fake.starts(), 60);
    let text = done.job.read("workspace/out.env").unwrap();
    assert!(text.len() <= 5_000, "{}", text.len());
    assert!(text.contains("verdict=passed\n"), "{text}");
    assert!(done.outputs["run_url"].len() > 5_000);

    let done = run(&fake)
        .input("fail_on", "nonsense")
        .input("outputs_path", "out.env")
        .output();
    assert_eq!(done.code, 2);
    let text = done.job.read("workspace/out.env").unwrap();
    assert!(
        text.contains("run_created=false\n") && text.contains("verdict=\n"),
        "{text}"
    );
}

#[test]
fn after_a_refused_poll_the_known_state_is_reported() {
    let fake = FakeQaTech::start();
    fake.fault_polls(2.., Reply::json(403, &json!({"message": "Organization suspended"})));
    let done = attach(&fake, endless()).output();
    assert_ending(&done, 3, "unknown");
    done.assert_outputs(&[("run_status", "RUNNING"), ("total", "2")]);
}

#[test]
fn workflow_commands_name_at_most_ten_failed_cases() {
    for (count, told) in [(0, 0), (1, 1), (10, 10), (11, 10), (40, 10)] {
        let fake = FakeQaTech::start();
        let cases = (0..count).map(|number| Case::failed(&format!("case {number}")));
        let script = RunScript::new(cases.chain([Case::passed("Login")]));
        let done = start(&fake, script).input("annotations", "log").output();
        let errors: Vec<_> = commands(&done.log)
            .into_iter()
            .filter(|command| command.name == "error")
            .collect();
        assert_eq!(errors.len(), told, "{count}:\n{}", done.log);
        assert!(errors.iter().all(|error| !error.properties["title"].is_empty()));
        if count > 10 {
            let more = (count - 9).to_string();
            assert!(
                errors[9].data.contains(&more) || errors[9].properties["title"].contains(&more),
                "{:?}",
                errors[9]
            );
        }
    }
}

#[test]
fn workflow_commands_are_errors_only_where_the_step_fails() {
    for (fail_on, code, level) in [("failed", 1, "error"), ("none", 0, "warning")] {
        let fake = FakeQaTech::start();
        let done = start(&fake, RunScript::new([Case::failed("Pay"), Case::passed("Login")]))
            .input("annotations", "log")
            .input("fail_on", fail_on)
            .output();
        assert_ending(&done, code, "failed");
        let told: Vec<_> = commands(&done.log)
            .into_iter()
            .filter(|command| command.properties.get("title").is_some_and(|title| title == "Pay"))
            .map(|command| command.name)
            .collect();
        assert_eq!(told, [level], "{}", done.log);
        for text in [&done.log, &done.summary] {
            assert_eq!(text.contains("The step passes: "), code == 0, "{text}");
        }
    }
}

#[test]
fn workflow_commands_report_a_run_that_could_not_be_started() {
    let fake = FakeQaTech::start();
    let done = run(&fake)
        .input("test_plan_short_id", "pln_none")
        .input("annotations", "log")
        .output();
    assert_ending(&done, 3, "unknown");
    assert!(
        commands(&done.log).iter().any(|command| command.name == "error"),
        "{}",
        done.log
    );
}
