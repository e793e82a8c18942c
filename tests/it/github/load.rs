//! Large reports: none of them keeps the check run in progress after a signal or makes the summary too long for GitHub.

use qatech_fakes::events::Scene;
#[cfg(unix)]
use qatech_fakes::harness::Signal;
use qatech_fakes::qatech::{Case, RunScript, When};

use crate::github::program::{job, pull_request, qatech};

fn large(cases: usize, reasoning: usize) -> Vec<Case> {
    let text = "The button did not react to the click. ".repeat(reasoning / 39);
    (0..cases)
        .map(|n| Case::failed(&format!("Case {n}")).texts("Not found", &text, "Buy"))
        .collect()
}

#[cfg(unix)]
#[test]
fn a_signal_completes_the_check_run_beside_four_large_reports() {
    let github = pull_request();
    let mut cases = large(4_000, 2_000);
    cases.push(Case::passed("Login").ends(When::Never));
    let qatech = qatech(RunScript::new(cases));
    let mut running = job(&github, &qatech, &Scene::new().pull_request())
        .input("junit_path", "r.xml")
        .input("ctrf_path", "r.ctrf.json")
        .input("json_path", "r.json")
        .input("html_path", "r.html")
        .start();
    running.wait_for_log("Case 1999");
    running.signal(Signal::Term);
    let done = running.wait();
    assert_eq!(done.code, 143, "{}", done.log);
    let run = github.only_check_run();
    assert_eq!(run.conclusion.as_deref(), Some("cancelled"), "{}", github.log());
    for output in ["junit_path", "ctrf_path", "json_path", "html_path"] {
        assert!(done.outputs.get(output).is_some(), "{output}: {}", done.log);
    }
}

#[test]
fn a_summary_takes_only_the_room_that_is_left_in_the_steps_file() {
    for present in [0, 900_000, 999_990] {
        let github = pull_request();
        let qatech = qatech(RunScript::new(large(300, 5_000)));
        let run = job(&github, &qatech, &Scene::new().pull_request()).input("annotations", "off");
        let earlier = format!("{}\n", "x".repeat(present));
        run.job().write("summary.md", &earlier);
        let done = run.output();
        assert_eq!(done.code, 1, "{}", done.log);
        assert!(done.summary.starts_with(&earlier));
        assert!(done.summary.len() <= 1_000_001, "{}", done.summary.len());
        assert_eq!(done.summary.contains("QA.tech failed"), present < 999_000, "{present}");
        assert_eq!(done.log.contains("the job summary is left out"), present > 999_000);
    }
}
