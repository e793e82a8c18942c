//! The HTML report: what holds of it as text. `tests/html/run` opens the same pages in a browser.

use proptest::prelude::*;
use qatech_run::render::html;
use qatech_run::report::trend::QuarantineSuggestion;
use qatech_run::report::{
    CaseDetails, CaseOutcome, ImageFormat, Mode, QuarantineNote, Report, Screenshot, Verdict, sample,
};
use std::path::Path;

use crate::formats::reports;

fn page(report: &Report) -> String {
    let mut out = Vec::new();
    html::write(report, &mut out).expect("memory takes everything");
    String::from_utf8(out).expect("HTML is UTF-8")
}

/// The page without its style and script and what depends on them.
fn body(report: &Report) -> String {
    let page = page(report);
    let (_, rest) = page.split_once("<body>").expect("there is a body");
    let (body, _) = rest.split_once("<script>").expect("the script comes last");
    body.replace(concat!("qatech-run ", env!("CARGO_PKG_VERSION")), "qatech-run VERSION")
}

/// Fails unless a page contains each of these.
#[track_caller]
fn assert_has_all(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no {part:?}");
    }
}

#[test]
fn golden_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/shop.body.html");
    let text = body(&sample::shop());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).expect("golden files can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "run with UPDATE_GOLDEN=1 and look at the difference");
}

/// The shop's run with a history, screenshots, a failure in quarantine and suggested lines, in which `text` stands.
fn with_everything(text: &str) -> Report {
    let mut report = reports::with_history();
    let cases = &mut report.runs[0].cases;
    for attempt in cases
        .iter_mut()
        .filter(|case| case.outcome.is_bad())
        .flat_map(|case| &mut case.attempts)
    {
        attempt.details = Some(Box::new(CaseDetails {
            error_code: Some("TEST_FAILED".into()),
            duration: Some(42_000),
            url: Some(format!("https://app.qa.tech/c/{}", attempt.short_id)),
            screenshot: Some(Screenshot {
                format: ImageFormat::Png,
                bytes: include_bytes!("../html/screenshot.png").to_vec(),
            }),
            ..CaseDetails::default()
        }));
    }
    cases[3].quarantine = Some(QuarantineNote {
        reason: Some(text.to_owned()),
        until: Some("2026-12-31".into()),
    });
    let trend = report.trend.as_mut().expect("there is a history");
    let case = trend.flaky[0].case.clone();
    trend.fixed = vec![case.clone()];
    trend.suggestions = vec![QuarantineSuggestion {
        line: format!("{} until 2026-01-15 # {text}", case.name),
        case,
        flaky: 4,
        failed_on_default: 1,
        of: 10,
    }];
    report
}

/// A run that passed without a single test case.
fn without_tests() -> Report {
    sample::report(vec![sample::run("Smoke tests", "smk1", Vec::new())])
}

/// Writes the pages that the browser tests open, where `HTML_PAGES` names a folder for them.
#[test]
fn pages_for_the_browser() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let folder = std::env::var_os("HTML_PAGES").map_or_else(|| scratch.path().to_owned(), Into::into);
    let more = [
        ("everything", with_everything("flaky at night, see #12")),
        ("no-tests", without_tests()),
    ];
    for (name, report) in reports::all().into_iter().chain(reports::for_browsers()).chain(more) {
        let path = folder.join(format!("{name}.html"));
        let mut file = std::fs::File::create(&path).expect("pages can be written");
        html::write(&report, &mut file).expect("pages can be written");
    }
    let hostile = serde_json::to_string(&reports::HOSTILE).expect("texts are JSON");
    std::fs::write(folder.join("hostile-texts.json"), hostile).expect("pages can be written");
}

#[test]
fn what_was_only_started_has_no_counts() {
    let mut report = sample::shop();
    report.mode = Mode::StartOnly;
    report.runs[0].cases.clear();
    report.runs[0].attempts[0].test_count = Some(6);
    let one = body(&report);
    assert!(one.contains("the run was only started") && !one.contains("class=\"counts\""));
    report.runs.push(report.runs[0].clone());
    assert!(body(&report).contains("the runs were only started"));
}

