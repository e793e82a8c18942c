//! Inputs that are wrong: every mistake at once, exit 2, nothing sent. And inputs that only look wrong.

use qatech_fakes::qatech::{FakeQaTech, TOKEN};

use crate::scene::{OUTPUTS, PROGRAM, assert_ending, assert_told, green, in_parallel, run, run_at, start, told};

/// A run of the program that must be refused, with what its errors have to name.
fn refused(inputs: &[(&str, &str)], named: &[&str]) {
    let fake = FakeQaTech::start();
    fake.plan("pln_a", green());
    let done = inputs
        .iter()
        .fold(run(&fake), |run, (name, value)| run.input(name, value))
        .output();
    assert_eq!(done.code, 2, "{inputs:?}:\n{}", done.log);
    assert!(fake.requests().is_empty(), "{inputs:?}");
    let errors = told(&done, "error").join("\n");
    for part in named {
        assert!(errors.contains(part), "{inputs:?}: no {part:?} in:\n{errors}");
    }
    for name in OUTPUTS {
        assert!(done.outputs.get(name).is_some(), "{inputs:?}: no output {name}");
    }
    done.assert_outputs(&[("verdict", ""), ("run_created", "false")]);
}

#[test]
fn wrong_values_are_named_with_what_is_allowed() {
    type Mistake<'a> = (&'a str, &'a str, &'a [&'a str]);
    let table: &[Mistake<'_>] = &[
        ("on_missing_token", "ignore", &["fail", "skip"]),
        ("api_url", "http://qa.example/v1", &["https"]),
        ("api_url", "ftp://127.0.0.1/v1", &["https"]),
        ("api_url", "no url", &[]),
        ("api_url", "https://", &[]),
        ("blocking", "yes", &["true", "false"]),
        ("blocking", "1", &["true", "false"]),
        ("fail_fast", "on", &["true", "false"]),
        ("dry_run", "tRUE", &["true", "false"]),
        ("applications_config", "{", &[]),
        ("applications_config", "[{}]", &[]),
        ("applications_config", "7", &[]),
        ("environments", "app_web", &[]),
        ("environments", "= https://a.example", &[]),
        ("notifications_config", "{}", &[]),
        ("notifications_config", "[{\"type\":\"mail\"}]", &[]),
        ("timeout_minutes", "soon", &[]),
        ("timeout_minutes", "-1", &[]),
        ("timeout_minutes", "NaN", &[]),
        ("timeout_minutes", "inf", &[]),
        ("timeout_minutes", "0", &[]),
        ("poll_interval_seconds", "0.05", &["0.1"]),
        ("poll_interval_seconds", "often", &[]),
        ("rerun_failed", "-1", &[]),
        ("rerun_failed", "1.5", &[]),
        ("rerun_failed", "many", &[]),
        ("on_github_rerun", "some", &["all", "failed"]),
        ("fail_on", "failed,broken", &["timed_out", "cancelled", "flaky", "none"]),
        ("fail_on", "none,failed", &[]),
        ("fail_on", "Failed", &["failed"]),
        ("fail_on", "no-tests", &["quarantined", "no_tests"]),
        ("rerun_only", "some", &["failed", "misses"]),
        ("case_details", "none", &["failed", "all", "off"]),
        ("project_short_id", "proj_a proj_b", &["proj_a proj_b"]),
        ("test_case_ids", "tc_login", &["tc_login", "UUID"]),
        ("run_short_id", "https://app.qa.tech/p/shop/plans/x", &["/results/"]),
        (
            "config_overrides",
            "{\"config\": {}}",
            &["configs", "configsByEnvironment"],
        ),
        (
            "applications_config",
            "{\"applications\": {\"app_a\": {}, \"app_a\": {}}}",
            &["app_a", "duplicate"],
        ),
        (
            "notifications_config",
            "[{\"type\":\"slack\",\"type\":\"slack\"}]",
            &["\"type\"", "duplicate"],
        ),
        ("builds", "app_a = app.zip", &["app.zip", ".apk", ".aab", ".ipa"]),
        ("wait_for", "ftp://pr.example", &["http", "https"]),
        ("wait_for", "https://pr.example has ok", &["contains"]),
        ("wait_for_timeout_minutes", "0", &[]),
        ("deployment_timeout_minutes", "soon", &[]),
        ("commit", "abc123", &["abc123", "full SHA"]),
        ("pull_request", "main", &["main", "number"]),
        ("summary", "sometimes", &["always", "failure", "off"]),
        ("annotations", "loud", &["check", "job", "log", "off"]),
        ("annotation_paths", "no equals sign", &[]),
        ("comment", "never", &["off", "failure", "always"]),
        ("issue", "always", &["off", "failure"]),
    ];
    in_parallel(table, |(name, value, allowed)| {
        let mut named = vec![*name];
        named.extend(*allowed);
        refused(&[(name, value)], &named);
    });
}

#[test]
fn the_wrong_value_is_shown() {
    in_parallel(
        &[
            ("blocking", "yes-please"),
            ("timeout_minutes", "soon"),
            ("fail_on", "brokenish"),
            ("comment", "never-ever"),
            ("api_url", "http://qa.example/v1"),
        ],
        |(name, value)| refused(&[(name, value)], &[name, value]),
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    refused(
        &[
            ("blocking", "yes"),
            ("timeout_minutes", "soon"),
            ("fail_on", "broken"),
            ("comment", "never"),
            ("environments", "nonsense"),
            ("api_url", "http://qa.example"),
            ("quarantine", "Pay until 2026-13-01"),
            ("quarantine_path", "no-such-file"),
        ],
        &[
            "`quarantine`, line 1",
            "`quarantine_path`",
            "blocking",
            "timeout_minutes",
            "fail_on",
            "comment",
            "environments",
            "api_url",
        ],
    );
}

#[test]
fn a_proxy_that_can_not_be_used_is_told_with_the_rest() {
    let fake = FakeQaTech::start();
    let done = run(&fake)
        .input("fail_on", "broken")
        .input("quarantine", "Pay until 2026-13-01")
        .env("HTTPS_PROXY", "no url")
        .output();
    assert_eq!((done.code, &done.outputs["run_created"]), (2, "false"), "{}", done.log);
    done.assert_all_logged(&["`fail_on`", "`quarantine`, line 1", "HTTPS_PROXY"]);
    assert!(fake.requests().is_empty());
}

#[test]
fn what_excludes_each_other_is_refused() {
    in_parallel(
        &[
            ("run_short_id", "abc", "test_plan_short_id", "pln_a"),
            (
                "run_short_id",
                "abc",
                "applications_config",
                "[{\"applicationShortId\":\"app_a\"}]",
            ),
            ("run_short_id", "abc", "environments", "app_a = env_b"),
            (
                "run_short_id",
                "abc",
                "notifications_config",
                "[{\"type\":\"slack\",\"channel\":\"c\",\"notifyOn\":\"always\"}]",
            ),
            (
                "environments",
                "app_a = env_b",
                "applications_config",
                "[{\"applicationShortId\":\"app_a\"}]",
            ),
        ],
        |(one, value, other, other_value)| refused(&[(one, value), (other, other_value)], &[one, other]),
    );
}

#[test]
fn secrets_are_not_shown_even_where_they_are_wrong() {
    for (name, value, secret) in [
        ("api_url", "https://user:pass-w0rd@api.qa.tech/v1", "pass-w0rd"),
        (
            "webhook_url",
            "http://hooks.example/services/s3cret-path?key=s3cret-query",
            "s3cret",
        ),
        ("webhook_url", "hooks.example/services/s3cret-path", "s3cret"),
        (
            "environments",
            "app_a = ftp://user:pass-w0rd@host/?token=s3cret",
            "s3cret",
        ),
        (
            "environments",
            "app_a = ftp://user:pass-w0rd@host/?token=s3cret",
            "pass-w0rd",
        ),
        (
            "applications_config",
            "{\"applications\":[{\"applicationShortId\":\"app_a\",\"environment\":{\"url\":\"https://u:pass-w0rd@h/?t=s3cret\"}}",
            "pass-w0rd",
        ),
        ("wait_for", "ftp://pr.example/?token=s3cret-probe", "s3cret"),
        ("run_short_id", "https://app.qa.tech/p/x?token=s3cret-page", "s3cret"),
        (
            "config_overrides",
            "{\"configs\": {\"s3cret-key\": \"s3cret-value\"}}",
            "s3cret-value",
        ),
        ("api_token", "qa-s3cret-part\nqa-s3cret-other", "qa-s3cret"),
        ("api_token", "t\u{f6}ken-s3cret", "s3cret"),
    ] {
        let fake = FakeQaTech::start();
        let done = run(&fake)
            .input("test_plan_short_id", "pln_a")
            .input(name, value)
            .output();
        assert_eq!(done.code, 2, "{name} {value}:\n{}", done.log);
        assert!(told(&done, "error").join("\n").contains(name), "{}", done.log);
        assert_eq!(done.places_with(secret), [""; 0], "{name} {value}:\n{}", done.log);
        assert!(fake.requests().is_empty());
    }
}

#[test]
fn blank_is_unset_and_white_space_is_trimmed() {
    let fake = FakeQaTech::start();
    fake.default_plan(green());
    let done = run(&fake)
        .input("api_token", &format!("\n  {TOKEN}\t\n"))
        .input("test_plan_short_id", "  \n ")
        .input("run_short_id", "")
        .input("blocking", " \t")
        .input("fail_on", "")
        .input("timeout_minutes", " 1 ")
        .input("applications_config", " ")
        .input("environments", "\n\n")
        .input("notifications_config", "")
        .input("junit_path", "   ")
        .output();
    assert_ending(&done, 0, "passed");
    assert!(fake.start_bodies()[0].get("testPlanShortId").is_none());
    assert!(fake.start_bodies()[0].get("notifications").is_none());
}

#[test]
fn booleans_are_those_of_yaml_1_2() {
    for (text, wait) in [
        ("true", true),
        ("True", true),
        ("TRUE", true),
        ("false", false),
        ("False", false),
        ("FALSE", false),
    ] {
        let fake = FakeQaTech::start();
        let done = start(&fake, green()).input("blocking", text).output();
        assert_eq!((done.code, fake.gets() > 0), (0, wait), "{text}:\n{}", done.log);
    }
}

#[test]
fn variables_that_are_none_of_ours_are_ignored() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green())
        .env("INPUT_NODE-VERSION", "20")
        .env("INPUT_TOKEN", "x")
        .env("INPUT_", "x")
        .env("INPUT_BLOCKING_MODE", "nonsense")
        .env("input_blocking", "nonsense")
        .output();
    assert_ending(&done, 0, "passed");
    assert_eq!(told(&done, "warning"), [""; 0]);
}

