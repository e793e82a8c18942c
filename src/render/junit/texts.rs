//! What the elements of a test case say: type, message, text and properties, cleaned and within their limits.

use crate::render::escape::{clean, cut_bytes, cut_chars, is_blank, one_line};
use crate::render::phrases::failure_phrase;
use crate::render::synthetic_case;
use crate::report::{Attempt, Case, CaseAttempt, CaseDetails, CaseOutcome, QuarantineNote, RunReport};
use quick_junit::XmlString;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Longest `message` attribute, in characters; the element's text has the whole.
const MAX_MESSAGE: usize = 500;
/// Longest word of the API, and value of a property, in characters.
const MAX_WORD: usize = 500;
/// Longest text of an element, in bytes: an annotation at GitHub has 64 kB.
const MAX_BODY: usize = 60_000;
/// Longest goal and reason in it, in characters.
const MAX_FACT: usize = 2_000;

/// An element that says what happened to a case in one attempt.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    run: &'a RunReport,
    case: &'a Case,
    attempt: &'a CaseAttempt,
    ending: Ending,
}

/// How the attempt ended.
#[derive(Clone, Copy)]
enum Ending {
    /// Failed or errored.
    Bad,
    Skipped,
    Unfinished,
}

impl<'a> Entry<'a> {
    /// A failed or errored attempt of a case.
    pub(super) fn bad(run: &'a RunReport, case: &'a Case, attempt: &'a CaseAttempt) -> Self {
        Self {
            run,
            case,
            attempt,
            ending: Ending::Bad,
        }
    }

    /// A case that was skipped, or did not finish.
    pub(super) fn skipped(run: &'a RunReport, case: &'a Case, attempt: &'a CaseAttempt) -> Self {
        Self {
            run,
            case,
            attempt,
            ending: match case.outcome {
                CaseOutcome::Unfinished => Ending::Unfinished,
                CaseOutcome::Skipped
                | CaseOutcome::Failed
                | CaseOutcome::Errored
                | CaseOutcome::Flaky
                | CaseOutcome::Passed => Ending::Skipped,
            },
        }
    }

    /// `type`
    pub(super) fn kind(&self) -> Cow<'a, str> {
        let kind = match (self.ending, self.attempt.outcome) {
            (Ending::Skipped, _) => "SKIPPED",
            (Ending::Unfinished, _) => "UNFINISHED",
            (Ending::Bad, CaseOutcome::Failed) => self.attempt.result.as_deref().unwrap_or("FAILED"),
            (
                Ending::Bad,
                CaseOutcome::Errored
                | CaseOutcome::Flaky
                | CaseOutcome::Skipped
                | CaseOutcome::Unfinished
                | CaseOutcome::Passed,
            ) => &self.attempt.status,
        };
        short_line(kind, MAX_WORD)
    }

    /// `message`
    pub(super) fn message(&self) -> Cow<'a, str> {
        match self.ending {
            Ending::Bad | Ending::Skipped => message(self.attempt),
            Ending::Unfinished => {
                let message = match (self.attempt.status.as_str(), self.attempt.result.as_deref()) {
                    ("COMPLETED", result) => format!("completed with the result {}", result.unwrap_or("null")),
                    (status, _) => {
                        let why = synthetic_case::unfinished(self.run, self.attempt.attempt);
                        format!("{why} (status {status})")
                    }
                };
                Cow::Owned(short_line(&message, MAX_MESSAGE).into_owned())
            }
        }
    }

    /// The element's text; the message opens it.
    pub(super) fn body(&self) -> String {
        body(&self.message(), self.run, self.case, self.attempt)
    }
}

/// The texts of the element for a whole run.
pub(super) struct RunTexts {
    /// `type`
    pub(super) kind: XmlString,
    /// `message`
    pub(super) message: XmlString,
    /// The element's text; the message opens it.
    pub(super) body: XmlString,
}

impl RunTexts {
    /// What the entry for a whole run says.
    pub(super) fn new(result: &str, text: &str) -> Self {
        let message = short_line(text, MAX_MESSAGE).into_owned();
        let mut body = message.clone();
        if one_line(text) != message {
            body.push_str("\n\n");
            body.push_str(&cut_bytes(&clean(text), MAX_BODY / 2));
        }
        Self {
            kind: line(result),
            message: XmlString::new(&message),
            body: XmlString::new(&body),
        }
    }
}

/// One cleaned line of at most `max` characters.
fn short_line(text: &str, max: usize) -> Cow<'_, str> {
    match one_line(text) {
        Cow::Borrowed(line) => cut_chars(line, max),
        Cow::Owned(line) => Cow::Owned(cut_chars(&line, max).into_owned()),
    }
}

/// One line, as the value of a property.
pub(super) fn line(text: &str) -> XmlString {
    XmlString::new(short_line(text, MAX_FACT))
}

/// The title, else the first line of the reasoning, else the outcome's word; never blank, also where cleaning leaves
/// nothing of a text.
fn message(attempt: &CaseAttempt) -> Cow<'_, str> {
    let title = attempt.title.as_deref().filter(|title| !is_blank(title));
    let reasoning = attempt.reasoning.as_deref().unwrap_or_default();
    let first = || reasoning.lines().find(|line| !is_blank(line));
    let message = title.or_else(first).unwrap_or(attempt.outcome.as_str());
    short_line(message, MAX_MESSAGE)
}

