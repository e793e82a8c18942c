//! Publishes the report: files, outputs, GitHub, webhook. None of them changes the verdict, and a failure of one does not
//! affect the others.

pub mod github;
pub mod history;
pub mod identity;
pub mod outputs;
mod report_files;
pub mod screenshots;
pub mod webhook;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::app::App;
use crate::inputs::{Annotations, SummaryWhen};
use crate::net::retry::Deadline;
use crate::render::log_lines;
use crate::render::markdown::summary;
use crate::report::history::{Entry, History, MAX_ENTRIES};
use crate::report::verdict::exit;
use crate::report::{Report, Verdict};
use crate::signals::{Caught, Listener};
use github::{GitHub, Links, Published};
use outputs::{Artifacts, Outputs};
use report_files::Written;
use webhook::DeliveryError;

/// How long GitHub and the webhook may take once the runs have ended. Only a check run that would stay in progress may take
/// longer.
const PUBLISHING: Duration = Duration::from_secs(60);
/// How long after a signal the check run's last request may take: everything has to end within 2 s.
const LAST_PATCH: Duration = Duration::from_millis(1_800);
/// With more cases than this, the job summary is rendered on another thread, so that it does not delay the check run's last
/// request. For fewer, starting a thread takes longer.
const FEW_CASES: u64 = 100;
/// How long to wait for other jobs that append to the same history; a signal must not wait for longer than two seconds.
const HISTORY_LOCK: Duration = Duration::from_millis(1_500);

/// The smallest useful size of a job summary, in bytes.
const LEAST_SUMMARY: usize = 1_000;

/// What publishing over the network needs.
pub struct Connections {
    /// The one HTTP client.
    pub client: reqwest::Client,
    /// GitHub's part.
    pub github: GitHub,
    /// When a signal ended the wait.
    pub interrupted_at: Option<Instant>,
}

