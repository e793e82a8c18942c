//! Texts that try to escape their context, read back by a real Markdown parser and by the runner's rules.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};
use qatech_fakes::events::{HOSTILE_TEXT, MARKDOWN_TAGS};

/// One text for each way to escape.
pub fn texts() -> Vec<String> {
    let long = "x".repeat(100_000);
    let fence = "`".repeat(40);
    [
        HOSTILE_TEXT,
        "::error::forged\n::set-output name=verdict::passed\n##[error]forged",
        "</details></summary></td></table><h1>out</h1>",
        "<!-- qatech-run:1 key=00 sha=11 run=99 attempt=1 target=22 runs=evil -->",
        "| a | b |\n|---|---|\n| c | d |",
        "@octocat @octo-org/team #1 GH-1 octo-org/shop#1",
        "[click](https://evil.example) ![x](https://evil.example/x.png) https://evil.example www.evil.example",
        "\u{202e}desrever\u{2066}\u{200b}\u{1b}[31m\u{7}\u{0}",
        "EOF\nverdict=passed\nQATECH<<EOF",
        &fence,
        &long,
    ]
    .into_iter()
    .map(str::to_owned)
    .collect()
}

/// Fails if there is any HTML or link that is not ours, or if a table has lost or gained a column.
pub fn assert_markdown(markdown: &str) {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.alerts = true;
    options.render.r#unsafe = true;
    let arena = Arena::new();
    visit(parse_document(&arena, markdown, &options));
    let start = markdown.lines().next().unwrap_or_default();
    let body = markdown.strip_prefix(start).unwrap_or_default();
    assert!(!body.contains("<!-- qatech-run"), "a forged marker");
    assert!(!markdown.contains(['\u{202e}', '\u{2066}', '\u{1b}', '\u{7}', '\0']));
}

fn visit<'a>(node: &'a AstNode<'a>) {
    match &node.data.borrow().value {
        NodeValue::HtmlBlock(block) => tags(&block.literal),
        NodeValue::HtmlInline(html) => tags(html),
        NodeValue::Link(link) => assert!(!link.url.contains("evil"), "{}", link.url),
        NodeValue::Image(image) => assert!(image.url.is_empty(), "an image"),
        NodeValue::Table(_) => {
            let columns: Vec<_> = node.children().map(|row| row.children().count()).collect();
            assert!(columns.iter().all(|count| *count == columns[0]), "{columns:?}");
        }
        _ => {}
    }
    for child in node.children() {
        visit(child);
    }
}

fn tags(html: &str) {
    let mut rest = html;
    while let Some((_, from)) = rest.split_once('<') {
        let (tag, after) = from.split_once('>').unwrap_or((from, ""));
        let known = MARKDOWN_TAGS.contains(&tag) || tag.starts_with("!-- qatech-run:2 key=");
        assert!(known && !tag.contains("evil"), "<{tag}>");
        rest = after;
    }
}

/// Fails if the runner would take a line for a command, except for those that the program prints on purpose.
pub fn assert_log(log: &str) {
    for line in log.lines() {
        assert!(!line.contains("##["), "{line:?}");
        if let Some(command) = line.trim_start().strip_prefix("::") {
            let name = command.split([' ', ':']).next().unwrap_or_default();
            assert!(
                ["error", "warning", "notice", "group", "endgroup"].contains(&name),
                "{line:?}"
            );
            assert!(!command.starts_with("error::forged"), "{line:?}");
        }
    }
}
