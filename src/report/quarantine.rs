//! The quarantine list: test cases whose failures do not fail the step.
//!
//! One entry per line: `pattern [until YYYY-MM-DD] [# why]`. The pattern is a glob for the name of test cases, or a short
//! id.

use chrono::{DateTime, Days, NaiveDate};

use crate::report::case::name_or_short_id;
use crate::report::{Attempt, Case, CaseCoverage, CaseName, Millis, QuarantineNote, RunReport};
use crate::text::Glob;

/// How many entries a warning lists.
const MAX_LISTED: usize = 10;
/// Characters of a pattern in a warning.
const MAX_PATTERN: usize = 100;
/// How long a suggested entry lasts, in days.
const SUGGESTED_DAYS: u64 = 14;

/// The entries that are in force, and warnings about those that have expired.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quarantine {
    entries: Vec<Entry>,
    expired: Vec<String>,
}

/// A line that is not a valid entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}`, line {line}: {fault}")]
pub struct QuarantineError {
    /// The input that the line is from.
    pub input: &'static str,
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: LineFault,
}

/// What is wrong with a line of the quarantine list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// There is nothing before `until`.
    #[error("the pattern is missing; write `pattern [until YYYY-MM-DD] [# why]`")]
    NoPattern,
    /// The text after `until` is not a valid date.
    #[error("{0:?} is not a date; write `until YYYY-MM-DD`")]
    NoDate(String),
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    input: &'static str,
    line: usize,
    pattern: String,
    glob: Glob,
    until: Option<NaiveDate>,
    reason: Option<String>,
}

impl Quarantine {
    /// Parses a list. `input` is the name of its input (`quarantine` or `quarantine_path`); `now` is in milliseconds since
    /// the Unix epoch. An entry expires at midnight UTC at the end of its day.
    ///
    /// # Errors
    /// Every line that is not a valid entry.
    pub fn parse(text: &str, input: &'static str, now: u64) -> Result<Self, Vec<QuarantineError>> {
        let mut quarantine = Self::default();
        let mut errors = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, text) in (1..).zip(text.lines()) {
            match Entry::parse(text, input, line) {
                Ok(Some(entry)) if entry.is_expired(now) => quarantine.expired.push(entry.expired_warning()),
                Ok(Some(entry)) => quarantine.entries.push(entry),
                Ok(None) => {}
                Err(fault) => errors.push(QuarantineError { input, line, fault }),
            }
        }
        if errors.is_empty() { Ok(quarantine) } else { Err(errors) }
    }

    /// Appends another list.
    pub fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.expired.extend(other.expired);
    }

    /// The note of the first entry that matches a test case; `None` if none does.
    pub fn matches(&self, name: &str, short_id: &str) -> Option<QuarantineNote> {
        let entry = self.entries.iter().find(|entry| entry.matches(name, short_id))?;
        Some(QuarantineNote {
            reason: entry.reason.clone(),
            until: entry.until.map(|until| until.to_string()),
        })
    }

    /// A warning for each entry that has expired.
    pub fn expired(&self) -> &[String] {
        &self.expired
    }

    /// A warning that lists the entries which match no test case. `None` if there are none, or if the list of a run's test
    /// cases is incomplete: an entry may match a missing one.
    pub fn unmatched(&self, runs: &[RunReport]) -> Option<String> {
        if runs.is_empty() || !runs.iter().all(is_fully_listed) {
            return None;
        }
        let cases = || runs.iter().flat_map(|run| &run.cases);
        let unmatched: Vec<String> = self
            .entries
            .iter()
            .filter(|entry| !cases().any(|case| entry.matches_case(case)))
            .map(Entry::location)
            .collect();
        let listed = unmatched
            .iter()
            .take(MAX_LISTED)
            .cloned()
            .collect::<Vec<_>>()
            .join("; ");
        match (unmatched.len(), unmatched.len().saturating_sub(MAX_LISTED)) {
            (0, _) => None,
            (1, _) => Some(format!("No test case matches the quarantine entry in {listed}.")),
            (_, 0) => Some(format!("No test case matches these quarantine entries: {listed}.")),
            (_, more) => Some(format!(
                "No test case matches these quarantine entries: {listed}; and {more} more."
            )),
        }
    }
}

/// Whether every test case of a run that has ended is known.
fn is_fully_listed(run: &RunReport) -> bool {
    run.attempts.first().is_some_and(Attempt::is_over)
        && run.listed == CaseCoverage::Complete
        && run.first_list_is_complete()
}

