//! The identity of this job's results among the check runs and comments of a commit: the key that distinguishes jobs, matrix
//! legs and steps, and the MAC that protects what a re-run of the job reads back.
//!
//! Ids that are read back start billed reruns, so they count only if nobody else can have written them.

use ring::digest::{SHA256, digest};
use ring::hmac;

use crate::context::Context;
use crate::inputs::Inputs;
use crate::render::github::marker::{LONGEST, Marker, SignedMarker, Unverified};
use crate::report::{Attempt, AttemptOrigin, CaseCoverage, Origin, Report, RunReport, Verdict, merge};
use crate::text::{Secret, ShortId};

/// GitHub does not document the length of an `external_id`; this fits any text column.
const MAX_EXTERNAL_ID: usize = 255;
/// Characters of the plans or the job in a check run's name.
const MAX_CHECK_NAME: usize = 120;
/// Separates the key of markers from every other use of the token.
const MARKER_LABEL: &[u8] = b"qatech-run marker v1";
const PREFIX: &str = "qatech-run:";
/// 64 bits are enough to distinguish the jobs of a repository.
const HASH_BYTES: usize = 8;

/// The identity of this job's results: a hash of `comment_key`, or of workflow, job, matrix leg, step, plans, application
/// ids and device presets. Never of URLs, names or run ids, which change with every push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    hash: String,
}

impl Identity {
    /// The identity that inputs and context determine.
    pub fn new(inputs: &Inputs, context: &Context) -> Self {
        // As JSON, so that two values can't be mistaken for one.
        let parts = match &inputs.comment_key {
            Some(key) => serde_json::json!(["key", key]),
            None => {
                // One type for both, so that both use one instance of the sort.
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
                let Origin { workflow, job, .. } = &context.origin;
                let mut parts =
                    serde_json::json!(["job", workflow, job, leg(context), step(context), plans, applications]);
                // The first keeps the identity that it has always had.
                if context.earlier_uses > 0
                    && let Some(parts) = parts.as_array_mut()
                {
                    parts.push(context.earlier_uses.into());
                }
                parts
            }
        };
        Self { hash: hash(&parts) }
    }

    /// Sixteen hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// The position in the matrix, from 1. A job without a matrix is leg 1.
fn leg(context: &Context) -> u64 {
    context.job_index.unwrap_or(0).saturating_add(1)
}

/// Identifies a step among the others of its job, in the same way at every push: by the id that the user gave it, else by
/// its number among the steps that use the same action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Step<'a> {
    Named(&'a str),
    Numbered(u64),
}

/// The step, as `GITHUB_ACTION` has it: the id, or for a step without one a name that the runner makes of the action's
/// (`__acme_gate`, and `__acme_gate_2` for the second use). The action's name itself may change, with a fork for example.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
fn step(context: &Context) -> Step<'_> {
    let name = context.step.as_deref().unwrap_or_default();
    if !name.starts_with("__") && name.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic()) {
        return Step::Named(name);
    }
    let number = name.rsplit_once('_').and_then(|(_, number)| number.parse().ok());
    Step::Numbered(number.unwrap_or(1))
}

/// A hash of what is tested, in sixteen hexadecimal digits: workflow, job, plans in their order, and applications with
/// their environments. Keyed by the API token, since a URL may hold a password that is easily guessed; empty without one.
pub fn target(inputs: &Inputs, origin: &Origin) -> String {
    let Some(token) = &inputs.api_token else {
        return String::new();
    };
    // An application whose deployment is not known yet can't be serialized.
    let applications =
        serde_json::to_string(&inputs.applications).unwrap_or_else(|_| format!("{:?}", inputs.applications));
    let parts = serde_json::json!([origin.workflow, origin.job, inputs.plans(), applications]);
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose().as_bytes());
    short_hex(hmac::sign(&key, parts.to_string().as_bytes()).as_ref())
}

