//! JSON whose text does nothing when it is printed in a log or put into a page, and parses back to what it was.
//!
//! serde_json escapes C0 controls, quotes and backslashes. Escaped here as well: DEL and C1 controls, characters that
//! reorder or hide text, line separators that JavaScript once knew, `<` (no `</script>`, no `<!--`) and the second sign
//! of `##`, since GitHub's runner takes `##[name]` anywhere in a printed line for a command.

use crate::render::escape::{is_hostile, plain_ascii};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io;

/// Writes a value over several lines, indented, with a newline at the end.
pub fn write_pretty(value: &impl Serialize, out: &mut impl io::Write) -> io::Result<()> {
    write(value, out, PrettyFormatter::new())
}

/// Writes a value on one line, with a newline at the end.
pub fn write_line(value: &impl Serialize, out: &mut impl io::Write) -> io::Result<()> {
    write(value, out, CompactFormatter)
}

fn write(value: &impl Serialize, out: &mut impl io::Write, layout: impl Formatter) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    value.serialize(&mut Serializer::with_formatter(&mut out, Harmless(layout)))?;
    io::Write::write_all(&mut out, b"\n")?;
    io::Write::flush(&mut out)
}

/// Escapes within strings; leaves the layout to another formatter.
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let (mut from, mut at) = (0, 0);
        let mut after_hash = None;
        loop {
            let plain = |b| matches!(b, b' '..=b'~') && !matches!(b, b'<' | b'#');
            at += plain_ascii(bytes(fragment, at, fragment.len()), plain, [b'<', b'#']);
            let Some(c) = fragment.get(at..).and_then(|rest| rest.chars().next()) else {
                break;
            };
            let end = at + c.len_utf8();
            if is_risky(c) || (c == '#' && after_hash == Some(at)) {
                out.write_all(bytes(fragment, from, at))?;
                match c {
                    '<' => out.write_all(b"\\u003c")?,
                    '#' => out.write_all(b"\\u0023")?,
                    _ => {
                        for unit in c.encode_utf16(&mut [0; 2]) {
                            write!(out, "\\u{unit:04x}")?;
                        }
                    }
                }
                from = end;
            }
            if c == '#' {
                after_hash = Some(end);
            }
            at = end;
        }
        out.write_all(bytes(fragment, from, fragment.len()))
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

fn bytes(text: &str, from: usize, to: usize) -> &[u8] {
    text.as_bytes().get(from..to).unwrap_or_default()
}

fn is_risky(c: char) -> bool {
    c == '<' || is_hostile(c)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
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
        let value = serde_json::json!({"a": [1, {"b": []}], "c": {}, "d": null});
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

    proptest! {
        #[test]
        fn any_text_parses_back_and_holds_nothing_risky(text in any::<String>()) {
            let json = line(&text);
            prop_assert!(!json.contains("##") && !json.trim_end().chars().any(|c| is_risky(c) || c.is_control()));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
