//! Properties that hold for all untrusted bytes: each function takes some and panics if a property does not hold.
//!
//! The fuzz targets call these with libFuzzer's bytes, `tests/it/fuzz.rs` with the committed corpora and random ones.

use std::ffi::OsString;

use qatech_run::context::{Context, HeadSha};
use qatech_run::inputs;
use qatech_run::inputs::{PathRule, environments, overrides};
use qatech_run::publish::identity::MarkerKey;
use qatech_run::qatech::wire::{Run, RunTestCase, StartFields, StartResponse};
use qatech_run::render::github::check;
use qatech_run::render::github::check::Place;
use qatech_run::render::github::commands::{Level, Reader};
use qatech_run::render::github::marker::{Marker, Unverified};
use qatech_run::render::github::{comment, issue};
use qatech_run::render::markdown::summary;
use qatech_run::render::{ctrf, escape, html, json, junit, log_lines, outputs};
use qatech_run::report::history::{Entry, History, MAX_ENTRIES, bounded};
use qatech_run::report::merge;
use qatech_run::report::merge::Recorded;
use qatech_run::report::sample;
use qatech_run::report::{AttemptOrigin, Quarantine, Report, ReportSlice, Verdict};
use qatech_run::text::Secret;
use serde_json::Value;

/// The token in these inputs, which must never be shown.
const TOKEN: &str = "token-that-nothing-may-show";

/// The payload of any event: the commit is one, and what is sent to QA.tech is bounded.
pub fn event(data: &[u8]) {
    const EVENTS: [&str; 10] = [
        "push",
        "pull_request",
        "pull_request_target",
        "merge_group",
        "workflow_run",
        "deployment_status",
        "issue_comment",
        "check_suite",
        "schedule",
        "workflow_dispatch",
    ];
    let Ok(payload) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    for name in EVENTS {
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", name),
            ("GITHUB_REPOSITORY", "octo-org/shop"),
            ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_REF_NAME", "7/merge"),
        ];
        let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let context = Context::new(variables, Some(&payload));
        if let HeadSha::Known(sha) = &context.head {
            // Safe in a path, whatever its text.
            let fine = (1..=64).contains(&sha.len()) && sha.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert!(fine, "{name}: {sha:?}");
        }
        let body = serde_json::to_string(&StartFields::from(&context)).unwrap_or_default();
        assert!(
            !body.is_empty() && body.len() < 1_000_000,
            "{name}: {} bytes",
            body.len()
        );
    }
}

/// An answer of QA.tech: if it can be parsed, it can be merged and rendered, also twice.
pub fn api_body(data: &[u8]) {
    // The answer to a start is only parsed, never rendered.
    let _ = serde_json::from_slice::<StartResponse>(data);
    let Ok(answer) = serde_json::from_slice::<Run>(data) else {
        return;
    };
    let mut run = sample::run("Plan", &answer.short_id, Vec::new());
    let first = run.attempts.first().map(|attempt| attempt.origin);
    assert_eq!(first, Some(AttemptOrigin::Started));
    for at in [1000, 2000] {
        let seen: Vec<_> = answer
            .run_test_cases
            .clone()
            .unwrap_or_default()
            .into_iter()
            .map(|case| case.map(RunTestCase::into_snapshot))
            .collect();
        let count = seen.len();
        let (quarantine, recorded) = (Quarantine::default(), &mut Recorded::default());
        let bad = merge::apply(&mut run, 0, seen, at, &quarantine, recorded).newly_bad;
        assert!(
            bad.iter()
                .all(|index| run.cases.get(*index).is_some_and(|case| case.outcome.is_bad()))
        );
        assert!(run.cases.len() >= count.min(1));
    }
    if let Some(attempt) = run.attempts.first_mut() {
        attempt.status = Some(answer.status);
        attempt.result = answer.result;
    }
    merge::conclude(&mut run);
    assert_ne!(run.verdict, Some(Verdict::Flaky), "one attempt forgives nothing");
    rendered(&sample::report(vec![run]));
}

