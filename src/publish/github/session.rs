//! The session of one run of the program: what is prepared before the wait, and published after it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::context::{Context, HeadSha, PullRequestHint};
use crate::inputs::{Annotations, CommentWhen, Inputs, OnGithubRerun, Target};
use crate::log::Log;
use crate::publish::github::advice::Advice;
use crate::publish::github::check_handle::{Check, Completion};
use crate::publish::github::client::Api;
use crate::publish::github::deadline::Deadlines;
use crate::publish::github::error::{PreviousAttemptError, Unusable, rounded};
use crate::publish::github::prepare::{Head, HeadCommit, NewCheck, Preparation, WantedCheck};
use crate::publish::github::previous_attempt;
use crate::publish::github::published::{Links, Published};
use crate::publish::identity::{ExternalId, Identity, MarkerKey, check_name, target};
use crate::render::github::check;
use crate::render::github::marker::Marker;
use crate::report::Report;
use crate::text::{Redactor, ShortId};

/// How much longer than the rest a check run that would stay in progress may wait for GitHub's rate limit: five minutes in
/// all, with the minute of everything else.
const RATE_LIMIT_EXTENSION: Duration = Duration::from_secs(240);

/// GitHub's part of one run of the program.
pub struct GitHub {
    pub(super) inputs: Inputs,
    pub(super) context: Context,
    state: State,
    log: Log,
    redactor: Redactor,
}

enum State {
    /// Nothing of it is asked for, or we are not on GitHub.
    Off,
    /// It is asked for and impossible: a sentence, and the reason by itself.
    Unusable(String, Unusable),
    /// Nothing is published, but QA.tech gets the head commit, which only GitHub knows.
    HeadLookupOnly(Box<Active>),
    Active(Box<Active>),
}

/// What the parts share.
pub(super) struct Active {
    pub(super) api: Api,
    pub(super) key: String,
    pub(super) marker_key: MarkerKey,
    pub(super) advice: Advice,
    pub(super) completion: Cell<Completion>,
    /// The pages of comments and issues so far: a signal may end the publishing of the rest.
    pub(super) links: RefCell<Links>,
    target: String,
    head: watch::Receiver<Head>,
    /// `None` until it is known.
    check: watch::Receiver<Option<Arc<Check>>>,
    deadlines: watch::Sender<Option<Deadlines>>,
}

impl GitHub {
    /// Begins: where a check run is wanted, a task creates it at once. Must be called inside the runtime.
    ///
    /// Outside of GitHub nothing is requested, and where the runs are not waited for nothing is published: a check run
    /// without their result would wrongly block a pull request, or let it through.
    pub fn begin(client: reqwest::Client, inputs: &Inputs, context: &Context, redactor: &Redactor, log: &Log) -> Self {
        let mut github = Self {
            state: State::Off,
            inputs: inputs.clone(),
            context: context.clone(),
            log: log.clone(),
            redactor: redactor.clone(),
        };
        let wanted = github.wants_check()
            || inputs.comment != CommentWhen::Off
            || inputs.issue
            || inputs.on_github_rerun == OnGithubRerun::Failed;
        let publishes = inputs.blocking && wanted;
        let looks = matches!(
            (&context.head, &inputs.target),
            (HeadSha::OfPullRequest(_), Target::Start(_))
        );
        // A missing repository is reported on GitHub; elsewhere there is nothing to report.
        let on_github = context.in_github() || context.github_actions;
        if on_github && !inputs.dry_run && (publishes || looks) {
            let advice = Advice::new(inputs, context);
            github.state = match github.activate(client, &advice, publishes) {
                Ok(active) if publishes => State::Active(Box::new(active)),
                Ok(active) => State::HeadLookupOnly(Box::new(active)),
                Err(why) if publishes => State::Unusable(advice.unusable(&why), why),
                Err(_) => State::Off,
            };
        }
        github
    }

    /// Whether failed cases are to be annotated on a check run.
    pub(super) fn wants_check(&self) -> bool {
        match self.inputs.annotations {
            Annotations::Check | Annotations::Job => true,
            Annotations::Log | Annotations::Off => false,
        }
    }

