//! The fault matrix: the real program through random fault schedules, over runs that end in a known way.
//!
//! Each seed is one schedule, the same each time. `QATECH_SEED=17 cargo test --test it fault_matrix` plays one and prints
//! it; `QATECH_SEEDS=5000` plays that many, from `QATECH_FIRST_SEED` on.

mod dice;
mod fault;
mod properties;
mod schedule;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use qatech_fakes::qatech::TOKEN;
use schedule::Schedule;

use crate::scene;

/// Seeds of an ordinary run.
const SEEDS: u64 = 250;
/// Schedules at a time: nearly all of each is waiting.
const WORKERS: usize = 32;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    )
}

/// Plays a seed; what is wrong, with all there is to understand it.
fn play(seed: u64) -> Result<properties::Told, String> {
    let schedule = Schedule::new(seed);
    let played = catch_unwind(AssertUnwindSafe(|| properties::play(&schedule)));
    let problem = match played {
        Ok(Ok(told)) => return Ok(told),
        Ok(Err(problem)) => problem,
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(_) => "a panic".to_owned(),
        },
    };
    Err(format!(
        "seed {seed}: {problem}\n{schedule:#?}\nto play it again: QATECH_SEED={seed} cargo test --test it fault_matrix"
    ))
}

#[test]
fn no_schedule_of_faults_makes_the_program_report_a_wrong_verdict() {
    if let Some(seed) = number("QATECH_SEED") {
        match play(seed) {
            Ok(told) => eprintln!("seed {seed} is fine: {told:?}\n{:#?}", Schedule::new(seed)),
            Err(problem) => panic!("{problem}"),
        }
        return;
    }
    let (first, count) = (
        number("QATECH_FIRST_SEED").unwrap_or(0),
        number("QATECH_SEEDS").unwrap_or(SEEDS),
    );
    let (next, problems, tally) = (
        AtomicU64::new(first),
        Mutex::new(Vec::new()),
        Mutex::new(properties::Told::default()),
    );
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    match play(seed) {
                        Ok(told) => tally.lock().expect("no holder panics").add(told),
                        Err(problem) => problems.lock().expect("no holder panics").push(problem),
                    }
                }
            });
        }
    });
    let (problems, tally) = (
        problems.into_inner().expect("no holder panics"),
        tally.into_inner().expect("no holder panics"),
    );
    eprintln!("{count} schedules in {:?}: {tally:?}", began.elapsed());
    assert!(
        problems.is_empty(),
        "{} of {count} seeds\n{}",
        problems.len(),
        problems.join("\n\n")
    );
    // A matrix in which nothing ever comes through, or everything does, shows nothing.
    if count >= SEEDS {
        assert!(tally.truths > count / 5 && tally.not_known > count / 5, "{tally:?}");
    }
}

#[test]
fn an_unknown_host_name_starts_nothing() {
    let done = scene::run_at("https://qatech.invalid/v1")
        // The resolver need not be patient with a name that RFC 6761 keeps from existing.
        .env("RES_OPTIONS", "attempts:1 timeout:1")
        .input("timeout_minutes", "0.05")
        .output();
    // Where no resolver can be asked, nobody knows that the name does not exist.
    let ended = (done.code, done.outputs["verdict"].as_ref());
    assert!(matches!(ended, (3, "unknown") | (4, "timed_out")), "{}", done.log);
    assert_eq!(&done.outputs["run_created"], "false");
    assert_eq!(done.places_with(TOKEN), [""; 0]);
}
