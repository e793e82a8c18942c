//! Names of inputs and the like, which our messages have between backticks.

/// Longest of them, in bytes.
const LONGEST: usize = 60;

/// Parts of a text, each with whether it is code: what stood between backticks, without them.
///
/// Others write backticks too: where what is between them looks like no name or setting of ours, they stay.
pub fn code_segments(text: &str) -> Vec<(bool, &str)> {
    let mut spans = Vec::new();
    let (mut done, mut from) = (0, 0);
    while let Some(open) = find(text, from) {
        let Some(close) = find(text, open + 1) else { break };
        let code = text.get(open + 1..close).unwrap_or_default();
        from = close;
        if is_code(code) {
            spans.push((false, text.get(done..open).unwrap_or_default()));
            spans.push((true, code));
            (done, from) = (close + 1, close + 1);
        }
    }
    spans.push((false, text.get(done..).unwrap_or_default()));
    spans.retain(|(_, text)| !text.is_empty());
    spans
}

fn find(text: &str, from: usize) -> Option<usize> {
    Some(from + text.get(from..)?.find('`')?)
}

fn is_code(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'/' | b' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_between_backticks_are_code() {
        let known = [
            ("", vec![]),
            ("plain", vec![(false, "plain")]),
            (
                "(`fail_fast`): `blocking: false`",
                vec![
                    (false, "("),
                    (true, "fail_fast"),
                    (false, "): "),
                    (true, "blocking: false"),
                ],
            ),
            ("`<b>` `x`", vec![(false, "`<b>` "), (true, "x")]),
            ("``` a `", vec![(false, "``` a `")]),
            ("a ` b", vec![(false, "a ` b")]),
        ];
        for (text, expected) in known {
            assert_eq!(code_segments(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[`a<\n ]{0,20}") {
            let again: String = code_segments(&text).into_iter().map(|(code, part)| if code { format!("`{part}`") } else { part.to_owned() }).collect();
            prop_assert_eq!(again, text);
        }
    }
}
