//! Which texts may be short ids of QA.tech.

/// Whether a short id can be put into a path, an output and a comma-joined list.
pub(super) fn is_short_id(text: &str) -> bool {
    !text.is_empty()
        && text != "."
        && text != ".."
        && text.len() <= 200
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == ',' || c == ';')
}
