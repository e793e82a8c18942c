//! Deployments and their statuses: <https://docs.github.com/rest/deployments>.

use serde_json::{Value, json};

use super::model::ACTIONS_LOGIN;
use super::page::Page;
use super::repo::Repo;
use super::wire;
use super::world::{Context, Repository, World};
use crate::http::{Reply, lock};

/// A deployment of a commit to an environment.
pub(super) struct Deployment {
    id: u64,
    sha: String,
    environment: String,
    production: bool,
    created_at: String,
    /// Oldest first.
    statuses: Vec<(u64, String, DeploymentStatus)>,
}

/// A status of a deployment.
#[derive(Clone, Debug, Default)]
pub struct DeploymentStatus {
    state: String,
    description: String,
    environment_url: String,
    target_url: String,
}

impl DeploymentStatus {
    /// A status of one of GitHub's states, such as `in_progress`.
    pub fn new(state: &str) -> Self {
        Self {
            state: state.to_owned(),
            ..Self::default()
        }
    }

    /// `success` with an environment URL.
    pub fn success(environment_url: &str) -> Self {
        Self::new("success").environment_url(environment_url)
    }

    /// The same with an address.
    #[must_use]
    pub fn environment_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.environment_url);
        self
    }

    /// The same, with a description.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// The same, with the older `target_url`.
    #[must_use]
    pub fn target_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.target_url);
        self
    }
}

impl Repo {
    /// Creates a deployment without a status and returns its id. As at GitHub, `production` is a production environment.
    pub fn deploy(&self, sha: &str, environment: &str) -> u64 {
        self.add_deployment(sha, environment, environment.eq_ignore_ascii_case("production"))
    }

    /// The same with `production_environment: true`.
    pub fn deploy_to_production(&self, sha: &str, environment: &str) -> u64 {
        self.add_deployment(sha, environment, true)
    }

    fn add_deployment(&self, sha: &str, environment: &str, production: bool) -> u64 {
        let mut world = lock(&self.world);
        let (id, created_at) = (world.next_id(), world.now());
        world.repositories[self.index].deployments.push(Deployment {
            id,
            sha: sha.to_owned(),
            environment: environment.to_owned(),
            production,
            created_at,
            statuses: Vec::new(),
        });
        id
    }

    /// Adds a status to a deployment.
    ///
    /// # Panics
    /// If there is no such deployment.
    pub fn add_deployment_status(&self, deployment: u64, status: DeploymentStatus) {
        let (id, now) = {
            let mut world = lock(&self.world);
            (world.next_id(), world.now())
        };
        self.change(|repository| {
            let found = repository.deployments.iter_mut().find(|one| one.id == deployment);
            let found = found.unwrap_or_else(|| panic!("there is no deployment {deployment}"));
            found.statuses.push((id, now, status));
        });
    }
}

impl World {
    pub(super) fn list_deployments(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        let wanted = |name: &str, value: &str| context.query(name).is_none_or(|wanted| wanted == value);
        let newest_first: Vec<&Deployment> = (repository.deployments.iter().rev())
            .filter(|one| wanted("sha", &one.sha) && wanted("ref", &one.sha) && wanted("task", "deploy"))
            .filter(|one| {
                let environment = context.query("environment");
                environment.is_none_or(|wanted| wanted.eq_ignore_ascii_case(&one.environment))
            })
            .collect();
        let page = Page::of(context, newest_first.len());
        let shown = newest_first[page.range()].iter();
        let body = shown.map(|one| self.deployment(repository, one)).collect();
        self.checked_page(context, &page, &body)
    }

    pub(super) fn list_deployment_statuses(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        let number = context.number();
        let Some(deployment) = repository.deployments.iter().find(|one| one.id == number) else {
            return wire::error(404, "Not Found");
        };
        let newest_first: Vec<_> = deployment.statuses.iter().rev().collect();
        let page = Page::of(context, newest_first.len());
        let shown = newest_first[page.range()].iter();
        let body = shown
            .map(|(id, at, status)| self.deployment_status(repository, deployment, *id, at, status))
            .collect();
        self.checked_page(context, &page, &body)
    }

    /// A page of a list, checked against GitHub's schema.
    fn checked_page(&self, context: &Context, page: &Page, body: &Value) -> Reply {
        let problems = context.call.answer_problems(body);
        assert!(problems.is_empty(), "the fake answers wrongly: {}", problems.join("; "));
        page.reply(self, context, body)
    }

    fn deployment(&self, repository: &Repository, deployment: &Deployment) -> Value {
        let Deployment {
            id,
            sha,
            environment,
            production,
            created_at,
            statuses,
        } = deployment;
        let url = format!("{}/deployments/{id}", self.api(repository));
        let updated_at = statuses.last().map_or(created_at, |(_, at, _)| at);
        json!({
            "url": url, "id": id, "node_id": format!("DE_{id}"), "sha": sha, "ref": sha, "task": "deploy", "payload": {},
            "original_environment": environment, "environment": environment, "description": null,
            "creator": self.user(ACTIONS_LOGIN), "created_at": created_at, "updated_at": updated_at,
            "statuses_url": format!("{url}/statuses"), "repository_url": self.api(repository),
            "transient_environment": !production, "production_environment": production,
        })
    }

    fn deployment_status(
        &self,
        repository: &Repository,
        deployment: &Deployment,
        id: u64,
        at: &str,
        status: &DeploymentStatus,
    ) -> Value {
        let DeploymentStatus {
            state,
            description,
            environment_url,
            target_url,
        } = status;
        let deployment_url = format!("{}/deployments/{}", self.api(repository), deployment.id);
        json!({
            "url": format!("{deployment_url}/statuses/{id}"), "id": id, "node_id": format!("DES_{id}"), "state": state,
            "creator": self.user(ACTIONS_LOGIN), "description": description, "environment": deployment.environment,
            "target_url": target_url, "log_url": target_url, "environment_url": environment_url, "created_at": at,
            "updated_at": at, "deployment_url": deployment_url, "repository_url": self.api(repository),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::{Call, FakeGitHub};

    /// Both answers are checked against GitHub's schemas; an unknown state is rejected.
    #[test]
    fn answers_are_held_against_githubs_schemas() {
        let github = FakeGitHub::start();
        let id = github.deploy("abc", "Preview");
        github.add_deployment_status(id, DeploymentStatus::success("https://pr.example").description("Done"));
        let mut world = lock(&github.world);
        let context = |call, parameters| Context {
            call,
            at: 0,
            parameters,
            tail: String::new(),
            query: Vec::new(),
            body: Value::Null,
        };
        assert_eq!(
            world
                .list_deployments(&context(Call::ListDeployments, Vec::new()))
                .status,
            200
        );
        let statuses = context(Call::ListDeploymentStatuses, vec![id.to_string()]);
        assert_eq!(world.list_deployment_statuses(&statuses).status, 200);
        let wrong = json!([{"state": "deployed"}]);
        assert!(!Call::ListDeploymentStatuses.answer_problems(&wrong).is_empty());
    }
}
