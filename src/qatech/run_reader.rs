//! Reads the answer to `GET /run/{shortId}` while it arrives: each test case is read and cleaned as soon as its last byte is
//! there, so that an answer of 64 MiB is never held beside what was read of it. What is known from an earlier answer is not read.

use std::io;

use memchr::memchr2;
use serde::de::DeserializeOwned;

use crate::qatech::clean::Cleaner;
use crate::qatech::digest::Digester;
use crate::qatech::lenient::{Lenient, is_too_many};
use crate::qatech::repair::repair;
use crate::qatech::wire::{Run, RunTestCase};
use crate::report::merge::{KnownElements, Listed, MAX_CASES};

/// The key of the list whose elements are read one by one.
const LIST: &[u8] = b"\"runTestCases\"";
/// Number of bytes of an answer that are kept for an error message.
const MAX_HEAD: usize = 64 * 1024;

/// Why an answer can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    /// It is not JSON.
    #[error("which is not JSON")]
    NotJson,
    /// It does not match the documented schema.
    #[error("whose JSON does not match the API's schema")]
    NotDocumented,
    /// More than [`MAX_CASES`] test cases.
    #[error("which has too many test cases")]
    TooManyCases,
}

/// Reads an answer from what is written to it.
pub(super) struct RunReader<'a> {
    cleaner: &'a Cleaner,
    digester: &'a Digester,
    known: &'a KnownElements,
    /// The beginning of the answer.
    head: Vec<u8>,
    size: usize,
    /// The answer without the elements of the list.
    outline: Vec<u8>,
    /// The beginning of an element whose end has not arrived.
    element: Vec<u8>,
    cases: Vec<Listed<RunTestCase>>,
    scanner: Scanner,
    /// Why the rest is not read.
    failed: Option<ReadError>,
}

/// Where in the JSON the scanner is.
#[derive(Default)]
struct Scanner {
    /// Objects and arrays that are open.
    depth: usize,
    in_string: bool,
    /// The byte before was the backslash of an escape.
    in_escape: bool,
    list: Option<List>,
}

/// The list of test cases, while it is open.
struct List {
    /// An element has begun.
    in_element: bool,
    /// An element must follow: a comma was the last.
    after_comma: bool,
}

impl<'a> RunReader<'a> {
    /// A reader that cleans what it reads, and does not read the elements that are known.
    pub(super) fn new(cleaner: &'a Cleaner, digester: &'a Digester, known: &'a KnownElements) -> Self {
        Self {
            cleaner,
            digester,
            known,
            head: Vec::new(),
            size: 0,
            outline: Vec::new(),
            element: Vec::new(),
            cases: Vec::new(),
            scanner: Scanner::default(),
            failed: None,
        }
    }

    /// The answer's first bytes.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// How many bytes the answer has so far.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The run, once the whole answer is written.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub(super) fn finish(&mut self) -> Result<Run, ReadError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut run = parse::<Run>(&self.outline)?.cleaned(self.cleaner);
        if let Some(cases) = &mut run.run_test_cases {
            cases.append(&mut self.cases);
        }
        Ok(run)
    }

    /// Reads the next bytes. Each goes into the outline or into an element, except for white space and commas between elements.
    fn read(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
        // What is before `from` has gone to where it belongs.
        let (mut from, mut at) = (0, 0);
        while let Some(byte) = self.scanner.skip_strings(bytes, &mut at) {
            let depth = self.scanner.depth;
            match (&mut self.scanner.list, byte) {
                (Some(_), b'}') if depth == 2 => return Err(ReadError::NotJson),
                (Some(list), b',' | b']') if depth == 2 => {
                    let closes = byte == b']';
                    if list.in_element {
                        self.end_element(part(from, at))?;
                    } else if !closes || list.after_comma {
                        return Err(ReadError::NotJson);
                    }
                    self.scanner.depth -= usize::from(closes);
                    self.scanner.list = (!closes).then_some(List {
                        in_element: false,
                        after_comma: true,
                    });
                    // The bracket goes into the outline.
                    from = at;
                }
                (Some(list), _) if depth == 2 && !list.in_element => {
                    // A byte-order mark, which may begin an answer, begins no element.
                    if !byte.is_ascii() {
                        return Err(ReadError::NotJson);
                    }
                    // RFC 8259, section 2: no form feed.
                    if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                        list.in_element = true;
                        from = at;
                        self.scanner.enter_or_leave(byte);
                    }
                }
                (None, b'[') if depth == 1 => {
                    self.outline.extend_from_slice(part(from, at + 1));
                    from = at + 1;
                    self.scanner.depth += 1;
                    self.scanner.list = is_list(&self.outline).then_some(List {
                        in_element: false,
                        after_comma: false,
                    });
                }
                (Some(_) | None, _) => self.scanner.enter_or_leave(byte),
            }
            at += 1;
        }
        let rest = part(from, bytes.len());
        match &self.scanner.list {
            Some(List { in_element: true, .. }) => self.element.extend_from_slice(rest),
            Some(List { in_element: false, .. }) => {}
            None => self.outline.extend_from_slice(rest),
        }
        Ok(())
    }

    fn end_element(&mut self, rest: &[u8]) -> Result<(), ReadError> {
        let element = if self.element.is_empty() {
            rest
        } else {
            self.element.extend_from_slice(rest);
            &self.element
        };
        let digest = self.digester.digest(element);
        let listed = match self.known.get(&digest) {
            Some(index) => Listed::Unchanged(*index),
            None => {
                let Lenient(case) = parse::<Lenient<RunTestCase>>(element)?;
                Listed::Read {
                    case: Box::new(case.cleaned(self.cleaner)),
                    digest: Some(digest),
                }
            }
        };
        self.element.clear();
        if self.cases.len() == MAX_CASES {
            return Err(ReadError::TooManyCases);
        }
        self.cases.push(listed);
        Ok(())
    }
}

