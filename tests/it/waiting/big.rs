//! Runs whose answers are big: how often their cases are asked for, and what happens where they can't be had.

use std::time::Duration;

use qatech_run::qatech::client::{Cases, GetError, Got};
use qatech_run::report::CaseCoverage;

use crate::waiting::sim::{Look, Play, Sim, retry, run};

const SECOND: Duration = Duration::from_secs(1);
const CASES: &[(&str, &str)] = &[("a", "PASSED"), ("b", "FAILED"), ("c", "PASSED")];

/// A run that fails after ten minutes, and whose answer with all cases has this size.
fn big(look: &Look<'_>, size: usize) -> Got {
    let (status, result) = if look.at < 600 * SECOND {
        ("RUNNING", None)
    } else {
        ("COMPLETED", Some("FAILED"))
    };
    let mut got = run(look, status, result, CASES);
    if look.cases == Cases::All {
        got.size = size;
    }
    got
}

fn gaps(sim: &Sim, wanted: Cases) -> Vec<Duration> {
    let at: Vec<_> = sim
        .looks()
        .into_iter()
        .filter(|look| look.1 == wanted)
        .map(|look| look.0)
        .collect();
    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn count(sim: &Sim, wanted: Cases) -> usize {
    sim.looks().into_iter().filter(|look| look.1 == wanted).count()
}

#[tokio::test(start_paused = true)]
async fn small_answers_always_have_all_cases() {
    let sim = Sim::new(|look| Ok(big(look, 256 * 1024)));
    assert_eq!(Play::default().against(&sim).await.verdict(), "failed");
    assert_eq!(count(&sim, Cases::All), sim.looks().len());
}

#[tokio::test(start_paused = true)]
async fn large_answers_are_requested_rarely_and_once_at_the_end() {
    let sim = Sim::new(|look| Ok(big(look, 256 * 1024 + 1)));
    let played = Play::default().against(&sim).await;
    assert_eq!(played.verdict(), "failed");
    let looks = sim.looks();
    assert_eq!(looks.last().map(|look| look.1), Some(Cases::All));
    assert!((5..=7).contains(&count(&sim, Cases::All)), "{looks:?}");
    let all = gaps(&sim, Cases::All);
    // The last one is the answer at the end.
    assert!(all[..all.len() - 1].iter().all(|gap| *gap >= 120 * SECOND), "{all:?}");
    assert!(gaps(&sim, Cases::Failed).iter().all(|gap| *gap >= 30 * SECOND));
    assert!(count(&sim, Cases::None) > 60, "{looks:?}");
    assert!(played.run.listed == CaseCoverage::Complete && played.run.cases.len() == 3);
    // A small one between does not make the run small again.
    assert!(played.warnings.is_empty(), "{:?}", played.warnings);
}

#[tokio::test(start_paused = true)]
async fn fail_fast_requests_failed_cases_at_each_poll() {
    let sim = Sim::new(|look| {
        let cases = if look.at < 300 * SECOND { &CASES[..1] } else { CASES };
        let mut got = run(look, "RUNNING", None, cases);
        got.size = 1_000_000;
        Ok(got)
    });
    let play = Play {
        fail_fast: true,
        ..Play::default()
    };
    let played = play.against(&sim).await;
    assert_eq!(played.verdict(), "failed");
    // At the next poll, which is at most 10 s later.
    played.assert_took(300..=310);
    assert_eq!(count(&sim, Cases::None), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_over_the_limit_falls_back_to_the_failed_cases() {
    let sim = Sim::new(|look| match look.cases {
        Cases::All => Err(GetError::TooLarge),
        Cases::Failed | Cases::None => Ok(big(look, 0)),
    });
    let played = Play::default().against(&sim).await;
    assert_eq!((played.verdict(), played.run.cases.len()), ("failed", 1));
    assert_eq!(played.run.listed, CaseCoverage::Failures);
    assert_eq!(count(&sim, Cases::All), 1, "not asked for again");
    played.assert_warned("64 MiB");
}

#[tokio::test(start_paused = true)]
async fn even_the_failed_cases_may_be_over_the_limit() {
    for fail_fast in [false, true] {
        let sim = Sim::new(|look| match look.cases {
            Cases::All | Cases::Failed => Err(GetError::TooLarge),
            Cases::None => Ok(big(look, 0)),
        });
        let play = Play {
            fail_fast,
            ..Play::default()
        };
        let played = play.against(&sim).await;
        assert_eq!(
            (played.verdict(), played.run.cases.len()),
            ("failed", 0),
            "{}",
            played.problem()
        );
        assert!(sim.looks().len() < 250, "{}", sim.looks().len());
        played.assert_warned("could not be read");
    }
}

#[tokio::test(start_paused = true)]
async fn not_even_the_status_can_be_read() {
    let sim = Sim::new(|_| Err(GetError::TooLarge));
    let played = Play::default().against(&sim).await;
    assert_eq!(played.verdict(), "unknown");
    assert!((600..=612).contains(&played.took.as_secs()), "{:?}", played.took);
    assert!(sim.looks().len() < 200, "{}", sim.looks().len());
}

#[tokio::test(start_paused = true)]
async fn the_verdict_stands_where_the_last_answer_fails() {
    let sim = Sim::new(|look| {
        let done = look.at >= 600 * SECOND;
        match look.cases {
            Cases::All if done => Err(retry(None)),
            Cases::All | Cases::Failed | Cases::None => Ok(big(look, 1_000_000)),
        }
    });
    let played = Play::default().against(&sim).await;
    assert_eq!(played.verdict(), "failed");
    assert!(played.took < 640 * SECOND, "{:?}", played.took);
    played.assert_warned("only failed");
}

#[tokio::test(start_paused = true)]
async fn the_verdict_stands_where_the_deadline_comes_before_the_last_answer() {
    // From the run's end on, lists take longer than a request may.
    let sim = Sim::new(|look| Ok(big(look, 1_000_000)));
    let slow = sim.latency_of(|at, cases| match cases {
        Some(Cases::All | Cases::Failed) if at >= 600 * SECOND => 100 * SECOND,
        Some(Cases::All | Cases::Failed | Cases::None) | None => Duration::ZERO,
    });
    let played = Play {
        timeout: 610 * SECOND,
        ..Play::default()
    }
    .against(&slow)
    .await;
    assert_eq!(played.verdict(), "failed", "{}", played.problem());
    assert!(played.took <= 641 * SECOND, "{:?}", played.took);
    played.assert_warned("in time");
}

#[tokio::test(start_paused = true)]
async fn where_only_the_list_of_cases_fails_the_run_is_followed_without_it() {
    for failed_fails in [false, true] {
        let sim = Sim::new(move |look| match look.cases {
            Cases::All => Err(retry(None)),
            Cases::Failed if failed_fails => Err(retry(None)),
            Cases::Failed | Cases::None => Ok(big(look, 0)),
        });
        let played = Play::default().against(&sim).await;
        assert_eq!(played.verdict(), "failed", "{}", played.problem());
        assert!(played.took < 640 * SECOND, "{:?}", played.took);
        assert_eq!(played.run.cases.len(), usize::from(!failed_fails));
        assert_eq!(played.warnings.len(), 1, "{:?}", played.warnings);
        let looks = sim.looks();
        assert!(count(&sim, Cases::All) < 15 && looks.len() < 200, "{looks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_all_cases_are_requested_again() {
    let sim = Sim::new(|look| match look.at {
        at if (20 * SECOND..200 * SECOND).contains(&at) => Err(retry(None)),
        _ => Ok(big(look, 0)),
    });
    assert_eq!(Play::default().against(&sim).await.verdict(), "failed");
    let after: Vec<_> = sim.looks().into_iter().filter(|look| look.0 >= 200 * SECOND).collect();
    // The first one only shows that the API answers again.
    assert!(after.iter().skip(1).all(|look| look.1 == Cases::All), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_of_all_that_hangs_leaves_time_for_the_failed_cases() {
    let sim = Sim::new(|look| Ok(big(look, 1_000_000)));
    let slow = sim.latency_of(|at, cases| match cases {
        Some(Cases::All) if at >= 590 * SECOND => 100 * SECOND,
        Some(Cases::All | Cases::Failed | Cases::None) | None => Duration::ZERO,
    });
    let play = Play {
        timeout: 610 * SECOND,
        ..Play::default()
    };
    let played = play.against(&slow).await;
    assert_eq!(played.verdict(), "failed", "{}", played.problem());
    played.assert_warned("only failed");
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_obeys_retry_after_too() {
    let sim = Sim::new(|look| {
        let done = look.at >= 600 * SECOND;
        match look.cases {
            Cases::All if done && look.at < 640 * SECOND => Err(retry(Some(40 * SECOND))),
            Cases::All | Cases::Failed | Cases::None => Ok(big(look, 1_000_000)),
        }
    });
    let played = Play::default().against(&sim).await;
    assert_eq!(
        (played.verdict(), played.warnings.len()),
        ("failed", 0),
        "{:?}",
        played.warnings
    );
    let last = gaps(&sim, Cases::All).pop().unwrap_or_default();
    assert!(last >= 40 * SECOND, "{last:?}");
}
