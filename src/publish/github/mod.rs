//! GitHub's part: check run, comment and issues, beside the wait and never in its way.
//!
//! [`GitHub::begin`] starts a task that makes the check run; [`GitHub::finish`] or [`GitHub::cancel`] publishes the
//! report by a deadline. Nothing here fails: whatever goes wrong becomes a sentence in [`Published`].

mod advice;
mod answer;
mod author;
mod check_run;
mod client;
mod comment;
pub(crate) mod deployments;
mod issue;
mod place;
mod prepare;
mod previous_attempt;
mod published;
mod pull_request;
mod wire;

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::context::{Context, HeadSha, PullRequestHint};
use crate::inputs::{Annotations, CommentWhen, Inputs, OnGithubRerun, Target};
use crate::publish::identity::{ExternalId, Identity, MarkerKey, check_name, target};
use crate::render::github::check;
use crate::render::github::marker::Marker;
use crate::report::Report;
use crate::text::Redactor;
use advice::Advice;
use check_run::Completion;
use client::Api;
pub use prepare::Head;
use prepare::{Check, NewCheck, Preparation};
pub use published::{Links, Published};

/// GitHub's part of one run of the program.
pub struct GitHub {
    state: State,
    inputs: Inputs,
    context: Context,
    redactor: Redactor,
}

enum State {
    /// Nothing of it is asked for, or we are not on GitHub.
    Off,
    /// It is asked for and can't be had: a sentence that says why.
    Unusable(String),
    /// Nothing is published, but QA.tech is to be told the head commit, which only GitHub knows.
    HeadLookupOnly(Box<Active>),
    Active(Box<Active>),
}

struct Active {
    api: Api,
    key: String,
    target: String,
    marker_key: MarkerKey,
    advice: Advice,
    /// `None` until it is known; then the head, if there is one.
    head: watch::Receiver<Option<Option<Head>>>,
    /// `None` until it is made or known not to be.
    check: watch::Receiver<Option<Arc<Check>>>,
    deadline: watch::Sender<Option<Instant>>,
    completion: Cell<Completion>,
    /// Pages that were made: a signal may end the publishing of the rest.
    comment_url: OnceCell<String>,
    issue_url: OnceCell<String>,
}

impl GitHub {
    /// Begins: where a check run is wanted, a task makes it at once. Must be called inside the runtime.
    ///
    /// Nothing is asked of GitHub outside of it, and nothing published where nothing is waited for: a check that can't be
    /// completed with the truth would let through, or block, what it knows nothing of.
    pub fn begin(client: reqwest::Client, inputs: &Inputs, context: &Context, redactor: &Redactor) -> Self {
        let mut github = Self {
            state: State::Off,
            inputs: inputs.clone(),
            context: context.clone(),
            redactor: redactor.clone(),
        };
        let wanted = inputs.annotations == Annotations::Check
            || inputs.comment != CommentWhen::Off
            || inputs.issue
            || inputs.on_github_rerun == OnGithubRerun::Failed;
        let publishes = inputs.blocking && wanted;
        let looks = matches!(
            (&context.head, &inputs.target),
            (HeadSha::OfPullRequest(_), Target::Start(_))
        );
        // Where only the repository is missing, it is said; outside of GitHub there is nothing to say.
        let on_github = context.in_github() || context.github_actions;
        if on_github && !inputs.dry_run && (publishes || looks) {
            github.state = match github.activate(client, publishes) {
                Ok(active) if publishes => State::Active(Box::new(active)),
                Ok(active) => State::HeadLookupOnly(Box::new(active)),
                Err(why) if publishes => State::Unusable(why),
                Err(_) => State::Off,
            };
        }
        github
    }

