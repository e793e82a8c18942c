//! The documents: their tables agree with the code, their links lead somewhere, and their examples are accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Anchorizer, Arena, Options, parse_document};
use qatech_run::inputs::table::{INPUTS, Input, tasks};
use qatech_run::report::{FailOn, Verdict};
use serde_json::{Map, Value};

use crate::scene::{OUTPUTS, OUTPUTS_IF_MADE};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Every page: the Markdown files of the root folder and of `docs/`.
fn pages() -> Vec<String> {
    let names = |folder: &str, prefix: &str| -> Vec<String> {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let pages = names.filter(|name| name.ends_with(".md"));
        pages.map(|name| format!("{prefix}{name}")).collect()
    };
    [names(".", ""), names("docs", "docs/")].concat()
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options
}

// --- Tables

/// The rows of a table between the comments `<!-- name: …` and `<!-- /name -->`.
fn marked_rows(page: &str, name: &str) -> Vec<String> {
    let text = read(page);
    let (_, rest) = text.split_once(&format!("<!-- {name}: ")).expect(name);
    let (table, _) = rest.split_once(&format!("<!-- /{name} -->")).expect(name);
    body_rows(table)
}

/// The rows of a table below its head.
fn body_rows(table: &str) -> Vec<String> {
    let rows = table.lines().filter(|line| line.starts_with('|'));
    rows.skip(2).map(str::to_owned).collect()
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// What is written as code in a text.
fn in_code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn anchor(heading: &str) -> String {
    Anchorizer::new().anchorize(heading)
}

#[test]
fn the_readme_names_every_input_under_its_task() {
    let named = |input: &Input| match input.default {
        "" => format!("`{}`", input.name),
        default => format!("`{}` (`{default}`)", input.name),
    };
    let expected: Vec<String> = tasks()
        .map(|(task, inputs)| {
            let inputs: Vec<_> = inputs.iter().map(named).collect();
            format!("| [{task}](docs/inputs.md#{}) | {} |", anchor(task), inputs.join(", "))
        })
        .collect();
    assert_eq!(marked_rows("README.md", "inputs"), expected);
}

#[test]
fn the_page_on_inputs_explains_every_input_with_an_example_for_each_task() {
    let text = read("docs/inputs.md");
    let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
    let documented: Vec<_> = sections
        .iter()
        .map(|section| {
            assert!(section.contains("```yaml\n"), "no example in {section}");
            (section.lines().next().unwrap(), body_rows(section))
        })
        .collect();
    let row = |input: &Input| {
        let default = match input.default {
            "" => "\u{2013}".to_owned(),
            default => format!("`{default}`"),
        };
        format!("| `{}` | {default} | {} |", input.name, input.help)
    };
    let expected: Vec<_> = tasks()
        .map(|(task, inputs)| (task, inputs.iter().map(row).collect::<Vec<_>>()))
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn action_yml_groups_inputs_by_task() {
    let text = read("action.yml");
    for (before, after) in [("\ninputs:\n", "\noutputs:\n"), ("      env:\n", "      run: ")] {
        let (_, rest) = text.split_once(before).unwrap();
        let (section, _) = rest.split_once(after).unwrap();
        for (task, inputs) in tasks() {
            let (_, rest) = section.split_once(&format!("  # {task}\n")).expect(task);
            let first = inputs[0];
            let line = rest.lines().next().unwrap().trim_start();
            assert!(
                line.starts_with(&format!("{}:", first.name)) || line.starts_with(&format!("{}:", first.variable())),
                "{task}: {line}"
            );
        }
    }
}

#[test]
fn the_readme_lists_verdicts_from_best_to_worst_with_their_exit_codes() {
    let rows = marked_rows("README.md", "verdicts");
    assert_eq!(rows.len(), Verdict::ALL.len());
    for (row, verdict) in rows.iter().zip(Verdict::ALL) {
        let cells = cells(row);
        assert_eq!(cells[0], format!("`{verdict}`"));
        let code = FailOn::new(vec![verdict]).exit_code([verdict]);
        let expected = match verdict {
            Verdict::Passed => "0".to_owned(),
            Verdict::Interrupted => format!("{code} after SIGINT, 143 after SIGTERM or SIGHUP"),
            tolerated if !FailOn::default().fails(tolerated) => format!("0, or {code} if `fail_on` names it"),
            _ => code.to_string(),
        };
        assert_eq!(cells[2], expected, "{verdict}");
    }
}

#[test]
fn the_readme_lists_every_output() {
    let rows = marked_rows("README.md", "outputs");
    let names: Vec<&str> = rows.iter().flat_map(|row| in_code(cells(row)[0])).collect();
    assert_eq!(names, [&OUTPUTS[..], &OUTPUTS_IF_MADE].concat());
}

/// The paths of all values, as `docs/reports.md` writes them: `runs[].attempts[].short_id`.
fn paths_of(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                paths_of(value, &path, paths);
                paths.insert(path);
            }
        }
        Value::Array(list) => list
            .iter()
            .for_each(|value| paths_of(value, &format!("{path}[]"), paths)),
        _ => {}
    }
}

