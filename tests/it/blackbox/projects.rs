//! What a start and a rerun say of project, test cases and configs, and how refusals are told.

use qatech_fakes::http::{Reply, Server};
use qatech_fakes::qatech::{Case, FakeQaTech, Instead, Rerun, RunScript, TOKEN};
use serde_json::json;

use crate::scene::{assert_ending, green, in_parallel, red, run, start, with_every_file};

#[test]
fn the_project_is_named_in_starts_and_reruns() {
    for named_by in ["input", "environment"] {
        let fake = FakeQaTech::start();
        fake.require_project("proj_shop");
        let run = start(&fake, red().rerun(Rerun::passing(&["Pay"]))).input("rerun_failed", "1");
        let run = match named_by {
            "input" => run.input("project_short_id", "proj_shop"),
            _ => run.env("QATECH_PROJECT_SHORT_ID", "proj_shop"),
        };
        assert_ending(&run.output(), 0, "flaky");
        let bodies = [fake.start_bodies(), fake.rerun_bodies()].concat();
        assert_eq!(bodies.len(), 2);
        assert!(
            bodies.iter().all(|body| body["projectShortId"] == "proj_shop"),
            "{bodies:?}"
        );
    }
}

#[test]
fn a_refusal_says_what_an_organizations_key_needs() {
    let table: Vec<(u16, bool, bool)> = [400, 401, 402, 403, 404]
        .into_iter()
        .flat_map(|status| [(status, false, status != 402), (status, true, false)])
        .collect();
    in_parallel(&table, |(status, named, hinted)| {
        let fake = FakeQaTech::start();
        fake.fault_starts(1, Reply::json(*status, &json!({"statusText": "because I say so"})));
        let run = start(&fake, green());
        let run = if *named {
            run.input("project_short_id", "proj_shop")
        } else {
            run
        };
        let done = run.output();
        assert_ending(&done, 3, "unknown");
        done.assert_logged("because I say so");
        assert_eq!(
            done.log.contains("set `project_short_id`"),
            *hinted,
            "{status}: {}",
            done.log
        );
    });
}

#[test]
fn a_firewalls_answer_is_not_reported_as_a_refusal_by_qatech() {
    let page = format!(
        "<html><head><title>403 Forbidden</title></head>{}THE-END</html>",
        "x ".repeat(400)
    );
    for (method, path, created) in [("POST", "/run", "false"), ("GET", "/run/*", "true")] {
        let fake = FakeQaTech::start();
        fake.fault(method, path, 1, Reply::raw(403, "text/html", &page));
        let done = start(&fake, green()).output();
        assert_ending(&done, 3, "unknown");
        assert_eq!(&done.outputs["run_created"], created);
        done.assert_logged("HTTP 403 Forbidden with an answer that is not QA.tech's");
        done.assert_logged("<title>403 Forbidden</title>");
        for blame in ["API token is not valid", "project_short_id", "suspended", "THE-END"] {
            assert!(!done.log.contains(blame), "{blame}: {}", done.log);
        }
    }
}

#[test]
fn single_test_cases_are_run_instead_of_a_plan() {
    let (pay, login) = (Case::passed("Pay"), Case::passed("Login"));
    let ids = format!("{}, {}", pay.project_id(), login.project_id());
    let fake = FakeQaTech::start();
    fake.default_plan(RunScript::new([pay.clone(), login.clone(), Case::failed("Refund")]));
    let done = run(&fake).input("test_case_ids", &ids).output();
    assert_ending(&done, 0, "passed");
    assert_eq!(&done.outputs["total"], "2");
    let body = &fake.start_bodies()[0];
    assert_eq!(body["testCaseIds"], json!([pay.project_id(), login.project_id()]));
    assert!(body.get("testPlanShortId").is_none(), "{body}");
}

#[test]
fn the_three_forms_of_environment_are_sent() {
    let fake = FakeQaTech::start();
    let lines = "app_web = https://pr-12.example/\napp_api = env_stage\napp_mobile = build_42";
    assert_ending(
        &start(&fake, green()).input("environments", lines).output(),
        0,
        "passed",
    );
    assert_eq!(
        fake.start_bodies()[0]["applications"],
        json!([
            {"applicationShortId": "app_web", "environment": {"url": "https://pr-12.example/"}},
            {"applicationShortId": "app_api", "environment": {"shortId": "env_stage"}},
            {"applicationShortId": "app_mobile", "environment": {"applicationBuildShortId": "build_42"}},
        ])
    );
}

