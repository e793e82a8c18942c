//! Where a test case stands in the HTML report: the `id` of its element, for links from elsewhere.

use crate::report::{Case, Report};
use std::collections::HashMap;
use std::ptr;

/// Longest part of a short id in an anchor.
const MAX_ID: usize = 60;

/// The anchors of all cases of one report.
///
/// An anchor is `case-` and the case's short id without characters that a URL or HTML would have to escape. Where two
/// cases have the same (two plans can share a test case), the later ones get `.2`, `.3` and so on; a short id keeps no
/// dot, so that these are unique too.
#[derive(Debug)]
pub struct Anchors(
    /// By address: two runs may have cases that are equal.
    HashMap<*const Case, String>,
);

impl Anchors {
    /// The anchors of this report's cases.
    pub fn new(report: &Report) -> Self {
        let mut uses: HashMap<String, usize> = HashMap::new();
        let mut anchors = HashMap::new();
        for case in report.runs.iter().flat_map(|run| &run.cases) {
            let name = name(&case.short_id);
            let count = uses.entry(name.clone()).or_default();
            *count += 1;
            let anchor = if *count == 1 { name } else { format!("{name}.{count}") };
            anchors.insert(ptr::from_ref(case), anchor);
        }
        Self(anchors)
    }

    /// The anchor of a case of the report, without `#`; empty for any other case.
    pub fn get(&self, case: &Case) -> &str {
        self.0.get(&ptr::from_ref(case)).map_or("", String::as_str)
    }
}

fn name(short_id: &str) -> String {
    let kept = short_id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    format!("case-{}", kept.take(MAX_ID).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::CaseOutcome;
    use crate::report::sample::{case, report, run};

    #[test]
    fn every_case_has_an_anchor_of_its_own() {
        let with_id = |short_id: &str| {
            let mut case = case(1, "Log in", CaseOutcome::Passed, "", "");
            case.short_id = short_id.to_owned();
            case
        };
        let report = report(vec![
            run("A", "a", vec![with_id("log-in_1"), with_id("<b>&#"), with_id("b")]),
            run("B", "b", vec![with_id("log-in_1"), with_id("b.2")]),
        ]);
        let anchors = Anchors::new(&report);
        let cases = report.runs.iter().flat_map(|run| &run.cases);
        let all: Vec<_> = cases.map(|case| anchors.get(case)).collect();
        assert_eq!(
            all,
            ["case-log-in_1", "case-b", "case-b.2", "case-log-in_1.2", "case-b2"]
        );
        assert_eq!(anchors.get(&with_id("log-in_1")), "");
    }
}
