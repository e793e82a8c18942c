//! The check run that shows the failed cases: our own, created before anything is started and completed with the report,
//! or the job's (`annotations: job`), whose output is replaced. Annotations are sent in batches.
//!
//! No write is idempotent: a create makes another check run, and each update appends its annotations. If an answer is lost,
//! the state at GitHub is read before anything is sent again.

use crate::publish::github::advice::CHECKS;
use crate::publish::github::check_handle::{Check, Completion, Handle, Owner};
use crate::publish::github::client::{Api, Repeat};
use crate::publish::github::error::{CompletionError, Error};
use crate::publish::github::place;
use crate::publish::github::published::Published;
use crate::publish::github::session::{Active, GitHub, external_id, marker};
use crate::publish::github::wire::{CheckRun, CheckRunChange, CheckRunOutput, NewAnnotation, Output};
use crate::publish::identity::{latest_short_ids, sound_short_ids};
use crate::render::github::check;
use crate::render::github::check::{Annotation, CheckOutput, Place};
use crate::report::{Report, StepConclusion};

/// Maximum number of annotations in a request (<https://docs.github.com/en/rest/checks/runs#update-a-check-run>).
const BATCH: usize = 50;

/// The final content of a check run.
struct Ending<'a> {
    /// Not sent to the job's check run.
    external_id: &'a str,
    /// Not sent to the job's check run. Decides the level of the annotations in any case.
    conclusion: StepConclusion,
    output: &'a CheckOutput,
    annotations: &'a [Annotation],
}

impl GitHub {
    /// Completes our check run with the report, or puts the report on the job's.
    pub(super) async fn finish_check(&self, active: &Active, check: Option<&Check>, report: &Report) -> Published {
        let mut published = Published::default();
        let Some(handle) = self.handle(check, &mut published) else {
            return published;
        };
        let (annotations, more) = self.annotations(report);
        let output = self.check_output(active, report, more);
        let ending = Ending {
            external_id: &external_id(latest_short_ids(report), &self.context, &active.key),
            conclusion: report.conclusion(),
            output: &output,
            annotations: &annotations,
        };
        active.completion.set(Completion::Begun);
        let (what, error) = match complete(&active.api, handle, &ending).await {
            Ok(()) => {
                active.completion.set(Completion::Done);
                return published;
            }
            Err(CompletionError::NotCompleted(error)) => {
                published.annotate_in_log = true;
                (handle.not_completed(), error)
            }
            Err(CompletionError::Incomplete(error)) => {
                active.completion.set(Completion::Done);
                published.annotate_in_log = error.is_invalid();
                ("Some annotations of the check run are missing", error)
            }
        };
        let sentence = active.advice.explain(what, &error, CHECKS);
        match handle.owner {
            Owner::Action => published.warnings.push(sentence),
            // A notice, as for a check run that could not be created.
            Owner::Job => published.notices.push(sentence),
        }
        published
    }

    /// The annotations, each at the place of the first rule that matches, and how many are left out.
    fn annotations(&self, report: &Report) -> (Vec<Annotation>, usize) {
        let default = place::default_place(&self.context);
        check::annotations(report, |name| {
            let rule = self.inputs.annotation_paths.iter().find(|rule| rule.matches(name));
            rule.map_or_else(
                || default.clone(),
                |rule| Place {
                    path: rule.path.clone(),
                    line: rule.line,
                },
            )
        })
    }

    /// Completes our check run as cancelled, or puts the report on the job's, with one request.
    pub(super) async fn cancel_check(&self, active: &Active, check: Option<&Check>, report: &Report) -> Published {
        let mut published = Published::default();
        let Some(handle) = self.handle(check, &mut published) else {
            return published;
        };
        let (mut annotations, mut more) = match active.completion.get() {
            Completion::NotBegun => self.annotations(report),
            // They would be shown twice.
            Completion::Begun => (Vec::new(), 0),
            Completion::Done => return published,
        };
        more += annotations.len().saturating_sub(BATCH);
        annotations.truncate(BATCH);
        let output = self.check_output(active, report, more);
        let ending = Ending {
            external_id: &external_id(latest_short_ids(report), &self.context, &active.key),
            conclusion: StepConclusion::Cancelled,
            output: &output,
            annotations: &annotations,
        };
        let change = first_change(handle, &ending);
        // After a signal there is no time for a retry.
        let sent = active
            .api
            .patch::<CheckRun>(&handle.path(), &change, Repeat::Never)
            .await;
        if let Err(error) = sent {
            published.annotate_in_log = true;
            let sentence = active.advice.explain(handle.not_completed(), &error, CHECKS);
            published.warnings.push(sentence);
        }
        published
    }

    /// The check run, if there is one. Otherwise sets the notices and whether to annotate in the log.
    fn handle<'a>(&self, check: Option<&'a Check>, published: &mut Published) -> Option<&'a Handle> {
        match check {
            Some(Check::Ready(handle)) => return Some(handle),
            Some(Check::NotWanted) => {}
            Some(Check::Refused(why)) => {
                published.annotate_in_log = true;
                published.notices.push(why.clone());
            }
            None => published.annotate_in_log = self.wants_check(),
        }
        None
    }

    fn check_output(&self, active: &Active, report: &Report, not_annotated: usize) -> CheckOutput {
        let mut output = check::output(report, not_annotated);
        let head = active.head();
        let marker = marker(&self.context, active, head.as_ref(), sound_short_ids(report));
        output.mark(&active.marker_key.sign(&marker));
        output
    }
}

