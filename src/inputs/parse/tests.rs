//! Tests of the parsing of all inputs.

use super::*;
use crate::inputs::Target;
use crate::inputs::table::INPUTS;
use crate::report::{FailOn, Verdict};
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
    // Compared by their printed form: it holds every field.
    assert_eq!(
        format!("{explicit:?}"),
        format!("{implicit:?}").replace("api_token: None", "api_token: Some(***)")
    );
    assert_eq!(implicit.target, Target::Start(vec![None]));
    assert!(implicit.blocking);
    assert_eq!(implicit.timeout, Duration::from_secs(3600));
}

#[test]
fn blank_is_unset_and_foreign_variables_do_no_harm() {
    #[cfg(unix)]
    fn no_text(byte: u8) -> OsString {
        std::os::unix::ffi::OsStringExt::from_vec(vec![byte])
    }
    // Half a surrogate pair is what Windows can hold and UTF-8 can't.
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
fn the_token_may_come_from_the_environment_and_the_input_goes_first() {
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
fn every_mistake_is_told_at_once_and_no_secret_with_it() {
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
fn the_vendors_host_is_ours_with_a_notice() {
    for url in ["https://app.qa.tech", "https://app.qa.tech/"] {
        let inputs = given(&[("api_url", url)]).unwrap();
        assert_eq!(inputs.api_url.as_str(), DEFAULT_API);
        assert_eq!(inputs.notices.len(), 1);
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
fn what_needs_an_end_is_told_to_have_no_effect_without_waiting() {
    let given = [
        ("comment", "always"),
        ("rerun_failed", "0"),
        ("history_path", "h.jsonl"),
    ];
    let notices = |blocking| given_notices(&[&given[..], &[("blocking", blocking)]].concat());
    assert_eq!(
        notices("false"),
        ["Without effect, since `blocking: false` waits for no end: `comment`, `history_path`."]
    );
    assert_eq!(notices("true"), [""; 0]);
}

fn given_notices(pairs: &[(&str, &str)]) -> Vec<String> {
    given(pairs).unwrap().notices
}

#[test]
fn no_two_files_are_one() {
    let problems = given(&[
        ("json_path", "out/report"),
        ("ctrf_path", "out/other"),
        ("history_path", "./out//report"),
        ("outputs_path", "out/./report"),
    ])
    .unwrap_err();
    let expected = |name| {
        format!("`{name}` and `json_path` name one file, so that one would replace the other; give each its own")
    };
    assert_eq!(problems, [expected("outputs_path"), expected("history_path")]);
    assert!(given(&[("json_path", "/dev/null"), ("html_path", "/dev/null")]).is_ok());
    assert!(given(&[("json_path", "../a"), ("html_path", "a")]).is_ok());
}

#[test]
fn fail_on_none_is_for_none() {
    assert_eq!(given(&[("fail_on", "none")]).unwrap().fail_on, FailOn::new(vec![]));
    assert!(given(&[("fail_on", "none, failed")]).is_err());
    assert_eq!(given(&[("fail_on", ","), ("summary", "loud")]).unwrap_err().len(), 2);
    assert_eq!(
        given(&[("fail_on", "skipped flaky")]).unwrap().fail_on,
        FailOn::new(vec![Verdict::Skipped, Verdict::Flaky])
    );
}

proptest! {
    #[test]
    fn no_value_makes_it_panic_and_none_of_a_secret_is_told(index in 0..INPUTS.len(), value in "\\PC{0,40}") {
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
        let _ = overrides::environments(&text);
        let _ = overrides::notifications(&text);
    }
}
