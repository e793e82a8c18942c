//! The wait: look at one run again and again until it has ended, the deadline has passed, or we can't find out.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::net::retry::Delays;
use crate::qatech::client::{Api, Cases, GetError};
use crate::qatech::wire::{Run, RunTestCase, WORD};
use crate::report::{CaseCoverage, CaseOutcome, Verdict, status};
use crate::runs::fetch_policy::FetchPolicy;
use crate::runs::schedule::Cadence;
use crate::runs::store::{Event, RunStore};
use crate::text::Redactor;

/// How long QA.tech may be out of reach without a break before the answer is `unknown`.
pub(super) const OUT_OF_REACH: Duration = Duration::from_secs(600);
/// How long a run that we created may be unknown to the API.
const NOT_FOUND_GRACE: Duration = Duration::from_secs(30);
/// How long a completed run may be without a result.
const NO_RESULT_GRACE: Duration = Duration::from_secs(30);
/// Attempts at the last answer that has everything.
const LAST_TRIES: u32 = 3;
/// Time for it, whatever the deadline leaves: the verdict is known, and somebody waits for it.
const LEAST_FOR_LAST: Duration = Duration::from_secs(30);
const MAX_FOR_LAST: Duration = Duration::from_secs(120);
/// A last look is taken that long before the deadline, rather than sleeping through it.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// How many statuses that we do not know are told of.
const STRANGE_STATUSES: usize = 5;

/// A status or result, as it is kept and shown.
pub(super) fn word(redactor: &Redactor, text: &str) -> String {
    redactor.clean(text.to_owned()).chars().take(WORD).collect()
}

/// How to wait.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// When the wait ends whatever happens.
    pub deadline: Instant,
    /// Fixed interval, or the adaptive cadence.
    pub poll_interval: Option<Duration>,
    /// Stop at the first failed test case.
    pub fail_fast: bool,
    /// One look, no wait.
    pub poll_once: bool,
}

/// Waits for one attempt of one run. What is seen goes to the board, the verdict of the attempt too.
pub async fn wait<A: Api>(
    client: &A,
    redactor: &Redactor,
    policy: Policy,
    board: &RunStore,
    run: usize,
    attempt: usize,
) {
    let created = board.we_created(run, attempt).then(Instant::now);
    Wait {
        client,
        redactor,
        policy,
        board,
        run,
        attempt,
        created,
        began: Instant::now(),
        looked: Instant::now(),
        cadence: Cadence::new(policy.poll_interval),
        delays: Delays::default(),
        failing_since: None,
        no_result_since: None,
        strange_statuses: BTreeSet::new(),
        fetch: FetchPolicy::default(),
    }
    .until_ended()
    .await;
}

struct Wait<'a, A> {
    client: &'a A,
    redactor: &'a Redactor,
    policy: Policy,
    board: &'a RunStore,
    run: usize,
    attempt: usize,
    /// When we created the run, if we did.
    created: Option<Instant>,
    began: Instant,
    /// When the latest look was begun.
    looked: Instant,
    cadence: Cadence,
    delays: Delays,
    failing_since: Option<Instant>,
    no_result_since: Option<Instant>,
    strange_statuses: BTreeSet<String>,
    fetch: FetchPolicy,
}

/// What follows from a look.
enum PollOutcome {
    /// Look again after this time.
    After(Duration),
    /// The attempt's verdict, why if it does not follow from status and result, and which cases the look listed at which
    /// it had ended.
    End(Verdict, Option<String>, Option<CaseCoverage>),
    /// One look was asked for, and this was it.
    Looked,
}

/// What an answer lists, if it is one with these cases and has a list.
fn listed(cases: Cases, list: Option<&Vec<RunTestCase>>) -> CaseCoverage {
    match (list, cases) {
        (None, _) | (_, Cases::None) => CaseCoverage::Partial,
        (Some(_), Cases::Failed) => CaseCoverage::Failures,
        (Some(_), Cases::All) => CaseCoverage::Complete,
    }
}

