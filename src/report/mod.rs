//! The report: everything that is known of the runs, as plain data that every renderer and sink reads.
//!
//! Nothing here knows a network, a clock or the environment: times are offsets that the caller observed.
//! All text in it has passed the redactor, none of it has been escaped: that is each renderer's job.

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

/// Everything known when the sinks are served.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Wall clock when the program started, milliseconds since the Unix epoch.
    pub started_at: u64,
    /// From the start of the program until this report was made.
    pub duration: Millis,
    /// What was asked for: decides whether a missing verdict is news.
    pub mode: Mode,
    /// Where the program runs and for which commit.
    pub origin: Origin,
    /// One entry per plan or attached run, in the order of the input. Empty after `on_missing_token: skip`.
    pub runs: Vec<RunReport>,
    /// The signal that ended the wait, if one did.
    pub interrupted_by: Option<Signal>,
    /// What makes the step fail.
    pub fail_on: FailOn,
    /// What the user should know besides the verdict (fallbacks, contradictions), in order of appearance.
    pub warnings: Vec<String>,
    /// What earlier results say, where there is a history.
    pub trend: Option<Trend>,
}

/// What the step was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Start or attach, and wait until the runs end.
    Wait,
    /// `blocking: false`: start, do not wait.
    StartOnly,
    /// `blocking: false` with `run_short_id`: one look at runs that exist.
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
    /// The system's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "SIGINT",
            Self::Term => "SIGTERM",
            Self::Hup => "SIGHUP",
        }
    }

    /// The exit code after it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Int => verdict::exit::SIGINT,
            Self::Term | Self::Hup => verdict::exit::SIGTERM,
        }
    }
}
