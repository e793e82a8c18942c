//! Reports that the format tests are run on.

use proptest::prelude::*;
use qatech_run::report::history::{Entry, History};
use qatech_run::report::sample::{attempt, case, filled_with, large, report, run, shop};
use qatech_run::report::{
    AttemptOrigin, Case, CaseAttempt, CaseCoverage, CaseOutcome, Mode, Observed, Report, RunReport, Signal, Verdict,
};

/// Every kind of report whose text differs, by name.
pub fn all() -> Vec<(&'static str, Report)> {
    let mut without_token = report(Vec::new());
    without_token.mode = Mode::SkippedWithoutToken;
    let mut interrupted = report(Vec::new());
    interrupted.interrupted_by = Some(Signal::Term);
    let mut start_only = report(vec![not_waited_for(None)]);
    start_only.mode = Mode::StartOnly;
    let mut looked_at = report(vec![not_waited_for(Some("ERROR"))]);
    looked_at.mode = Mode::Look;
    vec![
        ("shop", shop()),
        ("start-failed", report(vec![start_failed()])),
        (
            "timed-out",
            report(vec![timed_out(), run("Login", "lgn1", vec![passed(1, "Log in")])]),
        ),
        (
            "no-cases",
            report(vec![bare(
                Some(Verdict::Error),
                Some("the run ended with status ERROR"),
            )]),
        ),
        ("start-only", start_only),
        ("looked-at", looked_at),
        ("without-token", without_token),
        ("interrupted", interrupted),
        ("reruns", report(vec![reruns()])),
        ("hostile", filled_with(&HOSTILE.join("\n"))),
    ]
}

fn passed(number: usize, name: &str) -> Case {
    case(
        number,
        name,
        CaseOutcome::Passed,
        "Worked as expected",
        "Every step was done.",
    )
}

/// A start that QA.tech refused.
fn start_failed() -> RunReport {
    let mut run = bare(
        Some(Verdict::Unknown),
        Some("QA.tech refused the start: 402 Payment Required, usage limit exceeded"),
    );
    run.created = Some(false);
    run.attempts.clear();
    run.plan = None;
    run
}

/// A run without a known case.
fn bare(verdict: Option<Verdict>, problem: Option<&str>) -> RunReport {
    let mut run = run("Checkout", "chk1", Vec::new());
    run.verdict = verdict;
    run.problem = problem.map(str::to_owned);
    run.listed = CaseCoverage::Partial;
    run
}

/// A run of which only the status is known.
fn not_waited_for(status: Option<&str>) -> RunReport {
    let mut run = bare(None, None);
    for attempt in &mut run.attempts {
        (attempt.status, attempt.result) = (status.map(str::to_owned), None);
        (attempt.verdict, attempt.ended) = (None, None);
        attempt.changes.truncate(usize::from(status.is_some()));
    }
    run
}

/// A run that timed out: nothing failed, two cases did not end, four were never listed.
fn timed_out() -> RunReport {
    let cases = vec![
        passed(1, "Log in"),
        case(2, "Log in", CaseOutcome::Unfinished, "", ""),
        case(3, "Pay", CaseOutcome::Unfinished, "", ""),
    ];
    let mut run = run("Nightly", "ngt1", cases);
    run.verdict = Some(Verdict::TimedOut);
    run.problem = Some("not finished after 60 minutes".into());
    run.listed = CaseCoverage::Partial;
    for attempt in &mut run.attempts {
        attempt.verdict = Some(Verdict::TimedOut);
        attempt.origin = AttemptOrigin::Attached;
        attempt.url = None;
        attempt.status = Some("RUNNING".into());
        attempt.result = None;
        attempt.ended = None;
        attempt.test_count = Some(7);
    }
    run
}