/// Signs the markers of check runs and comments, and verifies that a marker is ours and unaltered.
#[derive(Debug, Clone)]
pub struct MarkerKey(hmac::Key);

impl MarkerKey {
    /// Derives the key from the API token, which is unknown to anyone who can only write to GitHub.
    pub fn new(api_token: &Secret) -> Self {
        let token = hmac::Key::new(hmac::HMAC_SHA256, api_token.expose().as_bytes());
        let derived = hmac::sign(&token, MARKER_LABEL);
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// A random key, for the markers of a run without an API token: no later run can verify them. `None` without a random
    /// source.
    pub fn disposable() -> Option<Self> {
        let secret = crate::random::hex(32).ok()?;
        Some(Self::new(&Secret::new(&secret)))
    }

    /// The marker with its MAC. If it would be longer than [`LONGEST`], its ids are left out.
    pub fn sign(&self, marker: &Marker) -> SignedMarker {
        let signed = self.sign_as_it_is(marker);
        if signed.length() <= LONGEST {
            return signed;
        }
        self.sign_as_it_is(&Marker {
            short_ids: Vec::new(),
            ..marker.clone()
        })
    }

    fn sign_as_it_is(&self, marker: &Marker) -> SignedMarker {
        let mac = hmac::sign(&self.0, marker.fields().as_bytes());
        SignedMarker::new(marker, &hex::encode(mac.as_ref()))
    }

    /// The marker that opens a text, if its MAC is ours.
    pub fn verify(&self, text: &str) -> Option<Marker> {
        let read = Unverified::opening(text)?;
        // `hex` accepts capital letters too, which we never write.
        let mac = hex::decode(read.mac).ok().filter(|mac| hex::encode(mac) == read.mac)?;
        hmac::verify(&self.0, read.fields.as_bytes(), &mac).ok()?;
        read.marker()
    }
}

/// The key of a plan's issue: the same in all workflows unless `comment_key` distinguishes them. If the plan is unknown (the API does
/// not return it for attached runs), the key is that of the job.
pub fn issue_key(plan: Option<&str>, comment_key: Option<&str>, origin: &Origin) -> String {
    hash(&match (plan, comment_key) {
        (None, None) => serde_json::json!(["issue", "job", origin.workflow, origin.job]),
        _ => serde_json::json!(["issue", plan, comment_key]),
    })
}

fn hash(parts: &serde_json::Value) -> String {
    short_hex(digest(&SHA256, parts.to_string().as_bytes()).as_ref())
}

fn short_hex(digest: &[u8]) -> String {
    hex::encode(digest.get(..HASH_BYTES).unwrap_or(digest))
}

/// The check run's name: `check_name`, else the plans or the job, and where there are several, the matrix leg and the
/// step, since GitHub shows only the latest check run of a name. It is known before anything is started.
pub fn check_name(inputs: &Inputs, context: &Context) -> String {
    if let Some(name) = &inputs.check_name {
        return name.clone();
    }
    let plans = inputs.plans().join(", ");
    let subject = if plans.is_empty() {
        context.origin.job.clone().unwrap_or_default()
    } else {
        plans
    };
    let subject = match subject.char_indices().nth(MAX_CHECK_NAME) {
        None => subject,
        Some((at, _)) => format!("{}…", subject.get(..at).unwrap_or_default()),
    };
    let leg = Some(leg(context))
        .filter(|leg| *leg > 1)
        .map(|leg| format!("leg {leg}"));
    let step = match step(context) {
        Step::Named(id) => Some(id.to_owned()),
        Step::Numbered(1) => None,
        Step::Numbered(number) => Some(format!("step {number}")),
    };
    let again = Some(context.earlier_uses)
        .filter(|earlier| *earlier > 0)
        .map(|earlier| format!("use {}", earlier.saturating_add(1)));
    let subject = Some(subject).filter(|subject| !subject.is_empty());
    let parts: Vec<_> = [subject, leg, step, again].into_iter().flatten().collect();
    if parts.is_empty() {
        return "QA.tech".to_owned();
    }
    format!("QA.tech ({})", parts.join(", "))
}

/// A check run's `external_id`: `qatech-run:<short ids of the latest attempts>;<GITHUB_RUN_ID>;<hash of the key>`. For
/// people and other programs: anyone can write one, so it is never read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalId {
    /// The latest attempt's short id for each plan, in the order of the input; `None` where there is none.
    pub short_ids: Vec<Option<ShortId>>,
    /// `GITHUB_RUN_ID`.
    pub run_id: u64,
    /// [`Identity::hash`].
    pub key: String,
}

