//! Text as a reader sees it: percent codes, HTML entities and escapes of JSON and JavaScript are decoded, and invisible characters
//! are omitted. Used only for comparisons: each part has its position in the original.

use std::ops::Range;

use crate::text::sanitize::{control_sequence, is_invisible};
use crate::text::scan::{ByteSet, first_char};

/// A text with one layer of encoding taken off, or more.
pub struct Decoded {
    bytes: Vec<u8>,
    /// In order; the parts between them are the same in both texts.
    codes: Vec<Code>,
}

/// A code of the original, and what it stands for.
struct Code {
    original: Range<usize>,
    decoded: Range<usize>,
}

/// ASCII punctuation by its names in HTML (<https://html.spec.whatwg.org/multipage/named-characters.html>).
const ENTITIES: [(&str, u8); 45] = [
    ("Hat", b'^'),
    ("NewLine", b'\n'),
    ("Tab", b'\t'),
    ("amp", b'&'),
    ("AMP", b'&'),
    ("apos", b'\''),
    ("ast", b'*'),
    ("bsol", b'\\'),
    ("colon", b':'),
    ("comma", b','),
    ("commat", b'@'),
    ("dollar", b'$'),
    ("equals", b'='),
    ("excl", b'!'),
    ("grave", b'`'),
    ("gt", b'>'),
    ("GT", b'>'),
    ("lbrace", b'{'),
    ("lbrack", b'['),
    ("lcub", b'{'),
    ("lowbar", b'_'),
    ("lpar", b'('),
    ("lsqb", b'['),
    ("lt", b'<'),
    ("LT", b'<'),
    ("midast", b'*'),
    ("num", b'#'),
    ("percnt", b'%'),
    ("period", b'.'),
    ("plus", b'+'),
    ("quest", b'?'),
    ("quot", b'"'),
    ("QUOT", b'"'),
    ("rbrace", b'}'),
    ("rbrack", b']'),
    ("rcub", b'}'),
    ("rpar", b')'),
    ("rsqb", b']'),
    ("semi", b';'),
    ("sol", b'/'),
    ("vert", b'|'),
    ("verbar", b'|'),
    ("VerticalLine", b'|'),
    ("UnderBar", b'_'),
    ("DiacriticalGrave", b'`'),
];

/// Longest name in [`ENTITIES`].
const LONGEST_NAME: usize = 16;

impl Decoded {
    /// The first layer taken off; `None` if the text has none.
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut codes = Vec::new();
        let mut bytes = Vec::new();
        let (mut at, mut copied) = (0, 0);
        while let Some((skipped, length, value)) = next_code(text, at) {
            let start = at + skipped;
            at = start + length;
            bytes.extend_from_slice(text.get(copied..start).unwrap_or_default());
            let begin = bytes.len();
            value.push_to(&mut bytes);
            codes.push(Code {
                original: start..at,
                decoded: begin..bytes.len(),
            });
            copied = at;
        }
        if codes.is_empty() {
            return None;
        }
        bytes.extend_from_slice(text.get(copied..).unwrap_or_default());
        Some(Self { bytes, codes })
    }

    /// Up to so many layers taken off.
    pub fn fully(text: &[u8], layers: usize) -> Self {
        let unchanged = || Self {
            bytes: text.to_vec(),
            codes: Vec::new(),
        };
        let mut decoded = Self::new(text).unwrap_or_else(unchanged);
        for _ in 1..layers {
            match Self::new(&decoded.bytes) {
                Some(next) => decoded = next,
                None => break,
            }
        }
        decoded
    }

    /// The decoded text.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One more layer taken off; `None` if there is none. Its ranges are those of the same original.
    pub fn next(&self) -> Option<Self> {
        let mut next = Self::new(&self.bytes)?;
        // A code of this layer lies within one of the next, or between two.
        let mut codes = Vec::with_capacity(next.codes.len() + self.codes.len());
        let mut inner = self.codes.iter().peekable();
        let mut shift = 0_isize;
        for code in next.codes {
            while let Some(before) = inner.next_if(|inner| inner.decoded.end <= code.original.start) {
                codes.push(shifted(before, shift));
            }
            while inner.next_if(|inner| inner.decoded.start < code.original.end).is_some() {}
            shift = code.decoded.end as isize - code.original.end as isize;
            codes.push(Code {
                original: self.original(code.original),
                decoded: code.decoded,
            });
        }
        codes.extend(inner.map(|after| shifted(after, shift)));
        next.codes = codes;
        Some(next)
    }

    /// Where a range of the decoded text stands in the original.
    pub fn original(&self, range: Range<usize>) -> Range<usize> {
        self.original_of(range.start, false)..self.original_of(range.end, true)
    }

    fn original_of(&self, at: usize, is_end: bool) -> usize {
        let passed = self.codes.partition_point(|code| {
            if is_end {
                code.decoded.end < at
            } else {
                code.decoded.end <= at
            }
        });
        // The range begins or ends within a code, which then belongs to it whole.
        if let Some(code) = self.codes.get(passed) {
            if is_end && code.decoded.start < at {
                return code.original.end;
            }
            if !is_end && code.decoded.start < at {
                return code.original.start;
            }
        }
        let before = passed.checked_sub(1).and_then(|last| self.codes.get(last));
        before.map_or(at, |code| code.original.end + (at - code.decoded.end))
    }
}

