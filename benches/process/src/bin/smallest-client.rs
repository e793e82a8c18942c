//! The smallest program that makes the same two requests with the same TLS stack: it starts a run, polls it once, and exits. It
//! reads no certificates, checks nothing and writes nothing, so it measures what every such program needs.
//!
//! `smallest-client API_URL TOKEN PLAN`, where `API_URL` is the same as the action's `api_url`.

// It is only measured: it panics if anything is not as expected.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

fn main() {
    let [url, token, plan] = <[String; 3]>::try_from(std::env::args().skip(1).collect::<Vec<_>>()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .build()
            .unwrap();
        let started = client
            .post(format!("{url}/run"))
            .bearer_auth(&token)
            .body(format!(r#"{{"trigger":"API","testPlanShortId":"{plan}"}}"#))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let (_, rest) = started.split_once(r#""shortId":""#).unwrap();
        let (short_id, _) = rest.split_once('"').unwrap();
        let run = client
            .get(format!("{url}/run/{short_id}?testCases=all"))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert!(run.starts_with(b"{"));
    });
}
