//! Cleaning and cutting: characters that hide, reorder or break text go, whatever the format.

use crate::text::scan::ByteSet;
use std::borrow::Cow;

/// What is to become of a character.
enum CharClass {
    Keep,
    /// It ends a line.
    Line,
    /// It looks like a space but is none.
    Space,
    /// It has no business in a report.
    Drop,
    /// It joins its neighbours; kept where emoji and scripts need it.
    Joiner,
    /// It selects a glyph of the character before it.
    Selector,
}

fn class_of(c: char) -> CharClass {
    match c {
        '\n' | '\t' | ' '..='~' => CharClass::Keep,
        // Letters of Europe, most punctuation, and Han: compared first, since whole texts consist of them.
        '\u{ae}'..='\u{34e}' | '\u{350}'..='\u{61b}' | '\u{2010}'..='\u{2027}' | '\u{3165}'..='\u{fdcf}' => {
            CharClass::Keep
        }
        // NEL, vertical tab, form feed and the Unicode separators end a line for one reader or another.
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => CharClass::Line,
        // The other control characters of C0 and C1, and DEL.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => CharClass::Drop,
        // Marks, embeddings, overrides and isolates of bidirectional text (Unicode TR 36, "Trojan Source").
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => CharClass::Drop,
        // Default-ignorable characters: they take no room and so can hide what stands between them.
        '\u{ad}'
        | '\u{34f}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e00ff}'
        | '\u{e01f0}'..='\u{e0fff}' => CharClass::Drop,
        // Non-characters: no XML and few parsers take them.
        '\u{fdd0}'..='\u{fdef}' => CharClass::Drop,
        _ if u32::from(c) & 0xfffe == 0xfffe => CharClass::Drop,
        // Hangul fillers: letters without ink.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => CharClass::Space,
        '\u{200c}' | '\u{200d}' => CharClass::Joiner,
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => CharClass::Selector,
        _ => CharClass::Keep,
    }
}

/// Whether a character ends a line, hides or reorders text, or only looks like a space. Joiners and selectors are left out:
/// emoji and scripts are made of them.
pub(crate) fn is_hostile(c: char) -> bool {
    match class_of(c) {
        CharClass::Line | CharClass::Space | CharClass::Drop => true,
        CharClass::Keep | CharClass::Joiner | CharClass::Selector => false,
    }
}

/// Whether a character does not show, by itself or in most places.
pub(crate) fn is_invisible(c: char) -> bool {
    match class_of(c) {
        CharClass::Drop | CharClass::Joiner | CharClass::Selector => true,
        CharClass::Keep | CharClass::Line | CharClass::Space => false,
    }
}

/// Removes what can hide, reorder or forge text, and makes every line terminator `\n`. Keeps tabs.
///
/// Terminal sequences go whole, since what is left of one without its escape character is noise.
/// Joiners and variation selectors stay where they can have a meaning: once, after a character that is not ASCII.
pub fn clean(text: &str) -> Cow<'_, str> {
    let Some(mut unchanged) = first_to_change(text) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (start, tail) = rest.split_at(unchanged);
        out.push_str(start);
        let Some(c) = tail.chars().next() else {
            return Cow::Owned(out);
        };
        let last = out.chars().next_back().unwrap_or('\n');
        let mut length = c.len_utf8();
        match class_of(c) {
            CharClass::Keep => out.push(c),
            CharClass::Line => {
                length += usize::from(tail.starts_with("\r\n"));
                out.push('\n');
            }
            CharClass::Space => out.push(' '),
            CharClass::Joiner if !last.is_ascii() && !matches!(class_of(last), CharClass::Joiner) => out.push(c),
            CharClass::Selector if !last.is_ascii() && matches!(class_of(last), CharClass::Keep) => out.push(c),
            CharClass::Drop | CharClass::Joiner | CharClass::Selector => {
                length = length.max(control_sequence(tail.as_bytes()));
            }
        }
        rest = tail.get(length..).unwrap_or_default();
        unchanged = first_to_change(rest).unwrap_or(rest.len());
    }
}

/// Cleans a text of UTF-8 of which the beginning needs no cleaning, up to a position between characters. Returns the cleaned rest
/// behind the last character of the beginning, which decides on what may follow it, and that character's length.
pub(crate) fn clean_rest(text: &[u8], at: usize) -> (String, usize) {
    let is_start = |byte: &u8| !matches!(byte, 0x80..=0xbf);
    let start = text.get(..at).and_then(|before| before.iter().rposition(is_start));
    let last = at - start.unwrap_or(at);
    let rest = String::from_utf8_lossy(text.get(at - last..).unwrap_or_default());
    (clean(&rest).into_owned(), last)
}

