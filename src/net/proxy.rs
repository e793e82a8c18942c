//! Network settings from environment variables: which proxies to use, and which certificates to trust.

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::Proxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Host, Url};

use crate::net::secret_url::is_loopback;
use crate::net::tls::{BLANK_HIDES_STORE, Trust};

/// Time limit for asking a proxy why it refused.
const ASK: Duration = Duration::from_secs(5);

/// How servers are reached, according to the environment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// The trusted certificates.
    pub trust: Trust,
    proxies: Proxies,
}

/// The proxy for each scheme, and the hosts that are reached directly.
#[derive(Clone, Default, PartialEq)]
struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    /// The entries of `NO_PROXY`, in lower case.
    exempt: Vec<String>,
}

impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |proxy: &Option<Url>| proxy.as_ref().map(without_user_info);
        f.debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("exempt", &self.exempt)
            .finish()
    }
}

/// Why a proxy variable can't be used. The message does not repeat its value, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Its value is not a URL.
    #[error(
        "{0} is not a URL; allowed: http://host:port or https://host:port in ASCII, with user:password@ before the host if the proxy requires it"
    )]
    NotUrl(&'static str),
    /// Its scheme is neither http nor https.
    #[error("{variable} has the scheme {scheme:?}, which is not supported; allowed: http and https")]
    Scheme {
        /// Name of the variable.
        variable: &'static str,
        /// The scheme.
        scheme: String,
    },
}

/// The variables that contain paths of certificates.
const CERTIFICATES: [&str; 3] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"];

impl Network {
    /// Whether [`Network::read`] reads files. They can be at any path, so reading them may block.
    pub fn reads_files(variables: &[(OsString, OsString)]) -> bool {
        let names_file =
            |(name, value): &(OsString, OsString)| CERTIFICATES.iter().any(|known| name == known) && !is_blank(value);
        variables.iter().any(names_file)
    }

    /// Reads the environment variables. Also returns warnings, which contain untrusted paths.
    ///
    /// # Errors
    /// One for each proxy variable that can't be used.
    pub fn read(variables: &[(OsString, OsString)]) -> Result<(Self, Vec<String>), Vec<ProxyError>> {
        let given = |name: &str| {
            let (_, value) = variables.iter().find(|(known, _)| known == name)?;
            Some(value.as_os_str())
        };
        let set = |name| given(name).filter(|value| !is_blank(value));
        let [file, dirs, extra] = CERTIFICATES.map(set);
        let (trust, mut warnings) = Trust::read(file, dirs, extra);
        if BLANK_HIDES_STORE && given("SSL_CERT_FILE").is_some_and(is_blank) && set("SSL_CERT_DIR").is_none() {
            warnings.push(
                "SSL_CERT_FILE is blank, so the system's certificates are not found and bundled ones are used; unset it."
                    .to_owned(),
            );
        }
        Ok((
            Self {
                trust,
                proxies: Proxies::read(set)?,
            },
            warnings,
        ))
    }

    /// The proxy rule for the HTTP client; `None` if no proxy is set.
    pub fn proxy(&self) -> Option<Proxy> {
        let proxies = self.proxies.clone();
        let is_set = proxies.http.is_some() || proxies.https.is_some();
        is_set.then(|| Proxy::custom(move |url| proxies.of(url).cloned()))
    }

    /// The proxy for a URL, if any.
    pub fn proxy_of(&self, url: &Url) -> Option<&Url> {
        self.proxies.of(url)
    }

    /// Asks the proxy of a URL to connect to it. Returns the URL of the proxy without user info, and the HTTP status of its answer;
    /// `None` if there is no answer or if the proxy is reached over TLS.
    pub async fn ask_proxy(&self, url: &Url) -> Option<(String, u16)> {
        let proxy = self.proxies.of(url).filter(|proxy| proxy.scheme() == "http")?;
        let target = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if !proxy.username().is_empty() || proxy.password().is_some() {
            let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let info = format!(
                "{}:{}",
                decode(proxy.username()),
                decode(proxy.password().unwrap_or_default())
            );
            request.push_str(&format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(info)));
        }
        request.push_str("\r\n");
        let answer = timeout(ASK, async {
            let address = (proxy.host_str()?, proxy.port_or_known_default()?);
            let mut connection = TcpStream::connect(address).await.ok()?;
            connection.write_all(request.as_bytes()).await.ok()?;
            // `HTTP/1.1 407`
            let mut answer = [0; 12];
            connection.read_exact(&mut answer).await.ok()?;
            Some(answer)
        });
        let answer = answer.await.ok()??;
        let status = std::str::from_utf8(&answer).ok()?.split(' ').nth(1)?.parse().ok()?;
        Some((without_user_info(proxy), status))
    }
}

