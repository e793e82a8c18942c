//! The data flow: inputs and context → preflight → runs → report → render → publish.

pub mod app;
pub mod cli;
pub mod context;
mod dry_run;
pub mod files;
pub mod inputs;
pub mod log;
pub mod net;
pub mod panic;
pub mod preflight;
pub mod publish;
pub mod qatech;
pub mod random;
pub mod render;
pub mod report;
pub mod runs;
pub mod signals;
pub mod text;

use std::ffi::OsString;
use std::path::Path;
use std::time::SystemTime;

use tokio::time::Instant;

use app::App;
use context::Context;
use files::Files;
use inputs::Rejected;
use log::Log;
use net::http;
use net::proxy::Network;
use publish::Connections;
use publish::github::GitHub;
use publish::outputs::{Artifacts, Outputs};
use report::verdict::exit;
use report::{FailOn, Mode, Quarantine, Report};
use signals::Listener;

/// Runs the program on the environment's variables and returns its exit code.
pub async fn run(variables: Vec<(OsString, OsString)>) -> u8 {
    let started = StartTime::now();
    signals::survive_size_limit();
    let mut context = Context::read(variables.iter().cloned()).await;
    let files = Files::new(context.workspace.as_deref());
    let parsed = inputs::parse(variables.iter().cloned());
    let mut redactor = match &parsed {
        Ok(inputs) => inputs.redactor(),
        Err(rejected) => rejected.redactor.clone(),
    };
    http::add_proxies(&mut redactor, &variables);
    let log = Log::new(context.github_actions, redactor.clone());
    log.mask(&redactor);
    // It may contain a preview's URL with its key.
    context.origin.commit_message = context.origin.commit_message.map(|text| redactor.clean(text));
    let inputs = match parsed {
        Ok(inputs) => inputs,
        Err(rejected) => {
            let Rejected {
                mut problems,
                redactor: _,
                outputs_path,
                quarantine,
                quarantine_path,
            } = *rejected;
            let list = read_quarantine(quarantine.as_deref(), quarantine_path.as_deref(), &files, started).await;
            problems.extend(list.err().unwrap_or_default());
            for problem in problems {
                log.error(&problem);
            }
            let mut outputs = Outputs::new(&log, &context, &files, outputs_path.as_deref());
            let report = started.empty_report(Mode::StartOnly, &context);
            outputs.write(&report, &Artifacts::new()).await;
            return exit::USAGE;
        }
    };
    context.set_tested(&inputs.tested);
    let network = read_network(variables, &mut context, &files).await;
    for notice in &inputs.notices {
        log.notice(notice);
    }
    for warning in &inputs.warnings {
        log.warning(warning);
    }
    for warning in &context.warnings {
        log.warning(&http::brief(warning, 1_000, &redactor));
    }
    let mut signals = listen(&log);
    let files = files.hurried_by(&signals);
    let app = App {
        inputs: &inputs,
        context: &context,
        log: &log,
        redactor: &redactor,
        files: &files,
    };
    let (text, path) = (inputs.quarantine.as_deref(), inputs.quarantine_path.as_deref());
    let quarantine = match (network, read_quarantine(text, path, &files, started).await) {
        (Ok(()), Ok(quarantine)) => quarantine,
        (network, quarantine) => {
            for problem in network.err().into_iter().chain(quarantine.err()).flatten() {
                log.error(&problem);
            }
            write_nothing(&app, started).await;
            return exit::USAGE;
        }
    };
    if inputs.dry_run {
        dry_run::print(&log, &inputs, &context, &redactor);
        let written = write_nothing(&app, started).await;
        return if written { exit::GREEN } else { exit::BROKEN };
    }
    let (mut report, connections) = match &inputs.api_token {
        Some(token) => runs::run_all(&app, started, token.clone(), quarantine, &mut signals).await,
        None => skip_without_token(&app, started),
    };
    let history_written = app.complete(&mut report);
    app.publish(report, history_written, connections, &mut signals).await
}

/// Reads the quarantine list.
///
/// # Errors
/// Everything that is wrong with it.
async fn read_quarantine(
    text: Option<&str>,
    path: Option<&Path>,
    files: &Files,
    started: StartTime,
) -> Result<Quarantine, Vec<String>> {
    let list = runs::quarantine::read(text, path, files, started.wall).await;
    list.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Reads proxies and certificates into the context.
///
/// # Errors
/// If a proxy variable can't be used, or if a certificate file takes too long.
async fn read_network(
    variables: Vec<(OsString, OsString)>,
    context: &mut Context,
    files: &Files,
) -> Result<(), Vec<String>> {
    // The variables may name files anywhere.
    let Some(read) = files.within(move || Network::read(&variables)).await else {
        let problem = "A file named by SSL_CERT_FILE, SSL_CERT_DIR or NODE_EXTRA_CA_CERTS takes too long to read.";
        return Err(vec![problem.to_owned()]);
    };
    let (network, warnings) = read.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    context.network = network;
    context.warnings.extend(warnings);
    Ok(())
}

fn listen(log: &Log) -> Listener {
    Listener::new().unwrap_or_else(|error| {
        log.warning(&format!(
            "signals can't be listened for, so a cancelled step writes no report: {error}"
        ));
        Listener::disabled()
    })
}

/// Writes the outputs of a step that starts nothing; false if one can't be written.
async fn write_nothing(app: &App<'_>, started: StartTime) -> bool {
    let App {
        inputs,
        context,
        log,
        redactor: _,
        files,
    } = *app;
    let mut outputs = Outputs::new(log, context, files, inputs.outputs_path.as_deref());
    let report = started.empty_report(Mode::StartOnly, context);
    outputs.write(&report, &Artifacts::new()).await
}

/// `on_missing_token: skip`. A check that is required must not be missing where the step is green.
fn skip_without_token(app: &App<'_>, started: StartTime) -> (Report, Option<Connections>) {
    app.log
        .notice("There is no API token, so QA.tech was not asked (`on_missing_token: skip`).");
    let connections = http::client(&app.context.network).ok().map(|client| Connections {
        github: GitHub::begin(client.clone(), app.inputs, app.context, app.redactor, app.log),
        client,
        interrupted_at: None,
    });
    (
        started.empty_report(Mode::SkippedWithoutToken, app.context),
        connections,
    )
}

/// When the program started, on both clocks.
#[derive(Debug, Clone, Copy)]
struct StartTime {
    instant: Instant,
    wall: SystemTime,
}

impl StartTime {
    fn now() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// A report of no runs.
    fn empty_report(&self, mode: Mode, context: &Context) -> Report {
        let since_epoch = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Report {
            started_at: u64::try_from(since_epoch.as_millis()).unwrap_or(0),
            duration: u64::try_from(self.instant.elapsed().as_millis()).unwrap_or(0),
            mode,
            origin: context.origin.clone(),
            runs: Vec::new(),
            interrupted_by: None,
            fail_on: FailOn::default(),
            warnings: Vec::new(),
            trend: None,
        }
    }
}
