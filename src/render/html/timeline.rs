//! The observed timeline as a drawing: a row a run, a row a case, over an axis of time.

use crate::render::duration::format_duration;
use crate::render::escape::{cut_chars, is_blank, one_line};
use crate::render::html::parts::{Percent, label};
use crate::render::phrases::{number, several};
use crate::report::{Attempt, Case, CaseOutcome, Millis, Observed, Report, RunReport, status};
use crate::text::sort::sort_by_number;

/// Most case rows. Failed and errored cases are drawn before others.
const MAX_CASES: usize = 40;
/// Height of the axis, and of a row, in CSS pixels.
const AXIS: u32 = 30;
const ROW: u32 = 22;
/// Longest label, in characters; narrower pages show less of it.
const LABEL_CHARS: usize = 42;

/// A drawing, all measures ready for the template.
pub(super) struct Timeline {
    /// Whether it is unfolded at first: not where failed cases are what people came for.
    pub(super) open: bool,
    pub(super) height: u32,
    pub(super) summary: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) rows: Vec<Row>,
    /// What is to be said of the cases that are not drawn.
    pub(super) left_out: String,
    pub(super) key: Vec<(&'static str, &'static str)>,
}

/// A line of the grid, with its time.
pub(super) struct Tick {
    pub(super) at: Millis,
    pub(super) x: Percent,
    pub(super) label: String,
}

/// A run or a case.
pub(super) struct Row {
    pub(super) y: u32,
    pub(super) label: String,
    pub(super) class: &'static str,
    pub(super) bars: Vec<Bar>,
}

/// A stretch of time in one state.
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) from: Percent,
    pub(super) width: Percent,
    pub(super) inset: u32,
    pub(super) height: u32,
    pub(super) title: String,
}

impl Timeline {
    /// The drawing of a report; `None` where nothing was watched.
    pub(super) fn of(report: &Report) -> Option<Self> {
        let end = end(report);
        if end == 0 || !report.was_watched() {
            return None;
        }
        let mut picked = report.cases_by_outcome();
        let all = picked.len();
        picked.truncate(MAX_CASES);
        let drawn = picked.len();

        let mut rows = Vec::new();
        let mut add = |label: &str, class, bars| {
            let above = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            rows.push(Row {
                y: AXIS + above * ROW,
                label: cut_chars(&one_line(label), LABEL_CHARS).into_owned(),
                class,
                bars,
            });
        };
        for run in &report.runs {
            let scale = Scale { end };
            add(
                run.label(),
                "head",
                run.attempts.iter().flat_map(|attempt| scale.attempt(attempt)).collect(),
            );
            let mut cases: Vec<&Case> = picked
                .iter()
                .filter(|(of, _)| std::ptr::eq(*of, run))
                .map(|(_, case)| *case)
                .collect();
            sort_by_number(&mut cases, |case| {
                case.attempts.first().map_or(0, |attempt| begin(attempt.observed))
            });
            for case in cases {
                let label = if is_blank(&case.name) {
                    &case.short_id
                } else {
                    &case.name
                };
                add(label, "row", scale.case(run, case));
            }
        }
        let key = CaseOutcome::ALL.into_iter();
        let key = key.filter(|outcome| picked.iter().any(|(_, case)| has(case, *outcome)));
        Some(Self {
            open: report.bad_cases().next().is_none(),
            height: AXIS + u32::try_from(rows.len()).unwrap_or(u32::MAX) * ROW + 4,
            summary: format!(
                "Timeline of {} and {} over {}; the list of test cases below has the same times in words",
                several(report.runs.len() as u64, "run"),
                several(drawn as u64, "test case"),
                format_duration(end)
            ),
            ticks: ticks(end, 6),
            rows,
            left_out: if all > drawn {
                format!(
                    " The {drawn} cases that matter most are drawn, {} are not.",
                    number((all - drawn) as u64)
                )
            } else {
                String::new()
            },
            key: key.map(|outcome| (outcome.as_str(), label(outcome))).collect(),
        })
    }
}

fn has(case: &Case, outcome: CaseOutcome) -> bool {
    case.attempts.iter().any(|attempt| attempt.outcome == outcome)
}

