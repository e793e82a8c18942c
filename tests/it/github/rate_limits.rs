//! Rate limits while the check run is completed: the program waits longer for it than for anything else, since it would stay
//! in progress.

use qatech_fakes::events::Scene;
use qatech_fakes::github::{Call, Fault, On};
use qatech_fakes::harness::Signal;
use std::time::Duration;

use crate::github::check::pull_request;
use crate::github::program::{self, job, one_fails, qatech};
use crate::github::stage::{Stage, failed, in_seconds};

#[tokio::test]
async fn a_check_run_that_would_stay_in_progress_waits_beyond_the_regular_deadline() {
    let completed = async |fault: Fault| {
        let github = pull_request();
        github.fault(On::call(Call::UpdateCheckRun).first(1), fault);
        let part = Stage::new(&github, &Scene::new().pull_request()).begin();
        part.wait_created(Duration::from_secs(20)).await;
        // The regular deadline passes before GitHub's wait is over.
        let published = part.finish(&failed(1), in_seconds(1)).await;
        let run = github.only_check_run();
        assert_eq!(
            run.conclusion.as_deref(),
            Some("failure"),
            "{published:?}\n{}",
            github.log()
        );
        assert!(
            !published.annotate_in_log && published.warnings.is_empty(),
            "{published:?}"
        );
    };
    tokio::join!(
        completed(Fault::too_many_requests(3)),
        completed(Fault::secondary_limit(Some(3))),
        completed(Fault::primary_limit(3)),
    );
}

#[tokio::test]
async fn nothing_else_waits_so_long() {
    let github = pull_request();
    github.fault(On::call(Call::ListComments), Fault::too_many_requests(3));
    let part = Stage::new(&github, &Scene::new().pull_request())
        .input("comment", "always")
        .begin();
    let published = part.finish(&failed(1), in_seconds(1)).await;
    assert!(
        published.warnings[0].contains("rate limit is exceeded for another"),
        "{published:?}"
    );
    assert_eq!(github.comments(7).len(), 0);
}

#[test]
fn the_log_says_what_a_secondary_limit_without_headers_is_waited_for() {
    let github = program::pull_request();
    // Where GitHub names no time, its documentation asks for a minute, which is the deadline of everything else.
    github.fault(On::call(Call::UpdateCheckRun).first(1), Fault::secondary_limit(None));
    let qatech = qatech(one_fails());
    let mut running = job(&github, &qatech, &Scene::new().pull_request()).start();
    running.wait_for_log("waiting 1 min");
    // That a wait ends in a completed check is tested above; a signal spares the minute here.
    running.signal(Signal::Term);
    let done = running.wait();
    let line = "GitHub's rate limit is exceeded: waiting 1 min to complete the check run, which would stay in progress \
                otherwise.";
    assert!(done.shown_log().contains(line), "{}", done.log);
    assert_eq!(done.code, 143, "{}", done.log);
    let run = github.only_check_run();
    assert_eq!(run.conclusion.as_deref(), Some("cancelled"), "{}", github.log());
}

#[test]
fn a_limit_of_24_minutes_is_reported_with_what_to_do() {
    let github = program::pull_request();
    github.fault(On::call(Call::UpdateCheckRun), Fault::primary_limit(24 * 60 - 20));
    let qatech = qatech(one_fails());
    let done = job(&github, &qatech, &Scene::new().pull_request()).output();
    assert_eq!(done.code, 1, "{}", done.log);
    done.assert_all_logged(&["still in progress", "24 min", "Re-run the job", "GitHub App"]);
    assert!(done.shown_log().contains("::error title=Pay::"), "{}", done.log);
    github.assert_count(Call::UpdateCheckRun, 1);
}
