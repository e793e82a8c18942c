//! What the pictures in `docs/pictures/` show: one run with a rerun, waited for on simulated time, so that every byte is
//! the same each time. `scripts/pictures/run` makes the pictures from it; the test says when they are out of date.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use qatech_run::log::Log;
use qatech_run::qatech::client::Got;
use qatech_run::qatech::wire::{Run, RunTestCase, StartedPlan, StartedRun};
use qatech_run::render::github::check::{self, Place};
use qatech_run::render::github::commands::Reader;
use qatech_run::render::github::comment;
use qatech_run::render::github::marker::{Marker, SignedMarker};
use qatech_run::render::markdown::summary::summary;
use qatech_run::render::{html, log_lines};
use qatech_run::report::history::{Entry, History};
use qatech_run::report::{
    CaseDetails, CaseOutcome, ImageFormat, Mode, Quarantine, Report, RunReport, Screenshot, Verdict, sample,
};
use qatech_run::runs::log_events::RunLog;
use qatech_run::runs::shutdown::Shutdown;
use qatech_run::runs::store::RunStore;
use qatech_run::text::{Redactor, ShortId};
use serde_json::json;
use tokio::time::Instant;

use crate::waiting::sim::{Look, Play, Sim, planned};

/// The demo's screenshot.
#[path = "../../examples/demo/src/picture.rs"]
mod screenshot;

const MAX_PICTURE: u64 = 150_000;
const DAY: u64 = 86_400_000;
const SERIES: &str = "qa";
const MAGIC_LINK: &str = "Sign in with a magic link";

/// A test case of the run.
struct Test {
    name: &'static str,
    goal: &'static str,
    title: &'static str,
    reasoning: &'static str,
    outcome: Outcome,
    error_code: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    Errored,
    Skipped,
}

/// What did not pass in the first run.
const NOT_PASSED: [Test; 5] = [
    Test {
        name: "Pay with a saved card",
        goal: "Pay for one item with a card that was saved before",
        title: "The pay button stayed disabled",
        reasoning: "I opened the cart, chose the saved card ending in 4242 and waited for the pay button.\n\
                    It stayed grey for 30 seconds although every required field was filled in. \
                    The console showed a failed request to /api/payment-intents.",
        outcome: Outcome::Failed,
        error_code: Some("TEST_FAILED"),
    },
    Test {
        name: "Apply a voucher twice",
        goal: "A voucher must not be accepted twice",
        title: "The second voucher was accepted",
        reasoning: "The cart showed a discount of 20 % after the first code, and of 40 % after the same code again. \
                    A voucher must count once.",
        outcome: Outcome::Failed,
        error_code: Some("TEST_FAILED"),
    },
    Test {
        name: MAGIC_LINK,
        goal: "Sign in by a link that is sent by mail",
        title: "The mail did not arrive in time",
        reasoning: "I waited 60 seconds for the mail with the link. The inbox stayed empty.",
        outcome: Outcome::Failed,
        error_code: Some("AGENT_TIMEOUT"),
    },
    Test {
        name: "Export the order history",
        goal: "Export all orders of this year as CSV",
        title: "The browser crashed",
        reasoning: "The page stopped answering when the export was requested.",
        outcome: Outcome::Errored,
        error_code: Some("PLATFORM_BROWSER_CRASH"),
    },
    Test {
        name: "Pay by invoice",
        goal: "Pay for one item by invoice",
        title: "Invoices are switched off",
        reasoning: "",
        outcome: Outcome::Skipped,
        error_code: None,
    },
];

const PASSED: [&str; 15] = [
    "Home page loads",
    "Sign in with a password",
    "Sign out",
    "Reset the password",
    "Search finds a product",
    "Filter by size",
    "Sort by price",
    "Add to cart",
    "Remove from cart",
    "Change the quantity",
    "Change the delivery address",
    "Check out as a guest",
    "Cookie banner can be refused",
    "Language can be switched",
    "Contact form sends",
];

/// What is shown of a passed test.
fn passed(name: &'static str) -> Test {
    Test {
        name,
        goal: "",
        title: "Worked as expected",
        reasoning: "Every step was done.",
        outcome: Outcome::Passed,
        error_code: None,
    }
}

