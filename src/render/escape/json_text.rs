//! JSON whose text does nothing when it is printed in a log or put into a page, and parses back to what it was.
//!
//! serde_json escapes C0 controls, quotes and backslashes. Escaped here as well: DEL and C1 controls, characters that
//! reorder or hide text, line separators that JavaScript once knew, `<` (no `</script>`, no `<!--`) and the second sign
//! of `##`, since GitHub's runner takes `##[name]` anywhere in a printed line for a command.

use crate::render::buffer::Buffer;
use crate::render::escape::chunk::{Escapes, Replacement, kept, write_clean, write_escaped};
use crate::render::escape::is_hostile;
use crate::text::sanitize::NOT_KEPT;
use crate::text::scan::first_char;
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use std::io;

/// Writes a value over several lines, indented, with a newline at the end.
pub fn write_pretty(value: &impl Serialize, out: &mut impl io::Write) -> io::Result<()> {
    write_indented(value, out, false)
}

/// [`write_pretty`] with each [`text`] cleaned, see [`clean`](crate::text::sanitize::clean).
pub fn write_clean_pretty(value: &impl Serialize, out: &mut impl io::Write) -> io::Result<()> {
    write_indented(value, out, true)
}

fn write_indented(value: &impl Serialize, out: &mut impl io::Write, clean: bool) -> io::Result<()> {
    // The serializer makes many small writes.
    let mut out = Buffer::new(out);
    write(value, &mut out, Harmless::new(true, clean))?;
    io::Write::flush(&mut out)
}

/// Adds a value on one line, with a newline at the end.
pub fn write_line(value: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    write(value, out, Harmless::new(false, false))
}

fn write(value: &impl Serialize, out: &mut impl io::Write, layout: Harmless) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, layout))?;
    out.write_all(b"\n")
}

/// Serializes a text as a string. serde_json would look at it byte by byte before `Harmless` does, which takes longer
/// than all the rest; it hands bytes on as they are. Only for the writers of this module.
pub fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(text.as_bytes())
}

/// [`text`], or null.
pub fn optional_text<S: Serializer>(value: &Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => text(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Escapes within strings. The layout is serde_json's. A comma, a newline, the indentation and a quotation mark are one write.
struct Harmless {
    /// Each [`text`] is cleaned.
    clean: bool,
    /// A comma, a newline, the indentation of the innermost array or object, and a quotation mark; without newline and indentation on
    /// one line.
    next: Vec<u8>,
    /// By how much an array or object is indented.
    indent: &'static [u8],
    /// Nothing has been written into the innermost array or object.
    is_empty: bool,
    /// A key is being written. Its quotation marks are written with what is before and after it.
    in_key: bool,
}

impl Harmless {
    fn new(indented: bool, clean: bool) -> Self {
        let (next, indent): (&[u8], &[u8]) = if indented { (b",\n\"", b"  ") } else { (b",\"", b"") };
        Self {
            clean,
            next: next.to_vec(),
            indent,
            is_empty: true,
            in_key: false,
        }
    }

    fn open<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.next.pop();
        self.next.extend_from_slice(self.indent);
        self.next.push(b'"');
        self.is_empty = true;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.next
            .truncate(self.next.len().saturating_sub(self.indent.len() + 1));
        self.next.push(b'"');
        if !self.is_empty {
            self.begin(out, true, false)?;
        }
        out.write_all(bracket)
    }

    /// Begins the first or another element of an array or entry of an object, or the line of a closing bracket. `quoted`: with a
    /// quotation mark.
    fn begin<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool, quoted: bool) -> io::Result<()> {
        let end = self.next.len() - usize::from(!quoted);
        out.write_all(self.next.get(usize::from(first)..end).unwrap_or_default())
    }
}

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(fragment.as_bytes(), 0, &JSON, &mut |part| out.write_all(part))?;
        Ok(())
    }

    /// What [`text`] hands over; serde_json itself writes no bytes here.
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, out: &mut W, value: &[u8]) -> io::Result<()> {
        out.write_all(b"\"")?;
        let mut write = |part: &[u8]| out.write_all(part);
        if self.clean {
            write_clean(value, 0, &CLEAN_JSON, &JSON, &mut write)?;
        } else {
            write_escaped(value, 0, &JSON, &mut write)?;
        }
        out.write_all(b"\"")
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.begin(out, first, false)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_empty = false;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.in_key = true;
        self.begin(out, first, true)
    }

    fn begin_string<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.in_key { Ok(()) } else { out.write_all(b"\"") }
    }

    fn end_string<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.in_key { Ok(()) } else { out.write_all(b"\"") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.in_key = false;
        out.write_all(if self.indent.is_empty() { b"\":" } else { b"\": " })
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_empty = false;
        Ok(())
    }
}

/// What is escaped inside a string whether it is cleaned or not.
const SIGNS: &[(u8, &str)] = &[
    (b'<', "\\u003c"),
    (b'#', "\\u0023"),
    (b'"', "\\\""),
    (b'\\', "\\\\"),
    (b'\n', "\\n"),
    (b'\t', "\\t"),
];

/// The inside of a string.
static JSON: Escapes = Escapes::new(SIGNS)
    .only_repeated(b'#')
    .with(&[(b'\r', "\\r"), (0x8, "\\b"), (0xc, "\\f")])
    .replace_with(&NOT_KEPT, |text, at| {
        kept(text, at).or_else(|| Some(other(text.get(at..).unwrap_or_default())))
    });

