//! When the runs are looked at, and what follows from what they say.

use std::time::Duration;

use qatech_run::qatech::client::GetError;
use qatech_run::runs::event::Event;

use crate::waiting::sim::{Play, Sim, run};

const SECOND: Duration = Duration::from_secs(1);

/// A run that ends so after a time.
fn ending(after: Duration, status: &'static str, result: Option<&'static str>) -> Sim {
    Sim::new(move |look| {
        Ok(if look.at < after {
            run(look, "RUNNING", None, &[("a", "PASSED"), ("b", ""), ("c", "")])
        } else {
            run(
                look,
                status,
                result,
                &[("a", "PASSED"), ("b", "PASSED"), ("c", "PASSED")],
            )
        })
    })
}

#[tokio::test(start_paused = true)]
async fn ends_are_reported_as_they_are() {
    for (status, result, verdict) in [
        ("COMPLETED", Some("PASSED"), "passed"),
        ("COMPLETED", Some("FAILED"), "failed"),
        ("COMPLETED", Some("SKIPPED"), "skipped"),
        ("COMPLETED", Some("MAYBE"), "unknown"),
        ("COMPLETED", Some("passed"), "unknown"),
        ("ERROR", Some("PASSED"), "error"),
        ("CANCELLED", None, "cancelled"),
    ] {
        let sim = ending(40 * SECOND, status, result);
        let played = Play::default().against(&sim).await;
        assert_eq!(played.verdict(), verdict, "{status} {result:?}: {}", played.problem());
        played.assert_took(40..=51);
    }
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_cost_at_most_150_requests_and_no_gap_is_over_ten_seconds() {
    for minutes in [1, 3, 10] {
        let end = minutes * 60 * SECOND;
        let sim = ending(end, "COMPLETED", Some("PASSED"));
        let played = Play::default().against(&sim).await;
        let looks = sim.looks();
        assert!(looks.len() <= 150, "{} looks", looks.len());
        assert_eq!(looks[0].0, Duration::ZERO, "the first answer is had at once");
        for pair in looks.windows(2) {
            assert!(pair[1].0 - pair[0].0 <= 10 * SECOND, "{pair:?}");
        }
        assert!(played.took - end <= 10 * SECOND);
        assert_eq!(played.run.attempts[0].requests, looks.len() as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_interval_is_kept() {
    let sim = ending(20 * SECOND, "COMPLETED", Some("PASSED"));
    let play = Play {
        poll_interval: Some(Duration::from_millis(500)),
        ..Play::default()
    };
    let played = play.against(&sim).await;
    assert_eq!((played.verdict(), sim.looks().len()), ("passed", 41));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_wait_after_a_last_poll() {
    let sim = ending(7200 * SECOND, "COMPLETED", Some("PASSED"));
    let played = Play {
        timeout: 1234 * SECOND,
        ..Play::default()
    }
    .against(&sim)
    .await;
    assert_eq!(played.verdict(), "timed_out");
    assert!(
        (1234 * SECOND..1235 * SECOND).contains(&played.took),
        "{:?}",
        played.took
    );
    let last = sim.looks().last().map(|look| look.0);
    assert!(
        last >= Some(1233 * SECOND),
        "no look just before the deadline: {last:?}"
    );
    assert_eq!(played.run.attempts[0].ended, None);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_cuts_off_a_request_that_hangs() {
    let sim = Sim::new(|look| Ok(run(look, "RUNNING", None, &[]))).latency(25 * SECOND);
    let played = Play {
        timeout: 60 * SECOND,
        attach: Some("run9"),
        ..Play::default()
    }
    .against(&sim)
    .await;
    assert_eq!((played.verdict(), played.took.as_secs()), ("timed_out", 60));
}

#[tokio::test(start_paused = true)]
async fn a_run_we_started_may_be_unknown_for_30_seconds() {
    let not_found = |until: u32| {
        Sim::new(move |look| {
            if look.at < until * SECOND {
                Err(GetError::NotFound("no such run".to_owned()))
            } else {
                Ok(run(look, "COMPLETED", Some("PASSED"), &[]))
            }
        })
    };
    let played = Play::default().against(&not_found(25)).await;
    assert_eq!(played.verdict(), "passed");
    let sim = not_found(600);
    let played = Play::default().against(&sim).await;
    assert_eq!((played.verdict(), played.problem()), ("unknown", "no such run"));
    played.assert_took(30..=35);
    assert!(sim.looks().len() <= 30, "{}", sim.looks().len());
    // A run that we did not start is not about to appear.
    let attached = Play {
        attach: Some("run9"),
        ..Play::default()
    };
    let sim = not_found(25);
    let played = attached.against(&sim).await;
    assert_eq!((played.verdict(), sim.looks().len()), ("unknown", 1));
}

#[tokio::test(start_paused = true)]
async fn a_result_may_be_missing_for_30_seconds() {
    let resultless = |until: u32| {
        Sim::new(move |look| {
            let result = (look.at >= (60 + until) * SECOND).then_some("FAILED");
            let status = if look.at < 60 * SECOND { "RUNNING" } else { "COMPLETED" };
            Ok(run(look, status, result, &[("a", "FAILED")]))
        })
    };
    assert_eq!(Play::default().against(&resultless(25)).await.verdict(), "failed");
    let played = Play::default().against(&resultless(600)).await;
    assert_eq!(played.verdict(), "unknown");
    assert!(
        played.problem().contains("no result within 30 s"),
        "{}",
        played.problem()
    );
    played.assert_took(90..=96);
    // The deadline comes first.
    let short = Play {
        timeout: 75 * SECOND,
        ..Play::default()
    };
    let played = short.against(&resultless(600)).await;
    assert_eq!(
        (played.verdict(), played.problem()),
        (
            "timed_out",
            "the run has ended, but had no result before the deadline (`timeout_minutes`)"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_strange_status_is_warned_of_once_and_waited_through() {
    let sim = Sim::new(|look| {
        let (status, result) = match look.at.as_secs() {
            0..300 => ("PAUSED", None),
            // A result does not end a run whose status does not.
            300..600 => ("completed", Some("PASSED")),
            600..700 => ("RUNNING", Some("PASSED")),
            _ => ("COMPLETED", Some("FAILED")),
        };
        Ok(run(look, status, result, &[("a", "FAILED")]))
    });
    let played = Play::default().against(&sim).await;
    assert_eq!(played.verdict(), "failed");
    assert_eq!(played.warnings.len(), 2, "{:?}", played.warnings);
    assert!(played.warnings[0].contains("PAUSED") && played.warnings[1].contains("completed"));
}

#[tokio::test(start_paused = true)]
async fn refusals_end_the_wait_at_once() {
    let sim = Sim::new(|look| match look.nth {
        1..=5 => Ok(run(look, "RUNNING", None, &[])),
        _ => Err(GetError::Refused("HTTP 401: check the token".to_owned())),
    });
    let played = Play::default().against(&sim).await;
    assert_eq!(
        (played.verdict(), played.problem()),
        ("unknown", "HTTP 401: check the token")
    );
    assert_eq!(sim.looks().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn fail_fast_stops_at_the_first_failed_case() {
    let sim = Sim::new(|look| {
        let a = if look.at < 100 * SECOND { "" } else { "FAILED" };
        Ok(run(look, "RUNNING", None, &[("a", a), ("b", "")]))
    });
    let play = Play {
        fail_fast: true,
        reruns: 2,
        ..Play::default()
    };
    let played = play.against(&sim).await;
    assert_eq!(played.verdict(), "failed");
    played.assert_took(100..=106);
    // The run goes on: there is nothing to rerun yet, and no end was seen.
    assert_eq!((sim.posts().len(), played.run.attempts[0].ended), (1, None));
}

#[tokio::test(start_paused = true)]
async fn one_poll_is_one_request() {
    let look_once = Play {
        poll_once: true,
        attach: Some("run9"),
        ..Play::default()
    };
    let sim = ending(100 * SECOND, "COMPLETED", Some("PASSED"));
    let played = look_once.clone().against(&sim).await;
    assert_eq!((played.verdict(), sim.looks().len()), ("", 1));
    assert_eq!(played.run.attempts[0].status.as_deref(), Some("RUNNING"));
    let ended = ending(Duration::ZERO, "COMPLETED", Some("FAILED"));
    let played = look_once.against(&ended).await;
    assert_eq!(played.run.attempts[0].result.as_deref(), Some("FAILED"));
}

#[tokio::test(start_paused = true)]
async fn the_log_shows_changes_only() {
    let sim = ending(3000 * SECOND, "COMPLETED", Some("PASSED"));
    let played = Play::default().against(&sim).await;
    let status = played
        .events
        .iter()
        .filter(|(_, event)| *event == Event::Status)
        .count();
    assert_eq!((status, played.events.len()), (2, 4), "{:?}", played.events);
}
