//! The buffer in front of a report's file.

use std::io;

/// Size at first: most of what is written is small.
const SMALLEST: usize = 4 * 1024;
/// Largest size. From here on, a write costs the kernel little more than the copy. Larger than the file's own buffer, which full
/// ones bypass.
const LARGEST: usize = 256 * 1024;

const _: () = assert!(
    SMALLEST * 64 == LARGEST,
    "it grows to four times its size, up to the largest"
);

/// A buffered writer. A large report makes millions of writes of a few bytes. For each of them, std's `BufWriter` calls `memcpy`,
/// whose start-up in musl takes longer than the copy.
pub(in crate::render) struct Buffer<W: io::Write> {
    out: W,
    bytes: Vec<u8>,
    length: usize,
}

impl<W: io::Write> Buffer<W> {
    /// An empty buffer in front of a writer.
    pub(in crate::render) fn new(out: W) -> Self {
        Self {
            out,
            bytes: vec![0; SMALLEST],
            length: 0,
        }
    }

    /// Writes what does not fit in the buffer: grows it, or empties it first.
    #[cold]
    fn write_beyond(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > LARGEST - self.length {
            self.write_buffer()?;
        }
        if bytes.len() > LARGEST {
            return self.out.write_all(bytes);
        }
        if bytes.len() > self.bytes.len() - self.length {
            self.grow(self.length + bytes.len());
        }
        io::Write::write_all(self, bytes)
    }

    /// Makes room for so many bytes, at most `LARGEST`. `resize` would clear the new part; a new allocation usually is clear.
    fn grow(&mut self, needed: usize) {
        let mut size = self.bytes.len();
        while size < needed {
            size *= 4;
        }
        let mut larger = vec![0; size];
        let written = self.bytes.get(..self.length).unwrap_or_default();
        if let Some(place) = larger.get_mut(..self.length) {
            place.copy_from_slice(written);
        }
        self.bytes = larger;
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        let full = self.bytes.get(..self.length).unwrap_or_default();
        self.length = 0;
        self.out.write_all(full)
    }
}

impl<W: io::Write> io::Write for Buffer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.length + bytes.len();
        match self.bytes.get_mut(self.length..end) {
            Some(place) => {
                copy(bytes, place);
                self.length = end;
                Ok(())
            }
            None => self.write_beyond(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_buffer()?;
        self.out.flush()
    }
}

/// Copies bytes to a place of the same length, a few of them without a call.
fn copy(from: &[u8], to: &mut [u8]) {
    match from.len() {
        0..4 => {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
        4..8 => copy_ends::<4>(from, to),
        8..=16 => copy_ends::<8>(from, to),
        17..=32 => copy_ends::<16>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first N bytes and the last N, which overlap or meet.
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    if let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
        *to = *from;
    }
    if let (Some(from), Some(to)) = (from.last_chunk::<N>(), to.last_chunk_mut::<N>()) {
        *to = *from;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    proptest! {
        #[test]
        fn all_that_is_written_arrives(sizes in prop::collection::vec(prop_oneof![0..40_usize, SMALLEST - 2..SMALLEST + 3, Just(LARGEST - 20), LARGEST - 2..LARGEST + 3], 0..20)) {
            let all: Vec<u8> = (0..=u8::MAX).cycle().take(sizes.iter().sum()).collect();
            let (mut out, mut rest) = (Vec::new(), all.as_slice());
            let mut buffer = Buffer::new(&mut out);
            for size in sizes {
                let (part, after) = rest.split_at(size);
                buffer.write_all(part).unwrap();
                prop_assert!(buffer.bytes.len() <= LARGEST);
                rest = after;
            }
            buffer.flush().unwrap();
            prop_assert!(out == all);
        }
    }

    #[test]
    fn a_full_buffer_is_used_again() {
        let mut buffer = Buffer::new(io::sink());
        buffer.write_all(&[0; LARGEST]).unwrap();
        let place = buffer.bytes.as_ptr();
        for _ in 0..3 {
            buffer.write_all(&[0; LARGEST - 1]).unwrap();
            assert_eq!(buffer.bytes.as_ptr(), place);
        }
    }

    #[test]
    fn an_error_of_the_writer_is_returned() {
        let mut room = [0; 8];
        let mut buffer = Buffer::new(room.as_mut_slice());
        buffer.write_all(b"more than eight bytes").unwrap();
        assert!(buffer.flush().is_err());
    }
}
