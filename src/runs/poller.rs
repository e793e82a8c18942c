//! Polls one run until it has ended, the deadline has passed, or its outcome can't be determined.

use std::collections::BTreeSet;
use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};

use crate::net::retry::{Backoff, Deadline, OUT_OF_REACH};
use crate::qatech::client::{Api, Cases, GetError};
use crate::qatech::wire::Run;
use crate::report::{CaseCoverage, Millis, Verdict, status};
use crate::runs::event::Event;
use crate::runs::fetch_policy::FetchPolicy;
use crate::runs::schedule::{Cadence, Progress};
use crate::runs::store::AttemptHandle;
use crate::text::ShortId;

/// How long the API may answer 404 for a run that this program has just created.
const NOT_FOUND_GRACE: Duration = Duration::from_secs(30);
/// Longest delay between polls that are answered with 404.
const MAX_NOT_FOUND_DELAY: Duration = Duration::from_secs(3);
/// How long a completed run may have no result, and how often it is polled until then.
const NO_RESULT_GRACE: Duration = Duration::from_secs(30);
const NO_RESULT_INTERVAL: Duration = Duration::from_secs(2);
/// Attempts to get the final list of test cases.
const FINAL_LIST_TRIES: u32 = 3;
/// Time limits for it, whatever is left until the deadline: the verdict is known, and only the list is missing.
const MIN_FOR_FINAL_LIST: Duration = Duration::from_secs(30);
const MAX_FOR_FINAL_LIST: Duration = Duration::from_secs(120);
/// How long before the deadline the last poll is made.
const LAST_POLL: Duration = Duration::from_secs(1);
/// How many unknown statuses are warned about.
const MAX_UNKNOWN_STATUSES: usize = 5;

/// How to poll, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// When the wait ends at the latest.
    pub deadline: Deadline,
    /// Fixed interval, or the adaptive cadence.
    pub poll_interval: Option<Duration>,
    /// How long a run usually takes, if that is known from earlier results.
    pub usual_duration: Option<Duration>,
    /// Whether to stop at the first failed test case.
    pub fail_fast: bool,
    /// Whether to poll once and not wait.
    pub poll_once: bool,
}

/// Waits for an attempt, and records its test cases and its verdict in the store.
pub async fn wait<A: Api>(client: &A, policy: Policy, attempt: AttemptHandle<'_>) {
    let Some(short_id) = attempt.short_id() else { return };
    let now = Instant::now();
    let poller = Poller {
        client,
        policy,
        attempt,
        short_id,
        created: attempt.is_created_here().then_some(now),
        began: now,
        last_poll: now,
        cadence: Cadence::new(policy.poll_interval, policy.usual_duration),
        outage: Backoff::default().with_patience(OUT_OF_REACH),
        not_found: Backoff::default(),
        no_result_since: None,
        unknown_statuses: BTreeSet::new(),
        fetch: FetchPolicy::default(),
    };
    poller.run().await;
}

struct Poller<'a, A> {
    client: &'a A,
    policy: Policy,
    attempt: AttemptHandle<'a>,
    short_id: ShortId,
    /// When this program created the run, if it did.
    created: Option<Instant>,
    began: Instant,
    /// When the latest poll began.
    last_poll: Instant,
    cadence: Cadence,
    /// Polls that fail. The deadline is not its own: one more poll is made just before that.
    outage: Backoff,
    /// Polls that do not find the run yet.
    not_found: Backoff,
    no_result_since: Option<Instant>,
    unknown_statuses: BTreeSet<String>,
    fetch: FetchPolicy,
}

/// The result of a poll.
enum PollOutcome {
    /// Poll again after this time.
    After(Duration),
    /// The attempt is over.
    End(End),
    /// The policy allows one poll, and it was made.
    PolledOnce,
}

/// How the wait for an attempt ended.
struct End {
    verdict: Verdict,
    /// The reason, if the verdict does not follow from status and result.
    problem: Option<String>,
    /// Which test cases the final answer listed; `None` if no answer showed that the run has ended.
    listed: Option<CaseCoverage>,
}

impl PollOutcome {
    fn unknown(problem: String) -> Self {
        Self::End(End {
            verdict: Verdict::Unknown,
            problem: Some(problem),
            listed: None,
        })
    }
}

/// Why the final list of test cases is missing.
#[derive(Debug, Error)]
enum ListError {
    #[error("the list is over 64 MiB")]
    TooLarge,
    #[error("the answer has no list of them")]
    Missing,
    #[error("no answer came in time")]
    TimedOut,
    #[error("{0}")]
    Failed(String),
}

/// Which test cases an answer covers, by the cases that were requested.
fn coverage<T>(cases: Cases, list: Option<&Vec<T>>) -> CaseCoverage {
    match (list, cases) {
        (None, _) | (_, Cases::None) => CaseCoverage::Partial,
        (Some(_), Cases::Failed) => CaseCoverage::Failures,
        (Some(_), Cases::All) => CaseCoverage::Complete,
    }
}

