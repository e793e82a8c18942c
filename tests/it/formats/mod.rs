//! Machine-readable reports: golden files, schemas, equal counts, and hostile text.

pub mod reports;

use proptest::prelude::*;
use qatech_run::render::{ctrf, json, junit};
use qatech_run::report::{CaseOutcome, Counts, Report, sample};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::LazyLock;

fn junit_text(report: &Report) -> String {
    let mut out = Vec::new();
    junit::write(report, &mut out).expect("memory takes everything");
    String::from_utf8(out).expect("XML is UTF-8")
}

fn ctrf_text(report: &Report) -> String {
    let mut out = Vec::new();
    ctrf::write(report, &mut out).expect("memory takes everything");
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn json_text(report: &Report) -> String {
    let mut out = Vec::new();
    json::write(report, &mut out).expect("memory takes everything");
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// Compares with the golden file, or writes it where `UPDATE_GOLDEN` is set.
fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let text = text
        .replace(concat!("qatech-run ", env!("CARGO_PKG_VERSION")), "qatech-run VERSION")
        .replace(
            concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\""),
            "\"version\": \"VERSION\"",
        );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).expect("golden files can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{name} differs: run with UPDATE_GOLDEN=1 and look at the difference"
    );
}

#[test]
fn golden_files() {
    for (name, report) in reports::all() {
        golden(&format!("{name}.xml"), &junit_text(&report));
        golden(&format!("{name}.ctrf.json"), &ctrf_text(&report));
        golden(&format!("{name}.json"), &json_text(&report));
    }
}

static CTRF_SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = parse(include_str!("../../ctrf/ctrf-schema-0.0.json"));
    jsonschema::validator_for(&schema).expect("the published schema is one")
});

