//! Texts for GitHub besides the job summary: check run, workflow commands, pull-request comment, issue, and the marker in
//! them.

pub mod check;
pub mod commands;
pub mod comment;
pub mod issue;
pub mod marker;
