//! Reports to try the renderers on, for tests, benches and examples. No part of the program uses them.

use crate::report::trend::{CaseName, FlakyCase, Moment, PassRate, StillFailing, Trend, TrendPoint};
use crate::report::{
    Attempt, AttemptOrigin, Case, CaseAttempt, CaseCoverage, CaseOutcome, FailOn, Mode, Observed, Origin, Report,
    RunReport, StatusChange, TestPlan, Verdict,
};
use crate::text::ShortId;

/// A report of runs that were waited for, on pull request 7.
pub fn report(runs: Vec<RunReport>) -> Report {
    Report {
        started_at: 1_767_225_600_000,
        duration: 95_400,
        mode: Mode::Wait,
        origin: origin(),
        runs,
        interrupted_by: None,
        fail_on: FailOn::default(),
        warnings: Vec::new(),
        trend: None,
    }
}

/// A pull request's origin, everything known.
pub fn origin() -> Origin {
    Origin {
        repository: Some("acme/shop".into()),
        sha: Some("3f2a9c1d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b".into()),
        branch: Some("feature/basket".into()),
        default_branch: Some("main".into()),
        actor: Some("mona".into()),
        commit_message: Some("Show the basket in the header".into()),
        event: Some("pull_request".into()),
        workflow: Some("QA".into()),
        job: Some("qa".into()),
        run_id: Some(4711),
        run_attempt: Some(1),
        ci_url: Some("https://github.com/acme/shop/actions/runs/4711".into()),
        pull_request: Some(7),
    }
}

/// A run that ended after one attempt, with its verdict from its cases.
pub fn run(name: &str, short_id: &str, cases: Vec<Case>) -> RunReport {
    let bad = cases.iter().any(|case| case.outcome.is_bad());
    let (verdict, result) = if bad {
        (Verdict::Failed, "FAILED")
    } else {
        (Verdict::Passed, "PASSED")
    };
    let mut attempt = attempt(AttemptOrigin::Started, short_id, verdict, result);
    attempt.test_count = Some(cases.len() as u64);
    RunReport {
        requested_plan: Some(format!("pln_{short_id}")),
        plan: Some(TestPlan {
            short_id: format!("pln_{short_id}"),
            name: name.into(),
        }),
        created: Some(true),
        attempts: vec![attempt],
        cases,
        listed: CaseCoverage::Complete,
        verdict: Some(verdict),
        problem: None,
    }
}

/// A text as a short id, without the characters that none has.
pub fn valid_short_id(text: &str) -> ShortId {
    let is_valid = |c: &char| !c.is_control() && !c.is_whitespace() && !matches!(c, ',' | ';');
    let valid: String = text.chars().filter(is_valid).take(40).collect();
    match ShortId::new(valid).or_else(|_| ShortId::new("none")) {
        Ok(id) => id,
        Err(_) => unreachable!("a word is a short id"),
    }
}

/// An attempt that ended, observed from second 1 to second 91.
pub fn attempt(origin: AttemptOrigin, short_id: &str, verdict: Verdict, result: &str) -> Attempt {
    let change = |at, status: &str, result: Option<&str>| StatusChange {
        at,
        status: status.into(),
        result: result.map(str::to_owned),
    };
    Attempt {
        origin,
        short_id: valid_short_id(short_id),
        id: Some("550e8400-e29b-41d4-a716-446655440000".into()),
        url: Some(format!("https://app.qa.tech/p/shop/results/{short_id}")),
        status: Some("COMPLETED".into()),
        result: Some(result.into()),
        test_count: None,
        verdict: Some(verdict),
        problem: None,
        began: 1_000,
        ended: Some(91_000),
        changes: vec![
            change(1_200, "INITIATED", None),
            change(5_000, "RUNNING", None),
            change(91_000, "COMPLETED", Some(result)),
        ],
        requests: 14,
        retries: 1,
    }
}

