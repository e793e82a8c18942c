//! Issues about failed plans against a fake GitHub: when they are opened, commented on, closed, reopened, and left alone.

use crate::github::stage::{Stage, failed, in_seconds, passed, with_verdict};
use qatech_fakes::events::{Event, Scene};
use qatech_fakes::github::{ACTIONS_LOGIN, Access, Call, FakeGitHub, Fault, Issue, On, Scope};
use qatech_run::publish::identity::issue_key;
use qatech_run::render::github::issue::marker;
use qatech_run::report::sample::valid_short_id;
use qatech_run::report::{Report, Verdict};

fn on_main() -> Event {
    Scene::new().on_branch("main").push()
}

/// A job that keeps issues and does nothing else.
fn job(github: &FakeGitHub, event: &Event) -> Stage {
    Stage::new(github, event)
        .input("issue", "failure")
        .input("annotations", "off")
}

/// The same report from another workflow run: another number, another attempt.
fn of_run(mut report: Report, run_id: u64, attempt: u64) -> Report {
    report.origin.run_id = Some(run_id);
    report.origin.run_attempt = Some(attempt);
    report
}

/// The report's one run under the name of a plan.
fn of_plan(mut report: Report, plan: &str) -> Report {
    for run in &mut report.runs {
        run.requested_plan = Some(plan.to_owned());
    }
    report
}

#[tokio::test]
async fn it_opens_comments_closes_and_reopens() {
    let github = FakeGitHub::start();
    let job = job(&github, &on_main()).input("issue_labels", "qa-tech, bug");
    assert_eq!(job.publish(&passed()).await.links.issue_url, None);
    assert_eq!(github.issues().len(), 0);

    let url = job.publish(&failed(2)).await.links.issue_url;
    assert!(url.is_some());
    let issue = github.only_issue();
    assert_eq!((issue.state.as_str(), issue.labels.len()), ("open", 2));
    assert!(issue.title.starts_with("QA.tech: ") && issue.body.unwrap().contains("Case 1"));
    assert_eq!(github.comments(issue.number).len(), 0);

    assert_eq!(job.publish(&of_run(failed(1), 901, 1)).await.links.issue_url, url);
    let comments = github.comments(issue.number);
    assert_eq!(comments.len(), 1);
    assert!(comments[0].body.contains("still fails"));
    // The same run again: it has commented already.
    job.publish(&of_run(failed(1), 901, 2)).await;
    assert_eq!(github.comments(issue.number).len(), 1);

    assert_eq!(job.publish(&of_run(passed(), 902, 1)).await.links.issue_url, url);
    let closed = github.only_issue();
    assert_eq!(
        (closed.state.as_str(), closed.state_reason.as_deref()),
        ("closed", Some("completed"))
    );
    assert!(github.comments(issue.number)[1].body.contains("passes again"));
    // Passed, and the issue is closed: nothing to do.
    job.publish(&of_run(passed(), 903, 1)).await;
    assert_eq!(github.comments(issue.number).len(), 2);

    assert_eq!(job.publish(&of_run(failed(1), 904, 1)).await.links.issue_url, url);
    assert_eq!(github.only_issue().state, "open");
    assert!(github.comments(issue.number)[2].body.contains("fails again"));
}

#[tokio::test]
async fn each_plan_has_its_own() {
    let github = FakeGitHub::start();
    let job = job(&github, &on_main());
    let mut report = of_plan(failed(1), "pln_a");
    report.runs.extend(of_plan(failed(1), "pln_b").runs);
    let urls = job.publish(&report).await.links.issue_url.unwrap();
    assert_eq!(urls.split(',').count(), 2, "{urls}");
    assert_eq!(github.issues().len(), 2);
    // One of them passes.
    let mut report = of_plan(passed(), "pln_a");
    report.runs.extend(of_plan(failed(1), "pln_b").runs);
    job.publish(&of_run(report, 901, 1)).await;
    let states: Vec<_> = github.issues().into_iter().map(|issue| issue.state).collect();
    assert_eq!(states, ["closed", "open"]);
}

/// Attached runs, whose plan no answer names.
fn attached(verdicts: &[Verdict]) -> Report {
    let mut report = failed(1);
    report.origin.workflow = Some("CI".to_owned());
    report.origin.job = Some("e2e".to_owned());
    let runs = verdicts.iter().zip(1..).map(|(verdict, number)| {
        let mut run = failed(1).runs.remove(0);
        (run.plan, run.requested_plan, run.verdict) = (None, None, Some(*verdict));
        run.attempts[0].short_id = valid_short_id(&format!("run-{number}"));
        run
    });
    report.runs = runs.collect();
    report
}

