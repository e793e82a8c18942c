//! The sticky comment: found by its marker and author, updated in place, never older over newer.

use std::time::Duration;

use tokio::time::timeout;

use crate::inputs::CommentWhen;
use crate::publish::github::advice::{COMMENTS, PULL_REQUESTS};
use crate::publish::github::author::author;
use crate::publish::github::client::{Api, Failure, Repeat};
use crate::publish::github::wire::{Comment, NewComment};
use crate::publish::github::{Active, GitHub, Head, Published, marker, pull_request};
use crate::publish::identity::{MarkerKey, sound_short_ids};
use crate::render::github::comment::{LIMIT, comment};
use crate::render::github::marker::{Marker, SignedMarker};
use crate::report::{Report, Verdict};

/// What is left of the comment where GitHub finds it too long all the same.
const SHRUNK: usize = LIMIT / 4;
/// For the look-up of the pull request's head, which must not cost the comment its time.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// What became of the comment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It stands there, written now or unchanged; its page.
    Stands(Option<String>),
    /// There is none, and none is called for.
    NotNeeded,
    /// Another run's comment is newer, which is a sentence.
    Newer(&'static str),
}

impl GitHub {
    /// Writes the comment, where one is wanted and there is a pull request.
    pub(super) async fn finish_comment(&self, active: &Active, head: Option<&Head>, report: &Report) -> Published {
        let mut published = Published::default();
        if self.inputs.comment == CommentWhen::Off {
            return published;
        }
        let number = match pull_request::number(&active.api, &self.context.pull_request).await {
            Ok(Some(number)) => number,
            Ok(None) => return published,
            Err(failure) => {
                let told = active
                    .advice
                    .explain("The pull request could not be found", &failure, PULL_REQUESTS);
                published.warnings.push(told);
                return published;
            }
        };
        let marker = marker(
            &self.context,
            &active.key,
            &active.target,
            head,
            sound_short_ids(report),
        );
        let merge_group = self.context.merge_group;
        let ours = ExpectedCheck {
            marker,
            marker_key: &active.marker_key,
        };
        match publish(&active.api, number, &ours, report, self.inputs.comment, merge_group).await {
            Ok(Outcome::Stands(url)) => published.links.comment_url = url,
            Ok(Outcome::NotNeeded) => {}
            Ok(Outcome::Newer(why)) => published.notices.push(why.to_owned()),
            Err(failure) => published.warnings.push(active.advice.explain(
                "The comment could not be written",
                &failure,
                COMMENTS,
            )),
        }
        published
    }
}

/// What we are about to write.
struct ExpectedCheck<'a> {
    marker: Marker,
    marker_key: &'a MarkerKey,
}

/// Our comment on a pull request, whoever of our runs wrote it last, with its marker.
///
/// A comment of our author with our key whose marker somebody has altered is ours to write again, but nothing in it
/// counts: it has no marker here. One with a marker of ours goes before it.
pub(super) async fn find(
    api: &Api,
    number: u64,
    key: &str,
    marker_key: &MarkerKey,
    author: &str,
) -> Result<Option<(Comment, Option<Marker>)>, Failure> {
    let mut altered = None;
    let mut found = None;
    api.pages(&format!("/issues/{number}/comments"), "", |page: Vec<Comment>| {
        for comment in page {
            let by_us = comment.user.as_ref().is_some_and(|user| user.login == author);
            let body = comment.body.as_deref().unwrap_or_default();
            if !by_us || Marker::unverified_key(body).as_deref() != Some(key) {
                continue;
            }
            match marker_key.verify(body) {
                Some(marker) => {
                    found = Some((comment, Some(marker)));
                    break;
                }
                None => altered = altered.take().or(Some((comment, None))),
            }
        }
        found.is_some()
    })
    .await?;
    Ok(found.or(altered))
}

/// Writes the comment, if that is called for.
async fn publish(
    api: &Api,
    number: u64,
    ours: &ExpectedCheck<'_>,
    report: &Report,
    when: CommentWhen,
    merge_group: bool,
) -> Result<Outcome, Failure> {
    let ExpectedCheck { marker, marker_key } = ours;
    let signed = marker_key.sign(marker);
    let author = author(api).await;
    if let Some((old, old_marker)) = find(api, number, &marker.key, marker_key, &author).await? {
        if let Some(old_marker) = old_marker
            && let Some(why) = newer(api, number, marker, &old_marker, merge_group).await
        {
            return Ok(Outcome::Newer(why));
        }
        match update(api, old, report, &signed).await {
            // Somebody has deleted it since it was listed.
            Err(failure) if failure.status() == Some(404) => {}
            result => return result,
        }
    }
    let create = match when {
        CommentWhen::Off => false,
        CommentWhen::Failure => is_failure(report),
        CommentWhen::Always => true,
    };
    if !create {
        return Ok(Outcome::NotNeeded);
    }
    let path = format!("/issues/{number}/comments");
    let mut limit = LIMIT;
    loop {
        let body = comment(report, &signed, limit);
        match api.post::<Comment>(&path, &NewComment { body: &body }).await {
            Err(failure) if failure.is_invalid() && limit == LIMIT => limit = SHRUNK,
            result => return result.map(|comment| Outcome::Stands(comment.html_url)),
        }
    }
}

async fn update(api: &Api, old: Comment, report: &Report, marker: &SignedMarker) -> Result<Outcome, Failure> {
    let path = format!("/issues/comments/{}", old.id);
    let mut limit = LIMIT;
    loop {
        let body = comment(report, marker, limit);
        if old.body.as_deref().is_some_and(|old| same(old, &body)) {
            return Ok(Outcome::Stands(old.html_url));
        }
        match api
            .patch::<Comment>(&path, &NewComment { body: &body }, Repeat::Always)
            .await
        {
            Err(failure) if failure.is_invalid() && limit == LIMIT => limit = SHRUNK,
            result => return result.map(|comment| Outcome::Stands(comment.html_url.or(old.html_url))),
        }
    }
}

/// Whether what stands there is of a newer run, or speaks of the pull request's head while we do not.
async fn newer(api: &Api, number: u64, ours: &Marker, theirs: &Marker, merge_group: bool) -> Option<&'static str> {
    if (theirs.run_id, theirs.attempt) > (ours.run_id, ours.attempt) {
        return Some("The comment on the pull request was left as it is: a newer workflow run wrote it.");
    }
    // A merge group's commit never is the head. And where our own commit is unknown, there is nothing to compare.
    if merge_group || ours.head_sha.is_empty() || theirs.head_sha == ours.head_sha {
        return None;
    }
    match timeout(HEAD_TIME, pull_request::head(api, number)).await {
        Ok(Ok((head, _))) if head == theirs.head_sha => {
            Some("The comment on the pull request was left as it is: it speaks of a newer commit.")
        }
        Ok(Ok(_) | Err(_)) | Err(_) => None,
    }
}

/// Whether the verdict calls for a comment where there is none yet.
fn is_failure(report: &Report) -> bool {
    match report.verdict() {
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

/// GitHub may keep other line ends than were sent, and no white space at the end.
fn same(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    plain(one) == plain(other)
}
