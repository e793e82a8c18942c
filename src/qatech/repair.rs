//! Text of an answer that no UTF-8 can hold: mended, so that one case with a broken word does not cost the whole answer.
//!
//! A backend that cuts its texts by UTF-16 units leaves half a surrogate pair; one that cuts by bytes leaves half a
//! character. JSON's own form is kept: RFC 8259, section 8.2, leaves it to the reader what to do with such escapes.

/// Replaces, in place, what keeps a JSON body from being read as text: half a surrogate pair, bytes that are no UTF-8, and
/// a byte order mark. Whether there was any.
pub fn repair(body: &mut [u8]) -> bool {
    let mark = blank_byte_order_mark(body);
    let bytes = mend_bytes(body);
    let escapes = mend_escapes(body);
    mark || bytes || escapes
}

/// RFC 8259, section 8.1: a parser may ignore it.
fn blank_byte_order_mark(body: &mut [u8]) -> bool {
    match body {
        [mark @ .., _] if mark.starts_with(b"\xef\xbb\xbf") => {
            mark.iter_mut().take(3).for_each(|byte| *byte = b' ');
            true
        }
        _ => false,
    }
}

fn mend_bytes(body: &mut [u8]) -> bool {
    let mut mended = false;
    let mut rest = body;
    while let Err(error) = std::str::from_utf8(rest) {
        let length = error.error_len().unwrap_or(rest.len());
        let (_, from) = rest.split_at_mut(error.valid_up_to());
        let (broken, after) = from.split_at_mut(length.min(from.len()));
        broken.fill(b'?');
        rest = after;
        mended = true;
    }
    mended
}

fn mend_escapes(body: &mut [u8]) -> bool {
    /// U+FFFD, the replacement character.
    const REPLACEMENT: &[u8; 6] = b"\\ufffd";
    let mut mended = false;
    let mut at = 0;
    while let Some(next) = body
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
    {
        at += next;
        let Some(unit) = escaped_unit(body, at) else {
            // The backslash and what it escapes.
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
            mended = true;
        }
        at += 6;
    }
    mended
}

/// The UTF-16 unit that is escaped there as `\uXXXX`.
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

    fn mended(body: &[u8]) -> Option<String> {
        let mut body = body.to_vec();
        repair(&mut body).then(|| serde_json::from_slice::<String>(&body).unwrap())
    }

    #[test]
    fn half_a_pair_is_replaced_and_a_pair_is_kept() {
        assert_eq!(mended(br#""cut \ud83d""#).unwrap(), "cut \u{fffd}");
        assert_eq!(mended(br#""\udE00 \uD83D\ude00""#).unwrap(), "\u{fffd} \u{1f600}");
        assert_eq!(mended(br#""\ud83d\ud83d\ude00""#).unwrap(), "\u{fffd}\u{1f600}");
        assert_eq!(mended(br#""\ud83d\n""#).unwrap(), "\u{fffd}\n");
        for right in [
            &br#""\ud83d\ude00""#[..],
            br#""\\ud83d""#,
            br#""\\\\ud83d""#,
            br#""\u0041""#,
        ] {
            assert_eq!(mended(right), None);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(mended(b"\"caf\xe9 \xf0\x9f\x98\"").unwrap(), "caf? ???");
        assert_eq!(mended(b"\xef\xbb\xbf\"text\"").unwrap(), "text");
        assert!(!repair(&mut []));
        assert!(repair(&mut [0xff]));
    }

    proptest! {
        #[test]
        fn what_is_mended_has_no_more_to_mend(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut body = body;
            let length = body.len();
            repair(&mut body);
            prop_assert_eq!(body.len(), length);
            prop_assert!(std::str::from_utf8(&body).is_ok());
            prop_assert!(!repair(&mut body));
        }

        #[test]
        fn any_units_can_be_read_once_mended(units in prop::collection::vec(any::<u16>(), 0..12)) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let mut body = format!("\"{escapes}\"").into_bytes();
            let changed = repair(&mut body);
            let read: String = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(&read, &String::from_utf16_lossy(&units));
            prop_assert_eq!(changed, String::from_utf16(&units).is_err());
        }

        #[test]
        fn right_json_is_left_alone(text in any::<String>()) {
            let mut body = serde_json::to_vec(&text).unwrap();
            prop_assert!(!repair(&mut body));
        }
    }
}
