//! The script of a fake run: its test cases, when each ends, and the run's status over time.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value, json};

/// A point in the life of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// From its creation.
    Now,
    /// This long after its creation.
    After(Duration),
    /// From its n-th poll (a GET that the fake answered without a fault), counted from 1.
    Look(usize),
    /// Never.
    Never,
}

impl When {
    /// Whether it has come, at this age of the run and after this many polls.
    pub fn has_come(self, age: Duration, looks: usize) -> bool {
        match self {
            Self::Now => true,
            Self::After(time) => age >= time,
            Self::Look(number) => looks >= number,
            Self::Never => false,
        }
    }
}

/// How a test case ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// COMPLETED, PASSED.
    Passed,
    /// COMPLETED, FAILED.
    Failed,
    /// COMPLETED, SKIPPED.
    Skipped,
    /// Status ERROR.
    Error,
    /// Status CANCELLED.
    Cancelled,
    /// Any other status and result.
    Other(String, Option<String>),
}

impl Outcome {
    /// Status and result in the JSON.
    pub fn wire(&self) -> (&str, Option<&str>) {
        match self {
            Self::Passed => ("COMPLETED", Some("PASSED")),
            Self::Failed => ("COMPLETED", Some("FAILED")),
            Self::Skipped => ("COMPLETED", Some("SKIPPED")),
            Self::Error => ("ERROR", None),
            Self::Cancelled => ("CANCELLED", None),
            Self::Other(status, result) => (status, result.as_deref()),
        }
    }

    /// Whether `testCases=failed` and `failedOnly` include it.
    pub fn is_failed_skipped_or_error(&self) -> bool {
        let (status, result) = self.wire();
        status == "ERROR" || matches!(result, Some("FAILED" | "SKIPPED"))
    }
}

/// A test case. By default its ids are derived from its name, so that a rerun keeps them.
#[derive(Clone, Debug)]
pub struct Case {
    /// The UUID.
    pub id: String,
    /// The short id.
    pub short_id: String,
    /// The name.
    pub name: String,
    /// How it ends.
    pub outcome: Outcome,
    /// When it ends; until then it is RUNNING without a result.
    pub ends: When,
    /// `resultTitle`, once it ended.
    pub title: Option<String>,
    /// `evaluationThought`, once it ended.
    pub thought: Option<String>,
    /// `promptGoal`.
    pub goal: Option<String>,
    /// Fields to add or replace in the JSON.
    pub extra: Map<String, Value>,
    /// Fields to add or replace in the details.
    pub details: Map<String, Value>,
    /// The last screenshot: its content type and bytes. The fake serves it.
    pub screenshot: Option<(String, Vec<u8>)>,
}

impl Case {
    /// A case that has ended from the start.
    pub fn new(name: &str, outcome: Outcome) -> Self {
        let hash = fnv(name);
        let title = match &outcome {
            Outcome::Passed => None,
            Outcome::Failed | Outcome::Error | Outcome::Skipped | Outcome::Cancelled | Outcome::Other(..) => {
                Some(format!("{name} did not pass"))
            }
        };
        Self {
            id: uuid(hash),
            short_id: format!("tc{:08x}", hash >> 32),
            name: name.to_owned(),
            outcome,
            ends: When::Now,
            title,
            thought: Some(format!("The agent looked at {name}.")),
            goal: Some(format!("Check {name}")),
            extra: Map::new(),
            details: Map::new(),
            screenshot: None,
        }
    }

    /// A case that passes.
    pub fn passed(name: &str) -> Self {
        Self::new(name, Outcome::Passed)
    }

    /// A case that fails.
    pub fn failed(name: &str) -> Self {
        Self::new(name, Outcome::Failed)
    }

    /// Sets when it ends.
    #[must_use]
    pub fn ends(mut self, when: When) -> Self {
        self.ends = when;
        self
    }

    /// Sets UUID and short id.
    #[must_use]
    pub fn ids(mut self, id: &str, short_id: &str) -> Self {
        self.id = id.to_owned();
        self.short_id = short_id.to_owned();
        self
    }

    /// Sets the result's title, the reasoning and the goal.
    #[must_use]
    pub fn texts(mut self, title: &str, thought: &str, goal: &str) -> Self {
        self.title = Some(title.to_owned());
        self.thought = Some(thought.to_owned());
        self.goal = Some(goal.to_owned());
        self
    }

