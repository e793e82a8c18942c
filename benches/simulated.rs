//! A simulated QA.tech on tokio's paused time, so that hours of waiting take milliseconds.
//!
//! Only the API is simulated; `runs::driver` starts the run and waits for it. `benches/latency.rs` prints tables, and
//! `tests/it/latency.rs` checks the figures.

// Each of the two uses a part.
#![allow(dead_code, clippy::expect_used)]

use std::cell::Cell;
use std::time::Duration;

use qatech_run::inputs::{CaseDetailsFor, RerunOnly};
use qatech_run::net::retry::Deadline;
use qatech_run::qatech::client::{Api, CaseError, Cases, GetError, Got, PostError, RerunCases};
use qatech_run::qatech::details::CaseAnswer;
use qatech_run::qatech::wire::{Run, RunTestCase, StartFields, StartRequest, StartedRun};
use qatech_run::report::merge::KnownElements;
use qatech_run::report::{RunReport, sample};
use qatech_run::runs::details::DetailsFetcher;
use qatech_run::runs::driver::{Driver, Origin};
use qatech_run::runs::poller::Policy;
use qatech_run::runs::shutdown::Shutdown;
use qatech_run::runs::store::{Discard, RunStore};
use qatech_run::text::ShortId;
use tokio::time::{Instant, sleep};

/// Time from the first byte of a request to the first byte of its answer.
const ROUND_TRIP: Duration = Duration::from_millis(150);
/// Bandwidth, in bytes per second.
const BANDWIDTH: f64 = 20e6;
/// Bytes of JSON of a case without its reasoning, and of an answer without its cases.
const CASE_FRAME: usize = 400;
const RUN_FRAME: usize = 150;

/// QA.tech's own action polls every 20 seconds.
pub const VENDOR: Option<Duration> = Some(Duration::from_secs(20));

/// A run at QA.tech.
#[derive(Debug, Clone)]
pub struct Play {
    /// From its creation to its end.
    pub length: Duration,
    /// When each of its cases ends.
    pub cases: Vec<Duration>,
    /// Bytes of reasoning of a case that has ended.
    pub reasoning: usize,
    /// How long such a run usually takes, if there is a history.
    pub usual: Option<Duration>,
}

impl Play {
    /// A run of `cases` that end one after the other; the last one ends the run. Every tenth fails.
    pub fn even(length: Duration, cases: u32) -> Self {
        Self {
            length,
            cases: (1..=cases).map(|case| length * case / cases).collect(),
            reasoning: 2_000,
            usual: None,
        }
    }

    /// Cases of very different durations, four side by side; the last one ends the run.
    pub fn side_by_side(length: Duration, cases: u32) -> Self {
        let mut play = Self::even(length, cases);
        let mut lanes = [0.0_f64; 4];
        let ends = (0..cases).map(|case| {
            // Durations of an exponential distribution, the same for each run of that length.
            let unit = (f64::from(case) * 0.618_034 + length.as_secs_f64() * 0.754_878).fract();
            let lane = lanes.iter_mut().min_by(|a, b| a.total_cmp(b)).expect("four lanes");
            *lane += 0.2 - (1.0 - unit).ln();
            *lane
        });
        let ends: Vec<f64> = ends.collect();
        let last = ends.iter().copied().fold(0.0, f64::max);
        play.cases = ends.into_iter().map(|end| length.mul_f64(end / last)).collect();
        play
    }

    /// A history of runs that took up to a twentieth more or less.
    pub fn with_history(mut self) -> Self {
        let off = (self.length.as_secs_f64() * 0.569_840).fract() - 0.5;
        self.usual = Some(self.length.mul_f64(1.0 + off / 10.0));
        self
    }

    /// All cases but one end in the first fifth; the last one is stuck until the end.
    pub fn stuck(length: Duration, cases: u32) -> Self {
        let mut play = Self::even(length / 5, cases);
        play.length = length;
        if let Some(last) = play.cases.last_mut() {
            *last = length;
        }
        play
    }
}