#[test]
#[cfg(unix)]
fn variables_that_are_no_utf_8_do_no_harm_elsewhere_and_are_named_where_they_are_ours() {
    use std::os::unix::ffi::OsStrExt as _;

    let fake = FakeQaTech::start();
    fake.default_plan(green());
    let play = |key: &[u8], value: &[u8]| {
        let mut command = std::process::Command::new(PROGRAM);
        command
            .env_clear()
            .env("INPUT_API_URL", fake.api_url())
            .env("INPUT_API_TOKEN", TOKEN)
            .env(std::ffi::OsStr::from_bytes(key), std::ffi::OsStr::from_bytes(value));
        let output = command.output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        (output.status.code(), log)
    };
    for key in [&b"LC_ALL"[..], b"HTTP_\xff", b"INPUT_\xff\xfe", b"GITHUB_ACTOR"] {
        let (code, log) = play(key, b"caf\xe9");
        assert_eq!(code, Some(0), "{key:?}: {log}");
    }
    let (code, log) = play(b"INPUT_FAIL_ON", b"f\xe9");
    assert_eq!(code, Some(2), "{log}");
    assert!(log.to_lowercase().contains("fail_on"), "{log}");
}

#[test]
fn project_id_is_ignored_with_a_notice() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green()).input("project_id", "prj-1234").output();
    assert_ending(&done, 0, "passed");
    assert_told(&done, "notice", "project_id");
}

