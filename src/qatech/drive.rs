//! One run from its start to its verdict: start or attach, wait, rerun what failed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::{Api, PostError};
use super::delay::Delays;
use super::earlier::{self, Earlier};
use super::wait::{self, Policy};
use super::wire::{RunTestCase, StartRequest, StartedRun};
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
    /// Rerun what failed in a run of the job's earlier attempt (`on_github_rerun: failed`), once it has ended; if nothing
    /// can be built on that run, start afresh.
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
        let begun = match origin {
            Origin::Attach(short_id) => Ok(Begun::of(self.attach(run, short_id))),
            Origin::Start(request) => self.start(run, &request).await.map(Begun::of),
            Origin::RerunEarlier(short_id, request) => self.rerun_earlier(run, short_id, &request).await,
        };
        let Begun {
            attempt,
            rerun_is_due,
            reruns_of,
        } = match begun {
            Ok(begun) => begun,
            Err(failure) => return self.not_started(run, failure),
        };
        if self.start_only {
            return;
        }
        wait::wait(self.client, self.redactor, self.policy, self.board, run, attempt).await;
        if self.policy.one_look && self.verdict(run).is_none() {
            return;
        }
        self.compare(run, attempt, &reruns_of);
        let due = rerun_is_due.then_some(AttemptOrigin::GithubRerun);
        let reruns = (0..self.reruns).map(|_| AttemptOrigin::Rerun);
        for origin in due.into_iter().chain(reruns) {
            // A failure that ended the wait early (`fail_fast`) has not ended the run: there is nothing to rerun yet.
            if self.policy.fail_fast || self.verdict(run) != Some(Verdict::Failed) || self.board.is_stopping() {
                break;
            }
            if !self.rerun(run, origin).await {
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

    async fn rerun_earlier(&self, run: usize, short_id: String, request: &StartRequest<'_>) -> Result<Begun, Failure> {
        let tell = |what: &str| {
            self.board
                .warn(format!("run {short_id} of the job's earlier attempt {what}"))
        };
        let useless = match earlier::look(self.client, self.policy, self.board, run, &short_id).await {
            Earlier::Failed(failed) => match self
                .post(run, async |timeout| self.client.rerun_failed(&short_id, timeout).await)
                .await
            {
                Ok(started) => {
                    return Ok(Begun {
                        reruns_of: failed,
                        ..Begun::of(self.created(run, AttemptOrigin::GithubRerun, started))
                    });
                }
                Err(Failure { status: Some(400), .. }) => {
                    tell("has nothing to rerun; its result counts");
                    return Ok(Begun::of(self.attach(run, short_id)));
                }
                Err(Failure { status: Some(404), .. }) => "is gone".to_owned(),
                Err(failure) => return Err(failure),
            },
            Earlier::Passed => {
                tell("passed; its result counts");
                return Ok(Begun::of(self.attach(run, short_id)));
            }
            Earlier::Running => {
                tell("goes on; what fails in it is rerun once it has ended");
                return Ok(Begun {
                    rerun_is_due: true,
                    ..Begun::of(self.attach(run, short_id))
                });
            }
            Earlier::Useless(why) => why,
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
        tell(&format!("{useless}, so a new one is started"));
        self.start(run, request).await.map(Begun::of)
    }

    /// A rerun that passed has not passed where it does not show that of all that failed in the run it is of.
    fn compare(&self, run: usize, attempt: usize, reruns_of: &[RunTestCase]) {
        if self.verdict(run) != Some(Verdict::Passed) {
            return;
        }
        let missing = self
            .board
            .read(|runs| runs.get(run).map(|run| earlier::not_passed(reruns_of, &run.cases)));
        if let Some(missing @ 1..) = missing {
            let why = format!(
                "QA.tech says PASSED, but of the test cases that failed in the job's earlier attempt {missing} are not \
                 seen to pass"
            );
            self.board.end_attempt(run, attempt, Verdict::Failed, Some(why));
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
        match self
            .post(run, async |timeout| self.client.rerun_failed(&short_id, timeout).await)
            .await
        {
            Ok(started) => {
                let attempt = self.created(run, origin, started);
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

/// A run to wait for.
struct Begun {
    attempt: usize,
    /// Whether what fails in it is to be rerun whatever `rerun_failed` says.
    rerun_is_due: bool,
    /// What failed in the run whose rerun it is.
    reruns_of: Vec<RunTestCase>,
}

impl Begun {
    fn of(attempt: usize) -> Self {
        Self {
            attempt,
            rerun_is_due: false,
            reruns_of: Vec::new(),
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
