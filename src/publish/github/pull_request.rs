//! Finds the pull request and its head where the event does not tell them.

use url::form_urlencoded::byte_serialize;

use crate::context::PullRequestHint;
use crate::publish::github::client::{Api, Failure};
use crate::publish::github::wire::{Pull, PullHead};

/// Characters of a branch's name; Git's own limit is lower.
const MAX_BRANCH: usize = 300;

/// The pull request's number; `None` where there is none.
pub(super) async fn number(api: &Api, hint: &PullRequestHint) -> Result<Option<u64>, Failure> {
    match hint {
        PullRequestHint::Number(number) => Ok(Some(*number)),
        PullRequestHint::None => Ok(None),
        PullRequestHint::ByCommit(sha) => first(api, &format!("/commits/{sha}/pulls"), "", sha).await,
        PullRequestHint::ByHead { owner, branch, sha } => {
            let head: String = byte_serialize(format!("{owner}:{branch}").as_bytes()).collect();
            first(api, "/pulls", &format!("?state=open&head={head}"), sha).await
        }
    }
}

/// The first open pull request of a list whose head is the commit: others merely contain it.
async fn first(api: &Api, path: &str, query: &str, sha: &str) -> Result<Option<u64>, Failure> {
    let mut found = None;
    api.pages(path, query, |pulls: Vec<Pull>| {
        let fits = |pull: &Pull| pull.state.as_deref() == Some("open") && pull.head.sha.eq_ignore_ascii_case(sha);
        found = pulls.iter().find(|pull| fits(pull)).map(|pull| pull.number);
        found.is_some()
    })
    .await?;
    Ok(found)
}

/// Head commit and branch of a pull request.
pub(super) async fn head(api: &Api, number: u64) -> Result<(String, Option<String>), Failure> {
    let pull: Pull = api.get(&format!("/pulls/{number}")).await?;
    let PullHead { sha, branch } = pull.head;
    // It is put into paths, and sent to QA.tech.
    if !(1..=64).contains(&sha.len()) || !sha.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Failure::Invalid("its pull request has no commit".to_owned()));
    }
    let branch = branch.map(|branch| api.clean(branch).chars().take(MAX_BRANCH).collect());
    Ok((sha, branch))
}
