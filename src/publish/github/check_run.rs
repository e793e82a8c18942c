//! Our check run: created before anything is started, completed with the report, its annotations in batches.
//!
//! Neither write is idempotent: a create makes another check run, and each update appends its annotations. Where an
//! answer is lost, what GitHub has is looked up before anything is sent again.

use crate::inputs::Annotations;
use crate::net::retry::Delays;
use crate::publish::github::advice::CHECKS;
use crate::publish::github::client::{Api, Failure, Repeat};
use crate::publish::github::prepare::Check;
use crate::publish::github::wire::{CheckRun, CheckRunChange, CheckRuns, NewAnnotation, Output};
use crate::publish::github::{Active, GitHub, Published, external_id, marker, place};
use crate::publish::identity::{latest_short_ids, sound_short_ids};
use crate::render::github::check;
use crate::render::github::check::{Annotation, CheckOutput};
use crate::report::{Report, StepConclusion};

/// Annotations a request (<https://docs.github.com/en/rest/checks/runs#update-a-check-run>).
const BATCH: usize = 50;

/// A check run that exists.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    id: u64,
    /// Its page.
    pub(super) url: Option<String>,
}

impl From<CheckRun> for Handle {
    fn from(run: CheckRun) -> Self {
        Self {
            id: run.id,
            url: run.html_url,
        }
    }
}

/// How far the check run's completion is: a signal may come in the middle of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    NotBegun,
    /// Some annotations may be there already.
    Begun,
    Done,
}

impl GitHub {
    /// Completes the check run with the report.
    pub(super) async fn finish_check(&self, active: &Active, check: Option<&Check>, report: &Report) -> Published {
        let mut published = Published::default();
        let handle = match check {
            Some(Check::Made(handle)) => handle,
            Some(Check::NotWanted) => return published,
            Some(Check::Refused(why)) => {
                published.annotate_in_log = true;
                published.notices.push(why.clone());
                return published;
            }
            None => {
                published.annotate_in_log = self.inputs.annotations == Annotations::Check;
                return published;
            }
        };
        published.links.check_run_url.clone_from(&handle.url);
        let place = place::default_place(&self.context);
        let (annotations, more) = check::annotations(report, &self.inputs.annotation_paths, &place);
        let output = self.check_output(active, report, more);
        let id = external_id(latest_short_ids(report), &self.context, &active.key);
        let conclusion = report.conclusion();
        active.completion.set(Completion::Begun);
        let completed = complete(&active.api, handle, &id, conclusion, &output, &annotations).await;
        if !matches!(completed, Err((false, _))) {
            active.completion.set(Completion::Done);
        }
        match completed {
            Ok(()) => {}
            Err((false, failure)) => {
                published.annotate_in_log = true;
                published.warnings.push(active.advice.explain(
                    "The check run could not be completed",
                    &failure,
                    CHECKS,
                ));
            }
            Err((true, failure)) => {
                published.annotate_in_log = failure.is_invalid();
                published.warnings.push(active.advice.explain(
                    "Some annotations of the check run are missing",
                    &failure,
                    CHECKS,
                ));
            }
        }
        published
    }

    /// Completes the check run as cancelled, with one request.
    pub(super) async fn cancel_check(&self, active: &Active, check: Option<&Check>, report: &Report) -> Published {
        let mut published = Published::default();
        match check {
            Some(Check::Made(handle)) => {
                published.links.check_run_url.clone_from(&handle.url);
                let place = place::default_place(&self.context);
                let (mut annotations, mut more) = match active.completion.get() {
                    Completion::NotBegun => check::annotations(report, &self.inputs.annotation_paths, &place),
                    // They would be there twice.
                    Completion::Begun => (Vec::new(), 0),
                    Completion::Done => return published,
                };
                more += annotations.len().saturating_sub(BATCH);
                annotations.truncate(BATCH);
                let id = external_id(latest_short_ids(report), &self.context, &active.key);
                let output = self.check_output(active, report, more);
                if let Err(failure) = cancel(&active.api, handle, &id, &output, &annotations).await {
                    published.annotate_in_log = true;
                    published.warnings.push(active.advice.explain(
                        "The check run could not be completed",
                        &failure,
                        CHECKS,
                    ));
                }
            }
            Some(Check::Refused(why)) => {
                published.annotate_in_log = true;
                published.notices.push(why.clone());
            }
            Some(Check::NotWanted) => {}
            None => published.annotate_in_log = self.inputs.annotations == Annotations::Check,
        }
        published
    }

    fn check_output(&self, active: &Active, report: &Report, not_annotated: usize) -> CheckOutput {
        let mut output = check::output(report, not_annotated);
        let short_ids = sound_short_ids(report);
        let head = active.head();
        let marker = marker(&self.context, &active.key, &active.target, head.as_ref(), short_ids);
        output.mark(&active.marker_key.sign(&marker));
        output
    }
}

