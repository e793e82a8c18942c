//! Tests of the parsing of all inputs.

use super::*;
use crate::inputs::table::INPUTS;
use crate::inputs::{Target, builds, environments};
use crate::report::{FailOn, Verdict};
use crate::text::ShortId;
use proptest::prelude::*;

fn given(pairs: &[(&str, &str)]) -> Result<Inputs, Vec<String>> {
    let token = ("api_token", "secret-token");
    parse_only(&[&[token], pairs].concat())
}

fn parse_only(pairs: &[(&str, &str)]) -> Result<Inputs, Vec<String>> {
    parse(
        pairs
            .iter()
            .map(|(name, value)| (format!("INPUT_{}", name.to_uppercase()).into(), value.into())),
    )
    .map_err(|rejected| rejected.problems)
}

#[test]
fn defaults_are_those_of_the_table() {
    let table: Vec<_> = INPUTS
        .iter()
        .map(|input| (input.name, input.default))
        .filter(|(name, _)| *name != "github_token")
        .collect();
    let explicit = given(&table[..]).unwrap();
    let implicit = given(&[]).unwrap();
    // Compared by their debug output, which contains every field.
    assert_eq!(
        format!("{explicit:?}"),
        format!("{implicit:?}").replace("api_token: None", "api_token: Some(***)")
    );
    assert_eq!(implicit.target, Target::Start(vec![None]));
    assert!(implicit.blocking);
    assert_eq!(implicit.timeout, Duration::from_secs(3600));
}

#[test]
fn blank_values_are_unset_and_other_variables_are_ignored() {
    #[cfg(unix)]
    fn no_text(byte: u8) -> OsString {
        std::os::unix::ffi::OsStringExt::from_vec(vec![byte])
    }
    // Half a surrogate pair is valid on Windows, but not in UTF-8.
    #[cfg(windows)]
    fn no_text(byte: u8) -> OsString {
        std::os::windows::ffi::OsStringExt::from_wide(&[0xd800 + u16::from(byte)])
    }
    let variables = vec![
        (OsString::from("INPUT_API_TOKEN"), OsString::from("  t0ken \n")),
        (OsString::from("INPUT_BLOCKING"), OsString::from("  ")),
        (OsString::from("INPUT_FOREIGN"), no_text(0xff)),
        (no_text(0xfe), no_text(0xff)),
    ];
    let inputs = parse(variables).unwrap();
    assert_eq!(inputs.api_token.unwrap().expose(), "t0ken");
    assert!(inputs.blocking);
}

#[test]
fn the_input_takes_precedence_over_the_environment_for_the_token() {
    let env = |pairs: &[(&str, &str)]| parse(pairs.iter().map(|(name, value)| (name.into(), value.into())));
    assert_eq!(
        env(&[("QATECH_API_TOKEN", "from-env")])
            .unwrap()
            .api_token
            .unwrap()
            .expose(),
        "from-env"
    );
    let both = env(&[("QATECH_API_TOKEN", "from-env"), ("INPUT_API_TOKEN", "from-input")]);
    assert_eq!(both.unwrap().api_token.unwrap().expose(), "from-input");
    assert!(parse_only(&[("on_missing_token", "skip")]).unwrap().api_token.is_none());
    assert!(parse_only(&[]).unwrap_err()[0].starts_with("`api_token` is missing"));
}

#[test]
fn all_problems_are_reported_together_without_secrets() {
    let problems = parse_only(&[
        ("api_token", "s3\ncret"),
        ("blocking", "yes"),
        ("timeout_minutes", "0"),
        ("poll_interval_seconds", "0.05"),
        ("rerun_failed", "-1"),
        ("fail_on", "failed,broken"),
        ("api_url", "http://example.com/path"),
        ("webhook_url", "https://user:s3cret@example.com"),
        ("run_short_id", "abc"),
        ("environments", "a = env_b"),
    ])
    .unwrap_err();
    assert_eq!(problems.len(), 9, "{problems:#?}");
    let text = problems.join("\n");
    assert!(!text.contains("s3"), "{text}");
    for name in [
        "api_token",
        "blocking",
        "timeout_minutes",
        "poll_interval_seconds",
        "rerun_failed",
        "fail_on",
        "api_url",
        "webhook_url",
        "environments",
    ] {
        assert!(text.contains(&format!("`{name}`")), "{name} in {text}");
    }
    assert!(text.contains("\"yes\"; allowed: true, false"), "{text}");
}