/// The tests of an attempt: the first runs all, and the rerun those that did not pass.
fn tests_of(run: &str) -> Vec<Test> {
    let not_passed = NOT_PASSED.into_iter();
    if run == "run1" {
        return not_passed.chain(PASSED.map(passed)).collect();
    }
    let reran = not_passed.filter(|test| test.outcome != Outcome::Skipped);
    reran
        .map(|test| {
            if test.name == MAGIC_LINK {
                passed(MAGIC_LINK)
            } else {
                test
            }
        })
        .collect()
}

/// Four agents side by side: a test begins every six seconds and takes about 24.
fn times(index: usize) -> (u64, u64) {
    let turn = (index as u64 * 7) % 20;
    let begins = 3 + turn * 6;
    (begins, begins + 17 + (turn * 5) % 14)
}

fn wire_case(run: &str, index: usize, test: &Test, age: u64) -> (RunTestCase, bool) {
    let (begins, ends) = times(index);
    let over = age >= ends;
    let (status, result) = match (over, test.outcome) {
        (false, _) if age < begins => ("INITIATED", None),
        (false, _) => ("RUNNING", None),
        (true, Outcome::Passed) => ("COMPLETED", Some("PASSED")),
        (true, Outcome::Failed) => ("COMPLETED", Some("FAILED")),
        (true, Outcome::Errored) => ("ERROR", None),
        (true, Outcome::Skipped) => ("SKIPPED", Some("SKIPPED")),
    };
    let text = |text: &str| (over && !text.is_empty()).then(|| text.to_owned());
    let case = RunTestCase {
        id: Some(format!("id-{}", test.name)),
        short_id: Some(format!("{run}-{}", index + 1)),
        name: Some(test.name.to_owned()),
        status: Some(status.to_owned()),
        result: result.map(ToOwned::to_owned),
        result_title: text(test.title),
        evaluation_thought: text(test.reasoning),
        prompt_goal: (!test.goal.is_empty()).then(|| test.goal.to_owned()),
        ..RunTestCase::default()
    };
    (case, over)
}

/// QA.tech's answer, so many seconds after the attempt began.
fn answer(look: &Look<'_>, age: u64) -> Got {
    let tests = tests_of(look.short_id);
    let cases: Vec<_> = tests
        .iter()
        .enumerate()
        .map(|(index, test)| wire_case(look.short_id, index, test, age))
        .collect();
    let over = cases.iter().all(|(_, over)| *over);
    Got {
        size: 100,
        run: Run {
            id: format!("id-{}", look.short_id),
            short_id: look.short_id.to_owned(),
            status: if over { "COMPLETED" } else { "RUNNING" }.to_owned(),
            result: over.then(|| "FAILED".to_owned()),
            run_test_cases: Some(cases.into_iter().map(|(case, _)| case.into()).collect()),
        },
    }
}

fn started(nth: usize) -> StartedRun {
    let short_id = ShortId::new(format!("run{nth}")).unwrap();
    StartedRun {
        id: Some(format!("id-{short_id}")),
        url: Some(format!("https://app.qa.tech/p/shop/results/{short_id}")),
        test_count: Some(tests_of(&short_id).len() as u64),
        test_plan: Some(StartedPlan {
            name: Some("Checkout".to_owned()),
            short_id: Some("pln_checkout".to_owned()),
        }),
        short_id: ShortId::new(short_id).expect("a short id"),
    }
}