/// Whether cleaning keeps a character wherever it stands.
pub(crate) fn is_kept(c: char) -> bool {
    matches!(class_of(c), CharClass::Keep)
}

/// The bytes at which a character may begin that is not [`CharClass::Keep`], or is white space other than a space.
static SPECIAL: ByteSet = ByteSet::with_special(b"");
/// The bytes at which a character may begin that is not [`CharClass::Keep`].
pub(crate) static NOT_KEPT: ByteSet = ByteSet::with_special(b"").without(b"\n\t");

/// Where the first character stands that may not stay as it is. Nearly all texts have none, so this is what cleaning costs.
fn first_to_change(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        at += NOT_KEPT.find(rest.as_bytes());
        let c = text.get(at..)?.chars().next()?;
        if !matches!(class_of(c), CharClass::Keep) {
            return Some(at);
        }
        at += c.len_utf8();
    }
}

/// Longest terminal sequence that is looked for, in bytes: a link has a URL in it.
const LONGEST_SEQUENCE: usize = 2_048;

/// Length of the terminal sequence that a text begins with, such as a colour, a title or a link (ECMA-48), in either spelling of
/// its introducer: ESC and a letter, or one character of C1. 0 if it begins with none or with a part of one.
pub(crate) fn control_sequence(text: &[u8]) -> usize {
    let (introducer, length) = match text {
        [0x1b, second @ 0x20..=0x7e, ..] => ([0x1b, *second], 2),
        // DCS, SOS, CSI, OSC, PM and APC.
        [0xc2, c1 @ (0x90 | 0x98 | 0x9b | 0x9d..=0x9f), ..] => ([0x1b, c1 - 0x40], 2),
        _ => return 0,
    };
    let mut parser = vte::Parser::new();
    let mut end = SequenceEnd::default();
    let _ = parser.advance_until_terminated(&mut end, &introducer);
    let most = text.len().min(LONGEST_SEQUENCE);
    let rest = text.get(length..most).unwrap_or_default();
    let read = if end.state == SequenceState::Open {
        parser.advance_until_terminated(&mut end, rest)
    } else {
        0
    };
    match end.state {
        SequenceState::Complete => length + read,
        SequenceState::Open | SequenceState::TerminatorDue | SequenceState::Broken => 0,
    }
}

/// Notes where one terminal sequence ends.
#[derive(Default)]
struct SequenceEnd {
    state: SequenceState,
}

#[derive(Default, PartialEq)]
enum SequenceState {
    #[default]
    Open,
    /// A string was ended by ESC, which begins its terminator: `ESC \`.
    TerminatorDue,
    Complete,
    Broken,
}

impl SequenceEnd {
    fn complete(&mut self) {
        self.state = match self.state {
            SequenceState::Open => SequenceState::Complete,
            SequenceState::TerminatorDue | SequenceState::Complete | SequenceState::Broken => SequenceState::Broken,
        };
    }
}

impl vte::Perform for SequenceEnd {
    fn execute(&mut self, _byte: u8) {
        self.state = SequenceState::Broken;
    }

    fn csi_dispatch(&mut self, _params: &vte::Params, _intermediates: &[u8], _ignore: bool, _action: char) {
        self.complete();
    }

    fn osc_dispatch(&mut self, _params: &[&[u8]], bell_terminated: bool) {
        self.state = if bell_terminated {
            SequenceState::Complete
        } else {
            SequenceState::TerminatorDue
        };
    }

    fn unhook(&mut self) {
        self.state = SequenceState::TerminatorDue;
    }

    fn esc_dispatch(&mut self, _intermediates: &[u8], _ignore: bool, byte: u8) {
        if byte == b'\\' {
            self.state = SequenceState::Complete;
        } else {
            self.complete();
        }
    }

    fn terminated(&self) -> bool {
        matches!(self.state, SequenceState::Complete | SequenceState::Broken)
    }
}

/// [`clean`], and each run of white space is one space; none at the ends.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    if is_plain_line(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    match clean(trimmed) {
        Cow::Borrowed(text) if is_squeezed(text) => Cow::Borrowed(text),
        text => Cow::Owned(squeeze(&text)),
    }
}

/// Whether a trimmed text needs neither cleaning nor squeezing. Most names and lines are such; others may be.
fn is_plain_line(text: &str) -> bool {
    let mut after_space = false;
    text.bytes().all(|byte| {
        let is_space = byte == b' ';
        let fits = !(is_space && after_space || SPECIAL.has(byte));
        after_space = is_space;
        fits
    })
}

/// Whether all white space of a trimmed text is single spaces.
fn is_squeezed(text: &str) -> bool {
    !text.contains("  ") && text.chars().all(|c| c == ' ' || !c.is_whitespace())
}

