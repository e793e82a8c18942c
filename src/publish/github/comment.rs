//! The sticky comment: found by its marker and author, and updated in place unless the existing one is newer.

use std::time::Duration;

use tokio::time::timeout;

use crate::inputs::CommentWhen;
use crate::publish::github::advice::{COMMENTS, PULL_REQUESTS};
use crate::publish::github::author::author;
use crate::publish::github::client::{Api, Repeat};
use crate::publish::github::error::Error;
use crate::publish::github::find_comment::find;
use crate::publish::github::prepare::HeadCommit;
use crate::publish::github::published::Published;
use crate::publish::github::pull_request;
use crate::publish::github::session::{Active, GitHub, marker};
use crate::publish::github::wire::{Comment, NewComment};
use crate::publish::identity::{MarkerKey, sound_short_ids};
use crate::render::github::comment::{LIMIT, comment};
use crate::render::github::marker::{Marker, SignedMarker};
use crate::report::{Report, Verdict};

/// The limit after GitHub has refused a comment of the regular length.
const SHRUNK: usize = LIMIT / 4;
/// Time limit for looking up the pull request's head, which must leave time for the comment.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// What happened to the comment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It is up to date, written now or unchanged; its page.
    UpToDate(Option<String>),
    /// There is none, and the verdict requires none.
    NotNeeded,
    /// Another run's comment is newer.
    Newer(Newer),
    /// Another part of this workflow run has written the comment of this key.
    Shared,
}

/// Why a comment is not overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Newer {
    Run,
    Commit,
}

impl Newer {
    fn notice(self) -> &'static str {
        match self {
            Self::Run => "The comment on the pull request was left as it is: a newer workflow run wrote it.",
            Self::Commit => "The comment on the pull request was left as it is: it is for a newer commit.",
        }
    }
}

impl GitHub {
    /// Writes the comment on each pull request that the results belong to, if comments are wanted.
    pub(super) async fn finish_comment(
        &self,
        active: &Active,
        head: Option<&HeadCommit>,
        report: &Report,
    ) -> Published {
        let mut published = Published::default();
        let wanted = match self.inputs.comment {
            CommentWhen::Off => return published,
            CommentWhen::Failure => is_failure(report),
            CommentWhen::Always => true,
        };
        let numbers = match pull_request::numbers(&active.api, &self.context.pull_request).await {
            Ok(numbers) => numbers,
            Err(error) => {
                let what = "The pull request could not be found";
                published
                    .warnings
                    .push(active.advice.explain(what, &error, PULL_REQUESTS));
                return published;
            }
        };
        if numbers.is_empty() && wanted {
            published.notices.push(
                "No comment was written: this event belongs to no pull request that is open and has this commit as its \
                 head (`comment`)."
                    .to_owned(),
            );
        }
        let ours = ExpectedComment {
            marker: marker(&self.context, active, head, sound_short_ids(report)),
            marker_key: &active.marker_key,
            wanted,
            merge_group: self.context.merge_group,
        };
        let mut urls = Vec::new();
        for number in numbers {
            match publish(&active.api, number, &ours, report).await {
                Ok(Outcome::UpToDate(url)) => urls.extend(url),
                Ok(Outcome::NotNeeded) => {}
                Ok(Outcome::Newer(newer)) => published.notices.push(newer.notice().to_owned()),
                Ok(Outcome::Shared) => published.warnings.push(
                    "The comment on the pull request was left as it is: another step or job of this workflow run wrote \
                     it. Give each a `comment_key` of its own."
                        .to_owned(),
                ),
                Err(error) => {
                    let what = "The comment could not be written";
                    published.warnings.push(active.advice.explain(what, &error, COMMENTS));
                }
            }
            active.links.borrow_mut().comment_url = (!urls.is_empty()).then(|| urls.join(","));
        }
        published
    }
}

/// The comment that is about to be written.
struct ExpectedComment<'a> {
    marker: Marker,
    marker_key: &'a MarkerKey,
    /// Whether it is created if there is none yet.
    wanted: bool,
    /// Whether the commit belongs to a merge queue: it is then never a pull request's head.
    merge_group: bool,
}