/// Creates the check run, in progress.
pub(super) async fn create(
    api: &Api,
    name: &str,
    head_sha: &str,
    external_id: &str,
    output: &CheckOutput,
) -> Result<Handle, Failure> {
    // Legs of a matrix that test the same make check runs that are alike: this tells ours.
    let nonce = crate::random::hex(8).unwrap_or_default();
    let summary = format!("{}\n<!-- {nonce} -->", output.summary);
    let change = CheckRunChange {
        name: Some(name),
        head_sha: Some(head_sha),
        external_id: Some(external_id),
        status: Some("in_progress"),
        conclusion: None,
        output: Output {
            summary: &summary,
            ..shown(output, Vec::new())
        },
    };
    let mut delays = Delays::default();
    loop {
        let what = match api.post::<CheckRun>("/check-runs", &change).await {
            Ok(run) => return Ok(run.into()),
            Err(Failure::Lost(what)) => what,
            Err(failure) => return Err(failure),
        };
        if !api.pause(&mut delays).await {
            return Err(Failure::Unreachable(what));
        }
        if let Some(run) = find(api, name, head_sha, external_id, &nonce).await? {
            return Ok(run.into());
        }
    }
}

/// The check run that a lost create may have made: ours, and not completed by an earlier attempt of the job.
async fn find(
    api: &Api,
    name: &str,
    head_sha: &str,
    external_id: &str,
    nonce: &str,
) -> Result<Option<CheckRun>, Failure> {
    let name_in_query: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let mut found: Option<CheckRun> = None;
    let query = format!("?check_name={name_in_query}&filter=all");
    api.pages(&format!("/commits/{head_sha}/check-runs"), &query, |page: CheckRuns| {
        found = page.check_runs.into_iter().find(|run| {
            run.external_id.as_deref() == Some(external_id)
                && run.name.as_deref() == Some(name)
                && run.status.as_deref() == Some("in_progress")
                && run
                    .output
                    .as_ref()
                    .and_then(|output| output.summary.as_deref())
                    .is_none_or(|summary| summary.contains(nonce))
        });
        found.is_some()
    })
    .await?;
    Ok(found)
}

/// Completes the check run and adds its annotations, in order. What GitHub finds invalid (422) is left out: a check that
/// stays in progress would block whoever requires it.
///
/// # Errors
/// Whether it was completed, and why not all of it arrived.
async fn complete(
    api: &Api,
    handle: &Handle,
    external_id: &str,
    conclusion: StepConclusion,
    output: &CheckOutput,
    annotations: &[Annotation],
) -> Result<(), (bool, Failure)> {
    let mut batches = annotations.chunks(BATCH);
    let mut change = CheckRunChange {
        external_id: Some(external_id),
        status: Some("completed"),
        conclusion: Some(conclusion.as_str()),
        output: shown(output, annotated(batches.next().unwrap_or_default(), conclusion)),
        ..CheckRunChange::default()
    };
    let mut sent = change.output.annotations.len();
    let mut refused = None;
    let marker = output.summary.lines().next().unwrap_or_default();
    let least = format!("{marker}\nGitHub did not take the report; the job's log tells how it ended.");
    let least = Output {
        title: "QA.tech",
        summary: &least,
        ..Output::default()
    };
    let mut less = [shown(output, Vec::new()), least].into_iter();
    while let Err(failure) = update(api, handle, &change, sent).await {
        let left = if failure.is_invalid() { less.next() } else { None };
        match left {
            Some(output) => change.output = output,
            None => return Err((false, failure)),
        }
        refused.get_or_insert(failure);
        sent = 0;
    }
    for batch in batches {
        let change = CheckRunChange {
            output: shown(output, annotated(batch, conclusion)),
            ..CheckRunChange::default()
        };
        match update(api, handle, &change, sent + batch.len()).await {
            Ok(()) => sent += batch.len(),
            Err(failure) if failure.is_invalid() => {
                refused.get_or_insert(failure);
            }
            Err(failure) => return Err((true, refused.unwrap_or(failure))),
        }
    }
    refused.map_or(Ok(()), |failure| Err((true, failure)))
}

/// One update, sent again only where GitHub does not have it. `total`: annotations that there are to be afterwards.
async fn update(api: &Api, handle: &Handle, change: &CheckRunChange<'_>, total: usize) -> Result<(), Failure> {
    let path = format!("/check-runs/{}", handle.id);
    let mut delays = Delays::default();
    loop {
        let what = match api.patch::<CheckRun>(&path, change, Repeat::IfNothingHappened).await {
            Ok(_) => return Ok(()),
            Err(Failure::Lost(what) | Failure::Invalid(what)) => what,
            Err(failure) => return Err(failure),
        };
        // GitHub may still be at it.
        if !api.pause(&mut delays).await {
            return Err(Failure::Unreachable(what));
        }
        let run: CheckRun = api.get(&path).await?;
        let has = run.output.and_then(|output| output.annotations_count).unwrap_or(0);
        if run.status.as_deref() == Some("completed") && has >= total {
            return Ok(());
        }
    }
}

/// Completes the check run with one request, so with [`BATCH`] annotations at most, and without a second try: a signal
/// leaves no time.
async fn cancel(
    api: &Api,
    handle: &Handle,
    external_id: &str,
    output: &CheckOutput,
    annotations: &[Annotation],
) -> Result<(), Failure> {
    let change = CheckRunChange {
        external_id: Some(external_id),
        status: Some("completed"),
        conclusion: Some(StepConclusion::Cancelled.as_str()),
        output: shown(output, annotated(annotations, StepConclusion::Cancelled)),
        ..CheckRunChange::default()
    };
    let path = format!("/check-runs/{}", handle.id);
    api.patch::<CheckRun>(&path, &change, Repeat::Never).await.map(|_| ())
}

fn shown<'a>(output: &'a CheckOutput, annotations: Vec<NewAnnotation<'a>>) -> Output<'a> {
    let CheckOutput { title, summary, text } = output;
    Output {
        title,
        summary,
        text,
        annotations,
    }
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
