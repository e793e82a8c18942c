//! Escaping: hostile text made harmless for each of the formats that people and machines read.
//!
//! Cut first, then escape: a cut through escaped text can leave half an entity behind.

mod actions;
mod gfm;
mod spans;

pub use crate::clean::{clean, cut_bytes, cut_chars, is_blank, one_line};
pub(in crate::render) use crate::clean::{is_hostile, plain_ascii};
pub use actions::{command_data, command_property, log_line, log_text};
pub use gfm::{code_cell, inline, lines, push_inline, push_lines};
pub use spans::spans;
