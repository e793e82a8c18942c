//! Issues and their comments: <https://docs.github.com/rest/issues>.

use serde_json::Value;

use super::model::{Comment, Issue};
use super::page::Page;
use super::wire;
use super::world::{Context, World};
use crate::http::Reply;

/// Limit of a comment or an issue's body, in characters.
const MAX_BODY: usize = 65_536;
/// Limit of an issue's title, in characters.
const MAX_TITLE: usize = 256;

impl World {
    pub(super) fn list_comments(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        if repository.issue(context.number()).is_none() {
            return wire::error(404, "Not Found");
        }
        let found: Vec<&Comment> = (repository.comments.iter())
            .filter(|comment| comment.number == context.number())
            .filter(|comment| {
                context
                    .query("since")
                    .is_none_or(|since| comment.updated_at.as_str() >= since)
            })
            .collect();
        let page = Page::of(context, found.len());
        let shown = found[page.range()]
            .iter()
            .map(|comment| self.comment(repository, comment))
            .collect();
        page.reply(self, context, &Value::Array(shown))
    }

    pub(super) fn create_comment(&mut self, context: &Context) -> Reply {
        let number = context.number();
        if self.repositories[context.at].issue(number).is_none() {
            return wire::error(404, "Not Found");
        }
        let body = match self.comment_body(context) {
            Ok(body) => body,
            Err(reply) => return *reply,
        };
        let (id, now, author) = (self.next_id(), self.now(), self.token.author());
        let comment = Comment::new(id, number, &author, &body, now);
        self.repositories[context.at].comments.push(comment.clone());
        Reply::json(201, &self.comment(&self.repositories[context.at], &comment))
    }

    pub(super) fn get_comment(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        match repository
            .comments
            .iter()
            .find(|comment| comment.id == context.number())
        {
            Some(comment) => Reply::json(200, &self.comment(repository, comment)),
            None => wire::error(404, "Not Found"),
        }
    }

    pub(super) fn update_comment(&mut self, context: &Context) -> Reply {
        let comments = &self.repositories[context.at].comments;
        let Some(index) = comments.iter().position(|comment| comment.id == context.number()) else {
            return wire::error(404, "Not Found");
        };
        let body = match self.comment_body(context) {
            Ok(body) => body,
            Err(reply) => return *reply,
        };
        let now = self.now();
        let comment = &mut self.repositories[context.at].comments[index];
        (comment.body, comment.updated_at) = (body, now);
        comment.updates += 1;
        let repository = &self.repositories[context.at];
        Reply::json(200, &self.comment(repository, &repository.comments[index]))
    }

    fn comment_body(&mut self, context: &Context) -> Result<String, Box<Reply>> {
        let body = context.text("body").unwrap_or_default();
        let length = body.chars().count();
        if body.trim().is_empty() {
            return Err(Box::new(self.reject(context, "the comment is blank")));
        }
        if length > MAX_BODY {
            self.reject(
                context,
                &format!("the comment has {length} characters, more than {MAX_BODY}"),
            );
            return Err(Box::new(wire::comment_too_long(MAX_BODY)));
        }
        if length > self.comment_limit {
            return Err(Box::new(wire::comment_too_long(self.comment_limit)));
        }
        Ok(body)
    }

    pub(super) fn list_issues(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        let labels: Vec<&str> = context
            .query("labels")
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        let state = context.query("state").unwrap_or("open");
        let mut found: Vec<&Issue> = (repository.issues.iter())
            .filter(|issue| state == "all" || issue.state == state)
            .filter(|issue| {
                labels
                    .iter()
                    .all(|label| issue.labels.iter().any(|own| own.eq_ignore_ascii_case(label)))
            })
            .filter(|issue| {
                context
                    .query("creator")
                    .is_none_or(|login| login.eq_ignore_ascii_case(&issue.author))
            })
            .filter(|issue| {
                context
                    .query("since")
                    .is_none_or(|since| issue.updated_at.as_str() >= since)
            })
            .collect();
        match context.query("sort") {
            Some("updated") => found.sort_by_key(|issue| (issue.updated_at.clone(), issue.number)),
            Some("comments") => {
                let comments = |issue: &Issue| repository.comments.iter().filter(|c| c.number == issue.number).count();
                found.sort_by_key(|issue| (comments(issue), issue.number));
            }
            _ => found.sort_by_key(|issue| (issue.created_at.clone(), issue.number)),
        }
        if context.query("direction") != Some("asc") {
            found.reverse();
        }
        let page = Page::of(context, found.len());
        let shown = found[page.range()]
            .iter()
            .map(|issue| self.issue(repository, issue))
            .collect();
        page.reply(self, context, &Value::Array(shown))
    }

