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

/// Runs of whose end nothing is known.
const BLIND: [Shape; 2] = [|length| Play::even(length, 0), |length| Play::even(length, 1)];

/// Runs whose end can be estimated, by their cases or by earlier runs: the mean promised for up to ten minutes is 1.5 s.
const FORESEEN: [Shape; 4] = [
    |length| Play::even(length, 20),
    |length| Play::even(length, 300),
    |length| Play::even(length, 1).with_history(),
    |length| Play::stuck(length, 20).with_history(),
];

/// Runs whose cases tell little, or something wrong; how many of them are a sample, and the mean latency, in seconds, that
/// the sample keeps. The mean of 1,500 runs is 2.4 s and 1.4 s; a sample is large enough to keep three standard deviations
/// away from its limit.
const MISLEADING: [(Shape, u32, f64); 2] = [
    (|length| Play::stuck(length, 20), 800, 2.5),
    (|length| Play::side_by_side(length, 20), 300, 1.6),
];

#[test]
fn an_end_that_nothing_foretells_is_noticed_within_seconds() {
    for (shape, play) in BLIND.into_iter().enumerate() {
        let means = (0..10).map(|_| {
            let polls = wait(&play(Duration::from_secs(1900)), None).polls;
            // The longest wait for a poll, and the round trip to it.
            let worst = |from: f64, to: f64| {
                let gaps = polls.windows(2).filter(|pair| (from..to).contains(&pair[0]));
                gaps.map(|pair| pair[1] - pair[0]).fold(0.0, f64::max) + 0.15
            };
            assert!(worst(20.0, 10.0 * MINUTE) <= 6.0, "shape {shape}");
            // One in a hundred may be a little over 10 s.
            assert!(worst(10.0 * MINUTE, 30.0 * MINUTE) <= 10.5, "shape {shape}");
            (
                mean_latency(&polls, 20.0, 10.0 * MINUTE),
                mean_latency(&polls, 10.0 * MINUTE, 30.0 * MINUTE),
            )
        });
        let (young, old): (Vec<f64>, Vec<f64>) = means.unzip();
        let mean = |means: Vec<f64>| means.iter().sum::<f64>() / means.len() as f64;
        let (young, old) = (mean(young), mean(old));
        assert!(young <= 2.5 && old <= 5.0, "shape {shape}: {young}, {old}");
    }
}

#[test]
fn a_foreseen_end_is_noticed_within_a_second_and_a_half() {
    for (shape, play) in FORESEEN.into_iter().enumerate() {
        let sample = Sample::of(60, 20.0, 600.0, None, play);
        let (mean, most) = (sample.mean(), sample.quantile(0.99));
        assert!(mean <= 1.5 && most <= 6.0, "shape {shape}: {mean}, {most}");
    }
}

#[test]
fn an_end_that_does_not_come_as_foreseen_is_noticed_as_soon_as_any() {
    for (shape, (play, runs, promised)) in MISLEADING.into_iter().enumerate() {
        let sample = Sample::of(runs, 20.0, 600.0, None, play);
        let (mean, most) = (sample.mean(), sample.quantile(0.99));
        assert!(mean <= promised && most <= 9.2, "shape {shape}: {mean}, {most}");
    }
}

#[test]
fn ten_minutes_cost_at_most_150_requests() {
    let all = BLIND
        .into_iter()
        .chain(FORESEEN)
        .chain(MISLEADING.map(|(play, _, _)| play));
    for (shape, play) in all.enumerate() {
        for _ in 0..3 {
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
fn the_simulation_distinguishes_a_slow_cadence_from_a_quick_one() {
    let vendor = Sample::of(150, MINUTE, 10.0 * MINUTE, VENDOR, |length| Play::even(length, 0));
    assert!((9.0..11.5).contains(&vendor.mean()), "{}", vendor.mean());
}
