#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::report::sample::{case, report, run, shop};
use crate::report::{CaseDetails, QuarantineNote, Verdict};

fn xml(report: &Report) -> String {
    let mut out = Vec::new();
    write(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_blank_once_it_is_cleaned_gives_way() {
    let blank = "\u{1b}[31m \u{200b}\u{fffe}";
    for (outcome, word) in [
        (CaseOutcome::Failed, "failed"),
        (CaseOutcome::Errored, "errored"),
        (CaseOutcome::Skipped, "skipped"),
    ] {
        let nothing = xml(&report(vec![run(
            blank,
            "r",
            vec![case(1, blank, outcome, blank, blank)],
        )]));
        assert!(nothing.contains(&format!("message=\"{word}\"")), "{nothing}");
        assert!(
            nothing.contains("name=\"case_1\"") && !nothing.contains("name=\"\""),
            "{nothing}"
        );
        let thought = xml(&report(vec![run(
            "A",
            "r",
            vec![case(1, "B", outcome, blank, "No button\nand more")],
        )]));
        assert!(thought.contains("message=\"No button\""), "{thought}");
        assert!(thought.contains(">No button\n\nand more\n\n"), "{thought}");
    }
}

#[test]
fn plans_of_one_name_are_two_classes_without_dots() {
    let failed = || vec![case(1, "Log in", CaseOutcome::Failed, "No", "")];
    let text = xml(&report(vec![
        run("v1.2", "a.b", failed()),
        run(" v1.2\u{200b}", "c", failed()),
    ]));
    for class in ["v1_2 [pln_a_b]", "v1_2 [pln_c]"] {
        assert!(text.contains(&format!("<testsuite name=\"{class}\"")), "{text}");
        assert!(text.contains(&format!("classname=\"{class}\"")), "{text}");
    }
}

#[test]
fn names_and_texts_keep_their_limits() {
    let mut long = case(
        1,
        &"n".repeat(20_000),
        CaseOutcome::Failed,
        &"t".repeat(20_000),
        &"<r>\t".repeat(60_000),
    );
    long.goal = Some("g".repeat(90_000));
    let text = xml(&report(vec![run(&"p".repeat(20_000), "r", vec![long])]));
    let tree = roxmltree::Document::parse(&text).unwrap();
    let node = tree.descendants().find(|node| node.has_tag_name("testcase")).unwrap();
    let identity = format!(
        "{}.{}",
        node.attribute("classname").unwrap(),
        node.attribute("name").unwrap()
    );
    assert_eq!(identity.chars().count(), 250);
    let failure = node.children().find(|node| node.has_tag_name("failure")).unwrap();
    let (message, body) = (failure.attribute("message").unwrap(), failure.text().unwrap());
    assert!(message.chars().count() == 500 && body.starts_with(message));
    assert!(
        body.len() <= 60_000 && body.len() > 50_000 && body.contains("Run: r COMPLETED"),
        "{}",
        body.len()
    );
}

#[test]
fn time_is_that_of_qatech_else_as_observed_and_never_absent() {
    let mut shop = shop();
    shop.runs[0].cases[0].attempts[0].details = Some(Box::new(CaseDetails {
        duration: Some(1_234),
        ..CaseDetails::default()
    }));
    shop.runs[0].cases[5].attempts[0].observed.running = None;
    let text = xml(&shop);
    let tree = roxmltree::Document::parse(&text).unwrap();
    let timed = ["testsuites", "testsuite", "testcase"];
    for node in tree
        .descendants()
        .filter(|node| timed.contains(&node.tag_name().name()))
    {
        let time: f64 = node.attribute("time").unwrap().parse().unwrap();
        assert!(time.is_finite() && time >= 0.0);
    }
    let times: Vec<_> = tree
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .map(|node| node.attribute("time").unwrap())
        .collect();
    assert_eq!((times[0], times[1], times[5]), ("1.234", "15.000", "0.000"));
}

#[test]
fn a_case_tells_why_it_is_no_pass() {
    let mut failed = case(1, "Pay", CaseOutcome::Failed, "No button", "");
    failed.quarantine = Some(QuarantineNote {
        reason: Some("flaky since May".into()),
        until: Some("2026-12-31".into()),
    });
    failed.attempts[0].details = Some(Box::new(CaseDetails {
        error_code: Some("AGENT_TIMEOUT".into()),
        url: Some("https://app.qa.tech/c/1".into()),
        ..CaseDetails::default()
    }));
    let errored = case(2, "Search", CaseOutcome::Errored, "", "");
    let unfinished = case(3, "Log in", CaseOutcome::Unfinished, "", "");
    let mut run = run("A", "r", vec![failed, errored, unfinished]);
    run.attempts[0].verdict = Some(Verdict::TimedOut);
    run.problem = Some("not finished after 60 minutes".into());
    let text = xml(&report(vec![run]));
    for words in [
        "Error code: AGENT_TIMEOUT (agent miss)",
        "Quarantined: flaky since May, until 2026-12-31",
        "[[PROPERTY|run_url=https://app.qa.tech/c/1]]\n[[PROPERTY|test_case=case_1]]\n[[PROPERTY|error_code=AGENT_TIMEOUT]]\n[[PROPERTY|quarantined=true]]",
        ">errored\n\nStatus: ERROR\nReason: not finished after 60 minutes",
        ">not finished before the deadline (status RUNNING)\n\nStatus: RUNNING\nReason: not finished after 60 minutes",
        "<property name=\"quarantined\" value=\"1\"/>",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
}
