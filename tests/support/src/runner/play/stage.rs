//! The steps of an action, one after the other, and the state that they pass on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::Control;
use crate::http::lock;
use crate::job::Job;
#[cfg(unix)]
use crate::process::Signal;
use crate::process::{Ended, LIMIT, Process};
use crate::runner::action::{Action, Step};
use crate::runner::expression::{Context, asks_status, holds, interpolate, to_text};
use crate::runner::{commands, parse_outputs};

type Texts = BTreeMap<String, String>;

/// A larger summary is dropped entirely (`CreateStepSummaryCommand`).
const SUMMARY_LIMIT: usize = 1024 * 1024;

/// The job in which an action is played.
pub(super) struct Stage {
    pub(super) job: Job,
    pub(super) code: i32,
    pub(super) summary: String,
    pub(super) summaries_dropped: usize,
    pub(super) unexpected_inputs: Vec<String>,
    pub(super) control: Arc<Control>,
    token: String,
    shell: Option<String>,
    repositories: BTreeMap<String, PathBuf>,
    /// What steps wrote to `GITHUB_ENV` and `GITHUB_PATH`.
    handed_on: Texts,
    scripts: usize,
}

/// How a step ended.
struct Ending {
    succeeded: bool,
    outputs: Texts,
}

impl Stage {
    pub(super) fn new(
        job: Job,
        token: String,
        shell: Option<String>,
        repositories: BTreeMap<String, PathBuf>,
        control: Arc<Control>,
    ) -> Self {
        Self {
            job,
            code: 0,
            summary: String::new(),
            summaries_dropped: 0,
            unexpected_inputs: Vec::new(),
            control,
            token,
            shell,
            repositories,
            handed_on: Texts::new(),
            scripts: 0,
        }
    }

    /// Plays the action of a folder; returns its outputs and whether it succeeded.
    pub(super) fn play(&mut self, folder: &Path, with: Texts, env: &Texts) -> (Texts, bool) {
        let action = Action::read(folder);
        let mut context = self.context(folder);
        for (name, input) in &action.inputs {
            let given = with
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone());
            let value = given.unwrap_or_else(|| {
                let default = input.default.as_ref().map(to_text).unwrap_or_default();
                text(&default, &context)
            });
            context.insert(format!("inputs.{}", name.to_lowercase()), json!(value));
        }
        let undeclared = |name: &&String| !action.inputs.keys().any(|known| known.eq_ignore_ascii_case(name));
        self.unexpected_inputs.extend(with.keys().filter(undeclared).cloned());

