//! The loop that the escapers of long texts share. It copies eight bytes at a time, without a call for each part of a text: in
//! texts full of signs the calls would cost more than all the rest.

use crate::text::scan::ByteSet;
use std::io;

/// From how many bytes on a chunk is written.
const CHUNK: usize = 512;
/// Room for what is added before that is noticed.
const SLACK: usize = 32;

/// How a format escapes.
pub(super) struct Escapes {
    /// The bytes that may not stay as they are. Of characters that are not ASCII, first bytes only.
    pub(super) signs: ByteSet,
    /// The signs whose escape is always the same.
    fixed: FixedEscapes,
    replace: Replace,
}

/// What is written for the character at a position.
type Replace = fn(text: &[u8], at: usize) -> Replacement;

impl Escapes {
    /// Replaces these characters with their escapes, which have at most seven bytes, and no others.
    pub(super) const fn new(escapes: &[(u8, &str)]) -> Self {
        Self::with_others(escapes, ByteSet::new(b""), |text, at| {
            Replacement::new([text.get(at).copied().unwrap_or_default()], 1, 1)
        })
    }

    /// Replaces these characters with their escapes, and decides on others by a function: on those that begin with one of some
    /// bytes.
    // A loop with an index: nothing else runs at compile time, where a wrong index is an error of the compiler.
    #[allow(clippy::indexing_slicing)]
    pub(super) const fn with_others(escapes: &[(u8, &str)], others: ByteSet, replace: Replace) -> Self {
        let mut signs = others;
        let mut number = 0;
        while number < escapes.len() {
            signs = signs.with(&[escapes[number].0]);
            number += 1;
        }
        Self {
            signs,
            fixed: FixedEscapes::new(escapes),
            replace,
        }
    }
}

/// The escape of each ASCII character that has always the same one. Each entry ends with the escape's length; 0 means none.
struct FixedEscapes([[u8; 8]; 128]);

impl FixedEscapes {
    // As above.
    #[allow(clippy::indexing_slicing)]
    const fn new(escapes: &[(u8, &str)]) -> Self {
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

/// What is written in place of a character.
pub(super) struct Replacement {
    bytes: [u8; 14],
    /// How many of them count.
    length: u8,
    /// How many bytes the character has.
    read: u8,
}

impl Replacement {
    /// The first `length` of these bytes, which are at most 14, for a character that has `read` bytes.
    #[inline(always)]
    pub(super) fn new<const N: usize>(bytes: [u8; N], length: usize, read: usize) -> Self {
        let mut replacement = Self {
            bytes: [0; 14],
            length: length as u8,
            read: read as u8,
        };
        if let Some(place) = replacement.bytes.first_chunk_mut() {
            *place = bytes;
        }
        replacement
    }
}

/// A text of UTF-8 in escaped parts, each of whole characters.
pub(super) struct Parts<'a> {
    escapes: &'a Escapes,
    text: &'a [u8],
    /// How much of the text has been read.
    at: usize,
    chunk: [u8; CHUNK + SLACK],
}

impl<'a> Parts<'a> {
    /// The parts from the first sign on, which stands at this position.
    pub(super) fn new(text: &'a [u8], at: usize, escapes: &'a Escapes) -> Self {
        Self {
            escapes,
            text,
            at,
            chunk: [0; CHUNK + SLACK],
        }
    }

    /// The next part; `None` at the end.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let Escapes { signs, fixed, replace } = self.escapes;
        let (text, chunk) = (self.text, &mut self.chunk);
        let (mut at, mut length) = (self.at, 0);
        while length < CHUNK
            && let Some(rest) = text.get(at..)
        {
            let last;
            let (group, size) = match rest.first_chunk::<8>() {
                Some(group) => (group, 8),
                None => {
                    last = last_group(rest);
                    (&last, rest.len())
                }
            };
            put(chunk, length, *group);
            if !signs.has_any(group) {
                length += size;
                at += size;
                if size < 8 {
                    break;
                }
                continue;
            }
            let mut plain = 0;
            while group.get(plain).is_some_and(|byte| !signs.has(*byte)) {
                plain += 1;
            }
            length += plain;
            at += plain;
            // Signs often stand in a row.
            while length < CHUNK
                && let Some(sign) = text.get(at).copied().filter(|byte| signs.has(*byte))
            {
                match fixed.get(sign) {
                    Some(entry) => {
                        put(chunk, length, entry);
                        length += length_of(&entry);
                        at += 1;
                    }
                    None => {
                        let Replacement {
                            bytes,
                            length: count,
                            read,
                        } = replace(text, at);
                        put(chunk, length, bytes);
                        length += usize::from(count);
                        at += usize::from(read);
                    }
                }
            }
        }
        // The rest of a character.
        while let Some(byte @ 0x80..=0xbf) = text.get(at) {
            put(chunk, length, [*byte]);
            length += 1;
            at += 1;
        }
        self.at = at;
        chunk.get(..length).filter(|part| !part.is_empty())
    }
}

/// Puts bytes into a chunk at a position.
#[inline(always)]
fn put<const N: usize>(chunk: &mut [u8; CHUNK + SLACK], at: usize, bytes: [u8; N]) {
    if let Some(place) = chunk.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = bytes;
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
