//! The renderers: a report in, text out. Nothing here does I/O.
//!
//! All text that comes from QA.tech or from an event is hostile. Each renderer escapes it once, where it is written,
//! with the functions of [`escape`]. Limits are kept by cutting the raw text before it is escaped, never after.

pub mod check;
pub mod commands;
pub mod comment;
pub mod console;
pub mod ctrf;
pub mod escape;
#[cfg(test)]
pub(crate) mod gfm_check;
#[cfg(test)]
mod hostile_tests;
pub mod html;
pub mod issue;
pub mod json;
pub mod json_text;
pub mod junit;
mod markdown;
pub mod marker;
pub mod news;
pub mod outputs;
mod page;
pub mod summary;
pub mod time;
pub mod whole_run;
pub mod words;
