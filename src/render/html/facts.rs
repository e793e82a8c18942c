//! Where and when: the lines under the headline of the HTML report.

use crate::render::duration::{format_duration, utc};
use crate::render::escape::{cut_chars, one_line};
use crate::report::{Origin, Report};

/// A name and what goes with it.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) link: Option<String>,
}

/// What is known of the report's origin and time.
pub(super) fn facts(report: &Report) -> Vec<Fact> {
    let Origin {
        repository: _,
        sha,
        branch,
        default_branch: _,
        actor,
        commit_message,
        event: _,
        workflow,
        job,
        run_id: _,
        run_attempt,
        ci_url: _,
        pull_request,
    } = &report.origin;
    let mut facts = Vec::new();
    let mut add = |name, text: Option<String>, link| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            facts.push(Fact { name, text, link });
        }
    };
    let short = |text: &Option<String>, most| {
        let text = text.as_deref().unwrap_or_default();
        // A commit message's first line is its subject.
        let line = text.lines().next().unwrap_or_default();
        Some(cut_chars(&one_line(line), most).into_owned())
    };
    add("Branch", short(branch, 60), None);
    let pull = |number| Some(format!("{}/pull/{number}", report.origin.repository_link()?));
    add(
        "Pull request",
        pull_request.map(|number| format!("#{number}")),
        pull_request.and_then(pull),
    );
    let commit = sha.as_deref().map(|sha| sha.chars().take(10).collect::<String>());
    add("Commit", short(&commit, 10), report.origin.commit_link());
    add("Message", short(commit_message, 72), None);
    add("By", short(actor, 40), None);
    let names = [workflow, job].map(|name| short(name, 40).unwrap_or_default());
    let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let mut place = names.join(" / ");
    if place.is_empty() && report.origin.ci_link().is_some() {
        place.push_str("open");
    }
    if let Some(attempt) = run_attempt.filter(|attempt| *attempt > 1) {
        place.push_str(&format!(", attempt {attempt}"));
    }
    add("Workflow run", Some(place), report.origin.ci_link().map(str::to_owned));
    let started = utc(report.started_at).and_then(|text| Some(text.get(..16)?.replace('T', " ")));
    add("Started (UTC)", started, None);
    add("Took", Some(format_duration(report.duration)), None);
    facts
}
