//! GitHub's part of the program against a fake GitHub that holds requests against GitHub's own schemas and limits.

mod check;
mod check_faults;
mod comment;
mod hostile;
mod issue;
mod job_rerun;
pub mod program;
mod replayed_markers;
mod rerun;
mod stage;
