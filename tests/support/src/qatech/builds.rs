//! The builds of the fake QA.tech: their upload and registration.

use serde_json::{Value, json};

use super::error;
use crate::http::{Reply, Request};

/// A build, for tests to inspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// Short id of the application.
    pub application: String,
    /// Name of the file.
    pub file_name: String,
    /// The token that registers it.
    pub token: String,
    /// The bytes that were uploaded; `None` if nothing was.
    pub size: Option<u64>,
    /// Its platform and short id, once it is registered.
    pub registered: Option<(String, String)>,
}

/// All builds.
#[derive(Default)]
pub(super) struct Builds(Vec<BuildInfo>);

impl Builds {
    pub(super) fn list(&self) -> Vec<BuildInfo> {
        self.0.clone()
    }

    /// `POST /applications/{app}/builds/upload-url`.
    pub(super) fn upload_url(&mut self, application: &str, body: &Value, server: &str) -> Reply {
        let file_name = body["fileName"].as_str().unwrap_or_default();
        if ![".apk", ".aab", ".ipa"]
            .iter()
            .any(|extension| file_name.ends_with(extension))
        {
            return error(400, "fileName must end in .apk, .aab or .ipa");
        }
        let number = self.0.len() + 1;
        let token = format!("build-token-{number:04}");
        self.0.push(BuildInfo {
            application: application.to_owned(),
            file_name: file_name.to_owned(),
            token: token.clone(),
            size: None,
            registered: None,
        });
        let url = format!("{server}/storage/{number}?X-Signature=signed-upload-{number:04}");
        Reply::json(200, &json!({"uploadUrl": url, "buildToken": token}))
    }

    /// The PUT of a file to the storage.
    pub(super) fn put(&mut self, number: &str, request: &Request) -> Reply {
        let signature = request.query("X-Signature").unwrap_or_default();
        let build = number
            .parse::<usize>()
            .ok()
            .and_then(|number| self.0.get_mut(number.wrapping_sub(1)));
        match build {
            Some(build) if signature.starts_with("signed-upload-") => {
                build.size = Some(request.body_size);
                Reply::empty(200)
            }
            Some(_) | None => Reply::raw(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>"),
        }
    }

    /// `POST /applications/{app}/builds`.
    pub(super) fn register(&mut self, application: &str, body: &Value) -> Reply {
        let token = body["buildToken"].as_str().unwrap_or_default();
        let platform = body["platform"].as_str().unwrap_or_default();
        let build = (self.0.iter_mut().enumerate())
            .find(|(_, build)| build.token == token && build.application == application && build.size.is_some());
        let Some((index, build)) = build else {
            return error(404, "No such upload");
        };
        let short_id = format!("build_{:04}", index + 1);
        build.registered = Some((platform.to_owned(), short_id.clone()));
        let (file_name, size) = (&build.file_name, build.size);
        Reply::json(
            200,
            &json!({"applicationBuildShortId": short_id, "platform": platform, "fileName": file_name, "fileSizeBytes": size}),
        )
    }
}

/// The errors in a request to the storage.
#[cfg(feature = "harness")]
pub(super) fn storage_errors(request: &Request) -> Vec<String> {
    let header = |name: &str| request.headers.get(name);
    let mut errors = Vec::new();
    if header("authorization").is_some() {
        errors.push("a token is sent to the storage".to_owned());
    }
    if request.method == "PUT" {
        if header("content-length").is_none() || header("transfer-encoding").is_some() {
            errors.push("the size of the file is not told".to_owned());
        }
        if header("content-type") != Some("application/octet-stream") {
            errors.push("Content-Type is not application/octet-stream".to_owned());
        }
    }
    let name = |error| format!("{} {}: {error}", request.method, request.path);
    errors.into_iter().map(name).collect()
}
