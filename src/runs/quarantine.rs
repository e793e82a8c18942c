//! Reads the quarantine list, once, before any run.

use std::path::Path;
use std::time::SystemTime;

use thiserror::Error;

use crate::files::{Files, Problem};
use crate::report::Quarantine;
use crate::report::quarantine::QuarantineError;

/// Maximum size of the file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why the list can't be used.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file can't be read.
    #[error("`quarantine_path`: {0}")]
    File(#[from] Problem),
    /// The file is not UTF-8.
    #[error("`quarantine_path`: the file is not UTF-8 text")]
    NotText,
    /// A line is not a valid entry.
    #[error(transparent)]
    Line(#[from] QuarantineError),
}

/// The entries of `quarantine` (`text`) and of the file `quarantine_path` that are valid at this time.
///
/// # Errors
/// Everything that is wrong with both.
pub(crate) async fn read(
    text: Option<&str>,
    path: Option<&Path>,
    files: &Files,
    now: SystemTime,
) -> Result<Quarantine, Vec<ReadError>> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut list = Quarantine::default();
    let mut errors = Vec::new();
    let mut add = |text: &str, input| match Quarantine::parse(text, input, now) {
        Ok(entries) => list.extend(entries),
        Err(faults) => errors.extend(faults.into_iter().map(ReadError::Line)),
    };
    if let Some(text) = text {
        add(text, "quarantine");
    }
    let file = match path {
        Some(path) => match files.regular(path) {
            Ok(path) => Some(files.read(&path, MAX_BYTES).await),
            Err(problem) => Some(Err(problem)),
        },
        None => None,
    };
    match file.map(|bytes| bytes.map(String::from_utf8)) {
        Some(Ok(Ok(text))) => add(&text, "quarantine_path"),
        Some(Ok(Err(_))) => errors.push(ReadError::NotText),
        Some(Err(problem)) => errors.push(ReadError::File(problem)),
        None => {}
    }
    if errors.is_empty() { Ok(list) } else { Err(errors) }
}
