//! The timeline as a Mermaid gantt chart: a section for each attempt, with a bar for the attempt and for each of its cases.
//!
//! Bars have the tags `done` and `crit` only: in Mermaid's dark theme, a label beside an `active` bar has the colour of the
//! background. Labels say in words what a colour means.

use crate::render::escape::one_line;
use crate::render::phrases::{Tone, attempt_name, outcome_phrase, phrase, several};
use crate::report::timeline::{CaseTimeline, RunTimeline, Span, Timeline, tick_step};
use crate::report::{Attempt, Case, CaseAttempt, CaseOutcome, Millis, Report, RunReport};
use crate::text::sort::sort_by_number;
use std::collections::HashSet;
use std::fmt::Write as _;

/// Bars of cases at most: about 1,200 pixels of height.
const MAX_CASE_BARS: usize = 60;
/// Bars of attempts at most; with more there is no chart.
const MAX_ATTEMPTS: usize = 40;
/// Characters of a case's name in the chart.
const MAX_NAME: usize = 40;
/// Characters of a plan's name: it stands left of the bars.
const MAX_SECTION: usize = 18;
/// The chart's clock ends at midnight.
const DAY: Millis = 86_400_000;
/// Most ticks on the axis: grid lines run through the labels.
const MAX_TICKS: u64 = 8;
/// Pixels of a character of a section's name, and of the space around it.
const CHARACTER_WIDTH: usize = 7;
const SECTION_PADDING: usize = 24;
/// No bar is narrower than this part of the axis.
const NARROWEST: Millis = 200;

/// The folded chart; empty if no run was seen to change its status, or for a day or more.
pub(super) fn section(report: &Report) -> String {
    let Some(timeline) = Timeline::new(report, MAX_CASE_BARS, |case| bars(case).count()) else {
        return String::new();
    };
    let attempts: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
    if attempts > MAX_ATTEMPTS || timeline.end >= DAY {
        return String::new();
    }
    let mut out = format!(
        "<details>\n<summary>Timeline, as observed by polling{}</summary>\n\n```mermaid\n",
        omission(report, &timeline)
    );
    write(&mut out, &timeline);
    out.push_str("```\n\n</details>\n\n");
    out
}

/// The spans of a test case that have a bar: one that was never observed running began at an unknown time.
fn bars<'a, 'b>(case: &'b CaseTimeline<'a>) -> impl Iterator<Item = &'b Span<'a, CaseAttempt>> {
    case.spans.iter().filter(|span| span.running.is_some())
}

/// What the chart does not show.
fn omission(report: &Report, timeline: &Timeline<'_>) -> String {
    let cases = report.runs.iter().flat_map(|run| &run.cases);
    let ran = |case: &&Case| case.attempts.iter().any(|seen| seen.observed.running.is_some());
    let never_running = cases.filter(|case| !ran(case)).count();
    let mut parts = Vec::new();
    if timeline.left_out > 0 {
        parts.push(several(timeline.left_out as u64, "less notable bar"));
    }
    if never_running > 0 {
        parts.push(format!(
            "{} never observed running",
            several(never_running as u64, "test")
        ));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!(", without {}", parts.join(" and "))
    }
}

fn write(out: &mut String, timeline: &Timeline<'_>) {
    let Timeline { end, runs, left_out: _ } = timeline;
    let names = section_names(runs);
    let widest = names.iter().flatten().map(|name| name.chars().count()).max();
    let padding = widest.unwrap_or(0) * CHARACTER_WIDTH + SECTION_PADDING;
    let (interval, format) = axis(*end);
    // Writing to a string can't fail.
    let _ = write!(
        out,
        "%%{{init: {{\"gantt\": {{\"leftPadding\": {padding}, \"barHeight\": 16, \"barGap\": 4, \
         \"fontSize\": 11, \"sectionFontSize\": 12}}, \"themeCSS\": \".grid .tick line {{ opacity: 0.2; }}\"}}}}%%\n\
         gantt\n    dateFormat HH:mm:ss.SSS\n    axisFormat {format}\n    tickInterval {interval}\n    todayMarker off\n"
    );
    for (run, names) in runs.iter().zip(names) {
        for (index, (span, name)) in run.attempts.iter().zip(names).enumerate() {
            let _ = writeln!(out, "    section {name}");
            Bar::from_attempt(span).write(out, *end);
            let cases = run.cases.iter();
            let bars = cases.flat_map(|case| bars(case).map(|span| (case.case, span)));
            let mut bars: Vec<_> = bars.filter(|(_, span)| span.of.attempt == index).collect();
            sort_by_number(&mut bars, |(_, span)| span.started());
            for (case, span) in bars {
                Bar::from_case(case, span).write(out, *end);
            }
        }
    }
}

/// A bar with its label.
struct Bar<'a> {
    mark: &'static str,
    label: &'a str,
    state: &'static str,
    tone: Tone,
    from: Millis,
    to: Millis,
}

impl<'a> Bar<'a> {
    fn from_attempt(span: &Span<'_, Attempt>) -> Self {
        let verdict = span.of.seen();
        Self {
            mark: "▸",
            label: "Run",
            state: verdict.map_or("not finished", phrase),
            tone: verdict.map_or(Tone::Neutral, Tone::from_verdict),
            from: span.first_seen,
            to: span.until,
        }
    }

