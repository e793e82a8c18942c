//! Signals that interrupt the wait. A separate thread receives them, because a second signal must end the program at once, even
//! while files are written after the first one.

use tokio::sync::watch;
use tokio::time::Instant;

use crate::report::Signal;

/// A signal and the time of its arrival. The program must end within two seconds after it.
#[derive(Debug, Clone, Copy)]
pub struct Caught {
    /// Which signal.
    pub signal: Signal,
    /// When it arrived.
    pub at: Instant,
}

/// Receives the first signal.
pub struct Listener {
    caught: Option<watch::Receiver<Option<Caught>>>,
    returned: bool,
}

impl Listener {
    /// Starts to listen. A second signal ends the program with the exit code of the first one.
    ///
    /// # Errors
    /// If the thread or the handlers can't be set up.
    pub fn new() -> std::io::Result<Self> {
        let (sender, receiver) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        // The handlers are set before this function returns, so that no signal is lost.
        let mut signals = {
            let _entered = runtime.enter();
            Signals::new()?
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                let signal = signals.next().await;
                let at = Instant::now();
                // The receiver may have been dropped. The second signal must still work.
                let _ = sender.send(Some(Caught { signal, at }));
                signals.next().await;
                std::process::exit(i32::from(signal.exit_code()));
            });
        })?;
        Ok(Self {
            caught: Some(receiver),
            returned: false,
        })
    }

    /// A listener that never receives a signal, for use if the handlers can't be set up.
    pub fn disabled() -> Self {
        Self {
            caught: None,
            returned: false,
        }
    }

    /// Waits for the first signal. `None` if it was returned before, or if there is no handler.
    pub async fn first(&mut self) -> Option<Caught> {
        let caught = self.caught.as_mut().filter(|_| !self.returned)?;
        let caught = caught.wait_for(Option::is_some).await.ok().and_then(|caught| *caught);
        self.returned = caught.is_some();
        caught
    }

    /// The first signal, if it has arrived.
    pub fn caught(&self) -> Option<Caught> {
        *self.caught.as_ref()?.borrow()
    }

    /// A channel with the first signal, whether [`Self::first`] has returned it or not.
    pub fn watch(&self) -> Option<watch::Receiver<Option<Caught>>> {
        self.caught.clone()
    }
}

/// Makes a write beyond the file size limit (`ulimit -f`) an ordinary error instead of a SIGXFSZ that ends the program. Must
/// be called in a runtime.
pub fn survive_size_limit() {
    // A handler replaces the default action for the rest of the program. If it can't be set, the limit still ends the program.
    #[cfg(unix)]
    let _ = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ));
}

/// The signal's number on x86, ARM and macOS.
#[cfg(unix)]
const SIGXFSZ: i32 = 25;

#[cfg(unix)]
struct Signals {
    int: tokio::signal::unix::Signal,
    term: tokio::signal::unix::Signal,
    hup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.int.recv() => Signal::Int,
            _ = self.term.recv() => Signal::Term,
            _ = self.hup.recv() => Signal::Hup,
        }
    }
}

/// On Windows, the runner sends CTRL_C and then CTRL_BREAK. Closing the console counts as a hang-up.
#[cfg(windows)]
struct Signals {
    int: tokio::signal::windows::CtrlC,
    term: tokio::signal::windows::CtrlBreak,
    hup: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Self {
            int: ctrl_c()?,
            term: ctrl_break()?,
            hup: ctrl_close()?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.int.recv() => Signal::Int,
            _ = self.term.recv() => Signal::Term,
            _ = self.hup.recv() => Signal::Hup,
        }
    }
}
