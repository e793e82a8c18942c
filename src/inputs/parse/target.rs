//! Inputs that choose what to run: existing runs or new ones, and the values of a start.

use crate::inputs::config_overrides::is_uuid;
use crate::inputs::parse::given::{Given, PROJECT_VARIABLE};
use crate::inputs::table::Raw;
use crate::inputs::values::Parser;
use crate::inputs::{ApplicationOverride, Build, Target, builds, environments, overrides};
use crate::net::written_url::{self, UrlError};
use crate::text::ShortId;

impl Parser {
    pub(super) fn target(&mut self, raw: &Raw) -> Target {
        if let Some(text) = &raw.run_short_id {
            self.reject_start_inputs(raw);
            return Target::Attach(self.runs(text));
        }
        if raw.test_plan_short_id.is_some() && raw.test_plan_short_ids.is_some() {
            self.problems.push(
                "`test_plan_short_id` and `test_plan_short_ids` are two names of the same input; remove one of them"
                    .to_owned(),
            );
        }
        let plans = match (&raw.test_plan_short_id, &raw.test_plan_short_ids) {
            (Some(text), _) => self.short_ids("test_plan_short_id", text),
            (None, Some(text)) => self.short_ids("test_plan_short_ids", text),
            (None, None) => return Target::Start(vec![None]),
        };
        if raw.test_case_ids.is_some() {
            self.problems.push(
                "`test_case_ids` runs single test cases instead of a plan, so `test_plan_short_id` has no effect; remove one of them"
                    .to_owned(),
            );
        }
        Target::Start(plans.into_iter().map(Some).collect())
    }

    /// Rejects inputs that only a start uses, if they have no default.
    fn reject_start_inputs(&mut self, raw: &Raw) {
        for (name, given) in [
            ("test_plan_short_id", &raw.test_plan_short_id),
            ("test_plan_short_ids", &raw.test_plan_short_ids),
            ("test_case_ids", &raw.test_case_ids),
            ("applications_config", &raw.applications_config),
            ("environments", &raw.environments),
            ("config_overrides", &raw.config_overrides),
            ("builds", &raw.builds),
            ("wait_for", &raw.wait_for),
            ("notifications_config", &raw.notifications_config),
        ] {
            if given.is_some() {
                self.problems.push(format!(
                    "`run_short_id` attaches to existing runs, so `{name}` has no effect; remove one of them"
                ));
            }
        }
    }

    /// Parses short ids of runs and URLs of their pages.
    fn runs(&mut self, text: &str) -> Vec<ShortId> {
        let mut ids = Vec::new();
        for word in text.split(|c: char| c == ',' || c.is_whitespace()) {
            match run_page_id(word) {
                Some(Ok(id)) => ids.push(id),
                Some(Err(error)) => self
                    .problems
                    .push(format!("`run_short_id` contains {word:?}, which {error}")),
                None => ids.push(word.to_owned()),
            }
        }
        let ids = ids.join(" ");
        // All values were invalid URLs, which have been reported.
        if ids.trim().is_empty() && text.contains("://") {
            return Vec::new();
        }
        let ids = self.short_ids("run_short_id", &ids);
        ids.into_iter().filter_map(|id| ShortId::new(id).ok()).collect()
    }

    /// Parses `test_case_ids`. The API accepts only UUIDs.
    pub(super) fn test_cases(&mut self, text: Option<&str>) -> Vec<String> {
        let Some(text) = text else { return Vec::new() };
        let ids = self.short_ids("test_case_ids", text);
        for id in ids.iter().filter(|id| !is_uuid(id)) {
            self.problems.push(format!(
                "`test_case_ids` contains {id:?}, which is not the UUID of a test case (such as 123e4567-e89b-12d3-a456-426614174000)"
            ));
        }
        ids
    }

    /// The project: the input, else `project_id` if it is a project's short id, else the variable.
    pub(super) fn project(&mut self, given: &Given) -> Option<String> {
        let raw = &given.raw;
        let legacy = raw.project_id.as_ref();
        let legacy = legacy.filter(|id| is_project(id) && raw.project_short_id.is_none());
        if raw.project_id.is_some() && legacy.is_none() && raw.project_id != raw.project_short_id {
            self.notices.push(match raw.project_short_id {
                Some(_) => "`project_id` is ignored, since `project_short_id` is set.".to_owned(),
                None => "`project_id` is ignored: it is not a short id of the form `proj_…`.".to_owned(),
            });
        }
        let (name, id) = match (&raw.project_short_id, legacy, &given.project) {
            (Some(id), _, _) => ("`project_short_id`", id),
            (None, Some(id), _) => ("`project_id`", id),
            (None, None, Some(id)) => (PROJECT_VARIABLE, id),
            (None, None, None) => return None,
        };
        if !is_project(id) {
            self.problems.push(format!(
                "{name} is {id:?}; allowed: the short id of one project, such as proj_abc123"
            ));
        }
        Some(id.clone())
    }

    /// The start request's `applications`, from one of the two inputs.
    pub(super) fn applications(&mut self, raw: &Raw) -> Vec<ApplicationOverride> {
        let config = raw.applications_config.as_deref();
        let environments = raw.environments.as_deref();
        if config.is_some() && environments.is_some() {
            self.problems
                .push("`applications_config` and `environments` set the same thing; remove one of them".to_owned());
        }
        let applications = self.structured("applications_config", config, overrides::applications);
        let environments = self.structured("environments", environments, environments::parse);
        if environments.is_empty() {
            applications
        } else {
            environments
        }
    }

    /// Parses `builds`. An application that is tested on a build can't have another environment.
    pub(super) fn builds(&mut self, text: Option<&str>, applications: &[ApplicationOverride]) -> Vec<Build> {
        let builds = self.structured("builds", text, builds::parse);
        for build in &builds {
            let same = |other: &&ApplicationOverride| other.application_short_id == build.application;
            if applications
                .iter()
                .find(same)
                .is_some_and(|other| other.environment.is_some())
            {
                self.problems.push(format!(
                    "`builds` and `environments` (or `applications_config`) both set the environment of application {:?}; remove one of them",
                    build.application
                ));
            }
        }
        builds
    }
}

/// Whether a text is the short id of a project: `^proj(-.+_.+|_.+)$` in the API's schema
/// (<https://docs.qa.tech/api-reference/start-run>), on one line.
fn is_project(text: &str) -> bool {
    let ends_with_id = |rest: &str| {
        rest.char_indices()
            .skip(1)
            .any(|(at, c)| c == '_' && at + 1 < rest.len())
    };
    let fits = text
        .strip_prefix("proj")
        .is_some_and(|rest| match rest.strip_prefix('-') {
            Some(rest) => ends_with_id(rest),
            None => rest.len() > 1 && rest.starts_with('_'),
        });
    fits && !text.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control())
}

/// Why a URL is not that of a run's page.
#[derive(Debug, thiserror::Error)]
enum RunPageError {
    #[error("is not a valid URL ({0})")]
    Invalid(#[from] UrlError),
    #[error("is not the URL of a run's page; allowed: https://app.qa.tech/…/results/<short id>")]
    OtherPage,
}

/// The short id in the URL of a run's page; `None` if the text is not a URL.
fn run_page_id(text: &str) -> Option<Result<String, RunPageError>> {
    text.contains("://").then(|| {
        let url = written_url::parse(text)?;
        let mut segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        segments.retain(|segment| !segment.is_empty());
        match (url.scheme(), segments.as_slice()) {
            ("https", [.., "results", id]) => Ok((*id).to_owned()),
            _ => Err(RunPageError::OtherPage),
        }
    })
}
