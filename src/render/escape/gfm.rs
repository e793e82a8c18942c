//! Text for GitHub Flavored Markdown and HTML.
//!
//! [`inline`] writes character references, not backslashes, for what means something: they hold in a Markdown paragraph,
//! in a table cell and inside raw HTML alike (CommonMark 0.31, 2.5: a reference never stands for structure).
//! References and mentions are found by GitHub in the finished text, where no escape is left to help: there a zero-width
//! space parts the sign from the name, and what could be a commit goes into `<code>`.

use crate::text::sanitize::{clean, one_line};
use crate::text::scan::ByteSet;

/// Parts a sign from a name, so that GitHub sees neither a mention nor a reference.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// One line of text for Markdown, table cells and raw HTML text: shows as it is and does nothing.
pub fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    push_inline(&mut out, text);
    out
}

/// [`inline`] at the end of a string.
pub fn push_inline(out: &mut String, text: &str) {
    escape_line(out, &one_line(text), true);
}

/// Several lines of text on one line of Markdown, parted by `<br>`; at most one blank line in a row.
pub fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    push_lines(&mut out, text);
    out
}

/// [`lines`] at the end of a string.
pub fn push_lines(out: &mut String, text: &str) {
    let mut begun = false;
    let mut blank = false;
    for line in clean(text).split('\n') {
        let line = one_line(line);
        if line.is_empty() {
            blank = begun;
            continue;
        }
        if begun {
            out.push_str(if blank { "<br><br>" } else { "<br>" });
        }
        escape_line(out, &line, true);
        (begun, blank) = (true, false);
    }
}

/// One line of text as code, for table cells and raw HTML as well: a code span of Markdown can't hold every `|` there.
pub fn code_cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str("<code>");
    escape_line(&mut out, &one_line(text), false);
    out.push_str("</code>");
    out
}

/// Writes a line that [`one_line`] made. `commits`: put what could be a commit's SHA into `<code>`.
fn escape_line(out: &mut String, line: &str, commits: bool) {
    let mut rest = line;
    let mut last: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let at_start = last.is_none();
        let (step, end) = if c.is_ascii_alphanumeric() {
            // Not looked for at each sign: a long row of dashes would cost its square.
            let word = word_length(rest);
            let (token, after) = rest.split_at(word);
            escape_word(out, token, commits);
            // `1.` and `1)` begin a list.
            let end = token.chars().next_back();
            match after.chars().next() {
                Some(sign @ ('.' | ')')) if at_start && is_number(token) => {
                    out.push_str(if sign == '.' { "&#46;" } else { "&#41;" });
                    (word + 1, Some(sign))
                }
                _ => (word, end),
            }
        } else {
            let step = c.len_utf8();
            let after = rest.get(step..).unwrap_or_default();
            escape_char(out, c, last, after.chars().next());
            if c == ':' && opens_emoji_code(after) {
                out.push(ZERO_WIDTH_SPACE);
            }
            (step, Some(c))
        };
        last = end;
        rest = rest.get(step..).unwrap_or_default();
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `:tada:` or the like begins, after its first colon. GitHub replaces it in the finished text.
fn opens_emoji_code(after: &str) -> bool {
    let name = after
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'));
    let length = name.count();
    length > 0 && after.as_bytes().get(length) == Some(&b':')
}

/// A text whose emoji codes stay text where GitHub does not read Markdown, as in an issue's title.
pub fn break_emoji_codes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        if c == ':' && opens_emoji_code(text.get(at + 1..).unwrap_or_default()) {
            out.push(ZERO_WIDTH_SPACE);
        }
    }
    out
}

