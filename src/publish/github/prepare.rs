//! What is done before the runs are waited for: finding the head commit, and making the check run on it.

use tokio::sync::watch;

use crate::context::HeadSha;
use crate::publish::github::advice::{Advice, CHECKS, PULL_REQUESTS};
use crate::publish::github::client::Api;
use crate::publish::github::{check_run, pull_request};
use crate::publish::identity::MarkerKey;
use crate::render::github::check::CheckOutput;
use crate::render::github::marker::Marker;

/// The commit that the results belong to, where the event did not tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its SHA.
    pub sha: String,
    /// Its branch's name.
    pub branch: Option<String>,
}

/// What became of the check run before the runs are waited for.
pub(super) enum Check {
    NotWanted,
    Made(check_run::Handle),
    /// A sentence that says why, and what to do.
    Refused(String),
}

/// What is done before the runs are waited for.
pub(super) struct Preparation {
    pub(super) api: Api,
    pub(super) advice: Advice,
    pub(super) head: HeadSha,
    pub(super) branch: Option<String>,
    pub(super) check: Option<NewCheck>,
    /// Told the head, or that there is none, as soon as that is known: comment and look back need no check run.
    pub(super) found: watch::Sender<Option<Option<Head>>>,
}

pub(super) struct NewCheck {
    pub(super) name: String,
    pub(super) external_id: String,
    pub(super) output: CheckOutput,
    /// Without the head, which is not known yet.
    pub(super) marker: Marker,
    pub(super) marker_key: MarkerKey,
}

impl Preparation {
    /// Finds the head and makes the check run.
    pub(super) async fn run(self) -> Check {
        const WHAT: &str = "No check run could be made, so failed cases are annotated in the log";
        let head = match self.head {
            HeadSha::Known(sha) => Ok(Head {
                sha,
                branch: self.branch,
            }),
            HeadSha::OfPullRequest(number) => match pull_request::head(&self.api, number).await {
                Ok((sha, branch)) => Ok(Head { sha, branch }),
                Err(failure) => Err(self.advice.explain(WHAT, &failure, PULL_REQUESTS)),
            },
            HeadSha::None => Err(format!("{WHAT}: the event does not tell the commit.")),
        };
        self.found.send_replace(Some(head.as_ref().ok().cloned()));
        match (self.check, &head) {
            (None, _) => Check::NotWanted,
            (Some(_), Err(why)) => Check::Refused(why.clone()),
            (Some(new), Ok(head)) => {
                let NewCheck {
                    name,
                    external_id,
                    mut output,
                    mut marker,
                    marker_key,
                } = new;
                marker.head_sha.clone_from(&head.sha);
                output.mark(&marker_key.sign(&marker));
                match check_run::create(&self.api, &name, &head.sha, &external_id, &output).await {
                    Ok(handle) => Check::Made(handle),
                    Err(failure) => Check::Refused(self.advice.explain(WHAT, &failure, CHECKS)),
                }
            }
        }
    }
}
