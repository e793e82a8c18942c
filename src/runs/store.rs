//! The state of all runs while the program waits for them. It is complete at any time, so that the report can be made at the
//! end, at the deadline or after a signal. Runs and attempts are read and changed through handles.

use std::cell::{Cell, RefCell};

use tokio::time::Instant;

use crate::qatech::wire::{Run, RunTestCase};
use crate::report::merge;
use crate::report::merge::{KnownElements, Listed, Merged, Recorded};
use crate::report::{
    Attempt, AttemptOrigin, CaseCoverage, CaseOutcome, Counts, Millis, Quarantine, RunReport, StatusChange, TestPlan,
    Verdict,
};
use crate::runs::event::Event;
use crate::text::ShortId;

/// Status changes of an attempt that are kept: a run has a handful.
const MAX_CHANGES: usize = 1_000;

/// Receives events and warnings. A handler may read and update the store.
pub trait EventHandler {
    /// Handles an event of a run.
    fn emit(&self, run: RunHandle<'_>, event: Event);

    /// Handles a warning that belongs to no single run.
    fn warn(&self, text: &str);
}

/// Discards everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl EventHandler for Discard {
    fn emit(&self, _run: RunHandle<'_>, _event: Event) {}

    fn warn(&self, _text: &str) {}
}

/// All runs of the step, and the warnings of the report.
pub struct RunStore {
    began: Instant,
    runs: RefCell<Vec<RunReport>>,
    /// When each run is expected to end, where that can be estimated.
    expected_ends: Vec<Cell<Option<Millis>>>,
    /// The elements of answers that each run was last recorded from.
    recorded: RefCell<Vec<Recorded>>,
    warnings: RefCell<Vec<String>>,
    handler: Box<dyn EventHandler>,
    /// Which failed test cases do not fail the step.
    quarantine: Quarantine,
}

impl RunStore {
    /// A store of runs that are known but not started yet. Times are counted from `began`.
    pub fn new(began: Instant, runs: Vec<RunReport>, handler: Box<dyn EventHandler>) -> Self {
        Self {
            began,
            expected_ends: runs.iter().map(|_| Cell::new(None)).collect(),
            recorded: RefCell::new(runs.iter().map(|_| Recorded::default()).collect()),
            runs: RefCell::new(runs),
            warnings: RefCell::default(),
            handler,
            quarantine: Quarantine::default(),
        }
    }

    /// The store with this quarantine list; warns of entries that are past their date.
    #[must_use]
    pub fn with_quarantine(self, quarantine: Quarantine) -> Self {
        for warning in quarantine.expired() {
            self.warn(warning.clone());
        }
        Self { quarantine, ..self }
    }

    /// Warns of quarantine entries that match no test case.
    pub fn warn_of_unmatched_quarantine(&self) {
        if let Some(warning) = self.read(|runs| self.quarantine.unmatched(runs)) {
            self.warn(warning);
        }
    }

    /// Milliseconds since the program's start.
    pub fn now(&self) -> Millis {
        Millis::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    /// Handles of all runs, in the order of the input.
    pub fn runs(&self) -> impl Iterator<Item = RunHandle<'_>> {
        (0..self.expected_ends.len()).map(|index| RunHandle { store: self, index })
    }

    /// Reads all runs.
    pub fn read<T>(&self, f: impl FnOnce(&[RunReport]) -> T) -> T {
        f(&self.runs.borrow())
    }

    /// When the last run is expected to end; `None` if there is no estimate for a run that goes on.
    pub fn expected_end(&self) -> Option<Millis> {
        self.read(|runs| {
            let open = runs
                .iter()
                .zip(&self.expected_ends)
                .filter(|(run, _)| run.verdict.is_none());
            open.map(|(_, end)| end.get())
                .try_fold(None, |latest, end| Some(latest.max(Some(end?))))
                .flatten()
        })
    }

    /// Keeps a warning for the report and logs it, unless the same one was given before.
    pub fn warn(&self, text: String) {
        if self.warnings.borrow().contains(&text) {
            return;
        }
        self.handler.warn(&text);
        self.warnings.borrow_mut().push(text);
    }

    /// Moves runs and warnings out at the end, since copies of large runs are expensive.
    pub fn take(&self) -> (Vec<RunReport>, Vec<String>) {
        (self.runs.take(), self.warnings.take())
    }
}

/// One run of a store: a plan's run with its reruns, or an attached run.
#[derive(Clone, Copy)]
pub struct RunHandle<'a> {
    store: &'a RunStore,
    index: usize,
}

