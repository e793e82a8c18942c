//! Binaries that an earlier step or a checkout planted: the launcher starts that of the action, or the one beside itself.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use qatech_fakes::qatech::{FakeQaTech, TOKEN};
use qatech_fakes::runner::Play;
use tempfile::TempDir;

use crate::scene::{PROGRAM, green};

/// The name of this platform's binary, as the runner's variables of a [`Play`] ask for it.
const BINARY: &str = "qatech-run-Linux-X64";

fn launcher() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/qatech-run")
}

/// The shells to play with; busybox only where it is installed.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn shells() -> Vec<&'static str> {
    let mut shells = vec!["sh -e {0}", "bash --noprofile --norc -eo pipefail {0}"];
    let busybox = Command::new("busybox").arg("true").status();
    if busybox.is_ok_and(|status| status.success()) {
        shells.push("busybox sh -e {0}");
    } else {
        eprintln!("skipped: no busybox is installed");
    }
    shells
}

/// The action with a binary or without one.
fn action(binary: bool) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("dist")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(root.join("action.yml"), folder.path().join("action.yml")).unwrap();
    std::fs::copy(launcher(), folder.path().join("dist/qatech-run")).unwrap();
    if binary {
        symlink(PROGRAM, folder.path().join("dist").join(BINARY)).unwrap();
    }
    folder
}

/// Puts a program there that leaves `marker` when it is started.
fn plant(folder: &Path, marker: &Path, mode: u32) {
    let file = folder.join(BINARY);
    std::fs::write(&file, format!("#!/bin/sh\ntouch '{}'\n", marker.display())).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_action_starts_its_own_binary_and_no_other() {
    for shell in shells() {
        for mode in [0o755, 0o644] {
            for there in [true, false] {
                let folder = action(there);
                let marker = folder.path().join("owned");
                let fake = FakeQaTech::start();
                fake.plan("pln_a", green());
                let play = Play::new(folder.path())
                    .input("api_token", TOKEN)
                    .input("api_url", &fake.api_url())
                    .input("test_plan_short_id", "pln_a")
                    .input("annotations", "off")
                    .shell(shell);
                // Both the runner's temporary folder, where the step's script is, and the current folder.
                plant(play.job().folder(), &marker, mode);
                plant(&play.job().file("workspace"), &marker, mode);
                let played = play.output();
                assert!(!marker.exists(), "{shell}: {}", played.log);
                assert_eq!(played.code, if there { 0 } else { 3 }, "{shell}: {}", played.log);
                assert_eq!(fake.starts(), usize::from(there), "{shell}: {}", played.log);
            }
        }
    }
}

/// Starts `arguments` in `folder` by a shell of [`shells`], as this platform, with the action's path as given.
fn launch(shell: &str, arguments: &[&str], folder: &Path, action_path: Option<&str>) -> Output {
    let mut words = shell.split_whitespace().filter(|word| *word != "{0}");
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(arguments)
        .current_dir(folder)
        .env_remove("GITHUB_ACTION_PATH")
        .env_remove("GITHUB_OUTPUT")
        .envs(action_path.map(|path| ("GITHUB_ACTION_PATH", path)))
        .env("RUNNER_OS", "Linux")
        .env("RUNNER_ARCH", "X64");
    command.output().unwrap()
}

#[test]
fn by_hand_it_starts_the_binary_beside_itself_and_never_that_of_the_current_folder() {
    let folder = TempDir::new().unwrap();
    let (dist, elsewhere) = (folder.path().join("dist"), folder.path().join("elsewhere"));
    for path in [&dist, &elsewhere] {
        std::fs::create_dir(path).unwrap();
    }
    let (ours, owned) = (folder.path().join("ours"), folder.path().join("owned"));
    std::fs::copy(launcher(), dist.join("qatech-run")).unwrap();
    plant(&dist, &ours, 0o755);
    for mode in [0o755, 0o644] {
        plant(&elsewhere, &owned, mode);
        let path = dist.join("qatech-run").to_string_lossy().into_owned();
        // A step's script that reads the launcher, and one with a path that has no slash, as Windows writes it.
        for name in ["script.sh", r"D:\a\_temp\script.sh"] {
            std::fs::write(elsewhere.join(name), format!(". '{path}'\n")).unwrap();
        }
        std::fs::copy(launcher(), elsewhere.join("no-launcher")).unwrap();
        let here = elsewhere.join("script.sh").to_string_lossy().into_owned();
        for shell in shells() {
            for (arguments, started) in [
                (&[path.as_str()][..], true),
                (&["../dist/qatech-run"], true),
                (&["script.sh"], false),
                (&[here.as_str()], false),
                (&["./script.sh"], false),
                (&[r"D:\a\_temp\script.sh"], false),
                (&["./no-launcher"], false),
                (&["-c", ". ../dist/qatech-run"], false),
                (&["-c", ". ../dist/qatech-run", "qatech-run"], false),
            ] {
                let _ = std::fs::remove_file(&ours);
                let done = launch(shell, arguments, &elsewhere, Some(""));
                let told = format!("{shell} {arguments:?}: {}", String::from_utf8_lossy(&done.stdout));
                assert!(!owned.exists(), "{told}");
                assert_eq!(ours.exists(), started, "{told}");
                assert_eq!(done.status.code(), Some(if started { 0 } else { 3 }), "{told}");
            }
            // Even beside the launcher, where the runner names another folder.
            let _ = std::fs::remove_file(&ours);
            let action_path = folder.path().join("action").to_string_lossy().into_owned();
            let done = launch(shell, &[&path], &elsewhere, Some(&action_path));
            assert_eq!((done.status.code(), ours.exists()), (Some(3), false), "{shell}");
        }
    }
}
