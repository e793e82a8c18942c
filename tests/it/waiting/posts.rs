//! Starts and reruns: repeated only where nothing can have been created.

use std::time::Duration;

use qatech_run::qatech::client::{Cases, GetError, Got, PostError};
use qatech_run::qatech::wire::StartedRun;
use qatech_run::report::{CaseCoverage, CaseOutcome};
use qatech_run::runs::event::Event;
use qatech_run::runs::shutdown::Shutdown;
use qatech_run::runs::store::{Discard, RunStore};
use tokio::time::{Instant, sleep};

use crate::waiting::sim::{Call, Look, Play, Played, Sim, planned, retry, run, started};

const SECOND: Duration = Duration::from_secs(1);

fn not_sent(after: Option<Duration>) -> PostError {
    PostError::NotSent {
        what: "HTTP 429".to_owned(),
        after,
    }
}

fn unreachable(permanent: bool) -> PostError {
    PostError::Unreachable {
        permanent,
        what: "connection refused".to_owned(),
    }
}

/// Every run passes at once.
fn passing() -> Sim {
    Sim::new(|look| Ok(run(look, "COMPLETED", Some("PASSED"), &[("a", "PASSED")])))
}

/// Runs fail with cases `a` and `b` until the n-th run, in which they pass.
fn passing_from(nth: usize) -> Sim {
    Sim::new(move |look| {
        let number: usize = look.short_id.trim_start_matches("run").parse().unwrap_or(0);
        Ok(if number >= nth {
            run(look, "COMPLETED", Some("PASSED"), &[("a", "PASSED"), ("b", "PASSED")])
        } else {
            run(look, "COMPLETED", Some("FAILED"), &[("a", "FAILED"), ("b", "FAILED")])
        })
    })
}

