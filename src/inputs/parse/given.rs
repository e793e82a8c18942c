//! What was given: the variables that are read, and the secrets among them, whether valid or not.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;

use crate::inputs::secrets::{Secrets, TOKEN_VARIABLES};
use crate::inputs::table::{INPUTS, Input, Raw};
use crate::inputs::values::Parser;
use crate::text::Secret;

/// The variable that holds the project where the input does not.
pub(super) const PROJECT_VARIABLE: &str = "QATECH_PROJECT_SHORT_ID";

/// The variables that are read, trimmed and without blank ones.
#[derive(Default)]
pub(super) struct Given {
    /// The inputs.
    pub(super) raw: Raw,
    /// The token of the first of [`TOKEN_VARIABLES`].
    pub(super) token: Option<Secret>,
    /// The value of [`PROJECT_VARIABLE`].
    pub(super) project: Option<String>,
    /// Every secret that was given, also one that is not used or will be rejected.
    pub(super) secrets: Secrets,
}

impl Parser {
    /// Reads the variables that are inputs; others may hold anything, even text that is not UTF-8.
    ///
    /// The block of the environment may hold a name twice. Which value a program sees then depends on how it looks, so
    /// values that differ are an error; all of them may be secrets.
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
            // Editors on Windows begin a file with a byte-order mark, and files become inputs.
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
        match envy::prefixed("INPUT_").from_iter(values) {
            Ok(raw) => given.raw = raw,
            Err(error) => self.problems.push(format!("the inputs can't be read: {error}")),
        }
        given
    }
}

/// The name of a variable that is read. Windows does not distinguish upper and lower case in it.
fn known_name(name: &str) -> Option<String> {
    let name = if cfg!(windows) {
        name.to_ascii_uppercase()
    } else {
        name.to_owned()
    };
    let is_input = || name.strip_prefix("INPUT_").is_some_and(names_input);
    (TOKEN_VARIABLES.contains(&name.as_str()) || name == PROJECT_VARIABLE || is_input()).then_some(name)
}

/// Whether a text is the name of an input in upper case. Without a copy of each name: this runs for each variable.
fn names_input(text: &str) -> bool {
    let is_it = |input: &Input| {
        text.bytes()
            .eq(input.name.bytes().map(|byte| byte.to_ascii_uppercase()))
    };
    INPUTS.iter().any(is_it)
}