impl Scanner {
    /// The next byte that is in no string, at `at`. A quotation mark that begins a string is one; `None` where the bytes end.
    fn skip_strings(&mut self, bytes: &[u8], at: &mut usize) -> Option<u8> {
        loop {
            if !self.in_string {
                let byte = *bytes.get(*at)?;
                self.in_string = byte == b'"';
                return Some(byte);
            }
            if self.in_escape {
                bytes.get(*at)?;
                *at += 1;
                self.in_escape = false;
            }
            let rest = bytes.get(*at..)?;
            let Some(found) = memchr2(b'"', b'\\', rest) else {
                *at = bytes.len();
                return None;
            };
            self.in_escape = rest.get(found) == Some(&b'\\');
            self.in_string = self.in_escape;
            *at += found + 1;
        }
    }

    fn enter_or_leave(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Whether the bracket at the end of an outline opens the list of test cases.
fn is_list(outline: &[u8]) -> bool {
    let before_bracket = outline.strip_suffix(b"[").unwrap_or_default().trim_ascii_end();
    let before_colon = before_bracket.strip_suffix(b":").unwrap_or_default().trim_ascii_end();
    let before_key = before_colon.strip_suffix(LIST).unwrap_or_default().trim_ascii_end();
    matches!(before_key.last(), Some(b'{' | b','))
}

/// Parses JSON. Its strings are repaired if it can't be parsed otherwise.
fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ReadError> {
    let result = match serde_json::from_slice(json) {
        Err(error) => {
            let mut repaired = json.to_vec();
            if repair(&mut repaired) {
                serde_json::from_slice(&repaired)
            } else {
                Err(error)
            }
        }
        result => result,
    };
    result.map_err(|error| match error.is_data() {
        true if is_too_many(&error) => ReadError::TooManyCases,
        true => ReadError::NotDocumented,
        false => ReadError::NotJson,
    })
}

/// Accepts whatever is written: [`RunReader::finish`] returns what is wrong with it.
impl io::Write for RunReader<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MAX_HEAD - self.head.len();
        self.head
            .extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        self.size += bytes.len();
        if self.failed.is_none() {
            self.failed = self.read(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::{Redactor, Secret};
    use proptest::prelude::*;
    use std::io::Write as _;

    fn cleaner() -> Cleaner {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("secret-0123"));
        Cleaner::new(redactor)
    }

    /// The answer read in parts of these sizes, again and again.
    fn read(body: &[u8], sizes: &[usize]) -> Result<String, ReadError> {
        let mut run = read_with(&Digester::new(), &KnownElements::new(), body, sizes)?;
        // The digests differ from those of the next reader.
        for listed in run.run_test_cases.iter_mut().flatten() {
            if let Listed::Read { case: _, digest } = listed {
                *digest = None;
            }
        }
        Ok(format!("{run:?}"))
    }

    fn read_with(digester: &Digester, known: &KnownElements, body: &[u8], sizes: &[usize]) -> Result<Run, ReadError> {
        let cleaner = cleaner();
        let mut reader = RunReader::new(&cleaner, digester, known);
        let mut rest = body;
        let mut sizes = sizes.iter().cycle();
        while !rest.is_empty() {
            let (part, after) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
            reader.write_all(part).unwrap();
            rest = after;
        }
        assert_eq!(reader.size(), body.len());
        reader.finish()
    }

    /// The answer read as a whole.
    fn read_whole(body: &[u8]) -> Result<String, ReadError> {
        parse::<Run>(body).map(|run| format!("{:?}", run.cleaned(&cleaner())))
    }

    #[test]
    fn what_is_no_json_in_or_around_the_list_is_an_error() {
        let around = |list: &str| {
            format!(r#"{{"id":"1","shortId":"a","status":"RUNNING","runTestCases":{list},"result":null}}"#).into_bytes()
        };
        for list in [
            "[,]",
            "[{},]",
            "[,{}]",
            "[{}{}]",
            "[{}",
            "[}",
            "[{]}",
            "[{}}",
            "[{}] 1",
            "[1 2]",
            "[\"a]",
            "[{},\"\\",
            "[\u{feff}{}]",
            "[\u{c}{}]",
        ] {
            let body = around(list);
            assert_eq!(read(&body, &[3]), Err(ReadError::NotJson), "{list}");
            assert_eq!(read_whole(&body), Err(ReadError::NotJson), "{list}");
        }
        for list in [
            "[]",
            " [ ] ",
            "[{}]",
            "[ {} , {} ]",
            "[null,1,\"],[\",[[]],{\"a\":[{}]}]",
            "{}",
            "null",
            "\"[\"",
        ] {
            let body = around(list);
            assert!(read_whole(&body).is_ok(), "{list}");
            assert_eq!(read(&body, &[3]), read_whole(&body), "{list}");
        }
        let twice = around("[],\"runTestCases\":[]");
        assert_eq!(read(&twice, &[3]), Err(ReadError::NotDocumented));
    }

    #[test]
    fn more_cases_than_are_believed_are_an_error() {
        let cases = vec!["0"; MAX_CASES + 1].join(",");
        let body = format!(r#"{{"id":"1","shortId":"a","status":"RUNNING","runTestCases":[{cases}]}}"#);
        assert_eq!(read(body.as_bytes(), &[4096]), Err(ReadError::TooManyCases));
    }

    fn answer(elements: &[String]) -> Vec<u8> {
        let list = elements.join(", ");
        format!(r#"{{"id":"1","shortId":"a","status":"RUNNING","runTestCases":[ {list} ]}}"#).into_bytes()
    }

    /// The elements that were read, with their digests, as though each was then recorded as the case of its place.
    fn known(run: &Run) -> KnownElements {
        let list = run.run_test_cases.iter().flatten().enumerate();
        list.filter_map(|(index, listed)| match listed {
            Listed::Unchanged(_) => None,
            Listed::Read { case: _, digest } => Some(((*digest)?, index)),
        })
        .collect()
    }

    #[test]
    fn an_element_that_is_known_is_not_read() {
        let digester = Digester::new();
        let mut elements: Vec<_> = (0..10_000)
            .map(|number| {
                serde_json::json!({"id": number, "evaluationThought": "a secret-0123 ".repeat(5)}).to_string()
            })
            .collect();
        let read = |known: &KnownElements, elements: &[String], size: usize| {
            read_with(&digester, known, &answer(elements), &[size]).unwrap()
        };
        let places = |run: &Run| -> Vec<_> {
            let list = run.run_test_cases.iter().flatten();
            list.map(|listed| match listed {
                Listed::Unchanged(index) => Some(*index),
                Listed::Read { .. } => None,
            })
            .collect()
        };
        let first = read(&KnownElements::new(), &elements, 4_096);
        assert_eq!(places(&first), vec![None; 10_000]);
        let known = known(&first);
        assert_eq!(known.len(), 10_000);
        for size in [1, 100, usize::MAX] {
            let all: Vec<_> = (0..10_000).map(Some).collect();
            // Nothing is held but the places.
            assert_eq!(places(&read(&known, &elements, size)), all);
        }
        elements.swap(0, 1);
        elements[3].push(' ');
        elements[4] = elements[5].clone();
        let mut changed = elements[..7].to_vec();
        changed[6] = changed[6].replace("secret", "Secret");
        let second = read(&known, &changed, 50);
        assert_eq!(
            places(&second),
            [Some(1), Some(0), Some(2), None, Some(5), Some(5), None]
        );
        let last = second
            .run_test_cases
            .iter()
            .flatten()
            .next_back()
            .and_then(Listed::case);
        assert_eq!(last.unwrap().id.as_deref(), Some("6"));
    }

    #[test]
    fn what_is_wrong_beside_known_elements_is_an_error() {
        let digester = Digester::new();
        let element = "{}".to_owned();
        let read = |known: &KnownElements, body: &[u8]| read_with(&digester, known, body, &[3]);
        let known = known(&read(&KnownElements::new(), &answer(std::slice::from_ref(&element))).unwrap());
        assert_eq!(known.len(), 1);
        for wrong in ["", "{", "{}}", "nul", "{},"] {
            let body = answer(&[element.clone(), wrong.to_owned(), element.clone()]);
            assert_eq!(read(&known, &body).unwrap_err(), ReadError::NotJson, "{wrong}");
        }
        let mut elements = vec![element; MAX_CASES];
        assert!(read(&known, &answer(&elements)).is_ok());
        elements.push("{}".to_owned());
        assert_eq!(read(&known, &answer(&elements)).unwrap_err(), ReadError::TooManyCases);
    }

    #[test]
    fn the_beginning_is_kept() {
        let cleaner = cleaner();
        let (digester, known) = (Digester::new(), KnownElements::new());
        let mut reader = RunReader::new(&cleaner, &digester, &known);
        reader.write_all(b"<html>").unwrap();
        reader.write_all(&[b' '; 2 * MAX_HEAD]).unwrap();
        assert_eq!(reader.head().len(), MAX_HEAD);
        assert!(reader.head().starts_with(b"<html> "));
        assert_eq!(reader.finish().unwrap_err(), ReadError::NotJson);
    }

    /// Parts of answers, from which right and wrong ones are made.
    const PARTS: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\"",
        "\\",
        "\"runTestCases\"",
        "\"runTestCases\":[",
        "\"id\":\"1\",",
        "\"a\":",
        "\"shortId\":\"a\"",
        "{\"name\":\"secret-0123 \\ud83d\"}",
        "null",
        "{\"name\":\"], \\\"[\"}",
        "\u{feff}",
        "\"é\"",
        "{\"id\":\"1\",\"shortId\":\"a\",\"status\":\"RUNNING\",\"runTestCases\":[",
    ];

    proptest! {
        #[test]
        fn an_answer_is_read_in_parts_as_it_is_as_a_whole(
            parts in prop::collection::vec(prop::sample::select(PARTS), 0..12),
            begun in any::<bool>(),
            sizes in prop::collection::vec(1_usize..9, 1..4),
        ) {
            let mut body = if begun { PARTS.last().copied().unwrap_or_default().to_owned() } else { String::new() };
            body.push_str(&parts.concat());
            // With several faults, which of them is reported may differ.
            prop_assert_eq!(read(body.as_bytes(), &sizes).ok(), read_whole(body.as_bytes()).ok(), "{}", body);
        }

        #[test]
        fn a_right_answer_is_read_whatever_its_cases_are(
            cases in prop::collection::vec(
                (any::<String>(), prop::sample::select(&["PASSED", "FAILED"][..]), prop::option::of(any::<String>())), 0..6,
            ),
            last in any::<bool>(),
            pretty in any::<bool>(),
            broken in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            sizes in prop::collection::vec(1_usize..60, 1..4),
        ) {
            let cases: Vec<_> = cases
                .iter()
                .map(|(name, result, thought)| serde_json::json!({"name": name, "result": result, "evaluationThought": thought}))
                .collect();
            let mut run = serde_json::json!({"id": "1", "shortId": "a", "status": "RUNNING", "runTestCases": cases});
            if last {
                run["z"] = serde_json::json!([[], {"runTestCases": [1]}]);
            }
            let mut body = if pretty { serde_json::to_vec_pretty(&run).unwrap() } else { serde_json::to_vec(&run).unwrap() };
            if let Some((at, byte)) = broken {
                let at = at.index(body.len());
                body[at] = byte;
            } else {
                prop_assert!(read(&body, &sizes).is_ok());
            }
            prop_assert_eq!(read(&body, &sizes).ok(), read_whole(&body).ok());
        }
    }
}
