//! The report: everything known about the runs, as plain data for every renderer and sink.
//!
//! This module uses no network, clock or environment: callers pass observed times as offsets. All text has passed the
//! redactor, but is not escaped; each renderer escapes for its format.

mod case;
pub mod counts;
pub mod details;
pub mod history;
mod links;
pub mod merge;
mod origin;
pub mod quarantine;
mod run;
#[doc(hidden)]
pub mod sample;
pub mod slice;
pub mod status;
pub mod timeline;
pub mod trend;
pub mod verdict;

pub use case::{Case, CaseAttempt, CaseOutcome, Explanation, Observed, QuarantineNote};
pub use counts::{Counts, FailureKinds};
pub use details::{CaseDetails, Classification, FailureKind, ImageFormat, Screenshot};
pub use origin::Origin;
pub use quarantine::Quarantine;
pub use run::{Attempt, AttemptOrigin, CaseCoverage, RunReport, StatusChange, TestPlan};
pub use slice::ReportSlice;
pub use trend::{CaseName, Trend};
pub use verdict::{FailOn, StepConclusion, Verdict};

/// Milliseconds since the program started, as observed on a monotonic clock.
pub type Millis = u64;

/// Everything known about the step when its results are published.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Wall clock when the program started, milliseconds since the Unix epoch.
    pub started_at: u64,
    /// From the start of the program until this report was made.
    pub duration: Millis,
    /// What the step was asked to do.
    pub mode: Mode,
    /// Where the program runs and for which commit.
    pub origin: Origin,
    /// One entry per plan or attached run, in the order of the input. Empty after `on_missing_token: skip`.
    pub runs: Vec<RunReport>,
    /// The signal that ended the wait, if one did.
    pub interrupted_by: Option<Signal>,
    /// What makes the step fail.
    pub fail_on: FailOn,
    /// Warnings besides the verdict, such as fallbacks and contradictions, in the order in which they occurred.
    pub warnings: Vec<String>,
    /// The comparison with earlier results, if there is a history.
    pub trend: Option<Trend>,
}

/// What the step was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Start or attach, and wait until the runs end.
    Wait,
    /// `blocking: false`: start, do not wait.
    StartOnly,
    /// `blocking: false` with `run_short_id`: poll existing runs once.
    Look,
    /// `on_missing_token: skip` and no token: nothing was done.
    SkippedWithoutToken,
}

/// The signals that interrupt the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, or CTRL_C on Windows.
    Int,
    /// SIGTERM, or CTRL_BREAK on Windows.
    Term,
    /// SIGHUP.
    Hup,
}

impl Signal {
    /// The name of the signal, such as `SIGINT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "SIGINT",
            Self::Term => "SIGTERM",
            Self::Hup => "SIGHUP",
        }
    }

    /// The exit code of a program that the signal ended.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Int => verdict::exit::SIGINT,
            Self::Term | Self::Hup => verdict::exit::SIGTERM,
        }
    }
}
