//! The JSON report: everything that the API returned and that was observed, with a versioned `schema`.
//!
//! `docs/reports.md` documents each field. A new field raises `schema_minor`; a removed field or a changed meaning needs a
//! new version. Texts are as the API returned them ([`crate::render::escape::json_text`] writes them). Absent values are
//! `null`.
//! Times named `_ms` are observed milliseconds since `started_at`; others are RFC 3339 in UTC.
//!
//! This format takes all structs of the report apart without `..`, so that a new field fails the build here.

mod cases;
mod counts;
mod trend;

use crate::render::duration::utc;
use crate::report::{Attempt, CaseCoverage, Millis, Mode, Origin, Report, RunReport, Signal, StatusChange, TestPlan};
use cases::Cases;
use counts::CountsJson;
use serde::Serialize;
use std::io;
use trend::TrendJson;

/// The value of `schema`.
pub const SCHEMA: &str = "qatech-run/report/1";
/// The value of `schema_minor`: 1 added `details`, `quarantine`, `no_tests`, the attempts' own short ids,
/// `trend.fixed` and `trend.suggestions`.
const SCHEMA_MINOR: u32 = 1;

/// Writes the report as JSON, case by case, so that a large report is never held as a tree of values.
pub fn write(report: &Report, out: &mut impl io::Write) -> io::Result<()> {
    crate::render::escape::json_text::write_pretty(&ReportJson::from(report), out)
}

#[derive(Serialize)]
struct ReportJson<'a> {
    schema: &'static str,
    schema_minor: u32,
    generator: Generator,
    started_at: Option<String>,
    duration_ms: Millis,
    mode: &'static str,
    verdict: Option<&'static str>,
    interrupted_by: Option<&'static str>,
    counts: CountsJson,
    origin: &'a Origin,
    runs: Vec<RunJson<'a>>,
    warnings: &'a [String],
    trend: Option<TrendJson<'a>>,
}

#[derive(Serialize)]
struct Generator {
    name: &'static str,
    version: &'static str,
}

impl<'a> From<&'a Report> for ReportJson<'a> {
    fn from(report: &'a Report) -> Self {
        let Report {
            started_at,
            duration,
            mode,
            origin,
            runs,
            interrupted_by,
            fail_on: _,
            warnings,
            trend,
        } = report;
        Self {
            schema: SCHEMA,
            schema_minor: SCHEMA_MINOR,
            generator: Generator {
                name: "qatech-run",
                version: env!("CARGO_PKG_VERSION"),
            },
            started_at: utc(*started_at),
            duration_ms: *duration,
            mode: match mode {
                Mode::Wait => "wait",
                Mode::StartOnly => "start_only",
                Mode::Look => "look",
                Mode::SkippedWithoutToken => "skipped_without_token",
            },
            verdict: report.verdict().map(|verdict| verdict.as_str()),
            interrupted_by: interrupted_by.map(Signal::name),
            counts: CountsJson(report.counts()),
            origin,
            runs: runs.iter().map(RunJson::from).collect(),
            warnings,
            trend: trend.as_ref().map(TrendJson::from),
        }
    }
}

#[derive(Serialize)]
struct RunJson<'a> {
    label: &'a str,
    requested_plan: Option<&'a str>,
    plan: Option<PlanJson<'a>>,
    created: Option<bool>,
    verdict: Option<&'static str>,
    problem: Option<&'a str>,
    counts: CountsJson,
    no_tests: bool,
    cases_complete: bool,
    attempts: Vec<AttemptJson<'a>>,
    cases: Cases<'a>,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    short_id: &'a str,
    name: &'a str,
}

impl<'a> From<&'a RunReport> for RunJson<'a> {
    fn from(run: &'a RunReport) -> Self {
        let RunReport {
            requested_plan,
            plan,
            created,
            attempts,
            cases,
            listed,
            verdict,
            problem,
        } = run;
        Self {
            label: run.label(),
            requested_plan: requested_plan.as_deref(),
            plan: plan
                .as_ref()
                .map(|TestPlan { short_id, name }| PlanJson { short_id, name }),
            created: *created,
            verdict: verdict.map(|verdict| verdict.as_str()),
            problem: problem.as_deref(),
            counts: CountsJson(run.counts()),
            no_tests: run.has_no_tests(),
            cases_complete: *listed == CaseCoverage::Complete,
            attempts: attempts.iter().map(AttemptJson::from).collect(),
            cases: Cases(cases),
        }
    }
}

#[derive(Serialize)]
struct AttemptJson<'a> {
    origin: &'static str,
    short_id: &'a str,
    id: Option<&'a str>,
    url: Option<&'a str>,
    link: Option<&'a str>,
    status: Option<&'a str>,
    result: Option<&'a str>,
    test_count: Option<u64>,
    verdict: Option<&'static str>,
    problem: Option<&'a str>,
    began_ms: Millis,
    ended_ms: Option<Millis>,
    changes: Vec<ChangeJson<'a>>,
    requests: u64,
    retries: u64,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    at_ms: Millis,
    status: &'a str,
    result: Option<&'a str>,
}

impl<'a> From<&'a Attempt> for AttemptJson<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        let Attempt {
            origin,
            short_id,
            id,
            url,
            status,
            result,
            test_count,
            verdict,
            problem,
            began,
            ended,
            changes,
            requests,
            retries,
        } = attempt;
        Self {
            origin: origin.as_str(),
            short_id,
            id: id.as_deref(),
            url: url.as_deref(),
            link: attempt.link(),
            status: status.as_deref(),
            result: result.as_deref(),
            test_count: *test_count,
            verdict: verdict.map(|verdict| verdict.as_str()),
            problem: problem.as_deref(),
            began_ms: *began,
            ended_ms: *ended,
            changes: changes
                .iter()
                .map(|StatusChange { at, status, result }| ChangeJson {
                    at_ms: *at,
                    status,
                    result: result.as_deref(),
                })
                .collect(),
            requests: *requests,
            retries: *retries,
        }
    }
}
