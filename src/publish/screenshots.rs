//! `screenshots_path`: the last screenshot of each failed case as a file.

use std::collections::HashSet;
use std::path::Path;

use crate::files::{Files, Problem};
use crate::report::{Case, Report, Screenshot};

/// How many bytes of a short id a file name contains at most.
const MAX_NAME: usize = 100;

/// Writes `<short id>.<png/jpg/webp>` into a folder for each failed and errored case that has a screenshot.
///
/// # Errors
/// The first file that can't be written. The others are written nevertheless.
pub async fn write(files: &Files, folder: &Path, report: &Report) -> Result<(), Problem> {
    let mut taken = HashSet::new();
    let mut first_problem = None;
    for (_, case) in report.bad_cases() {
        let Some(screenshot) = last_screenshot(case) else {
            continue;
        };
        let name = unique(&file_stem(&case.short_id), &mut taken);
        let path = folder.join(format!("{name}.{}", screenshot.format.extension()));
        let written = files.write_whole(&path, |out| out.write_all(&screenshot.bytes)).await;
        if let Err(problem) = written {
            first_problem.get_or_insert(problem);
        }
    }
    first_problem.map_or(Ok(()), Err)
}

/// The screenshot of the latest attempt that has one.
fn last_screenshot(case: &Case) -> Option<&Screenshot> {
    let mut newest_first = case.attempts.iter().rev();
    newest_first.find_map(|attempt| attempt.details.as_deref()?.screenshot.as_ref())
}

/// A short id as the stem of a file name. It is untrusted, and must not name a folder or a device on any system.
fn file_stem(short_id: &str) -> String {
    let safe = short_id.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => c,
        _ => '_',
    });
    let stem: String = safe.take(MAX_NAME).collect();
    let device = stem.to_ascii_uppercase();
    let device = matches!(device.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (device.len() == 4 && (device.starts_with("COM") || device.starts_with("LPT")));
    if stem.is_empty() || device {
        format!("case_{stem}")
    } else {
        stem
    }
}

/// The stem, with a number if it is taken. Names that differ only in case are the same on some systems.
fn unique(stem: &str, taken: &mut HashSet<String>) -> String {
    let mut name = stem.to_owned();
    let mut number = 1;
    while !taken.insert(name.to_ascii_lowercase()) {
        number += 1;
        name = format!("{stem}-{number}");
    }
    name
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::{CaseDetails, ImageFormat, sample};

    #[tokio::test]
    async fn each_failed_case_has_a_file_and_no_id_leaves_the_folder() {
        let mut report = sample::shop();
        let ids = ["../../etc/passwd", "a", "A"];
        let bad = report.runs[0].cases.iter_mut().filter(|case| case.outcome.is_bad());
        for (case, id) in bad.zip(ids) {
            case.short_id = id.to_owned();
            case.attempts[0].details = Some(Box::new(CaseDetails {
                screenshot: Some(Screenshot {
                    format: ImageFormat::Png,
                    bytes: id.into(),
                }),
                ..CaseDetails::default()
            }));
        }
        let folder = tempfile::tempdir().unwrap();
        write(&Files::new(None), &folder.path().join("shots"), &report)
            .await
            .unwrap();
        let entries = std::fs::read_dir(folder.path().join("shots")).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["A-2.png", "______etc_passwd.png", "a.png"]);
        assert_eq!(std::fs::read(folder.path().join("shots/a.png")).unwrap(), b"a");
        // A file where the folder should be.
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(
            write(&Files::new(None), &folder.path().join("file"), &report)
                .await
                .is_err()
        );
    }

    #[test]
    fn a_stem_is_no_device_and_never_empty() {
        assert_eq!(
            (file_stem(""), file_stem("nul")),
            ("case_".to_owned(), "case_nul".to_owned())
        );
        assert_eq!(file_stem("COM1"), "case_COM1");
        assert_eq!(file_stem("a/b.c\0"), "a_b_c_");
    }
}
