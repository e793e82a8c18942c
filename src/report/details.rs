//! What QA.tech tells of one test case of a run beyond its result: why it failed, how long it took, what it looked like.
//!
//! Source: `GET /v1/run-test-case/{shortId}` (<https://docs.qa.tech/api-reference>).

use crate::report::Millis;

/// Details of a test case in one attempt. Each is optional: an older API gives none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseDetails {
    /// `errorCode`, such as `TEST_FAILED` or `AGENT_TIMEOUT`.
    pub error_code: Option<String>,
    /// `classification`: whether the case is expected to succeed.
    pub classification: Option<Classification>,
    /// `startedAt`, in milliseconds since the Unix epoch.
    pub started_at: Option<u64>,
    /// `completedAt`, in milliseconds since the Unix epoch.
    pub completed_at: Option<u64>,
    /// `durationMs`, in milliseconds.
    pub duration: Option<Millis>,
    /// `url`: the durable page of the case, only if it is https.
    pub url: Option<String>,
    /// `projectTestCaseId`: what a rerun of single cases takes.
    pub project_test_case_id: Option<String>,
    /// The last screenshot.
    pub screenshot: Option<Screenshot>,
}

/// What a test case expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classification {
    /// The goal is expected to be reached.
    Positive,
    /// The goal is expected to fail.
    Negative,
}

/// What a failure was, by its error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureKind {
    /// `TEST_FAILED`: a failure of the product under test.
    Product,
    /// `AGENT_…`: the agent missed, not the product.
    Agent,
    /// `PLATFORM_…`: QA.tech's platform missed, not the product.
    Platform,
}

impl Classification {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "POSITIVE",
            Self::Negative => "NEGATIVE",
        }
    }
}

impl FailureKind {
    /// The word in JSON and CTRF.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Agent => "agent",
            Self::Platform => "platform",
        }
    }
}

impl CaseDetails {
    /// The durable page of the case, only if it may be shown as a link; see [`super::Attempt::link`].
    pub fn link(&self) -> Option<&str> {
        self.url.as_deref().filter(|url| super::links::is_https(url))
    }

    /// What the failure was; `None` where the error code is absent or unknown.
    pub fn failure_kind(&self) -> Option<FailureKind> {
        match self.error_code.as_deref()? {
            "TEST_FAILED" => Some(FailureKind::Product),
            code if code.starts_with("AGENT_") => Some(FailureKind::Agent),
            code if code.starts_with("PLATFORM_") => Some(FailureKind::Platform),
            _ => None,
        }
    }
}

/// The last screenshot of a test case.
#[derive(Clone, PartialEq, Eq)]
pub struct Screenshot {
    /// Format, by the first bytes.
    pub format: ImageFormat,
    /// The file, at most 3 MiB.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Screenshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Screenshot({:?}, {} bytes)", self.format, self.bytes.len())
    }
}

/// Image formats that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
}

impl ImageFormat {
    /// The format that a file's first bytes show; `None` for anything else, such as SVG or HTML.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    /// The media type, as in a `data:` URL.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }

    /// The file name extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_tells_what_the_failure_was() {
        let kind = |code: Option<&str>| {
            let details = CaseDetails {
                error_code: code.map(str::to_owned),
                ..CaseDetails::default()
            };
            details.failure_kind()
        };
        assert_eq!(kind(Some("TEST_FAILED")), Some(FailureKind::Product));
        assert_eq!(kind(Some("AGENT_TIMEOUT")), Some(FailureKind::Agent));
        assert_eq!(kind(Some("PLATFORM_BROWSER_CRASH")), Some(FailureKind::Platform));
        assert_eq!(kind(Some("agent_timeout")), None);
        assert_eq!(kind(None), None);
    }

    #[test]
    fn only_raster_images_are_accepted() {
        assert_eq!(ImageFormat::from_bytes(b"\x89PNG\r\n\x1a\n..."), Some(ImageFormat::Png));
        assert_eq!(ImageFormat::from_bytes(b"\xff\xd8\xff\xe0"), Some(ImageFormat::Jpeg));
        assert_eq!(
            ImageFormat::from_bytes(b"RIFF\x10\0\0\0WEBPVP8 "),
            Some(ImageFormat::WebP)
        );
        for other in [
            &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
            b"<html>",
            b"GIF89a",
            b"",
        ] {
            assert_eq!(ImageFormat::from_bytes(other), None);
        }
    }
}
