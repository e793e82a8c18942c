//! The renderers: from a report to text, without I/O.
//!
//! All text from QA.tech and from events is untrusted. Each renderer escapes it once, where it writes it, with the
//! functions of [`escape`]. Texts are shortened before they are escaped, never after.

pub mod anchor;
mod buffer;
pub mod ctrf;
pub mod duration;
pub mod escape;
#[cfg(test)]
pub(crate) mod gfm_check;
pub mod github;
#[cfg(test)]
mod hostile_tests;
pub mod html;
pub mod json;
pub mod junit;
pub mod log_lines;
pub mod markdown;
pub mod outputs;
pub mod phrases;
pub mod synthetic_case;
mod times;
mod trend;
