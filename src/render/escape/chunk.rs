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
    /// The signs whose escape is always the same.
    pub(super) fixed: FixedEscapes,
    /// Adds what is written for the character at a position, which begins with another of the signs, and returns its length in
    /// bytes.
    pub(super) push: fn(chunk: &mut Chunk, text: &[u8], at: usize) -> usize,
}

/// The escape of each ASCII character that has always the same one. Each entry ends with the escape's length; 0 means none.
pub(super) struct FixedEscapes([[u8; 8]; 128]);

impl FixedEscapes {
    /// From characters and their escapes, which have at most seven bytes.
    // Loops with an index: nothing else runs at compile time, where a wrong index is an error of the compiler.
    #[allow(clippy::indexing_slicing)]
    pub(super) const fn new(escapes: &[(u8, &str)]) -> Self {
        let mut entries = [[0; 8]; 128];
        let mut number = 0;
        while number < escapes.len() {
            let (sign, escape) = escapes[number];
            let entry = &mut entries[sign as usize];
            let mut at = 0;
            while at < escape.len() {
                entry[at] = escape.as_bytes()[at];
                at += 1;
            }
            assert!(escape.len() < 8, "the last byte is the length");
            entry[7] = escape.len() as u8;
            number += 1;
        }
        Self(entries)
    }

    #[inline(always)]
    fn get(&self, sign: u8) -> Option<[u8; 8]> {
        self.0
            .get(usize::from(sign))
            .copied()
            .filter(|entry| length_of(entry) > 0)
    }
}

#[inline(always)]
fn length_of(entry: &[u8; 8]) -> usize {
    let [.., length] = entry;
    usize::from(*length)
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

    /// Adds the sign at a position as it is: for formats in which all signs have a fixed escape.
    pub(super) fn push_sign(&mut self, text: &[u8], at: usize) -> usize {
        if let Some(sign) = text.get(at) {
            self.push([*sign; 8], 1);
        }
        1
    }

    fn is_full(&self) -> bool {
        self.length >= CHUNK
    }
}

/// A text of UTF-8 in escaped parts, each of whole characters.
pub(super) struct Parts<'a> {
    escapes: &'a Escapes,
    text: &'a [u8],
    /// How much of the text has been read.
    at: usize,
    chunk: Chunk,
}

impl<'a> Parts<'a> {
    /// The parts from the first sign on, which stands at this position.
    pub(super) fn new(text: &'a [u8], at: usize, escapes: &'a Escapes) -> Self {
        Self {
            escapes,
            text,
            at,
            chunk: Chunk {
                bytes: [0; CHUNK + SLACK],
                length: 0,
            },
        }
    }

    /// The next part; `None` at the end.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let Self {
            escapes: Escapes { signs, fixed, push },
            text,
            at,
            chunk,
        } = self;
        chunk.length = 0;
        while !chunk.is_full() {
            let rest = text.get(*at..).unwrap_or_default();
            let last;
            let (group, size) = match rest.first_chunk::<8>() {
                Some(group) => (group, 8),
                None => {
                    last = last_group(rest);
                    (&last, rest.len())
                }
            };
            if !signs.has_any(group) {
                chunk.push(*group, size);
                *at += size;
                if size == 0 {
                    break;
                }
                continue;
            }
            let mut plain = 0;
            while group.get(plain).is_some_and(|byte| !signs.has(*byte)) {
                plain += 1;
            }
            chunk.push(*group, plain);
            *at += plain;
            while !chunk.is_full()
                && let Some(sign) = text.get(*at).copied().filter(|byte| signs.has(*byte))
            {
                match fixed.get(sign) {
                    Some(entry) => {
                        chunk.push(entry, length_of(&entry));
                        *at += 1;
                    }
                    None => *at += push(chunk, text, *at),
                }
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
    let plain = escapes.signs.find(text);
    out.write_all(text.get(..plain).unwrap_or_default())?;
    if plain < text.len() {
        let mut parts = Parts::new(text, plain, escapes);
        while let Some(part) = parts.next() {
            out.write_all(part)?;
        }
    }
    Ok(())
}
