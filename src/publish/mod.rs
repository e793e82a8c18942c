//! The sinks: where the report goes. None of them can change the verdict, and one that fails does not keep the others.

pub mod github;
pub mod history;
pub mod identity;
pub mod outputs;
pub mod screenshots;
pub mod webhook;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::files::Files;
use crate::inputs::{Annotations, Inputs, SummaryWhen};
use crate::log::Log;
use crate::render::github::check::StepConclusion;
use crate::render::markdown::summary;
use crate::render::{ctrf, html, json, junit, log_lines};
use crate::report::history::{Entry, History, MAX_ENTRIES};
use crate::report::verdict::exit;
use crate::report::{Mode, Report, Verdict};
use crate::signals::{Caught, Listener};
use crate::text::Redactor;
use github::{GitHub, Links, Published};
use outputs::{Artifacts, Outputs};

/// How long GitHub and the webhook may take once the runs have ended.
const PUBLISHING: Duration = Duration::from_secs(60);
/// How long after a signal the check run's last request may take: 2 s are the promise for everything.
const LAST_PATCH: Duration = Duration::from_millis(1_800);
/// How long to wait for other jobs that append to the same history; a signal must not wait for longer than two seconds.
const HISTORY_LOCK: Duration = Duration::from_millis(1_500);

/// Where to publish, and how.
#[derive(Clone, Copy)]
pub struct App<'a> {
    /// What the user asked for.
    pub inputs: &'a Inputs,
    /// Where we run.
    pub context: &'a Context,
    /// The log.
    pub log: &'a Log,
    /// Cleans what comes from APIs.
    pub redactor: &'a Redactor,
    /// The way to files.
    pub files: &'a Files,
}

/// What the network's sinks need.
pub struct Connections {
    /// The one HTTP client.
    pub client: reqwest::Client,
    /// GitHub's part.
    pub github: GitHub,
    /// When a signal ended the wait.
    pub interrupted_at: Option<Instant>,
}

