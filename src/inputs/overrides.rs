//! Application and notification overrides in JSON: parses each accepted form into the array that the API takes.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::inputs::json;
use crate::inputs::lines::{Problems, collect};
use crate::inputs::web_url;

/// One entry of the start request's `applications`
/// (`ApplicationOverride` in <https://docs.qa.tech/api-reference/start-run>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationOverride {
    /// Short id of the application, `app_…`.
    pub application_short_id: String,
    /// Where it runs; the application's default if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentOverride>,
    /// Device preset, `preset_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_preset_short_id: Option<String>,
}

/// The environment in which an application is tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EnvironmentOverride {
    /// Any URL, such as a preview deployment.
    Url {
        /// The URL. It may contain credentials: never log it unredacted.
        url: String,
        /// Name to display.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// An environment of the project.
    ShortId {
        /// `env_…`.
        #[serde(rename = "shortId")]
        short_id: String,
    },
    /// A build of a mobile application that was uploaded to QA.tech.
    Build {
        /// `build_…` or `bld_…`.
        #[serde(rename = "applicationBuildShortId")]
        short_id: String,
    },
    /// A GitHub deployment of the head commit, found before the start and replaced by its URL. Never sent.
    #[serde(skip)]
    Deployment {
        /// Glob for the deployment's environment; any but production if `None`.
        environment: Option<String>,
    },
}

/// One entry of the start request's `notifications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationOverride {
    /// Always `slack` today.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Slack channel.
    pub channel: String,
    /// `always` or `failure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_on: Option<&'static str>,
}

/// Parses `applications_config` in any of its three forms.
pub fn applications(text: &str) -> Result<Vec<ApplicationOverride>, Problems> {
    let value: Value = json::parse(text).map_err(|error| vec![error.to_string()])?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut outer) => {
            let inner = outer.remove("applications");
            let mut problems: Problems = outer
                .keys()
                .map(|key| format!("has an unknown key {key:?}; allowed: applications"))
                .collect();
            let list = match inner {
                Some(Value::Array(list)) => list,
                Some(Value::Object(by_id)) => by_id
                    .into_iter()
                    .map(|(id, entry)| match entry {
                        Value::Object(mut entry) => {
                            entry.insert("applicationShortId".to_owned(), Value::String(id));
                            Value::Object(entry)
                        }
                        other => other,
                    })
                    .collect(),
                Some(_) | None => {
                    problems.push("requires \"applications\" to be an array or an object".to_owned());
                    Vec::new()
                }
            };
            if !problems.is_empty() {
                return Err(problems);
            }
            list
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(vec![
                "must be a JSON array, or an object with \"applications\"".to_owned(),
            ]);
        }
    };
    if list.is_empty() {
        return Err(vec!["lists no application".to_owned()]);
    }
    collect(
        list.into_iter()
            .enumerate()
            .map(|(index, entry)| application(&format!("applications[{index}]"), entry)),
    )
}

fn application(at: &str, entry: Value) -> Result<ApplicationOverride, Problems> {
    let mut fields = Fields::new(at, entry, "applicationShortId, environment, devicePresetShortId")?;
    let application_short_id = fields.required_text("applicationShortId");
    let device_preset_short_id = fields.text("devicePresetShortId");
    let environment =
        fields
            .take("environment")
            .and_then(|value| match environment(&format!("{at}.environment"), value) {
                Ok(environment) => Some(environment),
                Err(problems) => {
                    fields.problems.extend(problems);
                    None
                }
            });
    fields.finish(ApplicationOverride {
        application_short_id,
        environment,
        device_preset_short_id,
    })
}

fn environment(at: &str, value: Value) -> Result<EnvironmentOverride, Problems> {
    let mut fields = Fields::new(at, value, "url (and name), or shortId, or applicationBuildShortId")?;
    let url = fields.text("url");
    let short_id = fields.text("shortId");
    let legacy_short_id = fields.text("short_id");
    let build = fields.text("applicationBuildShortId");
    let name = fields.text("name");
    if !fields.problems.is_empty() {
        return Err(fields.problems);
    }
    if short_id.is_some() && legacy_short_id.is_some() {
        return Err(vec![format!("{at} has both shortId and short_id; use one of them")]);
    }
    let environment = match (url, short_id.or(legacy_short_id), build) {
        (Some(url), None, None) => {
            if let Err(error) = web_url::check(&url) {
                fields.problems.push(format!("{at}.url {error}"));
            }
            EnvironmentOverride::Url { url, name }
        }
        // The API ignores a name together with a short id: the environment has its own name.
        (None, Some(short_id), None) => EnvironmentOverride::ShortId { short_id },
        (None, None, Some(short_id)) => EnvironmentOverride::Build { short_id },
        (None, None, None) => {
            return Err(vec![format!("{at} requires url, shortId or applicationBuildShortId")]);
        }
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            return Err(vec![format!(
                "{at} has more than one of url, shortId and applicationBuildShortId; use one of them"
            )]);
        }
    };
    fields.finish(environment)
}

/// Parses `notifications_config`. An empty array is an error, since the API rejects it.
pub fn notifications(text: &str) -> Result<Vec<NotificationOverride>, Problems> {
    let value: Value = json::parse(text).map_err(|error| vec![error.to_string()])?;
    let Value::Array(list) = value else {
        return Err(vec!["must be a JSON array".to_owned()]);
    };
    if list.is_empty() {
        return Err(vec![
            "is an empty array, which the API rejects; remove the input".to_owned(),
        ]);
    }
    collect(list.into_iter().enumerate().map(|(index, entry)| {
        let at = format!("[{index}]");
        let mut fields = Fields::new(&at, entry, "type, channel, notifyOn")?;
        let kind = fields.required_text("type");
        if !kind.is_empty() && kind != "slack" {
            fields
                .problems
                .push(format!("{at}.type is {kind:?}; allowed: \"slack\""));
        }
        let channel = fields.required_text("channel");
        let notify_on = match fields.text("notifyOn").as_deref() {
            None => None,
            Some("always") => Some("always"),
            Some("failure") => Some("failure"),
            Some(other) => {
                fields
                    .problems
                    .push(format!("{at}.notifyOn is {other:?}; allowed: \"always\", \"failure\""));
                None
            }
        };
        fields.finish(NotificationOverride {
            kind: "slack",
            channel,
            notify_on,
        })
    }))
}