#[test]
fn the_vendors_default_url_is_taken_as_ours() {
    for url in ["https://app.qa.tech", "https://app.qa.tech/api", "https://api.qa.tech"] {
        let done = run_at(url).input("dry_run", "true").output();
        assert_eq!(done.code, 0, "{}", done.log);
        done.assert_logged("https://api.qa.tech/v1/run");
        assert!(!done.log.contains("app.qa.tech/run"), "{}", done.log);
        assert_told(&done, "notice", "api_url");
    }
}

#[test]
fn without_a_token_the_step_fails() {
    let fake = FakeQaTech::start();
    let done = run(&fake).input("api_token", "").output();
    assert_eq!((done.code, &done.outputs["run_created"]), (2, "false"), "{}", done.log);
    assert!(told(&done, "error").join("\n").contains("api_token"), "{}", done.log);
    assert!(fake.requests().is_empty());
}

#[test]
fn without_a_token_the_step_can_be_skipped() {
    for fail_on in ["failed", "skipped,failed"] {
        let fake = FakeQaTech::start();
        let done = run(&fake)
            .input("api_token", " ")
            .input("on_missing_token", "skip")
            .input("test_plan_short_id", "pln_a")
            .input("fail_on", fail_on)
            .output();
        assert_ending(&done, 0, "skipped");
        assert_eq!(&done.outputs["run_created"], "false");
        assert!(!told(&done, "notice").is_empty(), "{}", done.log);
        assert!(fake.requests().is_empty());
    }
}

