//! Attacks: an API or a receiver that answers with malice, and secrets in every spelling.

mod answers;
mod spellings;

use qatech_fakes::harness::Run;
use qatech_fakes::http::Reply;
use qatech_fakes::qatech::{Case, FakeQaTech, Instead, RunScript, When};

use crate::scene;

/// The program in a job at GitHub, of which nothing but its files is used.
fn run(fake: &FakeQaTech) -> Run {
    scene::run(fake).input("timeout_minutes", "0.8")
}

/// The program, about to attach to `abc123`, each look at which gets this text. Told is which look it is, and whether it
/// asks for cases.
fn looks_at(fake: &FakeQaTech, answer: impl Fn(usize, bool) -> String + Send + 'static) -> Run {
    fake.existing_run("abc123", RunScript::new([Case::passed("Pay").ends(When::Look(2))]));
    let mut looks = 0;
    fake.intercept(move |request, _| {
        (request.method == "GET").then(|| {
            looks += 1;
            let answer = answer(looks, request.query("testCases").is_some());
            Instead::Of(Reply::raw(200, "application/json", answer))
        })
    });
    run(fake).input("run_short_id", "abc123")
}

/// An answer of this status, result and list of cases.
fn body(status: &str, result: &str, cases: &str) -> String {
    format!(
        r#"{{"id": "1", "shortId": "abc123", "status": "{status}", "result": {result}, "runTestCases": [{cases}]}}"#
    )
}
