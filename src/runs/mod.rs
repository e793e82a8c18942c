//! All runs of the step, side by side, until the last has ended, the first has failed fast, or a signal came.

pub mod driver;
mod fetch_policy;
pub mod poller;
mod previous_run;
pub(crate) mod quarantine;
pub mod schedule;
pub mod store;

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{sleep, timeout_at};

use crate::Began;
use crate::inputs::{OnGithubRerun, Target};
use crate::net::http;
use crate::publish::github::{GitHub, Head};
use crate::publish::{App, Connections};
use crate::qatech::Client;
use crate::qatech::client::MAYBE_STARTED;
use crate::qatech::wire::{StartFields, StartRequest};
use crate::report::{Attempt, CaseCoverage, Mode, Quarantine, Report, RunReport, Signal, Verdict, merge, status};
use crate::runs::driver::{Driver, Origin};
use crate::runs::poller::Policy;
use crate::runs::store::RunStore;
use crate::signals::{Caught, Listener};
use crate::text::Secret;

/// How long a start that is under way is awaited after a signal.
const START_IN_FLIGHT: Duration = Duration::from_secs(1);

/// How long the check run may take to be made before the runs are started without it.
const CHECK_FIRST: Duration = Duration::from_secs(2);
/// How long GitHub may take to tell of the job's earlier attempt.
const LOOK_BACK: Duration = Duration::from_secs(30);

/// Plays all runs to their end, or until a signal comes. Gives back what the sinks need.
pub(crate) async fn play(
    sinks: &App<'_>,
    began: Began,
    token: Secret,
    quarantine: Quarantine,
    signals: &mut Listener,
) -> (Report, Option<Connections>) {
    let App {
        inputs,
        context,
        log,
        redactor,
        files: _,
    } = *sinks;
    let mode = match (inputs.blocking, &inputs.target) {
        (true, Target::Start(_) | Target::Attach(_)) => Mode::Wait,
        (false, Target::Start(_)) => Mode::StartOnly,
        (false, Target::Attach(_)) => Mode::Look,
    };
    let planned = planned(&inputs.target);
    let board = RunStore::new(began.at, planned, Box::new(log.clone())).with_quarantine(quarantine);
    let client = match http::client(&context.network) {
        Ok(client) => client,
        Err(problem) => {
            for run in 0..board.read(<[RunReport]>::len) {
                board.update(run, |run| {
                    run.verdict = Some(Verdict::Unknown);
                    run.problem = Some(redactor.clean(problem.clone()));
                });
            }
            log.error(&redactor.clean(problem));
            return (report(&board, began, mode, sinks), None);
        }
    };
    let github = GitHub::begin(client.clone(), inputs, context, redactor);
    let policy = Policy {
        deadline: began.at + inputs.timeout,
        poll_interval: inputs.poll_interval,
        fail_fast: inputs.fail_fast,
        poll_once: mode == Mode::Look,
    };
    let api = Client::new(client.clone(), inputs.api_url.clone(), token, redactor.clone());
    let driver = Driver {
        client: &api,
        redactor,
        policy,
        board: &board,
        start_only: mode == Mode::StartOnly,
        reruns: inputs.rerun_failed,
    };
    log.group(match mode {
        Mode::Wait | Mode::SkippedWithoutToken => "Waiting for QA.tech",
        Mode::StartOnly => "Starting at QA.tech",
        Mode::Look => "Looking at QA.tech",
    });
    let caught = {
        let all = async {
            github.wait_created(CHECK_FIRST).await;
            let earlier = earlier(sinks, &github).await;
            let mut fields = context.start_fields();
            // A comment's event does not tell the pull request's head; GitHub did by now, if all is well.
            if let Some(Head { sha, branch }) = github.head() {
                fields.commit_hash.get_or_insert(sha);
                fields.branch = fields.branch.or(branch);
            }
            let origins = origins(sinks, &fields, earlier);
            let mut runs: FuturesUnordered<_> = origins
                .into_iter()
                .enumerate()
                .map(|(run, origin)| driver.drive(run, origin))
                .collect();
            while runs.next().await.is_some() {
                let one_failed = board.read(|runs| runs.iter().any(|run| run.verdict == Some(Verdict::Failed)));
                if inputs.fail_fast && one_failed && mode == Mode::Wait {
                    // What is being started is billed: nobody is to lose sight of it.
                    board.stop();
                    until_answered(&board, async { while runs.next().await.is_some() {} }).await;
                    break;
                }
            }
        };
        let mut all = std::pin::pin!(all);
        let caught = tokio::select! {
            // A signal goes before an end that came at the same time.
            biased;
            caught = signals.first() => Some(caught),
            () = &mut all => None,
            () = log.progress(&board) => None,
        };
        if let Some(Caught { signal, at }) = caught {
            board.stop();
            // What is not answered by then is told as it is.
            let _ = timeout_at(at + START_IN_FLIGHT, until_answered(&board, all)).await;
            warn_of_reruns(&board, signal);
        }
        caught
    };
    log.end_group();
    let interrupted_by = caught.map(|caught| caught.signal);
    close(&board, interrupted_by, mode);
    board.warn_of_unmatched_quarantine();
    let mut report = report(&board, began, mode, sinks);
    report.interrupted_by = interrupted_by;
    if let Some(Head { sha, branch }) = github.head() {
        report.origin.sha.get_or_insert(sha);
        report.origin.branch = report.origin.branch.or(branch);
    }
    (
        report,
        Some(Connections {
            client,
            github,
            interrupted_at: caught.map(|caught| caught.at),
        }),
    )
}

