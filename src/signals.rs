//! The signals that interrupt the wait, listened for on a thread of their own: the second one must end the program at
//! once, even while the first one's files are being written.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::report::Signal;

/// A signal and when it came: what follows has two seconds from then on, however busy the main thread was.
#[derive(Debug, Clone, Copy)]
pub struct Caught {
    /// Which.
    pub signal: Signal,
    /// When.
    pub at: Instant,
}

/// Hears of the first signal.
pub struct Listener(Option<oneshot::Receiver<Caught>>);

impl Listener {
    /// Begins to listen. A second signal exits the program with the first one's code.
    ///
    /// # Errors
    /// If the system lets no thread be made or no handler be set.
    pub fn new() -> std::io::Result<Self> {
        let (sender, receiver) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        // Handlers are set before this returns, so that no signal is lost.
        let mut signals = {
            let _entered = runtime.enter();
            Signals::new()?
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                let signal = signals.next().await;
                let at = Instant::now();
                // Whether somebody still waits for it decides nothing: the second signal must work either way.
                let _ = sender.send(Caught { signal, at });
                signals.next().await;
                std::process::exit(i32::from(signal.exit_code()));
            });
        })?;
        Ok(Self(Some(receiver)))
    }

    /// One that never hears of any, where signals can't be listened for.
    pub fn deaf() -> Self {
        Self(None)
    }

    /// The first signal, told once; never, where none can come any more.
    pub async fn first(&mut self) -> Caught {
        let caught = match &mut self.0 {
            Some(receiver) => receiver.await.ok(),
            None => None,
        };
        self.0 = None;
        match caught {
            Some(caught) => caught,
            None => std::future::pending().await,
        }
    }
}

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

/// What the runner sends on Windows: CTRL_C, then CTRL_BREAK. Closing the console is the hang-up.
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
