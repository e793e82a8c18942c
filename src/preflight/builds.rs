//! Uploads builds of mobile applications: asks where to, puts the file there, registers it.

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
use tokio::time::{Instant, sleep, timeout_at};

use crate::inputs::{ApplicationOverride, Build, EnvironmentOverride};
use crate::log::Log;
use crate::net::http;
use crate::net::retry::Delays;
use crate::qatech::Client;
use crate::qatech::builds::UploadTarget;
use crate::qatech::client::PostError;
use crate::render::escape::log_line;
use crate::text::{Redactor, Secret};

/// How much of a file is read at once; a few such pieces are all that is in memory.
const PIECE: usize = 128 * 1024;
/// Pieces that are read ahead.
const AHEAD: usize = 2;
/// How often the log is told how far an upload is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// An upload of which nothing has moved for so long is given up.
const STALLED: Duration = Duration::from_secs(60);
/// How often a file is put, each time at a new place.
const MAX_TRIES: u32 = 3;
/// How long the API may be out of reach while it is asked where to put a file, or to register one.
const OUT_OF_REACH: Duration = Duration::from_secs(600);

/// Why a build is not there. Nothing is started then.
#[derive(Debug, Error)]
pub enum UploadError {
    /// The file can't be read.
    #[error("the build {} of {application} can't be read: {source}", path.display())]
    File {
        /// Short id of the application.
        application: String,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is a folder or a device, or empty.
    #[error("the build {} of {application} is no regular file with content", path.display())]
    NoFile {
        /// Short id of the application.
        application: String,
        /// The file.
        path: PathBuf,
    },
    /// QA.tech refused, or could not be asked.
    #[error("the build of {application} can't be {step}: {source}")]
    Api {
        /// Short id of the application.
        application: String,
        /// `uploaded` or `registered`.
        step: &'static str,
        /// Why.
        source: PostError,
    },
    /// The storage did not take it.
    #[error("the build of {application} can't be uploaded: {what}")]
    Storage {
        /// Short id of the application.
        application: String,
        /// What the storage answered.
        what: String,
    },
    /// The step's deadline came first.
    #[error("the deadline (`timeout_minutes`) came before the build of {application} was uploaded")]
    TooLate {
        /// Short id of the application.
        application: String,
    },
}

impl UploadError {
    /// Whether a deadline came first.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TooLate { .. } => true,
            Self::File { .. } | Self::NoFile { .. } | Self::Api { .. } | Self::Storage { .. } => false,
        }
    }
}

/// Builds that QA.tech has now.
#[derive(Debug)]
pub struct Uploaded {
    /// The short id of each build, in the order of the input.
    short_ids: Vec<(String, String)>,
}

impl Uploaded {
    /// The applications with their builds as environments: an application that is listed already keeps its device.
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

/// Uploads all builds side by side, and tells the log how far they are. The redactor and its clones learn each upload URL
/// and build token before it is used.
///
/// # Errors
/// The first that fails; the others are given up then.
pub async fn upload(
    client: &Client,
    builds: &[Build],
    deadline: Instant,
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

struct Uploads<'a> {
    client: &'a Client,
    deadline: Instant,
    log: &'a Log,
    redactor: &'a Redactor,
}

/// A build file whose size is known.
struct BuildFile<'a> {
    build: &'a Build,
    name: String,
    size: u64,
}

/// What became of a PUT.
enum Put {
    Done,
    /// Worth another try at a new place.
    Failed(String),
    /// The storage will never take it.
    Refused(String),
}

