//! The check run: conclusion, output and annotations. With `annotations: job`, the job's own check run gets the same output
//! and the same annotations.

use crate::render::escape::{clean, cut_bytes, cut_chars, one_line};
use crate::render::github::marker;
use crate::render::github::marker::SignedMarker;
use crate::render::markdown::page::Measure;
use crate::render::markdown::{Layout, body, head, origin_line};
use crate::render::phrases::details::{details_line, quarantine_line};
use crate::render::phrases::{Headline, attempt_name, outcome_phrase, several};
use crate::report::{Case, Explanation, Report, RunReport, StepConclusion};

/// Bytes of `summary` and of `text`: <https://docs.github.com/en/rest/checks/runs#create-a-check-run>.
pub const LIMIT: usize = 65_535;
/// Bytes of `summary` that are reserved for the marker and its line break.
const MARKER_ROOM: usize = marker::LONGEST + 1;
/// Most annotations; the rest is counted.
pub const ANNOTATIONS: usize = 1_000;
/// Characters of a title.
const TITLE: usize = 255;
/// Bytes of an annotation's message, which is shown beside the code. The raw details have the full text.
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

impl CheckOutput {
    /// Opens the summary with the marker, from which a re-run of the job learns what was run: GitHub sets `details_url`
    /// itself.
    pub fn mark(&mut self, marker: &SignedMarker) {
        self.summary.insert_str(0, &format!("{marker}\n"));
    }
}

/// The output of a check run that is created before anything is started.
pub fn waiting() -> CheckOutput {
    CheckOutput {
        title: "Waiting for QA.tech".to_owned(),
        summary: String::new(),
        text: String::new(),
    }
}

/// The output of a completed check run; `not_annotated` is the number of failed cases without an annotation.
pub fn output(report: &Report, not_annotated: usize) -> CheckOutput {
    let mut end = origin_line(report);
    if not_annotated > 0 {
        let cases = several(not_annotated as u64, "failed test");
        end = format!("Without an annotation, to stay within limits: {cases}.\n\n{end}");
    }
    let mut summary = head(
        report.as_slice(),
        (LIMIT - MARKER_ROOM).saturating_sub(end.len()),
        Measure::Bytes,
        false,
    );
    summary.push_str(&end);
    CheckOutput {
        title: cut_chars(&Headline::new(report.as_slice()).title(), TITLE).into_owned(),
        summary,
        text: body(report.as_slice(), LIMIT, Measure::Bytes, Layout::Page),
    }
}

/// An annotation.
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
    /// Plain text: everything that each attempt says.
    pub raw_details: String,
    /// Whether the case is in quarantine, so that its failure does not fail the step.
    pub quarantined: bool,
}

impl Annotation {
    /// The `annotation_level`.
    pub fn level(&self, conclusion: StepConclusion) -> &'static str {
        if self.quarantined {
            "notice"
        } else {
            conclusion.annotation_level()
        }
    }
}

/// The place of an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path in the repository.
    pub path: String,
    /// Line, counted from 1.
    pub line: u32,
}

/// One annotation for each failed or errored case, those in quarantine last, at most [`ANNOTATIONS`], and how many more
/// there would be. `place_of` returns the place for the name of a case.
pub fn annotations(report: &Report, place_of: impl Fn(&str) -> Place) -> (Vec<Annotation>, usize) {
    let several = report.runs.len() > 1;
    let mut cases = report.bad_cases_quarantined_last();
    let annotations = cases
        .by_ref()
        .take(ANNOTATIONS)
        .map(|(run, case)| annotation(run, case, several, place_of(&case.name)))
        .collect();
    (annotations, cases.count())
}

fn annotation(run: &RunReport, case: &Case, several: bool, Place { path, line }: Place) -> Annotation {
    Annotation {
        path,
        line,
        title: case_title(run, case, several, TITLE),
        message: cut_bytes(&failure_message(case, MESSAGE), MESSAGE).into_owned(),
        raw_details: raw_details(run, case),
        quarantined: case.is_quarantined_failure(),
    }
}

/// Why a case failed, as plain text that is never empty: title, details and reasoning, each in at most `max` bytes.
pub(super) fn failure_message(case: &Case, max: usize) -> String {
    let Explanation { title, reasoning } = case.explanation();
    let title = one_line(&cut_bytes(title, max)).into_owned();
    let reasoning = clean(&cut_bytes(reasoning, max)).trim().to_owned();
    let mut head = if title.is_empty() && reasoning.is_empty() {
        format!("The test {}; QA.tech gave no reason.", outcome_phrase(case.outcome))
    } else {
        title
    };
    let details = case.decisive_attempt().and_then(|attempt| attempt.details.as_deref());
    let notes = [
        case.quarantine
            .as_ref()
            .filter(|_| case.is_quarantined_failure())
            .map(quarantine_line),
        details.map(details_line),
    ];
    for note in notes.into_iter().flatten().filter(|note| !note.is_empty()) {
        if !head.is_empty() {
            head.push('\n');
        }
        head.push_str(&note);
    }
    match (head.is_empty(), reasoning.is_empty()) {
        (true, _) => reasoning,
        (false, true) => head,
        (false, false) => format!("{head}\n\n{reasoning}"),
    }
}

