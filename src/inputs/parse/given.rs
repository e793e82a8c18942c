//! Reads the variables of the inputs, and finds the secrets among them, whether they are valid or not.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;

use crate::inputs::secrets::{Secrets, TOKEN_VARIABLES};
use crate::inputs::table::{INPUTS, PREFIX, Raw};
use crate::inputs::values::Parser;
use crate::text::Secret;

/// The variable for the project if the input is not set.
pub(super) const PROJECT_VARIABLE: &str = "QATECH_PROJECT_SHORT_ID";

/// The values of the variables, trimmed and without blank ones.
#[derive(Default)]
pub(super) struct Given {
    /// The inputs.
    pub(super) raw: Raw,
    /// The value of the first of [`TOKEN_VARIABLES`] that is set.
    pub(super) token: Option<Secret>,
    /// The value of [`PROJECT_VARIABLE`].
    pub(super) project: Option<String>,
    /// All secrets, including those that are not used or are rejected later.
    pub(super) secrets: Secrets,
}

impl Parser {
    /// Reads the variables of the inputs. Other variables may have any value, even one that is not UTF-8.
    ///
    /// An environment can contain the same name twice. The value then depends on how a program reads it, so different values are an
    /// error. All of them may be secrets.
    pub(super) fn read(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Given {
        let mut given = Given::default();
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in variables {
            let Some(name) = name.to_str().and_then(known_name) else {
                continue;
            };
            let Some(value) = value.to_str() else {
                self.problems.push(format!("{name} is not valid UTF-8"));
                continue;
            };
            // Editors on Windows write a byte-order mark at the start of a file, which may become an input.
            let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            if value.is_empty() {
                continue;
            }
            given.secrets.add(&name, value);
            match values.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(value.to_owned());
                }
                Entry::Occupied(entry) if entry.get() == value => {}
                Entry::Occupied(entry) => self.problems.push(format!(
                    "{} is set more than once in the environment, to different values; set it once",
                    entry.key()
                )),
            }
        }
        given.project = values.remove(PROJECT_VARIABLE);
        let mut tokens = TOKEN_VARIABLES.iter().filter_map(|name| values.remove(*name));
        given.token = tokens.next().map(Secret::new);
        drop(tokens);
        match envy::prefixed(PREFIX).from_iter(values) {
            Ok(raw) => given.raw = raw,
            Err(error) => self.problems.push(format!("the inputs can't be read: {error}")),
        }
        given
    }
}

/// The canonical name of a variable that is read, `None` for any other. Names are case-insensitive on Windows.
fn known_name(name: &str) -> Option<String> {
    let name = if cfg!(windows) {
        name.to_ascii_uppercase()
    } else {
        name.to_owned()
    };
    let is_input = || INPUTS.iter().any(|input| input.is_variable(&name));
    (TOKEN_VARIABLES.contains(&name.as_str()) || name == PROJECT_VARIABLE || is_input()).then_some(name)
}
