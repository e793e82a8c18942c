//! Workflow commands, and the same words in plain form where no runner reads them.

use super::check::case_title;
use super::escape::{command_data, command_property, cut_chars, log_line};
use super::words::several;
use crate::report::Report;

/// Characters of a command's line; the runner cuts a message that is longer.
const LINE: usize = 4_096;
/// Characters of a title.
const TITLE: usize = 255;
/// Annotations of one kind that GitHub shows for a step.
const ANNOTATIONS: usize = 10;

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// GitHub's runner (`GITHUB_ACTIONS` is `true`): it takes commands out of the log.
    Runner,
    /// A person, or another system.
    Plain,
}

/// How bad a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Red.
    Error,
    /// Yellow.
    Warning,
    /// Grey.
    Notice,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

impl Reader {
    /// A message of a level; the title may be empty. One line of at most 4,096 characters.
    pub fn message(self, level: Level, title: &str, message: &str) -> String {
        let title = cut_chars(title, TITLE);
        match self {
            Self::Runner => {
                let title = command_property(&title);
                let title = if title.is_empty() {
                    title
                } else {
                    format!(" title={title}")
                };
                let start = format!("::{}{title}::", level.word());
                let room = LINE - start.chars().count().min(LINE);
                format!("{start}{}", fit(message, room, command_data))
            }
            Self::Plain => {
                let title = log_line(&title);
                let title = if title.is_empty() { title } else { format!("{title}: ") };
                let start = format!("{}: {title}", level.word());
                let room = LINE - start.chars().count().min(LINE);
                format!("{start}{}", fit(message, room, log_line))
            }
        }
    }

    /// Opens a fold in the log.
    pub fn group(self, title: &str) -> String {
        let title = log_line(&cut_chars(title, TITLE));
        match self {
            Self::Runner => format!("::group::{}", command_data(&title)),
            Self::Plain => title,
        }
    }

    /// Closes the fold, where there are folds.
    pub fn end_group(self) -> Option<&'static str> {
        match self {
            Self::Runner => Some("::endgroup::"),
            Self::Plain => None,
        }
    }

    /// The lines that make the runner mask a secret: one for the whole and one for each of its lines. None where they
    /// would only print it. Nothing of a secret is cleaned away: the runner looks for the very value.
    pub fn mask(self, secret: &str) -> Vec<String> {
        let Self::Runner = self else { return Vec::new() };
        let mut values = vec![secret];
        values.extend(secret.lines());
        let mut lines = Vec::new();
        for value in values {
            let value = value.trim();
            let line = format!(
                "::add-mask::{}",
                value.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
            );
            if !value.is_empty() && !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// Failed and errored cases as errors, at most ten: with more, the last one counts the rest.
    pub fn failures(self, report: &Report) -> Vec<String> {
        let several_runs = report.runs.len() > 1;
        let total = report.bad_cases().count();
        let shown = if total > ANNOTATIONS { ANNOTATIONS - 1 } else { total };
        let mut lines: Vec<_> = report
            .bad_cases()
            .take(shown)
            .map(|(run, case)| {
                let telling = case.telling();
                let reason = telling.and_then(|attempt| attempt.title.as_deref()).unwrap_or_default();
                let thought = telling
                    .and_then(|attempt| attempt.reasoning.as_deref())
                    .unwrap_or_default();
                // Only so much can be shown, so more need not be escaped.
                let thought = cut_chars(thought, LINE);
                let message = match (reason.trim().is_empty(), thought.trim().is_empty()) {
                    (true, true) => format!("The test {}", case.outcome.word()),
                    (true, false) => thought.into_owned(),
                    (false, true) => reason.to_owned(),
                    (false, false) => format!("{reason}\n{thought}"),
                };
                self.message(Level::Error, &case_title(run, case, several_runs, TITLE), &message)
            })
            .collect();
        if total > shown {
            let rest = several((total - shown) as u64, "more test");
            let message = format!("{rest} failed; the job summary lists them");
            lines.push(self.message(Level::Error, "QA.tech", &message));
        }
        lines
    }
}

/// As much of a text as fits into `room` characters once it is escaped.
fn fit(text: &str, room: usize, escape: impl Fn(&str) -> String) -> String {
    let mut keep = room;
    loop {
        let escaped = escape(&cut_chars(text, keep));
        let over = escaped.chars().count().saturating_sub(room);
        if over == 0 {
            return escaped;
        }
        // A character becomes three at most.
        keep = keep.saturating_sub(over.div_ceil(3));
    }
}
