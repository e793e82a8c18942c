//! The two calls for builds of mobile applications: one returns an upload URL, the other registers the uploaded file.

use std::time::Duration;

use url::Url;

use crate::inputs::Platform;
use crate::net::secret_url::is_loopback;
use crate::qatech::client::{Client, PostError};
use crate::qatech::wire::{BuildRequest, BuildResponse, UploadUrlRequest, UploadUrlResponse};
use crate::text::Secret;
use crate::text::short_id::is_short_id;

/// Where a build is uploaded, and the token that registers it.
#[derive(Debug)]
pub struct UploadTarget {
    /// A signed URL: https, or http on a loopback host if the API's is one too.
    pub url: Secret,
    /// For [`Client::register_build`].
    pub build_token: Secret,
}

impl Client {
    /// `POST /applications/{app}/builds/upload-url`: the upload URL for a file of this name. Creates nothing.
    ///
    /// # Errors
    /// See [`PostError`].
    pub async fn upload_url(
        &self,
        application: &str,
        file_name: &str,
        timeout: Duration,
    ) -> Result<UploadTarget, PostError> {
        let request = UploadUrlRequest {
            file_name,
            project_short_id: self.project.as_deref(),
        };
        let path = ["applications", application, "builds", "upload-url"];
        let UploadUrlResponse {
            upload_url,
            build_token,
        } = self.post(&path, &request, timeout).await?;
        let is_local = |url: &Url| url.scheme() == "http" && is_loopback(url);
        match Url::parse(&upload_url) {
            Ok(url) if url.scheme() == "https" || is_local(&url) && is_local(&self.base) => Ok(UploadTarget {
                url: Secret::new(upload_url),
                build_token: Secret::new(build_token),
            }),
            Ok(_) | Err(_) => Err(PostError::Blocked(
                "QA.tech's upload URL is not https, so the build is not sent there".to_owned(),
            )),
        }
    }

    /// `POST /applications/{app}/builds`: registers an uploaded file, and returns the build's short id.
    ///
    /// # Errors
    /// See [`PostError`].
    pub async fn register_build(
        &self,
        application: &str,
        platform: Platform,
        build_token: &Secret,
        timeout: Duration,
    ) -> Result<String, PostError> {
        let request = BuildRequest {
            platform: platform.as_str(),
            build_token: build_token.expose(),
            project_short_id: self.project.as_deref(),
        };
        let build: BuildResponse = self
            .post(&["applications", application, "builds"], &request, timeout)
            .await?;
        let short_id = build.application_build_short_id;
        if is_short_id(&short_id) {
            Ok(short_id)
        } else {
            Err(PostError::Ambiguous(
                "the answer has no usable short id of the build".to_owned(),
            ))
        }
    }

    /// The HTTP client for uploads. It sends no token and follows no redirects.
    pub fn storage(&self) -> &reqwest::Client {
        &self.clients.fresh
    }
}