/// The result of waiting for a run.
#[derive(Debug, Clone)]
pub struct Waited {
    /// From the run's end at the server to the end of the wait, in seconds.
    pub latency: f64,
    /// GETs.
    pub requests: u64,
    /// Bytes of bodies.
    pub bytes: usize,
    /// Bytes of bodies if each GET asked for all cases.
    pub bytes_of_all: usize,
    /// When each GET was made: seconds since the run's creation.
    pub polls: Vec<f64>,
}

/// Simulates one run and waits for it, with the adaptive cadence or a fixed interval.
pub fn wait(play: &Play, interval: Option<Duration>) -> Waited {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O")
        .block_on(async {
            let api = Simulated {
                play,
                created: Cell::new(Instant::now()),
                polls: Cell::default(),
                bytes: Cell::default(),
                bytes_of_all: Cell::default(),
            };
            let store = RunStore::new(Instant::now(), vec![RunReport::planned(None)], Box::new(Discard));
            let shutdown = Shutdown::default();
            let details = DetailsFetcher::new(&api, &store, &shutdown, None, CaseDetailsFor::Off);
            let driver = Driver {
                client: &api,
                policy: Policy {
                    deadline: Deadline::after(Duration::from_secs(7200)),
                    poll_interval: interval,
                    usual_duration: play.usual,
                    fail_fast: false,
                    poll_once: false,
                },
                shutdown: &shutdown,
                start_only: false,
                reruns: 0,
                rerun_only: RerunOnly::Failed,
                details: &details,
            };
            let request = StartRequest {
                trigger: &StartFields::default(),
                project_short_id: None,
                test_plan_short_id: None,
                test_case_ids: &[],
                parameters: None,
                applications: &[],
                notifications: &[],
            };
            let run = store.runs().next().expect("one run");
            driver.drive(run, Origin::Start(request)).await;
            let waited = api.created.get().elapsed();
            let requests = store.read(|runs| {
                let attempts = runs.iter().flat_map(|run| &run.attempts);
                attempts.map(|attempt| attempt.requests).sum()
            });
            Waited {
                latency: waited.as_secs_f64() - play.length.as_secs_f64(),
                requests,
                bytes: api.bytes.get(),
                bytes_of_all: api.bytes_of_all.get(),
                polls: api.polls.take(),
            }
        })
}

/// The mean latency, in seconds, of runs whose end is equally likely at each moment between two ages, if the polls do not depend on
/// the end. It is integrated over the polls of one long run, so it has no sampling error.
pub fn mean_latency(polls: &[f64], from: f64, to: f64) -> f64 {
    let gaps = polls.windows(2).filter_map(|pair| {
        let &[before, after] = pair else { return None };
        let (begin, end) = (before.max(from), after.min(to));
        // The integral of the time from an end to the poll at `after`.
        (begin < end).then(|| ((after - begin).powi(2) - (after - end).powi(2)) / 2.0)
    });
    gaps.sum::<f64>() / (to - from) + ROUND_TRIP.as_secs_f64() / 2.0
}

/// Many waits of one kind.
#[derive(Debug, Clone)]
pub struct Sample {
    latencies: Vec<f64>,
    /// The most GETs that one wait made.
    pub most_requests: u64,
}

impl Sample {
    /// Waits for `count` runs whose lengths are spread evenly over a range of seconds.
    pub fn of(count: u32, from: f64, to: f64, interval: Option<Duration>, play: impl Fn(Duration) -> Play) -> Self {
        let mut latencies = Vec::new();
        let mut most_requests = 0;
        for number in 0..count {
            // Multiples of the golden ratio are spread evenly and never coincide with the polls.
            let place = (f64::from(number) * 0.618_033_988_749_894_9).fract();
            let waited = wait(&play(Duration::from_secs_f64(from + (to - from) * place)), interval);
            latencies.push(waited.latency);
            most_requests = most_requests.max(waited.requests);
        }
        latencies.sort_by(f64::total_cmp);
        Self {
            latencies,
            most_requests,
        }
    }

