//! The action as GitHub's runner plays it: `action.yml`, its launcher, and the tables that have to agree with it.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use qatech_fakes::qatech::{Case, DOCUMENTED_RUN, FakeQaTech, RunScript, TOKEN, When};
use qatech_fakes::runner::{Play, Played};
use qatech_run::inputs::table::INPUTS;
use serde_norway::Value;
use tempfile::TempDir;

use crate::scene::{OUTPUTS, OUTPUTS_IF_MADE, PROGRAM, endless, green, red, wait_for_gets};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The action with `binary` for Linux on x64 and nothing for other platforms.
fn action_with(binary: Option<&Path>) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("dist")).unwrap();
    for file in ["action.yml", "dist/qatech-run"] {
        std::fs::copy(root().join(file), folder.path().join(file)).unwrap();
    }
    if let Some(binary) = binary {
        symlink(binary, folder.path().join("dist/qatech-run-Linux-X64")).unwrap();
    }
    folder
}

fn action() -> TempDir {
    action_with(Some(Path::new(PROGRAM)))
}

fn play(folder: &Path, fake: &FakeQaTech) -> Play {
    Play::new(folder)
        .input("api_token", TOKEN)
        .input("api_url", &fake.api_url())
        .input("poll_interval_seconds", "0.1")
        .input("annotations", "off")
}

fn assert_played(played: &Played, code: i32, verdict: &str) {
    assert_eq!(
        (played.code, played.outputs["verdict"].as_str()),
        (code, verdict),
        "the log:\n{}",
        played.log
    );
    assert_eq!(played.succeeded, code == 0);
    assert_eq!((played.summaries_dropped, &played.unexpected_inputs), (0, &Vec::new()));
}

#[test]
fn it_runs_by_sh_and_by_bash_and_by_its_own_shell() {
    let folder = action();
    for shell in [None, Some("sh"), Some("bash")] {
        for (script, code, verdict) in [(green(), 0, "passed"), (red(), 1, "failed")] {
            let fake = FakeQaTech::start();
            fake.plan("pln_a", script);
            let play = play(folder.path(), &fake).input("test_plan_short_id", "pln_a");
            let play = match shell {
                Some(shell) => play.shell(shell),
                None => play,
            };
            let played = play.output();
            assert_played(&played, code, verdict);
            for name in OUTPUTS {
                assert!(played.outputs.contains_key(name), "no {name}");
            }
            assert_eq!(played.outputs["run_short_id"], "run001");
            assert!(played.summary.contains("run001"));
            assert_eq!(fake.starts(), 1);
        }
    }
}

#[test]
fn inputs_of_the_workflows_environment_do_not_leak_in() {
    let folder = action();
    let fake = FakeQaTech::start();
    fake.plan("pln_a", green());
    let play = play(folder.path(), &fake).input("test_plan_short_id", "pln_a");
    let played = INPUTS
        .iter()
        .filter(|input| !matches!(input.name, "api_token" | "api_url"))
        .fold(play, |play, input| play.env(&input.variable(), "leaked"))
        .output();
    assert_played(&played, 0, "passed");
}

#[test]
fn hostile_inputs_are_not_run() {
    let folder = action();
    let fake = FakeQaTech::start();
    let marker = folder.path().join("owned");
    let evil = format!(
        "$(touch {0}) `touch {0}` \"; touch {0}; echo \" ' touch {0}",
        marker.display()
    );
    for shell in ["sh", "bash"] {
        let played = play(folder.path(), &fake)
            .input("run_short_id", "abc")
            .input("check_name", &evil)
            .input("comment_key", &evil)
            .input("fail_on", &evil)
            .shell(shell)
            .output();
        assert_eq!(played.code, 2, "{}", played.log);
        assert!(!marker.exists());
    }
}

#[test]
fn multi_line_inputs_arrive_complete() {
    let folder = action();
    let fake = FakeQaTech::start();
    fake.plan("pln_a", green());
    fake.plan("pln_b", green());
    let played = play(folder.path(), &fake)
        .input("test_plan_short_id", "pln_a\npln_b\n")
        .input("environments", "app_web = https://a.example/\napp_api = env_stage\n")
        .output();
    assert_played(&played, 0, "passed");
    assert_eq!(fake.starts(), 2);
    assert_eq!(fake.start_bodies()[0]["applications"].as_array().unwrap().len(), 2);
    assert_eq!(played.outputs["run_created"], "true,true");
}

