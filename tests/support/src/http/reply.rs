//! The server's answers, good or faulty.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Connection, Tcp};

/// Takes over the connection, which is closed when this returns.
type TakeOver = dyn Fn(&mut dyn Connection, &Tcp) -> io::Result<()> + Send + Sync;

/// The bytes of a body, before compression and framing.
#[derive(Clone, Debug)]
pub enum Body {
    /// Sent unchanged.
    Bytes(Arc<[u8]>),
    /// `before`, then `pad` repeated `count` times, then `after`; never held in memory.
    Padded {
        /// The beginning.
        before: Vec<u8>,
        /// The byte that is repeated.
        pad: u8,
        /// The number of repetitions.
        count: u64,
        /// The end.
        after: Vec<u8>,
    },
}

/// How the end of the body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A correct `Content-Length` (chunked if the length is not known beforehand).
    Length,
    /// A `Content-Length` of this many bytes, whatever is sent; the connection is closed afterwards.
    Claimed(u64),
    /// Chunks.
    Chunked,
    /// Chunks of which the second one (or the only one) has an invalid size.
    BrokenChunks,
    /// No framing: the body ends with the connection.
    UntilClose,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With RST: the peer gets "connection reset".
    Reset,
    /// With FIN: the peer gets an early end of file.
    Close,
}

#[derive(Clone)]
pub(super) enum Course {
    Whole,
    CutBeforeHeaders(End),
    CutInHeaders(End),
    CutInBody(u64, End),
    Hang,
    Raw(Arc<[u8]>),
    TakeOver(Arc<TakeOver>),
}

/// An answer. The constructors make valid answers; the other methods make them faulty.
#[derive(Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Header fields besides those of the framing.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    pub(super) framing: Framing,
    pub(super) gzip: bool,
    pub(super) delay: Duration,
    pub(super) drip: Option<(usize, Duration)>,
    pub(super) close: bool,
    pub(super) course: Course,
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

    /// A JSON document `{"padding":"   …   "}` of at least `count` bytes, generated while it is sent.
    pub fn huge_json(count: u64) -> Self {
        let body = Body::Padded {
            before: br#"{"padding":""#.to_vec(),
            pad: b' ',
            count,
            after: br#""}"#.to_vec(),
        };
        Self::empty(200).header("Content-Type", "application/json").body(body)
    }

    /// [`huge_json`](Self::huge_json), compressed to about a thousandth: a decompression bomb.
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

    /// No answer while the peer keeps the connection open.
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

    /// Passes the connection to `take_over` (for example, a proxy's tunnel) and closes it afterwards.
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

    /// Sets how the end of the body is marked.
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

    /// Cut in the middle of the header.
    #[must_use]
    pub fn cut_in_headers(mut self, end: End) -> Self {
        self.course = Course::CutInHeaders(end);
        self
    }

    /// Cut after this many bytes of the framed body.
    #[must_use]
    pub fn cut_in_body(mut self, after: u64, end: End) -> Self {
        self.course = Course::CutInBody(after, end);
        self
    }
}