impl Uploads<'_> {
    async fn one(&self, build: &Build) -> Result<(String, String), UploadError> {
        let application = || build.application.clone();
        let path = build.path.clone();
        let metadata = blocking(move || std::fs::metadata(path)).await;
        let size = match metadata {
            Ok(metadata) if metadata.is_file() && metadata.len() > 0 => metadata.len(),
            Ok(_) => {
                return Err(UploadError::NoFile {
                    application: application(),
                    path: build.path.clone(),
                });
            }
            Err(source) => return Err(unreadable(build, source)),
        };
        let file = BuildFile {
            build,
            name: file_name(&build.path),
            size,
        };
        let token = match timeout_at(self.deadline, self.put_somewhere(&file)).await {
            Ok(token) => token?,
            Err(_) => {
                return Err(UploadError::TooLate {
                    application: application(),
                });
            }
        };
        let register = |left| {
            self.client
                .register_build(&build.application, build.platform, &token, left)
        };
        let short_id = self.ask(build, "registered", register).await?;
        self.tell(&format!(
            "{}: {} is uploaded as build {short_id}",
            build.application, file.name
        ));
        Ok((application(), short_id))
    }

    /// Puts the file at a place that the API names, at another one where that fails. Gives the token that registers it.
    async fn put_somewhere(&self, file: &BuildFile<'_>) -> Result<Secret, UploadError> {
        let build = file.build;
        let mut delays = Delays::default();
        let mut tries = 1;
        loop {
            let ask = |left| self.client.upload_url(&build.application, &file.name, left);
            let target = self.ask(build, "uploaded", ask).await?;
            self.keep_secret(&target);
            self.tell(&format!(
                "{}: uploading {} ({})",
                build.application,
                file.name,
                megabytes(file.size)
            ));
            let what = match self.put(file, &target).await? {
                Put::Done => return Ok(target.build_token),
                Put::Failed(what) if tries < MAX_TRIES => what,
                Put::Failed(what) | Put::Refused(what) => {
                    return Err(UploadError::Storage {
                        application: build.application.clone(),
                        what: self.redactor.clean(what),
                    });
                }
            };
            let delay = delays.next(None);
            self.tell(&format!(
                "{}: the upload failed and is tried again in {} s: {what}",
                build.application,
                delay.as_secs().max(1)
            ));
            tries += 1;
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
            .timeout(self.deadline.saturating_duration_since(Instant::now()))
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, file.size)
            .body(reqwest::Body::wrap(StreamBody::new(pieces)));
        let answer = tokio::select! {
            biased;
            answer = request.send() => answer,
            () = self.watch(file, &sent) => {
                return Ok(Put::Failed("nothing was taken for a minute".to_owned()));
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
        // An error of the storage repeats the signed URL.
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

    /// Tells the log how far an upload is; ends when nothing moves any more.
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
            self.tell(&format!(
                "{}: {} of {} uploaded ({} %)",
                file.build.application,
                megabytes(now),
                megabytes(file.size),
                now.saturating_mul(100) / file.size.max(1)
            ));
        }
    }

    /// Sends a POST that may be repeated while it was not sent.
    async fn ask<T>(
        &self,
        build: &Build,
        step: &'static str,
        send: impl AsyncFn(Duration) -> Result<T, PostError>,
    ) -> Result<T, UploadError> {
        let until = self.deadline.min(Instant::now() + OUT_OF_REACH);
        let mut delays = Delays::default();
        let failed = |source| UploadError::Api {
            application: build.application.clone(),
            step,
            source,
        };
        loop {
            let error = match send(until.saturating_duration_since(Instant::now())).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let after = match &error {
                PostError::NotSent { what: _, after } => *after,
                PostError::Unreachable {
                    permanent: false,
                    what: _,
                } => None,
                PostError::Unreachable {
                    permanent: true,
                    what: _,
                }
                | PostError::Refused { .. }
                | PostError::Blocked(_)
                | PostError::Ambiguous(_) => return Err(failed(error)),
            };
            let delay = delays.next(after);
            if Instant::now() + delay >= until {
                return Err(failed(error));
            }
            let what = error;
            self.tell(&format!(
                "{}: QA.tech is out of reach, next try in {} s: {what}",
                build.application,
                delay.as_secs().max(1)
            ));
            sleep(delay).await;
        }
    }

    /// From now on neither the upload URL nor the token is shown, here or by GitHub's runner.
    fn keep_secret(&self, target: &UploadTarget) {
        let UploadTarget { url, build_token } = target;
        let mut new = Redactor::default();
        new.add(build_token);
        new.add(url);
        new.add_written_url(url.expose());
        self.log.mask(&new);
        self.redactor.learn(&new);
    }

    fn tell(&self, text: &str) {
        let text = self.redactor.clean(text.to_owned());
        self.log.line(&log_line(&text));
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

/// Runs what may block on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// The first `size` bytes of a file, in pieces that are read on a thread of its own as they are asked for. `sent` counts
/// the bytes that were handed on.
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
            // Nobody asks any more: the upload was given up.
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
