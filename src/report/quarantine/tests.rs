use super::*;
use crate::report::merge;
use crate::report::merge::{CaseSnapshot, Recorded};
use crate::report::sample::{attempt, case, run};
use crate::report::{Attempt, AttemptOrigin, CaseOutcome, Verdict};
use proptest::prelude::*;

/// 2026-03-01T12:00:00Z.
const NOW: u64 = 1_772_366_400_000;
const DAY: u64 = 86_400_000;

fn parse(text: &str) -> Quarantine {
    Quarantine::parse(text, "quarantine", NOW).unwrap()
}

fn note(reason: &str, until: &str) -> Option<QuarantineNote> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(QuarantineNote {
        reason: some(reason),
        until: some(until),
    })
}

#[test]
fn lines_are_globs_or_short_ids_with_date_and_reason() {
    let list = parse(
        "\u{feff}Pay * until 2026-03-31 # flaky since the new form\r\n\n# a comment\n  Log?in\ncase_7#8  # by id\n\
         Wait until ready\nuntil until 2026-04-01\n",
    );
    for (name, short_id, expected) in [
        ("Pay by card", "c1", note("flaky since the new form", "2026-03-31")),
        ("Pay", "c1", None),
        ("Log-in", "c1", note("", "")),
        ("log-in", "c1", None),
        ("Anything", "case_7#8", note("by id", "")),
        ("Wait until ready", "c1", note("", "")),
        ("until", "c1", note("", "2026-04-01")),
        ("a comment", "", None),
    ] {
        assert_eq!(list.matches(name, short_id), expected, "{name}");
    }
    assert_eq!(parse("").matches("", ""), None);
}

#[test]
fn what_is_no_entry_is_an_error_with_its_line() {
    let text = "Pay until 2026-02-30\nfine\nuntil 2026-03-31\nPay until 2026-3-1 # soon\nPay until 31.3.2026";
    let errors = Quarantine::parse(text, "quarantine_path", NOW).unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "`quarantine_path`, line 1: \"2026-02-30\" is not a date; write `until YYYY-MM-DD`",
            "`quarantine_path`, line 3: the pattern is missing; write `pattern [until YYYY-MM-DD] [# why]`",
            "`quarantine_path`, line 4: \"2026-3-1\" is not a date; write `until YYYY-MM-DD`",
            "`quarantine_path`, line 5: \"31.3.2026\" is not a date; write `until YYYY-MM-DD`",
        ]
    );
}

#[test]
fn an_entry_counts_up_to_midnight_utc_at_the_end_of_its_day() {
    let midnight = NOW - NOW % DAY;
    for (now, counts) in [
        (midnight, true),
        (midnight + DAY - 1, true),
        (midnight + DAY, false),
        (u64::MAX, false),
    ] {
        let list = Quarantine::parse("\nPay until 2026-03-01", "quarantine", now).unwrap();
        assert_eq!(list.matches("Pay", "").is_some(), counts, "{now}");
        let expired = "The quarantine entry in line 2 of `quarantine` (Pay) ended on 2026-03-01; it no longer counts.";
        assert_eq!(list.expired().first().map(String::as_str), (!counts).then_some(expired));
    }
}

#[test]
fn entries_that_match_nothing_are_reported_only_for_a_complete_list() {
    let cases = vec![case(1, "Pay by card", CaseOutcome::Passed, "", "")];
    let mut runs = vec![run("Plan", "r", cases)];
    let mut list = parse("Pay*\ncase_1\nGone\nOld until 2020-01-01");
    list.extend(Quarantine::parse("*!", "quarantine_path", NOW).unwrap());
    assert_eq!(
        list.unmatched(&runs).unwrap(),
        "No test case matches these quarantine entries: line 3 of `quarantine` (Gone); line 1 of `quarantine_path` (*!)."
    );
    assert_eq!(parse("Pay*").unmatched(&runs), None);
    let many = parse(&"Gone\n".repeat(12)).unmatched(&runs).unwrap();
    assert!(many.ends_with("; and 2 more."), "{many}");

    assert_eq!(list.unmatched(&[]), None);
    runs[0].attempts[0].test_count = Some(2);
    assert_eq!(list.unmatched(&runs), None, "one is missing");
    runs[0].attempts[0].test_count = Some(1);
    runs[0].listed = CaseCoverage::Failures;
    assert_eq!(list.unmatched(&runs), None);
    runs[0].listed = CaseCoverage::Complete;
    runs[0].attempts[0].status = Some("RUNNING".into());
    assert_eq!(list.unmatched(&runs), None);
}

