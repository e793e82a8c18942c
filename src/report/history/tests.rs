#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::report::sample::{case, report, run};
use proptest::prelude::*;

const MINUTE: u64 = 60_000;
/// Later than any result here.
const NOW: u64 = 1 << 60;

/// A result on a branch, `at` minutes in, whose named cases failed or were flaky.
fn result(at: u64, branch: &str, verdict: Verdict, bad: &[&str], flaky: &[&str]) -> Entry {
    let cases = |names: &[&str], outcome| {
        let cases = names.iter().enumerate();
        cases
            .map(|(number, name)| {
                let mut case = case(number, name, outcome, "", "");
                // New in each run, as QA.tech's are.
                (case.id, case.short_id) = (format!("id-{at}-{name}"), format!("case-{at}-{number}"));
                case
            })
            .collect::<Vec<_>>()
    };
    let mut all = cases(bad, CaseOutcome::Failed);
    all.extend(cases(flaky, CaseOutcome::Flaky));
    all.extend(cases(&["fine"], CaseOutcome::Passed));
    let mut run = run("Smoke", "smk1", all);
    run.verdict = Some(verdict);
    let mut report = report(vec![run]);
    report.started_at = at * MINUTE;
    report.origin.branch = Some(branch.into());
    Entry::new(&report, "series").unwrap()
}

/// The trend of a result whose test cases nothing is known of.
fn trend_of(history: &History, now: &Entry) -> Trend {
    history.trend(now, &report(Vec::new()))
}

fn file(entries: &[Entry]) -> Vec<u8> {
    let lines = entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n");
    lines.collect::<String>().into_bytes()
}

fn names(cases: &[CaseName]) -> Vec<&str> {
    cases.iter().map(|case| case.name.as_str()).collect()
}

#[test]
fn a_line_reads_back_as_it_was_written() {
    let entry = result(1, "main", Verdict::Failed, &["a"], &["b"]);
    let history = History::parse(&file(std::slice::from_ref(&entry)));
    assert_eq!(history.entries, [entry]);
    assert_eq!(history.warning(), None);
}

#[test]
fn nothing_is_remembered_where_nothing_was_waited_for() {
    let mut started = report(vec![run("Smoke", "smk1", Vec::new())]);
    started.runs[0].verdict = None;
    assert_eq!(Entry::new(&started, "series"), None);
    // A start that was refused has a verdict, but nobody would have waited for the run either.
    started.runs[0].verdict = Some(Verdict::Unknown);
    for mode in [Mode::StartOnly, Mode::Look] {
        started.mode = mode;
        assert_eq!(Entry::new(&started, "series"), None);
    }
    let mut skipped = report(Vec::new());
    skipped.mode = Mode::SkippedWithoutToken;
    assert_eq!(Entry::new(&skipped, "series"), None);
}

#[test]
fn broken_and_foreign_lines_are_passed_over_and_told() {
    let good = file(&[result(1, "main", Verdict::Passed, &[], &[])]);
    let text = String::from_utf8(good.clone()).unwrap();
    let mut bytes = b"{\"torn\":\n\xff\xfe\n\n".to_vec();
    bytes.extend_from_slice(&good);
    bytes.extend_from_slice(text.replace("history/1", "history/2").as_bytes());
    bytes.extend_from_slice(text.replace("\"total\":1", "\"total\":18446744073709551615").as_bytes());
    bytes.extend_from_slice(text.replace("\"passed\"", "\"splendid\"").as_bytes());
    let history = History::parse(&bytes);
    assert_eq!(history.entries.len(), 1);
    assert_eq!(history.foreign, [1, 2, 5, 6, 7]);
    assert!(
        history.warning().unwrap().starts_with("5 lines"),
        "{:?}",
        history.warning()
    );
    assert_eq!(bounded(&bytes, 1, NOW), None);
    let rest = bounded(&bytes, 0, NOW).unwrap();
    assert_eq!(rest.len(), bytes.len() - good.len());
}