/// A case with one attempt; a flaky one has a failed attempt and a passed one.
pub fn case(number: usize, name: &str, outcome: CaseOutcome, title: &str, reasoning: &str) -> Case {
    let observed = |offset: u64| {
        let seen = 1_200 + offset;
        Observed {
            first_seen: seen,
            running: Some(seen + 4_000 + (number as u64 % 40) * 1_000),
            ended: (outcome != CaseOutcome::Unfinished).then_some(seen + 19_000 + (number as u64 % 60) * 1_000),
        }
    };
    let attempt = |index: usize, outcome: CaseOutcome, title: &str, reasoning: &str| {
        let (status, result) = match outcome {
            CaseOutcome::Failed => ("COMPLETED", Some("FAILED")),
            CaseOutcome::Errored => ("ERROR", None),
            CaseOutcome::Skipped => ("SKIPPED", Some("SKIPPED")),
            CaseOutcome::Unfinished => ("RUNNING", None),
            CaseOutcome::Passed | CaseOutcome::Flaky => ("COMPLETED", Some("PASSED")),
        };
        CaseAttempt {
            attempt: index,
            short_id: format!("case_{number}"),
            outcome,
            counts: true,
            status: status.into(),
            result: result.map(str::to_owned),
            title: (!title.is_empty()).then(|| title.to_owned()),
            reasoning: (!reasoning.is_empty()).then(|| reasoning.to_owned()),
            observed: observed(index as u64 * 100_000),
            details: None,
        }
    };
    Case {
        id: format!("6f1c0a5e-0000-4000-8000-{number:012}"),
        short_id: format!("case_{number}"),
        name: name.into(),
        goal: Some(format!("A visitor can do what \"{name}\" says")),
        examples: None,
        outcome,
        attempts: if outcome == CaseOutcome::Flaky {
            vec![
                attempt(0, CaseOutcome::Failed, title, reasoning),
                attempt(1, CaseOutcome::Passed, "Worked as expected", "Every step was done."),
            ]
        } else {
            vec![attempt(0, outcome, title, reasoning)]
        },
        quarantine: None,
    }
}

/// A shop's run with a rerun: two failed cases, one errored, one flaky, one skipped, nine passed.
pub fn shop() -> Report {
    let mut cases = vec![
        case(
            1,
            "Log in with a wrong password",
            CaseOutcome::Passed,
            "Error was shown",
            "The form said so.",
        ),
        case(
            2,
            "Pay with a saved card",
            CaseOutcome::Failed,
            "Could not find the pay button",
            "I opened the basket and chose the saved card ending in 4242.\nThe page showed a spinner for 30 seconds.\n\n\
             Then the message \"Something went wrong\" appeared and the pay button was gone, so the order was never placed.",
        ),
        case(
            3,
            "Search for a product",
            CaseOutcome::Errored,
            "The browser crashed",
            "The page stopped answering after the third letter was typed.",
        ),
        case(
            4,
            "Change the delivery address",
            CaseOutcome::Failed,
            "New address was not saved",
            "After saving, the old address was still shown in the order summary.",
        ),
        case(
            5,
            "Log in with a passkey",
            CaseOutcome::Flaky,
            "Passkey dialogue did not open",
            "I clicked the button twice and nothing happened for 20 seconds.",
        ),
        case(
            6,
            "Pay by invoice",
            CaseOutcome::Skipped,
            "Invoices are switched off",
            "",
        ),
    ];
    let passed = [
        "Register a new account",
        "Put two products into the basket",
        "Remove a product from the basket",
        "Use a voucher",
        "Read the terms",
        "Switch the language to German",
        "Contact support",
        "Log out",
    ];
    for (index, name) in passed.into_iter().enumerate() {
        cases.push(case(
            7 + index,
            name,
            CaseOutcome::Passed,
            "Worked as expected",
            "Every step was done.",
        ));
    }
    let mut smoke = run("Smoke tests", "smk1", cases);
    let mut rerun = attempt(AttemptOrigin::Rerun, "smk2", Verdict::Failed, "FAILED");
    (rerun.began, rerun.ended) = (101_000, Some(160_000));
    rerun.changes.clear();
    smoke.attempts.push(rerun);
    for bad in &mut smoke.cases {
        if bad.outcome.is_bad() {
            let mut again = bad.attempts.clone();
            for attempt in &mut again {
                attempt.attempt = 1;
                attempt.observed.first_seen += 100_000;
                attempt.observed.running = attempt.observed.running.map(|at| at + 100_000);
                attempt.observed.ended = attempt.observed.ended.map(|at| at + 100_000);
            }
            bad.attempts.extend(again);
        }
    }
    let mut report = report(vec![smoke]);
    report.duration = 160_300;
    report
}

