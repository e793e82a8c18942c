use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::qatech::wire::StartFields;
use crate::text::Secret;

const MERGE: &str = "1111111111111111111111111111111111111111";
const HEAD: &str = "2222222222222222222222222222222222222222";
const OTHER: &str = "3333333333333333333333333333333333333333";

/// The variables of an ordinary job for the event, with a ref, and others in their place or besides.
fn variables(event: &str, reference: &str, others: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    let mut all = vec![
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "octocat"),
        ("GITHUB_API_URL", "https://ghe.example/api/v3/"),
        ("GITHUB_EVENT_NAME", event),
        ("GITHUB_JOB", "e2e"),
        ("GITHUB_OUTPUT", "/runner/output"),
        ("GITHUB_REF", reference),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("GITHUB_RUN_ID", "4711"),
        ("GITHUB_SERVER_URL", "https://ghe.example"),
        ("GITHUB_SHA", MERGE),
        ("GITHUB_STEP_SUMMARY", "/runner/summary"),
        ("GITHUB_WORKFLOW", "CI"),
        (
            "GITHUB_WORKFLOW_REF",
            "acme/shop/.github/workflows/ci.yml@refs/heads/a@b",
        ),
        ("GITHUB_WORKSPACE", "/work"),
    ];
    all.extend_from_slice(others);
    all.into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn context(event: &str, reference: &str, payload: &Value) -> Context {
    Context::new(variables(event, reference, &[]), Some(payload))
}

fn pull_request(head_repository: &Value) -> Value {
    json!({
        "number": 7,
        "pull_request": {"number": 7, "head": {"sha": HEAD, "ref": "feature/x", "repo": head_repository}},
        "repository": {"full_name": "acme/shop", "default_branch": "main"}
    })
}

fn workflow_run(event: &str, head_owner: &str, pulls: &Value) -> Value {
    json!({
        "workflow_run": {
            "event": event, "head_sha": HEAD, "head_branch": "feature/x", "pull_requests": pulls,
            "head_commit": {"message": "Add a basket"},
            "head_repository": {"full_name": format!("{head_owner}/shop"), "owner": {"login": head_owner}}
        },
        "repository": {"full_name": "acme/shop", "default_branch": "main"}
    })
}

fn known(sha: &str) -> HeadSha {
    HeadSha::Known(sha.to_owned())
}

/// An event, and the context that must come of it.
struct Row {
    event: &'static str,
    reference: &'static str,
    payload: Value,
    head: HeadSha,
    pull_request: PullRequestHint,
    branch: Option<&'static str>,
    message: Option<&'static str>,
    from_fork: bool,
    on_default_branch: bool,
}

/// A row of an event on the commit `MERGE` that belongs to no pull request and no branch.
fn row(event: &'static str, reference: &'static str, payload: Value) -> Row {
    Row {
        event,
        reference,
        payload,
        head: known(MERGE),
        pull_request: PullRequestHint::None,
        branch: None,
        message: None,
        from_fork: false,
        on_default_branch: false,
    }
}

impl Row {
    fn head(mut self, sha: &str) -> Self {
        self.head = known(sha);
        self
    }

    fn pull_request(mut self, hint: PullRequestHint) -> Self {
        self.pull_request = hint;
        self
    }

    fn number(self, number: u64) -> Self {
        self.pull_request(PullRequestHint::Number(number))
    }

    fn by_commit(self) -> Self {
        self.pull_request(PullRequestHint::ByCommit(MERGE.into()))
    }

    fn branch(mut self, branch: &'static str) -> Self {
        self.branch = Some(branch);
        self
    }

    fn message(mut self, message: &'static str) -> Self {
        self.message = Some(message);
        self
    }

    fn of_a_fork(mut self) -> Self {
        self.from_fork = true;
        self
    }

    fn on_default_branch(mut self) -> Self {
        self.on_default_branch = true;
        self
    }
}

const MAIN: &str = "refs/heads/main";
const MESSAGE: &str = "Add a basket";

fn pull_request_rows() -> Vec<Row> {
    let of_seven = |event, reference, base: &Value| {
        row(event, reference, pull_request(base))
            .head(HEAD)
            .number(7)
            .branch("feature/x")
    };
    let merge_ref = "refs/pull/7/merge";
    let (own, fork) = (json!({"full_name": "acme/shop"}), json!({"full_name": "mallory/shop"}));
    vec![
        of_seven("pull_request", merge_ref, &own),
        of_seven("pull_request", merge_ref, &fork).of_a_fork(),
        of_seven("pull_request", merge_ref, &Value::Null).of_a_fork(),
        of_seven("pull_request_target", MAIN, &fork).of_a_fork(),
    ]
}

