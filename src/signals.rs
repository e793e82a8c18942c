//! The signals that interrupt the wait, listened for on a thread of their own: the second one must end the program at
//! once, even while the first one's files are being written.

use tokio::sync::watch;
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
pub struct Listener {
    caught: Option<watch::Receiver<Option<Caught>>>,
    told: bool,
}

impl Listener {
    /// Begins to listen. A second signal exits the program with the first one's code.
    ///
    /// # Errors
    /// If the system lets no thread be made or no handler be set.
    pub fn new() -> std::io::Result<Self> {
        let (sender, receiver) = watch::channel(None);
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
                let _ = sender.send(Some(Caught { signal, at }));
                signals.next().await;
                std::process::exit(i32::from(signal.exit_code()));
            });
        })?;
        Ok(Self {
            caught: Some(receiver),
            told: false,
        })
    }

    /// One that never hears of any, where signals can't be listened for.
    pub fn disabled() -> Self {
        Self {
            caught: None,
            told: false,
        }
    }

    /// The first signal, told once; never, where none can come any more.
    pub async fn first(&mut self) -> Caught {
        let caught = match &mut self.caught {
            Some(caught) if !self.told => caught.wait_for(Option::is_some).await.ok().and_then(|caught| *caught),
            Some(_) | None => None,
        };
        match caught {
            Some(caught) => {
                self.told = true;
                caught
            }
            None => std::future::pending().await,
        }
    }

    /// The first signal for whoever else has to know of it, whether it was told or not.
    pub fn watch(&self) -> Option<watch::Receiver<Option<Caught>>> {
        self.caught.clone()
    }
}

/// From now on a write beyond the limit of a file's size (`ulimit -f`) is an error as any other, where SIGXFSZ would end
/// the program before it told anything. Must be called in a runtime.
pub fn survive_size_limit() {
    // Being listened for replaces what a signal does by default, for the rest of the program. Where that fails, the
    // limit ends the program as before.
    #[cfg(unix)]
    let _ = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ));
}

/// Its number on x86, ARM and macOS.
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
