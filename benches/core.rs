//! Measures the pure core, from the bytes of an answer to each rendered text, with 100 to 20,000 cases of 2 kB of reasoning.
//!
//! `cargo bench --bench core`; `scripts/bench.py --core` adds the linear fit.

// Criterion's macros have no docs, and a benchmark may panic.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use qatech_run::inputs::{CaseDetailsFor, RerunOnly};
use qatech_run::net::retry::Deadline;
use qatech_run::publish::identity::MarkerKey;
use qatech_run::qatech::client::{Api, CaseError, Cases, GetError, Got, PostError, RerunCases};
use qatech_run::qatech::details::CaseAnswer;
use qatech_run::qatech::wire::{Run, StartRequest, StartedRun};
use qatech_run::render::github::check::Place;
use qatech_run::render::github::marker::Marker;
use qatech_run::render::github::{check, comment};
use qatech_run::render::markdown::summary;
use qatech_run::render::{ctrf, html, json, junit, outputs};
use qatech_run::report::merge;
use qatech_run::report::merge::{CaseSnapshot, KnownElements, Listed, Recorded};
use qatech_run::report::{Case, CaseOutcome, Quarantine, Report, RunReport, sample};
use qatech_run::runs::details::DetailsFetcher;
use qatech_run::runs::driver::{Driver, Origin};
use qatech_run::runs::poller::Policy;
use qatech_run::runs::shutdown::Shutdown;
use qatech_run::runs::store::{Discard, RunStore};
use qatech_run::text::{Redactor, Secret, ShortId};
use serde_json::json;
use tokio::time::Instant;

const SIZES: [usize; 4] = [100, 1_000, 10_000, 20_000];
const REASONING: usize = 2_000;

/// A report in which every tenth case failed.
fn report(cases: usize) -> Report {
    sample::large(cases, REASONING)
}

/// A report in which every case failed, with reasons that every format has to escape.
fn hostile(cases: usize) -> Report {
    let mut report = report(cases);
    for case in report.runs.iter_mut().flat_map(|run| &mut run.cases) {
        case.outcome = CaseOutcome::Failed;
        for attempt in &mut case.attempts {
            attempt.outcome = CaseOutcome::Failed;
            attempt.reasoning = Some("<b>&| `x`".chars().cycle().take(REASONING).collect());
        }
    }
    report
}

/// The body of `GET /run/{shortId}?testCases=all`.
fn body(report: &Report) -> Vec<u8> {
    let cases: Vec<_> = report.runs.iter().flat_map(|run| &run.cases).map(case_json).collect();
    let run = json!({"id": "1", "shortId": "all1", "status": "COMPLETED", "result": "FAILED", "runTestCases": cases});
    serde_json::to_vec(&run).unwrap()
}

fn case_json(case: &Case) -> serde_json::Value {
    let last = case.latest().unwrap();
    json!({
        "id": case.id,
        "shortId": case.short_id,
        "name": case.name,
        "status": last.status,
        "result": last.result,
        "resultTitle": last.title,
        "evaluationThought": last.reasoning,
        "promptGoal": case.goal,
        "promptExamples": null,
    })
}

fn seen(report: &Report) -> Vec<Listed<CaseSnapshot>> {
    let cases = report.runs.iter().flat_map(|run| &run.cases);
    cases
        .map(|case| {
            let last = case.latest().unwrap();
            Listed::from(CaseSnapshot {
                id: case.id.clone(),
                short_id: case.short_id.clone(),
                name: case.name.clone(),
                status: last.status.clone(),
                result: last.result.clone(),
                title: last.title.clone(),
                reasoning: last.reasoning.clone(),
                goal: case.goal.clone(),
                examples: None,
            })
        })
        .collect()
}

/// The secrets of a step with both tokens, a webhook, two environments with credentials, and a proxy.
fn redactor() -> Redactor {
    let mut redactor = Redactor::default();
    redactor.add(&Secret::new("qatech-token-0123456789"));
    redactor.add(&Secret::new("ghs_0123456789abcdefghijklmnopqrstuvwxyz"));
    redactor.add(&Secret::new("a webhook's secret"));
    for (url, path) in [
        ("https://hooks.example/services/T00000000/B00000000/XXXXXXXXXXXX", true),
        (
            "https://me:correct-horse@pr-12.shop.example/?preview_token=0123456789",
            false,
        ),
        (
            "https://me:battery-staple@pr-12.admin.example/?preview_token=9876543210",
            false,
        ),
        ("http://user:proxy-password@proxy.example:3128", false),
    ] {
        redactor.add_url(&url::Url::parse(url).unwrap(), path);
    }
    redactor
}

/// Answers every poll with one body.
struct Canned(Vec<u8>);

impl Api for Canned {
    async fn start(&self, _: &StartRequest<'_>, _: Duration) -> Result<StartedRun, PostError> {
        Err(PostError::Ambiguous("nothing is started here".to_owned()))
    }

    async fn rerun(&self, _: &ShortId, _: RerunCases<'_>, _: Duration) -> Result<StartedRun, PostError> {
        Err(PostError::Ambiguous("nothing is rerun here".to_owned()))
    }

    async fn case(&self, _: &str) -> Result<CaseAnswer, CaseError> {
        Err(CaseError::Unsupported)
    }

