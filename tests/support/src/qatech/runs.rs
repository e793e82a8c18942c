//! The runs of the fake QA.tech, and the calls on them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::error;
use super::script::{Case, Rerun, RunScript, uuid};
use crate::http::{Body, Reply};

/// A run, for tests to inspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// The UUID.
    pub id: String,
    /// The short id.
    pub short_id: String,
    /// The URL of its page.
    pub url: String,
    /// The plan that it was started for.
    pub plan: Option<String>,
    /// The short id of the run that it reruns.
    pub rerun_of: Option<String>,
    /// Whether it was started by a request.
    pub started: bool,
}

struct Run {
    info: RunInfo,
    script: RunScript,
    created: Instant,
    looks: usize,
    /// The JSON of the cases once they have ended, cached because big runs are requested often.
    ended: Option<Vec<String>>,
}

/// All plans and runs.
#[derive(Default)]
pub(super) struct Runs {
    plans: BTreeMap<Option<String>, RunScript>,
    runs: Vec<Run>,
}

impl Runs {
    pub(super) fn set_plan(&mut self, short_id: Option<&str>, script: RunScript) {
        self.plans.insert(short_id.map(ToOwned::to_owned), script);
    }

    pub(super) fn list(&self) -> Vec<RunInfo> {
        self.runs.iter().map(|run| run.info.clone()).collect()
    }

    /// Creates a run and returns its index.
    pub(super) fn create(
        &mut self,
        script: RunScript,
        short_id: Option<&str>,
        plan: Option<&str>,
        rerun_of: Option<&str>,
    ) -> usize {
        let number = self.runs.len() as u64 + 1;
        let started = short_id.is_none();
        let short_id = short_id.map_or_else(|| format!("run{number:03}"), ToOwned::to_owned);
        let url = script
            .url
            .clone()
            .unwrap_or_else(|| format!("https://app.qa.tech/p/fake/results/{short_id}"));
        let info = RunInfo {
            id: uuid(number),
            short_id,
            url,
            plan: plan.map(ToOwned::to_owned),
            rerun_of: rerun_of.map(ToOwned::to_owned),
            started,
        };
        self.runs.push(Run {
            info,
            script,
            created: Instant::now(),
            looks: 0,
            ended: None,
        });
        self.runs.len() - 1
    }

    /// `POST /run`.
    pub(super) fn start(&mut self, body: &Value) -> Reply {
        if body["notifications"].as_array().is_some_and(Vec::is_empty) {
            return error(400, "notifications must not be empty");
        }
        let plan = body["testPlanShortId"].as_str();
        let Some(mut script) = self.plans.get(&plan.map(ToOwned::to_owned)).cloned() else {
            return error(404, "Test plan not found");
        };
        if let Some(ids) = body["testCaseIds"].as_array() {
            script.cases.retain(|case| ids.contains(&json!(case.project_id())));
            if plan.is_some() || script.cases.len() != ids.len() || ids.is_empty() {
                return error(400, "testCaseIds must be those of the project, without a plan");
            }
        }
        let at = self.create(script, None, plan, None);
        let run = &self.runs[at];
        let short_id = plan.unwrap_or("pln_default");
        let test_plan = run
            .script
            .test_plan_name
            .as_ref()
            .map(|name| json!({"name": name, "shortId": short_id}));
        let mut answer = run.created_answer();
        answer["run"]["testPlan"] = test_plan.unwrap_or_default();
        Reply::json(200, &answer)
    }

    /// `POST /run/{shortId}`.
    pub(super) fn rerun(&mut self, short_id: &str, body: &Value) -> Reply {
        let failed_only = body["failedOnly"] == json!(true);
        let ids = body["projectTestCaseIds"].as_array();
        if failed_only && ids.is_some() {
            return error(400, "failedOnly and projectTestCaseIds exclude each other");
        }
        let number = self.runs.len() as u64 + 1;
        let Some(before) = self.runs.iter_mut().find(|run| run.info.short_id == short_id) else {
            return error(404, "Run not found");
        };
        let selected: Vec<Case> = (before.script.cases.iter().enumerate())
            .filter(|(index, case)| match ids {
                Some(ids) => ids.contains(&json!(case.project_id())),
                None => !failed_only || before.has_ended(*index) && case.outcome.is_failed_skipped_or_error(),
            })
            .map(|(_, case)| case.clone())
            .collect();
        if selected.is_empty() {
            return error(400, "No tests to rerun");
        }
        let rerun = before.script.reruns.pop_front().unwrap_or_else(|| Rerun::passing(&[]));
        let mut script = rerun.script(&before.script, selected, number);
        if script.reruns.is_empty() {
            script.reruns = std::mem::take(&mut before.script.reruns);
        }
        let plan = before.info.plan.clone();
        let at = self.create(script, None, plan.as_deref(), Some(short_id));
        Reply::json(200, &self.runs[at].created_answer())
    }

