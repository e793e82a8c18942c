//! The trend: earlier results, and which of today's failures are new.

use crate::render::duration::{format_duration, utc};
use crate::render::escape::{code_cell, cut_bytes, one_line, push_inline};
use crate::render::markdown::safe_url;
use crate::render::phrases::{mark, number, phrase, several};
use crate::report::Report;
use crate::report::trend::{
    CaseName, FlakyCase, Moment, PassRate, QuarantineSuggestion, StillFailing, Trend, TrendPoint,
};

/// Cases that a row names.
const NAMES: usize = 10;
/// Bytes of a case's name.
const NAME: usize = 80;
/// Bytes of a link: there are thirty.
const URL: usize = 300;

/// The section, or nothing where there is no history yet.
pub(super) fn section(report: &Report) -> String {
    let Some(trend) = report.trend.as_ref().filter(|trend| trend.points.len() > 1) else {
        return String::new();
    };
    let Trend {
        points,
        pass_rate,
        median_duration,
        last_green,
        new_failures,
        still_failing,
        failed_on_default,
        flaky,
        fixed,
        suggestions,
    } = trend;
    let mut out = format!("### Trend of the last {}\n\n", several(points.len() as u64, "result"));
    for point in points {
        push_point(&mut out, point);
    }
    out.push_str("\n\n");
    let mut facts = Vec::new();
    if let Some(PassRate { green, of }) = pass_rate {
        facts.push(format!("{green} of {of} green"));
    }
    if let Some(median) = median_duration {
        facts.push(format!("median {}", format_duration(*median)));
    }
    if let Some(moment) = last_green {
        facts.push(format!("last green {}", when(moment)));
    }
    if !facts.is_empty() {
        out.push_str(&format!("Oldest first; {}.\n\n", facts.join(", ")));
    }
    let rows = [
        row("New failures", new_failures, push_name),
        row(
            "Still failing",
            still_failing,
            |out, StillFailing { case, since, times }| {
                push_name(out, case);
                out.push_str(&format!(" (since {}, {})", when(since), several(times + 1, "time")));
            },
        ),
        row("Fixed", fixed, push_name),
        row("Failed on the default branch, too", failed_on_default, push_name),
        row("Flaky most often", flaky, |out, FlakyCase { case, times }| {
            push_name(out, case);
            out.push_str(&format!(" ({})", several(*times, "time")));
        }),
    ];
    let rows = rows.concat();
    if !rows.is_empty() {
        out.push_str(&format!("| What | Tests |\n|---|---|\n{rows}\n"));
    }
    push_suggestions(&mut out, suggestions);
    out
}

/// Suggested lines for the quarantine list, ready to copy; empty where there are none.
fn push_suggestions(out: &mut String, suggestions: &[QuarantineSuggestion]) {
    if suggestions.is_empty() {
        return;
    }
    out.push_str("<details>\n<summary>Suggested lines for <code>quarantine</code></summary>\n\n");
    for suggestion in suggestions {
        let QuarantineSuggestion {
            case,
            flaky,
            failed_on_default,
            of,
            line,
        } = suggestion;
        push_name(out, case);
        let mut reasons = Vec::new();
        if *flaky > 0 {
            reasons.push(format!("flaky in {} of {}", number(*flaky), several(*of, "result")));
        }
        if *failed_on_default > 0 {
            let times = several(*failed_on_default, "time");
            reasons.push(format!("failed on the default branch {times}"));
        }
        // Not a colon, which could end an emoji code that the name begins.
        out.push_str(&format!(" – {}\n\n", reasons.join(", ")));
        push_block(out, line);
    }
    out.push_str("</details>\n\n");
}

/// A line in a block of code that GitHub lets people copy. The fence is longer than any row of backticks in the line.
fn push_block(out: &mut String, line: &str) {
    let line = one_line(line);
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    out.push_str(&format!("{fence}text\n{line}\n{fence}\n\n"));
}

/// A result's mark, as a link to its workflow run where that is known.
fn push_point(out: &mut String, point: &TrendPoint) {
    let TrendPoint {
        moment,
        verdict,
        counts: _,
        duration: _,
        on_default: _,
    } = point;
    let url = moment.link().filter(|url| url.len() <= URL);
    match url.and_then(safe_url) {
        Some(url) => {
            let date = utc(moment.at).unwrap_or_default();
            let date = date.get(..10).unwrap_or_default();
            out.push_str(&format!("[{}]({url} \"{}, {date}\")", mark(*verdict), phrase(*verdict)));
        }
        None => out.push_str(mark(*verdict)),
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

/// A row that names cases, if there are any.
fn row<T>(title: &str, cases: &[T], push: impl Fn(&mut String, &T)) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let mut out = format!("| {title} | ");
    for (index, case) in cases.iter().take(NAMES).enumerate() {
        if index > 0 {
            out.push_str("<br>");
        }
        push(&mut out, case);
    }
    let more = cases.len().saturating_sub(NAMES);
    if more > 0 {
        out.push_str(&format!("<br>and {more} more"));
    }
    out.push_str(" |\n");
    out
}

fn push_name(out: &mut String, case: &CaseName) {
    let CaseName { id: _, short_id, name } = case;
    let start = out.len();
    push_inline(out, &cut_bytes(name, NAME));
    if out.len() == start {
        out.push_str(&code_cell(&cut_bytes(short_id, NAME)));
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::render::gfm_check::parse;
    use crate::render::phrases::changes;
    use crate::report::sample::{shop, trend};

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
    fn of_a_shop_with_a_history() {
        let report = with_suggestion();
        insta::assert_snapshot!(section(&report), @r#"
        ### Trend of the last 11 results

        [✅](https://github.com/acme/shop/actions/runs/4711 "passed, 2025-12-22")[⏭️](https://github.com/acme/shop/actions/runs/4711 "skipped, 2025-12-23")[🔁](https://github.com/acme/shop/actions/runs/4711 "passed, but flaky, 2025-12-24")[🚧](https://github.com/acme/shop/actions/runs/4711 "failed in quarantined tests only, 2025-12-25")[🛑](https://github.com/acme/shop/actions/runs/4711 "interrupted, 2025-12-26")[🚫](https://github.com/acme/shop/actions/runs/4711 "cancelled, 2025-12-27")[⌛](https://github.com/acme/shop/actions/runs/4711 "timed out, 2025-12-28")[❌](https://github.com/acme/shop/actions/runs/4711 "failed, 2025-12-29")[💥](https://github.com/acme/shop/actions/runs/4711 "ended with an error, 2025-12-30")[❓](https://github.com/acme/shop/actions/runs/4711 "outcome unknown, 2025-12-31")[❌](https://github.com/acme/shop/actions/runs/4711 "failed, 2026-01-01")

        Oldest first; 2 of 6 green, median 1 min 30 s, last green 2025-12-25 (<code>3f2a9c1</code>).

        | What | Tests |
        |---|---|
        | New failures | Pay with a saved card |
        | Still failing | Search for a product (since 2025-12-29 (<code>3f2a9c1</code>), 3 times)<br>Change the delivery address (since 2025-12-29 (<code>3f2a9c1</code>), 3 times) |
        | Fixed | Pay with a saved card |
        | Failed on the default branch, too | Search for a product |
        | Flaky most often | Pay with a saved card (2 times)<br>Search for a product (2 times)<br>Change the delivery address (2 times) |

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