    fn activate(&self, client: reqwest::Client, advice: &Advice, publishes: bool) -> Result<Active, Unusable> {
        let Self {
            state: _,
            inputs,
            context,
            log: _,
            redactor,
        } = self;
        let (deadlines, until) = watch::channel(None);
        let token = inputs.github_token.as_ref().ok_or(Unusable::NoToken);
        // What is missing first is reported.
        if context.repository.is_none() {
            return Err(Unusable::NoRepository);
        }
        let api = Api::new(client, context, token?, redactor.clone(), until)?;
        let marker_key = match &inputs.api_token {
            Some(token) => MarkerKey::new(token),
            None => MarkerKey::disposable().ok_or(Unusable::NoRandom)?,
        };
        let (found, head) = watch::channel(Head::Pending);
        let (done, check) = watch::channel(None);
        let active = Active {
            api,
            key: Identity::new(inputs, context).hash().to_owned(),
            target: target(inputs, &context.origin),
            marker_key,
            advice: advice.clone(),
            head,
            check,
            deadlines,
            completion: Cell::new(Completion::NotBegun),
            links: RefCell::default(),
        };
        let preparation = Preparation {
            api: active.api.clone(),
            advice: advice.clone(),
            head: context.head.clone(),
            branch: context.origin.branch.clone(),
            check: match inputs.annotations {
                Annotations::Check if publishes => WantedCheck::New(Box::new(self.new_check(&active))),
                Annotations::Job if publishes => WantedCheck::Job(context.check_run_id),
                Annotations::Check | Annotations::Job | Annotations::Log | Annotations::Off => WantedCheck::None,
            },
            found,
        };
        tokio::spawn(async move {
            let check = preparation.run().await;
            // Fails where nobody waits for it any more.
            let _ = done.send(Some(Arc::new(check)));
        });
        Ok(active)
    }

    fn new_check(&self, active: &Active) -> NewCheck {
        NewCheck {
            name: check_name(&self.inputs, &self.context),
            external_id: external_id(Vec::new(), &self.context, &active.key),
            output: check::waiting(),
            marker: marker(&self.context, active, None, Vec::new()),
            marker_key: active.marker_key.clone(),
        }
    }

    /// Waits, for so long at most, until the check run is created or refused, or until its request has to be repeated
    /// while the head, which QA.tech gets, is known: then it goes on in the background.
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

    /// The pages that were created or updated so far.
    pub fn links(&self) -> Links {
        let State::Active(active) = &self.state else {
            return Links::default();
        };
        let check_run_url = match active.check.borrow().as_deref() {
            Some(Check::Ready(handle)) => handle.url.clone(),
            Some(Check::NotWanted | Check::Refused(_)) | None => None,
        };
        Links {
            check_run_url,
            ..active.links.borrow().clone()
        }
    }

    /// The head commit, once it is known.
    pub fn head(&self) -> Option<HeadCommit> {
        match &self.state {
            State::Active(active) | State::HeadLookupOnly(active) => active.head(),
            State::Off | State::Unusable(..) => None,
        }
    }

    /// The short ids that the earlier attempt of this job left, one for each of its plans, for
    /// `on_github_rerun: failed`.
    ///
    /// # Errors
    /// Why there are none: a fragment such as "GITHUB_RUN_ID is not set".
    pub async fn earlier(&self, most: Duration) -> Result<Vec<Option<ShortId>>, PreviousAttemptError> {
        let active = match &self.state {
            State::Active(active) => active,
            State::Off | State::HeadLookupOnly(_) => return Err(PreviousAttemptError::NotPublished),
            State::Unusable(_, why) => return Err(why.clone().into()),
        };
        if self.context.origin.run_id.is_none() {
            return Err(PreviousAttemptError::NoRunId);
        }
        let look = async {
            let head = active.found_head().await;
            let pull_request = match self.inputs.comment {
                CommentWhen::Off => &PullRequestHint::None,
                CommentWhen::Failure | CommentWhen::Always => &self.context.pull_request,
            };
            let ours = previous_attempt::ExpectedCheck {
                name: check_name(&self.inputs, &self.context),
                marker: marker(&self.context, active, head.as_ref(), Vec::new()),
                marker_key: &active.marker_key,
            };
            previous_attempt::find(&active.api, &ours, pull_request).await
        };
        let found = timeout(most, look).await;
        found.unwrap_or(Err(PreviousAttemptError::OutOfTime))
    }

