//! The log: every line the program prints goes through here, so that workflow commands, masks, groups and the live line
//! of a terminal cannot get in each other's way.
//!
//! Lines go to standard error. Outside GitHub the outputs go to standard output, so that a script can catch them.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::rc::Rc;
use std::time::Duration;

use crate::render::escape::log_line;
use crate::render::github::commands::{Level, Reader};
use crate::render::log_lines;
use crate::render::log_lines::events;
use crate::report::{Counts, Millis, RunReport};
use crate::runs::store::{Event, EventHandler, RunStore};
use crate::text::Redactor;

/// How often a line says how far the runs are, whatever else is told.
const LINE_EVERY: Duration = Duration::from_secs(60);
/// Lines on cases that failed at most: an API whose cases fail anew at each look must not fill the log.
const BAD_CASES: usize = 2_000;
/// How often the live line of a terminal is drawn.
const LIVE_EVERY: Duration = Duration::from_secs(1);

/// The log of one program. Cheap to clone.
#[derive(Clone)]
pub struct Log(Rc<Inner>);

struct Inner {
    reader: Reader,
    /// Standard error is a terminal: a live line stands in for the line a minute.
    live: bool,
    in_group: Cell<bool>,
    live_line_shown: Cell<bool>,
    /// Lines on cases that failed, so far.
    bad_cases_told: Cell<usize>,
    /// The runs of which QA.tech does not answer, and what it was last said to be: said once, not at each attempt.
    outages: RefCell<Vec<(usize, String)>>,
    /// Standard error, but for a test.
    out: RefCell<Box<dyn Write>>,
}

impl Log {
    /// A log for GitHub's runner or for anyone.
    pub fn new(github: bool) -> Self {
        let reader = if github { Reader::Runner } else { Reader::Plain };
        let live = !github && std::io::stderr().is_terminal();
        Self::to(reader, live, Box::new(std::io::stderr()))
    }

    fn to(reader: Reader, live: bool, out: Box<dyn Write>) -> Self {
        Self(Rc::new(Inner {
            reader,
            live,
            in_group: Cell::new(false),
            live_line_shown: Cell::new(false),
            bad_cases_told: Cell::new(0),
            outages: RefCell::default(),
            out: RefCell::new(out),
        }))
    }

    /// Prints one line, which must be safe to print: see `render::escape::log_line`.
    pub fn line(&self, safe: &str) {
        let clear = if self.0.live_line_shown.replace(false) {
            "\r\x1b[K"
        } else {
            ""
        };
        self.write(&format!("{clear}{safe}\n"));
    }

    /// Writes in one piece: standard error has no buffer, and whatever else writes there must not get into the line.
    fn write(&self, text: &str) {
        // A log that can't be written to is no reason to give up a verdict.
        let _ = self.0.out.borrow_mut().write_all(text.as_bytes());
    }

    /// Masks every secret: before any other line, and only where the runner takes it for a command.
    pub fn mask(&self, redactor: &Redactor) {
        for line in redactor.expose().iter().flat_map(|secret| self.0.reader.mask(secret)) {
            self.line(&line);
        }
    }

    /// A message of a level, with untrusted text: an annotation on GitHub, a line with the level's word elsewhere.
    pub fn message(&self, level: Level, text: &str) {
        let title = if self.is_github() { "QA.tech" } else { "" };
        self.line(&self.0.reader.message(level, title, text));
    }

    /// A notice.
    pub fn notice(&self, text: &str) {
        self.message(Level::Notice, text);
    }

    /// A warning.
    pub fn warning(&self, text: &str) {
        self.message(Level::Warning, text);
    }

    /// An error.
    pub fn error(&self, text: &str) {
        self.message(Level::Error, text);
    }

    /// Begins a group, which the runner folds.
    pub fn group(&self, title: &str) {
        if !self.0.in_group.replace(true) {
            self.line(&self.0.reader.group(title));
        }
    }

    /// Ends the group, if one is open.
    pub fn end_group(&self) {
        if self.0.in_group.replace(false)
            && let Some(line) = self.0.reader.end_group()
        {
            self.line(line);
        }
    }

    /// Whether the runner takes workflow commands.
    pub fn is_github(&self) -> bool {
        self.0.reader == Reader::Runner
    }

    /// Who reads the log.
    pub fn reader(&self) -> Reader {
        self.0.reader
    }

    /// Says how far the runs are, for as long as it is polled: the live line on a terminal, else a line a minute.
    pub async fn progress(&self, board: &RunStore) {
        loop {
            if self.0.live {
                self.draw(&progress(board));
                tokio::time::sleep(LIVE_EVERY).await;
                continue;
            }
            tokio::time::sleep(LINE_EVERY).await;
            let outage = self
                .0
                .outages
                .borrow()
                .last()
                .map(|(_, what)| events::still_out_of_reach(what))
                .unwrap_or_default();
            self.line(&format!("{}{outage}", progress(board)));
        }
    }

    fn draw(&self, safe: &str) {
        // Cut so that it stays one line, which is what can be drawn over.
        let line: String = safe.chars().take(100).collect();
        self.write(&format!("\r\x1b[K{line}"));
        self.0.live_line_shown.set(true);
    }

