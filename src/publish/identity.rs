//! Who we are among the check runs and comments of a commit: the key that tells jobs and matrix legs apart, and the
//! `external_id` by which a re-run finds what an earlier attempt left.
//!
//! What is read back here starts billed reruns, so the parser takes nothing but what the writer makes.

use ring::digest::{SHA256, digest};
use ring::hmac;

use crate::inputs::Inputs;
use crate::report::{Attempt, AttemptOrigin, Case, Origin, Report, RunReport, Verdict, status};

/// GitHub does not tell how long an `external_id` may be; this is what any column of text holds.
const MOST_EXTERNAL_ID: usize = 255;
const MOST_SHORT_ID: usize = 100;
const MOST_CHECK_NAME: usize = 120;
const PREFIX: &str = "qatech-run:";
/// Half of SHA-256's first 128 bits are plenty to tell the jobs of one repository apart.
const HASH_BYTES: usize = 8;

/// The identity of this job's results: hash of `comment_key`, or of workflow, job, plans, application ids and device
/// presets. Never of URLs, names or run ids, which change with every push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    hash: String,
}

impl Identity {
    /// The identity that inputs and origin make.
    pub fn new(inputs: &Inputs, origin: &Origin) -> Self {
        // As JSON, so that no value can pass for two.
        let parts = match &inputs.comment_key {
            Some(key) => serde_json::json!(["key", key]),
            None => {
                // One type for both, so that one sort serves them.
                let mut plans: Vec<(&str, Option<&str>)> =
                    inputs.plans().into_iter().map(|plan| (plan, None)).collect();
                plans.sort_unstable();
                let mut applications: Vec<(&str, Option<&str>)> = inputs
                    .applications
                    .iter()
                    .map(|application| {
                        (
                            application.application_short_id.as_str(),
                            application.device_preset_short_id.as_deref(),
                        )
                    })
                    .collect();
                applications.sort_unstable();
                serde_json::json!(["job", origin.workflow, origin.job, plans, applications])
            }
        };
        Self { hash: hash(&parts) }
    }

    /// Sixteen hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// What is tested, in sixteen hexadecimal digits: workflow, job, plans in their order, and applications with their
/// environments. Legs of a matrix that differ by a URL share the key and not this. Keyed by the API token, since a URL
/// may hold a password that is easily guessed; empty without one.
pub fn target(inputs: &Inputs, origin: &Origin) -> String {
    let Some(token) = &inputs.api_token else {
        return String::new();
    };
    let applications = serde_json::to_string(&inputs.applications).unwrap_or_default();
    let parts = serde_json::json!([origin.workflow, origin.job, inputs.plans(), applications]);
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose().as_bytes());
    hex(hmac::sign(&key, parts.to_string().as_bytes()).as_ref())
}

/// The key of a plan's issue: one for each plan, whatever workflow ran it, unless the user's own key says otherwise.
/// Where the plan is not known (of attached runs the API does not tell it), it is one for each job.
pub fn issue_key(plan: Option<&str>, comment_key: Option<&str>, origin: &Origin) -> String {
    hash(&match (plan, comment_key) {
        (None, None) => serde_json::json!(["issue", "job", origin.workflow, origin.job]),
        _ => serde_json::json!(["issue", plan, comment_key]),
    })
}

fn hash(parts: &serde_json::Value) -> String {
    hex(digest(&SHA256, parts.to_string().as_bytes()).as_ref())
}

