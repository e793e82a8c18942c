//! The history: one JSON line a result, what a file of them says, and the trend that follows.
//!
//! Pure: reading, locking and writing the file is `publish::history`. What is read back was written by other jobs, or by
//! anyone who could write to the cache or branch that holds the file: its texts are as untrusted as the API's.

use crate::report::quarantine;
use crate::report::trend::{
    CaseName, FlakyCase, Moment, PassRate, QuarantineSuggestion, SHOWN, StillFailing, Trend, TrendPoint,
};
use crate::report::{CaseOutcome, Counts, Millis, Mode, Report, Verdict};
use crate::text::sort::sort_by_number;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// How a line of ours begins: its version.
pub const SCHEMA: &str = "qatech-run/history/1";
/// How many lines of ours a file keeps.
pub const MAX_ENTRIES: usize = 500;
/// Every line of ours has more bytes than this.
pub const LEAST_BYTES: usize = 150;
/// How many failed and how many flaky cases a line names. A line then stays under 150 kB, whatever the names.
const MAX_CASES: usize = 200;
/// Most bytes of a line of ours, names and escapes and all.
const MAX_LINE: usize = 1024 * 1024;
/// How far a clock may be ahead of ours: a result from later than that is not believed, since it would stay the newest
/// for ever.
const AHEAD: u64 = 24 * 60 * 60 * 1000;
/// How many lines that are not ours are told of by number.
const MAX_FOREIGN: usize = 1_000;
/// Greatest count that is taken for true.
const MAX_COUNT: u64 = 1_000_000_000;
/// How many flaky cases a trend names.
const MAX_FLAKY: usize = 10;
/// How many lines for the quarantine list a trend suggests.
const MAX_SUGGESTIONS: usize = 5;
/// In how many results a case was flaky or failed before its quarantine is suggested.
const MIN_TIMES: u64 = 3;

/// One result, as a line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    schema: String,
    /// Wall clock when the program started, milliseconds since the Unix epoch.
    at: u64,
    /// What tells the checks of one workflow from others that share the file.
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
    /// The entry for a report; `None` where nothing was waited for, so that there is nothing to remember.
    /// `series` is the same for all results that are to be compared.
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

    /// The entry where the branch is a fork's: its `main` is not ours, however it is called. No branch of ours has such a
    /// name, since Git allows no spaces in one.
    #[must_use]
    pub fn of_fork(self) -> Self {
        Self {
            branch: self.branch.map(|branch| format!("{branch} (fork)")),
            ..self
        }
    }

    /// When it was made, in milliseconds since the Unix epoch.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Whether it says anything of the tests.
    fn tells(&self) -> bool {
        match self.verdict {
            Verdict::Passed | Verdict::Flaky | Verdict::Failed | Verdict::Error | Verdict::TimedOut => true,
            Verdict::Skipped | Verdict::Quarantined | Verdict::Interrupted | Verdict::Cancelled | Verdict::Unknown => {
                false
            }
        }
    }

    fn is_green(&self) -> bool {
        matches!(self.verdict, Verdict::Passed | Verdict::Flaky)
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
    /// Lines of ours, oldest first.
    entries: Vec<Entry>,
    /// Numbers, from 1, of lines that are broken or another program's; of the first thousand of them.
    pub foreign: Vec<usize>,
    /// How many more of them there are.
    more_foreign: usize,
}

