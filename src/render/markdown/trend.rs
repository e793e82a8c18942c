//! The trend: earlier results, and which failures are new.

use crate::render::duration::utc;
use crate::render::escape::{code_cell, one_line};
use crate::render::markdown::{push_name_or_short_id, safe_url};
use crate::render::phrases::{mark, phrase, several};
use crate::render::trend::{CaseList, Suggestion, TrendFacts};
use crate::report::Report;
use crate::report::trend::{CaseName, Moment, TrendPoint};

/// Most cases that a row names.
const NAMES: usize = 10;
/// Most bytes of a case's name.
const NAME: usize = 80;
/// Most bytes of a link: there are thirty of them.
const URL: usize = 300;

/// The section; empty if there is no earlier result.
pub(super) fn section(report: &Report) -> String {
    let Some(trend) = TrendFacts::new(report, when) else {
        return String::new();
    };
    let TrendFacts {
        points,
        median_duration: _,
        facts,
        lists,
        suggestions,
    } = trend;
    let mut out = format!("### Trend of the last {}\n\n", several(points.len() as u64, "result"));
    for point in points {
        push_point(&mut out, point);
    }
    out.push_str("\n\n");
    if !facts.is_empty() {
        out.push_str(&format!("Oldest first; {}.\n\n", facts.join(", ")));
    }
    if !lists.is_empty() {
        out.push_str("| What | Tests |\n|---|---|\n");
        lists.iter().for_each(|list| push_row(&mut out, list));
        out.push('\n');
    }
    push_suggestions(&mut out, &suggestions);
    out
}

