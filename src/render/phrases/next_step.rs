//! What to do about a result, in one sentence.

use crate::report::{Case, FailureKind, Mode, ReportSlice, RunReport, Verdict};

/// The next step for the reader, with names of inputs between backticks; `None` if there is nothing to do.
pub fn next_step(part: ReportSlice<'_>) -> Option<&'static str> {
    if part.report.mode != Mode::Wait || part.report.interrupted_by.is_some() {
        return None;
    }
    match part.verdict()? {
        Verdict::Passed if part.runs.iter().any(RunReport::has_no_tests) => Some(if part.report.fail_on.no_tests {
            "Add test cases to the plan."
        } else {
            "Add test cases to the plan, or set `fail_on: no_tests` to fail on a run without any."
        }),
        Verdict::Passed | Verdict::Skipped | Verdict::Interrupted => None,
        Verdict::Flaky => Some("Make the flaky tests stable, or put them in `quarantine` until they are."),
        Verdict::Quarantined => Some("Nothing blocks now. Repair the quarantined tests before their entries expire."),
        Verdict::Cancelled => Some("Rerun the job to get a result: the run was cancelled at QA.tech."),
        Verdict::TimedOut if part.runs.iter().all(|run| run.attempts.is_empty()) => {
            Some("No run was started. Solve the problem that is shown, or raise the time limit that it names.")
        }
        Verdict::TimedOut => {
            Some("Open the run at QA.tech: it may still be in progress. Raise `timeout_minutes` if it needs longer.")
        }
        Verdict::Error => Some("Open the run at QA.tech for the error, then rerun the job."),
        Verdict::Unknown
            if part
                .runs
                .iter()
                .all(|run| run.attempts.is_empty() && run.created == Some(false)) =>
        {
            Some("No run was started. Solve the problem that is shown, then rerun the job.")
        }
        Verdict::Unknown if part.runs.iter().all(|run| run.attempts.is_empty()) => {
            Some("Check at QA.tech whether a run was started, solve the problem that is shown, then rerun the job.")
        }
        Verdict::Unknown => Some("Open the run at QA.tech to see how it ended, then rerun the job."),
        Verdict::Failed => Some(after_failures(part)),
    }
}

fn after_failures(part: ReportSlice<'_>) -> &'static str {
    let blocking: Vec<&Case> = part
        .runs
        .iter()
        .flat_map(|run| &run.cases)
        .filter(|case| case.outcome.is_bad() && !case.is_quarantined_failure())
        .collect();
    let missed = |case: &&Case| match case.failure_kind() {
        Some(FailureKind::Agent | FailureKind::Platform) => true,
        Some(FailureKind::Product) | None => false,
    };
    let known_on_default = |case: &&Case| {
        let trend = part.report.trend.as_ref();
        trend.is_some_and(|trend| trend.failed_on_default(case))
    };
    if blocking.is_empty() {
        "Open the run at QA.tech: it failed, but none of the listed tests explains why."
    } else if blocking.iter().all(missed) {
        "Rerun the failed tests: the agent or the platform failed, not the product. \
         `rerun_failed: 1` with `rerun_only: misses` does so automatically."
    } else if blocking.iter().all(known_on_default) {
        "Repair the default branch first, where these tests fail, too, or put them in `quarantine` until then."
    } else if blocking.iter().any(missed) {
        "Start with the product failures; a rerun may pass the tests that the agent or the platform missed."
    } else {
        "Open the failed tests at QA.tech; if the product is at fault, fix it and push again."
    }
}
