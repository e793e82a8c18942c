//! Text for workflow commands and for the log of a runner that looks for commands in it.

use crate::text::sanitize::{clean, one_line};

/// The message of a workflow command. Lines stay lines: the runner shows `%0A` as a newline.
///
/// Order and set as in the runner's `ActionCommandManager`:
/// <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>.
pub fn command_data(text: &str) -> String {
    let text = break_commands(clean(text).trim());
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a workflow command: one line.
pub fn command_property(text: &str) -> String {
    let text = break_commands(&one_line(text));
    text.replace('%', "%25").replace(':', "%3A").replace(',', "%2C")
}

/// Text that may be printed in a log by itself: one line, and no runner takes any of it for a command.
pub fn log_line(text: &str) -> String {
    let mut line = break_commands(&one_line(text));
    // `::name` counts at the start of a line, after white space.
    if line.starts_with("::") {
        line.insert(1, ' ');
    }
    line
}

/// Text of any number of lines that a runner may look for commands in, because it goes to a pipe or a device. The lines
/// stay; the last one ends.
pub fn log_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    for line in clean(text).lines() {
        let line = break_commands(line);
        let visible = line.trim_start();
        let (before, visible) = line.split_at(line.len() - visible.len());
        out.push_str(before);
        match visible.strip_prefix("::") {
            Some(command) => {
                out.push_str(": :");
                out.push_str(command);
            }
            None => out.push_str(visible),
        }
        out.push('\n');
    }
    out
}

/// Parts the signs of `##[name]`, which GitHub's runner sees anywhere in a line, and of its kin (`##vso[`, `##teamcity[`)
/// on other systems.
fn break_commands(text: &str) -> String {
    if !text.contains("##") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find("##") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = from.trim_start_matches('#');
        let signs = from.len() - after.len();
        let command = after
            .trim_start_matches(|c: char| c.is_ascii_alphanumeric())
            .starts_with('[');
        for sign in 0..signs {
            if command && sign > 0 {
                out.push(' ');
            }
            out.push('#');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn data_and_properties_are_escaped_as_the_runner_reads_them() {
        assert_eq!(command_data("100%\r\nof, it: done\n"), "100%25%0Aof, it: done");
        assert_eq!(command_property("100%\nof, it: done"), "100%25 of%2C it%3A done");
    }

    #[test]
    fn commands_in_a_log_line_are_broken() {
        assert_eq!(log_line("  ::set-output name=x::y"), ": :set-output name=x::y");
        assert_eq!(
            log_line("text ::error::no command here"),
            "text ::error::no command here"
        );
        assert_eq!(log_line("see ##[error]x"), "see # #[error]x");
        assert_eq!(log_line("####[x]"), "# # # #[x]");
        assert_eq!(log_line("##vso[task.setvariable]x"), "# #vso[task.setvariable]x");
        assert_eq!(log_line("## Heading"), "## Heading");
        assert_eq!(log_line("a\r\n::add-mask::b\u{2028}c"), "a ::add-mask::b c");
        assert_eq!(log_line("\u{200b}::error::hidden"), ": :error::hidden");
    }

    #[test]
    fn commands_in_lines_of_text_are_broken_and_the_lines_stay() {
        assert_eq!(
            log_text("<a>\n  ::error::x\r::set-output name=y::z\n\n  b ::c\n\u{200b}::d ##[e]\n"),
            "<a>\n  : :error::x\n: :set-output name=y::z\n\n  b ::c\n: :d # #[e]\n"
        );
        assert_eq!(log_text("{}"), "{}\n");
        assert_eq!(log_text(""), "");
    }

    proptest! {
        #[test]
        fn no_command_survives_in_any_line(text in "([:#\\[ a\u{200b}\u{feff}\u{ad}\r\n\t\u{85}\u{2028}]|error|vso|.){0,60}") {
            for line in log_text(&text).split(['\n', '\r', '\u{85}', '\u{2028}']) {
                let visible = line.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
                prop_assert!(!visible.starts_with("::"), "{line:?}");
                prop_assert!(!line.contains("##["), "{line:?}");
            }
        }

        #[test]
        fn no_command_survives(text in "([:#\\[ a\u{200b}\u{feff}\r\n\t]|error|vso|.){0,40}") {
            for line in [log_line(&text), command_data(&text), command_property(&text)] {
                let ends_line = line.contains(['\n', '\r', '\u{2028}', '\u{85}']);
                prop_assert!(!ends_line, "{line:?}");
                prop_assert!(!line.contains("##["), "{line:?}");
            }
            prop_assert!(!log_line(&text).trim_start().starts_with("::"));
            let escaped = !command_property(&text).contains([':', ',']);
            prop_assert!(escaped);
        }
    }
}