#[test]
fn plans_are_split_and_counted_once() {
    let inputs = given(&[("test_plan_short_id", "pln_a, pln_b\n pln_c pln_a")]).unwrap();
    assert_eq!(inputs.plans(), ["pln_a", "pln_b", "pln_c"]);
    assert_eq!(inputs.notices.len(), 1);
}

#[test]
fn hosts_of_the_vendors_action_are_replaced_with_a_notice() {
    for url in [
        "https://app.qa.tech",
        "https://app.qa.tech/",
        "https://app.qa.tech/api/run",
        "https://api.qa.tech",
        "https://API.qa.tech/",
        "https://api.qa.tech/v2/",
    ] {
        let inputs = given(&[("api_url", url)]).unwrap();
        assert_eq!(inputs.api_url.as_str(), DEFAULT_API);
        assert_eq!(inputs.notices.len(), 1, "{url}");
    }
    let ours = given(&[("api_url", "https://api.qa.tech/v1/")]).unwrap();
    assert_eq!((ours.api_url.as_str(), ours.notices.len()), (DEFAULT_API, 0));
    for wrong in [
        "https://me:s3cret@api.qa.tech",
        "http://api.qa.tech",
        "https://api.qa.tech?a=s3cret",
    ] {
        let problems = given(&[("api_url", wrong)]).unwrap_err();
        assert!(problems.len() == 1 && !problems[0].contains("s3cret"), "{problems:?}");
    }
    assert_eq!(
        given(&[("api_url", "http://127.0.0.1:9/v1/")])
            .unwrap()
            .api_url
            .as_str(),
        "http://127.0.0.1:9/v1"
    );
    assert!(given(&[("api_url", "http://[::1]:9")]).is_ok());
    assert!(given(&[("api_url", "http://localhost.example.com")]).is_err());
}

#[test]
fn inputs_that_need_the_end_of_a_run_are_reported_as_unused_without_waiting() {
    let given = [
        ("comment", "always"),
        ("rerun_failed", "0"),
        ("history_path", "h.jsonl"),
    ];
    let notices = |blocking| given_notices(&[&given[..], &[("blocking", blocking)]].concat());
    assert_eq!(
        notices("false"),
        ["`blocking: false` does not wait for the end, so these inputs have no effect: `comment`, `history_path`."]
    );
    assert_eq!(notices("true"), [""; 0]);
}

fn given_notices(pairs: &[(&str, &str)]) -> Vec<String> {
    given(pairs).unwrap().notices
}

#[test]
fn two_inputs_can_t_name_the_same_file() {
    let problems = given(&[
        ("json_path", "out/report"),
        ("ctrf_path", "out/other"),
        ("history_path", "./out//report"),
        ("outputs_path", "out/./report"),
    ])
    .unwrap_err();
    let expected = |name| {
        format!("`{name}` and `json_path` are the same file, so one would overwrite the other; use different files")
    };
    assert_eq!(problems, [expected("outputs_path"), expected("history_path")]);
    assert!(given(&[("json_path", "/dev/null"), ("html_path", "/dev/null")]).is_ok());
    assert!(given(&[("json_path", "../a"), ("html_path", "a")]).is_ok());
}

#[test]
fn fail_on_none_fails_on_no_verdict() {
    assert_eq!(given(&[("fail_on", "none")]).unwrap().fail_on, FailOn::new(vec![]));
    assert!(given(&[("fail_on", "none, failed")]).is_err());
    assert_eq!(given(&[("fail_on", ","), ("summary", "loud")]).unwrap_err().len(), 2);
    assert_eq!(
        given(&[("fail_on", "skipped flaky")]).unwrap().fail_on,
        FailOn::new(vec![Verdict::Skipped, Verdict::Flaky])
    );
    let fail_on = given(&[("fail_on", "quarantined, no_tests")]).unwrap().fail_on;
    assert_eq!((fail_on.verdicts, fail_on.no_tests), (vec![Verdict::Quarantined], true));
    assert!(given(&[("fail_on", "none, no_tests")]).is_err());
}

/// The inputs from variables by their full names.
fn from_variables(pairs: &[(&str, &str)]) -> Result<Inputs, Box<Rejected>> {
    parse(pairs.iter().map(|(name, value)| (name.into(), value.into())))
}