/// The message, the whole of title and reasoning, and what is known besides.
fn body(message: &str, run: &RunReport, case: &Case, attempt: &CaseAttempt) -> String {
    let facts = facts(run, case, attempt);
    let mut body = String::with_capacity(
        message.len() + facts.len() + attempt.reasoning.as_ref().map_or(0, String::len).min(MAX_BODY) + 8,
    );
    body.push_str(message);
    for text in [&attempt.title, &attempt.reasoning].into_iter().flatten() {
        let text = cut_and_clean(text);
        let mut text = text.trim();
        // The message stands above.
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        if one_line(first) == message {
            text = rest.trim_start_matches('\n').trim_end();
        }
        let room = MAX_BODY.saturating_sub(body.len() + facts.len() + 4);
        if !text.is_empty() && room > 0 {
            body.push_str("\n\n");
            body.push_str(&cut_bytes(text, room));
        }
    }
    if !facts.is_empty() {
        body.push_str("\n\n");
        body.push_str(&facts);
    }
    match cut_bytes(&body, MAX_BODY) {
        Cow::Borrowed(_) => body,
        Cow::Owned(cut) => cut,
    }
}

/// Cuts and cleans a text. It is cut first, to limit the cost of the part that is not shown. Tabs are removed, since [`XmlString`] drops
/// them.
fn cut_and_clean(text: &str) -> Cow<'_, str> {
    let cleaned = match cut_bytes(text, MAX_BODY) {
        Cow::Borrowed(text) => clean(text),
        Cow::Owned(text) => Cow::Owned(clean(&text).into_owned()),
    };
    if cleaned.contains('\t') {
        Cow::Owned(cleaned.replace('\t', "    "))
    } else {
        cleaned
    }
}

/// Lines `Name: value` on an attempt of a case.
fn facts(run: &RunReport, case: &Case, attempt: &CaseAttempt) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: &str| {
        if !is_blank(value) {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{name}: {}", cut_chars(&one_line(value), MAX_FACT));
        }
    };
    if let Some(error) = attempt.details.as_deref().and_then(error) {
        fact("Error code", &error);
    }
    let at_qatech = run.attempts.get(attempt.attempt);
    match attempt.outcome {
        CaseOutcome::Errored | CaseOutcome::Unfinished => {
            fact("Status", &attempt.status);
            let problem = at_qatech
                .and_then(|of| of.problem.as_deref())
                .or(run.problem.as_deref());
            fact("Reason", problem.unwrap_or_default());
        }
        CaseOutcome::Failed | CaseOutcome::Flaky | CaseOutcome::Skipped | CaseOutcome::Passed => {}
    }
    if let Some(note) = case.quarantine.as_ref().filter(|_| case.is_quarantined_failure()) {
        fact("Quarantined", &quarantine(note));
    }
    fact("Goal", case.goal.as_deref().unwrap_or_default());
    fact("Test case", &case.short_id);
    fact(
        "Page",
        attempt
            .details
            .as_deref()
            .and_then(CaseDetails::link)
            .unwrap_or_default(),
    );
    if let Some(of) = at_qatech {
        fact("Run", &attempt_line(of));
    }
    text.truncate(text.trim_end().len());
    text
}

/// The error code and what it means.
fn error(details: &CaseDetails) -> Option<String> {
    let code = details.error_code.as_deref()?;
    Some(match details.failure_kind() {
        Some(kind) => format!("{code} ({})", failure_phrase(kind)),
        None => code.to_owned(),
    })
}

/// Why a case is in quarantine, and for how long.
fn quarantine(note: &QuarantineNote) -> String {
    let QuarantineNote { reason, until } = note;
    let until = until.as_ref().map(|until| format!("until {until}"));
    let parts = [reason.clone(), until].into_iter().flatten();
    let text = parts.collect::<Vec<_>>().join(", ");
    if is_blank(&text) { "yes".to_owned() } else { text }
}

/// A run at QA.tech in a line.
pub(super) fn attempt_line(attempt: &Attempt) -> String {
    let words = [
        Some(attempt.short_id.as_str()),
        attempt.status.as_deref(),
        attempt.result.as_deref(),
        attempt.link(),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The properties of a case, as lines for its `system-out`.
pub(super) fn properties(run: &RunReport, case: &Case) -> String {
    let decisive = case.decisive_attempt();
    let details = decisive.and_then(|attempt| attempt.details.as_deref());
    let of_run = decisive.and_then(|attempt| run.attempts.get(attempt.attempt));
    let link = details
        .and_then(CaseDetails::link)
        .or_else(|| of_run.and_then(Attempt::link));
    let mut text = String::new();
    let mut property = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !is_blank(value)) {
            let value = cut_chars(&one_line(value), MAX_WORD).into_owned();
            // What could end it early has no business in an id or a code.
            let value = value.replace(['[', ']'], "");
            let _ = writeln!(text, "[[PROPERTY|{name}={value}]]");
        }
    };
    property("run_url", link);
    property("test_case", Some(&case.short_id));
    property("error_code", details.and_then(|details| details.error_code.as_deref()));
    property("quarantined", case.is_quarantined_failure().then_some("true"));
    text.truncate(text.trim_end().len());
    text
}
