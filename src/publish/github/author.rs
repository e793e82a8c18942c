//! Finds out who the token belongs to: a comment, issue or check run is ours only if this user or app created it.

use std::time::Duration;

use tokio::time::timeout;

use crate::publish::github::client::Api;
use crate::publish::github::error::Error;
use crate::publish::github::wire::User;

/// The login that a job's own token has.
const ACTIONS_LOGIN: &str = "github-actions[bot]";
/// The suffix of a GitHub App's login, after the app's slug.
const APP_SUFFIX: &str = "[bot]";
/// Time limit of the lookup, which must leave time for publishing.
const LOGIN_TIME: Duration = Duration::from_secs(10);

/// The login of the author of our comments and issues. The first answer is kept.
pub(super) async fn author(api: &Api) -> String {
    let known = api
        .author
        .get_or_try_init(|| async { timeout(LOGIN_TIME, ask(api)).await.ok().flatten().ok_or(()) });
    known.await.map_or_else(|_| ACTIONS_LOGIN.to_owned(), String::clone)
}

/// The slug of the app that our check runs belong to; `None` for a user's token, which can't create any.
pub(super) async fn app(api: &Api) -> Option<String> {
    author(api).await.strip_suffix(APP_SUFFIX).map(str::to_owned)
}

/// Asks GraphQL, which accepts installation tokens, then REST, which does not. Some servers refuse both.
async fn ask(api: &Api) -> Option<String> {
    if let Ok(login) = api.viewer().await {
        return Some(login);
    }
    match api.get_at_root::<User>("/user").await {
        Ok(user) => Some(user.login),
        Err(Error::Refused { status: _, message: _ }) => Some(ACTIONS_LOGIN.to_owned()),
        Err(
            Error::Unreachable(_)
            | Error::Lost(_)
            | Error::Invalid(_)
            | Error::RateLimited { wait: _ }
            | Error::OutOfTime,
        ) => None,
    }
}
