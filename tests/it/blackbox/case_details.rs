//! Details of test cases: when they are asked for, what is kept of them, and that they change no verdict.

use std::time::{Duration, Instant};

use qatech_fakes::http::{Framing, Reply, Server};
use qatech_fakes::qatech::{Case, FakeQaTech, Instead, Outcome, Rerun, RunScript, TOKEN};
use qatech_run::inputs::{CaseDetailsFor, RerunOnly};
use qatech_run::net::http;
use qatech_run::net::proxy::Network;
use qatech_run::qatech::Client;
use qatech_run::report::sample::valid_short_id;
use qatech_run::report::{CaseDetails, FailureKind, ImageFormat, RunReport, Verdict};
use qatech_run::runs::details::DetailsFetcher;
use qatech_run::runs::driver::{Driver, Origin};
use qatech_run::runs::event::Event;
use qatech_run::runs::poller::Policy;
use qatech_run::runs::shutdown::Shutdown;
use qatech_run::runs::store::{EventHandler, RunHandle, RunStore};
use qatech_run::text::{Redactor, Secret};
use serde_json::{Value, json};

use crate::scene::{assert_ending, attach, green, in_parallel, red, start};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe rest of a picture";

fn case_id(name: &str) -> String {
    Case::new(name, Outcome::Passed).short_id
}

#[test]
fn details_are_requested_for_the_cases_that_the_input_selects() {
    let script = || {
        RunScript::new([
            Case::passed("Login"),
            Case::failed("Pay"),
            Case::new("Export", Outcome::Error),
        ])
    };
    for (input, asked) in [
        ("failed", vec!["Pay", "Export"]),
        ("all", vec!["Pay", "Export", "Login"]),
        ("off", vec![]),
    ] {
        let fake = FakeQaTech::start();
        assert_ending(
            &attach(&fake, script()).input("case_details", input).output(),
            1,
            "failed",
        );
        let mut expected: Vec<_> = asked.into_iter().map(case_id).collect();
        let mut asked = fake.asked_details();
        // After the first, they are asked for side by side.
        assert_eq!(asked.first(), expected.first(), "{input}");
        asked.sort_unstable();
        expected.sort_unstable();
        assert_eq!(asked, expected, "{input}");
    }
    let fake = FakeQaTech::start();
    assert_ending(&attach(&fake, green()).output(), 0, "passed");
    assert_eq!(fake.asked_details(), [""; 0]);
}

#[test]
fn an_older_api_is_asked_once_and_nothing_is_logged() {
    in_parallel(&[400, 401, 403, 404, 405], |status| {
        let new = FakeQaTech::start();
        let silent = attach(&new, RunScript::new(["a", "b", "c"].map(Case::failed)))
            .input("case_details", "off")
            .output();
        let fake = FakeQaTech::start();
        fake.older(*status);
        let done = attach(&fake, RunScript::new(["a", "b", "c"].map(Case::failed))).output();
        assert_ending(&done, 1, "failed");
        assert_eq!(fake.asked_details().len(), 1);
        assert_eq!(done.log.lines().count(), silent.log.lines().count(), "{}", done.log);
    });
}

#[test]
fn one_that_fails_is_left_out_and_the_others_are_requested() {
    for fault in [
        Reply::empty(500),
        Reply::raw(200, "text/html", "<html>"),
        Reply::json(200, &json!([1])),
    ] {
        let fake = FakeQaTech::start();
        fake.fault("GET", "/run-test-case/*", 1, fault);
        let done = attach(&fake, RunScript::new(["a", "b", "c"].map(Case::failed))).output();
        assert_ending(&done, 1, "failed");
        assert_eq!(fake.asked_details().len(), 3);
        assert!(!done.log.contains("::warning"), "{}", done.log);
    }
}