#[test]
fn with_a_token_skip_changes_nothing() {
    let fake = FakeQaTech::start();
    assert_ending(
        &start(&fake, green()).input("on_missing_token", "skip").output(),
        0,
        "passed",
    );
}

#[test]
fn the_token_may_come_from_its_own_variable_and_the_input_goes_first() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green())
        .input("api_token", "")
        .env("QATECH_API_TOKEN", TOKEN)
        .output();
    assert_ending(&done, 0, "passed");
    let done = start(&fake, green()).env("QATECH_API_TOKEN", "another").output();
    assert_ending(&done, 0, "passed");
}

#[test]
fn the_variables_of_the_vendors_tools_hold_a_token_too() {
    for name in ["QATECH_API_KEY", "QA_TECH_API_TOKEN"] {
        let fake = FakeQaTech::start();
        let done = start(&fake, green()).input("api_token", "").env(name, TOKEN).output();
        assert_ending(&done, 0, "passed");
    }
}

#[test]
fn a_short_secret_is_warned_of() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green())
        .input("environments", "app_web = https://admin:hunter2@pr.example/")
        .output();
    assert_ending(&done, 0, "passed");
    let warnings = told(&done, "warning");
    assert!(
        warnings.iter().any(|warning| warning.contains("`environments`")),
        "{}",
        done.log
    );
}

#[test]
fn a_wrong_input_beats_a_missing_token() {
    refused(
        &[("api_token", ""), ("on_missing_token", "skip"), ("fail_on", "broken")],
        &["fail_on"],
    );
}

#[test]
fn plain_http_is_for_loopback_hosts_only() {
    let play = |url: &str| run_at(url).input("dry_run", "true").output();
    for url in [
        "http://127.0.0.1:8080/v1",
        "http://127.1.2.3/v1",
        "http://localhost/v1",
        "http://LOCALHOST:80/v1",
        "http://[::1]:8080/v1",
        "https://qa.example/v1",
        "https://qa.example",
    ] {
        let done = play(url);
        assert_eq!(done.code, 0, "{url}:\n{}", done.log);
    }
    for url in [
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example/v1",
        "http://evil.example/127.0.0.1",
        "http://evil.example#@127.0.0.1",
        "http://evil.example\\@127.0.0.1/",
        "http://10.0.0.1/v1",
        "http://0.0.0.0/v1",
        "http://127.0.0.1@evil.example/v1",
        "http://[::ffff:10.0.0.1]/v1",
        "file:///etc/passwd",
        "//api.qa.tech/v1",
    ] {
        let done = play(url);
        assert_eq!(done.code, 2, "{url}:\n{}", done.log);
    }
}

#[test]
fn numbers_at_their_limits_are_taken() {
    let fake = FakeQaTech::start();
    for (name, value) in [
        ("timeout_minutes", "0.5"),
        ("timeout_minutes", "600"),
        ("poll_interval_seconds", "0.1"),
        ("poll_interval_seconds", "2"),
        ("rerun_failed", "0"),
        ("rerun_failed", "10"),
    ] {
        let done = start(&fake, green()).input(name, value).output();
        assert_ending(&done, 0, "passed");
    }
}

#[test]
fn values_of_fail_on_may_be_separated_freely() {
    let fake = FakeQaTech::start();
    for value in [
        "failed,error",
        " failed , error ",
        "failed\nerror",
        "failed error",
        "none",
        "skipped",
        "flaky",
    ] {
        let done = start(&fake, green()).input("fail_on", value).output();
        assert_ending(&done, 0, "passed");
    }
}
