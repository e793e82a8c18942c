//! Cadence, what is asked for, and what the log says meanwhile.

use std::time::Duration;

use qatech_fakes::harness::Done;
use qatech_fakes::http::{Request, wait_until};
use qatech_fakes::qatech::{Case, FakeQaTech, Identity, Outcome, Rerun, RunScript, TOKEN, When};
use qatech_fakes::runner::commands;
use qatech_run::net::http;
use qatech_run::net::proxy::Network;
use qatech_run::qatech::Client;
use qatech_run::qatech::client::{Api as _, Cases};
use qatech_run::report::merge::{KnownElements, Listed};
use qatech_run::report::sample::valid_short_id;
use qatech_run::text::{Redactor, Secret};
use serde_json::Value;

use crate::scene::{assert_ending, attach, endless, green, json_file, run, start};

fn gets(fake: &FakeQaTech) -> Vec<Request> {
    let requests = fake.requests().into_iter();
    let is_poll = |request: &Request| request.method == "GET" && !request.target.contains("run-test-case");
    requests.filter(is_poll).collect()
}

#[test]
fn the_first_poll_is_immediate_whatever_the_interval() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green()).input("poll_interval_seconds", "50").output();
    assert_ending(&done, 0, "passed");
    assert!(done.elapsed < Duration::from_secs(20), "{:?}", done.elapsed);
}

#[test]
fn the_interval_is_kept() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::passed("Login").ends(When::Look(4))]);
    let done = start(&fake, script).input("poll_interval_seconds", "1.5").output();
    assert_ending(&done, 0, "passed");
    for pair in gets(&fake)[..4].windows(2) {
        let pause = pair[1].at - pair[0].at;
        assert!((1_000..4_500).contains(&pause.as_millis()), "{pause:?}");
    }
}

#[test]
fn without_an_interval_a_young_run_is_polled_quickly() {
    let fake = FakeQaTech::start();
    let mut running = start(&fake, endless()).input("poll_interval_seconds", "").start();
    running.wait_for_log("run001");
    assert!(wait_until(Duration::from_secs(30), || fake.gets() >= 4));
    for pair in gets(&fake).windows(2) {
        let pause = pair[1].at - pair[0].at;
        assert!(pause < Duration::from_secs(12), "{pause:?}");
        assert!(pause > Duration::from_millis(100), "{pause:?}");
    }
}

#[test]
fn few_cases_are_requested_with_every_poll() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::passed("Login").ends(When::Look(4))]);
    assert_ending(&start(&fake, script).output(), 0, "passed");
    for get in gets(&fake) {
        assert_eq!(get.query("testCases"), Some("all"), "{}", get.target);
    }
}

#[test]
fn cases_of_a_large_run_are_requested_rarely_and_at_the_end() {
    let fake = FakeQaTech::start();
    let script = RunScript::big(300, 2_000).ends(When::Look(8), "COMPLETED", Some("FAILED"));
    let done = start(&fake, script).output();
    assert_ending(&done, 1, "failed");
    let asked: Vec<String> = gets(&fake)
        .iter()
        .map(|get| get.query("testCases").unwrap_or("-").to_owned())
        .collect();
    let (first, rest) = asked.split_first().unwrap();
    let (last, middle) = rest.split_last().unwrap();
    assert_eq!((first.as_str(), last.as_str()), ("all", "all"), "{asked:?}");
    assert!(middle.iter().filter(|ask| *ask == "all").count() <= 1, "{asked:?}");
    assert!(middle.iter().filter(|ask| *ask == "failed").count() <= 2, "{asked:?}");
    assert!(middle.iter().any(|ask| ask == "-"), "{asked:?}");
    done.assert_outputs(&[("total", "300"), ("failed", "30")]);
}

#[test]
fn cases_that_change_between_polls_are_reported_as_one_poll_at_the_end_sees_them() {
    let fake = FakeQaTech::start();
    let same = |number: usize| {
        let case = Case::new("Same", Outcome::Passed).ids("", "");
        case.texts(&format!("Title {number}"), "<b>done</b>", "A goal")
            .ends(When::Look(number))
    };
    let script = RunScript::new([
        Case::passed("Login"),
        Case::failed("Pay").ends(When::Look(3)),
        same(4),
        same(2),
        Case::new("Refund", Outcome::Skipped).ends(When::Look(5)),
        Case::failed("Cancel").ends(When::Look(6)),
    ]);
    let rerun = Rerun::passing(&["Pay", "Refund", "Cancel"]).identity(Identity::NewIdsAndShortIds);
    let done = start(&fake, script.rerun(rerun))
        .input("rerun_failed", "1")
        .input("json_path", "r.json")
        .output();
    assert_ending(&done, 0, "flaky");
    assert!(fake.gets() >= 12, "{}", fake.gets());
    let cases = |done: &Done| json_file(done, "workspace/r.json")["runs"][0]["cases"].clone();
    let told = |cases: &Value, attempt: usize| -> Vec<_> {
        let told = cases.as_array().unwrap().iter().filter_map(|case| {
            let attempts = case["attempts"].as_array().unwrap();
            let one = attempts.iter().find(|one| one["attempt"] == attempt)?;
            let fields = ["short_id", "status", "result", "title", "reasoning"].map(|field| one[field].clone());
            Some((case["name"].clone(), case["goal"].clone(), fields))
        });
        told.collect()
    };
    let polled_often = cases(&done);
    for (attempt, (short_id, count)) in [("run001", 6), ("run002", 3)].into_iter().enumerate() {
        let attached = run(&fake)
            .input("run_short_id", short_id)
            .input("json_path", "r.json")
            .output();
        let expected = told(&cases(&attached), 0);
        assert_eq!(expected.len(), count);
        assert_eq!(told(&polled_often, attempt), expected, "{short_id}");
    }
    let times = |case: usize| {
        let first = &polled_often[case]["attempts"][0];
        ["first_seen_ms", "running_ms", "ended_ms"].map(|name| first[name].as_u64())
    };
    let [login, pay] = [times(0), times(1)];
    assert_eq!((login[1], login[2]), (None, login[0]));
    assert!(pay[1] == pay[0] && pay[2] > pay[0], "{pay:?}");
}