    fn from_case(case: &'a Case, span: &Span<'_, CaseAttempt>) -> Self {
        let outcome = span.of.outcome;
        Self {
            mark: "·",
            label: case.label(),
            state: match outcome {
                CaseOutcome::Passed => "",
                CaseOutcome::Failed
                | CaseOutcome::Errored
                | CaseOutcome::Flaky
                | CaseOutcome::Skipped
                | CaseOutcome::Unfinished => outcome_phrase(outcome),
            },
            tone: Tone::from_outcome(outcome),
            from: span.started(),
            to: span.until,
        }
    }

    fn write(&self, out: &mut String, end: Millis) {
        let Self {
            mark,
            label,
            state,
            tone,
            from,
            to,
        } = self;
        let tag = match tone {
            Tone::Green => "done, ",
            Tone::Neutral => "",
            Tone::Red => "crit, ",
        };
        let label = name_in_chart(label, MAX_NAME);
        let separator = if state.is_empty() { "" } else { " – " };
        let to = (*to).max(from + end / NARROWEST + 1);
        // Writing to a string can't fail.
        let _ = writeln!(
            out,
            "    {mark} {label}{separator}{state} :{tag}{}, {}",
            clock(*from),
            clock(to)
        );
    }
}

/// The names of the sections, for each attempt of each run. Mermaid merges sections of the same name, so each is unique.
fn section_names(runs: &[RunTimeline<'_>]) -> Vec<Vec<String>> {
    let mut taken = HashSet::new();
    let mut unique = |name: String| {
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|name| taken.insert(name.clone())).unwrap_or_default()
    };
    let several_runs = runs.len() > 1;
    let names = runs.iter().map(
        |RunTimeline {
             run,
             attempts,
             cases: _,
         }| {
            let names = attempts.iter().enumerate();
            let names = names.map(|(index, span)| unique(section_name(run, index, span.of, several_runs)));
            names.collect()
        },
    );
    names.collect()
}

fn section_name(run: &RunReport, index: usize, attempt: &Attempt, several_runs: bool) -> String {
    let attempt = attempt_name(index, Some(attempt));
    match (several_runs, index) {
        (false, _) => attempt,
        (true, 0) => name_in_chart(run.label(), MAX_SECTION),
        (true, _) => format!(
            "{} - {}",
            name_in_chart(run.label(), MAX_SECTION),
            attempt.to_lowercase().replace(',', "")
        ),
    }
}

/// The distance between ticks, and how they are labelled, for an axis of that length.
fn axis(end: Millis) -> (String, &'static str) {
    let step = tick_step(end, MAX_TICKS);
    let interval = match step {
        step if step % 3_600_000 == 0 => format!("{}hour", step / 3_600_000),
        step if step % 60_000 == 0 => format!("{}minute", step / 60_000),
        step if step % 1_000 == 0 => format!("{}second", step / 1_000),
        step => format!("{step}millisecond"),
    };
    let format = match end {
        _ if step < 1_000 => "%S.%L",
        ..3_600_000 => "%M:%S",
        _ => "%H:%M",
    };
    (interval, format)
}

/// Time since the start as a time of day, so that the axis shows it in every time zone.
fn clock(at: Millis) -> String {
    let at = at.min(DAY - 1);
    let seconds = at / 1000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        at % 1000
    )
}