impl App<'_> {
    /// Completes the report before it is published: appends the result to the history and adds the trend. Returns false if the
    /// history can't be written. After a signal this is left for later, since the outputs come first.
    pub fn complete(&self, report: &mut Report) -> bool {
        if report.interrupted_by.is_some() {
            return true;
        }
        self.history(report)
    }

    /// Publishes the report everywhere, and returns the exit code.
    pub async fn publish(
        &self,
        report: Report,
        history_written: bool,
        connections: Option<Connections>,
        signals: &mut Listener,
    ) -> u8 {
        if let Some(signal) = report.interrupted_by {
            self.publish_interrupted(report, connections).await;
            return signal.exit_code();
        }
        let report = Arc::new(report);
        // Files are written on another thread: rendering large reports must not delay the reaction to a signal.
        let files = report_files::start(self.files, &self.inputs.files, &report);
        let mut artifacts = Artifacts::new();
        let mut caught = None;
        match &connections {
            Some(connections) => tokio::select! {
                biased;
                Some(first) = signals.first() => {
                    caught = Some(first);
                    artifacts = self.links(connections.github.links());
                }
                () = self.network(connections, &report, &mut artifacts) => {}
            },
            None if self.inputs.annotations != Annotations::Off => self.annotate_log(&report),
            None => {}
        }
        let files_are_written = {
            let mut writing = std::pin::pin!(self.report_files(files, &report, &mut artifacts));
            match (caught, &connections) {
                (Some(Caught { signal: _, at }), Some(connections)) => {
                    tokio::join!(writing, self.cancel(connections, &report, at)).0
                }
                (Some(_), None) => writing.await,
                (None, _) => tokio::select! {
                    biased;
                    Some(first) = signals.first() => {
                        caught = Some(first);
                        writing.await
                    }
                    written = &mut writing => written,
                },
            }
        };
        let outputs_are_written = self.outputs().write(&report, &artifacts).await;
        self.summary(&report).await;
        // Last, below outputs and warnings: the end of a log is what people look at.
        self.final_summary(&report);
        match caught {
            Some(Caught { signal, at: _ }) => signal.exit_code(),
            None if !(history_written && files_are_written && outputs_are_written) => exit::BROKEN,
            None => report.exit_code(),
        }
    }

    /// Publishes after a signal, in order of importance: a second signal may end the program at any time, and a slow disk must
    /// not delay the outputs, which later steps need.
    async fn publish_interrupted(&self, mut report: Report, connections: Option<Connections>) {
        let mut artifacts = connections
            .as_ref()
            .map(|connections| self.links(connections.github.links()))
            .unwrap_or_default();
        let mut outputs = self.outputs();
        let outputs_are_written = outputs.write(&report, &artifacts).await;
        self.history(&mut report);
        let report = Arc::new(report);
        let files = report_files::start(self.files, &self.inputs.files, &report);
        // The request for the check run is sent while the files are written, which may be large.
        let cancelled = async {
            if let Some(connections) = &connections {
                let at = connections.interrupted_at.unwrap_or_else(Instant::now);
                self.cancel(connections, &report, at).await;
            }
        };
        tokio::join!(
            cancelled,
            self.summary(&report),
            self.report_files(files, &report, &mut artifacts)
        );
        // A failure has been reported already.
        if outputs_are_written {
            outputs.write(&report, &artifacts).await;
        }
        self.final_summary(&report);
    }

    /// Completes the check run as cancelled, within two seconds of the signal.
    async fn cancel(&self, connections: &Connections, report: &Report, at: Instant) {
        let published = connections.github.cancel(report, at + LAST_PATCH).await;
        self.show(published, report);
    }

    fn outputs(&self) -> Outputs<'_> {
        Outputs::new(self.log, self.context, self.files, self.inputs.outputs_path.as_deref())
    }

    /// Publishes at GitHub and to the webhook, concurrently.
    async fn network(&self, connections: &Connections, report: &Report, artifacts: &mut Artifacts) {
        let Connections {
            client,
            github,
            interrupted_at: _,
        } = connections;
        let deadline = Deadline::after(PUBLISHING);
        let (published, ()) = tokio::join!(
            github.finish(report, deadline.instant()),
            self.webhook(client, report, deadline)
        );
        *artifacts = self.show(published, report);
    }

    /// Logs the notices and warnings of publishing at GitHub, annotates the log if no check run shows the failed cases, and
    /// returns the links.
    fn show(&self, published: Published, report: &Report) -> Artifacts {
        let Published {
            links,
            annotate_in_log,
            notices,
            warnings,
        } = published;
        for notice in notices {
            self.log.notice(&notice);
        }
        for warning in warnings {
            self.log.warning(&warning);
        }
        if annotate_in_log || self.inputs.annotations == Annotations::Log {
            self.annotate_log(report);
        }
        self.links(links)
    }

    fn links(&self, links: Links) -> Artifacts {
        let Links {
            check_run_url,
            comment_url,
            issue_url,
        } = links;
        let links = [
            ("check_run_url", check_run_url),
            ("comment_url", comment_url),
            ("issue_url", issue_url),
        ];
        links
            .into_iter()
            .filter_map(|(name, url)| Some((name, self.redactor.clean(url?))))
            .collect()
    }

    async fn webhook(&self, client: &reqwest::Client, report: &Report, deadline: Deadline) {
        let Some(webhook) = &self.inputs.webhook else { return };
        let delivered = match webhook::body(report) {
            Ok(body) => webhook::deliver(client, webhook, body, deadline).await,
            Err(error) => Err(DeliveryError::Report(error)),
        };
        if let Err(error) = delivered {
            self.log.warning(&error.to_string());
        }
    }

    fn final_summary(&self, report: &Report) {
        for line in log_lines::final_summary(report) {
            self.log.line(&line);
        }
    }

    /// Prints workflow commands for the failed cases if GitHub's runner reads the log. Elsewhere the final summary lists them.
    fn annotate_log(&self, report: &Report) {
        if !self.log.is_github() {
            return;
        }
        for line in self.log.reader().failures(report) {
            self.log.line(&line);
        }
    }

    /// Appends to the history and adds the trend to the report. False where the file can't be written.
    fn history(&self, report: &mut Report) -> bool {
        let Some(path) = &self.inputs.history_path else {
            return true;
        };
        let series = identity::Identity::new(self.inputs, self.context);
        let Some(mut entry) = Entry::new(report, series.hash()) else {
            return true;
        };
        if self.context.from_fork {
            entry = entry.from_fork();
        }
        let patience = match report.interrupted_by {
            None => HISTORY_LOCK,
            // After a signal there are two seconds for everything.
            Some(_) => HISTORY_LOCK / 5,
        };
        let remembered = self
            .files
            .regular(path)
            .map_err(|problem| problem.to_string())
            .and_then(|path| history::remember(&path, &entry, MAX_ENTRIES, patience));
        match remembered {
            Ok(earlier) => {
                let earlier = History::parse(&earlier);
                if let Some(warning) = earlier.warning() {
                    self.log.warning(&warning);
                    report.warnings.push(warning);
                }
                report.trend = Some(earlier.trend(&entry, report));
                true
            }
            Err(problem) => {
                self.log.error(&format!("`history_path`: {problem}"));
                false
            }
        }
    }

    /// Waits for the report files; false if one can't be written.
    async fn report_files(&self, files: JoinHandle<Vec<Written>>, report: &Report, artifacts: &mut Artifacts) -> bool {
        let Ok(all) = files.await else {
            self.log.error("the report files can't be written: their thread failed");
            return false;
        };
        let mut fine = true;
        for Written { name, path, result } in all {
            match result {
                Ok(()) => artifacts.push((name, path.display().to_string())),
                Err(problem) => {
                    self.log.error(&format!("`{name}`: {problem}"));
                    fine = false;
                }
            }
        }
        if let Some(folder) = &self.inputs.screenshots_path
            && let Err(problem) = screenshots::write(self.files, folder, report).await
        {
            self.log.error(&format!("`screenshots_path`: {problem}"));
            fine = false;
        }
        fine
    }

    /// Appends the job summary, limited to the space left in the step's file: GitHub drops a longer one.
    async fn summary(&self, report: &Arc<Report>) {
        let Some(path) = self
            .context
            .summary_file
            .as_ref()
            .filter(|_| self.wants_summary(report))
        else {
            return;
        };
        let present = std::fs::metadata(path).map_or(0, |file| file.len());
        let present = usize::try_from(present).unwrap_or(usize::MAX);
        let room = summary::LIMIT.saturating_sub(present);
        if room < LEAST_SUMMARY {
            self.log.warning(&format!(
                "the job summary is left out: earlier commands of this step have written {present} bytes of the {} that \
                 GitHub shows",
                summary::LIMIT
            ));
        } else {
            let text = if report.listed_cases() <= FEW_CASES {
                summary::summary(report, room)
            } else {
                let report = Arc::clone(report);
                let text = spawn_blocking(move || summary::summary(&report, room));
                text.await.unwrap_or_default()
            };
            if let Err(problem) = self.files.append(path, text).await {
                self.log
                    .warning(&format!("the job summary can't be written: {problem}"));
            }
        }
    }

    fn wants_summary(&self, report: &Report) -> bool {
        match self.inputs.summary {
            SummaryWhen::Always => true,
            SummaryWhen::Failure => report.verdict() != Some(Verdict::Passed),
            SummaryWhen::Off => false,
        }
    }
}