/// Cases whose attempts ended differently.
fn reruns() -> RunReport {
    let tried = |number, name, outcome, outcomes: &[CaseOutcome]| {
        let mut all = case(number, name, outcome, "", "");
        all.attempts = outcomes
            .iter()
            .enumerate()
            .flat_map(|(at, outcome)| {
                let title = format!("What attempt {} found", at + 1);
                let mut one = case(number, name, *outcome, &title, "The agent's reasons.").attempts;
                one.iter_mut().for_each(|attempt| attempt.attempt = at);
                one
            })
            .collect();
        all
    };
    use CaseOutcome::{Errored, Failed, Flaky, Passed, Unfinished};
    let mut run = run(
        "Reruns",
        "rrn1",
        vec![
            tried(1, "Fails each time", Failed, &[Failed, Failed, Failed]),
            tried(2, "Errors, then fails", Failed, &[Errored, Failed]),
            tried(3, "Fails, then is not seen again", Failed, &[Failed, Unfinished]),
            tried(4, "Passes at the third", Flaky, &[Failed, Errored, Passed]),
        ],
    );
    for (short_id, result) in [("rrn2", "FAILED"), ("rrn3", "FAILED")] {
        let again = attempt(AttemptOrigin::Rerun, short_id, Verdict::Failed, result);
        run.attempts.push(again);
    }
    run
}

/// Texts with a special meaning in at least one format.
pub const HOSTILE: [&str; 14] = [
    "]]></failure></testcase><testcase name=\"forged\"/>",
    "</script><script>alert(1)</script>",
    "--><img src=x onerror=alert(1)><!--",
    "\" onmouseover=\"alert(1)\" x='",
    "&lt;b&gt; &#0; &unknown; %25",
    "\0\u{1}\u{8}\u{b}\u{1f}\u{7f}\u{85}\u{9b}31mred",
    "\u{1b}]0;title without an end, then text",
    "\u{1b}[31mred\u{1b}[0m\r\nnext\rline\ttab",
    "\u{202e}txt.exe\u{2066}\u{200b}\u{feff}",
    "\\ud800 \\u0000 \u{fffe}\u{ffff}\u{fffd}",
    "::error::forged\n##[set-output name=x]y",
    "{{ 7*7 }} ${{ secrets.TOKEN }} <%= 1 %>",
    "e\u{301} 👩‍👩‍👧 漢字 עברית \u{10ffff}",
    "javascript:alert(1)//https://ok.example",
];

/// Any report: some runs, some cases, hostile texts, every outcome and verdict.
pub fn any_report() -> impl Strategy<Value = Report> {
    proptest::collection::vec(any_run(), 0..3).prop_map(report)
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(&HOSTILE[..]).prop_map(str::to_owned),
        any::<String>(),
        Just("QA.tech".to_owned()),
        Just(String::new()),
    ]
}

fn any_run() -> impl Strategy<Value = RunReport> {
    let verdict = proptest::option::of(proptest::sample::select(&Verdict::ALL[..]));
    let cases = proptest::collection::vec(any_case(), 0..6);
    (any_text(), verdict, cases, proptest::option::of(any_text())).prop_map(|(name, verdict, cases, problem)| {
        let mut run = run(&name, &name, cases);
        run.verdict = verdict;
        run.problem = problem;
        let again = attempt(AttemptOrigin::Rerun, &name, Verdict::Failed, &name);
        run.attempts.push(again);
        run
    })
}

fn any_case() -> impl Strategy<Value = Case> {
    let outcome = proptest::sample::select(&CaseOutcome::ALL[..]);
    let earlier = proptest::collection::vec(proptest::sample::select(&CaseOutcome::ALL[..]), 0..3);
    (any_text(), any_text(), outcome, earlier).prop_map(|(name, text, outcome, earlier)| {
        let mut case = case(name.len(), &name, outcome, &text, &text);
        let one = |outcome: CaseOutcome| CaseAttempt {
            attempt: 0,
            short_id: "case".to_owned(),
            outcome,
            counts: true,
            status: text.clone(),
            result: None,
            title: Some(text.clone()),
            reasoning: None,
            observed: Observed::default(),
            details: None,
        };
        let earlier = earlier.into_iter().filter(|outcome| *outcome != CaseOutcome::Flaky);
        // The sample gives a flaky case its failed attempt; a passed case has none.
        if outcome != CaseOutcome::Passed {
            case.attempts.splice(0..0, earlier.map(one));
        }
        case
    })
}

