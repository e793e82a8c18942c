//! Texts that are written while quick-junit serializes the document, in place of marks that it was given for them.
//!
//! Each [`XmlString`] is made by a parser of terminal sequences that takes a hundred times as long as writing the text,
//! and all of them are held until the document is written. Our texts are cleaned already, and the long ones need not be
//! made before they are written.

use crate::render::escape::write_xml;
use crate::render::junit::texts::Entry;
use crate::report::{Case, RunReport};
use memchr::memchr_iter;
use quick_junit::XmlString;
use std::borrow::Cow;
use std::{io, vec};

/// Placeholder for a text. It is a non-character, which cleaning removes from all text that others wrote.
const MARK: &str = "\u{fdd0}";
/// Its first byte.
const MARK_START: u8 = 0xef;

/// A text of the document.
pub(super) enum Deferred<'a> {
    /// This one, which is cleaned.
    Text(Cow<'a, str>),
    /// The `message` of an element that says what happened.
    Message(Entry<'a>),
    /// Its `type`.
    Kind(Entry<'a>),
    /// Its text.
    Body(Entry<'a>),
    /// The properties of a case.
    Properties(&'a RunReport, &'a Case),
}

/// The texts that stand for marks, in the order of the document.
pub(super) struct Marks<'a> {
    mark: XmlString,
    texts: Vec<Deferred<'a>>,
}

impl<'a> Marks<'a> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            mark: XmlString::new(MARK),
            texts: Vec::new(),
        }
    }

    /// Adds the next text of the document, and returns the mark for it.
    pub(super) fn put(&mut self, text: Deferred<'a>) -> XmlString {
        self.texts.push(text);
        self.mark.clone()
    }

    /// A writer that writes the texts in place of the marks.
    pub(super) fn written_to<W: io::Write>(self, out: W) -> WithTexts<'a, W> {
        WithTexts {
            out,
            texts: self.texts.into_iter(),
            begun: Vec::new(),
        }
    }
}

/// Writes what it is given with the next text in place of each mark.
pub(super) struct WithTexts<'a, W> {
    out: W,
    texts: vec::IntoIter<Deferred<'a>>,
    /// The beginning of a mark whose end is in the next write.
    begun: Vec<u8>,
}

impl<W: io::Write> WithTexts<'_, W> {
    /// Ends the document.
    ///
    /// # Errors
    /// Those of the writer; where a text had no mark.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&self.begun)?;
        match self.texts.next() {
            Some(_) => Err(io::Error::other("a text has no place in the document")),
            None => self.out.flush(),
        }
    }

    fn write_next(&mut self) -> io::Result<()> {
        let out = &mut self.out;
        match self.texts.next() {
            Some(Deferred::Text(text)) => write_xml(out, &text),
            Some(Deferred::Message(entry)) => write_xml(out, &entry.message()),
            Some(Deferred::Kind(entry)) => write_xml(out, &entry.kind()),
            Some(Deferred::Body(entry)) => write_xml(out, &entry.body()),
            Some(Deferred::Properties(run, case)) => write_xml(out, &super::texts::properties(run, case)),
            None => Err(io::Error::other("a place in the document has no text")),
        }
    }
}

/// Where the first mark begins. Most writes have a few bytes, none of which is the first of a mark.
fn find_mark(bytes: &[u8]) -> Option<usize> {
    memchr_iter(MARK_START, bytes).find(|at| bytes.get(*at..).is_some_and(|rest| rest.starts_with(MARK.as_bytes())))
}

impl<W: io::Write> io::Write for WithTexts<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let joined: Vec<u8>;
        let mut rest = bytes;
        if !self.begun.is_empty() {
            joined = [self.begun.as_slice(), bytes].concat();
            self.begun.clear();
            rest = &joined;
        }
        while let Some(at) = find_mark(rest) {
            self.out.write_all(rest.get(..at).unwrap_or_default())?;
            self.write_next()?;
            rest = rest.get(at + MARK.len()..).unwrap_or_default();
        }
        let begun = (1..MARK.len()).rev().find(|length| {
            MARK.as_bytes()
                .get(..*length)
                .is_some_and(|begin| rest.ends_with(begin))
        });
        let (whole, begun) = rest.split_at(rest.len() - begun.unwrap_or(0));
        self.out.write_all(whole)?;
        self.begun.extend_from_slice(begun);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn each_mark_becomes_its_text_however_it_is_written() {
        let document = format!("<a b=\"{MARK}\">{MARK}\u{fdcf}</a>{MARK}");
        for step in [1, 2, 3, 5, 1_000] {
            let mut marks = Marks::new();
            for text in ["1", "<2>", ""] {
                assert_eq!(marks.put(Deferred::Text(text.into())).as_str(), MARK);
            }
            let mut out = Vec::new();
            let mut writer = marks.written_to(&mut out);
            for part in document.as_bytes().chunks(step) {
                writer.write_all(part).unwrap();
            }
            writer.finish().unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), "<a b=\"1\">&lt;2&gt;\u{fdcf}</a>");
        }
    }

    #[test]
    fn a_text_without_a_mark_and_a_mark_without_a_text_are_errors() {
        let mut marks = Marks::new();
        marks.put(Deferred::Text("lost".into()));
        assert!(marks.written_to(Vec::new()).finish().is_err());
        assert!(Marks::new().written_to(Vec::new()).write_all(MARK.as_bytes()).is_err());
    }
}