/// A history that ends with this report: every outcome once a day before, and its cases in every list.
pub fn trend(report: &Report) -> Trend {
    const DAY: u64 = 86_400_000;
    let moment = |days: u64| Moment {
        at: report.started_at - days * DAY,
        sha: report.origin.sha.clone(),
        branch: report.origin.branch.clone(),
        ci_url: report.origin.ci_url.clone(),
    };
    let days = Verdict::ALL.len() as u64;
    let earlier = Verdict::ALL.into_iter().chain([Verdict::Failed]).enumerate();
    let names = || {
        report.bad_cases().map(|(_, case)| CaseName {
            id: case.id.clone(),
            short_id: case.short_id.clone(),
            name: case.name.clone(),
        })
    };
    Trend {
        points: earlier
            .map(|(index, verdict)| TrendPoint {
                moment: moment(days - index as u64),
                verdict,
                counts: report.counts(),
                duration: 90_000,
                on_default: Some(false),
            })
            .collect(),
        pass_rate: Some(PassRate { green: 2, of: 6 }),
        median_duration: Some(90_000),
        last_green: Some(moment(7)),
        new_failures: names().take(1).collect(),
        still_failing: names()
            .skip(1)
            .map(|case| StillFailing {
                case,
                since: moment(3),
                times: 2,
            })
            .collect(),
        fixed: Vec::new(),
        failed_on_default: names().skip(1).take(1).collect(),
        flaky: names().map(|case| FlakyCase { case, times: 2 }).collect(),
        suggestions: Vec::new(),
    }
}

/// One run of `cases` cases whose reasoning has `reasoning` bytes each; every tenth has failed.
pub fn large(cases: usize, reasoning: usize) -> Report {
    let sentence = "The agent looked at the page, did the next step & wrote down what it saw. ";
    let text: String = sentence.chars().cycle().take(reasoning).collect();
    let cases = (0..cases)
        .map(|number| {
            let outcome = if number % 10 == 3 {
                CaseOutcome::Failed
            } else {
                CaseOutcome::Passed
            };
            case(
                number,
                &format!("Case number {number}"),
                outcome,
                "What came of it",
                &text,
            )
        })
        .collect();
    report(vec![run("Everything", "all1", cases)])
}

/// A report with a text in each place that others fill: every outcome, two attempts, warnings and problems.
/// Ids stay unique, since cases are told apart by them.
pub fn filled_with(text: &str) -> Report {
    let some = || Some(text.to_owned());
    let cases = CaseOutcome::ALL
        .into_iter()
        .enumerate()
        .map(|(number, outcome)| {
            let mut case = case(number, text, outcome, text, text);
            case.short_id = format!("{number}{text}");
            case.id = format!("{number}{text}");
            case.goal = some();
            case.examples = some();
            for attempt in &mut case.attempts {
                attempt.status = text.to_owned();
                attempt.result = some();
            }
            case
        })
        .collect();
    let mut run = run(text, text, cases);
    run.requested_plan = some();
    run.plan = Some(TestPlan {
        short_id: text.to_owned(),
        name: text.to_owned(),
    });
    run.problem = some();
    run.attempts
        .push(attempt(AttemptOrigin::Rerun, text, Verdict::Failed, text));
    for attempt in &mut run.attempts {
        attempt.id = some();
        attempt.url = some();
        attempt.status = some();
        attempt.problem = some();
        for change in &mut attempt.changes {
            change.status = text.to_owned();
        }
    }
    let mut report = report(vec![run]);
    report.warnings = vec![text.to_owned()];
    report.origin = Origin {
        repository: some(),
        sha: some(),
        branch: some(),
        default_branch: some(),
        actor: some(),
        commit_message: some(),
        event: some(),
        workflow: some(),
        job: some(),
        run_id: Some(1),
        run_attempt: Some(1),
        ci_url: some(),
        pull_request: Some(1),
    };
    report.trend = Some(trend(&report));
    report
}
