//! The history file under parallel jobs, broken lines and a full bound.

use qatech_fakes::harness::{Done, Run};
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript};
use qatech_run::publish::history::remember;
use qatech_run::report::history::{Entry, History, MAX_ENTRIES};
use qatech_run::report::{CaseOutcome, sample};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use crate::scene::{self, assert_ending};

const PATIENCE: Duration = Duration::from_secs(60);

/// The `number`th result of a writer: its time tells it apart.
fn entry(writer: u64, number: u64) -> Entry {
    let mut report = sample::report(vec![sample::run(
        "Smoke",
        "smk1",
        vec![sample::case(1, "Log in", CaseOutcome::Failed, "", "")],
    )]);
    report.started_at = number * 10 + writer;
    Entry::new(&report, "series").expect("it was waited for")
}

/// Not a test of its own: what the other processes run.
#[test]
#[ignore = "started by the tests below, in a process of its own"]
fn writer() {
    let number = |name: &str| -> u64 { std::env::var(name).expect(name).parse().expect(name) };
    let file = PathBuf::from(std::env::var_os("HISTORY_FILE").expect("HISTORY_FILE"));
    let most = usize::try_from(number("HISTORY_MOST")).expect("it fits");
    for count in 0..number("HISTORY_LINES") {
        remember(&file, &entry(number("HISTORY_WRITER"), count), most, PATIENCE).expect("it can be written");
    }
}

fn start(file: &Path, writer: u64, lines: u64, most: usize) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["history_file::writer", "--exact", "--ignored", "--quiet"])
        .env("HISTORY_FILE", file)
        .env("HISTORY_WRITER", writer.to_string())
        .env("HISTORY_LINES", lines.to_string())
        .env("HISTORY_MOST", most.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it can be started")
}

fn times(file: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(file).expect("it is UTF-8");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a whole line"));
    lines.map(|line| line["at"].as_u64().expect("a number")).collect()
}

#[test]
fn two_processes_append_a_thousand_lines_each_and_lose_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("made/history.jsonl");
    let writers: Vec<Child> = (1..=2).map(|writer| start(&file, writer, 1_000, 10_000)).collect();
    for mut writer in writers {
        assert!(writer.wait().expect("it ends").success());
    }
    let mut counts: HashMap<u64, usize> = HashMap::new();
    for time in times(&file) {
        *counts.entry(time).or_default() += 1;
    }
    assert_eq!(counts.len(), 2_000);
    assert!(counts.values().all(|count| *count == 1));
    assert_eq!(
        std::fs::read_dir(folder.path().join("made")).expect("a folder").count(),
        1
    );
}

#[test]
fn a_bounded_file_keeps_the_newest_of_two_processes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    std::fs::write(&file, "a line of another program\n").expect("it can be written");
    let writers: Vec<Child> = (1..=2).map(|writer| start(&file, writer, 200, 40)).collect();
    for mut writer in writers {
        assert!(writer.wait().expect("it ends").success());
    }
    let text = std::fs::read(&file).expect("it can be read");
    let history = History::parse(&text);
    assert_eq!(history.foreign, [1]);
    let kept = String::from_utf8(text).expect("UTF-8").lines().count() - 1;
    assert_eq!(kept, 40);
    // The last of either writer is there whichever ended first: it was among the newest when it was written.
    let newest = std::fs::read_to_string(&file).expect("UTF-8");
    assert!(newest.contains("\"at\":1991,") || newest.contains("\"at\":1992,"));
}

#[test]
fn a_torn_last_line_stays_torn_and_harms_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    std::fs::write(&file, "{\"schema\":\"qatech-run/history/1\",\"at\":17").expect("it can be written");
    let before = remember(&file, &entry(1, 1), MAX_ENTRIES, PATIENCE).expect("it can be written");
    let before = History::parse(&before);
    assert_eq!(before.foreign, [1]);
    let before = remember(&file, &entry(1, 2), MAX_ENTRIES, PATIENCE).expect("it can be written");
    let before = History::parse(&before);
    assert_eq!(before.foreign, [1]);
    assert_eq!(before.trend(&entry(1, 2), &sample::report(Vec::new())).points.len(), 2);
}

#[test]
fn what_cannot_be_a_history_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let problem = remember(folder.path(), &entry(1, 1), MAX_ENTRIES, PATIENCE).expect_err("a folder is no file");
    assert!(problem.starts_with("can't open "), "{problem}");
}

#[test]
fn a_lock_that_is_kept_is_not_waited_for_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    let holder = std::fs::File::create(&file).expect("it can be made");
    holder.lock().expect("it can be locked");
    let problem = remember(&file, &entry(1, 1), MAX_ENTRIES, Duration::from_millis(30)).expect_err("it is locked");
    assert!(problem.contains("another program keeps it locked"), "{problem}");
    assert_eq!(std::fs::read(&file).expect("it can be read"), b"");
}

/// The real program, with a plan of which one case fails.
fn program(qatech: &FakeQaTech, history: &Path) -> Run {
    scene::run(qatech)
        .input("annotations", "log")
        .input("history_path", history.to_str().expect("UTF-8"))
}

fn one_fails() -> FakeQaTech {
    let qatech = FakeQaTech::start();
    qatech.default_plan(RunScript::new([Case::passed("Login"), Case::failed("Pay")]));
    qatech
}

fn assert_red(done: &Done) {
    assert_ending(done, 1, "failed");
}

#[test]
fn the_program_remembers_and_shows_what_it_remembers() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = folder.path().join("kept/history.jsonl");
    let qatech = one_fails();
    let first = program(&qatech, &history).output();
    assert_red(&first);
    assert!(!first.summary.contains("Trend of"), "one result is no trend");
    let text = std::fs::read_to_string(&history).expect("it was written");
    std::fs::write(&history, format!("{text}a broken line\n")).expect("it can be written");

    let json = folder.path().join("report.json");
    let html = folder.path().join("report.html");
    let second = program(&qatech, &history)
        .input("json_path", json.to_str().expect("UTF-8"))
        .input("html_path", html.to_str().expect("UTF-8"))
        .output();
    assert_red(&second);
    assert!(
        second.summary.contains("Trend of the last 2 results"),
        "{}",
        second.summary
    );
    assert!(
        second.log.contains("Line 2 of the history file is broken"),
        "{}",
        second.log
    );
    assert_eq!(
        std::fs::read_to_string(&history).expect("it is there").lines().count(),
        3
    );
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).expect("it was written")).expect("it is JSON");
    assert_eq!(report["trend"]["points"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["trend"]["still_failing"][0]["case"]["name"], "Pay");
    assert!(
        std::fs::read_to_string(&html)
            .expect("it was written")
            .contains("The last 2 results")
    );
}

#[test]
fn a_history_that_cannot_be_written_fails_the_step_after_all_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let junit = folder.path().join("junit.xml");
    let done = program(&one_fails(), folder.path())
        .input("junit_path", junit.to_str().expect("UTF-8"))
        .output();
    assert_ending(&done, 3, "failed");
    done.assert_logged("`history_path`: can't open ");
    assert!(done.summary.contains("Pay") && junit.exists());
}

#[test]
fn programs_that_end_together_lose_no_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = folder.path().join("history.jsonl");
    let qatech = one_fails();
    let running: Vec<_> = (0..6).map(|_| program(&qatech, &history).start()).collect();
    for program in running {
        assert_red(&program.wait());
    }
    assert_eq!(times(&history).len(), 6);
}
