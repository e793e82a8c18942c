//! Uploads builds of mobile applications: requests an upload URL, uploads the file, registers it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::{Stream, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::inputs::{ApplicationOverride, Build, EnvironmentOverride};
use crate::log::Log;
use crate::net::http;
use crate::net::retry::{Backoff, Deadline, OUT_OF_REACH};
use crate::qatech::Client;
use crate::qatech::builds::UploadTarget;
use crate::qatech::client::PostError;
use crate::text::{Redactor, Secret};

/// Size of the pieces in which a file is read, in bytes. Only a few of them are in memory.
const PIECE: usize = 128 * 1024;
/// Number of pieces that are read ahead.
const AHEAD: usize = 2;
/// Interval of progress lines.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// An upload is aborted after this time without progress.
const STALLED: Duration = Duration::from_secs(60);
/// Number of attempts to upload a file, each with a new URL.
const MAX_TRIES: u32 = 3;

/// Why a build was not uploaded. No run is started then.
#[derive(Debug, Error)]
pub enum UploadError {
    /// The file can't be read.
    #[error("the build {} of {application} can't be read: {source}", path.display())]
    File {
        /// Short id of the application.
        application: String,
        /// Path of the file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is a folder or a device, or empty.
    #[error("the build {} of {application} is not a regular file, or is empty", path.display())]
    NoFile {
        /// Short id of the application.
        application: String,
        /// Path of the file.
        path: PathBuf,
    },
    /// QA.tech refused the request, or is unreachable.
    #[error("the build of {application} can't be {step}: {source}")]
    Api {
        /// Short id of the application.
        application: String,
        /// `uploaded` or `registered`.
        step: &'static str,
        /// The reason.
        source: PostError,
    },
    /// The storage did not accept the file.
    #[error("the build of {application} can't be uploaded: {what}")]
    Storage {
        /// Short id of the application.
        application: String,
        /// The answer of the storage, or the network error.
        what: String,
    },
    /// The deadline of the step passed first.
    #[error("the build of {application} was not uploaded before the deadline (`timeout_minutes`)")]
    TooLate {
        /// Short id of the application.
        application: String,
    },
}

impl UploadError {
    /// Whether the deadline passed first.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TooLate { .. } => true,
            Self::File { .. } | Self::NoFile { .. } | Self::Api { .. } | Self::Storage { .. } => false,
        }
    }
}

/// The uploaded builds.
#[derive(Debug)]
pub struct Uploaded {
    /// The short id of each build, in the order of the input.
    short_ids: Vec<(String, String)>,
}

impl Uploaded {
    /// Sets the builds as environments of their applications. An application that is already listed keeps its device.
    pub fn apply_to(&self, applications: &[ApplicationOverride]) -> Vec<ApplicationOverride> {
        let mut applications = applications.to_vec();
        for (application, build) in &self.short_ids {
            let environment = Some(EnvironmentOverride::Build {
                short_id: build.clone(),
            });
            let listed = applications
                .iter_mut()
                .find(|listed| listed.application_short_id == *application);
            match listed {
                Some(listed) => listed.environment = environment,
                None => applications.push(ApplicationOverride {
                    application_short_id: application.clone(),
                    environment,
                    device_preset_short_id: None,
                }),
            }
        }
        applications
    }
}

/// Uploads all builds concurrently and logs the progress. Each upload URL and build token is added to the redactor and its
/// clones before it is used.
///
/// # Errors
/// The first failure. It aborts the other uploads.
pub async fn upload(
    client: &Client,
    builds: &[Build],
    deadline: Deadline,
    log: &Log,
    redactor: &Redactor,
) -> Result<Uploaded, UploadError> {
    let uploads = Uploads {
        client,
        deadline,
        log,
        redactor,
    };
    let short_ids = try_join_all(builds.iter().map(|build| uploads.one(build))).await?;
    Ok(Uploaded { short_ids })
}