/// Completes the check run and adds its annotations, in order. Content that GitHub rejects as invalid (422) is left out: a
/// required check that stays in progress would block the pull request.
async fn complete(api: &Api, handle: &Handle, ending: &Ending<'_>) -> Result<(), CompletionError> {
    let Ending {
        external_id: _,
        conclusion,
        output,
        annotations,
    } = ending;
    let (before, first_api) = match handle.owner {
        Owner::Action => (0, api.patient()),
        // The runner adds its own annotations.
        Owner::Job => {
            let run = api.get::<CheckRun>(&handle.path()).await;
            let run = run.map_err(CompletionError::NotCompleted)?;
            (annotations_of(&run), api.clone())
        }
    };
    let mut change = first_change(handle, ending);
    let mut sent = before + change.output.annotations.len();
    let mut refused = None;
    let marker = output.summary.lines().next().unwrap_or_default();
    let least = format!("{marker}\nGitHub did not accept the report; the job's log shows how the run ended.");
    let least = Output {
        title: "QA.tech",
        summary: &least,
        ..Output::default()
    };
    let mut less = [Output::new(output, Vec::new()), least].into_iter();
    while let Err(error) = update(&first_api, handle, &change, sent).await {
        let left = if error.is_invalid() { less.next() } else { None };
        match left {
            Some(output) => change.output = output,
            None => return Err(CompletionError::NotCompleted(error)),
        }
        refused.get_or_insert(error);
        sent = before;
    }
    for batch in annotations.chunks(BATCH).skip(1) {
        let change = CheckRunChange {
            output: Output::new(output, annotated(batch, *conclusion)),
            ..CheckRunChange::default()
        };
        match update(api, handle, &change, sent + batch.len()).await {
            Ok(()) => sent += batch.len(),
            Err(error) if error.is_invalid() => {
                refused.get_or_insert(error);
            }
            Err(error) => return Err(CompletionError::Incomplete(refused.unwrap_or(error))),
        }
    }
    refused.map_or(Ok(()), |error| Err(CompletionError::Incomplete(error)))
}

/// The request that completes our check run, or puts the report on the job's, with the first annotations.
fn first_change<'a>(handle: &Handle, ending: &Ending<'a>) -> CheckRunChange<'a> {
    let Ending {
        external_id,
        conclusion,
        output,
        annotations,
    } = ending;
    let first = annotations.get(..BATCH.min(annotations.len())).unwrap_or_default();
    let output = Output::new(output, annotated(first, *conclusion));
    match handle.owner {
        Owner::Action => CheckRunChange {
            external_id: Some(external_id),
            status: Some("completed"),
            conclusion: Some(conclusion.as_str()),
            output,
            ..CheckRunChange::default()
        },
        Owner::Job => CheckRunChange {
            output,
            ..CheckRunChange::default()
        },
    }
}

/// Sends one update, and sends it again only if GitHub does not have it. `total` is the number of annotations afterwards.
async fn update(api: &Api, handle: &Handle, change: &CheckRunChange<'_>, total: usize) -> Result<(), Error> {
    let mut retries = api.retries();
    loop {
        let sent = api
            .patch::<CheckRun>(&handle.path(), change, Repeat::IfNothingHappened)
            .await;
        let what = match sent {
            Ok(_) => return Ok(()),
            Err(Error::Lost(what) | Error::Invalid(what)) => what,
            Err(error) => return Err(error),
        };
        // GitHub may still be processing it.
        if !api.pause(&mut retries).await {
            return Err(Error::Unreachable(what));
        }
        let run: CheckRun = api.get(&handle.path()).await?;
        let title = run.output.as_ref().and_then(|output| output.title.as_deref());
        let arrived = match handle.owner {
            Owner::Action => run.status.as_deref() == Some("completed"),
            Owner::Job => title == Some(change.output.title),
        };
        if arrived && annotations_of(&run) >= total {
            return Ok(());
        }
    }
}

fn annotations_of(run: &CheckRun) -> usize {
    let count = |output: &CheckRunOutput| output.annotations_count;
    run.output.as_ref().and_then(count).unwrap_or(0)
}

fn annotated(annotations: &[Annotation], conclusion: StepConclusion) -> Vec<NewAnnotation<'_>> {
    annotations
        .iter()
        .map(|one| annotation(one, one.level(conclusion)))
        .collect()
}

fn annotation<'a>(annotation: &'a Annotation, level: &'static str) -> NewAnnotation<'a> {
    let Annotation {
        path,
        line,
        title,
        message,
        raw_details,
        quarantined: _,
    } = annotation;
    NewAnnotation {
        path,
        start_line: *line,
        end_line: *line,
        annotation_level: level,
        title,
        message,
        raw_details,
    }
}
