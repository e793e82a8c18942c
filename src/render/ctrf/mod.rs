//! CTRF (Common Test Report Format, <https://ctrf.io>), valid against the schema of spec version 0.0.0.
//!
//! CTRF has five states. `flaky` is `passed` with `flaky: true`, `errored` is `failed` with the API's status as `rawStatus`,
//! `unfinished` is `pending`. Times are QA.tech's if the details of a case have them, else those observed between polls;
//! `extra.times` says which. An unknown `duration` is 0, since the schema requires a number. The summary's times are those
//! of this program.

mod entries;
mod parts;

use crate::render::duration::utc;
use crate::render::synthetic_case::Ending;
use crate::report::{Counts, Millis, Origin, Report, RunReport, Signal, Trend};
use entries::Tests;
use parts::{AttemptExtra, Line, Text, synthetic_cases, text};
use serde::Serialize;
use std::io;

/// Writes the report as CTRF.
pub fn write(report: &Report, out: &mut impl io::Write) -> io::Result<()> {
    crate::render::escape::json_text::write_clean_pretty(&document(report), out)
}

fn document(report: &Report) -> Document<'_> {
    let stop = report.started_at.saturating_add(report.duration);
    Document {
        report_format: "CTRF",
        spec_version: "0.0.0",
        timestamp: utc(stop),
        generated_by: concat!("qatech-run ", env!("CARGO_PKG_VERSION")),
        results: Results {
            tool: Tool { name: "QA.tech" },
            summary: Summary::new(report, stop),
            tests: Tests(report),
            environment: Environment::from(&report.origin),
            extra: ResultsExtra {
                verdict: report.verdict().map(|verdict| verdict.as_str()),
                interrupted_by: report.interrupted_by.map(Signal::name),
                runs: report.runs.iter().map(RunExtra::from).collect(),
                warnings: report.warnings.iter().map(|warning| Text(warning)).collect(),
            },
        },
        insights: report.trend.as_ref().map(Insights::from),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    report_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    generated_by: &'static str,
    results: Results<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    insights: Option<Insights>,
}

#[derive(Serialize)]
struct Results<'a> {
    tool: Tool,
    summary: Summary,
    tests: Tests<'a>,
    environment: Environment<'a>,
    extra: ResultsExtra<'a>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
}

#[derive(Serialize)]
struct Summary {
    tests: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
    pending: u64,
    other: u64,
    flaky: u64,
    suites: usize,
    start: u64,
    stop: u64,
    duration: Millis,
    extra: SummaryExtra,
}

#[derive(Serialize)]
struct SummaryExtra {
    errored: u64,
    /// Cases of the run that the API did not list; not counted in `tests`.
    not_listed: u64,
    /// Entries for whole runs; counted in `tests`.
    #[serde(rename = "whole_runs")]
    synthetic_cases: u64,
    /// Failed and errored cases that are in quarantine.
    quarantined: u64,
}

impl Summary {
    /// Counts the entries in `tests`: readers expect the sums to agree with the list.
    fn new(report: &Report, stop: u64) -> Self {
        let mut listed = Counts::default();
        for case in report.runs.iter().flat_map(|run| &run.cases) {
            listed.add_case(case);
        }
        let mut summary = Self {
            tests: listed.total,
            passed: listed.passed + listed.flaky,
            failed: listed.failed + listed.errored,
            skipped: listed.skipped,
            pending: listed.unfinished(),
            other: 0,
            flaky: listed.flaky,
            suites: report.runs.len(),
            start: report.started_at,
            stop,
            duration: report.duration,
            extra: SummaryExtra {
                errored: listed.errored,
                not_listed: report.counts().total.saturating_sub(listed.total),
                synthetic_cases: 0,
                quarantined: listed.quarantined,
            },
        };
        for (_, whole) in synthetic_cases(report) {
            summary.tests += 1;
            summary.extra.synthetic_cases += 1;
            match whole.ending {
                Ending::Passed => summary.passed += 1,
                Ending::Skipped => summary.skipped += 1,
                Ending::Broken => summary.failed += 1,
            }
        }
        summary
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Environment<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    build_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_name: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_url: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository_name: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch_name: Option<Text<'a>>,
    extra: EnvironmentExtra<'a>,
}

#[derive(Serialize)]
struct EnvironmentExtra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_message: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_attempt: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<u64>,
}

impl<'a> From<&'a Origin> for Environment<'a> {
    fn from(origin: &'a Origin) -> Self {
        Self {
            build_id: origin.run_id.map(|id| id.to_string()),
            build_name: text(origin.workflow.as_ref()),
            build_url: text(origin.ci_url.as_ref()),
            repository_name: text(origin.repository.as_ref()),
            commit: text(origin.sha.as_ref()),
            branch_name: text(origin.branch.as_ref()),
            extra: EnvironmentExtra {
                actor: text(origin.actor.as_ref()),
                commit_message: text(origin.commit_message.as_ref()),
                event: text(origin.event.as_ref()),
                job: text(origin.job.as_ref()),
                run_attempt: origin.run_attempt,
                pull_request: origin.pull_request,
            },
        }
    }
}

#[derive(Serialize)]
struct ResultsExtra<'a> {
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted_by: Option<&'static str>,
    runs: Vec<RunExtra<'a>>,
    warnings: Vec<Text<'a>>,
}

#[derive(Serialize)]
struct RunExtra<'a> {
    suite: Line<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_plan_short_id: Option<Text<'a>>,
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Text<'a>>,
    no_tests: bool,
    attempts: Vec<AttemptExtra<'a>>,
}

impl<'a> From<&'a RunReport> for RunExtra<'a> {
    fn from(run: &'a RunReport) -> Self {
        let plan = run.plan.as_ref().map(|plan| &plan.short_id);
        Self {
            suite: Line(run.label()),
            test_plan_short_id: text(plan.or(run.requested_plan.as_ref())),
            verdict: run.verdict.map(|verdict| verdict.as_str()),
            problem: text(run.problem.as_ref()),
            no_tests: run.has_no_tests(),
            attempts: run.attempts.iter().map(AttemptExtra::from).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Insights {
    #[serde(skip_serializing_if = "Option::is_none")]
    pass_rate: Option<Metric>,
    runs_analyzed: usize,
}

#[derive(Serialize)]
struct Metric {
    current: f64,
}

impl From<&Trend> for Insights {
    fn from(trend: &Trend) -> Self {
        Self {
            // Counts of at most 30 results: exact in f64.
            pass_rate: trend.pass_rate.map(|rate| Metric {
                current: rate.green as f64 / rate.of.max(1) as f64,
            }),
            runs_analyzed: trend.points.len(),
        }
    }
}
