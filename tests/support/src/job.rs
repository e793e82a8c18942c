//! The environment of a program under test: its own folder, and variables that start empty.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{ClosedPort, closed_port};

/// The commit of [`Job::github`].
pub const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A folder and an environment; the folder is removed on drop.
pub struct Job {
    folder: TempDir,
    env: BTreeMap<String, String>,
    /// GitHub's URL unless a test sets another: an address that does not answer.
    nowhere: Option<ClosedPort>,
}

impl Default for Job {
    fn default() -> Self {
        Self::new()
    }
}

impl Job {
    /// An empty environment, and a folder with an empty `workspace` in it.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("make a temporary folder");
        std::fs::create_dir(folder.path().join("workspace")).expect("make the workspace");
        Self {
            folder,
            env: BTreeMap::new(),
            nowhere: None,
        }
    }

    /// What GitHub's runner sets for a push to `main` of `octo-org/shop`, with the event `{}`.
    pub fn github() -> Self {
        let mut job = Self::new();
        job.add_github();
        job
    }

    /// Adds what [`Job::github`] sets, in place of variables of these names.
    pub(crate) fn add_github(&mut self) {
        let nowhere = closed_port();
        let server = nowhere.url();
        for (key, value) in [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTOR", "mona"),
            ("GITHUB_API_URL", &server),
            ("GITHUB_BASE_REF", ""),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_GRAPHQL_URL", &format!("{server}/graphql")),
            ("GITHUB_HEAD_REF", ""),
            ("GITHUB_JOB", "e2e"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_REF_TYPE", "branch"),
            ("GITHUB_REPOSITORY", "octo-org/shop"),
            ("GITHUB_REPOSITORY_ID", "4711"),
            ("GITHUB_REPOSITORY_OWNER", "octo-org"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_RUN_ID", "9000000001"),
            ("GITHUB_RUN_NUMBER", "17"),
            ("GITHUB_SERVER_URL", &server),
            ("GITHUB_SHA", SHA),
            ("GITHUB_TRIGGERING_ACTOR", "mona"),
            ("GITHUB_WORKFLOW", "CI"),
            (
                "GITHUB_WORKFLOW_REF",
                "octo-org/shop/.github/workflows/ci.yml@refs/heads/main",
            ),
            ("GITHUB_WORKFLOW_SHA", SHA),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_ENVIRONMENT", "github-hosted"),
            ("RUNNER_NAME", "GitHub Actions 1"),
            ("RUNNER_OS", "Linux"),
        ] {
            self.set_env(key, value);
        }
        self.nowhere = Some(nowhere);
        for (key, name) in [("GITHUB_WORKSPACE", "workspace"), ("RUNNER_TEMP", ".")] {
            self.set_env(key, &self.file(name).to_string_lossy());
        }
        for (key, name) in [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary.md")] {
            self.write(name, "");
            self.set_env(key, &self.file(name).to_string_lossy());
        }
        self.set_event("push", &Value::Object(serde_json::Map::new()));
    }

    /// Sets a variable.
    pub fn set_env(&mut self, key: &str, value: &str) {
        self.env.insert(key.to_owned(), value.to_owned());
    }

    /// Removes a variable.
    pub fn remove_env(&mut self, key: &str) {
        self.env.remove(key);
    }

    /// The environment.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Sets the event's name, and its payload in the file of `GITHUB_EVENT_PATH`.
    pub fn set_event(&mut self, name: &str, payload: &Value) {
        self.set_env("GITHUB_EVENT_NAME", name);
        self.write("event.json", &payload.to_string());
        self.set_env("GITHUB_EVENT_PATH", &self.file("event.json").to_string_lossy());
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file of the folder; `None` if it can't be read.
    pub fn read(&self, name: &str) -> Option<String> {
        std::fs::read(self.file(name))
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap_or_else(|error| panic!("write {name}: {error}"));
    }

    /// The files below the folder that contain `text`.
    pub fn files_with(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if path.is_file() && std::fs::read(&path).is_ok_and(|bytes| contains(&bytes, text.as_bytes())) {
                    found.push(path);
                }
            }
        }
        found
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && bytes.windows(part.len()).any(|window| window == part)
}
