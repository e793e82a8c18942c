//! From a failure to what to do about it: the exact permission that is missing, or why none can be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::context::{Context, HeadSha};
use crate::inputs::{Annotations, CommentWhen, Inputs};
use crate::publish::github::client::Failure;

/// What a check run needs.
pub(super) const CHECKS: &str = "checks: write";
/// What a comment needs.
pub(super) const COMMENTS: &str = "pull-requests: write";
/// What a look at a pull request needs.
pub(super) const PULL_REQUESTS: &str = "pull-requests: read";
/// What a look at deployments needs.
pub(super) const DEPLOYMENTS: &str = "deployments: read";
/// What an issue needs.
pub(super) const ISSUES: &str = "issues: write";

/// What is needed, and what stands in the way, in this job.
#[derive(Debug, Clone)]
pub(super) struct Advice {
    permissions: String,
    read_only: Option<&'static str>,
    /// Shared by clones.
    is_called_for: Arc<AtomicBool>,
}

impl Advice {
    pub(super) fn new(inputs: &Inputs, context: &Context) -> Self {
        let comment = inputs.comment != CommentWhen::Off;
        let head = matches!(context.head, HeadSha::OfPullRequest(_));
        let wanted = [
            (true, "contents: read"),
            (inputs.annotations == Annotations::Check, CHECKS),
            (comment, COMMENTS),
            (head && !comment, PULL_REQUESTS),
            (inputs.wants_deployment(), DEPLOYMENTS),
            (inputs.issue, ISSUES),
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
        Self {
            permissions,
            read_only,
            is_called_for: Arc::default(),
        }
    }

    /// `what` could not be done, as the beginning of a sentence; told with the cause and with the permission that it
    /// `needs`, where that may be missing. [`Self::what_helps`] then tells the rest, once for all.
    pub(super) fn explain(&self, what: &str, failure: &Failure, needs: &str) -> String {
        let told = format!("{what}: {}.", failure.to_string().trim_end_matches('.'));
        match failure.status() {
            Some(401) => format!("{told} `github_token` is wrong or has expired."),
            // No permission helps: somebody has locked the conversation.
            Some(403) if told.contains("is locked") => told,
            Some(403 | 404) => {
                self.is_called_for.store(true, Ordering::Relaxed);
                format!("{told} It needs `{needs}`.")
            }
            Some(_) | None => told,
        }
    }

    /// What is to be done about the permissions that were missing, with all the lines that the job needs.
    pub(super) fn what_helps(&self) -> Option<String> {
        let Self {
            permissions,
            read_only,
            is_called_for,
        } = self;
        is_called_for.load(Ordering::Relaxed).then(|| match read_only {
            Some(read_only) => format!(
                "{read_only} To publish all the same, run the tests in a second workflow, on `workflow_run`, whose token \
                 may write (README: \"Pull requests from forks\"), with:\n{permissions}"
            ),
            None => format!("The token lacks a permission; add to the job:\n{permissions}"),
        })
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
            advice.explain("No check run could be made", &refused(422), CHECKS),
            "No check run could be made: GitHub answered 422: Resource not accessible by integration."
        );
        assert!(!advice.explain("x", &Failure::Limited, CHECKS).contains("needs"));
        assert_eq!(advice.what_helps(), None);
        let told = advice
            .clone()
            .explain("No check run could be made", &refused(403), CHECKS);
        assert!(
            told.ends_with("Resource not accessible by integration. It needs `checks: write`."),
            "{told}"
        );
        assert_eq!(
            advice.what_helps().unwrap(),
            "The token lacks a permission; add to the job:\npermissions:\n  contents: read\n  checks: write\n  \
             pull-requests: write\n  issues: write"
        );
    }

    #[test]
    fn a_locked_conversation_lacks_no_permission() {
        let advice = advice(&[("INPUT_COMMENT", "always")], &Context::default());
        let locked = Failure::Refused {
            status: 403,
            message: "Unable to create comment because issue is locked.".into(),
        };
        assert_eq!(
            advice.explain("The comment could not be written", &locked, COMMENTS),
            "The comment could not be written: GitHub answered 403: Unable to create comment because issue is locked."
        );
        assert_eq!(advice.what_helps(), None);
    }

    #[test]
    fn who_only_looks_at_a_pull_request_need_only_read() {
        let context = Context {
            head: HeadSha::OfPullRequest(7),
            ..Context::default()
        };
        let advice = advice(&[("INPUT_ANNOTATIONS", "off")], &context);
        advice.explain("x", &refused(404), PULL_REQUESTS);
        assert!(
            advice
                .what_helps()
                .unwrap()
                .ends_with(":\n  contents: read\n  pull-requests: read")
        );
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
            let advice = advice(&[], &context);
            advice.explain("x", &refused(403), CHECKS);
            let told = advice.what_helps().unwrap();
            assert_eq!(told.contains("read-only"), read_only, "{event}");
            assert_eq!(told.contains("workflow_run"), read_only, "{event}");
            assert!(told.contains("checks: write"), "{event}");
        }
    }
}
