//! Builds of mobile applications: uploaded before the start, and nothing is started where that fails.

use std::time::Duration;

use qatech_fakes::harness::Run;
use qatech_fakes::http::{End, Reply, Server};
use qatech_fakes::qatech::{FakeQaTech, Instead};
use serde_json::json;

use crate::scene::{assert_ending, green, in_parallel, start};

/// A run with these builds, whose files hold a few bytes.
fn with_builds(fake: &FakeQaTech, lines: &str) -> Run {
    let run = start(fake, green()).input("builds", lines);
    for (name, text) in [
        ("shop.apk", "android"),
        ("shop-2.0.ipa", "an iPhone's"),
        ("empty.apk", ""),
    ] {
        run.job().write(&format!("workspace/{name}"), text);
    }
    run
}

fn one_build(fake: &FakeQaTech) -> Run {
    with_builds(fake, "app_android = shop.apk")
}

#[test]
fn builds_are_uploaded_registered_and_tested() {
    let fake = FakeQaTech::start();
    fake.require_project("proj_shop");
    let done = with_builds(&fake, "app_android = shop.apk\napp_ios = shop-2.0.ipa")
        .input("environments", "app_web = https://pr-12.example/")
        .input("project_short_id", "proj_shop")
        .input("json_path", "r.json")
        .input("html_path", "r.html")
        .output();
    assert_ending(&done, 0, "passed");
    let mut builds = fake.builds();
    builds.sort_by(|a, b| a.application.cmp(&b.application));
    let seen: Vec<_> = builds
        .iter()
        .map(|build| {
            let (platform, _) = build.registered.clone().unwrap();
            (
                build.application.as_str(),
                build.file_name.as_str(),
                build.size,
                platform,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("app_android", "shop.apk", Some(7), "android".to_owned()),
            ("app_ios", "shop-2.0.ipa", Some(11), "ios".to_owned()),
        ]
    );
    let short_id = |index: usize| builds[index].registered.clone().unwrap().1;
    assert_eq!(
        fake.start_bodies()[0]["applications"],
        json!([
            {"applicationShortId": "app_web", "environment": {"url": "https://pr-12.example/"}},
            {"applicationShortId": "app_android", "environment": {"applicationBuildShortId": short_id(0)}},
            {"applicationShortId": "app_ios", "environment": {"applicationBuildShortId": short_id(1)}},
        ])
    );
    done.assert_logged("shop-2.0.ipa was uploaded as build");
    for hidden in ["signed-upload-", "build-token-"] {
        assert_eq!(done.places_with(hidden), [""; 0], "{hidden}");
    }
}

#[test]
fn an_upload_that_fails_is_tried_again_at_a_new_place() {
    let faults = [
        Reply::empty(500),
        Reply::raw(403, "application/xml", "<Error>Request has expired</Error>"),
        Reply::cut(End::Reset),
        Reply::cut(End::Close),
    ];
    in_parallel(&faults, |fault| {
        let fake = FakeQaTech::start();
        fake.fault("PUT", "/storage/*", 1, fault.clone());
        assert_ending(&one_build(&fake).output(), 0, "passed");
        let builds = fake.builds();
        assert_eq!((builds.len(), fake.starts()), (2, 1));
        assert_eq!((builds[0].size, builds[1].size), (None, Some(7)));
    });
}

#[test]
fn nothing_is_started_where_a_build_can_not_be_uploaded() {
    let other = Server::start(|_| Reply::empty(200));
    let echo = "<Error>X-Signature=signed-upload-0001 build-token-0001</Error>";
    let elsewhere = json!({"uploadUrl": "http://storage.example/x", "buildToken": "build-token-0001"});
    let table = [
        (
            "PUT",
            "/storage/*",
            Reply::raw(500, "application/xml", echo),
            3,
            "HTTP 500",
        ),
        (
            "PUT",
            "/storage/*",
            Reply::empty(307).header("Location", other.url()),
            1,
            "HTTP 307",
        ),
        (
            "POST",
            "*/upload-url",
            Reply::json(404, &json!({"message": "No such app"})),
            0,
            "No such app",
        ),
        (
            "POST",
            "*/upload-url",
            Reply::raw(403, "text/html", "<html>nginx"),
            0,
            "not QA.tech's",
        ),
        ("POST", "*/upload-url", Reply::json(200, &elsewhere), 0, "not https"),
        ("POST", "*/upload-url", Reply::json(200, &json!({})), 0, "JSON"),
        (
            "POST",
            "*/builds",
            Reply::json(400, &json!({"message": "Broken file"})),
            1,
            "Broken file",
        ),
        (
            "POST",
            "*/builds",
            Reply::json(400, &json!({"message": "Unknown buildToken build-token-0001"})),
            1,
            "Unknown buildToken ***",
        ),
        ("POST", "*/builds", Reply::empty(500), 1, "HTTP 500"),
        (
            "POST",
            "*/builds",
            Reply::json(200, &json!({"applicationBuildShortId": "a b"})),
            1,
            "short id",
        ),
    ];
    in_parallel(&table, |(method, path, reply, places, told)| {
        let fake = FakeQaTech::start();
        fake.fault(method, path, 1..=9, reply.clone());
        let done = one_build(&fake).output();
        assert_ending(&done, 3, "unknown");
        assert_eq!((&done.outputs["run_created"][..], fake.starts()), ("false", 0));
        assert!(done.log.contains(told), "{told}: {}", done.log);
        assert_eq!(fake.builds().len(), *places, "{method} {path} {told}");
        for hidden in ["signed-upload-", "build-token-"] {
            assert_eq!(done.places_with(hidden), [""; 0], "{hidden}");
        }
    });
    assert_eq!(other.requests().len(), 0, "a redirect was followed");
}

#[test]
fn nothing_is_sent_of_a_file_that_is_none() {
    for (line, told) in [
        ("missing.apk", "can't be read"),
        ("empty.apk", "is not a regular file, or is empty"),
    ] {
        let fake = FakeQaTech::start();
        let done = with_builds(&fake, &format!("app_android = {line}")).output();
        assert_ending(&done, 3, "unknown");
        done.assert_logged(told);
        assert_eq!(fake.requests().len(), 0);
    }
}

#[test]
fn an_older_api_without_builds_is_reported() {
    for status in [400, 404] {
        let fake = FakeQaTech::start();
        fake.older(status);
        let done = one_build(&fake).output();
        assert_ending(&done, 3, "unknown");
        done.assert_logged("Unknown to this version");
        assert_eq!(fake.starts(), 0);
    }
}

#[test]
fn runs_that_exist_need_no_build() {
    let fake = FakeQaTech::start();
    fake.existing_run("abc123", green());
    let run = crate::scene::run(&fake)
        .input("run_short_id", "abc123")
        .input("builds", "app_a = a.apk");
    assert_eq!(run.output().code, 2);
}

#[test]
fn a_large_build_is_streamed_and_its_progress_logged() {
    // Three times the memory that it may take.
    const SIZE: u64 = 192 << 20;
    let fake = FakeQaTech::start();
    fake.intercept(|request, _| {
        let slow = |reply: Reply| reply.delay(Duration::from_secs(6));
        (request.method == "PUT").then(|| Instead::spoiled(slow))
    });
    let run = one_build(&fake);
    // Sparse: it takes no room on the disk.
    let file = std::fs::File::create(run.job().file("workspace/shop.apk")).unwrap();
    file.set_len(SIZE).unwrap();
    let done = run.measure_memory().output();
    assert_ending(&done, 0, "passed");
    assert_eq!(fake.builds()[0].size, Some(SIZE));
    done.assert_logged("uploaded (100 %)");
    done.assert_memory_below(64 << 20);
}

#[test]
#[cfg(unix)]
fn a_signal_ends_an_upload_and_nothing_is_started() {
    use qatech_fakes::harness::Signal;
    use qatech_fakes::http::wait_until;

    let fake = FakeQaTech::start();
    fake.fault("PUT", "/storage/*", 1, Reply::hang());
    let running = one_build(&fake).start();
    let is_put = || fake.requests().iter().any(|request| request.method == "PUT");
    assert!(wait_until(Duration::from_secs(20), is_put));
    running.signal(Signal::Term);
    let done = running.wait();
    assert_ending(&done, 143, "interrupted");
    assert_eq!((&done.outputs["run_created"][..], fake.starts()), ("false", 0));
}

#[test]
fn the_deadline_holds_for_uploads_too() {
    let fake = FakeQaTech::start();
    fake.fault("PUT", "/storage/*", 1..=9, Reply::hang());
    let done = one_build(&fake).input("timeout_minutes", "0.03").output();
    assert_ending(&done, 4, "timed_out");
    assert_eq!((&done.outputs["run_created"][..], fake.starts()), ("false", 0));
}
