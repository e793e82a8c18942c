//! The report files, written on a thread of their own: rendering a large report takes seconds, and the program's one thread
//! has to answer signals and GitHub meanwhile.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::files::{Files, Problem};
use crate::inputs::ReportFiles;
use crate::render::{ctrf, html, json, junit};
use crate::report::Report;

/// A report file that was asked for, and whether it was written.
pub(super) struct Written {
    /// The input, which is the output too.
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    pub(super) result: Result<(), Problem>,
}

type Render = fn(&Report, &mut dyn Write) -> io::Result<()>;

/// Starts to write the files that are wanted, one after the other. Must be called inside the runtime.
pub(super) fn start(files: &Files, wanted: &ReportFiles, report: &Arc<Report>) -> JoinHandle<Vec<Written>> {
    let ReportFiles {
        junit,
        ctrf,
        json,
        html,
    } = wanted.clone();
    let all: [(&'static str, Option<PathBuf>, Render); 4] = [
        ("junit_path", junit, |report, mut out| junit::write(report, &mut out)),
        ("ctrf_path", ctrf, |report, mut out| ctrf::write(report, &mut out)),
        ("json_path", json, |report, mut out| json::write(report, &mut out)),
        ("html_path", html, |report, mut out| html::write(report, &mut out)),
    ];
    let wanted: Vec<_> = all
        .into_iter()
        .filter_map(|(name, path, render)| Some((name, path?, render)))
        .collect();
    if wanted.is_empty() {
        return tokio::spawn(std::future::ready(Vec::new()));
    }
    let (files, report, runtime) = (files.clone(), Arc::clone(report), Handle::current());
    spawn_blocking(move || {
        wanted
            .into_iter()
            .map(|(name, path, render)| Written {
                name,
                result: runtime.block_on(files.write_whole(&path, |out| render(&report, out))),
                path,
            })
            .collect()
    })
}
