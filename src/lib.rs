//! The data flow: inputs and context → start or attach → wait → report → sinks.

pub mod cli;
pub mod context;
mod dry_run;
pub mod files;
pub mod inputs;
pub mod log;
pub mod net;
pub mod panic;
pub mod publish;
pub mod qatech;
pub mod random;
pub mod render;
pub mod report;
pub mod runs;
pub mod signals;
pub mod text;

use std::ffi::OsString;
use std::time::SystemTime;

use tokio::time::Instant;

use context::Context;
use files::Files;
use log::Log;
use net::http;
use net::proxy::Network;
use publish::github::GitHub;
use publish::outputs::{Artifacts, Outputs};
use publish::{App, Connections};
use report::verdict::exit;
use report::{FailOn, Mode, Report};

/// Runs the program on the environment's variables and returns its exit code.
pub async fn run(variables: Vec<(OsString, OsString)>) -> u8 {
    let began = Began {
        at: Instant::now(),
        wall: SystemTime::now(),
    };
    signals::survive_size_limit();
    let mut context = Context::read(variables.iter().cloned()).await;
    let files = Files::new(context.workspace.as_deref());
    let log = Log::new(context.github_actions);
    let parsed = inputs::parse(variables.iter().cloned());
    let mut redactor = match &parsed {
        Ok(inputs) => inputs.redactor(),
        Err(rejected) => rejected.redactor.clone(),
    };
    http::add_proxies(&mut redactor, &variables);
    log.mask(&redactor);
    // A preview's URL with its key may well stand in there.
    context.origin.commit_message = context.origin.commit_message.map(|text| redactor.clean(text));
    let inputs = match parsed {
        Ok(inputs) => inputs,
        Err(rejected) => {
            for problem in rejected.problems {
                log.error(&redactor.clean(problem));
            }
            let nothing = began.report(Mode::StartOnly, &context);
            let mut outputs = Outputs::new(&log, &context, &redactor, &files, rejected.outputs_path.as_deref());
            outputs.write(&nothing, &Artifacts::new()).await;
            return exit::USAGE;
        }
    };
    for notice in &inputs.notices {
        log.notice(&redactor.clean(notice.clone()));
    }
    for warning in &inputs.warnings {
        log.warning(&redactor.clean(warning.clone()));
    }
    // Certificates are read from wherever variables say.
    let Some((network, warnings)) = files.within(move || Network::read(&variables)).await else {
        log.error("A file that SSL_CERT_FILE, SSL_CERT_DIR or NODE_EXTRA_CA_CERTS names takes too long to be read.");
        let nothing = began.report(Mode::StartOnly, &context);
        let mut outputs = Outputs::new(&log, &context, &redactor, &files, inputs.outputs_path.as_deref());
        outputs.write(&nothing, &Artifacts::new()).await;
        return exit::USAGE;
    };
    context.network = network;
    context.warnings.extend(warnings);
    for warning in &context.warnings {
        log.warning(&http::brief(warning, 1_000, &redactor));
    }
    let mut signals = signals::Listener::new().unwrap_or_else(|error| {
        log.warning(&format!(
            "signals can't be listened for, so a cancelled step writes no report: {error}"
        ));
        signals::Listener::disabled()
    });
    let files = files.hurried_by(&signals);
    let sinks = App {
        inputs: &inputs,
        context: &context,
        log: &log,
        redactor: &redactor,
        files: &files,
    };
    let quarantine = match runs::quarantine::read(&inputs, &files, began.wall).await {
        Ok(quarantine) => quarantine,
        Err(errors) => {
            for error in errors {
                log.error(&redactor.clean(error.to_string()));
            }
            let nothing = began.report(Mode::StartOnly, &context);
            let mut outputs = Outputs::new(&log, &context, &redactor, &files, inputs.outputs_path.as_deref());
            outputs.write(&nothing, &Artifacts::new()).await;
            return exit::USAGE;
        }
    };
    if inputs.dry_run {
        dry_run::print(&log, &inputs, &context, &redactor);
        let nothing = began.report(Mode::StartOnly, &context);
        let mut outputs = Outputs::new(&log, &context, &redactor, &files, inputs.outputs_path.as_deref());
        return if outputs.write(&nothing, &Artifacts::new()).await {
            exit::GREEN
        } else {
            exit::BROKEN
        };
    }
    let Some(token) = &inputs.api_token else {
        log.notice("There is no API token, so QA.tech was not asked (`on_missing_token: skip`).");
        let mut report = began.report(Mode::SkippedWithoutToken, &context);
        report.fail_on.clone_from(&inputs.fail_on);
        // A check that is required must not be missing where the step is green.
        let services = http::client(&context.network).ok().map(|client| Connections {
            github: GitHub::begin(client.clone(), &inputs, &context, &redactor),
            client,
            interrupted_at: None,
        });
        return sinks.publish(report, services, &mut signals).await;
    };
    let (report, services) = runs::play(&sinks, began, token.clone(), quarantine, &mut signals).await;
    sinks.publish(report, services, &mut signals).await
}

/// When the program began, on both clocks.
#[derive(Debug, Clone, Copy)]
struct Began {
    at: Instant,
    wall: SystemTime,
}

impl Began {
    /// A report of nothing yet.
    fn report(&self, mode: Mode, context: &Context) -> Report {
        let since_epoch = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Report {
            started_at: u64::try_from(since_epoch.as_millis()).unwrap_or(0),
            duration: u64::try_from(self.at.elapsed().as_millis()).unwrap_or(0),
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