/// A name without anything that has a meaning in Mermaid: letters, digits and a few signs. A sign of ours opens it where
/// it would open its line with a keyword, such as `click`.
fn name_in_chart(name: &str, max: usize) -> String {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '\'' | '(' | ')' | '/' | '+');
    let kept: String = name
        .chars()
        .take(max * 4)
        .map(|c| if allowed(c) { c } else { ' ' })
        .collect();
    let line = one_line(&kept);
    let cut: String = line.chars().take(max).collect();
    if cut.is_empty() {
        "(no name)".to_owned()
    } else if line.chars().count() > max {
        format!("{cut}…")
    } else {
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::gfm_check::hostile;
    use crate::report::sample::{filled_with, large, report, run, shop};
    use proptest::prelude::*;

    #[test]
    fn the_chart_of_a_run_with_a_rerun() {
        insta::assert_snapshot!(section(&shop()), @r#"
        <details>
        <summary>Timeline, as observed by polling</summary>

        ```mermaid
        %%{init: {"gantt": {"leftPadding": 87, "barHeight": 16, "barGap": 4, "fontSize": 11, "sectionFontSize": 12}, "themeCSS": ".grid .tick line { opacity: 0.2; }"}}%%
        gantt
            dateFormat HH:mm:ss.SSS
            axisFormat %M:%S
            tickInterval 30second
            todayMarker off
            section First run
            ▸ Run – failed :crit, 00:00:01.000, 00:01:31.000
            · Log in with a wrong password :done, 00:00:06.200, 00:00:21.200
            · Pay with a saved card – failed :crit, 00:00:07.200, 00:00:22.200
            · Search for a product – errored :crit, 00:00:08.200, 00:00:23.200
            · Change the delivery address – failed :crit, 00:00:09.200, 00:00:24.200
            · Log in with a passkey – failed :crit, 00:00:10.200, 00:00:25.200
            · Pay by invoice – skipped :00:00:11.200, 00:00:26.200
            · Register a new account :done, 00:00:12.200, 00:00:27.200
            · Put two products into the basket :done, 00:00:13.200, 00:00:28.200
            · Remove a product from the basket :done, 00:00:14.200, 00:00:29.200
            · Use a voucher :done, 00:00:15.200, 00:00:30.200
            · Read the terms :done, 00:00:16.200, 00:00:31.200
            · Switch the language to German :done, 00:00:17.200, 00:00:32.200
            · Contact support :done, 00:00:18.200, 00:00:33.200
            · Log out :done, 00:00:19.200, 00:00:34.200
            section Rerun 1
            ▸ Run – failed :crit, 00:01:41.000, 00:02:40.000
            · Pay with a saved card – failed :crit, 00:01:47.200, 00:02:02.200
            · Search for a product – errored :crit, 00:01:48.200, 00:02:03.200
            · Change the delivery address – failed :crit, 00:01:49.200, 00:02:04.200
            · Log in with a passkey :done, 00:01:50.200, 00:02:05.200
        ```

        </details>
        "#);
    }

    /// Labels of the bars of cases.
    fn case_bars(chart: &str) -> Vec<&str> {
        chart
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("· "))
            .collect()
    }

    #[test]
    fn a_chart_has_at_most_sixty_bars_and_all_that_failed() {
        assert_eq!(case_bars(&section(&large(55, 0))).len(), 55);
        let chart = section(&large(300, 0));
        let bars = case_bars(&chart);
        assert_eq!(bars.len(), MAX_CASE_BARS);
        assert_eq!(bars.iter().filter(|bar| bar.contains(" – failed :crit, ")).count(), 30);
        assert!(
            chart.contains("by polling, without 240 less notable bars</summary>"),
            "{chart}"
        );
        assert!(chart.len() < 10_000);
    }

    #[test]
    fn an_axis_has_labels_that_differ() {
        let axes = [900, 3_000, 30_000, 160_000, 1_800_000, 10_000_000, DAY - 1].map(axis);
        let expected = [
            ("500millisecond", "%S.%L"),
            ("500millisecond", "%S.%L"),
            ("5second", "%M:%S"),
            ("30second", "%M:%S"),
            ("5minute", "%M:%S"),
            ("30minute", "%H:%M"),
            ("4hour", "%H:%M"),
        ];
        assert_eq!(axes, expected.map(|(interval, format)| (interval.to_owned(), format)));
    }

    #[test]
    fn every_attempt_has_a_section_of_its_own() {
        let mut two = shop();
        two.runs.extend(shop().runs);
        let chart = section(&two);
        let sections: Vec<_> = chart
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("section "))
            .collect();
        assert_eq!(
            sections,
            [
                "Smoke tests",
                "Smoke tests - rerun 1",
                "Smoke tests (2)",
                "Smoke tests - rerun 1 (2)"
            ]
        );
    }

    #[test]
    fn what_was_never_seen_running_is_counted() {
        let mut shop = shop();
        for case in shop.runs.iter_mut().flat_map(|run| &mut run.cases).take(3) {
            case.name = "pay_by_card".into();
            let seen = case.attempts.iter_mut().take(1);
            seen.for_each(|seen| seen.observed.running = None);
        }
        let chart = section(&shop);
        // Two of the three were seen in the rerun.
        assert!(
            chart.contains("by polling, without 1 test never observed running</summary>"),
            "{chart}"
        );
        assert_eq!(chart.matches(" pay_by_card").count(), 2);
    }

    #[test]
    fn there_is_no_chart_of_nothing_or_of_days() {
        assert_eq!(section(&report(vec![])), "");
        let mut unseen = run("A", "a", vec![]);
        unseen.attempts.iter_mut().for_each(|attempt| attempt.changes.clear());
        assert_eq!(section(&report(vec![unseen])), "");
        let mut long = shop();
        long.duration = DAY;
        assert_eq!(section(&long), "");
    }

    proptest! {
        #[test]
        fn names_can_only_be_names(text in hostile()) {
            let chart = section(&filled_with(&text));
            let lines: Vec<_> = chart.lines().skip_while(|line| *line != "gantt").skip(1).collect();
            let body: Vec<_> = lines.into_iter().take_while(|line| *line != "```").collect();
            for line in body {
                let line = line.trim_start();
                let settings = ["dateFormat ", "axisFormat ", "tickInterval ", "todayMarker "];
                if settings.iter().any(|start| line.starts_with(start)) {
                    continue;
                }
                prop_assert!(["section ", "▸ ", "· "].iter().any(|start| line.starts_with(start)), "{line}");
                prop_assert!(!line.contains(['#', ';', '%', '{', '}', '`', '<', '>', '"', '\\']), "{line}");
                prop_assert_eq!(line.matches(" :").count(), usize::from(!line.starts_with("section ")), "{}", line);
            }
        }
    }
}
