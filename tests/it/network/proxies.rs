//! Proxies: used where the environment names them, told no token, and trusted with no verdict.

use qatech_fakes::harness::Run;
use qatech_fakes::http::{closed_port, percent_decode};
use qatech_fakes::proxy::Proxy;
use qatech_fakes::qatech::{FakeQaTech, TOKEN};
use qatech_fakes::tls::Authority;

use super::{behind, never_starts, passing, run};
use crate::scene::assert_ending;

struct Scene {
    fake: FakeQaTech,
    authority: Authority,
    proxy: Proxy,
}

impl Scene {
    /// A proxy that knows the way to a fake called `api.qatech.test` (and by its own port).
    fn new() -> Self {
        let authority = Authority::new();
        let mut fake = behind(authority.signs(&["api.qatech.test", "localhost", "127.0.0.1"]));
        let address = fake.server().address();
        let proxy = Proxy::start(move |target| {
            let known = [
                "api.qatech.test:443".to_owned(),
                format!("localhost:{}", address.port()),
                address.to_string(),
            ];
            known.contains(&target.to_owned()).then_some(address)
        });
        Self { fake, authority, proxy }
    }

    fn run(&self, api_url: &str) -> Run {
        let run = run(api_url);
        run.job().write("ca.pem", &self.authority.pem());
        let path = run.job().file("ca.pem");
        run.env("SSL_CERT_FILE", &path.to_string_lossy())
    }

    fn passes(&self, run: Run) {
        let done = run.output();
        assert_ending(&done, 0, "passed");
        assert_eq!(done.places_with(TOKEN), [""; 0]);
        for request in self.proxy.requests() {
            assert_eq!(request.method, "CONNECT");
            assert_eq!(request.headers.get("authorization"), None);
        }
        assert!(
            self.fake
                .requests()
                .iter()
                .all(|request| request.bearer() == Some(TOKEN))
        );
    }
}

#[test]
fn https_goes_through_the_proxy_in_either_spelling() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let scene = Scene::new();
        let run = scene
            .run("https://api.qatech.test/v1")
            .env(variable, &scene.proxy.url());
        scene.passes(run);
        let targets: Vec<_> = scene
            .proxy
            .requests()
            .into_iter()
            .map(|request| request.target)
            .collect();
        assert!(
            !targets.is_empty() && targets.iter().all(|target| target == "api.qatech.test:443"),
            "{targets:?}"
        );
    }
}

#[test]
fn a_blank_variable_is_no_proxy_and_hides_none() {
    let scene = Scene::new();
    let run = scene.run(&scene.fake.api_url_as("https://localhost"));
    scene.passes(run.env("HTTPS_PROXY", "").env("ALL_PROXY", ""));
    assert!(scene.proxy.requests().is_empty());
    for (blank, variable) in [("HTTPS_PROXY", "https_proxy"), ("ALL_PROXY", "all_proxy")] {
        let before = scene.proxy.requests().len();
        let run = || {
            let run = scene.run(&scene.fake.api_url_as("https://localhost"));
            run.env(blank, "").env(variable, &scene.proxy.url())
        };
        scene.passes(run());
        let through = scene.proxy.requests().len();
        assert!(through > before, "{variable}");
        scene.passes(run().env("NO_PROXY", "").env("no_proxy", "localhost"));
        assert_eq!(scene.proxy.requests().len(), through, "{variable}");
    }
    let run = scene.run("https://api.qatech.test/v1").env("HTTPS_PROXY", "");
    scene.passes(run.env("https_proxy", &scene.proxy.url_with("robot-user-77", "p%40ss")));
    let sent = scene.proxy.requests().pop().expect("a request");
    assert_eq!(
        sent.headers.get("proxy-authorization"),
        Some("Basic cm9ib3QtdXNlci03NzpwQHNz")
    );
}

#[test]
fn no_proxy_is_honoured_in_either_spelling() {
    let scene = Scene::new();
    for (host, pattern) in [
        ("https://localhost", "localhost"),
        ("https://localhost", "example.com, localhost"),
        ("https://localhost", "*"),
        ("https://127.0.0.1", "127.0.0.1"),
        ("https://127.0.0.1", "10.0.0.0/8,127.0.0.0/8"),
    ] {
        for variable in ["NO_PROXY", "no_proxy"] {
            let run = scene
                .run(&scene.fake.api_url_as(host))
                .env("HTTPS_PROXY", &scene.proxy.url());
            scene.passes(run.env(variable, pattern));
            assert!(scene.proxy.requests().is_empty(), "{variable}={pattern}");
        }
    }
    let run = scene
        .run(&scene.fake.api_url_as("https://localhost"))
        .env("HTTPS_PROXY", &scene.proxy.url());
    scene.passes(run.env("NO_PROXY", "example.com,host"));
    assert!(!scene.proxy.requests().is_empty());
}