fn workflow_run_rows() -> Vec<Row> {
    let moved_on = json!([{"number": 8, "head": {"sha": OTHER, "ref": "feature/x"}}]);
    let listed = json!([
        {"number": 6, "head": {"sha": OTHER, "ref": "feature/x"}},
        {"number": 7, "head": {"sha": HEAD, "ref": "feature/x"}}
    ]);
    let of = |event: &str, owner: &str, pulls: &Value| {
        row("workflow_run", MAIN, workflow_run(event, owner, pulls))
            .head(HEAD)
            .branch("feature/x")
    };
    vec![
        of("pull_request", "acme", &listed).number(7).message(MESSAGE),
        of("pull_request", "acme", &moved_on).number(8).message(MESSAGE),
        // A run of `pull_request_target` has the commit of the base: the listed head is used.
        of("pull_request_target", "acme", &moved_on).head(OTHER).number(8),
        of("pull_request", "mallory", &json!([]))
            .pull_request(PullRequestHint::ByHead {
                owner: "mallory".into(),
                branch: "feature/x".into(),
                sha: HEAD.into(),
            })
            .message(MESSAGE)
            .of_a_fork(),
    ]
}

fn other_rows() -> Vec<Row> {
    let repository = json!({"full_name": "acme/shop", "default_branch": "main"});
    let queue = "refs/heads/gh-readonly-queue/release/1.0/pr-12-aaaa";
    let merge_group = json!({
        "merge_group": {"head_sha": HEAD, "head_ref": queue, "head_commit": {"message": "Merge #12"}},
        "repository": repository
    });
    let push = json!({"head_commit": {"message": MESSAGE}, "repository": repository});
    let tag = json!({"repository": repository});
    let deployment = |reference: &str| json!({"deployment": {"ref": reference}, "repository": repository});
    let comment = |issue: Value| json!({"issue": issue, "repository": repository});
    let on_pull_request = Row {
        head: HeadSha::OfPullRequest(9),
        ..row(
            "issue_comment",
            MAIN,
            comment(json!({"number": 9, "pull_request": {"url": "x"}})),
        )
    };
    vec![
        row("merge_group", queue, merge_group)
            .head(HEAD)
            .number(12)
            .branch("gh-readonly-queue/release/1.0/pr-12-aaaa")
            .message("Merge #12"),
        row("push", MAIN, push)
            .by_commit()
            .branch("main")
            .message(MESSAGE)
            .on_default_branch(),
        row("push", "refs/tags/v1", tag.clone()).by_commit(),
        row("deployment_status", "", deployment("feature/x"))
            .by_commit()
            .branch("feature/x"),
        row("deployment_status", "", deployment(MERGE)).by_commit(),
        on_pull_request.number(9),
        row("issue_comment", MAIN, comment(json!({"number": 9})))
            .branch("main")
            .on_default_branch(),
        row("schedule", MAIN, json!({"schedule": "0 0 * * *"}))
            .branch("main")
            .on_default_branch(),
        row("workflow_dispatch", "refs/heads/feature/x", tag).branch("feature/x"),
    ]
}

#[test]
fn head_pull_request_branch_and_message_are_found_in_every_event() {
    let rows = [pull_request_rows(), workflow_run_rows(), other_rows()];
    for row in rows.into_iter().flatten() {
        let context = context(row.event, row.reference, &row.payload);
        let which = format!("{} with {}", row.event, row.payload);
        assert_eq!(context.head, row.head, "{which}");
        assert_eq!(context.pull_request, row.pull_request, "{which}");
        assert_eq!(context.origin.branch.as_deref(), row.branch, "{which}");
        assert_eq!(context.origin.commit_message.as_deref(), row.message, "{which}");
        assert_eq!(context.from_fork, row.from_fork, "{which}");
        assert_eq!(context.origin.default_branch.as_deref(), Some("main"), "{which}");
        assert_eq!(context.warnings, Vec::<String>::new(), "{which}");
        assert_eq!(context.on_default_branch(), row.on_default_branch, "{which}");
    }
}

