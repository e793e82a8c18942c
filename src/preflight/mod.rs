//! Prepares a billed start: uploads builds, finds deployments and waits for URLs. If one of these steps fails, no run is started.

pub mod builds;
mod deployment;
mod readiness;
mod step;

use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;
use crate::context::{Context, HeadSha};
use crate::inputs::{ApplicationOverride, EnvironmentOverride, Inputs, Target};
use crate::net::retry::Deadline;
use crate::publish::github::HeadCommit;
use crate::publish::github::deployments::LookupError;
use crate::qatech::Client;
use crate::report::Verdict;
use builds::UploadError;
use deployment::{DeploymentError, Finder, NO_COMMIT};
use readiness::ReadinessError;
use step::Preflight;

/// The results that the start requests need.
pub(crate) struct Prepared {
    /// The start request's `applications`, with a URL for each deployment.
    pub(crate) applications: Vec<ApplicationOverride>,
}

/// Why no run is started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreflightError {
    /// The head commit could not be requested from GitHub.
    #[error(transparent)]
    Head(LookupError),
    /// A build was not uploaded.
    #[error(transparent)]
    Build(#[from] UploadError),
    /// There is no deployment to test.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// A URL of `wait_for` is not ready.
    #[error(transparent)]
    Readiness(#[from] ReadinessError),
    /// Something is missing. It was found before anything was sent.
    #[error(transparent)]
    Obstacles(Obstacles),
}

/// All obstacles to a start that are found before anything is sent.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub(crate) struct Obstacles(Vec<PreflightError>);

impl PreflightError {
    /// The verdict of all runs.
    pub(crate) fn verdict(&self) -> Verdict {
        let is_timeout = match self {
            Self::Head(error) => matches!(error, LookupError::OutOfTime),
            Self::Build(error) => error.is_timeout(),
            Self::Deployment(error) => error.is_timeout(),
            Self::Readiness(error) => error.is_timeout(),
            Self::Obstacles(_) => false,
        };
        if is_timeout {
            Verdict::TimedOut
        } else {
            Verdict::Unknown
        }
    }
}

/// Finds obstacles to a start before anything is sent: missing builds, and missing values that a deployment or `{sha}` needs. There
/// are none for attached runs.
pub(crate) async fn obstacles(inputs: &Inputs, context: &Context) -> Vec<PreflightError> {
    let mut all = Vec::new();
    match &inputs.target {
        Target::Attach(_) => return all,
        Target::Start(_) => {}
    }
    for build in &inputs.builds {
        all.extend(builds::size(build).await.err().map(PreflightError::Build));
    }
    if inputs.wants_deployment() {
        let missing = deployment::missing(inputs, context);
        if !missing.is_empty() {
            all.push(DeploymentError::Missing(missing).into());
        }
    }
    if !context.can_know_commit() && inputs.wait_for.iter().any(readiness::names_commit) {
        all.push(ReadinessError::NoCommit.into());
    }
    all
}

/// Uploads builds, finds deployments and waits for URLs, in this order. Does nothing for attached runs. The future can be dropped at
/// any time.
///
/// `head` is the head commit, if it was already requested from GitHub.
///
/// # Errors
/// See [`PreflightError`].
pub(crate) async fn run(
    app: &App<'_>,
    api: &Client,
    client: &reqwest::Client,
    head: Option<HeadCommit>,
    deadline: Deadline,
    interval: &dyn Fn(Duration) -> Duration,
) -> Result<Prepared, PreflightError> {
    let inputs = app.inputs;
    let mut applications = inputs.applications.clone();
    match &inputs.target {
        Target::Attach(_) => return Ok(Prepared { applications }),
        Target::Start(_) => {}
    }
    let obstacles = obstacles(inputs, app.context).await;
    if !obstacles.is_empty() {
        return Err(PreflightError::Obstacles(Obstacles(obstacles)));
    }
    let preflight = Preflight {
        app,
        client,
        deadline,
        interval,
    };
    if !inputs.builds.is_empty() {
        let uploaded = builds::upload(api, &inputs.builds, deadline, app.log, app.redactor).await?;
        applications = uploaded.apply_to(&applications);
    }
    let needs_head = inputs.wants_deployment() || inputs.wait_for.iter().any(readiness::names_commit);
    let sha = if needs_head {
        preflight.head_sha(head).await?
    } else {
        None
    };
    if inputs.wants_deployment() {
        preflight.set_deployments(&mut applications, sha.as_deref()).await?;
    }
    if !inputs.wait_for.is_empty() {
        readiness::wait(&preflight, sha.as_deref()).await?;
    }
    Ok(Prepared { applications })
}

impl Preflight<'_> {
    /// The head commit, if it can be known.
    async fn head_sha(&self, head: Option<HeadCommit>) -> Result<Option<String>, PreflightError> {
        let context = self.app.context;
        match (&context.origin.sha, head, &context.head) {
            (Some(sha), _, _) => Ok(Some(sha.clone())),
            (None, Some(HeadCommit { sha, branch: _ }), _) => Ok(Some(sha)),
            (None, None, HeadSha::OfPullRequest(number)) => {
                let lookup = self.lookup(self.deadline).map_err(PreflightError::Head)?;
                let sha = lookup.head(*number).await.map_err(PreflightError::Head)?;
                Ok(Some(sha))
            }
            (None, None, HeadSha::Known(_) | HeadSha::None) => Ok(None),
        }
    }

    /// Replaces each deployment by its URL.
    async fn set_deployments(
        &self,
        applications: &mut [ApplicationOverride],
        sha: Option<&str>,
    ) -> Result<(), DeploymentError> {
        let begun = Instant::now();
        let deadline = self.deadline.within(self.app.inputs.deployment_timeout);
        let sha = sha.ok_or_else(|| DeploymentError::Missing(vec![NO_COMMIT]))?;
        let (mut globs, mut places) = (Vec::new(), Vec::new());
        for application in applications {
            if let Some(EnvironmentOverride::Deployment { environment: glob }) = &application.environment {
                globs.push(glob.clone());
                places.push(&mut application.environment);
            }
        }
        let urls = Finder::new(self, sha, begun, deadline).find(globs).await?;
        for (place, url) in places.into_iter().zip(urls) {
            *place = Some(EnvironmentOverride::Url { url, name: None });
        }
        Ok(())
    }
}
