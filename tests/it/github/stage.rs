//! The fixture for the program's GitHub part: a fake GitHub, the variables of an event, and a report to publish.

use std::ffi::OsString;
use std::time::Duration;

use qatech_fakes::events::Event;
use qatech_fakes::github::FakeGitHub;
use qatech_run::context::Context;
use qatech_run::inputs::{Inputs, parse};
use qatech_run::log::Log;
use qatech_run::net::http;
use qatech_run::net::proxy::Network;
use qatech_run::publish::github::{GitHub, Published};
use qatech_run::publish::identity::MarkerKey;
use qatech_run::report::sample::{case, report, run};
use qatech_run::report::{CaseOutcome, Report, Verdict};
use qatech_run::text::Redactor;
use tokio::time::Instant;

/// `GITHUB_RUN_ID`, unless a test sets another.
pub const RUN_ID: u64 = 900;

/// The inputs and variables of a job.
#[derive(Clone)]
pub struct Stage {
    inputs: Vec<(OsString, OsString)>,
    variables: Vec<(OsString, OsString)>,
    event: Event,
}

impl Stage {
    /// A job of this event on the fake GitHub, with its token.
    pub fn new(github: &FakeGitHub, event: &Event) -> Self {
        let stage = Self {
            inputs: Vec::new(),
            variables: Vec::new(),
            event: event.clone(),
        };
        let mut stage = stage
            .input("api_token", "qatech-token")
            .input("github_token", &github.token())
            .variable("GITHUB_ACTIONS", "true")
            .variable("GITHUB_EVENT_NAME", event.name)
            .variable("GITHUB_JOB", "e2e")
            .variable("GITHUB_WORKFLOW", "CI")
            .variable("GITHUB_RUN_ID", &RUN_ID.to_string())
            .variable("GITHUB_RUN_ATTEMPT", "1");
        for (name, value) in &event.env {
            stage = stage.variable(name, value);
        }
        stage
            .variable("GITHUB_API_URL", &github.url())
            .variable("GITHUB_SERVER_URL", &github.server_url())
    }

    /// Sets an input; a blank value unsets it.
    pub fn input(mut self, name: &str, value: &str) -> Self {
        let name: OsString = format!("INPUT_{}", name.to_ascii_uppercase()).into();
        self.inputs.retain(|(known, _)| *known != name);
        self.inputs.push((name, value.into()));
        self
    }

    /// Sets a variable in place of the event's; a blank value unsets it.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        let name = OsString::from(name);
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.into()));
        self
    }

    pub fn inputs(&self) -> Inputs {
        parse(self.inputs.clone()).expect("the inputs of a test are right")
    }

    /// The key that signs the job's markers.
    pub fn marker_key(&self) -> MarkerKey {
        MarkerKey::new(self.inputs().api_token.as_ref().expect("the stage gives a token"))
    }

    pub fn context(&self) -> Context {
        Context::new(self.variables.clone(), Some(&self.event.payload))
    }

    /// Begins to publish.
    pub fn begin(&self) -> GitHub {
        let client = http::client(&Network::default()).expect("there is a client");
        let inputs = self.inputs();
        GitHub::begin(
            client,
            &inputs,
            &self.context(),
            &inputs.redactor(),
            &Log::new(true, Redactor::default()),
        )
    }

    /// Begins, waits for the check run, and publishes the report.
    pub async fn publish(&self, report: &Report) -> Published {
        let github = self.begin();
        github.wait_created(Duration::from_secs(20)).await;
        let report = Report {
            fail_on: self.inputs().fail_on,
            ..report.clone()
        };
        github.finish(&report, in_seconds(60)).await
    }
}

/// The instant this many seconds from now.
pub fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// A run of one plan with this many failed cases and one that passed.
pub fn failed(cases: usize) -> Report {
    let mut all: Vec<_> = (1..=cases)
        .map(|number| {
            case(
                number,
                &format!("Case {number}"),
                CaseOutcome::Failed,
                "Not found",
                "The button is missing.",
            )
        })
        .collect();
    all.push(case(
        cases + 1,
        "Home",
        CaseOutcome::Passed,
        "Fine",
        "Everything is there.",
    ));
    of_cases("run-1", all)
}

/// A run in which every case passed.
pub fn passed() -> Report {
    failed(0)
}

fn of_cases(short_id: &str, cases: Vec<qatech_run::report::Case>) -> Report {
    let mut report = report(vec![run("Checkout", short_id, cases)]);
    // As the program does it: the report's origin is the context's.
    report.origin.run_id = Some(RUN_ID);
    report.origin.run_attempt = Some(1);
    report
}

/// The same report with another verdict.
pub fn with_verdict(mut report: Report, verdict: Verdict) -> Report {
    for run in &mut report.runs {
        run.verdict = Some(verdict);
    }
    report
}
