//! Runs the real program in its own environment, and reads its results.
//!
//! ```no_run
//! use qatech_fakes::harness::Run;
//!
//! # let program = "qatech-run"; // env!("CARGO_BIN_EXE_qatech-run") in a test
//! let done = Run::new(program).github().input("api_token", "secret").output();
//! assert_eq!((done.code, &done.outputs["verdict"]), (0, "passed"), "{}", done.log);
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::http::wait_until;
use crate::job::Job;
pub use crate::process::Signal;
use crate::process::{Ended, Process};
use crate::runner::{Outputs, parse_outputs, without_masks};

/// The inputs that name a file to write.
pub const FILE_INPUTS: [&str; 6] = [
    "junit_path",
    "ctrf_path",
    "json_path",
    "html_path",
    "history_path",
    "outputs_path",
];

/// Builder for a run of the program.
pub struct Run {
    program: PathBuf,
    arguments: Vec<String>,
    measures_memory: bool,
    job: Job,
}

impl Run {
    /// The program in an empty environment (not even a `PATH`) and an empty folder.
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            measures_memory: false,
            job: Job::new(),
        }
    }

    /// Adds the variables that GitHub's runner sets; variables that are already set stay.
    #[must_use]
    pub fn github(mut self) -> Self {
        let before = self.job.env().clone();
        self.job.add_github();
        for (key, value) in before {
            self.job.set_env(&key, &value);
        }
        self
    }

    /// Sets an input, as `INPUT_<NAME>`.
    #[must_use]
    pub fn input(self, name: &str, value: &str) -> Self {
        self.env(&format!("INPUT_{}", name.to_uppercase()), value)
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.job.set_env(key, value);
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn without_env(mut self, key: &str) -> Self {
        self.job.remove_env(key);
        self
    }

    /// Sets the event that triggered the workflow.
    #[must_use]
    pub fn event(mut self, name: &str, payload: &Value) -> Self {
        self.job.set_event(name, payload);
        self
    }

    /// Adds a command line argument.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Samples the program's peak memory, for [`Done::assert_memory_below`].
    #[must_use]
    pub fn measure_memory(mut self) -> Self {
        self.measures_memory = true;
        self
    }

    /// The environment, to add files or to get paths in it.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Starts the program in the folder `workspace`.
    pub fn start(self) -> Running {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            // Windows can't open a socket without it.
            .envs(std::env::vars_os().filter(|(name, _)| cfg!(windows) && name.eq_ignore_ascii_case("SystemRoot")))
            .envs(self.job.env())
            .current_dir(self.job.file("workspace"));
        let mut process = Process::spawn(command);
        if self.measures_memory {
            process.measure_memory();
        }
        Running { process, job: self.job }
    }

    /// Runs the program to its end.
    pub fn output(self) -> Done {
        self.start().wait()
    }
}

/// The running program; it is killed on drop.
pub struct Running {
    process: Process,
    job: Job,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its output so far, of both streams.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its environment.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Waits until the log contains `text`.
    ///
    /// # Panics
    /// If that takes more than 30 s.
    pub fn wait_for_log(&mut self, text: &str) {
        let found = wait_until(Duration::from_secs(30), || {
            self.log().contains(text) || self.process.ended().is_some()
        });
        let log = self.log();
        assert!(found && log.contains(text), "no {text:?} in the log:\n{log}");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.ended().is_some()
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it takes more than 60 s, or if it wrote a `GITHUB_OUTPUT` that the runner would refuse.
    pub fn wait(self) -> Done {
        let Ended {
            code,
            elapsed,
            stdout,
            stderr,
            log,
            peak_memory,
        } = self.process.wait();
        // A test may have put something else there, which may be endless.
        let file_of = |key: &str| {
            let path = self.job.env().get(key).filter(|path| Path::new(path).is_file())?;
            std::fs::read(path).ok()
        };
        let outputs = parse_outputs(&file_of("GITHUB_OUTPUT").unwrap_or_default());
        assert_eq!(outputs.error, None, "GITHUB_OUTPUT is invalid; the log:\n{log}");
        let summary = String::from_utf8_lossy(&file_of("GITHUB_STEP_SUMMARY").unwrap_or_default()).into_owned();
        Done {
            code,
            stdout,
            stderr,
            log,
            elapsed,
            peak_memory,
            outputs,
            summary,
            job: self.job,
        }
    }
}

/// The results of a run of the program.
pub struct Done {
    /// The exit code; the negated signal number if a signal killed it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Both, line by line in the order of arrival.
    pub log: String,
    /// From start to end.
    pub elapsed: Duration,
    /// Peak memory, in bytes (Linux only, after [`Run::measure_memory`]; sampled every few milliseconds).
    pub peak_memory: Option<u64>,
    /// The step outputs, read by the runner's rules.
    pub outputs: Outputs,
    /// The job summary.
    pub summary: String,
    /// The environment, with the files it wrote.
    pub job: Job,
}

impl Done {
    /// The log as the runner shows it, without `::add-mask::` lines.
    pub fn shown_log(&self) -> String {
        without_masks(&self.log)
    }

