//! The parts of GitHub's runner that an action uses: the files and commands it reads, and how it runs a composite action.
//!
//! The rules are those of the public sources of `actions/runner`.

mod action;
mod commands;
mod expression;
mod files;
mod play;

pub use commands::{Command, commands, without_masks};
pub use files::{Outputs, parse_outputs};
pub use play::{Play, Played, Playing};
