//! The observed timeline as a Mermaid gantt chart: a section for each attempt, a bar for the attempt and for each of its cases.
//!
//! The API gives no times while a run goes on, so bars begin and end at the poll that saw the change.
//!
//! Only `done`, `crit`, both, or neither are used as a bar's tags: a label beside a bar that is `active` has the
//! background's colour in Mermaid's dark theme. What a colour means is said in words as well.

use std::fmt::Write as _;

use crate::render::escape::one_line;
use crate::render::phrases::{Tone, attempt_name, outcome_phrase, phrase, several};
use crate::report::{Case, CaseAttempt, CaseOutcome, Millis, Report, RunReport};
use crate::text::sort::sort_by_number;

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
const MAX_TICKS: Millis = 8;
/// Pixels of a character of a section's name, and of the space around it.
const CHARACTER_WIDTH: usize = 7;
const SECTION_PADDING: usize = 24;
/// No bar is narrower than this part of the axis.
const NARROWEST: Millis = 200;

/// The folded chart, or nothing where no run was observed for a time, or for a day or more.
pub(super) fn section(report: &Report) -> String {
    let end = report.duration.max(last_moment(report));
    let attempts: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
    if attempts == 0 || attempts > MAX_ATTEMPTS || end >= DAY || !report.was_watched() {
        return String::new();
    }
    let chart = Chart::new(report, end);
    let mut out = format!(
        "<details>\n<summary>Timeline, as observed by polling{}</summary>\n\n```mermaid\n",
        chart.omission()
    );
    chart.write(&mut out);
    out.push_str("```\n\n</details>\n\n");
    out
}

fn last_moment(report: &Report) -> Millis {
    let ends = report.runs.iter().flat_map(|run| {
        let attempts = run.attempts.iter().filter_map(|attempt| attempt.ended);
        let cases = run
            .cases
            .iter()
            .flat_map(|case| &case.attempts)
            .filter_map(|attempt| attempt.observed.ended);
        attempts.chain(cases)
    });
    ends.max().unwrap_or(0)
}

/// A chart, before it is written.
struct Chart<'a> {
    end: Millis,
    sections: Vec<Section<'a>>,
    /// Cases that were never observed running: they have no bar.
    never_running: usize,
    /// Cases that passed or were skipped, and were quicker than those with a bar.
    left_out: usize,
}

/// An attempt with its cases, in the order in which they began.
struct Section<'a> {
    name: String,
    attempt: Bar<'a>,
    cases: Vec<Bar<'a>>,
}

/// A bar with its label.
struct Bar<'a> {
    label: &'a str,
    state: &'static str,
    tone: Tone,
    began: Millis,
    ended: Millis,
}

impl<'a> Chart<'a> {
    fn new(report: &'a Report, end: Millis) -> Self {
        let mut sections = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for run in &report.runs {
            for index in 0..run.attempts.len() {
                let name = section_name(run, index, report.runs.len() > 1, &names);
                names.push(name.clone());
                sections.extend(Section::new(run, index, name, end));
            }
        }
        let cases = || report.runs.iter().flat_map(|run| &run.cases);
        let ran = |case: &&Case| case.attempts.iter().any(|seen| seen.observed.running.is_some());
        let mut chart = Self {
            end,
            sections,
            never_running: cases().filter(|case| !ran(case)).count(),
            left_out: 0,
        };
        chart.drop_least_notable();
        chart
    }

    /// Keeps at most [`MAX_CASE_BARS`] bars: what did not pass first, then what took longest.
    fn drop_least_notable(&mut self) {
        // No bar is longer than a day.
        let rank = |bar: &Bar<'_>| match bar.tone {
            Tone::Red => DAY.saturating_sub(bar.ended - bar.began),
            Tone::Green | Tone::Neutral => (2 * DAY).saturating_sub(bar.ended - bar.began),
        };
        let mut ranks: Vec<_> = self
            .sections
            .iter()
            .flat_map(|section| section.cases.iter().map(rank))
            .collect();
        if ranks.len() <= MAX_CASE_BARS {
            return;
        }
        sort_by_number(&mut ranks, |rank| *rank);
        let Some(last) = ranks.get(MAX_CASE_BARS - 1).copied() else {
            return;
        };
        self.left_out = ranks.len() - MAX_CASE_BARS;
        // Of those that rank as the last one does, only as many as there is room for.
        let mut ties = MAX_CASE_BARS - ranks.partition_point(|rank| *rank < last);
        for section in &mut self.sections {
            section.cases.retain(|bar| {
                let rank = rank(bar);
                let tie = rank == last && ties > 0;
                ties -= usize::from(tie);
                rank < last || tie
            });
        }
    }

    /// What the chart does not show.
    fn omission(&self) -> String {
        let mut parts = Vec::new();
        if self.left_out > 0 {
            parts.push(several(self.left_out as u64, "less notable bar"));
        }
        if self.never_running > 0 {
            parts.push(format!(
                "{} never observed running",
                several(self.never_running as u64, "test")
            ));
        }
        if parts.is_empty() {
            String::new()
        } else {
            format!(", without {}", parts.join(" and "))
        }
    }

    fn write(&self, out: &mut String) {
        let widest = self.sections.iter().map(|section| section.name.chars().count()).max();
        let padding = widest.unwrap_or(0) * CHARACTER_WIDTH + SECTION_PADDING;
        let (interval, format) = axis(self.end);
        // Writing to a string can't fail.
        let _ = write!(
            out,
            "%%{{init: {{\"gantt\": {{\"leftPadding\": {padding}, \"barHeight\": 16, \"barGap\": 4, \
             \"fontSize\": 11, \"sectionFontSize\": 12}}, \"themeCSS\": \".grid .tick line {{ opacity: 0.2; }}\"}}}}%%\n\
             gantt\n    dateFormat HH:mm:ss.SSS\n    axisFormat {format}\n    tickInterval {interval}\n    todayMarker off\n"
        );
        for section in &self.sections {
            let Section { name, attempt, cases } = section;
            let _ = writeln!(out, "    section {name}");
            attempt.write(out, "▸ ", self.end);
            for case in cases {
                case.write(out, "· ", self.end);
            }
        }
    }
}