impl<A: Api> Wait<'_, A> {
    async fn until_ended(&mut self) {
        let (verdict, problem, ended) = loop {
            let next = match timeout_at(self.policy.deadline, self.poll()).await {
                Ok(next) => next,
                Err(_) => break self.deadline_passed(),
            };
            match next {
                PollOutcome::End(verdict, problem, ended) => break (verdict, problem, ended),
                PollOutcome::Looked => return,
                PollOutcome::After(delay) => {
                    let now = Instant::now();
                    if now >= self.policy.deadline {
                        break self.deadline_passed();
                    }
                    sleep_until(self.next_look(now, delay)).await;
                }
            }
        };
        // The verdict first: whatever becomes of the list of cases, it stands.
        self.board.end_attempt(self.run, self.attempt, verdict, problem);
        if let Some(listed) = ended.filter(|listed| *listed != CaseCoverage::Complete) {
            self.board.ended_with_list(self.run, self.attempt, listed);
            let now = Instant::now();
            let until = self.policy.deadline.clamp(now + LEAST_FOR_LAST, now + MAX_FOR_LAST);
            self.last_answer(until).await;
        }
    }

    /// When to look again: after the delay, but once more just before the deadline, and not past the time at which
    /// QA.tech counts as out of reach.
    fn next_look(&self, now: Instant, delay: Duration) -> Instant {
        let deadline = self.policy.deadline;
        let last_look = deadline
            .checked_sub(LAST_LOOK)
            .filter(|last_look| *last_look > now)
            .unwrap_or(deadline);
        let out_of_reach = self.failing_since.map_or(deadline, |since| since + OUT_OF_REACH);
        now.checked_add(delay)
            .unwrap_or(deadline)
            .min(last_look)
            .min(out_of_reach.max(now))
    }

    fn deadline_passed(&self) -> (Verdict, Option<String>, Option<CaseCoverage>) {
        let why = "the deadline (`timeout_minutes`) came before the run's end; the run goes on at QA.tech";
        (Verdict::TimedOut, Some(why.to_owned()), None)
    }

    async fn poll(&mut self) -> PollOutcome {
        let (short_id, id) = self.board.ids(self.run, self.attempt);
        self.looked = Instant::now();
        let left = self.policy.deadline.saturating_duration_since(self.looked);
        let cases = self.fetch.next(self.policy.fail_fast, left);
        let answer = self.client.get(&short_id, id.as_deref(), cases).await;
        self.board.count_request(self.run, self.attempt, answer.is_err());
        match answer {
            Ok(got) => {
                self.fetch.saw(cases, got.size);
                if let Some(since) = self.failing_since.take() {
                    self.board.tell(self.run, Event::BackInReach { after: since.elapsed() });
                }
                self.delays.reset();
                self.saw(got.run, cases)
            }
            // Status and result are to be had without the cases; an answer that is too large without them makes no sense.
            Err(GetError::TooLarge) if cases == Cases::None => self.failed("an answer of over 64 MiB".to_owned(), None),
            Err(GetError::TooLarge) => {
                self.fetch.too_large(cases);
                PollOutcome::After(Duration::ZERO)
            }
            Err(GetError::NotFound(_)) if self.created.is_some_and(|created| created.elapsed() < NOT_FOUND_GRACE) => {
                PollOutcome::After(self.delays.next(None).min(Duration::from_secs(3)))
            }
            Err(GetError::NotFound(why) | GetError::Refused(why)) => {
                PollOutcome::End(Verdict::Unknown, Some(why), None)
            }
            Err(GetError::Retry { what, after }) => {
                // A look that is the only one is not worth much without cases.
                if !self.policy.poll_once {
                    self.fetch.failed(cases);
                }
                self.failed(what, after)
            }
        }
    }

    fn failed(&mut self, what: String, after: Option<Duration>) -> PollOutcome {
        let now = Instant::now();
        let since = *self.failing_since.get_or_insert(now);
        if now.duration_since(since) >= OUT_OF_REACH {
            let why = format!("QA.tech has been out of reach for 10 minutes: {what}");
            return PollOutcome::End(Verdict::Unknown, Some(why), None);
        }
        let delay = self.delays.next(after);
        self.board.tell(
            self.run,
            Event::OutOfReach {
                what,
                first: since == now,
                next: delay,
            },
        );
        PollOutcome::After(delay)
    }

    fn saw(&mut self, run: Run, cases: Cases) -> PollOutcome {
        let Run {
            id,
            short_id: _,
            status,
            result,
            run_test_cases,
        } = run;
        let shown = |text: &str| word(self.redactor, text);
        self.board
            .record_status(self.run, self.attempt, id, shown(&status), result.as_deref().map(shown));
        let listed = listed(cases, run_test_cases.as_ref());
        let seen: Vec<_> = run_test_cases
            .unwrap_or_default()
            .into_iter()
            .map(|case| case.seen(|text| self.redactor.clean(text)))
            .collect();
        let one_failed = seen
            .iter()
            .any(|case| CaseOutcome::from_status(&case.status, case.result.as_deref()) == CaseOutcome::Failed);
        self.board.record_cases(self.run, self.attempt, seen, listed);
        let end = |verdict, problem| {
            if self.policy.poll_once {
                PollOutcome::Looked
            } else {
                PollOutcome::End(verdict, problem, Some(listed))
            }
        };
        match (status.as_str(), result.as_deref()) {
            (status::COMPLETED, Some(status::PASSED)) => end(Verdict::Passed, None),
            (status::COMPLETED, Some(status::FAILED)) => end(Verdict::Failed, None),
            (status::COMPLETED, Some(status::SKIPPED)) => end(Verdict::Skipped, None),
            (status::COMPLETED, Some(word)) => {
                let why = format!(
                    "QA.tech says COMPLETED with the result {:?}, which we do not know",
                    shown(word)
                );
                end(Verdict::Unknown, Some(why))
            }
            (status::COMPLETED, None) => self.no_result(listed),
            (status::ERROR, _) => end(Verdict::Error, None),
            (status::CANCELLED, _) => end(Verdict::Cancelled, None),
            (word, _) => self.not_ended(word, one_failed),
        }
    }

    fn not_ended(&mut self, status: &str, one_failed: bool) -> PollOutcome {
        let strange = !status::is_known(status) && self.strange_statuses.len() < STRANGE_STATUSES;
        let status = word(self.redactor, status);
        if strange && self.strange_statuses.insert(status.clone()) {
            self.board.warn(format!(
                "QA.tech says the status {status:?}, which we do not know; it counts as not ended"
            ));
        }
        if self.policy.poll_once {
            return PollOutcome::Looked;
        }
        if self.policy.fail_fast && one_failed {
            let why = "stopped waiting at the first failed test case (`fail_fast`); the run goes on at QA.tech";
            return PollOutcome::End(Verdict::Failed, Some(why.to_owned()), None);
        }
        let counts = self.board.counts(self.run, self.attempt);
        let interval = self
            .cadence
            .next(self.began.elapsed(), counts.done(), counts.total, crate::random::unit());
        if self.policy.poll_interval.is_some() {
            return PollOutcome::After(interval);
        }
        // From look to look, however long the answer took; but a server that is slow gets its rest.
        PollOutcome::After(interval.saturating_sub(self.looked.elapsed()).max(interval / 2))
    }

    fn no_result(&mut self, listed: CaseCoverage) -> PollOutcome {
        if self.policy.poll_once {
            return PollOutcome::Looked;
        }
        let since = *self.no_result_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= NO_RESULT_GRACE {
            let why = "QA.tech says COMPLETED, but gave no result for 30 s".to_owned();
            return PollOutcome::End(Verdict::Unknown, Some(why), Some(listed));
        }
        let left = NO_RESULT_GRACE.saturating_sub(since.elapsed());
        PollOutcome::After(self.policy.poll_interval.unwrap_or(Duration::from_secs(2)).min(left))
    }

    /// Gets the cases of a run that has ended: all, else the failed ones.
    async fn last_answer(&self, until: Instant) {
        let (short_id, _) = self.board.ids(self.run, self.attempt);
        let mut why = String::new();
        // What a list of all that hangs may take: the failed ones are to have their turn.
        for (cases, share) in [(Cases::All, 2), (Cases::Failed, 1)] {
            let left = until.saturating_duration_since(Instant::now()) / share;
            let got = match timeout(left, self.last_list(cases)).await {
                Ok(got) => got,
                Err(_) => Err("no answer came in time".to_owned()),
            };
            match (got, cases) {
                (Ok(()), Cases::All | Cases::None) => return,
                (Ok(()), Cases::Failed) => {
                    return self.board.warn(format!(
                        "run {short_id}: only failed, skipped and errored test cases are listed: {why}"
                    ));
                }
                (Err(what), Cases::All | Cases::Failed | Cases::None) => why = what,
            }
        }
        self.board
            .warn(format!("run {short_id}: its test cases could not be had: {why}"));
    }

    /// # Errors
    /// Why the list can't be had.
    async fn last_list(&self, cases: Cases) -> Result<(), String> {
        const TOO_LARGE: &str = "the list is over 64 MiB";
        if self.fetch.is_too_large(cases) {
            return Err(TOO_LARGE.to_owned());
        }
        let (short_id, id) = self.board.ids(self.run, self.attempt);
        let mut delays = Delays::default();
        let mut tries = 1;
        loop {
            let answer = self.client.get(&short_id, id.as_deref(), cases).await;
            self.board.count_request(self.run, self.attempt, answer.is_err());
            match answer {
                Ok(got) => {
                    let Some(list) = got.run.run_test_cases else {
                        return Err("the answer has no list of them".to_owned());
                    };
                    let listed = listed(cases, Some(&list));
                    let seen = list
                        .into_iter()
                        .map(|case| case.seen(|text| self.redactor.clean(text)))
                        .collect();
                    self.board.record_cases(self.run, self.attempt, seen, listed);
                    return Ok(());
                }
                Err(GetError::Retry { what, after: _ }) if tries == LAST_TRIES => return Err(what),
                Err(GetError::Retry { what: _, after }) => sleep(delays.next(after)).await,
                Err(GetError::TooLarge) => return Err(TOO_LARGE.to_owned()),
                Err(GetError::NotFound(what) | GetError::Refused(what)) => return Err(what),
            }
            tries += 1;
        }
    }
}
