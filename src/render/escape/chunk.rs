//! The loop that the escapers of long texts share. It copies eight bytes at a time, without a call for each part of a text: in
//! texts full of signs the calls would cost more than all the rest. A text that has to be clean is escaped in the same pass, which
//! ends at the first character that cleaning may remove or change; the rest is cleaned first.

use crate::text::sanitize::{clean_rest, is_kept};
use crate::text::scan::{ByteSet, first_char, is_punctuation};

/// From how many bytes on a chunk is written.
const CHUNK: usize = 512;
/// Longest replacement of a character, in bytes: two `\uXXXX` have 12, and with the lengths it is read as two words.
const LONGEST: usize = 14;
/// Room for the last replacement and the rest of a character.
const SLACK: usize = 32;
const _: () = assert!(SLACK >= LONGEST + 3);

/// How a format escapes.
pub(super) struct Escapes {
    /// The bytes that may not stay as they are. Of characters that are not ASCII, first bytes only.
    signs: ByteSet,
    /// The signs whose escape is always the same.
    fixed: FixedEscapes,
    /// The one of them that is escaped only after itself.
    only_repeated: Option<u8>,
    replace: Replace,
}

/// What is written for the character at a position. `None`: the pass ends before it.
type Replace = fn(text: &[u8], at: usize) -> Option<Replacement>;

impl Escapes {
    /// Replaces these ASCII characters with their escapes, which have at most seven bytes, and no others.
    pub(super) const fn new(escapes: &[(u8, &str)]) -> Self {
        let none = Self {
            signs: ByteSet::new(b""),
            fixed: FixedEscapes([[0; 8]; 128]),
            only_repeated: None,
            // Never called: each sign has an escape.
            replace: |_, _| None,
        };
        none.with(escapes)
    }

    /// Replaces these characters as well.
    // A loop with an index: nothing else runs at compile time, where a wrong index is an error of the compiler.
    #[allow(clippy::indexing_slicing)]
    pub(super) const fn with(mut self, escapes: &[(u8, &str)]) -> Self {
        let mut number = 0;
        while number < escapes.len() {
            let (sign, escape) = escapes[number];
            self.signs = self.signs.with(&[sign]);
            self.fixed.0[sign as usize] = entry(escape.as_bytes());
            number += 1;
        }
        self
    }

    /// Escapes a sign that has an escape only after itself.
    pub(super) const fn only_repeated(mut self, sign: u8) -> Self {
        self.only_repeated = Some(sign);
        self
    }

    /// Calls a function for other characters that begin with these bytes.
    pub(super) const fn replace_with(mut self, first_bytes: &ByteSet, replace: Replace) -> Self {
        self.signs = self.signs.union(first_bytes);
        self.replace = replace;
        self
    }

    /// How many bytes of a text stand before the first sign.
    pub(super) fn plain(&self, text: &[u8]) -> usize {
        self.signs.find(text)
    }
}

/// The escape of each ASCII character that has always the same one. Each entry ends with the escape's length; 0 means none.
struct FixedEscapes([[u8; 8]; 128]);

// A loop with an index: nothing else runs at compile time, where a wrong index is an error of the compiler.
#[allow(clippy::indexing_slicing)]
const fn entry(escape: &[u8]) -> [u8; 8] {
    assert!(!escape.is_empty() && escape.len() < 8, "the last byte is the length");
    let mut entry = [0; 8];
    let mut at = 0;
    while at < escape.len() {
        entry[at] = escape[at];
        at += 1;
    }
    entry[7] = escape.len() as u8;
    entry
}

impl FixedEscapes {
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
    bytes: [u8; LONGEST],
    /// How many of them count.
    length: u8,
    /// How many bytes the character has.
    read: u8,
}

impl Replacement {
    /// The character itself.
    pub(super) fn from_char(c: char) -> Self {
        let mut bytes = [0; 4];
        let length = c.encode_utf8(&mut bytes).len();
        Self::new(bytes, length, length)
    }

