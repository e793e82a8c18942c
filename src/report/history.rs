//! The history file: one JSON line per result, how it is read, and the trend that is computed from it.
//!
//! Pure: `publish::history` reads, locks and writes the file. Other jobs, or anyone with write access to the cache or
//! branch of the file, may have written it: its texts are as untrusted as the API's.

use crate::report::quarantine;
use crate::report::trend::{
    CaseName, FlakyCase, Moment, PassRate, QuarantineSuggestion, SHOWN, StillFailing, Trend, TrendPoint,
};
use crate::report::{CaseOutcome, Counts, Millis, Mode, Report, Verdict};
use crate::text::sort::sort_by_number;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// The value of `schema` in each entry.
pub const SCHEMA: &str = "qatech-run/history/1";
/// Most entries that a file keeps.
pub const MAX_ENTRIES: usize = 500;
/// Every entry is longer than this, in bytes.
pub const LEAST_BYTES: usize = 150;
/// Most failed and most flaky cases in an entry, which keeps it below 150 kB.
const MAX_CASES: usize = 200;
/// Longest entry that is read, in bytes.
const MAX_LINE: usize = 1024 * 1024;
/// How far an entry may be in the future, in milliseconds. Later entries are ignored, since they would stay the newest
/// forever.
const AHEAD: u64 = 24 * 60 * 60 * 1000;
/// Most invalid lines that are listed by number.
const MAX_FOREIGN: usize = 1_000;
/// Greatest plausible count.
const MAX_COUNT: u64 = 1_000_000_000;
/// Most flaky cases of a trend.
const MAX_FLAKY: usize = 10;
/// Most quarantine suggestions of a trend.
const MAX_SUGGESTIONS: usize = 5;
/// In how many results a case must have been flaky or failed before its quarantine is suggested.
const MIN_TIMES: u64 = 3;

/// One result, as a line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    schema: String,
    /// Wall clock when the program started, milliseconds since the Unix epoch.
    at: u64,
    /// Identifies the check within a file that several workflows share.
    series: String,
    branch: Option<String>,
    default_branch: Option<String>,
    sha: Option<String>,
    ci_url: Option<String>,
    #[serde(with = "verdict_word")]
    verdict: Verdict,
    duration_ms: Millis,
    counts: Counts,
    /// Failed and errored cases.
    bad: Vec<CaseName>,
    flaky: Vec<CaseName>,
}

mod verdict_word {
    use super::Verdict;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(verdict.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verdict, D::Error> {
        let word = String::deserialize(deserializer)?;
        let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word);
        verdict.ok_or_else(|| D::Error::custom("no verdict"))
    }
}

impl Entry {
    /// The entry for a report; `None` if no run was waited for. `series` is the same for all results that are compared with
    /// each other.
    pub fn new(report: &Report, series: &str) -> Option<Self> {
        match report.mode {
            Mode::Wait if !report.runs.is_empty() => {}
            Mode::Wait | Mode::StartOnly | Mode::Look | Mode::SkippedWithoutToken => return None,
        }
        let verdict = report.verdict()?;
        let origin = &report.origin;
        Some(Self {
            schema: SCHEMA.to_owned(),
            at: report.started_at,
            series: series.to_owned(),
            branch: origin.branch.clone(),
            default_branch: origin.default_branch.clone(),
            sha: origin.sha.clone(),
            ci_url: origin.ci_url.clone(),
            verdict,
            duration_ms: duration(report),
            counts: report.counts(),
            bad: cases(report, CaseOutcome::is_bad),
            flaky: cases(report, |outcome| outcome == CaseOutcome::Flaky),
        })
    }

    /// Marks the branch as a fork's, so that a fork's `main` is not taken for the repository's. The mark contains a space,
    /// which Git does not allow in branch names.
    #[must_use]
    pub fn from_fork(self) -> Self {
        Self {
            branch: self.branch.map(|branch| format!("{branch} (fork)")),
            ..self
        }
    }

    /// When it was made, in milliseconds since the Unix epoch.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Whether the verdict says whether the tests passed.
    fn is_conclusive(&self) -> bool {
        match self.verdict {
            Verdict::Passed | Verdict::Flaky | Verdict::Failed | Verdict::Error | Verdict::TimedOut => true,
            Verdict::Skipped | Verdict::Quarantined | Verdict::Interrupted | Verdict::Cancelled | Verdict::Unknown => {
                false
            }
        }
    }

