//! Files that never answer, links that a checkout planted, and limits on files: none of them keeps the program from its
//! end, and each sink tells what it could not do.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use qatech_fakes::events::Scene;
use qatech_fakes::github::FakeGitHub;
use qatech_fakes::harness::{Done, FILE_INPUTS, Run, Signal};
use qatech_fakes::http::wait_until;
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript, TOKEN};
use qatech_fakes::runner::commands;

use crate::scene::{PROGRAM, assert_ending, assert_told, green, in_parallel, json_file, red, start, told};

/// A pipe that nobody reads from or writes to.
fn pipe(run: &Run, name: &str) -> String {
    let path = run.job().file(name);
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path.to_string_lossy().into_owned()
}

/// A run that passes, with one more report.
fn passing(fake: &FakeQaTech) -> Run {
    start(fake, green()).input("json_path", "beside.json")
}

/// All that a file of this name has nothing to do with was served.
#[track_caller]
fn assert_others_served(done: &Done, name: &str) {
    if name != "json_path" {
        assert_eq!(json_file(done, "workspace/beside.json")["verdict"], "passed", "{name}");
    }
    if name != "GITHUB_OUTPUT" {
        assert_eq!(&done.outputs["verdict"], "passed", "{name}: {}", done.log);
        assert_eq!(done.outputs.get(name), None, "{name}");
    }
    if name != "GITHUB_STEP_SUMMARY" {
        assert!(done.summary.contains("Passed"), "{name}: {}", done.summary);
    }
}

#[test]
fn unused_pipes_are_given_up() {
    let names = ["GITHUB_EVENT_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"];
    let names = [&names[..], &FILE_INPUTS].concat();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(move || {
                let fake = FakeQaTech::start();
                let run = passing(&fake);
                let path = pipe(&run, "workspace/pipe");
                let run = if name.starts_with("GITHUB_") {
                    run.env(name, &path)
                } else {
                    run.input(name, &path)
                };
                let done = run.output();
                let warned = matches!(*name, "GITHUB_EVENT_PATH" | "GITHUB_STEP_SUMMARY");
                assert_eq!(done.code, if warned { 0 } else { 3 }, "{name}: {}", done.log);
                let level = if warned { "warning" } else { "error" };
                let messages = told(&done, level);
                assert!(
                    messages.iter().any(|text| text.contains("is not a regular file")),
                    "{name}: {}",
                    done.log
                );
                assert_others_served(&done, name);
            });
        }
    });
}

#[test]
fn certificates_from_an_unused_pipe_are_wrong_inputs() {
    let fake = FakeQaTech::start();
    let run = passing(&fake);
    let path = pipe(&run, "pipe");
    let done = run.env("SSL_CERT_FILE", &path).output();
    assert_eq!(done.code, 2, "{}", done.log);
    done.assert_logged("SSL_CERT_FILE");
    assert_eq!((&done.outputs["run_created"][..], fake.requests().len()), ("false", 0));
}

#[test]
fn a_signal_ends_the_wait_for_certificates() {
    let fake = FakeQaTech::start();
    let run = passing(&fake);
    let path = pipe(&run, "pipe");
    let mut running = run.env("SSL_CERT_FILE", &path).start();
    running.wait_for_log("add-mask");
    running.signal(Signal::Term);
    let ended = wait_until(Duration::from_secs(4), || running.has_ended());
    assert!(ended, "{}", running.log());
    let done = running.wait();
    assert_eq!(done.code, 143, "{}", done.log);
    assert_eq!((&done.outputs["run_created"][..], fake.requests().len()), ("false", 0));
}

#[test]
fn a_signal_ends_the_wait_for_a_pipe() {
    let fake = FakeQaTech::start();
    let run = passing(&fake);
    let pipes = ["one", "other"].map(|name| pipe(&run, name));
    let mut running = run.input("ctrf_path", &pipes[0]).input("html_path", &pipes[1]).start();
    // The report files are next.
    running.wait_for_log("COMPLETED, PASSED");
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    running.signal(Signal::Term);
    let ended = wait_until(Duration::from_secs(4), || running.has_ended());
    assert!(ended, "{:?}: {}", begun.elapsed(), running.log());
    let done = running.wait();
    assert_eq!(done.code, 143, "{}", done.log);
    assert_eq!(&done.outputs["run_result"], "PASSED");
}

