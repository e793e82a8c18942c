//! Before a billed start: deployments are found and URLs waited for, or nothing is started.

use std::time::Duration;

use qatech_fakes::events::{DEFAULT_SHA, Event, HEAD_SHA, Scene};
use qatech_fakes::github::{Access, Call, DeploymentStatus, FakeGitHub, Scope};
use qatech_fakes::harness::{Done, Run};
use qatech_fakes::http::{Body, Reply, Server};
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript};
use serde_json::{Value, json};

use crate::scene::{self, assert_ending, green, json_file, told};

/// A job of the pull request at GitHub that may start one run, with its check run.
struct Job {
    github: FakeGitHub,
    qatech: FakeQaTech,
}

impl Job {
    fn new() -> Self {
        let qatech = FakeQaTech::start();
        qatech.default_plan(green());
        let github = FakeGitHub::start();
        Self { github, qatech }
    }

    fn of(&self, event: &Event) -> Run {
        let run = self.github.connect(Run::new(scene::PROGRAM).github());
        scene::connect(event.trigger(run), &self.qatech.api_url())
    }

    /// Its pull request's job, which tests a deployment.
    fn run(&self, environments: &str) -> Run {
        self.of(&Scene::new().pull_request())
            .input("environments", environments)
    }

    fn deploy(&self, environment: &str, status: DeploymentStatus) -> u64 {
        let id = self.github.deploy(HEAD_SHA, environment);
        self.github.add_deployment_status(id, status);
        id
    }

