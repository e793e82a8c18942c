//! The HTTP client. Proxies, trusted certificates, time-outs and size limits are the same for QA.tech, GitHub and the webhook.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::time::{Duration, SystemTime};

use flate2::write::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use rustls::ClientConfig;

use crate::net::proxy::Network;
use crate::text::Redactor;

/// Time limit for connecting, including TLS and the proxy.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for a whole request, including the body of the answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Size limit of a body after decompression, in bytes.
pub const MAX_BODY: usize = 64 * 1024 * 1024;
/// Number of characters of an invalid answer that are shown.
const SHOWN: usize = 200;

/// The two clients for one set of proxies and trusted certificates.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Keeps connections open for the next request.
    pub pooled: Client,
    /// Opens a new connection for each request, for requests that must not be sent twice: if the server has just closed a
    /// connection, it is unclear whether it received the request.
    pub fresh: Client,
    /// Proxies and trusted certificates.
    pub network: Network,
}

/// Why the HTTP client could not be created.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS configuration is not valid.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// reqwest rejected the settings.
    #[error("the HTTP client can't be set up: {0}")]
    Client(String),
}

/// Creates both clients; see [`client`].
///
/// # Errors
/// See [`ClientError`].
pub fn clients(network: &Network) -> Result<Clients, ClientError> {
    // Shared, so that the system's certificates are read once and TLS sessions are resumed.
    let tls = crate::net::tls::config(&network.trust)?;
    Ok(Clients {
        pooled: build(network, tls.clone(), None)?,
        fresh: build(network, tls, Some(0))?,
        network: network.clone(),
    })
}

/// Creates a client. It does not follow redirects, since a token must not reach another host. reqwest's own retry is off: only
/// the caller knows whether a request may be sent again.
///
/// # Errors
/// See [`ClientError`].
pub fn client(network: &Network) -> Result<Client, ClientError> {
    build(network, crate::net::tls::config(&network.trust)?, None)
}

fn build(network: &Network, tls: ClientConfig, max_idle: Option<usize>) -> Result<Client, ClientError> {
    let mut client = Client::builder().no_proxy();
    if let Some(proxy) = network.proxy() {
        client = client.proxy(proxy);
    }
    if let Some(max_idle) = max_idle {
        client = client.pool_max_idle_per_host(max_idle);
    }
    client
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("qatech-run/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .build()
        .map_err(|error| ClientError::Client(explain(error)))
}

/// Adds the credentials in the proxy variables (upper and lower case) to the redactor.
pub fn add_proxies(redactor: &mut Redactor, variables: &[(OsString, OsString)]) {
    for (name, value) in variables {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
            continue;
        };
        if matches!(
            name.to_ascii_lowercase().as_str(),
            "http_proxy" | "https_proxy" | "all_proxy"
        ) {
            let url = if value.contains("://") {
                value.to_owned()
            } else {
                format!("http://{value}")
            };
            redactor.add_written_url(&url);
        }
    }
}

/// The text of an error with its causes, without its URL, which may contain a secret.
pub fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// A failure to connect that a retry can't fix. The message says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermanentFailure {
    /// The server's certificate has expired, is for another host, or comes from an unknown authority.
    #[error(
        "the server's certificate is not accepted ({0}); if a private authority or a proxy issued it, set SSL_CERT_FILE or NODE_EXTRA_CA_CERTS to a file with that authority's certificate"
    )]
    Certificate(String),
    /// No certificate authority is trusted.
    #[error("no certificate authority is trusted; set SSL_CERT_FILE to a file with certificates, or unset it")]
    NoRoots,
    /// The proxy refused to connect.
    #[error(
        "the proxy {proxy} refused the connection (HTTP {status}); check the proxy variables and the user name and password in them, or add the host to NO_PROXY"
    )]
    Proxy {
        /// URL of the proxy without user info.
        proxy: String,
        /// HTTP status of the proxy's answer.
        status: u16,
    },
    /// The host name can't be resolved.
    #[error("the host {0} does not exist; check its name")]
    UnknownHost(String),
}

