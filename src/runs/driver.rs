//! One run from its start to its verdict: start or attach, wait, rerun what failed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::inputs::RerunOnly;
use crate::net::retry::Delays;
use crate::qatech::client::{Api, PostError, RerunCases};
use crate::qatech::wire::{Run, RunTestCase, StartRequest, StartedRun};
use crate::report::{Attempt, AttemptOrigin, CaseCoverage, TestPlan, Verdict, merge};
use crate::runs::details::DetailsFetcher;
use crate::runs::poller;
use crate::runs::poller::Policy;
use crate::runs::previous_run;
use crate::runs::previous_run::Earlier;
use crate::runs::store::{Event, RunStore};

/// How a run comes to be.
#[derive(Debug, Clone)]
pub enum Origin<'a> {
    /// Start it.
    Start(StartRequest<'a>),
    /// It exists.
    Attach(String),
    /// Rerun what failed in a run of the job's earlier attempt (`on_github_rerun: failed`), once it has ended; if nothing
    /// can be built on that run, start afresh.
    RerunEarlier(String, StartRequest<'a>),
}

/// What all runs share.
pub struct Driver<'a, A> {
    /// The API.
    pub client: &'a A,
    /// How to wait.
    pub policy: Policy,
    /// Where everything is kept.
    pub board: &'a RunStore,
    /// Start, do not wait.
    pub start_only: bool,
    /// How often failed cases are rerun.
    pub reruns: u32,
    /// Which of them.
    pub rerun_only: RerunOnly,
    /// Tells which failed cases were misses.
    pub details: &'a DetailsFetcher<'a, A>,
}

