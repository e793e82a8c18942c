//! A received request, and how it is read from a connection.

use std::io;
use std::time::Instant;

use serde_json::Value;

use super::Connection;

/// Header fields in the order of arrival; names are case-insensitive.
#[derive(Clone, Debug, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A request as received.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, in upper case as sent.
    pub method: String,
    /// The request target, unchanged.
    pub target: String,
    /// The target's path, still percent-encoded.
    pub path: String,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
    /// The header fields.
    pub headers: Headers,
    /// The body without its framing; cut at 16 MiB.
    pub body: Vec<u8>,
    /// The size of the full body, in bytes.
    pub body_size: u64,
    /// When it was completely read.
    pub at: Instant,
    /// The number of the server's connection that it arrived on, from 1.
    pub connection: usize,
}

impl Request {
    /// The body as JSON; `Null` if it is empty.
    ///
    /// # Panics
    /// If the body is not JSON, which no client under test may send.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "the body of {} {} is not JSON: {error}: {}",
                self.method,
                self.target,
                String::from_utf8_lossy(&self.body)
            )
        })
    }

    /// The first value of a query key.
    pub fn query(&self, key: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The segments of the path, each decoded.
    pub fn segments(&self) -> Vec<String> {
        self.path
            .trim_start_matches('/')
            .split('/')
            .map(percent_decode)
            .collect()
    }

    /// The token of `Authorization: Bearer TOKEN`.
    pub fn bearer(&self) -> Option<&str> {
        self.headers.get("authorization")?.strip_prefix("Bearer ")
    }
}

/// Decodes `%XX`; anything else is kept.
pub fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// How much of a body is kept, in bytes.
const MAX_KEPT: usize = 16 << 20;

/// Reads the next request; `None` if the peer closed the connection between two. `unread` keeps bytes of the next one.
pub(super) fn read(
    connection: &mut dyn Connection,
    unread: &mut Vec<u8>,
    number: usize,
) -> io::Result<Option<Request>> {
    let mut request = loop {
        if let Some((length, request)) = parse_head(unread, number)? {
            unread.drain(..length);
            break request;
        }
        if !read_more(connection, unread)? {
            return if unread.is_empty() {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
    };
    if request
        .headers
        .get("expect")
        .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    {
        connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let chunked = request
        .headers
        .get("transfer-encoding")
        .is_some_and(|v| v.to_ascii_lowercase().contains("chunked"));
    if chunked {
        request.body = read_chunks(connection, unread)?;
    } else if let Some(length) = request.headers.get("content-length") {
        let length: usize = length.trim().parse().map_err(invalid)?;
        request.body = read_exactly(connection, unread, length.min(MAX_KEPT))?;
        skip_exactly(connection, unread, length - request.body.len())?;
        request.body_size = length as u64;
    }
    if chunked {
        request.body_size = request.body.len() as u64;
    }
    request.at = Instant::now();
    Ok(Some(request))
}

fn parse_head(bytes: &[u8], connection: usize) -> io::Result<Option<(usize, Request)>> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(invalid)? else {
        return Ok(None);
    };
    let target = head.path.unwrap_or_default().to_owned();
    let (path, query) = split_target(&target);
    let headers = (head.headers.iter())
        .map(|header| {
            (
                header.name.to_owned(),
                String::from_utf8_lossy(header.value).into_owned(),
            )
        })
        .collect();
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path,
        query,
        target,
        headers: Headers(headers),
        body: Vec::new(),
        body_size: 0,
        at: Instant::now(),
        connection,
    };
    Ok(Some((length, request)))
}

/// Path and query of a target; a proxy's client sends it with scheme and host.
fn split_target(target: &str) -> (String, Vec<(String, String)>) {
    let local = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => rest.find('/').map_or("/", |slash| &rest[slash..]),
        _ => target,
    };
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (
            percent_decode(&key.replace('+', " ")),
            percent_decode(&value.replace('+', " ")),
        )
    });
    (path.to_owned(), pairs.collect())
}

fn read_more(connection: &mut dyn Connection, unread: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    let count = loop {
        match connection.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    unread.extend_from_slice(&buffer[..count]);
    Ok(count > 0)
}

fn read_exactly(connection: &mut dyn Connection, unread: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while unread.len() < length {
        if !read_more(connection, unread)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(unread.drain(..length).collect())
}

fn skip_exactly(connection: &mut dyn Connection, unread: &mut Vec<u8>, length: usize) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        if unread.is_empty() && !read_more(connection, unread)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = left.min(unread.len());
        unread.drain(..count);
        left -= count;
    }
    Ok(())
}

fn read_chunks(connection: &mut dyn Connection, unread: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(connection, unread)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(invalid)?;
        if size == 0 {
            // Trailers, up to the empty line.
            while !read_line(connection, unread)?.is_empty() {}
            return Ok(body);
        }
        body.extend(read_exactly(connection, unread, size)?);
        read_line(connection, unread)?;
    }
}

fn read_line(connection: &mut dyn Connection, unread: &mut Vec<u8>) -> io::Result<String> {
    loop {
        if let Some(end) = unread.windows(2).position(|pair| pair == b"\r\n") {
            let line = unread.drain(..end + 2).take(end).collect();
            return String::from_utf8(line).map_err(invalid);
        }
        if !read_more(connection, unread)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