fn assert_ctrf(document: &Value) {
    let errors: Vec<_> = CTRF_SCHEMA
        .iter_errors(document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn ctrf_is_valid_against_its_schema() {
    for (_, report) in reports::all() {
        assert_ctrf(&parse(&ctrf_text(&report)));
    }
    let mut broken = parse(&ctrf_text(&sample::shop()));
    broken["results"]["tests"][0]["status"] = "green".into();
    assert!(!CTRF_SCHEMA.is_valid(&broken), "the schema must be able to refuse");
}

#[test]
fn quick_junit_reads_back_what_it_wrote() {
    for (name, report) in reports::all() {
        let written = junit_text(&report);
        let read = quick_junit::Report::deserialize_from_str(&written).expect(name);
        let again = read.to_string().expect("memory takes everything");
        // All but the count of skipped tests on the root element, which Jenkins' schema does not have.
        let (_, rest) = again.split_once(" skipped=\"").expect("quick-junit writes it");
        let (count, _) = rest.split_once('"').expect("it is quoted");
        assert_eq!(again.replacen(&format!(" skipped=\"{count}\""), "", 1), written);
    }
}

#[test]
fn junit_gives_every_case_a_time() {
    for (name, report) in reports::all() {
        let xml = junit_text(&report);
        let tree = roxmltree::Document::parse(&xml).expect(name);
        for node in tree.descendants().filter(|node| node.has_tag_name("testcase")) {
            let time: f64 = node.attribute("time").expect(name).parse().expect(name);
            assert!(time.is_finite() && time >= 0.0, "{name}");
        }
    }
}

#[test]
fn class_and_name_in_junit_are_no_longer_than_a_title() {
    let long = "A very long plan name ".repeat(50);
    let xml = junit_text(&sample::report(vec![sample::run(
        &long,
        "long",
        sample::shop().runs.remove(0).cases,
    )]));
    let tree = roxmltree::Document::parse(&xml).expect("well-formed");
    for case in tree.descendants().filter(|node| node.has_tag_name("testcase")) {
        let class = case.attribute("classname").expect("there is one");
        assert!(class.chars().count() == 100 && class.ends_with('…'), "{class}");
    }
}

/// Class and name of a test case, as a reader of JUnit files sees them.
fn identities(xml: &str) -> Vec<String> {
    let tree = roxmltree::Document::parse(xml).expect("well-formed");
    let cases = tree.descendants().filter(|node| node.has_tag_name("testcase"));
    cases
        .map(|case| {
            let [class, name] = ["classname", "name"].map(|name| case.attribute(name).expect("both are there"));
            assert!(!class.contains('.') && class.chars().count() + name.chars().count() < 250);
            let shown = format!("{class}.{name}").replace('\u{200b}', "");
            shown.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn similar_names_have_unique_identities_in_junit() {
    let names = [
        "Log in",
        "Log in ",
        "Log  in",
        "Log in\u{200b}",
        "Log\nin",
        "Log\tin",
        "QA.tech run",
    ];
    let cases = || {
        let cases = (1..).zip(names);
        cases
            .map(|(number, name)| sample::case(number, name, CaseOutcome::Failed, "No", ""))
            .collect::<Vec<_>>()
    };
    let runs = ["Smoke", "Smoke ", "Smo\u{200b}ke"].map(|plan| sample::run(plan, "smk1", cases()));
    let found = identities(&junit_text(&sample::report(runs.into())));
    let unique: std::collections::HashSet<_> = found.iter().collect();
    assert_eq!((found.len(), unique.len()), (21, 21), "{found:?}");
}

#[test]
fn a_red_run_is_never_a_green_or_empty_file() {
    for (name, report) in reports::all() {
        // A run that is polled once has no verdict, but the state that the poll found may be red.
        let seen = report.runs.iter().filter_map(|run| run.seen());
        let red = seen
            .chain(report.verdict())
            .max()
            .is_some_and(|verdict| !["passed", "flaky", "skipped"].contains(&verdict.as_str()));
        let xml = junit_text(&report);
        let tree = roxmltree::Document::parse(&xml).expect(name);
        let root = tree.root_element();
        let count = |what| {
            root.attribute(what)
                .and_then(|count| count.parse::<u64>().ok())
                .expect(what)
        };
        assert!(count("tests") > 0, "{name}");
        assert_eq!(red, count("failures") + count("errors") > 0, "{name}");
        let summary = &parse(&ctrf_text(&report))["results"]["summary"];
        assert_eq!(red, summary["failed"].as_u64() > Some(0), "{name}");
    }
}

/// The counts of each format, as [`Counts`]; entries for whole runs are left out.
fn counts_in_junit(xml: &str) -> (Counts, u64) {
    let tree = roxmltree::Document::parse(xml).expect("well-formed");
    let (mut counts, mut unfinished) = (Counts::default(), 0);
    for case in tree.descendants().filter(|node| node.has_tag_name("testcase")) {
        if case.attribute("name") == Some("QA.tech run") {
            continue;
        }
        let child = |name: &str| case.children().find(|node| node.has_tag_name(name));
        counts.add(if child("failure").is_some() {
            CaseOutcome::Failed
        } else if child("error").is_some() {
            CaseOutcome::Errored
        } else if let Some(skipped) = child("skipped") {
            if skipped.attribute("type") == Some("UNFINISHED") {
                unfinished += 1;
                CaseOutcome::Unfinished
            } else {
                CaseOutcome::Skipped
            }
        } else if child("flakyFailure").or(child("flakyError")).is_some() {
            CaseOutcome::Flaky
        } else {
            CaseOutcome::Passed
        });
    }
    (counts, unfinished)
}

fn counts_in_ctrf(document: &Value) -> Counts {
    let mut counts = Counts::default();
    for test in document["results"]["tests"].as_array().expect("tests") {
        let outcome = CaseOutcome::ALL
            .into_iter()
            .find(|outcome| test["extra"]["outcome"] == outcome.as_str());
        if let Some(outcome) = outcome {
            counts.add(outcome);
        }
    }
    counts
}

fn assert_equal_counts(report: &Report) {
    let counts = report.counts();
    let (junit, unfinished) = counts_in_junit(&junit_text(report));
    assert_eq!((junit, unfinished), (counts, counts.unfinished()), "JUnit");

    let document = parse(&ctrf_text(report));
    assert_eq!(counts_in_ctrf(&document), counts, "CTRF");
    let summary = &document["results"]["summary"];
    let number = |name: &str| summary[name].as_u64().expect("a number");
    let synthetic_cases = summary["extra"]["whole_runs"].as_u64().expect("a number");
    assert_eq!(number("tests"), counts.total + synthetic_cases);
    assert_eq!(number("flaky"), counts.flaky);
    assert_eq!(number("pending"), counts.unfinished());
    assert_eq!(summary["extra"]["errored"].as_u64(), Some(counts.errored));
    let sum: u64 = ["passed", "failed", "skipped", "pending", "other"]
        .map(number)
        .iter()
        .sum();
    assert_eq!(sum, number("tests"));

    let document = parse(&json_text(report));
    let words = ["total", "passed", "failed", "skipped", "errored", "flaky", "unfinished"];
    let read = words.map(|word| document["counts"][word].as_u64().expect("a number"));
    let expected = [
        counts.total,
        counts.passed,
        counts.failed,
        counts.skipped,
        counts.errored,
        counts.flaky,
        counts.unfinished(),
    ];
    assert_eq!(read, expected, "JSON");
}

/// All strings in a JSON value.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| strings(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Element and attribute names that the JUnit renderer may write.
const JUNIT_NAMES: [&str; 26] = [
    "testsuites",
    "testsuite",
    "testcase",
    "properties",
    "property",
    "failure",
    "error",
    "skipped",
    "flakyFailure",
    "flakyError",
    "rerunFailure",
    "rerunError",
    "stackTrace",
    "system-out",
    "time",
    "name",
    "tests",
    "skipped",
    "errors",
    "failures",
    "timestamp",
    "classname",
    "message",
    "type",
    "value",
    "xml",
];

#[test]
fn hostile_text_stays_text() {
    for text in reports::HOSTILE {
        let report = sample::filled_with(text);
        let xml = junit_text(&report);
        let tree = roxmltree::Document::parse(&xml).expect("well-formed");
        for node in tree.descendants().filter(|node| node.is_element()) {
            assert!(JUNIT_NAMES.contains(&node.tag_name().name()), "{text:?} made {node:?}");
            for attribute in node.attributes() {
                assert!(JUNIT_NAMES.contains(&attribute.name()), "{text:?} made {attribute:?}");
            }
        }
        assert!(!xml.chars().any(is_control), "{text:?}");

        let document = parse(&ctrf_text(&report));
        assert_ctrf(&document);
        let mut told = Vec::new();
        strings(&document, &mut told);
        assert!(!told.iter().any(|text| text.chars().any(is_control)), "{text:?}");

        // JSON keeps the text exactly, and the file is harmless when it is printed or embedded.
        let written = json_text(&report);
        assert_eq!(parse(&written)["runs"][0]["cases"][0]["name"], text);
        assert!(!written.contains('<') && !written.contains("##") && !written.chars().any(is_control));
        assert_equal_counts(&report);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn counts_are_equal_in_all_formats(report in reports::any_report()) {
        assert_equal_counts(&report);
        assert_ctrf(&parse(&ctrf_text(&report)));
        let found = identities(&junit_text(&report));
        let unique: std::collections::HashSet<_> = found.iter().collect();
        prop_assert_eq!(found.len(), unique.len(), "{:?}", found);
    }
}
