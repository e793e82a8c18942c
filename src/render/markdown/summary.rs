//! The job summary, which GitHub shows on the page of the workflow run.

use crate::render::markdown::page::Measure;
use crate::render::markdown::{Layout, body, head};
use crate::report::Report;

/// Most bytes of a step's summary file: GitHub drops the summary if the file has 1,048,576 bytes or more.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary>
pub const LIMIT: usize = 1_000_000;

/// The bytes that remain for a summary in a file that already has `held` bytes.
pub fn room(held: u64) -> usize {
    usize::try_from(held).map_or(0, |held| LIMIT.saturating_sub(held))
}

/// The job summary as Markdown, in at most `room` bytes: verdict, counts, runs, then the cases, with less detail the more
/// there are.
pub fn summary(report: &Report, room: usize) -> String {
    let mut text = head(report.as_slice(), room / 5 * 3, Measure::Bytes, true);
    let rest = room.saturating_sub(text.len());
    text.push_str(&body(report.as_slice(), rest, Measure::Bytes, Layout::Page));
    text
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
pub(in crate::render) mod tests {
    use super::*;
    use crate::render::markdown::timeline;
    use crate::report::sample::{case, report, run, shop};
    use crate::report::{CaseCoverage, CaseDetails, CaseOutcome, Mode, QuarantineNote, Signal, Verdict};
    use insta::assert_snapshot;

    fn text(report: &Report) -> String {
        // Invisible characters do not belong in source files.
        summary(report, LIMIT).replace('\u{200b}', "{ZWSP}")
    }

    /// The shop's run while it is in progress.
    fn unfinished(verdict: Option<Verdict>) -> Report {
        let mut report = shop();
        for run in &mut report.runs {
            run.verdict = verdict;
            run.attempts.truncate(1);
            run.cases.retain(|case| case.outcome == CaseOutcome::Passed);
            run.cases.truncate(1);
            run.cases
                .push(case(20, "Pay by bank transfer", CaseOutcome::Unfinished, "", ""));
            let attempt = &mut run.attempts[0];
            attempt.test_count = Some(2);
            (attempt.verdict, attempt.status, attempt.result) = (verdict, Some("RUNNING".into()), None);
            attempt.ended = None;
            attempt.changes.truncate(1);
        }
        report
    }

    /// The shop's run with details of its failures, one of them in quarantine.
    pub(in crate::render) fn detailed() -> Report {
        let mut report = shop();
        let codes = ["TEST_FAILED", "AGENT_TIMEOUT", "PLATFORM_CRASH"];
        let bad = report.runs[0].cases.iter_mut().filter(|case| case.outcome.is_bad());
        for (case, code) in bad.zip(codes) {
            for attempt in &mut case.attempts {
                attempt.details = Some(Box::new(CaseDetails {
                    error_code: Some(code.into()),
                    duration: Some(42_000),
                    url: Some(format!("https://app.qa.tech/p/shop/cases/{}?run=1&x", attempt.short_id)),
                    ..CaseDetails::default()
                }));
            }
        }
        report.runs[0].cases[3].quarantine = Some(QuarantineNote {
            reason: Some("#12: the address service is down".into()),
            until: Some("2026-01-31".into()),
        });
        report
    }

    #[test]
    fn failures_with_details_and_one_in_quarantine() {
        let (plain, detailed) = (text(&shop()), text(&detailed()));
        let known: Vec<_> = plain.lines().collect();
        let new: Vec<_> = detailed.lines().filter(|line| !known.contains(line)).collect();
        assert_snapshot!(new.join("\n"), @r#"
        ## ❌ QA.tech failed: 2 of 14 tests failed, 1 errored, 1 flaky: 1 product failure, 1 agent miss, 1 platform miss; 1 quarantined
        **Next step:** Start with the product failures; a rerun may pass the tests that the agent or the platform missed.
        | Tests | ✅ Passed | ❌ Failed | 💥 Errored | 🚧 Of them quarantined | 🔁 Flaky | ⏭️ Skipped |
        |---:|---:|---:|---:|---:|---:|---:|
        | 14 | 9 | 2 | 1 | 1 | 1 | 1 |
        ### Failed and errored tests (2)
        <summary>❌ <b>Pay with a saved card</b>: Could not find the pay button <i>(product failure)</i></summary>
        ❌ **First run ([<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1)):** failed (product failure) – Could not find the pay button<br>I opened the basket and chose the saved card ending in 4242.<br>The page showed a spinner for 30 seconds.<br><br>Then the message "Something went wrong" appeared and the pay button was gone, so the order was never placed.
        ❌ **Rerun 1 ([<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2)):** failed (product failure) for the same reason
        <sub>Test <code>case_2</code> · product failure <code>TEST_FAILED</code> · took 42 s · [open at QA.tech](https://app.qa.tech/p/shop/cases/case_2?run=1&amp;x)</sub>
        <summary>💥 <b>Search for a product</b>: The browser crashed <i>(agent miss)</i></summary>
        💥 **First run ([<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1)):** errored (agent miss) – The browser crashed<br>The page stopped answering after the third letter was typed.
        💥 **Rerun 1 ([<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2)):** errored (agent miss) for the same reason
        <sub>Test <code>case_3</code> · agent miss <code>AGENT_TIMEOUT</code> · took 42 s · [open at QA.tech](https://app.qa.tech/p/shop/cases/case_3?run=1&amp;x)</sub>
        ### Quarantined tests (1)
        <summary>🚧 <b>Change the delivery address</b>: New address was not saved <i>(failed; platform miss)</i></summary>
        Quarantined until 2026-01-31: &#35;{ZWSP}12: the address service is down
        ❌ **First run ([<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1)):** failed (platform miss) – New address was not saved<br>After saving, the old address was still shown in the order summary.
        ❌ **Rerun 1 ([<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2)):** failed (platform miss) for the same reason
        <sub>Test <code>case_4</code> · platform miss <code>PLATFORM_CRASH</code> · took 42 s · [open at QA.tech](https://app.qa.tech/p/shop/cases/case_4?run=1&amp;x)</sub>
        "#);
    }

    #[test]
    fn a_link_is_only_made_of_an_https_page() {
        for url in [
            "javascript:alert(1)",
            "http://app.qa.tech/x",
            "https://a.b/c)d",
            "https://u:p@a.b/",
        ] {
            let mut report = detailed();
            for case in &mut report.runs[0].cases {
                for details in case.attempts.iter_mut().filter_map(|attempt| attempt.details.as_mut()) {
                    details.url = Some(url.into());
                }
            }
            let text = text(&report);
            assert!(
                text.contains("agent miss") && !text.contains("open at QA.tech"),
                "{text}"
            );
        }
    }

    /// The summary of a failed run with a rerun, without its timeline: its parts before and from the flaky tests.
    fn failed_with_a_rerun() -> (String, String) {
        let text = text(&shop());
        let timeline = timeline::section(&shop());
        let text = text.strip_suffix(timeline.as_str()).unwrap();
        let (before, rest) = text.split_at(text.find("### Flaky tests").unwrap());
        (before.to_owned(), rest.to_owned())
    }

    #[test]
    fn a_failed_run_with_a_rerun() {
        assert_snapshot!(failed_with_a_rerun().0, @r#"
        ## ❌ QA.tech failed: 2 of 14 tests failed, 1 errored, 1 flaky

        **Next step:** Open the failed tests at QA.tech; if the product is at fault, fix it and push again.

        | Tests | ✅ Passed | ❌ Failed | 💥 Errored | 🔁 Flaky | ⏭️ Skipped |
        |---:|---:|---:|---:|---:|---:|
        | 14 | 9 | 2 | 1 | 1 | 1 |

        | Plan | Run | Result | Tests | Observed time |
        |---|---|---|---|---|
        | Smoke tests | [<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1) | ❌ failed | 3 failed, 1 errored, 1 skipped, 9 passed | 1 min 30 s |
        | ↳ Rerun 1 | [<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2) | ❌ failed | 2 failed, 1 errored, 1 passed | 59 s |

        ### Failed and errored tests (3)

        <details open>
        <summary>❌ <b>Pay with a saved card</b>: Could not find the pay button</summary>

        **Goal:** A visitor can do what "Pay with a saved card" says

        ❌ **First run ([<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1)):** failed – Could not find the pay button<br>I opened the basket and chose the saved card ending in 4242.<br>The page showed a spinner for 30 seconds.<br><br>Then the message "Something went wrong" appeared and the pay button was gone, so the order was never placed.

        ❌ **Rerun 1 ([<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2)):** failed for the same reason

        <sub>Test <code>case_2</code></sub>

        </details>

        <details>
        <summary>❌ <b>Change the delivery address</b>: New address was not saved</summary>

        **Goal:** A visitor can do what "Change the delivery address" says

        ❌ **First run ([<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1)):** failed – New address was not saved<br>After saving, the old address was still shown in the order summary.

        ❌ **Rerun 1 ([<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2)):** failed for the same reason

        <sub>Test <code>case_4</code></sub>

        </details>

        <details>
        <summary>💥 <b>Search for a product</b>: The browser crashed</summary>

        **Goal:** A visitor can do what "Search for a product" says

        💥 **First run ([<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1)):** errored – The browser crashed<br>The page stopped answering after the third letter was typed.

        💥 **Rerun 1 ([<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2)):** errored for the same reason

        <sub>Test <code>case_3</code></sub>

        </details>
        "#);
    }

    #[test]
    fn flaky_and_other_tests_of_a_failed_run_with_a_rerun() {
        assert_snapshot!(failed_with_a_rerun().1, @r#"
        ### Flaky tests (1)

        <details>
        <summary>🔁 <b>Log in with a passkey</b>: Passkey dialogue did not open</summary>

        **Goal:** A visitor can do what "Log in with a passkey" says

        ❌ **First run ([<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1)):** failed – Passkey dialogue did not open<br>I clicked the button twice and nothing happened for 20 seconds.

        ✅ **Rerun 1 ([<code>smk2</code>](https://app.qa.tech/p/shop/results/smk2)):** passed – Worked as expected<br>Every step was done.

        <sub>Test <code>case_5</code></sub>

        </details>

        <details>
        <summary>10 other tests: 1 skipped, 9 passed</summary>

        | Result | Test | What happened |
        |---|---|---|
        | ⏭️ skipped | Pay by invoice | Invoices are switched off |
        | ✅ passed | Log in with a wrong password | <details><summary>Error was shown</summary>The form said so.</details> |
        | ✅ passed | Register a new account | <details><summary>Worked as expected</summary>Every step was done.</details> |
        | ✅ passed | Put two products into the basket | <details><summary>Worked as expected</summary>Every step was done.</details> |
        | ✅ passed | Remove a product from the basket | <details><summary>Worked as expected</summary>Every step was done.</details> |
        | ✅ passed | Use a voucher | <details><summary>Worked as expected</summary>Every step was done.</details> |
        | ✅ passed | Read the terms | <details><summary>Worked as expected</summary>Every step was done.</details> |
        | ✅ passed | Switch the language to German | <details><summary>Worked as expected</summary>Every step was done.</details> |
        | ✅ passed | Contact support | <details><summary>Worked as expected</summary>Every step was done.</details> |
        | ✅ passed | Log out | <details><summary>Worked as expected</summary>Every step was done.</details> |

        </details>
        "#);
    }

    #[test]
    fn two_runs_with_a_warning_and_a_problem() {
        let failed = case(
            1,
            "Pay #12",
            CaseOutcome::Failed,
            "No button",
            "It was gone.\n@octocat knows",
        );
        let mut night = run("Checkout | <nightly>", "nig1", vec![failed]);
        night.problem = Some("1 case contradicts the run's result".into());
        let passed = case(1, "Log in", CaseOutcome::Passed, "Worked", "");
        let mut report = report(vec![run("Smoke tests", "smk1", vec![passed]), night]);
        report
            .warnings
            .push("`comment` `x` has no effect with `blocking: false`; cases are `<b>`".into());
        for run in &mut report.runs {
            run.attempts[0].changes.clear();
        }
        assert_snapshot!(text(&report), @r#"
        ## ❌ QA.tech failed: 1 of 2 tests failed

        **Next step:** Open the failed tests at QA.tech; if the product is at fault, fix it and push again.

        | Tests | ✅ Passed | ❌ Failed |
        |---:|---:|---:|
        | 2 | 1 | 1 |

        | Plan | Run | Result | Tests | Observed time |
        |---|---|---|---|---|
        | Smoke tests | [<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1) | ✅ passed | 1 passed | 1 min 30 s |
        | Checkout &#124; &lt;nightly&gt; | [<code>nig1</code>](https://app.qa.tech/p/shop/results/nig1) | ❌ failed | 1 failed | 1 min 30 s |

        > [!WARNING]
        > **Checkout &#124; &lt;nightly&gt;**: 1 case contradicts the run's result
        >
        > <code>comment</code> <code>x</code> has no effect with <code>blocking: false</code>; cases are &#96;&lt;b&gt;&#96;
        >

        ### Failed tests (1)

        <details open>
        <summary>❌ <b>Pay &#35;{ZWSP}12</b> (Checkout &#124; &lt;nightly&gt;): No button</summary>

        **Goal:** A visitor can do what "Pay &#35;{ZWSP}12" says

        **What happened:** It was gone.<br>@{ZWSP}octocat knows

        <sub>Test <code>case_1</code></sub>

        </details>

        <details>
        <summary>1 other test: 1 passed</summary>

        | Result | Test | Plan | What happened |
        |---|---|---|---|
        | ✅ passed | Log in | Smoke tests | Worked |

        </details>
        "#);
    }

    #[test]
    fn a_start_without_waiting() {
        let mut report = unfinished(None);
        report.mode = Mode::StartOnly;
        report.runs[0].cases.clear();
        report.runs[0].attempts[0].test_count = Some(14);
        report.runs[0].listed = CaseCoverage::Partial;
        report.runs[0].attempts[0].status = None;
        assert_snapshot!(text(&report), @r#"
        ## 🚀 QA.tech started: 1 run, not waited for

        Started without waiting (`blocking: false`); the results are shown at QA.tech.

        | Plan | Run | Result | Tests | Observed time |
        |---|---|---|---|---|
        | Smoke tests | [<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1) | started | 14 tests | – |
        "#);
    }

    #[test]
    fn runs_in_progress_that_were_polled_once() {
        let mut report = unfinished(None);
        report.mode = Mode::Look;
        report.runs[0].created = Some(false);
        assert_snapshot!(text(&report), @r#"
        ## 👀 QA.tech looked at a run not over yet: 1 of 2 tests done

        Looked at once, without waiting (`blocking: false`): the run has not ended.

        | Tests | ✅ Passed | ❌ Failed | ⏳ Not finished |
        |---:|---:|---:|---:|
        | 2 | 1 | 0 | 1 |

        | Plan | Run | Result | Tests | Observed time |
        |---|---|---|---|---|
        | Smoke tests | [<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1) | RUNNING | 1 not finished, 1 passed | – |

        <details>
        <summary>2 tests: 1 not finished, 1 passed</summary>

        | Result | Test | What happened |
        |---|---|---|
        | ⏳ not finished | Pay by bank transfer | – |
        | ✅ passed | Log in with a wrong password | <details><summary>Error was shown</summary>The form said so.</details> |

        </details>
        "#);
    }

    #[test]
    fn a_run_of_an_unknown_plan_shows_its_short_id_once() {
        let mut report = shop();
        (report.runs[0].plan, report.runs[0].requested_plan) = (None, None);
        let text = text(&report);
        assert!(text.contains("\n| – | [<code>smk1</code>]("), "{text}");
    }

    #[test]
    fn of_a_run_of_unknown_state_is_not_said_whether_it_has_ended() {
        let mut report = unfinished(None);
        report.mode = Mode::Look;
        for run in &mut report.runs {
            run.verdict = Some(Verdict::Unknown);
            run.attempts.iter_mut().for_each(|attempt| {
                (attempt.status, attempt.verdict) = (None, Some(Verdict::Unknown));
            });
        }
        let text = text(&report);
        assert!(
            text.contains("\nLooked at once, without waiting (`blocking: false`).\n"),
            "{text}"
        );
    }

    #[test]
    fn a_case_whose_title_says_all_is_not_said_to_have_no_reason() {
        for (title, gave_none) in [("No button", false), ("", true)] {
            let pay = case(1, "Pay", CaseOutcome::Failed, title, "");
            let text = text(&report(vec![run("Smoke tests", "smk1", vec![pay])]));
            assert_eq!(text.contains("QA.tech gave no reason"), gave_none, "{text}");
        }
    }

    #[test]
    fn ended_runs_that_were_polled_once() {
        let mut report = shop();
        report.mode = Mode::Look;
        let run = &mut report.runs[0];
        run.verdict = None;
        run.attempts.iter_mut().for_each(|attempt| attempt.verdict = None);
        let text = text(&report);
        let lines: Vec<_> = text.lines().take(3).collect();
        assert_snapshot!(lines.join("\n"), @r#"
        ## 👀 QA.tech looked at a failed run: 2 of 14 tests failed, 1 errored, 1 flaky

        Looked at once, without waiting (`blocking: false`): the run had already ended.
        "#);
        assert!(text.contains("| ❌ failed |") && !text.contains("COMPLETED"), "{text}");
        let mut two = report.clone();
        two.runs.push(report.runs[0].clone());
        assert!(summary(&two, LIMIT).contains("all runs had already ended"));
    }

    #[test]
    fn without_a_token() {
        let mut report = report(vec![]);
        report.mode = Mode::SkippedWithoutToken;
        assert_snapshot!(text(&report), @r#"
        ## ⏭️ QA.tech skipped: there is no API token

        Nothing was started: there is no QA.tech API token, and `on_missing_token` is `skip`. Pull requests from forks and from Dependabot don't receive secrets.
        "#);
    }

    #[test]
    fn a_start_that_may_have_happened() {
        let mut unknown = run("Smoke tests", "smk1", vec![]);
        unknown.attempts.clear();
        (unknown.created, unknown.verdict) = (None, Some(Verdict::Unknown));
        unknown.problem =
            Some("POST /run answered 500: may have been started, not repeated so that it is not billed twice".into());
        assert_snapshot!(text(&report(vec![unknown])), @r#"
        ## ❓ QA.tech outcome unknown

        **Next step:** Check at QA.tech whether a run was started, solve the problem that is shown, then rerun the job.

        | Plan | Run | Result | Tests | Observed time |
        |---|---|---|---|---|
        | Smoke tests | – | ❓ **outcome unknown** | – | – |

        > [!CAUTION]
        > **The outcome could not be determined.** It does not count as a pass.
        >
        > POST /run answered 500: may have been started, not repeated so that it is not billed twice
        >
        "#);
    }

    #[test]
    fn a_wait_that_a_signal_ended() {
        let mut report = unfinished(Some(Verdict::Interrupted));
        report.interrupted_by = Some(Signal::Term);
        assert_snapshot!(text(&report), @r#"
        ## 🛑 QA.tech interrupted: 1 of 2 tests done

        SIGTERM ended the wait after 2 min 40 s. A run that had not ended **goes on at QA.tech**: it can't be cancelled from here.

        | Tests | ✅ Passed | ❌ Failed | ⏳ Not finished |
        |---:|---:|---:|---:|
        | 2 | 1 | 0 | 1 |

        | Plan | Run | Result | Tests | Observed time |
        |---|---|---|---|---|
        | Smoke tests | [<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1) | 🛑 interrupted | 1 not finished, 1 passed | – |

        <details>
        <summary>2 tests: 1 not finished, 1 passed</summary>

        | Result | Test | What happened |
        |---|---|---|
        | ⏳ not finished | Pay by bank transfer | – |
        | ✅ passed | Log in with a wrong password | <details><summary>Error was shown</summary>The form said so.</details> |

        </details>
        "#);
    }

    #[test]
    fn a_wait_that_took_too_long() {
        assert_snapshot!(text(&unfinished(Some(Verdict::TimedOut))), @r#"
        ## ⌛ QA.tech timed out: 1 of 2 tests done

        Timed out after 2 min 40 s.

        **Next step:** Open the run at QA.tech: it may still be in progress. Raise `timeout_minutes` if it needs longer.

        | Tests | ✅ Passed | ❌ Failed | ⏳ Not finished |
        |---:|---:|---:|---:|
        | 2 | 1 | 0 | 1 |

        | Plan | Run | Result | Tests | Observed time |
        |---|---|---|---|---|
        | Smoke tests | [<code>smk1</code>](https://app.qa.tech/p/shop/results/smk1) | ⌛ timed out | 1 not finished, 1 passed | – |

        <details>
        <summary>2 tests: 1 not finished, 1 passed</summary>

        | Result | Test | What happened |
        |---|---|---|
        | ⏳ not finished | Pay by bank transfer | – |
        | ✅ passed | Log in with a wrong password | <details><summary>Error was shown</summary>The form said so.</details> |

        </details>
        "#);
    }
}