/// Whether nothing is left to see once a text is cleaned.
pub fn is_blank(text: &str) -> bool {
    let is_seen = |c: char| matches!(class_of(c), CharClass::Keep) && !c.is_whitespace();
    // One of the first characters nearly always decides: cleaning removes none that comes before a control character.
    for c in text.chars() {
        match class_of(c) {
            CharClass::Keep if !c.is_whitespace() => return false,
            CharClass::Keep | CharClass::Line | CharClass::Space => {}
            CharClass::Drop | CharClass::Joiner | CharClass::Selector => return !clean(text).chars().any(is_seen),
        }
    }
    true
}

fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        // What joined a space that is replaced would join an ASCII character now, where cleaning leaves none.
        let word = word.trim_start_matches(|c| matches!(class_of(c), CharClass::Joiner | CharClass::Selector));
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The mark of a cut.
const ELLIPSIS: char = '…';

/// At most `max` characters; what was cut shows as `…`.
pub fn cut_chars(text: &str, max: usize) -> Cow<'_, str> {
    // As many bytes as characters is the fewest there can be.
    if text.len() <= max || start_of(text, max) == text.len() {
        return Cow::Borrowed(text);
    }
    match max.checked_sub(1) {
        Some(room) => Cow::Owned(with_ellipsis(text, start_of(text, room))),
        None => Cow::Borrowed(""),
    }
}

/// Where the character of this number begins; the text's length where there is none. Passes many at a time.
fn start_of(text: &str, number: usize) -> usize {
    let mut chars = text.chars();
    if let Some(before) = number.checked_sub(1) {
        chars.nth(before);
    }
    text.len() - chars.as_str().len()
}

/// At most `max` bytes, cut between characters; what was cut shows as `…` (three bytes).
pub fn cut_bytes(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let Some(room) = max.checked_sub(ELLIPSIS.len_utf8()) else {
        return Cow::Borrowed("");
    };
    Cow::Owned(with_ellipsis(text, text.floor_char_boundary(room)))
}

