//! Tests of the player, with small actions in temporary folders.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;
use tempfile::TempDir;

use super::*;

fn action(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("action.yml"),
        format!("name: x\ndescription: x\n{text}"),
    )
    .unwrap();
    folder
}

const ECHO: &str = r#"
inputs:
  api_token: {description: x}
  blocking: {description: x, default: true}
  github_token: {description: x, default: "${{ github.token }}"}
outputs:
  seen: {description: x, value: "${{ steps.main.outputs.seen }}"}
  os: {description: x, value: "${{ runner.os }}"}
runs:
  using: composite
  steps:
    - id: main
      shell: ${{ runner.os == 'Windows' && 'bash' || 'sh' }}
      env:
        INPUT_API_TOKEN: ${{ inputs.api_token }}
        INPUT_BLOCKING: ${{ inputs.blocking }}
        INPUT_GITHUB_TOKEN: ${{ inputs.github_token }}
      run: |
        echo "seen=$INPUT_API_TOKEN,$INPUT_BLOCKING,$INPUT_GITHUB_TOKEN,${INPUT_OTHER-none}" >>"$GITHUB_OUTPUT"
        echo "path=$GITHUB_ACTION_PATH shell=${BASH_VERSION:+bash}"
        echo summary >>"$GITHUB_STEP_SUMMARY"
        if read -r line; then echo open; else echo closed; fi
"#;

#[test]
fn inputs_reach_a_script_only_through_its_env() {
    let folder = action(ECHO);
    let played = Play::new(folder.path())
        .input("API_TOKEN", "t")
        .input("typo", "x")
        .env("INPUT_BLOCKING", "leaked")
        .token("gh")
        .output();
    assert!(played.succeeded, "{}", played.log);
    assert_eq!(
        (played.outputs["seen"].as_str(), played.outputs["os"].as_str()),
        ("t,true,gh,none", "Linux")
    );
    let path = folder.path().canonicalize().unwrap();
    assert_eq!(played.log, format!("path={} shell=\nclosed\n", path.display()));
    assert_eq!(
        (played.summary.as_str(), played.unexpected_inputs),
        ("summary\n", vec!["typo".to_owned()])
    );
    let leaked = Play::new(folder.path())
        .env("INPUT_OTHER", "leaked")
        .shell("bash")
        .output();
    assert_eq!(leaked.outputs["seen"], ",true,ghs_job_token,leaked");
    assert!(leaked.log.contains("shell=bash"), "{}", leaked.log);
    let windows = Play::new(folder.path()).runner_env("RUNNER_OS", "Windows").output();
    assert!(windows.log.contains("shell=bash"), "{}", windows.log);
}

#[test]
fn steps_stop_at_a_failure_and_outputs_are_still_read() {
    let folder = action(
        r#"
outputs:
  a: {description: x, value: "${{ steps.one.outputs.a }}"}
  after: {description: x, value: "${{ steps.two.outcome }}/${{ steps.three.outcome }}/${{ steps.zero.conclusion }}"}
runs:
  using: composite
  steps:
    - {id: zero, shell: bash, run: exit 9, continue-on-error: true}
    - id: one
      shell: sh
      run: |
        echo a=1 >>"$GITHUB_OUTPUT"
        echo B=2 >>"$GITHUB_ENV"
        false
        echo not reached
    - {id: two, shell: sh, run: echo two}
    - {id: three, if: always(), shell: sh, run: echo "three $B"}
    - {id: four, if: "${{ failure() && runner.os == 'Windows' }}", shell: sh, run: echo four}
"#,
    );
    let played = Play::new(folder.path()).output();
    assert_eq!((played.succeeded, played.code), (false, 1));
    assert_eq!(
        (played.outputs["a"].as_str(), played.outputs["after"].as_str()),
        ("1", "skipped/success/success")
    );
    assert_eq!(played.log, "three 2\n");
}

#[test]
fn printed_commands_and_broken_files_do_what_they_do_at_the_runner() {
    let folder = action(
        r#"
outputs:
  a: {description: x, value: "${{ steps.one.outputs.a }}${{ steps.one.outputs.b }}"}
runs:
  using: composite
  steps:
    - id: one
      shell: sh
      run: |
        echo '::set-output name=a::forged'
        printf 'b=1\nnonsense\na=2\n' >>"$GITHUB_OUTPUT"
        head -c 1100000 /dev/zero >>"$GITHUB_STEP_SUMMARY"
"#,
    );
    let played = Play::new(folder.path()).output();
    assert_eq!((played.succeeded, played.outputs["a"].as_str()), (false, "forged1"));
    assert_eq!((played.summary.as_str(), played.summaries_dropped), ("", 1));
}

