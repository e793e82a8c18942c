//! Property tests over all text renderers: hostile text in every field that others fill.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use crate::render::gfm_check::{Found, hostile, outside_code, parse, reference, tags};
use crate::render::github::marker::{Marker, SignedMarker, Unverified};
use crate::render::github::{check, commands, comment, issue};
use crate::render::markdown::summary;
use crate::render::{ctrf, html, junit, log_lines, outputs, phrases};
use crate::report::sample;
use crate::report::sample::{filled_with, large, report, run};
use crate::report::trend::QuarantineSuggestion;
use crate::report::{CaseDetails, CaseOutcome, FailOn, QuarantineNote, Report, ReportSlice, Verdict};
use commands::{Level, Reader};
use proptest::prelude::*;
use qatech_fakes::events::MARKDOWN_TAGS;

fn marker() -> Marker {
    Marker {
        key: "00".into(),
        head_sha: "11".into(),
        run_id: 1,
        attempt: 1,
        target: "22".into(),
        short_ids: vec![None],
    }
}

fn signed() -> SignedMarker {
    SignedMarker::new(&marker(), "00ff")
}

/// The length of a comment, as GitHub counts it.
fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Checks that a Markdown text contains only the markup that the renderers write.
fn check_markdown(markdown: &str) -> Result<(), TestCaseError> {
    let found = parse(markdown);
    let Found {
        html,
        links,
        tables,
        text: _,
        code: _,
        others,
    } = &found;
    let mut open = Vec::new();
    for tag in tags(html).iter().filter(|tag| !tag.starts_with("!-- qatech-run:2 ")) {
        prop_assert!(MARKDOWN_TAGS.contains(&tag.as_str()), "<{tag}> in {markdown}");
        match tag.strip_prefix('/') {
            Some(closed) => prop_assert_eq!(open.pop(), Some(closed.to_owned()), "{}", markdown),
            None if tag == "br" => {}
            None => open.push(tag.trim_end_matches(" open").to_owned()),
        }
    }
    prop_assert!(open.is_empty(), "{open:?} stay open in {markdown}");
    let foreign = links.iter().find(|link| !link.starts_with("https://"));
    prop_assert_eq!(foreign, None, "{}", markdown);
    for rows in tables {
        prop_assert!(rows.iter().all(|columns| *columns == rows[0]), "{rows:?} in {markdown}");
    }
    let known = ["heading", "strong", "list", "item", "alert", "thematic_break"];
    let other = others.iter().find(|name| !known.contains(name));
    prop_assert_eq!(other, None, "{}", markdown);
    let seen = parse(&outside_code(markdown)).text.join("\n");
    prop_assert_eq!(reference(&seen), None, "{}", markdown);
    prop_assert!(!markdown.chars().any(|c| c.is_control() && c != '\n'));
    Ok(())
}

/// Checks that no runner reads a log line as a command.
fn check_log_line(line: &str) -> Result<(), TestCaseError> {
    prop_assert!(!line.contains(['\n', '\r']), "{line:?}");
    prop_assert!(!line.contains("##["), "{line:?}");
    prop_assert!(!line.trim_start().starts_with("::"), "{line:?}");
    Ok(())
}

/// A report with a text in every field, including details, quarantine entries and suggestions.
fn detailed_with(text: &str) -> Report {
    let mut report = filled_with(text);
    report.fail_on = FailOn::new(Verdict::ALL.to_vec());
    for case in report.runs.iter_mut().flat_map(|run| &mut run.cases) {
        for attempt in &mut case.attempts {
            attempt.details = Some(Box::new(CaseDetails {
                error_code: Some(format!("AGENT_{text}")),
                duration: Some(1_000),
                url: Some(text.to_owned()),
                ..CaseDetails::default()
            }));
        }
        case.quarantine = (case.outcome == CaseOutcome::Errored).then(|| QuarantineNote {
            reason: Some(text.to_owned()),
            until: Some(text.to_owned()),
        });
    }
    let mut trend = sample::trend(&report);
    trend.suggestions = trend
        .new_failures
        .iter()
        .map(|case| QuarantineSuggestion {
            case: case.clone(),
            flaky: 3,
            failed_on_default: 1,
            of: 9,
            line: text.to_owned(),
        })
        .collect();
    report.trend = Some(trend);
    report
}

/// The report with a text in every field, and the same with two runs, so that labels are shown.
fn reports(text: &str) -> [Report; 2] {
    let one = detailed_with(text);
    let mut two = one.clone();
    two.runs.extend(one.runs.clone());
    [one, two]
}