#[test]
fn a_pull_request_into_another_repository_is_ignored() {
    let listed = |number: u64, base: &Value| json!({"number": number, "head": {"sha": HEAD, "ref": "feature/x"}, "base": {"repo": base}});
    let ours = json!({"id": 7, "url": "https://api.github.com/repos/acme/shop", "name": "shop"});
    for theirs in [
        json!({"id": 8, "url": "https://api.github.com/repos/mallory/shop", "name": "shop"}),
        json!({"id": 8}),
        json!({"url": "https://api.github.com/repos/mallory/shop"}),
        json!({"name": "shop-fork"}),
    ] {
        for (pulls, hint) in [
            (
                json!([listed(3, &theirs), listed(5, &ours)]),
                PullRequestHint::Number(5),
            ),
            (
                json!([listed(3, &theirs)]),
                PullRequestHint::ByHead {
                    owner: "acme".into(),
                    branch: "feature/x".into(),
                    sha: HEAD.into(),
                },
            ),
        ] {
            let mut payload = workflow_run("pull_request", "acme", &pulls);
            payload["repository"]["id"] = json!(7);
            let context = context("workflow_run", "refs/heads/main", &payload);
            assert_eq!(context.pull_request, hint, "{theirs}");
        }
    }
}

#[test]
fn without_the_event_file_no_wrong_value_is_used() {
    let of = |event: &str, reference: &str| {
        let context = Context::new(variables(event, reference, &[("GITHUB_HEAD_REF", "feature/x")]), None);
        (context.head, context.pull_request, context.origin.branch)
    };
    let branch = Some("feature/x".to_owned());
    assert_eq!(
        of("pull_request", "refs/pull/7/merge"),
        (HeadSha::OfPullRequest(7), PullRequestHint::Number(7), branch.clone())
    );
    assert_eq!(
        of("pull_request_target", "refs/heads/main"),
        (HeadSha::None, PullRequestHint::None, branch)
    );
    for event in ["workflow_run", "issue_comment"] {
        assert_eq!(
            of(event, "refs/heads/main"),
            (HeadSha::None, PullRequestHint::None, None),
            "{event}"
        );
    }
    let queue = "gh-readonly-queue/main/pr-3-abc";
    assert_eq!(
        of("merge_group", &format!("refs/heads/{queue}")),
        (known(MERGE), PullRequestHint::Number(3), Some(queue.to_owned()))
    );
}

#[test]
fn the_rest_comes_from_the_variables() {
    let context = context("push", "refs/heads/main", &json!({}));
    assert_eq!(context.api_url.unwrap().as_str(), "https://ghe.example/api/v3");
    assert_eq!(
        context.origin.ci_url.as_deref(),
        Some("https://ghe.example/acme/shop/actions/runs/4711/attempts/2")
    );
    assert_eq!(context.workflow_file.as_deref(), Some(".github/workflows/ci.yml"));
    assert_eq!(context.origin.run_id, Some(4711));
    assert_eq!(context.output_file, Some(PathBuf::from("/runner/output")));
    assert!(context.github_actions);
}

#[test]
fn outside_github_no_value_of_github_is_known() {
    let outside = Context::new(
        [("CI".into(), "true".into()), ("GITHUB_SHA".into(), MERGE.into())],
        None,
    );
    assert!(!outside.in_github());
    assert_eq!(outside, Context::default());
    assert_eq!(
        serde_json::to_value(StartFields::from(&outside)).unwrap(),
        json!({"trigger": "API"})
    );
}

#[test]
fn a_start_from_a_pull_request_sends_its_head() {
    let context = context(
        "pull_request",
        "refs/pull/7/merge",
        &pull_request(&json!({"full_name": "acme/shop"})),
    );
    assert_eq!(
        serde_json::to_value(StartFields::from(&context)).unwrap(),
        json!({
            "trigger": "GITHUB", "actor": "octocat", "branch": "feature/x", "commitHash": HEAD, "repository": "acme/shop"
        })
    );
}

#[test]
fn a_url_with_http_or_user_info_gets_no_token() {
    for (url, fine) in [
        ("http://127.0.0.1:80/api/v3", true),
        ("http://[::1]:9", true),
        ("http://ghe.example", false),
        ("https://user@ghe.example", false),
        ("ftp://ghe.example", false),
        ("nonsense", false),
    ] {
        let context = Context::new(variables("push", "refs/heads/main", &[("GITHUB_API_URL", url)]), None);
        assert_eq!(context.api_url.is_some(), fine, "{url}");
        assert_eq!(context.warnings.len(), usize::from(!fine), "{url}");
    }
}

#[tokio::test]
async fn a_broken_event_file_causes_only_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("event.json");
    let named = [("GITHUB_EVENT_PATH", path.to_str().unwrap())];
    let read = async || Context::read(variables("push", "refs/heads/main", &named)).await;
    assert_eq!(read().await.warnings.len(), 1);
    std::fs::write(&path, "{").unwrap();
    assert_eq!(read().await.warnings.len(), 1);
    assert_eq!(read().await.head, known(MERGE));
    std::fs::write(&path, json!({"head_commit": {"message": "hi"}}).to_string()).unwrap();
    assert_eq!(read().await.warnings, Vec::<String>::new());
    assert_eq!(read().await.origin.commit_message.as_deref(), Some("hi"));
}