#[tokio::test]
async fn the_client_reads_no_element_that_is_known() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([
        Case::passed("Login"),
        Case::failed("Pay"),
        Case::passed("Cart").ends(When::Look(2)),
    ]);
    fake.existing_run("abc123", script);
    let clients = http::clients(&Network::default()).unwrap();
    let url = url::Url::parse(&fake.api_url()).unwrap();
    let api = Client::new(clients, url, Secret::new(TOKEN), None, Redactor::default());
    let list = async |cases, known: &KnownElements| {
        let got = api.get(&valid_short_id("abc123"), None, cases, known).await;
        got.unwrap().run.run_test_cases.unwrap()
    };
    let first = list(Cases::All, &KnownElements::new()).await;
    let known = first.iter().enumerate().filter_map(|(index, element)| match element {
        Listed::Unchanged(_) => None,
        Listed::Read { case: _, digest } => Some((digest.unwrap(), index)),
    });
    let known: KnownElements = known.collect();
    assert_eq!(known.len(), 3);
    let [login, pay, cart] = list(Cases::All, &known).await.try_into().unwrap();
    assert_eq!((login, pay), (Listed::Unchanged(0), Listed::Unchanged(1)));
    assert_eq!(cart.case().unwrap().result.as_deref(), Some("PASSED"));
    // A list of the failed ones has the same elements.
    assert_eq!(list(Cases::Failed, &known).await, [Listed::Unchanged(1)]);
}

#[test]
fn a_large_run_fails_fast_all_the_same() {
    let fake = FakeQaTech::start();
    let mut script = RunScript::big(300, 2_000);
    for case in &mut script.cases {
        case.ends = if case.name == "case 00009" {
            When::Look(5)
        } else {
            When::Never
        };
        // Goals are there from the start, so that the answers are large from the start.
        case.goal = case.thought.clone();
    }
    let done = start(&fake, script).input("fail_fast", "true").output();
    assert_ending(&done, 1, "failed");
    assert!((5..12).contains(&fake.gets()), "{}", fake.gets());
    assert_eq!(&done.outputs["failed"], "1");
}

#[test]
fn path_segments_are_encoded() {
    for id in [
        "a/b",
        "..",
        "a?b=c",
        "a#b",
        "a&b=c",
        "%2e%2e",
        "\u{e4}\u{1f600}",
        "a;b&c",
    ] {
        let fake = FakeQaTech::start();
        fake.existing_run(id, green());
        let done = run(&fake).input("run_short_id", id).output();
        let requests = fake.requests();
        if done.code == 2 {
            // A path segment that URLs drop, and `;`, which separates the ids in a check's `external_id`: refused, never sent
            // as something else.
            assert!(
                requests.is_empty() && matches!(id, ".." | "a;b&c"),
                "{id}:\n{}",
                done.log
            );
            continue;
        }
        assert_ending(&done, 0, "passed");
        assert!(
            requests.iter().all(|request| request.segments() == ["v1", "run", id]),
            "{id}"
        );
    }
}

#[test]
fn the_log_shows_status_changes_and_failed_cases_once() {
    let fake = FakeQaTech::start();
    let script = RunScript::new([Case::passed("Login"), Case::failed("Pay by card").ends(When::Look(3))])
        .phase(When::Look(2), "RUNNING", None)
        .phase(When::Look(6), "COMPLETED", Some("FAILED"));
    let done = attach(&fake, script).output();
    assert_ending(&done, 1, "failed");
    let quiet: Vec<&str> = done.log.lines().collect();
    for word in ["INITIATED", "RUNNING", "COMPLETED"] {
        let lines = quiet.iter().filter(|line| line.contains(word)).count();
        assert_eq!(lines, 1, "{word}:\n{}", done.log);
    }
    done.assert_logged("Pay by card did not pass");
    assert!(quiet.len() < 30, "{}", done.log);
    let names: Vec<String> = commands(&done.log).into_iter().map(|command| command.name).collect();
    let group = names.iter().position(|name| name == "group");
    let end = names.iter().position(|name| name == "endgroup");
    assert!(group.is_some() && group < end, "{names:?}");
}

#[test]
fn a_quiet_run_has_a_short_log() {
    let fake = FakeQaTech::start();
    let script = RunScript::new((0..50).map(|number| Case::passed(&format!("case {number}"))));
    let done = start(&fake, script.ends(When::Look(30), "COMPLETED", Some("PASSED"))).output();
    assert_ending(&done, 0, "passed");
    assert!(done.shown_log().lines().count() < 20, "{}", done.log);
}

#[test]
fn the_log_goes_to_standard_error() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green()).output();
    assert!(done.stderr.contains("run001"), "{}", done.log);
}