/// Tells of reruns that are still being started: of starts, their run's own problem tells.
fn warn_of_reruns(board: &RunStore, signal: Signal) {
    for run in board.posts_in_flight() {
        let of = board.read(|runs| Some(runs.get(run)?.latest()?.short_id.clone()));
        if let Some(short_id) = of {
            board.warn(format!(
                "a rerun of run {short_id} {MAYBE_STARTED}: {} came first",
                signal.name()
            ));
        }
    }
}

/// Goes on with the runs for as long as the answer to a POST is outstanding.
async fn until_answered(board: &RunStore, runs: impl Future<Output = ()>) {
    let answered = async {
        while !board.posts_in_flight().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        biased;
        () = answered => {}
        () = runs => {}
    }
}

fn planned(target: &Target) -> Vec<RunReport> {
    let run = |requested_plan: Option<&String>| RunReport {
        requested_plan: requested_plan.cloned(),
        plan: None,
        created: Some(false),
        attempts: Vec::new(),
        cases: Vec::new(),
        listed: CaseCoverage::Partial,
        verdict: None,
        problem: None,
    };
    match target {
        Target::Start(plans) => plans.iter().map(|plan| run(plan.as_ref())).collect(),
        Target::Attach(short_ids) => short_ids.iter().map(|_| run(None)).collect(),
    }
}

/// The runs of the job's earlier attempt, in the order of the plans, if only what failed there is to be rerun.
async fn earlier(sinks: &App<'_>, github: &GitHub) -> Option<Vec<Option<String>>> {
    let App {
        inputs,
        context,
        log,
        redactor: _,
        files: _,
    } = *sinks;
    let is_rerun = context.origin.run_attempt.is_some_and(|attempt| attempt > 1);
    let wanted = inputs.on_github_rerun == OnGithubRerun::Failed && matches!(inputs.target, Target::Start(_));
    if !is_rerun || !wanted {
        return None;
    }
    let found = github.earlier(LOOK_BACK).await.and_then(|short_ids| {
        // A `comment_key` that jobs share would give one the other's runs.
        if short_ids.len() == sinks.inputs.plans().len().max(1) {
            Ok(short_ids)
        } else {
            Err("what was found is of other plans".to_owned())
        }
    });
    match found {
        Ok(short_ids) => Some(short_ids),
        Err(why) => {
            log.notice(&format!(
                "GitHub re-runs this job, but its runs are started afresh: {why}"
            ));
            None
        }
    }
}

fn origins<'a>(sinks: &App<'a>, fields: &'a StartFields, earlier: Option<Vec<Option<String>>>) -> Vec<Origin<'a>> {
    let inputs = sinks.inputs;
    match &inputs.target {
        Target::Attach(short_ids) => short_ids.iter().cloned().map(Origin::Attach).collect(),
        Target::Start(plans) => {
            let mut earlier = earlier.unwrap_or_default().into_iter();
            let origin = |plan: &'a Option<String>| {
                let request = StartRequest {
                    trigger: fields,
                    test_plan_short_id: plan.as_deref(),
                    applications: &inputs.applications,
                    notifications: &inputs.notifications,
                };
                match earlier.next().flatten() {
                    Some(short_id) => Origin::RerunEarlier(short_id, request),
                    None => Origin::Start(request),
                }
            };
            plans.iter().map(origin).collect()
        }
    }
}