/// The bytes of what GitHub may take for a name, which is looked at whole.
static WORD: ByteSet = ByteSet::new(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

/// Length of the word that a text begins with, in bytes.
fn word_length(text: &str) -> usize {
    let length = text.bytes().take_while(|byte| WORD.has(*byte)).count();
    #[cfg(test)]
    tests::LOOKED_AT.set(tests::LOOKED_AT.get() + length);
    length
}

/// A run of word characters that begins with a letter or digit.
fn escape_word(out: &mut String, word: &str, commits: bool) {
    // Without these, a word has nothing to escape and is no reference.
    let has_signs = word.bytes().any(|byte| matches!(byte, b'_' | b'-'));
    if !has_signs && (!commits || !could_be_commit(word)) {
        out.push_str(word);
        return;
    }
    let commit = commits && word.split('-').any(could_be_commit);
    if commit {
        out.push_str("<code>");
    }
    // What is before `from` is written.
    let mut from = 0;
    for (at, byte) in word.bytes().enumerate() {
        match byte {
            b'_' => {
                out.push_str(word.get(from..at).unwrap_or_default());
                from = at + 1;
                let rest = word.get(from..).unwrap_or_default();
                // Between letters an underscore is no emphasis, so that `snake_case` stays as it is.
                if rest.is_empty() || rest.starts_with(['_', '-']) || out.ends_with(['-', ';']) {
                    out.push_str("&#95;");
                } else {
                    out.push('_');
                }
            }
            b'G' | b'g' | b'C' | b'c' => {
                if let Some(prefix) = reference_prefix(word.get(at..).unwrap_or_default()) {
                    out.push_str(word.get(from..at).unwrap_or_default());
                    out.push_str(prefix);
                    out.push(ZERO_WIDTH_SPACE);
                    from = at + prefix.len();
                }
            }
            _ => {}
        }
    }
    out.push_str(word.get(from..).unwrap_or_default());
    if commit {
        out.push_str("</code>");
    }
}

/// `[0-9a-f]{7,40}`: GitHub links it if there is such a commit.
fn could_be_commit(word: &str) -> bool {
    (7..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `GH-1`, `GHSA-…` and `CVE-…` are references: their first part, if the text begins with one.
fn reference_prefix(text: &str) -> Option<&str> {
    ["GH-", "GHSA-", "CVE-"].iter().find_map(|known| {
        let prefix = text.get(..known.len())?;
        let more = text.as_bytes().get(known.len())?;
        (prefix.eq_ignore_ascii_case(known) && more.is_ascii_alphanumeric()).then_some(prefix)
    })
}

/// Any other character, with its neighbours.
fn escape_char(out: &mut String, c: char, last: Option<char>, next: Option<char>) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '*' => out.push_str("&#42;"),
        '_' => out.push_str("&#95;"),
        '[' => out.push_str("&#91;"),
        ']' => out.push_str("&#93;"),
        '`' => out.push_str("&#96;"),
        '~' => out.push_str("&#126;"),
        '$' => out.push_str("&#36;"),
        '|' => out.push_str("&#124;"),
        '\\' => out.push_str("&#92;"),
        // A mention, a team, or an e-mail address, which is found after character references are resolved.
        '@' if next.is_some_and(|next| next != ' ') => {
            out.push('@');
            out.push(ZERO_WIDTH_SPACE);
        }
        '#' if next.is_some_and(|next| next.is_ascii_digit()) => {
            out.push_str("&#35;");
            out.push(ZERO_WIDTH_SPACE);
        }
        // `https://` and `www.` become links by themselves.
        ':' if next == Some('/') => out.push_str("&#58;"),
        '.' if matches!(last, Some('w' | 'W')) => out.push_str("&#46;"),
        // Headings, lists, underlines of headings.
        '#' if last.is_none() => out.push_str("&#35;"),
        '-' if last.is_none() => out.push_str("&#45;"),
        '+' if last.is_none() => out.push_str("&#43;"),
        '=' if last.is_none() => out.push_str("&#61;"),
        ':' if last.is_none() => out.push_str("&#58;"),
        _ => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::gfm_check::{hostile, outside_code, parse, reference, tags};
    use proptest::prelude::*;

    thread_local! {
        /// How many characters a test's thread has looked at in search of the end of a word: what could cost a square.
        pub(super) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    #[test]
    fn readable_text_is_hardly_touched() {
        for text in [
            "Log in and pay 12.50 € by 10:30 (really)",
            "snake_case and kebab-case stay",
            "C# or 50% = half, isn't it? \"Yes!\"",
        ] {
            assert_eq!(inline(text), text);
        }
    }

    #[test]
    fn what_means_something_is_escaped() {
        assert_eq!(
            inline("a|b <i>*x*</i> [l](u)"),
            "a&#124;b &lt;i&gt;&#42;x&#42;&lt;/i&gt; &#91;l&#93;(u)"
        );
        assert_eq!(inline("see http://a.b or www.a.b"), "see http&#58;//a.b or www&#46;a.b");
        assert_eq!(inline("1. first"), "1&#46; first");
        assert_eq!(inline("- item"), "&#45; item");
        assert_eq!(inline("costs $5 or C:\\dir"), "costs &#36;5 or C:&#92;dir");
    }

    #[test]
    fn mentions_and_references_are_parted() {
        assert_eq!(
            inline("@octocat a@b.co @ home"),
            "@\u{200b}octocat a@\u{200b}b.co @ home"
        );
        assert_eq!(inline("o/r#12, GH-3"), "o/r&#35;\u{200b}12, GH-\u{200b}3");
        assert_eq!(
            inline("fixed in deadbeef, face"),
            "fixed in <code>deadbeef</code>, face"
        );
        assert_eq!(
            inline("id 550e8400-e29b-41d4-a716-446655440000"),
            "id <code>550e8400-e29b-41d4-a716-446655440000</code>"
        );
    }

    #[test]
    fn emoji_codes_stay_text() {
        assert_eq!(
            inline(":tada: a::b :a:+1:"),
            "&#58;\u{200b}tada: a::b :\u{200b}a:\u{200b}+1:"
        );
        assert_eq!(inline("at 10:30:15 or a:b"), "at 10:\u{200b}30:15 or a:b");
        assert_eq!(break_emoji_codes("a :x_y: b"), "a :\u{200b}x_y: b");
    }

    #[test]
    fn lines_are_parted_by_breaks() {
        assert_eq!(lines("\n a\r\nb\n\n\n\nc \n\n"), "a<br>b<br><br>c");
        assert_eq!(lines(" \n "), "");
    }

    #[test]
    fn code_holds_what_means_something() {
        assert_eq!(code_cell("a|`b`"), "<code>a&#124;&#96;b&#96;</code>");
    }

    #[test]
    fn the_cost_does_not_grow_with_the_square_of_a_text() {
        for sign in [
            "-", "_", "a-", "-a", "_a", "#", "@", "GH-", "w.", "`", "\u{200b}", "\u{1b}[",
        ] {
            let text = sign.repeat(10_000);
            for escape in [lines, code_cell] {
                LOOKED_AT.set(0);
                assert!(escape(&text).len() <= 8 * text.len() + 32, "{sign}");
                assert!(LOOKED_AT.get() <= 2 * text.len(), "{sign}: {}", LOOKED_AT.get());
            }
        }
    }

    /// What a reader sees of a text: `&` and the like resolved.
    fn shown(markdown: &str) -> String {
        let found = parse(markdown);
        found.text.concat().replace(ZERO_WIDTH_SPACE, "")
    }

    proptest! {
        #[test]
        fn inline_text_is_nothing_but_text(text in hostile()) {
            let escaped = inline(&text);
            let found = parse(&escaped);
            prop_assert!(found.links.is_empty(), "{found:?} of {escaped:?}");
            prop_assert!(found.others.is_empty(), "{found:?} of {escaped:?}");
            prop_assert!(found.tables.is_empty() && found.code.is_empty(), "{found:?} of {escaped:?}");
            let foreign = tags(&found.html).iter().any(|tag| tag != "code" && tag != "/code");
            prop_assert!(!foreign, "{found:?} of {escaped:?}");
            prop_assert_eq!(shown(&escaped), one_line(&text));
        }

        #[test]
        fn no_mention_or_reference_survives(text in hostile()) {
            let escaped = inline(&text);
            let seen = parse(&outside_code(&escaped)).text.concat();
            prop_assert_eq!(reference(&seen), None, "{}", escaped);
        }

        #[test]
        fn a_table_keeps_its_cells(text in hostile()) {
            let table = format!("| a | b |\n|---|---|\n| {} | {} |\n", inline(&text), code_cell(&text));
            let found = parse(&table);
            prop_assert_eq!(&found.tables, &[[2, 2]], "{}", table);
            prop_assert!(found.links.is_empty() && found.others.is_empty(), "{found:?} of {table}");
        }

        #[test]
        fn raw_html_keeps_its_tags(text in hostile()) {
            let markdown = format!("<details>\n<summary>{}</summary>\n\nx\n\n</details>\n", inline(&text));
            let found = parse(&markdown);
            let ours: Vec<_> = tags(&found.html).into_iter().filter(|tag| !tag.ends_with("code")).collect();
            prop_assert_eq!(ours, ["details", "summary", "/summary", "/details"]);
        }

        #[test]
        fn several_lines_are_one_paragraph(text in hostile()) {
            let found = parse(&lines(&text));
            let foreign = tags(&found.html).iter().any(|tag| !matches!(tag.as_str(), "br" | "code" | "/code"));
            prop_assert!(!foreign, "{found:?}");
            prop_assert!(found.links.is_empty() && found.others.is_empty(), "{found:?}");
        }
    }
}