/// The fields of a JSON object, which are removed one by one. A remaining field is a typing error, which the API would ignore.
struct Fields<'a> {
    at: &'a str,
    allowed: &'a str,
    map: Map<String, Value>,
    problems: Problems,
}

impl<'a> Fields<'a> {
    fn new(at: &'a str, value: Value, allowed: &'a str) -> Result<Self, Problems> {
        match value {
            Value::Object(map) => Ok(Self {
                at,
                allowed,
                map,
                problems: Vec::new(),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(vec![format!("{at} must be an object with {allowed}")])
            }
        }
    }

    /// Removes a field. Null counts as absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => {
                self.problems
                    .push(format!("{}.{name} must be a non-empty string", self.at));
                None
            }
        }
    }

    fn required_text(&mut self, name: &str) -> String {
        let before = self.problems.len();
        let text = self.text(name);
        if text.is_none() && self.problems.len() == before {
            self.problems.push(format!("{}.{name} is missing", self.at));
        }
        text.unwrap_or_default()
    }

    fn finish<T>(mut self, value: T) -> Result<T, Problems> {
        for key in self.map.keys() {
            self.problems.push(format!(
                "{} has an unknown key {key:?}; allowed: {}",
                self.at, self.allowed
            ));
        }
        if self.problems.is_empty() {
            Ok(value)
        } else {
            Err(self.problems)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(result: Result<Vec<ApplicationOverride>, Problems>) -> Value {
        serde_json::to_value(result.unwrap()).unwrap()
    }

    #[test]
    fn all_forms_are_sent_as_the_api_array() {
        let array = json!([{"applicationShortId": "app_web", "environment": {"url": "https://pr-1.example", "name": "PR 1"}, "devicePresetShortId": "preset_phone"}]);
        assert_eq!(sent(applications(&array.to_string())), array);
        assert_eq!(sent(applications(&json!({"applications": array}).to_string())), array);
        let vendor = json!({"applications": {"app_web": {"environment": {"url": "https://pr-1.example", "name": "PR 1"}, "devicePresetShortId": "preset_phone"}}});
        assert_eq!(sent(applications(&vendor.to_string())), array);
    }

    #[test]
    fn every_mistake_is_reported() {
        let problems = applications(r#"[{"environment": {"url": "ftp://x", "nmae": "y"}}, 3, {"applicationShortId": "app_a", "environment": {}}]"#).unwrap_err();
        assert_eq!(
            problems,
            [
                "applications[0].applicationShortId is missing",
                "applications[0].environment.url has the scheme \"ftp\"; allowed: http, https",
                "applications[0].environment has an unknown key \"nmae\"; allowed: url (and name), or shortId, or applicationBuildShortId",
                "applications[1] must be an object with applicationShortId, environment, devicePresetShortId",
                "applications[2].environment requires url, shortId or applicationBuildShortId",
            ]
        );
        assert_eq!(applications("{").unwrap_err(), ["is not valid JSON (line 1, column 1)"]);
        let twice = r#"{"applications": {"app_a": {"environment": {"url": "https://a.example"}}, "app_a": {}}}"#;
        assert!(applications(twice).unwrap_err()[0].starts_with("has the duplicate key \"app_a\" in an object"));
    }

    #[test]
    fn an_environment_is_a_url_a_short_id_or_a_build() {
        for (environment, expected) in [
            (json!({"shortId": "env_a"}), json!({"shortId": "env_a"})),
            (json!({"short_id": "env_a"}), json!({"shortId": "env_a"})),
            (
                json!({"applicationBuildShortId": "build_a"}),
                json!({"applicationBuildShortId": "build_a"}),
            ),
        ] {
            let text = json!([{"applicationShortId": "app_a", "environment": environment}]).to_string();
            assert_eq!(sent(applications(&text))[0]["environment"], expected);
        }
        for (environment, problem) in [
            (
                json!({"shortId": "a", "short_id": "b"}),
                "has both shortId and short_id",
            ),
            (
                json!({"url": "https://a.example", "applicationBuildShortId": "b"}),
                "has more than one of",
            ),
            (
                json!({"shortId": "a", "applicationBuildShortId": "b"}),
                "has more than one of",
            ),
        ] {
            let text = json!([{"applicationShortId": "app_a", "environment": environment}]).to_string();
            let problems = applications(&text).unwrap_err();
            assert!(problems.len() == 1 && problems[0].contains(problem), "{problems:?}");
        }
    }

    #[test]
    fn notifications_must_match_the_api() {
        let good =
            json!([{"type": "slack", "channel": "#qa", "notifyOn": "failure"}, {"type": "slack", "channel": "C1"}]);
        assert_eq!(
            serde_json::to_value(notifications(&good.to_string()).unwrap()).unwrap(),
            good
        );
        assert_eq!(notifications("[]").unwrap_err().len(), 1);
        assert_eq!(
            notifications(r#"[{"type": "mail", "notifyOn": "never"}]"#).unwrap_err(),
            [
                "[0].type is \"mail\"; allowed: \"slack\"",
                "[0].channel is missing",
                "[0].notifyOn is \"never\"; allowed: \"always\", \"failure\"",
            ]
        );
    }
}
