//! The loop that the escapers of long texts share. It copies eight bytes at a time, without a call for each part of a text: in
//! texts full of signs the calls would cost more than all the rest.

use crate::text::scan::ByteSet;
use std::io;

/// From how many bytes on a chunk is written.
const CHUNK: usize = 512;
/// Room for what is added before that is noticed.
const SLACK: usize = 40;

/// How a format escapes.
pub(super) struct Escapes {
    /// The bytes that may not stay as they are. Of characters that are not ASCII, first bytes only.
    pub(super) signs: ByteSet,
    /// Adds what is written for the character at a position, which begins with one of the signs, and returns its length in
    /// bytes.
    pub(super) push: fn(chunk: &mut Chunk, text: &[u8], at: usize) -> usize,
}

/// The text that is to be written next.
pub(super) struct Chunk {
    bytes: [u8; CHUNK + SLACK],
    length: usize,
}

impl Chunk {
    /// Adds up to eight bytes: the first `count` of the group.
    #[inline(always)]
    pub(super) fn push(&mut self, group: [u8; 8], count: usize) {
        let rest = self.bytes.get_mut(self.length..).unwrap_or_default();
        if let Some(place) = rest.first_chunk_mut::<8>() {
            *place = group;
            self.length += count;
        }
    }

    /// Adds a character.
    pub(super) fn push_char(&mut self, c: char) {
        let mut group = [0; 8];
        let length = c.encode_utf8(&mut group).len();
        self.push(group, length);
    }

    fn is_full(&self) -> bool {
        self.length >= CHUNK
    }
}

/// An escape, as [`Chunk::push`] takes it.
macro_rules! short {
    ($text:literal) => {{
        const LENGTH: usize = $text.len();
        const GROUP: [u8; 8] = {
            let mut group = [0; 8];
            let (start, _) = group.split_at_mut(LENGTH);
            start.copy_from_slice($text);
            group
        };
        (GROUP, LENGTH)
    }};
}
pub(super) use short;

/// A text of UTF-8 in escaped parts, each of whole characters.
pub(super) struct Parts<'a> {
    escapes: &'a Escapes,
    text: &'a [u8],
    /// How much of the text has been read.
    at: usize,
    chunk: Chunk,
}

impl<'a> Parts<'a> {
    pub(super) fn new(text: &'a [u8], escapes: &'a Escapes) -> Self {
        Self {
            escapes,
            text,
            at: 0,
            chunk: Chunk {
                bytes: [0; CHUNK + SLACK],
                length: 0,
            },
        }
    }

    /// The next part; `None` at the end.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let Self {
            escapes: Escapes { signs, push },
            text,
            at,
            chunk,
        } = self;
        chunk.length = 0;
        while !chunk.is_full() {
            let rest = text.get(*at..).unwrap_or_default();
            let (group, size) = match rest.first_chunk::<8>() {
                Some(group) => (*group, 8),
                None => (last_group(rest), rest.len()),
            };
            if !signs.has_any(group) {
                chunk.push(group, size);
                *at += size;
                if size == 0 {
                    break;
                }
                continue;
            }
            let plain = signs.find(&group).min(size);
            chunk.push(group, plain);
            *at += plain;
            while !chunk.is_full() && text.get(*at).is_some_and(|byte| signs.has(*byte)) {
                *at += push(chunk, text, *at);
            }
        }
        // The rest of a character.
        while let Some(byte @ 0x80..=0xbf) = text.get(*at) {
            chunk.push([*byte; 8], 1);
            *at += 1;
        }
        chunk.bytes.get(..chunk.length).filter(|part| !part.is_empty())
    }
}

/// Fewer than eight bytes as a group, filled up with spaces.
fn last_group(rest: &[u8]) -> [u8; 8] {
    let mut group = [b' '; 8];
    for (to, from) in group.iter_mut().zip(rest) {
        *to = *from;
    }
    group
}

/// Writes a text of UTF-8 with all that has to be escaped in it.
pub(super) fn write_escaped(out: &mut (impl io::Write + ?Sized), text: &[u8], escapes: &Escapes) -> io::Result<()> {
    if is_plain(text, escapes) {
        return out.write_all(text);
    }
    let mut parts = Parts::new(text, escapes);
    while let Some(part) = parts.next() {
        out.write_all(part)?;
    }
    Ok(())
}

/// Whether there is nothing to escape in a text, as in most short ones.
pub(super) fn is_plain(text: &[u8], escapes: &Escapes) -> bool {
    escapes.signs.find(text) == text.len()
}