fn snapshot(name: &str, status: &str, result: &str) -> CaseSnapshot {
    CaseSnapshot {
        id: name.into(),
        short_id: format!("id_{name}"),
        name: name.into(),
        status: status.into(),
        result: (!result.is_empty()).then(|| result.into()),
        ..CaseSnapshot::default()
    }
}

/// Verdict and cases of an attempt: name, status and result of each.
type Ended<'a> = (Verdict, Vec<(&'a str, &'a str, &'a str)>);

/// The run after these attempts, with their verdicts and cases of name, status and result.
fn concluded(attempts: &[Ended<'_>], listed: CaseCoverage, list: &Quarantine) -> RunReport {
    let mut concluded = run("Plan", "r", vec![]);
    concluded.attempts = attempts
        .iter()
        .map(|(verdict, _)| Attempt {
            test_count: None,
            ..attempt(AttemptOrigin::Started, "r", *verdict, "FAILED")
        })
        .collect();
    concluded.listed = listed;
    for (index, (_, cases)) in attempts.iter().enumerate() {
        let seen = cases
            .iter()
            .map(|(name, status, result)| snapshot(name, status, result).into());
        let recorded = &mut Recorded::default();
        merge::apply(&mut concluded, index, seen.collect(), index as Millis, list, recorded);
    }
    merge::conclude(&mut concluded);
    concluded
}

/// An attempt with its verdict and its cases: `A+` passed, `A-` failed, `A!` errored, `A>` is running, `A~` was skipped,
/// `A?` has an unknown result.
fn ended(text: &str) -> Ended<'_> {
    let mut words = text.split(' ');
    let verdict = words.next().unwrap();
    let verdict = Verdict::ALL
        .into_iter()
        .find(|known| known.as_str() == verdict)
        .unwrap();
    let cases = words.map(|word| match word.split_at(1) {
        (name, "+") => (name, "COMPLETED", "PASSED"),
        (name, "-") => (name, "COMPLETED", "FAILED"),
        (name, "!") => (name, "ERROR", ""),
        (name, ">") => (name, "RUNNING", ""),
        (name, "~") => (name, "COMPLETED", "SKIPPED"),
        (name, _) => (name, "COMPLETED", "ODD"),
    });
    (verdict, cases.collect())
}

#[test]
fn a_run_is_quarantined_only_if_every_failed_case_is() {
    use Verdict::{Cancelled, Error, Failed, Flaky, Interrupted, Passed, Quarantined, TimedOut, Unknown};
    // A and B are in quarantine, C is not.
    let list = parse("A\nid_B");
    let table: [(&[&str], Verdict); 23] = [
        (&["failed A- B- C+"], Quarantined),
        (&["failed A!"], Quarantined),
        (&["failed A- C-"], Failed),
        (&["failed A- C!"], Failed),
        (&["failed A- C>"], Failed),
        (&["failed A- B>"], Failed),
        (&["failed A- C?"], Failed),
        (&["failed A+"], Failed),
        (&["failed"], Failed),
        (&["error A-"], Error),
        (&["cancelled A-"], Cancelled),
        (&["timed_out A-"], TimedOut),
        (&["interrupted A-"], Interrupted),
        (&["unknown A-"], Unknown),
        (&["passed A-"], Passed),
        (&["failed A- C-", "failed A- C+"], Quarantined),
        (&["failed A- C-", "passed A+ C+"], Flaky),
        (&["failed A- C-", "passed A~ C+"], Quarantined),
        (&["failed A- C-", "failed A+ C-"], Failed),
        // A rerun that failed without a failed case, and one that ended with an error.
        (&["failed A- C-", "failed C+"], Failed),
        (&["failed A- C-", "error A- C+"], Failed),
        // The first attempt is quarantined already.
        (&["failed A-", "timed_out A>"], Quarantined),
        (&["failed A-", "interrupted"], Interrupted),
    ];
    for (attempts, verdict) in table {
        let ended: Vec<_> = attempts.iter().map(|text| ended(text)).collect();
        let run = concluded(&ended, CaseCoverage::Complete, &list);
        assert_eq!(run.verdict, Some(verdict), "{attempts:?}");
        let partial = concluded(&ended, CaseCoverage::Failures, &list);
        assert_ne!(partial.verdict, Some(Quarantined), "{attempts:?}");
    }
}