/// Suggested lines for the quarantine list, ready to copy.
fn push_suggestions(out: &mut String, suggestions: &[Suggestion<'_>]) {
    if suggestions.is_empty() {
        return;
    }
    out.push_str("<details>\n<summary>Suggested lines for <code>quarantine</code></summary>\n\n");
    for Suggestion { case, reason, line } in suggestions {
        push_name(out, case);
        // A dash: a colon could end an emoji code that the name begins.
        out.push_str(&format!(" – {reason}\n\n"));
        push_block(out, line);
    }
    out.push_str("</details>\n\n");
}

/// A line in a code block with GitHub's copy button. The fence is longer than any run of backticks in the line.
fn push_block(out: &mut String, line: &str) {
    let line = one_line(line);
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    out.push_str(&format!("{fence}text\n{line}\n{fence}\n\n"));
}

/// A result's mark, as a link to its workflow run if that is known.
fn push_point(out: &mut String, point: &TrendPoint) {
    let (moment, verdict) = (&point.moment, point.verdict);
    let url = moment.link().filter(|url| url.len() <= URL);
    match url.and_then(safe_url) {
        Some(url) => {
            let date = utc(moment.at).unwrap_or_default();
            let date = date.get(..10).unwrap_or_default();
            out.push_str(&format!("[{}]({url} \"{}, {date}\")", mark(verdict), phrase(verdict)));
        }
        None => out.push_str(mark(verdict)),
    }
}

/// Day and commit.
fn when(moment: &Moment) -> String {
    let mut out = utc(moment.at).unwrap_or_default();
    out.truncate(10);
    if let Some(sha) = moment
        .sha
        .as_deref()
        .filter(|sha| sha.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        out.push_str(&format!(" ({})", code_cell(sha.get(..7).unwrap_or(sha))));
    }
    out
}

/// A row of the table.
fn push_row(out: &mut String, list: &CaseList<'_>) {
    let CaseList { name, cases } = list;
    out.push_str(&format!("| {name} | "));
    for (index, (case, note)) in cases.iter().take(NAMES).enumerate() {
        if index > 0 {
            out.push_str("<br>");
        }
        push_name(out, case);
        if !note.is_empty() {
            out.push_str(&format!(" ({note})"));
        }
    }
    let more = cases.len().saturating_sub(NAMES);
    if more > 0 {
        out.push_str(&format!("<br>and {more} more"));
    }
    out.push_str(" |\n");
}

fn push_name(out: &mut String, case: &CaseName) {
    let CaseName { id: _, short_id, name } = case;
    push_name_or_short_id(out, name, short_id, NAME);
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::render::gfm_check::parse;
    use crate::render::phrases::changes;
    use crate::report::sample::{shop, trend};
    use crate::report::trend::QuarantineSuggestion;

    /// The shop's history with a test that is fixed, and one that could go into quarantine.
    fn with_suggestion() -> Report {
        let mut report = shop();
        let mut trend = trend(&report);
        let case = trend.still_failing[1].case.clone();
        trend.fixed = vec![trend.new_failures[0].clone()];
        trend.suggestions = vec![QuarantineSuggestion {
            line: format!("{} until 2026-01-15 # flaky in 4 of 10 results", case.name),
            case,
            flaky: 4,
            failed_on_default: 1,
            of: 10,
        }];
        report.trend = Some(trend);
        report
    }

    #[test]
    fn a_report_with_a_history() {
        let report = with_suggestion();
        insta::assert_snapshot!(section(&report), @r#"
        ### Trend of the last 11 results

        [✅](https://github.com/acme/shop/actions/runs/4711 "passed, 2025-12-22")[⏭️](https://github.com/acme/shop/actions/runs/4711 "skipped, 2025-12-23")[🔁](https://github.com/acme/shop/actions/runs/4711 "passed, but flaky, 2025-12-24")[🚧](https://github.com/acme/shop/actions/runs/4711 "failed in quarantined tests only, 2025-12-25")[🛑](https://github.com/acme/shop/actions/runs/4711 "interrupted, 2025-12-26")[🚫](https://github.com/acme/shop/actions/runs/4711 "cancelled, 2025-12-27")[⌛](https://github.com/acme/shop/actions/runs/4711 "timed out, 2025-12-28")[❌](https://github.com/acme/shop/actions/runs/4711 "failed, 2025-12-29")[💥](https://github.com/acme/shop/actions/runs/4711 "ended with an error, 2025-12-30")[❓](https://github.com/acme/shop/actions/runs/4711 "outcome unknown, 2025-12-31")[❌](https://github.com/acme/shop/actions/runs/4711 "failed, 2026-01-01")

        Oldest first; 2 of 6 green, median 1 min 30 s, last green 2025-12-25 (<code>3f2a9c1</code>).

        | What | Tests |
        |---|---|
        | New failures | Pay with a saved card |
        | Still failing | Search for a product (since 2025-12-29 (<code>3f2a9c1</code>), in 3 results)<br>Change the delivery address (since 2025-12-29 (<code>3f2a9c1</code>), in 3 results) |
        | Fixed | Pay with a saved card |
        | Fail here, and failed on the default branch before | Search for a product |
        | Flaky most often | Pay with a saved card (in 2 results)<br>Search for a product (in 2 results)<br>Change the delivery address (in 2 results) |

        <details>
        <summary>Suggested lines for <code>quarantine</code></summary>

        Change the delivery address – flaky in 4 of 10 results, failed on the default branch 1 time

        ```text
        Change the delivery address until 2026-01-15 # flaky in 4 of 10 results
        ```

        </details>
        "#);
        assert_eq!(
            changes(&report).as_deref(),
            Some("1 new failure, 2 still failing, 1 fixed")
        );
    }

    #[test]
    fn a_suggested_line_cannot_leave_its_block() {
        for line in ["```\n# Heading", "~~~", "``````` x", "@mona #12"] {
            let mut out = String::new();
            push_block(&mut out, line);
            let found = parse(&out);
            assert!(
                found.others.is_empty() && found.code == [format!("{}\n", one_line(line))],
                "{out}: {found:?}"
            );
        }
    }

    #[test]
    fn one_result_is_no_trend() {
        let mut report = shop();
        let mut first = trend(&report);
        first.points.truncate(1);
        report.trend = Some(first);
        assert_eq!((section(&report), changes(&report)), (String::new(), None));
    }
}
