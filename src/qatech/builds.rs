//! The two calls about builds of mobile applications. In between, the file is put where the first one says.

use std::time::Duration;

use url::Url;

use crate::inputs::Platform;
use crate::net::secret_url::is_loopback;
use crate::qatech::client::{Client, PostError};
use crate::qatech::short_id::is_short_id;
use crate::qatech::wire::{BuildRequest, BuildResponse, UploadUrlRequest, UploadUrlResponse};
use crate::text::Secret;

/// Where a build is put, and what registers it then.
#[derive(Debug)]
pub struct UploadTarget {
    /// https, or http on this machine where the API is there too. Signed.
    pub url: Secret,
    /// For [`Client::register_build`].
    pub build_token: Secret,
}

impl Client {
    /// `POST /applications/{app}/builds/upload-url`: where to put a file of this name. Creates nothing.
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

    /// `POST /applications/{app}/builds`: registers a file that was put. Gives the build's short id.
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

    /// The HTTP client for files: no token is sent by it, and no redirect followed.
    pub fn storage(&self) -> &reqwest::Client {
        &self.clients.fresh
    }
}