#[test]
fn the_policy_allows_just_what_is_in_the_page() {
    let page = page(&sample::shop());
    assert_eq!(page.matches("<style>").count(), 1);
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(
        page.contains("content=\"default-src &#39;none&#39;; style-src &#39;sha256-"),
        "{}",
        &page[..600]
    );
    for outside in [
        "<img",
        "<iframe",
        "<object",
        "@import",
        "url(",
        " style=",
        " onclick",
        " onload",
        "javascript:",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    // `src` is nowhere, and `href` leads to https, within the page, or to the empty icon.
    assert!(!page.contains(" src="));
    for link in page.split(" href=\"").skip(1) {
        assert!(
            ["https://", "#", "data:,\""].iter().any(|good| link.starts_with(good)),
            "{}",
            &link[..40]
        );
    }
}

/// How often each sign that means something to HTML is in the text.
fn signs(text: &str) -> [usize; 3] {
    ["<", ">", "\""].map(|sign| text.matches(sign).count())
}

#[test]
fn hostile_text_stays_text() {
    let plain = signs(&body(&sample::filled_with("plain")));
    for text in reports::HOSTILE {
        let body = body(&sample::filled_with(text));
        assert_eq!(signs(&body), plain, "{text:?} made or broke markup");
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        let bidi = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!body.chars().any(|c| control(c) || bidi(c)), "{text:?}");
    }
}

#[test]
fn a_case_shows_its_details_and_quarantine_and_has_an_anchor() {
    let mut report = sample::shop();
    let cases = &mut report.runs[0].cases;
    cases[1].attempts[1].details = Some(Box::new(CaseDetails {
        error_code: Some("AGENT_TIMEOUT".into()),
        duration: Some(42_000),
        url: Some("https://app.qa.tech/c/2".into()),
        screenshot: Some(Screenshot {
            format: ImageFormat::Png,
            bytes: b"\x89PNG".to_vec(),
        }),
        ..CaseDetails::default()
    }));
    cases[2].quarantine = Some(QuarantineNote {
        reason: Some("<known>".into()),
        until: Some("2026-12-31".into()),
    });
    cases[3].short_id = "\" x/..".into();
    cases[4].name = "\u{200b}".into();
    let body = body(&report);
    for words in [
        "<span class=\"mark\">Agent miss</span>",
        "<code>AGENT_TIMEOUT</code>",
        "took 42 s",
        "href=\"https://app.qa.tech/c/2\"",
        "<img src=\"data:image/png;base64,iVBORw==\" alt=\"Last screenshot of Pay with a saved card\"",
        "id=\"case-case_2\"",
        "id=\"case-x\"",
        "Failed in quarantine: does not fail the step",
        "In quarantine: &#60;known&#62;, until 2026-12-31",
        "<li><b>1</b> failed in quarantine</li>",
        "<bdi class=\"name\">case_5</bdi>",
    ] {
        assert!(body.contains(words), "{words} in {body}");
    }
    let (_, quarantined) = body.split_once("Failed in quarantine").expect("there is a group");
    assert_eq!(quarantined.matches("<li class=\"case").count(), 1);
}

#[test]
fn the_heading_says_when_quarantined_failures_fail_the_step() {
    let mut report = with_everything("known");
    assert!(body(&report).contains("Failed in quarantine: does not fail the step</h3>"));
    report.fail_on.verdicts.push(Verdict::Quarantined);
    assert!(body(&report).contains("Failed in quarantine</h3>"));
}

#[test]
fn a_run_without_tests_is_not_green() {
    let page = body(&without_tests());
    assert!(page.contains("No test cases: QA.tech ran none"));
    assert!(
        page.contains("<header class=\"top flaky\">") && page.contains("<span class=\"badge flaky\">Passed</span>")
    );
    assert!(!body(&sample::shop()).contains("QA.tech ran none"));
}

#[test]
fn suggested_lines_and_reasons_are_text() {
    let page = body(&with_everything("known"));
    assert_has_all(
        &page,
        &[
            "<dt>Fixed</dt>",
            "<span class=\"span\">flaky in 4 of 10 results, failed on the default branch 1 time</span>",
            " until 2026-01-15 # known</code>",
            "In quarantine: known, until 2026-12-31",
        ],
    );
    let plain = signs(&page);
    for text in reports::HOSTILE {
        assert_eq!(
            signs(&body(&with_everything(text))),
            plain,
            "{text:?} made or broke markup"
        );
    }
}

