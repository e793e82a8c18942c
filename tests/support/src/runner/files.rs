//! The file of `GITHUB_OUTPUT`, read as the runner reads it (`FileCommandManager.cs`, on Linux).

use std::collections::BTreeMap;
use std::ops::Index;

/// The pairs of such a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// The pairs up to the end or the first invalid line; of two with the same name, the later one counts.
    pub pairs: BTreeMap<String, String>,
    /// An invalid entry: it fails the step, and all later pairs are lost.
    pub error: Option<String>,
}

impl Outputs {
    /// The value of an output.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.get(name).map(String::as_str)
    }
}

impl Index<&str> for Outputs {
    type Output = str;

    fn index(&self, name: &str) -> &str {
        self.get(name)
            .unwrap_or_else(|| panic!("no output {name:?} among {:?}", self.pairs.keys()))
    }
}

/// Parses the file's bytes.
///
/// ```
/// let outputs = qatech_fakes::runner::parse_outputs(b"a=1\nb<<END\nx=2\ny\nEND\n");
/// assert_eq!(&outputs["b"], "x=2\ny");
/// ```
pub fn parse_outputs(bytes: &[u8]) -> Outputs {
    let text = String::from_utf8_lossy(bytes);
    // .NET drops a byte order mark.
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut outputs = Outputs::default();
    while let Some(line) = next_line(&mut rest) {
        if line.is_empty() {
            continue;
        }
        match pair(line, &mut rest) {
            Ok((name, value)) => {
                outputs.pairs.insert(name.to_owned(), value.to_owned());
            }
            Err(error) => {
                outputs.error = Some(error);
                break;
            }
        }
    }
    outputs
}

fn pair<'a>(line: &'a str, rest: &mut &'a str) -> Result<(&'a str, &'a str), String> {
    // The first of them decides.
    let (equals, heredoc) = (line.find('='), line.find("<<"));
    match (equals, heredoc) {
        (Some(equals), heredoc) if heredoc.is_none_or(|heredoc| equals < heredoc) => {
            let (name, value) = (&line[..equals], &line[equals + 1..]);
            if name.is_empty() {
                Err(format!("no name in {line:?}"))
            } else {
                Ok((name, value))
            }
        }
        (_, Some(heredoc)) => {
            let (name, delimiter) = (&line[..heredoc], &line[heredoc + 2..]);
            if name.is_empty() || delimiter.is_empty() {
                return Err(format!("no name or no delimiter in {line:?}"));
            }
            let value = *rest;
            loop {
                let length = value.len() - rest.len();
                match next_line(rest) {
                    // Without the line break before the delimiter.
                    Some(line) if line == delimiter => return Ok((name, &value[..length.saturating_sub(1)])),
                    Some(_) => {}
                    None => return Err(format!("delimiter {delimiter:?} not found")),
                }
            }
        }
        (_, None) => Err(format!("neither `=` nor `<<` in {line:?}")),
    }
}

/// The next line, without its LF; only LF ends a line.
fn next_line<'a>(rest: &mut &'a str) -> Option<&'a str> {
    if rest.is_empty() {
        return None;
    }
    let (line, behind) = rest.split_once('\n').unwrap_or((rest, ""));
    *rest = behind;
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<(String, String)>, bool) {
        let outputs = parse_outputs(text.as_bytes());
        (outputs.pairs.into_iter().collect(), outputs.error.is_some())
    }

    #[test]
    fn files_are_read_as_the_runner_reads_them() {
        for (text, pairs, invalid) in [
            ("", &[][..], false),
            ("a=1\n\nb=x=y<<z\n", &[("a", "1"), ("b", "x=y<<z")][..], false),
            ("a=1\na=2", &[("a", "2")], false),
            ("a=\r\n", &[("a", "\r")], false),
            ("\u{feff}a=1\n", &[("a", "1")], false),
            ("a<<E\nE\nb=1\n", &[("a", ""), ("b", "1")], false),
            ("a<<E\n\nE\n", &[("a", "")], false),
            ("a<<E\n\n\nE\n", &[("a", "\n")], false),
            ("a<<E\nx\nE \n E\nE", &[("a", "x\nE \n E")], false),
            ("a<<E=F\nb=1\nE=F\n", &[("a", "b=1")], false),
            ("a<<E\nx\r\nE\n", &[("a", "x\r")], false),
            ("a=1\nnothing\nb=2\n", &[("a", "1")], true),
            ("=1\n", &[], true),
            ("<<E\nE\n", &[], true),
            ("a<<\n\n", &[], true),
            ("a<<E\nx\nE\r\nb=1\n", &[], true),
            ("a<<E", &[], true),
        ] {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(parse(text), (pairs, invalid), "{text:?}");
        }
    }
}