fn with_ellipsis(text: &str, end: usize) -> String {
    let kept = text.get(..end).unwrap_or_default();
    // A joiner would join the ellipsis.
    let kept = kept.trim_end_matches(|c: char| c.is_whitespace() || matches!(class_of(c), CharClass::Joiner));
    let mut out = String::with_capacity(kept.len() + ELLIPSIS.len_utf8());
    out.push_str(kept);
    out.push(ELLIPSIS);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn readable_text_stays_as_it_is() {
        for text in [
            "Log in, pay 12,50 € & leave",
            "two\nlines\tand a tab",
            "naïve Ünïcödé 漢字 кириллица עברית",
            "👩‍👩‍👧‍👦 ❤️‍🔥 ☂️",
            "می‌خواهم",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn what_hides_or_reorders_goes() {
        assert_eq!(clean("a\u{202e}b\u{2066}c\u{200e}d"), "abcd");
        assert_eq!(clean("z\u{200b}e\u{2060}r\u{feff}o\u{ad}w"), "zerow");
        assert_eq!(clean("n\0u\u{7}l\u{7f}l\u{9b}"), "null");
        assert_eq!(clean("tag\u{e0041}\u{e0042}"), "tag");
        assert_eq!(clean("join\u{200d}ed \u{fe0f}x"), "joined x");
        assert_eq!(clean("é\u{200d}\u{200d}\u{200d}é"), "é\u{200d}é");
        assert_eq!(clean("fill\u{3164}er"), "fill er");
        assert_eq!(clean("non\u{ffff}\u{1fffe}"), "non");
    }

    #[test]
    fn terminal_sequences_go_whole_and_half_ones_lose_their_escape() {
        for whole in [
            "\u{1b}[1;31mred\u{1b}[0m",
            "\u{9b}31mred\u{9b}m",
            "\u{1b}]8;;https://evil.example\u{7}red\u{1b}]8;;\u{7}",
            "\u{1b}]8;;https://evil.example\u{1b}\\red\u{1b}]8;;\u{1b}\\",
            "\u{1b}]0;title\u{7}red",
            "\u{9d}0;title\u{7}red",
            "\u{1b}Pq#0;2;0;0;0\u{1b}\\red",
            "\u{1b}_application\u{1b}\\red",
            "\u{1b}(Bred\u{1b}c",
        ] {
            assert_eq!(clean(whole), "red", "{whole:?}");
        }
        assert_eq!(clean("\u{1b}[31"), "[31");
        assert_eq!(clean("\u{1b}]8;;x"), "]8;;x");
        assert_eq!(clean("\u{1b}]0;a\u{1b}[1mb"), "]0;ab");
        assert_eq!(clean("\u{1b}\u{1b}\u{1b}"), "");
        assert!(is_blank("\u{1b}[1m \u{200b}"));
    }

    #[test]
    fn every_line_terminator_becomes_one_newline() {
        assert_eq!(
            clean("a\r\nb\rc\u{85}d\u{2028}e\u{2029}f\u{b}g\u{c}h"),
            "a\nb\nc\nd\ne\nf\ng\nh"
        );
    }

    #[test]
    fn one_line_squeezes_white_space() {
        assert_eq!(one_line("  a \r\n\t b\u{a0}\u{3000}c  "), "a b c");
        assert!(matches!(one_line(" plain text "), Cow::Borrowed("plain text")));
    }

    #[test]
    fn cuts_show_an_ellipsis() {
        assert_eq!(cut_chars("12345", 5), "12345");
        assert_eq!(cut_chars("123456", 5), "1234…");
        assert_eq!(cut_chars("ab  cd", 5), "ab…");
        assert_eq!(cut_chars("ab", 1), "…");
        assert_eq!(cut_chars("ab", 0), "");
        assert_eq!(cut_bytes("äöüß", 8), "äöüß");
        assert_eq!(cut_bytes("äöüß", 7), "äö…");
        assert_eq!(cut_bytes("äöüß", 2), "");
    }

    #[test]
    fn each_character_that_is_not_kept_begins_with_a_byte_that_is_looked_at() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            let is_in = |set: &ByteSet| set.find(text.as_bytes()) == 0;
            assert!(is_in(&NOT_KEPT) || matches!(class_of(c), CharClass::Keep), "{c:?}");
            assert!(is_in(&SPECIAL) || c == ' ' || !c.is_whitespace(), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn only_what_has_to_change_is_copied(text in "([ -~]{0,20}[\n\t\u{7f}\u{1f}é–€\u{200d}\u{85}]?){0,4}") {
            let stays = text.chars().all(|c| matches!(class_of(c), CharClass::Keep));
            prop_assert_eq!(matches!(clean(&text), Cow::Borrowed(_)), stays);
        }

        #[test]
        fn what_is_blank_has_nothing_to_see_once_cleaned(text in "[ a\n\t\u{1b}\\[m\u{200b}\u{3164}\u{200d}\u{fe0f}é\u{9b}\u{2028}]{0,6}") {
            let is_seen = |c: char| matches!(class_of(c), CharClass::Keep) && !c.is_whitespace();
            prop_assert_eq!(is_blank(&text), !clean(&text).chars().any(is_seen));
        }

        #[test]
        fn a_line_has_its_words_with_single_spaces(text in "[ a\n\t\u{a0}é\u{3000}]{0,10}") {
            let words: Vec<_> = text.split_whitespace().collect();
            prop_assert_eq!(one_line(&text), words.join(" "));
        }

        #[test]
        fn cleaning_is_idempotent_and_leaves_no_control(text in any::<String>()) {
            let once = clean(&text).into_owned();
            prop_assert!(once.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert_eq!(clean(&once), once.as_str());
        }

        #[test]
        fn a_line_is_clean(text in "[ a\u{a0}\u{3000}\u{200b}\u{200d}\u{fe0f}é]{0,8}") {
            let line = one_line(&text).into_owned();
            prop_assert_eq!(clean(&line), line.as_str());
            prop_assert!(!line.contains("  ") && line.trim() == line);
        }

        #[test]
        fn one_line_is_one_line(text in any::<String>()) {
            let line = one_line(&text).into_owned();
            prop_assert!(!line.chars().any(|c| c.is_control() || (c.is_whitespace() && c != ' ')));
            prop_assert!(!line.contains("  "));
            prop_assert_eq!(line.trim(), line.as_str());
            prop_assert!(!is_blank(&text) || line.chars().all(|c| !matches!(class_of(c), CharClass::Keep)));
            prop_assert!(is_blank(&text) || !line.is_empty());
        }

        #[test]
        fn cuts_keep_their_limit_and_the_start(text in any::<String>(), max in 0usize..40) {
            let by_chars = cut_chars(&text, max);
            prop_assert!(by_chars.chars().count() <= max);
            prop_assert!(text.starts_with(by_chars.strip_suffix('…').unwrap_or(&by_chars)));
            prop_assert_eq!(by_chars == text.as_str(), text.chars().count() <= max);
            let by_bytes = cut_bytes(&text, max);
            prop_assert!(by_bytes.len() <= max);
            prop_assert!(text.starts_with(by_bytes.strip_suffix('…').unwrap_or(&by_bytes)));
            prop_assert_eq!(by_bytes == text.as_str(), text.len() <= max);
        }
    }
}
