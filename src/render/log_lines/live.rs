//! The live line of a terminal: a bar, counts, elapsed and expected time.

use crate::render::duration::format_duration;
use crate::render::log_lines::Stage;
use crate::render::phrases::tally;
use crate::report::{Millis, RunReport};

/// Characters of the bar.
const MAX_BAR: usize = 10;
/// Shortest useful bar. If there is less room, the line has no bar.
const MIN_BAR: usize = 5;

/// Such as `██████░░░░ 8 of 14 done, 1 failed, 2 min 5 s of ~4 min`. `end` is when the runs are expected to end, on
/// the same clock as `elapsed`. The bar has the room that the text leaves of `width` columns.
pub fn live_line(runs: &[RunReport], elapsed: Millis, end: Option<Millis>, width: usize) -> String {
    let Stage { name, counts } = Stage::new(runs);
    let done = if counts.total == 0 {
        "waiting".to_owned()
    } else {
        tally(counts)
    };
    let mut text = format!("{name}{done}, {}", format_duration(elapsed));
    if let Some(end) = end.filter(|end| *end > elapsed) {
        text.push_str(&format!(" of ~{}", format_duration(end)));
    }
    let bar = MAX_BAR.min(width.saturating_sub(text.chars().count() + 1));
    let filled = (counts.done().min(counts.total) * bar as u64).checked_div(counts.total);
    match filled.and_then(|filled| usize::try_from(filled).ok()) {
        Some(filled) if bar >= MIN_BAR => {
            let empty = bar.saturating_sub(filled);
            format!("{}{} {text}", "█".repeat(filled), "░".repeat(empty))
        }
        _ => text,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::CaseOutcome;
    use crate::report::sample::{case, run};

    /// A run that goes on, of 14 tests of which some have passed or failed.
    fn running(passed: usize, failed: usize) -> Vec<RunReport> {
        let outcome = |number| match number {
            _ if number < passed => CaseOutcome::Passed,
            _ if number < passed + failed => CaseOutcome::Failed,
            _ => CaseOutcome::Unfinished,
        };
        let cases = (0..14).map(|number| case(number, "A test", outcome(number), "", ""));
        let mut run = run("Smoke tests", "smk1", cases.collect());
        run.attempts[0].verdict = None;
        vec![run]
    }

    #[test]
    fn the_bar_grows_with_the_tests_that_are_done() {
        assert_eq!(
            live_line(&running(6, 1), 125_000, Some(240_000), 79),
            "█████░░░░░ 7 of 14 done, 1 failed, 2 min 5 s of ~4 min"
        );
        assert_eq!(
            live_line(&running(0, 0), 1_000, None, 79),
            "░░░░░░░░░░ 0 of 14 done, 1 s"
        );
        assert_eq!(
            live_line(&running(14, 0), 1_000, Some(500), 79),
            "██████████ 14 of 14 done, 1 s"
        );
        assert_eq!(live_line(&[], 1_000, None, 79), "waiting, 1 s");
    }

    #[test]
    fn a_long_line_has_a_short_bar_or_none() {
        let line = |width| live_line(&running(6, 1), 125_000, Some(240_000), width);
        assert_eq!(line(50), "███░░░ 7 of 14 done, 1 failed, 2 min 5 s of ~4 min");
        assert_eq!(line(48), "7 of 14 done, 1 failed, 2 min 5 s of ~4 min");
    }

    #[test]
    fn a_rerun_has_a_bar_of_its_own() {
        let mut runs = running(13, 1);
        let again = runs[0].attempts[0].clone();
        runs[0].attempts.push(again);
        runs[0].attempts[0].verdict = Some(crate::report::Verdict::Failed);
        runs[0].attempts[1].test_count = Some(1);
        assert_eq!(live_line(&runs, 1_000, None, 79), "░░░░░░░░░░ rerun: 0 of 1 done, 1 s");
    }
}
