//! Merges the test cases of each poll of each attempt, so that none is lost and no failure is forgiven without a pass.

mod match_cases;
mod memory_budget;
mod recorded;
mod snapshot;
mod verdict;

use crate::report::{Case, CaseAttempt, CaseOutcome, Millis, Observed, Quarantine, RunReport, status};
use match_cases::{Keys, match_cases};
pub use memory_budget::MAX_CASES;
use memory_budget::MemoryBudget;
use recorded::Element;
pub use recorded::{KnownElements, Listed, Recorded};
pub use snapshot::CaseSnapshot;
use snapshot::fallback_name;
pub use verdict::{conclude, contradiction, not_played};

/// What a poll has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Indices of the cases that this poll is the first to see failed or errored in this attempt.
    pub newly_bad: Vec<usize>,
    /// Whether something was left out for lack of room.
    pub left_out: bool,
}

/// Merges what one poll of an attempt has seen into the run's cases. The list can be partial (failed cases only): other
/// cases stay as they are. A case that matches an entry of the quarantine list is marked when it is first seen.
///
/// Cases are matched by id, else by short id, else by name, each if it is unique on both sides. The rest are matched with
/// those of the attempt's earlier poll, in order. This does not depend on which elements are unchanged.
pub fn apply(
    run: &mut RunReport,
    attempt: usize,
    mut listed: Vec<Listed<CaseSnapshot>>,
    at: Millis,
    quarantine: &Quarantine,
    recorded: &mut Recorded,
) -> Merged {
    recorded.enter(attempt);
    let keys = listed.iter().map(|element| match element {
        Listed::Unchanged(index) => recorded.keys(&run.cases, *index).unwrap_or_default(),
        Listed::Read { case, digest: _ } => Keys::from(&**case),
    });
    let places = match_cases(&run.cases, attempt, &keys.collect::<Vec<_>>());
    // Where keys are not unique, an unchanged element can match another case than before, and is recorded in it like any other.
    // It is restored before the first case changes.
    for (element, place) in listed.iter_mut().zip(&places) {
        match element {
            Listed::Unchanged(index) if *place != Some(*index) => {
                if let Some(restored) = recorded.restore(&run.cases, *index) {
                    *element = restored;
                }
            }
            Listed::Unchanged(_) | Listed::Read { .. } => {}
        }
    }
    let mut budget = MemoryBudget::new(run);
    let mut merged = Merged::default();
    for (element, place) in listed.into_iter().zip(places) {
        let (mut seen, digest) = match element {
            Listed::Unchanged(_) => continue,
            Listed::Read { case, digest } => (*case, digest),
        };
        let fits = match place.and_then(|index| run.cases.get(index)) {
            Some(case) => budget.take_known(case, attempt, &seen),
            None => budget.take_new(&seen),
        };
        merged.left_out |= !fits;
        if !fits && place.is_none() {
            continue;
        }
        if !fits {
            // The outcome of a known case counts, even if there is no room for its texts.
            (seen.title, seen.reasoning, seen.goal, seen.examples) = (None, None, None, None);
        }
        let index = place.unwrap_or(run.cases.len());
        if place.is_none() {
            run.cases.push(new_case(&seen, index));
        }
        let Some(case) = run.cases.get_mut(index) else { continue };
        let is_new = case.latest().is_none_or(|latest| latest.attempt != attempt);
        if is_new && case.quarantine.is_none() {
            case.quarantine = quarantine.matches(&case.name, &seen.short_id);
        }
        // What was left out is read again: there may be room for it then.
        let digest = digest.filter(|_| fits);
        recorded.set(index, digest.and_then(|digest| Element::new(case, &seen, digest)));
        if record(case, attempt, seen, at) {
            merged.newly_bad.push(index);
        }
    }
    merged
}

