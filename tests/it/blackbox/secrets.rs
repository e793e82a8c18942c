//! Secrets reach no log, file, output or error; masks come first, and only at GitHub.

use qatech_fakes::harness::{Done, Run};
use qatech_fakes::http::{Reply, Server};
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript, TOKEN};
use qatech_fakes::runner::commands;
use serde_json::json;

use crate::scene::{assert_ending, elsewhere, endless, green, run, start, told, with_every_file};

/// What no one may see.
const SECRETS: [&str; 8] = [
    TOKEN,
    "ghs_hidden_github_token",
    "hidden-webhook-secret",
    "hidden-webhook-path",
    "hidden-webhook-query",
    "hidden-environment-query",
    "hidden-environment-user",
    "hidden-proxy-password",
];

/// Everything that is secret, given; every file asked for; the chattiest log.
fn with_secrets(run: Run, webhook: &Server) -> Run {
    let hook = format!("{}/hidden-webhook-path?key=hidden-webhook-query", webhook.url());
    with_every_file(run)
        .input("github_token", SECRETS[1])
        .input("webhook_secret", SECRETS[2])
        .input("webhook_url", &hook)
        .input(
            "environments",
            "app_web = https://me:hidden-environment-user@pr.example/?token=hidden-environment-query",
        )
        .env("HTTPS_PROXY", "http://me:hidden-proxy-password@127.0.0.1:9")
        .env("https_proxy", "http://me:hidden-proxy-password@127.0.0.1:9")
        .env("NO_PROXY", "127.0.0.1")
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .env("RUNNER_DEBUG", "1")
        .env("ACTIONS_STEP_DEBUG", "true")
}

#[track_caller]
fn assert_kept(done: &Done) {
    for secret in SECRETS {
        assert_eq!(done.places_with(secret), [""; 0], "{secret}:\n{}", done.shown_log());
        for (name, value) in &done.outputs.pairs {
            assert!(!value.contains(secret), "{secret} in {name}");
        }
    }
}

/// A run that says all secrets in every text it has.
fn chatty() -> RunScript {
    let all = SECRETS.join(" and ");
    RunScript::new([
        Case::failed(&format!("Pay with {all}")).texts(&all, &all, &all),
        Case::passed(&format!("Login with {all}")).texts(&all, &all, &all),
    ])
    .test_plan(Some(&all))
    .url(&format!("https://app.qa.tech/results/run001?token={TOKEN}"))
}

#[test]
fn they_are_kept_from_everything_that_is_written() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::json(500, &json!({"message": SECRETS.join(" ")})));
    let message = format!("Deploy a preview with {}", SECRETS.join(" and "));
    let done = with_secrets(start(&fake, chatty()), &webhook)
        .event("push", &json!({"head_commit": {"message": message}}))
        .output();
    assert_ending(&done, 1, "failed");
    let report = done.job.read("workspace/r.json").unwrap_or_default();
    assert!(report.contains("Deploy a preview with ***"), "{report}");
    assert_kept(&done);
    assert!(done.summary.contains("Pay with"), "{}", done.summary);
    for request in webhook.requests() {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        assert!(SECRETS.iter().all(|secret| !body.contains(secret)), "{body}");
    }
}

#[test]
fn they_are_kept_where_errors_echo_them() {
    let echo = json!({"message": format!("bad request with {}", SECRETS.join(" and "))});
    let page = format!("<html>{}</html>", SECRETS.join(" "));
    for (method, reply) in [
        ("POST", Reply::json(400, &echo)),
        ("POST", Reply::json(401, &echo)),
        ("POST", Reply::json(500, &echo)),
        ("POST", Reply::raw(502, "text/html", &page)),
        ("GET", Reply::json(403, &echo)),
        ("GET", Reply::raw(200, "text/html", &page)),
        (
            "GET",
            Reply::empty(302).header("Location", format!("https://x.example/?t={TOKEN}")),
        ),
    ] {
        let fake = FakeQaTech::start();
        let webhook = Server::start(|_| Reply::empty(200));
        let path = if method == "POST" { "/run" } else { "/run/*" };
        fake.fault(method, path, 1, reply);
        let done = with_secrets(start(&fake, green()), &webhook).output();
        assert_kept(&done);
    }
}

#[test]
fn they_are_kept_in_every_other_ending() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::empty(200));
    for run in [
        start(&fake, green()).input("fail_on", "nonsense"),
        start(&fake, green()).input("dry_run", "true"),
        start(&fake, green()).input("blocking", "false"),
        start(&fake, endless()).input("timeout_minutes", "0.02"),
    ] {
        assert_kept(&with_secrets(run, &webhook).output());
    }
    #[cfg(unix)]
    {
        let running = with_secrets(start(&fake, endless()), &webhook).start();
        crate::scene::wait_for_gets(&fake, 1);
        running.signal(qatech_fakes::harness::Signal::Term);
        assert_kept(&running.wait());
    }

    let silent = with_secrets(elsewhere(&fake), &webhook)
        .input("test_plan_short_id", "pln_none")
        .output();
    assert_kept(&silent);
    assert!(!silent.log.contains(TOKEN));
}