proptest! {
    // Each case parses a dozen documents.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn markdown_contains_only_our_own_markup(text in hostile(), limit in prop_oneof![Just(1_000_000usize), 0..20_000usize]) {
        for report in reports(&text) {
            let job = summary::summary(&report, limit);
            prop_assert!(job.len() <= limit);
            check_markdown(&job)?;
            let comment = comment::comment(&report, &signed(), limit.max(100));
            prop_assert!(utf16(&comment) <= limit.max(100));
            prop_assert_eq!(Unverified::opening(&comment).and_then(Unverified::marker), Some(marker()));
            check_markdown(&comment)?;
            let output = check::output(&report, 9);
            prop_assert!(output.title.chars().count() <= 255);
            prop_assert!(output.summary.len() <= check::LIMIT && output.text.len() <= check::LIMIT);
            check_markdown(&output.summary)?;
            check_markdown(&output.text)?;
        }
    }

    #[test]
    fn issues_contain_only_our_own_markup(text in hostile()) {
        for report in reports(&text) {
            let part = ReportSlice { report: &report, runs: &report.runs[..1] };
            let bodies = [
                (issue::marker("00"), issue::opened(part, "00")),
                (issue::comment_marker(7), issue::still_red(part, 7, false)),
                (issue::comment_marker(7), issue::still_red(part, 7, true)),
                (issue::comment_marker(7), issue::green(part, 7)),
            ];
            for (marker, body) in bodies {
                prop_assert!(body.len() <= 65_000);
                check_markdown(body.strip_prefix(&marker).unwrap())?;
            }
            let title = issue::title(part);
            prop_assert!(title.chars().count() <= 256 && !title.chars().any(char::is_control));
        }
    }
}

proptest! {
    #[test]
    fn annotations_are_plain_and_never_empty(text in hostile()) {
        let place = check::Place { path: ".github/workflows/qa.yml".into(), line: 3 };
        let (annotations, left_out) = check::annotations(&detailed_with(&text), |_| place.clone());
        prop_assert_eq!((annotations.len(), left_out), (2, 0));
        for annotation in annotations {
            prop_assert!(!annotation.message.trim().is_empty() && !annotation.raw_details.is_empty());
            prop_assert!(annotation.title.chars().count() <= 255 && !annotation.title.contains('\n'));
            let all = annotation.title + &annotation.message + &annotation.raw_details;
            let odd = all.chars().find(|c| (c.is_control() && *c != '\n' && *c != '\t') || *c == '\u{202e}');
            prop_assert_eq!(odd, None);
        }
    }

    #[test]
    fn the_log_contains_only_our_own_commands(text in hostile()) {
        for report in reports(&text) {
            for line in log_lines::final_summary(&report) {
                check_log_line(&line)?;
            }
            for line in Reader::Plain.failures(&report) {
                check_log_line(&line)?;
            }
            for line in Reader::Runner.failures(&report) {
                let rest = line.strip_prefix("::error title=").or_else(|| line.strip_prefix("::notice title=")).unwrap();
                let (title, message) = rest.split_once("::").unwrap();
                prop_assert!(!title.contains([',', ':', '\n', '\r']), "{line}");
                prop_assert!(!message.contains(['\n', '\r']) && !line.contains("##["), "{line}");
            }
        }
        check_log_line(&log_lines::status_change(&text, &text, &text, Some(&text), 1))?;
        check_log_line(&log_lines::failed_case(&detailed_with(&text).runs[0].cases[0], Some(&text)))?;
        check_log_line(&Reader::Plain.group(&text))?;
        check_log_line(&Reader::Plain.message(Level::Notice, &text, &text))?;
        let group = Reader::Runner.group(&text);
        let title = group.strip_prefix("::group::").unwrap();
        prop_assert!(!title.contains(['\n', '\r']) && !title.contains("##["));
    }

    #[test]
    fn commands_keep_within_a_line_of_4096_characters(text in hostile(), times in 1usize..400) {
        let long = text.repeat(times);
        for reader in [Reader::Runner, Reader::Plain] {
            let line = reader.message(Level::Warning, &long, &long);
            prop_assert!(line.chars().count() <= 4_096);
        }
    }

    #[test]
    fn outputs_read_back_as_the_runner_reads_them(text in hostile()) {
        for report in reports(&text) {
            let pairs = outputs::pairs(&report, &[("html_path", text.clone())]);
            let written = outputs::github_output(&pairs, "a1b2c3d4");
            let read = as_the_runner(&written);
            prop_assert_eq!(read.len(), pairs.len());
            for ((name, value), (read_name, read_value)) in pairs.iter().zip(&read) {
                prop_assert_eq!(name, read_name);
                prop_assert_eq!(value, read_value);
            }
            for name in ["runs", "failed_tests"] {
                let (_, json) = pairs.iter().find(|(known, _)| *known == name).unwrap();
                let parsed: Vec<serde_json::Value> = serde_json::from_str(json).unwrap();
                prop_assert!(!parsed.is_empty() && !json.contains('\n'));
            }
            let (dotenv, left_out) = outputs::dotenv(&pairs);
            prop_assert!(dotenv.len() <= 5_000);
            prop_assert_eq!(dotenv.lines().count(), pairs.len() - 2 - left_out.len());
            for line in dotenv.lines() {
                let (name, value) = line.split_once('=').unwrap();
                prop_assert!(pairs.iter().any(|(known, original)| *known == name && original == value), "{}", line);
            }
            let meaning = ['$', '`', '"', '\'', '\\', ';', '&', '|', '<', '>', '(', ')', '\r', '#', ' ', '~', '*'];
            prop_assert!(!dotenv.contains(meaning), "{}", dotenv);
        }
    }
}

