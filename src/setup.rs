//! Reads the inputs and the context before anything is sent. All problems are reported at once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::StartTime;
use crate::context::Context;
use crate::files::Files;
use crate::inputs::{self, Inputs, Rejected};
use crate::log::Log;
use crate::net::http;
use crate::net::proxy::Network;
use crate::publish::identity::Identity;
use crate::publish::outputs::{Artifacts, Outputs};
use crate::report::verdict::exit;
use crate::report::{Mode, Quarantine};
use crate::runs::quarantine;
use crate::signals::Listener;
use crate::text::Redactor;

/// Limit of a warning about the context, in characters: it may quote much of a file.
const MAX_WARNING: usize = 1_000;

/// Everything that is read before the runs.
pub(crate) struct Setup {
    pub(crate) inputs: Inputs,
    pub(crate) context: Context,
    pub(crate) quarantine: Quarantine,
    pub(crate) log: Log,
    pub(crate) redactor: Redactor,
    pub(crate) files: Files,
    pub(crate) signals: Listener,
}

/// A setup with problems, and what is needed to report them.
pub(crate) struct Rejection {
    problems: Vec<String>,
    outputs_path: Option<PathBuf>,
    context: Context,
    log: Log,
    files: Files,
    signals: Listener,
}

impl Setup {
    /// Reads the setup, and logs notices and warnings about it.
    ///
    /// # Errors
    /// All problems.
    pub(crate) async fn read(variables: Vec<(OsString, OsString)>, started: StartTime) -> Result<Self, Box<Rejection>> {
        let parsed = inputs::parse(variables.iter().cloned());
        let mut redactor = match &parsed {
            Ok(inputs) => inputs.redactor(),
            Err(rejected) => rejected.redactor.clone(),
        };
        http::add_proxies(&mut redactor, &variables);
        let mut context = Context::read(variables.iter().cloned()).await;
        context.redact(&redactor);
        let log = Log::new(context.github_actions, redactor.clone());
        let signals = Listener::new();
        log.mask(&redactor);
        let signals = signals.unwrap_or_else(|error| {
            log.warning(&format!(
                "Signals can't be handled, so a cancelled step writes no report: {error}"
            ));
            Listener::disabled()
        });
        let files = Files::new(context.workspace.as_deref()).hurried_by(&signals);
        let quarantine = read_quarantine(&parsed, &files, started).await;
        let network = read_network(variables, &files).await;
        let (inputs, quarantine, (network, warnings)) = match (parsed, quarantine, network) {
            (Ok(inputs), Ok(quarantine), Ok(network)) => (inputs, quarantine, network),
            (parsed, quarantine, network) => {
                let (mut problems, outputs_path) = match parsed {
                    Ok(inputs) => (Vec::new(), inputs.outputs_path),
                    Err(rejected) => (rejected.problems, rejected.outputs_path),
                };
                problems.extend(network.err().unwrap_or_default());
                problems.extend(quarantine.err().unwrap_or_default());
                return Err(Box::new(Rejection {
                    problems,
                    outputs_path,
                    context,
                    log,
                    files,
                    signals,
                }));
            }
        };
        context.network = network;
        context.warnings.extend(warnings);
        context.set_tested(&inputs.tested);
        context.earlier_uses = earlier_uses(&inputs, &context, &files);
        let setup = Self {
            inputs,
            context,
            quarantine,
            log,
            redactor,
            files,
            signals,
        };
        setup.log_messages();
        Ok(setup)
    }

    fn log_messages(&self) {
        for notice in &self.inputs.notices {
            self.log.notice(notice);
        }
        for warning in &self.inputs.warnings {
            self.log.warning(warning);
        }
        for warning in &self.context.warnings {
            self.log.warning(&http::brief(warning, MAX_WARNING, &self.redactor));
        }
    }
}

impl Rejection {
    /// Logs the problems, writes the outputs of a step that starts nothing, and returns the exit code.
    pub(crate) async fn report(self, started: StartTime) -> u8 {
        let Self {
            problems,
            outputs_path,
            context,
            log,
            files,
            signals,
        } = self;
        for problem in problems {
            log.error(&problem);
        }
        let mut outputs = Outputs::new(&log, &context, &files, outputs_path.as_deref());
        let report = started.empty_report(Mode::StartOnly, &context);
        outputs.write(&report, &Artifacts::new()).await;
        // It may have ended the reading of a file that nothing is wrong with.
        signals.caught().map_or(exit::USAGE, |caught| caught.signal.exit_code())
    }
}

/// The number of earlier uses in this job with the same identity.
///
/// Only uses through action.yml count, which passes the position in the matrix: a script that starts the program again repeats
/// its use. They count only if something is published.
fn earlier_uses(inputs: &Inputs, context: &Context, files: &Files) -> u64 {
    let (Some(folder), Some(run), Some(_)) = (&context.temp_folder, context.origin.run_id, context.job_index) else {
        return 0;
    };
    if inputs.dry_run || !inputs.blocking || inputs.comment_key.is_some() {
        return 0;
    }
    let identity = Identity::new(inputs, context);
    let attempt = context.origin.run_attempt.unwrap_or(1);
    files.take_number(folder, &format!("qatech-run-{}-{run}-{attempt}", identity.hash()))
}

/// Reads the quarantine list, even if other inputs have problems.
///
/// # Errors
/// All problems of the list.
async fn read_quarantine(
    parsed: &Result<Inputs, Box<Rejected>>,
    files: &Files,
    started: StartTime,
) -> Result<Quarantine, Vec<String>> {
    let (text, path): (_, Option<&Path>) = match parsed {
        Ok(inputs) => (inputs.quarantine.as_deref(), inputs.quarantine_path.as_deref()),
        Err(rejected) => (rejected.quarantine.as_deref(), rejected.quarantine_path.as_deref()),
    };
    let list = quarantine::read(text, path, files, started.wall).await;
    list.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Reads proxies and certificates, with warnings about those that are not used.
///
/// # Errors
/// If a proxy variable can't be used, or if a certificate file takes too long.
async fn read_network(
    variables: Vec<(OsString, OsString)>,
    files: &Files,
) -> Result<(Network, Vec<String>), Vec<String>> {
    let read = if Network::reads_files(&variables) {
        files.within(move || Network::read(&variables)).await.ok_or_else(|| {
            let problem = "A file named by SSL_CERT_FILE, SSL_CERT_DIR or NODE_EXTRA_CA_CERTS takes too long to read.";
            vec![problem.to_owned()]
        })?
    } else {
        Network::read(&variables)
    };
    read.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}