#[test]
fn a_pipe_that_is_read_gets_its_report() {
    let fake = FakeQaTech::start();
    let run = start(&fake, red());
    let path = pipe(&run, "workspace/pipe");
    let file = path.clone();
    let reader = std::thread::spawn(move || std::fs::read_to_string(file).unwrap());
    let done = run.input("junit_path", &path).output();
    assert_ending(&done, 1, "failed");
    let xml = reader.join().unwrap();
    assert!(roxmltree::Document::parse(&xml).is_ok() && xml.contains("Pay"), "{xml}");
    assert_eq!(&done.outputs["junit_path"], &path);
}

#[test]
fn links_out_of_the_workspace_or_to_a_device_are_not_followed() {
    let targets = [
        "/dev/stdout",
        "/dev/stderr",
        "/dev/null",
        "/proc/self/fd/1",
        "../kept",
        "../not-there",
        "inside-pipe",
    ];
    let cases: Vec<(&str, &str)> = FILE_INPUTS
        .iter()
        .flat_map(|name| targets.iter().map(move |target| (*name, *target)))
        .collect();
    in_parallel(&cases, |(name, target)| {
        for absolute in [false, true] {
            let fake = FakeQaTech::start();
            let run = passing(&fake);
            run.job().write("kept", "kept");
            if *target == "inside-pipe" {
                pipe(&run, "workspace/inside-pipe");
            }
            let link = run.job().file("workspace/link");
            symlink(target, &link).unwrap();
            let path = if absolute { link.to_str().unwrap() } else { "./link" }.to_owned();
            let done = run.input(name, &path).output();
            let told = format!("{name} → {target}: {}", done.log);
            assert_eq!(done.code, 3, "{told}");
            assert!(
                done.log.contains(&format!("`{name}`")) && done.log.contains("link"),
                "{told}"
            );
            assert_eq!(done.job.read("kept").as_deref(), Some("kept"), "{told}");
            assert!(!done.job.file("not-there").exists(), "{told}");
            assert_eq!(done.stdout, "", "{told}");
            assert_others_served(&done, name);
        }
    });
}

#[test]
fn a_folder_that_is_a_link_out_of_the_workspace_is_not_followed_either() {
    for name in FILE_INPUTS {
        let fake = FakeQaTech::start();
        let run = passing(&fake);
        std::fs::create_dir(run.job().file("outside")).unwrap();
        symlink("../outside", run.job().file("workspace/out")).unwrap();
        let done = run.input(name, "out/made/for/it").output();
        assert_eq!(done.code, 3, "{name}: {}", done.log);
        assert_eq!(
            std::fs::read_dir(done.job.file("outside")).unwrap().count(),
            0,
            "{name}"
        );
        assert_others_served(&done, name);
    }
}

#[test]
fn links_within_the_workspace_keep_pointing() {
    let fake = FakeQaTech::start();
    let run = passing(&fake);
    let workspace = run.job().file("workspace");
    std::fs::create_dir(workspace.join("real")).unwrap();
    std::fs::write(workspace.join("real/old.xml"), "old").unwrap();
    symlink("real", workspace.join("folder")).unwrap();
    symlink("real/old.xml", workspace.join("link.xml")).unwrap();
    let done = run
        .input("junit_path", "link.xml")
        .input("history_path", "folder/history.jsonl")
        .output();
    assert_ending(&done, 0, "passed");
    let file = |path: &str| done.job.read(&format!("workspace/{path}")).unwrap();
    assert!(file("real/old.xml").contains("Login") && file("real/history.jsonl").contains("passed"));
    assert!(done.job.file("workspace/link.xml").is_symlink());
}