/// Standard error, a terminal's.
#[derive(Clone, Default)]
struct Terminal(Rc<RefCell<Vec<u8>>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Waits for the run on simulated time. Returns it with how long that took, the warnings, and the log so far.
async fn wait(log: &Log) -> (Vec<RunReport>, Vec<String>, Duration) {
    let began = Instant::now();
    let rerun_at: RefCell<Option<Duration>> = RefCell::default();
    let sim = Sim::new(move |look| {
        let from = match look.short_id {
            "run1" => Duration::ZERO,
            _ => *rerun_at.borrow_mut().get_or_insert(look.at),
        };
        Ok(answer(look, (look.at - from).as_secs()))
    })
    .create(|nth| Ok(started(nth)))
    .latency(Duration::from_millis(120));
    let run_log = RunLog::new(log.clone());
    let quarantine = "Apply a voucher twice until 2026-02-01 # known, see #481";
    let quarantine = Quarantine::parse(quarantine, "quarantine", sample::report(Vec::new()).started_at);
    let store = RunStore::new(began, vec![planned()], Box::new(run_log.clone()))
        .with_quarantine(quarantine.expect("a list in form"));
    let shutdown = Shutdown::default();
    let play = Play {
        // A fixed interval has no jitter.
        poll_interval: Some(Duration::from_secs(3)),
        reruns: 1,
        ..Play::default()
    };
    tokio::select! {
        biased;
        () = play.on(&sim, &store, &shutdown, began) => {}
        never = run_log.progress(&store) => match never {},
    }
    let (runs, warnings) = store.take();
    (runs, warnings, began.elapsed())
}

/// Adds what QA.tech's case pages say of the failures.
fn add_details(report: &mut Report) {
    let cases = report.runs.iter_mut().flat_map(|run| &mut run.cases);
    for case in cases {
        let test = NOT_PASSED.iter().find(|test| test.name == case.name);
        let Some((test, code)) = test.and_then(|test| Some((test, test.error_code?))) else {
            continue;
        };
        for attempt in case.attempts.iter_mut().filter(|attempt| attempt.outcome.is_bad()) {
            attempt.details = Some(Box::new(CaseDetails {
                error_code: Some(code.to_owned()),
                duration: attempt
                    .observed
                    .ended
                    .zip(attempt.observed.running)
                    .map(|(to, from)| to - from),
                url: Some(format!("https://app.qa.tech/p/shop/results/test/{}", attempt.short_id)),
                screenshot: (test.outcome == Outcome::Failed).then(|| Screenshot {
                    format: ImageFormat::Png,
                    bytes: screenshot::screenshot(),
                }),
                ..CaseDetails::default()
            }));
        }
    }
}

/// Nine earlier results, the latest a day before.
fn history(report: &Report) -> String {
    let red = ["Apply a voucher twice"];
    let outcomes: [&[&str]; 9] = [
        &[],
        &[],
        &["Contact form sends"],
        &[],
        &[],
        &["Sign out", red[0]],
        &red,
        &["Filter by size", red[0]],
        &["Filter by size", red[0]],
    ];
    let mut lines = String::new();
    for (failed, days) in outcomes.into_iter().zip((1..10).rev()) {
        let mut earlier = report.clone();
        earlier.started_at -= days * DAY;
        earlier.origin.sha = Some(sha256(&days.to_le_bytes())[..40].to_owned());
        let run = &mut earlier.runs[0];
        for case in &mut run.cases {
            case.outcome = match () {
                () if failed.contains(&case.name.as_str()) => CaseOutcome::Failed,
                () if case.outcome == CaseOutcome::Flaky && days % 3 == 0 => CaseOutcome::Flaky,
                () => CaseOutcome::Passed,
            };
        }
        run.attempts.truncate(if failed.is_empty() { 1 } else { 2 });
        for attempt in &mut run.attempts {
            attempt.ended = attempt.ended.map(|ended| ended - days * 17_000 % 46_000);
        }
        run.verdict = Some(if failed.is_empty() {
            Verdict::Passed
        } else {
            Verdict::Failed
        });
        let entry = Entry::new(&earlier, SERIES).expect("a result");
        lines.push_str(&format!("{}\n", serde_json::to_string(&entry).expect("JSON")));
    }
    lines
}

/// What each picture is made of, by name.
async fn inputs() -> BTreeMap<&'static str, String> {
    let terminal = Terminal::default();
    let log = Log::with_output(Reader::Plain, true, Redactor::default(), Box::new(terminal.clone()));
    log.group("Waiting for QA.tech");
    let (runs, warnings, took) = wait(&log).await;
    let mut report = sample::report(runs);
    report.duration = took.as_millis().try_into().expect("minutes");
    report.mode = Mode::Wait;
    report.warnings = warnings;
    add_details(&mut report);
    let entry = Entry::new(&report, SERIES).expect("a result");
    report.trend = Some(History::parse(history(&report).as_bytes()).trend(&entry, &report));
    log.end_group();
    for line in log_lines::final_summary(&report) {
        log.line(&line);
    }

    let marker = Marker {
        key: SERIES.to_owned(),
        head_sha: report.origin.sha.clone().unwrap_or_default(),
        run_id: 4711,
        attempt: 1,
        target: String::new(),
        short_ids: Vec::new(),
    };
    let comment = comment::comment(&report, &SignedMarker::new(&marker, ""), comment::LIMIT);
    let place = Place {
        path: ".github/workflows/qa.yml".to_owned(),
        line: 12,
    };
    let (annotations, left_out) = check::annotations(&report, |_| place.clone());
    let conclusion = report.conclusion();
    let output = check::output(&report, left_out);
    let check = json!({
        "conclusion": conclusion.as_str(),
        "title": output.title,
        "summary": output.summary,
        "text": output.text,
        "annotations": annotations.iter().map(|annotation| json!({
            "path": annotation.path,
            "line": annotation.line,
            "level": annotation.level(conclusion),
            "title": annotation.title,
            "message": annotation.message,
        })).collect::<Vec<_>>(),
    });
    let mut page = Vec::new();
    html::write(&report, &mut page).expect("memory takes everything");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    // A new version changes nothing that can be seen.
    let version = concat!("qatech-run ", env!("CARGO_PKG_VERSION"));
    BTreeMap::from([
        ("check.json", format!("{check:#}\n")),
        ("comment.md", comment),
        ("report.html", text(page).replace(version, "qatech-run")),
        ("summary.md", summary(&report, 1_000_000)),
        ("terminal.txt", text(terminal.0.take())),
    ])
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, bytes))
}

