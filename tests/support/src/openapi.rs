//! Checks requests and answers against a subset of QA.tech's own OpenAPI document (`schemas/qatech.json`).
//!
//! Stricter than the document in one way: a request must not have a property that the document does not list. The
//! document's patterns of short ids are stricter than QA.tech, which still accepts bare ids such as `jgbinp`:
//! [`ShortIds::Any`] leaves them out.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::http::{Request, percent_decode};
use crate::qatech::BASE;

/// The part of the vendor's document that is needed here: the calls for runs, with unchanged schemas.
const DOCUMENT: &str = include_str!("../schemas/qatech.json");

/// Which short ids a request may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortIds {
    /// Those that match the document's patterns, such as `pln_abc123`.
    Patterns,
    /// Any string.
    Any,
}

/// The compiled document.
pub struct OpenApi {
    document: Value,
    requests: BTreeMap<String, Validator>,
    responses: BTreeMap<String, Validator>,
}

impl OpenApi {
    /// The document, compiled once per process.
    pub fn get(short_ids: ShortIds) -> &'static Self {
        static STRICT: OnceLock<OpenApi> = OnceLock::new();
        static LAX: OnceLock<OpenApi> = OnceLock::new();
        let cell = match short_ids {
            ShortIds::Patterns => &STRICT,
            ShortIds::Any => &LAX,
        };
        cell.get_or_init(|| Self::new(short_ids))
    }

    fn new(short_ids: ShortIds) -> Self {
        let document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
        let schemas = document["components"]["schemas"]
            .as_object()
            .expect("the document has schemas");
        let compile = |closed: bool| {
            let definitions: Map<String, Value> = (schemas.iter())
                .map(|(name, schema)| (name.clone(), to_json_schema(schema, closed, short_ids)))
                .collect();
            let definitions = Value::Object(definitions);
            let compile_one = |name: &String| {
                let schema =
                    json!({"$ref": format!("#/components/schemas/{name}"), "components": {"schemas": definitions}});
                (
                    name.clone(),
                    jsonschema::draft202012::new(&schema).expect("the schema compiles"),
                )
            };
            schemas.keys().map(compile_one).collect()
        };
        let (requests, responses) = (compile(true), compile(false));
        Self {
            document,
            requests,
            responses,
        }
    }

    /// The errors in a request.
    pub fn request_errors(&self, request: &Request) -> Vec<String> {
        let mut errors = header_errors(request);
        let Some(operation) = self.operation(request) else {
            errors.push("the API has no such call".to_owned());
            return name(errors, request);
        };
        errors.extend(query_errors(operation, request));
        errors.extend(self.body_errors(operation, request));
        name(errors, request)
    }

    /// The errors in a successful answer to a request of this method and path template (`/run/{shortId}`).
    pub fn response_errors(&self, method: &str, template: &str, body: &Value) -> Vec<String> {
        let response = &self.document["paths"][template][method.to_ascii_lowercase()]["responses"]["200"];
        let schema = schema_name(&response["content"]["application/json"]["schema"]);
        let validator = (self.responses.get(schema)).unwrap_or_else(|| panic!("no answer of {method} {template}"));
        validator.iter_errors(body).map(|error| describe(&error)).collect()
    }

    fn operation(&self, request: &Request) -> Option<&Value> {
        let path = request.path.strip_prefix(BASE)?;
        let paths = self.document["paths"].as_object()?;
        let (_, operations) = paths.iter().find(|(template, _)| is_of(template, path))?;
        operations.get(request.method.to_ascii_lowercase())
    }

    fn body_errors(&self, operation: &Value, request: &Request) -> Vec<String> {
        let wanted = &operation["requestBody"];
        match (wanted.is_null(), request.body.is_empty()) {
            (true, true) => return Vec::new(),
            (true, false) => return vec!["a body where none belongs".to_owned()],
            (false, true) if wanted["required"] == json!(true) => {
                return vec!["no body".to_owned()];
            }
            (false, true) => return Vec::new(),
            (false, false) => {}
        }
        let content_type = request.headers.get("content-type").unwrap_or_default();
        if content_type.split(';').next().map(str::trim) != Some("application/json") {
            return vec![format!("Content-Type is {content_type:?}")];
        }
        let body = match serde_json::from_slice::<Value>(&request.body) {
            Ok(body) => body,
            Err(error) => return vec![format!("the body is not JSON: {error}")],
        };
        let schema = schema_name(&wanted["content"]["application/json"]["schema"]);
        self.requests[schema]
            .iter_errors(&body)
            .map(|error| describe(&error))
            .collect()
    }
}

/// Whether a path matches this template, in which `{name}` is one segment.
fn is_of(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(name), Some(segment)) if name.starts_with('{') && !segment.is_empty() => {}
            (Some(name), Some(segment)) if name == segment => {}
            (Some(_) | None, Some(_) | None) => return false,
        }
    }
}