impl Proxies {
    /// Reads the variables. Lower case takes precedence over upper case, as in the runner's own client.
    fn read<'a>(set: impl Fn(&'static str) -> Option<&'a OsStr>) -> Result<Self, Vec<ProxyError>> {
        let mut errors = Vec::new();
        let mut first = |names: &[&'static str]| {
            let (name, value) = names.iter().find_map(|name| Some((*name, set(name)?)))?;
            match proxy_url(name, value) {
                Ok(url) => Some(url),
                Err(error) => {
                    if !errors.contains(&error) {
                        errors.push(error);
                    }
                    None
                }
            }
        };
        let http = first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]);
        let https = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        let exempt = set("no_proxy").or_else(|| set("NO_PROXY")).and_then(OsStr::to_str);
        let exempt = exempt
            .unwrap_or_default()
            .split(',')
            .map(|entry| entry.trim().to_ascii_lowercase());
        let exempt = exempt.filter(|entry| !entry.is_empty()).collect();
        if errors.is_empty() {
            Ok(Self { http, https, exempt })
        } else {
            Err(errors)
        }
    }

    /// The proxy for a URL. Plain http to this machine never uses a proxy, since the proxy would see the token.
    fn of(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "https" => self.https.as_ref(),
            _ if is_loopback(url) => None,
            _ => self.http.as_ref(),
        };
        proxy.filter(|_| !self.exempt.iter().any(|entry| exempts(entry, url)))
    }
}

/// Whether an entry of `NO_PROXY` matches a URL. As in `@actions/http-client`, an entry is `*`, an IP literal, or a host with its
/// subdomains, with or without a port. As in curl, it can also be a network such as `10.0.0.0/8`.
fn exempts(entry: &str, url: &Url) -> bool {
    let Some(host) = url.host_str().map(str::to_ascii_lowercase) else {
        return false;
    };
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return bits.parse().is_ok_and(|bits| is_in_network(url, network, bits));
    }
    let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
    let unbracketed = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let domain = entry.strip_prefix('.').unwrap_or(entry);
    [Some(host), Some(unbracketed), with_port]
        .into_iter()
        .flatten()
        .any(|host| {
            let is_subdomain = host.strip_suffix(domain).is_some_and(|start| start.ends_with('.'));
            host == entry || is_subdomain
        })
}

fn is_in_network(url: &Url, network: &str, bits: u32) -> bool {
    let top = |address: u128, width: u32| address.checked_shr(width.saturating_sub(bits)).unwrap_or(0);
    match (url.host(), network.parse()) {
        (Some(Host::Ipv4(host)), Ok(IpAddr::V4(network))) => {
            top(u32::from(host).into(), 32) == top(u32::from(network).into(), 32)
        }
        (Some(Host::Ipv6(host)), Ok(IpAddr::V6(network))) => top(host.into(), 128) == top(network.into(), 128),
        _ => false,
    }
}

/// The URL of a proxy, with `http://` as its default scheme.
fn proxy_url(variable: &'static str, value: &OsStr) -> Result<Url, ProxyError> {
    let not_url = || ProxyError::NotUrl(variable);
    let text = value.to_str().ok_or_else(not_url)?.trim();
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    let url = url.map_err(|_| not_url())?;
    let is_name = |host: &str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(Host::Domain(name))) if is_name(name) => Ok(url),
        ("http" | "https", Some(Host::Ipv4(_) | Host::Ipv6(_))) => Ok(url),
        ("http" | "https", _) => Err(not_url()),
        (scheme, _) => Err(ProxyError::Scheme {
            variable,
            scheme: scheme.to_owned(),
        }),
    }
}

fn without_user_info(proxy: &Url) -> String {
    let host = proxy.host_str().unwrap_or_default();
    let port = proxy.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", proxy.scheme())
}