/// Parses `GITHUB_OUTPUT` as the runner does. Only heredocs, since the program writes nothing else.
fn as_the_runner(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        let (name, delimiter) = line.split_once("<<").expect("a heredoc");
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        pairs.push((name.to_owned(), value.join("\n")));
    }
    pairs
}

#[test]
fn no_text_is_escaped_twice() {
    let report = detailed_with("a & b");
    let (mut page, mut suites) = (Vec::new(), Vec::new());
    html::write(&report, &mut page).unwrap();
    junit::write(&report, &mut suites).unwrap();
    for (format, text, escaped) in [
        ("HTML", String::from_utf8(page).unwrap(), "a &#38; b"),
        ("JUnit", String::from_utf8(suites).unwrap(), "a &amp; b"),
        ("summary", summary::summary(&report, 1_000_000), "a &amp; b"),
    ] {
        assert!(text.contains(escaped), "{format}");
        for twice in ["&#38;#", "&#38;amp;", "&amp;#", "&amp;amp;"] {
            let around = text
                .split_once(twice)
                .map(|(before, _)| &before[before.ceil_char_boundary(before.len().saturating_sub(80))..]);
            assert_eq!(around, None, "{format}: {twice}");
        }
    }
}

#[test]
fn ctrf_has_no_character_that_cleaning_removes() {
    let mut written = Vec::new();
    ctrf::write(&detailed_with("a\u{202e}b\u{200b}c\u{a0}\u{200d} d"), &mut written).unwrap();
    let text = String::from_utf8(written).unwrap();
    assert!(text.contains("abc\u{a0}\u{200d} d") && text.contains("\"abc d\""));
    for removed in ["\u{202e}", "\u{200b}", "\\u202e", "\\u200b"] {
        assert!(!text.contains(removed), "{removed:?}");
    }
}

#[test]
fn a_hundred_kilobytes_without_a_space_keep_every_limit() {
    for (text, times) in [
        ("x", 100_000),
        ("漢", 34_000),
        ("|", 100_000),
        ("@a", 50_000),
        ("`", 100_000),
    ] {
        let report = filled_with(&text.repeat(times));
        let job = summary::summary(&report, summary::LIMIT);
        assert!(job.len() <= summary::LIMIT);
        let comment = comment::comment(&report, &signed(), comment::LIMIT);
        assert!(utf16(&comment) <= comment::LIMIT);
        check_markdown(&comment).unwrap();
        let check = check::output(&report, 9);
        assert!(check.summary.len() <= check::LIMIT && check.text.len() <= check::LIMIT);
        let place = check::Place {
            path: "a".into(),
            line: 1,
        };
        for annotation in check::annotations(&report, |_| place.clone()).0 {
            assert!(annotation.message.len() < 65_536 && annotation.raw_details.len() < 65_536);
        }
        for line in Reader::Runner.failures(&report) {
            assert!(line.chars().count() <= 4_096);
        }
        let pairs = outputs::pairs(&report, &[]);
        let utf16: usize = pairs.iter().map(|(_, value)| value.encode_utf16().count()).sum();
        assert!(utf16 < 500_000, "{utf16}");
    }
}

#[test]
fn a_big_report_is_shrunk_and_says_so() {
    let big = large(20_000, 2_000);
    let job = summary::summary(&big, summary::LIMIT);
    assert!(job.len() <= summary::LIMIT && job.len() > summary::LIMIT / 2);
    assert!(job.contains("18,000 other tests not listed here"));
    assert!(job.contains("cut at"));
    check_markdown(&job).unwrap();
    let comment = comment::comment(&big, &signed(), comment::LIMIT);
    assert!(comment.contains("the others have one line each"));
    assert!(utf16(&comment) <= comment::LIMIT);
    check_markdown(&comment).unwrap();
    let failures = Reader::Runner.failures(&big);
    assert_eq!(failures.len(), 10);
    assert!(failures[9].contains("1,991 more tests failed"));
    let short = comment::comment(&big, &signed(), 20_000);
    assert!(short.contains("more tests, left out to stay within GitHub's limit"));
    assert!(utf16(&short) <= 20_000);
    check_markdown(&short).unwrap();
}

