//! Which certificates are taken, and that a server with another one never hears a token.

use qatech_fakes::harness::Run;
use qatech_fakes::qatech::TOKEN;
use qatech_fakes::tls::Authority;

use crate::{behind, never_starts, run};

const NAMES: &[&str] = &["localhost", "127.0.0.1"];

fn passes(run: Run) {
    let done = run.output();
    assert_eq!((done.code, &done.outputs["verdict"]), (0, "passed"), "{}", done.log);
    assert_eq!(done.places_with(TOKEN), [""; 0]);
}

/// Puts a file into the run's surroundings and names it in a variable.
fn with_file(run: Run, variable: &str, name: &str, text: &str) -> Run {
    run.job().write(name, text);
    let path = run.job().file(name);
    run.env(variable, &path.to_string_lossy())
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
    let run = with_file(
        run(&fake.api_url_as("https://localhost")),
        "SSL_CERT_FILE",
        "ca.pem",
        &other.pem(),
    );
    let broken = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let extra = format!("# ours\n{broken}{}", authority.pem());
    passes(with_file(run, "NODE_EXTRA_CA_CERTS", "extra.pem", &extra));
}

#[test]
fn an_authority_that_nobody_knows_is_refused() {
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
    let run = with_file(
        run(&fake.api_url_as("https://localhost")),
        "SSL_CERT_FILE",
        "ca.pem",
        &authority.pem(),
    );
    never_starts(run, &fake, "expired");
}

#[test]
fn another_hosts_certificate_is_refused() {
    let authority = Authority::new();
    let fake = behind(authority.signs(&["api.qa.tech"]));
    let run = with_file(
        run(&fake.api_url_as("https://localhost")),
        "SSL_CERT_FILE",
        "ca.pem",
        &authority.pem(),
    );
    never_starts(run, &fake, "not valid for name");
}

#[test]
fn a_store_that_is_not_there_is_no_crash() {
    let authority = Authority::new();
    let fake = behind(authority.signs(NAMES));
    let url = fake.api_url_as("https://localhost");
    for text in ["", "no certificates at all\n"] {
        let run = with_file(run(&url), "SSL_CERT_FILE", "empty.pem", text);
        never_starts(run, &fake, "UnknownIssuer");
    }
    let nowhere = run(&url)
        .env("SSL_CERT_FILE", "/nowhere/ca.pem")
        .env("SSL_CERT_DIR", "/nowhere");
    never_starts(nowhere, &fake, "UnknownIssuer");
    let run = run(&url).env("SSL_CERT_FILE", "/nowhere/ca.pem");
    passes(with_file(run, "NODE_EXTRA_CA_CERTS", "ca.pem", &authority.pem()));
}

/// A root whose certificate stores are hidden, as in a distroless container. Where this system lets us make none, the
/// variables of the test before this one have to do.
#[test]
#[cfg(target_os = "linux")]
fn a_root_without_any_store_works_with_an_extra_authority() {
    let hide = "for folder in /etc/ssl /etc/pki /usr/share/ca-certificates /usr/local/share/ca-certificates; do \
                if [ -d $folder ]; then mount -t tmpfs none $folder || exit 99; fi; done";
    let inside = |script: &str| {
        Run::new("/usr/bin/unshare")
            .arg("--mount")
            .arg("/bin/sh")
            .arg("-c")
            .arg(script)
    };
    let path = "/usr/sbin:/usr/bin:/sbin:/bin";
    if !std::path::Path::new("/usr/bin/unshare").exists() || inside(hide).env("PATH", path).output().code != 0 {
        eprintln!("skipped: no mount namespace can be made here");
        return;
    }
    let authority = Authority::new();
    let fake = behind(authority.signs(NAMES));
    let hidden = || {
        inside(&format!(
            "{hide}; test -z \"$(ls /etc/ssl)\" && exec {}",
            env!("CARGO_BIN_EXE_qatech-run")
        ))
        .github()
        .env("PATH", path)
        .input("api_token", TOKEN)
        .input("api_url", &fake.api_url_as("https://localhost"))
        .input("test_plan_short_id", "pln_a")
        .input("annotations", "off")
        .input("timeout_minutes", "0.5")
    };
    never_starts(hidden(), &fake, "UnknownIssuer");
    passes(with_file(hidden(), "NODE_EXTRA_CA_CERTS", "ca.pem", &authority.pem()));
}
