//! The history file: read and appended to under a lock, so that jobs can share it.
//!
//! A file that is too long is shortened in place. The new text is the end of the old one, so if the machine stops during the
//! write, no line that is kept is lost: at worst one line is broken and some are there twice, which the reader accepts.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::render::escape::json_text;
use crate::report::history::{Entry, LEAST_BYTES, bounded};

/// A larger file is not a history file: 500 lines have fewer bytes.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Appends an entry, and returns the file's previous content, for
/// [`History::parse`](crate::report::history::History::parse). Keeps the last `most` entries, and all lines that are no
/// entries. Waits at most `patience` for the lock.
///
/// # Errors
/// The operation that failed, with the system's reason. The file is then unchanged.
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

/// Takes the lock. Some network file systems don't support locks (`Unsupported`); the file is then used without one.
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

/// Appends the line atomically, starting on a new line.
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
        // On a full disk only a part was written. If this fails too, the reader skips the broken line.
        let _ = file.set_len(from);
    }
    written
}

fn shorten(file: &mut File, bytes: &[u8], most: usize, now: u64) -> io::Result<()> {
    // Lines are counted only if the file is large enough to have too many.
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
