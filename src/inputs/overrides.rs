//! Application and notification overrides: three JSON forms and one without JSON, all turned into the API's arrays.

use serde::Serialize;
use serde_json::{Map, Value};

/// One entry of the start request's `applications`
/// (`ApplicationOverride` in <https://docs.qa.tech/api-reference/start-run>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationOverride {
    /// Short id of the application, `app_…`.
    pub application_short_id: String,
    /// Where it runs; the application's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentOverride>,
    /// Device preset, `preset_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_preset_short_id: Option<String>,
}

/// An environment by URL, or one that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EnvironmentOverride {
    /// Any URL, such as a preview deployment.
    Url {
        /// The URL, which may carry credentials: never log it unredacted.
        url: String,
        /// Name to show.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// An environment of the project.
    ShortId {
        /// `env_…`.
        #[serde(rename = "shortId")]
        short_id: String,
    },
    /// A build of a mobile application that QA.tech has.
    Build {
        /// `build_…` or `bld_…`.
        #[serde(rename = "applicationBuildShortId")]
        short_id: String,
    },
    /// A GitHub deployment of the head commit, found before the start and replaced by its URL. Never sent.
    #[serde(skip)]
    Deployment {
        /// Glob on the deployment's environment; any but production where absent.
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

/// What is wrong, as fragments that follow the input's name.
type Problems = Vec<String>;

/// Parses `applications_config` in any of its three forms.
pub fn applications(text: &str) -> Result<Vec<ApplicationOverride>, Problems> {
    let value: Value = serde_json::from_str(text).map_err(|error| vec![not_json(&error)])?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut outer) => {
            let inner = outer.remove("applications");
            let mut problems: Problems = outer
                .keys()
                .map(|key| format!("has an unknown key {key:?} beside \"applications\""))
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
                    problems.push("needs \"applications\" to be an array or an object".to_owned());
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
        return Err(vec!["names no application".to_owned()]);
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
    let mut fields = Fields::new(at, value, "either url (and name), or shortId")?;
    let url = fields.text("url");
    let short_id = fields.text("shortId");
    let name = fields.text("name");
    let environment = match (url, short_id) {
        (Some(url), None) => {
            if let Err(problem) = check_url(&url) {
                fields.problems.push(format!("{at}.url {problem}"));
            }
            EnvironmentOverride::Url { url, name }
        }
        // A name beside a short id would be ignored by the API: it is the environment's own that counts.
        (None, Some(short_id)) => EnvironmentOverride::ShortId { short_id },
        (Some(_), Some(_)) => return Err(vec![format!("{at} has both url and shortId; give one")]),
        (None, None) => return Err(vec![format!("{at} needs url or shortId")]),
    };
    fields.finish(environment)
}

/// Parses `environments`: lines `application = url` or `application = env_…`. Empty lines and `#` lines are skipped.
pub fn environments(text: &str) -> Result<Vec<ApplicationOverride>, Problems> {
    let mut seen = std::collections::BTreeSet::new();
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let list = collect(
        lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(number, line)| {
                let (application, place) = line
                    .split_once('=')
                    .map(|(application, place)| (application.trim(), place.trim()))
                    .filter(|(application, place)| !application.is_empty() && !place.is_empty())
                    .ok_or_else(|| {
                        vec![format!(
                            "line {number} is not of the form `application = url-or-environment`"
                        )]
                    })?;
                if !seen.insert(application.to_owned()) {
                    return Err(vec![format!(
                        "line {number} names application {application:?} a second time"
                    )]);
                }
                let environment = if place.contains("://") {
                    check_url(place).map_err(|problem| vec![format!("line {number}: the URL {problem}")])?;
                    EnvironmentOverride::Url {
                        url: place.to_owned(),
                        name: None,
                    }
                } else if place.contains(['.', '/', ':']) {
                    return Err(vec![format!(
                        "line {number}: a URL must start with https:// (or http://)"
                    )]);
                } else {
                    EnvironmentOverride::ShortId {
                        short_id: place.to_owned(),
                    }
                };
                Ok(ApplicationOverride {
                    application_short_id: application.to_owned(),
                    environment: Some(environment),
                    device_preset_short_id: None,
                })
            }),
    )?;
    if list.is_empty() {
        Err(vec!["names no application".to_owned()])
    } else {
        Ok(list)
    }
}

/// Parses `notifications_config`. An empty array is refused here, as the API refuses it.
pub fn notifications(text: &str) -> Result<Vec<NotificationOverride>, Problems> {
    let value: Value = serde_json::from_str(text).map_err(|error| vec![not_json(&error)])?;
    let Value::Array(list) = value else {
        return Err(vec!["must be a JSON array".to_owned()]);
    };
    if list.is_empty() {
        return Err(vec![
            "is an empty array, which the API refuses; leave the input out".to_owned(),
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

fn check_url(text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).map_err(|error| format!("is no URL ({error})"))?;
    match url.scheme() {
        "http" | "https" => Ok(()),
        other => Err(format!("has the scheme {other:?}; allowed: http, https")),
    }
}

// The position is told, the text is not: a URL with credentials may stand in it.
fn not_json(error: &serde_json::Error) -> String {
    format!("is no JSON (line {}, column {})", error.line(), error.column())
}

/// All values, or all problems.
fn collect<T>(results: impl Iterator<Item = Result<T, Problems>>) -> Result<Vec<T>, Problems> {
    let mut good = Vec::new();
    let mut bad = Problems::new();
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(problems) => bad.extend(problems),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

/// The fields of a JSON object, taken one by one; what is left over is a typing error that the API would ignore.
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

    /// A field; null is as good as absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => {
                self.problems
                    .push(format!("{}.{name} must be a string that is not empty", self.at));
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
    fn lines_need_no_json() {
        let text = "\n app_web = https://pr-12.example/?a=b \n# the API\napp_api = env_staging\n";
        assert_eq!(
            sent(environments(text)),
            json!([
                {"applicationShortId": "app_web", "environment": {"url": "https://pr-12.example/?a=b"}},
                {"applicationShortId": "app_api", "environment": {"shortId": "env_staging"}},
            ])
        );
    }

    #[test]
    fn every_mistake_is_told() {
        let problems = applications(r#"[{"environment": {"url": "ftp://x", "nmae": "y"}}, 3, {"applicationShortId": "app_a", "environment": {}}]"#).unwrap_err();
        assert_eq!(
            problems,
            [
                "applications[0].applicationShortId is missing",
                "applications[0].environment.url has the scheme \"ftp\"; allowed: http, https",
                "applications[0].environment has an unknown key \"nmae\"; allowed: either url (and name), or shortId",
                "applications[1] must be an object with applicationShortId, environment, devicePresetShortId",
                "applications[2].environment needs url or shortId",
            ]
        );
        assert_eq!(applications("{").unwrap_err(), ["is no JSON (line 1, column 1)"]);
        assert_eq!(environments("app_web: https://x").unwrap_err().len(), 1);
        assert_eq!(
            environments("a = pr-12.example").unwrap_err(),
            ["line 1: a URL must start with https:// (or http://)"]
        );
        assert_eq!(
            environments("a = env_1\na = env_2").unwrap_err(),
            ["line 2 names application \"a\" a second time"]
        );
    }

    #[test]
    fn notifications_are_held_to_the_api() {
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
