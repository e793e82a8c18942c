//! Writes the outputs to `GITHUB_OUTPUT` (or the log) and `outputs_path`. They are usually written at once; after a signal
//! those that are known are written first, and the paths of the report files are appended.

use std::path::Path;

use crate::context::Context;
use crate::files::{Files, Problem};
use crate::log::Log;
use crate::render::outputs::{LeftOut, Pairs, dotenv, github_output, pairs};
use crate::report::Report;

/// Names and values of the outputs that publishing adds.
pub type Artifacts = Vec<(&'static str, String)>;

/// Writes each output once.
pub struct Outputs<'a> {
    log: &'a Log,
    context: &'a Context,
    files: &'a Files,
    /// `outputs_path`
    path: Option<&'a Path>,
    written: Pairs,
    /// The content of the file at `path`.
    dotenv: String,
}

impl<'a> Outputs<'a> {
    /// Outputs of which none is written yet.
    pub fn new(log: &'a Log, context: &'a Context, files: &'a Files, path: Option<&'a Path>) -> Self {
        Self {
            log,
            context,
            files,
            path,
            written: Pairs::new(),
            dotenv: String::new(),
        }
    }

    /// Writes the outputs that are not written yet; since the last call, entries may only have been appended to `made`. Returns
    /// false if a file can't be written.
    pub async fn write(&mut self, report: &Report, made: &Artifacts) -> bool {
        let all = pairs(report, made);
        let new = all.get(self.written.len()..).unwrap_or_default();
        if new.is_empty() {
            return true;
        }
        let mut fine = true;
        if let Some(path) = &self.context.output_file {
            let written = match crate::random::hex(16) {
                Ok(delimiter) => self.files.append(path, github_output(new, &delimiter)).await,
                Err(_) => Err(Problem::NoRandom),
            };
            if let Err(problem) = written {
                self.log.error(&format!("the outputs can't be written: {problem}"));
                fine = false;
            }
        } else {
            self.log.outputs(new);
        }
        if let Some(path) = self.path {
            fine &= self.write_dotenv(path, &all).await;
        }
        self.written = all;
        fine
    }

    async fn write_dotenv(&mut self, path: &Path, all: &Pairs) -> bool {
        let (text, left_out) = dotenv(all);
        let written = if self.dotenv.is_empty() {
            self.files.write_whole(path, |out| out.write_all(text.as_bytes())).await
        } else {
            let new = text.strip_prefix(&self.dotenv).unwrap_or_default();
            self.files.append(path, new.to_owned()).await
        };
        for (reason, why) in [
            (LeftOut::NoRoom, "dotenv files may have 5,000 bytes"),
            (
                LeftOut::Ambiguous,
                "GitLab, dotenv and sh would not all read such a value alike",
            ),
        ] {
            let names = left_out.iter().filter(|(_, left_out)| *left_out == reason);
            let names = names.map(|(name, _)| *name);
            // Those of an earlier call have been reported.
            let new: Vec<_> = names
                .filter(|name| !self.written.iter().any(|(written, _)| written == name))
                .collect();
            if !new.is_empty() {
                self.log
                    .warning(&format!("`outputs_path` leaves out {}: {why}", new.join(", ")));
            }
        }
        match written {
            Ok(()) => {
                self.dotenv = text;
                true
            }
            Err(problem) => {
                self.log.error(&format!("`outputs_path`: {problem}"));
                false
            }
        }
    }
}
