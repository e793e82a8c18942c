//! The default place of annotations: the step of the workflow file that uses the action.

use crate::context::Context;
use crate::files::read_checked_out;
use crate::render::github::check::Place;

/// No workflow file is longer (GitHub's own limit is 512 KB).
const MOST: u64 = 1 << 20;
/// The path if the workflow file is not known; annotations need one.
const FALLBACK: &str = ".github";
/// Name of the action if the runner does not set the repository that it came from.
const ACTION: &str = "qatech-run";

/// The workflow file, at the step's line if the file can be read, else at line 1.
pub(super) fn default_place(context: &Context) -> Place {
    let Some(path) = &context.workflow_file else {
        return Place {
            path: FALLBACK.to_owned(),
            line: 1,
        };
    };
    let line = context.workspace.as_ref().and_then(|workspace| {
        let text = read_checked_out(workspace, path, MOST)?;
        step_line(
            &text,
            context.origin.job.as_deref(),
            context.action_repository.as_deref(),
        )
    });
    Place {
        path: path.clone(),
        line: line.unwrap_or(1),
    }
}

/// The line of the first `uses:` of the action, in the job if it is found there. It scans lines instead of parsing YAML: the
/// line is a convenience, and if it is not found, line 1 is used.
fn step_line(text: &str, job: Option<&str>, action: Option<&str>) -> Option<u32> {
    let job_line = job.and_then(|job| {
        let jobs = text.lines().position(|line| line.trim_end() == "jobs:")?;
        let own = text
            .lines()
            .skip(jobs)
            .position(|line| line.trim() == format!("{job}:"))?;
        Some(jobs + own)
    });
    let lines = || {
        text.lines()
            .enumerate()
            .filter(|(_, line)| uses(line, action))
            .map(|(at, _)| at)
    };
    let at = job_line
        .and_then(|from| lines().find(|at| *at > from))
        .or_else(|| lines().next())?;
    u32::try_from(at + 1).ok()
}

/// Whether a line is a `uses:` of the action.
fn uses(line: &str, action: Option<&str>) -> bool {
    let line = line.trim_start().trim_start_matches("- ").trim_start();
    let Some(value) = line.strip_prefix("uses:") else {
        return false;
    };
    let value = value.split('#').next().unwrap_or_default();
    let value = value.trim().trim_matches(['"', '\'']);
    let name = value.split('@').next().unwrap_or_default();
    match action {
        Some(action) => {
            let (name, action) = (name.to_ascii_lowercase(), action.to_ascii_lowercase());
            name == action || name.strip_prefix(&action).is_some_and(|rest| rest.starts_with('/'))
        }
        // `uses: ./` and the like: the action's own repository.
        None => name == "./" || name == "." || name.split('/').nth(1) == Some(ACTION),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORKFLOW: &str = "on: push
jobs:
  unit:
    steps:
      - uses: actions/checkout@v4
      - uses: acme/gate@v1 # QA.tech
  e2e:
    steps:
      - name: Gate
        uses: \"Acme/Gate@v1\"
      - uses: acme/gate-other@v1
  local:
    steps:
      - uses: ./
";

    #[test]
    fn the_step_is_found_in_its_own_job() {
        let line = |job, action| step_line(WORKFLOW, job, action);
        assert_eq!(line(Some("e2e"), Some("acme/gate")), Some(10));
        assert_eq!(line(Some("unit"), Some("acme/gate")), Some(6));
        assert_eq!(line(None, Some("acme/gate")), Some(6));
        // In a reusable workflow the job is not in this file.
        assert_eq!(line(Some("other"), Some("acme/gate")), Some(6));
        assert_eq!(line(Some("e2e"), Some("acme/none")), None);
        assert_eq!(line(Some("e2e"), None), Some(14));
    }

    #[test]
    fn without_the_file_it_is_the_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut context = Context::default();
        assert_eq!(default_place(&context).path, ".github");
        context.workspace = Some(folder.path().to_owned());
        context.workflow_file = Some("ci.yml".to_owned());
        assert_eq!(
            (default_place(&context).path.as_str(), default_place(&context).line),
            ("ci.yml", 1)
        );
        std::fs::write(folder.path().join("ci.yml"), WORKFLOW).unwrap();
        assert_eq!(default_place(&context).line, 14);
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(text in "((- )?uses: ?[a-z./@\"'#]{0,12}|jobs:|a:|.{0,9}|\n){0,20}") {
            let _ = step_line(&text, Some("a"), None);
        }
    }
}
