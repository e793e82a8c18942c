//! `dry_run`: everything is checked, nothing is sent.

use qatech_fakes::harness::Run;
use qatech_fakes::http::{Reply, Server};
use qatech_fakes::qatech::{FakeQaTech, TOKEN};

use crate::scene::{assert_ending, elsewhere, green, run, start};

#[test]
fn nothing_is_sent_and_what_would_be_is_printed() {
    let fake = FakeQaTech::start();
    let webhook = Server::start(|_| Reply::empty(200));
    let run = start(&fake, green()).input("dry_run", "true");
    let done = run
        .input("environments", "app_web = https://pr-12.example/?token=hidden-query")
        .input("webhook_url", &format!("{}/hidden-path", webhook.url()))
        .input("comment", "always")
        .input("issue", "failure")
        .input("annotations", "check")
        .input("github_token", "ghs_hidden_token")
        .output();
    assert_ending(&done, 0, "");
    assert_eq!((fake.requests().len(), webhook.requests().len()), (0, 0));
    done.assert_outputs(&[("run_created", "false"), ("run_short_id", "")]);
    done.assert_all_logged(&["pln_a", "app_web", "https://pr-12.example/", "POST"]);
    for secret in [TOKEN, "hidden-query", "hidden-path", "ghs_hidden_token"] {
        assert_eq!(done.places_with(secret), [""; 0], "{secret}");
    }
}

#[test]
fn only_what_would_be_published_is_announced() {
    for (blocking, announced) in [("true", true), ("false", false)] {
        let fake = FakeQaTech::start();
        let done = start(&fake, green())
            .input("dry_run", "true")
            .input("blocking", blocking)
            .input("comment", "always")
            .input("issue", "failure")
            .input("annotations", "check")
            .input("github_token", "ghs_token")
            .output();
        for what in [
            "would create the check run",
            "would write the pull request's comment",
            "would open or close",
        ] {
            assert_eq!(done.log.contains(what), announced, "{what}:\n{}", done.log);
        }
    }
}

#[test]
fn preparations_and_their_results_are_printed() {
    let fake = FakeQaTech::start();
    let uuid = "0b5a4b1e-2f3c-4d5e-8f90-a1b2c3d4e5f6";
    let run = run(&fake);
    let build = "workspace/Shop.ipa";
    run.job().write(build, "a build");
    let done = run
        .input("dry_run", "true")
        .input("github_token", "ghs_token")
        .input("commit", "0123456789abcdef0123456789abcdef01234567")
        .input("project_short_id", "proj_shop")
        .input("test_case_ids", uuid)
        .input("environments", "app_web = deployment: Preview*\napp_api = build_7")
        .input("builds", "app_ios = Shop.ipa")
        .input(
            "wait_for",
            "https://pr.example/health?key=hidden-probe-key contains {sha}",
        )
        .input(
            "config_overrides",
            r#"{"configs": {"cfg_login": {"password": "hidden-password"}}}"#,
        )
        .output();
    assert_ending(&done, 0, "");
    assert!(fake.requests().is_empty());
    for part in [
        "would upload the build Shop.ipa for application app_ios",
        "would look for the deployment of the head commit to \"Preview*\" for application app_web, for at most 15 minutes",
        "would wait for https://pr.example/health?*** to contain \"0123456789abcdef0123456789abcdef01234567\", for at most 10 minutes",
        r#""projectShortId":"proj_shop""#,
        &format!(r#""testCaseIds":["{uuid}"]"#),
        r#""parameters":{"configs":{"cfg_login":{"password":"***"}}}"#,
        r#""applicationBuildShortId":"build_7""#,
        r#""applicationBuildShortId":"<short id of Shop.ipa>""#,
        r#""url":"<URL of the deployment to"#,
    ] {
        assert!(done.log.contains(part), "no {part}:\n{}", done.log);
    }
    for secret in ["hidden-probe-key", "hidden-password"] {
        assert_eq!(done.places_with(secret), [""; 0], "{secret}");
    }
}

#[test]
fn the_check_is_on_the_expected_commit() {
    let fake = FakeQaTech::start();
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let done = run(&fake)
        .input("dry_run", "true")
        .input("commit", sha)
        .input(
            "wait_for",
            "https://{sha}.pr.example/v?key=hidden-{sha}-key contains v={sha}",
        )
        .output();
    assert_ending(&done, 0, "");
    let line = format!("would wait for https://{sha}.pr.example/v?*** to contain \"v={sha}\"");
    done.assert_logged(&line);
    assert_eq!(done.places_with("hidden-"), [""; 0]);
}

#[test]
fn what_would_keep_the_runs_from_being_started_is_named_at_once() {
    let fake = FakeQaTech::start();
    let preparing = |run: Run| {
        run.input("dry_run", "true")
            .input("builds", "app_ios = missing.ipa\napp_android = missing.apk")
            .input("environments", "app_web = deployment")
            .input("wait_for", "https://{sha}.pr.example")
    };
    let done = preparing(elsewhere(&fake)).output();
    assert_eq!(done.code, 2, "{}", done.log);
    done.assert_all_logged(&[
        "missing.ipa of app_ios can't be read",
        "missing.apk of app_android can't be read",
        "the head commit is not known (set `commit`); GITHUB_REPOSITORY is not set to a repository",
        "`github_token`",
        "`wait_for` contains {sha}, but the head commit is not known",
    ]);
    // For a run that exists, nothing is prepared.
    let attached = elsewhere(&fake)
        .input("dry_run", "true")
        .input("run_short_id", "abc123");
    assert_eq!(attached.output().code, 0);
    assert!(fake.requests().is_empty());
}

#[test]
fn attaching_sends_nothing_either() {
    let fake = FakeQaTech::start();
    let done = run(&fake)
        .input("run_short_id", "abc123 d/e?f")
        .input("dry_run", "true")
        .output();
    assert_ending(&done, 0, "");
    assert!(fake.requests().is_empty());
    for url in ["/run/abc123?testCases=all", "/run/d%2Fe%3Ff?testCases=all"] {
        done.assert_logged(&format!("{}{url}", fake.api_url()));
    }
}

#[test]
fn wrong_inputs_are_found() {
    let fake = FakeQaTech::start();
    let done = run(&fake).input("dry_run", "true").input("comment", "loud").output();
    assert_eq!(done.code, 2, "{}", done.log);
    done.assert_logged("loud");
}

#[test]
fn without_a_token_nothing_is_written_either() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green())
        .input("dry_run", "true")
        .input("api_token", "")
        .input("on_missing_token", "skip")
        .input("json_path", "r.json")
        .input("history_path", "history.jsonl")
        .output();
    assert_ending(&done, 0, "");
    assert!(fake.requests().is_empty());
    for file in ["workspace/r.json", "workspace/history.jsonl"] {
        assert_eq!(done.job.read(file), None, "{file}");
    }
    assert!(done.summary.is_empty(), "{}", done.summary);
    assert_eq!(&done.outputs["run_created"], "false");
    assert!(
        done.log.contains("would not ask QA.tech") && !done.log.contains("POST"),
        "{}",
        done.log
    );
    done.assert_logged("would write r.json");
}