#[test]
fn a_repository_with_unsafe_characters_is_rejected() {
    for name in ["a", "a/b/c", "../b", "a/..", "a/b?c", "/b", "a/", "a/b\n"] {
        assert_eq!(Repository::parse(name), None, "{name}");
    }
    assert_eq!(Repository::parse("a-1/b_2.c").unwrap().to_string(), "a-1/b_2.c");
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "pull_request",
        "head",
        "sha",
        "ref",
        "repo",
        "full_name",
        "number",
        "workflow_run",
        "head_sha",
        "head_branch",
        "pull_requests",
        "head_repository",
        "owner",
        "login",
        "merge_group",
        "head_ref",
        "issue",
        "repository",
        "default_branch",
        "head_commit",
        "message",
        "event",
        "deployment",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(Value::from(
            "refs/heads/gh-readonly-queue/main/pr-99999999999999999999-x"
        )),
        Just(Value::from("x".repeat(20_000))),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_makes_it_panic_or_grow(
        payload in any_json(),
        event in prop::sample::select(vec![
            "pull_request", "pull_request_target", "workflow_run", "merge_group", "push", "deployment_status",
            "issue_comment", "schedule", "workflow_dispatch", "",
        ]),
        reference in ".{0,20}|refs/pull/.{0,5}/merge",
    ) {
        let mut context = context(event, &reference, &payload);
        context.redact(&Redactor::default());
        prop_assert!(context.origin.branch.is_none_or(|branch| branch.chars().count() <= 320));
        prop_assert!(context.origin.commit_message.is_none_or(|message| message.chars().count() <= 4_096));
    }
}

#[test]
fn a_commit_message_is_cut_after_its_secrets_are_removed() {
    let mut redactor = Redactor::default();
    redactor.add(&Secret::new("sekret-0123456789"));
    for before in MAX_MESSAGE - 20..MAX_MESSAGE + 2 {
        let message = format!("{}sekret-0123456789 and more", "x".repeat(before));
        let mut context = context("push", "refs/heads/main", &json!({"head_commit": {"message": message}}));
        context.redact(&redactor);
        let message = context.origin.commit_message.unwrap();
        assert!(
            message.chars().count() <= MAX_MESSAGE && !message.contains("sek"),
            "{before}"
        );
    }
}

#[test]
fn a_dispatch_tests_the_commit_of_its_payload() {
    let dispatch = |client_payload: Value| {
        let payload = json!({"client_payload": client_payload, "repository": {"default_branch": "main"}});
        context("repository_dispatch", "refs/heads/main", &payload)
    };
    let by_commit = || PullRequestHint::ByCommit(HEAD.to_owned());
    for (payload, head, hint, branch) in [
        (
            json!({"git": {"sha": HEAD, "ref": "feature/x"}}),
            known(HEAD),
            by_commit(),
            Some("feature/x"),
        ),
        (
            json!({"sha": HEAD, "ref": "refs/heads/feature/x"}),
            known(HEAD),
            by_commit(),
            Some("feature/x"),
        ),
        (
            json!({"sha": HEAD, "ref": "refs/tags/v1"}),
            known(HEAD),
            by_commit(),
            None,
        ),
        (json!({"sha": HEAD, "ref": HEAD}), known(HEAD), by_commit(), None),
        // The default branch does not apply to another commit.
        (json!({"sha": HEAD}), known(HEAD), by_commit(), None),
        (json!({"sha": "../x"}), HeadSha::None, PullRequestHint::None, None),
        (json!({"sha": 7}), known(MERGE), PullRequestHint::None, Some("main")),
        (json!({}), known(MERGE), PullRequestHint::None, Some("main")),
    ] {
        let context = dispatch(payload.clone());
        assert_eq!((&context.head, &context.pull_request), (&head, &hint), "{payload}");
        assert_eq!(context.origin.branch.as_deref(), branch, "{payload}");
        assert_eq!(context.deployment, None, "{payload}");
    }
}

