//! The board: the one place where what is known of all runs is kept while they are waited for, so that a signal, the
//! deadline or the end finds it complete; and the news it tells to whoever writes the log.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::report::merge;
use crate::report::merge::{CaseSnapshot, Merged};
use crate::report::{
    Attempt, AttemptOrigin, CaseCoverage, Counts, Millis, Quarantine, RunReport, StatusChange, TestPlan, Verdict,
    status,
};

/// Status changes of an attempt that are kept: a run has a handful.
const CHANGES: usize = 1_000;

/// What the log is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A run was started, attached to, or rerun.
    Attempt,
    /// Status or result changed.
    Status,
    /// A test case turned bad; its index among the run's cases.
    BadCase(usize),
    /// A request failed and will be repeated.
    OutOfReach {
        /// What went wrong.
        what: String,
        /// Whether it is the first failure since the last success.
        first: bool,
        /// Time until the next attempt.
        next: Duration,
    },
    /// The API answers again.
    BackInReach {
        /// How long it did not.
        after: Duration,
    },
    /// An attempt has ended, or could not be made; why, where that does not follow from its status and is not told in
    /// another way.
    Ended(Option<String>),
    /// The start failed.
    NotStarted(String),
    /// What was decided about a run.
    Note(String),
}

/// Writes the log. Called with the board's runs readable.
pub trait EventHandler {
    /// Tells of news; `run` is the index of the run it is about.
    fn tell(&self, runs: &[RunReport], run: usize, news: Event, at: Millis);

    /// Tells of what a person should know, of whichever run.
    fn warn(&self, text: &str);
}

/// See the module.
pub struct RunStore {
    began: Instant,
    runs: RefCell<Vec<RunReport>>,
    warnings: RefCell<Vec<String>>,
    teller: Box<dyn EventHandler>,
    /// Test cases whose failures do not fail the step.
    quarantine: Quarantine,
    /// Runs of which not everything could be kept.
    left_out: RefCell<BTreeSet<usize>>,
    /// The runs whose POST is under way: its answer is worth a moment even when a signal came.
    posts_in_flight: RefCell<BTreeSet<usize>>,
    /// Nothing new is to be begun: a signal came, or a run failed fast.
    stopping: Cell<bool>,
}

impl RunStore {
    /// A board for runs that are known but not started yet.
    pub fn new(began: Instant, runs: Vec<RunReport>, teller: Box<dyn EventHandler>) -> Self {
        Self {
            began,
            runs: RefCell::new(runs),
            warnings: RefCell::default(),
            teller,
            quarantine: Quarantine::default(),
            left_out: RefCell::default(),
            posts_in_flight: RefCell::default(),
            stopping: Cell::new(false),
        }
    }

    /// With this quarantine list; entries that are past their date are warned of at once.
    #[must_use]
    pub fn with_quarantine(self, quarantine: Quarantine) -> Self {
        for warning in quarantine.expired() {
            self.warn(warning.clone());
        }
        Self { quarantine, ..self }
    }