#[test]
fn fewer_cases_than_announced_forgive_nothing() {
    let list = parse("*");
    let mut run = concluded(
        &[(Verdict::Failed, vec![("A", "COMPLETED", "FAILED")])],
        CaseCoverage::Complete,
        &list,
    );
    assert_eq!(run.verdict, Some(Verdict::Quarantined));
    run.attempts[0].test_count = Some(2);
    merge::conclude(&mut run);
    assert_eq!(run.verdict, Some(Verdict::Failed));
}

fn any_cases() -> impl Strategy<Value = Vec<(&'static str, &'static str, &'static str)>> {
    let name = prop::sample::select(vec!["A", "B", "C"]);
    let status = prop::sample::select(vec![
        "COMPLETED",
        "COMPLETED",
        "COMPLETED",
        "ERROR",
        "RUNNING",
        "SKIPPED",
    ]);
    let result = prop::sample::select(vec!["FAILED", "FAILED", "PASSED", "SKIPPED", "", "ODD"]);
    prop::collection::vec((name, status, result), 0..5)
}

/// A verdict that an attempt may have: most have failed, or nothing would be in question.
fn any_verdict() -> impl Strategy<Value = Verdict> {
    const OTHERS: [Verdict; 7] = [
        Verdict::Passed,
        Verdict::Skipped,
        Verdict::Interrupted,
        Verdict::Cancelled,
        Verdict::TimedOut,
        Verdict::Error,
        Verdict::Unknown,
    ];
    prop_oneof![2 => Just(Verdict::Failed), 1 => prop::sample::select(OTHERS.to_vec())]
}

proptest! {
    #[test]
    fn an_entry_makes_no_verdict_better_than_quarantined(
        attempts in prop::collection::vec((any_verdict(), any_cases()), 1..4),
        entries in prop::collection::vec(prop::sample::select(vec!["A", "B", "id_C", "*"]), 0..3),
        added in prop::sample::select(vec!["A", "B", "id_C", "*", "Z"]),
        listed in prop::sample::select(vec![CaseCoverage::Complete, CaseCoverage::Complete, CaseCoverage::Failures, CaseCoverage::Partial]),
    ) {
        let before = concluded(&attempts, listed, &parse(&entries.join("\n")));
        let after = concluded(&attempts, listed, &parse(&format!("{}\n{added}", entries.join("\n"))));
        if before.verdict != after.verdict {
            prop_assert_eq!((before.verdict, after.verdict), (Some(Verdict::Failed), Some(Verdict::Quarantined)));
        }
        // A run without failed cases is never touched.
        if after.verdict == Some(Verdict::Quarantined) {
            prop_assert_eq!(listed, CaseCoverage::Complete);
            prop_assert_eq!(after.attempts[0].verdict, Some(Verdict::Failed));
            prop_assert!(after.cases.iter().any(Case::is_quarantined_failure));
            prop_assert!(after.cases.iter().all(|case| case.outcome.is_green() || case.is_quarantined_failure()));
        }
        // Nothing but the mark on a case changes with the list.
        let outcomes = |run: &RunReport| run.cases.iter().map(|case| case.outcome).collect::<Vec<_>>();
        prop_assert_eq!(outcomes(&before), outcomes(&after));
    }

    #[test]
    fn a_suggested_line_is_an_entry_for_its_case(name in "(\\PC|[ #\t\r\n\u{feff}*?]){0,130}", short_id in "[a-z0-9_]{0,8}") {
        let cut: String = name.chars().take(crate::report::trend::MAX_CHARS).collect();
        let named = CaseName { id: String::new(), short_id: short_id.clone(), name: cut };
        let line = suggested_line(&named, "flaky in 3 of 10 results", NOW);
        if name.trim().is_empty() && short_id.is_empty() {
            prop_assert_eq!(line, None);
        } else {
            let line = line.unwrap();
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert!(line.ends_with(" until 2026-03-15 # flaky in 3 of 10 results"), "{:?}", line);
            let expected = note("flaky in 3 of 10 results", "2026-03-15");
            prop_assert_eq!(parse(&line).matches(&name, &short_id), expected, "{:?}", line);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", name in "\\PC{0,80}") {
        if let Ok(list) = Quarantine::parse(&text, "quarantine", NOW) {
            let _ = list.matches(&name, &name);
        }
    }
}