        let mut succeeded = true;
        for step in &action.runs.steps {
            let cancelled = self.control.cancelled_for().is_some();
            context.insert("always()".to_owned(), json!(true));
            context.insert("success()".to_owned(), json!(succeeded && !cancelled));
            context.insert("failure()".to_owned(), json!(!succeeded && !cancelled));
            context.insert("cancelled()".to_owned(), json!(cancelled));
            let env = self.step_env(step, env, &mut context);
            if !runs(step, &context) {
                conclude(step, "skipped", "skipped", &Texts::new(), &mut context);
                continue;
            }
            let Ending {
                succeeded: good,
                outputs,
            } = match (&step.run, &step.uses) {
                (Some(script), _) => self.run_script(folder, step, script, &env, &context),
                (None, uses) => self.use_action(uses.as_deref().unwrap_or_default(), step, &env, &context),
            };
            let word = |good: bool| if good { "success" } else { "failure" };
            let tolerated = good || step.continue_on_error;
            conclude(step, word(good), word(tolerated), &outputs, &mut context);
            succeeded &= tolerated;
        }
        let outputs = action
            .outputs
            .iter()
            .map(|(name, output)| (name.clone(), text(&output.value, &context)));
        let cancelled = self.control.cancelled_for().is_some();
        (outputs.collect(), succeeded && !cancelled)
    }

    fn context(&self, folder: &Path) -> Context {
        let mut context = Context::new();
        for (key, value) in self.job.env() {
            for (prefix, name) in [("GITHUB_", "github"), ("RUNNER_", "runner")] {
                if let Some(rest) = key.strip_prefix(prefix) {
                    context.insert(format!("{name}.{}", rest.to_lowercase()), json!(value));
                }
            }
        }
        let event = self
            .job
            .read("event.json")
            .and_then(|event| serde_json::from_str(&event).ok());
        flatten("github.event", &event.unwrap_or_default(), &mut context);
        context.insert("github.token".to_owned(), json!(self.token));
        context.insert("github.action_path".to_owned(), json!(folder));
        context
    }

    /// The caller's variables, then those of earlier steps, then the step's own; later ones take precedence.
    fn step_env(&self, step: &Step, caller: &Texts, context: &mut Context) -> Texts {
        let mut env = caller.clone();
        env.extend(self.handed_on.clone());
        context.retain(|name, _| !name.starts_with("env."));
        context.extend(
            env.iter()
                .map(|(key, value)| (format!("env.{}", key.to_lowercase()), json!(value))),
        );
        env.extend(
            step.env
                .iter()
                .map(|(key, value)| (key.clone(), text(&to_text(value), context))),
        );
        env
    }

    fn use_action(&mut self, uses: &str, step: &Step, env: &Texts, context: &Context) -> Ending {
        let folder = match uses.strip_prefix("./") {
            Some(path) => self.job.file("workspace").join(path),
            None => {
                let name = uses.split('@').next().unwrap_or_default();
                self.repositories
                    .get(name)
                    .unwrap_or_else(|| panic!("no folder is known for {uses}"))
                    .clone()
            }
        };
        let folder = folder.canonicalize().unwrap_or_else(|error| panic!("{uses}: {error}"));
        let with = step
            .with
            .iter()
            .map(|(key, value)| (key.clone(), text(&to_text(value), context)))
            .collect();
        let (outputs, succeeded) = self.play(&folder, with, env);
        Ending { succeeded, outputs }
    }

    fn run_script(&mut self, folder: &Path, step: &Step, script: &str, env: &Texts, context: &Context) -> Ending {
        self.scripts += 1;
        let number = self.scripts;
        let script_file = format!("step-{number}.sh");
        self.job
            .write(&script_file, &text(script, context).replace("\r\n", "\n"));
        let own_shell = text(step.shell.as_deref().unwrap_or_default(), context);
        let shell = match self.shell.as_deref().unwrap_or(&own_shell) {
            "sh" => "sh -e {0}",
            "bash" => "bash --noprofile --norc -eo pipefail {0}",
            line if line.contains("{0}") => line,
            other => panic!("no such shell here: {other:?}"),
        };
        let mut words = shell.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        for word in words {
            command.arg(word.replace("{0}", &self.job.file(&script_file).to_string_lossy()));
        }
        command
            .env_clear()
            .envs(env)
            .envs(self.job.env())
            .env("GITHUB_ACTION", "__run");
        command.env("GITHUB_ACTION_PATH", folder);
        let files =
            ["OUTPUT", "STEP_SUMMARY", "ENV", "PATH", "STATE"].map(|name| (name, format!("step-{number}-{name}")));
        for (name, file) in &files {
            self.job.write(file, "");
            command.env(format!("GITHUB_{name}"), self.job.file(file));
        }
        let directory = step
            .working_directory
            .as_deref()
            .map(|path| text(path, context))
            .unwrap_or_default();
        command.current_dir(self.job.file("workspace").join(directory));

        let ended = self.run_process(command);
        let [output, summary, variables, path, _] = files.map(|(_, file)| self.job.read(&file).unwrap_or_default());
        self.add_summary(&summary);
        self.hand_on(&variables, &path, env);
        // The old workflow command still works, so printed text can set outputs.
        let printed = commands(&ended.log)
            .into_iter()
            .filter(|command| command.name == "set-output");
        let mut outputs: Texts = printed
            .filter_map(|mut command| Some((command.properties.remove("name")?, command.data)))
            .collect();
        let file = parse_outputs(output.as_bytes());
        outputs.extend(file.pairs);
        let mut log = lock(&self.control.log);
        log.push_str(&ended.log);
        if let Some(error) = &file.error {
            log.push_str(&format!(
                "##[error]Unable to process file command 'output' successfully: {error}\n"
            ));
        }
        if ended.code != 0 {
            self.code = ended.code;
        }
        Ending {
            succeeded: ended.code == 0 && file.error.is_none(),
            outputs,
        }
    }

    /// Runs a process to its end; if the job is cancelled, sends the runner's sequence of signals.
    fn run_process(&self, command: Command) -> Ended {
        #[cfg(unix)]
        let cancelled_before = self.control.cancelled_for().is_some();
        *lock(&self.control.current) = Some(Process::spawn(command));
        let begun = std::time::Instant::now();
        #[cfg(unix)]
        let mut ladder = vec![
            (Duration::from_secs(10), Signal::Kill),
            (Duration::from_millis(7_500), Signal::Term),
        ];
        loop {
            let mut current = lock(&self.control.current);
            let process = current.as_mut().expect("the process that was started");
            if process.ended().is_some() || begun.elapsed() > LIMIT {
                let process = current.take().expect("the process that was started");
                drop(current);
                return process.wait();
            }
            #[cfg(unix)]
            if let (Some(time), Some((after, signal)), false) =
                (self.control.cancelled_for(), ladder.last().copied(), cancelled_before)
                && time >= after
            {
                process.signal(signal);
                ladder.pop();
            }
            drop(current);
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn add_summary(&mut self, summary: &str) {
        if summary.len() > SUMMARY_LIMIT {
            self.summaries_dropped += 1;
        } else {
            self.summary.push_str(summary);
        }
    }

    fn hand_on(&mut self, variables: &str, path: &str, env: &Texts) {
        self.handed_on.extend(parse_outputs(variables.as_bytes()).pairs);
        for line in path.lines().filter(|line| !line.is_empty()) {
            let before = self
                .handed_on
                .get("PATH")
                .or_else(|| env.get("PATH"))
                .cloned()
                .unwrap_or_default();
            self.handed_on.insert("PATH".to_owned(), format!("{line}:{before}"));
        }
    }
}

/// Whether a step's condition holds.
fn runs(step: &Step, context: &Context) -> bool {
    let condition = step.r#if.as_ref().map(to_text).unwrap_or_default();
    let condition = if condition.trim().is_empty() {
        "success()"
    } else {
        &condition
    };
    let fine = asks_status(condition) || holds("success()", context) == Ok(true);
    fine && holds(condition, context).unwrap_or_else(|error| panic!("in `if: {condition}`: {error}"))
}

fn conclude(step: &Step, outcome: &str, conclusion: &str, outputs: &Texts, context: &mut Context) {
    let Some(id) = &step.id else { return };
    let id = id.to_lowercase();
    context.insert(format!("steps.{id}.outcome"), json!(outcome));
    context.insert(format!("steps.{id}.conclusion"), json!(conclusion));
    for (name, value) in outputs {
        context.insert(format!("steps.{id}.outputs.{}", name.to_lowercase()), json!(value));
    }
}

fn text(template: &str, context: &Context) -> String {
    interpolate(template, context).unwrap_or_else(|error| panic!("in {template:?}: {error}"))
}

/// Stores every leaf of an event under its dotted name.
fn flatten(name: &str, value: &Value, context: &mut Context) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                flatten(&format!("{name}.{}", key.to_lowercase()), field, context);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            context.insert(name.to_owned(), value.clone());
        }
    }
}
