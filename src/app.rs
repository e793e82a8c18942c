//! What every part of the program needs.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::context::Context;
use crate::files::Files;
use crate::inputs::Inputs;
use crate::log::Log;
use crate::report::{FailOn, Mode, Report};
use crate::text::Redactor;

/// The program's settings and environment.
#[derive(Clone, Copy)]
pub struct App<'a> {
    /// The inputs.
    pub inputs: &'a Inputs,
    /// Where the program runs.
    pub context: &'a Context,
    /// The log.
    pub log: &'a Log,
    /// Redacts secrets in untrusted texts.
    pub redactor: &'a Redactor,
    /// Access to files.
    pub files: &'a Files,
}

/// When the program started, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartTime {
    pub(crate) instant: Instant,
    pub(crate) wall: SystemTime,
}

impl StartTime {
    pub(crate) fn now() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// A report of no runs.
    pub(crate) fn empty_report(&self, mode: Mode, context: &Context) -> Report {
        let since_epoch = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Report {
            started_at: u64::try_from(since_epoch.as_millis()).unwrap_or(0),
            duration: u64::try_from(self.instant.elapsed().as_millis()).unwrap_or(0),
            mode,
            origin: context.origin.clone(),
            runs: Vec::new(),
            interrupted_by: None,
            fail_on: FailOn::default(),
            warnings: Vec::new(),
            trend: None,
        }
    }
}
