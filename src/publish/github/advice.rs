//! Sentences about failures at GitHub that say what to do: the exact permission that is missing, or why no permission
//! helps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::context::{Context, HeadSha};
use crate::inputs::{Annotations, CommentWhen, Inputs};
use crate::publish::github::error::{Error, Unusable, rounded};

/// What a check run needs.
pub(super) const CHECKS: &str = "checks: write";
/// What a comment needs.
pub(super) const COMMENTS: &str = "pull-requests: write";
/// What reading a pull request needs.
pub(super) const PULL_REQUESTS: &str = "pull-requests: read";
/// What reading deployments needs.
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
            (
                matches!(inputs.annotations, Annotations::Check | Annotations::Job),
                CHECKS,
            ),
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
            Some("In workflows that Dependabot triggers the token is read-only.")
        } else {
            None
        };
        Self {
            permissions,
            read_only,
            is_called_for: Arc::default(),
        }
    }

    /// A sentence with `what` failed, the cause, and what to do about it. If a permission may be missing, it names `needs`, and
    /// [`Self::what_helps`] then returns all lines to add.
    pub(super) fn explain(&self, what: &str, error: &Error, needs: &str) -> String {
        let sentence = format!("{what}: {}.", error.to_string().trim_end_matches('.'));
        match error {
            Error::Refused { status, message } => match remedy(*status, message) {
                Remedy::Permission => {
                    self.is_called_for.store(true, Ordering::Relaxed);
                    format!("{sentence} It needs `{needs}`.")
                }
                Remedy::Other(advice) => format!("{sentence} {advice}"),
                Remedy::None => sentence,
            },
            Error::RateLimited { wait } => format!(
                "{sentence} Re-run the job in {}, or publish with the token of a GitHub App (`github_token`), which has a \
                 limit of its own.",
                rounded(*wait)
            ),
            Error::Blocked { .. } | Error::Unreachable(_) | Error::Lost(_) | Error::Invalid(_) | Error::OutOfTime => {
                sentence
            }
        }
    }

    /// What to do about the missing permissions, with all the lines that the job needs.
    pub(super) fn what_helps(&self) -> Option<String> {
        let Self {
            permissions,
            read_only,
            is_called_for,
        } = self;
        is_called_for.load(Ordering::Relaxed).then(|| match read_only {
            Some(read_only) => format!(
                "{read_only} To publish anyway, run the tests in a second workflow, on `workflow_run`, whose token may \
                 write (see \"Forks and Dependabot\" in docs/pull-requests.md), with:\n{permissions}"
            ),
            None => format!("The token lacks a permission; add to the job:\n{permissions}"),
        })
    }

    /// A sentence that says why nothing can be published.
    pub(super) fn unusable(&self, why: &Unusable) -> String {
        let mut sentence = why.to_string();
        if let Some(first) = sentence.get(..1).map(str::to_ascii_uppercase) {
            sentence.replace_range(..1, &first);
        }
        let sentence = format!("{sentence}, so nothing is published at GitHub.");
        match why {
            Unusable::NoRepository | Unusable::NoToken => {
                format!("{sentence} The job's own token can do it with:\n{}", self.permissions)
            }
            Unusable::NoApiUrl | Unusable::NoRandom | Unusable::InvalidToken | Unusable::InvalidApiUrl(_) => sentence,
        }
    }
}

/// What helps against a refusal.
enum Remedy {
    /// A permission of the job's token.
    Permission,
    /// Something else, as a sentence.
    Other(&'static str),
    None,
}

/// Chooses by GitHub's message: many refusals are a 403, and `permissions:` helps against only some of them.
fn remedy(status: u16, message: &str) -> Remedy {
    let message = message.to_ascii_lowercase();
    let says = |words: &str| message.contains(words);
    match status {
        401 => Remedy::Other("`github_token` is wrong or has expired."),
        403 if says("authenticate via a github app") => Remedy::Other(
            "A personal access token can't do that, whatever its scopes: use the job's own token (`${{ github.token }}`, \
             the default) or the token of a GitHub App.",
        ),
        403 if says("ip allow list") || says("ip address") => Remedy::Other(
            "The organization admits listed addresses only: add the runner's address to its IP allow list, or run the job \
             on a runner whose address is listed. No permission helps.",
        ),
        403 if says("saml") || says("single sign-on") => Remedy::Other(
            "The organization requires single sign-on: authorize the token for it, or use the job's own token \
             (`${{ github.token }}`).",
        ),
        403 if says("invalid app_id") => Remedy::Other(
            "Only the app that created a check run may change it: use the job's own token (`${{ github.token }}`).",
        ),
        // The conversation is locked, or the repository is archived.
        403 if says("is locked") || says("archived") => Remedy::None,
        403 | 404 => Remedy::Permission,
        _ => Remedy::None,
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

    fn refused(status: u16) -> Error {
        Error::Refused {
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
        let limited = Error::RateLimited {
            wait: std::time::Duration::from_secs(24 * 60 - 1),
        };
        let sentence = advice.explain("x", &limited, CHECKS);
        assert!(!sentence.contains("needs"), "{sentence}");
        assert!(sentence.contains("Re-run the job in 24 min"), "{sentence}");
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
        let locked = Error::Refused {
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
    fn refusals_that_no_permission_cures_get_other_advice() {
        for (message, advised) in [
            ("You must authenticate via a GitHub App.", "personal access token"),
            (
                "Although you appear to have the correct authorization credentials, the `acme` organization has an IP \
                 allow list enabled, and your IP address is not permitted to access this resource.",
                "IP allow list, or",
            ),
            (
                "Resource protected by organization SAML enforcement. You must grant your Personal Access token access \
                 to this organization.",
                "authorize the token",
            ),
            (
                "Invalid app_id `1` - check run can only be modified by the GitHub App that created it.",
                "own token",
            ),
        ] {
            let advice = advice(&[], &Context::default());
            let refused = Error::Refused {
                status: 403,
                message: message.to_owned(),
            };
            let sentence = advice.explain("No check run could be created", &refused, CHECKS);
            assert!(sentence.contains(advised), "{sentence}");
            assert!(!sentence.contains("checks: write"), "{sentence}");
            assert_eq!(advice.what_helps(), None, "{message}");
        }
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
