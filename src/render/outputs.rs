//! The step outputs, for `GITHUB_OUTPUT` and as a dotenv file.

use crate::render::escape::json_text;
use crate::render::escape::{clean, cut_chars, log_line, one_line};
use crate::render::times::Times;
use crate::report::{Attempt, Case, CaseDetails, Counts, Millis, Report, RunReport, Verdict};
use serde::{Serialize, Serializer};

/// Entries of `runs` and of `failed_tests` at most.
const MAX_ENTRIES: usize = 100;
/// Characters of a text in them.
const MAX_TEXT: usize = 200;
/// Bytes of each of the two: a job's outputs may have 1 MB together, counted in UTF-16.
const MAX_JSON: usize = 150_000;
/// Bytes of a value from elsewhere.
const MAX_VALUE: usize = 20_000;
/// Bytes of a dotenv report: <https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv>.
const MAX_DOTENV: usize = 5_000;

/// Names and values, in the order of the README.
pub type Pairs = Vec<(&'static str, String)>;

/// All outputs. `made` are those of what the sinks made (`check_run_url`, `junit_path`, …), in the README's order.
pub fn pairs(report: &Report, made: &[(&'static str, String)]) -> Pairs {
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
                .map_or_else(String::new, |verdict| verdict.as_str().to_owned()),
        ),
        ("run_created", run_created),
        ("run_short_id", latest(|attempt| Some(&attempt.short_id))),
        ("run_url", latest(|attempt| attempt.url.as_deref())),
        ("run_status", latest(|attempt| attempt.status.as_deref())),
        ("run_result", latest(|attempt| attempt.result.as_deref())),
    ];
    pairs.extend(counts(report.counts()).map(|(name, count)| (name, count.to_string())));
    pairs.extend([
        // A whole number, so that a workflow's expressions and a shell can compare it.
        ("duration_seconds", report.duration.div_ceil(1000).to_string()),
        ("runs", json_array(report.runs.iter().map(RunEntry::from))),
        (
            "failed_tests",
            json_array(report.bad_cases().map(|(run, case)| FailedTest::new(run, case))),
        ),
    ]);
    pairs.extend(made.iter().map(|(name, value)| (*name, clean(value).into_owned())));
    pairs
}

/// One value a run, joined by commas; a comma inside a value is encoded, so that the parts stay apart.
fn joined<'a>(report: &'a Report, value: impl Fn(&'a RunReport) -> Option<&'a str>) -> String {
    let mut out = String::new();
    for (index, run) in report.runs.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        // A later step may print it, on a line of its own.
        let value = log_line(value(run).unwrap_or_default()).replace(',', "%2C");
        if out.len() + value.len() <= MAX_VALUE {
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
    #[serde(flatten)]
    counts: CountsEntry,
    problem: Option<String>,
    attempts: Vec<AttemptEntry>,
}

/// The counts of a run in `runs`.
#[derive(Debug)]
struct CountsEntry(Counts);

impl Serialize for CountsEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(counts(self.0))
    }
}

/// The counts that are outputs: what did not finish is the rest of `total`.
fn counts(counts: Counts) -> impl Iterator<Item = (&'static str, u64)> {
    counts.entries().into_iter().filter(|(name, _)| *name != "unfinished")
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
    error_code: Option<String>,
    url: Option<String>,
    duration_ms: Option<Millis>,
    quarantined: bool,
}

fn text(text: &str) -> String {
    cut_chars(&one_line(text), MAX_TEXT).into_owned()
}

impl From<&RunReport> for RunEntry {
    fn from(run: &RunReport) -> Self {
        let plan = run.plan.as_ref();
        let plan_id = plan
            .map(|plan| plan.short_id.as_str())
            .or(run.requested_plan.as_deref());
        Self {
            plan: plan_id.map(text),
            plan_name: plan.map(|plan| text(&plan.name)),
            verdict: run.verdict.map(Verdict::as_str),
            created: run.created,
            counts: CountsEntry(run.counts()),
            problem: run.problem.as_deref().map(text),
            attempts: run.attempts.iter().map(AttemptEntry::from).collect(),
        }
    }
}

impl From<&Attempt> for AttemptEntry {
    fn from(attempt: &Attempt) -> Self {
        Self {
            short_id: text(&attempt.short_id),
            url: attempt.url.as_deref().map(text),
            origin: attempt.origin.as_str(),
            status: attempt.status.as_deref().map(text),
            result: attempt.result.as_deref().map(text),
            verdict: attempt.verdict.map(Verdict::as_str),
        }
    }
}

