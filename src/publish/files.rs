//! Report files: written whole or not at all, in folders that are made.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Writes a file through `write`: into a new file beside it that takes its name only when it is complete, so that nobody
/// ever reads half a report. What exists and is no regular file (a pipe, `/dev/stdout`) is written to as it is.
///
/// # Errors
/// With the step that failed, and the system's reason.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<(), String> {
    let told = |what: &str, error: io::Error| format!("{what} {}: {error}", path.display());
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let file = File::options()
            .write(true)
            .open(path)
            .map_err(|error| told("can't open", error))?;
        return fill(&file, write).map_err(|error| told("can't write", error));
    }
    // A link keeps pointing where it points: the file behind it is replaced. Only where the system would follow it, too:
    // it follows no link that somebody else put into a folder like /tmp (`fs.protected_symlinks`), while resolving it
    // by hand would.
    let real = fs::metadata(path).and_then(|_| fs::canonicalize(path));
    let path = &real.unwrap_or_else(|_| path.to_owned());
    let name = path
        .file_name()
        .ok_or_else(|| format!("{} names no file", path.display()))?;
    if path.is_dir() {
        return Err(format!("{} is a folder, not a file", path.display()));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| format!("can't make the folder {}: {error}", folder.display()))?;
    let suffix = crate::random::hex(6).map_err(|_| "the system has no random source".to_owned())?;
    let temporary = Temporary(folder.join(format!(".{}.{suffix}.tmp", name.to_string_lossy())));
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&temporary.0)
        .map_err(|error| told("can't write", error))?;
    fill(&file, write).map_err(|error| told("can't write", error))?;
    drop(file);
    fs::rename(&temporary.0, path).map_err(|error| told("can't write", error))?;
    temporary.keep();
    Ok(())
}

fn fill(file: &File, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, file);
    write(&mut out)?;
    out.flush()
}

/// A file that is removed unless it was renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn keep(mut self) {
        self.0 = PathBuf::new();
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // It may never have been made.
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// Appends a block to a file of the runner, on a line of its own, in one piece or not at all: half an output would make
/// the file invalid, and the runner would take none of it.
///
/// # Errors
/// With the system's reason.
pub fn append(path: &Path, block: &str) -> Result<(), String> {
    let told = |error: io::Error| format!("{}: {error}", path.display());
    let mut file = File::options().append(true).create(true).open(path).map_err(told)?;
    // Another program of the same step may have left its last line open.
    let text = if last_byte(path).is_some_and(|last| last != b'\n') {
        format!("\n{block}")
    } else {
        block.to_owned()
    };
    let before = file.metadata().ok().filter(Metadata::is_file).map(|file| file.len());
    let written = file.write_all(text.as_bytes());
    if let (Err(_), Some(before)) = (&written, before) {
        // A full disk took a part of it. Opened anew, since Windows lets nobody shorten a file that is open for appending.
        // If this fails too, nothing is left to try.
        let _ = File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(before));
    }
    written.map_err(told)
}

/// The last byte of a regular file. What is none may have no end at all.
fn last_byte(path: &Path) -> Option<u8> {
    let mut file = File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.seek(SeekFrom::End(-1)).ok()?;
    let mut last = [0];
    file.read_exact(&mut last).ok()?;
    last.first().copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn folders_are_made_and_old_files_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/report.xml");
        for text in ["old and longer", "new"] {
            write_whole(&path, |out| out.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(path.parent().unwrap()), ["report.xml"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.xml");
        fs::write(&path, "old").unwrap();
        let problem = write_whole(&path, |out| out.write_all(b"half").and(Err(io::Error::other("full")))).unwrap_err();
        assert!(problem.contains("full"), "{problem}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["report.xml"]);
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            write_whole(folder.path(), |_| Ok(()))
                .unwrap_err()
                .contains("is a folder")
        );
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(write_whole(&folder.path().join("file/report.xml"), |_| Ok(())).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_link_keeps_pointing() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_whole(&link, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn appending_begins_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        fs::write(&path, "open").unwrap();
        append(&path, "a=1\n").unwrap();
        append(&path, "b=2\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "open\na=1\nb=2\n");
    }
}