/// The fields that the page documents: those with a row, and for objects without rows of their own the names in the meaning.
fn documented_fields() -> BTreeMap<String, Vec<String>> {
    let text = read("docs/reports.md");
    let (_, table) = text.split_once("| Field | Type | Meaning |\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let (mut fields, mut parent) = (BTreeMap::new(), String::new());
    for row in table.lines().skip(1) {
        let cells = cells(row);
        let names = in_code(cells[0]);
        let full = match names[0].strip_prefix("\u{2026}.") {
            Some(rest) => format!("{parent}.{rest}"),
            None => {
                parent = names[0].rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
                names[0].to_owned()
            }
        };
        let inner: Vec<String> = in_code(cells[2]).into_iter().map(str::to_owned).collect();
        let siblings = full
            .rsplit_once('.')
            .map_or(String::new(), |(parent, _)| format!("{parent}."));
        for name in &names[1..] {
            let name = name.strip_prefix("\u{2026}.").unwrap_or(name);
            let name = if name.contains('.') {
                name.to_owned()
            } else {
                format!("{siblings}{name}")
            };
            fields.insert(name, inner.clone());
        }
        fields.insert(full, inner);
    }
    fields
}

#[test]
fn the_page_on_reports_documents_every_field_of_the_json_report() {
    let mut written = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/golden")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".json") && !name.ends_with(".ctrf.json") {
            let report = serde_json::from_str(&read(&format!("tests/golden/{name}"))).unwrap();
            paths_of(&report, "", &mut written);
        }
    }
    let documented = documented_fields();
    let is_documented = |path: &String| {
        let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
        // An object whose fields have rows of their own, or whose fields are named in the meaning of one that holds it.
        let has_rows = documented.keys().any(|known| known.starts_with(&format!("{path}.")));
        let ends = parents.match_indices(['.', '[']).map(|(at, _)| at);
        let mut holders = ends.chain([parents.len()]).map(|end| &parents[..end]);
        let is_named = |holder: &str| {
            documented
                .get(holder)
                .is_some_and(|names| names.iter().any(|known| known == name))
        };
        // Counts are the same everywhere.
        let counts = parents.ends_with("counts") && is_named("counts");
        documented.contains_key(path) || has_rows || counts || holders.any(is_named)
    };
    let missing: Vec<_> = written.iter().filter(|path| !is_documented(path)).collect();
    assert!(missing.is_empty(), "not documented: {missing:#?}");
    let unknown: Vec<_> = documented.keys().filter(|path| !written.contains(*path)).collect();
    assert!(unknown.is_empty(), "documented, but in no golden file: {unknown:#?}");
}

// --- Links

/// The links of a page, and the anchors of its headings.
fn links_and_anchors(page: &str) -> (Vec<String>, BTreeSet<String>) {
    let text = read(page);
    let arena = Arena::new();
    let document = parse_document(&arena, &text, &options());
    let (mut links, mut anchors, mut anchorizer) = (Vec::new(), BTreeSet::new(), Anchorizer::new());
    for node in document.descendants() {
        match &node.data.borrow().value {
            NodeValue::Link(link) | NodeValue::Image(link) => links.push(link.url.clone()),
            NodeValue::Heading(_) => {
                anchors.insert(anchorizer.anchorize(&text_of(node)));
            }
            _ => {}
        }
    }
    (links, anchors)
}

fn text_of<'a>(node: &'a AstNode<'a>) -> String {
    let texts = node.descendants().map(|node| match &node.data.borrow().value {
        NodeValue::Text(text) => text.to_string(),
        NodeValue::Code(code) => code.literal.clone(),
        _ => String::new(),
    });
    texts.collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let pages = pages();
    let parsed: BTreeMap<_, _> = pages
        .iter()
        .map(|page| (page.clone(), links_and_anchors(page)))
        .collect();
    let (mut wrong, mut linked) = (Vec::new(), BTreeSet::new());
    for (page, (links, _)) in &parsed {
        for link in links.iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => resolve(page, path),
            };
            let has_anchor = || parsed.get(&target).is_some_and(|(_, anchors)| anchors.contains(anchor));
            if !root().join(&target).exists() || !(anchor.is_empty() || has_anchor()) {
                wrong.push(format!("{page}: {link}"));
            }
            if page == "README.md" {
                linked.insert(target);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for page in pages.iter().filter(|page| page.starts_with("docs/")) {
        assert!(linked.contains(page), "the README does not link to {page}");
    }
}

/// Messages refer to sections as `"Heading" in docs/page.md`.
#[test]
fn every_section_that_a_message_refers_to_exists() {
    let mut folders = vec![root().join("src")];
    let mut references = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for (at, found) in text.match_indices("\\\" in docs/") {
                let heading = text[..at].rsplit("\\\"").next().unwrap();
                let page = text[at + found.len()..].split(".md").next().unwrap();
                let (_, anchors) = links_and_anchors(&format!("docs/{page}.md"));
                assert!(anchors.contains(&anchor(heading)), "{}: {heading}", path.display());
                references += 1;
            }
        }
    }
    assert!(references > 0);
}

