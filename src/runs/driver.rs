//! One run from its start to its verdict: start or attach, wait, rerun what failed.

use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;

use crate::inputs::RerunOnly;
use crate::net::retry::{Backoff, GiveUp, OUT_OF_REACH};
use crate::qatech::client::{Api, PostError, RerunCases};
use crate::qatech::wire::{Run, StartRequest, StartedRun};
use crate::report::{Attempt, AttemptOrigin, CaseCoverage, RunReport, TestPlan, Verdict, merge};
use crate::runs::details::DetailsFetcher;
use crate::runs::event::Event;
use crate::runs::poller;
use crate::runs::poller::Policy;
use crate::runs::previous_run;
use crate::runs::previous_run::PreviousRun;
use crate::runs::shutdown::Shutdown;
use crate::runs::store::{AttemptHandle, RunHandle};
use crate::text::ShortId;

/// How a run begins.
#[derive(Debug, Clone)]
pub enum Origin<'a> {
    /// Start a new run.
    Start(StartRequest<'a>),
    /// Attach to a run that exists.
    Attach(ShortId),
    /// Rerun what failed in a run of the job's previous attempt (`on_github_rerun: failed`), once it has ended; if that run
    /// can't be used, start a new one.
    RerunPrevious(ShortId, StartRequest<'a>),
}

/// What all runs share.
pub struct Driver<'a, A> {
    /// The API.
    pub client: &'a A,
    /// How to poll, and until when.
    pub policy: Policy,
    /// Says when nothing new may be started.
    pub shutdown: &'a Shutdown,
    /// Whether to start the runs without waiting for them.
    pub start_only: bool,
    /// How often failed test cases are rerun.
    pub reruns: u32,
    /// Which failed test cases are rerun.
    pub rerun_only: RerunOnly,
    /// Finds out which failed test cases were misses of the agent or the platform.
    pub details: &'a DetailsFetcher<'a, A>,
}

/// Why there is no run to wait for.
#[derive(Debug, Error)]
enum StartError {
    /// The API refused, with this HTTP status.
    #[error("{why}")]
    Refused { status: u16, why: String },
    /// A proxy or firewall answered instead of QA.tech.
    #[error("{0}")]
    Blocked(String),
    /// A run may have been created.
    #[error("{0}")]
    Ambiguous(String),
    /// The connection fails in a way that no retry can fix.
    #[error("no connection to QA.tech can be made, so nothing was started: {0}")]
    Unconnectable(String),
    /// No connection was made, or no answer came, for [`OUT_OF_REACH`].
    #[error("QA.tech has been out of reach for 10 minutes: {0}")]
    OutOfReach(String),
    /// The deadline passed before a run was created; the error of the last attempt, if there was one.
    #[error("the deadline (`timeout_minutes`) came before a run could be started{}", .0.as_ref().map(|what| format!(": {what}")).unwrap_or_default())]
    Deadline(Option<String>),
    /// The step is stopping, so nothing new is started. Whoever stopped it sets this run's verdict.
    #[error("the step is stopping")]
    Stopped,
}

impl StartError {
    /// The run's verdict; `None` if the driver does not set it.
    fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Refused { .. }
            | Self::Blocked(_)
            | Self::Ambiguous(_)
            | Self::Unconnectable(_)
            | Self::OutOfReach(_) => Some(Verdict::Unknown),
            Self::Deadline(_) => Some(Verdict::TimedOut),
            Self::Stopped => None,
        }
    }

    /// Whether a run was created; `None` if that is not known.
    fn created(&self) -> Option<bool> {
        match self {
            Self::Ambiguous(_) => None,
            Self::Refused { .. }
            | Self::Blocked(_)
            | Self::Unconnectable(_)
            | Self::OutOfReach(_)
            | Self::Deadline(_)
            | Self::Stopped => Some(false),
        }
    }
}

/// A run to wait for.
struct Begun<'a> {
    attempt: AttemptHandle<'a>,
    /// Whether the run has ended already and its failed test cases are rerun regardless of `rerun_failed`.
    rerun_is_due: bool,
}