#[test]
fn at_most_two_hundred_are_requested_and_eight_at_once() {
    let fake = FakeQaTech::start();
    fake.intercept(|request, _| {
        let slow = |reply: Reply| reply.delay(Duration::from_millis(20));
        request.path.contains("run-test-case").then(|| Instead::spoiled(slow))
    });
    let cases = (0..230).map(|number| Case::failed(&format!("case {number}")));
    assert_ending(&attach(&fake, RunScript::new(cases)).output(), 1, "failed");
    assert_eq!(fake.asked_details().len(), 200);
    let requests = fake.requests();
    let mut connections: Vec<_> = requests.iter().map(|request| request.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    assert!(connections.len() <= 9, "{} connections", connections.len());
}

#[test]
fn a_verdict_waits_at_most_fifteen_seconds_for_them() {
    let fake = FakeQaTech::start();
    fake.fault("GET", "/run-test-case/*", 1..=usize::MAX, Reply::hang());
    let done = attach(&fake, red()).output();
    assert_ending(&done, 1, "failed");
    // The contract promises 15 s; the rest is the program's own start and end on a busy machine.
    assert!(done.elapsed < Duration::from_secs(25), "{:?}", done.elapsed);
}

#[test]
#[cfg(unix)]
fn a_signal_ends_the_wait_for_them() {
    use qatech_fakes::harness::Signal;
    use qatech_fakes::http::wait_until;

    let fake = FakeQaTech::start();
    fake.fault("GET", "/run-test-case/*", 1..=usize::MAX, Reply::hang());
    let running = attach(&fake, red()).start();
    assert!(wait_until(Duration::from_secs(20), || !fake.asked_details().is_empty()));
    let at = Instant::now();
    running.signal(Signal::Int);
    let done = running.wait();
    assert_ending(&done, 130, "failed");
    assert!(at.elapsed() < Duration::from_secs(8), "{:?}", at.elapsed());
}

#[test]
fn only_misses_are_rerun_if_requested() {
    let misses = || {
        [
            Case::failed("Search").error_code("AGENT_TIMEOUT"),
            Case::failed("Sort").error_code("PLATFORM_CRASH"),
        ]
    };
    let ids = || misses().map(|case| case.project_id());
    let rerun = || Rerun::passing(&["Search", "Sort"]);
    // All that failed was missed, and passes then.
    let fake = FakeQaTech::start();
    let done = start(&fake, RunScript::new(misses()).rerun(rerun()))
        .input("rerun_failed", "1")
        .input("rerun_only", "misses")
        .output();
    assert_ending(&done, 0, "flaky");
    assert_eq!(fake.rerun_bodies(), [json!({"projectTestCaseIds": ids()})]);
    // A real failure stays one, and is not paid for twice.
    let fake = FakeQaTech::start();
    let cases = misses().into_iter().chain([Case::failed("Pay"), Case::passed("Login")]);
    let done = start(&fake, RunScript::new(cases).rerun(rerun()))
        .input("rerun_failed", "2")
        .input("rerun_only", "misses")
        .input("project_short_id", "proj_shop")
        .output();
    assert_ending(&done, 1, "failed");
    assert_eq!(
        fake.rerun_bodies(),
        [json!({"projectTestCaseIds": ids(), "projectShortId": "proj_shop"})]
    );
    done.assert_outputs(&[("failed", "1"), ("flaky", "2")]);
}

#[test]
fn what_is_missed_again_is_rerun_again() {
    let fake = FakeQaTech::start();
    let miss = Case::failed("Search").error_code("AGENT_TIMEOUT");
    let script = RunScript::new([miss, Case::failed("Pay")])
        .rerun(Rerun::passing(&[]))
        .rerun(Rerun::passing(&["Search"]));
    let done = start(&fake, script)
        .input("rerun_failed", "3")
        .input("rerun_only", "misses")
        .output();
    assert_ending(&done, 1, "failed");
    assert_eq!((fake.reruns(), &done.outputs["flaky"][..]), (2, "1"));
}

#[test]
fn without_a_known_miss_nothing_is_rerun() {
    for older in [false, true] {
        let fake = FakeQaTech::start();
        if older {
            fake.older(404);
        }
        let done = start(&fake, red().rerun(Rerun::passing(&["Pay"])))
            .input("rerun_failed", "1")
            .input("rerun_only", "misses")
            .output();
        assert_ending(&done, 1, "failed");
        assert_eq!(fake.rerun_bodies().len(), 0);
    }
}

struct Silent;

impl EventHandler for Silent {
    fn emit(&self, _: RunHandle<'_>, _: Event) {}

    fn warn(&self, text: &str) {
        panic!("a warning: {text}");
    }
}

/// What is kept of the details of one failed case whose answer has these fields.
fn kept(case: impl FnOnce(Case) -> Case) -> Option<CaseDetails> {
    let fake = FakeQaTech::start();
    fake.existing_run("abc123", RunScript::new([case(Case::failed("Pay"))]));
    let clients = http::clients(&Network::default()).unwrap();
    let images = clients.pooled.clone();
    let url = url::Url::parse(&fake.api_url()).unwrap();
    let api = Client::new(clients, url, Secret::new(TOKEN), None, Redactor::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (mut runs, _) = runtime.block_on(async {
        let now = tokio::time::Instant::now();
        let store = RunStore::new(now, vec![RunReport::planned(None)], Box::new(Silent));
        let shutdown = Shutdown::default();
        let details = DetailsFetcher::new(&api, &store, &shutdown, Some(&images), CaseDetailsFor::Failed);
        let driver = Driver {
            client: &api,
            policy: Policy {
                deadline: (now + Duration::from_secs(60)).into(),
                poll_interval: None,
                usual_duration: None,
                fail_fast: false,
                poll_once: false,
            },
            shutdown: &shutdown,
            start_only: false,
            reruns: 0,
            rerun_only: RerunOnly::Failed,
            details: &details,
        };
        let run = store.runs().next().unwrap();
        driver.drive(run, Origin::Attach(valid_short_id("abc123"))).await;
        details.fetch_all().await;
        store.take()
    });
    let run = runs.remove(0);
    assert_eq!(run.verdict, Some(Verdict::Failed));
    run.cases[0].attempts[0].details.clone().map(|details| *details)
}

#[test]
fn good_details_are_kept_with_the_screenshot() {
    let details = kept(|case| {
        case.error_code("AGENT_TIMEOUT")
            .detail("durationMs", json!(12_345))
            .detail("startedAt", json!("2026-11-20T10:00:00Z"))
            .screenshot("image/png", PNG)
    });
    let details = details.unwrap();
    assert_eq!(details.failure_kind(), Some(FailureKind::Agent));
    assert_eq!(
        (details.duration, details.started_at),
        (Some(12_345), Some(1_795_168_800_000))
    );
    assert!(
        details
            .url
            .unwrap()
            .starts_with("https://app.qa.tech/p/fake/results/test/")
    );
    assert_eq!(details.project_test_case_id, Some(Case::failed("Pay").project_id()));
    let screenshot = details.screenshot.unwrap();
    assert_eq!(
        (screenshot.format, screenshot.bytes.as_slice()),
        (ImageFormat::Png, PNG)
    );
}

#[test]
fn hostile_details_are_left_out_and_the_rest_is_kept() {
    let hostile = [
        ("errorCode", json!("<script>alert(1)</script>")),
        ("errorCode", json!("AGENT_\n::error::forged")),
        ("durationMs", json!(-5)),
        ("durationMs", json!(u64::MAX)),
        ("url", json!("javascript:alert(1)")),
        ("startedAt", json!({"a": ["b"]})),
        ("classification", json!("<b>")),
        ("projectTestCaseId", Value::Null),
    ];
    in_parallel(&hostile, |(field, value)| {
        let details = kept(|case| {
            case.detail("completedAt", json!("2026-11-20T10:00:00Z"))
                .detail(field, value.clone())
        });
        let details = details.unwrap();
        assert!(details.completed_at.is_some());
        let kept = [
            details.error_code.as_deref() != Some("TEST_FAILED"),
            details.duration.is_some(),
            details.url.is_none(),
            details.project_test_case_id.is_none(),
        ];
        let expected = [
            *field == "errorCode",
            false,
            *field == "url",
            *field == "projectTestCaseId",
        ];
        assert_eq!(kept, expected, "{field}: {value}: {details:?}");
    });
}

#[test]
fn details_of_another_case_or_run_are_none() {
    for (field, value) in [("shortId", "tc_other"), ("runShortId", "other1")] {
        assert_eq!(kept(|case| case.detail(field, json!(value))), None, "{field}");
    }
}

#[test]
fn only_a_small_picture_is_a_screenshot() {
    let mut big = PNG.to_vec();
    big.resize(8 << 20, 0);
    let other = Server::start(|_| Reply::raw(200, "image/png", PNG));
    let other_scheme = other.url().replace("http://", "https://");
    let other_url = other.url();
    let server = Server::start(move |request| match request.path.as_str() {
        "/svg" => Reply::raw(
            200,
            "image/svg+xml",
            "<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        ),
        "/html" => Reply::raw(200, "text/html", "<html><script>alert(1)</script>"),
        // What it says it is counts for nothing.
        "/lie" => Reply::raw(200, "image/png", "GIF89a"),
        "/big" => Reply::raw(200, "image/png", &big),
        "/endless" => Reply::raw(200, "image/png", &big).framing(Framing::Chunked),
        "/gone" => Reply::empty(404),
        "/scheme" => Reply::empty(302).header("Location", &other_scheme),
        "/loop" => Reply::empty(302).header("Location", "/loop"),
        "/moved" => Reply::empty(302).header("Location", "/good"),
        "/away" => Reply::empty(307).header("Location", &other_url),
        _ => Reply::raw(200, "text/plain", PNG),
    });
    for (path, is_kept) in [
        ("svg", false),
        ("html", false),
        ("lie", false),
        ("big", false),
        ("endless", false),
        ("gone", false),
        ("scheme", false),
        ("loop", false),
        ("moved", true),
        ("away", true),
        ("good", true),
    ] {
        let url = format!("{}/{path}", server.url());
        let details = kept(|case| case.detail("screenshotUrl", json!(url))).unwrap();
        assert_eq!(details.screenshot.is_some(), is_kept, "{path}");
        assert_eq!(details.failure_kind(), Some(FailureKind::Product), "{path}");
    }
    let requests = [server.requests(), other.requests()].concat();
    assert!(
        requests.iter().all(|request| request.bearer().is_none()),
        "a token was sent"
    );
    assert!(requests.iter().filter(|request| request.path == "/loop").count() < 10);
}