fn name(errors: Vec<String>, request: &Request) -> Vec<String> {
    errors
        .into_iter()
        .map(|error| format!("{} {}: {error}", request.method, request.target))
        .collect()
}

fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    format!("at {:?}: {error}", error.instance_path().as_str())
}

fn header_errors(request: &Request) -> Vec<String> {
    let mut errors = Vec::new();
    let token = request.bearer().unwrap_or_default();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        errors.push("no `Authorization: Bearer TOKEN`".to_owned());
    }
    if request
        .headers
        .get("user-agent")
        .is_none_or(|value| value.trim().is_empty())
    {
        errors.push("no User-Agent".to_owned());
    }
    // RFC 3986, section 3.3: what is neither of these has to be percent-encoded.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte);
    if !request.path.bytes().all(plain) || percent_decode(&request.path).contains('\u{fffd}') {
        errors.push("the path is not percent-encoded".to_owned());
    }
    errors
}

fn query_errors(operation: &Value, request: &Request) -> Vec<String> {
    let parameters = operation["parameters"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut errors = Vec::new();
    for (index, (key, value)) in request.query.iter().enumerate() {
        let known = parameters
            .iter()
            .find(|parameter| parameter["in"] == "query" && parameter["name"] == **key);
        match known.map(|parameter| &parameter["schema"]["enum"]) {
            None => errors.push(format!("unknown query parameter {key:?}")),
            Some(Value::Array(values)) if !values.contains(&json!(value)) => {
                errors.push(format!("query parameter {key:?} is {value:?}"));
            }
            Some(_) => {}
        }
        if request.query[..index].iter().any(|(earlier, _)| earlier == key) {
            errors.push(format!("query parameter {key:?} twice"));
        }
    }
    errors
}

fn schema_name(reference: &Value) -> &str {
    reference["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or_default()
}

/// Converts OpenAPI 3.0's dialect to JSON Schema: `nullable` becomes a second type. `closed` allows no other properties.
fn to_json_schema(schema: &Value, closed: bool, short_ids: ShortIds) -> Value {
    match schema {
        Value::Array(items) => items
            .iter()
            .map(|item| to_json_schema(item, closed, short_ids))
            .collect(),
        Value::Object(fields) => {
            let mut converted: Map<String, Value> = (fields.iter())
                .map(|(key, value)| (key.clone(), to_json_schema(value, closed, short_ids)))
                .collect();
            if converted.remove("nullable") == Some(json!(true)) {
                converted.insert("type".to_owned(), json!([fields["type"], "null"]));
            }
            if short_ids == ShortIds::Any && fields.get("pattern").is_some_and(Value::is_string) {
                converted.remove("pattern");
            }
            // A map, or an object with any properties, does not list the allowed ones.
            if closed && fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                converted.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(converted)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::http::Headers;

    fn request(method: &str, target: &str, body: &str) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let headers = [
            ("authorization", "Bearer t"),
            ("user-agent", "x/1"),
            ("content-type", "application/json"),
        ];
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            path: path.to_owned(),
            query: query.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            headers: Headers(headers.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()),
            body: body.as_bytes().to_vec(),
            body_size: body.len() as u64,
            at: Instant::now(),
            connection: 1,
        }
    }

    fn errors(method: &str, target: &str, body: &str) -> Vec<String> {
        OpenApi::get(ShortIds::Patterns).request_errors(&request(method, target, body))
    }

    #[test]
    fn good_requests_pass() {
        for body in [
            "",
            "{}",
            r#"{"trigger":"API"}"#,
            r#"{"projectShortId":"proj_x","testCaseIds":["0b0c"],"parameters":{"configs":{"cfg_x":{"user":"a","b":[1]}},
                "configsByEnvironment":{"0b0c":{"cfg_x":{}}}}}"#,
            r#"{"applications":[{"applicationShortId":"app_x","environment":{"applicationBuildShortId":"bld_x"}}]}"#,
            r#"{"trigger":"GITHUB","actor":"a","branch":"b","commitHash":"c","commitMessage":"d","repository":"o/r",
                "testPlanShortId":"pln_x","applications":[{"applicationShortId":"app-web_x","environment":{"url":"u","name":"n"},
                "devicePresetShortId":"preset_x"},{"applicationShortId":"app_x","environment":{"shortId":"env_x"}}],
                "notifications":[{"type":"slack","channel":"c","notifyOn":"always"}]}"#,
        ] {
            assert_eq!(errors("POST", "/v1/run", body), [""; 0], "{body}");
        }
        for target in [
            "/v1/run/abc123",
            "/v1/run/a%2Fb?testCases=all",
            "/v1/run/x?testCases=failed",
            "/v1/run-test-case/tc1",
        ] {
            assert_eq!(errors("GET", target, ""), [""; 0], "{target}");
        }
        for body in ["{}", r#"{"failedOnly":true}"#, r#"{"projectTestCaseIds":["x"]}"#] {
            assert_eq!(errors("POST", "/v1/run/abc", body), [""; 0], "{body}");
        }
        for (path, body) in [
            ("upload-url", r#"{"fileName":"a.apk","projectShortId":"proj_x"}"#),
            ("", r#"{"platform":"ios","buildToken":"t"}"#),
        ] {
            let target = format!("/v1/applications/app_x/builds/{path}");
            assert_eq!(errors("POST", target.trim_end_matches('/'), body), [""; 0], "{body}");
        }
    }

    #[test]
    fn each_kind_of_mistake_is_found() {
        for (method, target, body, part) in [
            ("GET", "/v1/runs", "", "no such call"),
            ("GET", "/run/abc", "", "no such call"),
            ("GET", "/v1/run", "", "no such call"),
            ("DELETE", "/v1/run/abc", "", "no such call"),
            ("GET", "/v1/run/a/b", "", "no such call"),
            ("GET", "/v1/run/", "", "no such call"),
            ("GET", "/v1/run/a\"b", "", "percent-encoded"),
            ("GET", "/v1/run/x?testCases=none", "", "\"none\""),
            ("GET", "/v1/run/x?cases=all", "", "unknown query parameter"),
            ("GET", "/v1/run/x?testCases=all&testCases=all", "", "twice"),
            ("GET", "/v1/run/x", "{}", "a body where none belongs"),
            ("POST", "/v1/run/x", "", "no body"),
            ("POST", "/v1/run", "{", "not JSON"),
            ("POST", "/v1/run", "[]", "type"),
            ("POST", "/v1/run", r#"{"projectId":"x"}"#, "projectId"),
            ("POST", "/v1/run", r#"{"trigger":"CLI"}"#, "CLI"),
            ("POST", "/v1/run", r#"{"actor":null}"#, "actor"),
            ("POST", "/v1/run", r#"{"testPlanShortId":"jgbinp"}"#, "jgbinp"),
            ("POST", "/v1/run", r#"{"applications":[{}]}"#, "applicationShortId"),
            ("POST", "/v1/run", r#"{"applications":{"app_x":{}}}"#, "applications"),
            (
                "POST",
                "/v1/run",
                r#"{"applications":[{"applicationShortId":"app_x","environment":{"url":"u","shortId":"env_x"}}]}"#,
                "environment",
            ),
            (
                "POST",
                "/v1/run",
                r#"{"notifications":[{"type":"mail","channel":"c"}]}"#,
                "mail",
            ),
            ("POST", "/v1/run/x", r#"{"failedOnly":"yes"}"#, "failedOnly"),
            ("POST", "/v1/run", r#"{"projectShortId":"shop"}"#, "shop"),
            ("POST", "/v1/run", r#"{"parameters":{"config":{}}}"#, "config"),
            (
                "POST",
                "/v1/run",
                r#"{"parameters":{"configs":{"cfg_x":"text"}}}"#,
                "text",
            ),
            (
                "POST",
                "/v1/applications/app_x/builds",
                r#"{"platform":"ios"}"#,
                "buildToken",
            ),
            (
                "POST",
                "/v1/applications/app_x/builds",
                r#"{"platform":"windows","buildToken":"t"}"#,
                "windows",
            ),
            ("GET", "/v1/run-test-case/a?x=1", "", "unknown query parameter"),
        ] {
            let errors = errors(method, target, body);
            assert!(
                errors.iter().any(|error| error.contains(part)),
                "{method} {target} {body}: {errors:?}"
            );
        }
    }

    #[test]
    fn headers_are_checked() {
        let api = OpenApi::get(ShortIds::Patterns);
        let without = |name: &str| {
            let mut request = request("POST", "/v1/run", "{}");
            request.headers.0.retain(|(key, _)| key != name);
            api.request_errors(&request).join("; ")
        };
        assert!(without("authorization").contains("Authorization"));
        assert!(without("user-agent").contains("User-Agent"));
        assert!(without("content-type").contains("Content-Type"));
    }

    #[test]
    fn bare_short_ids_pass_where_they_are_allowed() {
        let bare = request("POST", "/v1/run", r#"{"testPlanShortId":"jgbinp"}"#);
        assert_eq!(OpenApi::get(ShortIds::Any).request_errors(&bare), [""; 0]);
        assert_eq!(OpenApi::get(ShortIds::Patterns).request_errors(&bare).len(), 1);
    }

    #[test]
    fn the_documented_answer_is_valid_and_a_lacking_one_is_not() {
        let api = OpenApi::get(ShortIds::Patterns);
        let mut body: Value = serde_json::from_str(crate::qatech::DOCUMENTED_RUN).unwrap();
        assert_eq!(api.response_errors("GET", "/run/{shortId}", &body), [""; 0]);
        body["runTestCases"][0]["result"] = Value::Null;
        assert_eq!(api.response_errors("GET", "/run/{shortId}", &body), [""; 0]);
        body["runTestCases"][0]["name"] = Value::Null;
        assert_eq!(api.response_errors("GET", "/run/{shortId}", &body).len(), 1);
    }
}
