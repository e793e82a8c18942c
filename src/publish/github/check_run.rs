//! Our check run: created before anything is started, completed with the report, its annotations in batches.
//!
//! Neither write is idempotent: a create makes another check run, and each update appends its annotations. Where an
//! answer is lost, what GitHub has is looked up before anything is sent again.

use super::api::{Api, Failure, Repeat};
use super::wire::{CheckRun, CheckRunChange, CheckRuns, NewAnnotation, Output};
use crate::render::check::{Annotation, CheckOutput, Conclusion};

/// Annotations a request (<https://docs.github.com/en/rest/checks/runs#update-a-check-run>).
pub(super) const BATCH: usize = 50;
/// How often a write is tried whose answer is lost each time.
const TRIES: usize = 3;

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

/// Creates the check run, in progress.
pub(super) async fn create(
    api: &Api,
    name: &str,
    head_sha: &str,
    external_id: &str,
    output: &CheckOutput,
) -> Result<Handle, Failure> {
    let change = CheckRunChange {
        name: Some(name),
        head_sha: Some(head_sha),
        external_id: Some(external_id),
        status: Some("in_progress"),
        conclusion: None,
        output: shown(output, Vec::new()),
    };
    let mut tries = 1;
    loop {
        match api.post::<CheckRun>("/check-runs", &change).await {
            Ok(run) => return Ok(run.into()),
            Err(failure @ Failure::Lost(_)) => {
                if let Some(run) = find(api, name, head_sha, external_id).await? {
                    return Ok(run.into());
                }
                if tries == TRIES {
                    return Err(failure);
                }
                tries += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// The check run that a lost create may have made: ours, and not completed by an earlier attempt of the job.
async fn find(api: &Api, name: &str, head_sha: &str, external_id: &str) -> Result<Option<CheckRun>, Failure> {
    let name_in_query: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let mut found: Option<CheckRun> = None;
    let query = format!("?check_name={name_in_query}&filter=all");
    api.pages(&format!("/commits/{head_sha}/check-runs"), &query, |page: CheckRuns| {
        found = page.check_runs.into_iter().find(|run| {
            run.external_id.as_deref() == Some(external_id)
                && run.name.as_deref() == Some(name)
                && run.status.as_deref() == Some("in_progress")
        });
        found.is_some()
    })
    .await?;
    Ok(found)
}

/// Completes the check run and adds its annotations, in order.
///
/// # Errors
/// Whether it was completed, and why not all of it arrived.
pub(super) async fn complete(
    api: &Api,
    handle: &Handle,
    external_id: &str,
    conclusion: Conclusion,
    output: &CheckOutput,
    annotations: &[Annotation],
) -> Result<(), (bool, Failure)> {
    let mut batches = annotations.chunks(BATCH);
    let first = CheckRunChange {
        external_id: Some(external_id),
        status: Some("completed"),
        conclusion: Some(conclusion.word()),
        output: shown(output, annotated(batches.next().unwrap_or_default(), conclusion)),
        ..CheckRunChange::default()
    };
    let mut sent = first.output.annotations.len();
    update(api, handle, &first, sent)
        .await
        .map_err(|failure| (false, failure))?;
    for batch in batches {
        sent += batch.len();
        let change = CheckRunChange {
            output: shown(output, annotated(batch, conclusion)),
            ..CheckRunChange::default()
        };
        update(api, handle, &change, sent)
            .await
            .map_err(|failure| (true, failure))?;
    }
    Ok(())
}

/// One update, sent again only where GitHub does not have it. `total`: annotations that there are to be afterwards.
async fn update(api: &Api, handle: &Handle, change: &CheckRunChange<'_>, total: usize) -> Result<(), Failure> {
    let path = format!("/check-runs/{}", handle.id);
    let mut tries = 1;
    loop {
        let failure = match api.patch::<CheckRun>(&path, change, Repeat::IfNothingHappened).await {
            Ok(_) => return Ok(()),
            Err(failure @ (Failure::Lost(_) | Failure::Invalid(_))) => failure,
            Err(failure) => return Err(failure),
        };
        let run: CheckRun = api.get(&path).await?;
        let has = run.output.and_then(|output| output.annotations_count).unwrap_or(0);
        if run.status.as_deref() == Some("completed") && has >= total {
            return Ok(());
        }
        if tries == TRIES {
            return Err(failure);
        }
        tries += 1;
    }
}

/// Completes the check run with one request, so with [`BATCH`] annotations at most, and without a second try: a signal
/// leaves no time.
pub(super) async fn cancel(
    api: &Api,
    handle: &Handle,
    external_id: &str,
    output: &CheckOutput,
    annotations: &[Annotation],
) -> Result<(), Failure> {
    let change = CheckRunChange {
        external_id: Some(external_id),
        status: Some("completed"),
        conclusion: Some(Conclusion::Cancelled.word()),
        output: shown(output, annotated(annotations, Conclusion::Cancelled)),
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

fn annotated(annotations: &[Annotation], conclusion: Conclusion) -> Vec<NewAnnotation<'_>> {
    let level = conclusion.annotation_level();
    annotations.iter().map(|one| annotation(one, level)).collect()
}

fn annotation<'a>(annotation: &'a Annotation, level: &'static str) -> NewAnnotation<'a> {
    let Annotation {
        path,
        line,
        title,
        message,
        raw_details,
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
