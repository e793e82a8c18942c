//! Errors at GitHub. [`Advice`](super::advice::Advice) turns them into sentences that say what to do.

use std::time::Duration;

use thiserror::Error;

use crate::render::duration::format_duration;

/// Why a call failed: a fragment for people, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// GitHub understood the request and refused it.
    #[error("GitHub answered {status}: {message}")]
    Refused {
        /// HTTP status, 4xx.
        status: u16,
        /// GitHub's message.
        message: String,
    },
    /// Something on the way, such as a firewall, answered with a 4xx in GitHub's place.
    #[error(
        "the answer does not come from GitHub's API, but perhaps from a proxy or a firewall: HTTP {status}, {beginning}"
    )]
    Blocked {
        /// HTTP status, 4xx.
        status: u16,
        /// What the answer began with.
        beginning: String,
    },
    /// The request had no effect, or is idempotent.
    #[error("GitHub is out of reach: {0}")]
    Unreachable(String),
    /// The answer to a write was lost, and the write was not repeated.
    #[error("GitHub's answer was lost ({0}); the request may have succeeded, so it was not repeated")]
    Lost(String),
    /// The answer can't be GitHub's: a redirect, or not JSON.
    #[error("the answer does not come from GitHub's API: {0}")]
    Invalid(String),
    /// A rate limit lasts longer than the deadline.
    #[error("GitHub's rate limit is exceeded for another {}, and there is no time to wait for it", rounded(*.wait))]
    RateLimited {
        /// The wait that GitHub asks for.
        wait: Duration,
    },
    /// The deadline came first.
    #[error("there was no time left for GitHub")]
    OutOfTime,
}

impl Error {
    /// Whether GitHub rejected the content of the request (422): other content may be accepted.
    pub(super) fn is_invalid(&self) -> bool {
        self.status() == Some(422)
    }

    /// The status of a refusal.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, message: _ } => Some(*status),
            Self::Blocked {
                status: _,
                beginning: _,
            }
            | Self::Unreachable(_)
            | Self::Lost(_)
            | Self::Invalid(_)
            | Self::RateLimited { wait: _ }
            | Self::OutOfTime => None,
        }
    }
}

/// Why nothing can be published at GitHub although it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unusable {
    /// `GITHUB_REPOSITORY` is unset or malformed.
    #[error("GITHUB_REPOSITORY does not name a repository")]
    NoRepository,
    /// `GITHUB_API_URL` is unset, or no token may be sent to it.
    #[error("GITHUB_API_URL is not a usable address")]
    NoApiUrl,
    /// The input is blank.
    #[error("there is no `github_token`")]
    NoToken,
    /// Without an API token, markers are signed with a random key.
    #[error("the system has no random source")]
    NoRandom,
    /// It can't be sent in a header.
    #[error("`github_token` contains characters that are not allowed in a token")]
    InvalidToken,
    /// The client rejects the URL.
    #[error("GITHUB_API_URL can't be used: {0}")]
    InvalidApiUrl(String),
}

/// Which part of a check run's report is missing at GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum CompletionError {
    /// The check run is still in progress.
    #[error("the check run was not completed")]
    NotCompleted(#[source] Error),
    /// It has its conclusion, but a part of the report was refused or lost.
    #[error("some annotations are missing")]
    Incomplete(#[source] Error),
}

/// Why the runs of the job's earlier attempt are not known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PreviousAttemptError {
    /// This job publishes nothing at GitHub, so its earlier attempt did not either.
    #[error("nothing was published at GitHub")]
    NotPublished,
    /// Nothing can be read at GitHub.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// Without it, the attempts of this job can't be distinguished from those of others.
    #[error("GITHUB_RUN_ID is not set")]
    NoRunId,
    /// GitHub did not answer within the time limit.
    #[error("GitHub did not answer in time")]
    OutOfTime,
    /// Legs of a matrix test the same.
    #[error("several check runs may be the one of its earlier attempt")]
    Ambiguous,
    /// The results belong to another leg, or to a job with the same `comment_key`.
    #[error("the results that were found belong to other plans, applications or environments")]
    OtherTarget,
    /// Nothing of this job was found.
    #[error("no check run or comment of this job names its runs")]
    NotFound,
    /// A request to GitHub failed.
    #[error(transparent)]
    GitHub(#[from] Error),
}

/// A wait as text, rounded up to whole seconds, or to whole minutes above five minutes.
pub(super) fn rounded(wait: Duration) -> String {
    let seconds = wait.as_millis().div_ceil(1_000);
    let seconds = if seconds > 300 {
        seconds.div_ceil(60) * 60
    } else {
        seconds
    };
    format_duration(u64::try_from(seconds * 1_000).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up() {
        let of = |millis| rounded(Duration::from_millis(millis));
        assert_eq!(of(69_001), "1 min 10 s");
        assert_eq!(of(300_000), "5 min");
        assert_eq!(of(23 * 60_000 + 1), "24 min");
        assert_eq!(of(1), "1 s");
    }
}
