//! When a test case ran and for how long: QA.tech's own times if the case's details have them, else the observed times.

use crate::report::{CaseAttempt, CaseDetails, Millis, Observed};

/// Times of one attempt of a test case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    /// How long it ran.
    pub(super) duration: Option<Millis>,
    /// When it began, in milliseconds since the Unix epoch.
    pub(super) start: Option<u64>,
    /// When it ended, in milliseconds since the Unix epoch.
    pub(super) stop: Option<u64>,
    /// Source of the duration.
    pub(super) source: TimeSource,
}

/// The source of a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum TimeSource {
    /// The details of the test case.
    Reported,
    /// Polls that saw it running and ended.
    Observed,
    /// The duration is not known.
    #[default]
    Unknown,
}

impl Times {
    /// The times of an attempt, where `started_at` is when the program started, in milliseconds since the Unix epoch.
    pub(super) fn new(attempt: &CaseAttempt, started_at: u64) -> Self {
        let Observed {
            first_seen: _,
            running,
            ended,
        } = attempt.observed;
        let seen = running.zip(ended).map(|(from, to)| to.saturating_sub(from));
        let (start, stop, given) = match attempt.details.as_deref() {
            Some(CaseDetails {
                started_at,
                completed_at,
                duration,
                error_code: _,
                classification: _,
                url: _,
                project_test_case_id: _,
                screenshot: _,
            }) => {
                let span = started_at
                    .zip(*completed_at)
                    .and_then(|(from, to)| to.checked_sub(from));
                (*started_at, *completed_at, duration.or(span))
            }
            None => (None, None, None),
        };
        Self {
            duration: given.or(seen),
            start: start.or_else(|| running.map(|at| started_at.saturating_add(at))),
            stop: stop.or_else(|| ended.map(|at| started_at.saturating_add(at))),
            source: match (given, seen) {
                (Some(_), _) => TimeSource::Reported,
                (None, Some(_)) => TimeSource::Observed,
                (None, None) => TimeSource::Unknown,
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::CaseOutcome;
    use crate::report::sample::case;

    #[test]
    fn what_qatech_gives_comes_before_what_was_observed() {
        let mut attempt = case(1, "a", CaseOutcome::Passed, "", "").attempts.remove(0);
        let observed = Times::new(&attempt, 1_000);
        assert_eq!(
            (observed.duration, observed.source),
            (Some(15_000), TimeSource::Observed)
        );
        attempt.details = Some(Box::new(CaseDetails {
            started_at: Some(5_000),
            completed_at: Some(12_500),
            ..CaseDetails::default()
        }));
        let reported = Times::new(&attempt, 1_000);
        assert_eq!(
            (reported.start, reported.stop, reported.duration),
            (Some(5_000), Some(12_500), Some(7_500))
        );
        attempt.details = Some(Box::new(CaseDetails {
            started_at: Some(12_500),
            completed_at: Some(5_000),
            ..CaseDetails::default()
        }));
        assert_eq!(
            Times::new(&attempt, 0).duration,
            Some(15_000),
            "an end before the start is no duration"
        );
        attempt.observed = Observed::default();
        assert_eq!(Times::new(&attempt, 0).source, TimeSource::Unknown);
    }
}
