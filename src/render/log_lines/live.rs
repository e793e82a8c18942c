//! The live line of a terminal: a bar, counts, elapsed and expected time.

use crate::render::duration::format_duration;
use crate::render::log_lines::progress;
use crate::report::{Counts, Millis};

/// Characters of the bar.
const WIDTH: u64 = 20;

/// Such as `[████████████        ] 8 of 14 tests done, 1 failed, after 2 min 5 s of about 4 min`. `end` is when the runs are
/// expected to end, on the same clock as `elapsed`.
pub fn live_line(counts: Counts, elapsed: Millis, end: Option<Millis>) -> String {
    let mut line = String::new();
    let done = counts.done().min(counts.total);
    if let Some(filled) = (done * WIDTH).checked_div(counts.total) {
        let filled = filled as usize;
        let empty = WIDTH as usize - filled;
        line.push_str(&format!("[{}{}] ", "█".repeat(filled), " ".repeat(empty)));
    }
    line.push_str(&progress(counts, elapsed));
    if let Some(end) = end.filter(|end| *end > elapsed) {
        line.push_str(&format!(" of about {}", format_duration(end)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows_with_the_tests_that_are_done() {
        let counts = |passed, failed| Counts {
            total: 14,
            passed,
            failed,
            ..Counts::default()
        };
        assert_eq!(
            live_line(counts(7, 1), 125_000, Some(240_000)),
            "[███████████         ] 8 of 14 tests done, 1 failed, after 2 min 5 s of about 4 min"
        );
        assert_eq!(
            live_line(counts(0, 0), 1_000, None),
            "[                    ] 0 of 14 tests done, after 1 s"
        );
        let done = live_line(counts(20, 0), 1_000, Some(500));
        assert!(done.starts_with("[████████████████████] "), "{done}");
        assert!(!done.contains("of about"), "{done}");
        assert_eq!(live_line(Counts::default(), 1_000, None), "waiting, after 1 s");
    }
}