    /// In seconds.
    pub fn mean(&self) -> f64 {
        self.latencies.iter().sum::<f64>() / self.latencies.len() as f64
    }

    /// The latency, in seconds, that this share of the waits does not exceed.
    pub fn quantile(&self, share: f64) -> f64 {
        let place = (self.latencies.len() as f64 * share).ceil() as usize;
        self.latencies.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

struct Simulated<'a> {
    play: &'a Play,
    created: Cell<Instant>,
    polls: Cell<Vec<f64>>,
    bytes: Cell<usize>,
    bytes_of_all: Cell<usize>,
}

impl Simulated<'_> {
    /// Size of a body with these cases.
    fn size(&self, age: Duration, cases: Cases) -> usize {
        let play = self.play;
        let sizes = play.cases.iter().enumerate().map(|(number, ends)| {
            let ended = *ends <= age;
            let listed = match cases {
                Cases::None => false,
                Cases::Failed => ended && fails(number),
                Cases::All => true,
            };
            usize::from(listed) * (CASE_FRAME + if ended { play.reasoning } else { 0 })
        });
        RUN_FRAME + sizes.sum::<usize>()
    }
}

impl Api for Simulated<'_> {
    async fn start(&self, _request: &StartRequest<'_>, _timeout: Duration) -> Result<StartedRun, PostError> {
        sleep(ROUND_TRIP / 2).await;
        self.created.set(Instant::now());
        sleep(ROUND_TRIP / 2).await;
        Ok(StartedRun {
            id: Some("1".to_owned()),
            short_id: sample::valid_short_id("run1"),
            url: None,
            test_count: Some(self.play.cases.len() as u64),
            test_plan: None,
        })
    }

    async fn rerun(&self, _: &ShortId, _: RerunCases<'_>, _: Duration) -> Result<StartedRun, PostError> {
        Err(PostError::Ambiguous("no rerun is played".to_owned()))
    }

    async fn case(&self, _: &str) -> Result<CaseAnswer, CaseError> {
        Err(CaseError::Unsupported)
    }

    async fn get(
        &self,
        short_id: &ShortId,
        _id: Option<&str>,
        cases: Cases,
        _known: &KnownElements,
    ) -> Result<Got, GetError> {
        let play = self.play;
        sleep(ROUND_TRIP / 2).await;
        let age = self.created.get().elapsed();
        let mut polls = self.polls.take();
        polls.push(age.as_secs_f64());
        self.polls.set(polls);
        let size = self.size(age, cases);
        self.bytes.set(self.bytes.get() + size);
        self.bytes_of_all
            .set(self.bytes_of_all.get() + self.size(age, Cases::All));
        let over = age >= play.length;
        let listed = play.cases.iter().enumerate().filter(|(number, ends)| match cases {
            Cases::None => false,
            Cases::Failed => **ends <= age && fails(*number),
            Cases::All => true,
        });
        let run = Run {
            id: "1".to_owned(),
            short_id: short_id.to_string(),
            status: if over { "COMPLETED" } else { "RUNNING" }.to_owned(),
            result: over.then(|| "FAILED".to_owned()),
            run_test_cases: Some(listed.map(|(number, ends)| case(number, *ends <= age).into()).collect()),
        };
        sleep(ROUND_TRIP / 2 + Duration::from_secs_f64(size as f64 / BANDWIDTH)).await;
        Ok(Got { run, size })
    }
}

fn fails(number: usize) -> bool {
    number % 10 == 9
}

fn case(number: usize, ended: bool) -> RunTestCase {
    RunTestCase {
        id: Some(number.to_string()),
        short_id: Some(format!("case_{number}")),
        name: Some(format!("Case {number}")),
        status: Some(if ended { "COMPLETED" } else { "RUNNING" }.to_owned()),
        result: ended.then(|| if fails(number) { "FAILED" } else { "PASSED" }.to_owned()),
        ..RunTestCase::default()
    }
}
