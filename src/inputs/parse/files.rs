//! Inputs that are paths.

use std::path::{Component, Path, PathBuf};

use crate::inputs::ReportFiles;
use crate::inputs::table::Raw;
use crate::inputs::values::Parser;

/// The path in an input.
pub(super) fn path(text: Option<&String>) -> Option<PathBuf> {
    text.map(PathBuf::from)
}

impl Parser {
    pub(super) fn report_files(&mut self, raw: &Raw) -> ReportFiles {
        self.one_file_each(raw);
        ReportFiles {
            junit: path(raw.junit_path.as_ref()),
            ctrf: path(raw.ctrf_path.as_ref()),
            json: path(raw.json_path.as_ref()),
            html: path(raw.html_path.as_ref()),
        }
    }

    /// Rejects inputs that name the same file: one report would overwrite another, the history or the quarantine. A device can be
    /// named more than once.
    fn one_file_each(&mut self, raw: &Raw) {
        let given = [
            ("junit_path", &raw.junit_path),
            ("ctrf_path", &raw.ctrf_path),
            ("json_path", &raw.json_path),
            ("html_path", &raw.html_path),
            ("outputs_path", &raw.outputs_path),
            ("history_path", &raw.history_path),
            ("quarantine_path", &raw.quarantine_path),
        ];
        let file = |path: &String| {
            let parts = Path::new(path).components().filter(|part| *part != Component::CurDir);
            parts.collect::<PathBuf>()
        };
        let given = given.map(|(name, path)| (name, path.as_ref().map(file)));
        for (index, (name, path)) in given.iter().enumerate() {
            let Some(path) = path.as_ref().filter(|path| !path.starts_with("/dev")) else {
                continue;
            };
            let mut before = given.iter().take(index);
            if let Some((other, _)) = before.find(|(_, other)| other.as_ref() == Some(path)) {
                self.problems.push(format!(
                    "`{name}` and `{other}` are the same file, so one would overwrite the other; use different files"
                ));
            }
        }
    }
}
