//! The way to a server, as the environment tells it: whom to trust, and which proxies to take.

use std::ffi::{OsStr, OsString};

use reqwest::{NoProxy, Proxy};

use crate::net::tls::{BLANK_HIDES_STORE, Trust};
use crate::text::Secret;

/// What the environment says of the way to any server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Whom to trust.
    pub trust: Trust,
    /// The proxies; `None` where the HTTP client finds them by itself.
    proxies: Option<Proxies>,
}

/// Proxies that the HTTP client would not find: for it, a blank `HTTPS_PROXY` hides `https_proxy`.
#[derive(Debug, Clone, PartialEq)]
struct Proxies {
    http: Option<Secret>,
    https: Option<Secret>,
    no: Option<String>,
}

impl Network {
    /// Out of the environment's variables, with what the user should know. The texts hold untrusted paths.
    pub fn read(variables: &[(OsString, OsString)]) -> (Self, Vec<String>) {
        let given = |name: &str| {
            let (_, value) = variables.iter().find(|(known, _)| known == name)?;
            Some(value.as_os_str())
        };
        let set = |name| given(name).filter(|value| !is_blank(value));
        let (trust, mut warnings) = Trust::read(set("SSL_CERT_FILE"), set("SSL_CERT_DIR"), set("NODE_EXTRA_CA_CERTS"));
        if BLANK_HIDES_STORE && given("SSL_CERT_FILE").is_some_and(is_blank) && set("SSL_CERT_DIR").is_none() {
            warnings.push(
                "SSL_CERT_FILE is blank, which hides the system's certificates; bundled ones are used. Unset it."
                    .to_owned(),
            );
        }
        let first = |upper, lower| set(upper).or_else(|| set(lower)).and_then(OsStr::to_str);
        let hides = |upper, lower| given(upper).is_some_and(is_blank) && set(lower).is_some();
        let hidden = hides("HTTPS_PROXY", "https_proxy")
            || hides("HTTP_PROXY", "http_proxy")
            || hides("ALL_PROXY", "all_proxy")
            || hides("NO_PROXY", "no_proxy");
        let proxies = hidden.then(|| {
            let all = first("ALL_PROXY", "all_proxy");
            Proxies {
                http: first("HTTP_PROXY", "http_proxy").or(all).map(Secret::new),
                https: first("HTTPS_PROXY", "https_proxy").or(all).map(Secret::new),
                no: first("NO_PROXY", "no_proxy").map(str::to_owned),
            }
        });
        (Self { trust, proxies }, warnings)
    }

    /// What the HTTP client has to be told of proxies, if anything. One that is no URL is passed over, as the client does.
    pub fn proxies(&self) -> [Option<Proxy>; 2] {
        let Some(Proxies { http, https, no }) = &self.proxies else {
            return [None, None];
        };
        let no = no.as_deref().and_then(NoProxy::from_string);
        let http = http.as_ref().and_then(|proxy| Proxy::http(proxy.expose()).ok());
        let https = https.as_ref().and_then(|proxy| Proxy::https(proxy.expose()).ok());
        [http, https].map(|proxy| Some(proxy?.no_proxy(no.clone())))
    }
}

/// Blank is unset: an expression such as `${{ vars.X }}` that names nothing leaves a variable blank.
fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Network, Vec<String>) {
        let variables: Vec<_> = pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Network::read(&variables)
    }

    #[test]
    fn blank_variables_are_unset_ones() {
        for blank in ["", " ", "\n"] {
            let names = [
                "SSL_CERT_FILE",
                "SSL_CERT_DIR",
                "NODE_EXTRA_CA_CERTS",
                "HTTPS_PROXY",
                "NO_PROXY",
            ];
            let (network, warnings) = read(&names.map(|name| (name, blank)));
            assert_eq!(network, Network::default());
            assert_eq!(warnings.len(), usize::from(BLANK_HIDES_STORE), "{warnings:?}");
        }
    }

    #[test]
    fn every_variable_is_read_into_its_place() {
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"] {
            let (network, warnings) = read(&[(name, "/nowhere")]);
            assert_eq!(warnings.len(), 1);
            assert!(
                warnings
                    .iter()
                    .all(|text| text.starts_with(&format!("{name} names /nowhere, "))),
                "{warnings:?}"
            );
            assert_eq!(network == Network::default(), name == "NODE_EXTRA_CA_CERTS");
        }
    }

    #[test]
    fn only_what_a_blank_variable_hides_is_told_to_the_client() {
        let proxy = "http://proxy.example:3128";
        for (upper, lower) in [
            ("HTTPS_PROXY", "https_proxy"),
            ("ALL_PROXY", "all_proxy"),
            ("NO_PROXY", "no_proxy"),
        ] {
            assert!(read(&[(upper, proxy), (lower, proxy)]).0.proxies.is_none());
            assert!(read(&[(lower, proxy)]).0.proxies.is_none());
            assert!(read(&[(upper, ""), (lower, proxy)]).0.proxies.is_some());
        }
        let (network, _) = read(&[("HTTPS_PROXY", ""), ("https_proxy", "http://me:s3cret@proxy.example")]);
        assert!(!format!("{network:?}").contains("s3cret"));
        assert!(matches!(network.proxies(), [None, Some(_)]));
    }
}