/// The inside of a string, up to the first character that cleaning may remove or change.
static CLEAN_JSON: Escapes = Escapes::new(SIGNS).only_repeated(b'#').replace_with(&NOT_KEPT, kept);

/// What is written for the first character of a text, which cleaning may remove. Joiners and selectors stay.
fn other(text: &[u8]) -> Replacement {
    let Some((c, length)) = first_char(text) else {
        return Replacement::new([], 0, 1);
    };
    if !is_hostile(c) {
        return Replacement::from_char(c);
    }
    let mut units = [0; 2];
    let count = c.encode_utf16(&mut units).len();
    let [[a, b, c, d], [e, f, g, h]] = units.map(|unit| [12, 8, 4, 0].map(|shift| hex_digit(unit >> shift)));
    let escapes = [b'\\', b'u', a, b, c, d, b'\\', b'u', e, f, g, h];
    Replacement::new(escapes, 6 * count, length)
}

/// The last four bits as a digit.
fn hex_digit(number: u16) -> u8 {
    b"0123456789abcdef"
        .get(usize::from(number & 0xf))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::render::escape::chunk::HOSTILE;
    use crate::text::sanitize::clean;
    use proptest::prelude::*;

    fn line(text: &str) -> String {
        let mut out = Vec::new();
        write_line(&text, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_could_act_is_escaped_and_the_rest_is_readable() {
        assert_eq!(line("naïve 漢字 #1 > 0 & more"), "\"naïve 漢字 #1 > 0 & more\"\n");
        assert_eq!(line("</script><!--"), "\"\\u003c/script>\\u003c!--\"\n");
        assert_eq!(line("##[error]"), "\"#\\u0023[error]\"\n");
        assert_eq!(line("###[x]"), "\"#\\u0023\\u0023[x]\"\n");
        assert_eq!(
            line("a\u{202e}b\u{9b}\u{2028}\u{e0041}"),
            "\"a\\u202eb\\u009b\\u2028\\udb40\\udc41\"\n"
        );
        // All that text for people loses: fillers, blanks of other planes, what is no character.
        assert_eq!(
            line("a\u{180e}\u{34f}\u{3164}\u{1d173}\u{fdd0}\u{1fffe}"),
            "\"a\\u180e\\u034f\\u3164\\ud834\\udd73\\ufdd0\\ud83f\\udffe\"\n"
        );
        assert_eq!(line("👩‍🔥 ❤️ می‌خواهم"), "\"👩‍🔥 ❤️ می‌خواهم\"\n");
    }

    #[test]
    fn both_layouts_are_those_of_serde_json() {
        let deep = (0..40).fold(
            serde_json::json!({}),
            |inner, n| serde_json::json!({"e": [n, inner, "#"]}),
        );
        let value = serde_json::json!({"a": [1, {"b": []}], "c": {}, "d": null, "deep": deep, "x": [1], "y": {"z": 1}});
        let (mut pretty, mut compact) = (Vec::new(), Vec::new());
        write_pretty(&value, &mut pretty).unwrap();
        write_line(&value, &mut compact).unwrap();
        assert_eq!(
            String::from_utf8(pretty).unwrap(),
            serde_json::to_string_pretty(&value).unwrap() + "\n"
        );
        assert_eq!(
            String::from_utf8(compact).unwrap(),
            serde_json::to_string(&value).unwrap() + "\n"
        );
    }

    #[test]
    fn nothing_is_lost_wherever_a_chunk_ends() {
        for (signs, letters) in (70..90).flat_map(|signs| (0..30).map(move |letters| (signs, letters))) {
            for end in ["\u{e0041}", "\0", "\u{1f600}", "–", "é", "<"] {
                let text = "<".repeat(signs) + &"a".repeat(letters) + end + end + "b";
                assert_eq!(serde_json::from_str::<String>(&line(&text)).unwrap(), text);
            }
        }
    }

    /// A text as the reports serialize long ones.
    struct Long<'a>(&'a str);

    impl Serialize for Long<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            text(self.0, serializer)
        }
    }

    proptest! {
        #[test]
        fn a_long_text_is_written_as_any_other(text in "([<#\"\\\\/a é\u{7f}\u{85}\u{1f600}\u{e0041}\0\u{8}\u{c}\n\r\t\u{1f}]|[<#]{1,9}|[a-z]{1,9}|[a<]{500,520}|é{280}){0,20}") {
            let (mut long, mut short) = (Vec::new(), Vec::new());
            write_line(&Long(&text), &mut long).unwrap();
            write_line(&text, &mut short).unwrap();
            prop_assert_eq!(String::from_utf8(long).unwrap(), String::from_utf8(short).unwrap());
        }

        #[test]
        fn any_text_parses_back_and_holds_nothing_risky(text in any::<String>()) {
            let json = line(&text);
            prop_assert!(!json.contains("##") && !json.trim_end().chars().any(|c| c == '<' || is_hostile(c) || c.is_control()));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn a_text_is_cleaned_while_it_is_written(text in HOSTILE) {
            let (mut joined, mut apart) = (Vec::new(), Vec::new());
            write_clean_pretty(&Long(&text), &mut joined).unwrap();
            write_pretty(&Long(&clean(&text)), &mut apart).unwrap();
            prop_assert_eq!(String::from_utf8(joined).unwrap(), String::from_utf8(apart).unwrap());
        }
    }
}
