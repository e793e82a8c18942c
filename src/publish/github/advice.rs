//! From a failure to what to do about it: the exact permission that is missing, or why none can be had.

use super::api::Failure;
use crate::context::Context;
use crate::inputs::{Annotations, CommentWhen, Inputs};

/// What is needed, and what stands in the way, in this job.
#[derive(Debug, Clone)]
pub(super) struct Advice {
    permissions: String,
    read_only: Option<&'static str>,
}

impl Advice {
    pub(super) fn new(inputs: &Inputs, context: &Context) -> Self {
        let wanted = [
            (true, "contents: read"),
            (inputs.annotations == Annotations::Check, "checks: write"),
            (inputs.comment != CommentWhen::Off, "pull-requests: write"),
            (inputs.issue, "issues: write"),
        ];
        let lines = wanted
            .into_iter()
            .filter(|(wanted, _)| *wanted)
            .map(|(_, line)| format!("\n  {line}"));
        let permissions = format!("permissions:{}", lines.collect::<String>());
        // A `workflow_run` or `pull_request_target` of a fork has the base's own token.
        let of_pull_request = matches!(
            context.origin.event.as_deref(),
            Some("pull_request" | "pull_request_review" | "pull_request_review_comment")
        );
        let read_only = if of_pull_request && context.from_fork {
            Some("On a pull request from a fork the token is read-only, whatever `permissions:` says.")
        } else if context.dependabot {
            Some("In what Dependabot causes the token is read-only.")
        } else {
            None
        };
        Self { permissions, read_only }
    }

    /// `what` could not be done, as the beginning of a sentence; told with the cause and what helps.
    pub(super) fn explain(&self, what: &str, failure: &Failure) -> String {
        let told = format!("{what}: {}.", failure.to_string().trim_end_matches('.'));
        let Self { permissions, read_only } = self;
        match (failure.status(), read_only) {
            (Some(401), _) => format!("{told} `github_token` is wrong or has expired."),
            (Some(403 | 404), Some(read_only)) => format!(
                "{told} {read_only} To publish all the same, run the tests in a second workflow, on `workflow_run`, \
                 whose token may write (README: \"Pull requests from forks\"), with:\n{permissions}"
            ),
            (Some(403 | 404), None) => {
                format!("{told} The token lacks a permission; add to the job:\n{permissions}")
            }
            (_, _) => told,
        }
    }

    /// The same where nothing could even be asked.
    pub(super) fn without(&self, why: &str) -> String {
        format!("{why} A job's own token may do it with:\n{}", self.permissions)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn advice(pairs: &[(&str, &str)], context: &Context) -> Advice {
        let all = [("INPUT_API_TOKEN", "token")];
        let all = all
            .iter()
            .chain(pairs)
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Advice::new(&crate::inputs::parse(all).unwrap(), context)
    }

    fn refused(status: u16) -> Failure {
        Failure::Refused {
            status,
            message: "Resource not accessible by integration".into(),
        }
    }

    #[test]
    fn a_missing_permission_is_told_in_the_lines_to_add() {
        let advice = advice(
            &[("INPUT_COMMENT", "always"), ("INPUT_ISSUE", "failure")],
            &Context::default(),
        );
        assert_eq!(
            advice.explain("No check run could be made", &refused(403)),
            "No check run could be made: GitHub answered 403: Resource not accessible by integration. The token lacks a \
             permission; add to the job:\npermissions:\n  contents: read\n  checks: write\n  pull-requests: write\n  \
             issues: write"
        );
        assert!(!advice.explain("x", &refused(422)).contains("permissions:"));
        assert!(!advice.explain("x", &Failure::Limited).contains("permissions:"));
    }

    #[test]
    fn a_forks_token_is_read_only_in_pull_request_events_only() {
        let mut context = Context {
            from_fork: true,
            ..Context::default()
        };
        for (event, read_only) in [
            ("pull_request", true),
            ("pull_request_target", false),
            ("workflow_run", false),
        ] {
            context.origin.event = Some(event.to_owned());
            let told = advice(&[], &context).explain("x", &refused(403));
            assert_eq!(told.contains("read-only"), read_only, "{event}");
            assert_eq!(told.contains("workflow_run"), read_only, "{event}");
            assert!(told.contains("checks: write"), "{event}");
        }
    }
}
