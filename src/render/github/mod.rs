//! What GitHub shows besides the job summary: check run, workflow commands, pull-request comment, issue, and our marker in them.

pub mod check;
pub mod commands;
pub mod comment;
pub mod issue;
pub mod marker;
