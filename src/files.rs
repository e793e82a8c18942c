//! Access to files by path. No file can block the main thread, and no link in a checkout can redirect a read or write.
//!
//! A file that is not regular (a pipe, a device) may block forever. It is opened, read and written on a separate thread, which
//! is abandoned after a time limit.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::render::escape::log_text;
use crate::signals::{Caught, Listener};

/// Time limit for a file that is not regular, from opening to the last byte.
const LIMIT: Duration = Duration::from_secs(5);
/// Time limit for all such files after a signal, counted from the signal: the program must end within two seconds.
const LIMIT_AFTER_SIGNAL: Duration = Duration::from_millis(400);
/// Shortest time limit for one such file: enough if the other end is ready.
const LEAST: Duration = Duration::from_millis(20);

/// Number of files that [`Files::take_number`] tries to create.
const MAX_NUMBER: u64 = 100;

/// Why a file was not read or written. The paths are untrusted.
#[derive(Debug, Error)]
pub enum Problem {
    /// The operating system returned an error.
    #[error("can't {what} {}: {error}", path.display())]
    System {
        /// The operation that failed.
        what: &'static str,
        /// Path of the file or its folder.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The path does not end with a file name; an example is `..`.
    #[error("{} is not the path of a file", .0.display())]
    NoName(PathBuf),
    /// The path is that of a folder.
    #[error("{} is a folder, not a file", .0.display())]
    Folder(PathBuf),
    /// The path contains a link below the workspace that is not followed.
    #[error("{} is a link that leads out of the workspace or does not lead to a file; it is not followed, since it may come from the checkout", .0.display())]
    Link(PathBuf),
    /// The file is a pipe or a device, but only a regular file is allowed.
    #[error("{} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// The operation took too long.
    #[error("{} is not a regular file, and opening, reading or writing it took longer than {LIMIT:?}; check that its other end is open", .0.display())]
    Slow(PathBuf),
    /// The file is longer than allowed.
    #[error("{} is too long", .0.display())]
    TooLong(PathBuf),
    /// There are no random bytes for the name of a temporary file.
    #[error("the system has no random source")]
    NoRandom,
}

/// Converts an error of the operating system.
fn system(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Problem {
    let path = path.to_owned();
    move |error| Problem::System { what, path, error }
}

/// Access to files, with limits on where a link may lead and how long a file may block.
#[derive(Clone)]
pub struct Files {
    /// The path of the workspace as given, and without links. `None` if it is the root, which contains every path.
    workspace: Option<(PathBuf, PathBuf)>,
    signal: Option<watch::Receiver<Option<Caught>>>,
}

impl Files {
    /// Access to files for a workspace, by default the current folder. Links below it are not followed out of it.
    pub fn new(workspace: Option<&Path>) -> Self {
        let given = match workspace {
            Some(path) => std::path::absolute(path),
            None => std::env::current_dir(),
        };
        let workspace = given
            .and_then(|given| Ok((fs::canonicalize(&given)?, given)))
            .ok()
            .filter(|(real, _)| real.parent().is_some())
            .map(|(real, given)| (given, real));
        Self {
            workspace,
            signal: None,
        }
    }

    /// Shortens the time limits after a signal has arrived.
    #[must_use]
    pub fn hurried_by(self, signals: &Listener) -> Self {
        Self {
            signal: signals.watch(),
            ..self
        }
    }

    /// Runs work that may block on a separate thread. Returns `None` if it takes too long; the thread is then abandoned.
    pub async fn within<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let work = tokio::task::spawn_blocking(work);
        tokio::select! {
            biased;
            done = work => done.ok(),
            () = self.time_is_over() => None,
        }
    }

    async fn time_is_over(&self) {
        let after_signal = async {
            let caught = match self.signal.clone() {
                Some(mut signal) => signal.wait_for(Option::is_some).await.ok().and_then(|caught| *caught),
                None => None,
            };
            match caught {
                Some(Caught { signal: _, at }) => {
                    sleep_until((at + LIMIT_AFTER_SIGNAL).max(Instant::now() + LEAST)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep(LIMIT) => {}
            () = after_signal => {}
        }
    }

    /// Works on one file, with [`within`](Self::within) if it may block.
    async fn one<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&Path) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        if !may_hang(path) {
            return work(path);
        }
        let owned = path.to_owned();
        self.within(move || work(&owned))
            .await
            .unwrap_or_else(|| Err(Problem::Slow(path.to_owned())))
    }

    /// Reads a file of at most `most` bytes.
    ///
    /// # Errors
    /// If the file can't be read or is longer.
    pub async fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, Problem> {
        self.one(path, move |path| {
            let mut bytes = Vec::new();
            let file = File::open(path).map_err(system("open", path))?;
            file.take(most.saturating_add(1))
                .read_to_end(&mut bytes)
                .map_err(system("read", path))?;
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
                return Err(Problem::TooLong(path.to_owned()));
            }
            Ok(bytes)
        })
        .await
    }

    /// Writes a file atomically: `write` fills a temporary file, which is renamed when it is complete. An existing file that is
    /// not regular (a pipe, `/dev/stdout`) is written directly, with workflow commands in the text disabled.
    ///
    /// # Errors
    /// See [`Problem`].
    pub async fn write_whole(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Problem> {
        let path = &self.resolve(path)?;
        if !may_hang(path) {
            return replace(path, write);
        }
        let mut bytes = Vec::new();
        write(&mut bytes).map_err(system("write", path))?;
        let text = log_text(&String::from_utf8_lossy(&bytes));
        self.one(path, move |path| {
            let mut file = File::options().write(true).open(path).map_err(system("open", path))?;
            file.write_all(text.as_bytes()).map_err(system("write", path))
        })
        .await
    }

    /// Appends a block atomically, starting on a new line: an incomplete output would make the file invalid, and the runner would
    /// reject all of it. A file that is not regular is written as in [`write_whole`](Self::write_whole).
    ///
    /// # Errors
    /// See [`Problem`].
    pub async fn append(&self, path: &Path, block: String) -> Result<(), Problem> {
        let path = &self.resolve(path)?;
        if may_hang(path) {
            return self.write_whole(path, |out| out.write_all(block.as_bytes())).await;
        }
        append(path, &block)
    }

    /// The path for opening a file that is regular or does not exist yet.
    ///
    /// # Errors
    /// If it is not a regular file, or a link that is not followed.
    pub fn regular(&self, path: &Path) -> Result<PathBuf, Problem> {
        let real = self.resolve(path)?;
        if may_hang(&real) {
            return Err(Problem::NotRegular(path.to_owned()));
        }
        Ok(real)
    }

    /// Reserves the lowest free number by creating an empty file with that number in its name. Returns 0 if no file can be created.
    pub fn take_number(&self, folder: &Path, stem: &str) -> u64 {
        let take = |number: &u64| File::create_new(folder.join(format!("{stem}-{number}")));
        (0..MAX_NUMBER)
            .find(|number| !take(number).is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists))
            .filter(|number| folder.join(format!("{stem}-{number}")).is_file())
            .unwrap_or(0)
    }

    /// The path without links if it is below the workspace, otherwise as given.
    fn resolve(&self, path: &Path) -> Result<PathBuf, Problem> {
        let (Some((given, workspace)), Ok(absolute)) = (&self.workspace, std::path::absolute(path)) else {
            return Ok(path.to_owned());
        };
        let written = lexical(&absolute);
        let Ok(below) = written.strip_prefix(given).or_else(|_| written.strip_prefix(workspace)) else {
            return Ok(path.to_owned());
        };
        let refused = || Problem::Link(path.to_owned());
        let real = really(&absolute).ok_or_else(refused)?;
        let by_link = real != workspace.join(below);
        if !real.starts_with(workspace) || by_link && may_hang(&real) {
            return Err(refused());
        }
        Ok(real)
    }
}

/// Reads a file in the checkout as text, if it is a regular file and no part of its path is a link: anyone who can open a
/// pull request can add a link to a device or to another file on this machine.
pub fn read_checked_out(workspace: &Path, path: &str, most: u64) -> Option<String> {
    let mut at = fs::canonicalize(workspace).ok()?;
    let mut kind = None;
    for part in Path::new(path).components() {
        let Component::Normal(name) = part else { return None };
        at.push(name);
        let found = fs::symlink_metadata(&at).ok()?.file_type();
        if found.is_symlink() {
            return None;
        }
        kind = Some(found);
    }
    if !kind?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(at).ok()?.take(most).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Whether opening a file may block.
fn may_hang(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// A path without `.` and `..`, resolved as text.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => out.push(part),
        }
    }
    out
}

