//! Drives all runs of the step concurrently until all have ended, one has failed with `fail_fast`, or a signal arrives.

pub mod details;
pub mod driver;
pub mod event;
mod fetch_policy;
pub mod log_events;
pub mod poller;
mod previous_run;
pub(crate) mod quarantine;
pub mod schedule;
pub mod shutdown;
pub mod store;

use std::time::Duration;

use crate::StartTime;
use crate::app::App;
use crate::inputs::{ApplicationOverride, OnGithubRerun, Target};
use crate::net::http;
use crate::net::retry::Deadline;
use crate::preflight::{self, PreflightError, Prepared};
use crate::publish::Connections;
use crate::publish::github::{GitHub, HeadCommit};
use crate::publish::identity::Identity;
use crate::qatech::Client;
use crate::qatech::client::{Api, MAYBE_STARTED};
use crate::qatech::wire::{StartFields, StartRequest};
use crate::random;
use crate::report::history::History;
use crate::report::{Mode, Quarantine, Report, RunReport, Signal, Verdict, merge};
use crate::runs::details::DetailsFetcher;
use crate::runs::driver::{Driver, Origin};
use crate::runs::event::Event;
use crate::runs::log_events::RunLog;
use crate::runs::poller::Policy;
use crate::runs::schedule::{Cadence, Progress};
use crate::runs::shutdown::Shutdown;
use crate::runs::store::{RunHandle, RunStore};
use crate::signals::{Caught, Listener};
use crate::text::{Redactor, Secret, ShortId};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

/// How long the program waits for the answer to a start after a signal.
const START_IN_FLIGHT: Duration = Duration::from_secs(1);
/// How long the runs wait for the check run to be created before they are started without it.
const CHECK_FIRST: Duration = Duration::from_secs(2);
/// How long the search at GitHub for the runs of the job's previous attempt may take.
const PREVIOUS_ATTEMPT_LIMIT: Duration = Duration::from_secs(30);

/// Drives all runs to their end or until a signal arrives. Returns the report, and the connections for publishing it.
pub(crate) async fn run_all(
    app: &App<'_>,
    started: StartTime,
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
    } = *app;
    let mode = mode(app);
    let run_log = RunLog::new(log.clone());
    let handler = Box::new(run_log.clone());
    let store = RunStore::new(started.instant, planned(&inputs.target), handler).with_quarantine(quarantine);
    let clients = match http::clients(&context.network) {
        Ok(clients) => clients,
        Err(error) => {
            let problem = redactor.clean(error.to_string());
            for run in store.runs() {
                run.update(|run| {
                    run.verdict = Some(Verdict::Unknown);
                    run.problem = Some(problem.clone());
                });
            }
            log.error(&problem);
            return (report(&store, started, mode, app), None);
        }
    };
    let client = clients.pooled.clone();
    let github = GitHub::begin(client.clone(), inputs, context, redactor, log);
    let project = inputs.project_short_id.clone();
    let api = Client::new(clients, inputs.api_url.clone(), token, project, redactor.clone());
    let shutdown = Shutdown::default();
    // Screenshots are fetched only for the HTML report and for `screenshots_path`.
    let images = inputs.files.html.is_some() || inputs.screenshots_path.is_some();
    let details = DetailsFetcher::new(&api, &store, &shutdown, images.then_some(&client), inputs.case_details);
    let driver = Driver {
        client: &api,
        policy: policy(app, started, mode).await,
        shutdown: &shutdown,
        start_only: mode == Mode::StartOnly,
        reruns: inputs.rerun_failed,
        rerun_only: inputs.rerun_only,
        details: &details,
    };
    log.group(match mode {
        Mode::Wait | Mode::SkippedWithoutToken => "Waiting for QA.tech",
        Mode::StartOnly => "Starting at QA.tech",
        Mode::Look => "Querying QA.tech",
    });
    let caught = drive_until_signal(app, &driver, &store, &run_log, &client, &github, signals).await;
    log.end_group();
    let interrupted_by = caught.map(|caught| caught.signal);
    close(&store, interrupted_by, mode);
    store.warn_of_unmatched_quarantine();
    let mut report = report(&store, started, mode, app);
    report.interrupted_by = interrupted_by;
    if let Some(HeadCommit { sha, branch }) = github.head() {
        report.origin.sha.get_or_insert(sha);
        report.origin.branch = report.origin.branch.or(branch);
    }
    let connections = Connections {
        client,
        github,
        interrupted_at: caught.map(|caught| caught.at),
    };
    (report, Some(connections))
}

