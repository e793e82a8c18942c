//! `annotations: job`: the report on the check run of the job itself, whose status is the runner's.

use qatech_fakes::events::{HEAD_SHA, Scene};
use qatech_fakes::github::{Access, Call, CheckRun, FakeGitHub, Fault, On, Recorded, Scope, Token};
use qatech_fakes::harness::Done;
use qatech_fakes::qatech::{Case, RunScript};

use crate::github::program::{job, pull_request, qatech};

/// The job's check run, as the runner has created it.
fn job_check(github: &FakeGitHub) -> u64 {
    github.add_check_run(CheckRun::new("e2e", HEAD_SHA))
}

fn play(github: &FakeGitHub, id: Option<u64>, failed: usize) -> Done {
    let qatech = qatech(RunScript::new((0..failed).map(|n| Case::failed(&format!("Case {n}")))));
    let run = job(github, &qatech, &Scene::new().pull_request()).input("annotations", "job");
    let run = match id {
        Some(id) => run.env("QATECH_RUN_CHECK_RUN_ID", &id.to_string()),
        None => run,
    };
    run.output()
}

#[test]
fn the_report_is_on_the_jobs_own_check_run() {
    let github = pull_request();
    let id = job_check(&github);
    let done = play(&github, Some(id), 120);
    assert_eq!(done.code, 1, "{}", done.log);
    let run = github.only_check_run();
    assert_eq!((run.status.as_str(), run.conclusion.as_deref()), ("in_progress", None));
    assert_eq!((run.id, run.name.as_str(), run.annotations.len()), (id, "e2e", 120));
    assert!(run.title.unwrap().contains("120 tests failed"));
    assert!(run.external_id.is_none());
    // Links lead to the job.
    let summary = run.summary.unwrap();
    assert!(
        summary.contains(&format!("/actions/runs/9000000001/job/{id})")),
        "{summary}"
    );
    assert!(done.summary.contains("## "), "{}", done.summary);
    github.assert_count(Call::CreateCheckRun, 0);
    github.assert_count(Call::UpdateCheckRun, 3);
    for request in github.requests_of(Call::UpdateCheckRun) {
        let body = request.body.unwrap();
        assert!(
            body.get("status").is_none() && body.get("conclusion").is_none(),
            "{body}"
        );
        assert!(body["output"]["annotations"].as_array().unwrap().len() <= 50);
    }
    assert!(!done.shown_log().contains("::error title=Case"), "{}", done.log);
}

#[test]
fn a_lost_answer_makes_no_second_annotation() {
    let github = pull_request();
    let id = job_check(&github);
    let nth = |n| On::call(Call::UpdateCheckRun).nth(n);
    github.fault(nth(1), Fault::reset().after_write());
    github.fault(nth(2), Fault::html_bad_gateway());
    let done = play(&github, Some(id), 60);
    assert_eq!(done.code, 1, "{}", done.log);
    assert_eq!(github.only_check_run().annotations.len(), 60, "{}", github.log());
}

#[test]
fn without_id_or_permission_the_log_has_the_annotations() {
    let unknown = (None, "job.check_run_id");
    let refused = (Some(()), "checks: write");
    let of_other_app = (Some(()), "own token");
    for (id, said) in [unknown, refused, of_other_app] {
        let github = pull_request();
        let id = id.map(|()| job_check(&github));
        match said {
            "checks: write" => github.permit(Scope::Checks, Access::Read),
            "own token" => github.set_token(Token::app("ghs_app", "acme-ci")),
            _ => {}
        }
        let done = play(&github, id, 1);
        assert_eq!(done.code, 1, "{}", done.log);
        assert!(done.shown_log().contains("::error title=Case 0::"), "{}", done.log);
        let notice = |line: &&str| line.starts_with("::notice") && line.contains(said);
        assert_eq!(done.log.lines().filter(notice).count(), 1, "{said}: {}", done.log);
        let annotated = github.annotations().len();
        assert_eq!((annotated, github.check_runs().len()), (0, usize::from(id.is_some())));
    }
}

#[test]
fn the_link_to_the_job_is_used_in_every_mode() {
    let github = pull_request();
    let id = job_check(&github);
    let qatech = qatech(RunScript::new([Case::passed("Login")]));
    let done = job(&github, &qatech, &Scene::new().pull_request())
        .input("annotations", "check")
        .env("QATECH_RUN_CHECK_RUN_ID", &id.to_string())
        .output();
    assert_eq!(done.code, 0, "{}", done.log);
    let link = format!("https://github.com/octo-org/shop/actions/runs/9000000001/job/{id}");
    assert!(github.only_comment(7).body.contains(&link));
    let ours = github.check_run("QA.tech (e2e)");
    assert!(ours.summary.unwrap().contains(&link));
    let touched = |request: &Recorded| request.path.ends_with(&format!("/check-runs/{id}"));
    assert!(!github.requests().iter().any(touched), "{}", github.log());
}