    /// Whether it passed, and tested something.
    fn is_green(&self) -> bool {
        matches!(self.verdict, Verdict::Passed | Verdict::Flaky) && self.counts.total > 0
    }

    fn on_default(&self, default_branch: Option<&str>) -> Option<bool> {
        let default = self.default_branch.as_deref().or(default_branch)?;
        Some(self.branch.as_deref()? == default)
    }

    fn moment(&self) -> Moment {
        Moment {
            at: self.at,
            sha: self.sha.clone(),
            branch: self.branch.clone(),
            ci_url: self.ci_url.clone(),
        }
    }

    fn names(&self, case: &CaseName) -> bool {
        self.bad.iter().any(|bad| bad.identity() == case.identity())
    }
}

fn cases(report: &Report, wanted: impl Fn(CaseOutcome) -> bool) -> Vec<CaseName> {
    let cases = report.runs.iter().flat_map(|run| &run.cases);
    let wanted = cases.filter(|case| wanted(case.outcome));
    wanted.take(MAX_CASES).map(CaseName::new).collect()
}

/// From the first start to the last end that was observed.
fn duration(report: &Report) -> Millis {
    let attempts = || report.runs.iter().flat_map(|run| &run.attempts);
    let began = attempts().map(|attempt| attempt.began).min();
    let ended = attempts().map(|attempt| attempt.ended.unwrap_or(report.duration)).max();
    began.zip(ended).map_or(0, |(began, ended)| ended.saturating_sub(began))
}

/// A history file as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Valid entries, oldest first.
    entries: Vec<Entry>,
    /// Numbers, from 1, of the first thousand lines that are not valid entries.
    pub foreign: Vec<usize>,
    /// How many more invalid lines there are.
    more_foreign: usize,
}

impl History {
    /// Parses a file. Invalid lines are skipped; the newest [`MAX_ENTRIES`] entries are kept.
    pub fn parse(file: &[u8]) -> Self {
        let mut history = Self::default();
        for (number, line) in (1..).zip(file.split(|byte| *byte == b'\n')) {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match entry(line) {
                Some(entry) => history.entries.push(entry),
                None if history.foreign.len() < MAX_FOREIGN => history.foreign.push(number),
                None => history.more_foreign += 1,
            }
            // Bounds memory for a file of any length.
            if history.entries.len() >= 2 * MAX_ENTRIES {
                history.keep_newest();
            }
        }
        history.keep_newest();
        history
    }

    fn keep_newest(&mut self) {
        // Jobs that ran at the same time can have appended in any order.
        sort_by_number(&mut self.entries, |entry| entry.at);
        let surplus = self.entries.len().saturating_sub(MAX_ENTRIES);
        self.entries.drain(..surplus);
    }

    /// A warning about invalid lines, if there are any.
    pub fn warning(&self) -> Option<String> {
        let first = self.foreign.first()?;
        Some(match self.foreign.len() + self.more_foreign {
            1 => format!("Line {first} of the history file is broken or not ours; it was left as it is and not used."),
            count => format!(
                "{count} lines of the history file are broken or not ours, line {first} the first; they were left as they are and not used."
            ),
        })
    }

    /// Median of the observed durations of a series' latest results; `None` if there are none.
    pub fn median_duration(&self, series: &str) -> Option<Millis> {
        let latest = self
            .entries
            .iter()
            .rev()
            .filter(|entry| entry.series == series && entry.is_conclusive());
        median_duration(&latest.take(SHOWN).collect::<Vec<_>>())
    }

    /// The default branch: from the new result, else from the latest result of its series that names it, else `main` or
    /// `master` if the series has results of such a branch.
    fn default_branch<'a>(&'a self, now: &'a Entry) -> Option<&'a str> {
        let series = || self.entries.iter().rev().filter(|entry| entry.series == now.series);
        let usual = |name: &&str| series().any(|entry| entry.branch.as_deref() == Some(*name));
        now.default_branch
            .as_deref()
            .or_else(|| series().find_map(|entry| entry.default_branch.as_deref()))
            .or_else(|| ["main", "master"].into_iter().find(usual))
    }