#[test]
fn new_and_still_failing_are_told_apart_by_the_last_green_result() {
    let history = History::parse(&file(&[
        result(1, "main", Verdict::Failed, &["old", "fixed"], &[]),
        result(2, "main", Verdict::Flaky, &[], &["shaky"]),
        result(3, "main", Verdict::Failed, &["still"], &["shaky"]),
        result(4, "main", Verdict::Cancelled, &[], &[]),
        result(5, "main", Verdict::Failed, &["still", "gone"], &[]),
    ]));
    let trend = trend_of(
        &history,
        &result(6, "main", Verdict::Failed, &["still", "old"], &["other"]),
    );
    assert_eq!(names(&trend.new_failures), ["old"]);
    let still: Vec<_> = trend
        .still_failing
        .iter()
        .map(|still| (still.case.name.as_str(), still.since.at / MINUTE, still.times))
        .collect();
    assert_eq!(still, [("still", 3, 2)]);
    assert_eq!(trend.last_green.unwrap().at, 2 * MINUTE);
    assert_eq!(trend.pass_rate, Some(PassRate { green: 1, of: 5 }));
    let flaky: Vec<_> = trend
        .flaky
        .iter()
        .map(|flaky| (flaky.case.name.as_str(), flaky.times))
        .collect();
    assert_eq!(flaky, [("shaky", 2), ("other", 1)]);
    assert_eq!(trend.points.len(), 6);
    assert_eq!(trend.median_duration, Some(90_000));
    assert!(trend.failed_on_default.is_empty(), "this is the default branch");
}

#[test]
fn a_branch_is_compared_with_the_default_branch_until_it_has_results_of_its_own() {
    let mut lines = vec![
        result(1, "main", Verdict::Passed, &[], &[]),
        result(2, "main", Verdict::Failed, &["red on main"], &[]),
        result(3, "other", Verdict::Failed, &["elsewhere"], &[]),
    ];
    let now = result(9, "topic", Verdict::Failed, &["red on main", "elsewhere"], &[]);
    let trend = trend_of(&History::parse(&file(&lines)), &now);
    assert_eq!(names(&trend.failed_on_default), ["red on main"]);
    assert_eq!(names(&trend.new_failures), ["elsewhere"]);
    assert_eq!(trend.points.len(), 3, "another branch's results are not ours");
    assert_eq!(trend.points[0].on_default, Some(true));
    assert_eq!(trend.points[2].on_default, Some(false));

    lines.push(result(4, "topic", Verdict::Failed, &["elsewhere"], &[]));
    lines.push(result(5, "main", Verdict::Passed, &[], &[]));
    let trend = trend_of(&History::parse(&file(&lines)), &now);
    assert!(trend.failed_on_default.is_empty(), "it was mended there since");
    assert_eq!(names(&trend.new_failures), ["red on main"]);
    assert_eq!(trend.still_failing.len(), 1);
}

#[test]
fn without_a_history_nothing_is_new() {
    let trend = trend_of(&History::default(), &result(1, "main", Verdict::Failed, &["a"], &[]));
    assert!(trend.new_failures.is_empty() && trend.still_failing.is_empty());
    assert_eq!(trend.points.len(), 1);
}

#[test]
fn other_series_do_not_count_and_a_trend_has_thirty_points() {
    let mut lines: Vec<Entry> = (0..40)
        .map(|at| result(at, "main", Verdict::Passed, &[], &[]))
        .collect();
    lines[39].series = "another".into();
    let trend = trend_of(
        &History::parse(&file(&lines)),
        &result(99, "main", Verdict::Passed, &[], &[]),
    );
    assert_eq!(trend.points.len(), SHOWN);
    assert_eq!(trend.points[0].moment.at, 10 * MINUTE);
    assert_eq!(trend.points[SHOWN - 1].moment.at, 99 * MINUTE);
}

