//! The trend as Markdown and HTML show it: facts, lists of test cases, and suggestions, in words.

use crate::render::duration::format_duration;
use crate::render::phrases::{number, several};
use crate::report::trend::{CaseName, FlakyCase, Moment, PassRate, QuarantineSuggestion, StillFailing, TrendPoint};
use crate::report::{Millis, Report};

/// What both formats say about a trend. Names and lines are untrusted and not escaped.
pub(super) struct TrendFacts<'a> {
    /// The results, oldest first; at least two.
    pub(super) points: &'a [TrendPoint],
    /// Median of the durations.
    pub(super) median_duration: Option<Millis>,
    /// Such as `5 of 6 green`.
    pub(super) facts: Vec<String>,
    /// Those that are not empty.
    pub(super) lists: Vec<CaseList<'a>>,
    /// Lines for the quarantine list.
    pub(super) suggestions: Vec<Suggestion<'a>>,
}

/// Test cases that have something in common.
pub(super) struct CaseList<'a> {
    /// What they have in common.
    pub(super) name: &'static str,
    /// The cases, each with a note that may be empty.
    pub(super) cases: Vec<(&'a CaseName, String)>,
}

/// A line for the quarantine list.
pub(super) struct Suggestion<'a> {
    pub(super) case: &'a CaseName,
    /// Why it is suggested.
    pub(super) reason: String,
    pub(super) line: &'a str,
}

impl<'a> TrendFacts<'a> {
    /// The facts about a report's trend; `None` if there is no earlier result. `when` writes a moment in the format's own
    /// way, escaped for it.
    pub(super) fn new(report: &'a Report, when: impl Fn(&Moment) -> String) -> Option<Self> {
        let trend = report.trend.as_ref().filter(|trend| trend.points.len() > 1)?;
        let pass_rate = trend
            .pass_rate
            .map(|PassRate { green, of }| format!("{green} of {of} green"));
        let median = trend
            .median_duration
            .map(|median| format!("median {}", format_duration(median)));
        let last_green = trend
            .last_green
            .as_ref()
            .map(|moment| format!("last green {}", when(moment)));
        let without_note = |cases: &'a [CaseName]| cases.iter().map(|case| (case, String::new())).collect();
        let still = trend.still_failing.iter().map(|StillFailing { case, since, times }| {
            let results = several(times.saturating_add(1), "result");
            (case, format!("since {}, in {results}", when(since)))
        });
        let flaky = trend.flaky.iter();
        let flaky = flaky.map(|FlakyCase { case, times }| (case, format!("in {}", several(*times, "result"))));
        let lists = [
            ("New failures", without_note(&trend.new_failures)),
            ("Still failing", still.collect()),
            ("Fixed", without_note(&trend.fixed)),
            (
                "Fail here, and failed on the default branch before",
                without_note(&trend.failed_on_default),
            ),
            ("Flaky most often", flaky.collect()),
        ];
        let lists = lists.into_iter().map(|(name, cases)| CaseList { name, cases });
        Some(Self {
            points: &trend.points,
            median_duration: trend.median_duration,
            facts: [pass_rate, median, last_green].into_iter().flatten().collect(),
            lists: lists.filter(|list| !list.cases.is_empty()).collect(),
            suggestions: trend.suggestions.iter().map(Suggestion::from).collect(),
        })
    }
}

impl<'a> From<&'a QuarantineSuggestion> for Suggestion<'a> {
    fn from(suggestion: &'a QuarantineSuggestion) -> Self {
        let QuarantineSuggestion {
            case,
            flaky,
            failed_on_default,
            of,
            line,
        } = suggestion;
        let mut reasons = Vec::new();
        if *flaky > 0 {
            reasons.push(format!("flaky in {} of {}", number(*flaky), several(*of, "result")));
        }
        if *failed_on_default > 0 {
            let times = several(*failed_on_default, "time");
            reasons.push(format!("failed on the default branch {times}"));
        }
        Self {
            case,
            reason: reasons.join(", "),
            line,
        }
    }
}