/// A code of an inner layer, where the outer layer's codes before it have moved it.
fn shifted(code: &Code, shift: isize) -> Code {
    Code {
        original: code.original.clone(),
        decoded: code.decoded.start.saturating_add_signed(shift)..code.decoded.end.saturating_add_signed(shift),
    }
}

/// What a code stands for.
enum Value {
    Nothing,
    Byte(u8),
    Char(char),
}

impl Value {
    fn push_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Nothing => {}
            Self::Byte(byte) => bytes.push(*byte),
            Self::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// The bytes at which a code may begin.
static MARKS: ByteSet = ByteSet::with_special(b"%&\\").without(b"\n\t");

/// The next code after a position: how many bytes stand before it, how many it has, and its value.
fn next_code(text: &[u8], from: usize) -> Option<(usize, usize, Value)> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        at += MARKS.find(rest);
        let rest = text.get(at..)?;
        let found = match rest.first()? {
            b'%' => hex(rest.get(1..3)?.iter()).map(|code| (3, Value::Byte(code as u8))),
            b'&' => entity(rest),
            b'\\' => escape(rest),
            b'\x1b' => Some((control_sequence(rest).max(1), Value::Nothing)),
            _ => invisible(rest),
        };
        if let Some((length, value)) = found {
            return Some((at - from, length, value));
        }
        at += first_char(rest).map_or(1, |(_, length)| length);
    }
}

/// The number that hexadecimal digits represent; `None` if there are no digits or other characters.
fn hex<'a>(digits: impl ExactSizeIterator<Item = &'a u8>) -> Option<u32> {
    let is_number = (1..=8).contains(&digits.len());
    let mut number = 0_u32;
    for digit in digits {
        number = number << 4 | char::from(*digit).to_digit(16)?;
    }
    is_number.then_some(number)
}

/// `&name;`, `&#43;` or `&#x2B;`; numbers also without the semicolon.
fn entity(rest: &[u8]) -> Option<(usize, Value)> {
    let body = rest.get(1..)?;
    if let Some(number) = body.strip_prefix(b"#") {
        let (radix, prefix) = if matches!(number.first(), Some(b'x' | b'X')) {
            (16, 1)
        } else {
            (10, 0)
        };
        let digits = number.get(prefix..)?;
        let count = digits
            .iter()
            .take(12)
            .take_while(|digit| char::from(**digit).is_digit(radix))
            .count();
        let text = std::str::from_utf8(digits.get(..count)?).ok()?;
        let c = char::from_u32(u32::from_str_radix(text, radix).ok()?)?;
        let semicolon = usize::from(digits.get(count) == Some(&b';'));
        return Some((2 + prefix + count + semicolon, Value::Char(c)));
    }
    if !body.first()?.is_ascii_alphabetic() {
        return None;
    }
    let length = body.iter().take(LONGEST_NAME + 1).position(|byte| *byte == b';')?;
    let name = body.get(..length)?;
    let (_, value) = ENTITIES.iter().find(|(known, _)| known.as_bytes() == name)?;
    Some((length + 2, Value::Byte(*value)))
}

