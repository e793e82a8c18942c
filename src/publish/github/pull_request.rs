//! Finds the pull requests, and a pull request's head, where the event does not contain them.

use url::form_urlencoded::byte_serialize;

use crate::context::PullRequestHint;
use crate::publish::github::client::Api;
use crate::publish::github::error::Error;
use crate::publish::github::wire::{Pull, PullHead};

/// Maximum length of a branch's name, in characters; Git's limit is lower.
const MAX_BRANCH: usize = 300;
/// Maximum number of pull requests of one commit that get a comment.
const MAX_PULLS: usize = 10;

/// The numbers of the pull requests that the results belong to. A pushed commit may be the head of several.
pub(super) async fn numbers(api: &Api, hint: &PullRequestHint) -> Result<Vec<u64>, Error> {
    match hint {
        PullRequestHint::Number(number) => Ok(vec![*number]),
        PullRequestHint::None => Ok(Vec::new()),
        PullRequestHint::ByCommit(sha) => open_with_head(api, &format!("/commits/{sha}/pulls"), "", sha).await,
        PullRequestHint::ByHead { owner, branch, sha } => {
            let head: String = byte_serialize(format!("{owner}:{branch}").as_bytes()).collect();
            open_with_head(api, "/pulls", &format!("?state=open&head={head}"), sha).await
        }
    }
}

/// The open pull requests of a list whose head is the commit: others merely contain it.
async fn open_with_head(api: &Api, path: &str, query: &str, sha: &str) -> Result<Vec<u64>, Error> {
    let mut found = Vec::new();
    api.pages(path, query, |pulls: Vec<Pull>| {
        let fits = |pull: &Pull| pull.state.as_deref() == Some("open") && pull.head.sha.eq_ignore_ascii_case(sha);
        found.extend(pulls.iter().filter(|pull| fits(pull)).map(|pull| pull.number));
        found.len() >= MAX_PULLS
    })
    .await?;
    found.truncate(MAX_PULLS);
    // Oldest first, independent of GitHub's order.
    found.sort_unstable();
    Ok(found)
}

/// Head commit and branch of a pull request.
pub(super) async fn head(api: &Api, number: u64) -> Result<(String, Option<String>), Error> {
    let pull: Pull = api.get(&format!("/pulls/{number}")).await?;
    let PullHead { sha, branch } = pull.head;
    // It is used in paths, and sent to QA.tech.
    if !(1..=64).contains(&sha.len()) || !sha.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::Invalid("its pull request has no commit".to_owned()));
    }
    let branch = branch.map(|branch| api.clean(branch).chars().take(MAX_BRANCH).collect());
    Ok((sha, branch))
}
