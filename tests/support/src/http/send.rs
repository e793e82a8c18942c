//! Writing a reply to a connection, with its framing, pauses and cuts.

use std::io::{self, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::reply::{Body, Course, End, Framing, Reply};
use super::{Connection, Request, Stop, Tcp};

impl Reply {
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

/// Sends with pauses, up to a limit after which writing fails.
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

/// Adds chunk sizes if the framing requires them.
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

/// Sends nothing until the peer or the server ends the connection.
fn hang(tcp: &Tcp, stop: &Stop) -> io::Result<bool> {
    tcp.socket().set_read_timeout(Some(Duration::from_millis(50)))?;
    let mut byte = [0];
    while !stop.stopped() {
        match tcp.socket().peek(&mut byte) {
            Ok(0) => break,
            // Ignored bytes: the peer is still connected.
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
