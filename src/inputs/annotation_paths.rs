//! `annotation_paths`: the file and line at which a failed test case is annotated.

use crate::text::Glob;

/// One line of the input: a glob for the name of test cases, and the place of their annotations.
#[derive(Debug, Clone, PartialEq)]
pub struct PathRule {
    pattern: Glob,
    /// Path relative to the root of the repository.
    pub path: String,
    /// Line, counted from 1.
    pub line: u32,
}

impl PathRule {
    /// Parses lines `pattern = path[:line]`. A line is split at its last `=`, since names may contain this character and paths
    /// rarely do. Empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// A fragment that follows the input's name, for each line that does not have this form.
    pub fn parse_lines(text: &str) -> Result<Vec<Self>, Vec<String>> {
        let mut rules = Vec::new();
        let mut problems = Vec::new();
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Self::parse_line(line) {
                Some(rule) => rules.push(rule),
                None => problems.push(format!(
                    "line {} does not have the form `pattern = path` or `pattern = path:line` with a relative path",
                    index + 1
                )),
            }
        }
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    fn parse_line(line: &str) -> Option<Self> {
        let (pattern, place) = line.rsplit_once('=')?;
        let (pattern, place) = (pattern.trim(), place.trim());
        let (path, line) = match place.rsplit_once(':') {
            Some((path, number)) => (path.trim(), number.trim().parse().ok().filter(|line| *line > 0)?),
            None => (place, 1),
        };
        // GitHub accepts only slashes, and Windows users write backslashes.
        let path = path.replace('\\', "/");
        let path = path.strip_prefix("./").unwrap_or(&path);
        let relative = !path.is_empty() && !path.starts_with('/') && !path.split('/').any(|part| part == "..");
        (!pattern.is_empty() && relative && !path.contains(|c: char| c.is_control() || c == ':')).then(|| Self {
            pattern: Glob::new(pattern),
            path: path.to_owned(),
            line,
        })
    }

    /// Whether the rule applies to a test case with this name.
    pub fn matches(&self, name: &str) -> bool {
        self.pattern.matches(name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_become_rules_in_order() {
        let rules =
            PathRule::parse_lines("Login * = src/login.ts:12\n\n# all else\n* = ./docs/a b.md\n a=b = x").unwrap();
        let places: Vec<_> = rules.iter().map(|rule| (rule.path.as_str(), rule.line)).collect();
        assert_eq!(places, [("src/login.ts", 12), ("docs/a b.md", 1), ("x", 1)]);
        assert!(rules[0].matches("Login with Google") && !rules[0].matches("Logout"));
        assert!(rules[1].matches("anything / at = all"));
    }

    #[test]
    fn backslashes_become_slashes() {
        let rules = PathRule::parse_lines(r"a = .\tests\login.ts:3").unwrap();
        assert_eq!((rules[0].path.as_str(), rules[0].line), ("tests/login.ts", 3));
    }

    #[test]
    fn what_is_no_rule_is_reported_by_its_line() {
        for line in [
            "nothing",
            "a =",
            "= b",
            "a = /etc/passwd",
            "a = ../x",
            r"a = ..\x",
            r"a = x\..\..\y",
            r"a = \\server\x",
            r"a = C:\x:1",
            "a = b:0",
            "a = b:c",
        ] {
            assert_eq!(
                PathRule::parse_lines(&format!("\n{line}")).unwrap_err().len(),
                1,
                "{line}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}", name in "\\PC{0,80}") {
            if let Ok(rules) = PathRule::parse_lines(&text) {
                for rule in rules {
                    let _ = rule.matches(&name);
                }
            }
        }
    }
}
