//! Preparation before the wait for the runs: finds the head commit, and creates the check run on it.

use tokio::sync::watch;

use crate::context::HeadSha;
use crate::publish::github::advice::{Advice, CHECKS, PULL_REQUESTS};
use crate::publish::github::check_handle::{Check, Handle};
use crate::publish::github::client::Api;
use crate::publish::github::create_check::create;
use crate::publish::github::pull_request;
use crate::publish::identity::MarkerKey;
use crate::render::github::check::CheckOutput;
use crate::render::github::marker::Marker;

/// The commit that the results belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadCommit {
    /// Its SHA.
    pub sha: String,
    /// Its branch's name.
    pub branch: Option<String>,
}

/// What is known of the head commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Head {
    /// GitHub is still being asked.
    #[default]
    Pending,
    Known(HeadCommit),
    /// GitHub did not return one, or there is none.
    Absent,
}

impl Head {
    pub(super) fn commit(&self) -> Option<&HeadCommit> {
        match self {
            Self::Known(commit) => Some(commit),
            Self::Pending | Self::Absent => None,
        }
    }
}

/// The check run that is wanted.
pub(super) enum WantedCheck {
    None,
    /// One of our own, to be created.
    New(Box<NewCheck>),
    /// The job's, by its id where that is known.
    Job(Option<u64>),
}

/// What is done before the runs are waited for.
pub(super) struct Preparation {
    pub(super) api: Api,
    pub(super) advice: Advice,
    pub(super) head: HeadSha,
    pub(super) branch: Option<String>,
    pub(super) check: WantedCheck,
    /// Set as soon as the head is known or known to be absent, which the comment and the search for previous runs need.
    pub(super) found: watch::Sender<Head>,
}

pub(super) struct NewCheck {
    pub(super) name: String,
    pub(super) external_id: String,
    pub(super) output: CheckOutput,
    /// Without the head, which is not known yet.
    pub(super) marker: Marker,
    pub(super) marker_key: MarkerKey,
}

/// The beginning of each sentence about a missing check run.
const NO_CHECK: &str = "No check run could be created, so failed cases are annotated in the log";
const NO_JOB_CHECK: &str = "Failed cases are annotated in the log and not on the job's check run: its id is unknown. The \
                            runner (from version 2.328 on) and the server must provide `job.check_run_id`.";

impl Preparation {
    /// Finds the head and creates the check run.
    pub(super) async fn run(self) -> Check {
        let Self {
            api,
            advice,
            head,
            branch,
            check,
            found,
        } = self;
        let head = match head {
            HeadSha::Known(sha) => Ok(HeadCommit { sha, branch }),
            HeadSha::OfPullRequest(number) => match pull_request::head(&api, number).await {
                Ok((sha, branch)) => Ok(HeadCommit { sha, branch }),
                Err(error) => Err(advice.explain(NO_CHECK, &error, PULL_REQUESTS)),
            },
            HeadSha::None => Err(format!("{NO_CHECK}: the event does not contain the commit.")),
        };
        found.send_replace(match &head {
            Ok(commit) => Head::Known(commit.clone()),
            Err(_) => Head::Absent,
        });
        match (check, head) {
            (WantedCheck::None, _) => Check::NotWanted,
            (WantedCheck::Job(Some(id)), _) => Check::Ready(Handle::for_job(id)),
            (WantedCheck::Job(None), _) => Check::Refused(NO_JOB_CHECK.to_owned()),
            (WantedCheck::New(_), Err(why)) => Check::Refused(why),
            (WantedCheck::New(new), Ok(head)) => {
                let NewCheck {
                    name,
                    external_id,
                    mut output,
                    mut marker,
                    marker_key,
                } = *new;
                marker.head_sha.clone_from(&head.sha);
                output.mark(&marker_key.sign(&marker));
                match create(&api, &name, &head.sha, &external_id, &output).await {
                    Ok(handle) => Check::Ready(handle),
                    Err(error) => Check::Refused(advice.explain(NO_CHECK, &error, CHECKS)),
                }
            }
        }
    }
}
