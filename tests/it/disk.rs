//! Files that can't be written: the outputs and what was asked for by path fail the step after all else, the summary
//! only warns.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use qatech_fakes::harness::{Done, FILE_INPUTS, Run};
#[cfg(target_os = "linux")]
use qatech_fakes::mounts::Mounts;
use qatech_fakes::qatech::{FakeQaTech, RunScript};
use serde_json::Value;

use crate::scene::{self, PROGRAM, assert_ending};

/// What is in the way of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// It is a folder.
    Folder,
    /// It may not be written to.
    ReadOnly,
    /// Its folder is a file.
    FileAbove,
    /// There is no room.
    Full,
    /// It leads round in a circle.
    Loop,
}

const OBSTACLES: [Obstacle; 5] = [
    Obstacle::Folder,
    Obstacle::ReadOnly,
    Obstacle::FileAbove,
    Obstacle::Full,
    Obstacle::Loop,
];

impl Obstacle {
    /// Puts it there, and gives the path of the file.
    fn put(self, folder: &Path) -> String {
        let path = folder.join("obstacle");
        let made = match self {
            Self::Folder => std::fs::create_dir(&path),
            Self::ReadOnly => std::fs::write(&path, "")
                .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444))),
            Self::FileAbove => std::fs::write(&path, ""),
            Self::Full => std::os::unix::fs::symlink("/dev/full", &path),
            Self::Loop => std::os::unix::fs::symlink(&path, &path),
        };
        made.expect("make an obstacle");
        let path = if self == Self::FileAbove {
            path.join("file")
        } else {
            path
        };
        path.to_string_lossy().into_owned()
    }

    /// Whether it keeps nobody from writing: root writes where it may not, and a report takes the place of a file that is
    /// read-only, or of a link that leads nowhere.
    fn is_none(self, folder: &Path, replaces: bool) -> bool {
        let writable = || {
            std::fs::OpenOptions::new()
                .append(true)
                .open(folder.join("obstacle"))
                .is_ok()
        };
        match self {
            Self::ReadOnly => replaces || writable(),
            Self::Loop => replaces,
            Self::Folder | Self::FileAbove | Self::Full => false,
        }
    }
}

/// A run that passes, with a report.
fn run(fake: &FakeQaTech) -> Run {
    scene::start(fake, scene::green()).input("json_path", "report.json")
}

/// Plays a run that passes and the path on which the obstacle lies, unless it is none to this user; `replaces` where the
/// program replaces the file instead of writing into it.
fn meet(obstacle: Obstacle, replaces: bool, play: impl FnOnce(Run, &str)) {
    let fake = FakeQaTech::start();
    let run = run(&fake);
    let path = obstacle.put(run.job().folder());
    if !obstacle.is_none(run.job().folder(), replaces) {
        play(run, &path);
    }
}

fn assert_report(done: &Done) {
    let report: Value = serde_json::from_str(&done.job.read("workspace/report.json").expect("a report")).expect("JSON");
    assert_eq!(report["verdict"], "passed", "{}", done.log);
}

