//! One issue for each plan: opened when it turns red, commented on while it stays red, closed once it is green.

use crate::inputs::Inputs;
use crate::publish::github::advice::ISSUES;
use crate::publish::github::author::author;
use crate::publish::github::client::{Api, Repeat};
use crate::publish::github::error::Error;
use crate::publish::github::published::Published;
use crate::publish::github::session::{Active, GitHub};
use crate::publish::github::wire::{Comment, Issue, IssueChange, NewComment};
use crate::publish::identity::issue_key;
use crate::render::github::issue as text;
use crate::report::{FailOn, Mode, Origin, Report, ReportSlice, RunReport, Verdict};

const OPEN: &str = "open";
const CLOSED: &str = "closed";
/// Pages of closed issues that are searched: a plan whose issue is older than a thousand others gets a new one.
const MAX_CLOSED_PAGES: usize = 10;

/// What a plan's verdict means for its issue. The greatest of several counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Color {
    Green,
    /// The verdict says nothing about the tests: the issue stays unchanged.
    Grey,
    Red,
}

impl Color {
    fn new(run: &RunReport, fail_on: &FailOn) -> Self {
        match run.verdict {
            // Nothing was started, and the next result may name a plan that this one does not.
            Some(_) if run.attempts.is_empty() && plan(run).is_none() => Self::Grey,
            Some(Verdict::Failed | Verdict::Error | Verdict::TimedOut) => Self::Red,
            Some(Verdict::Passed) if run.has_no_tests() && fail_on.no_tests => Self::Red,
            Some(Verdict::Passed) if run.has_no_tests() => Self::Grey,
            Some(verdict @ (Verdict::Flaky | Verdict::Quarantined)) if fail_on.fails(verdict) => Self::Red,
            Some(Verdict::Passed | Verdict::Flaky) => Self::Green,
            Some(
                Verdict::Skipped | Verdict::Quarantined | Verdict::Interrupted | Verdict::Cancelled | Verdict::Unknown,
            )
            | None => Self::Grey,
        }
    }
}

impl GitHub {
    /// Updates the issues if they are wanted, for the default branch and schedules only.
    pub(super) async fn finish_issues(&self, active: &Active, report: &Report) -> Published {
        let mut published = Published::default();
        if !self.inputs.issue || report.mode != Mode::Wait || self.context.of_pull_request {
            return published;
        }
        let scheduled = self.context.origin.event.as_deref() == Some("schedule");
        if !scheduled && self.context.origin.default_branch.is_none() {
            published.notices.push(
                "No issue was opened or closed: issues are kept for the default branch only, and the event does not \
                 name it."
                    .to_owned(),
            );
            return published;
        }
        if !scheduled && !self.context.on_default_branch() {
            return published;
        }
        let Inputs {
            comment_key,
            issue_labels,
            ..
        } = &self.inputs;
        let (urls, failure) = publish(&active.api, report, comment_key.as_deref(), issue_labels).await;
        active.links.borrow_mut().issue_url = (!urls.is_empty()).then(|| urls.join(","));
        if let Some(failure) = failure {
            published.warnings.push(
                active
                    .advice
                    .explain("The issue could not be updated", &failure, ISSUES),
            );
        }
        published
    }
}

/// A plan whose issue may need an update, with its runs. The plan of attached runs is unknown, so they share one issue.
struct Subject<'a> {
    part: ReportSlice<'a>,
    red: bool,
    key: String,
    issue: Option<Issue>,
}

impl<'a> Subject<'a> {
    /// Those of a report. Runs of one plan are adjacent: each plan is requested once.
    fn all(report: &'a Report, comment_key: Option<&str>) -> Vec<Self> {
        let keyed = report.runs.chunk_by(|one, next| plan(one) == plan(next));
        keyed
            .filter_map(|runs| {
                let color = runs.iter().map(|run| Color::new(run, &report.fail_on)).max()?;
                (color != Color::Grey).then(|| Self {
                    part: ReportSlice { report, runs },
                    red: color == Color::Red,
                    key: issue_key(runs.first().and_then(plan), comment_key, &report.origin),
                    issue: None,
                })
            })
            .collect()
    }
}

/// The short id of a run's plan, as it was requested or as the API returned it.
fn plan(run: &RunReport) -> Option<&str> {
    let returned = run.plan.as_ref().map(|plan| plan.short_id.as_str());
    run.requested_plan.as_deref().or(returned.filter(|id| !id.is_empty()))
}

