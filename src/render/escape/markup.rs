//! Text for HTML and XML, in elements and in quoted attributes.

use crate::render::escape::chunk::{Escapes, kept, write_clean, write_escaped};
use crate::text::sanitize::NOT_KEPT;
use std::{fmt, io};

/// The references that askama writes.
const REFERENCES: &[(u8, &str)] = &[
    (b'<', "&#60;"),
    (b'>', "&#62;"),
    (b'&', "&#38;"),
    (b'"', "&#34;"),
    (b'\'', "&#39;"),
];
static HTML: Escapes = Escapes::new(REFERENCES);
/// The same, up to the first character that cleaning may remove or change.
static CLEAN_HTML: Escapes = Escapes::new(REFERENCES).replace_with(&NOT_KEPT, kept);

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
    let plain = write_plain(out, text, &HTML)?;
    write_escaped(text.as_bytes(), plain, &HTML, &mut utf8_writer(out))?;
    Ok(())
}

/// [`write_html`] with the text cleaned, see [`clean`](crate::text::sanitize::clean).
///
/// # Errors
/// Those of `out`.
pub fn write_clean_html(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let plain = write_plain(out, text, &CLEAN_HTML)?;
    write_clean(text.as_bytes(), plain, &CLEAN_HTML, &HTML, &mut utf8_writer(out))
}

/// Writes what stands before the first sign, without the check for UTF-8 that each part needs, and returns its length.
fn write_plain(out: &mut impl fmt::Write, text: &str, escapes: &Escapes) -> Result<usize, fmt::Error> {
    let plain = escapes.plain(text.as_bytes());
    out.write_str(text.get(..plain).ok_or(fmt::Error)?)?;
    Ok(plain)
}

fn utf8_writer(out: &mut impl fmt::Write) -> impl FnMut(&[u8]) -> fmt::Result {
    |part| out.write_str(std::str::from_utf8(part).map_err(|_| fmt::Error)?)
}

/// Writes a text with entities for the signs that mean something in XML, those that quick-xml writes.
///
/// # Errors
/// Those of `out`.
pub fn write_xml(out: &mut impl io::Write, text: &str) -> io::Result<()> {
    write_escaped(text.as_bytes(), 0, &XML, &mut |part| out.write_all(part))?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::render::escape::chunk::HOSTILE;
    use crate::text::sanitize::clean;
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

        #[test]
        fn a_text_is_cleaned_while_it_is_escaped(text in HOSTILE) {
            let (mut joined, mut apart) = (String::new(), String::new());
            write_clean_html(&mut joined, &text).unwrap();
            write_html(&mut apart, &clean(&text)).unwrap();
            prop_assert_eq!(joined, apart);
        }
    }
}
