//! Text for HTML and XML, in elements and in quoted attributes.

use crate::render::escape::chunk::{Escapes, Parts, write_escaped};
use std::{fmt, io};

/// The references that askama writes.
static HTML: Escapes = Escapes::new(&[
    (b'<', "&#60;"),
    (b'>', "&#62;"),
    (b'&', "&#38;"),
    (b'"', "&#34;"),
    (b'\'', "&#39;"),
]);

/// The entities that quick-xml writes.
static XML: Escapes = Escapes::new(&[
    (b'<', "&lt;"),
    (b'>', "&gt;"),
    (b'&', "&amp;"),
    (b'"', "&quot;"),
    (b'\'', "&apos;"),
]);

/// Writes a text with character references for the signs that mean something in HTML, those that askama writes.
///
/// # Errors
/// Those of `out`.
pub fn write_html(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let plain = HTML.signs.find(text.as_bytes());
    let (start, rest) = text.split_at_checked(plain).ok_or(fmt::Error)?;
    out.write_str(start)?;
    if rest.is_empty() {
        return Ok(());
    }
    let mut parts = Parts::new(text.as_bytes(), plain, &HTML);
    while let Some(part) = parts.next() {
        out.write_str(std::str::from_utf8(part).map_err(|_| fmt::Error)?)?;
    }
    Ok(())
}

/// Writes a text with entities for the signs that mean something in XML, those that quick-xml writes.
///
/// # Errors
/// Those of `out`.
pub fn write_xml(out: &mut impl io::Write, text: &str) -> io::Result<()> {
    write_escaped(out, text.as_bytes(), &XML)
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