/// A new case, without attempts.
fn new_case(seen: &CaseSnapshot, index: usize) -> Case {
    let CaseSnapshot { id, short_id, name, .. } = seen;
    let name = if name.trim().is_empty() {
        fallback_name(short_id, id, index)
    } else {
        name.clone()
    };
    Case {
        id: id.clone(),
        short_id: short_id.clone(),
        name,
        goal: None,
        examples: None,
        outcome: CaseOutcome::Unfinished,
        // Nearly all cases have one; the first push would make room for four.
        attempts: Vec::with_capacity(1),
        quarantine: None,
    }
}

/// Records what the latest poll of an attempt has seen of a case, replacing the attempt's earlier poll. True if the case is
/// seen failed or errored for the first time in this attempt.
fn record(case: &mut Case, attempt: usize, seen: CaseSnapshot, at: Millis) -> bool {
    let outcome = CaseOutcome::from_status(&seen.status, seen.result.as_deref());
    let CaseSnapshot {
        id: _,
        short_id,
        name: _,
        status,
        result,
        title,
        reasoning,
        goal,
        examples,
    } = seen;
    // A later poll may know more, never less.
    case.goal = goal.or(case.goal.take());
    case.examples = examples.or(case.examples.take());
    let previous = case.attempts.pop_if(|last| last.attempt == attempt);
    let was_bad = previous.as_ref().is_some_and(|previous| previous.outcome.is_bad());
    let mut observed = previous.map_or(
        Observed {
            first_seen: at,
            running: None,
            ended: None,
        },
        |previous| previous.observed,
    );
    if observed.running.is_none() && status == status::RUNNING {
        observed.running = Some(at);
    }
    observed.ended = if outcome == CaseOutcome::Unfinished {
        None
    } else {
        observed.ended.or(Some(at))
    };
    case.attempts.push(CaseAttempt {
        attempt,
        short_id,
        outcome,
        counts: true,
        status,
        result,
        title,
        reasoning,
        observed,
        details: None,
    });
    case.outcome = combined_outcome(&case.attempts);
    outcome.is_bad() && !was_bad
}

