//! The API out of reach: what is retried, how often, and for how long.

use std::time::Duration;

use qatech_run::qatech::client::GetError;
use qatech_run::runs::event::Event;

use crate::waiting::sim::{Play, Sim, retry, run};

const SECOND: Duration = Duration::from_secs(1);

/// Out of reach in these seconds; the run passes after 3000 s.
fn outage(from: u64, to: u64) -> Sim {
    Sim::new(move |look| match look.at.as_secs() {
        at if (from..to).contains(&at) => Err(retry(None)),
        0..3000 => Ok(run(look, "RUNNING", None, &[("a", "PASSED"), ("b", ""), ("c", "")])),
        _ => Ok(run(
            look,
            "COMPLETED",
            Some("PASSED"),
            &[("a", "PASSED"), ("b", "PASSED"), ("c", "PASSED")],
        )),
    })
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_without_a_break_are_unknown() {
    for from in [0_u64, 700] {
        let sim = outage(from, 9999);
        let played = Play::default().against(&sim).await;
        assert_eq!(played.verdict(), "unknown");
        assert!(
            played.problem().contains("out of reach for 10 minutes"),
            "{}",
            played.problem()
        );
        assert!(
            (from + 600..=from + 612).contains(&played.took.as_secs()),
            "{:?}",
            played.took
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_fast_is_not_hammered() {
    let sim = outage(0, 9999);
    let played = Play::default().against(&sim).await;
    // Ten minutes of back-off that ends at ten seconds, with jitter.
    assert!((50..=100).contains(&sim.looks().len()), "{}", sim.looks().len());
    assert_eq!(played.run.attempts[0].retries, sim.looks().len() as u64);
    let failures = played
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::OutOfReach { .. }))
        .count();
    // The last one ends the wait. The log shows the first alone, which a test of its own holds.
    assert_eq!(failures, sim.looks().len() - 1);
}

#[tokio::test(start_paused = true)]
async fn a_break_begins_the_ten_minutes_anew() {
    let sim = Sim::new(|look| match look.at.as_secs() {
        // Nine minutes and a half out of reach of each ten.
        at @ 0..3000 if at % 600 < 570 => Err(retry(None)),
        0..3000 => Ok(run(look, "RUNNING", None, &[])),
        _ => Ok(run(look, "COMPLETED", Some("FAILED"), &[("a", "FAILED")])),
    });
    let played = Play::default().against(&sim).await;
    assert_eq!(played.verdict(), "failed", "{}", played.problem());
    let back = played
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::BackInReach { .. }))
        .count();
    assert_eq!(back, 5);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_goes_before_the_ten_minutes() {
    let sim = outage(0, 9999);
    let play = Play {
        timeout: 200 * SECOND,
        ..Play::default()
    };
    let played = play.against(&sim).await;
    assert_eq!(played.verdict(), "timed_out");
    assert!((200 * SECOND..201 * SECOND).contains(&played.took), "{:?}", played.took);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed() {
    let sim = Sim::new(|look| match look.nth {
        2 => Err(retry(Some(45 * SECOND))),
        3 => Err(retry(Some(Duration::ZERO))),
        ..5 => Ok(run(look, "RUNNING", None, &[])),
        _ => Ok(run(look, "COMPLETED", Some("PASSED"), &[])),
    });
    let played = Play::default().against(&sim).await;
    assert_eq!(played.verdict(), "passed");
    let looks = sim.looks();
    let gap = |at: usize| looks[at].0 - looks[at - 1].0;
    assert!((45 * SECOND..=46 * SECOND).contains(&gap(2)), "{:?}", gap(2));
    // A server that asks for no delay at all gets one all the same.
    assert!(gap(3) >= Duration::from_millis(300), "{:?}", gap(3));
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_years_ends_at_the_deadline_or_after_ten_minutes() {
    for after in [Duration::from_secs(86_400 * 365), Duration::MAX] {
        let sim = Sim::new(move |_| Err(retry(Some(after))));
        let played = Play {
            timeout: 60 * SECOND,
            ..Play::default()
        }
        .against(&sim)
        .await;
        assert_eq!((played.verdict(), played.took.as_secs()), ("timed_out", 60));
        let played = Play::default().against(&sim).await;
        assert_eq!((played.verdict(), played.took.as_secs()), ("unknown", 600));
    }
}

#[tokio::test(start_paused = true)]
async fn one_poll_gives_up_as_the_wait_does() {
    let sim = Sim::new(|look| match look.nth {
        ..4 => Err(GetError::Retry {
            what: "connection reset".to_owned(),
            after: None,
        }),
        _ => Ok(run(look, "RUNNING", None, &[])),
    });
    let play = Play {
        poll_once: true,
        attach: Some("run9"),
        ..Play::default()
    };
    let played = play.clone().against(&sim).await;
    assert_eq!(
        (played.verdict(), played.run.attempts[0].status.as_deref()),
        ("", Some("RUNNING"))
    );
    let played = play.against(&outage(0, 9999)).await;
    assert_eq!((played.verdict(), played.took.as_secs() / 60), ("unknown", 10));
}