    /// Prints outputs where there is no `GITHUB_OUTPUT`: for scripts on standard output, one `name=value` a line.
    /// On lines that no runner takes for commands: GitHub is not the only one that looks for them.
    pub fn outputs(&self, pairs: &[(&'static str, String)]) {
        self.clear_live_line();
        let mut stdout = std::io::stdout().lock();
        for (name, value) in pairs {
            let line = log_line(&format!("{name}={value}"));
            // Nobody may read it.
            let _ = writeln!(stdout, "{line}");
        }
    }

    fn clear_live_line(&self) {
        if self.0.live_line_shown.replace(false) {
            self.write("\r\x1b[K");
        }
    }

    /// Forgets the outage of a run.
    fn outage_over(&self, run: usize) {
        self.0.outages.borrow_mut().retain(|(of, _)| *of != run);
    }
}

fn progress(board: &RunStore) -> String {
    let counts: Counts = board.read(|runs| runs.iter().map(RunReport::counts).sum());
    log_lines::progress(counts, board.now())
}

impl EventHandler for Log {
    fn tell(&self, runs: &[RunReport], run: usize, news: Event, at: Millis) {
        let Some(report) = runs.get(run) else { return };
        match news {
            Event::Attempt => {
                self.outage_over(run);
                self.line(&events::attempt(report));
            }
            Event::Status => {
                if let Some(attempt) = report.latest() {
                    let status = attempt.status.as_deref().unwrap_or_default();
                    let line = log_lines::status_change(
                        report.label(),
                        &attempt.short_id,
                        status,
                        attempt.result.as_deref(),
                        at,
                    );
                    self.line(&line);
                }
            }
            Event::BadCase(index) => {
                let told = self.0.bad_cases_told.get();
                if let Some(case) = report.cases.get(index).filter(|_| told <= BAD_CASES) {
                    self.0.bad_cases_told.set(told + 1);
                    self.line(&if told < BAD_CASES {
                        log_lines::failed_case(case, (runs.len() > 1).then(|| report.label()))
                    } else {
                        format!("{BAD_CASES} failed test cases have been told of; the reports list them all")
                    });
                }
            }
            Event::OutOfReach { what, first, next } => {
                if first {
                    self.line(&events::out_of_reach(report, &what, next));
                }
                self.outage_over(run);
                self.0.outages.borrow_mut().push((run, what));
            }
            Event::BackInReach { after } => {
                self.outage_over(run);
                self.line(&events::back_in_reach(report, after));
            }
            Event::Ended(None) => self.outage_over(run),
            Event::Note(text) => self.line(&text),
            Event::Ended(Some(why)) | Event::NotStarted(why) => {
                self.outage_over(run);
                self.line(&events::ended(report, &why));
            }
        }
    }

    fn warn(&self, text: &str) {
        self.warning(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// What was written so far.
    #[derive(Clone, Default)]
    struct Written(Rc<RefCell<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        /// The lines since it was last asked.
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.take()).unwrap_or_default();
            text.lines().map(ToOwned::to_owned).collect()
        }
    }

    /// A board of two runs, its log and what is written there.
    fn scene() -> (RunStore, Log, Written) {
        let written = Written::default();
        let log = Log::to(Reader::Plain, false, Box::new(written.clone()));
        let run = |label| sample::run(label, "abc", Vec::new());
        let runs = vec![run("First"), run("Second")];
        let board = RunStore::new(tokio::time::Instant::now(), runs, Box::new(log.clone()));
        (board, log, written)
    }

    fn out_of_reach(board: &RunStore, run: usize, what: &str) {
        let news = Event::OutOfReach {
            what: what.to_owned(),
            first: true,
            next: Duration::from_secs(1),
        };
        board.tell(run, news);
    }

    /// The next line of progress.
    async fn progress_line(board: &RunStore, log: &Log, written: &Written) -> String {
        written.lines();
        let _ = tokio::time::timeout(LINE_EVERY + Duration::from_secs(1), log.progress(board)).await;
        written.lines().pop().unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_of_only_while_it_lasts() {
        for over in [
            Event::Attempt,
            Event::BackInReach {
                after: Duration::from_secs(9),
            },
            Event::Ended(None),
            Event::Ended(Some("HTTP 404".to_owned())),
            Event::NotStarted("HTTP 402".to_owned()),
        ] {
            let (board, log, written) = scene();
            out_of_reach(&board, 0, "HTTP 429");
            out_of_reach(&board, 0, "HTTP 503");
            let line = progress_line(&board, &log, &written).await;
            assert!(line.ends_with("; no answer from QA.tech (HTTP 503)"), "{line}");
            board.tell(0, over.clone());
            let line = progress_line(&board, &log, &written).await;
            assert!(!line.is_empty() && !line.contains("no answer"), "{over:?}: {line}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_runs_recovery_leaves_the_others_outage() {
        let (board, log, written) = scene();
        out_of_reach(&board, 0, "HTTP 503");
        out_of_reach(&board, 1, "HTTP 502");
        board.tell(1, Event::Ended(None));
        let line = progress_line(&board, &log, &written).await;
        assert!(line.contains("HTTP 503") && !line.contains("HTTP 502"), "{line}");
    }

    #[test]
    fn a_warning_is_told_whatever_runs_there_are() {
        let written = Written::default();
        let log = Log::to(Reader::Runner, false, Box::new(written.clone()));
        RunStore::new(tokio::time::Instant::now(), Vec::new(), Box::new(log)).warn("careful".to_owned());
        assert_eq!(written.lines(), ["::warning title=QA.tech::careful"]);
    }
}
