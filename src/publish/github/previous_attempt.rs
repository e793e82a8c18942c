//! What an earlier attempt of this job left behind: the short ids of its runs, so that only what failed is run again.
//!
//! A rerun is billed, and it vouches for what it does not run again. So ids count only where nobody else can have put
//! them: in a marker with our MAC, in a check run of the app that acts for the `GITHUB_TOKEN`, or in a comment of our
//! author; only with this workflow run's id, this job's key and this commit; and only where they surely are of what this
//! job tests, which legs of a matrix and jobs that share a `comment_key` need not be. Whatever is in doubt is started
//! afresh.

use crate::context::PullRequestHint;
use crate::publish::github::author::author;
use crate::publish::github::client::{Api, Failure};
use crate::publish::github::comment;
use crate::publish::github::pull_request;
use crate::publish::github::wire::{CheckRun, CheckRuns};
use crate::publish::identity::{MarkerKey, is_short_id};
use crate::render::github::marker::Marker;

/// The app that acts for the `GITHUB_TOKEN`.
const ACTIONS_APP: &str = "github-actions";

type ShortIds = Vec<Option<String>>;

/// What the job would write itself.
pub(super) struct ExpectedCheck<'a> {
    /// Its check run's name.
    pub(super) name: String,
    /// Its marker. Without a head there is no check run to look for.
    pub(super) marker: Marker,
    /// Tells its markers from those of others.
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

/// The ids in our check runs on the commit, else in our comment on the pull request.
///
/// # Errors
/// Why there are none, as a fragment.
pub(super) async fn find(
    api: &Api,
    ours: &ExpectedCheck<'_>,
    pull_request: &PullRequestHint,
) -> Result<ShortIds, String> {
    let mut others = false;
    let in_checks = if ours.marker.head_sha.is_empty() {
        Ok(Vec::new())
    } else {
        in_check_runs(api, ours, &mut others).await
    };
    let first = match in_checks.map(newest) {
        Ok(Ok(Some(ids))) => return Ok(ids),
        Ok(Ok(None)) => None,
        Ok(Err(doubt)) => return Err(doubt.to_owned()),
        Err(failure) => Some(failure),
    };
    let in_comments = match pull_request::number(api, pull_request).await {
        Ok(Some(number)) => in_comment(api, number, ours, &mut others).await,
        Ok(None) => Ok(None),
        Err(failure) => Err(failure),
    };
    let failure = match in_comments {
        Ok(Some(ids)) => return Ok(ids),
        Ok(None) => first,
        Err(failure) => Some(failure),
    };
    Err(match failure {
        Some(failure) => failure.to_string(),
        None if others => "what was found is of other plans, applications or environments".to_owned(),
        None => "no check run or comment of ours names a run of it".to_owned(),
    })
}

/// What our check runs on the commit name; `others` is set where some are of another leg or job.
async fn in_check_runs(api: &Api, ours: &ExpectedCheck<'_>, others: &mut bool) -> Result<Vec<Candidate>, Failure> {
    let mut found = Vec::new();
    let path = format!("/commits/{}/check-runs", ours.marker.head_sha);
    api.pages(&path, "?filter=all", |page: CheckRuns| {
        found.extend(page.check_runs.into_iter().filter_map(|run| named(run, ours, others)));
        false
    })
    .await?;
    Ok(found)
}

fn named(run: CheckRun, ours: &ExpectedCheck<'_>, others: &mut bool) -> Option<Candidate> {
    let by_us = run.app.and_then(|app| app.slug).as_deref() == Some(ACTIONS_APP);
    // Its `external_id` says whose it is too, but anyone may have written that.
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
    same_run && same_target && theirs.short_ids.iter().flatten().all(|id| is_short_id(id))
}

/// The ids of the newest attempt that names any.
///
/// # Errors
/// Where two may be this job's: legs of a matrix that test the same.
fn newest(mut found: Vec<Candidate>) -> Result<Option<ShortIds>, &'static str> {
    crate::text::sort::sort_by_number(&mut found, |named| named.attempt);
    let alike = |pair: &[Candidate]| match pair {
        [one, other] => one.attempt == other.attempt,
        _ => false,
    };
    if found.windows(2).any(alike) && found.iter().any(|named| named.by_our_name) {
        // Legs may differ by `check_name` alone.
        found.retain(|named| named.by_our_name);
    }
    if found.windows(2).any(alike) {
        return Err("several check runs may be the one of its earlier attempt");
    }
    let mut newest_first = found.into_iter().rev().map(|named| named.short_ids);
    Ok(newest_first.find(|ids| ids.iter().any(Option::is_some)))
}

/// The ids in our comment's marker.
async fn in_comment(
    api: &Api,
    number: u64,
    ours: &ExpectedCheck<'_>,
    others: &mut bool,
) -> Result<Option<ShortIds>, Failure> {
    let ExpectedCheck {
        name: _,
        marker: ours,
        marker_key,
    } = ours;
    let author = author(api).await;
    let found = comment::find(api, number, &ours.key, marker_key, &author).await?;
    Ok(found
        .and_then(|(_, marker)| marker)
        .filter(|marker| is_of_ours(marker, ours, others) && marker.short_ids.iter().any(Option::is_some))
        .map(|marker| marker.short_ids))
}