#[test]
fn a_line_stays_short_whatever_the_cases() {
    let cases = (0..5_000).map(|number| case(number, &"漢".repeat(5_000), CaseOutcome::Failed, "", ""));
    let entry = Entry::new(&report(vec![run("Smoke", "smk1", cases.collect())]), "series").unwrap();
    assert_eq!(entry.counts.failed, 5_000);
    assert!(serde_json::to_string(&entry).unwrap().len() < 150_000);

    let shortest = r#"{"schema":"qatech-run/history/1","at":0,"series":"","verdict":"error","duration_ms":0,"counts":{"total":0,"passed":0,"failed":0,"skipped":0,"errored":0,"flaky":0},"bad":[],"flaky":[]}"#;
    assert_eq!(History::parse(shortest.as_bytes()).entries.len(), 1);
    assert!(shortest.len() > LEAST_BYTES, "{}", shortest.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bounding_keeps_the_newest_and_all_that_is_not_ours(
        times in proptest::collection::vec((0_u64..20, any::<bool>()), 0..30),
        most in 0_usize..20,
    ) {
        let mut bytes = Vec::new();
        let mut foreign = 0;
        for (at, ours) in &times {
            if *ours {
                bytes.extend(file(&[result(*at, "main", Verdict::Passed, &[], &[])]));
            } else {
                foreign += 1;
                bytes.extend_from_slice(b"not ours\n");
            }
        }
        let kept = History::parse(&bounded(&bytes, most, NOW).unwrap_or_else(|| bytes.clone()));
        let mut ours: Vec<u64> = times.iter().filter(|(_, ours)| *ours).map(|(at, _)| at * MINUTE).collect();
        ours.sort_unstable();
        let newest = ours.split_off(ours.len().saturating_sub(most));
        prop_assert_eq!(kept.entries.iter().map(|entry| entry.at).collect::<Vec<_>>(), newest);
        prop_assert_eq!(kept.foreign.len(), foreign);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        History::parse(&bytes);
        bounded(&bytes, 0, NOW);
    }
}

#[test]
fn results_from_the_future_are_not_believed_and_go_first() {
    let now = result(2_000, "main", Verdict::Failed, &["a"], &[]);
    let future = result(1 << 40, "main", Verdict::Passed, &[], &[]);
    let honest = result(1, "main", Verdict::Failed, &["a"], &[]);
    let bytes = file(&[honest.clone(), future.clone(), future]);
    let trend = trend_of(&History::parse(&bytes), &now);
    assert_eq!((trend.points.len(), trend.last_green), (2, None));
    assert_eq!(names(&[trend.still_failing[0].case.clone()]), ["a"]);
    let kept = History::parse(&bounded(&bytes, 1, 2_000 * MINUTE).unwrap());
    assert_eq!(kept.entries, [honest]);
}

#[test]
fn a_file_full_of_anything_is_held_in_little_room() {
    let mut bytes = b"x\n".repeat(10_000);
    let entries: Vec<_> = (0..3_000)
        .map(|at| result(at, "main", Verdict::Passed, &[], &[]))
        .collect();
    bytes.extend(file(&entries));
    let history = History::parse(&bytes);
    assert_eq!(history.entries.len(), MAX_ENTRIES);
    assert_eq!(history.entries[0].at, 2_500 * MINUTE);
    assert_eq!(history.foreign.len(), MAX_FOREIGN);
    assert!(history.warning().unwrap().starts_with("10000 lines"));
    // More cases than we ever name, and a line longer than ours, are another program's.
    let many: Vec<String> = (0..=MAX_CASES).map(|number| number.to_string()).collect();
    let mut wide = result(1, "main", Verdict::Failed, &[], &[]);
    wide.bad = many
        .iter()
        .map(|id| CaseName {
            id: id.clone(),
            short_id: String::new(),
            name: String::new(),
        })
        .collect();
    let mut long = result(1, "main", Verdict::Failed, &[], &[]);
    long.branch = Some("x".repeat(MAX_LINE));
    assert_eq!(History::parse(&file(&[wide, long])).foreign, [1, 2]);
}

#[test]
fn a_branch_of_a_fork_is_not_ours_of_that_name() {
    let with_default = |mut entry: Entry| {
        entry.default_branch = Some("main".into());
        entry
    };
    let fork = with_default(result(1, "main", Verdict::Failed, &["a"], &[])).from_fork();
    let now = with_default(result(2, "feature", Verdict::Failed, &["a"], &[]));
    let trend = trend_of(&History::parse(&file(std::slice::from_ref(&fork))), &now);
    assert_eq!((trend.points.len(), trend.failed_on_default), (1, vec![]));
    let ours = with_default(result(3, "main", Verdict::Failed, &["a"], &[]));
    let trend = trend_of(&History::parse(&file(&[fork, ours])), &now);
    assert_eq!(names(&trend.failed_on_default), ["a"]);
}

/// A report of cases of these names and outcomes, with ids as in [`result`].
fn now_with(cases: &[(&str, CaseOutcome)]) -> Report {
    let cases = cases.iter().map(|(name, outcome)| {
        let mut case = case(1, name, *outcome, "", "");
        (case.id, case.short_id) = ((*name).to_owned(), String::new());
        case
    });
    let mut now = report(vec![run("Smoke", "smk1", cases.collect())]);
    now.started_at = 1_772_366_400_000;
    now
}

#[test]
fn what_failed_last_and_passed_now_is_fixed() {
    let history = History::parse(&file(&[
        result(1, "main", Verdict::Failed, &["long ago"], &[]),
        result(2, "main", Verdict::Failed, &["a", "b", "gone"], &[]),
        result(3, "main", Verdict::Cancelled, &["c"], &[]),
    ]));
    let now = now_with(&[
        ("a", CaseOutcome::Passed),
        ("b", CaseOutcome::Skipped),
        ("c", CaseOutcome::Passed),
        ("long ago", CaseOutcome::Passed),
    ]);
    let trend = history.trend(&result(4, "main", Verdict::Passed, &[], &[]), &now);
    assert_eq!(names(&trend.fixed), ["a"]);
}

#[test]
fn a_case_that_was_flaky_or_failed_on_the_default_branch_often_is_suggested_for_quarantine() {
    let with_default = |mut entry: Entry| {
        entry.default_branch = Some("main".into());
        entry
    };
    let lines: Vec<Entry> = [
        result(1, "main", Verdict::Failed, &["shaky", "red", "quarantined"], &[]),
        result(2, "topic", Verdict::Failed, &["elsewhere", "quarantined"], &["shaky"]),
        result(3, "topic", Verdict::Failed, &["elsewhere", "quarantined"], &["shaky"]),
        result(4, "main", Verdict::Failed, &["red", "quarantined"], &[]),
        result(5, "topic", Verdict::Failed, &["elsewhere"], &[]),
        result(6, "main", Verdict::Failed, &["red", "quarantined", "gone"], &[]),
        result(7, "main", Verdict::Cancelled, &["red", "shaky"], &[]),
    ]
    .map(with_default)
    .into();
    let mut report = now_with(&[
        ("shaky", CaseOutcome::Passed),
        ("red", CaseOutcome::Failed),
        ("elsewhere", CaseOutcome::Failed),
        ("quarantined", CaseOutcome::Failed),
    ]);
    report.runs[0].cases[3].quarantine = Some(crate::report::QuarantineNote::default());
    let now = with_default(result(8, "topic", Verdict::Failed, &["red"], &[]));
    let trend = History::parse(&file(&lines)).trend(&now, &report);
    let suggested: Vec<_> = trend
        .suggestions
        .iter()
        .map(|suggestion| suggestion.line.as_str())
        .collect();
    assert_eq!(
        suggested,
        [
            "shaky until 2026-03-15 # flaky in 2 and failed in 1 of the last 7 results",
            "red until 2026-03-15 # failed in 3 of the last 7 results",
        ]
    );
    let first = &trend.suggestions[0];
    assert_eq!((first.flaky, first.failed_on_default, first.of), (2, 1, 7));
}

#[test]
fn quarantined_results_are_neither_green_nor_red() {
    let history = History::parse(&file(&[
        result(1, "main", Verdict::Passed, &[], &[]),
        result(2, "main", Verdict::Quarantined, &["a"], &[]),
    ]));
    let trend = trend_of(&history, &result(3, "main", Verdict::Failed, &["a"], &[]));
    assert_eq!(trend.pass_rate, Some(PassRate { green: 1, of: 2 }));
    assert_eq!(trend.last_green.unwrap().at, MINUTE);
    assert_eq!(names(&trend.new_failures), ["a"]);
}

#[test]
fn a_pass_without_a_test_case_is_not_green() {
    let mut empty = report(vec![run("Smoke", "smk1", Vec::new())]);
    empty.origin.branch = Some("main".into());
    let history = History::parse(&file(&[Entry::new(&empty, "series").unwrap()]));
    let trend = trend_of(&history, &result(3, "main", Verdict::Failed, &["a"], &[]));
    assert_eq!(trend.last_green, None);
}

#[test]
fn without_a_known_default_branch_the_usual_one_is_compared_with() {
    let lines = [
        result(1, "trunk", Verdict::Passed, &[], &[]),
        result(2, "master", Verdict::Failed, &["a"], &[]),
    ];
    let without_default = |lines: &[Entry]| {
        let without = lines.iter().cloned().map(|mut entry| {
            entry.default_branch = None;
            entry
        });
        without.collect::<Vec<_>>()
    };
    let now = without_default(&[result(3, "topic", Verdict::Failed, &["a", "b"], &[])]).remove(0);
    let trend = trend_of(&History::parse(&file(&without_default(&lines))), &now);
    assert_eq!(names(&trend.failed_on_default), ["a"]);
    assert_eq!(names(&trend.new_failures), ["b"]);
    // A result that says which branch it is goes before the usual name.
    let mut told = without_default(&lines);
    told[0].default_branch = Some("trunk".into());
    let trend = trend_of(&History::parse(&file(&told)), &now);
    assert_eq!(names(&trend.new_failures), ["a", "b"]);
    assert!(trend.failed_on_default.is_empty());
}

#[test]
fn the_median_duration_is_of_one_series() {
    let mut lines = vec![
        result(1, "main", Verdict::Passed, &[], &[]),
        result(2, "topic", Verdict::Failed, &["a"], &[]),
        result(3, "main", Verdict::Cancelled, &[], &[]),
        result(4, "main", Verdict::Passed, &[], &[]),
    ];
    (lines[0].duration_ms, lines[1].duration_ms, lines[2].duration_ms) = (10_000, 20_000, 1);
    lines[3].series = "another".into();
    let history = History::parse(&file(&lines));
    assert_eq!(history.median_duration("series"), Some(15_000));
    assert_eq!(history.median_duration("none"), None);
}
