//! `config_overrides`: payloads that replace configs of the project for these runs.

use serde_json::{Map, Value};

use crate::inputs::ConfigOverrides;
use crate::inputs::json::{self, JsonError};
use crate::inputs::lines::Problems;

/// Why `config_overrides` can't be used. The messages contain only keys, since the values are secrets.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("must be a JSON object with \"configs\" or \"configsByEnvironment\"")]
    Shape,
    #[error("has an unknown key {0:?}; allowed: configs, configsByEnvironment")]
    UnknownKey(String),
    #[error("requires {0} to be an object")]
    NotObject(String),
    #[error("has {0:?} in configsByEnvironment, which is not the UUID of an environment")]
    NotUuid(String),
    #[error("does not override a config")]
    Empty,
}

/// Parses `config_overrides`: `{"configs": {id: payload}, "configsByEnvironment": {UUID: {id: payload}}}`.
///
/// # Errors
/// Every problem, as a fragment that follows the input's name.
pub fn parse(text: &str) -> Result<ConfigOverrides, Problems> {
    overrides(text).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn overrides(text: &str) -> Result<ConfigOverrides, Vec<ConfigError>> {
    let value = json::parse(text).map_err(|error| vec![error.into()])?;
    let Value::Object(mut outer) = value else {
        return Err(vec![ConfigError::Shape]);
    };
    let mut errors = Vec::new();
    let configs = objects("configs", outer.remove("configs"), &mut errors);
    let configs_by_environment = objects(
        "configsByEnvironment",
        outer.remove("configsByEnvironment"),
        &mut errors,
    );
    for (environment, configs) in &configs_by_environment {
        if !is_uuid(environment) {
            errors.push(ConfigError::NotUuid(environment.clone()));
        }
        objects(
            &format!("configsByEnvironment.{environment}"),
            Some(configs.clone()),
            &mut errors,
        );
    }
    errors.extend(outer.into_iter().map(|(key, _)| ConfigError::UnknownKey(key)));
    if errors.is_empty() && configs.is_empty() && configs_by_environment.is_empty() {
        errors.push(ConfigError::Empty);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(ConfigOverrides {
        configs,
        configs_by_environment,
    })
}

/// A map of objects. Null counts as absent.
fn objects(at: &str, value: Option<Value>, errors: &mut Vec<ConfigError>) -> Map<String, Value> {
    match value {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => {
            let wrong = map.iter().filter(|(_, entry)| !entry.is_object());
            errors.extend(wrong.map(|(key, _)| ConfigError::NotObject(format!("{at}.{key}"))));
            map
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            errors.push(ConfigError::NotObject(at.to_owned()));
            Map::new()
        }
    }
}

/// Whether a text is a UUID in its usual form: <https://www.rfc-editor.org/rfc/rfc9562#section-4>.
pub fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const UUID: &str = "0b5a4b1e-2f3c-4d5e-8f90-a1b2c3d4e5f6";

    #[test]
    fn configs_are_sent_as_given() {
        let text = format!(
            r#"{{"configs": {{"cfg_login": {{"user": "mona", "ports": [1, null]}}}}, "configsByEnvironment": {{"{UUID}": {{"login": {{}}}}}}}}"#
        );
        let sent = serde_json::to_value(parse(&text).unwrap()).unwrap();
        assert_eq!(sent, serde_json::from_str::<Value>(&text).unwrap());
        let only = parse(r#"{"configs": {"cfg_a": {}}, "configsByEnvironment": null}"#).unwrap();
        assert_eq!(serde_json::to_string(&only).unwrap(), r#"{"configs":{"cfg_a":{}}}"#);
    }

    #[test]
    fn every_problem_is_reported_without_values() {
        let text = r#"{"configs": {"cfg_a": "s3cret"}, "configsByEnvironment": {"env_1": {"cfg_b": ["s3cret"]}}, "config": "s3cret"}"#;
        assert_eq!(
            parse(text).unwrap_err(),
            [
                "requires configs.cfg_a to be an object",
                "has \"env_1\" in configsByEnvironment, which is not the UUID of an environment",
                "requires configsByEnvironment.env_1.cfg_b to be an object",
                "has an unknown key \"config\"; allowed: configs, configsByEnvironment",
            ]
        );
        for (text, problem) in [
            ("{", "is not valid JSON (line 1, column 1)"),
            (
                "[]",
                "must be a JSON object with \"configs\" or \"configsByEnvironment\"",
            ),
            ("{}", "does not override a config"),
            (r#"{"configs": 3}"#, "requires configs to be an object"),
            (
                r#"{"configs": {"a": {"b": 1, "b": 2}}}"#,
                "has the duplicate key \"b\" in an object (line 1, column 30)",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), [problem], "{text}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let overrides = parse(r#"{"configs": {"cfg_a": {"password": "hunter2"}}}"#).unwrap();
        assert!(!format!("{overrides:?}").contains("hunter2"));
    }
}
