//! Plays one schedule, and holds what came of it against what has to be true always.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qatech_fakes::harness::{Done, Run};
use qatech_fakes::http::{Reply, Server};
use qatech_fakes::qatech::{FakeQaTech, TOKEN};
use qatech_fakes::tls::{Authority, Certificate};
use serde_json::{Value, json};

use crate::fault_matrix::schedule::Schedule;
use crate::scene;

/// Time for start, end and a busy machine.
const SLACK: Duration = Duration::from_secs(25);

static AUTHORITY: LazyLock<(String, Certificate)> = LazyLock::new(|| {
    let authority = Authority::new();
    (authority.pem(), authority.signs(&["127.0.0.1"]))
});

/// What was told, over many runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Runs whose verdict was the true one.
    pub truths: u64,
    /// Runs that were `unknown` or `timed_out`.
    pub not_known: u64,
    /// Requests.
    pub requests: u64,
}

impl Told {
    /// Adds another's.
    pub fn add(&mut self, other: Self) {
        self.truths += other.truths;
        self.not_known += other.not_known;
        self.requests += other.requests;
    }
}

/// Plays it. The error says which property does not hold.
pub fn play(schedule: &Schedule) -> Result<Told, String> {
    let thief = Server::start(|_| {
        Reply::json(
            200,
            &json!({"success": true, "id": "1", "shortId": "run001", "status": "COMPLETED", "result": "PASSED",
            "run": {"id": "1", "shortId": "stolen", "url": "https://thief.example", "testCount": 1}}),
        )
    });
    let fake = fake(schedule);
    let url = if schedule.tls {
        fake.api_url_as("https://127.0.0.1")
    } else {
        fake.api_url()
    };
    plant(schedule, &fake, &url, &thief.url());
    let done = run(schedule, &url).output();
    let problem = check(schedule, &fake, &done);
    let told = problem.map_err(|problem| format!("{problem}\n{}\n{}", done.log, &done.outputs["runs"]))?;
    if !thief.requests().is_empty() {
        return Err(format!("another host was asked: {:?}\n{}", thief.requests(), done.log));
    }
    Ok(told)
}

fn fake(schedule: &Schedule) -> FakeQaTech {
    let fake = if schedule.tls {
        let handshakes = schedule.handshakes.clone();
        let connections = AtomicUsize::new(0);
        FakeQaTech::start_by(move |handler| {
            Server::start_with(
                move |tcp| match handshakes.get(connections.fetch_add(1, Ordering::Relaxed)) {
                    Some(Some(fails)) => fails.accept(tcp),
                    Some(None) | None => AUTHORITY.1.accept(tcp),
                },
                handler,
            )
        })
    } else {
        FakeQaTech::start()
    };
    for (number, planned) in schedule.plans.iter().enumerate() {
        if schedule.attach {
            fake.existing_run(&short_id(number), planned.script());
        } else {
            fake.plan(&plan(number), planned.script());
        }
    }
    fake
}

fn plan(number: usize) -> String {
    format!("pln_{number}")
}

fn short_id(number: usize) -> String {
    format!("exists{number}")
}

fn plant(schedule: &Schedule, fake: &FakeQaTech, url: &str, thief: &str) {
    let (posts, gets) = (schedule.posts.clone(), schedule.gets.clone());
    let (mut posted, mut got) = (0, 0);
    let (url, thief) = (url.to_owned(), thief.to_owned());
    fake.intercept(move |request, _| {
        let (faults, seen) = if request.method == "POST" {
            (&posts, &mut posted)
        } else {
            (&gets, &mut got)
        };
        let planted = faults.get(*seen).cloned().flatten();
        *seen += 1;
        let base = url.trim_end_matches("/v1");
        planted.map(|(fault, effect)| {
            fault.instead(
                effect,
                &format!("{base}{}", request.path),
                &format!("{thief}{}", request.path),
            )
        })
    });
}

fn run(schedule: &Schedule, url: &str) -> Run {
    let run = Run::new(scene::PROGRAM);
    let mut run = if schedule.github { run.github() } else { run };
    if schedule.tls {
        run.job().write("ca.pem", &AUTHORITY.0);
        let path = run.job().file("ca.pem");
        run = run.env("SSL_CERT_FILE", &path.to_string_lossy());
    }
    let names = |name: fn(usize) -> String| (0..schedule.plans.len()).map(name).collect::<Vec<_>>().join("\n");
    run = if schedule.attach {
        run.input("run_short_id", &names(short_id))
    } else {
        run.input("test_plan_short_id", &names(plan))
    };
    let (outputs, output) = (run.job().file("outputs.env"), run.job().file("output"));
    run.job().write("output", "");
    run = run.env("GITHUB_OUTPUT", &output.to_string_lossy());
    scene::connect(run, url)
        .input("annotations", "log")
        .input("timeout_minutes", &format!("{}", schedule.timeout / 60.0))
        .input("rerun_failed", &schedule.reruns.to_string())
        .input("fail_fast", &schedule.fail_fast.to_string())
        .input("json_path", "reports/report.json")
        .input("junit_path", "reports/junit.xml")
        .input("outputs_path", &outputs.to_string_lossy())
}

/// Fails with the text where the condition does not hold.
macro_rules! hold {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err(format!($($text)*));
        }
    };
}