fn mode(app: &App<'_>) -> Mode {
    match (app.inputs.blocking, &app.inputs.target) {
        (true, Target::Start(_) | Target::Attach(_)) => Mode::Wait,
        (false, Target::Start(_)) => Mode::StartOnly,
        (false, Target::Attach(_)) => Mode::Look,
    }
}

fn planned(target: &Target) -> Vec<RunReport> {
    match target {
        Target::Start(plans) => plans.iter().cloned().map(RunReport::planned).collect(),
        Target::Attach(short_ids) => short_ids.iter().map(|_| RunReport::planned(None)).collect(),
    }
}

/// How to poll. `fail_fast` has no effect if the step tolerates failures: what follows may not be tolerated.
async fn policy(app: &App<'_>, started: StartTime, mode: Mode) -> Policy {
    let inputs = app.inputs;
    let failed_fails = inputs.fail_on.fails(Verdict::Failed);
    if inputs.fail_fast && !failed_fails {
        app.log
            .notice("`fail_fast` has no effect, since `fail_on` does not name `failed`.");
    }
    let usual_duration = match mode {
        Mode::Wait => usual_duration(app).await,
        Mode::StartOnly | Mode::Look | Mode::SkippedWithoutToken => None,
    };
    Policy {
        deadline: Deadline::from(started.instant + inputs.timeout),
        poll_interval: inputs.poll_interval,
        usual_duration,
        fail_fast: inputs.fail_fast && failed_fails,
        poll_once: mode == Mode::Look,
    }
}

/// How long the step's run usually takes, according to the history file. An entry for several runs does not contain the
/// duration of each.
async fn usual_duration(app: &App<'_>) -> Option<Duration> {
    let path = app.inputs.history_path.as_ref()?;
    if app.inputs.plans().len() > 1 {
        return None;
    }
    // The file is read again, under its lock, when the result is appended: a parallel job may have appended its own result
    // by then. Problems with the file are reported there.
    let path = app.files.regular(path).ok()?;
    let series = Identity::new(app.inputs, app.context);
    let usual = app.files.within(move || {
        let history = History::parse(&std::fs::read(path).ok()?);
        history.median_duration(series.hash())
    });
    usual.await?.map(Duration::from_millis)
}

/// Drives all runs; returns the signal if one arrived before they ended.
async fn drive_until_signal(
    app: &App<'_>,
    driver: &Driver<'_, Client>,
    store: &RunStore,
    log: &RunLog,
    client: &reqwest::Client,
    github: &GitHub,
    signals: &mut Listener,
) -> Option<Caught> {
    let all = async {
        github.wait_created(CHECK_FIRST).await;
        let previous = previous_runs(app, github).await;
        let mut fields = StartFields::from(app.context);
        // The event of a comment does not contain the pull request's head, which GitHub was asked for.
        if let Some(HeadCommit { sha, branch }) = github.head() {
            fields.commit_hash.get_or_insert(sha);
            fields.branch = fields.branch.or(branch);
        }
        let deadline = driver.policy.deadline;
        let interval = |age| {
            let nothing_done = Progress {
                age,
                done: 0,
                total: 0,
                is_exact: false,
            };
            Cadence::new(app.inputs.poll_interval, None).next(nothing_done, random::unit())
        };
        let prepared = preflight::run(app, driver.client, client, github.head(), deadline, &interval);
        let applications = match prepared.await {
            Ok(Prepared { applications }) => applications,
            Err(error) => return start_none(store, &error, app.redactor),
        };
        drive_all(driver, store, origins(app, &fields, previous, &applications)).await;
        driver.details.fetch_all().await;
    };
    let mut all = std::pin::pin!(all);
    let caught = tokio::select! {
        // A signal takes precedence over an end at the same time.
        biased;
        Some(caught) = signals.first() => caught,
        () = &mut all => return None,
        never = log.progress(store) => match never {},
    };
    driver.shutdown.stop();
    // What is not answered by then is reported as it is.
    let deadline = Deadline::from(caught.at + START_IN_FLIGHT);
    deadline.limit(until_answered(driver.shutdown, all)).await;
    warn_of_reruns(store, driver.shutdown, caught.signal);
    Some(caught)
}

