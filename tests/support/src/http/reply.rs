//! What the server answers, good or faulty, and writing it to a connection.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{Connection, Request, Stop, Tcp};

/// Takes the connection over; it is closed when this returns.
type TakeOver = dyn Fn(&mut dyn Connection, &Tcp) -> io::Result<()> + Send + Sync;

/// The bytes of a body, before compression and framing.
#[derive(Clone, Debug)]
pub enum Body {
    /// As they are.
    Bytes(Arc<[u8]>),
    /// `before`, then `pad` `count` times, then `after`: never held in memory, however large.
    Padded {
        /// What stands first.
        before: Vec<u8>,
        /// The byte that is repeated.
        pad: u8,
        /// How often it is repeated.
        count: u64,
        /// What stands last.
        after: Vec<u8>,
    },
}

/// How the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A true `Content-Length` (chunks where the length is not known beforehand).
    Length,
    /// A `Content-Length` of this many bytes, whatever is sent; the connection is closed behind it.
    Claimed(u64),
    /// Chunks.
    Chunked,
    /// Chunks whose second one (or the last, where there is one only) has no valid size.
    BrokenChunks,
    /// No framing: the body ends with the connection.
    UntilClose,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With RST: the peer sees "connection reset".
    Reset,
    /// With FIN: the peer sees an early end.
    Close,
}

#[derive(Clone)]
enum Course {
    Whole,
    CutBeforeHeaders(End),
    CutInHeaders(End),
    CutInBody(u64, End),
    Hang,
    Raw(Arc<[u8]>),
    TakeOver(Arc<TakeOver>),
}

/// An answer. The constructors make good ones; the other methods spoil them.
#[derive(Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Header fields besides those of the framing.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    framing: Framing,
    gzip: bool,
    delay: Duration,
    drip: Option<(usize, Duration)>,
    close: bool,
    course: Course,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, "application/json", body.to_string())
    }

    /// An answer of any content type.
    pub fn raw(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::empty(status)
            .header("Content-Type", content_type)
            .body(Body::Bytes(body.as_ref().into()))
    }

    /// An answer without body or content type.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bytes(Arc::new([])),
            framing: Framing::Length,
            gzip: false,
            delay: Duration::ZERO,
            drip: None,
            close: false,
            course: Course::Whole,
        }
    }

    /// A JSON document `{"padding":"   …   "}` of at least `count` bytes, made while it is sent.
    pub fn huge_json(count: u64) -> Self {
        let body = Body::Padded {
            before: br#"{"padding":""#.to_vec(),
            pad: b' ',
            count,
            after: br#""}"#.to_vec(),
        };
        Self::empty(200).header("Content-Type", "application/json").body(body)
    }

    /// [`huge_json`](Self::huge_json), compressed to about a thousandth: a bomb.
    pub fn gzip_bomb(count: u64) -> Self {
        Self::huge_json(count).gzip().framing(Framing::Chunked)
    }

    /// These bytes and nothing else, then the end of the connection.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self {
            course: Course::Raw(bytes.as_ref().into()),
            ..Self::empty(0)
        }
    }

    /// No answer for as long as the peer keeps the connection.
    pub fn hang() -> Self {
        Self {
            course: Course::Hang,
            ..Self::empty(0)
        }
    }

    /// Cut before the first byte of an answer.
    pub fn cut(end: End) -> Self {
        Self {
            course: Course::CutBeforeHeaders(end),
            ..Self::empty(0)
        }
    }

    /// Hands the connection to `take_over` (a proxy's tunnel, for example) and closes it afterwards.
    pub fn take_over(take_over: impl Fn(&mut dyn Connection, &Tcp) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self {
            course: Course::TakeOver(Arc::new(take_over)),
            ..Self::empty(0)
        }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Replaces the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Tells the body's end in another way.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Compresses the body, with `Content-Encoding: gzip`.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// Waits before the answer.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends head and body in pieces of `size` bytes with a pause after each.
    #[must_use]
    pub fn drip(mut self, size: usize, pause: Duration) -> Self {
        self.drip = Some((size.max(1), pause));
        self
    }

    /// Closes the connection after the answer.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Cut after half of the header.
    #[must_use]
    pub fn cut_in_headers(mut self, end: End) -> Self {
        self.course = Course::CutInHeaders(end);
        self
    }

    /// Cut after so many bytes of the (framed) body.
    #[must_use]
    pub fn cut_in_body(mut self, after: u64, end: End) -> Self {
        self.course = Course::CutInBody(after, end);
        self
    }

    /// Writes the answer; `true` when the connection can be used again.
    pub(super) fn send(
        &self,
        connection: &mut dyn Connection,
        tcp: &Tcp,
        request: &Request,
        stop: &Stop,
    ) -> io::Result<bool> {
        if stop.pause(self.delay) {
            return Ok(false);
        }
        match &self.course {
            Course::Whole => {}
            Course::CutBeforeHeaders(end) => return cut(tcp, *end),
            Course::Hang => return hang(tcp, stop),
            Course::Raw(bytes) => {
                Paced {
                    connection,
                    drip: self.drip,
                    stop,
                    left: u64::MAX,
                }
                .write_all(bytes)?;
                return Ok(false);
            }
            Course::TakeOver(take_over) => return take_over(connection, tcp).map(|()| false),
            Course::CutInHeaders(end) => {
                let (head, _) = self.head(request);
                connection.write_all(&head[..head.len() / 2])?;
                connection.flush()?;
                return cut(tcp, *end);
            }
            Course::CutInBody(..) => {}
        }
        let (head, framing) = self.head(request);
        let bodyless = request.method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304);
        let plain = framing == Framing::Length && self.drip.is_none() && matches!(self.course, Course::Whole);
        if let (true, false, Body::Bytes(bytes)) = (plain, bodyless, &self.body) {
            // One segment for head and body.
            connection.write_all(&[&head[..], bytes].concat())?;
            connection.flush()?;
            return Ok(!self.close);
        }
        Paced {
            connection,
            drip: self.drip,
            stop,
            left: u64::MAX,
        }
        .write_all(&head)?;
        connection.flush()?;
        if !bodyless {
            let left = if let Course::CutInBody(after, _) = self.course {
                after
            } else {
                u64::MAX
            };
            let mut paced = Paced {
                connection,
                drip: self.drip,
                stop,
                left,
            };
            let written = self.write_body(&mut Framed {
                to: &mut paced,
                framing,
                chunks: 0,
            });
            let at_the_cut = paced.left == 0;
            if let (Course::CutInBody(_, end), true) = (&self.course, at_the_cut || written.is_ok()) {
                return cut(tcp, *end);
            }
            written?;
            connection.flush()?;
        }
        Ok(!self.close && matches!(framing, Framing::Length | Framing::Chunked))
    }

    /// The header's bytes, and the framing that it names.
    fn head(&self, request: &Request) -> (Vec<u8>, Framing) {
        let length = match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Padded {
                before,
                pad: _,
                count,
                after,
            } => (before.len() + after.len()) as u64 + count,
        };
        let framing = if self.framing == Framing::Length && self.gzip {
            Framing::Chunked
        } else {
            self.framing
        };
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.gzip {
            head.push_str("Content-Encoding: gzip\r\n");
        }
        match framing {
            // No length where there can be no body.
            Framing::Length if matches!(self.status, 100..=199 | 204) => {}
            Framing::Length => head.push_str(&format!("Content-Length: {length}\r\n")),
            Framing::Claimed(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
            Framing::Chunked | Framing::BrokenChunks => head.push_str("Transfer-Encoding: chunked\r\n"),
            Framing::UntilClose => {}
        }
        if self.close || matches!(framing, Framing::UntilClose) || request.headers.get("connection") == Some("close") {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        (head.into_bytes(), framing)
    }

    fn write_body(&self, framed: &mut Framed<'_, '_>) -> io::Result<()> {
        if self.gzip {
            let mut encoder = GzEncoder::new(&mut *framed, Compression::fast());
            self.write_plain(&mut encoder)?;
            encoder.finish()?;
        } else {
            self.write_plain(framed)?;
        }
        framed.finish()
    }

    fn write_plain(&self, to: &mut dyn Write) -> io::Result<()> {
        match &self.body {
            Body::Bytes(bytes) => to.write_all(bytes),
            Body::Padded {
                before,
                pad,
                count,
                after,
            } => {
                to.write_all(before)?;
                let block = [*pad; 64 * 1024];
                let mut left = *count;
                while left > 0 {
                    let part = left.min(block.len() as u64) as usize;
                    to.write_all(&block[..part])?;
                    left -= part as u64;
                }
                to.write_all(after)
            }
        }
    }
}