    /// The trend of a new result and its report.
    pub fn trend(&self, now: &Entry, report: &Report) -> Trend {
        let default = self.default_branch(now);
        let same = |a: &Option<String>, b: Option<&str>| a.is_some() && a.as_deref() == b;
        let scope: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.series == now.series && entry.at <= now.at.saturating_add(AHEAD))
            .filter(|entry| now.branch.is_none() || entry.branch == now.branch || same(&entry.branch, default))
            .collect();
        let from = scope.len().saturating_sub(SHOWN - 1);
        let shown: Vec<&Entry> = scope.iter().skip(from).copied().chain([now]).collect();

        // A branch is compared with itself; a branch without results, with the default branch.
        let conclusive = || scope.iter().copied().filter(|entry| entry.is_conclusive());
        let own: Vec<&Entry> = conclusive().filter(|entry| entry.branch == now.branch).collect();
        let compared: Vec<&Entry> = if own.is_empty() { conclusive().collect() } else { own };
        let green = compared.iter().rposition(|entry| entry.is_green());
        let since_green = compared.get(green.map_or(0, |at| at + 1)..).unwrap_or_default();
        let (new_failures, still_failing) = failures(now, since_green, compared.is_empty());

        let elsewhere = now.on_default(default) == Some(false);
        let on_default = conclusive().rfind(|entry| elsewhere && entry.on_default(default) == Some(true));
        let failed_on_default = on_default.map_or(Vec::new(), |entry| {
            let both = now.bad.iter().filter(|case| entry.names(case));
            both.cloned().collect()
        });

        Trend {
            points: shown.iter().map(|entry| point(entry, default)).collect(),
            pass_rate: pass_rate(&shown),
            median_duration: median_duration(&shown),
            last_green: green.and_then(|at| compared.get(at)).map(|entry| entry.moment()),
            new_failures,
            still_failing,
            fixed: compared.last().map_or(Vec::new(), |before| fixed(before, report)),
            failed_on_default,
            flaky: flaky(&shown),
            suggestions: suggestions(&shown, default, report),
        }
    }
}

/// The cases that fail now: new failures, which have not failed since the last green result, and the others. If this is the
/// first result, no failure is new.
fn failures(now: &Entry, since_green: &[&Entry], is_first: bool) -> (Vec<CaseName>, Vec<StillFailing>) {
    let (mut new_failures, mut still_failing) = (Vec::new(), Vec::new());
    for case in &now.bad {
        let mut failed = since_green.iter().filter(|entry| entry.names(case));
        match failed.next() {
            Some(first) => still_failing.push(StillFailing {
                case: case.clone(),
                since: first.moment(),
                times: 1 + failed.count() as u64,
            }),
            None if is_first => {}
            None => new_failures.push(case.clone()),
        }
    }
    (new_failures, still_failing)
}

/// The cases that passed now and failed in the result before.
fn fixed(before: &Entry, report: &Report) -> Vec<CaseName> {
    let failed: HashSet<&str> = before.bad.iter().map(CaseName::identity).collect();
    let passed = report
        .runs
        .iter()
        .flat_map(|run| &run.cases)
        .filter(|case| case.outcome == CaseOutcome::Passed);
    let names = passed.map(CaseName::new);
    names.filter(|name| failed.contains(name.identity())).collect()
}

/// See [`Trend::suggestions`].
fn suggestions(shown: &[&Entry], default_branch: Option<&str>, report: &Report) -> Vec<QuarantineSuggestion> {
    let mut times: HashMap<&str, (u64, u64)> = HashMap::new();
    let mut of = 0;
    for entry in shown.iter().filter(|entry| entry.is_conclusive()) {
        of += 1;
        for case in &entry.flaky {
            times.entry(case.identity()).or_default().0 += 1;
        }
        if entry.on_default(default_branch) == Some(true) {
            for case in &entry.bad {
                times.entry(case.identity()).or_default().1 += 1;
            }
        }
    }
    let gating = report
        .runs
        .iter()
        .flat_map(|run| &run.cases)
        .filter(|case| case.quarantine.is_none());
    let suggestion = |case: CaseName| {
        let (flaky, failed) = times.get(case.identity()).copied().unwrap_or_default();
        let what = match (flaky, failed) {
            (flaky, failed) if flaky + failed < MIN_TIMES => return None,
            (flaky, 0) => format!("flaky in {flaky}"),
            (0, failed) => format!("failed in {failed}"),
            (flaky, failed) => format!("flaky in {flaky} and failed in {failed}"),
        };
        let reason = format!("{what} of the last {of} results");
        let line = quarantine::suggested_line(&case, &reason, report.started_at)?;
        Some(QuarantineSuggestion {
            case,
            flaky,
            failed_on_default: failed,
            of,
            line,
        })
    };
    let mut suggestions: Vec<_> = gating.map(CaseName::new).filter_map(suggestion).collect();
    sort_by_number(&mut suggestions, |suggestion| {
        u64::MAX - (suggestion.flaky + suggestion.failed_on_default)
    });
    suggestions.truncate(MAX_SUGGESTIONS);
    suggestions
}