    async fn get(&self, _: &ShortId, _: Option<&str>, _: Cases, _: &KnownElements) -> Result<Got, GetError> {
        let run: Run = serde_json::from_slice(&self.0).unwrap();
        Ok(Got {
            run,
            size: self.0.len(),
        })
    }
}

fn empty_run(report: &Report) -> RunReport {
    let run = report.runs.first().unwrap();
    RunReport {
        attempts: Vec::new(),
        cases: Vec::new(),
        verdict: None,
        ..run.clone()
    }
}

/// Parsing and merging: from the last byte of the answer to the verdict.
fn poll(api: &Canned, run: RunReport) -> Vec<RunReport> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(async {
            let store = RunStore::new(Instant::now(), vec![run], Box::new(Discard));
            let shutdown = Shutdown::default();
            let details = DetailsFetcher::new(api, &store, &shutdown, None, CaseDetailsFor::Off);
            let driver = Driver {
                client: api,
                policy: Policy {
                    deadline: Deadline::after(Duration::from_secs(60)),
                    poll_interval: None,
                    usual_duration: None,
                    fail_fast: false,
                    poll_once: false,
                },
                shutdown: &shutdown,
                start_only: false,
                reruns: 0,
                rerun_only: RerunOnly::Failed,
                details: &details,
            };
            let run = store.runs().next().unwrap();
            driver.drive(run, Origin::Attach(sample::valid_short_id("all1"))).await;
            store.take().0
        })
}

fn reading(criterion: &mut Criterion) {
    let mut group = group(criterion, "reading");
    for size in SIZES {
        let report = report(size);
        let api = Canned(body(&report));
        group.throughput(Throughput::Bytes(api.0.len() as u64));
        group.bench_function(BenchmarkId::new("parse", size), |bench| {
            bench.iter_with_large_drop(|| serde_json::from_slice::<Run>(&api.0).unwrap());
        });
        group.bench_function(BenchmarkId::new("parse and merge", size), |bench| {
            bench.iter_batched(|| empty_run(&report), |run| poll(&api, run), BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("merge", size), |bench| {
            bench.iter_batched(
                || (report.runs.first().unwrap().clone(), seen(&report)),
                |(mut run, seen)| {
                    let recorded = &mut Recorded::default();
                    merge::apply(&mut run, 0, seen, 1, &Quarantine::default(), recorded);
                    run
                },
                BatchSize::PerIteration,
            );
        });
        let texts = || -> Vec<String> {
            let attempts = report.runs.iter().flat_map(|run| &run.cases);
            attempts
                .filter_map(|case| case.latest().unwrap().reasoning.clone())
                .collect()
        };
        let redactor = redactor();
        group.bench_function(BenchmarkId::new("redact", size), |bench| {
            bench.iter_batched(
                texts,
                |texts| -> Vec<String> { texts.into_iter().map(|text| redactor.clean(text)).collect() },
                BatchSize::PerIteration,
            );
        });
    }
}

fn rendering(criterion: &mut Criterion) {
    let mut group = group(criterion, "rendering");
    let marker = Marker {
        key: "0123456789abcdef".to_owned(),
        head_sha: "3f2a9c1d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b".to_owned(),
        run_id: 4711,
        attempt: 1,
        target: "22".to_owned(),
        short_ids: vec![Some(sample::valid_short_id("all1"))],
    };
    let marker = MarkerKey::new(&Secret::new("token")).sign(&marker);
    let place = Place {
        path: ".github/workflows/qa.yml".to_owned(),
        line: 1,
    };
    for size in SIZES {
        let report = report(size);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("summary", size), |bench| {
            bench.iter(|| summary::summary(black_box(&report), summary::LIMIT));
        });
        group.bench_function(BenchmarkId::new("comment", size), |bench| {
            bench.iter(|| comment::comment(black_box(&report), &marker, comment::LIMIT));
        });
        group.bench_function(BenchmarkId::new("check", size), |bench| {
            bench.iter(|| {
                let (annotations, left_out) = check::annotations(black_box(&report), |_| place.clone());
                (annotations, check::output(&report, left_out))
            });
        });
        group.bench_function(BenchmarkId::new("outputs", size), |bench| {
            bench.iter(|| outputs::pairs(black_box(&report), &[]));
        });
        // Written to reserved memory, so that its growth is not measured.
        let mut out = Vec::with_capacity(size * 8_000 + 100_000);
        type Write = fn(&Report, &mut Vec<u8>) -> std::io::Result<()>;
        let formats: [(&str, Write); 4] = [
            ("JUnit", |report, out| junit::write(report, out)),
            ("CTRF", |report, out| ctrf::write(report, out)),
            ("JSON", |report, out| json::write(report, out)),
            ("HTML", |report, out| html::write(report, out)),
        ];
        let hostile = hostile(size);
        for (name, write) in formats {
            group.bench_function(BenchmarkId::new(format!("{name}, all failed, markup"), size), |bench| {
                bench.iter(|| {
                    out.clear();
                    write(black_box(&hostile), &mut out).unwrap();
                    out.len()
                });
            });
            group.bench_function(BenchmarkId::new(name, size), |bench| {
                bench.iter(|| {
                    out.clear();
                    write(black_box(&report), &mut out).unwrap();
                    out.len()
                });
            });
        }
    }
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    group
}

criterion_group!(benches, reading, rendering);
criterion_main!(benches);
