//! A Mermaid gantt chart of what was observed: every attempt, and its cases where they are few.
//!
//! The API gives no times, so bars begin and end at the poll that saw the change.

use crate::render::escape::one_line;
use crate::render::phrases::{attempt_name, outcome_mark, several};
use crate::report::{Case, CaseAttempt, CaseOutcome, Millis, Report, RunReport, Verdict};

/// Bars of cases at most; with more, only the runs are drawn.
const CASES: usize = 40;
/// Bars of runs at most.
const RUNS: usize = 40;
/// Characters of a case's name in the chart.
const NAME: usize = 40;
/// Characters of a plan's name: it stands left of the bars, in little room.
const SECTION: usize = 18;
/// The chart's clock ends at midnight.
const DAY: Millis = 86_400_000;
/// So that every bar can be seen.
const SHORTEST: Millis = 500;

/// The folded chart, or nothing where nothing was seen to take time.
pub(super) fn section(report: &Report) -> String {
    let end = report.duration.max(last_moment(report));
    let attempts: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
    if attempts == 0 || attempts > RUNS || end >= DAY || !report.was_watched() {
        return String::new();
    }
    let bars: usize = report
        .runs
        .iter()
        .flat_map(|run| &run.cases)
        .map(|case| case.attempts.len())
        .sum();
    let cases = || report.runs.iter().flat_map(|run| &run.cases);
    let ran = |case: &&Case| case.attempts.iter().any(|seen| seen.observed.running.is_some());
    let not_running = cases().count() - cases().filter(ran).count();
    let left_out = if bars > CASES {
        format!(", without its {}", several(cases().count() as u64, "test"))
    } else if not_running > 0 {
        format!(", without {} never seen running", several(not_running as u64, "test"))
    } else {
        String::new()
    };
    let axis = if end >= 3_600_000 { "%H:%M:%S" } else { "%M:%S" };
    let mut out = format!(
        "<details>\n<summary>Timeline, as observed by polling{left_out}</summary>\n\n```mermaid\ngantt\n    dateFormat HH:mm:ss.SSS\n    axisFormat {axis}\n"
    );
    for run in &report.runs {
        run_bars(&mut out, run, end, bars <= CASES);
    }
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

fn run_bars(out: &mut String, run: &RunReport, end: Millis, with_cases: bool) {
    for (index, attempt) in run.attempts.iter().enumerate() {
        let name = attempt_name(index, Some(attempt));
        out.push_str(&format!("    section {}\n", name_in_chart(run.label(), SECTION)));
        let tag = match attempt.verdict {
            Some(Verdict::Passed | Verdict::Flaky | Verdict::Quarantined | Verdict::Skipped) => "done, ",
            Some(Verdict::Failed | Verdict::Error) => "crit, ",
            Some(Verdict::Cancelled | Verdict::TimedOut | Verdict::Interrupted | Verdict::Unknown) | None => "active, ",
        };
        bar(
            out,
            &format!("▸ {name}"),
            tag,
            attempt.began,
            attempt.ended.unwrap_or(end),
        );
        if !with_cases {
            continue;
        }
        for case in &run.cases {
            for seen in case.attempts.iter().filter(|seen| seen.attempt == index) {
                case_bar(out, &case.name, seen, end);
            }
        }
    }
}

fn case_bar(out: &mut String, name: &str, seen: &CaseAttempt, end: Millis) {
    let tag = match seen.outcome {
        CaseOutcome::Failed | CaseOutcome::Errored => "crit, ",
        CaseOutcome::Passed | CaseOutcome::Flaky => "done, ",
        CaseOutcome::Unfinished => "active, ",
        CaseOutcome::Skipped => "",
    };
    // A case that was never seen running began somewhere after it was listed: no bar is better than a false one.
    let Some(began) = seen.observed.running else { return };
    let name = format!("{} {}", outcome_mark(seen.outcome), name_in_chart(name, NAME));
    bar(out, &name, tag, began, seen.observed.ended.unwrap_or(end));
}

fn bar(out: &mut String, name: &str, tag: &str, began: Millis, ended: Millis) {
    let ended = ended.max(began + SHORTEST);
    out.push_str(&format!("    {name} :{tag}{}, {}\n", clock(began), clock(ended)));
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

/// A name without anything that means something to Mermaid: letters, digits and a few signs. It never stands first in
/// its line, where a word such as `click` would be a command.
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
        gantt
            dateFormat HH:mm:ss.SSS
            axisFormat %M:%S
            section Smoke tests
            ▸ First run :crit, 00:00:01.000, 00:01:31.000
            ✅ Log in with a wrong password :done, 00:00:06.200, 00:00:21.200
            ❌ Pay with a saved card :crit, 00:00:07.200, 00:00:22.200
            💥 Search for a product :crit, 00:00:08.200, 00:00:23.200
            ❌ Change the delivery address :crit, 00:00:09.200, 00:00:24.200
            ❌ Log in with a passkey :crit, 00:00:10.200, 00:00:25.200
            ⏭️ Pay by invoice :00:00:11.200, 00:00:26.200
            ✅ Register a new account :done, 00:00:12.200, 00:00:27.200
            ✅ Put two products into the basket :done, 00:00:13.200, 00:00:28.200
            ✅ Remove a product from the basket :done, 00:00:14.200, 00:00:29.200
            ✅ Use a voucher :done, 00:00:15.200, 00:00:30.200
            ✅ Read the terms :done, 00:00:16.200, 00:00:31.200
            ✅ Switch the language to German :done, 00:00:17.200, 00:00:32.200
            ✅ Contact support :done, 00:00:18.200, 00:00:33.200
            ✅ Log out :done, 00:00:19.200, 00:00:34.200
            section Smoke tests
            ▸ Rerun 1 :crit, 00:01:41.000, 00:02:40.000
            ❌ Pay with a saved card :crit, 00:01:47.200, 00:02:02.200
            💥 Search for a product :crit, 00:01:48.200, 00:02:03.200
            ❌ Change the delivery address :crit, 00:01:49.200, 00:02:04.200
            ✅ Log in with a passkey :done, 00:01:50.200, 00:02:05.200
        ```

        </details>
        "#);
    }

    #[test]
    fn with_many_cases_only_runs_are_drawn() {
        insta::assert_snapshot!(section(&large(41, 0)), @r#"
        <details>
        <summary>Timeline, as observed by polling, without its 41 tests</summary>

        ```mermaid
        gantt
            dateFormat HH:mm:ss.SSS
            axisFormat %M:%S
            section Everything
            ▸ First run :crit, 00:00:01.000, 00:01:31.000
        ```

        </details>
        "#);
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
            chart.contains("by polling, without 1 test never seen running</summary>"),
            "{chart}"
        );
        assert_eq!(chart.matches(" pay_by_card :").count(), 2);
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
                let ours = ["dateFormat ", "axisFormat ", "section ", "▸ "].iter().any(|start| line.trim_start().starts_with(start));
                let case = CaseOutcome::ALL.iter().any(|outcome| line.trim_start().starts_with(outcome_mark(*outcome)));
                prop_assert!(ours || case, "{line}");
                prop_assert!(!line.contains(['#', ';', '%', '{', '}', '`', '<', '>', '"', '\\']) || line.contains("axisFormat"), "{line}");
                let colons = if line.contains("section") || line.contains("Format") { 0 } else { 1 };
                prop_assert!(line.contains("Format") || line.matches(" :").count() == colons, "{line}");
            }
        }
    }
}
