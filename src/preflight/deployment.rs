//! Finds the URL of a deployment of the head commit: in the event, or else by polling GitHub.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use wildmatch::WildMatch;

use crate::context::{Context, DeploymentState, EventDeployment};
use crate::inputs::Inputs;
use crate::net::http;
use crate::net::retry::Deadline;
use crate::net::secret_url::{SecretUrlError, for_secrets};
use crate::preflight::step::Preflight;
use crate::publish::github::deployments::{Deployment, Lookup, LookupError};
use crate::render::duration::format_duration;

/// Number of deployments to matching environments that are checked, newest first.
const MAX_DEPLOYMENTS: usize = 10;
/// Longest description that is shown, in characters. GitHub allows 140.
const MAX_DESCRIPTION: usize = 300;

/// Why there is no deployment to test.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeploymentError {
    /// Something is missing that is needed to find one; clauses.
    #[error("the deployment can't be looked up: {}", .0.join("; "))]
    Missing(Vec<&'static str>),
    /// The request to GitHub failed.
    #[error("{}", .0.to_string().trim_end_matches('.'))]
    Lookup(LookupError),
    /// The newest deployment did not succeed.
    #[error("the deployment at {environment} failed: {state}{}", described(description.as_deref()))]
    Failed {
        /// Name of the environment.
        environment: String,
        /// The state, as GitHub or Vercel names it.
        state: String,
        /// Description of the state.
        description: Option<String>,
    },
    /// Its URL can't be used.
    #[error("the URL of the deployment at {environment} {why}")]
    UnusableUrl {
        /// Name of the environment.
        environment: String,
        /// What is wrong with the URL.
        #[source]
        why: SecretUrlError,
    },
    /// None succeeded before the deadline.
    #[error("no deployment of {sha} at {wanted} succeeded within {waited}{}", described(seen.as_deref()))]
    TimedOut {
        /// The commit.
        sha: String,
        /// Description of the environments that match.
        wanted: String,
        /// How long the program waited.
        waited: String,
        /// The last state that was found.
        seen: Option<String>,
    },
}

impl DeploymentError {
    pub(super) fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Lookup(LookupError::OutOfTime) => true,
            Self::Missing(_)
            | Self::Lookup(LookupError::Unavailable(_) | LookupError::Refused(_))
            | Self::Failed { .. }
            | Self::UnusableUrl { .. } => false,
        }
    }
}

/// The message if the head commit is not known.
pub(super) const NO_COMMIT: &str = "the head commit is not known (set `commit`)";

/// The values that are needed to find deployments and are missing. GitHub is asked unless the event reports a deployment.
pub(super) fn missing(inputs: &Inputs, context: &Context) -> Vec<&'static str> {
    let asks = context.deployment.is_none();
    let needs = [
        (!context.can_know_commit(), NO_COMMIT),
        (
            asks && context.repository.is_none(),
            "GITHUB_REPOSITORY is not set to a repository",
        ),
        (
            asks && context.repository.is_some() && context.api_url.is_none(),
            "GITHUB_API_URL is not set to a usable URL",
        ),
        (
            asks && inputs.github_token.is_none(),
            "`github_token` with `deployments: read` is needed",
        ),
    ];
    needs
        .into_iter()
        .filter(|(missing, _)| *missing)
        .map(|(_, what)| what)
        .collect()
}

fn described(text: Option<&str>) -> String {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

/// A deployment as the event or GitHub describes it.
struct Seen<'a> {
    environment: &'a str,
    state: DeploymentState,
    description: Option<&'a str>,
    environment_url: Option<&'a str>,
    target_url: Option<&'a str>,
}

/// Whether it can be tested.
enum Found {
    Url(String),
    /// It can't be tested. Contains its state.
    NotThere(String),
}

/// Finds the deployments of one commit.
pub(super) struct Finder<'a> {
    preflight: &'a Preflight<'a>,
    sha: &'a str,
    begun: Instant,
    deadline: Deadline,
}

/// A deployment to find.
struct Wanted {
    /// Glob for the environment; any but production if `None`.
    glob: Option<String>,
    /// Its URL, once it was found.
    url: Option<String>,
    /// The last state that was logged.
    said: Option<String>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(preflight: &'a Preflight<'a>, sha: &'a str, begun: Instant, deadline: Deadline) -> Self {
        Self {
            preflight,
            sha,
            begun,
            deadline,
        }
    }

