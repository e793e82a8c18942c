//! Pull requests: <https://docs.github.com/rest/pulls/pulls>.

use std::cmp::Reverse;

use serde_json::Value;

use super::model::Issue;
use super::page::Page;
use super::wire;
use super::world::{Context, World};
use crate::http::Reply;

impl World {
    pub(super) fn get_pull(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        let found = repository
            .issue(context.number())
            .and_then(|issue| Some((issue, issue.pull.as_ref()?)));
        match found {
            Some((issue, pull)) => Reply::json(200, &self.pull(repository, issue, pull, true)),
            None => wire::error(404, "Not Found"),
        }
    }

    pub(super) fn list_pulls(&mut self, context: &Context) -> Reply {
        let state = context.query("state").unwrap_or("open");
        // GitHub ignores a head without an owner.
        let head = context.query("head").and_then(|head| head.split_once(':'));
        let sort_updated = context.query("sort") == Some("updated");
        let mut found: Vec<&Issue> = (self.repositories[context.at].pulls())
            .filter(|issue| state == "all" || issue.state == state)
            .filter(|issue| {
                let Some(pull) = &issue.pull else { return false };
                let base = context.query("base").is_none_or(|base| base == pull.base_ref);
                let wanted = |(owner, branch): (&str, &str)| {
                    owner.eq_ignore_ascii_case(&pull.head_owner) && branch == pull.head_ref
                };
                base && head.is_none_or(wanted)
            })
            .collect();
        found.sort_by_key(|issue| {
            (
                if sort_updated {
                    issue.updated_at.clone()
                } else {
                    issue.created_at.clone()
                },
                issue.number,
            )
        });
        // Newest first by creation, the default order.
        let ascending = context
            .query("direction")
            .map_or(context.query("sort").is_some_and(|s| s != "created"), |d| d == "asc");
        if !ascending {
            found.reverse();
        }
        self.pulls_page(context, &found)
    }

    pub(super) fn list_pulls_of_commit(&mut self, context: &Context) -> Reply {
        let repository = &self.repositories[context.at];
        let sha = context.parameter();
        let mut found: Vec<&Issue> = (repository.pulls())
            .filter(|issue| {
                let head = issue.pull.as_ref().is_some_and(|pull| pull.head_sha == sha);
                head || repository
                    .commit_pulls
                    .iter()
                    .any(|(commit, number)| commit == sha && *number == issue.number)
            })
            .collect();
        found.sort_by_key(|issue| Reverse(issue.number));
        self.pulls_page(context, &found)
    }

    fn pulls_page(&self, context: &Context, found: &[&Issue]) -> Reply {
        let repository = &self.repositories[context.at];
        let page = Page::of(context, found.len());
        let shown = found[page.range()].iter().filter_map(|issue| {
            issue
                .pull
                .as_ref()
                .map(|pull| self.pull(repository, issue, pull, false))
        });
        page.reply(self, context, &Value::Array(shown.collect()))
    }
}