impl<'a> RunHandle<'a> {
    /// The store that it belongs to.
    pub fn store(self) -> &'a RunStore {
        self.store
    }

    /// Its place in the order of the input.
    pub fn index(self) -> usize {
        self.index
    }

    /// Reads the run; `None` once it was taken out of the store.
    pub fn read<T>(self, f: impl FnOnce(&RunReport) -> T) -> Option<T> {
        self.store.runs.borrow().get(self.index).map(f)
    }

    /// Changes the run.
    pub fn update<T>(self, f: impl FnOnce(&mut RunReport) -> T) -> Option<T> {
        self.store.runs.borrow_mut().get_mut(self.index).map(f)
    }

    /// Passes an event to the store's handler.
    pub fn emit(self, event: Event) {
        self.store.handler.emit(self, event);
    }

    /// The short id of the latest attempt.
    pub fn latest_short_id(self) -> Option<ShortId> {
        self.read(|run| run.latest().map(|attempt| attempt.short_id.clone()))?
    }

    /// The verdict of the latest attempt.
    pub fn latest_verdict(self) -> Option<Verdict> {
        self.read(|run| run.latest()?.verdict)?
    }

    /// Notes when the run is expected to end, in milliseconds since the program's start.
    pub fn expect_end(self, at: Option<Millis>) {
        if let Some(end) = self.store.expected_ends.get(self.index) {
            end.set(at);
        }
    }

    /// Adds an attempt, and the plan if QA.tech returned it.
    pub fn add_attempt(self, attempt: Attempt, plan: Option<TestPlan>) -> AttemptHandle<'a> {
        let index = self.update(|run| {
            run.attempts.push(attempt);
            run.plan = plan.or(run.plan.take());
            run.attempts.len() - 1
        });
        self.emit(Event::Attempt);
        AttemptHandle {
            run: self,
            index: index.unwrap_or_default(),
        }
    }

    /// Removes the attempts and test cases of a run that is about to be started anew.
    pub fn start_over(self) {
        self.update(|run| {
            run.attempts.clear();
            run.cases.clear();
            run.listed = CaseCoverage::Partial;
        });
        self.update_recorded(|recorded| *recorded = Recorded::default());
    }

    fn update_recorded<T: Default>(self, f: impl FnOnce(&mut Recorded) -> T) -> T {
        let mut recorded = self.store.recorded.borrow_mut();
        recorded.get_mut(self.index).map(f).unwrap_or_default()
    }

    /// Sets the verdict over all attempts, with a warning where the cases contradict QA.tech's result.
    pub fn conclude(self) {
        let contradiction = self.update(|run| {
            merge::conclude(run);
            merge::contradiction(run)
        });
        if let Some(text) = contradiction.flatten() {
            self.store.warn(text);
        }
    }
}

/// One attempt of a run.
#[derive(Clone, Copy)]
pub struct AttemptHandle<'a> {
    run: RunHandle<'a>,
    index: usize,
}

