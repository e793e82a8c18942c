//! Inputs as they reach QA.tech.

use qatech_fakes::events::{HEAD_SHA, Scene};
use qatech_fakes::job::SHA;
use qatech_fakes::qatech::FakeQaTech;
use serde_json::{Value, json};

use crate::scene::{assert_ending, elsewhere, green, run, start};

/// The body of the one start, with these inputs.
fn body_with(inputs: &[(&str, &str)]) -> Value {
    let fake = FakeQaTech::start();
    let run = start(&fake, green());
    let done = inputs
        .iter()
        .fold(run, |run, (name, value)| run.input(name, value))
        .output();
    assert_ending(&done, 0, "passed");
    let mut bodies = fake.start_bodies();
    assert_eq!(bodies.len(), 1);
    bodies.remove(0)
}

#[test]
fn every_form_of_applications_config_is_sent_as_the_array() {
    let expected = json!([
        {"applicationShortId": "app_web", "environment": {"url": "https://pr-12.example/", "name": "PR 12"}},
        {"applicationShortId": "app_api", "environment": {"shortId": "env_stage"}, "devicePresetShortId": "preset_phone"},
    ]);
    let array = expected.to_string();
    let wrapped = json!({"applications": expected}).to_string();
    let keyed = r#"{"applications": {
        "app_web": {"environment": {"url": "https://pr-12.example/", "name": "PR 12"}},
        "app_api": {"environment": {"shortId": "env_stage"}, "devicePresetShortId": "preset_phone"}}}"#;
    for form in [array.as_str(), &wrapped, keyed] {
        let sent = body_with(&[("applications_config", form)]);
        let mut applications = sent["applications"].as_array().unwrap().clone();
        applications.sort_by_key(|application| std::cmp::Reverse(application["applicationShortId"].to_string()));
        assert_eq!(json!(applications), expected, "{form}");
    }
}

#[test]
fn environments_are_the_same_without_json() {
    let sent = body_with(&[(
        "environments",
        "\n app_web = https://pr-12.example/a?b=c \n\napp_api=env_stage\n",
    )]);
    assert_eq!(
        sent["applications"],
        json!([
            {"applicationShortId": "app_web", "environment": {"url": "https://pr-12.example/a?b=c"}},
            {"applicationShortId": "app_api", "environment": {"shortId": "env_stage"}},
        ])
    );
}

#[test]
fn notifications_are_sent_as_given() {
    let text = r##"[{"type":"slack","channel":"#qa","notifyOn":"failure"}]"##;
    let sent = body_with(&[("notifications_config", text)]);
    assert_eq!(sent["notifications"], serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn nothing_is_sent_that_was_not_given() {
    let sent = body_with(&[]);
    for field in ["applications", "notifications"] {
        assert!(sent.get(field).is_none(), "{sent}");
    }
    assert_eq!(sent["testPlanShortId"], "pln_a");
}

#[test]
fn bare_short_ids_are_taken() {
    let fake = FakeQaTech::start();
    fake.allow_bare_short_ids();
    fake.plan("jgbinp", green());
    let done = run(&fake)
        .input("test_plan_short_id", "jgbinp")
        .input("environments", "k3xyz9 = https://a.example/")
        .output();
    assert_ending(&done, 0, "passed");
    assert_eq!(fake.start_bodies()[0]["testPlanShortId"], "jgbinp");
}

#[test]
fn a_push_sends_branch_commit_and_message() {
    let fake = FakeQaTech::start();
    let event = Scene::new().push();
    let done = event.trigger(start(&fake, green())).output();
    assert_ending(&done, 0, "passed");
    let body = &fake.start_bodies()[0];
    assert_eq!(body["trigger"], "GITHUB");
    assert_eq!(body["actor"], "mona");
    assert_eq!(body["branch"], "feature");
    assert_eq!(body["commitHash"], HEAD_SHA);
    assert_eq!(body["commitMessage"], "Add a shopping cart\n\nIt holds things.");
    assert_eq!(body["repository"], "octo-org/shop");
}

#[test]
fn a_pull_request_sends_its_head_and_not_the_merge_commit() {
    let scene = Scene::new();
    for event in [
        scene.pull_request(),
        scene.pull_request_target(),
        scene.clone().from_fork("mallory").pull_request(),
        scene.workflow_run(),
    ] {
        let fake = FakeQaTech::start();
        let done = event.trigger(start(&fake, green())).output();
        assert_ending(&done, 0, "passed");
        let body = &fake.start_bodies()[0];
        assert_eq!(
            (&body["trigger"], &body["branch"], &body["commitHash"]),
            (&json!("GITHUB"), &json!("feature"), &json!(HEAD_SHA)),
            "{}",
            event.name
        );
    }
}

#[test]
fn every_event_starts_a_run_also_with_hostile_text() {
    for scene in [Scene::new(), Scene::new().hostile()] {
        for event in scene.all() {
            let fake = FakeQaTech::start();
            let done = event.trigger(start(&fake, green())).output();
            assert_ending(&done, 0, "passed");
            assert_eq!(fake.start_bodies()[0]["trigger"], "GITHUB", "{}", event.name);
        }
    }
}

#[test]
fn a_missing_or_broken_event_file_is_no_reason_to_fail() {
    let fake = FakeQaTech::start();
    let done = start(&fake, green()).without_env("GITHUB_EVENT_PATH").output();
    assert_ending(&done, 0, "passed");
    assert_eq!(fake.start_bodies()[0]["commitHash"], SHA);

    let fake = FakeQaTech::start();
    let done = start(&fake, green()).env("GITHUB_EVENT_PATH", "/no/such/file").output();
    assert_ending(&done, 0, "passed");

    let fake = FakeQaTech::start();
    let run = start(&fake, green());
    run.job().write("event.json", "{\"ref\":");
    assert_ending(&run.output(), 0, "passed");
    assert_eq!(fake.start_bodies()[0]["branch"], "main");
}

#[test]
fn outside_github_the_trigger_is_the_api_and_nothing_else_is_sent() {
    let fake = FakeQaTech::start();
    fake.default_plan(green());
    let done = elsewhere(&fake).output();
    assert_eq!(done.code, 0, "{}", done.log);
    let body = fake.start_bodies()[0].clone();
    assert_eq!(body, json!({"trigger": "API"}));
}
