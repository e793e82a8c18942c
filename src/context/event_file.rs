//! Reads the event's payload from the file that the runner names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// GitHub caps payloads at 25 MB (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>).
const MOST: u64 = 32 << 20;

/// # Errors
/// Why there is no payload, as a fragment that follows what the file is.
pub(super) fn read(path: &Path) -> Result<Value, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("can't be read: {error}"))?;
    file.take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("can't be read: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST {
        return Err("is too long to be an event".to_owned());
    }
    // The runner on Windows may write a byte order mark.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(text).map_err(|error| format!("is no JSON: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_a_broken_and_a_marked_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        assert!(read(&path).unwrap_err().starts_with("can't be read"));
        std::fs::write(&path, "{\"number\":").unwrap();
        assert!(read(&path).unwrap_err().starts_with("is no JSON"));
        assert!(read(folder.path()).unwrap_err().starts_with("can't be read"));
        std::fs::write(&path, b"\xef\xbb\xbf{\"number\":7}").unwrap();
        assert_eq!(read(&path).unwrap(), serde_json::json!({"number": 7}));
    }
}