/// Where `PICTURES` names a folder, the inputs are written there for `scripts/pictures/run`.
#[tokio::test(start_paused = true)]
async fn pictures_show_what_the_program_writes() {
    let inputs = inputs().await;
    if let Some(folder) = std::env::var_os("PICTURES") {
        for (name, text) in &inputs {
            fs::write(Path::new(&folder).join(name), text).expect("inputs can be written");
        }
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    let list = fs::read_to_string(folder.join("SOURCES")).expect("docs/pictures/SOURCES");
    let mut listed: BTreeMap<&str, &str> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            line.split_once("  ")
                .map(|(hash, name)| (name, hash))
                .expect("a hash and a name")
        })
        .collect();
    let outdated: Vec<_> = inputs
        .iter()
        .filter(|(name, text)| listed.remove(*name) != Some(sha256(text.as_bytes()).as_str()))
        .map(|(name, _)| *name)
        .collect();
    assert!(
        outdated.is_empty(),
        "the pictures of {outdated:?} are out of date: run scripts/pictures/run, look at docs/pictures/ and commit it"
    );
    assert!(listed.len() >= 5, "there are pictures");
    for (name, hash) in listed {
        let picture = fs::read(folder.join(name)).expect(name);
        assert_eq!(sha256(&picture), hash, "{name} is not what scripts/pictures/run made");
        assert!(
            picture.len() as u64 <= MAX_PICTURE,
            "{name} has {} bytes",
            picture.len()
        );
    }
}

/// A picture that no page shows, or one that does not exist, is a mistake.
#[test]
fn every_picture_is_shown_with_a_text_for_those_who_do_not_see_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    let in_folder = |folder: &str| fs::read_dir(root.join(folder)).expect("a folder");
    pages.extend(in_folder("docs").map(|entry| entry.expect("an entry").path()));
    let pages = pages
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "md"));
    let text: String = pages.map(|path| fs::read_to_string(path).expect("a page")).collect();
    for entry in in_folder("docs/pictures") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(
            name == "SOURCES" || text.contains(&format!("pictures/{name}")),
            "no page shows {name}"
        );
    }
    for image in text.split("<img ").skip(1) {
        let (image, _) = image.split_once('>').expect("an end");
        assert!(image.contains("alt=\"") && !image.contains("alt=\"\""), "{image}");
        let (_, source) = image.split_once("src=\"").expect("a source");
        let (source, _) = source.split_once('"').expect("an end");
        let name = source.rsplit('/').next().expect("a name");
        assert!(root.join("docs/pictures").join(name).is_file(), "{source}");
    }
}
