//! `builds`: builds of mobile applications that are uploaded before the start.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inputs::lines::{Problems, pair, parse_lines};
use crate::inputs::{Build, Platform};

/// Why a line of `builds` can't be used.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("does not have the form `application = path`")]
    Form,
    #[error("repeats application {0:?}")]
    Repeated(String),
    #[error("has the path {0:?}, which is not that of an .apk, .aab or .ipa file")]
    Extension(String),
}

/// Parses `builds`: lines `application = path`.
///
/// # Errors
/// The problems of all lines, as fragments that follow the input's name.
pub fn parse(text: &str) -> Result<Vec<Build>, Problems> {
    let mut seen = BTreeSet::new();
    parse_lines(text, |line| {
        let (application, path) = pair(line).ok_or(LineError::Form)?;
        if !seen.insert(application.to_owned()) {
            return Err(LineError::Repeated(application.to_owned()));
        }
        let platform = Platform::from_path(Path::new(path)).ok_or_else(|| LineError::Extension(path.to_owned()))?;
        Ok(Build {
            application: application.to_owned(),
            path: PathBuf::from(path),
            platform,
        })
    })
}

impl Platform {
    /// The platform of a build file, determined by its extension (case-insensitive).
    pub fn from_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "apk" | "aab" => Some(Self::Android),
            "ipa" => Some(Self::Ios),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_application_and_a_path() {
        let builds = parse("app_a = out/app-debug.apk\n\n# store\napp_b=a=b/App.AAB\napp_c = My App.ipa").unwrap();
        let shown: Vec<_> = builds
            .iter()
            .map(|build| (build.application.as_str(), build.path.to_str().unwrap(), build.platform))
            .collect();
        assert_eq!(
            shown,
            [
                ("app_a", "out/app-debug.apk", Platform::Android),
                ("app_b", "a=b/App.AAB", Platform::Android),
                ("app_c", "My App.ipa", Platform::Ios),
            ]
        );
    }

    #[test]
    fn a_wrong_line_is_reported_by_its_number() {
        for (line, problem) in [
            ("out/app.apk", "line 2 does not have the form `application = path`"),
            ("app_b =", "line 2 does not have the form `application = path`"),
            (
                "app_b = app.zip",
                "line 2 has the path \"app.zip\", which is not that of an .apk, .aab or .ipa file",
            ),
            (
                "app_b = .apk",
                "line 2 has the path \".apk\", which is not that of an .apk, .aab or .ipa file",
            ),
            ("app_a = b.apk", "line 2 repeats application \"app_a\""),
        ] {
            assert_eq!(parse(&format!("app_a = a.apk\n{line}")).unwrap_err(), [problem]);
        }
    }
}