/// The outcome over all attempts that count. A failure is forgiven only by a later pass, not by a rerun that skipped or did
/// not finish the case. A failed case stays failed if a rerun ends with an error.
fn combined_outcome(attempts: &[CaseAttempt]) -> CaseOutcome {
    let mut combined_outcome = CaseOutcome::Unfinished;
    for attempt in attempts.iter().filter(|attempt| attempt.counts) {
        combined_outcome = match (combined_outcome, attempt.outcome) {
            (CaseOutcome::Failed, CaseOutcome::Errored) => CaseOutcome::Failed,
            (CaseOutcome::Failed | CaseOutcome::Errored | CaseOutcome::Flaky, CaseOutcome::Passed) => {
                CaseOutcome::Flaky
            }
            (
                before @ (CaseOutcome::Failed | CaseOutcome::Errored | CaseOutcome::Flaky),
                CaseOutcome::Skipped | CaseOutcome::Unfinished,
            ) => before,
            (before, CaseOutcome::Unfinished) => before,
            // The outcome of one attempt is never flaky.
            (
                _,
                now @ (CaseOutcome::Failed
                | CaseOutcome::Errored
                | CaseOutcome::Flaky
                | CaseOutcome::Passed
                | CaseOutcome::Skipped),
            ) => now,
        };
    }
    combined_outcome
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::{Attempt, AttemptOrigin, CaseCoverage, Verdict};
    use super::*;
    use proptest::prelude::*;

    fn seen(id: &str, short_id: &str, name: &str, result: &str) -> CaseSnapshot {
        CaseSnapshot {
            id: id.into(),
            short_id: short_id.into(),
            name: name.into(),
            status: "COMPLETED".into(),
            result: (!result.is_empty()).then(|| result.into()),
            ..CaseSnapshot::default()
        }
    }

    /// Merges elements without digests, without a quarantine list.
    pub(super) fn apply(run: &mut RunReport, attempt: usize, seen: Vec<CaseSnapshot>, at: Millis) -> Merged {
        let listed = seen.into_iter().map(Listed::from).collect();
        super::apply(
            run,
            attempt,
            listed,
            at,
            &Quarantine::default(),
            &mut Recorded::default(),
        )
    }

    fn attempt(verdict: Verdict) -> Attempt {
        Attempt {
            origin: AttemptOrigin::Started,
            short_id: crate::report::sample::valid_short_id("r"),
            id: None,
            url: None,
            status: None,
            result: None,
            test_count: None,
            verdict: Some(verdict),
            problem: None,
            began: 0,
            ended: None,
            changes: vec![],
            requests: 0,
            retries: 0,
        }
    }

    fn run(verdicts: &[Verdict]) -> RunReport {
        RunReport {
            requested_plan: None,
            plan: None,
            created: Some(true),
            attempts: verdicts.iter().copied().map(attempt).collect(),
            cases: vec![],
            listed: CaseCoverage::Complete,
            verdict: None,
            problem: None,
        }
    }

    /// Takes minutes if each case is compared with every other.
    #[test]
    fn tens_of_thousands_of_cases_are_merged_over_a_rerun() {
        const MANY: usize = 25_000;
        let shapes: [fn(usize) -> CaseSnapshot; 4] = [
            |number| seen(&number.to_string(), "", "Case", "FAILED"),
            |number| seen("same", &number.to_string(), "", "FAILED"),
            |number| seen("", "", &number.to_string(), "FAILED"),
            |_| seen("", "", "Case", "FAILED"),
        ];
        for (shape, is_forgiven) in shapes.into_iter().zip([true, true, true, false]) {
            let mut run = run(&[Verdict::Failed, Verdict::Passed]);
            let failed: Vec<_> = (0..MANY).map(shape).collect();
            let mut passed = failed.clone();
            passed.iter_mut().for_each(|case| case.result = Some("PASSED".into()));
            assert_eq!(apply(&mut run, 0, failed.clone(), 0).newly_bad.len(), MANY);
            assert_eq!(apply(&mut run, 0, failed, 1), Merged::default());
            apply(&mut run, 1, passed, 2);
            conclude(&mut run);
            // Cases of the rerun that can't be matched are separate cases.
            assert_eq!(run.cases.len(), if is_forgiven { MANY } else { 2 * MANY });
            assert_eq!(run.verdict == Some(Verdict::Flaky), is_forgiven);
        }
    }

    /// Verdict and problem, as the end of the wait settles them.
    fn verdict(run: &RunReport) -> (Option<Verdict>, Option<String>) {
        let mut run = run.clone();
        conclude(&mut run);
        (run.verdict, run.problem)
    }

    fn outcomes(run: &RunReport) -> Vec<(&str, CaseOutcome)> {
        run.cases
            .iter()
            .map(|case| (case.name.as_str(), case.outcome))
            .collect()
    }

    #[test]
    fn a_case_that_passes_in_a_rerun_is_flaky_and_the_run_with_it() {
        let mut run = run(&[Verdict::Failed, Verdict::Passed]);
        apply(
            &mut run,
            0,
            vec![seen("1", "a", "A", "FAILED"), seen("2", "b", "B", "PASSED")],
            1,
        );
        // The rerun has other ids: cases are matched by short id, then by name.
        apply(&mut run, 1, vec![seen("9", "a", "A", "PASSED")], 2);
        assert_eq!(outcomes(&run), [("A", CaseOutcome::Flaky), ("B", CaseOutcome::Passed)]);
        assert_eq!(verdict(&run), (Some(Verdict::Flaky), None));
    }

    #[test]
    fn a_rerun_never_hides_a_failure_that_it_did_not_see_pass() {
        for (result, rerun) in [
            ("SKIPPED", Verdict::Passed),
            ("", Verdict::Passed),
            ("FAILED", Verdict::Failed),
            ("FAILED", Verdict::Passed),
        ] {
            let mut run = run(&[Verdict::Failed, rerun]);
            apply(&mut run, 0, vec![seen("1", "a", "A", "FAILED")], 1);
            apply(&mut run, 1, vec![seen("1", "a", "A", result)], 2);
            assert_eq!(outcomes(&run), [("A", CaseOutcome::Failed)], "{result}");
            assert_eq!(verdict(&run).0, Some(Verdict::Failed));
        }
        for rerun in [
            Verdict::Error,
            Verdict::Cancelled,
            Verdict::TimedOut,
            Verdict::Unknown,
            Verdict::Skipped,
        ] {
            let mut run = run(&[Verdict::Failed, rerun]);
            apply(&mut run, 0, vec![seen("1", "a", "A", "FAILED")], 1);
            let (verdict, problem) = verdict(&run);
            assert_eq!(verdict, Some(Verdict::Failed));
            assert!(problem.unwrap().contains("the first result stands"));
        }
    }

    #[test]
    fn a_rerun_that_breaks_changes_no_case() {
        for broken in [
            Verdict::Error,
            Verdict::Cancelled,
            Verdict::TimedOut,
            Verdict::Unknown,
            Verdict::Interrupted,
        ] {
            for (status, result) in [("ERROR", ""), ("COMPLETED", "FAILED"), ("COMPLETED", "PASSED")] {
                let titled = |title: &str, status: &str, result: &str| CaseSnapshot {
                    title: Some(title.into()),
                    status: status.into(),
                    ..seen("1", "a", "A", result)
                };
                let mut run = run(&[Verdict::Failed, broken]);
                apply(&mut run, 0, vec![titled("No pay button", "COMPLETED", "FAILED")], 1);
                apply(&mut run, 1, vec![titled("Browser crashed", status, result)], 2);
                conclude(&mut run);
                assert_eq!(
                    outcomes(&run),
                    [("A", CaseOutcome::Failed)],
                    "{broken} {status} {result}"
                );
                let told = run.cases[0].decisive_attempt().unwrap();
                assert_eq!(told.title.as_deref(), Some("No pay button"));
                assert_eq!(run.cases[0].attempts.len(), 2);
            }
        }
    }

    #[test]
    fn a_case_that_breaks_in_a_rerun_stays_failed() {
        let mut run = run(&[Verdict::Failed, Verdict::Failed]);
        apply(&mut run, 0, vec![seen("1", "a", "A", "FAILED")], 1);
        let broken = CaseSnapshot {
            status: "ERROR".into(),
            ..seen("1", "a", "A", "")
        };
        apply(&mut run, 1, vec![broken], 2);
        conclude(&mut run);
        assert_eq!(outcomes(&run), [("A", CaseOutcome::Failed)]);
        assert_eq!(run.cases[0].decisive_attempt().unwrap().attempt, 0);
    }

    #[test]
    fn a_failed_run_without_a_failed_case_stays_failed() {
        let mut run = run(&[Verdict::Failed, Verdict::Passed]);
        apply(&mut run, 0, vec![seen("1", "a", "A", "PASSED")], 1);
        assert_eq!(verdict(&run).0, Some(Verdict::Failed));
    }

    #[test]
    fn new_cases_and_equal_names_are_kept_apart() {
        let mut run = run(&[Verdict::Failed, Verdict::Failed]);
        apply(
            &mut run,
            0,
            vec![seen("1", "a", "Same", "FAILED"), seen("2", "b", "Same", "FAILED")],
            1,
        );
        apply(
            &mut run,
            1,
            vec![
                seen("8", "", "Same", "PASSED"),
                seen("2", "b", "Same", "PASSED"),
                seen("7", "n", "New", "FAILED"),
            ],
            2,
        );
        assert_eq!(
            outcomes(&run),
            // A name that occurs twice matches no case, so the failure of the first one stands.
            [
                ("Same", CaseOutcome::Failed),
                ("Same", CaseOutcome::Flaky),
                ("Same", CaseOutcome::Passed),
                ("New", CaseOutcome::Failed)
            ]
        );
    }

    #[test]
    fn looks_at_one_attempt_replace_each_other_and_keep_what_was_observed() {
        let mut run = run(&[Verdict::Failed]);
        let running = CaseSnapshot {
            status: "RUNNING".into(),
            result: None,
            goal: Some("g".into()),
            ..seen("1", "a", "A", "")
        };
        assert_eq!(apply(&mut run, 0, vec![running], 10).newly_bad, [0; 0]);
        assert_eq!(
            apply(&mut run, 0, vec![seen("1", "a", "A", "FAILED")], 20).newly_bad,
            [0]
        );
        assert_eq!(
            apply(&mut run, 0, vec![seen("1", "a", "A", "FAILED")], 30).newly_bad,
            [0; 0]
        );
        let case = run.cases.first().unwrap();
        assert_eq!(case.attempts.len(), 1);
        assert_eq!(case.goal.as_deref(), Some("g"));
        assert_eq!(
            case.attempts[0].observed,
            Observed {
                first_seen: 10,
                running: Some(10),
                ended: Some(20)
            }
        );
    }

    /// A status, known or not. Most are fine, or every run would fail for three reasons at once.
    fn any_status() -> impl Strategy<Value = &'static str> {
        const OTHERS: &[&str] = &[
            "SKIPPED",
            "RUNNING",
            "ERROR",
            "CANCELLED",
            "PAUSED",
            "TIMED_OUT",
            "FAILED",
            "",
        ];
        prop_oneof![4 => Just("COMPLETED"), 1 => prop::sample::select(OTHERS)]
    }

    /// A result, known or not; empty for none.
    fn any_result() -> impl Strategy<Value = &'static str> {
        const OTHERS: &[&str] = &["SKIPPED", "BLOCKED", "failed", ""];
        prop_oneof![4 => Just("PASSED"), 2 => Just("FAILED"), 1 => prop::sample::select(OTHERS)]
    }

    fn any_seen() -> impl Strategy<Value = CaseSnapshot> {
        (
            "[ab]?",
            "[xy]?",
            "[AB]?",
            prop::sample::select(vec!["PASSED", "FAILED", "SKIPPED", "", "ODD"]),
            prop::sample::select(vec!["COMPLETED", "ERROR", "RUNNING"]),
        )
            .prop_map(|(id, short_id, name, result, status)| CaseSnapshot {
                status: status.into(),
                ..seen(&id, &short_id, &name, result)
            })
    }

    /// Goal and title.
    type Texts = (Option<String>, Option<String>);

    fn any_texts() -> impl Strategy<Value = Texts> {
        (prop::option::of("[gh]"), prop::option::of("[st]"))
    }

    /// How an answer's list differs from the one before.
    #[derive(Debug, Clone)]
    enum Change {
        Add(CaseSnapshot),
        Replace(prop::sample::Index, CaseSnapshot),
        Texts(prop::sample::Index, Texts),
        Repeat(prop::sample::Index),
        Remove(prop::sample::Index),
        Swap(prop::sample::Index, prop::sample::Index),
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let with_texts =
            || (any_seen(), any_texts()).prop_map(|(seen, (goal, title))| CaseSnapshot { goal, title, ..seen });
        prop_oneof![
            4 => with_texts().prop_map(Change::Add),
            2 => (any::<prop::sample::Index>(), with_texts()).prop_map(|(at, seen)| Change::Replace(at, seen)),
            2 => (any::<prop::sample::Index>(), any_texts()).prop_map(|(at, texts)| Change::Texts(at, texts)),
            1 => any::<prop::sample::Index>().prop_map(Change::Repeat),
            1 => any::<prop::sample::Index>().prop_map(Change::Remove),
            2 => any::<[prop::sample::Index; 2]>().prop_map(|[one, other]| Change::Swap(one, other)),
        ]
    }

    fn change(list: &mut Vec<CaseSnapshot>, change: Change) {
        match change {
            Change::Add(seen) => list.push(seen),
            _ if list.is_empty() => {}
            Change::Replace(at, seen) => *at.get_mut(list) = seen,
            Change::Texts(at, (goal, title)) => {
                let seen = at.get_mut(list);
                (seen.goal, seen.title) = (goal, title);
            }
            Change::Repeat(at) => list.push(at.get(list).clone()),
            Change::Remove(at) => drop(list.remove(at.index(list.len()))),
            Change::Swap(one, other) => {
                let len = list.len();
                list.swap(one.index(len), other.index(len));
            }
        }
    }

    /// A list as the API's client returns it.
    fn as_read(list: &[CaseSnapshot], known: &KnownElements) -> Vec<Listed<CaseSnapshot>> {
        let read = |seen: &CaseSnapshot| {
            let mut hasher = std::hash::DefaultHasher::new();
            std::hash::Hash::hash(&format!("{seen:?}"), &mut hasher);
            let digest = std::hash::Hasher::finish(&hasher);
            match known.get(&digest) {
                Some(index) => Listed::Unchanged(*index),
                None => Listed::Read {
                    case: Box::new(seen.clone()),
                    digest: Some(digest),
                },
            }
        };
        list.iter().map(read).collect()
    }

    fn unchanged(list: &[Listed<CaseSnapshot>]) -> usize {
        list.iter().filter(|element| element.case().is_none()).count()
    }

    #[test]
    fn an_unchanged_element_is_listed_and_changes_nothing() {
        let mut run = run(&[Verdict::Failed]);
        let recorded = &mut Recorded::default();
        let mut list = vec![
            seen("1", "a", "A", "PASSED"),
            seen("2", "b", "B", ""),
            seen("3", "c", "C", "FAILED"),
        ];
        let mut poll = |list: &[CaseSnapshot], at| {
            let listed = as_read(list, &recorded.known(0));
            let count = unchanged(&listed);
            (
                count,
                super::apply(&mut run, 0, listed, at, &Quarantine::default(), recorded).newly_bad,
            )
        };
        assert_eq!(poll(&list, 1), (0, vec![2]));
        list.reverse();
        assert_eq!(poll(&list, 2), (3, vec![]));
        // Only the failed ones.
        assert_eq!(poll(&list[..1], 3), (1, vec![]));
        list[1].result = Some("FAILED".into());
        assert_eq!(poll(&list, 4), (2, vec![1]));
        // What a case was recorded from before is read again.
        list[1].result = None;
        assert_eq!(poll(&list, 5), (2, vec![]));
        let ended: Vec<_> = run.cases.iter().map(|case| case.attempts[0].observed.ended).collect();
        assert_eq!(ended, [Some(1), None, Some(1)]);
    }

    #[test]
    fn a_case_that_differs_from_its_element_is_read_again() {
        let with_goal = |goal: Option<&str>, result| CaseSnapshot {
            goal: goal.map(Into::into),
            ..seen("1", "a", "A", result)
        };
        let long = "x".repeat(1_000);
        for (before, now, is_known) in [
            (with_goal(Some("g"), ""), with_goal(Some("h"), "PASSED"), true),
            (with_goal(Some("g"), ""), with_goal(None, "PASSED"), false),
            (seen("1", "a", "A", ""), seen("1", "a", "Renamed", "PASSED"), false),
            (seen("1", "a", "A", ""), seen("2", "a", "A", "PASSED"), true),
            (seen("1", "a", "A", ""), seen(&long, "a", "A", "PASSED"), false),
            (seen("1", "a", "", ""), seen("1", "a", "", "PASSED"), false),
        ] {
            let mut run = run(&[Verdict::Passed]);
            let recorded = &mut Recorded::default();
            for seen in [&before, &now] {
                let listed = as_read(std::slice::from_ref(seen), &recorded.known(0));
                super::apply(&mut run, 0, listed, 1, &Quarantine::default(), recorded);
            }
            assert_eq!(run.cases.len(), 1);
            let known = recorded.known(0);
            let count = |seen| unchanged(&as_read(std::slice::from_ref(seen), &known));
            assert_eq!((count(&before), count(&now)), (0, usize::from(is_known)), "{now:?}");
        }
    }

    #[test]
    fn another_attempt_knows_no_element_of_the_one_before() {
        let mut run = run(&[Verdict::Failed, Verdict::Passed]);
        let recorded = &mut Recorded::default();
        let list = [seen("1", "a", "A", "FAILED")];
        for attempt in [0, 1] {
            assert!(recorded.known(attempt).is_empty());
            for reads in [1, 0] {
                let listed = as_read(&list, &recorded.known(attempt));
                assert_eq!(unchanged(&listed), 1 - reads);
                super::apply(&mut run, attempt, listed, 1, &Quarantine::default(), recorded);
            }
        }
        assert!(recorded.known(0).is_empty());
        assert_eq!(run.cases[0].attempts.len(), 2);
    }

    proptest! {
        #[test]
        fn unchanged_elements_are_merged_as_if_they_were_read(
            polls in prop::collection::vec(
                (
                    prop::bool::weighted(0.2),
                    prop::bool::weighted(0.2),
                    prop::option::weighted(0.2, any::<prop::sample::Index>()),
                    prop::collection::vec(any_change(), 0..4),
                ),
                1..10,
            ),
        ) {
            let (mut with, mut without) = (run(&[Verdict::Failed; 10]), run(&[Verdict::Failed; 10]));
            let recorded = &mut Recorded::default();
            let (mut attempt, mut lists) = (0, vec![vec![]]);
            for (at, (is_rerun, only_failed, earlier, changes)) in polls.into_iter().enumerate() {
                attempt += usize::from(is_rerun);
                // As the list before, or as an earlier one.
                let mut list = earlier.map_or(&lists[at], |earlier| earlier.get(&lists)).clone();
                changes.into_iter().for_each(|one| change(&mut list, one));
                let mut answer = list.clone();
                lists.push(list);
                answer.retain(|seen| !only_failed || seen.result.as_deref() == Some("FAILED"));
                let listed = as_read(&answer, &recorded.known(attempt));
                let merged = super::apply(&mut with, attempt, listed, at as Millis, &Quarantine::default(), recorded);
                prop_assert_eq!(merged, apply(&mut without, attempt, answer, at as Millis));
                prop_assert_eq!(&with, &without);
            }
        }

        #[test]
        fn merging_never_loses_a_case_and_never_forgives_unseen(
            looks in prop::collection::vec((0usize..3, prop::collection::vec(any_seen(), 0..5)), 1..6),
            verdicts in prop::collection::vec(prop::sample::select(Verdict::ALL.to_vec()), 3),
        ) {
            let mut looks = looks;
            looks.sort_by_key(|(attempt, _)| *attempt);
            let mut run = run(&verdicts);
            for (at, (attempt, seen)) in looks.into_iter().enumerate() {
                let before: Vec<_> = run.cases.iter().map(|case| case.name.clone()).collect();
                let seen_count = seen.len();
                apply(&mut run, attempt, seen, at as Millis);
                prop_assert!(run.cases.len() >= seen_count);
                let after: Vec<_> = run.cases.iter().take(before.len()).map(|case| case.name.clone()).collect();
                prop_assert_eq!(before, after);
            }
            for case in &run.cases {
                let last_bad = case.attempts.iter().rposition(|attempt| attempt.outcome.is_bad());
                if let Some(last_bad) = last_bad {
                    let passed_later = case.attempts[last_bad..].iter().any(|attempt| attempt.outcome == CaseOutcome::Passed);
                    prop_assert_eq!(case.outcome.is_bad(), !passed_later);
                    prop_assert_eq!(case.outcome == CaseOutcome::Flaky, passed_later);
                }
            }
            let (verdict, _) = verdict(&run);
            if verdicts[0] == Verdict::Failed {
                prop_assert_ne!(verdict, Some(Verdict::Passed));
            } else {
                prop_assert_eq!(verdict, Some(verdicts[0]));
            }
        }

        #[test]
        fn no_case_that_was_not_seen_to_pass_ends_in_a_green_verdict(
            first in prop::collection::vec((any_status(), any_result()), 0..4),
            reruns in prop::collection::vec(
                (
                    prop::sample::select(vec![Verdict::Passed, Verdict::Passed, Verdict::Failed, Verdict::Error]),
                    prop::collection::vec((0usize..5, any_status(), any_result()), 0..5),
                ),
                0..3,
            ),
            announced in prop::option::of(0u64..5),
            listed in prop::sample::select(vec![CaseCoverage::Complete, CaseCoverage::Complete, CaseCoverage::Failures, CaseCoverage::Partial]),
        ) {
            let of = |number: usize, status: &str, result: &str| CaseSnapshot {
                status: status.into(),
                ..seen(&number.to_string(), "", "", result)
            };
            let mut verdicts = vec![Verdict::Failed];
            verdicts.extend(reruns.iter().map(|(verdict, _)| *verdict));
            let mut run = run(&verdicts);
            run.listed = listed;
            run.attempts[0].test_count = announced;
            // What the API's own words say of each case, in the attempts that were played.
            let mut said: std::collections::HashMap<usize, Vec<(&str, &str)>> = std::collections::HashMap::new();
            for (number, (status, result)) in first.iter().enumerate() {
                said.entry(number).or_default().push((status, result));
            }
            let seen_first = (0..).zip(&first).map(|(number, (status, result))| of(number, status, result));
            apply(&mut run, 0, seen_first.collect(), 0);
            for (attempt, (verdict, cases)) in (1..).zip(&reruns) {
                let mut cases = cases.clone();
                cases.sort_unstable();
                cases.dedup_by_key(|(number, ..)| *number);
                if matches!(verdict, Verdict::Passed | Verdict::Failed) {
                    for (number, status, result) in &cases {
                        said.entry(*number).or_default().push((status, result));
                    }
                }
                let cases = cases.iter().map(|(number, status, result)| of(*number, status, result));
                apply(&mut run, attempt, cases.collect(), attempt as Millis);
            }
            conclude(&mut run);
            let fine = [("COMPLETED", "PASSED"), ("COMPLETED", "SKIPPED"), ("SKIPPED", "SKIPPED"), ("SKIPPED", "")];
            let passed_or_skipped = said.values().all(|words| words.iter().any(|word| fine.contains(word)));
            let is_failure = |(status, result): &(&str, &str)| *result == "FAILED" || matches!(*status, "ERROR" | "CANCELLED");
            let passed_after_failure = said.values().all(|words| {
                let last = words.iter().rposition(is_failure);
                last.is_none_or(|last| words[last..].contains(&("COMPLETED", "PASSED")))
            });
            let complete = listed == CaseCoverage::Complete && announced.is_none_or(|announced| first.len() as u64 >= announced);
            if run.verdict == Some(Verdict::Flaky) {
                prop_assert!(complete && passed_or_skipped && passed_after_failure, "{:?}", run);
                prop_assert_eq!(verdicts.last(), Some(&Verdict::Passed));
            } else {
                prop_assert_eq!(run.verdict, Some(Verdict::Failed));
            }
        }
    }
}
