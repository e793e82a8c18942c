//! One issue for each plan: opened when it turns red, commented on while it stays red, closed once it is green.

use super::api::{Api, Failure, Repeat};
use super::comment;
use super::wire::{Comment, Issue, IssueChange, NewComment};
use crate::publish::identity::issue_key;
use crate::render::issue as text;
use crate::report::{Origin, Part, Report, RunReport, Verdict};

/// What a plan's verdict means for its issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    Red,
    Green,
    /// It tells nothing of the tests: the issue stays as it is.
    Grey,
}

impl Color {
    fn of(run: &RunReport) -> Self {
        match run.verdict {
            Some(Verdict::Failed | Verdict::Error | Verdict::TimedOut) => Self::Red,
            Some(Verdict::Passed | Verdict::Flaky) => Self::Green,
            Some(Verdict::Skipped | Verdict::Interrupted | Verdict::Cancelled | Verdict::Unknown) | None => Self::Grey,
        }
    }
}

/// Brings the issues of all plans up to date; the pages of those that were touched, and what went wrong first.
pub(super) async fn publish(
    api: &Api,
    report: &Report,
    comment_key: Option<&str>,
    labels: &[String],
) -> (Vec<String>, Option<Failure>) {
    let mut urls = Vec::new();
    let mut failure = None;
    let mut author = None;
    for runs in report.runs.chunks(1) {
        let part = Part { report, runs };
        let Some(run) = runs.first() else { continue };
        let color = Color::of(run);
        if color == Color::Grey {
            continue;
        }
        let author = match &author {
            Some(author) => author,
            None => author.insert(comment::author(api).await),
        };
        let plan = run
            .requested_plan
            .as_deref()
            .or(run.plan.as_ref().map(|plan| plan.short_id.as_str()));
        let key = issue_key(plan, comment_key);
        match of_plan(api, part, color == Color::Red, &key, labels, author).await {
            Ok(url) => urls.extend(url),
            Err(first) => failure = failure.or(Some(first)),
        }
    }
    (urls, failure)
}

async fn of_plan(
    api: &Api,
    part: Part<'_>,
    red: bool,
    key: &str,
    labels: &[String],
    author: &str,
) -> Result<Option<String>, Failure> {
    let found = find(api, key, author).await?;
    let Some(issue) = found else {
        if !red {
            return Ok(None);
        }
        let (title, body) = (text::title(part), text::opened(part, key));
        let new = IssueChange {
            title: Some(&title),
            body: Some(&body),
            labels,
            ..IssueChange::default()
        };
        let issue: Issue = api.post("/issues", &new).await?;
        return Ok(issue.html_url);
    };
    let open = issue.state.as_deref() == Some("open");
    let run_id = part.report.origin.run_id.unwrap_or(0);
    let (body, change) = match (red, open) {
        (false, false) => return Ok(None),
        (true, _) => {
            let reopen = IssueChange {
                state: Some("open"),
                state_reason: Some("reopened"),
                ..IssueChange::default()
            };
            (text::still_red(part, run_id, !open), (!open).then_some(reopen))
        }
        (false, true) => {
            let close = IssueChange {
                state: Some("closed"),
                state_reason: Some("completed"),
                ..IssueChange::default()
            };
            (text::green(part, run_id), Some(close))
        }
    };
    if change.is_some() || !commented(api, &issue, &part.report.origin, author).await? {
        let path = format!("/issues/{}/comments", issue.number);
        api.post::<Comment>(&path, &NewComment { body: &body }).await?;
    }
    if let Some(change) = change {
        let path = format!("/issues/{}", issue.number);
        api.patch::<Issue>(&path, &change, Repeat::Always).await?;
    }
    Ok(issue.html_url)
}

/// Our issue of the plan: one that is open, else the newest.
async fn find(api: &Api, key: &str, author: &str) -> Result<Option<Issue>, Failure> {
    let marker = text::marker(key);
    let creator: String = url::form_urlencoded::byte_serialize(author.as_bytes()).collect();
    let mut found: Option<Issue> = None;
    api.pages(
        "/issues",
        &format!("?state=all&creator={creator}"),
        |page: Vec<Issue>| {
            let ours = |issue: &Issue| {
                issue.pull_request.is_none()
                    && issue.user.as_ref().is_some_and(|user| user.login == author)
                    && issue.body.as_deref().is_some_and(|body| body.starts_with(&marker))
            };
            for issue in page.into_iter().filter(ours) {
                let open = issue.state.as_deref() == Some("open");
                if open || found.is_none() {
                    found = Some(issue);
                }
                if open {
                    return true;
                }
            }
            false
        },
    )
    .await?;
    Ok(found)
}

/// Whether an earlier attempt of this workflow run has commented already.
async fn commented(api: &Api, issue: &Issue, origin: &Origin, author: &str) -> Result<bool, Failure> {
    let (Some(run_id), Some(2..)) = (origin.run_id, origin.run_attempt) else {
        return Ok(false);
    };
    let marker = text::comment_marker(run_id);
    let mut found = false;
    api.pages(
        &format!("/issues/{}/comments", issue.number),
        "",
        |page: Vec<Comment>| {
            found = page.iter().any(|comment| {
                let by_us = comment.user.as_ref().is_some_and(|user| user.login == author);
                by_us && comment.body.as_deref().is_some_and(|body| body.starts_with(&marker))
            });
            found
        },
    )
    .await?;
    Ok(found)
}
