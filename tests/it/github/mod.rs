//! The program's GitHub part against a fake GitHub that validates requests with GitHub's own schemas and limits.

mod check;
mod check_faults;
mod comment;
mod hostile;
mod issue;
mod job_check;
mod job_rerun;
mod legs_and_steps;
mod load;
pub mod program;
mod rate_limits;
mod replayed_markers;
mod rerun;
mod stage;
mod tokens;