#[test]
fn an_event_reports_its_deployment() {
    let reported = |event: &str, payload: Value| context(event, "refs/heads/main", &payload).deployment;
    let status = json!({
        "deployment": {"sha": HEAD, "environment": "Preview", "production_environment": true},
        "deployment_status": {"state": "failure", "description": "No space", "environment_url": "", "target_url": "t"}
    });
    let expected = EventDeployment {
        sha: HEAD.to_owned(),
        environment: "Preview".to_owned(),
        is_production: true,
        state: DeploymentState::Failed("failure".to_owned()),
        description: Some("No space".to_owned()),
        environment_url: None,
        target_url: Some("t".to_owned()),
    };
    assert_eq!(reported("deployment_status", status.clone()), Some(expected));
    assert_eq!(reported("push", status), None);
    for (state, expected) in [
        (json!({"type": "ready"}), DeploymentState::Success),
        (json!("success"), DeploymentState::Success),
        (json!({"type": "error"}), DeploymentState::Failed("error".to_owned())),
        (
            json!({"type": "pending"}),
            DeploymentState::Pending("pending".to_owned()),
        ),
    ] {
        let vercel = json!({"client_payload": {
            "git": {"sha": HEAD, "ref": "feature/x"}, "environment": "preview", "state": state, "url": "https://a.example"
        }});
        let deployment = reported("repository_dispatch", vercel).unwrap();
        assert_eq!(
            (deployment.state, deployment.environment.as_str()),
            (expected, "preview")
        );
        assert_eq!(deployment.environment_url.as_deref(), Some("https://a.example"));
    }
}

#[test]
fn inputs_replace_detected_values() {
    let tested = |commit: Option<&str>, branch: Option<&str>, pull_request| Tested {
        commit: commit.map(str::to_owned),
        branch: branch.map(str::to_owned),
        pull_request,
    };
    let push = || {
        let payload = json!({"head_commit": {"message": "Add a basket"}, "repository": {"default_branch": "main"}});
        context("push", "refs/heads/main", &payload)
    };
    let set = |mut context: Context, tested: &Tested| {
        context.set_tested(tested);
        context
    };
    assert_eq!(set(push(), &Tested::default()), push());
    assert_eq!(set(push(), &tested(Some(MERGE), Some("main"), None)), push());

    let other = set(push(), &tested(Some(HEAD), None, None));
    assert_eq!(
        (&other.head, &other.pull_request),
        (&known(HEAD), &PullRequestHint::ByCommit(HEAD.to_owned()))
    );
    assert_eq!((other.origin.branch, other.origin.commit_message), (None, None));
    assert_eq!(other.origin.sha.as_deref(), Some(HEAD));

    let pull = set(push(), &tested(None, None, Some(9)));
    assert_eq!(
        (&pull.head, &pull.pull_request),
        (&HeadSha::OfPullRequest(9), &PullRequestHint::Number(9))
    );
    assert_eq!((&pull.origin.sha, pull.origin.pull_request), (&None, Some(9)));
    assert!(!pull.on_default_branch());

    let all = set(push(), &tested(Some(HEAD), Some("feature/y"), Some(9)));
    assert_eq!(
        (&all.head, &all.pull_request),
        (&known(HEAD), &PullRequestHint::Number(9))
    );
    let fields = StartFields::from(&all);
    assert_eq!(
        (fields.commit_hash.as_deref(), fields.branch.as_deref()),
        (Some(HEAD), Some("feature/y"))
    );

    // The event's own pull request keeps its head, and its branch even if another of its commits is given.
    let event = || {
        context(
            "pull_request",
            "refs/pull/7/merge",
            &pull_request(&json!({"full_name": "acme/shop"})),
        )
    };
    assert_eq!(set(event(), &tested(None, None, Some(7))), event());
    let older = set(event(), &tested(Some(OTHER), None, None));
    assert_eq!(
        (older.head, older.pull_request),
        (known(OTHER), PullRequestHint::Number(7))
    );
    assert_eq!(older.origin.branch.as_deref(), Some("feature/x"));

    // Outside GitHub, its API is not used.
    let outside = set(Context::default(), &tested(Some(HEAD), Some("main"), Some(7)));
    assert_eq!(
        (&outside.head, &outside.pull_request),
        (&HeadSha::None, &PullRequestHint::None)
    );
    assert_eq!(
        (outside.origin.sha.as_deref(), outside.origin.pull_request),
        (Some(HEAD), Some(7))
    );
    assert_eq!(StartFields::from(&outside), StartFields::default());
}

#[test]
fn variables_of_other_ci_systems_are_used_only_outside_github() {
    let gitlab = [
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_SHA", HEAD),
        ("CI_COMMIT_BRANCH", "feature/x"),
    ];
    let all = gitlab.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let outside = Context::new(all, None);
    assert_eq!(outside.origin.branch.as_deref(), Some("feature/x"));
    assert!(!outside.in_github());
    let inside = Context::new(variables("push", "refs/heads/main", &gitlab), None);
    assert_eq!(inside.origin.branch.as_deref(), Some("main"));
}