    pub(super) fn create_issue(&mut self, context: &Context) -> Reply {
        if let Some(reply) = self.issue_problem(context) {
            return reply;
        }
        let now = self.now();
        let issue = Issue {
            number: self.repositories[context.at].next_number(),
            title: title(&context.body).unwrap_or_default(),
            body: context.text("body"),
            author: self.token.author(),
            labels: labels(&context.body).unwrap_or_default(),
            created_at: now.clone(),
            updated_at: now,
            ..Issue::new("", "")
        };
        self.repositories[context.at].issues.push(issue.clone());
        let object = self.issue(&self.repositories[context.at], &issue);
        let location = object["url"].as_str().unwrap_or_default().to_owned();
        Reply::json(201, &object).header("Location", location)
    }

    pub(super) fn get_issue(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        match repository.issue(context.number()) {
            Some(issue) => Reply::json(200, &self.issue(repository, issue)),
            None => wire::error(404, "Not Found"),
        }
    }

    pub(super) fn update_issue(&mut self, context: &Context) -> Reply {
        let issues = &self.repositories[context.at].issues;
        let Some(index) = issues.iter().position(|issue| issue.number == context.number()) else {
            return wire::error(404, "Not Found");
        };
        if let Some(reply) = self.issue_problem(context) {
            return reply;
        }
        let now = self.now();
        let issue = &mut self.repositories[context.at].issues[index];
        if let Some(title) = title(&context.body) {
            issue.title = title;
        }
        if let Some(body) = context.body.get("body") {
            issue.body = body.as_str().map(str::to_owned);
        }
        if let Some(labels) = labels(&context.body) {
            issue.labels = labels;
        }
        // A reason without a change of state is ignored.
        if let Some(state) = context.text("state").filter(|state| *state != issue.state) {
            let usual = if state == "open" { "reopened" } else { "completed" };
            issue.state_reason = Some(context.text("state_reason").unwrap_or_else(|| usual.to_owned()));
            issue.closed_at = (state == "closed").then(|| now.clone());
            issue.state = state;
        }
        issue.updated_at = now;
        let repository = &self.repositories[context.at];
        Reply::json(200, &self.issue(repository, &repository.issues[index]))
    }

    fn issue_problem(&mut self, context: &Context) -> Option<Reply> {
        let title = title(&context.body);
        let length = title.as_deref().map_or(0, |title| title.chars().count());
        if title.is_some_and(|title| title.trim().is_empty()) {
            return Some(self.reject(context, "the issue's title is blank"));
        }
        if length > MAX_TITLE {
            self.reject(
                context,
                &format!("the issue's title has {length} characters, more than {MAX_TITLE}"),
            );
            let message = format!("title is too long (maximum is {MAX_TITLE} characters)");
            return Some(wire::invalid_field("Issue", "title", &message));
        }
        let length = context.body["body"].as_str().map_or(0, |body| body.chars().count());
        if length > MAX_BODY {
            self.reject(
                context,
                &format!("the issue's body has {length} characters, more than {MAX_BODY}"),
            );
            let message = format!("body is too long (maximum is {MAX_BODY} characters)");
            return Some(wire::invalid_field("Issue", "body", &message));
        }
        None
    }
}

/// The title, which may be sent as a JSON number.
fn title(body: &Value) -> Option<String> {
    match &body["title"] {
        Value::String(title) => Some(title.clone()),
        Value::Number(title) => Some(title.to_string()),
        _ => None,
    }
}

/// The labels' names; `None` if none are sent.
fn labels(body: &Value) -> Option<Vec<String>> {
    let name = |label: &Value| label.as_str().or(label["name"].as_str()).map(str::to_owned);
    body["labels"]
        .as_array()
        .map(|labels| labels.iter().filter_map(name).collect())
}