impl Entry {
    /// `None` for an empty line or a comment.
    fn parse(text: &str, input: &'static str, line: usize) -> Result<Option<Self>, LineFault> {
        let (entry, reason) = split_comment(text);
        let entry = entry.trim();
        if entry.is_empty() {
            return Ok(None);
        }
        let (pattern, until) = split_until(entry)?;
        if pattern.is_empty() {
            return Err(LineFault::NoPattern);
        }
        Ok(Some(Self {
            input,
            line,
            pattern: pattern.to_owned(),
            glob: Glob::new(pattern),
            until,
            reason: reason.map(str::to_owned),
        }))
    }

    fn matches(&self, name: &str, short_id: &str) -> bool {
        self.pattern == short_id || self.glob.matches(name)
    }

    fn matches_case(&self, case: &Case) -> bool {
        let mut in_attempts = case.attempts.iter();
        self.matches(&case.name, &case.short_id) || in_attempts.any(|attempt| attempt.short_id == self.pattern)
    }

    fn is_expired(&self, now: Millis) -> bool {
        let day = i64::try_from(now).ok().and_then(DateTime::from_timestamp_millis);
        match (self.until, day) {
            (None, _) => false,
            (Some(until), Some(now)) => now.date_naive() > until,
            // The clock is beyond the range of dates, so every entry has expired.
            (Some(_), None) => true,
        }
    }

    fn expired_warning(&self) -> String {
        let until = self.until.map(|until| until.to_string()).unwrap_or_default();
        format!(
            "The quarantine entry in {} ended on {until}; it no longer counts.",
            self.location()
        )
    }

    /// Line, input and pattern of the entry, for messages.
    fn location(&self) -> String {
        let pattern: String = self.pattern.chars().take(MAX_PATTERN).collect();
        format!("line {} of `{}` ({pattern})", self.line, self.input)
    }
}

/// Splits off the comment: from a `#` at the beginning or after white space, since names can contain `#`.
fn split_comment(text: &str) -> (&str, Option<&str>) {
    let mut before = ' ';
    for (index, c) in text.char_indices() {
        if c == '#' && before.is_whitespace() {
            let (entry, comment) = text.split_at(index);
            let reason = comment.trim_start_matches('#').trim();
            return (entry, Some(reason).filter(|reason| !reason.is_empty()));
        }
        before = c;
    }
    (text, None)
}

/// Splits off `until YYYY-MM-DD`. If the text after `until` does not begin with a digit, both are part of a name.
fn split_until(entry: &str) -> Result<(&str, Option<NaiveDate>), LineFault> {
    let Some((before, date)) = entry.rsplit_once(char::is_whitespace) else {
        return Ok((entry, None));
    };
    let before = before.trim_end();
    let pattern = before
        .strip_suffix("until")
        .filter(|pattern| pattern.is_empty() || pattern.ends_with(char::is_whitespace));
    match pattern {
        Some(pattern) if date.starts_with(|c: char| c.is_ascii_digit()) => {
            let until = parse_date(date).ok_or_else(|| LineFault::NoDate(date.chars().take(MAX_PATTERN).collect()))?;
            Ok((pattern.trim_end(), Some(until)))
        }
        Some(_) | None => Ok((entry, None)),
    }
}

/// Parses a date of exactly the form `YYYY-MM-DD`.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let date: NaiveDate = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// The line that puts a test case in quarantine for two weeks from `now`, in milliseconds since the Unix epoch.
/// `None` for a case without a name and short id, or a time beyond the range of dates.
pub(super) fn suggested_line(case: &CaseName, reason: &str, now: u64) -> Option<String> {
    let today = DateTime::from_timestamp_millis(i64::try_from(now).ok()?)?.date_naive();
    let until = today.checked_add_days(Days::new(SUGGESTED_DAYS))?;
    let pattern = pattern_for(case)?;
    Some(format!("{pattern} until {until} # {reason}"))
}

/// A pattern that matches the case: its name, with `?` for characters that would end the pattern or the line. A name that
/// may have been shortened gets a `*` at the end.
fn pattern_for(case: &CaseName) -> Option<String> {
    let name = name_or_short_id(&case.name, &case.short_id);
    let last = name.chars().count().checked_sub(1)?;
    let mut before = ' ';
    let pattern = name.chars().enumerate().map(|(index, c)| {
        let starts_comment = c == '#' && before.is_whitespace();
        let is_lost =
            c.is_control() || c == '\u{feff}' || (c.is_whitespace() && (c != ' ' || index == 0 || index == last));
        before = c;
        if starts_comment || is_lost { '?' } else { c }
    });
    let mut pattern: String = pattern.collect();
    if case.is_cut() {
        pattern.push('*');
    }
    Some(pattern)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
