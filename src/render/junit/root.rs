//! The root element as the schema has it.

use std::io;

/// The attribute that quick-junit writes on `testsuites` and Jenkins' schema does not have there: its xUnit plugin refuses
/// a file with it.
const NOT_IN_SCHEMA: &str = " skipped=\"";
/// Where the root element begins.
const ROOT: &str = "<testsuites ";

/// Writes what it is given without the count of skipped tests on the root element.
pub(super) struct WithoutRootSkipped<W> {
    out: W,
    /// What has been written of the start of the document, until its root element's start tag is whole.
    head: Option<Vec<u8>>,
}

impl<W: io::Write> WithoutRootSkipped<W> {
    /// Writes to `out`.
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            head: Some(Vec::new()),
        }
    }
}

impl<W: io::Write> io::Write for WithoutRootSkipped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(head) = &mut self.head else {
            return self.out.write(bytes);
        };
        head.extend_from_slice(bytes);
        if let Some(without) = without(head) {
            self.out.write_all(without.as_bytes())?;
            self.head = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The text without the attribute; `None` where the start tag has not ended yet.
fn without(head: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(head).ok()?;
    let root = text.find(ROOT)?;
    // The values of the root's attributes are numbers and our own name: none holds a `>` or a quotation mark.
    let (before, tag) = text.split_at_checked(root)?;
    let end = tag.find('>')?;
    let (tag, after) = tag.split_at_checked(end)?;
    let attribute = tag
        .split_once(NOT_IN_SCHEMA)
        .and_then(|(first, rest)| Some((first, rest.split_once('"')?.1)));
    let (first, last) = attribute.unwrap_or((tag, ""));
    Some([before, first, last, after].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn only_the_root_loses_it_however_it_is_written() {
        let without = "<testsuites a=\"1\"><testsuite skipped=\"1\">";
        let mut out = Vec::new();
        WithoutRootSkipped::new(&mut out).write_all(without.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), without);
        let xml = "<?xml version=\"1.0\"?>\n<testsuites name=\"a\" tests=\"1\" skipped=\"12\" errors=\"0\">\n<testsuite skipped=\"1\"/>";
        for step in [1, 7, 1_000] {
            let mut out = Vec::new();
            let mut filter = WithoutRootSkipped::new(&mut out);
            for part in xml.as_bytes().chunks(step) {
                filter.write_all(part).unwrap();
            }
            assert_eq!(
                String::from_utf8(out).unwrap(),
                "<?xml version=\"1.0\"?>\n<testsuites name=\"a\" tests=\"1\" errors=\"0\">\n<testsuite skipped=\"1\"/>"
            );
        }
    }
}
