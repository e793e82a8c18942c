//! The renderers: a report in, text out. Nothing here does I/O.
//!
//! All text that comes from QA.tech or from an event is hostile. Each renderer escapes it once, where it is written,
//! with the functions of [`escape`]. Limits are kept by cutting the raw text before it is escaped, never after.

pub mod anchor;
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

/// A writer for the many small writes of a report, as large as the buffer of a file: its writes pass that one by.
fn buffered<W: std::io::Write>(out: W) -> std::io::BufWriter<W> {
    std::io::BufWriter::with_capacity(64 * 1024, out)
}