/// An absolute path without links. Its last components need not exist. `None` if a link is broken.
fn really(path: &Path) -> Option<PathBuf> {
    let (there, real) = path
        .ancestors()
        .find_map(|there| Some((there, fs::canonicalize(there).ok()?)))?;
    let rest = path.strip_prefix(there).ok()?;
    let dangling = rest
        .components()
        .next()
        .is_some_and(|next| fs::symlink_metadata(there.join(next)).is_ok_and(|metadata| metadata.is_symlink()));
    (!dangling).then(|| lexical(&real.join(rest)))
}

/// [`Files::write_whole`] for a regular file.
fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Problem> {
    // A link is kept, and its target is replaced, but only if the system follows the link: it does not follow another user's
    // link in a folder like /tmp (`fs.protected_symlinks`), which `canonicalize` would.
    let real = fs::metadata(path).and_then(|_| fs::canonicalize(path));
    let path = &real.unwrap_or_else(|_| path.to_owned());
    if path.file_name().is_none() {
        return Err(Problem::NoName(path.clone()));
    }
    if path.is_dir() {
        return Err(Problem::Folder(path.clone()));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(system("make the folder", folder))?;
    // The temporary name does not contain the file's name, which may have the maximum length.
    let suffix = crate::random::hex(8).map_err(|_| Problem::NoRandom)?;
    let temporary = Temporary(folder.join(format!(".qatech-run.{suffix}.tmp")));
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&temporary.0)
        .map_err(system("write", path))?;
    fill(&file, write).map_err(system("write", path))?;
    drop(file);
    fs::rename(&temporary.0, path).map_err(system("write", path))?;
    temporary.keep();
    Ok(())
}