#[test]
fn the_token_is_read_from_the_variables_of_the_vendors_tools_too() {
    let all = [
        ("QA_TECH_API_TOKEN", "of-gitlab"),
        ("QATECH_API_KEY", "of-the-cli"),
        ("QATECH_API_TOKEN", "our-own"),
        ("INPUT_API_TOKEN", "of-the-input"),
    ];
    for count in 1..=all.len() {
        let inputs = from_variables(&all[..count]).unwrap();
        assert_eq!(inputs.api_token.as_ref().unwrap().expose(), all[count - 1].1);
        // Tokens that are not used are secrets too.
        for (_, token) in &all[..count] {
            assert_eq!(inputs.redactor().clean((*token).to_owned()), "***");
        }
    }
}

#[test]
fn the_project_comes_from_either_input_or_the_variable() {
    let token = ("INPUT_API_TOKEN", "secret-token");
    let ours = ("INPUT_PROJECT_SHORT_ID", "proj_ours");
    let older = ("INPUT_PROJECT_ID", "proj-shop_older");
    let env = ("QATECH_PROJECT_SHORT_ID", "proj_env");
    let foreign = ("INPUT_PROJECT_ID", "0b5a4b1e-2f3c-4d5e-8f90-a1b2c3d4e5f6");
    for (pairs, project, notices) in [
        (&[token, ours, older, env][..], Some("proj_ours"), 1),
        (&[token, older, env], Some("proj-shop_older"), 0),
        (&[token, env], Some("proj_env"), 0),
        (&[token, foreign], None, 1),
        (&[token, foreign, env], Some("proj_env"), 1),
        (&[token, ("INPUT_PROJECT_ID", "proj_ours"), ours], Some("proj_ours"), 0),
        (&[token], None, 0),
    ] {
        let inputs = from_variables(pairs).unwrap();
        assert_eq!(inputs.project_short_id.as_deref(), project, "{pairs:?}");
        assert_eq!(inputs.notices.len(), notices, "{:?}", inputs.notices);
    }
    for wrong in [
        "proj_a, proj_b",
        "proj",
        "proj_",
        "proj-shop",
        "proj-_a",
        "proj-shop_",
        "project_a",
        "bad",
        "0b5a4b1e",
    ] {
        let problem =
            format!("`project_short_id` is {wrong:?}; allowed: the short id of one project, such as proj_abc123");
        assert_eq!(given(&[("project_short_id", wrong)]).unwrap_err(), [problem]);
        let legacy = from_variables(&[token, ("INPUT_PROJECT_ID", wrong)]).unwrap();
        assert_eq!((legacy.project_short_id, legacy.notices.len()), (None, 1), "{wrong}");
    }
}

#[test]
fn a_variable_that_is_set_twice_is_reported_without_its_values() {
    let rejected = from_variables(&[
        ("INPUT_API_TOKEN", "first-secret"),
        ("INPUT_GITHUB_TOKEN", "github-secret"),
        ("INPUT_API_TOKEN", "second-secret"),
    ])
    .unwrap_err();
    assert_eq!(
        rejected.problems,
        ["INPUT_API_TOKEN is set more than once in the environment, to different values; set it once"]
    );
    let text = "first-secret second-secret github-secret".to_owned();
    assert_eq!(rejected.redactor.clean(text), "*** *** ***");
    // A blank value beside another one, or the same value twice, is not ambiguous.
    let same = [
        ("INPUT_API_TOKEN", "a-secret"),
        ("INPUT_API_TOKEN", " "),
        ("INPUT_API_TOKEN", "a-secret "),
    ];
    assert_eq!(from_variables(&same).unwrap().api_token.unwrap().expose(), "a-secret");
    // The other variables are still read.
    let paths = [
        ("INPUT_OUTPUTS_PATH", "out.env"),
        ("INPUT_SUMMARY", "off"),
        ("INPUT_SUMMARY", "always"),
    ];
    let rejected = from_variables(&paths).unwrap_err();
    assert_eq!(rejected.outputs_path, Some(PathBuf::from("out.env")));
    assert_eq!(rejected.problems.len(), 2, "{:?}", rejected.problems);
}

#[test]
fn plans_have_an_alias() {
    assert_eq!(
        given(&[("test_plan_short_ids", "pln_a,pln_b")]).unwrap().plans(),
        ["pln_a", "pln_b"]
    );
    let both = given(&[("test_plan_short_ids", "pln_a"), ("test_plan_short_id", "pln_a")]);
    assert_eq!(both.unwrap_err().len(), 1);
}

