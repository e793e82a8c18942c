//! The check run: conclusion, output and annotations.

use crate::inputs::PathRule;
use crate::render::escape::{clean, cut_bytes, cut_chars, one_line};
use crate::render::github::marker;
use crate::render::github::marker::SignedMarker;
use crate::render::markdown::page::Measure;
use crate::render::markdown::{body, head, origin_line};
use crate::render::phrases::{Headline, attempt_name, outcome_word, several};
use crate::report::{Case, FailOn, Report, RunReport, Verdict};

/// Bytes of `summary` and of `text`: <https://docs.github.com/en/rest/checks/runs#create-a-check-run>.
pub const LIMIT: usize = 65_535;
/// Of these bytes of `summary`, what is left for the marker and the end of its line.
const MARKER_ROOM: usize = marker::LONGEST + 1;
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

impl CheckOutput {
    /// Opens the summary with the marker: the only thing of ours that a re-run of the job can read back, since GitHub
    /// sets `details_url` itself.
    pub fn mark(&mut self, marker: &SignedMarker) {
        self.summary.insert_str(0, &format!("{marker}\n"));
    }
}

/// A check run's `conclusion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepConclusion {
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

impl StepConclusion {
    /// The word that the API takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the step fails. Where it does not, nothing that is said of it is red.
    pub fn is_red(self) -> bool {
        match self {
            Self::Failure | Self::TimedOut | Self::Cancelled => true,
            Self::Success | Self::Neutral => false,
        }
    }

    /// The `annotation_level` of failed cases.
    pub fn annotation_level(self) -> &'static str {
        if self.is_red() { "failure" } else { "warning" }
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
                    | Verdict::Quarantined
                    | Verdict::Passed,
                ),
                _,
            ) => Self::Failure,
            (None, Some(Verdict::Passed | Verdict::Flaky)) => Self::Success,
            (None, _) => Self::Neutral,
        }
    }
}

/// The output of a check run that is made before anything is started: there is nothing to tell yet.
pub fn waiting() -> CheckOutput {
    CheckOutput {
        title: "Waiting for QA.tech".to_owned(),
        summary: String::new(),
        text: String::new(),
    }
}

/// The output of a check run that is over, with so many failed cases for which there is no annotation.
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
        title: cut_chars(&Headline::of(report.as_slice()).title(), TITLE).into_owned(),
        summary,
        text: body(report.as_slice(), LIMIT, Measure::Bytes, true),
    }
}

/// An annotation, of [`StepConclusion::annotation_level`].
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
    let telling = case.decisive_attempt();
    let reason = telling.and_then(|attempt| attempt.title.as_deref()).unwrap_or_default();
    let reason = one_line(reason);
    let thought = telling
        .and_then(|attempt| attempt.reasoning.as_deref())
        .unwrap_or_default();
    let thought = clean(&cut_bytes(thought, MESSAGE)).trim().to_owned();
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::sample::{large, report, run, shop};
    use crate::report::{Mode, Signal};

    fn default_fail_on() -> FailOn {
        FailOn::new(vec![
            Verdict::Failed,
            Verdict::Error,
            Verdict::Cancelled,
            Verdict::TimedOut,
            Verdict::Unknown,
        ])
    }

    fn ended(verdicts: &[Verdict]) -> Report {
        let runs = verdicts.iter().map(|verdict| {
            let mut run = run("Plan", "id", vec![]);
            run.verdict = Some(*verdict);
            run
        });
        report(runs.collect())
    }

    #[test]
    fn each_verdict_has_its_conclusion() {
        let words = Verdict::ALL.map(|verdict| StepConclusion::of(&ended(&[verdict]), &default_fail_on()).as_str());
        let expected = [
            "success",
            "neutral",
            "success",
            "neutral",
            "cancelled",
            "cancelled",
            "timed_out",
            "failure",
            "failure",
            "failure",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn what_fail_on_tolerates_is_neutral_and_what_it_names_is_red() {
        let nothing = FailOn::new(vec![]);
        for verdict in [Verdict::Failed, Verdict::Unknown, Verdict::TimedOut, Verdict::Cancelled] {
            assert_eq!(
                StepConclusion::of(&ended(&[verdict]), &nothing),
                StepConclusion::Neutral
            );
        }
        let flaky = FailOn::new(vec![Verdict::Flaky, Verdict::Skipped]);
        assert_eq!(
            StepConclusion::of(&ended(&[Verdict::Flaky]), &flaky),
            StepConclusion::Failure
        );
        assert_eq!(
            StepConclusion::of(&ended(&[Verdict::Skipped]), &flaky),
            StepConclusion::Failure
        );
        let only_failed = FailOn::new(vec![Verdict::Failed]);
        let mixed = ended(&[Verdict::Unknown, Verdict::Failed]);
        assert_eq!(StepConclusion::of(&mixed, &only_failed), StepConclusion::Failure);
        assert_eq!(StepConclusion::Failure.annotation_level(), "failure");
        assert_eq!(StepConclusion::Neutral.annotation_level(), "warning");
    }

    #[test]
    fn without_token_or_wait_nothing_is_blocked() {
        let mut skipped = report(vec![]);
        skipped.mode = Mode::SkippedWithoutToken;
        assert_eq!(
            StepConclusion::of(&skipped, &FailOn::new(Verdict::ALL.to_vec())),
            StepConclusion::Neutral
        );
        let mut started = shop();
        started.mode = Mode::StartOnly;
        started.runs[0].verdict = None;
        assert_eq!(
            StepConclusion::of(&started, &default_fail_on()),
            StepConclusion::Neutral
        );
        started.interrupted_by = Some(Signal::Int);
        assert_eq!(
            StepConclusion::of(&started, &FailOn::new(vec![])),
            StepConclusion::Cancelled
        );
    }

    #[test]
    fn an_annotation_tells_the_latest_failure_and_all_of_it_in_its_details() {
        let rules = PathRule::parse_lines("Pay* = src/pay.ts:12\n* = other.ts").unwrap();
        let place = Place {
            path: ".github/workflows/qa.yml".into(),
            line: 9,
        };
        let (annotations, left_out) = annotations(&shop(), &rules, &place);
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
        let (unruled, _) = super::annotations(&shop(), &[], &place);
        assert_eq!(
            (unruled[0].path.as_str(), unruled[0].line),
            (".github/workflows/qa.yml", 9)
        );
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
            let (made, left_out) = annotations(&large(cases, 10), &[], &place);
            assert_eq!((made.len(), left_out), expected);
        }
        let (made, _) = annotations(&large(40, 10), &[], &place);
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