/// The right edge: when the report was made, or later where something was observed later.
fn end(report: &Report) -> Millis {
    let runs = report.runs.iter();
    let attempts = runs
        .clone()
        .flat_map(|run| &run.attempts)
        .filter_map(|attempt| attempt.ended);
    let cases = runs.flat_map(|run| &run.cases).flat_map(|case| &case.attempts);
    let cases = cases.filter_map(|attempt| attempt.observed.ended);
    attempts.chain(cases).fold(report.duration, Millis::max)
}

/// What was never seen to begin comes last.
fn begin(observed: Observed) -> Millis {
    observed.running.or(observed.ended).unwrap_or(Millis::MAX)
}

/// From milliseconds to places.
#[derive(Clone, Copy)]
struct Scale {
    end: Millis,
}

impl Scale {
    fn bar(self, class: &'static str, from: Millis, to: Millis, title: String) -> Bar {
        let thin = class == "waiting";
        Bar {
            class,
            from: Percent::of(from, self.end),
            // What is too short to see is drawn so that it can be seen.
            width: Percent(Percent::of(to.saturating_sub(from), self.end).0.max(0.35)),
            inset: if thin { 8 } else { 4 },
            height: if thin { 4 } else { 12 },
            title,
        }
    }

    fn attempt(self, attempt: &Attempt) -> Vec<Bar> {
        let began = attempt.began;
        let ended = attempt.ended.unwrap_or(self.end);
        let runs = attempt.changes.iter().find(|change| change.status != status::INITIATED);
        let running = runs.map_or(ended, |change| change.at.min(ended));
        let id = one_line(&attempt.short_id).into_owned();
        let mut bars = Vec::new();
        if running > began {
            bars.push(self.bar(
                "waiting",
                began,
                running,
                format!("{id}: waiting, {}", between(began, running)),
            ));
        }
        if ended > running {
            bars.push(self.bar(
                "running",
                running,
                ended,
                format!("{id}: in progress, {}", between(running, ended)),
            ));
        }
        bars
    }

    fn case(self, run: &RunReport, case: &Case) -> Vec<Bar> {
        let mut bars = Vec::new();
        for attempt in &case.attempts {
            let Observed {
                first_seen,
                running,
                ended,
            } = attempt.observed;
            // What did not end was still going on when its run ended, or when we stopped looking.
            let until = run.attempts.get(attempt.attempt).and_then(|of| of.ended);
            let to = ended.or(until).unwrap_or(self.end);
            let from = running.unwrap_or(to);
            if from > first_seen {
                bars.push(self.bar(
                    "waiting",
                    first_seen,
                    from,
                    format!("waiting, {}", between(first_seen, from)),
                ));
            }
            if running.is_some() || ended.is_some() {
                let word = label(attempt.outcome);
                bars.push(self.bar(
                    attempt.outcome.as_str(),
                    from,
                    to,
                    format!("{word}, {}", between(from, to)),
                ));
            }
        }
        bars
    }
}

fn between(from: Millis, to: Millis) -> String {
    format!("{} to {}", format_duration(from), format_duration(to))
}

/// Round times from zero on, at most `most` steps of them.
pub(super) fn ticks(end: Millis, most: Millis) -> Vec<Tick> {
    const STEPS: [Millis; 18] = [
        100, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
        3_600_000, 7_200_000, 14_400_000, 86_400_000,
    ];
    let step = STEPS.into_iter().find(|step| end / step <= most).unwrap_or(end);
    (0..=end / step)
        .map(|count| count * step)
        .map(|at| Tick {
            at,
            x: Percent::of(at, end),
            label: clock(at, step),
        })
        .collect()
}

fn clock(at: Millis, step: Millis) -> String {
    let seconds = at / 1000;
    match (step, seconds) {
        (..1_000, _) => format!("{}.{} s", seconds, at % 1000 / 100),
        (_, ..3600) => format!("{}:{:02}", seconds / 60, seconds % 60),
        (_, _) => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let labels = |end| ticks(end, 6).into_iter().map(|tick| tick.label).collect::<Vec<_>>();
        assert_eq!(labels(160_300), ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30"]);
        assert_eq!(labels(400), ["0.0 s", "0.1 s", "0.2 s", "0.3 s", "0.4 s"]);
        assert_eq!(labels(7_300_000), ["0:00", "30:00", "1:00:00", "1:30:00", "2:00:00"]);
        for end in [1, 999, 86_400_000, 40 * 86_400_000] {
            assert!(ticks(end, 6).len() <= 7, "{end}");
        }
    }
}
