//! The log. All lines of the program go through it, so that workflow commands, masks, groups and the live line of a terminal do
//! not interfere with each other.
//!
//! Lines go to standard error. Outside GitHub, the outputs go to standard output, so that a script can capture them.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::rc::Rc;

use crate::render::escape::log_line;
use crate::render::github::commands::{Level, Reader};
use crate::text::Redactor;

/// Longest live line, in characters: a line that the terminal wraps can't be overwritten.
pub(crate) const MAX_LIVE_LINE: usize = 79;

/// The log of one program. Cheap to clone.
#[derive(Clone)]
pub struct Log(Rc<Inner>);

struct Inner {
    reader: Reader,
    redactor: Redactor,
    /// Whether standard error is a terminal, where a live line replaces the line per minute.
    live: bool,
    in_group: Cell<bool>,
    live_line_shown: Cell<bool>,
    /// Standard error, except in tests.
    out: RefCell<Box<dyn Write>>,
}

impl Log {
    /// A log for GitHub's runner, or for people and other CI systems. Its messages are redacted.
    pub fn new(github: bool, redactor: Redactor) -> Self {
        let reader = if github { Reader::Runner } else { Reader::Plain };
        let live = !github && std::io::stderr().is_terminal();
        Self::with_output(reader, live, redactor, Box::new(std::io::stderr()))
    }

    /// A log with another output than standard error. `live` is whether a live line can be drawn there.
    pub fn with_output(reader: Reader, live: bool, redactor: Redactor, out: Box<dyn Write>) -> Self {
        Self(Rc::new(Inner {
            reader,
            redactor,
            live,
            in_group: Cell::new(false),
            live_line_shown: Cell::new(false),
            out: RefCell::new(out),
        }))
    }

    /// Prints one line, which must be escaped (see `render::escape::log_line`) and free of secrets.
    pub fn line(&self, safe: &str) {
        let clear = if self.0.live_line_shown.replace(false) {
            "\r\x1b[K"
        } else {
            ""
        };
        self.write(&format!("{clear}{safe}\n"));
    }

    /// Writes the text in one call: standard error is not buffered, and other writers must not interrupt the line.
    fn write(&self, text: &str) {
        // An error in the log must not change the verdict.
        let _ = self.0.out.borrow_mut().write_all(text.as_bytes());
    }

    /// Masks every secret. Must be called before any other line is printed. Prints only if the runner reads the log.
    pub fn mask(&self, redactor: &Redactor) {
        for line in redactor.expose().iter().flat_map(|secret| self.0.reader.mask(secret)) {
            self.line(&line);
        }
    }

    /// Logs a line of untrusted text.
    pub fn untrusted_line(&self, text: &str) {
        self.line(&log_line(&self.0.redactor.clean(text.to_owned())));
    }

    /// Logs untrusted text at a level: as an annotation on GitHub, as a line that begins with the level elsewhere.
    pub fn message(&self, level: Level, text: &str) {
        let title = if self.is_github() { "QA.tech" } else { "" };
        let text = self.0.redactor.clean(text.to_owned());
        self.line(&self.0.reader.message(level, title, &text));
    }

    /// Logs a notice.
    pub fn notice(&self, text: &str) {
        self.message(Level::Notice, text);
    }

    /// Logs a warning.
    pub fn warning(&self, text: &str) {
        self.message(Level::Warning, text);
    }

    /// Logs an error.
    pub fn error(&self, text: &str) {
        self.message(Level::Error, text);
    }

    /// Begins a group, which the runner folds.
    pub fn group(&self, title: &str) {
        if !self.0.in_group.replace(true) {
            self.line(&self.0.reader.group(title));
        }
    }

    /// Ends the group, if one is open.
    pub fn end_group(&self) {
        if self.0.in_group.replace(false)
            && let Some(line) = self.0.reader.end_group()
        {
            self.line(line);
        }
    }

    /// Whether GitHub's runner reads the log and executes workflow commands.
    pub fn is_github(&self) -> bool {
        self.0.reader == Reader::Runner
    }

    /// Whether the log shows a live line.
    pub(crate) fn is_live(&self) -> bool {
        self.0.live
    }

    /// Who reads the log.
    pub fn reader(&self) -> Reader {
        self.0.reader
    }

    /// Draws the live line, which must be safe to print. It is cut if it is too long for a line of the terminal.
    pub(crate) fn draw(&self, safe: &str) {
        let line: String = safe.chars().take(MAX_LIVE_LINE).collect();
        self.write(&format!("\r\x1b[K{line}"));
        self.0.live_line_shown.set(true);
    }

    /// Prints outputs to standard output if there is no `GITHUB_OUTPUT`: one `name=value` per line, escaped so that no CI system treats
    /// a line as a command.
    pub fn outputs(&self, pairs: &[(&'static str, String)]) {
        self.clear_live_line();
        let mut stdout = std::io::stdout().lock();
        for (name, value) in pairs {
            let line = log_line(&format!("{name}={value}"));
            // The reader may have closed standard output.
            let _ = writeln!(stdout, "{line}");
        }
    }

    fn clear_live_line(&self) {
        if self.0.live_line_shown.replace(false) {
            self.write("\r\x1b[K");
        }
    }
}
