//! One run from its start to its verdict: start or attach, wait, rerun what failed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::{Api, PostError};
use super::delay::Delays;
use super::wait::{self, Policy};
use super::wire::{StartRequest, StartedRun};
use crate::board::{Board, News};
use crate::report::{Attempt, AttemptOrigin, RunReport, TestPlan, Verdict, merge};
use crate::secret::Redactor;

/// How a run comes to be.
#[derive(Debug, Clone)]
pub enum Origin<'a> {
    /// Start it.
    Start(StartRequest<'a>),
    /// It exists.
    Attach(String),
    /// Rerun what failed in a run of the job's earlier attempt (`on_github_rerun: failed`); if that run is not to be had
    /// any more, start afresh.
    RerunEarlier(String, StartRequest<'a>),
}

/// What all runs share.
pub struct Driver<'a, A> {
    /// The API.
    pub client: &'a A,
    /// Cleans what the API says.
    pub redactor: &'a Redactor,
    /// How to wait.
    pub policy: Policy,
    /// Where everything is kept.
    pub board: &'a Board,
    /// Start, do not wait.
    pub start_only: bool,
    /// How often failed cases are rerun.
    pub reruns: u32,
}

impl<A: Api> Driver<'_, A> {
    /// Plays one run to its end. Its verdict is on the board afterwards.
    pub async fn drive(&self, run: usize, origin: Origin<'_>) {
        let attempt = match origin {
            Origin::Attach(short_id) => Ok(self.attach(run, short_id)),
            Origin::Start(request) => self.start(run, &request).await,
            Origin::RerunEarlier(short_id, request) => self.rerun_earlier(run, short_id, &request).await,
        };
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(failure) => return self.not_started(run, failure),
        };
        if self.start_only {
            return;
        }
        wait::wait(self.client, self.redactor, self.policy, self.board, run, attempt).await;
        if self.policy.one_look && self.verdict(run).is_none() {
            return;
        }
        for _ in 0..self.reruns {
            // A failure that ended the wait early (`fail_fast`) has not ended the run: there is nothing to rerun yet.
            if self.policy.fail_fast || self.verdict(run) != Some(Verdict::Failed) || self.board.is_stopping() {
                break;
            }
            if !self.rerun(run).await {
                break;
            }
            let forgiven = |runs: &[RunReport]| Some(merge::verdict(runs.get(run)?).0? == Verdict::Flaky);
            if self.board.read(forgiven) == Some(true) {
                break;
            }
        }
        self.board.conclude(run);
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

    async fn rerun_earlier(&self, run: usize, short_id: String, request: &StartRequest<'_>) -> Result<usize, Failure> {
        match self
            .post(run, async |timeout| self.client.rerun_failed(&short_id, timeout).await)
            .await
        {
            Ok(started) => Ok(self.created(run, AttemptOrigin::GithubRerun, started)),
            // Nothing to rerun: nothing failed there, or it has not ended yet. Either way its result is the one to have.
            Err(Failure { status: Some(400), .. }) => {
                self.board.warn(format!(
                    "run {short_id} of the job's earlier attempt has nothing to rerun; its result counts"
                ));
                Ok(self.attach(run, short_id))
            }
            Err(Failure { status: Some(404), .. }) => {
                self.board.warn(format!(
                    "run {short_id} of the job's earlier attempt is gone, so a new one is started"
                ));
                self.start(run, request).await
            }
            Err(failure) => Err(failure),
        }
    }

    /// The verdict of the latest attempt.
    fn verdict(&self, run: usize) -> Option<Verdict> {
        self.board.read(|runs| runs.get(run)?.latest()?.verdict)
    }

    /// Reruns the latest attempt's failed cases and waits. False where there is no rerun to look at.
    async fn rerun(&self, run: usize) -> bool {
        let Some(short_id) = self.board.read(|runs| Some(runs.get(run)?.latest()?.short_id.clone())) else {
            return false;
        };
        match self
            .post(run, async |timeout| self.client.rerun_failed(&short_id, timeout).await)
            .await
        {
            Ok(started) => {
                let attempt = self.created(run, AttemptOrigin::Rerun, started);
                wait::wait(self.client, self.redactor, self.policy, self.board, run, attempt).await;
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
                self.board.tell(run, News::Ended(None));
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
        self.board.tell(run, News::NotStarted(why));
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
                News::OutOfReach {
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

/// Why there is no run to wait for.
struct Failure {
    verdict: Verdict,
    /// Whether a run was created; `None` where nobody knows.
    created: Option<bool>,
    why: String,
    /// HTTP status of a refusal.
    status: Option<u16>,
}
