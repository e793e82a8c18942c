//! Measures how late the end of a run is noticed, how many requests the wait makes, and how the interval changes. The program's
//! own code runs on simulated time. `cargo bench --bench latency` prints the tables; `tests/it/latency.rs` checks the figures.

// It prints its results.
#![allow(clippy::print_stdout, clippy::indexing_slicing)]

mod simulated;

use std::time::Duration;

use simulated::{Play, Sample, VENDOR, wait};

/// Ranges of a run's length, in seconds.
const LENGTHS: [(f64, f64); 6] = [
    (20.0, 60.0),
    (60.0, 180.0),
    (180.0, 600.0),
    (20.0, 600.0),
    (600.0, 1200.0),
    (1200.0, 1800.0),
];
/// Runs of each kind and range, unless a number on the command line says otherwise.
const RUNS: u32 = 1_000;

/// The name of a kind of run, the fixed interval if any, and when the cases end.
type Shape = (&'static str, Option<Duration>, fn(Duration) -> Play);

const SHAPES: [Shape; 11] = [
    ("no cases listed", None, |length| Play::even(length, 0)),
    ("one case", None, |length| Play::even(length, 1)),
    ("20 cases, one after the other", None, |length| Play::even(length, 20)),
    ("20 cases, the last one stuck", None, |length| Play::stuck(length, 20)),
    ("300 cases (big answers)", None, |length| Play::even(length, 300)),
    ("20 cases, four side by side", None, |length| {
        Play::side_by_side(length, 20)
    }),
    ("100 cases, four side by side", None, |length| {
        Play::side_by_side(length, 100)
    }),
    ("one case, with history", None, |length| {
        Play::even(length, 1).with_history()
    }),
    ("last one stuck, with history", None, |length| {
        Play::stuck(length, 20).with_history()
    }),
    ("300 cases, with history", None, |length| {
        Play::even(length, 300).with_history()
    }),
    ("QA.tech's own action, every 20 s", VENDOR, |length| {
        Play::even(length, 0)
    }),
];

fn main() {
    // `cargo bench` adds `--bench`.
    let runs = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(RUNS);
    println!(
        "Seconds from a run's end at QA.tech to the end of the wait; requests of the longest wait. {runs} runs each.\n"
    );
    println!("| cases | length | mean | 99 % | worst | requests |\n|---|---|---|---|---|---|");
    for (shape, interval, play) in SHAPES {
        for (from, to) in LENGTHS {
            let sample = Sample::of(runs, from, to, interval, play);
            println!(
                "| {shape} | {from}–{to} s | {:.2} | {:.2} | {:.2} | {} |",
                sample.mean(),
                sample.quantile(0.99),
                sample.quantile(1.0),
                sample.most_requests
            );
        }
    }
    curve();
    bytes();
}

/// The interval between polls against the time since the start.
fn curve() {
    println!("\nSeconds between polls (20 cases, one after the other; no cases listed), 30 minutes:\n");
    println!("| elapsed | no cases listed | 20 cases |\n|---|---|---|");
    let length = Duration::from_secs(1800);
    let polls = |cases| wait(&Play::even(length, cases), None).polls;
    let (blind, foreseen) = (polls(0), polls(20));
    for at in [0, 5, 20, 40, 90, 300, 590, 700, 1500, 1700, 1780, 1790, 1795, 1798] {
        let between = |polls: &[f64]| {
            let pair = polls.windows(2).find(|pair| pair[1] > f64::from(at));
            pair.map_or(0.0, |pair| pair[1] - pair[0])
        };
        println!(
            "| {at} s | {:.1} {} | {:.1} {} |",
            between(&blind),
            bar(between(&blind)),
            between(&foreseen),
            bar(between(&foreseen))
        );
    }
}

fn bar(seconds: f64) -> String {
    "▇".repeat((seconds * 2.0).round() as usize)
}

/// The bytes that polling transfers.
fn bytes() {
    println!(
        "\nBytes of bodies while a 10-minute run is polled, against all cases at each poll (2 kB of reasoning a case, every tenth fails):\n"
    );
    println!("| cases | polls | bytes | all at each poll | ratio |\n|---|---|---|---|---|");
    for cases in [20, 100, 300, 1_000, 3_000] {
        let waited = wait(&Play::even(Duration::from_secs(600), cases), None);
        println!(
            "| {cases} | {} | {:.1} MB | {:.1} MB | {:.3} |",
            waited.requests,
            waited.bytes as f64 / 1e6,
            waited.bytes_of_all as f64 / 1e6,
            waited.bytes as f64 / waited.bytes_of_all as f64
        );
    }
}