#[test]
fn test_cases_are_uuids() {
    const UUID: &str = "0b5a4b1e-2f3c-4d5e-8f90-a1b2c3d4e5f6";
    let inputs = given(&[("test_case_ids", &format!("{UUID},\n{UUID}"))]).unwrap();
    assert_eq!((inputs.test_case_ids, inputs.notices.len()), (vec![UUID.to_owned()], 1));
    assert_eq!(inputs.target, Target::Start(vec![None]));
    for short in [
        "tc_login",
        "0b5a4b1e-2f3c-4d5e-8f90-a1b2c3d4e5fg",
        "0b5a4b1e2f3c4d5e8f90a1b2c3d4e5f6",
    ] {
        let problems = given(&[("test_case_ids", &format!("{UUID} {short}"))]).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(short), "{problems:?}");
    }
    let both = given(&[("test_case_ids", UUID), ("test_plan_short_id", "pln_a")]).unwrap_err();
    assert_eq!(both.len(), 1, "{both:?}");
}

#[test]
fn a_run_is_given_by_its_short_id_or_the_url_of_its_page() {
    let text = "abc123, https://app.qa.tech/p/shop/results/def456?tab=all\nhttps://app.qa.tech/dashboard/p/shop/results/ghi789/";
    assert_eq!(
        given(&[("run_short_id", text)]).unwrap().target,
        Target::Attach(
            ["abc123", "def456", "ghi789"]
                .map(|id| ShortId::new(id).unwrap())
                .to_vec()
        )
    );
    for wrong in [
        "https://app.qa.tech/p/shop/results",
        "https://app.qa.tech/p/shop/results/test/xyz",
        "http://app.qa.tech/p/shop/results/abc",
        "https://",
    ] {
        let problems = given(&[("run_short_id", wrong)]).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(wrong), "{problems:?}");
    }
    assert_eq!(
        given(&[("run_short_id", "abc https://app.qa.tech/results/abc")])
            .unwrap()
            .notices
            .len(),
        1
    );
}

