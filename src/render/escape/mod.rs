//! Escaping: hostile text made harmless for each of the formats that people and machines read.
//!
//! Cut first, then escape: a cut through escaped text can leave half an entity behind.

mod actions;
mod chunk;
mod code_segments;
mod gfm;
pub mod json_text;
mod markup;

pub(in crate::render) use crate::text::sanitize::is_hostile;
pub use crate::text::sanitize::{clean, cut_bytes, cut_chars, is_blank, one_line};
pub use actions::{command_data, command_property, log_line, log_text};
pub use code_segments::code_segments;
pub use gfm::{break_emoji_codes, code_cell, inline, lines, push_inline, push_lines};
pub use markup::{write_clean_html, write_html, write_xml};
