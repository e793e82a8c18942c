//! What earlier results say about this one: the trend that summary, HTML and JSON show.

use serde::{Deserialize, Serialize};

use crate::report::case::name_or_short_id;
use crate::report::{Case, Counts, Millis, Verdict};

/// Longest id and name in a line of the history, in characters.
pub(super) const MAX_CHARS: usize = 120;

/// How many results a trend shows at most, this one included.
pub const SHOWN: usize = 30;

/// What the history file knew when this report was made. Names and short ids in it are as untrusted as the cases' own.
///
/// It is drawn from the results of the same series (the same checks of the same workflow) on the same branch
/// and on the default branch; where no branch is known, from all of the series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trend {
    /// The newest results, oldest first; the last one is this report's. At most [`SHOWN`].
    pub points: Vec<TrendPoint>,
    /// How many of the shown results were green, of those that tell anything of the tests.
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
    /// Lines for the quarantine list, for cases of this report that were flaky, or failed on the default branch, in at
    /// least three of the results shown; at most five, none for a case that is in quarantine already.
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
    /// How many results shown say anything of the tests.
    pub of: u64,
    /// The line, ready to be copied: one line without control characters, the case's name in it as untrusted as ever.
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
    /// Whether it ran on the default branch; `None` where that is not known.
    pub on_default: Option<bool>,
}

/// When and where a result was got.
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
/// `unknown` say nothing of the tests and are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PassRate {
    /// Green results.
    pub green: u64,
    /// Green and red results, never zero.
    pub of: u64,
}

/// A test case, as the history names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseName {
    /// Id, or empty where the API gave none.
    pub id: String,
    /// Short id.
    pub short_id: String,
    /// Name, shortened.
    pub name: String,
}

/// A case that goes on failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillFailing {
    /// Which.
    pub case: CaseName,
    /// The first result after the last green one in which it failed.
    pub since: Moment,
    /// In how many results since then it failed, without this one.
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
    /// Whether the name may have been cut.
    pub(super) fn is_cut(&self) -> bool {
        self.label().chars().count() >= MAX_CHARS
    }

    /// The case as the history names it, texts cut.
    pub(super) fn new(case: &Case) -> Self {
        let short = |text: &str| text.chars().take(MAX_CHARS).collect();
        Self {
            id: short(&case.id),
            short_id: short(&case.short_id),
            name: short(&case.name),
        }
    }

    /// What to call the case: its name, else its short id.
    pub fn label(&self) -> &str {
        name_or_short_id(&self.name, &self.short_id)
    }

    /// What tells cases apart: the id, else the short id, else the name.
    pub fn identity(&self) -> &str {
        [&self.id, &self.short_id]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or(&self.name)
    }

    /// Whether this is that case.
    pub fn is(&self, case: &Case) -> bool {
        self.identity() == Self::new(case).identity()
    }
}

impl Moment {
    /// The page of the workflow run, only if it may be shown as a link; see [`super::Attempt::link`]. We write none with
    /// a query, which could hold a token.
    pub fn link(&self) -> Option<&str> {
        let plain = |url: &&str| super::links::is_https(url) && !url.contains(['?', '#']);
        self.ci_url.as_deref().filter(plain)
    }
}

impl Trend {
    /// Whether a case that fails here failed in the default branch's latest result too.
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
