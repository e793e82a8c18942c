//! What an earlier attempt of this job left behind: the short ids of its runs, so that only what failed is run again.
//!
//! A rerun is billed. So an id counts only where nobody else can have put it: in a check run of the app that acts for
//! the `GITHUB_TOKEN`, or in a comment of our author; and only with this workflow run's id and this job's key.

use super::api::{Api, Failure};
use super::author::author;
use super::comment;
use super::prepare::Head;
use super::pull_request;
use super::wire::CheckRuns;
use crate::context::PullRequestHint;
use crate::publish::identity::{ExternalId, is_short_id};

/// The app that acts for the `GITHUB_TOKEN`.
const ACTIONS_APP: &str = "github-actions";

/// The ids in our check runs on the commit, else in our comment on the pull request.
///
/// # Errors
/// Why there are none, as a fragment.
pub(super) async fn find(
    api: &Api,
    head: Option<&Head>,
    pull_request: &PullRequestHint,
    run_id: u64,
    key: &str,
) -> Result<Vec<Option<String>>, String> {
    let in_checks = match head {
        Some(head) => in_check_runs(api, &head.sha, run_id, key).await,
        None => Ok(None),
    };
    let first = match in_checks {
        Ok(Some(ids)) => return Ok(ids),
        Ok(None) => None,
        Err(failure) => Some(failure),
    };
    let in_comments = match pull_request::number(api, pull_request).await {
        Ok(Some(number)) => in_comment(api, number, run_id, key).await,
        Ok(None) => Ok(None),
        Err(failure) => Err(failure),
    };
    let failure = match in_comments {
        Ok(Some(ids)) => return Ok(ids),
        Ok(None) => first,
        Err(failure) => Some(failure),
    };
    Err(failure.map_or_else(
        || "no check run or comment of ours names a run of it".to_owned(),
        |failure| failure.to_string(),
    ))
}

/// The newest ids in our check runs on the commit.
async fn in_check_runs(
    api: &Api,
    head_sha: &str,
    run_id: u64,
    key: &str,
) -> Result<Option<Vec<Option<String>>>, Failure> {
    let mut newest: Option<(u64, Vec<Option<String>>)> = None;
    api.pages(
        &format!("/commits/{head_sha}/check-runs"),
        "?filter=all",
        |page: CheckRuns| {
            for run in page.check_runs {
                let by_us = run.app.and_then(|app| app.slug).as_deref() == Some(ACTIONS_APP);
                let Some(id) = run.external_id.as_deref().and_then(ExternalId::parse) else {
                    continue;
                };
                // One that has only begun (ours, by now) names no runs.
                let names_any = id.short_ids.iter().any(Option::is_some);
                let later = newest.as_ref().is_none_or(|(known, _)| run.id > *known);
                if by_us && id.run_id == run_id && id.key == key && names_any && later {
                    newest = Some((run.id, id.short_ids));
                }
            }
            false
        },
    )
    .await?;
    Ok(newest.map(|(_, ids)| ids))
}

/// The ids in our comment's marker.
async fn in_comment(api: &Api, number: u64, run_id: u64, key: &str) -> Result<Option<Vec<Option<String>>>, Failure> {
    let author = author(api).await;
    let found = comment::find(api, number, key, &author).await?;
    Ok(found.and_then(|(_, marker)| {
        let named = || marker.short_ids.iter().flatten();
        let fine = marker.run_id == run_id && named().count() > 0 && named().all(|id| is_short_id(id));
        fine.then_some(marker.short_ids)
    }))
}