impl App<'_> {
    /// Serves every sink, and returns the exit code.
    pub async fn publish(&self, mut report: Report, services: Option<Connections>, signals: &mut Listener) -> u8 {
        if let Some(signal) = report.interrupted_by {
            self.serve_interrupted(report, services).await;
            return signal.exit_code();
        }
        report.tolerated = StepConclusion::of(&report, &self.inputs.fail_on) == StepConclusion::Neutral;
        let mut made = Artifacts::new();
        let mut files_are_written = self.history(&mut report);
        self.final_summary(&report);
        files_are_written &= self.report_files(&report, &mut made).await;
        let mut caught = None;
        match &services {
            Some(services) => tokio::select! {
                biased;
                first = signals.first() => {
                    caught = Some(first);
                    made.splice(0..0, self.links(services.github.links()));
                }
                () = self.network(services, &report, &mut made) => {}
            },
            None if self.inputs.annotations != Annotations::Off => self.annotate_log(&report),
            None => {}
        }
        files_are_written &= self.outputs().write(&report, &made).await;
        self.summary(&report).await;
        match (caught, &services) {
            (Some(Caught { signal, at }), Some(services)) => {
                self.cancel(services, &report, at).await;
                signal.exit_code()
            }
            (Some(Caught { signal, at: _ }), None) => signal.exit_code(),
            (None, _) if !files_are_written => exit::BROKEN,
            (None, _) if report.mode == Mode::SkippedWithoutToken => exit::GREEN,
            (None, _) => self
                .inputs
                .fail_on
                .exit_code(report.runs.iter().filter_map(|run| run.verdict)),
        }
    }

    /// What a signal leaves time for, in the order in which it is needed: a second signal ends it at any time, and a slow
    /// disk must not keep later steps from the outputs.
    async fn serve_interrupted(&self, mut report: Report, services: Option<Connections>) {
        let mut made: Artifacts = services
            .iter()
            .flat_map(|services| self.links(services.github.links()))
            .collect();
        let mut outputs = self.outputs();
        outputs.write(&report, &made).await;
        self.summary(&report).await;
        self.history(&mut report);
        self.report_files(&report, &mut made).await;
        outputs.write(&report, &made).await;
        // One request is left, and then the last word.
        if let Some(services) = &services {
            let at = services.interrupted_at.unwrap_or_else(Instant::now);
            self.cancel(services, &report, at).await;
        }
        self.final_summary(&report);
    }

    /// Completes the check run as cancelled, so soon after the signal as was promised.
    async fn cancel(&self, services: &Connections, report: &Report, at: Instant) {
        let published = services.github.cancel(report, at + LAST_PATCH).await;
        self.tell(published, report);
    }

    fn outputs(&self) -> Outputs<'_> {
        Outputs::new(
            self.log,
            self.context,
            self.redactor,
            self.files,
            self.inputs.outputs_path.as_deref(),
        )
    }

    /// GitHub and the webhook, side by side.
    async fn network(&self, services: &Connections, report: &Report, made: &mut Artifacts) {
        let Connections {
            client,
            github,
            interrupted_at: _,
        } = services;
        let deadline = Instant::now() + PUBLISHING;
        let (published, ()) = tokio::join!(github.finish(report, deadline), self.webhook(client, report, deadline));
        // In the order of the README: before the files.
        made.splice(0..0, self.tell(published, report));
    }

    /// Tells what came of publishing at GitHub, annotates the log where no check shows the failed cases, and gives the
    /// links that were made.
    fn tell(&self, published: Published, report: &Report) -> Artifacts {
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

    async fn webhook(&self, client: &reqwest::Client, report: &Report, deadline: Instant) {
        let Some(webhook) = &self.inputs.webhook else { return };
        let delivered = match webhook::body(report) {
            Ok(body) => webhook::deliver(client, webhook, body, deadline).await,
            Err(error) => Err(format!("the report for the webhook can't be made: {error}")),
        };
        if let Err(problem) = delivered {
            self.log.warning(&self.redactor.clean(problem));
        }
    }

    fn final_summary(&self, report: &Report) {
        for line in log_lines::final_summary(report) {
            self.log.line(&line);
        }
    }

    /// Workflow commands for the failed cases, where a runner reads them; everyone else has the last words.
    fn annotate_log(&self, report: &Report) {
        if !self.log.is_github() {
            return;
        }
        for line in self.log.reader().failures(report, &self.inputs.fail_on) {
            self.log.line(&line);
        }
    }

    /// Appends to the history and lets the report know the trend. False where the file can't be written.
    fn history(&self, report: &mut Report) -> bool {
        let Some(path) = &self.inputs.history_path else {
            return true;
        };
        let series = identity::Identity::new(self.inputs, &report.origin);
        let Some(mut entry) = Entry::of(report, series.hash()) else {
            return true;
        };
        if self.context.from_fork {
            entry = entry.of_fork();
        }
        let patience = match report.interrupted_by {
            None => HISTORY_LOCK,
            // Then all that is left to do has two seconds.
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
                report.trend = Some(earlier.trend(&entry));
                true
            }
            Err(problem) => {
                self.log
                    .error(&self.redactor.clean(format!("`history_path`: {problem}")));
                false
            }
        }
    }

    /// The report files; false if one can't be written.
    async fn report_files(&self, report: &Report, made: &mut Artifacts) -> bool {
        type Write = fn(&Report, &mut dyn std::io::Write) -> std::io::Result<()>;
        let files = &self.inputs.files;
        let all: [(&'static str, Option<&PathBuf>, Write); 4] = [
            ("junit_path", files.junit.as_ref(), |report, mut out| {
                junit::write(report, &mut out)
            }),
            ("ctrf_path", files.ctrf.as_ref(), |report, mut out| {
                ctrf::write(report, &mut out)
            }),
            ("json_path", files.json.as_ref(), |report, mut out| {
                json::write(report, &mut out)
            }),
            ("html_path", files.html.as_ref(), |report, mut out| {
                html::write(report, &mut out)
            }),
        ];
        let mut fine = true;
        for (name, path, write) in all {
            let Some(path) = path else { continue };
            match self.files.write_whole(path, |out| write(report, out)).await {
                Ok(()) => made.push((name, path.display().to_string())),
                Err(problem) => {
                    self.log.error(&self.redactor.clean(format!("`{name}`: {problem}")));
                    fine = false;
                }
            }
        }
        if let Some(folder) = &self.inputs.screenshots_path
            && let Err(problem) = screenshots::write(self.files, folder, report).await
        {
            self.log
                .error(&self.redactor.clean(format!("`screenshots_path`: {problem}")));
            fine = false;
        }
        fine
    }

    async fn summary(&self, report: &Report) {
        if let Some(path) = &self.context.summary_file
            && self.wants_summary(report)
            && let Err(problem) = self.files.append(path, summary::summary(report, summary::LIMIT)).await
        {
            self.log
                .warning(&format!("the job summary can't be written: {problem}"));
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
