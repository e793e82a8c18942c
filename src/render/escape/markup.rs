//! Text for HTML and XML, in elements and in quoted attributes.

use crate::text::sanitize::find_any;
use std::{fmt, io};

/// How much is escaped before it is written: one call for each sign would cost more than the signs.
const CHUNK: usize = 4 * 1024;
/// Up to how many bytes are copied one by one: a call that copies costs more than they do.
const FEW: usize = 16;

/// Writes a text with character references for the signs that mean something in HTML, those that askama writes.
///
/// # Errors
/// Those of `out`.
pub fn write_html(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let push = |buffer: &mut String, sign| match sign {
        b'<' => buffer.push_str("&#60;"),
        b'>' => buffer.push_str("&#62;"),
        b'&' => buffer.push_str("&#38;"),
        b'"' => buffer.push_str("&#34;"),
        _ => buffer.push_str("&#39;"),
    };
    escape(text, push, |part| out.write_str(part))
}

/// Writes a text with entities for the signs that mean something in XML, those that quick-xml writes.
///
/// # Errors
/// Those of `out`.
pub fn write_xml(out: &mut impl io::Write, text: &str) -> io::Result<()> {
    let push = |buffer: &mut String, sign| match sign {
        b'<' => buffer.push_str("&lt;"),
        b'>' => buffer.push_str("&gt;"),
        b'&' => buffer.push_str("&amp;"),
        b'"' => buffer.push_str("&quot;"),
        _ => buffer.push_str("&apos;"),
    };
    escape(text, push, |part| out.write_all(part.as_bytes()))
}

/// Hands a text on in parts, with what `push` makes of each sign.
fn escape<E>(
    text: &str,
    push: impl Fn(&mut String, u8),
    mut write: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = text;
    let mut buffer = String::new();
    while let Some(at) = find_any(rest.as_bytes(), *b"<>&\"'") {
        let (plain, from) = rest.split_at(at);
        if plain.len() > CHUNK {
            write(&buffer)?;
            buffer.clear();
            write(plain)?;
        } else if plain.len() > FEW {
            buffer.push_str(plain);
        } else {
            buffer.extend(plain.chars());
        }
        let mut signs = 0;
        for byte in from.bytes().take_while(|byte| b"<>&\"'".contains(byte)).take(CHUNK) {
            push(&mut buffer, byte);
            signs += 1;
        }
        if buffer.len() > CHUNK {
            write(&buffer)?;
            buffer.clear();
        }
        rest = from.get(signs..).unwrap_or_default();
    }
    if !buffer.is_empty() {
        write(&buffer)?;
    }
    write(rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The text with each sign replaced, the ampersand first.
    fn replaced(text: &str, references: [(&str, &str); 5]) -> String {
        let replace = |text: String, (sign, reference): (&str, &str)| text.replace(sign, reference);
        references.into_iter().fold(text.to_owned(), replace)
    }

    proptest! {
        #[test]
        fn nothing_but_the_signs_changes(text in "([<>&\"'a é]{0,20}|[a-z]{14,18}|b{5000}|<{9000}){0,4}") {
            let mut html = String::new();
            write_html(&mut html, &text).unwrap();
            let numbers = [("&", "&#38;"), ("<", "&#60;"), (">", "&#62;"), ("\"", "&#34;"), ("'", "&#39;")];
            prop_assert_eq!(html, replaced(&text, numbers));
            let mut xml = Vec::new();
            write_xml(&mut xml, &text).unwrap();
            let names = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&apos;")];
            prop_assert_eq!(String::from_utf8(xml).unwrap(), replaced(&text, names));
        }
    }
}