#[test]
fn cancelling_the_job_reaches_the_binary() {
    let folder = action();
    for shell in ["sh", "bash"] {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", endless());
        let playing = play(folder.path(), &fake)
            .input("test_plan_short_id", "pln_a")
            .shell(shell)
            .start();
        wait_for_gets(&fake, 2);
        playing.cancel();
        let played = playing.wait();
        // 130, so not by the SIGTERM that follows after 7.5 s.
        assert_eq!(
            (played.code, played.outputs["verdict"].as_str()),
            (130, "interrupted"),
            "{}",
            played.log
        );
        assert_eq!(played.outputs["run_short_id"], "run001");
        assert!(
            played.summary.to_lowercase().contains("interrupted"),
            "{}",
            played.summary
        );
    }
}

#[test]
fn a_platform_without_a_binary_ends_with_code_3_and_advice() {
    let folder = action_with(None);
    let fake = FakeQaTech::start();
    for (os, arch) in [
        ("Linux", "X64"),
        ("Linux", "ARM64"),
        ("Linux", "X86"),
        ("macOS", "X64"),
        ("macOS", "ARM64"),
        ("Plan9", "MIPS"),
    ] {
        for shell in ["sh", "bash"] {
            let played = play(folder.path(), &fake)
                .runner_env("RUNNER_OS", os)
                .runner_env("RUNNER_ARCH", arch)
                .shell(shell)
                .output();
            assert_eq!(played.code, 3, "{os}-{arch}: {}", played.log);
            assert!(played.log.contains("::error"), "{}", played.log);
            assert_eq!(played.outputs["run_created"], "false", "{os}-{arch}");
        }
    }
    assert!(fake.requests().is_empty());
}

#[test]
fn a_binary_without_its_executable_bit_is_reported() {
    let folder = action_with(None);
    let binary = folder.path().join("dist/qatech-run-Linux-X64");
    std::fs::write(&binary, "x").unwrap();
    let fake = FakeQaTech::start();
    let played = play(folder.path(), &fake).output();
    assert_eq!(played.code, 3, "{}", played.log);
    assert!(played.log.contains("chmod"), "{}", played.log);
}

#[test]
fn a_launcher_that_lost_its_run_bit_is_no_obstacle() {
    let folder = action();
    let launcher = folder.path().join("dist/qatech-run");
    std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o644)).unwrap();
    let fake = FakeQaTech::start();
    fake.plan("pln_a", green());
    let played = play(folder.path(), &fake).input("test_plan_short_id", "pln_a").output();
    assert_played(&played, 0, "passed");
}

#[test]
fn a_composite_action_of_others_can_wrap_it() {
    let folder = action();
    let wrapper = root().join("examples/composite");
    for (script, blocking, code, verdict) in [
        (green(), "true", 0, "passed"),
        (red(), "true", 1, "failed"),
        (red(), "false", 0, ""),
    ] {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", script);
        let played = Play::new(&wrapper)
            .repository("qatech-run/qatech-run", folder.path())
            .input("preview_url", "https://pr-12.example/")
            .input("application", "app_web")
            .input("test_plan_short_id", "pln_a")
            .input("api_token", TOKEN)
            .input("api_url", &fake.api_url())
            .input("blocking", blocking)
            .input("annotations", "off")
            .input("comment", "off")
            .output();
        assert_played(&played, code, verdict);
        let body = &fake.start_bodies()[0];
        assert_eq!(body["applications"][0]["environment"]["url"], "https://pr-12.example/");
        assert_eq!(played.outputs["run_short_id"], "run001");
        assert!(played.outputs["report"].ends_with("junit.xml"), "{:?}", played.outputs);
    }
}

