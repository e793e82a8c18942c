//!
//! The rules are those of the public sources of `actions/runner`.

mod commands;
mod files;

pub use commands::{Command, commands, without_masks};
pub use files::{Outputs, parse_outputs};
