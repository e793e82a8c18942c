//! What changed against earlier results.

use crate::render::phrases::{number, several};
use crate::report::Report;

/// How this result differs from earlier ones: `1 new failure, 2 still failing, 1 fixed`. `None` where there is no history,
/// or no difference.
pub fn changes(report: &Report) -> Option<String> {
    let trend = report.trend.as_ref().filter(|trend| trend.points.len() > 1)?;
    let count = |cases: usize, words: &dyn Fn(u64) -> String| (cases > 0).then(|| words(cases as u64));
    let parts = [
        count(trend.new_failures.len(), &|cases| several(cases, "new failure")),
        count(trend.still_failing.len(), &|cases| {
            format!("{} still failing", number(cases))
        }),
        count(trend.fixed.len(), &|cases| format!("{} fixed", number(cases))),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
