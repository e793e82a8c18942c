//! Finds the comment that an earlier run of ours left on a pull request.

use crate::publish::github::client::Api;
use crate::publish::github::error::Error;
use crate::publish::github::wire::Comment;
use crate::publish::identity::MarkerKey;
use crate::render::github::marker::Marker;

/// Our comment on a pull request, whichever of our runs wrote it last, with its marker.
///
/// A comment of our author with our key whose marker somebody has altered is ours to overwrite, but its fields are not
/// used: it has no marker here. One with a marker of ours takes precedence.
pub(super) async fn find(
    api: &Api,
    number: u64,
    key: &str,
    marker_key: &MarkerKey,
    author: &str,
) -> Result<Option<(Comment, Option<Marker>)>, Error> {
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
