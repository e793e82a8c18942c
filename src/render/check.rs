//! The check run: conclusion, output and annotations.

use super::escape::{clean, cut_bytes, cut_chars, one_line};
use super::markdown::{body, head, origin_line};
use super::words::{Headline, attempt_name, done_of, outcome_word};
use crate::inputs::PathRule;
use crate::report::{Case, FailOn, Report, RunReport, Verdict};

/// Bytes of `summary` and of `text`: <https://docs.github.com/en/rest/checks/runs#create-a-check-run>.
pub const LIMIT: usize = 65_535;
/// Annotations at most; the rest is counted.
pub const ANNOTATIONS: usize = 1_000;
/// Characters of a title.
const TITLE: usize = 255;
/// Bytes of an annotation's message: what is read beside the code. All of it stands in the raw details.
const MESSAGE: usize = 2_000;
/// Bytes of an annotation's raw details; GitHub takes 64 KB.
const RAW_DETAILS: usize = 64_000;

/// The `output` of a check run. GitHub replaces it as a whole, so all of it goes with each update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOutput {
    /// One line, at most 255 characters.
    pub title: String,
    /// Markdown: counts, runs, problems; at most [`LIMIT`] bytes.
    pub summary: String,
    /// Markdown: the cases; at most [`LIMIT`] bytes. May be empty.
    pub text: String,
}

/// A check run's `conclusion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Green.
    Success,
    /// Red.
    Failure,
    /// Grey; blocks nothing.
    Neutral,
    /// Red: out of time.
    TimedOut,
    /// Grey; blocks where the check is required.
    Cancelled,
}

impl Conclusion {
    /// The word that the API takes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    /// The conclusion that goes with the step: what `fail_on` tolerates never blocks, what fails the step is never green.
    pub fn of(report: &Report, fail_on: &FailOn) -> Self {
        let of_runs = report.runs.iter().filter_map(|run| run.verdict);
        let failing = of_runs
            .chain(report.verdict())
            .filter(|verdict| fail_on.fails(*verdict))
            .max();
        match (failing, report.verdict()) {
            // Without a token nothing fails, whatever `fail_on` says of `skipped`.
            (_, Some(Verdict::Skipped)) if report.runs.is_empty() => Self::Neutral,
            (Some(Verdict::TimedOut), _) => Self::TimedOut,
            (Some(Verdict::Cancelled | Verdict::Interrupted), _) => Self::Cancelled,
            (
                Some(
                    Verdict::Failed
                    | Verdict::Error
                    | Verdict::Unknown
                    | Verdict::Skipped
                    | Verdict::Flaky
                    | Verdict::Passed,
                ),
                _,
            ) => Self::Failure,
            (None, Some(Verdict::Passed | Verdict::Flaky)) => Self::Success,
            (None, _) => Self::Neutral,
        }
    }
}

/// The output of a check run that is not over: what is known so far.
pub fn waiting(report: &Report) -> CheckOutput {
    let far = match report.counts().total {
        0 => String::new(),
        _ => format!(": {}", done_of(report.counts())),
    };
    CheckOutput {
        title: format!("Waiting for QA.tech{far}"),
        summary: head(report, LIMIT, false),
        text: String::new(),
    }
}

/// The output of a check run that is over.
pub fn output(report: &Report) -> CheckOutput {
    let origin = origin_line(report);
    let mut summary = head(report, LIMIT - origin.len().min(LIMIT), false);
    summary.push_str(&origin);
    CheckOutput {
        title: cut_chars(&Headline::of(report).title(), TITLE).into_owned(),
        summary,
        text: body(report, LIMIT, true),
    }
}

/// An annotation of level `failure`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Path in the repository.
    pub path: String,
    /// First and last line, counted from 1.
    pub line: u32,
    /// The case's name, at most 255 characters.
    pub title: String,
    /// Plain text, never empty.
    pub message: String,
    /// Plain text: all that every attempt said.
    pub raw_details: String,
}

/// Where annotations go that no rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path in the repository.
    pub path: String,
    /// Line, counted from 1.
    pub line: u32,
}

/// One annotation for each failed or errored case, at most [`ANNOTATIONS`], and how many more there would be.
pub fn annotations(report: &Report, rules: &[PathRule], default: &Place) -> (Vec<Annotation>, usize) {
    let several = report.runs.len() > 1;
    let mut cases = report.bad_cases();
    let made = cases
        .by_ref()
        .take(ANNOTATIONS)
        .map(|(run, case)| annotation(run, case, several, rules, default))
        .collect();
    (made, cases.count())
}

fn annotation(run: &RunReport, case: &Case, several: bool, rules: &[PathRule], default: &Place) -> Annotation {
    let (path, line) = rules
        .iter()
        .find(|rule| rule.matches(&case.name))
        .map_or((&default.path, default.line), |rule| (&rule.path, rule.line));
    let telling = case.telling();
    let reason = telling.and_then(|attempt| attempt.title.as_deref()).unwrap_or_default();
    let reason = one_line(reason);
    let thought = telling
        .and_then(|attempt| attempt.reasoning.as_deref())
        .unwrap_or_default();
    let thought = clean(cut_bytes(thought, MESSAGE).trim()).into_owned();
    let message = match (reason.is_empty(), thought.is_empty()) {
        (true, true) => format!("The test {}; QA.tech gave no reason.", outcome_word(case.outcome)),
        (true, false) => thought,
        (false, true) => reason.into_owned(),
        (false, false) => format!("{reason}\n\n{thought}"),
    };
    Annotation {
        path: path.clone(),
        line,
        title: case_title(run, case, several, TITLE),
        message: cut_bytes(&message, MESSAGE).into_owned(),
        raw_details: raw_details(run, case),
    }
}

/// The case's name, with its run's where there are several.
pub(super) fn case_title(run: &RunReport, case: &Case, several: bool, max: usize) -> String {
    let name = one_line(&case.name);
    let name = if name.is_empty() {
        one_line(&case.short_id)
    } else {
        name
    };
    let title = if several {
        format!("{name} ({})", cut_chars(&one_line(run.label()), 80))
    } else {
        name.into_owned()
    };
    cut_chars(&title, max).into_owned()
}

/// Goal and every attempt's words, as plain text.
fn raw_details(run: &RunReport, case: &Case) -> String {
    let mut parts = Vec::new();
    if let Some(goal) = &case.goal {
        parts.push(format!("Goal: {}", cut_bytes(goal, MESSAGE)));
    }
    for attempt in &case.attempts {
        let of_run = run.attempts.get(attempt.attempt);
        let mut part = attempt_name(attempt.attempt, of_run);
        if let Some(of_run) = of_run {
            part.push_str(&format!(" ({})", cut_chars(&of_run.short_id, 60)));
        }
        part.push_str(": ");
        part.push_str(outcome_word(attempt.outcome));
        for text in [&attempt.title, &attempt.reasoning].into_iter().flatten() {
            part.push('\n');
            part.push_str(&cut_bytes(text, RAW_DETAILS));
        }
        parts.push(part);
    }
    cut_bytes(&clean(&parts.join("\n\n")), RAW_DETAILS).into_owned()
}