#[test]
fn inputs_that_only_a_start_uses_are_rejected_for_existing_runs() {
    let start_only = [
        ("test_plan_short_id", "pln_a"),
        ("test_plan_short_ids", "pln_a"),
        ("test_case_ids", "0b5a4b1e-2f3c-4d5e-8f90-a1b2c3d4e5f6"),
        ("applications_config", r#"[{"applicationShortId": "app_a"}]"#),
        ("environments", "app_a = deployment"),
        ("config_overrides", r#"{"configs": {"cfg_a": {}}}"#),
        ("builds", "app_a = a.apk"),
        ("wait_for", "https://pr.example"),
        ("notifications_config", r#"[{"type": "slack", "channel": "qa"}]"#),
    ];
    for (name, value) in start_only {
        given(&[(name, value)]).unwrap();
        let problems = given(&[("run_short_id", "abc"), (name, value)]).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(name), "{problems:?}");
    }
    // An action always sets inputs that have a default, and inputs for reporting apply to existing runs too.
    for (name, value) in [
        ("deployment_timeout_minutes", "15"),
        ("wait_for_timeout_minutes", "10"),
        ("project_short_id", "proj_a"),
        ("commit", "0123456789abcdef0123456789abcdef01234567"),
    ] {
        given(&[("run_short_id", "abc"), (name, value)]).unwrap();
    }
}

#[test]
fn an_application_is_tested_on_a_build_or_somewhere_else() {
    let build = ("builds", "app_a = a.apk");
    let device = r#"[{"applicationShortId": "app_a", "devicePresetShortId": "preset_a"}]"#;
    assert_eq!(
        given(&[build, ("applications_config", device)]).unwrap().builds.len(),
        1
    );
    assert!(given(&[build, ("environments", "app_b = env_b")]).is_ok());
    for other in [
        ("environments", "app_a = env_a"),
        (
            "applications_config",
            r#"[{"applicationShortId": "app_a", "environment": {"shortId": "env_a"}}]"#,
        ),
    ] {
        let problems = given(&[build, other]).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains("\"app_a\""), "{problems:?}");
    }
}

#[test]
fn rejected_config_overrides_are_secret_too() {
    for (text, fine) in [
        (r#"{"configs": {"cfg_a": {"password": "hunter2-hunter2"}}}"#, true),
        (r#"{"configs": {"cfg_a": "hunter2-hunter2"}}"#, false),
        (r#"{"configs": {"cfg_a": {"password": "hunter2-hunter2"}}"#, false),
        (
            r#"{"configs": {"cfg_a": {"password": "hunter2-hunter2", "password": ""}}}"#,
            false,
        ),
    ] {
        let pairs = [("INPUT_API_TOKEN", "secret-token"), ("INPUT_CONFIG_OVERRIDES", text)];
        let redactor = match from_variables(&pairs) {
            Ok(inputs) => {
                assert!(fine && inputs.config_overrides.is_some());
                inputs.redactor()
            }
            Err(rejected) => {
                assert!(!fine && rejected.problems.len() == 1, "{:?}", rejected.problems);
                rejected.redactor
            }
        };
        assert_eq!(redactor.clean("hunter2-hunter2".to_owned()), "***", "{text}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped_in_every_input() {
    let inputs = given(&[
        ("applications_config", "\u{feff}[{\"applicationShortId\": \"app_a\"}]"),
        (
            "notifications_config",
            " \u{feff}[{\"type\": \"slack\", \"channel\": \"qa\"}]",
        ),
        ("config_overrides", "\u{feff}{\"configs\": {\"cfg_a\": {}}}"),
        ("blocking", "\u{feff}false"),
        ("branch", "\u{feff}"),
    ])
    .unwrap();
    assert_eq!(
        (inputs.applications.len(), inputs.notifications.len(), inputs.blocking),
        (1, 1, false)
    );
    assert!(inputs.config_overrides.is_some() && inputs.tested.branch.is_none());
}

#[test]
fn the_tested_commit_can_be_set() {
    let sha = "0123456789ABCDEF0123456789abcdef01234567";
    let inputs = given(&[
        ("commit", sha),
        ("branch", "refs/heads/feature/x"),
        ("pull_request", "#7"),
    ])
    .unwrap();
    assert_eq!(
        inputs.tested,
        Tested {
            commit: Some(sha.to_ascii_lowercase()),
            branch: Some("feature/x".to_owned()),
            pull_request: Some(7),
        }
    );
    for (name, value) in [
        ("commit", "0123456"),
        ("commit", "0123456789abcdef0123456789abcdef0123456g"),
        ("branch", "a b"),
        ("branch", "refs/heads/"),
        ("pull_request", "0"),
        ("pull_request", "-1"),
        ("pull_request", "refs/pull/7/merge"),
    ] {
        let problems = given(&[(name, value)]).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(name), "{problems:?}");
    }
}

#[test]
fn words_are_parsed_in_every_input_that_has_some() {
    let inputs = given(&[
        ("rerun_only", "misses"),
        ("case_details", "all"),
        ("annotations", "job"),
        ("screenshots_path", "shots"),
        ("quarantine", "Login *\nPay"),
        ("quarantine_path", ".qa/quarantine"),
        ("deployment_timeout_minutes", "0.5"),
        ("wait_for_timeout_minutes", "2"),
    ])
    .unwrap();
    assert_eq!(inputs.rerun_only, RerunOnly::Misses);
    assert_eq!(inputs.case_details, CaseDetailsFor::All);
    assert_eq!(inputs.annotations, Annotations::Job);
    assert_eq!(inputs.screenshots_path, Some(PathBuf::from("shots")));
    assert_eq!(inputs.quarantine.as_deref(), Some("Login *\nPay"));
    assert_eq!(inputs.quarantine_path, Some(PathBuf::from(".qa/quarantine")));
    assert_eq!(inputs.deployment_timeout, Duration::from_secs(30));
    assert_eq!(inputs.wait_for_timeout, Duration::from_secs(120));
    let off = given(&[("case_details", "off"), ("screenshots_path", "shots")]).unwrap();
    assert_eq!(off.notices.len(), 1, "{:?}", off.notices);
}

proptest! {
    #[test]
    fn no_value_makes_it_panic_and_no_secret_is_shown(index in 0..INPUTS.len(), value in "\\PC{0,40}") {
        let name = INPUTS[index].name;
        if let Err(problems) = given(&[(name, &value)])
            && matches!(name, "api_token" | "github_token" | "webhook_secret") && value.trim().len() > 12
        {
            prop_assert!(!problems.join("\n").contains(value.trim()));
        }
    }

    #[test]
    fn no_configuration_makes_it_panic(text in "[\\[\\]{}\":,a-zA-Z0-9_ =\n]{0,200}") {
        let _ = overrides::applications(&text);
        let _ = environments::parse(&text);
        let _ = overrides::notifications(&text);
        let _ = config_overrides::parse(&text);
        let _ = wait_for::parse(&text);
        let _ = builds::parse(&text);
    }
}
