//! Workflow commands in a step's log, found as the runner finds them (`ActionCommand.cs`, `ActionCommandManager.cs`).

use std::collections::BTreeMap;

/// The commands that the runner executes; any other is text.
const KNOWN: [&str; 16] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "internal-set-repo-path",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
];

/// A command of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The name, in lower case.
    pub name: String,
    /// The properties, unescaped.
    pub properties: BTreeMap<String, String>,
    /// The data, unescaped.
    pub data: String,
    /// Its line number, from 1.
    pub line: usize,
}

/// All commands that the runner would execute.
///
/// ```
/// let found = qatech_fakes::runner::commands("hello\n  ::error title=a%2Cb::no%0Agood\n");
/// assert_eq!((found[0].properties["title"].as_str(), found[0].data.as_str()), ("a,b", "no\ngood"));
/// ```
pub fn commands(log: &str) -> Vec<Command> {
    let mut found = Vec::new();
    let mut resume: Option<String> = None;
    for (index, line) in lines(log).enumerate() {
        if let Some(token) = &resume {
            if parse_colons(line, |name| name == token).is_some() {
                resume = None;
            }
            continue;
        }
        let Some(command) = parse(line) else { continue };
        if command.name == "stop-commands" {
            resume = Some(command.data.clone());
        }
        found.push(Command {
            line: index + 1,
            ..command
        });
    }
    found
}

/// The log without `::add-mask::` lines, which the runner does not show.
pub fn without_masks(log: &str) -> String {
    let shown = lines(log).filter(|line| parse(line).is_none_or(|command| command.name != "add-mask"));
    shown.map(|line| format!("{line}\n")).collect()
}

/// Lines as .NET's reader ends them: at LF, CR and CR LF.
fn lines(log: &str) -> impl Iterator<Item = &str> {
    log.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn parse(line: &str) -> Option<Command> {
    let known = |name: &str| KNOWN.contains(&name.to_ascii_lowercase().as_str());
    parse_colons(line, known).or_else(|| parse_brackets(line, known))
}

/// `::name key=value,key=value::data`, at the start of the trimmed line.
fn parse_colons(line: &str, known: impl Fn(&str) -> bool) -> Option<Command> {
    let (head, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let escapes = [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")];
    let data = unescape(data, &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]);
    command(head, ',', &escapes, data, known)
}

/// `##[name key=value;key=value]data`, anywhere in the line.
fn parse_brackets(line: &str, known: impl Fn(&str) -> bool) -> Option<Command> {
    let (head, data) = line.split_once("##[")?.1.split_once(']')?;
    let escapes = [("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%")];
    command(head, ';', &escapes, unescape(data, &escapes), known)
}

fn command(
    head: &str,
    separator: char,
    escapes: &[(&str, &str)],
    data: String,
    known: impl Fn(&str) -> bool,
) -> Option<Command> {
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    if !known(name) {
        return None;
    }
    let properties = (properties.trim().split(separator))
        .filter_map(|property| property.split_once('='))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .map(|(key, value)| (key.to_owned(), unescape(value, escapes)))
        .collect();
    Some(Command {
        name: name.to_ascii_lowercase(),
        properties,
        data,
        line: 0,
    })
}

/// Replaces one escape after the other, `%25` last, as the runner does.
fn unescape(text: &str, escapes: &[(&str, &str)]) -> String {
    escapes
        .iter()
        .fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(log: &str) -> Vec<String> {
        commands(log).into_iter().map(|command| command.name).collect()
    }

    #[test]
    fn commands_are_found_where_the_runner_finds_them() {
        for (log, expected) in [
            ("::error::x", &["error"][..]),
            (" \t\u{a0}::ERROR::x", &["error"]),
            ("x ::error::x", &[]),
            (":: error::x", &[]),
            ("::error:x", &[]),
            ("::std::io", &[]),
            ("x ##[set-output name=a]b", &["set-output"]),
            ("##[section]x", &[]),
            ("## [error]x", &[]),
            ("a\r::error::x\r\n::notice::y", &["error", "notice"]),
            ("a\u{2028}::error::x", &[]),
            (
                "::stop-commands::T\n::error::x\n::T::\n::notice::y",
                &["stop-commands", "notice"],
            ),
        ] {
            assert_eq!(names(log), expected, "{log:?}");
        }
    }

    #[test]
    fn properties_and_data_are_unescaped() {
        let found = commands("::warning file=a%3Ab,line=1,title=50%25, col=::100%25%0A%3A::");
        let properties: Vec<_> = found[0]
            .properties
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(properties, [("file", "a:b"), ("line", "1"), ("title", "50%")]);
        assert_eq!(found[0].data, "100%\n%3A::");
        assert_eq!(commands("x\n##[error a=%5D;b=1]%3B")[0].properties["a"], "]");
        assert_eq!(commands("x\n##[error a=%5D;b=1]%3B")[0].line, 2);
        // As in the runner: no escape survives another.
        assert_eq!(commands("::error::%250A")[0].data, "%0A");
    }

    #[test]
    fn masks_are_not_shown() {
        assert_eq!(without_masks("a\n::add-mask::secret\nb"), "a\nb\n");
    }
}
