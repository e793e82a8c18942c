//! Plays a composite action as the runner does: evaluates its `action.yml`, runs its scripts, reads its outputs.
//!
//! ```no_run
//! use qatech_fakes::runner::Play;
//!
//! let played = Play::new(".").input("api_token", "secret").shell("bash").output();
//! assert_eq!((played.code, played.outputs["verdict"].as_str()), (0, "passed"), "{}", played.log);
//! ```

mod stage;

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{lock, wait_until};
use crate::job::Job;
use crate::process::Process;
#[cfg(unix)]
use crate::process::Signal;
use stage::Stage;

/// Builder for a use of an action.
pub struct Play {
    folder: PathBuf,
    inputs: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    token: String,
    shell: Option<String>,
    repositories: BTreeMap<String, PathBuf>,
    job: Job,
    signal_speed: u32,
}

impl Play {
    /// The action of a folder, used in a job like [`Job::github`]. Its steps get that job's environment and the
    /// `PATH` of the tests, but no `INPUT_*`.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref().canonicalize().expect("the action's folder");
        let job = Job::github();
        let env = std::env::var("PATH")
            .map(|path| ("PATH".to_owned(), path))
            .into_iter()
            .collect();
        let token = "ghs_job_token".to_owned();
        Self {
            folder,
            inputs: BTreeMap::new(),
            env,
            token,
            shell: None,
            repositories: BTreeMap::new(),
            job,
            signal_speed: 1,
        }
    }

    /// Sets an input, as `with:` does.
    #[must_use]
    pub fn input(mut self, name: &str, value: &str) -> Self {
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets a variable in the caller's `env:`; every step gets it, unless the step sets it itself.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets a variable of the runner (`GITHUB_*`, `RUNNER_*`), which no step can override.
    #[must_use]
    pub fn runner_env(mut self, key: &str, value: &str) -> Self {
        self.job.set_env(key, value);
        self
    }

    /// Sets the event that triggered the workflow.
    #[must_use]
    pub fn event(mut self, name: &str, payload: &Value) -> Self {
        self.job.set_event(name, payload);
        self
    }

    /// Sets `github.token`.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// Runs every script with this shell instead of the declared one: `sh`, `bash`, or a command line with `{0}`.
    #[must_use]
    pub fn shell(mut self, shell: &str) -> Self {
        self.shell = Some(shell.to_owned());
        self
    }

    /// Sets the folder that a step's `uses: OWNER/REPO@anything` resolves to.
    #[must_use]
    pub fn repository(mut self, name: &str, folder: impl AsRef<Path>) -> Self {
        self.repositories.insert(name.to_owned(), folder.as_ref().to_owned());
        self
    }

    /// Divides the time between the signals of a cancelled step by this factor.
    #[must_use]
    pub fn signal_speed(mut self, factor: u32) -> Self {
        self.signal_speed = factor;
        self
    }

    /// The job's environment, to add files (the workspace is the folder `workspace`).
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Starts the first step.
    pub fn start(self) -> Playing {
        let control = Arc::new(Control {
            signal_speed: self.signal_speed,
            ..Control::default()
        });
        let begun = Instant::now();
        let thread = {
            let control = Arc::clone(&control);
            thread::spawn(move || {
                let Self {
                    folder,
                    inputs,
                    env,
                    token,
                    shell,
                    repositories,
                    job,
                    signal_speed: _,
                } = self;
                let mut stage = Stage::new(job, token, shell, repositories, control);
                let (outputs, succeeded) = stage.play(&folder, inputs, &env);
                let Stage {
                    job,
                    code,
                    summary,
                    summaries_dropped,
                    unexpected_inputs,
                    control,
                    ..
                } = stage;
                let log = lock(&control.log).clone();
                let elapsed = begun.elapsed();
                Played {
                    succeeded,
                    code,
                    outputs,
                    log,
                    summary,
                    summaries_dropped,
                    unexpected_inputs,
                    elapsed,
                    job,
                }
            })
        };
        Playing { thread, control }
    }

    /// Plays the action to its end.
    pub fn output(self) -> Played {
        self.start().wait()
    }
}

/// State shared between the test and the thread that runs the steps.
#[derive(Default)]
struct Control {
    /// The shell of the current step.
    current: Mutex<Option<Process>>,
    /// The log of the steps before it.
    log: Mutex<String>,
    cancelled: Mutex<Option<Instant>>,
    signal_speed: u32,
}

impl Control {
    /// The time since the cancellation, as the runner would have measured it.
    fn cancelled_for(&self) -> Option<Duration> {
        lock(&self.cancelled).map(|since| since.elapsed() * self.signal_speed)
    }
}

/// An action that is being played.
pub struct Playing {
    thread: JoinHandle<Played>,
    control: Arc<Control>,
}

impl Playing {
    /// The log so far.
    pub fn log(&self) -> String {
        let current = lock(&self.control.current);
        let running = current.as_ref().map(Process::log).unwrap_or_default();
        lock(&self.control.log).clone() + &running
    }

    /// Waits until the log contains `text`.
    ///
    /// # Panics
    /// If that takes more than 30 s.
    pub fn wait_for_log(&self, text: &str) {
        let found = wait_until(Duration::from_secs(30), || {
            self.log().contains(text) || self.thread.is_finished()
        });
        let log = self.log();
        assert!(found && log.contains(text), "no {text:?} in the log:\n{log}");
    }

    /// Sends a signal to the runner's direct child, the shell of the current step, and to no other process.
    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        if let Some(process) = &*lock(&self.control.current) {
            process.signal(signal);
        }
    }

    /// Cancels the job as the runner does: SIGINT to its direct child, after 7.5 s SIGTERM, after 2.5 s more SIGKILL.
    /// After a failure only steps with a matching `if:` run.
    #[cfg(unix)]
    pub fn cancel(&self) {
        *lock(&self.control.cancelled) = Some(Instant::now());
        self.signal(Signal::Int);
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// If a step takes more than 60 s, or if the runner could not run the action.
    pub fn wait(self) -> Played {
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// The result of an action.
pub struct Played {
    /// Whether it succeeded.
    pub succeeded: bool,
    /// The exit code of the last step that failed; 0 if none did.
    pub code: i32,
    /// The action's outputs.
    pub outputs: BTreeMap<String, String>,
    /// The log of all steps.
    pub log: String,
    /// The job summary of all steps.
    pub summary: String,
    /// How many summaries were dropped because they were too large.
    pub summaries_dropped: usize,
    /// Inputs that were given but not declared; the runner warns about them.
    pub unexpected_inputs: Vec<String>,
    /// From start to end.
    pub elapsed: Duration,
    /// The job's environment, with the files that were written.
    pub job: Job,
}

#[cfg(all(test, unix))]
mod tests;