#[tokio::test]
async fn runs_of_unknown_plans_share_the_jobs_issue_and_the_worst_decides() {
    use Verdict::{Failed, Passed, Unknown};
    let github = FakeGitHub::start();
    let job = job(&github, &on_main());
    job.publish(&attached(&[Failed, Passed])).await;
    let issue = github.only_issue();
    assert_eq!(
        (issue.state.as_str(), issue.title.as_str()),
        ("open", "QA.tech: CI / e2e fails")
    );
    assert_eq!(github.comments(issue.number).len(), 0);
    job.publish(&of_run(attached(&[Passed, Failed, Passed]), 901, 1)).await;
    assert_eq!(github.comments(issue.number).len(), 1);
    assert!(github.comments(issue.number)[0].body.contains("still fails"));
    // An unknown result may be a failure.
    job.publish(&of_run(attached(&[Passed, Unknown]), 902, 1)).await;
    assert_eq!(
        (github.only_issue().state.as_str(), github.comments(issue.number).len()),
        ("open", 1)
    );
    job.publish(&of_run(attached(&[Passed, Passed]), 903, 1)).await;
    assert_eq!(github.only_issue().state, "closed");
}

#[tokio::test]
async fn runs_of_unknown_plans_in_other_jobs_have_another_issue() {
    let github = FakeGitHub::start();
    let red = attached(&[Verdict::Failed]);
    job(&github, &on_main()).publish(&red).await;
    let mut other = attached(&[Verdict::Passed]);
    other.origin.job = Some("smoke".to_owned());
    job(&github, &on_main()).publish(&other).await;
    assert_eq!(github.only_issue().state, "open");
}

#[tokio::test]
async fn all_plans_are_searched_in_one_pass() {
    let github = FakeGitHub::start();
    for number in 1..=250 {
        github.add(
            Issue::new(&format!("old {number}"), "no marker")
                .by(ACTIONS_LOGIN)
                .closed(),
        );
    }
    let job = job(&github, &on_main());
    let of_plans = |first: Report, second: Report| {
        let mut report = of_plan(first, "pln_a");
        report.runs.extend(of_plan(second, "pln_b").runs);
        report
    };
    // Passed: there is nothing to close, and closed issues are not searched.
    job.publish(&of_plans(passed(), passed())).await;
    github.assert_count(Call::ListIssues, 1);
    // The first failure: a closed issue may be ours. One search serves both.
    job.publish(&of_run(of_plans(failed(1), failed(1)), 901, 1)).await;
    github.assert_count(Call::ListIssues, 1 + 1 + 3);
    // Both are open.
    job.publish(&of_run(of_plans(failed(1), passed()), 902, 1)).await;
    github.assert_count(Call::ListIssues, 1 + 1 + 3 + 1);
}

#[tokio::test]
async fn who_we_are_is_asked_once() {
    let github = FakeGitHub::start();
    github.add(
        Issue::pull(7, qatech_fakes::events::HEAD_SHA)
            .head("octo-org", "main")
            .base("main"),
    );
    let event = on_main();
    let job = job(&github, &event).input("comment", "always");
    let published = job.publish(&failed(1)).await;
    assert!(published.links.issue_url.is_some(), "{published:?}");
    github.assert_count(Call::Viewer, 1);
    github.assert_count(Call::GetUser, 0);
}

#[tokio::test]
async fn a_forged_marker_and_a_pull_request_are_not_ours() {
    let github = FakeGitHub::start();
    let plan = failed(1).runs[0].plan.clone().unwrap().short_id;
    let key = issue_key(Some(&plan), None, &failed(1).origin);
    let body = marker(&key);
    for number in 1..=120 {
        github.add(Issue::new(&format!("noise {number}"), "no marker").by(ACTIONS_LOGIN));
    }
    github.add(Issue::new("forged", &body).by("mallory"));
    let mut pull = Issue::pull(122, "a11ce0a11ce0a11ce0a11ce0a11ce0a11ce0a11c").by(ACTIONS_LOGIN);
    pull.body = Some(body);
    github.add(pull);
    let job = job(&github, &on_main());
    job.publish(&failed(1)).await;
    assert_eq!(github.comments(121).len() + github.comments(122).len(), 0);
    assert_eq!(github.issues().len(), 122);
    job.publish(&of_run(passed(), 901, 1)).await;
    assert_eq!(github.issue(123).state, "closed");
    assert_eq!(github.issue(121).state, "open");
}

#[tokio::test]
async fn only_the_default_branch_and_schedules_count() {
    let scene = Scene::new();
    let on_branch = scene.push();
    for (event, touched) in [
        (on_main(), true),
        (scene.schedule(), true),
        (Scene::new().on_branch("main").workflow_dispatch(), true),
        (Scene::new().on_branch("main").deployment_status(), true),
        (on_branch, false),
        (scene.pull_request(), false),
        (Scene::new().on_branch("main").pull_request(), false),
        (
            Scene::new().on_branch("main").from_fork("mallory").workflow_run(),
            false,
        ),
        (scene.pull_request_target(), false),
        (scene.merge_group(), false),
        (scene.workflow_run(), false),
        (scene.comment_on_pull_request(), false),
    ] {
        let github = FakeGitHub::start();
        job(&github, &event).publish(&failed(1)).await;
        assert_eq!(github.issues().len(), usize::from(touched), "{}", event.name);
        if !touched {
            github.assert_no_writes();
        }
    }
}