    /// The first `length` of these bytes, for a character that has `read` bytes.
    #[inline(always)]
    pub(super) fn new<const N: usize>(bytes: [u8; N], length: usize, read: usize) -> Self {
        const { assert!(N <= LONGEST) };
        let mut replacement = Self {
            bytes: [0; LONGEST],
            length: length as u8,
            read: read as u8,
        };
        if let Some(place) = replacement.bytes.first_chunk_mut() {
            *place = bytes;
        }
        replacement
    }
}

/// The character at a position, if cleaning keeps it wherever it stands.
pub(super) fn kept(text: &[u8], at: usize) -> Option<Replacement> {
    let (c, _) = first_char(text.get(at..)?)?;
    is_kept(c).then(|| Replacement::from_char(c))
}

/// A text of UTF-8 in escaped parts, each of whole characters.
struct Parts<'a> {
    escapes: &'a Escapes,
    text: &'a [u8],
    /// How much of the text has been read.
    at: usize,
    chunk: [u8; CHUNK + SLACK],
}

impl<'a> Parts<'a> {
    /// The parts from the first sign on, which stands at this position.
    fn new(text: &'a [u8], at: usize, escapes: &'a Escapes) -> Self {
        Self {
            escapes,
            text,
            at,
            chunk: [0; CHUNK + SLACK],
        }
    }

    /// The next part; `None` at the end of the text, or before a character that ends the pass.
    fn next(&mut self) -> Option<&[u8]> {
        let &Escapes {
            ref signs,
            ref fixed,
            only_repeated,
            replace,
        } = self.escapes;
        let (text, chunk) = (self.text, &mut self.chunk);
        let (mut at, mut length) = (self.at, 0);
        'text: while length < CHUNK
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
                if Some(sign) == only_repeated && at.checked_sub(1).and_then(|before| text.get(before)) != Some(&sign) {
                    put(chunk, length, [sign]);
                    length += 1;
                    at += 1;
                } else if let Some(entry) = fixed.get(sign) {
                    put(chunk, length, entry);
                    length += length_of(&entry);
                    at += 1;
                } else if sign == 0xe2
                    && let Some(character @ [_, second, third]) = text.get(at..).and_then(<[u8]>::first_chunk)
                    && is_punctuation(*second, *third)
                {
                    put(chunk, length, *character);
                    length += character.len();
                    at += character.len();
                } else if let Some(replacement) = replace(text, at) {
                    put(chunk, length, replacement.bytes);
                    length += usize::from(replacement.length);
                    at += usize::from(replacement.read);
                } else {
                    break 'text;
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

/// Writes a text of UTF-8 from a position on, in parts of whole characters, with all that has to be escaped in it. Returns where it
/// ended: before the end of the text only if a character ended the pass.
pub(super) fn write_escaped<E>(
    text: &[u8],
    from: usize,
    escapes: &Escapes,
    write: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<usize, E> {
    let rest = text.get(from..).unwrap_or_default();
    let plain = rest.get(..escapes.plain(rest)).unwrap_or_default();
    if !plain.is_empty() {
        write(plain)?;
    }
    if plain.len() == rest.len() {
        return Ok(text.len());
    }
    let mut parts = Parts::new(text, from + plain.len(), escapes);
    while let Some(part) = parts.next() {
        write(part)?;
    }
    Ok(parts.at)
}

/// [`write_escaped`] with the text cleaned. `cleaning` is `escapes`, but ends at the first character that cleaning may remove or
/// change.
pub(super) fn write_clean<E>(
    text: &[u8],
    from: usize,
    cleaning: &Escapes,
    escapes: &Escapes,
    write: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let end = write_escaped(text, from, cleaning, write)?;
    if end < text.len() {
        let (rest, before) = clean_rest(text, end);
        write_escaped(rest.as_bytes(), before, escapes, write)?;
    }
    Ok(())
}

/// A pattern for texts that show whether cleaning and escaping in one pass do what they do one after the other.
#[cfg(test)]
pub(super) const HOSTILE: &str = "([<#&\"\\\\a é–€\u{7f}\u{85}\u{200b}\u{200d}\u{fe0f}\u{202e}\u{1f600}\u{e0041}\u{3164}\0\u{8}\u{1b}\n\r\t]|\u{1b}\\[1m|#\u{ad}#|[a<]{500,520}|–{180}|é{280}){0,20}";
