//! One thing that goes wrong with a request or its answer.

use std::time::{Duration, SystemTime};

use qatech_fakes::http::{End, Framing, Reply};
use qatech_fakes::qatech::Instead;
use qatech_fakes::tls::NoHandshake;
use serde_json::json;

use crate::fault_matrix::dice::Dice;

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A status with some page, and perhaps a `Retry-After` (with the server's own clock).
    Status(u16, Option<RetryAfter>),
    /// The connection is cut before the answer.
    Cut(End),
    /// … within its header.
    CutInHeaders(End),
    /// … after so many bytes of its body.
    CutInBody(u64, End),
    /// Its body is framed wrongly.
    Framed(Framing),
    /// It claims to be compressed, and is not.
    NoGzip,
    /// It comes in pieces of so many bytes every so many milliseconds.
    Drip(usize, u64),
    /// It never comes.
    Hang,
    /// It is late by so many milliseconds.
    Late(u64),
    /// Another content type, around the right body.
    ContentType(&'static str),
    /// A page of something else, as 200.
    Page(&'static str),
    /// Bytes that are no HTTP.
    NoHttp,
    /// A redirect: to itself, or to the thief.
    Redirect(u16, To),
    /// Somebody else's run, which passed.
    OtherRun,
}

/// A `Retry-After`.
#[derive(Clone, Copy, Debug)]
pub enum RetryAfter {
    /// Seconds.
    Seconds(u64),
    /// A date so many seconds ahead of the server's clock, which is wrong by so many days.
    Date { ahead: u64, days_wrong: i64 },
    /// A date on a clock that is not told, so many days off.
    DateAlone { days: i64 },
    /// Neither.
    Nonsense,
}

/// Where a redirect leads.
#[derive(Clone, Copy, Debug)]
pub enum To {
    /// To where it was.
    Itself,
    /// To another host that would answer.
    Thief,
}

impl Fault {
    /// A random one.
    pub fn random(dice: &mut Dice) -> Self {
        let end = dice.of(&[End::Reset, End::Close]);
        match dice.below(18) {
            0 | 1 => Self::Status(dice.of(&[500, 502, 503, 504, 408, 425, 429]), None),
            2 | 3 => Self::Status(dice.of(&[503, 429]), Some(RetryAfter::random(dice))),
            4 => Self::Status(
                dice.of(&[204, 206, 304, 400, 401, 402, 403, 404, 409, 410, 418, 422, 501, 599]),
                None,
            ),
            5 => Self::Cut(end),
            6 => Self::CutInHeaders(end),
            7 => Self::CutInBody(dice.below(200), end),
            8 => Self::Framed(dice.of(&[Framing::BrokenChunks, Framing::UntilClose, Framing::Chunked])),
            // The answers have about 100 bytes and more.
            9 => Self::Framed(Framing::Claimed(dice.of(&[
                0,
                1,
                40,
                100_000,
                63 << 20,
                65 << 20,
                u64::MAX,
            ]))),
            10 => Self::NoGzip,
            11 => Self::Drip(dice.of(&[1, 50, 200]), dice.of(&[1, 20, 300])),
            12 => {
                if dice.percent(25) {
                    Self::Hang
                } else {
                    Self::Late(dice.below(1500))
                }
            }
            13 => Self::ContentType(dice.of(&[
                "text/html",
                "text/plain; charset=utf-16",
                "application/octet-stream",
                "\u{fc}",
            ])),
            14 => Self::Page(dice.of(&[
                "",
                "null",
                "[]",
                "\"PASSED\"",
                "<html>502</html>",
                "{}",
                "{\"status\":\"COMPLETED\"",
                "PASSED",
            ])),
            15 => Self::NoHttp,
            16 => Self::Redirect(
                dice.of(&[300, 301, 302, 303, 307, 308]),
                dice.of(&[To::Itself, To::Thief]),
            ),
            _ => Self::OtherRun,
        }
    }

    /// What the fake does. `effect` decides, where either may be, whether the request has its effect.
    pub fn instead(&self, effect: bool, own_url: &str, thief: &str) -> Instead {
        let whole = |reply: Reply| {
            if effect {
                Instead::OfTheAnswer(reply)
            } else {
                Instead::Of(reply)
            }
        };
        match self.clone() {
            Self::Status(code, after) => {
                let reply = Reply::raw(code, "text/html", "<html>no luck</html>");
                // A server that refuses has done nothing; others may have.
                let reply = after.iter().fold(reply, |reply, after| after.put(reply));
                if (400..500).contains(&code) {
                    Instead::Of(reply)
                } else {
                    whole(reply)
                }
            }
            Self::Cut(end) => whole(Reply::cut(end)),
            Self::CutInHeaders(end) => Instead::spoiled(move |reply| reply.cut_in_headers(end)),
            Self::CutInBody(after, end) => Instead::spoiled(move |reply| reply.cut_in_body(after, end)),
            Self::Framed(framing) => Instead::spoiled(move |reply| reply.framing(framing)),
            Self::NoGzip => Instead::spoiled(|reply| reply.header("Content-Encoding", "gzip")),
            Self::Drip(size, pause) => Instead::spoiled(move |reply| reply.drip(size, Duration::from_millis(pause))),
            Self::Hang => whole(Reply::hang()),
            Self::Late(by) => Instead::spoiled(move |reply| reply.delay(Duration::from_millis(by))),
            Self::ContentType(kind) => Instead::spoiled(move |mut reply| {
                reply.headers.retain(|(name, _)| name != "Content-Type");
                reply.header("Content-Type", kind)
            }),
            Self::Page(text) => whole(Reply::raw(200, "application/json", text)),
            Self::NoHttp => whole(Reply::bytes(b"SSH-2.0-OpenSSH_9.9\r\n")),
            Self::Redirect(code, to) => {
                let location = match to {
                    To::Itself => own_url,
                    To::Thief => thief,
                };
                whole(Reply::json(code, &other_run()).header("Location", location))
            }
            Self::OtherRun => whole(Reply::json(200, &other_run())),
        }
    }
}

/// A run that is none of ours and has passed; no answer to a start.
fn other_run() -> serde_json::Value {
    json!({"id": "00000000-0000-4000-8000-00000000beef", "shortId": "otherrun", "status": "COMPLETED", "result": "PASSED"})
}

impl RetryAfter {
    fn random(dice: &mut Dice) -> Self {
        match dice.below(4) {
            0 => Self::Seconds(dice.of(&[0, 1, 2, 3600, u64::MAX])),
            1 => Self::Date {
                ahead: dice.below(3),
                days_wrong: dice.of(&[-10_000, -1, 0, 1, 10_000]),
            },
            2 => Self::DateAlone {
                days: dice.of(&[-10_000, -1, 1, 10_000]),
            },
            _ => Self::Nonsense,
        }
    }

    fn put(self, reply: Reply) -> Reply {
        let day = |days: i64| {
            let span = Duration::from_secs(days.unsigned_abs() * 86_400);
            if days < 0 {
                SystemTime::now() - span
            } else {
                SystemTime::now() + span
            }
        };
        match self {
            Self::Seconds(seconds) => reply.header("Retry-After", seconds),
            Self::Date { ahead, days_wrong } => {
                let now = day(days_wrong);
                let then = now + Duration::from_secs(ahead);
                reply
                    .header("Date", httpdate(now))
                    .header("Retry-After", httpdate(then))
            }
            Self::DateAlone { days } => reply.header("Retry-After", httpdate(day(days))),
            Self::Nonsense => reply.header("Retry-After", "-1, soon"),
        }
    }
}

fn httpdate(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

/// A handshake that fails.
pub fn no_handshake(dice: &mut Dice) -> NoHandshake {
    dice.of(&[
        NoHandshake::PlainHttp,
        NoHandshake::Closed,
        NoHandshake::Reset,
        NoHandshake::Alert,
    ])
}