/// `applications_config`, `environments` and `notifications_config`: what is accepted is accepted again in the form that is sent.
pub fn overrides(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for applications in [overrides::applications(text), environments::parse(text)] {
        match applications {
            Ok(applications) => {
                // A deployment is never sent: its URL replaces it.
                let sent = serde_json::to_string(&applications).unwrap_or_default();
                if !applications.is_empty() && !sent.is_empty() {
                    assert_eq!(overrides::applications(&sent).as_ref(), Ok(&applications), "{sent}");
                }
            }
            Err(problems) => assert!(problems.iter().all(|problem| !problem.is_empty()) && !problems.is_empty()),
        }
    }
    match overrides::notifications(text) {
        Ok(notifications) => {
            let sent = serde_json::to_string(&notifications).unwrap_or_default();
            if !notifications.is_empty() {
                assert_eq!(overrides::notifications(&sent).as_ref(), Ok(&notifications), "{sent}");
            }
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
}

/// `annotation_paths`: the first line is a test case's name, the others are the input.
pub fn annotation_paths(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (name, text) = text.split_once('\n').unwrap_or(("Log in", text));
    match PathRule::parse_lines(text) {
        Ok(rules) => {
            let report = sample::report(vec![sample::run(
                "Plan",
                "abc",
                vec![sample::case(
                    1,
                    name,
                    qatech_run::report::CaseOutcome::Failed,
                    "title",
                    "reasoning",
                )],
            )]);
            let place_of = |name: &str| {
                let rule = rules.iter().find(|rule| rule.matches(name));
                let (path, line) = rule.map_or(("default.yml", 1), |rule| (&rule.path, rule.line));
                Place {
                    path: path.to_owned(),
                    line,
                }
            };
            let (annotations, left_out) = check::annotations(&report, place_of);
            assert_eq!((annotations.len(), left_out), (1, 0));
            let matches = rules.iter().any(|rule| rule.matches(name));
            let default = annotations.iter().any(|annotation| annotation.path == "default.yml");
            assert!(
                matches || default,
                "{name:?} matches nothing, and is not where the default is"
            );
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
}

/// All inputs, as `name=value` separated by NUL: whatever is wrong with them, no problem shows the token.
pub fn inputs(data: &[u8]) {
    if data.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()) {
        // A token in another input is not secret.
        return;
    }
    let given = data
        .split(|byte| *byte == 0)
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='));
    let given = given.map(|(name, value)| {
        (
            OsString::from(format!("INPUT_{}", name.to_uppercase())),
            OsString::from(value),
        )
    });
    let token = [("INPUT_API_TOKEN", TOKEN), ("INPUT_WEBHOOK_SECRET", TOKEN)];
    let token = token.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    // An environment has each name once; the last value counts.
    let variables: std::collections::BTreeMap<_, _> = given.chain(token).collect();
    match inputs::parse(variables) {
        Ok(inputs) => {
            let shown = format!("{inputs:?}");
            assert!(!shown.contains(TOKEN), "{shown}");
            assert!(!inputs.redactor().clean(format!("a {TOKEN} b")).contains(TOKEN));
            let url = &inputs.api_url;
            assert!(url.scheme() == "https" || url.scheme() == "http", "{url}");
            assert!(url.username().is_empty() && url.password().is_none(), "{url}");
        }
        Err(rejected) => {
            assert!(!rejected.problems.is_empty());
            let leak = rejected
                .problems
                .iter()
                .find(|problem| rejected.redactor.clean((*problem).clone()).contains(TOKEN));
            assert_eq!(leak, None);
        }
    }
}

/// A history file: every trend can be drawn, and only valid entries are kept, up to the limit.
pub fn history(data: &[u8]) {
    let history = History::parse(data);
    let mut report = sample::shop();
    let Some(now) = Entry::new(&report, "series") else {
        return;
    };
    let trend = history.trend(&now, &report);
    assert!((1..=qatech_run::report::trend::SHOWN).contains(&trend.points.len()));
    report.trend = Some(trend);
    rendered(&report);
    for most in [0, 1, 3, MAX_ENTRIES] {
        if let Some(kept) = bounded(data, most, u64::MAX) {
            assert!(kept.len() < data.len());
            assert_eq!(bounded(&kept, most, u64::MAX), None, "not shortened enough at once");
        }
    }
}

/// Markers that are read back from GitHub: only signed text is accepted, and only in the form that is written.
pub fn read_back(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = MarkerKey::new(&Secret::new("a token that no corpus knows"));
    assert_eq!(key.verify(text), None);
    let _ = Marker::unverified_key(text);
    let Some(read) = Unverified::opening(text) else { return };
    if let Some(marker) = read.marker() {
        assert_eq!(marker.fields(), read.fields);
        let signed = key.sign(&marker).to_string();
        assert_eq!(key.verify(&signed).map(|read| read.run_id), Some(marker.run_id));
    }
}

/// Every escaper: no text breaks out of its context.
pub fn escapers(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!escape::clean(text).chars().any(odd));
    assert!(!escape::one_line(text).chars().any(char::is_control));
    for escaped in [escape::inline(text), escape::lines(text), escape::code_cell(text)] {
        let bare = ["<br>", "<code>", "</code>"]
            .iter()
            .fold(escaped.clone(), |bare, ours| bare.replace(ours, ""));
        assert!(
            !bare.contains(['<', '>', '`', '|', '\n', '\r']),
            "{escaped:?} of {text:?}"
        );
    }
    for line in [
        escape::log_line(text),
        escape::command_data(text),
        escape::command_property(text),
    ] {
        assert!(
            !line.contains(['\n', '\r']) && !line.contains("##["),
            "{line:?} of {text:?}"
        );
    }
    assert!(!escape::log_line(text).trim_start().starts_with("::"));
    assert!(!escape::command_property(text).contains([',', ':']));
    for most in [0, 1, 7, 100] {
        assert!(escape::cut_chars(text, most).chars().count() <= most);
        assert!(escape::cut_bytes(text, most).len() <= most);
    }
    for reader in [Reader::Runner, Reader::Plain] {
        for line in [reader.message(Level::Error, text, text), reader.group(text)] {
            assert!(!line.contains(['\n', '\r']), "{line:?}");
            let ours = ["::error", "::group::"].iter().any(|command| line.starts_with(command));
            assert_eq!(line.trim_start().starts_with("::"), ours, "{line:?}");
            assert!(reader == Reader::Runner || !ours, "{line:?}");
        }
    }
}

/// Every renderer, with the text in every untrusted field.
pub fn renderers(data: &[u8]) {
    rendered(&sample::filled_with(&String::from_utf8_lossy(data)));
}

/// Everything that is rendered from a report keeps its limits and can be parsed.
fn rendered(report: &Report) {
    for limit in [200, 5_000, summary::LIMIT] {
        assert!(summary::summary(report, limit).len() <= limit);
    }
    let marker = Marker {
        key: "00".to_owned(),
        head_sha: "11".to_owned(),
        run_id: 7,
        attempt: 1,
        target: "22".to_owned(),
        short_ids: vec![None],
    };
    let key = MarkerKey::new(&Secret::new("token"));
    let body = comment::comment(report, &key.sign(&marker), 65_000);
    assert!(body.len() <= 65_000);
    assert_eq!(key.verify(&body), Some(marker));
    let output = check::output(report, 0);
    assert!(output.summary.len() <= check::LIMIT && output.text.len() <= check::LIMIT);
    for runs in report.runs.chunks(1) {
        let part = ReportSlice { report, runs };
        assert!(issue::title(part).chars().count() <= 256);
        assert!(issue::opened(part, "00").len() <= 65_000);
    }
    for line in log_lines::final_summary(report) {
        assert!(
            !line.contains(['\n', '\r', '\u{1b}']) && !line.trim_start().starts_with("::"),
            "{line:?}"
        );
    }
    for line in Reader::Runner.failures(report) {
        let level = ["::error ", "::notice ", "::warning "]
            .iter()
            .any(|level| line.starts_with(level));
        assert!(level && !line.contains('\n'), "{line:?}");
    }
    read_outputs(report);
    read_reports(report);
}

/// The outputs, as the runner and GitLab read them.
fn read_outputs(report: &Report) {
    let pairs = outputs::pairs(report, &[]);
    let text = outputs::github_output(&pairs, "eof0eof0eof0");
    let mut lines = text.split_terminator('\n');
    for (name, _) in &pairs {
        assert_eq!(lines.next(), Some(format!("{name}<<eof0eof0eof0").as_str()));
        assert!(lines.by_ref().any(|line| line == "eof0eof0eof0"), "{name} does not end");
    }
    assert_eq!(lines.next(), None);
    let (dotenv, _) = outputs::dotenv(&pairs);
    assert!(dotenv.len() <= 5_000);
    for line in dotenv.lines() {
        let name = line.split_once('=').map(|(name, _)| name);
        assert!(pairs.iter().any(|(known, _)| Some(*known) == name), "{line:?}");
    }
}

/// The report files, as parsers read them.
fn read_reports(report: &Report) {
    let mut made = Vec::new();
    assert!(junit::write(report, &mut made).is_ok());
    let xml = String::from_utf8_lossy(&made).into_owned();
    let tree = roxmltree::Document::parse(&xml);
    let cases = tree.map(|tree| tree.descendants().filter(|node| node.has_tag_name("testcase")).count());
    let known: usize = report.runs.iter().map(|run| run.cases.len()).sum();
    assert!(
        cases.as_ref().is_ok_and(|cases| *cases >= known),
        "{cases:?} of {known}:\n{xml}"
    );
    let (mut plain, mut common) = (Vec::new(), Vec::new());
    assert!(json::write(report, &mut plain).is_ok() && ctrf::write(report, &mut common).is_ok());
    for made in [plain, common] {
        let text = String::from_utf8_lossy(&made);
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    }
    let mut made = Vec::new();
    assert!(html::write(report, &mut made).is_ok());
    let page = String::from_utf8_lossy(&made);
    // One style and one script, our own, and complete.
    assert_eq!(
        (page.matches("<script").count(), page.matches("<style").count()),
        (1, 1)
    );
    assert!(page.trim_end().ends_with("</html>"));
}