/// The size of a build file in bytes.
///
/// # Errors
/// If it is not a regular file, or is empty.
pub(super) async fn size(build: &Build) -> Result<u64, UploadError> {
    let path = build.path.clone();
    match blocking(move || std::fs::metadata(path)).await {
        Ok(metadata) if metadata.is_file() && metadata.len() > 0 => Ok(metadata.len()),
        Ok(_) => Err(UploadError::NoFile {
            application: build.application.clone(),
            path: build.path.clone(),
        }),
        Err(source) => Err(unreadable(build, source)),
    }
}

struct Uploads<'a> {
    client: &'a Client,
    deadline: Deadline,
    log: &'a Log,
    redactor: &'a Redactor,
}

/// A build file with its size.
struct BuildFile<'a> {
    build: &'a Build,
    name: String,
    size: u64,
}

/// The outcome of a PUT.
enum Put {
    Done,
    /// A retry with a new URL may succeed.
    Failed(String),
    /// A retry can't succeed.
    Refused(String),
}

impl Uploads<'_> {
    async fn one(&self, build: &Build) -> Result<(String, String), UploadError> {
        let application = || build.application.clone();
        let file = BuildFile {
            build,
            name: file_name(&build.path),
            size: size(build).await?,
        };
        let token = self.deadline.limit(self.upload_file(&file)).await;
        let token = token.ok_or_else(|| UploadError::TooLate {
            application: application(),
        })??;
        let register = |left| {
            self.client
                .register_build(&build.application, build.platform, &token, left)
        };
        let short_id = self.ask(build, "registered", register).await?;
        self.progress(&format!(
            "{}: {} was uploaded as build {short_id}",
            build.application, file.name
        ));
        Ok((application(), short_id))
    }

    /// Uploads the file, with a new URL for each attempt. Returns the token for registering it.
    async fn upload_file(&self, file: &BuildFile<'_>) -> Result<Secret, UploadError> {
        let build = file.build;
        let mut backoff = Backoff::default().with_max_attempts(MAX_TRIES);
        loop {
            let ask = |left| self.client.upload_url(&build.application, &file.name, left);
            let target = self.ask(build, "uploaded", ask).await?;
            self.keep_secret(&target);
            self.progress(&format!(
                "{}: uploading {} ({})",
                build.application,
                file.name,
                megabytes(file.size)
            ));
            let (what, next) = match self.put(file, &target).await? {
                Put::Done => return Ok(target.build_token),
                Put::Failed(what) => (what, backoff.deferred(None).ok()),
                Put::Refused(what) => (what, None),
            };
            let Some(delay) = next else {
                return Err(UploadError::Storage {
                    application: build.application.clone(),
                    what: self.redactor.clean(what),
                });
            };
            self.progress(&format!(
                "{}: the upload failed, retrying in {} s: {what}",
                build.application,
                delay.as_secs().max(1)
            ));
            sleep(delay).await;
        }
    }

    async fn put(&self, file: &BuildFile<'_>, target: &UploadTarget) -> Result<Put, UploadError> {
        let path = file.build.path.clone();
        let opened = blocking(move || File::open(path)).await;
        let opened = opened.map_err(|source| unreadable(file.build, source))?;
        let sent = Arc::new(AtomicU64::new(0));
        let pieces = read_ahead(opened, file.size, Arc::clone(&sent));
        let request = self
            .client
            .storage()
            .put(target.url.expose())
            .timeout(self.deadline.left())
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, file.size)
            .body(reqwest::Body::wrap(StreamBody::new(pieces)));
        let answer = tokio::select! {
            biased;
            answer = request.send() => answer,
            () = self.watch(file, &sent) => {
                return Ok(Put::Failed("the storage accepted no data for a minute".to_owned()));
            }
        };
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Ok(Put::Failed(http::explain(error))),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            return Ok(Put::Done);
        }
        // The storage's error may contain the signed URL.
        let body = http::read_body_up_to(response, PIECE).await.unwrap_or_default();
        let what = format!(
            "the storage answered HTTP {status}: {}",
            http::beginning(&headers, &body, self.redactor)
        );
        let is_final = status.is_redirection()
            || matches!(
                status,
                StatusCode::LENGTH_REQUIRED | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::METHOD_NOT_ALLOWED
            );
        Ok(if is_final {
            Put::Refused(what)
        } else {
            Put::Failed(what)
        })
    }

    /// Logs the progress of an upload. Returns when there was none for [`STALLED`].
    async fn watch(&self, file: &BuildFile<'_>, sent: &AtomicU64) {
        let mut last = (0, Instant::now());
        loop {
            sleep(PROGRESS_EVERY).await;
            let now = sent.load(Ordering::Relaxed);
            if now != last.0 {
                last = (now, Instant::now());
            } else if last.1.elapsed() >= STALLED {
                return;
            }
            self.progress(&format!(
                "{}: {} of {} uploaded ({} %)",
                file.build.application,
                megabytes(now),
                megabytes(file.size),
                now.saturating_mul(100) / file.size.max(1)
            ));
        }
    }

    /// Sends a POST. It is repeated only if QA.tech can't have processed it.
    async fn ask<T>(
        &self,
        build: &Build,
        step: &'static str,
        send: impl AsyncFn(Duration) -> Result<T, PostError>,
    ) -> Result<T, UploadError> {
        let until = self.deadline.within(OUT_OF_REACH);
        let mut backoff = Backoff::default().until(until);
        let failed = |source| UploadError::Api {
            application: build.application.clone(),
            step,
            source,
        };
        loop {
            let error = match send(until.left()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let next = match &error {
                PostError::NotSent { what: _, after } => backoff.deferred(*after),
                PostError::Unreachable {
                    permanent: false,
                    what: _,
                } => backoff.unreachable(None),
                PostError::Unreachable {
                    permanent: true,
                    what: _,
                }
                | PostError::Refused { .. }
                | PostError::Blocked(_)
                | PostError::Ambiguous(_) => return Err(failed(error)),
            };
            let Ok(delay) = next else {
                return Err(failed(error));
            };
            self.progress(&format!(
                "{}: QA.tech is unreachable, retrying in {} s: {error}",
                build.application,
                delay.as_secs().max(1)
            ));
            sleep(delay).await;
        }
    }

    /// Makes the upload URL and the token secrets: redacts and masks them from now on.
    fn keep_secret(&self, target: &UploadTarget) {
        let UploadTarget { url, build_token } = target;
        let mut new = Redactor::default();
        new.add(build_token);
        new.add(url);
        new.add_written_url(url.expose());
        self.log.mask(&new);
        self.redactor.learn(&new);
    }

    fn progress(&self, text: &str) {
        self.log.untrusted_line(text);
    }
}

fn unreadable(build: &Build, source: std::io::Error) -> UploadError {
    UploadError::File {
        application: build.application.clone(),
        path: build.path.clone(),
        source,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Runs work that may block on a separate thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// Streams the first `size` bytes of a file, in pieces that a separate thread reads on demand. `sent` counts the streamed
/// bytes.
fn read_ahead(
    file: File,
    size: u64,
    sent: Arc<AtomicU64>,
) -> impl Stream<Item = std::io::Result<Frame<Bytes>>> + Send + Sync + 'static {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut file = file.take(size);
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece);
            let piece = match read {
                Ok(0) => return,
                Ok(_) => Ok(Bytes::from(piece)),
                Err(error) => Err(error),
            };
            let is_last = piece.is_err();
            // The receiver is dropped if the upload is aborted.
            if sender.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    stream::unfold((receiver, sent), |(mut receiver, sent)| async move {
        let piece: std::io::Result<Bytes> = receiver.recv().await?;
        if let Ok(piece) = &piece {
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Some((piece.map(Frame::data), (receiver, sent)))
    })
}
