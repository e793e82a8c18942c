//! A test case as one poll saw it.

/// A test case as one poll saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseSnapshot {
    /// Id; empty if the API returned none.
    pub id: String,
    /// Short id; empty if the API returned none.
    pub short_id: String,
    /// Name.
    pub name: String,
    /// Status; empty if the API returned none.
    pub status: String,
    /// Result.
    pub result: Option<String>,
    /// Title of the outcome.
    pub title: Option<String>,
    /// Reasoning.
    pub reasoning: Option<String>,
    /// Goal.
    pub goal: Option<String>,
    /// Examples.
    pub examples: Option<String>,
}

/// The display name of a case without a name.
pub(super) fn fallback_name(short_id: &str, id: &str, index: usize) -> String {
    match (short_id, id) {
        ("", "") => format!("test case {}", index + 1),
        ("", id) => id.to_owned(),
        (short_id, _) => short_id.to_owned(),
    }
}