/// Updates the issues of all plans. Returns the pages of those that were changed, and the first error.
async fn publish(
    api: &Api,
    report: &Report,
    comment_key: Option<&str>,
    labels: &[String],
) -> (Vec<String>, Option<Error>) {
    let mut urls = Vec::new();
    let mut failure = None;
    let mut subjects = Subject::all(report, comment_key);
    if subjects.is_empty() {
        return (urls, failure);
    }
    let author = author(api).await;
    for state in [OPEN, CLOSED] {
        if let Err(failure) = find(api, &mut subjects, state, &author).await {
            return (urls, Some(failure));
        }
    }
    for subject in subjects {
        let (url, first) = bring_up_to_date(api, subject, labels, &author).await;
        urls.extend(url);
        failure = failure.or(first);
    }
    (urls, failure)
}

async fn bring_up_to_date(
    api: &Api,
    subject: Subject<'_>,
    labels: &[String],
    author: &str,
) -> (Option<String>, Option<Error>) {
    let Subject { part, red, key, issue } = subject;
    let Some(issue) = issue else {
        if !red {
            return (None, None);
        }
        let (title, body) = (text::title(part), text::opened(part, &key));
        let new = IssueChange {
            title: Some(&title),
            body: Some(&body),
            labels,
            ..IssueChange::default()
        };
        return match api.post::<Issue>("/issues", &new).await {
            Ok(issue) => (issue.html_url, None),
            Err(failure) => (None, Some(failure)),
        };
    };
    let origin = &part.report.origin;
    let open = issue.state.as_deref() == Some(OPEN);
    let run_id = origin.run_id.unwrap_or(0);
    let (body, change) = if red {
        let reopen = IssueChange {
            state: Some(OPEN),
            state_reason: Some("reopened"),
            ..IssueChange::default()
        };
        (text::still_red(part, run_id, !open), (!open).then_some(reopen))
    } else {
        let close = IssueChange {
            state: Some(CLOSED),
            state_reason: Some("completed"),
            ..IssueChange::default()
        };
        (text::green(part, run_id), Some(close))
    };
    let path = format!("/issues/{}", issue.number);
    let comment = async {
        if change.is_some() || !commented(api, &issue, origin, author).await? {
            let path = format!("{path}/comments");
            api.post::<Comment>(&path, &NewComment { body: &body }).await?;
        }
        Ok(())
    };
    let commented = comment.await.err();
    // The issue is closed even if no comment can be written, as in a locked conversation.
    let changed = match &change {
        Some(change) => api.patch::<Issue>(&path, change, Repeat::Always).await.err(),
        None => None,
    };
    (issue.html_url, commented.or(changed))
}

/// Searches our issues of a state, newest first, for those of subjects that have none yet. Closed ones matter only to
/// what is red, to be reopened.
async fn find(api: &Api, subjects: &mut [Subject<'_>], state: &'static str, author: &str) -> Result<(), Error> {
    let missing = |subject: &Subject<'_>| subject.issue.is_none() && (subject.red || state == OPEN);
    if !subjects.iter().any(missing) {
        return Ok(());
    }
    let creator: String = url::form_urlencoded::byte_serialize(author.as_bytes()).collect();
    let mut pages = 0;
    api.pages(
        "/issues",
        &format!("?state={state}&creator={creator}"),
        |page: Vec<Issue>| {
            let by_us = |issue: &Issue| {
                issue.pull_request.is_none() && issue.user.as_ref().is_some_and(|user| user.login == author)
            };
            for issue in page.into_iter().filter(by_us) {
                let body = issue.body.as_deref().unwrap_or_default();
                let subject = subjects
                    .iter_mut()
                    .find(|subject| missing(subject) && body.starts_with(&text::marker(&subject.key)));
                if let Some(subject) = subject {
                    subject.issue = Some(issue);
                }
            }
            pages += 1;
            (state == CLOSED && pages == MAX_CLOSED_PAGES) || !subjects.iter().any(missing)
        },
    )
    .await
}

/// Whether an earlier attempt of this workflow run has commented already.
async fn commented(api: &Api, issue: &Issue, origin: &Origin, author: &str) -> Result<bool, Error> {
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