fn hex(digest: &[u8]) -> String {
    let bytes = digest.iter().take(HASH_BYTES);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// The check run's name where the user gave none: known before anything is started.
pub fn check_name(inputs: &Inputs, origin: &Origin) -> String {
    if let Some(name) = &inputs.check_name {
        return name.clone();
    }
    let plans = inputs.plans().join(", ");
    let of = if plans.is_empty() {
        origin.job.clone().unwrap_or_default()
    } else {
        plans
    };
    match of.char_indices().nth(MOST_CHECK_NAME) {
        _ if of.is_empty() => "QA.tech".to_owned(),
        None => format!("QA.tech ({of})"),
        Some((at, _)) => format!("QA.tech ({}…)", of.get(..at).unwrap_or_default()),
    }
}

/// A check run's `external_id`: `qatech-run:<short ids of the latest attempts>;<GITHUB_RUN_ID>;<hash of the key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalId {
    /// The latest attempt's short id for each plan, in the order of the input; `None` where there is none.
    pub short_ids: Vec<Option<String>>,
    /// `GITHUB_RUN_ID`.
    pub run_id: u64,
    /// [`Identity::hash`].
    pub key: String,
}

impl ExternalId {
    /// Parses what [`Display`](std::fmt::Display) writes, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MOST_EXTERNAL_ID {
            return None;
        }
        let mut parts = text.strip_prefix(PREFIX)?.split(';');
        let (ids, run, key) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || run.is_empty() || !run.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if key.len() != 2 * HASH_BYTES || !key.bytes().all(hex) {
            return None;
        }
        Some(Self {
            short_ids: parse_short_ids(ids)?,
            run_id: run.parse().ok()?,
            key: key.to_owned(),
        })
    }
}

impl std::fmt::Display for ExternalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { short_ids, run_id, key } = self;
        let rest = format!(";{run_id};{key}");
        let mut ids = format_short_ids(short_ids);
        if PREFIX.len() + ids.len() + rest.len() > MOST_EXTERNAL_ID {
            // Some of them would make a rerun of a part pass for one of all.
            ids = String::new();
        }
        write!(f, "{PREFIX}{ids}{rest}")
    }
}

/// The latest attempts' short ids of a report, one for each of its runs.
pub fn latest_short_ids(report: &Report) -> Vec<Option<String>> {
    let latest = report.runs.iter().map(|run| run.latest());
    latest
        .map(|attempt| attempt.map(|attempt| attempt.short_id.clone()))
        .collect()
}

/// Those of the latest attempts' short ids that a re-run of the job may build on: it knows of a run only what the run
/// itself tells.
pub fn sound_short_ids(report: &Report) -> Vec<Option<String>> {
    let id = |run: &RunReport| {
        let latest = run.latest().filter(|latest| is_sound(run, latest))?;
        Some(latest.short_id.clone()).filter(|id| is_short_id(id))
    };
    report.runs.iter().map(id).collect()
}

/// Whether the latest attempt holds all that went wrong. A rerun that did not end, did not show all that had failed or
/// is not believed would by itself pass for the whole run, as would the one that makes a run flaky.
fn is_sound(run: &RunReport, latest: &Attempt) -> bool {
    match latest.origin {
        AttemptOrigin::Started | AttemptOrigin::Attached => return true,
        AttemptOrigin::Rerun | AttemptOrigin::GithubRerun => {}
    }
    let has_ended = latest.result.is_some() && latest.problem.is_none();
    let passes = latest.result.as_deref() == Some(status::PASSED);
    let in_latest = |case: &Case| case.latest().is_some_and(|seen| seen.attempt + 1 == run.attempts.len());
    let shows_all = run.cases.iter().all(|case| !case.outcome.is_bad() || in_latest(case));
    has_ended && shows_all && passes == (run.verdict == Some(Verdict::Passed))
}

/// Short ids joined by commas; one that has other characters than short ids have is left out.
pub fn format_short_ids(short_ids: &[Option<String>]) -> String {
    let ids: Vec<_> = short_ids
        .iter()
        .map(|id| id.as_deref().filter(|id| is_short_id(id)).unwrap_or_default())
        .collect();
    ids.join(",")
}

/// Parses what [`format_short_ids`] writes.
pub fn parse_short_ids(text: &str) -> Option<Vec<Option<String>>> {
    text.split(',')
        .map(|id| match id {
            "" => Some(None),
            id if is_short_id(id) => Some(Some(id.to_owned())),
            _ => None,
        })
        .collect()
}