    /// Fails unless its log contains `text`.
    #[track_caller]
    pub fn assert_logged(&self, text: &str) {
        assert!(self.log.contains(text), "no {text:?} in the log:\n{}", self.log);
    }

    /// Fails unless its log contains each of these texts.
    #[track_caller]
    pub fn assert_all_logged(&self, texts: &[&str]) {
        for text in texts {
            self.assert_logged(text);
        }
    }

    /// Fails unless these outputs have these values.
    #[track_caller]
    pub fn assert_outputs(&self, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert_eq!(&self.outputs[*name], *value, "{name}; the log:\n{}", self.log);
        }
    }

    /// Fails if its peak memory reached this many bytes, or was not measured. Only Linux reports it.
    #[track_caller]
    pub fn assert_memory_below(&self, most: u64) {
        assert!(
            self.peak_memory.is_some() || cfg!(not(target_os = "linux")),
            "no peak memory was seen"
        );
        let peak = self.peak_memory.unwrap_or_default();
        assert!(peak < most, "{peak} bytes; the log:\n{}", self.log);
    }

    /// Where `text` appears: in the shown log, or in a file below the folder (except the event's file).
    pub fn places_with(&self, text: &str) -> Vec<String> {
        let log = self.shown_log().contains(text).then(|| "the log".to_owned());
        let files = self
            .job
            .files_with(text)
            .into_iter()
            .filter(|path| *path != self.job.file("event.json"));
        log.into_iter()
            .chain(files.map(|path| path.display().to_string()))
            .collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use serde_json::json;

    use super::*;

    fn sh(script: &str) -> Run {
        Run::new("/bin/sh").arg("-c").arg(script)
    }

    #[test]
    fn the_environment_holds_what_was_set_and_nothing_else() {
        let done = Run::new("/usr/bin/env").input("api_token", "t").env("A", "b").output();
        assert_eq!((done.code, done.stdout.as_str()), (0, "A=b\nINPUT_API_TOKEN=t\n"));
        let done = Run::new("/usr/bin/env")
            .env("GITHUB_JOB", "mine")
            .github()
            .without_env("CI")
            .output();
        assert!(done.stdout.contains("GITHUB_JOB=mine\n") && done.stdout.contains("GITHUB_ACTIONS=true\n"));
        assert!(
            !done.stdout.contains("\nCI=") && !done.stdout.contains("INPUT_"),
            "{}",
            done.stdout
        );
    }

    #[test]
    fn outputs_summary_event_and_streams_are_read() {
        let done = sh(r#"read x || echo closed; echo err >&2
            echo a=1 >>"$GITHUB_OUTPUT"; echo '# hi' >>"$GITHUB_STEP_SUMMARY"; echo ::add-mask::s3cret
            echo s3cret >file; exit 3"#)
        .github()
        .event("pull_request", &json!({"number": 7}))
        .output();
        assert_eq!((done.code, done.stderr.as_str()), (3, "err\n"));
        assert_eq!((&done.outputs["a"], done.summary.as_str()), ("1", "# hi\n"));
        assert!(done.stdout.starts_with("closed\n"), "{}", done.stdout);
        assert!(done.log.contains("err\n") && done.log.contains("closed\n"));
        assert_eq!(
            done.places_with("s3cret"),
            [done.job.file("workspace/file").display().to_string()]
        );
        assert_eq!(done.places_with("closed"), ["the log"]);
    }

    #[test]
    fn the_event_file_holds_the_payload() {
        let done = Run::new("/bin/cat").github().event("push", &json!({"ref": "x"}));
        assert_eq!(done.job().read("event.json").as_deref(), Some(r#"{"ref":"x"}"#));
    }

    #[test]
    fn signals_reach_the_program() {
        let mut running = sh("trap 'echo got; exit 130' INT; echo ready; while :; do /bin/sleep 0.05; done").start();
        running.wait_for_log("ready");
        running.signal(Signal::Int);
        let done = running.wait();
        assert_eq!((done.code, done.log.as_str()), (130, "ready\ngot\n"));
        let mut running = sh("echo ready; exec /bin/sleep 50").start();
        running.wait_for_log("ready");
        running.signal(Signal::Term);
        assert_eq!(running.wait().code, -15);
    }

    #[test]
    fn what_the_program_leaves_behind_neither_blocks_nor_lives_on() {
        let done = sh("/bin/sleep 50 & echo started").output();
        assert_eq!(done.log, "started\n");
        assert!(done.elapsed < Duration::from_secs(20));
    }

    #[test]
    fn invalid_outputs_fail_the_test() {
        let run = sh("echo nonsense >>\"$GITHUB_OUTPUT\"").github();
        assert!(catch_unwind(AssertUnwindSafe(|| run.output())).is_err());
    }
}
