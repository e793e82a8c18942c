//! `dry_run`: what would be sent, printed; nothing is.

use crate::context::{Context, HeadSha};
use crate::inputs::{Annotations, CommentWhen, Inputs, Target};
use crate::log::Log;
use crate::publish::identity;
use crate::qatech::client::run_url;
use crate::qatech::wire::StartRequest;
use crate::render::escape::log_line;
use crate::text::Redactor;

/// Prints every request that would be sent first, and the sinks that would be served at the end.
pub fn print(log: &Log, inputs: &Inputs, context: &Context, redactor: &Redactor) {
    log.line("Dry run: nothing is sent.");
    let print = |text: String| log.line(&log_line(&redactor.clean(text)));
    match &inputs.target {
        Target::Attach(_) | Target::Start(_) if inputs.api_token.is_none() => {
            print("would not ask QA.tech: there is no API token (`on_missing_token: skip`)".to_owned());
        }
        Target::Attach(short_ids) => {
            for short_id in short_ids {
                let url = run_url(&inputs.api_url, &[short_id]);
                print(format!("would ask for run {short_id}: GET {url}?testCases=all"));
            }
        }
        Target::Start(plans) => {
            let fields = context.start_fields();
            for plan in plans {
                let request = StartRequest {
                    trigger: &fields,
                    test_plan_short_id: plan.as_deref(),
                    applications: &inputs.applications,
                    notifications: &inputs.notifications,
                };
                let body = serde_json::to_string(&request).unwrap_or_default();
                print(format!(
                    "would start a run: POST {} {body}",
                    run_url(&inputs.api_url, &[])
                ));
            }
        }
    }
    // As `GitHub::begin` has it: nothing is published of a run that is not waited for.
    if inputs.blocking && context.in_github() && inputs.github_token.is_some() {
        if inputs.annotations == Annotations::Check {
            let head = match &context.head {
                HeadSha::Known(sha) => sha.clone(),
                HeadSha::OfPullRequest(number) => format!("the head of pull request #{number}"),
                HeadSha::None => "no known commit".to_owned(),
            };
            print(format!(
                "would create the check run {:?} on {head}",
                identity::check_name(inputs, context)
            ));
        }
        if inputs.comment != CommentWhen::Off {
            print("would write the pull request's comment".to_owned());
        }
        if inputs.issue {
            print("would open or close the plans' issues".to_owned());
        }
    }
    if let Some(webhook) = &inputs.webhook {
        print(format!(
            "would post the JSON report to {}",
            webhook.url.host_str().unwrap_or_default()
        ));
    }
    let files = &inputs.files;
    for path in [
        files.junit.as_ref(),
        files.ctrf.as_ref(),
        files.json.as_ref(),
        files.html.as_ref(),
        inputs.history_path.as_ref(),
    ]
    .into_iter()
    .flatten()
    {
        print(format!("would write {}", path.display()));
    }
}
