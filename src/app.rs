//! What every part of the program needs.

use crate::context::Context;
use crate::files::Files;
use crate::inputs::Inputs;
use crate::log::Log;
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
