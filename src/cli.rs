//! The command line: `--version` and `--help`. All other input comes from the environment.

use std::ffi::OsString;

use crate::inputs::table::tasks;
use crate::report::verdict::exit;

/// The text to print and the exit code for the arguments; `None` if there are none.
pub fn answer(arguments: &[OsString]) -> Option<(String, u8)> {
    let first = arguments.first()?.to_string_lossy();
    Some(match first.as_ref() {
        "--version" | "-V" => (format!("qatech-run {}\n", env!("CARGO_PKG_VERSION")), exit::GREEN),
        "--help" | "-h" => (help(), exit::GREEN),
        _ => (
            format!(
                "error: unknown argument {first:?}; inputs are read from environment variables, see qatech-run --help\n"
            ),
            exit::USAGE,
        ),
    })
}

fn help() -> String {
    let mut text = String::from(
        "qatech-run: gate a pipeline on QA.tech.\n\n\
         Starts test runs (or attaches to existing ones), waits until they end, and reports the result.\n\n\
         Usage: qatech-run            read the inputs from the environment variables below\n\
         \x20      qatech-run --version  print the version\n\
         \x20      qatech-run --help     print this text\n\n\
         Only INPUT_API_TOKEN is required. A blank value counts as unset.\n",
    );
    for (task, inputs) in tasks() {
        text.push_str(&format!("\n{task}:\n"));
        for input in inputs {
            text.push_str(&format!("\n  {}\n", input.variable()));
            // The help is Markdown, whose bold text is plain here.
            for line in wrapped(&input.help.replace("**", ""), 92) {
                text.push_str(&format!("      {line}\n"));
            }
            // A default that is an expression of GitHub is no default on a command line.
            if !input.default.is_empty() && !input.default.contains("${{") {
                text.push_str(&format!("      Default: {}\n", input.default));
            }
        }
    }
    text.push_str(
        "\nExit codes:\n\
         \x20 0    the verdict is not in fail_on; or blocking is false; or dry run\n\
         \x20 1    failed, skipped, flaky, quarantined or no tests, and in fail_on\n\
         \x20 2    inputs are wrong; nothing was sent\n\
         \x20 3    error, cancelled or unknown, and in fail_on; or a requested file can't be written\n\
         \x20 4    timed_out, and in fail_on\n\
         \x20 130  interrupted by SIGINT\n\
         \x20 143  interrupted by SIGTERM or SIGHUP\n\
         Precedence: 130 or 143, then 3, 4, 1.\n",
    );
    text
}

/// Lines of at most `width` characters, broken at spaces.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::inputs::table::INPUTS;

    fn ask(argument: &str) -> (String, u8) {
        answer(&[argument.into()]).unwrap()
    }

    #[test]
    fn help_names_every_input_with_its_default() {
        let (text, code) = ask("--help");
        assert_eq!(code, 0);
        for input in INPUTS {
            assert!(text.contains(&format!("\n  {}\n", input.variable())), "{}", input.name);
        }
        for (task, _) in tasks() {
            assert!(text.contains(&format!("\n{task}:\n\n  INPUT_")), "{task}");
        }
        assert!(!text.contains("**"), "{text}");
        assert!(text.contains("Default: failed,error,cancelled,timed_out,unknown"));
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }

    #[test]
    fn unknown_arguments_are_refused() {
        assert_eq!(ask("--frob").1, 2);
        assert_eq!(
            ask("--version").0,
            format!("qatech-run {}\n", env!("CARGO_PKG_VERSION"))
        );
        assert!(answer(&[]).is_none());
    }
}