impl PermanentFailure {
    /// Classifies an error of [`Client::execute`] for a URL. Returns `None` if a later attempt may succeed. If the proxy refused,
    /// it is asked again, since the error does not contain its status.
    pub async fn from_error(error: &reqwest::Error, url: &url::Url, network: &Network) -> Option<Self> {
        let host = || url.host_str().unwrap_or_default().to_owned();
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(tls) = tls_error(error) {
                return match tls {
                    rustls::Error::InvalidCertificate(why) => Some(Self::Certificate(format!("{why:?}"))),
                    rustls::Error::General(_) => Some(Self::NoRoots),
                    _ => None,
                };
            }
            let text = error.to_string();
            if text.contains("proxy authorization required") || text == "tunnel error: unsuccessful" {
                let (proxy, status) = network.ask_proxy(url).await?;
                return matches!(status, 403 | 407).then_some(Self::Proxy { proxy, status });
            }
            if NO_SUCH_HOST.iter().any(|words| text.contains(words)) && network.proxy_of(url).is_none() {
                return Some(Self::UnknownHost(host()));
            }
            cause = error.source();
        }
        None
    }
}

/// Resolver messages of glibc, musl, macOS and Windows for a name that does not exist. Other errors may be temporary.
const NO_SUCH_HOST: [&str; 4] = [
    "Name or service not known",
    "Name does not resolve",
    "nodename nor servname provided",
    "No such host is known",
];

/// The TLS error that an error is or wraps: `io::Error` does not return the wrapped error as its source.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = || error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref();
    error.downcast_ref().or_else(wrapped)
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the limit.
    #[error("the answer is too large")]
    TooLarge,
    /// It is incomplete, or can't be decoded.
    #[error("the answer can't be read: {0}")]
    Broken(String),
}

/// Reads a body of at most [`MAX_BODY`] bytes after decompression, regardless of `Content-Length`. Decodes gzip with one or more members
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-gzip-coding>).
///
/// # Errors
/// See [`BodyError`].
pub async fn read_body(response: Response) -> Result<Vec<u8>, BodyError> {
    read_body_up_to(response, MAX_BODY).await
}

/// Reads a body of at most `max` bytes after decompression; see [`read_body`].
///
/// # Errors
/// See [`BodyError`].
pub async fn read_body_up_to(response: Response, max: usize) -> Result<Vec<u8>, BodyError> {
    let declared = response.content_length().unwrap_or(0);
    let mut bytes = Vec::with_capacity(usize::try_from(declared).unwrap_or(max).min(max));
    read_body_into(response, max, &mut bytes).await?;
    Ok(bytes)
}

/// Writes a body of at most `max` bytes after decompression to `out` while it arrives; see [`read_body`].
///
/// # Errors
/// See [`BodyError`]. Part of the body may have been written.
pub async fn read_body_into(mut response: Response, max: usize, out: &mut dyn Write) -> Result<(), BodyError> {
    let encoding = response.headers().get(CONTENT_ENCODING);
    let encoding = encoding.map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    let is_gzip = match encoding.as_deref() {
        None | Some("" | "identity") => false,
        Some("gzip" | "x-gzip") => true,
        Some(_) => return Err(BodyError::Broken("unknown content encoding".to_owned())),
    };
    let declared = response.content_length().unwrap_or(0);
    let declared = usize::try_from(declared).unwrap_or(usize::MAX);
    if declared > max {
        return Err(BodyError::TooLarge);
    }
    let plain = Limited { out, left: max };
    let mut body = if is_gzip {
        Body::Gzip(Box::new(MultiGzDecoder::new(plain)))
    } else {
        Body::Plain(plain)
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.write(&chunk)?,
            Ok(None) => return body.finish(),
            Err(error) => return Err(BodyError::Broken(explain(error))),
        }
    }
}

/// The decoder of a body.
enum Body<'a> {
    Plain(Limited<'a>),
    Gzip(Box<MultiGzDecoder<Limited<'a>>>),
}

impl Body<'_> {
    fn write(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        match self {
            Self::Plain(body) => body.write_all(chunk),
            Self::Gzip(body) => body.write_all(chunk),
        }
        .map_err(|error| not_read(&error))
    }

    fn finish(self) -> Result<(), BodyError> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Gzip(body) => body.finish().map(|_| ()).map_err(|error| not_read(&error)),
        }
    }
}

