//! The loop that the escapers of long texts share: eight bytes at a time, without a call for each part of a text. In texts
//! full of signs the calls would cost more than all the rest.

use crate::text::sanitize::{first_mark, last_group};

/// From how many bytes on a chunk is written.
const CHUNK: usize = 512;
/// Room for what is added before that is noticed.
const SLACK: usize = 32;

/// How a format escapes.
pub(super) trait Escape {
    /// The high bit of each byte that may not stay as it is; see [`not_plain`](crate::text::sanitize::not_plain).
    fn marks(group: [u8; 8]) -> u64;

    /// Whether this is such a byte. It may be false for one: then it is only slower.
    fn is_sign(byte: u8) -> bool;

    /// Adds what is written for the character at a position, and returns its bytes.
    fn push(chunk: &mut Chunk, text: &str, at: usize) -> usize;
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

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
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

/// Writes a text in escaped parts. `write` returns how many bytes of a part it took; it gets the others again.
pub(super) fn escape<E: Escape, Error>(
    text: &str,
    mut write: impl FnMut(&[u8]) -> Result<usize, Error>,
) -> Result<(), Error> {
    let bytes = text.as_bytes();
    let mut chunk = Chunk {
        bytes: [0; CHUNK + SLACK],
        length: 0,
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let (group, size) = match rest.first_chunk::<8>() {
            Some(group) => (*group, 8),
            None => (last_group(rest), rest.len()),
        };
        let plain = first_mark(E::marks(group)).min(size);
        chunk.push(group, plain);
        at += plain;
        if plain < size {
            at += E::push(&mut chunk, text, at);
            while !chunk.is_full() && bytes.get(at).is_some_and(|byte| E::is_sign(*byte)) {
                at += E::push(&mut chunk, text, at);
            }
        }
        if chunk.is_full() {
            let written = write(chunk.as_bytes())?;
            let length = chunk.length;
            chunk.bytes.copy_within(written..length, 0);
            chunk.length -= written;
        }
    }
    write(chunk.as_bytes()).map(|_| ())
}