    /// Whether a test case fails the step if it fails: it is not in quarantine.
    pub fn gates(&self, case: &CaseSnapshot) -> bool {
        self.quarantine.matches(&case.name, &case.short_id).is_none()
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

    /// Tells the log.
    pub fn tell(&self, run: usize, news: Event) {
        self.teller.tell(&self.runs.borrow(), run, news, self.now());
    }

    /// Keeps a warning for the report, and tells the log.
    pub fn warn(&self, text: String) {
        self.teller.warn(&text);
        self.warnings.borrow_mut().push(text);
    }

    /// Takes what is known, at the end: large runs are not to be copied.
    pub fn take(&self) -> (Vec<RunReport>, Vec<String>) {
        (self.runs.take(), self.warnings.take())
    }

    /// Reads the runs as they are.
    pub fn read<T>(&self, f: impl FnOnce(&[RunReport]) -> T) -> T {
        f(&self.runs.borrow())
    }

    /// Changes one run.
    pub fn update(&self, run: usize, f: impl FnOnce(&mut RunReport)) {
        if let Some(run) = self.runs.borrow_mut().get_mut(run) {
            f(run);
        }
    }

    fn attempt<T>(&self, run: usize, attempt: usize, f: impl FnOnce(&mut Attempt) -> T) -> Option<T> {
        self.runs.borrow_mut().get_mut(run)?.attempts.get_mut(attempt).map(f)
    }

    /// Adds an attempt and returns its index.
    pub fn add_attempt(&self, run: usize, attempt: Attempt, plan: Option<TestPlan>) -> usize {
        let mut index = 0;
        self.update(run, |run| {
            index = run.attempts.len();
            run.attempts.push(attempt);
            run.plan = plan.or(run.plan.take());
        });
        self.tell(run, Event::Attempt);
        index
    }

    /// Whether we created the attempt's run, so that it may not be found at once.
    pub fn we_created(&self, run: usize, attempt: usize) -> bool {
        self.attempt(run, attempt, |attempt| match attempt.origin {
            AttemptOrigin::Started | AttemptOrigin::Rerun | AttemptOrigin::GithubRerun => true,
            AttemptOrigin::Attached => false,
        })
        .unwrap_or(false)
    }

    /// An attempt's short id, and its id where known.
    pub fn ids(&self, run: usize, attempt: usize) -> (String, Option<String>) {
        self.attempt(run, attempt, |attempt| (attempt.short_id.clone(), attempt.id.clone()))
            .unwrap_or_default()
    }

    /// Counts a GET.
    pub fn count_request(&self, run: usize, attempt: usize, failed: bool) {
        self.attempt(run, attempt, |attempt| {
            attempt.requests += 1;
            attempt.retries += u64::from(failed);
        });
    }

    /// Notes status and result, and tells if they changed.
    pub fn record_status(&self, run: usize, attempt: usize, id: String, status: String, result: Option<String>) {
        let at = self.now();
        let changed = self.attempt(run, attempt, |attempt| {
            attempt.id.get_or_insert(id);
            let changed = attempt.status.as_ref() != Some(&status) || attempt.result != result;
            if changed {
                if attempt.changes.len() < CHANGES {
                    attempt.changes.push(StatusChange {
                        at,
                        status: status.clone(),
                        result: result.clone(),
                    });
                }
                attempt.status = Some(status);
                attempt.result = result;
            }
            changed
        });
        if changed == Some(true) {
            self.tell(run, Event::Status);
        }
    }

    /// Merges the cases of a look, of which it is told how many of the attempt's it listed.
    pub fn record_cases(&self, run: usize, attempt: usize, seen: Vec<CaseSnapshot>, listed: CaseCoverage) {
        let at = self.now();
        let mut bad = Vec::new();
        let mut short_id = None;
        self.update(run, |run| {
            // A rerun lists only what it reruns, so only the first attempt can tell whether cases are missing.
            if attempt == 0 {
                run.listed = run.listed.max(listed);
            }
            let Merged { newly_bad, left_out } = merge::apply(run, attempt, seen, at, &self.quarantine);
            bad = newly_bad;
            if left_out {
                run.listed = CaseCoverage::Partial;
                short_id = run.latest().map(|attempt| attempt.short_id.clone());
            }
        });
        if let Some(short_id) = short_id
            && self.left_out.borrow_mut().insert(run)
        {
            self.warn(format!(
                "run {short_id}: QA.tech lists more test cases or longer texts than can be kept; some are missing"
            ));
        }
        for index in bad {
            self.tell(run, Event::BadCase(index));
        }
    }

    /// Forgets what was seen of a run that is to be started afresh.
    pub fn start_over(&self, run: usize) {
        self.update(run, |run| {
            run.attempts.clear();
            run.cases.clear();
            run.listed = CaseCoverage::Partial;
        });
    }

    /// Counts of the cases of one attempt.
    pub fn counts(&self, run: usize, attempt: usize) -> Counts {
        self.read(|runs| {
            let mut counts = Counts::default();
            let Some(run) = runs.get(run) else { return counts };
            for outcome in run
                .cases
                .iter()
                .filter_map(|case| case.latest())
                .filter(|latest| latest.attempt == attempt)
                .map(|latest| latest.outcome)
            {
                counts.add(outcome);
            }
            let told = run
                .attempts
                .get(attempt)
                .and_then(|attempt| attempt.test_count)
                .unwrap_or(0);
            counts.total = counts.total.max(told);
            counts
        })
    }

    /// Ends an attempt with its verdict.
    pub fn end_attempt(&self, run: usize, attempt: usize, verdict: Verdict, problem: Option<String>) {
        let at = self.now();
        self.attempt(run, attempt, |attempt| {
            attempt.verdict = Some(verdict);
            attempt.problem.clone_from(&problem);
            // A wait may end before the run does: at the deadline, by `fail_fast`, or when the API refuses to go on.
            let over = attempt.status.as_deref().is_some_and(status::is_over);
            attempt.ended = over.then_some(at);
        });
        self.tell(run, Event::Ended(problem));
    }

    /// Notes that an attempt has ended, and that its last look listed no more than this: what was listed before may have
    /// failed since.
    pub fn ended_with_list(&self, run: usize, attempt: usize, listed: CaseCoverage) {
        if attempt == 0 {
            self.update(run, |run| run.listed = run.listed.min(listed));
        }
    }

    /// Sets the verdict over all attempts, with warnings where the cases contradict what the API says.
    pub fn conclude(&self, run: usize) {
        let mut contradiction = None;
        self.update(run, |run| {
            merge::conclude(run);
            contradiction = merge::contradiction(run);
        });
        if let Some(text) = contradiction {
            self.warn(text);
        }
    }

    /// Marks a run's POST as under way until the guard is dropped.
    pub fn post_in_flight(&self, run: usize) -> impl Drop + '_ {
        struct Guard<'a>(&'a RefCell<BTreeSet<usize>>, usize);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                self.0.borrow_mut().remove(&self.1);
            }
        }
        self.posts_in_flight.borrow_mut().insert(run);
        Guard(&self.posts_in_flight, run)
    }

    /// The runs whose POST is under way.
    pub fn posts_in_flight(&self) -> Vec<usize> {
        self.posts_in_flight.borrow().iter().copied().collect()
    }

    /// Begin nothing new.
    pub fn stop(&self) {
        self.stopping.set(true);
    }

    /// Whether nothing new is to be begun.
    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }
}