#[test]
fn a_proxys_password_is_sent_to_it_and_shown_nowhere() {
    let scene = Scene::new();
    let (user, password) = ("robot-user-77", "p%40ss%2Fw0rd-9912");
    let url = scene.proxy.url_with(user, password);
    let secrets = [
        password.to_owned(),
        percent_decode(password),
        "cm9ib3QtdXNlci03NzpwQHNzL3cwcmQtOTkxMg==".to_owned(),
    ];
    let run = scene.run("https://api.qatech.test/v1").env("https_proxy", &url);
    let done = run
        .env("HTTPS_PROXY", "http://other:secret-of-upper@127.0.0.1:9")
        .output();
    assert_ending(&done, 0, "passed");
    for request in scene.proxy.requests() {
        let sent = request.headers.get("proxy-authorization");
        assert_eq!(sent, Some(format!("Basic {}", secrets[2]).as_str()));
    }
    // Where it fails, errors speak of the proxy.
    let failed = scene
        .run("https://nowhere.qatech.test/v1")
        .env("HTTPS_PROXY", &url)
        .input("timeout_minutes", "0.04")
        .output();
    assert_eq!(failed.code, 4, "{}", failed.log);
    for done in [&done, &failed] {
        for secret in secrets.iter().map(String::as_str).chain(["secret-of-upper"]) {
            assert_eq!(done.places_with(secret), [""; 0], "{secret}:\n{}", done.log);
        }
    }
    assert!(
        scene
            .fake
            .requests()
            .iter()
            .all(|request| request.headers.get("proxy-authorization").is_none())
    );
}

#[test]
fn a_proxy_that_does_not_let_through_has_started_nothing() {
    let scene = Scene::new();
    let refusing = Proxy::start(|_| None);
    let run = scene
        .run("https://api.qatech.test/v1")
        .env("HTTPS_PROXY", &refusing.url());
    never_starts(run, &scene.fake, "tunnel error");
    assert!(
        (2..=12).contains(&refusing.requests().len()),
        "{}",
        refusing.requests().len()
    );
    let dead = closed_port();
    let run = scene.run("https://api.qatech.test/v1").env("HTTPS_PROXY", &dead.url());
    never_starts(run, &scene.fake, "refused");
}

#[test]
fn plain_http_to_this_machine_never_goes_through_a_proxy() {
    let proxy = Proxy::start(|_| None);
    for spelling in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", passing());
        let done = run(&fake.api_url()).env(spelling, &proxy.url()).output();
        assert_ending(&done, 0, "passed");
        assert_eq!((proxy.requests().len(), fake.starts()), (0, 1), "{spelling}");
    }
}

#[test]
fn a_proxy_variable_that_is_no_url_is_an_error_before_anything_is_sent() {
    let fake = FakeQaTech::start();
    for (value, problem) in [
        ("\"http://s3cr3t-proxy.example:3128\"", "HTTPS_PROXY is not a URL"),
        ("http://me:s3cr3t-word@pro xy.example", "HTTPS_PROXY is not a URL"),
        (
            "socks5://me:s3cr3t-word@proxy.example",
            "HTTPS_PROXY has the scheme \"socks5\"",
        ),
    ] {
        let done = run(&fake.api_url()).env("HTTPS_PROXY", value).output();
        assert_eq!(done.code, 2, "{}", done.log);
        assert_eq!(&done.outputs["run_created"], "false");
        done.assert_logged(problem);
        assert_eq!(done.places_with("s3cr3t"), [""; 0], "{}", done.log);
    }
    assert!(fake.requests().is_empty());
    // A line break at the end, as a secret that was read from a file has it.
    fake.plan("pln_a", passing());
    let done = run(&fake.api_url())
        .env("HTTPS_PROXY", "http://proxy.example:3128\n")
        .output();
    assert_eq!(done.code, 0, "{}", done.log);
}

#[test]
fn no_proxy_may_name_a_port() {
    let mut scene = Scene::new();
    let url = scene.fake.api_url_as("https://localhost");
    let port = scene.fake.server().address().port();
    let run = |exempt: &str| {
        let run = scene.run(&url).env("HTTPS_PROXY", &scene.proxy.url());
        run.env("NO_PROXY", exempt)
    };
    scene.passes(run(&format!("localhost:{port}")));
    assert!(scene.proxy.requests().is_empty());
    scene.passes(run("localhost:1"));
    assert!(!scene.proxy.requests().is_empty());
}
