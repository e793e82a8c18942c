//! For tests: how GitHub reads a Markdown text, with a real GFM parser, and hostile texts to test with.
#![allow(clippy::expect_used)]

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};
use proptest::prelude::*;

/// The contents of a parsed document.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Raw HTML, inline and block, in order.
    pub html: Vec<String>,
    /// Targets of links and images.
    pub links: Vec<String>,
    /// Number of columns of each table's rows.
    pub tables: Vec<Vec<usize>>,
    /// Text outside code.
    pub text: Vec<String>,
    /// Literals of code spans and code blocks.
    pub code: Vec<String>,
    /// Names of all other nodes that format text, such as emphasis.
    pub others: Vec<&'static str>,
}

/// GFM with every extension that GitHub has.
pub(crate) fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    options.extension.wikilinks_title_after_pipe = true;
    options.render.r#unsafe = true;
    options.render.hardbreaks = true;
    options
}

/// Parses a text as GitHub does.
pub(crate) fn parse(markdown: &str) -> Found {
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options());
    let mut found = Found::default();
    visit(root, &mut found);
    found
}

fn visit<'a>(node: &'a AstNode<'a>, found: &mut Found) {
    match &node.data.borrow().value {
        NodeValue::HtmlBlock(block) => found.html.push(block.literal.to_string()),
        NodeValue::HtmlInline(html) => found.html.push(html.to_string()),
        NodeValue::Link(link) | NodeValue::Image(link) => found.links.push(link.url.clone()),
        NodeValue::Text(text) => found.text.push(text.to_string()),
        NodeValue::Code(code) => found.code.push(code.literal.clone()),
        NodeValue::CodeBlock(block) => found.code.push(block.literal.clone()),
        NodeValue::Table(_) => {
            let rows = node.children().map(|row| row.children().count()).collect();
            found.tables.push(rows);
        }
        NodeValue::Document | NodeValue::Paragraph | NodeValue::TableRow(_) | NodeValue::TableCell => {}
        NodeValue::SoftBreak | NodeValue::LineBreak => {}
        other => found.others.push(other.xml_node_name()),
    }
    for child in node.children() {
        visit(child, found);
    }
}

/// All raw HTML tags of a text, in order, without the text between them.
pub(crate) fn tags(html: &[String]) -> Vec<String> {
    let mut tags = Vec::new();
    for html in html {
        let mut rest = html.as_str();
        while let Some((_, from)) = rest.split_once('<') {
            let (tag, after) = from.split_once('>').expect("a tag of ours is closed");
            tags.push(tag.to_owned());
            rest = after;
        }
    }
    tags
}

/// The first mention, reference or emoji code that GitHub's filters would find in a text outside code.
pub(crate) fn reference(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() || *c == '_');
    for (at, c) in chars.iter().enumerate() {
        let next = chars.get(at + 1);
        let around = || chars.iter().skip(at.saturating_sub(8)).take(24).collect::<String>();
        if *c == '@' && word(next) {
            return Some(around());
        }
        if *c == ':' {
            let name = chars
                .iter()
                .skip(at + 1)
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-'));
            let length = name.count();
            if length > 0 && chars.get(at + 1 + length) == Some(&':') {
                return Some(around());
            }
        }
        if *c == '#' && next.is_some_and(char::is_ascii_digit) {
            return Some(around());
        }
    }
    for token in text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-') {
        let lower = token.to_lowercase();
        if let Some((_, after)) = lower.split_once("gh-")
            && after.starts_with(|c: char| c.is_ascii_digit())
        {
            return Some(token.to_owned());
        }
        for part in lower.split('-') {
            if (7..=40).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Some(token.to_owned());
            }
        }
    }
    None
}

/// A Markdown text without the contents of `<code>`, where GitHub looks for no references.
pub(crate) fn outside_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some((before, from)) = rest.split_once("<code>") {
        out.push_str(before);
        out.push(' ');
        rest = from.split_once("</code>").map_or("", |(_, after)| after);
    }
    out + rest
}

/// Pieces that attack one format or another.
pub(crate) const ATTACKS: &[&str] = &[
    "::error::x",
    "::set-output name=verdict::passed",
    "##[error]x",
    "##vso[x]",
    "\n::add-mask::a\n",
    "\r::stop-commands::x",
    "```",
    "`",
    "````````",
    "~~~~",
    "</details>",
    "<details>",
    "</summary>",
    "<!-- qatech-run:x -->",
    "<!--",
    "-->",
    "<script>alert(1)</script>",
    "<img src=x onerror=y>",
    "<a href=x>",
    "<b",
    "&lt;",
    "&#64;",
    "&",
    "|",
    "\\|",
    "\\",
    "\\\\|",
    "||",
    "\n|---|---|\n",
    "\n:-\n",
    "@octocat",
    "@org/team",
    "user@example.com",
    "mailto:a@b.co",
    "#1",
    "GH-1",
    "gh-12",
    "owner/repo#1",
    "owner/repo@abcdef1",
    "deadbeefcafe",
    "0123456789abcdef0123456789abcdef01234567",
    "GHSA-aaaa-bbbb-cccc",
    "https://evil.example/x",
    "http://a.b",
    "www.evil.example",
    "WWW.x.yz",
    "ftp://a.b",
    "https://github.com/o/r/pull/1",
    "[x](http://a.b)",
    "![x](http://a.b)",
    "[x]: http://a.b",
    "[^1]",
    "[^1]: note",
    "[[wiki|x]]",
    "- [ ] task",
    "[x]",
    "\n# Heading\n",
    "# ",
    "\n===\n",
    "\n---\n",
    "***",
    "*a*",
    "_a_",
    "__a__",
    "~~a~~",
    "$a$",
    "$$a$$",
    "$`a`$",
    ":smile:",
    "> [!NOTE]\n> x",
    "> ",
    "1. x",
    "1) x",
    "+ x",
    "- x",
    "* x",
    "    code",
    "\t",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "\0",
    "\u{7}",
    "\u{1b}[31m",
    "\u{9b}",
    "%0A",
    "%",
    ":",
    ",",
    "=",
    "\r\n",
    "\n\n",
    "\n",
    " ",
    "EOF",
    "<<",
    "a",
    "é",
    "漢",
    "😀",
    "Login works",
];

/// Texts made of attacks, joined with and without spaces, and of random characters.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(ATTACKS).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-f0-9]{5,42}",
        1 => "`{1,12}",
    ];
    let joint = prop::sample::select(&["", " ", "", "\n"][..]);
    prop::collection::vec((piece, joint), 0..8)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, joint)| piece + joint).collect())
}