/// The case's name, with its run's where there are several.
pub(super) fn case_title(run: &RunReport, case: &Case, several: bool, max: usize) -> String {
    let name = one_line(case.label());
    let title = if several {
        format!("{name} ({})", cut_chars(&one_line(run.label()), 80))
    } else {
        name.into_owned()
    };
    cut_chars(&title, max).into_owned()
}

/// Goal, and everything that each attempt says, as plain text.
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
        part.push_str(outcome_phrase(attempt.outcome));
        let details = attempt.details.as_deref().map(details_line);
        for text in [attempt.title.as_ref(), details.as_ref(), attempt.reasoning.as_ref()] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                part.push('\n');
                part.push_str(&cut_bytes(text, RAW_DETAILS));
            }
        }
        parts.push(part);
    }
    cut_bytes(&clean(&parts.join("\n\n")), RAW_DETAILS).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::sample::{large, shop};

    #[test]
    fn an_annotation_tells_the_latest_failure_and_all_of_it_in_its_details() {
        let (annotations, left_out) = annotations(&shop(), |name| Place {
            path: if name.starts_with("Pay") {
                "src/pay.ts"
            } else {
                "other.ts"
            }
            .into(),
            line: 12,
        });
        assert_eq!((annotations.len(), left_out), (3, 0));
        let first = &annotations[0];
        assert_eq!((first.path.as_str(), first.line), ("src/pay.ts", 12));
        assert_eq!(annotations[1].path, "other.ts");
        insta::assert_snapshot!(format!("{}\n---\n{}\n---\n{}", first.title, first.message, first.raw_details), @r#"
        Pay with a saved card
        ---
        Could not find the pay button

        I opened the basket and chose the saved card ending in 4242.
        The page showed a spinner for 30 seconds.

        Then the message "Something went wrong" appeared and the pay button was gone, so the order was never placed.
        ---
        Goal: A visitor can do what "Pay with a saved card" says

        First run (smk1): failed
        Could not find the pay button
        I opened the basket and chose the saved card ending in 4242.
        The page showed a spinner for 30 seconds.

        Then the message "Something went wrong" appeared and the pay button was gone, so the order was never placed.

        Rerun 1 (smk2): failed
        Could not find the pay button
        I opened the basket and chose the saved card ending in 4242.
        The page showed a spinner for 30 seconds.

        Then the message "Something went wrong" appeared and the pay button was gone, so the order was never placed.
        "#);
    }

    #[test]
    fn a_thousand_annotations_are_made_and_the_rest_is_counted() {
        let place = Place {
            path: "a".into(),
            line: 1,
        };
        for (cases, expected) in [
            (0, (0, 0)),
            (10, (1, 0)),
            (10_000, (1_000, 0)),
            (50_000, (1_000, 4_000)),
        ] {
            let (made, left_out) = annotations(&large(cases, 10), |_| place.clone());
            assert_eq!((made.len(), left_out), expected);
        }
        let (made, _) = annotations(&large(40, 10), |_| place.clone());
        let names: Vec<_> = made.iter().map(|annotation| annotation.title.as_str()).collect();
        assert_eq!(
            names,
            ["Case number 3", "Case number 13", "Case number 23", "Case number 33"]
        );
    }

    #[test]
    fn the_output_parts_the_runs_from_the_cases() {
        let output = output(&shop(), 0);
        assert_eq!(output.title, "Failed: 2 of 14 tests failed, 1 errored, 1 flaky");
        insta::assert_snapshot!(output.summary, @r#"
        **Next step:** Open the failed tests at QA.tech; if the product is at fault, fix it and push again.

        | Tests | ✅ Passed | ❌ Failed | 💥 Errored | 🔁 Flaky | ⏭️ Skipped |
        |---:|---:|---:|---:|---:|---:|
        | 14 | 9 | 2 | 1 | 1 | 1 |

        | Plan | Run | Result | Tests | Observed time |
        |---|---|---|---|---|
        | Smoke tests | [<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1) | ❌ failed | 3 failed, 1 errored, 1 skipped, 9 passed | 1 min 30 s |
        | ↳ Rerun 1 | [<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2) | ❌ failed | 2 failed, 1 errored, 1 passed | 59 s |

        <sub>commit [<code>3f2a9c1</code>](https://github.com/acme/shop/commit/3f2a9c1d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b) · [workflow run](https://github.com/acme/shop/actions/runs/4711) · observed for 2 min 40 s</sub>
        "#);
        assert!(output.text.starts_with("### Failed and errored tests (3)"));
        let left_out = super::output(&shop(), 1).summary;
        assert!(
            left_out.contains("\n\nWithout an annotation, to stay within limits: 1 failed test.\n\n<sub>"),
            "{left_out}"
        );
    }
}
