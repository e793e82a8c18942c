//! Earlier results as a drawing, a table and lists.

use crate::render::duration::{format_duration, utc};
use crate::render::escape::one_line;
use crate::render::html::parts::{Line, Percent, class};
use crate::render::html::timeline::ticks;
use crate::render::phrases::{by_outcome, capitalized, changes, phrase, several};
use crate::render::trend::{CaseList, Suggestion, TrendFacts};
use crate::report::trend::{Moment, TrendPoint};
use crate::report::{Case, Report};

/// Height of the plot, and where it begins, in CSS pixels.
const PLOT: u64 = 110;
const TOP: u64 = 12;

/// The section, as the template needs it.
pub(super) struct TrendView<'a> {
    /// Whether it is unfolded at first: not where failed cases are what people came for.
    pub(super) open: bool,
    pub(super) heading: String,
    pub(super) facts: Vec<String>,
    pub(super) summary: String,
    /// The unit of the labels of the grid; empty if they name it.
    pub(super) unit: &'static str,
    pub(super) grid: Vec<GridLine>,
    pub(super) median: Option<u64>,
    pub(super) bars: Vec<ResultBar>,
    pub(super) base: u64,
    pub(super) height: u64,
    pub(super) first: String,
    pub(super) rows: Vec<ResultRow<'a>>,
    pub(super) lists: Vec<CaseList<'a>>,
    pub(super) suggestions: Vec<Suggestion<'a>>,
}

/// A horizontal line of the grid, with its time.
pub(super) struct GridLine {
    pub(super) y: u64,
    pub(super) label: String,
}

/// One result in the drawing.
pub(super) struct ResultBar {
    pub(super) class: &'static str,
    pub(super) x: Percent,
    pub(super) width: Percent,
    pub(super) y: u64,
    pub(super) height: u64,
    pub(super) title: String,
}

/// One result in the table.
pub(super) struct ResultRow<'a> {
    pub(super) class: &'static str,
    pub(super) verdict: String,
    pub(super) when: String,
    pub(super) link: Option<&'a str>,
    pub(super) branch: Line<'a>,
    pub(super) commit: String,
    pub(super) counts: String,
    pub(super) took: String,
}

impl<'a> TrendView<'a> {
    /// The section of a report; `None` if there is no earlier result.
    pub(super) fn new(report: &'a Report) -> Option<Self> {
        let TrendFacts {
            points,
            median_duration,
            facts,
            lists,
            suggestions,
        } = TrendFacts::new(report, when)?;
        let longest = points.iter().map(|point| point.duration).max().unwrap_or(0).max(1_000);
        let height = |duration: u64| duration.min(longest).saturating_mul(PLOT) / longest;
        let ticks = ticks(longest, 4);
        let facts = changes(report).into_iter().chain(facts).collect();
        let count = u64::try_from(points.len()).unwrap_or(u64::MAX);
        Some(Self {
            open: report.bad_cases().next().is_none(),
            heading: format!("The last {}", several(count, "result")),
            summary: format!(
                "Observed duration of the last {count} results, oldest first, coloured by verdict; the table has the same in words"
            ),
            facts,
            unit: match longest {
                _ if ticks.iter().any(|tick| tick.label.ends_with('s')) => "",
                ..3_600_000 => ", in minutes and seconds",
                _ => ", in hours, minutes and seconds",
            },
            grid: ticks
                .into_iter()
                .map(|tick| GridLine {
                    y: TOP + PLOT - height(tick.at),
                    label: tick.label,
                })
                .collect(),
            median: median_duration.map(|median| TOP + PLOT - height(median)),
            bars: (0..)
                .zip(points)
                .map(|(at, point)| bar(point, at, count, height(point.duration).max(3)))
                .collect(),
            base: TOP + PLOT,
            height: TOP + PLOT + 24,
            first: points.first().map(|point| when(&point.moment)).unwrap_or_default(),
            rows: points.iter().rev().map(row).collect(),
            lists,
            suggestions,
        })
    }
}

fn bar(point: &TrendPoint, at: u64, count: u64, height: u64) -> ResultBar {
    let Percent(place) = Percent::new(1, count);
    let duration = format_duration(point.duration);
    ResultBar {
        class: class(Some(point.verdict)),
        // The bars of a short history are no wider than those of a longer one.
        x: Percent(place * (at as f64 + 0.5) - place.min(6.0) * 0.36),
        width: Percent(place.min(6.0) * 0.72),
        y: TOP + PLOT - height,
        height,
        title: format!("{}: {}, {duration}", when(&point.moment), phrase(point.verdict)),
    }
}

fn row(point: &TrendPoint) -> ResultRow<'_> {
    let moment = &point.moment;
    let sha = moment.sha.as_deref().unwrap_or_default();
    let mut counts = by_outcome(point.counts);
    if counts.is_empty() {
        counts.push('–');
    }
    ResultRow {
        class: class(Some(point.verdict)),
        verdict: capitalized(phrase(point.verdict)),
        when: when(moment),
        link: moment.link(),
        branch: Line(match (&moment.branch, point.on_default) {
            (Some(branch), _) => branch,
            (None, Some(true)) => "default",
            (None, Some(false) | None) => "–",
        }),
        commit: one_line(sha).chars().take(7).collect(),
        counts,
        took: format_duration(point.duration),
    }
}

fn when(moment: &Moment) -> String {
    let text = utc(moment.at).unwrap_or_default();
    text.get(..16).unwrap_or_default().replace('T', " ")
}

/// What the history says about a case that fails in this report.
pub(super) fn marks(report: &Report, case: &Case) -> Vec<String> {
    let Some(trend) = report.trend.as_ref().filter(|_| case.outcome.is_bad()) else {
        return Vec::new();
    };
    let mut marks = Vec::new();
    if trend.new_failures.iter().any(|known| known.is(case)) {
        marks.push("New failure".to_owned());
    }
    if let Some(still) = trend.still_failing.iter().find(|still| still.case.is(case)) {
        marks.push(format!("Failing since {}", when(&still.since)));
    }
    if trend.failed_on_default(case) {
        marks.push("Failed on the default branch before".to_owned());
    }
    marks
}