impl<A: Api> Driver<'_, A> {
    /// Plays one run to its end. Its verdict is on the board afterwards.
    pub async fn drive(&self, run: usize, origin: Origin<'_>) {
        let begun = match origin {
            Origin::Attach(short_id) => Ok(Begun::of(self.attach(run, short_id))),
            Origin::Start(request) => self.start(run, &request).await.map(Begun::of),
            Origin::RerunEarlier(short_id, request) => self.rerun_earlier(run, short_id, &request).await,
        };
        let Begun { attempt, rerun_is_due } = match begun {
            Ok(begun) => begun,
            Err(failure) => return self.not_started(run, failure),
        };
        if self.start_only {
            return;
        }
        if !rerun_is_due {
            poller::wait(self.client, self.policy, self.board, run, attempt).await;
        }
        if self.policy.poll_once && self.verdict(run).is_none() {
            return;
        }
        self.rerun_all(run, rerun_is_due).await;
        self.board.conclude(run);
    }

    async fn rerun_all(&self, run: usize, one_is_due: bool) {
        let due = one_is_due.then_some(AttemptOrigin::GithubRerun);
        let reruns = (0..self.reruns).map(|_| AttemptOrigin::Rerun);
        for origin in due.into_iter().chain(reruns) {
            // A failure that ended the wait early has not ended the run: there is nothing to rerun yet.
            let stopped_early = self.policy.fail_fast && origin == AttemptOrigin::Rerun;
            if stopped_early || self.verdict(run) != Some(Verdict::Failed) || self.board.is_stopping() {
                break;
            }
            // What the latest rerun left out, no rerun of it can see pass. A rerun of misses leaves out the others on purpose.
            if self.rerun_only == RerunOnly::Failed
                && self.board.read(|runs| merge::not_played(runs.get(run)?)).is_some()
            {
                break;
            }
            if !self.rerun(run, origin).await {
                break;
            }
        }
    }

    fn attach(&self, run: usize, short_id: String) -> usize {
        self.board.update(run, |run| run.created = Some(false));
        self.board
            .add_attempt(run, self.attempt(AttemptOrigin::Attached, short_id), None)
    }

    async fn start(&self, run: usize, request: &StartRequest<'_>) -> Result<usize, Failure> {
        let started = self
            .post(run, async |timeout| self.client.start(request, timeout).await)
            .await?;
        Ok(self.created(run, AttemptOrigin::Started, started))
    }

    async fn rerun_earlier(&self, run: usize, short_id: String, request: &StartRequest<'_>) -> Result<Begun, Failure> {
        let that = |what: &str| format!("run {short_id} of the job's earlier attempt {what}");
        let note = |what: &str| self.board.tell(run, Event::Note(that(what)));
        let useless = match previous_run::look(self.client, self.policy, self.board, run, &short_id).await {
            Earlier::Failed(failed) => match self
                .post(run, async |timeout| {
                    self.client.rerun(&short_id, RerunCases::Failed, timeout).await
                })
                .await
            {
                Ok(started) => {
                    self.show_earlier(run, short_id, failed);
                    return Ok(Begun::of(self.created(run, AttemptOrigin::GithubRerun, started)));
                }
                Err(Failure { status: Some(400), .. }) => {
                    self.board.warn(that("has nothing to rerun; its result counts"));
                    return Ok(Begun::of(self.attach(run, short_id)));
                }
                Err(Failure { status: Some(404), .. }) => "is gone".to_owned(),
                Err(failure) => return Err(failure),
            },
            Earlier::Passed => {
                note("passed; its result counts");
                return Ok(Begun::of(self.attach(run, short_id)));
            }
            Earlier::Running if self.start_only => {
                note("goes on");
                return Ok(Begun::of(self.attach(run, short_id)));
            }
            Earlier::Running => {
                note("goes on; what fails in it is rerun once it has ended");
                match self.wait_for_earlier(run, short_id.clone()).await {
                    Ok(begun) => return Ok(begun),
                    Err(why) => why,
                }
            }
            Earlier::NotReusable(why) => why,
            Earlier::OutOfReach(_) if Instant::now() >= self.policy.deadline => return Err(too_late("")),
            Earlier::OutOfReach(what) => {
                return Err(Failure {
                    verdict: Verdict::Unknown,
                    created: Some(false),
                    why: format!("QA.tech has been out of reach for 10 minutes: {what}"),
                    status: None,
                });
            }
        };
        self.board.warn(that(&format!("{useless}, so a new one is started")));
        self.start(run, request).await.map(Begun::of)
    }

    /// Puts the failed run of the job's earlier attempt on the board as the first of two: its rerun is judged by what
    /// passed and failed in it.
    fn show_earlier(&self, run: usize, short_id: String, earlier: Run) {
        let Run {
            id,
            short_id: _,
            status,
            result,
            run_test_cases,
        } = earlier;
        let seen = run_test_cases
            .unwrap_or_default()
            .into_iter()
            .map(RunTestCase::into_snapshot)
            .collect();
        let attempt = self.attach(run, short_id);
        self.board.record_status(run, attempt, id, status, result);
        self.board.record_cases(run, attempt, seen, CaseCoverage::Complete);
        self.board.end_attempt(run, attempt, Verdict::Failed, None);
    }

    /// Waits until the run of the job's earlier attempt has ended, so that what failed in it can be rerun.
    ///
    /// # Errors
    /// Why nothing can be built on it, as the end of a sentence that begins with the run. It is off the board then.
    async fn wait_for_earlier(&self, run: usize, short_id: String) -> Result<Begun, String> {
        let attempt = self.attach(run, short_id);
        // A failure that ended this wait would leave nothing to rerun.
        let to_its_end = Policy {
            fail_fast: false,
            ..self.policy
        };
        poller::wait(self.client, to_its_end, self.board, run, attempt).await;
        let flaw = self.board.read(|runs| previous_run::rerun_blocker(runs.get(run)?));
        match flaw {
            Some(why) if !self.board.is_stopping() => {
                self.board.start_over(run);
                Err(why.to_owned())
            }
            Some(_) | None => Ok(Begun {
                rerun_is_due: true,
                ..Begun::of(attempt)
            }),
        }
    }

    /// The verdict of the latest attempt.
    fn verdict(&self, run: usize) -> Option<Verdict> {
        self.board.read(|runs| runs.get(run)?.latest()?.verdict)
    }

    /// Reruns the latest attempt's failed cases and waits. False where there is no rerun to look at.
    async fn rerun(&self, run: usize, origin: AttemptOrigin) -> bool {
        let Some(short_id) = self.board.read(|runs| Some(runs.get(run)?.latest()?.short_id.clone())) else {
            return false;
        };
        let misses = match (self.rerun_only, origin) {
            (RerunOnly::Misses, AttemptOrigin::Rerun) => self.details.misses(run, self.policy.deadline).await,
            (RerunOnly::Failed | RerunOnly::Misses, _) => Vec::new(),
        };
        let cases = match (self.rerun_only, origin) {
            (RerunOnly::Misses, AttemptOrigin::Rerun) if misses.is_empty() => {
                let why = "no failed test case is known to be a miss of the agent or the platform, so none is rerun";
                self.board.tell(run, Event::Note(why.to_owned()));
                return false;
            }
            (RerunOnly::Misses, AttemptOrigin::Rerun) => RerunCases::Only(&misses),
            (RerunOnly::Failed | RerunOnly::Misses, _) => RerunCases::Failed,
        };
        match self
            .post(run, async |timeout| self.client.rerun(&short_id, cases, timeout).await)
            .await
        {
            Ok(started) => {
                let attempt = self.created(run, origin, started);
                poller::wait(self.client, self.policy, self.board, run, attempt).await;
                true
            }
            Err(failure) => {
                let what = if failure.created.is_none() {
                    "no rerun can be waited for: one"
                } else {
                    "it was not rerun:"
                };
                self.board.warn(format!(
                    "the result of run {short_id} stands, since {what} {}",
                    failure.why
                ));
                self.board.tell(run, Event::Ended(None));
                false
            }
        }
    }

    fn attempt(&self, origin: AttemptOrigin, short_id: String) -> Attempt {
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
            began: self.board.now(),
            ended: None,
            changes: Vec::new(),
            requests: 0,
            retries: 0,
        }
    }

    fn created(&self, run: usize, origin: AttemptOrigin, started: StartedRun) -> usize {
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
            ..self.attempt(origin, short_id)
        };
        let plan = test_plan.and_then(|plan| {
            let short_id = plan.short_id.unwrap_or_default();
            let name = plan.name.unwrap_or_default();
            (!short_id.is_empty() || !name.is_empty()).then_some(TestPlan { short_id, name })
        });
        self.board.update(run, |run| run.created = Some(true));
        self.board.add_attempt(run, attempt, plan)
    }

    fn not_started(&self, run: usize, failure: Failure) {
        let Failure {
            verdict,
            created,
            why,
            status: _,
        } = failure;
        self.board.update(run, |run| {
            run.created = created;
            run.verdict = Some(verdict);
            run.problem = Some(why.clone());
        });
        self.board.tell(run, Event::NotStarted(why));
    }

    /// Sends a POST that creates a run, and repeats it only while nothing can have been created.
    async fn post(
        &self,
        run: usize,
        send: impl AsyncFn(Duration) -> Result<StartedRun, PostError>,
    ) -> Result<StartedRun, Failure> {
        let mut delays = Delays::default();
        let mut first = true;
        loop {
            if self.board.is_stopping() {
                // Whoever stopped us waits for nothing but answers that are outstanding, and tells what became of the run.
                return std::future::pending().await;
            }
            let left = self.policy.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(too_late(""));
            }
            let is_start = self
                .board
                .read(|runs| runs.get(run).is_none_or(|run| run.attempts.is_empty()));
            let created = |created| {
                if is_start {
                    self.board.update(run, |run| run.created = created);
                }
            };
            created(None);
            let sent = {
                let _in_flight = self.board.post_in_flight(run);
                // A request that the deadline cuts off is an answer that never came.
                send(left).await
            };
            let (what, after) = match sent {
                Ok(started) => return Ok(started),
                Err(PostError::Refused { status, why }) => {
                    return Err(Failure {
                        verdict: Verdict::Unknown,
                        created: Some(false),
                        why,
                        status: Some(status),
                    });
                }
                Err(PostError::Ambiguous(why)) => {
                    return Err(Failure {
                        verdict: Verdict::Unknown,
                        created: None,
                        why,
                        status: None,
                    });
                }
                Err(PostError::Blocked(why)) => {
                    return Err(Failure {
                        verdict: Verdict::Unknown,
                        created: Some(false),
                        why,
                        status: None,
                    });
                }
                Err(PostError::NotSent { what, after }) => (what, after),
            };
            created(Some(false));
            let delay = delays.next(after);
            let left = self.policy.deadline.saturating_duration_since(Instant::now());
            if delay >= left {
                sleep(left).await;
                return Err(too_late(&format!(": {what}")));
            }
            self.board.tell(
                run,
                Event::OutOfReach {
                    what,
                    first,
                    next: delay,
                },
            );
            first = false;
            sleep(delay).await;
        }
    }
}

fn too_late(why: &str) -> Failure {
    Failure {
        verdict: Verdict::TimedOut,
        created: Some(false),
        why: format!("the deadline (`timeout_minutes`) came before a run could be started{why}"),
        status: None,
    }
}

/// A run to wait for.
struct Begun {
    attempt: usize,
    /// Whether it was waited for already, and what failed in it is to be rerun whatever `rerun_failed` says.
    rerun_is_due: bool,
}

impl Begun {
    fn of(attempt: usize) -> Self {
        Self {
            attempt,
            rerun_is_due: false,
        }
    }
}

/// Why there is no run to wait for.
struct Failure {
    verdict: Verdict,
    /// Whether a run was created; `None` where nobody knows.
    created: Option<bool>,
    why: String,
    /// HTTP status of a refusal.
    status: Option<u16>,
}