impl<A: Api> Poller<'_, A> {
    async fn run(mut self) {
        let Some(end) = self.poll_until_ended().await else {
            return;
        };
        // The verdict is recorded first: it does not depend on the list of cases.
        self.attempt.end(end.verdict, end.problem);
        if let Some(listed) = end.listed.filter(|listed| *listed != CaseCoverage::Complete) {
            self.attempt.limit_coverage(listed);
            let (min, max) = (Deadline::after(MIN_FOR_FINAL_LIST), Deadline::after(MAX_FOR_FINAL_LIST));
            self.final_list(self.policy.deadline.clamp(min, max)).await;
        }
    }

    fn deadline_passed(&self) -> End {
        let why = if self.no_result_since.is_some() {
            "the run has ended, but had no result before the deadline (`timeout_minutes`)"
        } else {
            "the run did not end before the deadline (`timeout_minutes`); it goes on at QA.tech"
        };
        End {
            verdict: Verdict::TimedOut,
            problem: Some(why.to_owned()),
            listed: None,
        }
    }

    /// Polls until the attempt has ended; `None` if the policy allows only one poll.
    async fn poll_until_ended(&mut self) -> Option<End> {
        loop {
            let deadline = self.policy.deadline;
            let Some(outcome) = deadline.limit(self.poll()).await else {
                return Some(self.deadline_passed());
            };
            let delay = match outcome {
                PollOutcome::End(end) => return Some(end),
                PollOutcome::PolledOnce => return None,
                PollOutcome::After(delay) => delay,
            };
            let left = deadline.left();
            if left.is_zero() {
                return Some(self.deadline_passed());
            }
            // One more poll just before the deadline, rather than sleeping through it.
            let last_poll = left.checked_sub(LAST_POLL).filter(|until_last| !until_last.is_zero());
            sleep(delay.min(last_poll.unwrap_or(left))).await;
        }
    }

    async fn poll(&mut self) -> PollOutcome {
        let id = self.attempt.id();
        self.last_poll = Instant::now();
        let cases = self.fetch.next(self.policy.fail_fast, self.policy.deadline.left());
        let known = self.attempt.known_elements();
        let answer = self.client.get(&self.short_id, id.as_deref(), cases, &known).await;
        self.attempt.count_request(answer.is_err());
        match answer {
            Ok(got) => {
                self.fetch.saw(cases, got.size);
                if let Some(after) = self.outage.succeeded() {
                    self.attempt.run().emit(Event::BackInReach { after });
                }
                self.record(got.run, cases)
            }
            // An answer that is too large even without test cases is invalid.
            Err(GetError::TooLarge) if cases == Cases::None => self.failed("an answer of over 64 MiB".to_owned(), None),
            Err(GetError::TooLarge) => {
                self.fetch.too_large(cases);
                PollOutcome::After(Duration::ZERO)
            }
            Err(GetError::NotFound(_)) if self.created.is_some_and(|created| created.elapsed() < NOT_FOUND_GRACE) => {
                let delay = self.not_found.deferred(None);
                PollOutcome::After(delay.unwrap_or(MAX_NOT_FOUND_DELAY).min(MAX_NOT_FOUND_DELAY))
            }
            Err(GetError::NotFound(why) | GetError::Refused(why)) => PollOutcome::unknown(why),
            Err(GetError::Retry { what, after }) => {
                // A single poll always asks for test cases.
                if !self.policy.poll_once {
                    self.fetch.failed(cases);
                }
                self.failed(what, after)
            }
        }
    }

    fn failed(&mut self, what: String, after: Option<Duration>) -> PollOutcome {
        let next = match self.outage.unreachable(after) {
            Ok(delay) => delay,
            Err(end) if end.left().is_zero() => {
                return PollOutcome::unknown(format!("QA.tech has been out of reach for 10 minutes: {what}"));
            }
            // The last poll of the 10 minutes.
            Err(end) => end.left(),
        };
        self.attempt.run().emit(Event::OutOfReach { what, next });
        PollOutcome::After(next)
    }

    fn record(&mut self, run: Run, cases: Cases) -> PollOutcome {
        let (status, result) = (run.status.clone(), run.result.clone());
        let listed = coverage(cases, run.run_test_cases.as_ref());
        self.attempt.record(run, listed);
        let end = |verdict, problem| {
            if self.policy.poll_once {
                return PollOutcome::PolledOnce;
            }
            PollOutcome::End(End {
                verdict,
                problem,
                listed: Some(listed),
            })
        };
        match (status.as_str(), result.as_deref()) {
            (status::COMPLETED, Some(status::PASSED)) => end(Verdict::Passed, None),
            (status::COMPLETED, Some(status::FAILED)) => end(Verdict::Failed, None),
            (status::COMPLETED, Some(status::SKIPPED)) => end(Verdict::Skipped, None),
            (status::COMPLETED, Some(result)) => {
                let why = format!("QA.tech returned COMPLETED with the unknown result {result:?}");
                end(Verdict::Unknown, Some(why))
            }
            (status::COMPLETED, None) => self.no_result(listed),
            (status::ERROR, _) => end(Verdict::Error, None),
            (status::CANCELLED, _) => end(Verdict::Cancelled, None),
            (status, _) => self.not_ended(status, listed),
        }
    }

    fn not_ended(&mut self, status: &str, listed: CaseCoverage) -> PollOutcome {
        if !status::is_known(status) {
            self.warn_of_status(status.to_owned());
        }
        if self.policy.poll_once {
            return PollOutcome::PolledOnce;
        }
        if self.policy.fail_fast && self.attempt.has_gating_failure() {
            let why = "stopped waiting at the first failed test case (`fail_fast`); the run goes on at QA.tech";
            return PollOutcome::End(End {
                verdict: Verdict::Failed,
                problem: Some(why.to_owned()),
                listed: None,
            });
        }
        let counts = self.attempt.counts();
        let progress = Progress {
            age: self.began.elapsed(),
            done: counts.done(),
            total: counts.total,
            is_exact: listed == CaseCoverage::Complete,
        };
        let interval = self.cadence.next(progress, crate::random::unit());
        self.expect_end();
        if self.policy.poll_interval.is_some() {
            return PollOutcome::After(interval);
        }
        // The interval is counted from the last poll's start, but at least half of it is left after a slow answer.
        PollOutcome::After(interval.saturating_sub(self.last_poll.elapsed()).max(interval / 2))
    }

    fn warn_of_status(&mut self, status: String) {
        if self.unknown_statuses.len() < MAX_UNKNOWN_STATUSES && self.unknown_statuses.insert(status.clone()) {
            self.attempt.run().store().warn(format!(
                "QA.tech returned the unknown status {status:?}, which is treated as still running"
            ));
        }
    }

    /// Records when the run is expected to end, for the log.
    fn expect_end(&self) {
        let run = self.attempt.run();
        let left = self.cadence.expected_left();
        run.expect_end(left.map(|left| {
            let left = Millis::try_from(left.as_millis()).unwrap_or(Millis::MAX);
            run.store().now().saturating_add(left)
        }));
    }

    fn no_result(&mut self, listed: CaseCoverage) -> PollOutcome {
        if self.policy.poll_once {
            return PollOutcome::PolledOnce;
        }
        let since = *self.no_result_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= NO_RESULT_GRACE {
            return PollOutcome::End(End {
                verdict: Verdict::Unknown,
                problem: Some("QA.tech returned COMPLETED, but no result within 30 s".to_owned()),
                listed: Some(listed),
            });
        }
        let left = NO_RESULT_GRACE.saturating_sub(since.elapsed());
        PollOutcome::After(self.policy.poll_interval.unwrap_or(NO_RESULT_INTERVAL).min(left))
    }

    /// Gets the test cases of a run that has ended: all of them, or the failed ones if that fails.
    async fn final_list(&self, until: Deadline) {
        let short_id = &self.short_id;
        let store = self.attempt.run().store();
        // A slow request for all cases must leave time for the request for the failed ones.
        let why = match self.final_list_within(Cases::All, until.left() / 2).await {
            Ok(()) => return,
            Err(why) => why,
        };
        store.warn(match self.final_list_within(Cases::Failed, until.left()).await {
            Ok(()) => format!("run {short_id}: only failed, skipped and errored test cases are listed: {why}"),
            Err(why) => format!("run {short_id}: its test cases could not be read: {why}"),
        });
    }

    async fn final_list_within(&self, cases: Cases, limit: Duration) -> Result<(), ListError> {
        match timeout(limit, self.try_final_list(cases)).await {
            Ok(result) => result,
            Err(_) => Err(ListError::TimedOut),
        }
    }

    async fn try_final_list(&self, cases: Cases) -> Result<(), ListError> {
        if self.fetch.is_too_large(cases) {
            return Err(ListError::TooLarge);
        }
        let (id, known) = (self.attempt.id(), self.attempt.known_elements());
        let mut backoff = Backoff::default().with_max_attempts(FINAL_LIST_TRIES);
        loop {
            let answer = self.client.get(&self.short_id, id.as_deref(), cases, &known).await;
            self.attempt.count_request(answer.is_err());
            match answer {
                Ok(got) => {
                    let list = got.run.run_test_cases;
                    let listed = coverage(cases, list.as_ref());
                    self.attempt.record_cases(list.ok_or(ListError::Missing)?, listed);
                    return Ok(());
                }
                Err(GetError::Retry { what, after }) => match backoff.unreachable(after) {
                    Ok(delay) => sleep(delay).await,
                    Err(_) => return Err(ListError::Failed(what)),
                },
                Err(GetError::TooLarge) => return Err(ListError::TooLarge),
                Err(GetError::NotFound(what) | GetError::Refused(what)) => return Err(ListError::Failed(what)),
            }
        }
    }
}
