//! Reads the event's payload from the file in `GITHUB_EVENT_PATH`.

use std::path::Path;

use serde_json::Value;
use thiserror::Error;

use crate::files::{Files, Problem};

/// GitHub limits payloads to 25 MB (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>).
const MOST: u64 = 32 << 20;

/// Why there is no payload, as a fragment that follows the name of the file.
#[derive(Debug, Error)]
pub(in crate::context) enum EventFileError {
    /// The file can't be read.
    #[error("can't be read: {0}")]
    Unreadable(#[from] Problem),
    /// It is not JSON.
    #[error("is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
}

/// Reads the payload.
///
/// # Errors
/// See [`EventFileError`].
pub(in crate::context) async fn read(files: &Files, path: &Path) -> Result<Value, EventFileError> {
    let bytes = files.read(path, MOST).await?;
    // The runner on Windows may write a byte order mark.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    Ok(serde_json::from_slice(text)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_a_broken_and_a_marked_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        let files = Files::new(None);
        let read = async |path| read(&files, path).await.map_err(|error| error.to_string());
        assert!(read(&path).await.unwrap_err().starts_with("can't be read"));
        std::fs::write(&path, "{\"number\":").unwrap();
        assert!(read(&path).await.unwrap_err().starts_with("is not JSON"));
        assert!(read(folder.path()).await.unwrap_err().starts_with("can't be read"));
        std::fs::write(&path, b"\xef\xbb\xbf{\"number\":7}").unwrap();
        assert_eq!(read(&path).await.unwrap(), serde_json::json!({"number": 7}));
    }
}