    /// The URLs that the one start named.
    #[track_caller]
    fn tested(&self, done: &Done) -> Vec<String> {
        assert_ending(done, 0, "passed");
        assert_eq!(self.qatech.starts(), 1);
        assert_eq!(&done.outputs["run_created"], "true");
        let applications = self.qatech.start_bodies()[0]["applications"].clone();
        let urls = applications.as_array().expect("the start names applications").iter();
        urls.map(|one| one["environment"]["url"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Fails unless it ended like this with nothing started and the check run completed.
    #[track_caller]
    fn assert_not_started(&self, done: &Done, code: i32, verdict: &str) {
        assert_ending(done, code, verdict);
        assert_eq!(self.qatech.start_bodies(), [Value::Null; 0], "{}", done.log);
        assert_eq!(&done.outputs["run_created"], "false");
        let check = self.github.only_check_run();
        assert_eq!(check.status, "completed", "{}", done.log);
        assert_ne!(check.conclusion.as_deref(), Some("success"));
    }
}

const PREVIEW: &str = "https://pr-7.example";

#[test]
fn a_deployment_that_is_there_is_tested() {
    let job = Job::new();
    job.deploy("Preview", DeploymentStatus::success(PREVIEW));
    let done = job.run("app_web = deployment").output();
    assert_eq!(job.tested(&done), [PREVIEW]);
    done.assert_logged("Deployment at Preview: https://pr-7.example");
    let asked = job.github.requests_of(Call::ListDeployments);
    assert!(asked[0].path.ends_with("/deployments"), "{}", asked[0].path);
    assert!(asked[0].query.contains(&("sha".to_owned(), HEAD_SHA.to_owned())));
}

#[test]
fn a_deployment_is_awaited_and_its_progress_logged() {
    let job = Job::new();
    let mut running = job.run("app_web = deployment: prev*").start();
    job.github.wait_for(Call::ListDeployments, 2);
    running.wait_for_log("there is none yet");
    let id = job.github.deploy(HEAD_SHA, "Preview");
    running.wait_for_log("Preview: no status yet");
    job.github
        .add_deployment_status(id, DeploymentStatus::new("in_progress"));
    running.wait_for_log("Preview: in_progress");
    assert_eq!(job.qatech.start_bodies().len(), 0);
    job.github.add_deployment_status(id, DeploymentStatus::success(PREVIEW));
    let done = running.wait();
    assert_eq!(job.tested(&done), [PREVIEW]);
    assert_eq!(done.log.matches("in_progress").count(), 1, "{}", done.log);
}

#[test]
fn a_failed_deployment_ends_it_at_once() {
    for state in ["failure", "error"] {
        let job = Job::new();
        job.deploy("Preview", DeploymentStatus::success("https://old.example"));
        job.deploy("Preview", DeploymentStatus::new(state).description("No space left"));
        let done = job.run("app_web = deployment").output();
        job.assert_not_started(&done, 3, "unknown");
        let told = format!("the deployment at Preview failed: {state} (No space left)");
        assert!(
            done.log.contains(&told) && done.summary.contains("No space left"),
            "{}",
            done.log
        );
    }
}

#[test]
fn a_deployment_that_never_comes_times_out() {
    let job = Job::new();
    let done = job
        .run("app_web = deployment")
        .input("deployment_timeout_minutes", "0.01")
        .output();
    job.assert_not_started(&done, 4, "timed_out");
    done.assert_logged("no deployment of a11ce0a at any environment except production");

    // All of it is inside `timeout_minutes`.
    let job = Job::new();
    let done = job
        .run("app_web = deployment")
        .input("timeout_minutes", "0.01")
        .output();
    job.assert_not_started(&done, 4, "timed_out");
}

#[test]
fn the_newest_success_at_the_wanted_environment_counts() {
    let job = Job::new();
    let web = "https://web.example";
    let docs = "https://docs.example";
    job.deploy("Preview – web", DeploymentStatus::success("https://older.example"));
    job.deploy("Preview – web", DeploymentStatus::success(web));
    job.deploy("Preview – web", DeploymentStatus::new("in_progress"));
    job.deploy("Preview – web", DeploymentStatus::new("inactive"));
    job.deploy("Preview – docs", DeploymentStatus::new("success").target_url(docs));
    let done = job
        .run("app_web = deployment: preview*web\napp_docs = deployment: *docs\napp_api = https://api.example")
        .output();
    assert_eq!(job.tested(&done), [web, docs, "https://api.example"]);
}

#[test]
fn another_commits_deployment_is_not_taken() {
    let job = Job::new();
    let id = job.github.deploy(DEFAULT_SHA, "Preview");
    job.github.add_deployment_status(id, DeploymentStatus::success(PREVIEW));
    let run = || {
        job.run("app_web = deployment")
            .input("deployment_timeout_minutes", "0.01")
    };
    let done = run().output();
    job.assert_not_started(&done, 4, "timed_out");
    // Unless it is the one that was said to be tested.
    let done = run().input("commit", DEFAULT_SHA).output();
    assert_eq!(job.tested(&done), [PREVIEW]);
    assert_eq!(job.qatech.start_bodies()[0]["commitHash"], DEFAULT_SHA);
}

#[test]
fn production_is_taken_only_by_its_name() {
    for (production, named) in [("Production", "production"), ("live", "live")] {
        let job = Job::new();
        let id = job.github.deploy_to_production(HEAD_SHA, production);
        job.github
            .add_deployment_status(id, DeploymentStatus::success("https://shop.example"));
        for environments in ["app_web = deployment", "app_web = deployment: *"] {
            let job_before = job.github.check_runs().len();
            let done = job
                .run(environments)
                .input("deployment_timeout_minutes", "0.01")
                .output();
            assert_ending(&done, 4, "timed_out");
            done.assert_logged("the only ones are at production");
            assert_eq!(job.github.check_runs().len(), job_before + 1);
        }
        assert_eq!(job.qatech.start_bodies().len(), 0);
        let done = job.run(&format!("app_web = deployment: {named}")).output();
        assert_eq!(job.tested(&done), ["https://shop.example"]);
    }
}

#[test]
fn a_missing_permission_is_named() {
    let job = Job::new();
    job.github.permit(Scope::Deployments, Access::None);
    let done = job.run("app_web = deployment").output();
    job.assert_not_started(&done, 3, "unknown");
    done.assert_logged("It needs `deployments: read`");
    job.github.assert_count(Call::ListDeployments, 1);

    let job = Job::new();
    let done = job
        .run("app_web = deployment")
        .without_env("INPUT_GITHUB_TOKEN")
        .output();
    assert_ending(&done, 3, "unknown");
    done.assert_logged("`github_token` with `deployments: read` is needed");
}

#[test]
fn hostile_urls_are_refused() {
    for url in [
        "javascript:alert(1)",
        "http://pr.example/",
        "https://me:hidden-password@pr.example/",
        "file:///etc/passwd",
        "pr.example",
    ] {
        let job = Job::new();
        job.deploy("Preview", DeploymentStatus::success(url));
        let done = job.run("app_web = deployment").output();
        job.assert_not_started(&done, 3, "unknown");
        done.assert_logged("the URL of the deployment at Preview");
        assert_eq!(done.places_with("hidden-password"), [""; 0]);
    }
    // GitHub's own pages are logs.
    let job = Job::new();
    let log = "https://github.com/octo-org/shop/actions/runs/1";
    job.deploy("Preview", DeploymentStatus::new("success").target_url(log));
    let run = job.run("app_web = deployment");
    let done = run.input("deployment_timeout_minutes", "0.01").output();
    job.assert_not_started(&done, 4, "timed_out");
    done.assert_logged("success, but without a URL");
}

#[test]
fn the_query_of_a_deployments_url_is_a_secret() {
    let secret = "hidden-bypass-0123456789";
    let job = Job::new();
    let text = format!("went to https://pr-7.example/?key={secret}");
    job.qatech
        .default_plan(RunScript::new([Case::failed("Pay").texts(&text, &text, &text)]));
    let url = format!("https://pr-7.example/?key={secret}");
    job.deploy("Preview", DeploymentStatus::success(&url));
    let done = job
        .run("app_web = deployment")
        .input("json_path", "r.json")
        .input("html_path", "r.html")
        .output();
    assert_ending(&done, 1, "failed");
    assert_eq!(
        job.qatech.start_bodies()[0]["applications"][0]["environment"]["url"],
        url
    );
    assert_eq!(done.places_with(secret), [""; 0]);
    assert!(
        told(&done, "add-mask").iter().any(|mask| mask == secret),
        "{}",
        done.log
    );
    let check = job.github.only_check_run();
    assert!(!format!("{check:?}").contains(secret) && !format!("{:?}", job.github.annotations()).contains(secret));
}

#[test]
fn the_description_of_a_failed_deployment_keeps_the_query_of_its_url() {
    // Wherever it is cut.
    let secret = "hidden-bypass-0123456789";
    let before = "x".repeat(285);
    let description = format!("{before}{secret} and more");
    let url = format!("https://pr-7.example/?key={secret}");
    let mut event = Scene::new().deployment_status();
    let status = &mut event.payload["deployment_status"];
    (status["state"], status["description"]) = (json!("failure"), json!(description));
    status["environment_url"] = json!(url);
    let at_github = Job::new();
    let failed = DeploymentStatus::new("failure").environment_url(&url);
    // GitHub allows 140 characters.
    at_github.deploy("Preview", failed.description(&format!("{} {secret}", &before[..100])));
    let in_event = Job::new();
    for (job, run) in [
        (&at_github, at_github.run("app_web = deployment")),
        (
            &in_event,
            in_event.of(&event).input("environments", "app_web = deployment"),
        ),
    ] {
        let done = run.output();
        job.assert_not_started(&done, 3, "unknown");
        done.assert_logged(&before[..100]);
        assert_eq!(done.places_with("hidden-"), [""; 0]);
    }
}

#[test]
fn the_events_own_deployment_comes_first() {
    let job = Job::new();
    job.deploy("preview", DeploymentStatus::success("https://other.example"));
    let done = job
        .of(&Scene::new().deployment_status())
        .input("environments", "app_web = deployment")
        .output();
    assert_eq!(job.tested(&done), ["https://pr-7.example"]);

    // One that is not wanted is not taken.
    let done = {
        let job = Job::new();
        job.deploy("docs", DeploymentStatus::success("https://docs.example"));
        let run = job.of(&Scene::new().deployment_status());
        let done = run.input("environments", "app_web = deployment: docs").output();
        assert_eq!(job.tested(&done), ["https://docs.example"]);
        done
    };
    assert!(!done.log.contains("pr-7.example"), "{}", done.log);

    let job = Job::new();
    let mut event = Scene::new().deployment_status();
    event.payload["deployment_status"]["state"] = json!("failure");
    event.payload["deployment_status"]["description"] = json!("No space left");
    let done = job.of(&event).input("environments", "app_web = deployment").output();
    job.assert_not_started(&done, 3, "unknown");
    done.assert_logged("failure (No space left)");
}

#[test]
fn a_vercel_dispatch_tests_its_own_commit_and_url() {
    let job = Job::new();
    let done = job
        .of(&Scene::new().vercel_dispatch())
        .input("environments", "app_web = deployment")
        .input("json_path", "r.json")
        .output();
    assert_eq!(job.tested(&done), ["https://shop-pr-7.vercel.example"]);
    job.github.assert_count(Call::ListDeployments, 0);
    let body = &job.qatech.start_bodies()[0];
    assert_eq!(
        (&body["commitHash"], &body["branch"]),
        (&json!(HEAD_SHA), &json!("feature"))
    );
    assert_eq!(job.github.only_check_run().head_sha, HEAD_SHA);
    assert!(json_file(&done, "workspace/r.json").to_string().contains(HEAD_SHA));
}

/// A preview that answers by a function of path and number of the request, counted from 1.
fn preview(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        answer(&request.path, number)
    })
}

/// The pull request's job, which waits for this, for two seconds at most.
fn waiting(job: &Job, wait_for: &str) -> Run {
    job.of(&Scene::new().pull_request())
        .input("wait_for", wait_for)
        .input("wait_for_timeout_minutes", "0.03")
}

#[test]
fn any_answer_below_500_but_404_is_ready() {
    for status in [200, 302, 401, 403] {
        let job = Job::new();
        let server = preview(move |_, _| Reply::empty(status));
        let done = waiting(&job, &server.url()).output();
        assert_ending(&done, 0, "passed");
        assert_eq!((server.requests().len(), job.qatech.starts()), (1, 1));
        let request = &server.requests()[0];
        assert_eq!(
            (request.headers.get("authorization"), request.method.as_str()),
            (None, "GET")
        );
    }
    for status in [404, 500, 503] {
        let job = Job::new();
        let server = preview(move |_, _| Reply::empty(status));
        let done = waiting(&job, &server.url()).output();
        job.assert_not_started(&done, 4, "timed_out");
        assert!(server.requests().len() > 1);
        done.assert_logged(&format!("it answered with HTTP {status}"));
    }
}

#[test]
fn a_preview_that_comes_late_is_awaited_with_all_others() {
    let job = Job::new();
    let late = preview(|_, number| Reply::empty(if number < 4 { 503 } else { 200 }));
    let early = preview(|_, _| Reply::empty(200));
    let done = job
        .of(&Scene::new().pull_request())
        .input(
            "wait_for",
            &format!("{}\n{}/health?key=hidden-health-key", late.url(), early.url()),
        )
        .output();
    assert_ending(&done, 0, "passed");
    assert_eq!((late.requests().len(), early.requests().len()), (4, 1));
    done.assert_logged(&format!("{}/health is ready (200 OK)", early.url()));
    assert_eq!(done.places_with("hidden-health-key"), [""; 0]);
    assert_eq!(early.requests()[0].target, "/health?key=hidden-health-key");
}

#[test]
fn the_text_of_the_commit_is_awaited() {
    let job = Job::new();
    let server = preview(|_, number| {
        let sha = if number < 3 { DEFAULT_SHA } else { HEAD_SHA };
        Reply::raw(200, "text/html", format!("<p>built from {sha}</p>"))
    });
    let probe = format!("{}/{{sha}}/version contains from {{sha}}", server.url());
    let done = job.of(&Scene::new().pull_request()).input("wait_for", &probe).output();
    assert_ending(&done, 0, "passed");
    assert_eq!(server.requests().len(), 3);
    assert_eq!(server.requests()[0].path, format!("/{HEAD_SHA}/version"));
    done.assert_logged("without the text");

    // Only the first MiB is searched, and the text may come in pieces.
    let page = |before: u64| {
        preview(move |_, _| {
            Reply::empty(200).body(Body::Padded {
                before: Vec::new(),
                pad: b' ',
                count: before,
                after: b"ready".to_vec(),
            })
        })
    };
    let job = Job::new();
    let far = page(1 << 20);
    let done = waiting(&job, &format!("{} contains ready", far.url())).output();
    job.assert_not_started(&done, 4, "timed_out");
    done.assert_logged("Next step: No run was started.");
    let near = page((1 << 20) - 5);
    let done = waiting(&job, &format!("{} contains ready", near.url())).output();
    assert_ending(&done, 0, "passed");
    let pieces = preview(|_, _| Reply::raw(200, "text/plain", "now ready").drip(3, Duration::from_millis(5)));
    let done = waiting(&job, &format!("{} contains ready", pieces.url())).output();
    assert_ending(&done, 0, "passed");
}

#[test]
fn redirects_are_followed_on_the_host_only() {
    let job = Job::new();
    let elsewhere = preview(|_, _| Reply::raw(200, "text/plain", "ready"));
    let login = elsewhere.url();
    let server = preview(move |path, _| match path {
        "/" => Reply::empty(307).header("Location", "/home"),
        "/home" => Reply::raw(200, "text/plain", "ready"),
        "/loop" => Reply::empty(302).header("Location", "/loop"),
        _ => Reply::empty(302).header("Location", &login),
    });
    let done = waiting(&job, &format!("{}/ contains ready", server.url())).output();
    assert_ending(&done, 0, "passed");
    // A login elsewhere shows that the preview is up, but not its text.
    let done = waiting(&job, &format!("{}/away", server.url())).output();
    assert_ending(&done, 0, "passed");
    for path in ["away contains ready", "loop"] {
        let done = waiting(&job, &format!("{}/{path}", server.url())).output();
        assert_ending(&done, 4, "timed_out");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[test]
fn a_try_that_hangs_is_given_up_after_five_seconds() {
    let job = Job::new();
    let server = preview(|_, number| if number == 1 { Reply::hang() } else { Reply::empty(200) });
    let done = job
        .of(&Scene::new().pull_request())
        .input("wait_for", &server.url())
        .output();
    assert_ending(&done, 0, "passed");
    done.assert_logged("no answer within 5 s");
}

#[test]
fn a_url_that_is_refused_is_not_ready() {
    let job = Job::new();
    let address = preview(|_, _| Reply::empty(200)).url();
    let done = waiting(&job, &format!("{address}/?key=hidden-health-key")).output();
    job.assert_not_started(&done, 4, "timed_out");
    assert_eq!(done.places_with("hidden-health-key"), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_waiting() {
    use qatech_fakes::harness::Signal;

    for (name, value, told) in [
        ("environments", "app_web = deployment".to_owned(), "there is none yet"),
        (
            "wait_for",
            "http://127.0.0.1:9/".to_owned(),
            "Waiting for http://127.0.0.1:9/",
        ),
    ] {
        let job = Job::new();
        let mut running = job.of(&Scene::new().pull_request()).input(name, &value).start();
        running.wait_for_log(told);
        let begun = std::time::Instant::now();
        running.signal(Signal::Term);
        let done = running.wait();
        // Generous: the contract says 2 s, and the machine of the tests may be busy.
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        job.assert_not_started(&done, 143, "interrupted");
        assert_eq!(job.github.only_check_run().conclusion.as_deref(), Some("cancelled"));
    }
}

#[test]
fn outside_github_urls_are_waited_for_and_deployments_are_not_known() {
    let qatech = FakeQaTech::start();
    qatech.default_plan(green());
    let server = preview(|path, _| Reply::empty(if path == "/abcdef1" { 200 } else { 404 }));
    let done = scene::elsewhere(&qatech)
        .env("BUILDKITE", "true")
        .env("BUILDKITE_COMMIT", "abcdef1")
        .env("BUILDKITE_BRANCH", "feature/x")
        .input("wait_for", &format!("{}/{{sha}}", server.url()))
        .input("json_path", "r.json")
        .output();
    assert_eq!(done.code, 0, "{}", done.log);
    // The report says where it comes from; QA.tech is told nothing of it.
    assert!(json_file(&done, "workspace/r.json").to_string().contains("feature/x"));
    assert_eq!(qatech.start_bodies(), [json!({"trigger": "API"})]);

    let done = scene::elsewhere(&qatech)
        .env("BUILDKITE", "true")
        .env("BUILDKITE_COMMIT", "abcdef1")
        .input("environments", "app_web = deployment")
        .output();
    assert_eq!(done.code, 3, "{}", done.log);
    // All that is missing, at once.
    done.assert_all_logged(&[
        "GITHUB_REPOSITORY is not set to a repository",
        "`github_token` with `deployments: read` is needed",
    ]);
    let before = qatech.requests().len();
    let done = scene::elsewhere(&qatech)
        .input("environments", "app_web = deployment")
        .input("wait_for", "https://{sha}.example")
        .input("builds", "app_ios = none.ipa\napp_android = none.apk")
        .output();
    assert_eq!(done.code, 3, "{}", done.log);
    done.assert_all_logged(&[
        "the head commit is not known",
        "GITHUB_REPOSITORY",
        "`github_token`",
        "`wait_for` contains {sha}",
        "none.ipa",
        "none.apk",
    ]);
    assert_eq!(qatech.requests().len(), before, "{}", done.log);
}

/// The inputs of a recipe of `docs/previews.md`, with its expressions and addresses replaced.
fn recipe(heading: &str, replaced: &[(&str, &str)]) -> Vec<(String, String)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/previews.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect(heading);
    let (_, block) = section.split_once("```yaml\n").expect(heading);
    let (block, _) = block.split_once("```").expect(heading);
    let workflow: Value = serde_norway::from_str(block).unwrap_or_else(|error| panic!("{heading}: {error}"));
    let job = &workflow["jobs"]["qa"];
    let steps = job["steps"].as_array().expect(heading);
    let ours = |step: &&Value| {
        step["uses"]
            .as_str()
            .is_some_and(|uses| uses.starts_with("qatech-run/"))
    };
    let with = steps.iter().find(ours).expect(heading)["with"]
        .as_object()
        .expect(heading);
    let asks_github = with["environments"] == "app_web = deployment";
    assert_eq!(job["permissions"]["deployments"] == "read", asks_github, "{heading}");
    assert_eq!(job["permissions"]["checks"], "write", "{heading}");
    let value = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = replaced.iter().fold(text, |text, (from, to)| text.replace(from, to));
        assert!(!text.contains("${{"), "{heading}: {text}");
        text
    };
    let inputs = with.iter().filter(|(name, _)| *name != "api_token");
    inputs.map(|(name, text)| (name.clone(), value(text))).collect()
}

/// Plays a recipe and tells what the start named.
fn play(heading: &str, job: &Job, event: &Event, replaced: &[(&str, &str)]) -> (Done, Vec<String>) {
    let run = recipe(heading, replaced)
        .into_iter()
        .fold(job.of(event), |run, (name, value)| run.input(&name, &value));
    let done = run.output();
    let tested = job.tested(&done);
    (done, tested)
}

#[test]
fn the_recipes_for_vercel_work() {
    let job = Job::new();
    let (_, tested) = play("Vercel", &job, &Scene::new().deployment_status(), &[]);
    assert_eq!(tested, [PREVIEW]);
    let job = Job::new();
    let (_, tested) = play(
        "Vercel by `repository_dispatch`",
        &job,
        &Scene::new().vercel_dispatch(),
        &[],
    );
    assert_eq!(tested, ["https://shop-pr-7.vercel.example"]);
}

#[test]
fn the_recipes_that_know_the_address_wait_for_the_commit() {
    for (heading, address, path) in [
        (
            "Netlify",
            "https://deploy-preview-${{ github.event.number }}--shop.netlify.app",
            "/version.txt",
        ),
        (
            "Render",
            "https://shop-pr-${{ github.event.number }}.onrender.com",
            "/version",
        ),
    ] {
        let job = Job::new();
        let server =
            preview(|_, number| Reply::raw(200, "text/plain", if number < 3 { DEFAULT_SHA } else { HEAD_SHA }));
        let (_, tested) = play(heading, &job, &Scene::new().pull_request(), &[(address, &server.url())]);
        assert_eq!(tested, [server.url()]);
        let paths: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(paths, [path; 3]);
    }
}

#[test]
fn the_recipes_that_deploy_themselves_wait_for_the_preview() {
    for (heading, address) in [
        ("Fly", "${{ steps.deploy.outputs.url }}"),
        (
            "A preview deployed by the same workflow",
            "${{ needs.deploy.outputs.url }}",
        ),
    ] {
        let job = Job::new();
        let server = preview(|_, number| Reply::empty(if number < 3 { 502 } else { 200 }));
        let (_, tested) = play(heading, &job, &Scene::new().pull_request(), &[(address, &server.url())]);
        assert_eq!((tested, server.requests().len()), (vec![server.url()], 3));
    }
}

#[test]
fn the_recipe_for_protected_previews_keeps_the_secret() {
    let job = Job::new();
    let replaced = [
        ("${{ github.event.deployment_status.environment_url }}", PREVIEW),
        ("${{ secrets.VERCEL_BYPASS }}", "hidden-bypass-0123456789"),
    ];
    let (done, tested) = play("Protected previews", &job, &Scene::new().deployment_status(), &replaced);
    let query = "x-vercel-protection-bypass=hidden-bypass-0123456789&x-vercel-set-bypass-cookie=true";
    assert_eq!(tested, [format!("{PREVIEW}?{query}")]);
    assert_eq!(done.places_with("hidden-bypass-0123456789"), [""; 0]);
}