fn entry(line: &[u8]) -> Option<Entry> {
    if !(LEAST_BYTES..=MAX_LINE).contains(&line.len()) {
        return None;
    }
    let entry: Entry = serde_json::from_slice(line).ok()?;
    // Sums of greater numbers could overflow.
    let plausible = entry.counts.entries().iter().all(|(_, count)| *count <= MAX_COUNT);
    let listed = entry.bad.len() <= MAX_CASES && entry.flaky.len() <= MAX_CASES;
    (entry.schema == SCHEMA && plausible && listed).then_some(entry)
}

fn point(entry: &Entry, default_branch: Option<&str>) -> TrendPoint {
    TrendPoint {
        moment: entry.moment(),
        verdict: entry.verdict,
        counts: entry.counts,
        duration: entry.duration_ms,
        on_default: entry.on_default(default_branch),
    }
}

fn pass_rate(shown: &[&Entry]) -> Option<PassRate> {
    let of = shown.iter().filter(|entry| entry.is_conclusive()).count() as u64;
    let green = shown.iter().filter(|entry| entry.is_green()).count() as u64;
    (of > 0).then_some(PassRate { green, of })
}

fn median_duration(shown: &[&Entry]) -> Option<Millis> {
    let conclusive = shown
        .iter()
        .filter(|entry| entry.is_conclusive() && entry.duration_ms > 0);
    let mut durations: Vec<Millis> = conclusive.map(|entry| entry.duration_ms).collect();
    sort_by_number(&mut durations, |duration| *duration);
    let above = *durations.get(durations.len() / 2)?;
    let below = *durations.get(durations.len().checked_sub(1)? / 2)?;
    Some(below + (above - below) / 2)
}

fn flaky(shown: &[&Entry]) -> Vec<FlakyCase> {
    let mut flaky: Vec<FlakyCase> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    // Newest first: among equals the one that was flaky last comes first.
    for case in shown.iter().rev().flat_map(|entry| &entry.flaky) {
        let index = *known.entry(case.identity()).or_insert_with(|| {
            flaky.push(FlakyCase {
                case: case.clone(),
                times: 0,
            });
            flaky.len() - 1
        });
        if let Some(case) = flaky.get_mut(index) {
            case.times += 1;
        }
    }
    sort_by_number(&mut flaky, |case| u64::MAX - case.times);
    flaky.truncate(MAX_FLAKY);
    flaky
}

/// The file without its oldest entries, if it has more than `max`; `None` if it does not. Other lines are kept. Entries
/// that are more than a day in the future of `now` are removed first.
pub fn bounded(file: &[u8], max: usize, now: u64) -> Option<Vec<u8>> {
    let lines = || file.split_inclusive(|byte| *byte == b'\n');
    let time = |line: &[u8]| {
        let at = entry(line)?.at;
        Some(if at > now.saturating_add(AHEAD) { 0 } else { at })
    };
    let mut times: Vec<u64> = lines().filter_map(time).collect();
    let surplus = times.len().checked_sub(max)?;
    sort_by_number(&mut times, |at| *at);
    let newest_removed = times.get(surplus.checked_sub(1)?).copied()?;
    // Among entries with the time of the newest removed one, the first in the file are removed.
    let mut of_its_time = surplus - times.iter().filter(|at| **at < newest_removed).count();
    let mut kept = Vec::with_capacity(file.len());
    for line in lines() {
        match time(line) {
            Some(at) if at < newest_removed => {}
            Some(at) if at == newest_removed && of_its_time > 0 => of_its_time -= 1,
            Some(_) | None => kept.extend_from_slice(line),
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests;