/// Config overrides whose values are secrets.
fn overrides() -> serde_json::Value {
    json!({
        "configs": {"cfg_login": {"user": "hidden-user-name", "password": "hidden-password-0", "roles": ["hidden-role-one"]}},
        "configsByEnvironment": {"0b0c0000-0000-4000-8000-000000000001": {"cfg_login": {"deep": {"token": "hidden-deep-token"}}}},
    })
}

const HIDDEN: [&str; 4] = [
    "hidden-user-name",
    "hidden-password-0",
    "hidden-role-one",
    "hidden-deep-token",
];

#[test]
fn config_overrides_are_sent_and_shown_nowhere() {
    let all = HIDDEN.join(" and ");
    let echoing = RunScript::new([Case::failed(&format!("Log in as {all}")).texts(&all, &all, &all)]);
    let webhook = Server::start(|_| Reply::empty(200));
    for dry_run in ["false", "true"] {
        let fake = FakeQaTech::start();
        let done = with_every_file(start(&fake, echoing.clone()))
            .input("config_overrides", &overrides().to_string())
            .input("dry_run", dry_run)
            .input("webhook_url", &webhook.url())
            .output();
        let code = i32::from(dry_run == "false");
        assert_eq!(done.code, code, "{}", done.log);
        for hidden in HIDDEN {
            assert_eq!(done.places_with(hidden), [""; 0], "{hidden}");
        }
        if dry_run == "false" {
            assert_eq!(fake.start_bodies()[0]["parameters"], overrides());
            assert!(done.summary.contains("Log in as"), "{}", done.summary);
        } else {
            done.assert_logged("\"parameters\"");
            assert_eq!(fake.requests().len(), 0);
        }
    }
    for request in webhook.requests() {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        assert!(HIDDEN.iter().all(|hidden| !body.contains(hidden)), "{body}");
    }
}

#[test]
fn config_overrides_are_kept_where_errors_echo_them() {
    let fake = FakeQaTech::start();
    fake.fault_starts(1, Reply::json(400, &json!({"message": overrides().to_string()})));
    let done = start(&fake, green())
        .input("config_overrides", &overrides().to_string())
        .output();
    assert_ending(&done, 3, "unknown");
    for hidden in HIDDEN {
        assert_eq!(done.places_with(hidden), [""; 0], "{hidden}");
    }
}

#[test]
fn a_weak_secret_changes_nothing_that_is_used() {
    // Each stands in what the API answers: the run's short id, its page, status and result.
    let weak = json!({"configs": {"cfg_a": {"a": "run0", "b": "fake", "c": "PASSED", "d": "COMP"}}});
    let fake = FakeQaTech::start();
    let done = start(&fake, green().test_plan(Some("run0 of fake")))
        .input("config_overrides", &weak.to_string())
        .output();
    assert_ending(&done, 0, "passed");
    assert_eq!(&done.outputs["run_short_id"], "run001");
    assert_eq!(&done.outputs["run_url"], "https://app.qa.tech/p/fake/results/run001");
    done.assert_outputs(&[("run_status", "COMPLETED"), ("passed", "1")]);
    assert!(!done.summary.contains("run0 of fake"), "{}", done.summary);
}

#[test]
fn a_short_id_that_gives_away_the_token_is_not_used() {
    let fake = FakeQaTech::start();
    let answer = json!({"success": true, "run": {"id": "1", "shortId": TOKEN, "url": "https://x.example"}});
    fake.lose_answer("POST", "/run", 1, Reply::json(200, &answer));
    let done = start(&fake, green()).output();
    assert_ending(&done, 3, "unknown");
    assert_eq!(done.places_with(TOKEN), [""; 0]);
}

#[test]
fn what_is_billed_goes_over_a_connection_of_its_own() {
    let fake = FakeQaTech::start();
    let done = start(&fake, red().rerun(Rerun::passing(&["Pay"])))
        .input("rerun_failed", "1")
        .output();
    assert_ending(&done, 0, "flaky");
    let requests = fake.requests();
    let posts = requests.iter().filter(|request| request.method == "POST");
    for post in posts {
        let shared = requests
            .iter()
            .filter(|other| other.connection == post.connection)
            .count();
        assert_eq!(shared, 1, "{} {}", post.method, post.path);
    }
}

#[test]
fn a_server_that_closes_its_connections_costs_no_rerun() {
    let fake = FakeQaTech::start();
    fake.intercept(|request, _| (request.method == "GET").then(|| Instead::spoiled(Reply::close)));
    let done = start(&fake, red().rerun(Rerun::passing(&["Pay"])))
        .input("rerun_failed", "1")
        .output();
    assert_ending(&done, 0, "flaky");
    assert_eq!((fake.starts(), fake.reruns()), (1, 1));
}
