//! The trend: this result compared with earlier ones, for summary, HTML and JSON.

use serde::{Deserialize, Serialize};

use crate::report::case::name_or_short_id;
use crate::report::{Case, Counts, Millis, Verdict};

/// Longest id and name in a line of the history file, in characters.
pub(super) const MAX_CHARS: usize = 120;

/// Most results of a trend, this one included.
pub const SHOWN: usize = 30;

/// The comparison of this report with the history file. Names and short ids in it are untrusted.
///
/// It is computed from the results of the same series (the same checks of the same workflow) on the same branch and on the
/// default branch; if no branch is known, from all results of the series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trend {
    /// The newest results, oldest first; the last one is this report's. At most [`SHOWN`].
    pub points: Vec<TrendPoint>,
    /// How many of the shown results were green, among those that are conclusive.
    pub pass_rate: Option<PassRate>,
    /// Median of the observed durations shown.
    pub median_duration: Option<Millis>,
    /// The latest green result before this one.
    pub last_green: Option<Moment>,
    /// Cases that fail now and have not failed since the last green result.
    pub new_failures: Vec<CaseName>,
    /// Cases that fail now and have failed since the last green result.
    pub still_failing: Vec<StillFailing>,
    /// Cases that passed, and failed in the latest result before this one.
    pub fixed: Vec<CaseName>,
    /// Cases that fail here, and failed in the default branch's latest result. Empty on the default branch itself.
    pub failed_on_default: Vec<CaseName>,
    /// Cases that were flaky most often in the results shown, at most ten.
    pub flaky: Vec<FlakyCase>,
    /// Lines for the quarantine list: for cases of this report that were flaky, or failed on the default branch, in at
    /// least three of the results shown. At most five, and none for a case that is in quarantine already.
    pub suggestions: Vec<QuarantineSuggestion>,
}

/// A test case that could go into quarantine, with the line that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantineSuggestion {
    /// Which.
    pub case: CaseName,
    /// In how many of the results shown it was flaky.
    pub flaky: u64,
    /// In how many of the default branch's results shown it failed.
    pub failed_on_default: u64,
    /// How many of the results shown are conclusive.
    pub of: u64,
    /// The line: without control characters, but with the untrusted name of the case.
    pub line: String,
}

/// One earlier result, or this one.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendPoint {
    /// When and where.
    pub moment: Moment,
    /// The step's verdict.
    pub verdict: Verdict,
    /// Its counts.
    pub counts: Counts,
    /// From the first start to the last end, as observed.
    pub duration: Millis,
    /// Whether it ran on the default branch; `None` if that is not known.
    pub on_default: Option<bool>,
}

/// When and where a result was produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, milliseconds since the Unix epoch.
    pub at: u64,
    /// The commit.
    pub sha: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// Page of the workflow run.
    pub ci_url: Option<String>,
}

/// Green results and all that count. `passed` and `flaky` are green; `skipped`, `cancelled`, `interrupted` and
/// `unknown` are not conclusive and are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PassRate {
    /// Green results.
    pub green: u64,
    /// Green and red results, never zero.
    pub of: u64,
}

/// A test case, as the history file identifies it. Ids and name are shortened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseName {
    /// Id; empty if the API returned none.
    pub id: String,
    /// Short id.
    pub short_id: String,
    /// Name, shortened.
    pub name: String,
}

/// A case that failed before and still fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillFailing {
    /// Which.
    pub case: CaseName,
    /// The first result after the last green one in which it failed.
    pub since: Moment,
    /// In how many results before this one it has failed since then.
    pub times: u64,
}

/// A case that passed only in a rerun, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlakyCase {
    /// Which.
    pub case: CaseName,
    /// In how many of the results shown.
    pub times: u64,
}

impl CaseName {
    /// Whether the name may have been shortened.
    pub(super) fn is_cut(&self) -> bool {
        self.label().chars().count() >= MAX_CHARS
    }

    /// The case, with its texts shortened.
    pub(super) fn new(case: &Case) -> Self {
        let short = |text: &str| text.chars().take(MAX_CHARS).collect();
        Self {
            id: short(&case.id),
            short_id: short(&case.short_id),
            name: short(&case.name),
        }
    }

    /// The case's display name: its name, else its short id.
    pub fn label(&self) -> &str {
        name_or_short_id(&self.name, &self.short_id)
    }

    /// What identifies the case in other results: the name, else the short id, else the id. QA.tech gives a case a new id and a new
    /// short id in each run (`POST /run/{shortId}/rerun` distinguishes the ids of the project's test cases from them).
    pub fn identity(&self) -> &str {
        match self.label() {
            "" => &self.id,
            label => label,
        }
    }

    /// Whether this is the same case as `case`.
    pub fn is(&self, case: &Case) -> bool {
        self.identity() == Self::new(case).identity()
    }
}

impl Moment {
    /// The page of the workflow run, if it may be shown as a link; see [`super::Attempt::link`]. URLs with a query are
    /// left out, since a query can contain a token.
    pub fn link(&self) -> Option<&str> {
        let plain = |url: &&str| super::links::is_https(url) && !url.contains(['?', '#']);
        self.ci_url.as_deref().filter(plain)
    }
}

impl Trend {
    /// Whether a case that fails here also failed in the default branch's latest result.
    pub fn failed_on_default(&self, case: &Case) -> bool {
        self.failed_on_default.iter().any(|known| known.is(case))
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn an_earlier_page_is_a_link_only_without_a_secret() {
        let link = |url: &str| {
            let moment = Moment {
                at: 0,
                sha: None,
                branch: None,
                ci_url: Some(url.to_owned()),
            };
            moment.link().is_some()
        };
        assert!(link("https://github.com/acme/shop/actions/runs/1"));
        assert!(!link("https://me:token@github.com/acme/shop/actions/runs/1"));
        assert!(!link("https://ci.example/1?token=secret"));
    }
}