#[test]
fn what_is_written_to_a_device_forges_no_command() {
    let forged = "Because\n::error::forged\n  ::set-output name=verdict::passed\n##[error]forged\n##vso[task.x]y";
    let script = || {
        RunScript::new([
            Case::passed("Login"),
            Case::failed("Pay").texts("No\n::stop-commands::x", forged, forged),
        ])
    };
    let paths = ["/dev/stdout", "/dev/stderr", "/proc/self/fd/1"];
    for name in ["junit_path", "ctrf_path", "json_path", "html_path", "outputs_path"] {
        for path in paths {
            let fake = FakeQaTech::start();
            let done = start(&fake, script()).input(name, path).output();
            assert_ending(&done, 1, "failed");
            let expected = if name == "outputs_path" {
                "verdict=failed"
            } else {
                "Login"
            };
            assert!(done.log.contains(expected), "{name} {path}: {}", done.log);
            let found: Vec<_> = commands(&done.log).into_iter().map(|command| command.name).collect();
            let ours = ["add-mask", "group", "endgroup", "notice", "warning"];
            assert!(
                found.iter().all(|name| ours.contains(&name.as_str())),
                "{name} {path}: {found:?}: {}",
                done.log
            );
            assert!(
                !done.log.contains("##[") && !done.log.contains("##vso["),
                "{name} {path}"
            );
        }
    }
}

#[test]
fn a_workflow_file_that_is_a_link_is_not_read() {
    for target in ["/dev/stdout", "/dev/stderr", "/proc/self/fd/1", "../../pipe"] {
        let github = FakeGitHub::start();
        let fake = FakeQaTech::start();
        fake.default_plan(red());
        let run = github.connect(Run::new(PROGRAM).github());
        let run = Scene::new()
            .on_branch("main")
            .push()
            .trigger(run)
            .env(
                "GITHUB_WORKFLOW_REF",
                "octo-org/shop/.github/workflows/ci.yml@refs/heads/main",
            )
            .input("api_token", TOKEN)
            .input("api_url", &fake.api_url())
            .input("poll_interval_seconds", "0.1");
        std::fs::create_dir_all(run.job().file("workspace/.github/workflows")).unwrap();
        pipe(&run, "workspace/pipe");
        symlink(target, run.job().file("workspace/.github/workflows/ci.yml")).unwrap();
        let done = run.output();
        assert_ending(&done, 1, "failed");
        let check = github.only_check_run();
        assert_eq!(check.conclusion.as_deref(), Some("failure"), "{target}: {}", done.log);
        assert_eq!(github.annotations().len(), 1, "{target}");
    }
}

/// As with `ulimit -f`; blocks of 512 bytes are what POSIX says, but bash has its own of 1,024.
fn limited(blocks: u32, fake: &FakeQaTech) -> Run {
    fake.plan("pln_a", green());
    Run::new("/bin/sh")
        .arg("-c")
        .arg(&format!("ulimit -f {blocks} && exec {PROGRAM}"))
        .github()
        .input("annotations", "off")
        .input("api_url", &fake.api_url())
        .input("api_token", TOKEN)
        .input("test_plan_short_id", "pln_a")
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_as_any_other() {
    let fake = FakeQaTech::start();
    let done = limited(8, &fake)
        .input("html_path", "report.html")
        .input("junit_path", "junit.xml")
        .output();
    assert_ending(&done, 3, "passed");
    assert_told(&done, "error", "`html_path`");
    assert!(done.summary.contains("Passed"));
    assert!(
        done.job
            .read("workspace/junit.xml")
            .is_some_and(|text| text.contains("Login"))
    );
    let files = std::fs::read_dir(done.job.file("workspace")).unwrap().count();
    assert_eq!(files, 1, "half a report is left");

    let done = limited(0, &fake).output();
    assert_eq!(done.code, 3, "{}", done.log);
    done.assert_logged("QA.tech: Passed");
}

#[test]
fn names_may_be_as_long_as_the_file_system_allows() {
    let fake = FakeQaTech::start();
    let name = format!("{}.json", "n".repeat(250));
    let done = start(&fake, green()).input("json_path", &name).output();
    assert_ending(&done, 0, "passed");
    assert_eq!(json_file(&done, &format!("workspace/{name}"))["verdict"], "passed");
    assert!(Path::new(&done.outputs["json_path"]).ends_with(&name));
}
