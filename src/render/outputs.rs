//! The step outputs, for `GITHUB_OUTPUT` and as a dotenv file.

use super::escape::{clean, cut_chars, one_line};
use crate::report::{Attempt, AttemptOrigin, Case, Counts, Report, RunReport, Verdict};
use serde::Serialize;

/// Entries of `runs` and of `failed_tests` at most.
const ENTRIES: usize = 100;
/// Characters of a text in them.
const TEXT: usize = 200;
/// Bytes of each of the two: a job's outputs may have 1 MB together, counted in UTF-16.
const JSON: usize = 150_000;
/// Bytes of a value from elsewhere.
const VALUE: usize = 20_000;
/// Bytes of a dotenv report: <https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv>.
const DOTENV: usize = 5_000;

/// Names and values, in the order of the README.
pub type Pairs = Vec<(&'static str, String)>;

/// All outputs. `made` are those of what the sinks made (`check_run_url`, `junit_path`, …), in the README's order.
pub fn pairs(report: &Report, made: &[(&'static str, String)]) -> Pairs {
    let counts = report.counts();
    let Counts {
        total,
        passed,
        failed,
        skipped,
        errored,
        flaky,
    } = counts;
    let latest = |value: fn(&Attempt) -> Option<&str>| joined(report, |run| run.latest().and_then(value));
    let created = |run: &RunReport| match run.created {
        Some(true) => Some("true"),
        Some(false) => Some("false"),
        None => None,
    };
    let run_created = if report.runs.is_empty() {
        "false".to_owned()
    } else {
        joined(report, created)
    };
    let mut pairs: Pairs = vec![
        (
            "verdict",
            report
                .verdict()
                .map_or_else(String::new, |verdict| verdict.word().to_owned()),
        ),
        ("run_created", run_created),
        ("run_short_id", latest(|attempt| Some(&attempt.short_id))),
        ("run_url", latest(|attempt| attempt.url.as_deref())),
        ("run_status", latest(|attempt| attempt.status.as_deref())),
        ("run_result", latest(|attempt| attempt.result.as_deref())),
        ("total", total.to_string()),
        ("passed", passed.to_string()),
        ("failed", failed.to_string()),
        ("skipped", skipped.to_string()),
        ("errored", errored.to_string()),
        ("flaky", flaky.to_string()),
        // A whole number, so that a workflow's expressions and a shell can compare it.
        ("duration_seconds", report.duration.div_ceil(1000).to_string()),
        ("runs", json_array(report.runs.iter().map(RunEntry::of))),
        (
            "failed_tests",
            json_array(report.bad_cases().map(|(run, case)| FailedTest::of(run, case))),
        ),
    ];
    pairs.extend(made.iter().map(|(name, value)| (*name, clean(value).into_owned())));
    pairs
}

/// One value a run, parted by commas; a comma inside a value is encoded, so that the parts can be told.
fn joined<'a>(report: &'a Report, value: impl Fn(&'a RunReport) -> Option<&'a str>) -> String {
    let mut out = String::new();
    for (index, run) in report.runs.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let value = one_line(value(run).unwrap_or_default()).replace(',', "%2C");
        if out.len() + value.len() <= VALUE {
            out.push_str(&value);
        }
    }
    out
}

/// A run in `runs`.
#[derive(Debug, Serialize)]
struct RunEntry {
    plan: Option<String>,
    plan_name: Option<String>,
    verdict: Option<&'static str>,
    created: Option<bool>,
    total: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
    errored: u64,
    flaky: u64,
    problem: Option<String>,
    attempts: Vec<AttemptEntry>,
}

/// An attempt in `runs`.
#[derive(Debug, Serialize)]
struct AttemptEntry {
    short_id: String,
    url: Option<String>,
    origin: &'static str,
    status: Option<String>,
    result: Option<String>,
    verdict: Option<&'static str>,
}

/// A case in `failed_tests`.
#[derive(Debug, Serialize)]
struct FailedTest {
    name: String,
    short_id: String,
    run_short_id: Option<String>,
    title: Option<String>,
}

fn text(text: &str) -> String {
    cut_chars(&one_line(text), TEXT).into_owned()
}

impl RunEntry {
    fn of(run: &RunReport) -> Self {
        let Counts {
            total,
            passed,
            failed,
            skipped,
            errored,
            flaky,
        } = run.counts();
        let plan = run.plan.as_ref();
        let plan_id = plan
            .map(|plan| plan.short_id.as_str())
            .or(run.requested_plan.as_deref());
        Self {
            plan: plan_id.map(text),
            plan_name: plan.map(|plan| text(&plan.name)),
            verdict: run.verdict.map(Verdict::word),
            created: run.created,
            total,
            passed,
            failed,
            skipped,
            errored,
            flaky,
            problem: run.problem.as_deref().map(text),
            attempts: run.attempts.iter().map(AttemptEntry::of).collect(),
        }
    }
}

impl AttemptEntry {
    fn of(attempt: &Attempt) -> Self {
        Self {
            short_id: text(&attempt.short_id),
            url: attempt.url.as_deref().map(text),
            origin: match attempt.origin {
                AttemptOrigin::Started => "started",
                AttemptOrigin::Attached => "attached",
                AttemptOrigin::Rerun => "rerun",
                AttemptOrigin::GithubRerun => "github_rerun",
            },
            status: attempt.status.as_deref().map(text),
            result: attempt.result.as_deref().map(text),
            verdict: attempt.verdict.map(Verdict::word),
        }
    }
}

impl FailedTest {
    fn of(run: &RunReport, case: &Case) -> Self {
        let telling = case.telling();
        let attempt = telling
            .and_then(|telling| run.attempts.get(telling.attempt))
            .or(run.latest());
        Self {
            name: text(&case.name),
            short_id: text(&case.short_id),
            run_short_id: attempt.map(|attempt| text(&attempt.short_id)),
            title: telling.and_then(|telling| telling.title.as_deref()).map(text),
        }
    }
}

/// A JSON array on one line, of as many entries as may be.
fn json_array(entries: impl Iterator<Item = impl Serialize>) -> String {
    let mut out = String::from("[");
    for entry in entries.take(ENTRIES) {
        // Plain structs of texts and numbers can always be written.
        let Ok(json) = serde_json::to_string(&entry) else {
            continue;
        };
        if out.len() + json.len() > JSON {
            break;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&json);
    }
    out.push(']');
    out
}

/// The text to append to the file `GITHUB_OUTPUT`. The caller makes a `delimiter` that nobody can guess, of letters and
/// digits; should a value hold it all the same, it is taken out.
pub fn github_output(pairs: &Pairs, delimiter: &str) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        let value = value.replace('\r', "").replace(delimiter, "");
        out.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    out
}

/// The outputs as `name=value` lines of at most 5,000 bytes in all, without those that are JSON, and the names of those
/// that found no room.
///
/// GitLab takes values literally, but expands `$NAME` in them later, and others read such files with a shell: signs that
/// mean something there are taken out.
pub fn dotenv(pairs: &Pairs) -> (String, Vec<&'static str>) {
    let mut out = String::new();
    let mut left_out = Vec::new();
    for (name, value) in pairs {
        if matches!(*name, "runs" | "failed_tests") {
            continue;
        }
        // Only paths, which the user chose, may hold spaces.
        let spaces = name.ends_with("_path");
        let value: String = one_line(value)
            .replace('&', "%26")
            .chars()
            .filter(|c| dotenv_sign(*c) || (*c == ' ' && spaces))
            .collect();
        let line = format!("{name}={value}\n");
        if out.len() + line.len() > DOTENV {
            left_out.push(*name);
        } else {
            out.push_str(&line);
        }
    }
    (out, left_out)
}

fn dotenv_sign(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '-' | '_' | '.' | ':' | '/' | '?' | '=' | '%' | '+' | ',' | '@' | '#' | '~'
        )
}