#[test]
fn whatever_the_number_of_failures_most_of_the_room_is_used() {
    for cases in [500, 900, 1_200, 1_500, 2_000, 5_000, 20_000, 40_000] {
        let big = large(cases, 2_000);
        let text = comment::comment(&big, &signed(), comment::LIMIT);
        let folds = text.matches("<summary>").count();
        let lines = text.matches("\n- ").count();
        assert!(
            (44_000..=comment::LIMIT).contains(&utf16(&text)),
            "{cases}: {}",
            utf16(&text)
        );
        assert!(
            cases > 20_000 || folds + lines == cases / 10,
            "{cases}: {folds} folds, {lines} lines"
        );
    }
    let big = large(40_000, 2_000);
    let job = summary::summary(&big, summary::LIMIT);
    assert!(job.len() > 900_000, "{}", job.len());
    let folds = job.matches("<summary>❌").count();
    let note = format!(
        "What happened is shown for the first {}, cut at 500 characters",
        phrases::number(folds as u64)
    );
    assert!(folds > 500 && job.contains(&note), "{folds}");
    assert_eq!(folds + job.matches("\n- ").count(), 4_000);
    assert!(job.contains("36,000 other tests not listed here"));
    check_markdown(&job).unwrap();
    // A single long text uses the room that there is.
    let one = report(vec![run(
        "A",
        "a",
        vec![sample::case(
            1,
            "Pay",
            CaseOutcome::Failed,
            "No",
            &"word ".repeat(40_000),
        )],
    )]);
    assert!(comment::comment(&one, &signed(), comment::LIMIT).len() > 30_000);
}

#[test]
fn what_is_left_out_is_counted_in_each_list() {
    let many = |count, outcome| {
        (0..count).map(move |number| sample::case(number, "Pay with a card", outcome, "No button", "Gone."))
    };
    let mut cases: Vec<_> = many(3_000, CaseOutcome::Failed).collect();
    cases.extend(many(10, CaseOutcome::Flaky));
    cases.extend(many(500, CaseOutcome::Passed));
    for case in &mut cases[2_900..3_000] {
        case.quarantine = Some(QuarantineNote::default());
    }
    let report = report(vec![run("Everything", "all1", cases)]);
    for limit in [4_000, 20_000, comment::LIMIT] {
        let text = comment::comment(&report, &signed(), limit);
        assert!(utf16(&text) <= limit);
        for (heading, total) in [
            ("### Failed tests (", 2_900),
            ("### Quarantined tests (", 100),
            ("### Flaky tests (", 10),
        ] {
            let (_, list) = text.split_once(heading).expect(heading);
            let list = list.split("\n### ").next().unwrap();
            let shown = list.matches("\n- ").count() + list.matches("<summary>").count();
            let left = list.split_once("…and ").map_or(0, |(_, rest)| {
                let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
                number.replace(',', "").parse().unwrap()
            });
            assert_eq!(shown + left, total, "{heading} at {limit}: {list}");
        }
        assert!(text.contains("500 other tests not listed here"), "at {limit}");
        check_markdown(&text).unwrap();
    }
}

#[test]
fn a_comment_has_room_for_characters_of_any_length() {
    let sentence = "頁面沒有顯示付款按鈕。".repeat(40);
    let cases = (0..100).map(|number| sample::case(number, "付款", CaseOutcome::Failed, "失敗", &sentence));
    let text = comment::comment(&report(vec![run("A", "a", cases.collect())]), &signed(), comment::LIMIT);
    assert!((44_000..=comment::LIMIT).contains(&utf16(&text)), "{}", utf16(&text));
    assert!(
        text.len() > 80_000 && text.matches("<summary>").count() == 100,
        "{}",
        text.len()
    );
    check_markdown(&text).unwrap();
}

#[test]
fn many_runs_and_warnings_do_not_push_the_failures_out() {
    let mut runs = Vec::new();
    for number in 0..300 {
        let case = sample::case(1, "Pay", CaseOutcome::Failed, "No button", "It was gone.");
        let mut run = run(
            &format!("Plan {number} {}", "|".repeat(150)),
            &format!("r{number}"),
            vec![case],
        );
        run.problem = Some("|".repeat(2_000));
        run.verdict = Some(Verdict::Failed);
        runs.push(run);
    }
    let mut report = report(runs);
    report.warnings = vec!["&".repeat(5_000); 100];
    let comment = comment::comment(&report, &signed(), comment::LIMIT);
    assert!(utf16(&comment) <= comment::LIMIT);
    assert!(comment.contains("### Failed tests (300)"), "{}", &comment[..2_000]);
    check_markdown(&comment).unwrap();
}
