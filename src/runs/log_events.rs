//! Writes the runs' events and their progress to the log while the program waits for them.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use crate::log::{Log, MAX_LIVE_LINE};
use crate::render::log_lines;
use crate::render::log_lines::{events, live};
use crate::report::RunReport;
use crate::runs::event::Event;
use crate::runs::store::{EventHandler, RunHandle, RunStore};

/// Time between two progress lines if there is no live line.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum number of lines about failed cases: an API whose cases fail anew at each poll must not fill the log.
const MAX_BAD_CASES: usize = 2_000;
/// Time between two drawings of the live line.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// The log of the runs of one program. Cheap to clone.
#[derive(Clone)]
pub struct RunLog(Rc<Inner>);

struct Inner {
    log: Log,
    /// Number of lines about failed cases so far.
    bad_cases: Cell<usize>,
    /// Indices of the runs whose polls fail, each with the latest error.
    outages: RefCell<Vec<(usize, String)>>,
}

impl RunLog {
    /// Writes to this log.
    pub fn new(log: Log) -> Self {
        Self(Rc::new(Inner {
            log,
            bad_cases: Cell::new(0),
            outages: RefCell::default(),
        }))
    }

    /// Shows the runs' progress until it is dropped: as a live line on a terminal, otherwise as one line per minute.
    pub async fn progress(&self, store: &RunStore) -> Infallible {
        loop {
            if self.0.log.is_live() {
                let (now, end) = (store.now(), store.expected_end());
                let line = |runs: &[RunReport]| live::live_line(runs, now, end, MAX_LIVE_LINE);
                self.0.log.draw(&store.read(line));
                tokio::time::sleep(LIVE_INTERVAL).await;
            } else {
                tokio::time::sleep(PROGRESS_INTERVAL).await;
                self.0.log.line(&self.progress_line(store));
            }
        }
    }

    fn progress_line(&self, store: &RunStore) -> String {
        let outages = self.0.outages.borrow();
        let outage = outages.last().map(|(_, what)| events::still_out_of_reach(what));
        let progress = store.read(|runs| log_lines::progress(runs, store.now()));
        format!("{progress}{}", outage.unwrap_or_default())
    }

    /// Removes the outage of a run; false if there is none.
    fn end_outage(&self, run: RunHandle<'_>) -> bool {
        let mut outages = self.0.outages.borrow_mut();
        let before = outages.len();
        outages.retain(|(index, _)| *index != run.index());
        outages.len() < before
    }

    fn bad_case(&self, run: RunHandle<'_>, index: usize) {
        let logged = self.0.bad_cases.get();
        if logged > MAX_BAD_CASES {
            return;
        }
        self.0.bad_cases.set(logged + 1);
        if logged == MAX_BAD_CASES {
            self.0.log.line(&format!(
                "{MAX_BAD_CASES} failed test cases have been logged; the reports list all of them"
            ));
            return;
        }
        let several = run.store().runs().count() > 1;
        let line = run.read(|run| {
            let case = run.cases.get(index)?;
            Some(log_lines::failed_attempt(case, several.then(|| run.label())))
        });
        if let Some(line) = line.flatten() {
            self.0.log.line(&line);
        }
    }
}

fn status_line(run: RunHandle<'_>) -> Option<String> {
    let now = run.store().now();
    run.read(|run| {
        let attempt = run.latest()?;
        Some(log_lines::status_change(
            run.label(),
            &attempt.short_id,
            attempt.status.as_deref().unwrap_or_default(),
            attempt.result.as_deref(),
            now,
        ))
    })
    .flatten()
}

impl EventHandler for RunLog {
    fn emit(&self, run: RunHandle<'_>, event: Event) {
        let line = match event {
            Event::Attempt => {
                self.end_outage(run);
                run.read(events::attempt)
            }
            Event::Status => status_line(run),
            Event::BadCase(index) => return self.bad_case(run, index),
            Event::OutOfReach { what, next } => {
                let line = run.read(|run| events::out_of_reach(run, &what, next));
                let is_first = !self.end_outage(run);
                self.0.outages.borrow_mut().push((run.index(), what));
                line.filter(|_| is_first)
            }
            Event::BackInReach { after } => {
                self.end_outage(run);
                run.read(|run| events::back_in_reach(run, after))
            }
            Event::Note(text) => Some(text),
            Event::Ended(why) => {
                self.end_outage(run);
                why.and_then(|why| run.read(|run| events::ended(run, &why)))
            }
            Event::NotStarted(why) => {
                self.end_outage(run);
                run.read(|run| events::ended(run, &why))
            }
        };
        if let Some(line) = line {
            self.0.log.line(&line);
        }
    }