#[tokio::test]
async fn a_verdict_without_test_results_leaves_the_issue_unchanged() {
    for verdict in [
        Verdict::Unknown,
        Verdict::Cancelled,
        Verdict::Skipped,
        Verdict::Interrupted,
    ] {
        let github = FakeGitHub::start();
        let job = job(&github, &on_main());
        job.publish(&with_verdict(passed(), verdict)).await;
        job.begin()
            .cancel(&with_verdict(failed(1), verdict), in_seconds(5))
            .await;
        github.assert_no_writes();
    }
}

/// A run that passed without a single test case.
fn without_tests() -> Report {
    let mut report = passed();
    let run = &mut report.runs[0];
    (run.cases, run.attempts[0].test_count) = (Vec::new(), Some(0));
    report
}

#[tokio::test]
async fn a_run_that_tested_nothing_closes_no_issue_and_opens_one_only_if_the_step_fails_for_it() {
    let github = FakeGitHub::start();
    let keeper = job(&github, &on_main());
    keeper.publish(&failed(1)).await;
    keeper.publish(&of_run(without_tests(), 901, 1)).await;
    let issue = github.only_issue();
    assert_eq!((issue.state.as_str(), github.comments(issue.number).len()), ("open", 0));
    let github = FakeGitHub::start();
    let strict = job(&github, &on_main()).input("fail_on", "failed,no_tests");
    strict.publish(&without_tests()).await;
    assert_eq!(github.only_issue().state, "open");
}

#[tokio::test]
async fn an_issue_is_not_closed_by_a_result_that_fails_the_step() {
    let github = FakeGitHub::start();
    let job = job(&github, &on_main()).input("fail_on", "failed,flaky");
    job.publish(&failed(1)).await;
    job.publish(&of_run(with_verdict(passed(), Verdict::Flaky), 901, 1))
        .await;
    assert_eq!(github.only_issue().state, "open");
}

#[tokio::test]
async fn without_a_run_and_a_plan_there_is_no_issue() {
    let github = FakeGitHub::start();
    let mut report = attached(&[Verdict::TimedOut]);
    report.runs[0].attempts.clear();
    job(&github, &on_main()).publish(&report).await;
    github.assert_no_writes();
}

#[tokio::test]
async fn a_missing_permission_only_warns() {
    let github = FakeGitHub::start();
    github.permit(Scope::Issues, Access::Read);
    let published = job(&github, &on_main()).publish(&failed(1)).await;
    assert_eq!(published.warnings.len(), 1);
    assert!(published.warnings[0].contains("`issues: write`"), "{published:?}");
    assert_eq!(published.notices.len(), 1);
    assert!(published.notices[0].contains("\n  issues: write"), "{published:?}");
    assert!(!published.annotate_in_log);
}

#[tokio::test]
async fn an_issue_that_can_not_be_opened_is_no_reason_to_leave_out_the_next() {
    let github = FakeGitHub::start();
    github.fault(On::call(Call::CreateIssue).first(1), Fault::reset());
    let mut report = of_plan(failed(1), "pln_a");
    report.runs.extend(of_plan(failed(1), "pln_b").runs);
    let published = job(&github, &on_main()).publish(&report).await;
    assert_eq!(published.warnings.len(), 1, "{published:?}");
    assert!(published.links.issue_url.is_some());
}

#[tokio::test]
async fn an_issue_that_may_have_been_opened_is_not_opened_twice() {
    let github = FakeGitHub::start();
    github.fault(On::call(Call::CreateIssue).first(1), Fault::reset().after_write());
    let job = job(&github, &on_main());
    assert_eq!(job.publish(&failed(1)).await.warnings.len(), 1);
    job.publish(&of_run(failed(1), 901, 1)).await;
    assert_eq!(github.comments(github.only_issue().number).len(), 1);
}

#[tokio::test]
async fn a_conversation_that_takes_no_comment_is_closed_all_the_same() {
    for fault in [Fault::forbidden(), Fault::server_error(502)] {
        let github = FakeGitHub::start();
        let job = job(&github, &on_main());
        let url = job.publish(&failed(1)).await.links.issue_url;
        github.fault(On::call(Call::CreateComment), fault);
        let published = job.publish(&of_run(passed(), 901, 1)).await;
        assert_eq!(github.only_issue().state, "closed");
        assert_eq!(published.links.issue_url, url);
        assert_eq!(published.warnings.len(), 1, "{published:?}");
    }
}
