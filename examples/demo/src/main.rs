//! The main job on a fake QA.tech inside this process: live progress, outputs, summary and reports to look at.
//!
//! `cargo run -p demo` plays it once. `cargo run -p demo -- --serve 8080` only serves the fake, for trying the action
//! itself against it, until it is stopped.

mod picture;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use qatech_fakes::http::{Reply, Server};
use qatech_fakes::qatech::{Case, FakeQaTech, Outcome, Rerun, RunScript, TOKEN, When};
use serde_json::json;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = without_proxies() {
        return code;
    }
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => demo(),
        ["--serve", port] => serve(port.parse().expect("a port number")),
        _ => {
            println!("usage: cargo run -p demo [-- --serve PORT]");
            std::process::ExitCode::from(2)
        }
    }
}

/// Begins anew without this machine's proxies, should it have any: they don't know the way to a fake in this process.
fn without_proxies() -> Option<std::process::ExitCode> {
    let is_proxy = |name: &OsString| name.to_string_lossy().to_lowercase().ends_with("_proxy");
    let proxies: Vec<_> = std::env::vars_os().map(|(name, _)| name).filter(is_proxy).collect();
    if proxies.is_empty() {
        return None;
    }
    let mut again = std::process::Command::new(std::env::current_exe().expect("this program's path"));
    again.args(std::env::args_os().skip(1));
    for proxy in proxies {
        again.env_remove(proxy);
    }
    let code = again.status().expect("this program starts again").code();
    Some(std::process::ExitCode::from(
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(3),
    ))
}

fn demo() -> std::process::ExitCode {
    let qatech = FakeQaTech::start();
    prepare(&qatech);
    // One 503 and one 429 on the way: nobody should notice more than a line in the log.
    qatech.fault(
        "GET",
        "/run/*",
        3,
        Reply::raw(503, "text/html", "<html><title>503 Service Unavailable</title></html>"),
    );
    qatech.fault(
        "GET",
        "/run/*",
        6,
        Reply::json(429, &json!({"message": "Too many requests"})).header("Retry-After", "1"),
    );

    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let folder = workspace.expect("the crate is in the workspace").join("target/demo");
    std::fs::create_dir_all(&folder).expect("a folder for the reports");
    for file in ["outputs.txt", "summary.md"] {
        std::fs::write(folder.join(file), "").expect("an empty file");
    }
    println!(
        "A fake QA.tech is at {}; the real program starts a run there.\n",
        qatech.api_url()
    );
    let code = run(&variables(&qatech, &folder));
    println!(
        "\nExit code {code}: the run failed, as some of its test cases did; one of them passed in a rerun and is flaky."
    );
    println!("Look at what it left in {}:", folder.display());
    for (file, what) in [
        ("summary.md", "the job summary"),
        ("outputs.txt", "the step outputs"),
        ("report.html", "the HTML report, to open in a browser"),
        ("junit.xml", "JUnit"),
        ("ctrf.json", "CTRF"),
        ("report.json", "everything, as JSON"),
        (
            "history.jsonl",
            "earlier results: run the demo again and look at the trend",
        ),
    ] {
        println!("  {file:<14} {what}");
    }
    // The demo succeeds if the program reports the actual result, which is a failure here.
    std::process::ExitCode::from(u8::from(code != 1))
}

/// The environment of a step, and nothing of this machine's.
fn variables(qatech: &FakeQaTech, folder: &Path) -> Vec<(OsString, OsString)> {
    let path = |file: &str| folder.join(file).into_os_string();
    let text = |text: &str| OsString::from(text);
    let mut variables = vec![
        (text("INPUT_API_TOKEN"), text(TOKEN)),
        (text("INPUT_API_URL"), text(&qatech.api_url())),
        (text("INPUT_TEST_PLAN_SHORT_ID"), text("pln_checkout")),
        (text("INPUT_RERUN_FAILED"), text("1")),
        (
            text("INPUT_ENVIRONMENTS"),
            text("app_shop = https://pr-12.shop.example"),
        ),
        (text("GITHUB_OUTPUT"), path("outputs.txt")),
        (text("GITHUB_STEP_SUMMARY"), path("summary.md")),
    ];
    for (input, file) in [
        ("INPUT_JUNIT_PATH", "junit.xml"),
        ("INPUT_CTRF_PATH", "ctrf.json"),
        ("INPUT_JSON_PATH", "report.json"),
        ("INPUT_HTML_PATH", "report.html"),
        ("INPUT_HISTORY_PATH", "history.jsonl"),
    ] {
        variables.push((text(input), path(file)));
    }
    variables
}

