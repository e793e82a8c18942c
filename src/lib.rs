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
pub mod runs;
mod setup;
pub mod signals;

pub use qatech_core::{render, report, text};

use std::ffi::OsString;

use app::App;
pub(crate) use app::StartTime;
use net::http;
use publish::Connections;
use publish::github::GitHub;
use report::{Mode, Report};
use setup::Setup;

/// Runs the program on the environment's variables and returns its exit code.
pub async fn run(variables: Vec<(OsString, OsString)>) -> u8 {
    let started = StartTime::now();
    signals::survive_size_limit();
    let Setup {
        inputs,
        context,
        quarantine,
        log,
        redactor,
        files,
        mut signals,
    } = match Setup::read(variables, started).await {
        Ok(setup) => setup,
        Err(rejection) => return rejection.report(started).await,
    };
    let app = App {
        inputs: &inputs,
        context: &context,
        log: &log,
        redactor: &redactor,
        files: &files,
    };
    if inputs.dry_run {
        return dry_run::run(&app, started).await;
    }
    let (mut report, connections) = match &inputs.api_token {
        Some(token) => runs::run_all(&app, started, token.clone(), quarantine, &mut signals).await,
        None => skip_without_token(&app, started),
    };
    let history_written = app.complete(&mut report);
    app.publish(report, history_written, connections, &mut signals).await
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
