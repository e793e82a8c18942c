//! Finds the bytes of a text at which something has to be done. Long texts are scanned for each format, so this is what
//! most of rendering a report costs.

/// A set of bytes.
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// These bytes.
    pub(crate) const fn new(bytes: &[u8]) -> Self {
        Self([false; 256]).with(bytes)
    }

    /// These bytes, the control characters of C0, DEL, and each byte with which UTF-8 begins characters of which some are not
    /// [`CharClass::Keep`](crate::text::sanitize::CharClass::Keep).
    pub(crate) const fn with_special(bytes: &[u8]) -> Self {
        const CONTROLS: &[u8] =
            b"\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\
            \x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f";
        Self::new(bytes)
            .with(CONTROLS)
            .with(b"\xc2\xcd\xd8\xe1\xe2\xe3\xef\xf0\xf1\xf2\xf3\xf4")
    }

    /// The set with these bytes too.
    pub(crate) const fn with(self, bytes: &[u8]) -> Self {
        self.set(bytes, true)
    }

    /// The bytes of both sets.
    // A loop with an index: nothing else runs at compile time.
    #[allow(clippy::indexing_slicing)]
    pub(crate) const fn union(mut self, other: &Self) -> Self {
        let mut at = 0;
        while at < other.0.len() {
            self.0[at] |= other.0[at];
            at += 1;
        }
        self
    }

    /// The set without these bytes.
    pub(crate) const fn without(self, bytes: &[u8]) -> Self {
        self.set(bytes, false)
    }

    // A loop with an index: nothing else runs at compile time.
    #[allow(clippy::indexing_slicing)]
    const fn set(mut self, bytes: &[u8], value: bool) -> Self {
        let mut at = 0;
        while at < bytes.len() {
            self.0[bytes[at] as usize] = value;
            at += 1;
        }
        self
    }

    /// Whether the set has this byte.
    #[inline(always)]
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|has| *has)
    }

    /// Whether the set has one of these bytes. Without a loop, which is not unrolled in a build for size, and by reference: as a
    /// value they would be taken out of one word with twice the instructions.
    #[inline(always)]
    pub(crate) fn has_any(&self, bytes: &[u8; 8]) -> bool {
        let [a, b, c, d, e, f, g, h] = bytes;
        self.has(*a)
            | self.has(*b)
            | self.has(*c)
            | self.has(*d)
            | self.has(*e)
            | self.has(*f)
            | self.has(*g)
            | self.has(*h)
    }

    /// How many bytes stand before the first one of the set; all where there is none. Common punctuation is passed over, of which
    /// all is kept: dashes, quotation marks, bullets, ellipses, currencies, arrows and other symbols.
    pub(crate) fn find(&self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        loop {
            while let Some((group, after)) = rest.split_first_chunk::<8>()
                && !self.has_any(group)
            {
                rest = after;
            }
            while let Some((byte, after)) = rest.split_first()
                && !self.has(*byte)
            {
                rest = after;
            }
            match rest {
                [0xe2, second, third, after @ ..] if is_punctuation(*second, *third) => rest = after,
                _ => return bytes.len() - rest.len(),
            }
        }
    }
}

/// Whether these bytes after 0xe2 are of a character from U+2010 to U+2027 or from U+2080 to U+2FFF. All of them are
/// [`CharClass::Keep`](crate::text::sanitize::CharClass::Keep).
pub(crate) fn is_punctuation(second: u8, third: u8) -> bool {
    matches!((second, third), (0x80, 0x90..=0xa7) | (0x82..=0xbf, _))
}

/// The character that a text of UTF-8 begins with, and its length in bytes; `None` if the text is empty or is not UTF-8.
pub(crate) fn first_char(text: &[u8]) -> Option<(char, usize)> {
    let length = match text.first()? {
        ascii @ ..0x80 => return Some((char::from(*ascii), 1)),
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    };
    let c = std::str::from_utf8(text.get(..length)?).ok()?.chars().next()?;
    Some((c, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_begins_with_its_first_character(text in any::<String>()) {
            let first = text.chars().next().map(|c| (c, c.len_utf8()));
            prop_assert_eq!(first_char(text.as_bytes()), first);
        }

        #[test]
        fn the_first_byte_of_the_set_is_found(
            bytes in prop::collection::vec(prop::sample::select(vec![b'a', b'~', b' ', 0x1f, 0x7f, 0x80, 0xc2, 0xc3, b'#', 0, b'\n', 0xff]), 0..40),
        ) {
            let is_in = |byte: &u8| matches!(byte, b'#' | 0..=9 | 11..=0x1f | 0x7f | 0xc2);
            let first = bytes.iter().position(is_in).unwrap_or(bytes.len());
            prop_assert_eq!(ByteSet::with_special(b"#").without(b"\n").find(&bytes), first);
            let hash = bytes.iter().position(|byte| *byte == b'#').unwrap_or(bytes.len());
            prop_assert_eq!(ByteSet::new(b"#").find(&bytes), hash);
        }
    }
}