/// `\u002B`, `\u{2B}`, `\x2B`, `\n` and the like.
fn escape(rest: &[u8]) -> Option<(usize, Value)> {
    match rest.get(1)? {
        b'u' if rest.get(2) == Some(&b'{') => {
            let digits = rest.get(3..)?;
            let length = digits.iter().take(9).position(|byte| *byte == b'}')?;
            let c = char::from_u32(hex(digits.get(..length)?.iter())?)?;
            Some((length + 4, Value::Char(c)))
        }
        b'u' => Some((6, Value::Char(char::from_u32(hex(rest.get(2..6)?.iter())?)?))),
        b'x' => Some((4, Value::Char(char::from_u32(hex(rest.get(2..4)?.iter())?)?))),
        b'n' => Some((2, Value::Byte(b'\n'))),
        b't' => Some((2, Value::Byte(b'\t'))),
        b'r' => Some((2, Value::Byte(b'\r'))),
        byte @ (b'/' | b'"' | b'\'' | b'\\') => Some((2, Value::Byte(*byte))),
        _ => None,
    }
}

/// A character that does not show.
fn invisible(rest: &[u8]) -> Option<(usize, Value)> {
    let (c, length) = first_char(rest)?;
    is_invisible(c).then(|| (length.max(control_sequence(rest)), Value::Nothing))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(text: &str) -> String {
        String::from_utf8_lossy(Decoded::fully(text.as_bytes(), 4).bytes()).into_owned()
    }

    #[test]
    fn every_code_is_read() {
        for (text, expected) in [
            ("a%2Bb%2bb", "a+b+b"),
            ("a&plus;b&#43;b&#x2B;b&#x2bb", "a+b+b+b\u{2bb}"),
            (r"a\u002Bb\u{2b}b\x2Bb\/", "a+b+b+b/"),
            ("a\u{200b}b\u{1b}[1mc\u{1b}]8;;http://x\u{7}d", "abcd"),
            ("%2526 &amp;amp;", "& &"),
            (
                "100% & more \\d &nosuch; &#; %zz \\u12",
                "100% & more \\d &nosuch; &#; %zz \\u12",
            ),
        ] {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_no_longer_than_is_looked_at() {
        let longest = ENTITIES.iter().map(|(name, _)| name.len()).max();
        assert_eq!(longest, Some(LONGEST_NAME));
    }

    proptest! {
        #[test]
        fn a_range_leads_back_to_what_it_was_decoded_from(
            parts in prop::collection::vec(prop::sample::select(vec![
                "a", "bc", "%41", "%2541", "&amp;", "&amp;#65;", "\\u0041", "&#92;u0041", "\u{200b}", "\u{1b}[0m", "é",
            ]), 0..12),
            at in 0_usize..13,
        ) {
            // The mark stands between two parts, and nothing decodes across it.
            let at = at.min(parts.len());
            let (before, after) = parts.split_at(at);
            let text = format!("{}<MARK>{}", before.concat(), after.concat());
            let mut layer = Decoded::new(text.as_bytes());
            while let Some(decoded) = layer {
                let bytes = decoded.bytes();
                let start = bytes.windows(6).position(|window| window == b"<MARK>").unwrap();
                let original = decoded.original(start..start + 6);
                prop_assert!(text.get(original.clone()).unwrap().contains("<MARK>"), "{text:?} {original:?}");
                let all = decoded.original(0..bytes.len());
                prop_assert!(all.end <= text.len());
                layer = decoded.next();
            }
        }
    }
}
