//! The timeline: what polling saw of runs and test cases over time, for every format that draws it.
//!
//! The API gives no times while a run is in progress, so a span begins and ends at the poll that saw the change.

use crate::report::{Attempt, Case, CaseAttempt, Millis, Observed, Report, RunReport, status};
use crate::text::sort::sort_by_number;

/// The runs of a report and its most important test cases, over time.
#[derive(Debug)]
pub struct Timeline<'a> {
    /// End of the time axis: when the report was made, or the last observation if that is later.
    pub end: Millis,
    /// One for each run, in the order of the report.
    pub runs: Vec<RunTimeline<'a>>,
    /// How much room the test cases that are not shown would have taken.
    pub left_out: usize,
}

/// A run over time.
#[derive(Debug)]
pub struct RunTimeline<'a> {
    /// The run.
    pub run: &'a RunReport,
    /// One for each attempt.
    pub attempts: Vec<Span<'a, Attempt>>,
    /// The test cases that are shown, in the order in which they began.
    pub cases: Vec<CaseTimeline<'a>>,
}

/// A test case over time.
#[derive(Debug)]
pub struct CaseTimeline<'a> {
    /// The test case.
    pub case: &'a Case,
    /// One for each attempt that had the case.
    pub spans: Vec<Span<'a, CaseAttempt>>,
}

/// The time of one attempt. All times are since the start of the program.
#[derive(Debug)]
pub struct Span<'a, T> {
    /// The attempt.
    pub of: &'a T,
    /// When it was first seen.
    pub first_seen: Millis,
    /// When it was first seen in progress; `None` if it never was.
    pub running: Option<Millis>,
    /// Whether it was seen to end.
    pub is_over: bool,
    /// When it ended; for one that was not seen to end, when its run ended, or the end of the time axis.
    pub until: Millis,
}

impl<T> Span<'_, T> {
    /// When it was seen to leave the queue: in progress, or over already.
    pub fn started(&self) -> Millis {
        self.running.unwrap_or(self.until)
    }

    /// For how long it was seen in progress.
    pub fn length(&self) -> Millis {
        self.until.saturating_sub(self.started())
    }
}

impl<'a> Timeline<'a> {
    /// The timeline of a report; `None` if no run was seen to change its status, so that there is nothing to draw.
    ///
    /// Test cases are shown as long as there is room: worst outcome first, then the longest. `size` says how much of
    /// `room` a test case takes.
    pub fn new(report: &'a Report, room: usize, size: impl Fn(&CaseTimeline<'a>) -> usize) -> Option<Self> {
        let end = end(report);
        if end == 0 || !was_watched(report) {
            return None;
        }
        let mut runs: Vec<_> = report.runs.iter().map(|run| RunTimeline::new(run, end)).collect();
        let cases = report.runs.iter().enumerate().flat_map(|(index, run)| {
            let cases = run.cases.iter();
            cases.map(move |case| (index, CaseTimeline::new(run, case, end)))
        });
        let mut cases: Vec<_> = cases.collect();
        sort_by_number(&mut cases, |(_, case)| u64::MAX - case.length());
        sort_by_number(&mut cases, |(_, case)| case.case.outcome as u64);
        let (mut room, mut left_out) = (room, 0);
        for (index, case) in cases {
            let size = size(&case);
            // After the first that does not fit, no smaller one takes its place.
            match (left_out, room.checked_sub(size), runs.get_mut(index)) {
                (0, Some(rest), Some(run)) => {
                    room = rest;
                    run.cases.push(case);
                }
                _ => left_out += size,
            }
        }
        for run in &mut runs {
            sort_by_number(&mut run.cases, CaseTimeline::began);
        }
        Some(Self { end, runs, left_out })
    }
}

impl<'a> RunTimeline<'a> {
    /// The run without its test cases.
    fn new(run: &'a RunReport, end: Millis) -> Self {
        let attempts = run.attempts.iter().map(|attempt| {
            let until = attempt.ended.unwrap_or(end);
            let left_queue = attempt.changes.iter().find(|change| change.status != status::INITIATED);
            Span {
                of: attempt,
                first_seen: attempt.began,
                running: left_queue.map(|change| change.at.min(until)),
                is_over: attempt.ended.is_some(),
                until,
            }
        });
        Self {
            run,
            attempts: attempts.collect(),
            cases: Vec::new(),
        }
    }
}

