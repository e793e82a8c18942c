//! Files that were asked for by path, and the webhook.

use qatech_fakes::harness::{Done, Run};
use qatech_fakes::http::{Reply, Server, closed_port};
use qatech_fakes::qatech::FakeQaTech;

use crate::scene::{assert_ending, green, in_parallel, json_file, no_path, red, start, told};

const PATHS: [(&str, &str); 6] = [
    ("junit_path", "made/for/junit.xml"),
    ("ctrf_path", "made/for/ctrf.json"),
    ("json_path", "made/for/report.json"),
    ("html_path", "made/for/report.html"),
    ("outputs_path", "made/for/out.env"),
    ("history_path", "made/for/history.jsonl"),
];

fn with_paths(run: Run) -> Run {
    PATHS.iter().fold(run, |run, (name, path)| run.input(name, path))
}

fn assert_written(done: &Done, but: &str) {
    for (name, path) in PATHS {
        if name != but {
            let text = done.job.read(&format!("workspace/{path}"));
            assert!(text.is_some_and(|text| !text.is_empty()), "no {name}:\n{}", done.log);
        }
    }
}

#[test]
fn every_report_is_written_and_its_folder_made() {
    let fake = FakeQaTech::start();
    let done = with_paths(start(&fake, red())).output();
    assert_ending(&done, 1, "failed");
    assert_written(&done, "");
    for (name, path) in &PATHS[..4] {
        assert!(done.outputs[name].ends_with(path), "{name}: {}", &done.outputs[name]);
    }
    let xml = done.job.read("workspace/made/for/junit.xml").unwrap();
    assert!(roxmltree::Document::parse(&xml).is_ok() && xml.contains("Pay"), "{xml}");
    assert!(json_file(&done, "workspace/made/for/report.json")["schema"].is_string());
    assert_eq!(
        json_file(&done, "workspace/made/for/ctrf.json")["results"]["summary"]["failed"],
        1
    );
    let html = done.job.read("workspace/made/for/report.html").unwrap();
    assert!(
        html.contains("Pay") && html.contains("<!doctype html>") || html.contains("<!DOCTYPE html>"),
        "{html}"
    );
    // Nothing is left beside them.
    let files = std::fs::read_dir(done.job.file("workspace/made/for")).unwrap().count();
    assert_eq!(files, PATHS.len());
}

#[test]
fn a_file_that_is_there_is_replaced() {
    let fake = FakeQaTech::start();
    let run = start(&fake, green()).input("json_path", "r.json");
    run.job().write("workspace/r.json", &"old ".repeat(100_000));
    let done = run.output();
    assert_ending(&done, 0, "passed");
    assert!(json_file(&done, "workspace/r.json").is_object());
}

#[test]
fn absolute_paths_are_fine() {
    let fake = FakeQaTech::start();
    let run = start(&fake, green());
    let path = run.job().file("elsewhere/r.json").display().to_string();
    let done = run.input("json_path", &path).output();
    assert_ending(&done, 0, "passed");
    assert_eq!(&done.outputs["json_path"], path);
    assert!(json_file(&done, "elsewhere/r.json").is_object());
}

#[test]
fn a_file_that_cannot_be_written_fails_the_step_after_all_else() {
    for (name, _) in PATHS {
        let fake = FakeQaTech::start();
        let webhook = Server::start(|_| Reply::empty(204));
        let run = with_paths(start(&fake, green()));
        let path = no_path(&run);
        let done = run
            .input(name, &path)
            .input("webhook_url", &webhook.url())
            .input("fail_on", "none")
            .output();
        assert_ending(&done, 3, "passed");
        assert_written(&done, name);
        assert!(!done.summary.is_empty());
        assert_eq!(webhook.requests().len(), 1, "{name}");
        assert!(done.log.contains(&format!("`{name}`")), "{name}:\n{}", done.log);
        assert!(done.outputs.get(name).unwrap_or_default().is_empty(), "{name}");
    }
}

#[test]
fn a_folder_in_the_way_fails_the_step_too() {
    let fake = FakeQaTech::start();
    let run = start(&fake, red()).input("junit_path", "taken");
    std::fs::create_dir(run.job().file("workspace/taken")).unwrap();
    let done = run.output();
    // A failed run has code 1; that a file is missing goes before it.
    assert_ending(&done, 3, "failed");
}

#[test]
fn outputs_that_cannot_be_written_fail_the_step_after_all_else() {
    let fake = FakeQaTech::start();
    let run = with_paths(start(&fake, green()));
    let path = no_path(&run);
    let done = run.env("GITHUB_OUTPUT", &path).output();
    assert_eq!(done.code, 3, "{}", done.log);
    assert_written(&done, "");
    assert!(!done.summary.is_empty());
}

#[test]
fn the_webhook_gets_the_json_report_signed() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::empty(204));
    let done = start(&fake, red())
        .input("webhook_url", &format!("{}/hook?a=b", webhook.url()))
        .input("webhook_secret", "It's a Secret to Everybody")
        .input("json_path", "r.json")
        .output();
    assert_ending(&done, 1, "failed");
    let requests = webhook.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/hook?a=b")
    );
    assert!(
        request
            .headers
            .get("content-type")
            .unwrap()
            .starts_with("application/json")
    );
    assert!(request.headers.get("user-agent").unwrap().starts_with("qatech-run/"));
    assert!(request.headers.get("authorization").is_none());
    let sent = request.json();
    assert_eq!(sent["schema"], json_file(&done, "workspace/r.json")["schema"]);
    assert_eq!(sent["runs"], json_file(&done, "workspace/r.json")["runs"]);
    let signature = request
        .headers
        .get("x-hub-signature-256")
        .unwrap()
        .strip_prefix("sha256=")
        .unwrap();
    let bytes: Vec<u8> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap())
        .collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"It's a Secret to Everybody");
    ring::hmac::verify(&key, &request.body, &bytes).expect("the signature is that of the body");
}

#[test]
fn without_a_secret_the_webhook_is_not_signed() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::empty(200));
    start(&fake, green()).input("webhook_url", &webhook.url()).output();
    assert!(webhook.requests()[0].headers.get("x-hub-signature-256").is_none());
}

#[test]
fn a_webhook_that_is_down_is_warned_of_and_changes_nothing() {
    let port = closed_port();
    let other = Server::start(|_| Reply::empty(200));
    let elsewhere = other.url();
    let hooks = [
        Server::start(|_| Reply::json(500, &serde_json::json!({"message": "oops"}))),
        Server::start(|_| Reply::empty(404)),
        Server::start(move |_| Reply::empty(307).header("Location", &elsewhere)),
    ];
    let mut urls: Vec<String> = hooks.iter().map(Server::url).collect();
    urls.push(port.url());
    in_parallel(&urls, |url| {
        let fake = FakeQaTech::start();
        let done = start(&fake, green()).input("webhook_url", url).output();
        assert_ending(&done, 0, "passed");
        assert!(!told(&done, "warning").is_empty(), "{}", done.log);
    });
    assert_eq!(other.requests().len(), 0, "a redirect was followed");
}