    /// Adds or replaces a field of the JSON, with any value.
    #[must_use]
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.to_owned(), value);
        self
    }

    /// Adds or replaces a field of the details (`GET /run-test-case/{shortId}`), with any value.
    #[must_use]
    pub fn detail(mut self, key: &str, value: Value) -> Self {
        self.details.insert(key.to_owned(), value);
        self
    }

    /// Sets the error code of the details; a failed case has `TEST_FAILED`.
    #[must_use]
    pub fn error_code(self, code: &str) -> Self {
        self.detail("errorCode", json!(code))
    }

    /// Sets the last screenshot, which the fake then serves.
    #[must_use]
    pub fn screenshot(mut self, content_type: &str, bytes: &[u8]) -> Self {
        self.screenshot = Some((content_type.to_owned(), bytes.to_vec()));
        self
    }

    /// The test case's id in the project, for `testCaseIds` and `projectTestCaseIds`; derived from its name.
    pub fn project_id(&self) -> String {
        uuid(fnv(&format!("project {}", self.name)))
    }

    /// The details as JSON. `server` is the base URL of screenshots.
    pub fn detail_json(&self, ended: bool, run_short_id: &str, server: &str) -> Value {
        let mut json = self.json(ended);
        let code = (ended && self.outcome == Outcome::Failed).then_some("TEST_FAILED");
        let screenshot = self.screenshot.as_ref().filter(|_| ended);
        let screenshot = screenshot.map(|_| format!("{server}/media/{}?signature=signed", self.short_id));
        for (key, value) in [
            ("errorCode", json!(code)),
            ("classification", json!("POSITIVE")),
            ("runShortId", json!(run_short_id)),
            ("projectTestCaseId", json!(self.project_id())),
            ("startedAt", Value::Null),
            ("completedAt", Value::Null),
            ("durationMs", Value::Null),
            (
                "url",
                json!(format!("https://app.qa.tech/p/fake/results/test/{}", self.short_id)),
            ),
            ("screenshotUrl", json!(screenshot)),
            ("recordingUrl", Value::Null),
        ] {
            json[key] = value;
        }
        for (key, value) in &self.details {
            json[key] = value.clone();
        }
        json
    }

    /// The case as JSON.
    pub fn json(&self, ended: bool) -> Value {
        let (status, result) = if ended { self.outcome.wire() } else { ("RUNNING", None) };
        let mut json = json!({
            "id": self.id,
            "shortId": self.short_id,
            "name": self.name,
            "status": status,
            "result": result,
            "resultTitle": self.title.as_ref().filter(|_| ended),
            "evaluationThought": self.thought.as_ref().filter(|_| ended),
            "promptGoal": self.goal,
            "promptExamples": null,
        });
        for (key, value) in &self.extra {
            json[key] = value.clone();
        }
        json
    }
}

/// The status of the whole run from some point on.
#[derive(Clone, Debug)]
pub struct Phase {
    /// From when.
    pub from: When,
    /// The status, any word.
    pub status: String,
    /// The result, any word.
    pub result: Option<String>,
}

/// The script of a run.
#[derive(Clone, Debug)]
pub struct RunScript {
    /// Its cases.
    pub cases: Vec<Case>,
    /// Its status: that of the last phase that has come, and INITIATED before the first. Without phases: RUNNING, and COMPLETED with the result of
    /// its cases once all have ended.
    pub phases: Vec<Phase>,
    /// The test plan's name; without one the start answers `testPlan: null`.
    pub test_plan_name: Option<String>,
    /// The run's page, if it is not the default one.
    pub url: Option<String>,
    /// Whether `runTestCases` is left out if it was not requested, instead of being an empty array.
    pub leave_cases_out: bool,
    /// Fields to add or replace in the answers to GET.
    pub extra: Map<String, Value>,
    /// The scripts of its reruns, in order; a rerun passes the rest on to its own reruns.
    pub reruns: VecDeque<Rerun>,
}

impl RunScript {
    /// A run of these cases.
    pub fn new(cases: impl IntoIterator<Item = Case>) -> Self {
        Self {
            cases: cases.into_iter().collect(),
            phases: Vec::new(),
            test_plan_name: Some("Checkout".to_owned()),
            url: None,
            leave_cases_out: false,
            extra: Map::new(),
            reruns: VecDeque::new(),
        }
    }

    /// A run of `count` cases with `thought` bytes of reasoning each, of which every tenth fails.
    pub fn big(count: usize, thought: usize) -> Self {
        Self::new((0..count).map(|number| {
            let outcome = if number % 10 == 9 {
                Outcome::Failed
            } else {
                Outcome::Passed
            };
            let name = format!("case {number:05}");
            let text = format!("Reasoning of {name}. ").repeat(thought / 22 + 1);
            Case::new(&name, outcome).texts("as expected or not", &text[..thought.min(text.len())], "a goal")
        }))
    }

    /// Adds a phase.
    #[must_use]
    pub fn phase(mut self, from: When, status: &str, result: Option<&str>) -> Self {
        self.phases.push(Phase {
            from,
            status: status.to_owned(),
            result: result.map(ToOwned::to_owned),
        });
        self
    }