fn fill(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, file);
    write(&mut out)?;
    out.flush()
}

/// A temporary file, which is removed when dropped unless it was renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn keep(mut self) {
        self.0 = PathBuf::new();
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // The file may not exist.
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// [`Files::append`] for a regular file.
fn append(path: &Path, block: &str) -> Result<(), Problem> {
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(path)
        .map_err(system("open", path))?;
    // Another program in the same step may have written a last line without a line break.
    let text = if last_byte(path).is_some_and(|last| last != b'\n') {
        format!("\n{block}")
    } else {
        block.to_owned()
    };
    let before = file.metadata().ok().filter(Metadata::is_file).map(|file| file.len());
    let written = file.write_all(text.as_bytes());
    if let (Err(_), Some(before)) = (&written, before) {
        // On a full disk, only a part is written. Truncating needs another handle, since Windows can't truncate a file that is open
        // for appending. An error is ignored: there is nothing else to try.
        let _ = File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(before));
    }
    written.map_err(system("write", path))
}

/// The last byte of a file.
fn last_byte(path: &Path) -> Option<u8> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::End(-1)).ok()?;
    let mut last = [0];
    file.read_exact(&mut last).ok()?;
    last.first().copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn write_whole(path: &Path, text: &str) -> Result<(), Problem> {
        let files = Files::new(None);
        files.write_whole(path, |out| out.write_all(text.as_bytes())).await
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn folders_are_made_and_old_files_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/report.xml");
        for text in ["old and longer", "new"] {
            write_whole(&path, text).await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(path.parent().unwrap()), ["report.xml"]);
    }

    #[tokio::test]
    async fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.xml");
        fs::write(&path, "old").unwrap();
        let half = |out: &mut dyn Write| out.write_all(b"half").and(Err(io::Error::other("full")));
        let problem = Files::new(None).write_whole(&path, half).await.unwrap_err().to_string();
        assert!(problem.contains("full"), "{problem}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["report.xml"]);
    }

    #[tokio::test]
    async fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            write_whole(folder.path(), "")
                .await
                .unwrap_err()
                .to_string()
                .contains("is a folder")
        );
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(write_whole(&folder.path().join("file/report.xml"), "").await.is_err());
    }

    #[tokio::test]
    #[cfg(unix)]
    async fn a_link_keeps_pointing() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_whole(&link, "new").await.unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[tokio::test]
    async fn appending_begins_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        fs::write(&path, "open").unwrap();
        let files = Files::new(None);
        files.append(&path, "a=1\n".to_owned()).await.unwrap();
        files.append(&path, "b=2\n".to_owned()).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "open\na=1\nb=2\n");
    }
}