/// A path of a link, relative to the root folder.
fn resolve(page: &str, path: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => {
                parts.pop().expect("a link within the repository");
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

// --- Examples

/// The code blocks of a page: language and text.
fn code_blocks(page: &str) -> Vec<(String, String)> {
    let text = read(page);
    let arena = Arena::new();
    let document = parse_document(&arena, &text, &options());
    let blocks = document
        .descendants()
        .filter_map(|node| match &node.data.borrow().value {
            NodeValue::CodeBlock(block) => Some((block.info.clone(), block.literal.clone())),
            _ => None,
        });
    blocks.collect()
}

/// Replaces GitHub's expressions by values of the kind that their names promise.
fn evaluated(text: &str) -> String {
    let mut parts = text.split("${{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").expect("an end of the expression");
        let expression = expression.trim().to_ascii_lowercase();
        out.push_str(if expression.ends_with("url") {
            "https://preview.example"
        } else if expression.ends_with("number") || expression.ends_with("pull_request") {
            "7"
        } else if expression.ends_with("project_short_id") {
            "proj_shop"
        } else {
            "value-0123456789"
        });
        out.push_str(rest);
    }
    out
}

/// The inputs of every use of the action in a YAML tree: `with:` of its steps, and `INPUT_…` variables.
fn uses(value: &Value, found: &mut Vec<Map<String, Value>>) {
    match value {
        Value::Object(map) => {
            let action = map.get("uses").and_then(Value::as_str);
            if action.is_some_and(|action| action.starts_with("qatech-run/qatech-run@")) {
                found.extend(map.get("with").and_then(Value::as_object).cloned());
            }
            let variables: Map<_, _> = map
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix("INPUT_")?.to_lowercase(), value.clone())))
                .collect();
            if !variables.is_empty() {
                found.push(variables);
            }
            map.values().for_each(|value| uses(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| uses(value, found)),
        _ => {}
    }
}

/// The examples of a page, each as the inputs that it sets.
fn examples(page: &str) -> Vec<Map<String, Value>> {
    let mut found = Vec::new();
    for (language, text) in code_blocks(page) {
        let text = match language.as_str() {
            "yaml" => text,
            // What the change leads to.
            "diff" => text
                .lines()
                .filter_map(|line| Some(format!("{}\n", line.strip_prefix(['+', ' '])?)))
                .collect(),
            _ => continue,
        };
        let yaml: Value =
            serde_norway::from_str(&evaluated(&text)).unwrap_or_else(|error| panic!("{page}: {error}\n{text}"));
        let before = found.len();
        uses(&yaml, &mut found);
        if let (Value::Object(map), true) = (yaml, found.len() == before) {
            // Lines to put below `with:`.
            if map.keys().any(|name| INPUTS.iter().any(|input| input.name == name)) {
                found.push(map);
            }
        }
    }
    found
}

#[test]
fn every_example_sets_inputs_that_exist_to_values_that_are_allowed() {
    let mut pages_with_examples = BTreeSet::new();
    for page in pages() {
        for example in examples(&page) {
            let mut variables: Vec<(OsString, OsString)> = vec![("QATECH_API_TOKEN".into(), "value-0123456789".into())];
            for (name, value) in &example {
                let input = INPUTS.iter().find(|input| input.name == name);
                let input = input.unwrap_or_else(|| panic!("{page}: no input {name}"));
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                variables.push((input.variable().into(), value.into()));
            }
            if let Err(rejected) = qatech_run::inputs::parse(variables) {
                panic!("{page}: {:?} in {example:#?}", rejected.problems);
            }
            pages_with_examples.insert(page.clone());
        }
    }
    let expected = [
        "README.md",
        "docs/how-it-works.md",
        "docs/inputs.md",
        "docs/migrating.md",
        "docs/other-ci.md",
        "docs/previews.md",
        "docs/pull-requests.md",
        "docs/reports.md",
    ];
    assert_eq!(pages_with_examples, expected.map(str::to_owned).into());
}

#[test]
fn variables_and_outputs_in_examples_exist() {
    let names_after = |text: &str, prefix: &str| -> Vec<String> {
        let parts = text.split(prefix).skip(1);
        let name = |part: &str| {
            part.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        };
        parts.map(name).collect()
    };
    let (mut variables, mut outputs) = (0, 0);
    for page in pages() {
        for (_, text) in code_blocks(&page) {
            for name in names_after(&text, "INPUT_") {
                let exists = INPUTS.iter().any(|input| input.name == name.to_lowercase());
                assert!(exists, "{page}: INPUT_{name}");
                variables += 1;
            }
            for name in names_after(&text, "steps.qa.outputs.") {
                let name = name.as_str();
                assert!(
                    OUTPUTS.contains(&name) || OUTPUTS_IF_MADE.contains(&name),
                    "{page}: {name}"
                );
                outputs += 1;
            }
        }
    }
    assert!(variables > 0 && outputs > 0);
}
