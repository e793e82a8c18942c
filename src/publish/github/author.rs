//! Who we are at GitHub: what carries our marker counts only where we wrote it.

use std::time::Duration;

use tokio::time::timeout;

use crate::publish::github::client::{Api, Failure};
use crate::publish::github::wire::User;

/// Author of what the `GITHUB_TOKEN` writes.
const ACTIONS_LOGIN: &str = "github-actions[bot]";
/// An installation's token has no user, so this is asked in vain as a rule: it must not use up the time.
const LOGIN_TIME: Duration = Duration::from_secs(10);

/// The login that our comments and issues have. Asked until there is an answer, and then no more.
pub(super) async fn author(api: &Api) -> String {
    let known = api.author.get_or_try_init(|| async {
        match timeout(LOGIN_TIME, api.get_at_root::<User>("/user")).await {
            Ok(Ok(user)) => Ok(user.login),
            Ok(Err(Failure::Refused { status: _, message: _ })) => Ok(ACTIONS_LOGIN.to_owned()),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    });
    known.await.map_or_else(|_| ACTIONS_LOGIN.to_owned(), String::clone)
}