/// More pages for the browser tests: sizes and combinations for which the other formats need no golden files.
#[allow(
    dead_code,
    reason = "only one of the test programs that share this file opens a browser"
)]
pub fn for_browsers() -> Vec<(&'static str, Report)> {
    let one = report(vec![run(
        "Smoke tests",
        "smk1",
        vec![
            passed(1, "Log in"),
            case(
                2,
                "Pay with a saved card",
                CaseOutcome::Failed,
                "No pay button",
                "The button was gone.",
            ),
        ],
    )]);
    vec![
        ("one-failure", one),
        ("history", with_history()),
        ("two-hundred", two_hundred()),
        ("ten-thousand", large(10_000, 2_000)),
    ]
}

/// The shop's run after 40 earlier results, on the default branch and on its own branch.
#[allow(dead_code, reason = "as above")]
pub fn with_history() -> Report {
    let mut lines = String::new();
    for day in 0..40_u64 {
        let (verdict, outcome) = match day % 11 {
            3 | 8 => (Verdict::Failed, CaseOutcome::Failed),
            5 => (Verdict::Flaky, CaseOutcome::Flaky),
            9 => (Verdict::Cancelled, CaseOutcome::Unfinished),
            _ => (Verdict::Passed, CaseOutcome::Passed),
        };
        // Cases 2, 4 and 5 failed on the last days.
        let (verdict, outcome) = if day > 36 {
            (Verdict::Failed, CaseOutcome::Failed)
        } else {
            (verdict, outcome)
        };
        let mut run = run(
            "Smoke tests",
            "smk0",
            vec![
                case(2, "Pay with a saved card", outcome, "", ""),
                case(5, "Log in with a passkey", CaseOutcome::Flaky, "", ""),
            ],
        );
        run.verdict = Some(verdict);
        for attempt in &mut run.attempts {
            attempt.ended = Some(attempt.began + 80_000 + (day * 37 % 60) * 1_000);
        }
        let mut report = report(vec![run]);
        report.started_at -= (40 - day) * 86_400_000;
        report.origin.branch = Some(if day % 4 == 1 {
            "feature/basket".into()
        } else {
            "main".into()
        });
        let entry = Entry::new(&report, "shop").expect("it was waited for");
        lines.push_str(&serde_json::to_string(&entry).expect("it is JSON"));
        lines.push('\n');
    }
    let mut now = shop();
    let entry = Entry::new(&now, "shop").expect("it was waited for");
    now.trend = Some(History::parse(lines.as_bytes()).trend(&entry, &now));
    now
}

/// 200 cases in three runs, one of them with a rerun.
fn two_hundred() -> Report {
    let runs = [
        ("Checkout", "chk1", 120),
        ("Search & browse", "sea1", 60),
        ("Accounts", "acc1", 20),
    ];
    let mut numbers = 0..;
    let mut runs: Vec<RunReport> = runs
        .into_iter()
        .map(|(name, short_id, cases)| {
            let cases = numbers.by_ref().take(cases).map(|number| {
                let outcome = match number % 24 {
                    5 => CaseOutcome::Failed,
                    11 => CaseOutcome::Flaky,
                    17 if number > 100 => CaseOutcome::Errored,
                    20 => CaseOutcome::Skipped,
                    _ => CaseOutcome::Passed,
                };
                let title = if outcome == CaseOutcome::Passed { "Worked as expected" } else { "The page did not answer in time" };
                case(
                    number,
                    &format!("{name}: step {number} of the journey that a returning customer takes"),
                    outcome,
                    title,
                    "I opened the page and waited for the list to appear.\n\nIt stayed empty for 30 seconds, so I reloaded it once, and it stayed empty again.",
                )
            });
            run(name, short_id, cases.collect())
        })
        .collect();
    for run in &mut runs {
        let again = attempt(
            AttemptOrigin::Rerun,
            &format!("{}r", run.attempts[0].short_id),
            Verdict::Failed,
            "FAILED",
        );
        run.attempts.push(again);
    }
    let mut report = report(runs);
    report.duration = 250_000;
    report.warnings = vec!["The comment was not written: the token lacks `pull-requests: write`.".into()];
    report
}
