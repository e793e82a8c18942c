//! How late the end of a run is noticed, and what waiting costs: the promised figures, held on simulated time.
//!
//! Run lengths are spread the same way each time. Jitter is the system's, but it is a tenth of an interval, and every
//! figure is one over hundreds of runs.

#[path = "../../benches/simulated.rs"]
mod simulated;

use std::time::Duration;

use simulated::{Play, Sample, VENDOR, mean_latency, wait};

const MINUTE: f64 = 60.0;

/// How the cases of a run of that length end.
type Shape = fn(Duration) -> Play;

/// Runs that tell the polls nothing, or little, of their end; and what comes after the look that sees it, in seconds: where
/// bodies are too big to be asked for at each look, the last answer that has everything.
const BLIND: [(Shape, f64); 4] = [
    (|length| Play::even(length, 0), 0.0),
    (|length| Play::even(length, 1), 0.0),
    (|length| Play::stuck(length, 20), 0.0),
    (|length| Play::even(length, 300), 0.2),
];

/// A run whose cases end one after the other.
const SEEING: Shape = |length| Play::even(length, 20);

#[test]
fn an_end_that_nothing_foretells_is_noticed_within_seconds() {
    for (shape, (play, then)) in BLIND.into_iter().enumerate() {
        let means = (0..10).map(|_| {
            let polls = wait(&play(Duration::from_secs(1900)), None).polls;
            // The longest wait for a look, the round trip to it, and what comes then.
            let worst = |from: f64, to: f64| {
                let gaps = polls.windows(2).filter(|pair| (from..to).contains(&pair[0]));
                gaps.map(|pair| pair[1] - pair[0]).fold(0.0, f64::max) + 0.15 + then
            };
            assert!(worst(20.0, 10.0 * MINUTE) <= 6.0, "shape {shape}");
            // One in a hundred may be a little over 10 s.
            assert!(worst(10.0 * MINUTE, 30.0 * MINUTE) <= 10.5, "shape {shape}");
            (
                mean_latency(&polls, 20.0, 10.0 * MINUTE) + then,
                mean_latency(&polls, 10.0 * MINUTE, 30.0 * MINUTE) + then,
            )
        });
        let (young, old): (Vec<f64>, Vec<f64>) = means.unzip();
        let mean = |means: Vec<f64>| means.iter().sum::<f64>() / means.len() as f64;
        let (young, old) = (mean(young), mean(old));
        assert!(young <= 2.5 && old <= 5.0, "shape {shape}: {young}, {old}");
    }
}

#[test]
fn a_foreseen_end_is_noticed_sooner() {
    for (from, to, mean, most) in [(20.0, 600.0, 2.0, 6.0), (600.0, 1800.0, 3.5, 10.0)] {
        let sample = Sample::of(100, from, to, None, SEEING);
        assert!(sample.mean() <= mean, "{}", sample.mean());
        assert!(sample.quantile(0.99) <= most, "{}", sample.quantile(0.99));
    }
}

#[test]
fn ten_minutes_cost_at_most_150_requests() {
    let blind = BLIND.into_iter().map(|(play, _)| play);
    for (shape, play) in blind.chain([SEEING]).enumerate() {
        for _ in 0..5 {
            let requests = wait(&play(Duration::from_secs(600)), None).requests;
            assert!(requests <= 150, "shape {shape}: {requests}");
        }
    }
}

#[test]
fn a_thousand_cases_cost_a_tenth_of_asking_for_all_each_time() {
    let waited = wait(&Play::even(Duration::from_secs(600), 1_000), None);
    assert!(
        waited.bytes * 10 <= waited.bytes_of_all,
        "{} of {}",
        waited.bytes,
        waited.bytes_of_all
    );
}

#[test]
fn the_simulation_tells_a_slow_cadence_from_a_quick_one() {
    let vendor = Sample::of(150, MINUTE, 10.0 * MINUTE, VENDOR, |length| Play::even(length, 0));
    assert!((9.0..11.5).contains(&vendor.mean()), "{}", vendor.mean());
}
