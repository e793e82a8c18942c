//! `environments`: application overrides without JSON, one per line.

use std::collections::BTreeSet;

use crate::inputs::lines::{Problems, pair, parse_lines};
use crate::inputs::web_url::{self, WebUrlError};
use crate::inputs::{ApplicationOverride, EnvironmentOverride};

/// Why a line of `environments` can't be used. The messages do not repeat a URL, which may contain credentials.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("does not have the form `application = …` with a URL, `env_…`, `build_…` or `deployment`")]
    Form,
    #[error("repeats application {0:?}")]
    Repeated(String),
    #[error("has a URL that {0}")]
    Url(#[from] WebUrlError),
    #[error("has a URL that does not begin with https:// (or http://)")]
    NoScheme,
}

/// Parses `environments`: lines `application = place`, where the place is a URL, the short id of an environment or a build,
/// or `deployment[: glob]`.
///
/// # Errors
/// The problems of all lines, as fragments that follow the input's name.
pub fn parse(text: &str) -> Result<Vec<ApplicationOverride>, Problems> {
    let mut seen = BTreeSet::new();
    parse_lines(text, |line| {
        let (application, place) = pair(line).ok_or(LineError::Form)?;
        if !seen.insert(application.to_owned()) {
            return Err(LineError::Repeated(application.to_owned()));
        }
        Ok(ApplicationOverride {
            application_short_id: application.to_owned(),
            environment: Some(environment(place)?),
            device_preset_short_id: None,
        })
    })
}

fn environment(place: &str) -> Result<EnvironmentOverride, LineError> {
    if let Some(deployment) = deployment(place) {
        return Ok(deployment);
    }
    if place.contains("://") {
        web_url::check(place)?;
        return Ok(EnvironmentOverride::Url {
            url: place.to_owned(),
            name: None,
        });
    }
    if place.contains(['.', '/', ':']) {
        return Err(LineError::NoScheme);
    }
    if place.contains(char::is_whitespace) {
        return Err(LineError::Form);
    }
    let short_id = place.to_owned();
    let is_build = ["build_", "build-", "bld_", "bld-"]
        .iter()
        .any(|prefix| place.starts_with(prefix));
    Ok(if is_build {
        EnvironmentOverride::Build { short_id }
    } else {
        EnvironmentOverride::ShortId { short_id }
    })
}

/// `deployment[: glob]`; `None` for any other place.
fn deployment(place: &str) -> Option<EnvironmentOverride> {
    let rest = place.strip_prefix("deployment")?.trim_start();
    let glob = match rest.strip_prefix(':') {
        Some(url) if url.starts_with("//") => return None,
        Some(glob) => glob.trim(),
        None if rest.is_empty() => rest,
        None => return None,
    };
    Some(EnvironmentOverride::Deployment {
        environment: Some(glob.to_owned()).filter(|glob| !glob.is_empty()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(text: &str) -> serde_json::Value {
        serde_json::to_value(parse(text).unwrap()).unwrap()
    }

    fn one(place: &str) -> EnvironmentOverride {
        let mut list = parse(&format!("app_web = {place}")).unwrap();
        list.remove(0).environment.unwrap()
    }

    #[test]
    fn a_line_names_a_url_an_environment_or_a_build() {
        let text = "\n app_web = https://pr-12.example/?a=b \n# the API\napp_api = env_staging\n\
                    app-shop_1=build_7\napp_ios = bld-shop_8\nbare1 = k3xyz9";
        assert_eq!(
            sent(text),
            json!([
                {"applicationShortId": "app_web", "environment": {"url": "https://pr-12.example/?a=b"}},
                {"applicationShortId": "app_api", "environment": {"shortId": "env_staging"}},
                {"applicationShortId": "app-shop_1", "environment": {"applicationBuildShortId": "build_7"}},
                {"applicationShortId": "app_ios", "environment": {"applicationBuildShortId": "bld-shop_8"}},
                {"applicationShortId": "bare1", "environment": {"shortId": "k3xyz9"}},
            ])
        );
    }

    #[test]
    fn a_deployment_is_named_with_or_without_a_glob() {
        let deployment = |glob: Option<&str>| EnvironmentOverride::Deployment {
            environment: glob.map(str::to_owned),
        };
        assert_eq!(one("deployment"), deployment(None));
        assert_eq!(one("deployment: "), deployment(None));
        assert_eq!(
            one("deployment: Preview – shop.web/*"),
            deployment(Some("Preview – shop.web/*"))
        );
        assert_eq!(one("deployment:staging"), deployment(Some("staging")));
        assert!(matches!(one("deployments"), EnvironmentOverride::ShortId { .. }));
    }

    #[test]
    fn a_wrong_line_is_reported_by_its_number() {
        for (text, problem) in [
            ("app_web: https://x", "line 1 does not have the form"),
            ("a = env one", "line 1 does not have the form"),
            ("\n= env_a", "line 2 does not have the form"),
            (
                "a = pr-12.example",
                "line 1 has a URL that does not begin with https:// (or http://)",
            ),
            (
                "a = deployment://x",
                "line 1 has a URL that has the scheme \"deployment\"",
            ),
            ("a = ftp://u:s3cret@x", "line 1 has a URL that has the scheme \"ftp\""),
            ("a = https://exa mple", "line 1 has a URL that is not valid"),
            (
                "a = https://bücher.example",
                "line 1 has a URL that is not valid (the host",
            ),
            ("a = env_1\na = env_2", "line 2 repeats application \"a\""),
            ("# nothing", "contains no lines except empty ones and comments"),
        ] {
            let problems = parse(text).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(problem), "{text}: {problems:?}");
            assert!(!problems[0].contains("s3cret"), "{problems:?}");
        }
    }
}