impl History {
    /// Reads a file. What is no line of ours is passed over; of ours, the newest [`MAX_ENTRIES`] are held.
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
            // Whoever fills the file must not fill memory.
            if history.entries.len() >= 2 * MAX_ENTRIES {
                history.keep_newest();
            }
        }
        history.keep_newest();
        history
    }

    fn keep_newest(&mut self) {
        // Jobs that ran at the same time may have appended in any order.
        sort_by_number(&mut self.entries, |entry| entry.at);
        let surplus = self.entries.len().saturating_sub(MAX_ENTRIES);
        self.entries.drain(..surplus);
    }

    /// What the user should know of the file, if anything.
    pub fn warning(&self) -> Option<String> {
        let first = self.foreign.first()?;
        Some(match self.foreign.len() + self.more_foreign {
            1 => format!("Line {first} of the history file is broken or not ours; it was left as it is and not used."),
            count => format!(
                "{count} lines of the history file are broken or not ours, line {first} the first; they were left as they are and not used."
            ),
        })
    }

    /// Median duration of the latest results of a series, as observed; `None` where there are none.
    pub fn median_duration(&self, series: &str) -> Option<Millis> {
        let latest = self
            .entries
            .iter()
            .rev()
            .filter(|entry| entry.series == series && entry.tells());
        median_duration(&latest.take(SHOWN).collect::<Vec<_>>())
    }

    /// The default branch: what the result says, else the latest result of its series that says it, else the branch that
    /// is usually called so, if the series has results of one.
    fn default_branch<'a>(&'a self, now: &'a Entry) -> Option<&'a str> {
        let series = || self.entries.iter().rev().filter(|entry| entry.series == now.series);
        let usual = |name: &&str| series().any(|entry| entry.branch.as_deref() == Some(*name));
        now.default_branch
            .as_deref()
            .or_else(|| series().find_map(|entry| entry.default_branch.as_deref()))
            .or_else(|| ["main", "master"].into_iter().find(usual))
    }

    /// The trend that a new result of these test cases makes.
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

        // A branch is compared with itself; one that has no results yet, with the default branch.
        let telling = || scope.iter().copied().filter(|entry| entry.tells());
        let own: Vec<&Entry> = telling().filter(|entry| entry.branch == now.branch).collect();
        let compared: Vec<&Entry> = if own.is_empty() { telling().collect() } else { own };
        let green = compared.iter().rposition(|entry| entry.is_green());
        let since_green = compared.get(green.map_or(0, |at| at + 1)..).unwrap_or_default();
        let (new_failures, still_failing) = failures(now, since_green, compared.is_empty());

        let elsewhere = now.on_default(default) == Some(false);
        let on_default = telling().rfind(|entry| elsewhere && entry.on_default(default) == Some(true));
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

/// The cases that fail now: those that have not failed since the last green result, and those that have. Without
/// anything to compare with, nothing is new.
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
    for entry in shown.iter().filter(|entry| entry.tells()) {
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
    // Greater numbers can't be true, and their sums could overflow.
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
    let of = shown.iter().filter(|entry| entry.tells()).count() as u64;
    let green = shown.iter().filter(|entry| entry.is_green()).count() as u64;
    (of > 0).then_some(PassRate { green, of })
}

fn median_duration(shown: &[&Entry]) -> Option<Millis> {
    let telling = shown.iter().filter(|entry| entry.tells() && entry.duration_ms > 0);
    let mut durations: Vec<Millis> = telling.map(|entry| entry.duration_ms).collect();
    sort_by_number(&mut durations, |duration| *duration);
    let above = *durations.get(durations.len() / 2)?;
    let below = *durations.get(durations.len().checked_sub(1)? / 2)?;
    Some(below + (above - below) / 2)
}

fn flaky(shown: &[&Entry]) -> Vec<FlakyCase> {
    let mut flaky: Vec<FlakyCase> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    // Newest first: a case that was renamed has its latest name, and of equals the latest to be flaky goes first.
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

/// The file without its oldest lines of ours, where it has more than `most`; `None` where nothing is to go.
/// Other lines stay where they are. Lines from a future that `now` can't know go first.
pub fn bounded(file: &[u8], most: usize, now: u64) -> Option<Vec<u8>> {
    let lines = || file.split_inclusive(|byte| *byte == b'\n');
    let time = |line: &[u8]| {
        let at = entry(line)?.at;
        Some(if at > now.saturating_add(AHEAD) { 0 } else { at })
    };
    let mut times: Vec<u64> = lines().filter_map(time).collect();
    let surplus = times.len().checked_sub(most)?;
    sort_by_number(&mut times, |at| *at);
    let newest_gone = times.get(surplus.checked_sub(1)?).copied()?;
    // Of lines with the time of the newest that goes, the first in the file go.
    let mut of_its_time = surplus - times.iter().filter(|at| **at < newest_gone).count();
    let mut kept = Vec::with_capacity(file.len());
    for line in lines() {
        match time(line) {
            Some(at) if at < newest_gone => {}
            Some(at) if at == newest_gone && of_its_time > 0 => of_its_time -= 1,
            Some(_) | None => kept.extend_from_slice(line),
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests;