fn run(variables: &[(OsString, OsString)]) -> u8 {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(qatech_run::run(variables.to_vec()))
}

fn serve(port: u16) -> std::process::ExitCode {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let qatech =
        FakeQaTech::start_by(|handler| Server::serve(listener, |connection| Ok(Box::new(connection)), handler));
    prepare(&qatech);
    println!(
        "api_url: {}\napi_token: {TOKEN}\ntest_plan_short_id: pln_checkout (fails), pln_smoke (passes)",
        qatech.api_url()
    );
    loop {
        std::thread::park();
    }
}

/// Two plans: one that shows everything there is to see, and one that passes.
fn prepare(qatech: &FakeQaTech) {
    let smoke = ["Home page loads", "Search finds a product", "Contact form sends"];
    let at = |seconds: f64| When::After(Duration::from_secs_f64(seconds));
    qatech.plan(
        "pln_smoke",
        RunScript::new(
            smoke
                .into_iter()
                .zip(1..)
                .map(|(name, second)| Case::passed(name).ends(at(f64::from(second)))),
        )
        .test_plan(Some("Smoke tests")),
    );
    let passing = [
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
        "Check out as a guest",
        "Pay by invoice",
        "Cookie banner can be refused",
        "Language can be switched",
    ];
    let cases = other_cases().into_iter().chain(passing.map(Case::passed));
    // Side by side, as agents work: one ends every fifth of a second.
    let cases = cases.enumerate().map(|(index, case)| {
        let turn = (index * 7) % 20;
        case.ends(at(1.0 + turn as f64 * 0.2))
    });
    let again = Rerun::passing(&["Sign in with a magic link"]);
    qatech.plan(
        "pln_checkout",
        RunScript::new(cases).test_plan(Some("Checkout")).rerun(again),
    );
}

/// The cases that do not pass, with all that QA.tech says of them.
fn other_cases() -> Vec<Case> {
    let hostile = "Search for <script>alert(1)</script> | ::error::forged @octocat #1 </details>";
    vec![
        Case::failed("Pay with a saved card").texts(
            "The pay button stayed disabled",
            "I opened the cart, chose the saved card ending in 4242 and waited for the pay button.\n\
             It stayed grey for 30 seconds although every required field was filled in. The console showed a failed request to /api/payment-intents.",
            "Pay for one item with a card that was saved before",
        )
        .detail("startedAt", json!("2026-01-15T09:30:00Z"))
        .detail("completedAt", json!("2026-01-15T09:31:12Z"))
        .detail("durationMs", json!(72_400))
        .screenshot("image/png", &picture::screenshot()),
        Case::failed("Apply a voucher twice").texts(
            "The second voucher was accepted",
            "The cart showed a discount of 20 % after the first code and of 40 % after the same code again. A voucher must count once.",
            "A voucher must not be accepted twice",
        )
        .detail("durationMs", json!(38_150)),
        Case::new(hostile, Outcome::Failed).texts(
            "<img src=x onerror=alert(1)> was echoed unescaped",
            "The page showed the search term as it was typed.\n```\n::set-output name=verdict::passed\n```\n<!-- qatech-run: forged -->",
            "Type markup into the search box",
        ),
        Case::failed("Sign in with a magic link").texts(
            "The mail did not arrive in time",
            "I waited 60 seconds for the mail with the link. The inbox stayed empty.",
            "Sign in by a link that is sent by mail",
        )
        .error_code("AGENT_TIMEOUT")
        .detail("durationMs", json!(61_000)),
        Case::new("Export the order history", Outcome::Error)
            .texts(
                "The browser crashed",
                "The page stopped answering when the export was requested.",
                "Export all orders of this year as CSV",
            )
            .error_code("PLATFORM_BROWSER_CRASH")
            .detail("durationMs", json!(4_200)),
        Case::new("Change the delivery address", Outcome::Skipped).texts(
            "Addresses can't be changed in a preview",
            "The form was switched off, as the case's description says it is in previews.",
            "Change the delivery address of an order",
        ),
    ]
}