    /// RUNNING until `when`, then this.
    #[must_use]
    pub fn ends(self, when: When, status: &str, result: Option<&str>) -> Self {
        self.phase(When::Now, "RUNNING", None).phase(when, status, result)
    }

    /// Sets the test plan's name.
    #[must_use]
    pub fn test_plan(mut self, name: Option<&str>) -> Self {
        self.test_plan_name = name.map(ToOwned::to_owned);
        self
    }

    /// Sets the run's page.
    #[must_use]
    pub fn url(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    /// Leaves `runTestCases` out if it was not requested.
    #[must_use]
    pub fn leave_cases_out(mut self) -> Self {
        self.leave_cases_out = true;
        self
    }

    /// Adds or replaces a field of the answers to GET.
    #[must_use]
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.to_owned(), value);
        self
    }

    /// Adds the script of the next rerun.
    #[must_use]
    pub fn rerun(mut self, rerun: Rerun) -> Self {
        self.reruns.push_back(rerun);
        self
    }

    /// Status and result at a time.
    pub fn state(&self, age: Duration, looks: usize) -> (String, Option<String>) {
        if !self.phases.is_empty() {
            let phase = self.phases.iter().rev().find(|phase| phase.from.has_come(age, looks));
            return phase.map_or(("INITIATED".to_owned(), None), |phase| {
                (phase.status.clone(), phase.result.clone())
            });
        }
        if !self.cases.iter().all(|case| case.ends.has_come(age, looks)) {
            return ("RUNNING".to_owned(), None);
        }
        let outcomes = || self.cases.iter().map(|case| &case.outcome);
        let result = if outcomes().any(|o| matches!(o, Outcome::Failed | Outcome::Error | Outcome::Cancelled)) {
            "FAILED"
        } else if !self.cases.is_empty() && outcomes().all(|outcome| *outcome == Outcome::Skipped) {
            "SKIPPED"
        } else {
            "PASSED"
        };
        ("COMPLETED".to_owned(), Some(result.to_owned()))
    }
}

/// The ids of the cases of a rerun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Those of the run before.
    Same,
    /// A new UUID, the short id of the run before.
    NewIds,
    /// New UUID and short id; only the name is the same.
    NewIdsAndShortIds,
}

/// The script of a rerun.
#[derive(Clone, Debug)]
pub enum Rerun {
    /// The selected cases of the run before; the named ones with another outcome.
    Turn {
        /// Name and outcome.
        outcomes: Vec<(String, Outcome)>,
        /// Their ids.
        identity: Identity,
    },
    /// This script, whatever was selected (boxed, since a script contains reruns).
    Exactly(Box<RunScript>),
}

impl Rerun {
    /// The selected cases again; the named ones now pass.
    pub fn passing(names: &[&str]) -> Self {
        let outcomes = names.iter().map(|name| ((*name).to_owned(), Outcome::Passed)).collect();
        Self::Turn {
            outcomes,
            identity: Identity::Same,
        }
    }

    /// A separate script.
    pub fn exactly(script: RunScript) -> Self {
        Self::Exactly(Box::new(script))
    }

    /// Changes the ids of the cases that are played again.
    #[must_use]
    pub fn identity(self, identity: Identity) -> Self {
        match self {
            Self::Turn { outcomes, identity: _ } => Self::Turn { outcomes, identity },
            Self::Exactly(script) => Self::Exactly(script),
        }
    }

    /// The script of a rerun of the `selected` cases of `before`; `number` makes new ids unique.
    pub(super) fn script(self, before: &RunScript, selected: Vec<Case>, number: u64) -> RunScript {
        match self {
            Self::Exactly(script) => *script,
            Self::Turn { outcomes, identity } => {
                let cases = selected.into_iter().map(|mut case| {
                    if let Some((_, outcome)) = outcomes.iter().find(|(name, _)| *name == case.name) {
                        case.outcome = outcome.clone();
                        case.title = case.title.filter(|_| *outcome != Outcome::Passed);
                        // The texts about the failure are removed as well.
                        case.details.remove("errorCode");
                    }
                    let hash = fnv(&format!("{number} {}", case.id));
                    match identity {
                        Identity::Same => {}
                        Identity::NewIds => case.id = uuid(hash),
                        Identity::NewIdsAndShortIds => {
                            case.id = uuid(hash);
                            case.short_id = format!("tc{:08x}", hash >> 32);
                        }
                    }
                    case
                });
                RunScript {
                    test_plan_name: before.test_plan_name.clone(),
                    ..RunScript::new(cases)
                }
            }
        }
    }
}

/// 64-bit FNV-1a: the same on every machine.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A UUID (in the form of version 4) made from a number.
pub(super) fn uuid(number: u64) -> String {
    let (high, low) = (number >> 32, number & 0xffff_ffff);
    format!("{high:08x}-{:04x}-4000-8000-{low:012x}", high & 0xffff)
}