impl FailedTest {
    fn new(run: &RunReport, case: &Case) -> Self {
        let decisive = case.decisive_attempt();
        let attempt = decisive
            .and_then(|decisive| run.attempts.get(decisive.attempt))
            .or(run.latest());
        let details = decisive.and_then(|decisive| decisive.details.as_deref());
        let link = details
            .and_then(CaseDetails::link)
            .or_else(|| attempt.and_then(Attempt::link));
        // A link that is cut leads nowhere.
        let link = link.filter(|link| link.chars().count() <= MAX_TEXT);
        Self {
            name: text(&case.name),
            short_id: text(&case.short_id),
            run_short_id: attempt.map(|attempt| text(&attempt.short_id)),
            title: decisive.and_then(|decisive| decisive.title.as_deref()).map(text),
            error_code: details.and_then(|details| details.error_code.as_deref()).map(text),
            url: link.map(str::to_owned),
            duration_ms: decisive.and_then(|decisive| Times::new(decisive, 0).duration),
            quarantined: case.is_quarantined_failure(),
        }
    }
}

/// A JSON array on one line, of as many entries as may be.
fn json_array(entries: impl Iterator<Item = impl Serialize>) -> String {
    let mut out = String::from("[");
    for entry in entries.take(MAX_ENTRIES) {
        let mut json = Vec::new();
        // Plain structs of texts and numbers can always be written.
        if json_text::write_line(&entry, &mut json).is_err() {
            continue;
        }
        let json = String::from_utf8_lossy(&json);
        let json = json.trim_end();
        if out.len() + json.len() > MAX_JSON {
            break;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(json);
    }
    out.push(']');
    out
}

/// The text to append to the file `GITHUB_OUTPUT`. The caller makes a `delimiter` that nobody can guess, of letters and
/// digits; should a value hold it all the same, it is taken out.
pub fn github_output(pairs: &[(&'static str, String)], delimiter: &str) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        let value = value.replace('\r', "").replace(delimiter, "");
        out.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    out
}

/// Why an output is not in the dotenv file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// The file has no room for it.
    NoRoom,
    /// Its readers would not all take the value for the same.
    Ambiguous,
}

/// The outputs as `name=value` lines of at most 5,000 bytes in all, without those that are JSON, and the names of those
/// that were left out.
///
/// GitLab takes values literally, but expands `$NAME` in them later; `dotenv` ends them at `#` and trims them; `sh` expands,
/// splits and unquotes them. A value that is not the same for all three is left out, never altered.
pub fn dotenv(pairs: &Pairs) -> (String, Vec<(&'static str, LeftOut)>) {
    let mut out = String::new();
    let mut left_out = Vec::new();
    for (name, value) in pairs {
        if matches!(*name, "runs" | "failed_tests") {
            continue;
        }
        if !value.chars().all(is_literal) {
            left_out.push((*name, LeftOut::Ambiguous));
        } else if out.len() + name.len() + value.len() + 2 > MAX_DOTENV {
            left_out.push((*name, LeftOut::NoRoom));
        } else {
            out.push_str(&format!("{name}={value}\n"));
        }
    }
    (out, left_out)
}

/// Whether a character of an unquoted value stands for itself wherever it is.
fn is_literal(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '?' | '=' | '%' | '+' | ',' | '@')
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::Mode;
    use crate::report::sample::{large, report, run, shop};

    fn value<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
        pairs
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("?", |(_, value)| value)
    }

    #[test]
    fn of_a_run_with_a_rerun() {
        let pairs = pairs(&shop(), &[("junit_path", "out/junit report.xml".to_owned())]);
        let lines: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        verdict=failed
        run_created=true
        run_short_id=smk2
        run_url=https://app.qa.tech/p/shop/results/smk2
        run_status=COMPLETED
        run_result=FAILED
        total=14
        passed=9
        failed=2
        skipped=1
        errored=1
        flaky=1
        quarantined=0
        duration_seconds=161
        runs=[{"plan":"pln_smk1","plan_name":"Smoke tests","verdict":"failed","created":true,"total":14,"passed":9,"failed":2,"skipped":1,"errored":1,"flaky":1,"quarantined":0,"problem":null,"attempts":[{"short_id":"smk1","url":"https://app.qa.tech/p/shop/results/smk1","origin":"started","status":"COMPLETED","result":"FAILED","verdict":"failed"},{"short_id":"smk2","url":"https://app.qa.tech/p/shop/results/smk2","origin":"rerun","status":"COMPLETED","result":"FAILED","verdict":"failed"}]}]
        failed_tests=[{"name":"Pay with a saved card","short_id":"case_2","run_short_id":"smk2","title":"Could not find the pay button","error_code":null,"url":"https://app.qa.tech/p/shop/results/smk2","duration_ms":15000,"quarantined":false},{"name":"Search for a product","short_id":"case_3","run_short_id":"smk2","title":"The browser crashed","error_code":null,"url":"https://app.qa.tech/p/shop/results/smk2","duration_ms":15000,"quarantined":false},{"name":"Change the delivery address","short_id":"case_4","run_short_id":"smk2","title":"New address was not saved","error_code":null,"url":"https://app.qa.tech/p/shop/results/smk2","duration_ms":15000,"quarantined":false}]
        junit_path=out/junit report.xml
        "#);
        let (dotenv, left_out) = dotenv(&pairs);
        assert_eq!(left_out, [("junit_path", LeftOut::Ambiguous)]);
        assert!(dotenv.starts_with("verdict=failed\nrun_created=true\n"));
        assert!(dotenv.ends_with("duration_seconds=161\n"));
    }

    #[test]
    fn several_runs_are_joined_in_order_and_what_is_unknown_stays_empty() {
        let mut refused = run("B", "b", vec![]);
        refused.attempts.clear();
        refused.created = None;
        let mut odd = run("C", "c", vec![]);
        odd.created = Some(false);
        odd.attempts[0].url = None;
        odd.attempts[0].status = Some("A,B".to_owned());
        let pairs = pairs(&report(vec![run("A", "a", vec![]), refused, odd]), &[]);
        assert_eq!(value(&pairs, "run_created"), "true,,false");
        assert_eq!(value(&pairs, "run_short_id"), "a,,c");
        assert_eq!(value(&pairs, "run_url"), "https://app.qa.tech/p/shop/results/a,,");
        assert_eq!(value(&pairs, "run_status"), "COMPLETED,,A%2CB");
    }

    #[test]
    fn where_nothing_was_waited_for_the_verdict_is_empty() {
        let mut started = shop();
        started.mode = Mode::StartOnly;
        started.runs[0].verdict = None;
        assert_eq!(value(&pairs(&started, &[]), "verdict"), "");
        let mut skipped = report(vec![]);
        skipped.mode = Mode::SkippedWithoutToken;
        let pairs = pairs(&skipped, &[]);
        assert_eq!(
            (value(&pairs, "verdict"), value(&pairs, "run_created")),
            ("skipped", "false")
        );
        assert_eq!(value(&pairs, "runs"), "[]");
    }

    #[test]
    fn json_lists_hold_a_hundred_entries() {
        let pairs = pairs(&large(20_000, 100), &[]);
        let failed: Vec<serde_json::Value> = serde_json::from_str(value(&pairs, "failed_tests")).unwrap_or_default();
        assert_eq!(failed.len(), 100);
        assert_eq!(value(&pairs, "failed"), "2000");
    }

    #[test]
    fn no_value_is_a_command_when_a_later_step_prints_it() {
        let text = "::set-output name=x::y ##[error]z ##vso[task.complete result=Succeeded]";
        let mut report = crate::report::sample::filled_with(text);
        report.runs[0].attempts[0].short_id = crate::report::sample::valid_short_id(text);
        for (name, value) in pairs(&report, &[]) {
            assert!(!value.contains("##") && !value.starts_with("::"), "{name}={value}");
        }
        let failed: serde_json::Value =
            serde_json::from_str(value(&pairs(&report, &[]), "failed_tests")).unwrap_or_default();
        assert_eq!(failed[0]["name"], text);
    }

    #[test]
    fn no_value_can_end_its_heredoc_or_break_the_dotenv_file() {
        let pairs: Pairs = vec![
            ("a", "x\r\nSECRET\ny".to_owned()),
            ("run_url", "https://x/?a=1&b=$(id) ;".to_owned()),
        ];
        assert_eq!(
            github_output(&pairs, "SECRET"),
            "a<<SECRET\nx\n\ny\nSECRET\nrun_url<<SECRET\nhttps://x/?a=1&b=$(id) ;\nSECRET\n"
        );
        let ambiguous = [("a", LeftOut::Ambiguous), ("run_url", LeftOut::Ambiguous)];
        assert_eq!(dotenv(&pairs), (String::new(), ambiguous.to_vec()));
        let long: Pairs = vec![("a", "x".repeat(4_990)), ("b", "y".repeat(20)), ("c", String::new())];
        let (text, left_out) = dotenv(&long);
        assert!(text.len() <= 5_000 && text.ends_with("c=\n"));
        assert_eq!(left_out, [("b", LeftOut::NoRoom)]);
    }

    #[test]
    fn a_value_that_is_not_read_alike_is_left_out_and_never_altered() {
        for path in [
            "out/a#b.xml",
            "my dir/x.xml",
            "(1)/x.xml",
            "j&k.xml",
            "j'k.xml",
            "j\"k.xml",
            "C:\\out\\x.xml",
            "~/x.xml",
            "$HOME/x.xml",
            "a\nb",
            "a\u{a0}b",
            "a*.xml",
        ] {
            let pairs: Pairs = vec![("verdict", "passed".to_owned()), ("junit_path", path.to_owned())];
            let expected = ("verdict=passed\n".to_owned(), vec![("junit_path", LeftOut::Ambiguous)]);
            assert_eq!(dotenv(&pairs), expected, "{path}");
        }
        for path in [
            "out/junit-1_2.xml",
            "C:/out/x.xml",
            "ergebnisse/prüfung.xml",
            "a=b,c@d+e%20?f",
        ] {
            let pairs: Pairs = vec![("junit_path", path.to_owned())];
            assert_eq!(dotenv(&pairs), (format!("junit_path={path}\n"), Vec::new()));
        }
    }
}