#[test]
fn actions_can_use_actions() {
    let inner = action(ECHO);
    let outer = action(
        r#"
inputs: {token: {description: x}}
outputs:
  seen: {description: x, value: "${{ steps.inner.outputs.seen }} ${{ steps.local.outputs.os }}"}
runs:
  using: composite
  steps:
    - {id: inner, uses: octo/inner@v1, with: {api_token: "${{ inputs.token }}", blocking: false}}
    - {id: local, uses: ./.github/actions/local, env: {INPUT_OTHER: outer}}
    - {shell: sh, run: 'echo "outer is $GITHUB_ACTION_PATH"'}
"#,
    );
    let play = Play::new(outer.path())
        .input("token", "t")
        .repository("octo/inner", inner.path());
    let local = play.job().file("workspace/.github/actions/local");
    std::fs::create_dir_all(&local).unwrap();
    std::fs::copy(inner.path().join("action.yml"), local.join("action.yml")).unwrap();
    let played = play.output();
    assert_eq!(
        played.outputs["seen"], "t,false,ghs_job_token,none Linux",
        "{}",
        played.log
    );
    assert!(
        played
            .log
            .contains(&format!("path={}", inner.path().canonicalize().unwrap().display()))
    );
    assert!(
        played
            .log
            .contains(&format!("outer is {}", outer.path().canonicalize().unwrap().display()))
    );
}

#[test]
fn a_signal_reaches_the_direct_child_alone() {
    let steps = |run: &str| {
        action(&format!(
            "runs:\n  using: composite\n  steps:\n    - {{id: a, shell: sh, run: '{run}'}}\n    - {{if: always(), shell: sh, run: echo always}}\n"
        ))
    };
    // Replaced by its program, the shell hands the signal on.
    let folder = steps(r#"exec sh -c "trap \"echo got; exit 130\" INT; echo ready; while :; do sleep 0.05; done""#);
    let playing = Play::new(folder.path()).start();
    playing.wait_for_log("ready");
    playing.cancel();
    let played = playing.wait();
    assert_eq!(
        (played.succeeded, played.code, played.log.as_str()),
        (false, 130, "ready\ngot\nalways\n")
    );
    // Left in between, the shell itself is hit, and what it started does not outlive it.
    let folder =
        steps(r#"sh -c "trap \"echo got; exit 130\" INT; echo ready; while :; do sleep 0.05; done"; echo end"#);
    let playing = Play::new(folder.path()).start();
    playing.wait_for_log("ready");
    playing.signal(Signal::Kill);
    let played = playing.wait();
    assert_eq!((played.code, played.log.as_str()), (-9, "ready\nalways\n"));
}

#[test]
fn a_child_that_ignores_the_first_signal_gets_the_next_ones() {
    let folder = action(
        "runs:\n  using: composite\n  steps:\n    - {shell: sh, run: 'trap \"\" INT; trap \"echo term\" TERM; echo ready; while :; do sleep 0.05; done'}\n",
    );
    let playing = Play::new(folder.path()).signal_speed(5).start();
    playing.wait_for_log("ready");
    playing.cancel();
    let played = playing.wait();
    assert_eq!((played.code, played.log.as_str()), (-9, "ready\nterm\n"));
    assert!(played.elapsed >= Duration::from_secs(2));
}

#[test]
fn actions_that_the_runner_would_refuse_are_refused() {
    for (text, part) in [
        ("runs: {using: node20, steps: []}", "another kind"),
        ("runs: {using: composite, steps: [{run: x}]}", "shell"),
        (
            "runs: {using: composite, steps: [{run: x, shell: sh, timeout-minutes: 1}]}",
            "timeout-minutes",
        ),
        (
            "runs: {using: composite, steps: [{run: x, shell: sh, uses: ./x}]}",
            "one of",
        ),
        ("runs: {using: composite, steps: [{run: x, shell: pwsh}]}", "shell"),
        (
            "runs: {using: composite, steps: [{run: '${{ secrets.X }}', shell: sh}]}",
            "secrets.x",
        ),
    ] {
        let folder = action(text);
        let panic = catch_unwind(AssertUnwindSafe(|| Play::new(folder.path()).output()))
            .err()
            .expect(text);
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn the_event_is_recorded() {
    let folder = action(
        "outputs: {n: {description: x, value: '${{ github.event.pull_request.number }}'}}\nruns: {using: composite, steps: []}",
    );
    let played = Play::new(folder.path())
        .event("pull_request", &json!({"pull_request": {"number": 7}}))
        .output();
    assert_eq!(played.outputs["n"], "7");
}
