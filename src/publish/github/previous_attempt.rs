//! What an earlier attempt of this job left behind: the short ids of its runs, so that only what failed is rerun.
//!
//! A rerun is billed, and its result stands for the cases that it does not repeat. So ids count only where nobody else can
//! have put them: in a marker with our MAC, in a check run of the token's own app or a comment of our author; only with
//! this workflow run's id, this job's key and this commit; and only where they are certainly of what this job tests. In
//! case of doubt the runs are started afresh.

use crate::context::PullRequestHint;
use crate::publish::github::author::{app, author};
use crate::publish::github::client::Api;
use crate::publish::github::error::{Error, PreviousAttemptError};
use crate::publish::github::find_comment;
use crate::publish::github::pull_request;
use crate::publish::github::wire::{CheckRun, CheckRuns};
use crate::publish::identity::MarkerKey;
use crate::render::github::marker::Marker;
use crate::text::ShortId;

type ShortIds = Vec<Option<ShortId>>;

/// What the check run or comment of an earlier attempt has to match.
pub(super) struct ExpectedCheck<'a> {
    /// Its check run's name.
    pub(super) name: String,
    /// Its marker. Without a head there is no check run to look for.
    pub(super) marker: Marker,
    /// Verifies its markers.
    pub(super) marker_key: &'a MarkerKey,
}

/// What a check run of this key names.
#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    /// Of which attempt.
    attempt: u64,
    /// Whether it has our check run's name.
    by_our_name: bool,
    short_ids: ShortIds,
}

/// The ids in our check runs on the commit, else in our comments on the pull requests.
pub(super) async fn find(
    api: &Api,
    ours: &ExpectedCheck<'_>,
    pull_request: &PullRequestHint,
) -> Result<ShortIds, PreviousAttemptError> {
    let mut others = false;
    let in_checks = if ours.marker.head_sha.is_empty() {
        Ok(Vec::new())
    } else {
        in_check_runs(api, ours, &mut others).await
    };
    let first = match in_checks.map(newest) {
        Ok(Ok(Some(ids))) => return Ok(ids),
        Ok(Ok(None)) => None,
        Ok(Err(doubt)) => return Err(doubt),
        Err(error) => Some(error),
    };
    let error = match in_comments(api, pull_request, ours, &mut others).await {
        Ok(Some(ids)) => return Ok(ids),
        Ok(None) => first,
        Err(error) => Some(error),
    };
    Err(match error {
        Some(error) => error.into(),
        None if others => PreviousAttemptError::OtherTarget,
        None => PreviousAttemptError::NotFound,
    })
}

/// What our check runs on the commit name; `others` is set where some are of another leg or job.
async fn in_check_runs(api: &Api, ours: &ExpectedCheck<'_>, others: &mut bool) -> Result<Vec<Candidate>, Error> {
    let Some(app) = app(api).await else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let path = format!("/commits/{}/check-runs", ours.marker.head_sha);
    api.pages(&path, "?filter=all", |page: CheckRuns| {
        let candidates = page.check_runs.into_iter();
        found.extend(candidates.filter_map(|run| candidate(run, &app, ours, others)));
        false
    })
    .await?;
    Ok(found)
}

fn candidate(run: CheckRun, app: &str, ours: &ExpectedCheck<'_>, others: &mut bool) -> Option<Candidate> {
    let by_us = run.app.and_then(|app| app.slug).as_deref() == Some(app);
    // Its `external_id` is not read: anyone may have written that.
    let theirs = ours.marker_key.verify(&run.output?.summary?)?;
    if !by_us || !is_of_ours(&theirs, &ours.marker, others) {
        return None;
    }
    Some(Candidate {
        attempt: theirs.attempt,
        by_our_name: run.name.as_deref() == Some(&ours.name),
        short_ids: theirs.short_ids,
    })
}

/// Whether a marker is of an earlier attempt of this very job; `others` is set where it is of another leg or job.
fn is_of_ours(theirs: &Marker, ours: &Marker, others: &mut bool) -> bool {
    let same_run = theirs.run_id == ours.run_id
        && theirs.key == ours.key
        && theirs.head_sha == ours.head_sha
        && theirs.attempt < ours.attempt;
    let same_target = !ours.target.is_empty() && theirs.target == ours.target;
    *others |= same_run && !same_target;
    same_run && same_target && theirs.short_ids.iter().flatten().all(ShortId::is_plain)
}

/// The ids of the newest attempt that names any.
///
/// # Errors
/// Where two may be this job's: legs of a matrix that test the same.
fn newest(mut found: Vec<Candidate>) -> Result<Option<ShortIds>, PreviousAttemptError> {
    crate::text::sort::sort_by_number(&mut found, |candidate| candidate.attempt);
    let alike = |pair: &[Candidate]| match pair {
        [one, other] => one.attempt == other.attempt,
        _ => false,
    };
    if found.windows(2).any(alike) && found.iter().any(|candidate| candidate.by_our_name) {
        // Legs may differ by `check_name` alone.
        found.retain(|candidate| candidate.by_our_name);
    }
    if found.windows(2).any(alike) {
        return Err(PreviousAttemptError::Ambiguous);
    }
    let mut newest_first = found.into_iter().rev().map(|candidate| candidate.short_ids);
    Ok(newest_first.find(|ids| ids.iter().any(Option::is_some)))
}

/// The ids in the marker of our comment, on the first pull request that has one.
async fn in_comments(
    api: &Api,
    pull_request: &PullRequestHint,
    ours: &ExpectedCheck<'_>,
    others: &mut bool,
) -> Result<Option<ShortIds>, Error> {
    let ExpectedCheck {
        name: _,
        marker: ours,
        marker_key,
    } = ours;
    for number in pull_request::numbers(api, pull_request).await? {
        let author = author(api).await;
        let found = find_comment::find(api, number, &ours.key, marker_key, &author).await?;
        let marker = found
            .and_then(|(_, marker)| marker)
            .filter(|marker| is_of_ours(marker, ours, others) && marker.short_ids.iter().any(Option::is_some));
        if let Some(marker) = marker {
            return Ok(Some(marker.short_ids));
        }
    }
    Ok(None)
}
