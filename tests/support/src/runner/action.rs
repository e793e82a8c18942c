//! The metadata file of a composite action, read strictly: a key that the runner does not know is an error.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax>

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// `action.yml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are only named so that others are refused")]
pub(super) struct Action {
    name: String,
    description: String,
    author: Option<String>,
    branding: Option<Value>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, Input>,
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, Output>,
    pub(super) runs: Runs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "some keys are only named so that others are refused")]
pub(super) struct Input {
    description: String,
    required: Option<bool>,
    deprecation_message: Option<String>,
    pub(super) default: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "some keys are only named so that others are refused")]
pub(super) struct Output {
    description: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Runs {
    pub(super) using: String,
    pub(super) steps: Vec<Step>,
}

/// A step of a composite action; it has `run` or `uses`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Step {
    pub(super) name: Option<String>,
    pub(super) id: Option<String>,
    pub(super) r#if: Option<Value>,
    pub(super) run: Option<String>,
    pub(super) shell: Option<String>,
    pub(super) working_directory: Option<String>,
    pub(super) uses: Option<String>,
    #[serde(default)]
    pub(super) with: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) continue_on_error: bool,
}

impl Action {
    /// Reads the action of a folder.
    ///
    /// # Panics
    /// If there is none, or the runner would reject it.
    pub(super) fn read(folder: &Path) -> Self {
        let path = folder.join("action.yml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
        let action: Self =
            serde_norway::from_str(&text).unwrap_or_else(|error| panic!("in {}: {error}", path.display()));
        assert_eq!(action.runs.using, "composite", "{} is of another kind", path.display());
        for step in &action.runs.steps {
            let name = step.name.as_deref().or(step.id.as_deref()).unwrap_or("a step");
            assert!(
                step.run.is_some() != step.uses.is_some(),
                "{name} needs one of `run` and `uses`"
            );
            assert_eq!(
                step.run.is_some(),
                step.shell.is_some(),
                "`shell` goes with `run`, in {name}"
            );
        }
        action
    }
}
