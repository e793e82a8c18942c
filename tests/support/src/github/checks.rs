//! The Checks API: <https://docs.github.com/rest/checks/runs>.

use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{Annotation, CheckRun};
use super::page::Page;
use super::wire;
use super::world::{Context, Repository, World};
use crate::http::Reply;

/// Limit of a summary, and of a text before it is truncated, in bytes.
const MAX_TEXT: usize = 65_535;
/// Limit of an annotation's message and raw details, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// Limit of a title, in characters.
const MAX_TITLE: usize = 255;

impl World {
    pub(super) fn create_check_run(&mut self, context: &Context) -> Reply {
        let name = context.text("name").unwrap_or_default();
        let head_sha = context.text("head_sha").unwrap_or_default();
        if name.trim().is_empty() {
            return self.reject(context, "name is blank");
        }
        if !is_sha(&head_sha) {
            return wire::error(422, &format!("No commit found for SHA: {head_sha}"));
        }
        let mut run = CheckRun {
            id: self.next_id(),
            status: "queued".to_owned(),
            app: self.token.app.clone(),
            ..CheckRun::new(&name, &head_sha)
        };
        if let Err(problem) = self.apply(context, &mut run) {
            return self.reject(context, &problem);
        }
        let reply = Reply::json(201, &self.check_run(&self.repositories[context.at], &run));
        self.repositories[context.at].check_runs.push(run);
        reply
    }

    pub(super) fn update_check_run(&mut self, context: &Context) -> Reply {
        let Some(index) = self.find_check_run(context) else {
            return wire::error(404, "Not Found");
        };
        let mut run = self.repositories[context.at].check_runs[index].clone();
        if run.app != self.token.app {
            let message = format!("Invalid app_id `15368` - check run {} was made by another app.", run.id);
            return wire::error(403, &message);
        }
        if let Some(name) = context.text("name") {
            run.name = name;
        }
        if let Err(problem) = self.apply(context, &mut run) {
            return self.reject(context, &problem);
        }
        run.updates += 1;
        let reply = Reply::json(200, &self.check_run(&self.repositories[context.at], &run));
        self.repositories[context.at].check_runs[index] = run;
        reply
    }

    /// Applies the fields that creating and updating have in common.
    fn apply(&mut self, context: &Context, run: &mut CheckRun) -> Result<(), String> {
        let conclusion = context.text("conclusion");
        let status = context.text("status");
        let completes = status.as_deref() == Some("completed") || context.text("completed_at").is_some();
        if completes && conclusion.is_none() {
            return Err("conclusion is required with the status `completed` and with completed_at".to_owned());
        }
        if conclusion.as_deref() == Some("stale") {
            return Err("only GitHub can conclude `stale`".to_owned());
        }
        if let Some(output) = context.body.get("output") {
            take_output(output, run)?;
        }
        let now = self.now();
        if let Some(id) = context.text("external_id") {
            run.external_id = Some(id);
        }
        run.started_at = context
            .text("started_at")
            .or(run.started_at.take())
            .or(Some(now.clone()));
        if let Some(conclusion) = conclusion {
            // A conclusion completes the run, whatever its status.
            "completed".clone_into(&mut run.status);
            run.conclusion = Some(conclusion);
            run.completed_at = context.text("completed_at").or(Some(now));
        } else if let Some(status) = status {
            run.status = status;
            (run.conclusion, run.completed_at) = (None, None);
        }
        Ok(())
    }

    fn find_check_run(&self, context: &Context) -> Option<usize> {
        self.repositories[context.at]
            .check_runs
            .iter()
            .position(|run| run.id == context.number())
    }

    pub(super) fn get_check_run(&mut self, context: &Context) -> Reply {
        let Some(index) = self.find_check_run(context) else {
            return wire::error(404, "Not Found");
        };
        let repository = &self.repositories[context.at];
        Reply::json(200, &self.check_run(repository, &repository.check_runs[index]))
    }

    pub(super) fn list_annotations(&mut self, context: &Context) -> Reply {
        let Some(index) = self.find_check_run(context) else {
            return wire::error(404, "Not Found");
        };
        let run = &self.repositories[context.at].check_runs[index];
        let page = Page::of(context, run.annotations.len());
        let shown = run.annotations[page.range()].iter().map(|annotation| {
            let mut object = json!(annotation);
            object["blob_href"] = json!(format!("{}/blob/{}/{}", self.server, run.head_sha, annotation.path));
            object
        });
        page.reply(self, context, &Value::Array(shown.collect()))
    }