    /// `GET /run/{shortId}`.
    pub(super) fn show(&mut self, short_id: &str, test_cases: Option<&str>) -> Reply {
        if !matches!(test_cases, None | Some("all" | "failed")) {
            return error(400, "testCases must be failed or all");
        }
        let Some(run) = self.runs.iter_mut().find(|run| run.info.short_id == short_id) else {
            return error(404, "Run not found");
        };
        run.looks += 1;
        Reply::raw(200, "application/json", "").body(Body::Bytes(Arc::from(run.show(test_cases).into_bytes())))
    }
}

impl Runs {
    /// `GET /run-test-case/{shortId}`: the case of the newest run that has it. `server` is the base URL of screenshots.
    pub(super) fn show_case(&self, short_id: &str, server: &str) -> Reply {
        match self.case(short_id) {
            Some((run, index, case)) => {
                let details = case.detail_json(run.has_ended(index), &run.info.short_id, server);
                Reply::json(200, &details)
            }
            None => error(404, "Test case not found"),
        }
    }

    /// A screenshot, as its storage serves it.
    pub(super) fn screenshot(&self, short_id: &str) -> Reply {
        match self.case(short_id).and_then(|(_, _, case)| case.screenshot.as_ref()) {
            Some((content_type, bytes)) => Reply::raw(200, content_type, bytes),
            None => Reply::empty(404),
        }
    }

    fn case(&self, short_id: &str) -> Option<(&Run, usize, &Case)> {
        self.runs.iter().rev().find_map(|run| {
            let mut cases = run.script.cases.iter().enumerate();
            let (index, case) = cases.find(|(_, case)| case.short_id == short_id)?;
            Some((run, index, case))
        })
    }
}

impl Run {
    /// The answer to a start or a rerun.
    fn created_answer(&self) -> Value {
        json!({"success": true, "run": {
            "id": self.info.id,
            "shortId": self.info.short_id,
            "url": self.info.url,
            "testCount": self.script.cases.len(),
        }})
    }

    fn has_ended(&self, case: usize) -> bool {
        self.script.cases[case]
            .ends
            .has_come(self.created.elapsed(), self.looks)
    }

    fn show(&mut self, test_cases: Option<&str>) -> String {
        let age = self.created.elapsed();
        let (status, result) = self.script.state(age, self.looks);
        let mut head = Map::new();
        head.insert("id".to_owned(), json!(self.info.id));
        head.insert("shortId".to_owned(), json!(self.info.short_id));
        head.insert("status".to_owned(), json!(status));
        head.insert("result".to_owned(), json!(result));
        head.extend(self.script.extra.clone());
        let mut answer = Value::Object(head).to_string();
        let replaced = self.script.extra.contains_key("runTestCases");
        if replaced || test_cases.is_none() && self.script.leave_cases_out {
            return answer;
        }
        // The cases are inserted as text, so that a run of 10,000 is answered within milliseconds.
        answer.pop();
        answer.push_str(r#","runTestCases":["#);
        if let Some(selection) = test_cases {
            let cases = &self.script.cases;
            let ended_json = self
                .ended
                .get_or_insert_with(|| cases.iter().map(|case| case.json(true).to_string()).collect());
            let mut first = true;
            for (case, ended_json) in cases.iter().zip(ended_json) {
                let ended = case.ends.has_come(age, self.looks);
                if selection == "failed" && !(ended && case.outcome.is_failed_skipped_or_error()) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    answer.push(',');
                }
                if ended {
                    answer.push_str(ended_json);
                } else {
                    answer.push_str(&case.json(false).to_string());
                }
            }
        }
        answer.push_str("]}");
        answer
    }
}
