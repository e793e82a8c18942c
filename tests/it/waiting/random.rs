//! Random APIs: whatever they answer, the wait ends in time with the actual result or `unknown`, and the number of requests is bounded.

use std::time::Duration;

use proptest::prelude::*;
use qatech_run::qatech::client::{Cases, GetError, PostError};

use crate::waiting::sim::{Play, Sim, retry, run, started};

/// One answer to a GET.
#[derive(Debug, Clone)]
enum Answer {
    /// What is true at that time.
    Truth,
    /// A status or result out of order, in good JSON.
    Strange(&'static str, Option<&'static str>),
    Retry(Option<u64>),
    NotFound,
    TooLarge,
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Truth),
        1 => prop_oneof![
            Just(("RUNNING", None)), Just(("INITIATED", None)), Just(("PAUSED", None)),
            Just(("RUNNING", Some("PASSED"))), Just(("", Some("PASSED"))), Just(("passed", Some("PASSED"))),
            Just(("COMPLETED", None)),
        ].prop_map(|(status, result)| Answer::Strange(status, result)),
        3 => prop_oneof![Just(None), (0_u64..200).prop_map(Some), Just(Some(u64::MAX))].prop_map(Answer::Retry),
        1 => Just(Answer::NotFound),
        1 => Just(Answer::TooLarge),
    ]
}

proptest! {
    #[test]
    fn no_api_makes_the_wait_hang_or_report_a_wrong_verdict(
        answers in proptest::collection::vec(answer(), 1..60),
        result in prop_oneof![Just("PASSED"), Just("FAILED"), Just("SKIPPED")],
        length in 0_u64..900,
        timeout in 1_u64..1200,
        latency in prop_oneof![Just(0_u64), 0_u64..40_000],
        size in prop_oneof![Just(1000_usize), Just(1_000_000)],
        (fail_fast, reruns) in (any::<bool>(), 0_u32..3),
        refusals in 0_usize..5,
        lost in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        runtime.block_on(async {
            let case = if result == "FAILED" { "FAILED" } else { "PASSED" };
            let sim = Sim::new(move |look| {
                let truth = |look| {
                    let (status, result, case) = if look_at(look) < length { ("RUNNING", None, "") } else { ("COMPLETED", Some(result), case) };
                    let mut got = run(look, status, result, &[("a", case), ("b", if case.is_empty() { "" } else { "PASSED" })]);
                    if look.cases == Cases::All {
                        got.size = size;
                    }
                    Ok(got)
                };
                match &answers[look.nth % answers.len()] {
                    Answer::Truth => truth(look),
                    Answer::Strange(status, result) => Ok(run(look, status, *result, &[("a", ""), ("b", "")])),
                    Answer::Retry(after) => Err(retry(after.map(Duration::from_secs))),
                    Answer::NotFound => Err(GetError::NotFound("HTTP 404".to_owned())),
                    Answer::TooLarge => Err(GetError::TooLarge),
                }
            })
            .latency(Duration::from_millis(latency))
            .create(move |nth| match nth {
                nth if nth <= refusals => Err(PostError::NotSent { what: "refused".to_owned(), after: None }),
                _ if lost => Err(PostError::Ambiguous("lost".to_owned())),
                nth => Ok(started(nth)),
            });
            let play = Play { timeout: Duration::from_secs(timeout), fail_fast, reruns, ..Play::default() };
            let played = play.against(&sim).await;
            let word = result.to_lowercase();
            let verdict = played.verdict();
            prop_assert!(verdict == word || verdict == "unknown" || verdict == "timed_out", "{verdict}, not {word}");
            // A run that ends just before the deadline gets 30 s for its last cases.
            prop_assert!(played.took <= Duration::from_secs(timeout + 31), "{:?} of {timeout} s", played.took);
            let last_post = sim.posts().last().copied().unwrap_or_default();
            prop_assert!(last_post < Duration::from_secs(timeout), "a POST at {last_post:?} of {timeout} s");
            // Twice a second at most, over the whole time.
            let (looks, seconds) = (sim.looks().len(), played.took.as_secs() as usize);
            prop_assert!(looks <= 20 + 2 * seconds, "{looks} looks in {seconds} s");
            prop_assert!(sim.posts().len() <= refusals + 1 + reruns as usize);
            if lost {
                prop_assert!(sim.posts().len() <= refusals + 1);
            }
            Ok(())
        })?;
    }
}

fn look_at(look: &crate::waiting::sim::Look<'_>) -> u64 {
    look.at.as_secs()
}