    fn activate(&self, client: reqwest::Client, publishes: bool) -> Result<Active, String> {
        let Self {
            state: _,
            inputs,
            context,
            redactor,
        } = self;
        let advice = Advice::new(inputs, context);
        let repository = context
            .repository
            .as_ref()
            .ok_or_else(|| advice.without("GITHUB_REPOSITORY names none, so nothing is published at GitHub."))?;
        let root = context
            .api_url
            .as_ref()
            .ok_or("GITHUB_API_URL names no usable address, so nothing is published at GitHub.")?;
        let token = inputs
            .github_token
            .as_ref()
            .ok_or_else(|| advice.without("There is no `github_token`, so nothing is published at GitHub."))?;
        let api_token = inputs
            .api_token
            .as_ref()
            .ok_or("There is no API token, so nothing is published at GitHub.")?;
        let marker_key = MarkerKey::new(api_token);
        let (deadline, until) = watch::channel(None);
        let api = Api::new(client, root, repository, token, redactor.clone(), until)?;
        let key = Identity::new(inputs, &context.origin).hash().to_owned();
        let target = target(inputs, &context.origin);
        let (found, head) = watch::channel(None);
        let (done, check) = watch::channel(None);
        let preparation = Preparation {
            api: api.clone(),
            advice: advice.clone(),
            head: context.head.clone(),
            branch: context.origin.branch.clone(),
            check: (publishes && inputs.annotations == Annotations::Check).then(|| NewCheck {
                name: check_name(inputs, &context.origin),
                external_id: external_id(Vec::new(), context, &key),
                output: check::waiting(),
                marker: marker(context, &key, &target, None, Vec::new()),
                marker_key: marker_key.clone(),
            }),
            found,
        };
        tokio::spawn(async move {
            let check = preparation.run().await;
            // Nobody waits for it any more where this fails.
            let _ = done.send(Some(Arc::new(check)));
        });
        Ok(Active {
            api,
            key,
            target,
            marker_key,
            advice,
            head,
            check,
            deadline,
            completion: Cell::new(Completion::NotBegun),
            comment_url: OnceCell::new(),
            issue_url: OnceCell::new(),
        })
    }

    /// Waits, for so long at most, until the check run is made, or is known not to be, or takes more than one try while the
    /// head, which QA.tech is to be told, is known: then it goes on in the background.
    pub async fn wait_created(&self, most: Duration) {
        if let State::Active(active) | State::HeadLookupOnly(active) = &self.state {
            let _ = timeout(most, async {
                tokio::select! {
                    _ = active.check() => {}
                    () = active.in_trouble() => {}
                }
            })
            .await;
        }
    }

    /// The pages that were made so far.
    pub fn links(&self) -> Links {
        let State::Active(active) = &self.state else {
            return Links::default();
        };
        let check_run_url = match active.check.borrow().as_deref() {
            Some(Check::Made(handle)) => handle.url.clone(),
            Some(Check::NotWanted | Check::Refused(_)) | None => None,
        };
        Links {
            check_run_url,
            comment_url: active.comment_url.get().cloned(),
            issue_url: active.issue_url.get().cloned(),
        }
    }

    /// The head commit that was asked for at GitHub's, once it is known.
    pub fn head(&self) -> Option<Head> {
        match &self.state {
            State::Active(active) | State::HeadLookupOnly(active) => active.head(),
            State::Off | State::Unusable(_) => None,
        }
    }

    /// The short ids that the earlier attempt of this job left, one for each of its plans, for
    /// `on_github_rerun: failed`.
    ///
    /// # Errors
    /// Why there are none: a fragment such as "no check run or comment of ours names one".
    pub async fn earlier(&self, most: Duration) -> Result<Vec<Option<String>>, String> {
        let active = match &self.state {
            State::Active(active) => active,
            State::Off | State::HeadLookupOnly(_) => return Err("nothing was published at GitHub".to_owned()),
            // Its first sentence: what to do about it is told at the end.
            State::Unusable(why) => {
                let first = why.split(". ").next().unwrap_or_default();
                return Err(first.trim_end_matches('.').to_owned());
            }
        };
        self.context.origin.run_id.ok_or("GITHUB_RUN_ID is not set")?;
        let look = async {
            let head = active.found_head().await;
            let pull_request = match self.inputs.comment {
                CommentWhen::Off => &PullRequestHint::None,
                CommentWhen::Failure | CommentWhen::Always => &self.context.pull_request,
            };
            let ours = previous_attempt::ExpectedCheck {
                name: check_name(&self.inputs, &self.context.origin),
                marker: marker(&self.context, &active.key, &active.target, head.as_ref(), Vec::new()),
                marker_key: &active.marker_key,
            };
            previous_attempt::find(&active.api, &ours, pull_request).await
        };
        match timeout(most, look).await {
            Ok(found) => found,
            Err(_) => Err("GitHub did not answer in time".to_owned()),
        }
    }

