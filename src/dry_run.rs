//! `dry_run`: prints what would be sent, and sends nothing.

use std::borrow::Cow;

use crate::StartTime;
use crate::app::App;
use crate::context::{Context, HeadSha};
use crate::inputs::{
    Annotations, ApplicationOverride, CommentWhen, EnvironmentOverride, Inputs, SHA_PLACEHOLDER, Target,
};
use crate::preflight;
use crate::publish::identity;
use crate::publish::outputs::{Artifacts, Outputs};
use crate::qatech::client::run_url;
use crate::qatech::wire::{StartFields, StartRequest};
use crate::report::Mode;
use crate::report::verdict::exit;
use crate::text::Redactor;

/// Prints the preparations, the first request of each run, and what would be published at the end, and reports what would
/// keep the runs from being started. Returns the exit code.
pub async fn run(app: &App<'_>, started: StartTime) -> u8 {
    let App {
        inputs,
        context,
        log,
        redactor,
        files: open_files,
    } = *app;
    log.line("Dry run: nothing is sent.");
    let lines = [
        runs(inputs, context, redactor),
        publishing(inputs, context),
        files(inputs),
    ];
    for line in lines.concat() {
        log.untrusted_line(&line);
    }
    let obstacles = match &inputs.api_token {
        Some(_) => preflight::obstacles(inputs, context).await,
        None => Vec::new(),
    };
    for obstacle in &obstacles {
        log.error(&obstacle.to_string());
    }
    let mut outputs = Outputs::new(log, context, open_files, inputs.outputs_path.as_deref());
    let report = started.empty_report(Mode::StartOnly, context);
    let written = outputs.write(&report, &Artifacts::new()).await;
    match (obstacles.is_empty(), written) {
        (false, _) => exit::USAGE,
        (true, false) => exit::BROKEN,
        (true, true) => exit::GREEN,
    }
}

/// What would be asked of QA.tech, and before that of others.
fn runs(inputs: &Inputs, context: &Context, redactor: &Redactor) -> Vec<String> {
    if inputs.api_token.is_none() {
        return vec!["would not ask QA.tech: there is no API token (`on_missing_token: skip`)".to_owned()];
    }
    match &inputs.target {
        Target::Attach(short_ids) => short_ids
            .iter()
            .map(|short_id| {
                let url = run_url(&inputs.api_url, &[short_id]);
                format!("would query run {short_id}: GET {url}?testCases=all")
            })
            .collect(),
        Target::Start(plans) => {
            let mut lines = preparations(inputs, context, redactor);
            let url = run_url(&inputs.api_url, &[]);
            let starts = plans.iter().map(|plan| start_body(inputs, context, plan.as_deref()));
            lines.extend(starts.map(|body| format!("would start a run: POST {url} {body}")));
            lines
        }
    }
}

/// What would be done before the start.
fn preparations(inputs: &Inputs, context: &Context, redactor: &Redactor) -> Vec<String> {
    let mut lines = Vec::new();
    for build in &inputs.builds {
        lines.push(format!(
            "would upload the build {} for application {}",
            build.path.display(),
            build.application
        ));
    }
    for application in &inputs.applications {
        if let Some(EnvironmentOverride::Deployment { environment }) = &application.environment {
            lines.push(format!(
                "would look for the deployment of the head commit{} for application {}, for at most {} minutes",
                matching(environment.as_deref()),
                application.application_short_id,
                inputs.deployment_timeout.as_secs_f64() / 60.0
            ));
        }
    }
    let sha = context.origin.sha.as_deref().unwrap_or(SHA_PLACEHOLDER);
    // The redactor finds a secret query only as it was written, so it runs first.
    let with_sha = |text: &str| redactor.clean(text.to_owned()).replace(SHA_PLACEHOLDER, sha);
    for probe in &inputs.wait_for {
        let contains = probe.contains.as_deref().map(with_sha);
        lines.push(format!(
            "would wait for {}{}, for at most {} minutes",
            with_sha(&probe.url),
            contains.map_or_else(String::new, |text| format!(" to contain {text:?}")),
            inputs.wait_for_timeout.as_secs_f64() / 60.0
        ));
    }
    lines
}

/// The body of a start, with placeholders for what is known only after the preparations.
fn start_body(inputs: &Inputs, context: &Context, plan: Option<&str>) -> String {
    let applications = with_placeholders(inputs);
    let fields = StartFields::from(context);
    let request = StartRequest::new(inputs, &fields, plan, &applications);
    serde_json::to_string(&request).unwrap_or_default()
}

/// The applications, with placeholders for the URLs of deployments and the short ids of builds.
fn with_placeholders(inputs: &Inputs) -> Vec<ApplicationOverride> {
    let mut applications = inputs.applications.clone();
    for application in &mut applications {
        if let Some(EnvironmentOverride::Deployment { environment }) = &application.environment {
            application.environment = Some(EnvironmentOverride::Url {
                url: format!("<URL of the deployment{}>", matching(environment.as_deref())),
                name: None,
            });
        }
    }
    for build in &inputs.builds {
        let environment = Some(EnvironmentOverride::Build {
            short_id: format!("<short id of {}>", build.path.display()),
        });
        let mut known = applications.iter_mut();
        match known.find(|other| other.application_short_id == build.application) {
            Some(application) => application.environment = environment,
            None => applications.push(ApplicationOverride {
                application_short_id: build.application.clone(),
                environment,
                device_preset_short_id: None,
            }),
        }
    }
    applications
}

fn matching(glob: Option<&str>) -> Cow<'static, str> {
    glob.map_or(Cow::Borrowed(""), |glob| Cow::Owned(format!(" to {glob:?}")))
}

/// What would be published at GitHub and the webhook.
fn publishing(inputs: &Inputs, context: &Context) -> Vec<String> {
    let mut lines = Vec::new();
    // As `GitHub::begin` has it: nothing is published for a run that is not waited for.
    if inputs.blocking && context.in_github() && inputs.github_token.is_some() {
        match inputs.annotations {
            Annotations::Check => {
                let head = match &context.head {
                    HeadSha::Known(sha) => sha.clone(),
                    HeadSha::OfPullRequest(number) => format!("the head of pull request #{number}"),
                    HeadSha::None => "no known commit".to_owned(),
                };
                let name = identity::check_name(inputs, context);
                lines.push(format!("would create the check run {name:?} on {head}"));
            }
            Annotations::Job => lines.push("would annotate the job's own check run".to_owned()),
            Annotations::Log | Annotations::Off => {}
        }
        if inputs.comment != CommentWhen::Off {
            lines.push("would write the pull request's comment".to_owned());
        }
        if inputs.issue {
            lines.push("would open or close the plans' issues".to_owned());
        }
    }
    if let Some(webhook) = &inputs.webhook {
        let host = webhook.url.host_str().unwrap_or_default();
        lines.push(format!("would post the JSON report to {host}"));
    }
    lines
}

/// Files that would be written.
fn files(inputs: &Inputs) -> Vec<String> {
    let files = &inputs.files;
    let paths = [
        &files.junit,
        &files.ctrf,
        &files.json,
        &files.html,
        &inputs.history_path,
    ];
    let mut lines: Vec<_> = paths
        .into_iter()
        .flatten()
        .map(|path| format!("would write {}", path.display()))
        .collect();
    if let Some(folder) = &inputs.screenshots_path {
        lines.push(format!("would write screenshots to {}", folder.display()));
    }
    lines
}
