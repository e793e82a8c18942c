//! A fake QA.tech for benchmarks. Each run has ended before the first poll, and each answer is prepared in advance, so that only the
//! client is measured.
//!
//! A plan `pln_CASESxBYTESxTEXT` starts a run with this number of cases, each with this number of bytes of reasoning. Every tenth case
//! failed. TEXT is the kind of reasoning, see [`reasoning`]; it is optional. The deprecated paths that QA.tech's own action calls are
//! supported, too. The server prints its address, and stops at the end of its standard input.

// It prints its address, and panics if the machine is not as expected.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use qatech_fakes::http::{Body, Reply, Request, Server};
use serde_json::json;

fn main() {
    let bodies: Mutex<HashMap<String, Arc<[u8]>>> = Mutex::default();
    let server = Server::start(move |request| answer(request, &bodies));
    println!("{}", server.url());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn answer(request: &Request, bodies: &Mutex<HashMap<String, Arc<[u8]>>>) -> Reply {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["v1", "run"] | ["api", "projects", _, "runs"]) => start(request, bodies),
        ("GET", ["v1", "run", short_id] | ["api", "projects", _, "runs", short_id]) => {
            let cases = match request.query("testCases") {
                Some("all") => short_id,
                // The deprecated API lists no cases.
                _ => "none",
            };
            let body = bodies.lock().unwrap().get(cases).cloned();
            let body = body.unwrap_or_else(|| run(short_id, 0, "").into());
            Reply::empty(200)
                .header("Content-Type", "application/json")
                .body(Body::Bytes(body))
        }
        _ => Reply::json(404, &json!({"message": "no such thing"})),
    }
}

/// Starts a run, and prepares its answer unless the plan was run before.
fn start(request: &Request, bodies: &Mutex<HashMap<String, Arc<[u8]>>>) -> Reply {
    let plan = request.json()["testPlanShortId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let short_id = plan.trim_start_matches("pln_").to_owned();
    let mut parts = short_id.split('x');
    let mut number = |default| parts.next().and_then(|part| part.parse().ok()).unwrap_or(default);
    let (cases, bytes) = (number(3), number(200));
    let reasoning = reasoning(parts.next().unwrap_or("prose"), bytes);
    bodies
        .lock()
        .unwrap()
        .entry(short_id.clone())
        .or_insert_with(|| run(&short_id, cases, &reasoning).into());
    Reply::json(
        200,
        &json!({"success": true, "run": {
            "id": "550e8400-e29b-41d4-a716-446655440000",
            "shortId": short_id,
            "url": format!("https://app.qa.tech/p/shop/results/{short_id}"),
            "testCount": cases,
            "testPlan": {"name": "Everything", "shortId": plan},
        }}),
    )
}

/// A reasoning of this many characters: prose, markup that every format has to escape, or one repeated character.
fn reasoning(text: &str, length: usize) -> String {
    let pattern = match text {
        "markup" => "<b>&| `x`",
        "less" => "<",
        "hash" => "#",
        "bar" => "|",
        "colon" => ":",
        "at" => "@",
        _ => "I opened the \"basket\", chose the saved card & waited.\nThe page said: it's done – 12.50 €. ",
    };
    pattern.chars().cycle().take(length).collect()
}

/// The answer to a poll of a run.
fn run(short_id: &str, cases: usize, reasoning: &str) -> Vec<u8> {
    let case = |number: usize| {
        let (result, title) = if number % 10 == 3 {
            ("FAILED", "The pay button stayed disabled")
        } else {
            ("PASSED", "Worked as expected")
        };
        json!({
            "id": format!("6f1c0a5e-0000-4000-8000-{number:012}"),
            "shortId": format!("case_{number}"),
            "name": format!("Case number {number}"),
            "status": "COMPLETED",
            "result": result,
            "resultTitle": title,
            "evaluationThought": reasoning,
            "promptGoal": "A visitor can pay with a saved card",
            "promptExamples": null,
        })
    };
    let run = json!({
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "shortId": short_id,
        "status": "COMPLETED",
        // A small run passes, so that no program has to report more than the other.
        "result": if cases > 3 { "FAILED" } else { "PASSED" },
        "runTestCases": (0..cases).map(case).collect::<Vec<_>>(),
    });
    run.to_string().into_bytes()
}
