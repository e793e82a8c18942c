//! What the token may do, according to the permissions that GitHub documents for each call.

use super::calls::Call;
use super::model::{Access, Scope};
use super::wire;
use super::world::{Context, World};
use crate::http::Reply;

impl World {
    /// The 403 for a token without the permission.
    pub(super) fn refusal(&self, context: &Context) -> Option<Reply> {
        let repository = &self.repositories[context.at];
        let of_number = |number: u64| {
            if repository.is_pull(number) {
                // Either scope is enough for what pull requests and issues have in common.
                &[Scope::PullRequests, Scope::Issues][..]
            } else {
                &[Scope::Issues][..]
            }
        };
        let scopes = match context.call {
            Call::CreateCheckRun
            | Call::UpdateCheckRun
            | Call::GetCheckRun
            | Call::ListAnnotations
            | Call::ListCheckRuns => &[Scope::Checks][..],
            Call::ListPullsOfCommit | Call::GetPull | Call::ListPulls => &[Scope::PullRequests][..],
            Call::ListIssues | Call::CreateIssue => &[Scope::Issues][..],
            Call::GetIssue | Call::UpdateIssue | Call::ListComments | Call::CreateComment => {
                of_number(context.number())
            }
            Call::GetComment | Call::UpdateComment => {
                let comment = repository
                    .comments
                    .iter()
                    .find(|comment| comment.id == context.number());
                of_number(comment.map_or(0, |comment| comment.number))
            }
            Call::ListDeployments | Call::ListDeploymentStatuses => &[Scope::Deployments][..],
            Call::GetUser | Call::Viewer => return None,
        };
        let checks = scopes.contains(&Scope::Checks);
        if checks && context.call.writes() && self.token.login.is_some() {
            return Some(wire::error(403, "You must authenticate via a GitHub App."));
        }
        let (needed, word) = if context.call.writes() {
            (Access::Write, "write")
        } else {
            (Access::Read, "read")
        };
        let open = !repository.private && !context.call.writes();
        if open || scopes.iter().any(|scope| self.token.access(*scope) >= needed) {
            return None;
        }
        let who = if self.token.login.is_some() {
            "personal access token"
        } else {
            "integration"
        };
        let names = scopes.iter().map(|scope| match scope {
            Scope::Checks => format!("checks={word}"),
            Scope::PullRequests => format!("pull_requests={word}"),
            Scope::Issues => format!("issues={word}"),
            Scope::Deployments => format!("deployments={word}"),
        });
        let accepted = names.collect::<Vec<_>>().join("; ");
        let reply = wire::error(403, &format!("Resource not accessible by {who}"));
        Some(reply.header("X-Accepted-GitHub-Permissions", accepted))
    }
}