/// Writes the comment on one pull request, if it is required.
async fn publish(api: &Api, number: u64, ours: &ExpectedComment<'_>, report: &Report) -> Result<Outcome, Error> {
    let ExpectedComment {
        marker,
        marker_key,
        wanted,
        merge_group,
    } = ours;
    let signed = marker_key.sign(marker);
    let author = author(api).await;
    if let Some((old, old_marker)) = find(api, number, &marker.key, marker_key, &author).await? {
        if let Some(old_marker) = old_marker {
            if is_of_another_part(marker, &old_marker) {
                return Ok(Outcome::Shared);
            }
            if let Some(newer) = newer(api, number, marker, &old_marker, *merge_group).await {
                return Ok(Outcome::Newer(newer));
            }
        }
        match update(api, old, report, &signed).await {
            // It was deleted after it was listed.
            Err(error) if error.status() == Some(404) => {}
            result => return result,
        }
    }
    if !wanted {
        return Ok(Outcome::NotNeeded);
    }
    let path = format!("/issues/{number}/comments");
    let mut limit = LIMIT;
    loop {
        let body = comment(report, &signed, limit);
        match api.post::<Comment>(&path, &NewComment { body: &body }).await {
            Err(error) if error.is_invalid() && limit == LIMIT => limit = SHRUNK,
            result => return result.map(|comment| Outcome::UpToDate(comment.html_url)),
        }
    }
}

async fn update(api: &Api, old: Comment, report: &Report, marker: &SignedMarker) -> Result<Outcome, Error> {
    let path = format!("/issues/comments/{}", old.id);
    let mut limit = LIMIT;
    loop {
        let body = comment(report, marker, limit);
        if old.body.as_deref().is_some_and(|old| same(old, &body)) {
            return Ok(Outcome::UpToDate(old.html_url));
        }
        match api
            .patch::<Comment>(&path, &NewComment { body: &body }, Repeat::Always)
            .await
        {
            Err(error) if error.is_invalid() && limit == LIMIT => limit = SHRUNK,
            result => return result.map(|comment| Outcome::UpToDate(comment.html_url.or(old.html_url))),
        }
    }
}

/// Whether the comment was written in this attempt for other tests, by a step or job with the same `comment_key`: to
/// overwrite it would hide their result.
fn is_of_another_part(ours: &Marker, theirs: &Marker) -> bool {
    (theirs.run_id, theirs.attempt) == (ours.run_id, ours.attempt) && theirs.target != ours.target
}

/// Whether the existing comment is of a newer run, or is for the pull request's head while our report is not.
async fn newer(api: &Api, number: u64, ours: &Marker, theirs: &Marker, merge_group: bool) -> Option<Newer> {
    if (theirs.run_id, theirs.attempt) > (ours.run_id, ours.attempt) {
        return Some(Newer::Run);
    }
    // A merge group's commit is never the head, and an unknown commit can't be compared.
    if merge_group || ours.head_sha.is_empty() || theirs.head_sha == ours.head_sha {
        return None;
    }
    match timeout(HEAD_TIME, pull_request::head(api, number)).await {
        Ok(Ok((head, _))) if head == theirs.head_sha => Some(Newer::Commit),
        Ok(Ok(_) | Err(_)) | Err(_) => None,
    }
}

/// Whether the verdict, or the step that fails for it, requires a comment if there is none yet.
fn is_failure(report: &Report) -> bool {
    report.conclusion().is_red()
        || match report.verdict() {
            None | Some(Verdict::Passed | Verdict::Skipped | Verdict::Flaky | Verdict::Quarantined) => false,
            Some(
                Verdict::Interrupted
                | Verdict::Cancelled
                | Verdict::TimedOut
                | Verdict::Failed
                | Verdict::Error
                | Verdict::Unknown,
            ) => true,
        }
}

/// Compares ignoring line ends and trailing white space, which GitHub may change.
fn same(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    plain(one) == plain(other)
}
