//! Repairs text that is not valid Unicode, so that one broken string does not make the whole answer unreadable.
//!
//! A server that cuts strings by UTF-16 units can leave half a surrogate pair, and one that cuts by bytes can leave half a character.
//! RFC 8259, section 8.2, leaves it to the parser how to handle such escapes.

/// Replaces, in place, everything that prevents a JSON body from being parsed as text: half a surrogate pair, bytes that are not
/// UTF-8, and a byte-order mark. Returns whether anything was replaced.
pub fn repair(body: &mut [u8]) -> bool {
    let mark = blank_byte_order_mark(body);
    let bytes = repair_bytes(body);
    let escapes = repair_escapes(body);
    mark || bytes || escapes
}

/// A parser may ignore the mark (RFC 8259, section 8.1).
fn blank_byte_order_mark(body: &mut [u8]) -> bool {
    match body {
        [mark @ .., _] if mark.starts_with(b"\xef\xbb\xbf") => {
            mark.iter_mut().take(3).for_each(|byte| *byte = b' ');
            true
        }
        _ => false,
    }
}

fn repair_bytes(body: &mut [u8]) -> bool {
    let mut repaired = false;
    let mut rest = body;
    while let Err(error) = std::str::from_utf8(rest) {
        let length = error.error_len().unwrap_or(rest.len());
        let (_, from) = rest.split_at_mut(error.valid_up_to());
        let (broken, after) = from.split_at_mut(length.min(from.len()));
        broken.fill(b'?');
        rest = after;
        repaired = true;
    }
    repaired
}

fn repair_escapes(body: &mut [u8]) -> bool {
    /// U+FFFD, the replacement character.
    const REPLACEMENT: &[u8; 6] = b"\\ufffd";
    let mut repaired = false;
    let mut at = 0;
    while let Some(next) = body
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
    {
        at += next;
        let Some(unit) = escaped_unit(body, at) else {
            // Skips the backslash and the escaped character.
            at += 2;
            continue;
        };
        let is_pair = (0xd800..0xdc00).contains(&unit)
            && escaped_unit(body, at + 6).is_some_and(|low| (0xdc00..0xe000).contains(&low));
        if is_pair {
            at += 12;
            continue;
        }
        if (0xd800..0xe000).contains(&unit)
            && let Some(escape) = body.get_mut(at..at + 6)
        {
            escape.copy_from_slice(REPLACEMENT);
            repaired = true;
        }
        at += 6;
    }
    repaired
}

/// The UTF-16 unit of the escape `\uXXXX` at this position, if there is one.
fn escaped_unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at.checked_add(6)?)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repaired(body: &[u8]) -> Option<String> {
        let mut body = body.to_vec();
        repair(&mut body).then(|| serde_json::from_slice::<String>(&body).unwrap())
    }

    #[test]
    fn half_a_pair_is_replaced_and_a_pair_is_kept() {
        assert_eq!(repaired(br#""cut \ud83d""#).unwrap(), "cut \u{fffd}");
        assert_eq!(repaired(br#""\udE00 \uD83D\ude00""#).unwrap(), "\u{fffd} \u{1f600}");
        assert_eq!(repaired(br#""\ud83d\ud83d\ude00""#).unwrap(), "\u{fffd}\u{1f600}");
        assert_eq!(repaired(br#""\ud83d\n""#).unwrap(), "\u{fffd}\n");
        for valid in [
            &br#""\ud83d\ude00""#[..],
            br#""\\ud83d""#,
            br#""\\\\ud83d""#,
            br#""\u0041""#,
        ] {
            assert_eq!(repaired(valid), None);
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_replaced() {
        assert_eq!(repaired(b"\"caf\xe9 \xf0\x9f\x98\"").unwrap(), "caf? ???");
        assert_eq!(repaired(b"\xef\xbb\xbf\"text\"").unwrap(), "text");
        assert!(!repair(&mut []));
        assert!(repair(&mut [0xff]));
    }

    proptest! {
        #[test]
        fn a_repaired_body_needs_no_further_repair(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut body = body;
            let length = body.len();
            repair(&mut body);
            prop_assert_eq!(body.len(), length);
            prop_assert!(std::str::from_utf8(&body).is_ok());
            prop_assert!(!repair(&mut body));
        }

        #[test]
        fn any_units_can_be_parsed_after_the_repair(units in prop::collection::vec(any::<u16>(), 0..12)) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let mut body = format!("\"{escapes}\"").into_bytes();
            let changed = repair(&mut body);
            let read: String = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(&read, &String::from_utf16_lossy(&units));
            prop_assert_eq!(changed, String::from_utf16(&units).is_err());
        }

        #[test]
        fn valid_json_is_not_changed(text in any::<String>()) {
            let mut body = serde_json::to_vec(&text).unwrap();
            prop_assert!(!repair(&mut body));
        }
    }
}