    /// Returns, for each glob, the URL of the newest successful deployment at a matching environment.
    ///
    /// # Errors
    /// See [`DeploymentError`].
    pub(super) async fn find(&self, globs: Vec<Option<String>>) -> Result<Vec<String>, DeploymentError> {
        let mut all = Vec::with_capacity(globs.len());
        for glob in globs {
            let event = self.preflight.app.context.deployment.as_ref();
            let url = match event {
                Some(event) => self.in_event(event, glob.as_deref())?,
                None => None,
            };
            let said = None;
            all.push(Wanted { glob, url, said });
        }
        if all.iter().any(|wanted| wanted.url.is_none()) {
            let lookup = self.preflight.lookup(self.deadline).map_err(DeploymentError::Lookup)?;
            match self.deadline.limit(self.poll(&lookup, &mut all)).await {
                Some(Err(DeploymentError::Lookup(LookupError::OutOfTime))) | None => return Err(self.timed_out(all)),
                Some(polled) => polled?,
            }
        }
        Ok(all.into_iter().filter_map(|wanted| wanted.url).collect())
    }

    /// Polls GitHub until all deployments are found.
    async fn poll(&self, lookup: &Lookup, all: &mut [Wanted]) -> Result<(), DeploymentError> {
        loop {
            let deployments = lookup.deployments(self.sha).await.map_err(DeploymentError::Lookup)?;
            let mut missing = false;
            for wanted in all.iter_mut().filter(|wanted| wanted.url.is_none()) {
                self.look(lookup, &deployments, wanted).await?;
                missing |= wanted.url.is_none();
            }
            if !missing {
                return Ok(());
            }
            sleep((self.preflight.interval)(self.begun.elapsed())).await;
        }
    }

    fn timed_out(&self, all: Vec<Wanted>) -> DeploymentError {
        let missing = all.into_iter().find(|wanted| wanted.url.is_none());
        let (glob, said) = missing.map_or((None, None), |wanted| (wanted.glob, wanted.said));
        DeploymentError::TimedOut {
            sha: short(self.sha).to_owned(),
            wanted: described_glob(glob.as_deref()),
            waited: elapsed(self.begun),
            seen: said,
        }
    }

    /// Searches the commit's deployments, newest first.
    async fn look(
        &self,
        lookup: &Lookup,
        deployments: &[Deployment],
        wanted: &mut Wanted,
    ) -> Result<(), DeploymentError> {
        let glob = wanted.glob.as_deref();
        let fits = |one: &&Deployment| matches(glob, &one.environment, one.production_environment);
        let mut news = None;
        for (index, deployment) in deployments.iter().filter(fits).take(MAX_DEPLOYMENTS).enumerate() {
            let status = lookup.status(deployment.id).await.map_err(DeploymentError::Lookup)?;
            let status = status.as_ref();
            let seen = Seen {
                environment: &deployment.environment,
                state: status.map_or(DeploymentState::Pending("no status yet".to_owned()), |status| {
                    DeploymentState::parse(&status.state)
                }),
                description: status.and_then(|status| status.description.as_deref()),
                environment_url: status.and_then(|status| status.environment_url.as_deref()),
                target_url: status.and_then(|status| status.target_url.as_deref()),
            };
            match self.judge(&seen, index == 0)? {
                Found::Url(url) => {
                    wanted.url = Some(url);
                    return Ok(());
                }
                Found::NotThere(state) => {
                    news.get_or_insert(format!("{}: {state}", deployment.environment));
                }
            }
        }
        let news = news.unwrap_or_else(|| match deployments.first() {
            None => "there is none yet".to_owned(),
            Some(_) if deployments.iter().all(is_production) => {
                "the only ones are at production, which `deployment` must name explicitly".to_owned()
            }
            Some(other) => format!("there is one at {}, which does not match", other.environment),
        });
        if wanted.said.as_ref() != Some(&news) {
            self.preflight.say(format!(
                "Waiting for a deployment of {} at {}: {news}",
                short(self.sha),
                described_glob(glob)
            ));
            wanted.said = Some(news);
        }
        Ok(())
    }

    /// The URL of the deployment in the event, if it matches.
    fn in_event(&self, deployment: &EventDeployment, glob: Option<&str>) -> Result<Option<String>, DeploymentError> {
        let EventDeployment {
            sha,
            environment,
            is_production,
            state,
            description,
            environment_url,
            target_url,
        } = deployment;
        if !sha.eq_ignore_ascii_case(self.sha) || !matches(glob, environment, *is_production) {
            return Ok(None);
        }
        let seen = Seen {
            environment,
            state: state.clone(),
            description: description.as_deref(),
            environment_url: environment_url.as_deref(),
            target_url: target_url.as_deref(),
        };
        match self.judge(&seen, true)? {
            Found::Url(url) => Ok(Some(url)),
            Found::NotThere(_) => Ok(None),
        }
    }

