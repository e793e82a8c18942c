//! A check run that exists, and the state of its completion.

use crate::publish::github::wire::CheckRun;

/// A check run that exists.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    id: u64,
    /// URL of its page.
    pub(super) url: Option<String>,
    pub(super) owner: Owner,
}

/// Whose check run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Created by us. We complete it.
    Action,
    /// The job's own. The runner sets status and conclusion.
    Job,
}

impl Handle {
    /// The check run of the job itself, which exists from the job's start. Its page is none that we made.
    pub(super) fn of_job(id: u64) -> Self {
        Self {
            id,
            url: None,
            owner: Owner::Job,
        }
    }

    pub(super) fn path(&self) -> String {
        format!("/check-runs/{}", self.id)
    }

    /// What failed, as the beginning of a sentence.
    pub(super) fn not_completed(&self) -> &'static str {
        match self.owner {
            Owner::Action => "The check run could not be completed and is still in progress",
            Owner::Job => "The job's check run could not be updated, so failed cases are annotated in the log",
        }
    }
}

impl From<CheckRun> for Handle {
    fn from(run: CheckRun) -> Self {
        Self {
            id: run.id,
            url: run.html_url,
            owner: Owner::Action,
        }
    }
}

/// The state of the check run's completion, which a signal may interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    NotBegun,
    /// GitHub may have some annotations.
    Begun,
    Done,
}

/// The check run that shows the failed cases.
#[derive(Debug)]
pub(super) enum Check {
    NotWanted,
    /// It exists.
    Ready(Handle),
    /// A sentence that says why, and what to do.
    Refused(String),
}
