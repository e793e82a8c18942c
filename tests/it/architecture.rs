//! The dependency rule: a module of `src/` depends only on its own row of the table in CONTRIBUTING.md and on rows below it, and no two
//! files depend on each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every source file below `src/`, as `folder/file.rs`, without tests that have a file of their own.
fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .filter(|(name, _)| !name.ends_with("tests.rs") && !name.ends_with("gfm_check.rs"))
        .collect()
}

/// The code of a file without its inline tests and comments.
fn code(text: &str) -> String {
    let end = text
        .find("#[cfg(test)]\n")
        .filter(|at| text[*at..].contains("mod tests {"));
    let text = end.map_or(text, |end| &text[..end]);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Flattens a use tree such as `a::{b, c::{self, d}}` into paths.
fn flatten(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        let names = path.split("::").map(|name| name.trim().to_owned());
        return vec![names.filter(|name| !name.is_empty() && name != "self").collect()];
    };
    let prefix = flatten(&tree[..open]).remove(0);
    let (mut depth, mut start, mut paths) = (0, open + 1, Vec::new());
    for (at, c) in tree.char_indices().skip(open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || (c == '}' && depth == 0) {
            let item = &tree[start..at];
            if !item.trim().is_empty() {
                paths.extend(flatten(item).into_iter().map(|path| [prefix.clone(), path].concat()));
            }
            start = at + 1;
        }
    }
    paths
}

/// Every path that begins with `crate::` in the code, in `use` and elsewhere.
fn crate_paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // `pub(in crate::module)` gives access, and needs nothing.
        if code[..at].ends_with("(in ") {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let line_start = code[..at].rfind('\n').map_or(0, |at| at + 1);
        let is_use = code[line_start..at].contains("use ");
        let end = if is_use {
            rest.find(';').unwrap_or(rest.len())
        } else {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
                .unwrap_or(rest.len())
        };
        paths.extend(flatten(rest[..end].trim_end_matches(':')));
    }
    paths
}

/// The module that a file is, as the names of its path: `a::b` for `a/b.rs` and `a/b/mod.rs`.
fn module_of(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs").trim_end_matches("/mod");
    stem.split('/')
        .filter(|name| *name != "lib")
        .map(str::to_owned)
        .collect()
}

/// Every path of a private `use` that begins with a module below the file's own: `use child::Name;`. What is re-exported is
/// the child's, and does not make the file depend on it.
fn child_paths(file: &str, code: &str, sources: &BTreeMap<String, String>) -> Vec<Vec<String>> {
    let statements = code.split(';').filter_map(|part| {
        let at = part.rfind('\n').map_or(0, |at| at + 1);
        let tree = part
            .trim_start()
            .strip_prefix("use ")
            .or_else(|| part[at..].strip_prefix("use "))?;
        Some(flatten(tree)).filter(|_| !tree.starts_with("crate::"))
    });
    let module = module_of(file);
    let below = |path: &Vec<String>| {
        let child = [module.clone(), path[..1].to_vec()].concat().join("/");
        sources.contains_key(&format!("{child}.rs")) || sources.contains_key(&format!("{child}/mod.rs"))
    };
    let paths = statements.flatten().filter(|path| !path.is_empty() && below(path));
    paths.map(|path| [module.clone(), path].concat()).collect()
}

/// The file that defines a path: the deepest module on it, or what that module re-exports the next name from.
fn file_of(path: &[String], sources: &BTreeMap<String, String>) -> Option<String> {
    let mut found = None;
    for length in (1..=path.len()).rev() {
        let module = path[..length].join("/");
        let file = [format!("{module}.rs"), format!("{module}/mod.rs")]
            .into_iter()
            .find(|file| sources.contains_key(file));
        if let Some(file) = file {
            found = Some((file, length));
            break;
        }
    }
    let (file, length) = found?;
    let Some(name) = path.get(length) else {
        return Some(file);
    };
    // `pub use child::Name` in a `mod.rs`.
    for line in code(&sources[&file]).split(';') {
        let Some((_, tree)) = line.split_once("use ") else {
            continue;
        };
        if !line.contains("pub") {
            continue;
        }
        for reexported in flatten(tree) {
            if reexported.last() == Some(name) && reexported.len() > 1 && reexported[0] != "crate" {
                let child: Vec<_> = path[..length].iter().cloned().chain(reexported).collect();
                return file_of(&child, sources).or(Some(file));
            }
        }
    }
    Some(file)
}

/// File → files that it depends on.
fn dependencies(sources: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let graph = sources.iter().map(|(name, text)| {
        let code = code(text);
        let paths = [crate_paths(&code), child_paths(name, &code, sources)].concat();
        let mut files: BTreeSet<_> = paths.iter().filter_map(|path| file_of(path, sources)).collect();
        files.remove(name);
        (name.clone(), files)
    });
    graph.collect()
}

/// The row of the table that a file belongs to, counted from the top.
fn row_of(file: &str, rows: &[Vec<String>]) -> Option<usize> {
    rows.iter().position(|row| {
        row.iter()
            .any(|place| file == place || (place.ends_with('/') && file.starts_with(place)))
    })
}

/// The rows of CONTRIBUTING.md's table: the places of each, relative to `src/`.
fn rows() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `src/")).map(|line| {
        let cell = line.trim_start_matches('|').split('|').next().unwrap_or_default();
        let places = cell.split('`').filter_map(|part| part.strip_prefix("src/"));
        places.map(str::to_owned).collect()
    });
    rows.collect()
}

#[test]
fn a_module_depends_only_on_its_own_row_and_on_rows_below_it() {
    let (sources, rows) = (sources(), rows());
    let mut wrong = Vec::new();
    for (file, dependencies) in dependencies(&sources) {
        let Some(row) = row_of(&file, &rows) else {
            wrong.push(format!("src/{file} is in no row of the table in CONTRIBUTING.md"));
            continue;
        };
        for dependency in dependencies {
            // What is above is in the table: else it was reported for itself.
            if row_of(&dependency, &rows).is_some_and(|other| other < row) {
                wrong.push(format!(
                    "src/{file} depends on src/{dependency}, which is in a row above"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_place_of_the_table_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for place in rows().concat() {
        assert!(root.join(&place).exists(), "src/{place}");
    }
}

#[test]
fn no_files_depend_on_each_other() {
    let graph = dependencies(&sources());
    // Takes away, again and again, the files that depend on nothing that is left, and those that nothing left depends on.
    let mut left: BTreeSet<&String> = graph.keys().collect();
    loop {
        let free: Vec<_> = left
            .iter()
            .filter(|file| {
                let depends = graph[**file].iter().any(|dependency| left.contains(dependency));
                let is_depended_on = left.iter().any(|other| graph[*other].contains(**file));
                !depends || !is_depended_on
            })
            .copied()
            .collect();
        if free.is_empty() {
            break;
        }
        for file in free {
            left.remove(file);
        }
    }
    let edges: Vec<_> = left
        .iter()
        .flat_map(|file| {
            let to = graph[*file].iter().filter(|dependency| left.contains(dependency));
            to.map(move |dependency| format!("src/{file} → src/{dependency}"))
        })
        .collect();
    assert!(edges.is_empty(), "on or between cycles:\n{}", edges.join("\n"));
}

#[test]
fn use_trees_are_read_as_rust_reads_them() {
    let join = |tree: &str| flatten(tree).iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(
        join("a::{b, c::{self, d as e}, f}"),
        ["a::b", "a::c", "a::c::d", "a::f"]
    );
    assert_eq!(join("a::b"), ["a::b"]);
}