/// Drives all runs concurrently until all have ended or, with `fail_fast`, one has failed.
async fn drive_all<A: Api>(driver: &Driver<'_, A>, store: &RunStore, origins: Vec<Origin<'_>>) {
    let mut runs: FuturesUnordered<_> = store
        .runs()
        .zip(origins)
        .map(|(run, origin)| driver.drive(run, origin))
        .collect();
    while runs.next().await.is_some() {
        let one_failed = || store.read(|runs| runs.iter().any(|run| run.verdict == Some(Verdict::Failed)));
        if driver.policy.fail_fast && !driver.policy.poll_once && !driver.start_only && one_failed() {
            // A run that is being started is billed, so the program waits for its short id.
            driver.shutdown.stop();
            until_answered(driver.shutdown, async { while runs.next().await.is_some() {} }).await;
            return;
        }
    }
}

/// Keeps driving the runs while a POST is in flight.
async fn until_answered(shutdown: &Shutdown, runs: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = shutdown.posts_answered() => {}
        () = runs => {}
    }
}

/// Warns about reruns whose answer did not arrive. For a start, the run's `problem` says so.
fn warn_of_reruns(store: &RunStore, shutdown: &Shutdown, signal: Signal) {
    for index in shutdown.posts_in_flight() {
        if let Some(short_id) = store.runs().nth(index).and_then(RunHandle::latest_short_id) {
            store.warn(format!(
                "a rerun of run {short_id} {MAYBE_STARTED}: {} came first",
                signal.name()
            ));
        }
    }
}

/// The runs of the job's previous attempt, in the order of the plans, if `on_github_rerun` is `failed`.
async fn previous_runs(app: &App<'_>, github: &GitHub) -> Option<Vec<Option<ShortId>>> {
    let inputs = app.inputs;
    let is_rerun = app.context.origin.run_attempt.is_some_and(|attempt| attempt > 1);
    let wanted = inputs.on_github_rerun == OnGithubRerun::Failed && matches!(inputs.target, Target::Start(_));
    // Other CI systems count attempts too, but their results are not stored at GitHub.
    if !app.context.in_github() || !is_rerun || !wanted {
        return None;
    }
    let why = match github.previous_run_ids(PREVIOUS_ATTEMPT_LIMIT).await {
        // Jobs that share a `comment_key` would find each other's runs.
        Ok(short_ids) if short_ids.len() == inputs.plans().len().max(1) => return Some(short_ids),
        Ok(_) => "the results that were found belong to other plans".to_owned(),
        Err(why) => why.to_string(),
    };
    app.log
        .notice(&format!("GitHub re-runs this job, but new runs are started: {why}"));
    None
}

/// Ends all runs without starting them.
fn start_none(store: &RunStore, error: &PreflightError, redactor: &Redactor) {
    let why = redactor.clean(error.to_string());
    for run in store.runs() {
        run.update(|run| {
            run.verdict = Some(error.verdict());
            run.problem = Some(why.clone());
        });
        run.emit(Event::NotStarted(why.clone()));
    }
}