impl<'a> From<AttemptHandle<'a>> for Begun<'a> {
    fn from(attempt: AttemptHandle<'a>) -> Self {
        Self {
            attempt,
            rerun_is_due: false,
        }
    }
}

impl<A: Api> Driver<'_, A> {
    /// Drives one run to its end. Afterwards its verdict is in the store, unless the step was stopped.
    pub async fn drive<'s>(&self, run: RunHandle<'s>, origin: Origin<'_>) {
        let begun = match origin {
            Origin::Attach(short_id) => Ok(self.attach(run, short_id).into()),
            Origin::Start(request) => self.start(run, &request).await,
            Origin::RerunPrevious(short_id, request) => self.rerun_previous(run, short_id, &request).await,
        };
        let Begun { attempt, rerun_is_due } = match begun {
            Ok(begun) => begun,
            Err(error) => return not_started(run, &error),
        };
        if self.start_only {
            return;
        }
        if !rerun_is_due {
            self.wait(attempt, self.policy).await;
        }
        if self.policy.poll_once && run.latest_verdict().is_none() {
            return;
        }
        self.rerun_all(run, rerun_is_due).await;
        run.conclude();
    }

    async fn wait(&self, attempt: AttemptHandle<'_>, policy: Policy) {
        poller::wait(self.client, policy, attempt).await;
    }

    async fn rerun_all(&self, run: RunHandle<'_>, one_is_due: bool) {
        let due = one_is_due.then_some(AttemptOrigin::GithubRerun);
        let reruns = (0..self.reruns).map(|_| AttemptOrigin::Rerun);
        for origin in due.into_iter().chain(reruns) {
            // With `fail_fast` the wait ends before the run does, and a run that goes on can't be rerun.
            let stopped_early = self.policy.fail_fast && origin == AttemptOrigin::Rerun;
            if stopped_early || run.latest_verdict() != Some(Verdict::Failed) || self.shutdown.is_stopping() {
                break;
            }
            // A rerun covers only cases of the run it repeats, so cases that the latest rerun left out can't pass any more. A
            // rerun of misses leaves out the others on purpose.
            let leaves_some_out = |run: &RunReport| merge::not_played(run).next().is_some();
            if self.rerun_only == RerunOnly::Failed && run.read(leaves_some_out) == Some(true) {
                break;
            }
            if !self.rerun(run, origin).await {
                break;
            }
        }
    }

    fn attach<'s>(&self, run: RunHandle<'s>, short_id: ShortId) -> AttemptHandle<'s> {
        run.update(|run| run.created = Some(false));
        run.add_attempt(new_attempt(run, AttemptOrigin::Attached, short_id), None)
    }

    async fn start<'s>(&self, run: RunHandle<'s>, request: &StartRequest<'_>) -> Result<Begun<'s>, StartError> {
        let started = self
            .post(run, async |timeout| self.client.start(request, timeout).await)
            .await?;
        Ok(add_created(run, AttemptOrigin::Started, started).into())
    }

    async fn rerun_previous<'s>(
        &self,
        run: RunHandle<'s>,
        short_id: ShortId,
        request: &StartRequest<'_>,
    ) -> Result<Begun<'s>, StartError> {
        let about = |what: &str| format!("run {short_id} of the job's previous attempt {what}");
        let note = |what: &str| run.emit(Event::Note(about(what)));
        let unusable = match previous_run::poll(self.client, self.policy, run, &short_id).await {
            PreviousRun::Failed(failed) => match self.rerun_cases(run, &short_id, RerunCases::Failed).await {
                Ok(started) => {
                    self.add_previous(run, short_id, failed);
                    return Ok(add_created(run, AttemptOrigin::GithubRerun, started).into());
                }
                Err(StartError::Refused { status: 400, why: _ }) => {
                    run.store().warn(about("has nothing to rerun; its result counts"));
                    return Ok(self.attach(run, short_id).into());
                }
                Err(StartError::Refused { status: 404, why: _ }) => "no longer exists".to_owned(),
                Err(error) => return Err(error),
            },
            PreviousRun::Passed => {
                note("passed; its result counts");
                return Ok(self.attach(run, short_id).into());
            }
            PreviousRun::Running if self.start_only => {
                note("is still running");
                return Ok(self.attach(run, short_id).into());
            }
            PreviousRun::Running => {
                note("is still running; its failed test cases are rerun once it has ended");
                match self.wait_for_previous(run, short_id.clone()).await {
                    Ok(begun) => return Ok(begun),
                    Err(blocker) => blocker.to_string(),
                }
            }
            PreviousRun::NotReusable(why) => why.to_string(),
            PreviousRun::OutOfReach(_) if self.policy.deadline.has_passed() => {
                return Err(StartError::Deadline(None));
            }
            PreviousRun::OutOfReach(what) => return Err(StartError::OutOfReach(what)),
        };
        run.store().warn(about(&format!("{unusable}, so a new one is started")));
        self.start(run, request).await
    }

    /// Adds the failed run of the job's previous attempt as the first attempt: the verdict on its rerun depends on what passed
    /// and failed in it.
    fn add_previous(&self, run: RunHandle<'_>, short_id: ShortId, previous: Run) {
        let attempt = self.attach(run, short_id);
        attempt.record(previous, CaseCoverage::Complete);
        attempt.end(Verdict::Failed, None);
    }

    /// Waits until the run of the job's previous attempt has ended, so that its failed test cases can be rerun.
    ///
    /// # Errors
    /// Why it can't be used. It is then removed from the store.
    async fn wait_for_previous<'s>(
        &self,
        run: RunHandle<'s>,
        short_id: ShortId,
    ) -> Result<Begun<'s>, previous_run::NotReusable> {
        let attempt = self.attach(run, short_id);
        // A wait that ends at the first failure ends before the run can be rerun.
        let to_its_end = Policy {
            fail_fast: false,
            ..self.policy
        };
        self.wait(attempt, to_its_end).await;
        match run.read(previous_run::rerun_blocker).flatten() {
            Some(blocker) if !self.shutdown.is_stopping() => {
                run.start_over();
                Err(blocker)
            }
            Some(_) | None => Ok(Begun {
                attempt,
                rerun_is_due: true,
            }),
        }
    }

    async fn rerun_cases(
        &self,
        run: RunHandle<'_>,
        short_id: &ShortId,
        cases: RerunCases<'_>,
    ) -> Result<StartedRun, StartError> {
        self.post(run, async |timeout| self.client.rerun(short_id, cases, timeout).await)
            .await
    }

    /// Reruns the latest attempt's failed cases and waits. Returns false if there is no rerun to wait for.
    async fn rerun(&self, run: RunHandle<'_>, origin: AttemptOrigin) -> bool {
        let Some(short_id) = run.latest_short_id() else {
            return false;
        };
        let misses = match (self.rerun_only, origin) {
            (RerunOnly::Misses, AttemptOrigin::Rerun) => Some(self.details.misses(run, self.policy.deadline).await),
            (RerunOnly::Failed | RerunOnly::Misses, _) => None,
        };
        let cases = match &misses {
            Some(misses) if misses.is_empty() => {
                let why = "no failed test case is known to be a miss of the agent or the platform, so none is rerun";
                run.emit(Event::Note(why.to_owned()));
                return false;
            }
            Some(misses) => RerunCases::Only(misses),
            None => RerunCases::Failed,
        };
        let error = match self.rerun_cases(run, &short_id, cases).await {
            Ok(started) => {
                self.wait(add_created(run, origin, started), self.policy).await;
                return true;
            }
            Err(StartError::Stopped) => return false,
            Err(error) => error,
        };
        let what = if error.created().is_none() {
            "no rerun can be waited for: one"
        } else {
            "it was not rerun:"
        };
        run.store()
            .warn(format!("the result of run {short_id} stands, since {what} {error}"));
        run.emit(Event::Ended(None));
        false
    }

    /// Sends a POST that creates a run. Sends it again only if no run can have been created: after a 429 until the deadline,
    /// and without a connection for [`OUT_OF_REACH`].
    async fn post(
        &self,
        run: RunHandle<'_>,
        send: impl AsyncFn(Duration) -> Result<StartedRun, PostError>,
    ) -> Result<StartedRun, StartError> {
        let is_start = run.read(|run| run.attempts.is_empty()).unwrap_or(true);
        let set_created = |created| {
            if is_start {
                run.update(|run| run.created = created);
            }
        };
        let mut backoff = Backoff::default()
            .until(self.policy.deadline)
            .with_patience(OUT_OF_REACH);
        loop {
            if self.shutdown.is_stopping() {
                return Err(StartError::Stopped);
            }
            let left = self.policy.deadline.left();
            if left.is_zero() {
                return Err(StartError::Deadline(None));
            }
            set_created(None);
            let sent = {
                let _in_flight = self.shutdown.post_in_flight(run.index());
                // If the deadline ends the request, its answer is lost like any other.
                send(left).await
            };
            let (what, next) = match sent {
                Ok(started) => return Ok(started),
                Err(PostError::Refused { status, why }) => return Err(StartError::Refused { status, why }),
                Err(PostError::Blocked(why)) => return Err(StartError::Blocked(why)),
                Err(PostError::Ambiguous(why)) => return Err(StartError::Ambiguous(why)),
                Err(PostError::Unreachable { permanent: true, what }) => {
                    set_created(Some(false));
                    return Err(StartError::Unconnectable(what));
                }
                Err(PostError::Unreachable { permanent: false, what }) => (what, backoff.unreachable(None)),
                Err(PostError::NotSent { what, after }) => (what, backoff.deferred(after)),
            };
            set_created(Some(false));
            let next = match next {
                Ok(next) => next,
                Err(end) => return Err(self.give_up(end, what).await),
            };
            run.emit(Event::OutOfReach { what, next });
            tokio::select! {
                () = sleep(next) => {}
                () = self.shutdown.stopped() => {}
            }
        }
    }

    /// Waits until the time for attempts has passed, and returns why no run was created.
    async fn give_up(&self, end: GiveUp, what: String) -> StartError {
        tokio::select! {
            () = end.passed() => {}
            () = self.shutdown.stopped() => return StartError::Stopped,
        }
        match end {
            GiveUp::Deadline(_) => StartError::Deadline(Some(what)),
            GiveUp::OutOfReach(_) | GiveUp::NoAttemptLeft => StartError::OutOfReach(what),
        }
    }
}