/// Whether a text is safe wherever a short id is put: in a URL's path, a list, a hidden comment.
pub fn is_short_id(text: &str) -> bool {
    (1..=MOST_SHORT_ID).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~'))
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && !text.contains("--")
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::CaseOutcome;
    use crate::report::sample::{case, report, run};
    use proptest::prelude::*;

    fn inputs(pairs: &[(&str, &str)]) -> Inputs {
        let all = [("API_TOKEN", "token")];
        let all = all.iter().chain(pairs).map(|(name, value)| {
            (
                format!("INPUT_{}", name.to_ascii_uppercase()).into(),
                (*value).to_owned().into(),
            )
        });
        crate::inputs::parse(all).unwrap()
    }

    fn origin(workflow: &str, job: &str) -> Origin {
        Origin {
            workflow: Some(workflow.into()),
            job: Some(job.into()),
            run_id: Some(7),
            ..Origin::default()
        }
    }

    fn hash(pairs: &[(&str, &str)]) -> String {
        Identity::new(&inputs(pairs), &origin("CI", "e2e")).hash
    }

    #[test]
    fn the_key_stays_the_same_over_pushes_and_tells_legs_apart() {
        let one = hash(&[
            ("test_plan_short_id", "pln_a pln_b"),
            ("environments", "app_w = https://pr-1.example"),
        ]);
        let later = hash(&[
            ("test_plan_short_id", "pln_b,pln_a"),
            ("environments", "app_w = https://pr-2.example"),
        ]);
        assert_eq!(one, later);
        assert_eq!(one.len(), 16);
        assert_ne!(one, hash(&[("test_plan_short_id", "pln_a")]));
        let preset = r#"[{"applicationShortId": "app_w", "devicePresetShortId": "preset_m"}]"#;
        let other = r#"[{"applicationShortId": "app_w", "devicePresetShortId": "preset_d"}]"#;
        assert_ne!(
            hash(&[("applications_config", preset)]),
            hash(&[("applications_config", other)])
        );
        assert_eq!(hash(&[("run_short_id", "a")]), hash(&[("run_short_id", "b")]));
        assert_ne!(
            Identity::new(&inputs(&[]), &origin("a", "b")),
            Identity::new(&inputs(&[]), &origin("ab", ""))
        );
    }

    #[test]
    fn the_target_tells_apart_what_the_key_does_not() {
        let target = |pairs: &[_]| super::target(&inputs(pairs), &origin("CI", "e2e"));
        let eu = [
            ("test_plan_short_id", "pln_a pln_b"),
            ("environments", "app_w = https://eu.example"),
        ];
        let one = target(&eu);
        assert_eq!(one.len(), 16);
        assert_eq!(one, target(&eu));
        for other in [
            [eu[0], ("environments", "app_w = https://us.example")],
            [("test_plan_short_id", "pln_b pln_a"), eu[1]],
        ] {
            assert_ne!(one, target(&other));
        }
        assert_ne!(one, super::target(&inputs(&eu), &origin("CI", "unit")));
        let mut other = inputs(&eu);
        other.api_token = Some(crate::secret::Secret::new("other"));
        assert_ne!(one, super::target(&other, &origin("CI", "e2e")));
        other.api_token = None;
        assert_eq!(super::target(&other, &origin("CI", "e2e")), "");
    }

    #[test]
    fn a_rerun_is_built_on_only_if_it_shows_all_that_failed() {
        let ids = |result: Option<&str>, seen: usize, verdict| {
            let failed = case(1, "Pay", CaseOutcome::Failed, "", "");
            let mut run = run("Checkout", "run-1", vec![failed]);
            run.verdict = Some(verdict);
            let mut rerun = run.attempts[0].clone();
            rerun.short_id = "run-2".to_owned();
            rerun.origin = AttemptOrigin::Rerun;
            rerun.result = result.map(str::to_owned);
            run.attempts.push(rerun);
            run.cases[0].attempts[0].attempt = seen;
            sound_short_ids(&report(vec![run])).remove(0)
        };
        assert_eq!(ids(Some("FAILED"), 1, Verdict::Failed), Some("run-2".to_owned()));
        assert_eq!(ids(Some("FAILED"), 0, Verdict::Failed), None);
        assert_eq!(ids(Some("PASSED"), 1, Verdict::Failed), None);
        assert_eq!(ids(Some("PASSED"), 1, Verdict::Flaky), None);
        assert_eq!(ids(Some("PASSED"), 1, Verdict::Passed), Some("run-2".to_owned()));
        assert_eq!(ids(None, 1, Verdict::TimedOut), None);
        let one = report(vec![
            run("Checkout", "run-1", Vec::new()),
            run("Checkout", "a b", Vec::new()),
        ]);
        assert_eq!(sound_short_ids(&one), [Some("run-1".to_owned()), None]);
    }

    #[test]
    fn a_key_of_the_users_own_is_all_that_counts() {
        let one = hash(&[("comment_key", "web"), ("test_plan_short_id", "pln_a")]);
        assert_eq!(one, hash(&[("comment_key", "web"), ("test_plan_short_id", "pln_b")]));
        assert_ne!(one, hash(&[("comment_key", "mobile")]));
    }

    #[test]
    fn the_check_is_named_after_plans_or_job() {
        let name = |pairs: &[_]| check_name(&inputs(pairs), &origin("CI", "e2e"));
        assert_eq!(name(&[]), "QA.tech (e2e)");
        assert_eq!(name(&[("test_plan_short_id", "pln_b pln_a")]), "QA.tech (pln_b, pln_a)");
        assert_eq!(name(&[("run_short_id", "x")]), "QA.tech (e2e)");
        assert_eq!(name(&[("check_name", "Browser tests")]), "Browser tests");
        assert_eq!(check_name(&inputs(&[]), &Origin::default()), "QA.tech");
        let long = "é".repeat(500);
        assert_eq!(name(&[("test_plan_short_id", &long)]).chars().count(), 120 + 11);
    }

    #[test]
    fn an_external_id_that_is_not_ours_is_none() {
        let good = "qatech-run:run-a_1,,b2;7;0123456789abcdef";
        let parsed = ExternalId::parse(good).unwrap();
        assert_eq!(parsed.short_ids, [Some("run-a_1".into()), None, Some("b2".into())]);
        assert_eq!(parsed.to_string(), good);
        for bad in [
            "",
            "qatech-run:",
            "qatech-run:a;7",
            "qatech-run:a;7;0123456789abcdef;",
            "qatech-run:a;+7;0123456789abcdef",
            "qatech-run:a;;0123456789abcdef",
            "qatech-run:a;7;0123456789ABCDEF",
            "qatech-run:a;99999999999999999999;0123456789abcdef",
            "qatech-run:../b;7;0123456789abcdef",
            "qatech-run:..;7;0123456789abcdef",
            "qatech-run:a b;7;0123456789abcdef",
            " qatech-run:a;7;0123456789abcdef",
        ] {
            assert_eq!(ExternalId::parse(bad), None, "{bad}");
        }
        let long = format!("qatech-run:{};7;0123456789abcdef", vec!["a"; 300].join(","));
        assert_eq!(ExternalId::parse(&long), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_or_holds_no_ids(
            ids in prop::collection::vec(prop::option::of("[a-zA-Z0-9_.~-]{1,40}|.{0,10}"), 1..12), run_id: u64,
        ) {
            let id = ExternalId { short_ids: ids.clone(), run_id, key: "0123456789abcdef".into() };
            let text = id.to_string();
            prop_assert!(text.len() <= MOST_EXTERNAL_ID);
            let read = ExternalId::parse(&text).unwrap();
            prop_assert_eq!(read.run_id, run_id);
            if read.short_ids != [None] {
                let fine = |id: &Option<String>| id.clone().filter(|id| is_short_id(id));
                prop_assert_eq!(read.short_ids, ids.iter().map(fine).collect::<Vec<_>>());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "(qatech-run:)?.{0,80}") {
            if let Some(id) = ExternalId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