impl<'a> Section<'a> {
    fn new(run: &'a RunReport, index: usize, name: String, end: Millis) -> Option<Self> {
        let attempt = run.attempts.get(index)?;
        let seen = run.cases.iter().flat_map(|case| {
            let of_attempt = case.attempts.iter().filter(move |seen| seen.attempt == index);
            of_attempt.filter_map(move |seen| Bar::from_case(case, seen, end))
        });
        let mut cases: Vec<_> = seen.collect();
        sort_by_number(&mut cases, |bar| bar.began);
        let verdict = attempt.seen();
        let attempt = Bar {
            label: "Run",
            state: verdict.map_or("not finished", phrase),
            tone: verdict.map_or(Tone::Neutral, Tone::from_verdict),
            began: attempt.began,
            ended: attempt.ended.unwrap_or(end),
        };
        Some(Self { name, attempt, cases })
    }
}

impl<'a> Bar<'a> {
    /// A case's bar. One that was never observed running began some time after it was listed: it gets none.
    fn from_case(case: &'a Case, seen: &CaseAttempt, end: Millis) -> Option<Self> {
        let began = seen.observed.running?;
        Some(Self {
            label: case.label(),
            state: match seen.outcome {
                CaseOutcome::Passed => "",
                CaseOutcome::Failed
                | CaseOutcome::Errored
                | CaseOutcome::Flaky
                | CaseOutcome::Skipped
                | CaseOutcome::Unfinished => outcome_phrase(seen.outcome),
            },
            tone: Tone::from_outcome(seen.outcome),
            began,
            ended: seen.observed.ended.unwrap_or(end).max(began),
        })
    }

    fn write(&self, out: &mut String, mark: &str, end: Millis) {
        let Self {
            label,
            state,
            tone,
            began,
            ended,
        } = self;
        let tag = match tone {
            Tone::Green => "done, ",
            Tone::Neutral => "",
            Tone::Red => "crit, ",
        };
        let label = name_in_chart(label, MAX_NAME);
        let separator = if state.is_empty() { "" } else { " – " };
        let ended = (*ended).max(began + end / NARROWEST + 1);
        // Writing to a string can't fail.
        let _ = writeln!(
            out,
            "    {mark}{label}{separator}{state} :{tag}{}, {}",
            clock(*began),
            clock(ended)
        );
    }
}

/// The name of an attempt's section. Mermaid puts sections of the same name together, so each has its own.
fn section_name(run: &RunReport, index: usize, several_runs: bool, taken: &[String]) -> String {
    let attempt = attempt_name(index, run.attempts.get(index));
    let name = match (several_runs, index) {
        (false, _) => attempt,
        (true, 0) => name_in_chart(run.label(), MAX_SECTION),
        (true, _) => format!(
            "{} - {}",
            name_in_chart(run.label(), MAX_SECTION),
            attempt.to_lowercase().replace(',', "")
        ),
    };
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

/// The distance between ticks, and how they are labelled, for an axis of that length.
fn axis(end: Millis) -> (String, &'static str) {
    const INTERVALS: [(Millis, &str); 14] = [
        (1, "second"),
        (2, "second"),
        (5, "second"),
        (10, "second"),
        (15, "second"),
        (30, "second"),
        (60, "minute"),
        (120, "minute"),
        (300, "minute"),
        (600, "minute"),
        (900, "minute"),
        (1_800, "minute"),
        (3_600, "hour"),
        (7_200, "hour"),
    ];
    if end < 2_000 {
        return ("250millisecond".to_owned(), "%S.%L");
    }
    let fits = |(seconds, _): &&(Millis, &str)| end / (seconds * 1_000) <= MAX_TICKS;
    let format = if end >= 3_600_000 { "%H:%M" } else { "%M:%S" };
    match INTERVALS.iter().find(fits) {
        Some((seconds, "second")) => (format!("{seconds}second"), format),
        Some((seconds, "minute")) => (format!("{}minute", seconds / 60), format),
        Some((seconds, _)) => (format!("{}hour", seconds / 3_600), format),
        None => ("4hour".to_owned(), format),
    }
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
    fn ticks_differ_and_are_few() {
        let intervals = [900, 3_000, 30_000, 160_000, 1_800_000, 10_000_000, DAY - 1].map(axis);
        let expected = [
            ("250millisecond", "%S.%L"),
            ("1second", "%M:%S"),
            ("5second", "%M:%S"),
            ("30second", "%M:%S"),
            ("5minute", "%M:%S"),
            ("30minute", "%H:%M"),
            ("4hour", "%H:%M"),
        ];
        assert_eq!(
            intervals,
            expected.map(|(interval, format)| (interval.to_owned(), format))
        );
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
