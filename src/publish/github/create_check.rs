//! Creates our check run. A create is not idempotent: if its answer is lost, the check run is looked up before anything is
//! sent again.

use crate::publish::github::check_handle::Handle;
use crate::publish::github::client::Api;
use crate::publish::github::error::Error;
use crate::publish::github::wire::{CheckRun, CheckRunChange, CheckRuns, Output};
use crate::render::github::check::CheckOutput;

/// Creates our check run, in progress.
pub(super) async fn create(
    api: &Api,
    name: &str,
    head_sha: &str,
    external_id: &str,
    output: &CheckOutput,
) -> Result<Handle, Error> {
    // Jobs that test the same create identical check runs; the nonce identifies ours.
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
            ..Output::new(output, Vec::new())
        },
    };
    let mut retries = api.retries();
    loop {
        let what = match api.post::<CheckRun>("/check-runs", &change).await {
            Ok(run) => return Ok(run.into()),
            Err(Error::Lost(what)) => what,
            Err(error) => return Err(error),
        };
        if !api.pause(&mut retries).await {
            return Err(Error::Unreachable(what));
        }
        if let Some(run) = find(api, name, head_sha, external_id, &nonce).await? {
            return Ok(run.into());
        }
    }
}

/// The check run that a create without an answer may have made. One that an earlier attempt of the job completed is not it.
async fn find(
    api: &Api,
    name: &str,
    head_sha: &str,
    external_id: &str,
    nonce: &str,
) -> Result<Option<CheckRun>, Error> {
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
