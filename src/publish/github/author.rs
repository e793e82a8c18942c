//! Whose token publishes: a comment, issue or check run counts as ours only if its author is that user or app.

use std::time::Duration;

use tokio::time::timeout;

use crate::publish::github::client::Api;
use crate::publish::github::error::Error;
use crate::publish::github::wire::User;

/// Author of what a job's own token writes.
const ACTIONS_LOGIN: &str = "github-actions[bot]";
/// What ends the login of a GitHub App; the app's slug comes before it.
const APP_SUFFIX: &str = "[bot]";
/// The look-up must not use up the time for what needs it.
const LOGIN_TIME: Duration = Duration::from_secs(10);

/// The login that our comments and issues have. Asked until there is an answer, which is then remembered.
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

/// By GraphQL, which answers installation tokens too; else by REST, which refuses those, as some servers refuse both.
async fn ask(api: &Api) -> Option<String> {
    if let Ok(login) = api.viewer().await {
        return Some(login);
    }
    match api.get_at_root::<User>("/user").await {
        Ok(user) => Some(user.login),
        Err(Error::Refused { status: _, message: _ }) => Some(ACTIONS_LOGIN.to_owned()),
        Err(
            Error::Blocked {
                status: _,
                beginning: _,
            }
            | Error::Unreachable(_)
            | Error::Lost(_)
            | Error::Invalid(_)
            | Error::RateLimited { wait: _ }
            | Error::OutOfTime,
        ) => None,
    }
}