impl<'a> CaseTimeline<'a> {
    fn new(run: &'a RunReport, case: &'a Case, end: Millis) -> Self {
        let spans = case.attempts.iter().map(|attempt| {
            let Observed {
                first_seen,
                running,
                ended,
            } = attempt.observed;
            let of_run = run.attempts.get(attempt.attempt).and_then(|of_run| of_run.ended);
            Span {
                of: attempt,
                first_seen,
                running,
                is_over: ended.is_some(),
                until: ended.or(of_run).unwrap_or(end).max(running.unwrap_or(0)),
            }
        });
        Self {
            case,
            spans: spans.collect(),
        }
    }

    /// When its first attempt was seen in progress or over. What was never seen to begin comes last.
    fn began(&self) -> Millis {
        let first = self.spans.first();
        first.map_or(0, |span| match (span.running, span.is_over) {
            (None, false) => Millis::MAX,
            (Some(_), _) | (None, true) => span.started(),
        })
    }

    fn length(&self) -> Millis {
        self.spans.iter().map(Span::length).sum()
    }
}

fn was_watched(report: &Report) -> bool {
    let mut attempts = report.runs.iter().flat_map(|run| &run.attempts);
    attempts.any(|attempt| attempt.changes.len() > 1)
}

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

/// The distance between the ticks of a time axis: a round time, so that at most `max` steps fit.
pub fn tick_step(end: Millis, max: u64) -> Millis {
    const STEPS: [Millis; 18] = [
        100, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
        3_600_000, 7_200_000, 14_400_000, 86_400_000,
    ];
    STEPS.into_iter().find(|step| end / step <= max).unwrap_or(end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::sample::{large, report, run, shop};

    /// Everything, where each test case takes room for one.
    fn all(report: &Report) -> Timeline<'_> {
        Timeline::new(report, usize::MAX, |_| 1).unwrap()
    }

    #[test]
    fn spans_begin_and_end_where_polls_saw_it() {
        let shop = shop();
        let timeline = all(&shop);
        assert_eq!((timeline.end, timeline.left_out), (160_300, 0));
        let run = &timeline.runs[0];
        let times = |span: &Span<'_, Attempt>| (span.first_seen, span.running, span.until);
        let attempts: Vec<_> = run.attempts.iter().map(times).collect();
        assert_eq!(attempts, [(1_000, Some(5_000), 91_000), (101_000, None, 160_000)]);
        let names: Vec<_> = run.cases.iter().take(2).map(|case| case.case.label()).collect();
        assert_eq!(names, ["Log in with a wrong password", "Pay with a saved card"]);
        let spans = &run.cases[1].spans;
        assert_eq!((spans[0].running, spans[0].until), (Some(7_200), 22_200));
        assert_eq!((spans[1].running, spans[1].until), (Some(107_200), 122_200));
    }

    #[test]
    fn a_case_that_was_not_seen_to_end_lasts_as_long_as_its_run() {
        let mut shop = shop();
        for attempt in &mut shop.runs[0].cases[1].attempts {
            attempt.observed.ended = None;
        }
        shop.runs[0].attempts[1].ended = None;
        let timeline = all(&shop);
        let spans = &timeline.runs[0].cases[1].spans;
        assert_eq!((spans[0].until, spans[1].until), (91_000, 160_300));
        assert!(!spans[0].is_over && !spans[1].is_over);
    }

    #[test]
    fn what_failed_is_shown_first_and_then_what_took_longest() {
        let mut large = large(20, 0);
        large.runs[0].cases[7].attempts[0].observed.ended = Some(90_000);
        let timeline = Timeline::new(&large, 3, |_| 1).unwrap();
        let names: Vec<_> = timeline.runs[0].cases.iter().map(|case| case.case.label()).collect();
        assert_eq!(names, ["Case number 3", "Case number 7", "Case number 13"]);
        assert_eq!(timeline.left_out, 17);
    }

    #[test]
    fn a_report_of_nothing_that_was_watched_has_no_timeline() {
        assert!(Timeline::new(&report(vec![]), 1, |_| 1).is_none());
        let mut unseen = run("A", "a", vec![]);
        unseen.attempts[0].changes.truncate(1);
        assert!(Timeline::new(&report(vec![unseen]), 1, |_| 1).is_none());
    }

    #[test]
    fn ticks_are_round_and_few() {
        let ends = [400, 3_000, 160_300, 1_800_000, 7_300_000, 40 * 86_400_000];
        let steps = [100, 500, 30_000, 300_000, 1_800_000, 40 * 86_400_000];
        assert_eq!(ends.map(|end| tick_step(end, 6)), steps);
        for end in [1, 999, 86_400_000, 40 * 86_400_000] {
            assert!(end / tick_step(end, 6) <= 6, "{end}");
        }
    }
}
