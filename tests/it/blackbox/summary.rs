//! The job summary, as it is left in its file. Escaping is tested with the renderer.

use qatech_fakes::qatech::{Case, FakeQaTech, Outcome, Rerun, RunScript, When};

use crate::scene::{assert_ending, green, in_parallel, red, start};

#[test]
fn it_shows_verdict_counts_links_and_reasons_in_this_order() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([
        Case::passed("Log in"),
        Case::failed("Pay by card").texts("No pay button", "I looked everywhere.", "Buy a shirt"),
        Case::new("Mail", Outcome::Skipped),
    ]);
    let script = script
        .phase(When::Look(2), "RUNNING", None)
        .phase(When::Look(4), "COMPLETED", Some("FAILED"));
    let done = start(&fake, script).output();
    assert_ending(&done, 1, "failed");
    let text = &done.summary;
    let mut at = 0;
    for part in [
        "failed",
        "https://app.qa.tech/p/fake/results/run001",
        "Pay by card",
        "No pay button",
        "Log in",
    ] {
        let found = text[at..]
            .find(part)
            .unwrap_or_else(|| panic!("no {part} after {at}:\n{text}"));
        at += found;
    }
    for part in ["Buy a shirt", "I looked everywhere.", "<details>", "```mermaid"] {
        assert!(text.contains(part), "no {part}:\n{text}");
    }
    assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
}

#[test]
fn flaky_cases_are_marked() {
    let fake = FakeQaTech::start();
    let done = start(&fake, red().rerun(Rerun::passing(&["Pay"])))
        .input("rerun_failed", "1")
        .output();
    assert_ending(&done, 0, "flaky");
    assert!(done.summary.contains("flaky"), "{}", done.summary);
    assert!(
        done.summary.contains("results/run001") && done.summary.contains("results/run002"),
        "{}",
        done.summary
    );
}

#[test]
fn it_is_written_when_requested() {
    let table = [
        ("always", green(), true),
        ("always", red(), true),
        ("failure", green(), false),
        ("failure", red(), true),
        ("failure", RunScript::new([Case::new("x", Outcome::Skipped)]), true),
        ("off", red(), false),
    ];
    in_parallel(&table, |(when, script, written)| {
        let fake = FakeQaTech::start();
        let done = start(&fake, script.clone()).input("summary", when).output();
        assert_eq!(!done.summary.is_empty(), *written, "{when}: {}", done.summary);
    });
}

#[test]
fn it_stays_below_its_limit_and_well_formed() {
    let fake = FakeQaTech::start();
    let done = start(&fake, RunScript::big(3_000, 2_000)).output();
    assert_ending(&done, 1, "failed");
    let text = &done.summary;
    assert!(text.len() <= 1_000_000, "{}", text.len());
    assert!(text.len() > 100_000, "{}", text.len());
    assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    assert!(
        text.contains("3,000") || text.contains("3000"),
        "the counts are missing"
    );
}

#[test]
fn it_stays_below_its_limit_with_the_longest_texts() {
    let fake = FakeQaTech::start();
    let long = "\u{1f600}<b>|*_`@#&".repeat(5_000);
    let cases = (0..100).map(|number| Case::failed(&format!("{number} {long}")).texts(&long, &long, &long));
    let done = start(&fake, RunScript::new(cases)).output();
    assert_ending(&done, 1, "failed");
    assert!(done.summary.len() <= 1_000_000, "{}", done.summary.len());
    assert_eq!(
        done.summary.matches("<details").count(),
        done.summary.matches("</details>").count()
    );
}

#[test]
fn a_link_that_is_not_https_is_none() {
    for url in [
        "javascript:alert(1)",
        "http://app.qa.tech/x",
        "data:text/html,x",
        "https:x y",
        " ",
    ] {
        let fake = FakeQaTech::start();
        let done = start(&fake, red().url(url)).output();
        assert_ending(&done, 1, "failed");
        for link in [format!("]({url}"), format!("href=\"{url}"), format!("<{url}>")] {
            assert!(!done.summary.contains(&link), "{}", done.summary);
        }
    }
}

#[test]
fn a_summary_that_cannot_be_written_only_causes_a_warning() {
    let fake = FakeQaTech::start();
    let run = start(&fake, green());
    let path = crate::scene::no_path(&run);
    let done = run.env("GITHUB_STEP_SUMMARY", &path).output();
    assert_ending(&done, 0, "passed");
    assert_eq!(crate::scene::told(&done, "warning").len(), 1, "{}", done.log);
    let fake = FakeQaTech::start();
    assert_ending(
        &start(&fake, green()).without_env("GITHUB_STEP_SUMMARY").output(),
        0,
        "passed",
    );
}
