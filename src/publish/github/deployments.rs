//! Reads GitHub's deployments and their statuses (<https://docs.github.com/rest/deployments>).

use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::context::Context;
use crate::inputs::Inputs;
use crate::publish::github::advice::{Advice, DEPLOYMENTS, PULL_REQUESTS};
use crate::publish::github::client::Api;
use crate::publish::github::deadline::Deadlines;
use crate::publish::github::error::Error;
use crate::publish::github::pull_request;
use crate::text::Redactor;
use crate::text::sort::sort_by_number;

/// Characters that are kept of each text, and of a URL.
const MAX_TEXT: usize = 300;
const MAX_URL: usize = 8_000;

/// A deployment of a commit to an environment.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Deployment {
    /// Its id, which grows with time.
    pub(crate) id: u64,
    /// Name of the environment.
    pub(crate) environment: String,
    /// Whether end users interact with the environment.
    #[serde(default)]
    pub(crate) production_environment: bool,
}

/// A status of a deployment. Its URLs are unchecked.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DeploymentStatus {
    id: u64,
    /// `success`, `failure` and so on.
    pub(crate) state: String,
    /// More about the state, with secrets and uncut: it may repeat the query of a URL.
    pub(crate) description: Option<String>,
    /// Where the application runs.
    pub(crate) environment_url: Option<String>,
    /// An older field for the same, which may also be a page with logs.
    pub(crate) target_url: Option<String>,
}

/// Why deployments can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// There is nothing to ask; a sentence.
    #[error("{0}")]
    Unavailable(String),
    /// GitHub's answer, with the permission that is missing where that may be the cause; a sentence.
    #[error("{0}")]
    Refused(String),
    /// The deadline came first.
    #[error("GitHub did not answer in time.")]
    OutOfTime,
}

/// Reads deployments until a deadline.
pub(crate) struct Lookup {
    api: Api,
    advice: Advice,
    /// Keeps the channel open: without a sender, the client would have no deadline.
    _deadline: watch::Sender<Option<Deadlines>>,
}

impl Lookup {
    /// # Errors
    /// If there is no repository, API or token to ask with.
    pub(crate) fn new(
        client: reqwest::Client,
        inputs: &Inputs,
        context: &Context,
        redactor: &Redactor,
        deadline: Instant,
    ) -> Result<Self, LookupError> {
        let unavailable = |why: &str| LookupError::Unavailable(why.to_owned());
        if context.repository.is_none() {
            return Err(unavailable(
                "GITHUB_REPOSITORY is not set to a repository with deployments.",
            ));
        }
        let token = inputs
            .github_token
            .as_ref()
            .ok_or_else(|| unavailable("`github_token` with `deployments: read` is needed to read deployments."))?;
        let (sender, until) = watch::channel(Some(Deadlines {
            regular: deadline,
            rate_limited: deadline,
        }));
        let api = Api::new(client, context, token, redactor.clone(), until)
            .map_err(|error| unavailable(&format!("Deployments can't be read: {error}.")))?;
        Ok(Self {
            api,
            advice: Advice::new(inputs, context),
            _deadline: sender,
        })
    }

    /// The head commit of a pull request.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub(crate) async fn head(&self, pull_request: u64) -> Result<String, LookupError> {
        let head = pull_request::head(&self.api, pull_request).await;
        let (sha, _branch) = head.map_err(|failure| self.explain("The pull request", &failure, PULL_REQUESTS))?;
        Ok(sha)
    }

    /// The commit's newest deployments, newest first.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub(crate) async fn deployments(&self, sha: &str) -> Result<Vec<Deployment>, LookupError> {
        let mut found = Vec::new();
        let query = format!("?sha={sha}");
        let page = self.api.pages("/deployments", &query, |page: Vec<Deployment>| {
            found = page;
            true
        });
        page.await
            .map_err(|failure| self.explain("Deployments", &failure, DEPLOYMENTS))?;
        for deployment in &mut found {
            deployment.environment = self.text(std::mem::take(&mut deployment.environment));
        }
        sort_by_number(&mut found, |deployment| u64::MAX - deployment.id);
        Ok(found)
    }

    /// The newest status of a deployment, if it has any.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub(crate) async fn status(&self, deployment: u64) -> Result<Option<DeploymentStatus>, LookupError> {
        let mut newest = None;
        let path = format!("/deployments/{deployment}/statuses");
        let page = self.api.pages(&path, "", |page: Vec<DeploymentStatus>| {
            newest = page.into_iter().max_by_key(|status| status.id);
            true
        });
        page.await
            .map_err(|failure| self.explain("The deployment's statuses", &failure, DEPLOYMENTS))?;
        let url = |url: Option<String>| url.filter(|url| !url.trim().is_empty() && url.len() <= MAX_URL);
        Ok(newest.map(|status| DeploymentStatus {
            id: status.id,
            state: self.text(status.state),
            description: status.description,
            environment_url: url(status.environment_url),
            target_url: url(status.target_url),
        }))
    }

    fn text(&self, text: String) -> String {
        self.api.clean(text).chars().take(MAX_TEXT).collect()
    }

    fn explain(&self, what: &str, failure: &Error, needs: &str) -> LookupError {
        match failure {
            Error::OutOfTime => LookupError::OutOfTime,
            Error::Refused { .. }
            | Error::Blocked { .. }
            | Error::Unreachable(_)
            | Error::Lost(_)
            | Error::Invalid(_)
            | Error::RateLimited { .. } => {
                LookupError::Refused(self.advice.explain(&format!("{what} can't be read"), failure, needs))
            }
        }
    }
}
