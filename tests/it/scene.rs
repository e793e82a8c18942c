//! What most tests of the program begin with: the real binary in a job at GitHub, against a fake QA.tech, with quick
//! polling.

use qatech_fakes::harness::{Done, FILE_INPUTS, Run};
use qatech_fakes::qatech::{Case, FakeQaTech, Outcome, Rerun, RunScript, TOKEN, When};
use qatech_fakes::runner::commands;
use serde_json::Value;

/// The real binary.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_qatech-run");

/// Every output that is always there.
pub const OUTPUTS: [&str; 16] = [
    "verdict",
    "run_created",
    "run_short_id",
    "run_url",
    "run_status",
    "run_result",
    "total",
    "passed",
    "failed",
    "skipped",
    "errored",
    "flaky",
    "quarantined",
    "duration_seconds",
    "runs",
    "failed_tests",
];

/// Outputs that are there only if the thing was made, in documented order.
pub const OUTPUTS_IF_MADE: [&str; 7] = [
    "check_run_url",
    "comment_url",
    "issue_url",
    "junit_path",
    "ctrf_path",
    "json_path",
    "html_path",
];

/// The program in a job at GitHub, of which nothing but its files is used.
pub fn run(fake: &FakeQaTech) -> Run {
    run_at(&fake.api_url())
}

/// The same with an API that is no fake of ours, or is reached in another way.
pub fn run_at(api_url: &str) -> Run {
    connect(Run::new(PROGRAM).github().input("annotations", "off"), api_url)
}

/// The program outside GitHub, in an environment without anything else.
pub fn elsewhere(fake: &FakeQaTech) -> Run {
    connect(Run::new(PROGRAM), &fake.api_url())
}

/// What every run against a fake is given.
pub fn connect(run: Run, api_url: &str) -> Run {
    run.input("api_url", api_url)
        .input("api_token", TOKEN)
        .input("poll_interval_seconds", "0.1")
}

/// The program, about to start the plan `pln_a`, which plays this script.
pub fn start(fake: &FakeQaTech, script: RunScript) -> Run {
    fake.plan("pln_a", script);
    run(fake).input("test_plan_short_id", "pln_a")
}

/// The program, about to start the plans `pln_a`, `pln_b` and so on, which play these scripts.
pub fn start_all<const N: usize>(fake: &FakeQaTech, scripts: [RunScript; N]) -> Run {
    let plans: Vec<String> = (b'a'..)
        .take(N)
        .map(|letter| format!("pln_{}", char::from(letter)))
        .collect();
    for (plan, script) in plans.iter().zip(scripts) {
        fake.plan(plan, script);
    }
    run(fake).input("test_plan_short_id", &plans.join(" "))
}

/// The program outside GitHub, about to start the plan `pln_a`, which plays this script.
pub fn start_elsewhere(fake: &FakeQaTech, script: RunScript) -> Run {
    fake.plan("pln_a", script);
    elsewhere(fake).input("test_plan_short_id", "pln_a")
}

/// The program, about to attach to the run `abc123`, which plays this script.
pub fn attach(fake: &FakeQaTech, script: RunScript) -> Run {
    fake.existing_run("abc123", script);
    run(fake).input("run_short_id", "abc123")
}

/// One case that passes at once.
pub fn green() -> RunScript {
    RunScript::new([Case::passed("Login")])
}

/// One case that passes and one that fails at once.
pub fn red() -> RunScript {
    RunScript::new([Case::passed("Login"), Case::failed("Pay")])
}

/// A run that never ends, with one case done and one under way.
pub fn endless() -> RunScript {
    RunScript::new([Case::passed("Login"), Case::passed("Pay").ends(When::Never)])
}

/// A run that ends with this verdict; for `flaky`, its rerun passes.
pub fn script_for(verdict: &str) -> RunScript {
    match verdict {
        "passed" => green(),
        "failed" => red(),
        "skipped" => RunScript::new([Case::new("Login", Outcome::Skipped)]),
        "error" => red().ends(When::Now, "ERROR", None),
        "cancelled" => red().ends(When::Now, "CANCELLED", None),
        "unknown" => red().ends(When::Now, "COMPLETED", Some("MAYBE")),
        "flaky" => red().rerun(Rerun::passing(&["Pay"])),
        "timed_out" => endless(),
        other => panic!("no script for {other}"),
    }
}

/// The run with every file that the program can write.
pub fn with_every_file(run: Run) -> Run {
    let names = ["r.xml", "r.ctrf.json", "r.json", "r.html", "h.jsonl", "o.env"];
    let files = FILE_INPUTS.into_iter().zip(names);
    files.fold(run, |run, (input, name)| run.input(input, name))
}

/// Exit code and verdict.
pub fn ending(done: &Done) -> (i32, &str) {
    (done.code, &done.outputs["verdict"])
}

/// Fails unless it ended like this; shows the log.
#[track_caller]
pub fn assert_ending(done: &Done, code: i32, verdict: &str) {
    assert_eq!(ending(done), (code, verdict), "the log:\n{}", done.log);
}

/// A path that no file can have: what would be its folder is a file.
pub fn no_path(run: &Run) -> String {
    run.job().write("no_folder", "");
    run.job().file("no_folder").join("file").display().to_string()
}

/// Waits until so many GETs have reached the fake, to send a signal then.
#[cfg(unix)]
#[track_caller]
pub fn wait_for_gets(fake: &FakeQaTech, count: usize) {
    use std::time::Duration;

    assert!(
        qatech_fakes::http::wait_until(Duration::from_secs(20), || fake.gets() >= count),
        "{} GETs only",
        fake.gets()
    );
}

/// The data of every command of this name in the log.
pub fn told(done: &Done, command: &str) -> Vec<String> {
    let commands = commands(&done.log).into_iter();
    commands
        .filter(|found| found.name == command)
        .map(|found| found.data)
        .collect()
}

/// Fails unless a command of this name in the log contains `text`.
#[track_caller]
pub fn assert_told(done: &Done, command: &str, text: &str) {
    let found = told(done, command);
    assert!(
        found.iter().any(|data| data.contains(text)),
        "no {text:?} in {found:?}; the log:\n{}",
        done.log
    );
}

/// An output that is JSON.
#[track_caller]
pub fn json_output(done: &Done, name: &str) -> Value {
    let text = &done.outputs[name];
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
}

/// A JSON file that the program wrote.
#[track_caller]
pub fn json_file(done: &Done, path: &str) -> Value {
    let text = done
        .job
        .read(path)
        .unwrap_or_else(|| panic!("no {path}; the log:\n{}", done.log));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

/// Plays each of many cases, several at a time: what they do is mostly waiting.
pub fn in_parallel<T: Sync>(cases: &[T], play: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for chunk in cases.chunks(cases.len().div_ceil(8).max(1)) {
            let play = &play;
            scope.spawn(move || chunk.iter().for_each(play));
        }
    });
}