    /// Publishes the report, by the deadline.
    pub async fn finish(&self, report: &Report, deadline: Instant) -> Published {
        let mut published = self.unpublished();
        let State::Active(active) = &self.state else {
            return published;
        };
        active.end_by(deadline);
        // None waits for another: a check run that can't be made must not cost the comment its time.
        let check = async {
            let check = active.check().await;
            let done = self.finish_check(active, check.as_deref(), report).await;
            (done, is_refused(check.as_deref()))
        };
        let comment = async {
            let head = active.found_head().await;
            let done = self.finish_comment(active, head.as_ref(), report).await;
            keep(&active.comment_url, done.links.comment_url.as_ref());
            done
        };
        let issues = async {
            let done = self.finish_issues(active, report).await;
            keep(&active.issue_url, done.links.issue_url.as_ref());
            done
        };
        let ((check, refused), comment, issues) = tokio::join!(check, comment, issues);
        for part in [check, comment, issues] {
            published.add(part);
        }
        active.add_help(&mut published, refused);
        published
    }

    /// Completes the check run as cancelled, with one request and by the deadline, and does nothing else; nor that where
    /// [`finish`](Self::finish) has completed it before it was dropped.
    pub async fn cancel(&self, report: &Report, deadline: Instant) -> Published {
        let mut published = self.unpublished();
        let State::Active(active) = &self.state else {
            return published;
        };
        active.end_by(deadline);
        let check = timeout_at(deadline, active.check()).await.ok().flatten();
        published.add(self.cancel_check(active, check.as_deref(), report).await);
        active.add_help(&mut published, is_refused(check.as_deref()));
        published
    }

    /// What is to be said where nothing can be published.
    fn unpublished(&self) -> Published {
        let check = self.inputs.annotations == Annotations::Check;
        match &self.state {
            State::Off => Published {
                annotate_in_log: check,
                ..Published::default()
            },
            State::Unusable(why) => Published {
                annotate_in_log: check,
                notices: vec![self.redactor.clean(why.clone())],
                ..Published::default()
            },
            State::HeadLookupOnly(active) => {
                let mut published = Published {
                    annotate_in_log: check,
                    ..Published::default()
                };
                if active.head().is_none() {
                    let told = "QA.tech was not told the pull request's head commit, since GitHub did not tell it.";
                    published.notices.push(told.to_owned());
                    active.add_help(&mut published, true);
                }
                published
            }
            State::Active(_) => Published::default(),
        }
    }
}

impl Active {
    async fn check(&self) -> Option<Arc<Check>> {
        let mut check = self.check.clone();
        let done = check.wait_for(Option::is_some).await.ok()?;
        done.clone()
    }

    async fn found_head(&self) -> Option<Head> {
        let mut head = self.head.clone();
        let found = head.wait_for(Option::is_some).await.ok()?;
        found.clone().flatten()
    }

    /// Resolves once the head is known and a request has to be repeated.
    async fn in_trouble(&self) {
        self.found_head().await;
        self.api.troubled().await;
    }

    fn end_by(&self, deadline: Instant) {
        self.deadline.send_replace(Some(deadline));
    }

    fn head(&self) -> Option<Head> {
        self.head.borrow().clone().flatten()
    }

    /// Tells the permissions to add, once: in the first notice, if that is `refused` for want of them.
    fn add_help(&self, published: &mut Published, refused: bool) {
        let Some(help) = self.advice.what_helps() else { return };
        match published.notices.first_mut().filter(|_| refused) {
            Some(notice) => *notice = format!("{notice} {help}"),
            None => published.notices.push(help),
        }
    }
}

fn marker(context: &Context, key: &str, target: &str, head: Option<&Head>, short_ids: Vec<Option<String>>) -> Marker {
    Marker {
        key: key.to_owned(),
        head_sha: head.map(|head| head.sha.clone()).unwrap_or_default(),
        run_id: context.origin.run_id.unwrap_or(0),
        attempt: context.origin.run_attempt.unwrap_or(1),
        target: target.to_owned(),
        short_ids,
    }
}

fn external_id(short_ids: Vec<Option<String>>, context: &Context, key: &str) -> String {
    let id = ExternalId {
        short_ids,
        run_id: context.origin.run_id.unwrap_or(0),
        key: key.to_owned(),
    };
    id.to_string()
}

fn keep(cell: &OnceCell<String>, url: Option<&String>) {
    if let Some(url) = url {
        // Published once, so nothing is there.
        let _ = cell.set(url.clone());
    }
}

fn is_refused(check: Option<&Check>) -> bool {
    matches!(check, Some(Check::Refused(_)))
}