fn not_read(error: &std::io::Error) -> BodyError {
    match error.kind() {
        ErrorKind::FileTooLarge => BodyError::TooLarge,
        _ => BodyError::Broken(error.to_string()),
    }
}

/// Passes bytes on, up to a limit.
struct Limited<'a> {
    out: &'a mut dyn Write,
    left: usize,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(ErrorKind::FileTooLarge)?;
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The delay that a server asked for, given as seconds or as a date
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-retry-after>). A date is relative to the `date` header if there is one, since
/// the local clock may be wrong.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let server_now = headers
        .get(DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(|date| httpdate::parse_http_date(date).ok());
    Some(
        date.duration_since(server_now.unwrap_or_else(SystemTime::now))
            .unwrap_or_default(),
    )
}

/// The beginning of an invalid answer for a message: its first characters on one line, and its content type. The text is
/// redacted before it is cut, since a part of a token is a secret too.
pub fn beginning(headers: &HeaderMap, body: &[u8], redactor: &Redactor) -> String {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("no content type");
    // Decodes only the beginning of a long page. Runs of white space do not count, since they are shown as one space.
    let most = SHOWN * 4 + redactor.longest();
    let mut head = Vec::new();
    let mut whole = true;
    for word in body.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        whole = head.len() + word.len() <= most;
        head.extend_from_slice(word.get(..word.len().min(most)).unwrap_or_default());
        if !whole {
            break;
        }
        head.push(b' ');
    }
    let mut text = brief(&String::from_utf8_lossy(&head), usize::MAX, redactor);
    if !whole {
        // The redactor does not find a secret that was cut in two.
        text.truncate(text.floor_char_boundary(text.len().saturating_sub(redactor.longest())));
    }
    let text: String = text.chars().take(SHOWN).collect();
    let kind = brief(kind, SHOWN, redactor);
    if text.is_empty() {
        format!("an empty body ({kind})")
    } else {
        format!("{text} ({kind})")
    }
}

/// An untrusted text as one redacted line of at most `most` characters.
pub fn brief(text: &str, most: usize, redactor: &Redactor) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    redactor.clean(line).chars().take(most).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::Secret;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        assert_eq!(
            retry_after(&headers(&[("retry-after", "7")])),
            Some(Duration::from_secs(7))
        );
        let skewed = [
            ("retry-after", "Wed, 21 Oct 2015 07:28:09 GMT"),
            ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ];
        assert_eq!(retry_after(&headers(&skewed)), Some(Duration::from_secs(9)));
        assert_eq!(retry_after(&headers(&skewed[..1])), Some(Duration::ZERO));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
    }

    #[test]
    fn a_page_is_shown_by_its_beginning() {
        let page = format!("<html>\n<title>502</title>{}", "x".repeat(5000));
        let shown = beginning(
            &headers(&[("content-type", "text/html")]),
            page.as_bytes(),
            &Redactor::default(),
        );
        assert!(shown.starts_with("<html> <title>502</title>xxx") && shown.ends_with("(text/html)"));
        assert!(shown.chars().count() < 220);
    }

    #[test]
    fn a_secret_that_the_cut_would_divide_is_removed_first() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("sekret-0123456789"));
        for before in 180..=200 {
            let page = format!("{}sekret-0123456789 and more", "x".repeat(before));
            let shown = beginning(&HeaderMap::new(), page.as_bytes(), &redactor);
            assert!(!shown.contains("sek"), "{shown}");
        }
    }

    #[test]
    fn neither_white_space_nor_stand_ins_bring_a_divided_secret_into_view() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("sekret-0123456789 with  spaces"));
        let secret = "sekret-0123456789 with  spaces";
        for most in 0..6_000 {
            let spaces = format!("{}{secret}", " ".repeat(most));
            let many = format!("{} {}", "y".repeat(most % 40), vec![secret; 200].join(" "));
            for page in [spaces, many] {
                let shown = beginning(&HeaderMap::new(), page.as_bytes(), &redactor);
                assert!(!shown.contains("sek"), "{shown}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_retry_after_makes_it_panic(value in "[ -~]{0,40}") {
            let _ = retry_after(&headers(&[("retry-after", &value)]));
        }

        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(beginning(&HeaderMap::new(), &body, &Redactor::default()).chars().count() <= SHOWN + 40);
        }
    }
}
