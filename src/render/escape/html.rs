//! Text for HTML, in elements and in quoted attributes.

use std::fmt;

/// How much is escaped before it is handed on: one call for each sign would cost more than the signs.
const CHUNK: usize = 4 * 1024;

/// Writes a text with character references for the signs that mean something, those that askama writes.
///
/// # Errors
/// Those of `out`.
pub fn write_html(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let mut rest = text;
    let mut buffer = String::new();
    while let Some(at) = rest.bytes().position(|b| reference(b).is_some()) {
        let (plain, from) = rest.split_at_checked(at).ok_or(fmt::Error)?;
        if plain.len() > CHUNK {
            out.write_str(&std::mem::take(&mut buffer))?;
            out.write_str(plain)?;
        } else {
            buffer.push_str(plain);
        }
        let sign = from.bytes().next().and_then(reference).ok_or(fmt::Error)?;
        buffer.push_str(sign);
        if buffer.len() > CHUNK {
            out.write_str(&buffer)?;
            buffer.clear();
        }
        rest = from.get(1..).unwrap_or_default();
    }
    out.write_str(&buffer)?;
    out.write_str(rest)
}

fn reference(byte: u8) -> Option<&'static str> {
    match byte {
        b'<' => Some("&#60;"),
        b'>' => Some("&#62;"),
        b'&' => Some("&#38;"),
        b'"' => Some("&#34;"),
        b'\'' => Some("&#39;"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_but_the_signs_changes(text in "([<>&\"'a é]{0,20}|b{5000}|<{2000}){0,4}") {
            let mut out = String::new();
            write_html(&mut out, &text).unwrap();
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            let mut back = out;
            for (reference, sign) in [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")] {
                back = back.replace(reference, sign);
            }
            prop_assert_eq!(back, text);
        }
    }
}
