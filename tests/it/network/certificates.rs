//! Which certificates are taken, and that a server with another one never hears a token.

use qatech_fakes::harness::Run;
use qatech_fakes::qatech::{FakeQaTech, TOKEN};
use qatech_fakes::tls::Authority;

use super::{behind, never_starts, run};
use crate::scene::{self, assert_ending};

const NAMES: &[&str] = &["localhost", "127.0.0.1"];

fn passes(run: Run) {
    let done = run.output();
    assert_ending(&done, 0, "passed");
    assert_eq!(done.places_with(TOKEN), [""; 0]);
}

/// Puts a file into the run's surroundings and names it in a variable.
fn with_file(run: Run, variable: &str, name: &str, text: &str) -> Run {
    run.job().write(name, text);
    let path = run.job().file(name);
    run.env(variable, &path.to_string_lossy())
}

/// A run that reaches the fake by name, and trusts this authority and no other.
fn trusting(fake: &FakeQaTech, authority: &Authority) -> Run {
    with_file(
        run(&fake.api_url_as("https://localhost")),
        "SSL_CERT_FILE",
        "ca.pem",
        &authority.pem(),
    )
}

#[test]
fn an_authority_is_trusted_where_the_environment_names_it() {
    let authority = Authority::new();
    let fake = behind(authority.signs(NAMES));
    for host in ["https://localhost", "https://127.0.0.1"] {
        for variable in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            passes(with_file(
                run(&fake.api_url_as(host)),
                variable,
                "ca.pem",
                &authority.pem(),
            ));
        }
    }
    assert_eq!(fake.starts(), 4);
    let run = run(&fake.api_url_as("https://localhost"));
    let folder = run.job().file("certificates");
    std::fs::create_dir(&folder).expect("make a folder");
    std::fs::write(folder.join("ca.pem"), authority.pem()).expect("write a certificate");
    passes(run.env("SSL_CERT_DIR", &folder.to_string_lossy()));
}

#[test]
fn node_extra_ca_certs_adds_to_a_store_and_survives_what_is_no_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    let fake = behind(authority.signs(NAMES));
    let run = trusting(&fake, &other);
    let broken = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let extra = format!("# ours\n{broken}{}", authority.pem());
    passes(with_file(run, "NODE_EXTRA_CA_CERTS", "extra.pem", &extra));
}

#[test]
fn an_unknown_certificate_authority_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let fake = behind(authority.signs(NAMES));
    let url = fake.api_url_as("https://localhost");
    never_starts(run(&url), &fake, "UnknownIssuer");
    // Another key under the same name: webpki finds the name and then a bad signature.
    let run = with_file(run(&url), "SSL_CERT_FILE", "ca.pem", &other.pem());
    never_starts(run, &fake, "invalid peer certificate");
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let fake = behind(authority.signed_long_ago(NAMES));
    let run = trusting(&fake, &authority);
    never_starts(run, &fake, "expired");
}

#[test]
fn another_hosts_certificate_is_refused() {
    let authority = Authority::new();
    let fake = behind(authority.signs(&["api.qa.tech"]));
    let run = trusting(&fake, &authority);
    never_starts(run, &fake, "not valid for name");
}

/// The client says this of a server where it trusts nobody at all; with any root it would say `UnknownIssuer`.
const NOBODY_IS_TRUSTED: &str = "no root trust anchors";

#[test]
fn a_missing_certificate_store_is_reported_and_not_replaced() {
    let authority = Authority::new();
    let fake = behind(authority.signs(NAMES));
    let url = fake.api_url_as("https://localhost");
    let warned = |run: Run, names: &[&str]| {
        let done = never_starts(run, &fake, NOBODY_IS_TRUSTED);
        let warnings: Vec<_> = done.log.lines().filter(|line| line.starts_with("::warning")).collect();
        assert_eq!(warnings.len(), names.len(), "{}", done.log);
        for name in names {
            let told = |line: &&str| line.contains(name) && line.contains("no usable certificate");
            assert!(warnings.iter().any(told), "{name}: {}", done.log);
        }
    };
    for text in ["", "no certificates at all\n"] {
        let run = with_file(run(&url), "SSL_CERT_FILE", "empty.pem", text);
        warned(run, &["SSL_CERT_FILE names "]);
    }
    let nowhere = run(&url)
        .env("SSL_CERT_FILE", "/nowhere/ca.pem")
        .env("SSL_CERT_DIR", "/nowhere/certs");
    warned(
        nowhere,
        &[
            "SSL_CERT_FILE names /nowhere/ca.pem",
            "SSL_CERT_DIR names /nowhere/certs",
        ],
    );
    // The path is untrusted too.
    let hostile = run(&url).env("SSL_CERT_FILE", "/nowhere\n::error::gotcha\u{202e}##[error]");
    warned(hostile, &["SSL_CERT_FILE names /nowhere"]);
    let run = run(&url).env("SSL_CERT_FILE", "/nowhere/ca.pem");
    passes(with_file(run, "NODE_EXTRA_CA_CERTS", "ca.pem", &authority.pem()));
}

#[test]
fn a_missing_extra_certificate_file_is_reported() {
    let authority = Authority::new();
    let fake = behind(authority.signs(NAMES));
    let run = trusting(&fake, &authority);
    let done = run.env("NODE_EXTRA_CA_CERTS", "/nowhere/extra.pem").output();
    assert_eq!(done.code, 0, "{}", done.log);
    let told =
        "::warning title=QA.tech::NODE_EXTRA_CA_CERTS names /nowhere/extra.pem, which contains no usable certificate";
    done.assert_logged(told);
}

/// A root whose certificate stores are empty, as in a distroless container, or hold another system's.
#[test]
#[cfg(target_os = "linux")]
fn a_blank_variable_hides_no_store_and_a_root_without_any_works_with_an_extra_authority() {
    use qatech_fakes::mounts::Mounts;

    let hide = "for folder in /etc/ssl /etc/pki /usr/share/ca-certificates /usr/local/share/ca-certificates; do \
                if [ -d $folder ]; then mount -t tmpfs none $folder || exit 99; fi; done";
    let Some(mounts) = Mounts::that_can(hide) else { return };
    let authority = Authority::new();
    let fake = behind(authority.signs(NAMES));
    let hidden = |then: &str| {
        let script = format!("{hide}; test -z \"$(ls /etc/ssl)\" && {then} exec {}", scene::PROGRAM);
        scene::connect(mounts.run(&script).github(), &fake.api_url_as("https://localhost"))
            .input("test_plan_short_id", "pln_a")
            .input("annotations", "off")
            .input("timeout_minutes", "0.5")
    };
    never_starts(hidden(""), &fake, "UnknownIssuer");
    let extra = "NODE_EXTRA_CA_CERTS";
    passes(with_file(hidden(""), extra, "ca.pem", &authority.pem()));
    // `$STORE` is a variable of this script only.
    let fill = "mkdir /etc/ssl/certs && cp \"$STORE\" /etc/ssl/certs/ca-certificates.crt &&";
    let filled = || with_file(hidden(fill), "STORE", "ca.pem", &authority.pem());
    passes(filled());
    passes(
        filled()
            .env("SSL_CERT_FILE", "")
            .env("SSL_CERT_DIR", " ")
            .env(extra, ""),
    );
}
