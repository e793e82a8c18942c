//! What every step of the program is given.

use crate::context::Context;
use crate::files::Files;
use crate::inputs::Inputs;
use crate::log::Log;
use crate::text::Redactor;

/// The program's settings and surroundings, from the first request to the last file.
#[derive(Clone, Copy)]
pub struct App<'a> {
    /// What the user asked for.
    pub inputs: &'a Inputs,
    /// Where the program runs.
    pub context: &'a Context,
    /// The log.
    pub log: &'a Log,
    /// Removes secrets from texts of APIs.
    pub redactor: &'a Redactor,
    /// Access to files.
    pub files: &'a Files,
}