/// The vendor's page documents a run `abc123` that failed; it is told before by the same body, still running.
fn documented(binary: &Path) {
    let folder = action_with(Some(binary));
    let fake = FakeQaTech::start();
    let running = DOCUMENTED_RUN.replacen(
        "\"status\": \"COMPLETED\",\n  \"result\": \"FAILED\"",
        "\"status\": \"RUNNING\",\n  \"result\": null",
        1,
    );
    assert_ne!(running, DOCUMENTED_RUN);
    fake.replay("GET", "/run/abc123", &[&running, DOCUMENTED_RUN]);
    let played = play(folder.path(), &fake).input("run_short_id", "abc123").output();
    assert_played(&played, 1, "failed");
    let expected = BTreeMap::from([
        ("run_created", "false"),
        ("run_short_id", "abc123"),
        ("run_status", "COMPLETED"),
        ("run_result", "FAILED"),
        ("total", "1"),
        ("failed", "1"),
        (
            "failed_tests",
            r#"[{"name":"Login flow test","short_id":"xyz789","run_short_id":"abc123","title":"Could not find login button","error_code":null,"url":null,"duration_ms":null,"quarantined":false}]"#,
        ),
    ]);
    for (name, value) in expected {
        assert_eq!(played.outputs[name], value, "{name}");
    }
    for text in ["Login flow test", "Could not find login button"] {
        assert!(played.log.contains(text) && played.summary.contains(text), "{text}");
    }
    assert!(
        played.summary.contains("the login button was not visible on the page"),
        "{}",
        played.summary
    );
}

#[test]
fn the_vendors_documented_bodies_are_understood() {
    documented(Path::new(PROGRAM));
}

#[test]
fn the_committed_binary_does_the_main_job() {
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "X64",
        ("linux", "aarch64") => "ARM64",
        // Nothing in dist/ is sure to run here.
        _ => return,
    };
    let binary = root().join(format!("dist/qatech-run-Linux-{platform}"));
    documented(&binary);
    let folder = action_with(Some(&binary));
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::passed("Login"), Case::passed("Pay").ends(When::Look(3))]);
    fake.plan("pln_a", script);
    let played = play(folder.path(), &fake).input("test_plan_short_id", "pln_a").output();
    assert_played(&played, 0, "passed");
    assert_eq!((fake.starts(), played.outputs["passed"].as_str()), (1, "2"));
}

fn metadata() -> Value {
    serde_norway::from_str(&std::fs::read_to_string(root().join("action.yml")).unwrap()).unwrap()
}

fn texts(value: &Value) -> Vec<(String, Value)> {
    let map = value.as_mapping().unwrap();
    map.iter()
        .map(|(key, value)| (key.as_str().unwrap().to_owned(), value.clone()))
        .collect()
}

#[test]
fn action_yml_declares_the_inputs_of_the_table() {
    let metadata = metadata();
    let declared = texts(&metadata["inputs"]);
    let names: Vec<&str> = declared.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, INPUTS.iter().map(|input| input.name).collect::<Vec<_>>());
    for ((name, input), known) in declared.iter().zip(INPUTS) {
        assert_eq!(input["default"].as_str().unwrap_or_default(), known.default, "{name}");
        assert_eq!(input["description"].as_str(), Some(known.help), "{name}");
        assert!(input["required"].is_null(), "{name}: `required` is enforced by nobody");
    }
    let step = &metadata["runs"]["steps"][0];
    let mapped = texts(&step["env"]);
    let (mapped, of_the_job) = mapped.split_at(INPUTS.len());
    for ((variable, value), known) in mapped.iter().zip(INPUTS) {
        assert_eq!(*variable, known.variable());
        assert_eq!(
            value.as_str(),
            Some(format!("${{{{ inputs.{} }}}}", known.name).as_str())
        );
    }
    let of_the_job: Vec<_> = of_the_job
        .iter()
        .map(|(variable, value)| (variable.as_str(), value.as_str().unwrap()))
        .collect();
    assert_eq!(
        of_the_job,
        [
            ("QATECH_RUN_JOB_INDEX", "${{ strategy.job-index }}"),
            ("QATECH_RUN_CHECK_RUN_ID", "${{ job.check_run_id }}"),
        ]
    );
    assert!(
        !step["run"].as_str().unwrap().contains("${{"),
        "nothing is interpolated into the script"
    );
}

#[test]
fn action_yml_maps_every_output() {
    let metadata = metadata();
    let outputs = texts(&metadata["outputs"]);
    let step = metadata["runs"]["steps"][0]["id"].as_str().unwrap().to_owned();
    for (name, output) in &outputs {
        let value = format!("${{{{ steps.{step}.outputs.{name} }}}}");
        assert_eq!(output["value"].as_str(), Some(value.as_str()));
    }
    let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [&OUTPUTS[..], &OUTPUTS_IF_MADE].concat());
    for part in ["name", "description", "author"] {
        assert!(metadata[part].is_string(), "{part}");
    }
    assert!(metadata["branding"]["icon"].is_string() && metadata["branding"]["color"].is_string());
}