#[test]
fn a_proxy_that_fails_does_not_give_its_password_away() {
    let done = Run::new(crate::scene::PROGRAM)
        .github()
        .input("annotations", "off")
        .input("api_token", TOKEN)
        .input("timeout_minutes", "0.03")
        .env("HTTPS_PROXY", "http://me:hidden-proxy-password@127.0.0.1:9")
        .output();
    assert_ne!(done.code, 0);
    assert_kept(&done);
}

#[test]
fn masks_come_before_any_other_line_and_only_at_github() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::empty(200));
    for run in [
        start(&fake, green()),
        start(&fake, green()).input("fail_on", "nonsense"),
        start(&fake, green()).input("dry_run", "true").input("project_id", "x"),
    ] {
        let done = with_secrets(run, &webhook).output();
        let masks: Vec<_> = commands(&done.log)
            .into_iter()
            .filter(|command| command.name == "add-mask")
            .collect();
        let last = masks.iter().map(|mask| mask.line).max().unwrap();
        assert_eq!(last, masks.len(), "a line before the last mask:\n{}", done.log);
        for secret in [TOKEN, SECRETS[1], SECRETS[2]] {
            assert!(masks.iter().any(|mask| mask.data == secret), "{secret} is not masked");
        }
        for part in [
            "hidden-webhook-path",
            "hidden-environment-query",
            "hidden-environment-user",
            "hidden-proxy-password",
        ] {
            assert!(
                masks.iter().any(|mask| mask.data.contains(part)),
                "{part} is not masked"
            );
        }
    }
    let done = with_secrets(start(&fake, green()).without_env("GITHUB_ACTIONS"), &webhook).output();
    assert!(!done.log.contains("add-mask"), "{}", done.log);
    assert!(!done.log.contains(TOKEN));
}

#[test]
fn what_is_sent_is_not_redacted() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::empty(200));
    let done = with_secrets(start(&fake, green()), &webhook).output();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(
        fake.start_bodies()[0]["applications"][0]["environment"]["url"],
        "https://me:hidden-environment-user@pr.example/?token=hidden-environment-query"
    );
    let hook = &webhook.requests()[0];
    assert_eq!(hook.target, "/hidden-webhook-path?key=hidden-webhook-query");
}

#[test]
fn a_short_or_common_secret_does_not_eat_the_text() {
    // Query strings of environment URLs may be as short as `a=1`; names must stay readable.
    let fake = FakeQaTech::start();
    fake.plan("pln_a", RunScript::new([Case::failed("Pay with a card")]));
    let done = run(&fake)
        .input("test_plan_short_id", "pln_a")
        .input("environments", "app_web = https://pr.example/?a")
        .output();
    assert!(done.summary.contains("Pay with a card"), "{}", done.summary);
}

#[test]
fn no_part_of_one_is_left_where_a_text_is_cut() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::empty(200));
    // Every cut, wherever it is made, falls into one of these.
    let cases = (150..320).map(|length| {
        let text = format!("{length} {}{TOKEN}", "x".repeat(length - 4));
        Case::failed(&text).texts(&text, &text, &text)
    });
    let done = with_secrets(start(&fake, RunScript::new(cases)), &webhook).output();
    assert_eq!((done.code, &done.outputs["failed"]), (1, "170"), "{}", done.log);
    assert_kept(&done);
    assert_eq!(done.places_with("xqatech-t"), [""; 0]);
}

#[test]
fn one_of_several_lines_is_kept_line_by_line() {
    let fake = FakeQaTech::start();
    let done = start(&fake, RunScript::new([Case::failed("says second-hidden-line")]))
        .input("webhook_secret", "first-hidden-line\nsecond-hidden-line")
        .output();
    assert_eq!(done.places_with("second-hidden-line"), [""; 0], "{}", done.log);
}

#[test]
fn what_is_no_secret_by_itself_is_not_masked_for_the_job() {
    let fake = FakeQaTech::start();
    let key = "{\n\"key\": \"hidden-key\"\n}";
    let done = start(&fake, green())
        .input("webhook_secret", key)
        .input("environments", "app_web = https://pr.example/?env=production")
        .output();
    assert_ending(&done, 0, "passed");
    let masks = told(&done, "add-mask");
    for (masked, text) in [
        (true, "\"key\": \"hidden-key\""),
        (true, "env=production"),
        (false, "{"),
        (false, "}"),
        (false, "production"),
    ] {
        assert_eq!(masks.iter().any(|mask| mask == text), masked, "{text}: {masks:?}");
    }
    assert!(masks.iter().all(|mask| !mask.contains('\n')), "{masks:?}");
}
