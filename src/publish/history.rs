//! The history file: read and appended to under a lock, so that jobs which share it lose nothing.
//!
//! A file that has grown too long is shortened in place. Its new text is a later part of the old one, so however much
//! of it is written when the machine stops, each line that is to stay is there; at worst one is torn and some are there twice,
//! which the reader copes with.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::render::escape::json_text;
use crate::report::history::{Entry, LEAST_BYTES, bounded};

/// A file greater than this is none of ours: 500 lines have less.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Adds an entry, and returns what the file had before, to be read by
/// [`History::parse`](crate::report::history::History::parse). The file keeps `most` lines of ours, and all others.
/// Waits at most `patience` for others that hold the lock.
///
/// # Errors
/// With the step that failed, and the system's reason. The file is then as it was.
pub fn remember(path: &Path, entry: &Entry, most: usize, patience: Duration) -> Result<Vec<u8>, String> {
    let told = |what: &str, error: io::Error| format!("can't {what} {}: {error}", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| told("make the folder of", error))?;
    }
    let mut line = Vec::new();
    json_text::write_line(entry, &mut line).map_err(|error| told("write", error))?;

    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| told("open", error))?;
    lock(&file, patience).map_err(|error| told("lock", error))?;
    let mut bytes = read(&file).map_err(|error| told("read", error))?;
    let before = bytes.len();
    append(&mut file, &mut bytes, &line).map_err(|error| told("write", error))?;
    shorten(&mut file, &bytes, most, entry.at()).map_err(|error| told("shorten", error))?;
    // Closing unlocks.
    bytes.truncate(before);
    Ok(bytes)
}

/// Takes the lock; `Unsupported` by some network file systems, where going without is the best there is.
fn lock(file: &File, patience: Duration) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "another program keeps it locked",
                ));
            }
        }
    }
}

fn read(file: &File) -> io::Result<Vec<u8>> {
    if file.metadata()?.len() > MAX_BYTES {
        return Err(io::Error::other("it is too large for a history file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes the line at the end, on a line of its own, in one piece or not at all.
fn append(file: &mut File, bytes: &mut Vec<u8>, line: &[u8]) -> io::Result<()> {
    let end = bytes.len();
    if bytes.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line);
    let from = u64::try_from(end).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(from))?;
    let written = file.write_all(bytes.get(end..).unwrap_or_default());
    if written.is_err() {
        // A full disk took a part of it. If this fails too, the reader passes over the torn line.
        let _ = file.set_len(from);
    }
    written
}

fn shorten(file: &mut File, bytes: &[u8], most: usize, now: u64) -> io::Result<()> {
    // Only a file that may have too many lines is worth reading line by line.
    if bytes.len() <= most.saturating_mul(LEAST_BYTES) {
        return Ok(());
    }
    let Some(kept) = bounded(bytes, most, now) else {
        return Ok(());
    };
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&kept)?;
    file.set_len(u64::try_from(kept.len()).unwrap_or(u64::MAX))
}