    /// Publishes the report, by the deadline. Only a check run that would stay in progress may take up to four minutes
    /// longer, where GitHub's rate limit asks for a wait.
    pub async fn finish(&self, report: &Report, deadline: Instant) -> Published {
        let mut published = self.unpublished();
        let State::Active(active) = &self.state else {
            return published;
        };
        active.end_by(deadline, deadline + RATE_LIMIT_EXTENSION);
        // None waits for another: a check run that can't be created must not cost the comment its time.
        let check = async {
            let check = active.check().await;
            let done = self.finish_check(active, check.as_deref(), report).await;
            let refused = is_refused(check.as_deref()) || !done.notices.is_empty();
            (done, refused)
        };
        let comment = async {
            let head = active.found_head().await;
            self.finish_comment(active, head.as_ref(), report).await
        };
        let issues = self.finish_issues(active, report);
        let all = async { tokio::join!(check, comment, issues) };
        let ((check, refused), comment, issues) = tokio::select! {
            all = all => all,
            never = self.announce_waits(active) => match never {},
        };
        for part in [check, comment, issues] {
            published.add(part);
        }
        published.links = self.links();
        active.add_help(&mut published, refused);
        published
    }

    /// Says in the log for what the check run waits.
    async fn announce_waits(&self, active: &Active) -> std::convert::Infallible {
        let mut waits = active.api.long_waits();
        loop {
            // The sender is our own, so it is not gone.
            let _ = waits.changed().await;
            if let Some(wait) = *waits.borrow_and_update() {
                self.log.line(&format!(
                    "GitHub's rate limit is exceeded: waiting {} to complete the check run, which would stay in progress \
                     otherwise.",
                    rounded(wait)
                ));
            }
        }
    }

    /// Completes the check run as cancelled, with one request and by the deadline, and does nothing else; nor that where
    /// [`finish`](Self::finish) has completed it before it was dropped.
    pub async fn cancel(&self, report: &Report, deadline: Instant) -> Published {
        let mut published = self.unpublished();
        let State::Active(active) = &self.state else {
            return published;
        };
        active.end_by(deadline, deadline);
        let check = timeout_at(deadline, active.check()).await.ok().flatten();
        published.add(self.cancel_check(active, check.as_deref(), report).await);
        published.links = self.links();
        active.add_help(&mut published, is_refused(check.as_deref()));
        published
    }

    /// What is to be said where nothing can be published.
    fn unpublished(&self) -> Published {
        let annotate_in_log = self.wants_check();
        match &self.state {
            State::Off => Published {
                annotate_in_log,
                ..Published::default()
            },
            State::Unusable(why, _) => Published {
                annotate_in_log,
                notices: vec![self.redactor.clean(why.clone())],
                ..Published::default()
            },
            State::HeadLookupOnly(active) => {
                let mut published = Published {
                    annotate_in_log,
                    ..Published::default()
                };
                if active.head().is_none() {
                    let sentence =
                        "The runs were started without the pull request's head commit: GitHub did not return it.";
                    published.notices.push(sentence.to_owned());
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

    async fn found_head(&self) -> Option<HeadCommit> {
        let mut head = self.head.clone();
        let found = head.wait_for(|head| *head != Head::Pending).await.ok()?;
        found.commit().cloned()
    }

    /// Resolves once the head is known and a request has to be repeated.
    async fn in_trouble(&self) {
        self.found_head().await;
        self.api.troubled().await;
    }

    fn end_by(&self, regular: Instant, rate_limited: Instant) {
        self.deadlines.send_replace(Some(Deadlines { regular, rate_limited }));
    }

    pub(super) fn head(&self) -> Option<HeadCommit> {
        self.head.borrow().commit().cloned()
    }

    /// Adds the missing permissions, once: to the first notice, if that is a refusal for want of them.
    fn add_help(&self, published: &mut Published, refused: bool) {
        let Some(help) = self.advice.what_helps() else { return };
        match published.notices.first_mut().filter(|_| refused) {
            Some(notice) => *notice = format!("{notice} {help}"),
            None => published.notices.push(help),
        }
    }
}

/// The marker of this job's check run and comment.
pub(super) fn marker(
    context: &Context,
    active: &Active,
    head: Option<&HeadCommit>,
    short_ids: Vec<Option<ShortId>>,
) -> Marker {
    Marker {
        key: active.key.clone(),
        head_sha: head.map(|head| head.sha.clone()).unwrap_or_default(),
        run_id: context.origin.run_id.unwrap_or(0),
        attempt: context.origin.run_attempt.unwrap_or(1),
        target: active.target.clone(),
        short_ids,
    }
}

pub(super) fn external_id(short_ids: Vec<Option<ShortId>>, context: &Context, key: &str) -> String {
    let id = ExternalId {
        short_ids,
        run_id: context.origin.run_id.unwrap_or(0),
        key: key.to_owned(),
    };
    id.to_string()
}

fn is_refused(check: Option<&Check>) -> bool {
    matches!(check, Some(Check::Refused(_)))
}
