//! Publishes at GitHub: check run, comment and issues. Runs concurrently with the wait for the runs and never delays it.
//!
//! [`GitHub::begin`] starts a task that creates the check run; [`GitHub::finish`] or [`GitHub::cancel`] publishes the
//! report by a deadline. Neither returns an error: failures become sentences in [`Published`].

mod advice;
mod answer;
mod author;
mod check_handle;
mod check_run;
mod client;
mod comment;
mod create_check;
mod deadline;
pub(crate) mod deployments;
mod error;
mod find_comment;
mod issue;
mod place;
mod prepare;
mod previous_attempt;
mod published;
mod pull_request;
mod session;
mod wire;

pub use error::PreviousAttemptError;
pub use prepare::HeadCommit;
pub use published::{Links, Published};
pub use session::GitHub;