fn not_started(run: RunHandle<'_>, error: &StartError) {
    let Some(verdict) = error.verdict() else { return };
    let why = error.to_string();
    run.update(|run| {
        run.created = error.created();
        run.verdict = Some(verdict);
        run.problem = Some(why.clone());
    });
    run.emit(Event::NotStarted(why));
}

fn new_attempt(run: RunHandle<'_>, origin: AttemptOrigin, short_id: ShortId) -> Attempt {
    Attempt {
        origin,
        short_id,
        id: None,
        url: None,
        status: None,
        result: None,
        test_count: None,
        verdict: None,
        problem: None,
        began: run.store().now(),
        ended: None,
        changes: Vec::new(),
        requests: 0,
        retries: 0,
    }
}

/// Adds a run that was just created.
fn add_created<'s>(run: RunHandle<'s>, origin: AttemptOrigin, started: StartedRun) -> AttemptHandle<'s> {
    let StartedRun {
        id,
        short_id,
        url,
        test_count,
        test_plan,
    } = started;
    let attempt = Attempt {
        id,
        url,
        test_count,
        ..new_attempt(run, origin, short_id)
    };
    let plan = test_plan.and_then(|plan| {
        let short_id = plan.short_id.unwrap_or_default();
        let name = plan.name.unwrap_or_default();
        (!short_id.is_empty() || !name.is_empty()).then_some(TestPlan { short_id, name })
    });
    run.update(|run| run.created = Some(true));
    run.add_attempt(attempt, plan)
}