async fn rerunning(sim: &Sim, reruns: u32) -> Played {
    let play = Play {
        reruns,
        ..Play::default()
    };
    play.against(sim).await
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_not_sent_is_repeated_with_back_off() {
    let sim = passing().create(|nth| if nth <= 10 { Err(not_sent(None)) } else { Ok(started(1)) });
    let played = Play::default().against(&sim).await;
    assert_eq!(
        (played.verdict(), played.run.created, sim.posts().len()),
        ("passed", Some(true), 11)
    );
    let posts = sim.posts();
    let gaps: Vec<_> = posts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        gaps[0] >= Duration::from_millis(300) && gaps[9] > 5 * SECOND,
        "{gaps:?}"
    );
    assert_eq!(
        played
            .events
            .iter()
            .filter(|(_, event)| *event == Event::Attempt)
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_is_tried_until_the_deadline() {
    let sim = passing().create(|_| Err(not_sent(None)));
    let played = Play::default().against(&sim).await;
    assert_eq!((played.verdict(), played.run.created), ("timed_out", Some(false)));
    assert_eq!(played.took, 3600 * SECOND);
    assert!(sim.posts().len() < 500, "{}", sim.posts().len());
    assert!(sim.looks().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_start_that_can_not_connect_is_given_up_after_ten_minutes() {
    let sim = passing().create(|_| Err(unreachable(false)));
    let played = Play::default().against(&sim).await;
    assert_eq!((played.verdict(), played.run.created), ("unknown", Some(false)));
    assert_eq!(
        played.problem(),
        "QA.tech has been out of reach for 10 minutes: connection refused"
    );
    assert_eq!(played.took, 600 * SECOND);
    let play = Play {
        timeout: 60 * SECOND,
        ..Play::default()
    };
    let sim = passing().create(|_| Err(unreachable(false)));
    let played = play.against(&sim).await;
    assert_eq!((played.verdict(), played.took), ("timed_out", 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_answer_begins_the_ten_minutes_without_a_connection_anew() {
    // Nine minutes without a connection, then a 429, and so on.
    let sim = passing().create(|nth| match nth {
        200 => Ok(started(1)),
        nth if nth % 50 == 0 => Err(not_sent(None)),
        _ => Err(unreachable(false)),
    });
    let played = Play::default().against(&sim).await;
    assert_eq!(played.verdict(), "passed", "{}", played.problem());
    assert!(played.took > 1200 * SECOND, "{:?}", played.took);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_can_never_connect_ends_at_once() {
    let sim = passing().create(|_| Err(unreachable(true)));
    let played = Play::default().against(&sim).await;
    assert_eq!((played.verdict(), played.run.created), ("unknown", Some(false)));
    assert!(played.problem().contains("connection refused"), "{}", played.problem());
    assert_eq!((played.took, sim.posts().len()), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn a_start_obeys_retry_after() {
    let sim = passing().create(|nth| {
        if nth == 1 {
            Err(not_sent(Some(90 * SECOND)))
        } else {
            Ok(started(1))
        }
    });
    let played = Play::default().against(&sim).await;
    assert_eq!(played.verdict(), "passed");
    assert!((90..=91).contains(&sim.posts()[1].as_secs()), "{:?}", sim.posts());
}

#[tokio::test(start_paused = true)]
async fn anything_else_is_never_repeated() {
    for (error, created) in [
        (PostError::Ambiguous("HTTP 502".to_owned()), None),
        (
            PostError::Refused {
                status: 402,
                why: "HTTP 402".to_owned(),
            },
            Some(false),
        ),
    ] {
        let sim = passing().create(move |_| Err(error.clone()));
        let played = Play::default().against(&sim).await;
        assert_eq!((played.verdict(), played.run.created), ("unknown", created));
        assert_eq!((sim.posts().len(), sim.looks().len()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_is_ambiguous_at_the_deadline() {
    let sim = passing().latency(100 * SECOND);
    let play = Play {
        timeout: 20 * SECOND,
        ..Play::default()
    };
    let played = play.against(&sim).await;
    assert_eq!(
        (played.verdict(), played.run.created, played.took),
        ("unknown", None, 20 * SECOND)
    );
    assert_eq!(sim.posts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cases_that_pass_in_a_rerun_are_flaky() {
    for (passes_in, reruns, verdict, posts) in [
        (1, 3, "passed", 1),
        (2, 3, "flaky", 2),
        (3, 3, "flaky", 3),
        (4, 2, "failed", 3),
        (2, 0, "failed", 1),
    ] {
        let sim = passing_from(passes_in);
        let played = rerunning(&sim, reruns).await;
        assert_eq!(
            (played.verdict(), sim.posts().len()),
            (verdict, posts),
            "{passes_in} {reruns}"
        );
    }
    let sim = passing_from(3);
    rerunning(&sim, 3).await;
    let reruns: Vec<_> = sim
        .asked()
        .into_iter()
        .map(|asked| asked.call)
        .filter(|call| matches!(call, Call::Rerun(_)))
        .collect();
    // Each rerun is one of the run before: it holds what is still failed.
    assert_eq!(reruns, [Call::Rerun("run1".to_owned()), Call::Rerun("run2".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn in_each_attempt_a_case_is_read_once_for_each_of_its_states() {
    let sim = Sim::new(|look| {
        let (status, result, b) = match (look.short_id, look.nth) {
            (_, 1 | 2 | 4 | 5) => ("RUNNING", None, ""),
            ("run1", _) => ("COMPLETED", Some("FAILED"), "FAILED"),
            (_, _) => ("COMPLETED", Some("PASSED"), "PASSED"),
        };
        let cases = [("a", "PASSED"), ("b", b), ("c", "PASSED")];
        Ok(run(
            look,
            status,
            result,
            if look.short_id == "run1" { &cases } else { &cases[1..2] },
        ))
    });
    let played = rerunning(&sim, 1).await;
    assert_eq!(played.verdict(), "flaky", "{}", played.problem());
    let outcomes: Vec<_> = played
        .run
        .cases
        .iter()
        .map(|case| (case.name.as_str(), case.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("a", CaseOutcome::Passed),
            ("b", CaseOutcome::Flaky),
            ("c", CaseOutcome::Passed)
        ]
    );
    let bad = played
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::BadCase(_)));
    assert_eq!(bad.count(), 1);
    // All three in the second poll and `a` and `c` in the third; `b` in the second of the rerun.
    assert_eq!((sim.looks().len(), sim.unchanged()), (6, 6));
}

#[tokio::test(start_paused = true)]
async fn a_rerun_that_can_not_be_made_leaves_the_failure() {
    for error in [
        PostError::Ambiguous("connection reset".to_owned()),
        PostError::Refused {
            status: 400,
            why: "No tests to rerun".to_owned(),
        },
    ] {
        let sim = passing_from(2).create(move |nth| if nth == 1 { Ok(started(1)) } else { Err(error.clone()) });
        let played = rerunning(&sim, 3).await;
        assert_eq!((played.verdict(), sim.posts().len()), ("failed", 2));
        assert!(
            played
                .warnings
                .iter()
                .any(|text| text.contains("the result of run run1 stands")),
            "{:?}",
            played.warnings
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_rerun_is_over_when_the_rerun_is_given_up() {
    let sim = passing_from(99).create(|nth| match nth {
        1 => Ok(started(1)),
        2 => Err(not_sent(None)),
        _ => Err(PostError::Refused {
            status: 402,
            why: "limit".to_owned(),
        }),
    });
    let played = rerunning(&sim, 1).await;
    assert!(
        played
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::OutOfReach { .. }))
    );
    assert_eq!(played.events.last().map(|(_, event)| event), Some(&Event::Ended(None)));
}

#[tokio::test(start_paused = true)]
async fn a_rerun_that_forgives_too_little_stays_failed() {
    let sim = Sim::new(|look| {
        Ok(match look.short_id {
            "run1" => run(look, "COMPLETED", Some("FAILED"), &[("a", "FAILED"), ("b", "FAILED")]),
            // PASSED, but `b` is nowhere to be seen.
            _ => run(look, "COMPLETED", Some("PASSED"), &[("a", "PASSED")]),
        })
    });
    let played = rerunning(&sim, 1).await;
    assert_eq!(played.verdict(), "failed", "{}", played.problem());
}

/// A run whose lists soon are big; it ends as failed at a look without them. What then comes of its lists is `last`.
fn ends_without_its_list(last: impl Fn(&Look<'_>) -> Result<Got, GetError> + 'static) -> Sim {
    Sim::new(move |look| match look.short_id {
        "run1" if look.at < 60 * SECOND => {
            let mut got = run(look, "RUNNING", None, &[("a", "FAILED"), ("b", ""), ("c", "PASSED")]);
            got.size = 1_000_000;
            Ok(got)
        }
        "run1" if look.cases == Cases::None => Ok(run(look, "COMPLETED", Some("FAILED"), &[])),
        _ => last(look),
    })
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_was_never_listed_is_never_forgiven() {
    let sim = ends_without_its_list(|look| match look.short_id {
        "run1" => Err(retry(None)),
        // `b` failed as well, which nobody could see.
        _ => Ok(run(
            look,
            "COMPLETED",
            Some("PASSED"),
            &[("a", "PASSED"), ("b", "SKIPPED")],
        )),
    })
    .create(|nth| {
        Ok(StartedRun {
            test_count: Some(10),
            ..started(nth)
        })
    });
    let played = rerunning(&sim, 1).await;
    assert_eq!(played.verdict(), "failed", "{}", played.problem());
    assert!(played.problem().contains("could be listed"), "{}", played.problem());
    played.assert_warned("could not be read");
    assert_eq!(played.run.listed, CaseCoverage::Partial);
    // Ten were announced.
    assert_eq!(played.run.counts().total, 10);
}

fn both_failed(look: &Look<'_>) -> Got {
    run(look, "COMPLETED", Some("FAILED"), &[("a", "FAILED"), ("b", "FAILED")])
}

#[tokio::test(start_paused = true)]
async fn where_only_failed_cases_are_listed_a_rerun_forgives_nothing() {
    for result in ["PASSED", "SKIPPED"] {
        let sim = ends_without_its_list(move |look| match (look.short_id, look.cases) {
            ("run1", Cases::All) => Err(retry(None)),
            ("run1", Cases::Failed | Cases::None) => Ok(both_failed(look)),
            (_, _) => Ok(run(
                look,
                "COMPLETED",
                Some("PASSED"),
                &[("a", "PASSED"), ("b", result)],
            )),
        });
        let played = rerunning(&sim, 1).await;
        assert_eq!(played.verdict(), "failed", "{}", played.problem());
        assert_eq!(played.run.listed, CaseCoverage::Failures);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rerun_forgives_nothing_without_a_complete_list() {
    let sim = Sim::new(|look| match (look.short_id, look.cases) {
        ("run1", Cases::All) => Err(GetError::TooLarge),
        ("run1", Cases::Failed | Cases::None) => Ok(both_failed(look)),
        (_, _) => Ok(run(
            look,
            "COMPLETED",
            Some("PASSED"),
            &[("a", "PASSED"), ("b", "PASSED")],
        )),
    });
    let played = rerunning(&sim, 1).await;
    assert_eq!(played.verdict(), "failed", "{}", played.problem());
}

#[tokio::test(start_paused = true)]
async fn a_rerun_that_times_out_leaves_the_failure() {
    let sim = Sim::new(|look| {
        Ok(match look.short_id {
            "run1" => run(look, "COMPLETED", Some("FAILED"), &[("a", "FAILED")]),
            _ => run(look, "RUNNING", None, &[("a", "")]),
        })
    });
    let played = rerunning(&sim, 5).await;
    assert_eq!(
        (played.verdict(), sim.posts().len()),
        ("failed", 2),
        "{}",
        played.problem()
    );
    assert!((3600..3601).contains(&played.took.as_secs()), "{:?}", played.took);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_any_more_once_nothing_new_is_to_be_begun() {
    let sim = passing().create(|_| Err(not_sent(None)));
    let began = Instant::now();
    let store = RunStore::new(began, vec![planned()], Box::new(Discard));
    let shutdown = Shutdown::default();
    let play = Play::default().on(&sim, &store, &shutdown, began);
    let stop = async {
        sleep(3 * SECOND).await;
        shutdown.stop();
        sim.posts().len()
    };
    let ((), before) = tokio::join!(play, stop);
    assert!(before > 1, "{before}");
    assert_eq!(sim.posts().len(), before);
    assert_eq!(
        began.elapsed(),
        3 * SECOND,
        "the pause before the next POST is cut short"
    );
    let run = store.take().0.remove(0);
    assert_eq!((run.created, run.verdict), (Some(false), None));
}
