//! Inputs with several lines. Empty lines and comments, which begin with `#`, are skipped.

/// The problems of an input, as fragments that follow its name.
pub type Problems = Vec<String>;

/// The lines that are neither empty nor comments, with their numbers, counted from 1.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Parses every line that is neither empty nor a comment.
///
/// # Errors
/// The problems of all lines, or the problem that there are none.
pub fn parse_lines<T, E: std::fmt::Display>(
    text: &str,
    mut parse: impl FnMut(&str) -> Result<T, E>,
) -> Result<Vec<T>, Problems> {
    let parsed = lines(text).map(|(number, line)| parse(line).map_err(|error| vec![format!("line {number} {error}")]));
    let list = collect(parsed)?;
    if list.is_empty() {
        Err(vec!["contains no lines except empty ones and comments".to_owned()])
    } else {
        Ok(list)
    }
}

/// The text before and after the first `=` of a line, if neither is empty.
pub fn pair(line: &str) -> Option<(&str, &str)> {
    let (left, right) = line.split_once('=')?;
    let (left, right) = (left.trim(), right.trim());
    (!left.is_empty() && !right.is_empty()).then_some((left, right))
}

/// All values, or all problems.
pub fn collect<T>(results: impl Iterator<Item = Result<T, Problems>>) -> Result<Vec<T>, Problems> {
    let mut good = Vec::new();
    let mut bad = Problems::new();
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(problems) => bad.extend(problems),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}
