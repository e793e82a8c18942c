//! A child process whose output is collected while it runs, and which is killed with its test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::lock;

/// How long any child may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A signal that ends a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Int,
    /// SIGTERM.
    Term,
    /// SIGHUP.
    Hup,
    /// SIGKILL.
    Kill,
}

/// Standard output, standard error, and both line by line in the order of arrival.
#[derive(Default)]
struct Collected {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    log: Vec<u8>,
}

pub(crate) struct Process {
    child: Child,
    collected: Arc<Mutex<Collected>>,
    /// Disconnected once both output streams have been read to their end.
    streams: Receiver<()>,
    started: Instant,
    measures_memory: bool,
    peak_memory: Option<u64>,
}

/// How a process ended.
pub(crate) struct Ended {
    /// The exit code, or the negated number of the signal that killed it.
    pub(crate) code: i32,
    pub(crate) elapsed: Duration,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) log: String,
    /// Peak memory in bytes, if the system reports it.
    pub(crate) peak_memory: Option<u64>,
}

impl Process {
    /// Starts it with closed standard input, in its own process group.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        drop(child.stdin.take());
        let collected = Arc::new(Mutex::new(Collected::default()));
        let (open, streams) = channel();
        if let Some(pipe) = child.stdout.take() {
            collect(pipe, &collected, |collected| &mut collected.stdout, open.clone());
        }
        if let Some(pipe) = child.stderr.take() {
            collect(pipe, &collected, |collected| &mut collected.stderr, open);
        }
        Self {
            child,
            collected,
            streams,
            started: Instant::now(),
            measures_memory: false,
            peak_memory: None,
        }
    }

    /// Samples its memory from now on, each time its end is asked for.
    pub(crate) fn measure_memory(&mut self) {
        self.measures_memory = true;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to this process only, not to its children.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&lock(&self.collected).log).into_owned()
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        if self.measures_memory {
            self.peak_memory = peak_memory(self.child.id()).max(self.peak_memory);
        }
        self.child.try_wait().expect("ask for a child's state")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it runs longer than [`LIMIT`]: it is killed, and its log is shown.
    pub(crate) fn wait(mut self) -> Ended {
        let status = loop {
            let status = self.ended();
            if status.is_some() || self.started.elapsed() >= LIMIT {
                break status;
            }
            self.pause();
        };
        let elapsed = self.started.elapsed();
        self.kill();
        let Some(status) = status else {
            panic!("killed after {elapsed:?}; its log:\n{}", self.log());
        };
        // Ends when both readers have dropped their senders: nothing is ever sent.
        let _ = self.streams.recv();
        let collected = std::mem::take(&mut *lock(&self.collected));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended {
            code: code(status),
            elapsed,
            stdout: text(collected.stdout),
            stderr: text(collected.stderr),
            log: text(collected.log),
            peak_memory: self.peak_memory,
        }
    }

    /// Pauses until its streams close, which they do when it ends, unless a process that it left behind keeps them open.
    fn pause(&self) {
        let most = Duration::from_millis(if self.measures_memory { 5 } else { 50 });
        if self.streams.recv_timeout(most) == Err(RecvTimeoutError::Disconnected) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills it and the processes it left behind.
    fn kill(&mut self) {
        #[cfg(unix)]
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            // The group no longer exists once all its processes have ended.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
fn send(pid: u32, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("the id of a process");
    let signal = match signal {
        Signal::Int => rustix::process::Signal::INT,
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Hup => rustix::process::Signal::HUP,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    // A process that has just ended needs no signal.
    let _ = rustix::process::kill_process(pid, signal);
}

/// Collects what comes out of a pipe, in a thread that holds `open` until the pipe's end.
fn collect(
    pipe: impl Read + Send + 'static,
    collected: &Arc<Mutex<Collected>>,
    own: fn(&mut Collected) -> &mut Vec<u8>,
    open: Sender<()>,
) {
    let collected = Arc::clone(collected);
    thread::spawn(move || {
        let _open = open;
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let mut collected = lock(&collected);
            own(&mut collected).extend_from_slice(&line);
            collected.log.append(&mut line);
        }
    });
}

fn code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return -signal;
    }
    status.code().unwrap_or_default()
}

/// `VmHWM` of Linux's `/proc/PID/status`, in bytes.
///
/// `None` while the process still runs in our memory: the kernel resumes the parent of a `vfork` shortly before `exec` has
/// given the child its own, and the value would be ours. Its command line is then ours, too.
fn peak_memory(pid: u32) -> Option<u64> {
    let command_line = |process: &str| std::fs::read(format!("/proc/{process}/cmdline")).ok();
    if command_line(&pid.to_string())? == command_line("self")? {
        return None;
    }
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
