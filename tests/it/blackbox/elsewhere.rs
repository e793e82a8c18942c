//! Without GitHub: by environment alone, in any container and any other CI system.

use qatech_fakes::harness::Run;
use qatech_fakes::http::closed_port;
use qatech_fakes::qatech::{FakeQaTech, TOKEN};
use qatech_fakes::runner::commands;
use qatech_run::inputs::table::INPUTS;

use crate::scene::{OUTPUTS, PROGRAM, elsewhere, green, red, start_elsewhere};

#[test]
fn version_and_help_need_no_environment() {
    let done = Run::new(PROGRAM).arg("--version").output();
    assert_eq!(
        (done.code, done.stdout.trim()),
        (0, concat!("qatech-run ", env!("CARGO_PKG_VERSION")))
    );
    let done = Run::new(PROGRAM).arg("--help").output();
    assert_eq!(done.code, 0);
    for input in INPUTS {
        assert!(done.stdout.contains(&input.variable()), "{}", input.name);
    }
    let done = Run::new(PROGRAM).arg("--nonsense").output();
    assert_eq!(done.code, 2, "{}", done.log);
}

#[test]
fn outputs_go_to_standard_output_and_the_log_to_standard_error() {
    let fake = FakeQaTech::start();
    let done = start_elsewhere(&fake, red()).input("outputs_path", "out.env").output();
    assert_eq!(done.code, 1, "{}", done.log);
    let pairs: Vec<(&str, &str)> = done.stdout.lines().map(|line| line.split_once('=').unwrap()).collect();
    for name in OUTPUTS {
        assert!(
            pairs.iter().any(|(key, _)| *key == name),
            "no {name} in:\n{}",
            done.stdout
        );
    }
    for (name, value) in [("verdict", "failed"), ("run_short_id", "run001"), ("failed", "1")] {
        assert!(pairs.contains(&(name, value)), "{name}:\n{}", done.stdout);
    }
    assert!(done.job.read("workspace/out.env").unwrap().contains("verdict=failed\n"));
    assert!(done.stderr.contains("Pay"), "{}", done.stderr);
    assert!(
        done.stderr.contains("https://app.qa.tech/p/fake/results/run001"),
        "{}",
        done.stderr
    );
}

#[test]
fn the_log_ends_with_the_result_whatever_else_there_is_to_say() {
    let fake = FakeQaTech::start();
    let done = start_elsewhere(&fake, red())
        .input("junit_path", "/dev/null/junit.xml")
        .output();
    assert_eq!(done.code, 3, "{}", done.log);
    let lines: Vec<&str> = done.stderr.lines().collect();
    let at = |words: &str| lines.iter().position(|line| line.contains(words)).expect(words);
    let result = at("QA.tech: Failed");
    assert!(at("`junit_path`: ") < result, "{}", done.stderr);
    assert!(lines.len() - result <= 10, "{}", done.stderr);
    assert!(
        lines[result..].iter().any(|line| line.contains("Pay")),
        "{}",
        done.stderr
    );
}

#[test]
fn no_workflow_command_is_printed_least_of_all_a_mask() {
    let fake = FakeQaTech::start();
    fake.plan("pln_a", red());
    for run in [
        elsewhere(&fake).input("test_plan_short_id", "pln_a"),
        elsewhere(&fake).input("fail_on", "nonsense"),
        elsewhere(&fake).input("project_id", "x").input("dry_run", "true"),
    ] {
        let done = run.output();
        assert_eq!(commands(&done.log), [], "{}", done.log);
        assert!(!done.log.contains(TOKEN), "{}", done.log);
    }
}

#[test]
fn outside_github_its_features_do_nothing_even_if_requested() {
    let fake = FakeQaTech::start();
    let done = start_elsewhere(&fake, red())
        .input("comment", "always")
        .input("annotations", "check")
        .input("issue", "failure")
        .input("github_token", "ghs_x")
        .output();
    // The fake is the only server there is; it panics on drop where it is asked for anything that is not QA.tech's.
    assert_eq!(done.code, 1, "{}", done.log);
    assert!(
        fake.requests()
            .iter()
            .all(|request| request.path.starts_with("/v1/run"))
    );
}

#[test]
fn wrong_inputs_are_reported_there_too() {
    let done = Run::new(PROGRAM).output();
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("api_token"), "{}", done.stderr);
    assert!(done.stdout.contains("run_created=false\n"), "{}", done.stdout);
}

#[test]
fn no_proxy_comes_between_the_program_and_this_machine() {
    let dead = closed_port();
    for proxy in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let fake = FakeQaTech::start();
        fake.default_plan(green());
        let done = elsewhere(&fake).env(proxy, &dead.url()).output();
        assert_eq!((done.code, fake.starts()), (0, 1), "{proxy}:\n{}", done.log);
    }
}