    fn warn(&self, text: &str) {
        self.0.log.warning(text);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::render::github::commands::Reader;
    use crate::report::sample;
    use crate::text::{Redactor, Secret};

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
        /// The lines since the last call.
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.take()).unwrap_or_default();
            text.lines().map(ToOwned::to_owned).collect()
        }
    }

    /// A store of two runs, its log, and the log's output.
    fn scene() -> (RunStore, RunLog, Written) {
        let written = Written::default();
        let log = RunLog::new(Log::with_output(
            Reader::Plain,
            false,
            Redactor::default(),
            Box::new(written.clone()),
        ));
        let run = |label| sample::run(label, "abc", Vec::new());
        let runs = vec![run("First"), run("Second")];
        let store = RunStore::new(tokio::time::Instant::now(), runs, Box::new(log.clone()));
        (store, log, written)
    }

    fn out_of_reach(store: &RunStore, run: usize, what: &str) {
        let event = Event::OutOfReach {
            what: what.to_owned(),
            next: Duration::from_secs(1),
        };
        store.runs().nth(run).unwrap().emit(event);
    }

    /// The next line of progress.
    async fn progress_line(store: &RunStore, log: &RunLog, written: &Written) -> String {
        written.lines();
        let _ = tokio::time::timeout(PROGRESS_INTERVAL + Duration::from_secs(1), log.progress(store)).await;
        written.lines().pop().unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_shown_only_while_it_lasts() {
        for over in [
            Event::Attempt,
            Event::BackInReach {
                after: Duration::from_secs(9),
            },
            Event::Ended(None),
            Event::Ended(Some("HTTP 404".to_owned())),
            Event::NotStarted("HTTP 402".to_owned()),
        ] {
            let (store, log, written) = scene();
            out_of_reach(&store, 0, "HTTP 429");
            out_of_reach(&store, 0, "HTTP 503");
            let line = progress_line(&store, &log, &written).await;
            assert!(line.ends_with("; no answer from QA.tech (HTTP 503)"), "{line}");
            store.runs().next().unwrap().emit(over.clone());
            let line = progress_line(&store, &log, &written).await;
            assert!(!line.is_empty() && !line.contains("no answer"), "{over:?}: {line}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_logged_once_and_again_after_a_success() {
        let (store, _, written) = scene();
        let logged = || written.lines().len();
        out_of_reach(&store, 0, "HTTP 503");
        assert_eq!(logged(), 1);
        out_of_reach(&store, 0, "HTTP 502");
        assert_eq!(logged(), 0);
        out_of_reach(&store, 1, "HTTP 503");
        assert_eq!(logged(), 1, "of another run");
        let after = Duration::from_secs(9);
        store.runs().next().unwrap().emit(Event::BackInReach { after });
        out_of_reach(&store, 0, "HTTP 503");
        assert_eq!(logged(), 2, "the success, and the second outage");
    }

    #[tokio::test(start_paused = true)]
    async fn one_runs_recovery_leaves_the_others_outage() {
        let (store, log, written) = scene();
        out_of_reach(&store, 0, "HTTP 503");
        out_of_reach(&store, 1, "HTTP 502");
        store.runs().nth(1).unwrap().emit(Event::Ended(None));
        let line = progress_line(&store, &log, &written).await;
        assert!(line.contains("HTTP 503") && !line.contains("HTTP 502"), "{line}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminal_shows_one_live_line_that_lines_replace() {
        let (store, _, _) = scene();
        let written = Written::default();
        let log = Log::with_output(Reader::Plain, true, Redactor::default(), Box::new(written.clone()));
        store.runs().for_each(|run| run.expect_end(Some(60_000)));
        let run_log = RunLog::new(log.clone());
        let _ = tokio::time::timeout(Duration::from_millis(1_500), run_log.progress(&store)).await;
        log.line("a line");
        log.line("another");
        let text = String::from_utf8(written.0.take()).unwrap_or_default();
        let live = "\r\x1b[Kwaiting, ";
        assert!(text.starts_with(&format!("{live}0 ms")), "{text:?}");
        assert!(text.ends_with("\r\x1b[Ka line\nanother\n"), "{text:?}");
        assert_eq!(text.matches(live).count(), 2, "{text:?}");
        assert_eq!(text.matches('\n').count(), 2, "{text:?}");
    }

    #[test]
    fn a_warning_is_logged_without_secrets_whatever_runs_there_are() {
        let written = Written::default();
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new("hunter2-hunter2"));
        let log = Log::with_output(Reader::Runner, false, redactor, Box::new(written.clone()));
        RunStore::new(tokio::time::Instant::now(), Vec::new(), Box::new(RunLog::new(log)))
            .warn("careful with hunter2-hunter2".to_owned());
        assert_eq!(written.lines(), ["::warning title=QA.tech::careful with ***"]);
    }
}
