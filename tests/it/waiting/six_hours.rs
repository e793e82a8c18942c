//! Six hours of a run in which nothing changes: neither the log nor memory grows. The test binary starts itself, so
//! that its real standard error can be read.

use std::time::Duration;

use qatech_fakes::harness::Run;
use qatech_run::log::Log;
use qatech_run::runs::log_events::RunLog;
use qatech_run::runs::shutdown::Shutdown;
use qatech_run::runs::store::RunStore;
use qatech_run::text::Redactor;
use tokio::time::Instant;

use crate::waiting::sim::{Play, Sim, planned, retry, run};

const HOURS: u64 = 6;
/// Says what the copy is to play.
const PART: &str = "SIX_HOURS_OF";

/// Plays the part that the environment names; nothing in an ordinary run of the tests.
#[tokio::test(start_paused = true)]
async fn the_copy() {
    let Ok(part) = std::env::var(PART) else { return };
    let sim = Sim::new(move |look| match part.as_str() {
        // Five of each six minutes out of reach, never ten.
        "outages" if look.at.as_secs() % 360 >= 60 => Err(retry(None)),
        _ => Ok(run(
            look,
            "RUNNING",
            None,
            &[("a", "PASSED"), ("b", ""), ("c", ""), ("d", "")],
        )),
    });
    let log = RunLog::new(Log::new(true, Redactor::default()));
    let began = Instant::now();
    let store = RunStore::new(began, vec![planned()], Box::new(log.clone()));
    let shutdown = Shutdown::default();
    let play = Play {
        timeout: Duration::from_secs(HOURS * 3600),
        ..Play::default()
    };
    tokio::select! {
        () = play.on(&sim, &store, &shutdown, began) => {}
        never = log.progress(&store) => match never {},
    }
    assert_eq!(began.elapsed().as_secs(), HOURS * 3600);
}

fn play(part: &str, lines: std::ops::RangeInclusive<usize>) {
    let program = std::env::current_exe().expect("the path of this test");
    let done = Run::new(program)
        .arg("waiting::six_hours::the_copy")
        .arg("--exact")
        .arg("--nocapture")
        .env(PART, part)
        .measure_memory()
        .output();
    assert_eq!(done.code, 0, "{}", done.log);
    let written = done.stderr.lines().count();
    assert!(lines.contains(&written), "{written} lines:\n{}", done.stderr);
    done.assert_memory_below(60_000_000);
}

#[test]
fn nothing_changes() {
    let minutes = HOURS as usize * 60;
    play("nothing", minutes - 5..=minutes + 5);
}

#[test]
fn an_outage_is_logged_at_its_start_and_end_only() {
    let minutes = HOURS as usize * 60;
    play("outages", minutes - 5..=3 * minutes);
}