fn origins<'a>(
    app: &App<'a>,
    fields: &'a StartFields,
    previous: Option<Vec<Option<ShortId>>>,
    applications: &'a [ApplicationOverride],
) -> Vec<Origin<'a>> {
    let inputs = app.inputs;
    match &inputs.target {
        Target::Attach(short_ids) => short_ids.iter().cloned().map(Origin::Attach).collect(),
        Target::Start(plans) => {
            let mut previous = previous.unwrap_or_default().into_iter();
            let origin = |plan: &'a Option<String>| {
                let request = StartRequest::new(inputs, fields, plan.as_deref(), applications);
                match previous.next().flatten() {
                    Some(short_id) => Origin::RerunPrevious(short_id, request),
                    None => Origin::Start(request),
                }
            };
            plans.iter().map(origin).collect()
        }
    }
}

/// Sets the verdict of each run that has none yet, or the reason for having none.
fn close(store: &RunStore, signal: Option<Signal>, mode: Mode) {
    for run in store.runs() {
        if run.read(|run| run.verdict.is_some()) == Some(true) {
            continue;
        }
        // It has ended; its test cases were still being read, or it was about to be rerun.
        if run.latest_verdict().is_some() {
            run.conclude();
            continue;
        }
        match (signal, mode) {
            (Some(signal), Mode::Wait | Mode::StartOnly | Mode::Look | Mode::SkippedWithoutToken) => {
                run.update(|run| interrupt(run, signal));
            }
            (None, Mode::Wait) => {
                run.update(stopped_by_another);
            }
            (None, Mode::StartOnly | Mode::Look | Mode::SkippedWithoutToken) => {}
        }
    }
}

fn stopped_by_another(run: &mut RunReport) {
    let what = match run.latest() {
        None => "not started, because a test case of another run failed (`fail_fast`)",
        // It has ended, but has no result yet.
        Some(latest) if latest.is_over() => "stopped waiting, because a test case of another run failed (`fail_fast`)",
        Some(_) => {
            "stopped waiting, because a test case of another run failed (`fail_fast`); the run goes on at QA.tech"
        }
    };
    run.problem = Some(what.to_owned());
}

fn interrupt(run: &mut RunReport, signal: Signal) {
    let name = signal.name();
    match (run.attempts.last_mut(), run.created) {
        (Some(attempt), _) => {
            attempt.verdict = Some(Verdict::Interrupted);
            attempt.problem = Some(if attempt.is_over() {
                format!("interrupted by {name}; the run has ended, but has no result yet")
            } else {
                format!("interrupted by {name}; the run goes on at QA.tech")
            });
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

fn report(store: &RunStore, started: StartTime, mode: Mode, app: &App<'_>) -> Report {
    let (runs, warnings) = store.take();
    Report {
        runs,
        warnings,
        fail_on: app.inputs.fail_on.clone(),
        ..started.empty_report(mode, app.context)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::runs::store::Discard;
    use tokio::time::Instant;

    /// A run without a verdict, whose one attempt has this verdict, status and result, after `close`.
    fn closed(verdict: Option<Verdict>, status: &str, result: Option<&str>, signal: Option<Signal>) -> RunReport {
        let mut run = sample::run("Plan", "abc", Vec::new());
        run.verdict = None;
        let attempt = &mut run.attempts[0];
        attempt.verdict = verdict;
        (attempt.status, attempt.result) = (Some(status.to_owned()), result.map(ToOwned::to_owned));
        let store = RunStore::new(Instant::now(), vec![run], Box::new(Discard));
        close(&store, signal, Mode::Wait);
        store.take().0.remove(0)
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
        assert!(interrupted.problem.is_some_and(|problem| problem.contains("goes on")));
        let without_result = closed(None, "COMPLETED", None, Some(Signal::Int));
        assert_eq!(
            without_result.problem.as_deref(),
            Some("interrupted by SIGINT; the run has ended, but has no result yet")
        );
    }
}