impl<'a> AttemptHandle<'a> {
    /// The run that it belongs to.
    pub fn run(self) -> RunHandle<'a> {
        self.run
    }

    fn update<T>(self, f: impl FnOnce(&mut Attempt) -> T) -> Option<T> {
        self.run.update(|run| run.attempts.get_mut(self.index).map(f))?
    }

    /// Whether this program created it: QA.tech may then answer 404 at first.
    pub fn is_created_here(self) -> bool {
        let origin = self.update(|attempt| attempt.origin);
        origin.is_some_and(|origin| match origin {
            AttemptOrigin::Started | AttemptOrigin::Rerun | AttemptOrigin::GithubRerun => true,
            AttemptOrigin::Attached => false,
        })
    }

    /// Its short id; `None` once the run was taken out of the store or started over.
    pub fn short_id(self) -> Option<ShortId> {
        self.update(|attempt| attempt.short_id.clone())
    }

    /// Its internal id, where known.
    pub fn id(self) -> Option<String> {
        self.update(|attempt| attempt.id.clone())?
    }

    /// Counts a GET.
    pub fn count_request(self, failed: bool) {
        self.update(|attempt| {
            attempt.requests += 1;
            attempt.retries += u64::from(failed);
        });
    }

    /// Records status and result, and emits an event if they changed.
    pub fn record_status(self, id: String, status: String, result: Option<String>) {
        let at = self.run.store.now();
        let changed = self.update(|attempt| {
            attempt.id.get_or_insert(id);
            if attempt.status.as_ref() == Some(&status) && attempt.result == result {
                return false;
            }
            if attempt.changes.len() < MAX_CHANGES {
                attempt.changes.push(StatusChange {
                    at,
                    status: status.clone(),
                    result: result.clone(),
                });
            }
            attempt.status = Some(status);
            attempt.result = result;
            true
        });
        if changed == Some(true) {
            self.run.emit(Event::Status);
        }
    }

    /// Records an answer whose list of test cases has this coverage.
    pub fn record(self, answer: Run, listed: CaseCoverage) {
        let Run {
            id,
            short_id: _,
            status,
            result,
            run_test_cases,
        } = answer;
        self.record_status(id, status, result);
        self.record_cases(run_test_cases.unwrap_or_default(), listed);
    }

    /// The elements of answers that need not be read again, until the next answer is recorded.
    pub fn known_elements(self) -> KnownElements {
        self.run.update_recorded(|recorded| recorded.known(self.index))
    }

    /// Merges the test cases of an answer that has this coverage.
    pub fn record_cases(self, cases: Vec<Listed<RunTestCase>>, listed: CaseCoverage) {
        let at = self.run.store.now();
        let cases = cases.into_iter().map(|case| case.map(RunTestCase::into_snapshot));
        let cases = cases.collect();
        let merged = self.run.update(|run| {
            // A rerun lists only what it repeats, so only the first attempt's list shows whether cases are missing.
            if self.index == 0 {
                run.listed = run.listed.max(listed);
            }
            let quarantine = &self.run.store.quarantine;
            let merged = self
                .run
                .update_recorded(|recorded| merge::apply(run, self.index, cases, at, quarantine, recorded));
            if merged.left_out {
                run.listed = CaseCoverage::Partial;
            }
            merged
        });
        let Merged { newly_bad, left_out } = merged.unwrap_or_default();
        if left_out {
            let first = self.run.read(|run| Some(run.attempts.first()?.short_id.to_string()));
            self.run.store.warn(format!(
                "run {}: QA.tech lists more test cases or longer texts than can be kept; some are missing",
                first.flatten().unwrap_or_default()
            ));
        }
        for index in newly_bad {
            self.run.emit(Event::BadCase(index));
        }
    }

    /// Whether a test case that gates the step has failed in this attempt.
    pub fn has_gating_failure(self) -> bool {
        let failed = self.run.read(|run| {
            run.cases
                .iter()
                .filter(|case| case.quarantine.is_none())
                .filter_map(|case| case.latest())
                .any(|seen| seen.attempt == self.index && seen.outcome == CaseOutcome::Failed)
        });
        failed.unwrap_or(false)
    }

    /// Counts of the attempt's cases.
    pub fn counts(self) -> Counts {
        self.run.read(|run| run.attempt_counts(self.index)).unwrap_or_default()
    }

    /// Ends the attempt with its verdict, and with the reason if that does not follow from status and result.
    pub fn end(self, verdict: Verdict, problem: Option<String>) {
        let at = self.run.store.now();
        self.update(|attempt| {
            attempt.verdict = Some(verdict);
            attempt.problem.clone_from(&problem);
            // The wait may end before the run does: at the deadline, with `fail_fast`, or when the API refuses a request.
            attempt.ended = attempt.is_over().then_some(at);
        });
        self.run.emit(Event::Ended(problem));
    }

    /// Lowers the coverage to that of the attempt's last answer: cases that were listed before may have failed since.
    pub fn limit_coverage(self, listed: CaseCoverage) {
        if self.index == 0 {
            self.run.update(|run| run.listed = run.listed.min(listed));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::report::sample;

    /// Writes to the store from within each event, and keeps the events.
    #[derive(Clone, Default)]
    struct Updating(Rc<RefCell<Vec<Event>>>);

    impl EventHandler for Updating {
        fn emit(&self, run: RunHandle<'_>, event: Event) {
            run.update(|run| run.problem = Some("changed by the handler".to_owned()));
            if matches!(event, Event::BadCase(_)) {
                run.store().warn("a case failed".to_owned());
            }
            self.0.borrow_mut().push(event);
        }

        fn warn(&self, _text: &str) {}
    }

    fn attempt() -> Attempt {
        let mut attempt = sample::run("Plan", "abc", Vec::new()).attempts.remove(0);
        (attempt.status, attempt.result, attempt.verdict) = (None, None, None);
        attempt
    }

    fn failed(name: &str) -> Listed<RunTestCase> {
        Listed::from(RunTestCase {
            name: Some(name.to_owned()),
            status: Some("COMPLETED".to_owned()),
            result: Some("FAILED".to_owned()),
            ..RunTestCase::default()
        })
    }

    #[test]
    fn a_handler_may_read_and_update_the_store() {
        let handler = Updating::default();
        let store = RunStore::new(
            Instant::now(),
            vec![RunReport::planned(None)],
            Box::new(handler.clone()),
        );
        let run = store.runs().next().unwrap();
        let attempt = run.add_attempt(attempt(), None);
        attempt.record_status("1".to_owned(), "RUNNING".to_owned(), None);
        attempt.record_status("1".to_owned(), "RUNNING".to_owned(), None);
        attempt.record_cases(vec![failed("a"), failed("b")], CaseCoverage::Complete);
        attempt.end(Verdict::Failed, None);
        let events = handler.0.take();
        assert_eq!(
            events,
            [
                Event::Attempt,
                Event::Status,
                Event::BadCase(0),
                Event::BadCase(1),
                Event::Ended(None)
            ]
        );
        let (runs, warnings) = store.take();
        let problem = runs.first().and_then(|run| run.problem.as_deref());
        assert_eq!(problem, Some("changed by the handler"));
        assert_eq!(warnings, ["a case failed"], "the same warning is kept once");
    }

    #[test]
    fn elements_are_known_until_their_case_changes_or_another_attempt_begins() {
        let store = RunStore::new(Instant::now(), vec![RunReport::planned(None)], Box::new(Discard));
        let run = store.runs().next().unwrap();
        let listed = |name: &str, digest| Listed::Read {
            case: Box::new(RunTestCase {
                name: Some(name.to_owned()),
                status: Some("RUNNING".to_owned()),
                ..RunTestCase::default()
            }),
            digest: Some(digest),
        };
        let first = run.add_attempt(attempt(), None);
        assert!(first.known_elements().is_empty());
        first.record_cases(vec![listed("a", 7), listed("b", 8)], CaseCoverage::Failures);
        assert_eq!(first.known_elements(), [(7, 0), (8, 1)].into());
        let before = run.read(Clone::clone).unwrap();
        first.record_cases(vec![Listed::Unchanged(1), Listed::Unchanged(0)], CaseCoverage::Complete);
        let after = run.read(Clone::clone).unwrap();
        assert_eq!(before.cases, after.cases);
        assert_eq!(
            (before.listed, after.listed),
            (CaseCoverage::Failures, CaseCoverage::Complete)
        );
        first.record_cases(vec![listed("b", 9)], CaseCoverage::Failures);
        assert_eq!(first.known_elements(), [(7, 0), (9, 1)].into());
        let second = run.add_attempt(attempt(), None);
        assert!(second.known_elements().is_empty());
        second.record_cases(vec![listed("b", 9)], CaseCoverage::Complete);
        assert_eq!(second.known_elements(), [(9, 1)].into());
        assert!(first.known_elements().is_empty());
        run.start_over();
        assert!(run.add_attempt(attempt(), None).known_elements().is_empty());
        // An attempt with the same index: the run was started over.
        first.record_cases(vec![listed("c", 1)], CaseCoverage::Complete);
        run.start_over();
        assert!(first.known_elements().is_empty());
    }

    #[test]
    fn a_quarantined_case_does_not_gate() {
        let store = RunStore::new(Instant::now(), vec![RunReport::planned(None)], Box::new(Discard));
        let attempt = store.runs().next().unwrap().add_attempt(attempt(), None);
        attempt.record_cases(vec![failed("a")], CaseCoverage::Complete);
        assert!(attempt.has_gating_failure());
        attempt.run().update(|run| {
            for case in &mut run.cases {
                case.quarantine = Some(crate::report::QuarantineNote::default());
            }
        });
        assert!(!attempt.has_gating_failure());
    }

    #[test]
    fn the_step_is_expected_to_end_with_its_last_run() {
        let runs = vec![RunReport::planned(None), RunReport::planned(None)];
        let store = RunStore::new(Instant::now(), runs, Box::new(Discard));
        let (first, second) = (store.runs().next().unwrap(), store.runs().nth(1).unwrap());
        assert_eq!(store.expected_end(), None);
        first.expect_end(Some(5_000));
        assert_eq!(store.expected_end(), None, "of the second nothing is known");
        second.expect_end(Some(9_000));
        assert_eq!(store.expected_end(), Some(9_000));
        second.update(|run| run.verdict = Some(Verdict::Passed));
        assert_eq!(store.expected_end(), Some(5_000));
    }
}