/// A blank variable counts as unset: an expression such as `${{ vars.X }}` is blank if the variable does not exist.
fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<(Network, Vec<String>), Vec<ProxyError>> {
        let variables: Vec<_> = pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Network::read(&variables)
    }

    /// The proxy of a URL, with these variables.
    fn way(pairs: &[(&str, &str)], url: &str) -> Option<String> {
        let (network, _) = read(pairs).unwrap();
        network.proxy_of(&Url::parse(url).unwrap()).map(Url::to_string)
    }

    #[test]
    fn a_blank_variable_counts_as_unset() {
        for blank in ["", " ", "\n"] {
            let names = [
                "SSL_CERT_FILE",
                "SSL_CERT_DIR",
                "NODE_EXTRA_CA_CERTS",
                "HTTPS_PROXY",
                "NO_PROXY",
            ];
            let (network, warnings) = read(&names.map(|name| (name, blank))).unwrap();
            assert_eq!(network, Network::default());
            assert_eq!(warnings.len(), usize::from(BLANK_HIDES_STORE), "{warnings:?}");
            assert!(network.proxy().is_none());
        }
    }

    #[test]
    fn every_certificate_variable_is_read() {
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"] {
            let (network, warnings) = read(&[(name, "/nowhere")]).unwrap();
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
    fn lower_case_precedes_upper_case_and_a_scheme_precedes_all() {
        let api = "https://api.example/v1";
        let all = ("ALL_PROXY", "all.example:1");
        let upper = ("HTTPS_PROXY", " http://upper.example:2\n");
        let lower = ("https_proxy", "https://lower.example");
        assert_eq!(way(&[all], api).as_deref(), Some("http://all.example:1/"));
        assert_eq!(way(&[all, upper], api).as_deref(), Some("http://upper.example:2/"));
        assert_eq!(
            way(&[all, upper, lower], api).as_deref(),
            Some("https://lower.example/")
        );
        assert_eq!(
            way(&[upper, ("https_proxy", "")], api).as_deref(),
            Some("http://upper.example:2/")
        );
        assert_eq!(way(&[("HTTP_PROXY", "http://p.example")], api), None);
    }

    #[test]
    fn plain_http_to_this_machine_never_uses_a_proxy() {
        let proxies = [("HTTP_PROXY", "http://p.example"), ("ALL_PROXY", "http://p.example")];
        for url in ["http://127.0.0.1:8080/v1", "http://localhost/", "http://[::1]:1/"] {
            assert_eq!(way(&proxies, url), None, "{url}");
        }
        assert!(way(&proxies, "http://preview.example/").is_some());
    }

    #[test]
    fn a_value_that_is_not_a_url_is_an_error_that_does_not_repeat_it() {
        for value in [
            "\"http://s3cret.example\"",
            "http://s3cret proxy",
            "http://",
            "http://s3cret:99999",
            "'s3cret'",
        ] {
            let errors = read(&[("HTTPS_PROXY", value)]).unwrap_err();
            assert_eq!(errors, [ProxyError::NotUrl("HTTPS_PROXY")], "{value}");
            assert!(!errors[0].to_string().contains("s3cret"));
        }
        let errors = read(&[("all_proxy", "socks5h://s3cret@p.example")]).unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            "all_proxy has the scheme \"socks5h\", which is not supported; allowed: http and https"
        );
        let umlaut = way(
            &[("https_proxy", "http://me:geh\u{e4}im@p.example:3128")],
            "https://api.example",
        );
        assert_eq!(umlaut.as_deref(), Some("http://me:geh%C3%A4im@p.example:3128/"));
    }

    #[test]
    fn no_proxy_is_parsed_like_the_runner_does() {
        let through =
            |exempt: &str, url: &str| way(&[("HTTPS_PROXY", "http://p.example"), ("NO_PROXY", exempt)], url).is_some();
        for (exempt, url) in [
            ("*", "https://api.example"),
            ("*", "https://10.1.2.3"),
            ("api.example", "https://api.example"),
            ("API.Example , other", "https://api.example"),
            ("example", "https://api.example"),
            (".example", "https://api.example"),
            ("ghe.example:8443", "https://ghe.example:8443/api/v3"),
            ("ghe.example:443", "https://ghe.example/api/v3"),
            ("10.1.2.3", "https://10.1.2.3"),
            ("10.0.0.0/8", "https://10.1.2.3"),
            ("::1", "https://[::1]:8443"),
            ("[::1]", "https://[::1]:8443"),
            ("2001:db8::/32", "https://[2001:db8:1::1]"),
        ] {
            assert!(!through(exempt, url), "{exempt} {url}");
        }
        for (exempt, url) in [
            ("pi.example", "https://api.example"),
            ("api.example.com", "https://api.example"),
            ("ghe.example:8443", "https://ghe.example/api/v3"),
            ("10.1.2.30", "https://10.1.2.3"),
            ("10.0.0.0/8", "https://11.1.2.3"),
            ("10.0.0.0/99", "https://11.1.2.3"),
            (".", "https://api.example"),
        ] {
            assert!(through(exempt, url), "{exempt} {url}");
        }
        let both = [
            ("HTTPS_PROXY", "http://p.example"),
            ("no_proxy", "a.example"),
            ("NO_PROXY", "b.example"),
        ];
        assert_eq!(way(&both, "https://a.example"), None);
        assert!(way(&both, "https://b.example").is_some());
    }

    #[test]
    fn debug_shows_no_password() {
        let (network, _) = read(&[("https_proxy", "http://me:s3cret@proxy.example")]).unwrap();
        let shown = format!("{network:?}");
        assert!(!shown.contains("s3cret") && shown.contains("proxy.example"), "{shown}");
    }
}
