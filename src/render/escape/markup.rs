//! Text for HTML and XML, in elements and in quoted attributes.

use crate::render::escape::chunk::{Chunk, Escape, escape, short};
use crate::text::sanitize::marks_of;
use std::{fmt, io};

/// The signs that mean something.
const SIGNS: [u8; 5] = *b"<>&\"'";

/// HTML with the references that askama writes, or XML with the entities that quick-xml writes.
struct Markup<const XML: bool>;

impl<const XML: bool> Escape for Markup<XML> {
    #[inline(always)]
    fn marks(group: [u8; 8]) -> u64 {
        marks_of(group, SIGNS)
    }

    fn is_sign(byte: u8) -> bool {
        SIGNS.contains(&byte)
    }

    fn push(chunk: &mut Chunk, text: &str, at: usize) -> usize {
        let (group, length) = match (text.as_bytes().get(at), XML) {
            (Some(b'<'), false) => short!(b"&#60;"),
            (Some(b'<'), true) => short!(b"&lt;"),
            (Some(b'>'), false) => short!(b"&#62;"),
            (Some(b'>'), true) => short!(b"&gt;"),
            (Some(b'&'), false) => short!(b"&#38;"),
            (Some(b'&'), true) => short!(b"&amp;"),
            (Some(b'"'), false) => short!(b"&#34;"),
            (Some(b'"'), true) => short!(b"&quot;"),
            (_, false) => short!(b"&#39;"),
            (_, true) => short!(b"&apos;"),
        };
        chunk.push(group, length);
        1
    }
}

/// Writes a text with character references for the signs that mean something in HTML, those that askama writes.
///
/// # Errors
/// Those of `out`.
pub fn write_html(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    escape::<Markup<false>, _>(text, |part| {
        // A part may end within a character.
        let text = match std::str::from_utf8(part) {
            Ok(text) => text,
            Err(error) => {
                let (whole, _) = part.split_at(error.valid_up_to());
                std::str::from_utf8(whole).map_err(|_| fmt::Error)?
            }
        };
        out.write_str(text)?;
        Ok(text.len())
    })
}

/// Writes a text with entities for the signs that mean something in XML, those that quick-xml writes.
///
/// # Errors
/// Those of `out`.
pub fn write_xml(out: &mut impl io::Write, text: &str) -> io::Result<()> {
    escape::<Markup<true>, _>(text, |part| {
        out.write_all(part)?;
        Ok(part.len())
    })
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
        fn nothing_but_the_signs_changes(text in "([<>&\"'a é€]{0,20}|[a-z]{14,18}|b{500,530}|<{900}|€{300}){0,6}") {
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