impl std::fmt::Display for ExternalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { short_ids, run_id, key } = self;
        let rest = format!(";{run_id};{key}");
        let mut ids = format_short_ids(short_ids);
        if PREFIX.len() + ids.len() + rest.len() > MAX_EXTERNAL_ID {
            // A part of the ids would be mistaken for all of them.
            ids = String::new();
        }
        write!(f, "{PREFIX}{ids}{rest}")
    }
}

/// The latest attempts' short ids of a report, one for each of its runs.
pub fn latest_short_ids(report: &Report) -> Vec<Option<ShortId>> {
    let latest = report.runs.iter().map(|run| run.latest());
    latest
        .map(|attempt| attempt.map(|attempt| attempt.short_id.clone()))
        .collect()
}

/// The latest attempts' short ids that a re-run of the job may use. The re-run sees only what QA.tech returns for them.
pub fn sound_short_ids(report: &Report) -> Vec<Option<ShortId>> {
    let id = |run: &RunReport| {
        let latest = run.latest().filter(|latest| is_sound(run, latest))?;
        Some(latest.short_id.clone()).filter(ShortId::is_plain)
    };
    report.runs.iter().map(id).collect()
}

/// Whether the latest attempt shows every failure of the run. A rerun does not if it did not end, left out cases that had not
/// passed, was overruled, or made the run flaky; nor does a run that lists fewer cases than it announced.
fn is_sound(run: &RunReport, latest: &Attempt) -> bool {
    if !run.first_list_is_complete() {
        return false;
    }
    match latest.origin {
        AttemptOrigin::Started | AttemptOrigin::Attached => return true,
        AttemptOrigin::Rerun | AttemptOrigin::GithubRerun => {}
    }
    let has_failed = latest.verdict == Some(Verdict::Failed) && latest.problem.is_none();
    let has_passed = latest.verdict == Some(Verdict::Passed) && run.verdict == Some(Verdict::Passed);
    (has_failed || has_passed) && run.listed == CaseCoverage::Complete && merge::not_played(run).next().is_none()
}