fn check(schedule: &Schedule, fake: &FakeQaTech, done: &Done) -> Result<Told, String> {
    let limit = Duration::from_secs_f64(schedule.timeout) + SLACK;
    hold!(done.elapsed < limit, "took {:?} of {limit:?}", done.elapsed);
    let leaks = done.places_with(TOKEN);
    hold!(leaks.is_empty(), "the token is in {leaks:?}");

    let runs: Vec<Value> = serde_json::from_str(&done.outputs["runs"]).map_err(|error| format!("runs: {error}"))?;
    hold!(runs.len() == schedule.plans.len(), "{} runs", runs.len());
    let mut told = Told {
        requests: fake.requests().len() as u64,
        ..Told::default()
    };
    let mut verdicts = Vec::new();
    for (number, (run, planned)) in runs.iter().zip(&schedule.plans).enumerate() {
        check_started(schedule, fake, number, run)?;
        let Some(verdict) = run["verdict"].as_str() else {
            let another_failed = runs.iter().any(|run| run["verdict"] == "failed");
            hold!(schedule.fail_fast && another_failed, "run {number} has no verdict");
            let latest = run["attempts"].as_array().and_then(|attempts| attempts.last());
            let (status, result) =
                latest.map_or((&Value::Null, &Value::Null), |last| (&last["status"], &last["result"]));
            // COMPLETED without a result is no end yet: it is given its grace.
            let ended = *status == "ERROR" || *status == "CANCELLED" || (*status == "COMPLETED" && !result.is_null());
            hold!(
                !ended,
                "run {number} has ended ({status}, {result}), and has no verdict"
            );
            continue;
        };
        verdicts.push(verdict);
        if planned.ending.truths(schedule.reruns).contains(&verdict) {
            told.truths += 1;
        } else {
            hold!(
                matches!(verdict, "unknown" | "timed_out"),
                "run {number} is {:?}, not {verdict}",
                planned.ending
            );
            told.not_known += 1;
        }
    }

    let any = |words: &[&str]| verdicts.iter().any(|verdict| words.contains(verdict));
    let code = match () {
        () if any(&["unknown", "error", "cancelled"]) => 3,
        () if any(&["timed_out"]) => 4,
        () if any(&["failed"]) => 1,
        () => 0,
    };
    hold!(done.code == code, "exit code {}, not {code}", done.code);
    check_files(done)?;
    check_counts(schedule, fake, done)?;
    Ok(told)
}

/// At most one start, and what is said of it is true.
fn check_started(schedule: &Schedule, fake: &FakeQaTech, number: usize, run: &Value) -> Result<(), String> {
    let all = fake.runs();
    let wanted = plan(number);
    let starts = all
        .iter()
        .filter(|info| info.started && info.rerun_of.is_none() && info.plan.as_ref() == Some(&wanted))
        .count();
    // The outputs speak of the latest attempt: the rerun of a run that existed was created.
    let rerun = run["attempts"].as_array().is_some_and(|attempts| attempts.len() > 1);
    match (run["created"].as_bool(), starts) {
        (Some(true), 0) if schedule.attach && rerun => {}
        (Some(true), 1) | (Some(false), 0) | (None, 0 | 1) => {}
        (created, _) => {
            return Err(format!(
                "run {number}: {starts} starts, and created is told as {created:?}"
            ));
        }
    }
    for attempt in run["attempts"].as_array().into_iter().flatten() {
        let known = all.iter().any(|info| attempt["short_id"] == json!(info.short_id));
        hold!(known, "run {number} speaks of {}", attempt["short_id"]);
    }
    Ok(())
}

/// Every file can be read, and says the same.
fn check_files(done: &Done) -> Result<(), String> {
    let verdict = &done.outputs["verdict"];
    let read = |name: &str| done.job.read(name).ok_or_else(|| format!("no {name}"));
    let report: Value =
        serde_json::from_str(&read("workspace/reports/report.json")?).map_err(|error| format!("JSON: {error}"))?;
    hold!(
        report["verdict"] == json!(verdict),
        "the JSON report says {}, the outputs {verdict}",
        report["verdict"]
    );
    roxmltree::Document::parse(&read("workspace/reports/junit.xml")?).map_err(|error| format!("JUnit: {error}"))?;
    let line = format!("verdict={verdict}");
    hold!(
        read("outputs.env")?.lines().any(|found| found == line),
        "no {line} in the dotenv file"
    );
    Ok(())
}

fn check_counts(schedule: &Schedule, fake: &FakeQaTech, done: &Done) -> Result<(), String> {
    let plans = schedule.plans.len();
    hold!(
        fake.reruns() <= plans * schedule.reruns as usize,
        "{} reruns",
        fake.reruns()
    );
    // A look each tenth of a second, of each run.
    let looks = plans * (10 + (done.elapsed.as_secs_f64() * 11.0) as usize);
    hold!(fake.gets() <= looks, "{} looks in {:?}", fake.gets(), done.elapsed);
    let posts = fake.requests().len() - fake.gets();
    let limit = plans * (1 + schedule.reruns as usize) * (3 + 3 * schedule.timeout as usize);
    hold!(posts <= limit, "{posts} POSTs");
    Ok(())
}
