//! Reads the event's payload from the file that the runner names.

use std::path::Path;

use serde_json::Value;

use crate::files::Files;

/// GitHub caps payloads at 25 MB (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>).
const MOST: u64 = 32 << 20;

/// # Errors
/// Why there is no payload, as a fragment that follows what the file is.
pub(in crate::context) async fn read(files: &Files, path: &Path) -> Result<Value, String> {
    let bytes = files.read(path, MOST).await;
    let bytes = bytes.map_err(|problem| format!("can't be read: {problem}"))?;
    // The runner on Windows may write a byte order mark.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(text).map_err(|error| format!("is no JSON: {error}"))
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
        let read = async |path| read(&files, path).await;
        assert!(read(&path).await.unwrap_err().starts_with("can't be read"));
        std::fs::write(&path, "{\"number\":").unwrap();
        assert!(read(&path).await.unwrap_err().starts_with("is no JSON"));
        assert!(read(folder.path()).await.unwrap_err().starts_with("can't be read"));
        std::fs::write(&path, b"\xef\xbb\xbf{\"number\":7}").unwrap();
        assert_eq!(read(&path).await.unwrap(), serde_json::json!({"number": 7}));
    }
}