/// Says of each run that has no verdict yet why not.
fn close(board: &RunStore, signal: Option<Signal>, mode: Mode) {
    let open: Vec<_> = board.read(|runs| {
        runs.iter()
            .enumerate()
            .filter(|(_, run)| run.verdict.is_none())
            .map(|(index, _)| index)
            .collect()
    });
    for index in open {
        // It has ended: only its test cases were still being read, or it was about to be rerun.
        if board.read(|runs| runs.get(index)?.latest()?.verdict).is_some() {
            board.conclude(index);
            continue;
        }
        match (signal, mode) {
            (Some(signal), Mode::Wait | Mode::StartOnly | Mode::Look | Mode::SkippedWithoutToken) => {
                board.update(index, |run| interrupt(run, signal));
            }
            (None, Mode::Wait) => board.update(index, |run| {
                let is_over = |attempt: &Attempt| attempt.status.as_deref().is_some_and(status::is_over);
                let what = match run.latest() {
                    None => "not started: a test case of another run failed before (`fail_fast`)",
                    // It is over, but has no result yet.
                    Some(latest) if is_over(latest) => {
                        "no longer waited for: a test case of another run failed (`fail_fast`)"
                    }
                    Some(_) => {
                        "no longer waited for: a test case of another run failed (`fail_fast`); the run goes on at QA.tech"
                    }
                };
                run.problem = Some(what.to_owned());
            }),
            (None, Mode::StartOnly | Mode::Look | Mode::SkippedWithoutToken) => {}
        }
    }
}

fn interrupt(run: &mut RunReport, signal: Signal) {
    let name = signal.name();
    match (run.attempts.last_mut(), run.created) {
        (Some(attempt), _) => {
            attempt.verdict = Some(Verdict::Interrupted);
            attempt.problem = Some(format!("interrupted by {name}; the run goes on at QA.tech"));
            merge::conclude(run);
        }
        (None, created) => {
            run.verdict = Some(Verdict::Interrupted);
            run.problem = Some(match created {
                None => format!("interrupted by {name} while it was being started: it {MAYBE_STARTED}"),
                Some(_) => format!("interrupted by {name} before it was started"),
            });
        }
    }
}

fn report(board: &RunStore, began: Began, mode: Mode, sinks: &App<'_>) -> Report {
    let (runs, warnings) = board.take();
    Report {
        runs,
        warnings,
        fail_on: sinks.inputs.fail_on.clone(),
        ..began.report(mode, sinks.context)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::{Millis, sample};
    use crate::runs::store::{Event, EventHandler};
    use tokio::time::Instant;

    struct Deaf;

    impl EventHandler for Deaf {
        fn tell(&self, _runs: &[RunReport], _run: usize, _news: Event, _at: Millis) {}

        fn warn(&self, _text: &str) {}
    }

    /// A run without a verdict, whose one attempt has this verdict, status and result, after `close`.
    fn closed(verdict: Option<Verdict>, status: &str, result: Option<&str>, signal: Option<Signal>) -> RunReport {
        let mut run = sample::run("Plan", "abc", Vec::new());
        run.verdict = None;
        let attempt = &mut run.attempts[0];
        attempt.verdict = verdict;
        (attempt.status, attempt.result) = (Some(status.to_owned()), result.map(ToOwned::to_owned));
        let board = RunStore::new(Instant::now(), vec![run], Box::new(Deaf));
        close(&board, signal, Mode::Wait);
        board.take().0.remove(0)
    }

    #[test]
    fn what_has_ended_keeps_its_verdict_whatever_ends_the_step() {
        for signal in [None, Some(Signal::Term)] {
            for (verdict, status, result) in [
                (Verdict::Error, "ERROR", None),
                (Verdict::Cancelled, "CANCELLED", None),
                (Verdict::Passed, "COMPLETED", Some("PASSED")),
                (Verdict::Failed, "COMPLETED", Some("FAILED")),
            ] {
                let run = closed(Some(verdict), status, result, signal);
                assert_eq!((run.verdict, run.problem), (Some(verdict), None));
            }
        }
    }

    #[test]
    fn only_what_goes_on_is_said_to_go_on() {
        for (status, goes_on) in [("RUNNING", true), ("COMPLETED", false)] {
            let run = closed(None, status, None, None);
            assert_eq!(run.verdict, None);
            let problem = run.problem.unwrap_or_default();
            assert!(problem.contains("fail_fast"), "{problem}");
            assert_eq!(problem.contains("goes on"), goes_on, "{problem}");
        }
        let interrupted = closed(None, "RUNNING", None, Some(Signal::Int));
        assert_eq!(interrupted.verdict, Some(Verdict::Interrupted));
    }
}
