//! GitHub's pages: <https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api>.

use std::ops::Range;

use serde_json::Value;

use super::world::{Context, World};
use crate::http::Reply;

/// The page of a list that a call returns.
pub(super) struct Page {
    number: usize,
    size: usize,
    total: usize,
}

impl Page {
    /// The page that the query selects: 30 entries by default, at most 100.
    pub fn of(context: &Context, total: usize) -> Self {
        let number = |name: &str| {
            context
                .query(name)
                .and_then(|value| value.parse::<usize>().ok())
                .filter(|n| *n > 0)
        };
        Self {
            number: number("page").unwrap_or(1),
            size: number("per_page").unwrap_or(30).min(100),
            total,
        }
    }

    /// The entries on the page.
    pub fn range(&self) -> Range<usize> {
        let start = (self.number - 1).saturating_mul(self.size).min(self.total);
        start..(start + self.size).min(self.total)
    }

    /// The answer, with a `Link` header if there is more than one page.
    pub fn reply(&self, world: &World, context: &Context, body: &Value) -> Reply {
        let reply = Reply::json(200, body);
        let last = self.total.div_ceil(self.size).max(1);
        // As on GitHub, the URLs identify the repository by its id.
        let address = format!(
            "{}/repositories/{}/{}",
            world.root, world.repositories[context.at].id, context.tail
        );
        let kept: Vec<String> = (context.query.iter())
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| format!("{}={}&", encode(name), encode(value)))
            .collect();
        let link = |page: usize, rel: &str| format!("<{address}?{}page={page}>; rel=\"{rel}\"", kept.concat());
        let mut links = Vec::new();
        if self.number > 1 {
            links.push(link((self.number - 1).min(last), "prev"));
        }
        if self.number < last {
            links.push(link(self.number + 1, "next"));
            links.push(link(last, "last"));
        }
        if self.number > 1 {
            links.push(link(1, "first"));
        }
        if links.is_empty() {
            reply
        } else {
            reply.header("Link", links.join(", "))
        }
    }
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