/// Sends with pauses and up to a limit, past which writing fails.
struct Paced<'a> {
    connection: &'a mut dyn Connection,
    drip: Option<(usize, Duration)>,
    stop: &'a Stop,
    left: u64,
}

impl Write for Paced<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let limit = self
            .drip
            .map_or(usize::MAX, |(size, _)| size)
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if limit == 0 && !bytes.is_empty() {
            return Err(io::Error::other("cut on purpose"));
        }
        let count = self.connection.write(&bytes[..bytes.len().min(limit)])?;
        self.left -= count as u64;
        if let Some((_, pause)) = self.drip {
            self.connection.flush()?;
            if self.stop.pause(pause) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.connection.flush()
    }
}

/// Puts chunk sizes around what is written, where the framing wants them.
struct Framed<'a, 'b> {
    to: &'a mut Paced<'b>,
    framing: Framing,
    chunks: u64,
}

impl Framed<'_, '_> {
    fn finish(&mut self) -> io::Result<()> {
        match self.framing {
            Framing::Chunked => self.to.write_all(b"0\r\n\r\n")?,
            Framing::BrokenChunks => self.to.write_all(b"this is no size\r\n\r\n")?,
            Framing::Length | Framing::Claimed(_) | Framing::UntilClose => {}
        }
        self.to.flush()
    }
}

impl Write for Framed<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        match self.framing {
            Framing::BrokenChunks if self.chunks > 0 => self.to.write_all(b"this is no size\r\n")?,
            Framing::Chunked | Framing::BrokenChunks => {
                self.to.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
            }
            Framing::Length | Framing::Claimed(_) | Framing::UntilClose => {
                return self.to.write(bytes);
            }
        }
        self.chunks += 1;
        self.to.write_all(bytes)?;
        self.to.write_all(b"\r\n")?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn cut(tcp: &Tcp, end: End) -> io::Result<bool> {
    if end == End::Reset {
        tcp.reset_on_close();
    }
    Ok(false)
}

/// Stays silent until the peer or the server ends the connection.
fn hang(tcp: &Tcp, stop: &Stop) -> io::Result<bool> {
    tcp.socket().set_read_timeout(Some(Duration::from_millis(50)))?;
    let mut byte = [0];
    while !stop.stopped() {
        match tcp.socket().peek(&mut byte) {
            Ok(0) => break,
            // Bytes that nobody reads: the peer is still there.
            Ok(_) => {
                stop.pause(Duration::from_millis(50));
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        422 => "Unprocessable Entity",
        425 => "Too Early",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // The phrase is optional (RFC 9112, section 4).
        _ => "",
    }
}