    /// Decides whether a deployment can be tested. A failed one is an error only if it is the newest.
    fn judge(&self, seen: &Seen<'_>, is_newest: bool) -> Result<Found, DeploymentError> {
        let Seen {
            environment,
            state,
            description,
            environment_url,
            target_url,
        } = seen;
        // Before anything is logged: the description of a failed deployment may contain its URL.
        let target_url = target_url.filter(|url| self.is_address(url));
        for url in [*environment_url, target_url].into_iter().flatten() {
            self.preflight.keep_secret(url.trim());
        }
        match state {
            DeploymentState::Success => {}
            DeploymentState::Failed(state) if is_newest => {
                return Err(DeploymentError::Failed {
                    environment: (*environment).to_owned(),
                    state: state.clone(),
                    description: description
                        .map(|text| http::brief(text, MAX_DESCRIPTION, self.preflight.app.redactor)),
                });
            }
            DeploymentState::Failed(state) | DeploymentState::Pending(state) => {
                return Ok(Found::NotThere(state.clone()));
            }
            DeploymentState::Inactive => return Ok(Found::NotThere("inactive".to_owned())),
        }
        let url = match (*environment_url, target_url) {
            (Some(url), _) | (None, Some(url)) => url,
            (None, None) => {
                return Ok(Found::NotThere("success, but without a URL".to_owned()));
            }
        };
        let url = url.trim();
        for_secrets(url).map_err(|why| DeploymentError::UnusableUrl {
            environment: (*environment).to_owned(),
            why,
        })?;
        self.preflight.say(format!("Deployment at {environment}: {url}"));
        Ok(Found::Url(url.to_owned()))
    }

    /// Whether a `target_url` can be the URL of the application. GitHub's own pages are logs.
    fn is_address(&self, target_url: &str) -> bool {
        let server = self.preflight.app.context.server_url.as_ref();
        for_secrets(target_url)
            .is_ok_and(|url| url.scheme() == "https" && server.is_none_or(|server| server.host() != url.host()))
    }
}

/// Whether a glob selects an environment. It must name a production environment explicitly: without wildcards, or with `prod`
/// in it.
fn matches(glob: Option<&str>, environment: &str, is_flagged: bool) -> bool {
    let production = is_flagged || is_production_name(environment);
    match glob {
        None => !production,
        Some(glob) => {
            let names_production = !glob.contains(['*', '?']) || glob.to_ascii_lowercase().contains("prod");
            (!production || names_production) && WildMatch::new_case_insensitive(glob).matches(environment)
        }
    }
}

fn is_production(deployment: &Deployment) -> bool {
    deployment.production_environment || is_production_name(&deployment.environment)
}

/// Whether a name is `production`, `prod`, or Vercel's name for one of several projects: `Production – shop`.
fn is_production_name(environment: &str) -> bool {
    let name = environment.to_ascii_lowercase();
    ["production", "prod"].iter().any(|word| {
        name.strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
    })
}

fn described_glob(glob: Option<&str>) -> String {
    glob.map_or("any environment except production".to_owned(), |glob| {
        format!("an environment {glob:?}")
    })
}

fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

/// The elapsed time as text.
pub(super) fn elapsed(begun: Instant) -> String {
    let elapsed: Duration = begun.elapsed();
    format_duration(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_must_be_named_explicitly() {
        for (glob, environment, is_flagged, expected) in [
            (None, "Preview", false, true),
            (None, "production", false, false),
            (None, "Production – shop", false, false),
            (None, "live", true, false),
            (None, "product-previews", false, true),
            (Some("preview*"), "Preview – shop", false, true),
            (Some("preview"), "Preview – shop", false, false),
            (Some("*"), "Production", false, false),
            (Some("*shop"), "Production – shop", false, false),
            (Some("*shop"), "Preview – shop", false, true),
            (Some("Prod*"), "production", true, true),
            (Some("production"), "Production", false, true),
            (Some("live"), "live", true, true),
            (Some("l*"), "live", true, false),
            (Some("pr-?"), "pr-7", false, true),
        ] {
            assert_eq!(
                matches(glob, environment, is_flagged),
                expected,
                "{glob:?} {environment} {is_flagged}"
            );
        }
    }
}