#[test]
fn few_failures_are_open_and_only_long_lists_put_layout_off() {
    let large = page(&sample::large(1_000, 10));
    assert_eq!(large.matches("<details open>").count(), 20);
    assert!(large.contains("<ul class=\"cases many\">"));
    assert!(page(&sample::large(200, 10)).contains("<ul class=\"cases\">"));
}

#[test]
fn a_problem_is_shown_once_and_its_names_are_code() {
    let mut report = sample::shop();
    let problem = "stopped waiting at the first failed test case (`fail_fast`)";
    report.runs[0].problem = Some(problem.into());
    report.runs[0].attempts[0].problem = Some(problem.into());
    report.runs[0].verdict = Some(Verdict::TimedOut);
    let body = body(&report);
    assert_eq!(body.matches("stopped waiting").count(), 1);
    assert!(body.contains("(<code>fail_fast</code>)") && body.contains(">Timed out</span>"));
    assert!(body.contains("First run") && body.contains("Rerun 1") && !body.contains("Attempt 1"));
}

#[test]
fn where_nothing_was_watched_nothing_is_drawn_nor_missing() {
    let page = |name: &str| {
        let found = reports::all().into_iter().find(|(known, _)| *known == name);
        body(&found.expect(name).1)
    };
    let started = page("start-only");
    assert!(started.contains("Not asked for: the run was only started."));
    for page in [started, page("looked-at")] {
        assert!(!page.contains("h-timeline"));
    }
    assert!(page("shop").contains("Timeline of 1 run and 14 test cases over 2 min 40 s"));
}

#[test]
fn what_is_too_long_for_the_list_is_complete_in_the_details() {
    let mut report = sample::shop();
    assert!(!body(&report).contains("<dt>Name</dt>"));
    let case = &mut report.runs[0].cases[0];
    case.name = "long ".repeat(100);
    case.attempts[0].title = Some("told ".repeat(100));
    let body = body(&report);
    for (before, text) in [
        ("<dt>Name</dt><dd dir=\"auto\">", "long "),
        ("<p class=\"said\"><bdi>", "told "),
    ] {
        assert!(
            body.contains(&format!("{before}{}", text.repeat(100).trim())),
            "{before}"
        );
    }
}

#[test]
fn commit_and_pull_request_are_links_where_their_place_is_known() {
    let mut report = sample::shop();
    let links = |report: &Report| {
        let page = body(report);
        ["/commit/3f2a9c1d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b", "/pull/7"]
            .map(|path| page.contains(&format!("<a href=\"https://github.com/acme/shop{path}\"")))
    };
    assert_eq!(links(&report), [true, true]);
    for (url, repository) in [
        ("https://github.com/acme/shop/actions/runs/4711", "other/shop"),
        ("http://github.com/acme/shop/actions/runs/4711", "acme/shop"),
        ("https://ci.example/job/7", "acme/shop"),
    ] {
        report.origin.ci_url = Some(url.into());
        report.origin.repository = Some(repository.into());
        assert_eq!(links(&report), [false, false], "{url}");
    }
}

#[test]
fn changes_against_the_history_are_shown() {
    let page = body(&reports::with_history());
    assert_has_all(
        &page,
        &[
            "The last 30 results",
            "Failed on the default branch before",
            "Failing since 20",
            "New failure<",
        ],
    );
    assert!(
        !body(&sample::shop()).contains("h-trend"),
        "without a history there is nothing to tell"
    );
}

#[test]
fn ten_thousand_cases_take_room_in_proportion() {
    let small = page(&sample::large(1_000, 2_000)).len();
    let large = page(&sample::large(10_000, 2_000)).len();
    assert!(large < small * 11, "{small} {large}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_are_those_of_the_report(report in reports::any_report()) {
        let body = body(&report);
        let counts = report.counts();
        for outcome in CaseOutcome::ALL {
            let count = match outcome {
                CaseOutcome::Failed => counts.failed,
                CaseOutcome::Errored => counts.errored,
                CaseOutcome::Flaky => counts.flaky,
                CaseOutcome::Skipped => counts.skipped,
                CaseOutcome::Unfinished => counts.unfinished(),
                CaseOutcome::Passed => counts.passed,
            };
            let word = outcome.as_str();
            let shown = format!("<li class=\"{word}\" data-count=\"{count}\">");
            prop_assert_eq!(body.matches(&shown).count() as u64, u64::from(count > 0));
            let listed = format!("<li class=\"case {word}\"");
            prop_assert_eq!(body.matches(&listed).count() as u64, count);
        }
    }
}