/// Short ids joined by commas; one that is not plain is left out.
fn format_short_ids(short_ids: &[Option<ShortId>]) -> String {
    let plain = |id: &Option<ShortId>| id.clone().filter(ShortId::is_plain);
    let ids: Vec<_> = short_ids
        .iter()
        .map(|id| plain(id).map_or_else(String::new, String::from))
        .collect();
    ids.join(",")
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::CaseOutcome;
    use crate::report::sample::{case, report, run};
    use proptest::prelude::*;

    fn short_id(text: &str) -> ShortId {
        ShortId::new(text).unwrap()
    }

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
        Identity::new(&inputs(pairs), &context("CI", "e2e")).hash
    }

    fn context(workflow: &str, job: &str) -> Context {
        Context {
            origin: origin(workflow, job),
            ..Context::default()
        }
    }

    /// A leg of a matrix, and a step of it.
    fn part(index: Option<u64>, step: Option<&str>) -> Context {
        Context {
            job_index: index,
            step: step.map(str::to_owned),
            ..context("CI", "e2e")
        }
    }

    #[test]
    fn legs_and_steps_have_keys_and_names_of_their_own() {
        let eu = inputs(&[
            ("test_plan_short_id", "pln_a"),
            ("environments", "app_w = https://eu.example"),
        ]);
        let key = |index, step| Identity::new(&eu, &part(index, step)).hash;
        let name = |index, step| check_name(&eu, &part(index, step));
        let all = [
            (Some(0), Some("__acme_gate"), "QA.tech (pln_a)"),
            (Some(1), Some("__acme_gate"), "QA.tech (pln_a, leg 2)"),
            (Some(0), Some("__acme_gate_2"), "QA.tech (pln_a, step 2)"),
            (Some(0), Some("eu"), "QA.tech (pln_a, eu)"),
            (Some(0), Some("us"), "QA.tech (pln_a, us)"),
            (Some(2), Some("us"), "QA.tech (pln_a, leg 3, us)"),
        ];
        let keys: std::collections::BTreeSet<_> = all.iter().map(|(index, step, _)| key(*index, *step)).collect();
        assert_eq!(keys.len(), all.len());
        for (index, step, expected) in all {
            assert_eq!(name(index, step), expected);
        }
        // A job without a matrix, under whatever name the action goes.
        for step in [None, Some("__run"), Some("__self"), Some("__acme_gate"), Some("0")] {
            assert_eq!(key(None, step), key(Some(0), Some("__acme_gate")), "{step:?}");
            assert_eq!(name(None, step), "QA.tech (pln_a)");
        }
    }

    #[test]
    fn uses_within_one_composite_action_are_counted() {
        let inputs = inputs(&[("test_plan_short_id", "pln_a")]);
        let both = |earlier_uses| {
            let context = Context {
                earlier_uses,
                ..part(Some(0), Some("__acme_wrapper"))
            };
            (Identity::new(&inputs, &context).hash, check_name(&inputs, &context))
        };
        let (first, second) = (both(0), both(1));
        assert_eq!(first.1, "QA.tech (pln_a)");
        assert_eq!(second.1, "QA.tech (pln_a, use 2)");
        assert_ne!(first.0, second.0);
        assert_eq!(first.0, Identity::new(&inputs, &part(Some(0), Some("__other"))).hash);
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
            Identity::new(&inputs(&[]), &context("a", "b")),
            Identity::new(&inputs(&[]), &context("ab", ""))
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
        other.api_token = Some(crate::text::Secret::new("other"));
        assert_ne!(one, super::target(&other, &origin("CI", "e2e")));
        other.api_token = None;
        assert_eq!(super::target(&other, &origin("CI", "e2e")), "");
    }

    #[test]
    fn a_rerun_is_rerun_only_if_it_shows_all_that_failed() {
        let ids = |result: Option<&str>, seen: usize, verdict| {
            let failed = case(1, "Pay", CaseOutcome::Failed, "", "");
            let mut run = run("Checkout", "run-1", vec![failed]);
            run.verdict = Some(verdict);
            let mut rerun = run.attempts[0].clone();
            rerun.short_id = short_id("run-2");
            rerun.origin = AttemptOrigin::Rerun;
            rerun.result = result.map(str::to_owned);
            rerun.verdict = Some(match result {
                Some("FAILED") => Verdict::Failed,
                Some(_) => Verdict::Passed,
                None => Verdict::TimedOut,
            });
            run.attempts.push(rerun);
            let mut again = run.cases[0].attempts[0].clone();
            again.attempt = seen;
            run.cases[0].attempts.push(again);
            sound_short_ids(&report(vec![run])).remove(0)
        };
        assert_eq!(ids(Some("FAILED"), 1, Verdict::Failed), Some(short_id("run-2")));
        assert_eq!(ids(Some("FAILED"), 0, Verdict::Failed), None);
        assert_eq!(ids(Some("PASSED"), 1, Verdict::Failed), None);
        assert_eq!(ids(Some("PASSED"), 1, Verdict::Flaky), None);
        assert_eq!(ids(Some("PASSED"), 1, Verdict::Passed), Some(short_id("run-2")));
        assert_eq!(ids(None, 1, Verdict::TimedOut), None);
        let one = report(vec![
            run("Checkout", "run-1", Vec::new()),
            run("Checkout", "a--b", Vec::new()),
        ]);
        assert_eq!(sound_short_ids(&one), [Some(short_id("run-1")), None]);
    }

    #[test]
    fn a_run_that_lists_fewer_cases_than_announced_is_not_rerun() {
        let mut short = run("Checkout", "run-1", vec![case(1, "Pay", CaseOutcome::Failed, "", "")]);
        short.attempts[0].test_count = Some(5);
        assert_eq!(sound_short_ids(&report(vec![short])), [None]);
    }

    #[test]
    fn a_rerun_is_not_rerun_if_a_case_never_ended() {
        let failed = case(1, "Pay", CaseOutcome::Failed, "", "");
        let mut one = run(
            "Checkout",
            "run-1",
            vec![failed, case(2, "Login", CaseOutcome::Unfinished, "", "")],
        );
        let mut rerun = one.attempts[0].clone();
        rerun.origin = AttemptOrigin::Rerun;
        one.attempts.push(rerun);
        let mut again = one.cases[0].attempts[0].clone();
        again.attempt = 1;
        one.cases[0].attempts.push(again);
        assert_eq!(sound_short_ids(&report(vec![one])), [None]);
    }

    #[test]
    fn a_key_of_the_users_own_is_all_that_counts() {
        let one = hash(&[("comment_key", "web"), ("test_plan_short_id", "pln_a")]);
        assert_eq!(one, hash(&[("comment_key", "web"), ("test_plan_short_id", "pln_b")]));
        assert_ne!(one, hash(&[("comment_key", "mobile")]));
    }

    #[test]
    fn the_check_is_named_after_plans_or_job() {
        let name = |pairs: &[_]| check_name(&inputs(pairs), &context("CI", "e2e"));
        assert_eq!(name(&[]), "QA.tech (e2e)");
        assert_eq!(name(&[("test_plan_short_id", "pln_b pln_a")]), "QA.tech (pln_b, pln_a)");
        assert_eq!(name(&[("run_short_id", "x")]), "QA.tech (e2e)");
        assert_eq!(name(&[("check_name", "Browser tests")]), "Browser tests");
        assert_eq!(check_name(&inputs(&[]), &Context::default()), "QA.tech");
        let long = ["é".repeat(100), "è".repeat(100)].join(" ");
        assert_eq!(name(&[("test_plan_short_id", &long)]).chars().count(), 120 + 11);
    }

    #[test]
    fn an_external_id_names_only_short_ids() {
        let text = |ids: &[&str]| {
            let id = ExternalId {
                short_ids: ids.iter().map(|id| ShortId::new(*id).ok()).collect(),
                run_id: 7,
                key: "0123456789abcdef".into(),
            };
            id.to_string()
        };
        assert_eq!(
            text(&["run-a_1", "", "b>2", "c"]),
            "qatech-run:run-a_1,,,c;7;0123456789abcdef"
        );
        assert_eq!(text(&["a"; 300]), "qatech-run:;7;0123456789abcdef");
    }

    fn marker() -> Marker {
        Marker {
            key: "9f86d081884c7d65".into(),
            head_sha: "3f2a9c1d".into(),
            run_id: 4711,
            attempt: 2,
            target: "60303ae22b998861".into(),
            short_ids: vec![Some(short_id("abc123")), None],
        }
    }

    fn marker_key(token: &str) -> MarkerKey {
        MarkerKey::new(&Secret::new(token))
    }

    #[test]
    fn a_marker_is_valid_only_with_the_token_that_signed_it() {
        let text = marker_key("token").sign(&marker()).to_string();
        assert_eq!(marker_key("token").verify(&format!("{text}\nbody")), Some(marker()));
        assert_eq!(marker_key("other").verify(&text), None);
        // The token itself is not the MAC's key.
        let plain = hmac::Key::new(hmac::HMAC_SHA256, b"token");
        let mac = hmac::sign(&plain, marker().fields().as_bytes());
        let forged = SignedMarker::new(&marker(), &hex::encode(mac.as_ref())).to_string();
        assert_eq!(marker_key("token").verify(&forged), None);
    }

    #[test]
    fn a_marker_that_is_too_long_names_no_ids() {
        let long = Marker {
            short_ids: vec![Some(short_id(&"x".repeat(100))); 100],
            ..marker()
        };
        let text = marker_key("token").sign(&long).to_string();
        let read = marker_key("token").verify(&text).unwrap();
        assert_eq!((read.short_ids, read.run_id), (vec![None], 4711));
    }

    #[test]
    fn each_field_is_covered() {
        let key = marker_key("token");
        let text = key.sign(&marker()).to_string();
        for (ours, theirs) in [
            ("key=9f86d081884c7d65", "key=9f86d081884c7d66"),
            ("sha=3f2a9c1d", "sha=3f2a9c1e"),
            ("run=4711", "run=18446744073709551615"),
            ("attempt=2", "attempt=1"),
            ("target=60303ae22b998861", "target="),
            ("runs=abc123,", "runs=evil,"),
            ("runs=abc123,", "runs=abc123"),
        ] {
            let forged = text.replace(ours, theirs);
            assert_ne!(forged, text, "{ours}");
            assert_eq!(key.verify(&forged), None, "{forged}");
        }
    }

    /// Each byte of a marker, in turn: replaced by any other, left out, and doubled.
    #[test]
    fn no_byte_of_a_marker_can_be_altered() {
        let key = marker_key("token");
        let good = key.sign(&marker()).to_string().into_bytes();
        for at in 0..good.len() {
            let mut without = good.clone();
            let byte = without.remove(at);
            let mut doubled = good.clone();
            doubled.insert(at, byte);
            let replaced = (0..=u8::MAX).filter(|other| *other != byte).map(|other| {
                let mut bytes = good.clone();
                bytes[at] = other;
                bytes
            });
            for bytes in [without, doubled].into_iter().chain(replaced) {
                // What follows a marker is the body, which it does not cover.
                if bytes.starts_with(&good) {
                    continue;
                }
                if let Ok(text) = String::from_utf8(bytes) {
                    assert_eq!(key.verify(&text), None, "{text}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_altered_marker_is_valid(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..3, "[ -~]{0,3}"), 1..4),
        ) {
            let key = marker_key("token");
            let good = key.sign(&marker()).to_string();
            let mut text = good.clone();
            for (at, removed, inserted) in edits {
                let at = at.index(text.len() + 1);
                let end = (at + removed).min(text.len());
                text.replace_range(at..end, &inserted);
            }
            // What follows a marker is the body, which it does not cover.
            prop_assume!(!text.starts_with(&good));
            prop_assert_eq!(key.verify(&text), None, "{}", text);
        }

        #[test]
        fn no_text_causes_a_panic(text in "(<!-- qatech-run:2 )?.{0,80}( mac=[0-9a-f]{0,64} -->)?") {
            prop_assert_eq!(marker_key("token").verify(&text), None);
        }

        #[test]
        fn an_external_id_is_never_too_long(
            ids in prop::collection::vec(prop::option::of("[a-zA-Z0-9_.~-]{1,40}|.{0,10}"), 1..12), run_id: u64,
        ) {
            let ids = ids.into_iter().map(|id| ShortId::new(id?).ok());
            let id = ExternalId { short_ids: ids.collect(), run_id, key: "0123456789abcdef".into() };
            prop_assert!(id.to_string().len() <= MAX_EXTERNAL_ID);
        }
    }
}