    pub(super) fn list_check_runs(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        let Some(sha) = resolve(repository, context.parameter()) else {
            return wire::error(422, &format!("No commit found for SHA: {}", context.parameter()));
        };
        let mut found: Vec<&CheckRun> = (repository.check_runs.iter().rev())
            .filter(|run| run.head_sha == sha)
            .filter(|run| context.query("check_name").is_none_or(|name| name == run.name))
            .filter(|run| context.query("status").is_none_or(|status| status == run.status))
            .collect();
        found.sort_by_key(|run| std::cmp::Reverse(run.id));
        if context.query("filter") != Some("all") {
            let mut seen = std::collections::BTreeSet::new();
            found.retain(|run| seen.insert((&run.app, &run.name)));
        }
        let page = Page::of(context, found.len());
        let shown: Vec<Value> = found[page.range()]
            .iter()
            .map(|run| self.check_run(repository, run))
            .collect();
        page.reply(self, context, &json!({"total_count": found.len(), "check_runs": shown}))
    }
}

/// Replaces title, summary and text; appends the annotations.
fn take_output(output: &Value, run: &mut CheckRun) -> Result<(), String> {
    let text = |name: &str| output[name].as_str().map(str::to_owned);
    let (title, summary) = (text("title"), text("summary"));
    // The update's schema does not require the title; its description does.
    let length = title.as_ref().ok_or("output.title is required")?.chars().count();
    if length > MAX_TITLE {
        return Err(format!("output.title has {length} characters, more than {MAX_TITLE}"));
    }
    let length = summary.as_ref().map_or(0, String::len);
    if length > MAX_TEXT {
        return Err(format!("output.summary has {length} bytes, more than {MAX_TEXT}"));
    }
    let annotations = match output.get("annotations") {
        Some(list) => read_annotations(list)?,
        None => Vec::new(),
    };
    (run.title, run.summary, run.text) = (title, summary, text("text"));
    if let Some(text) = run.text.as_mut().filter(|text| text.len() > MAX_TEXT) {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        run.text_was_cut = true;
    }
    run.annotations.extend(annotations);
    Ok(())
}

fn read_annotations(list: &Value) -> Result<Vec<Annotation>, String> {
    let list = Vec::<Annotation>::deserialize(list).map_err(|error| error.to_string())?;
    for (index, annotation) in list.iter().enumerate() {
        if let Some(problem) = problem_of(annotation) {
            return Err(format!("annotation {index}: {problem}"));
        }
    }
    Ok(list)
}

fn problem_of(annotation: &Annotation) -> Option<String> {
    let Annotation {
        path,
        start_line,
        end_line,
        start_column,
        end_column,
        message,
        title,
        raw_details,
        ..
    } = annotation;
    let details = raw_details.as_deref().unwrap_or_default();
    let columns = start_column.is_some() || end_column.is_some();
    if path.is_empty() {
        Some("path is blank".to_owned())
    } else if *start_line == 0 || end_line < start_line {
        Some(format!("lines {start_line} to {end_line} are none"))
    } else if columns && start_line != end_line {
        Some("columns need a single line".to_owned())
    } else if message.trim().is_empty() {
        Some("message is blank".to_owned())
    } else if message.len() > MAX_MESSAGE {
        Some(format!("message has {} bytes, more than {MAX_MESSAGE}", message.len()))
    } else if details.len() > MAX_MESSAGE {
        Some(format!(
            "raw_details has {} bytes, more than {MAX_MESSAGE}",
            details.len()
        ))
    } else {
        let length = title.as_deref().map_or(0, |title| title.chars().count());
        (length > MAX_TITLE).then(|| format!("title has {length} characters, more than {MAX_TITLE}"))
    }
}

/// Whether this is a full commit SHA.
pub(super) fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit of a SHA or a branch name.
fn resolve<'a>(repository: &'a Repository, reference: &'a str) -> Option<&'a str> {
    if is_sha(reference) {
        return Some(reference);
    }
    let branch = reference.strip_prefix("heads/").unwrap_or(reference);
    repository.branches.get(branch).map(String::as_str)
}