/// No half of a report is left beside it.
fn assert_tidy(done: &Done) {
    let names: Vec<_> = std::fs::read_dir(done.job.file("workspace"))
        .expect("the workspace")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".tmp"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn outputs_that_can_not_be_written_fail_the_step_after_all_else() {
    scene::in_parallel(&OBSTACLES, |&obstacle| {
        meet(obstacle, false, |run, path| {
            let done = run.env("GITHUB_OUTPUT", path).output();
            assert_eq!(done.code, 3, "{obstacle:?}: {}", done.log);
            assert!(
                done.log.contains("::error title=QA.tech::the outputs can't be written"),
                "{obstacle:?}: {}",
                done.log
            );
            assert_report(&done);
            assert!(
                done.summary.contains("passed") || done.summary.contains("Passed"),
                "{}",
                done.summary
            );
        });
    });
}

#[test]
fn a_summary_that_can_not_be_written_is_warned_of() {
    scene::in_parallel(&OBSTACLES, |&obstacle| {
        meet(obstacle, false, |run, path| {
            let done = run.env("GITHUB_STEP_SUMMARY", path).output();
            assert_eq!(
                (done.code, &done.outputs["verdict"]),
                (0, "passed"),
                "{obstacle:?}: {}",
                done.log
            );
            done.assert_logged("::warning title=QA.tech::the job summary can't be written");
            assert_report(&done);
        });
    });
}

#[test]
fn a_report_file_that_fails_fails_the_step_after_everything_else() {
    let inputs = ["junit_path", "ctrf_path", "html_path", "history_path", "outputs_path"];
    let pairs: Vec<_> = (inputs.into_iter())
        .flat_map(|input| OBSTACLES.map(|obstacle| (input, obstacle)))
        .collect();
    scene::in_parallel(&pairs, |&(input, obstacle)| {
        // The history is appended to.
        meet(obstacle, input != "history_path", |run, path| {
            let done = run.input(input, path).output();
            assert_eq!(
                (done.code, &done.outputs["verdict"]),
                (3, "passed"),
                "{input} {obstacle:?}: {}",
                done.log
            );
            assert!(
                done.log.contains(&format!("`{input}`")),
                "{input} {obstacle:?}: {}",
                done.log
            );
            assert_report(&done);
            assert!(!done.summary.is_empty());
            assert_tidy(&done);
            assert_eq!(done.outputs.get(input), None, "{input} {obstacle:?}");
        });
    });
}

#[test]
fn all_faults_together_still_log_the_verdict() {
    let fake = FakeQaTech::start();
    let mut run = run(&fake)
        .env("GITHUB_OUTPUT", "/dev/full")
        .env("GITHUB_STEP_SUMMARY", "/dev/full");
    for input in FILE_INPUTS {
        run = run.input(input, "/dev/full");
    }
    let done = run.output();
    assert_eq!(done.code, 3, "{}", done.log);
    done.assert_logged("QA.tech: Passed");
}

#[test]
fn missing_files_of_the_runner_are_made() {
    let fake = FakeQaTech::start();
    let run = run(&fake);
    for name in ["output", "summary.md"] {
        std::fs::remove_file(run.job().file(name)).expect("remove a file");
    }
    let done = run.output();
    assert_ending(&done, 0, "passed");
    assert!(!done.summary.is_empty());
}

/// Mounts a file system of 64 KiB.
#[cfg(target_os = "linux")]
const SMALL_DISK: &str = "mkdir disk && mount -t tmpfs -o size=64k none disk";

/// A shell script in a job at GitHub that mounts a small disk and starts the program, which starts a plan; `None` where
/// this system lets nobody mount a disk.
#[cfg(target_os = "linux")]
fn on_small_disk(fake: &FakeQaTech, plan: RunScript, script: &str) -> Option<Run> {
    let mounts = Mounts::that_can(SMALL_DISK)?;
    fake.plan("pln_a", plan);
    let run = scene::connect(mounts.run(script).github(), &fake.api_url());
    Some(run.input("test_plan_short_id", "pln_a").input("annotations", "off"))
}

/// A file system with little room, where this system lets us mount one; `/dev/full` above does the rest.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fills_up_leaves_no_half_report() {
    let fake = FakeQaTech::start();
    // The old report stays whole, the new one is not there, and its remains are gone.
    let script = format!(
        "{SMALL_DISK} && echo old > disk/report.json && {PROGRAM}; code=$?; ls -A disk > left; cat disk/report.json > old; exit $code"
    );
    let Some(run) = on_small_disk(&fake, RunScript::big(100, 5_000), &script) else {
        return;
    };
    let done = run
        .input("json_path", "disk/report.json")
        .input("ctrf_path", "report.ctrf.json")
        .output();
    assert_ending(&done, 3, "failed");
    done.assert_logged("No space left on device");
    assert_eq!(done.job.read("workspace/left").as_deref(), Some("report.json\n"));
    assert_eq!(done.job.read("workspace/old").as_deref(), Some("old\n"));
    assert!(
        done.job
            .read("workspace/report.ctrf.json")
            .is_some_and(|text| text.len() > 500_000)
    );
}

/// Half an output would be an invalid file to the runner, which then drops those of other programs of the step as well.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fills_up_leaves_no_half_output() {
    let fake = FakeQaTech::start();
    let script = format!(
        "{SMALL_DISK} && echo old=1 > disk/output; head -c 1000000 /dev/zero > disk/filler; \
         {PROGRAM}; code=$?; cat disk/output > left; exit $code"
    );
    let Some(run) = on_small_disk(&fake, RunScript::big(1_000, 100), &script) else {
        return;
    };
    let done = run.env("GITHUB_OUTPUT", "disk/output").output();
    assert_eq!(done.code, 3, "{}", done.log);
    done.assert_logged("No space left on device");
    assert_eq!(done.job.read("workspace/left").as_deref(), Some("old=1\n"));
}
