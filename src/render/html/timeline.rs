//! The timeline as an SVG drawing: a row for each run and for each test case, over an axis of time.

use crate::render::duration::format_duration;
use crate::render::escape::{cut_chars, one_line};
use crate::render::html::parts::{Percent, label};
use crate::render::phrases::{number, several};
use crate::report::timeline::{CaseTimeline, RunTimeline, Span, Timeline, tick_step};
use crate::report::{Attempt, CaseAttempt, CaseOutcome, Millis, Report};

/// Most rows of test cases.
const MAX_CASES: usize = 40;
/// Height of the axis, and of a row, in CSS pixels.
const AXIS: u32 = 30;
const ROW: u32 = 22;
/// Longest label, in characters; narrower pages show less of it.
const LABEL_CHARS: usize = 42;

/// The drawing, as the template needs it.
pub(super) struct Drawing {
    /// Whether it is unfolded at first: not above a list of failed cases.
    pub(super) open: bool,
    pub(super) height: u32,
    pub(super) summary: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) rows: Vec<Row>,
    /// A sentence about the cases that are not drawn; may be empty.
    pub(super) left_out: String,
    /// Class and name of each outcome in the drawing.
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

/// A period in one state.
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) from: Percent,
    pub(super) width: Percent,
    pub(super) inset: u32,
    pub(super) height: u32,
    pub(super) title: String,
}

impl Drawing {
    /// The drawing of a report; `None` if there is nothing to draw.
    pub(super) fn new(report: &Report) -> Option<Self> {
        let timeline = Timeline::new(report, MAX_CASES, |_| 1)?;
        let Timeline { end, runs, left_out } = &timeline;
        let scale = Scale { end: *end };
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
        for RunTimeline { run, attempts, cases } in runs {
            let bars = attempts.iter().flat_map(|span| scale.attempt(span));
            add(run.label(), "head", bars.collect());
            for CaseTimeline { case, spans } in cases {
                let bars = spans.iter().flat_map(|span| scale.case(span));
                add(case.label(), "row", bars.collect());
            }
        }
        let spans = || runs.iter().flat_map(|run| &run.cases).flat_map(|case| &case.spans);
        let key = CaseOutcome::ALL.into_iter();
        let key = key.filter(|outcome| spans().any(|span| span.of.outcome == *outcome));
        let drawn = rows.len() - runs.len();
        Some(Self {
            open: report.bad_cases().next().is_none(),
            height: AXIS + u32::try_from(rows.len()).unwrap_or(u32::MAX) * ROW + 4,
            summary: format!(
                "Timeline of {} and {} over {}; the list of test cases below has the same times in words",
                several(runs.len() as u64, "run"),
                several(drawn as u64, "test case"),
                format_duration(*end)
            ),
            ticks: ticks(*end, 6),
            left_out: match left_out {
                0 => String::new(),
                1 => format!(" The {drawn} cases that matter most are drawn, one is not."),
                left_out => format!(
                    " The {drawn} cases that matter most are drawn, {} are not.",
                    number(*left_out as u64)
                ),
            },
            key: key.map(|outcome| (outcome.as_str(), label(outcome))).collect(),
            rows,
        })
    }
}

/// Converts milliseconds to positions.
#[derive(Clone, Copy)]
struct Scale {
    end: Millis,
}

impl Scale {
    fn bar(self, class: &'static str, from: Millis, to: Millis, title: String) -> Bar {
        let thin = class == "waiting";
        Bar {
            class,
            from: Percent::new(from, self.end),
            // A minimum width keeps short bars visible.
            width: Percent(Percent::new(to.saturating_sub(from), self.end).0.max(0.35)),
            inset: if thin { 8 } else { 4 },
            height: if thin { 4 } else { 12 },
            title: format!("{title}, {} to {}", format_duration(from), format_duration(to)),
        }
    }

    fn attempt(self, span: &Span<'_, Attempt>) -> impl Iterator<Item = Bar> + use<> {
        let (first_seen, started, until) = (span.first_seen, span.started(), span.until);
        let id = one_line(&span.of.short_id);
        let waiting =
            (started > first_seen).then(|| self.bar("waiting", first_seen, started, format!("{id}: waiting")));
        let running = (until > started).then(|| self.bar("running", started, until, format!("{id}: in progress")));
        waiting.into_iter().chain(running)
    }

    fn case(self, span: &Span<'_, CaseAttempt>) -> impl Iterator<Item = Bar> + use<> {
        let (first_seen, started, outcome) = (span.first_seen, span.started(), span.of.outcome);
        let waiting = (started > first_seen).then(|| self.bar("waiting", first_seen, started, "waiting".to_owned()));
        let seen = span.running.is_some() || span.is_over;
        let ran = seen.then(|| self.bar(outcome.as_str(), started, span.until, label(outcome).to_owned()));
        waiting.into_iter().chain(ran)
    }
}

/// Round times from zero on, at most `max` steps of them.
pub(super) fn ticks(end: Millis, max: u64) -> Vec<Tick> {
    let step = tick_step(end, max);
    (0..=end / step)
        .map(|count| count * step)
        .map(|at| Tick {
            at,
            x: Percent::new(at, end),
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
    fn ticks_have_labels() {
        let labels = |end| ticks(end, 6).into_iter().map(|tick| tick.label).collect::<Vec<_>>();
        assert_eq!(labels(160_300), ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30"]);
        assert_eq!(labels(400), ["0.0 s", "0.1 s", "0.2 s", "0.3 s", "0.4 s"]);
        assert_eq!(labels(7_300_000), ["0:00", "30:00", "1:00:00", "1:30:00", "2:00:00"]);
    }
}
