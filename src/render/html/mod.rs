//! The HTML report: one self-contained file.
//!
//! The template is `../templates/report.html`. It escapes all values except `Clean` and `Line`, which escape themselves. A
//! `Content-Security-Policy` in the page allows only the page's own style and script, by hash. The page can be read without
//! the script, which adds the filter.

mod facts;
mod parts;
mod timeline;
mod trend;
mod view;

use crate::render::anchor::Anchors;
use crate::render::buffer::Buffer;
use crate::render::escape::{cut_chars, one_line};
use crate::render::phrases::{Headline, capitalized};
use crate::report::{Case, CaseOutcome, Counts, Mode, Report, RunReport, Verdict};
use askama::Template;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use facts::Fact;
use parts::{Clean, Line, Percent, class, label};
use std::io;
use timeline::Drawing;
use trend::TrendView;
use view::{CaseView, RunView, Shown, with_code};

const STYLE: &str = include_str!("../templates/style.css");
const SCRIPT: &str = include_str!("../templates/script.js");

/// Most failed and errored cases that are open at first; more would hide the list.
const MAX_OPEN: usize = 20;
/// With more cases than this, the browser lays out cases off-screen later. Smaller pages are fast anyway, and searching
/// and printing work better without.
const MANY_CASES: u64 = 200;

/// Writes the report as HTML.
pub fn write(report: &Report, out: &mut impl io::Write) -> io::Result<()> {
    // The template makes many small writes.
    let mut out = Buffer::new(out);
    Page::from(report).write_into(&mut out)?;
    io::Write::flush(&mut out)
}

#[derive(Template)]
#[template(path = "report.html", config = "render/templates/askama.toml")]
struct Page<'a> {
    report: &'a Report,
    anchors: Anchors,
    csp: String,
    style: &'static str,
    script: &'static str,
    title: String,
    /// The line above the verdict: repository and run.
    subject: String,
    verdict_class: &'static str,
    verdict: String,
    detail: String,
    facts: Vec<Fact>,
    notes: Vec<Vec<(bool, Clean<'a>)>>,
    total: u64,
    /// Failed and errored cases in quarantine.
    quarantined: u64,
    listed: u64,
    not_listed: u64,
    /// Whether there are more than [`MANY_CASES`].
    many: bool,
    none: &'static str,
    shares: Vec<Share>,
    runs: Vec<RunView<'a>>,
    timeline: Option<Drawing>,
    trend: Option<TrendView<'a>>,
    generator: &'static str,
}

impl<'a> From<&'a Report> for Page<'a> {
    fn from(report: &'a Report) -> Self {
        let (mode, runs) = (report.mode, &report.runs);
        let Headline {
            mark: _,
            verdict,
            detail,
        } = Headline::new(report.as_slice());
        let verdict = capitalized(verdict);
        let mut subject = report
            .origin
            .repository
            .as_deref()
            .map_or("QA.tech", |name| name)
            .to_owned();
        if let [run] = runs.as_slice() {
            subject.push_str(" · ");
            subject.push_str(run.label());
        }
        let subject = cut_chars(&one_line(&subject), 120).into_owned();
        let listed = report.listed_cases();
        // Runs that were only started have no counts yet.
        let counts = match mode {
            Mode::StartOnly => Counts::default(),
            Mode::Wait | Mode::Look | Mode::SkippedWithoutToken => report.counts(),
        };
        let several = runs.len() > 1;
        Self {
            report,
            anchors: Anchors::new(report),
            csp: policy(),
            style: STYLE,
            script: SCRIPT,
            title: format!("{verdict}: {subject}"),
            subject,
            verdict_class: report_class(report),
            verdict,
            detail: with_nonbreaking_numbers(&detail),
            facts: facts::facts(report),
            notes: report.warnings.iter().map(|warning| with_code(Some(warning))).collect(),
            total: counts.total,
            quarantined: counts.quarantined,
            listed,
            many: listed > MANY_CASES,
            not_listed: counts.total.saturating_sub(listed),
            none: match (runs.iter().any(|run| !run.attempts.is_empty()), mode, several) {
                (false, _, _) => "No test cases are known.",
                (true, Mode::StartOnly, false) => "Not asked for: the run was only started.",
                (true, Mode::StartOnly, true) => "Not asked for: the runs were only started.",
                (true, _, false) => "QA.tech returned no test cases of this run.",
                (true, _, true) => "QA.tech returned no test cases of these runs.",
            },
            shares: shares(report),
            runs: runs.iter().map(RunView::from).collect(),
            timeline: Drawing::new(report),
            trend: TrendView::new(report),
            generator: concat!("qatech-run ", env!("CARGO_PKG_VERSION")),
        }
    }
}

impl<'a> Page<'a> {
    /// The lists of cases; failures in quarantine have their own.
    fn groups(&self) -> Vec<Group<'a>> {
        let all = self.report.cases_by_outcome().into_iter();
        let (quarantined, others): (Vec<_>, Vec<_>) = all.partition(|(_, case)| case.is_quarantined_failure());
        let heading = if self.report.fail_on.fails(Verdict::Quarantined) {
            "Failed in quarantine"
        } else {
            "Failed in quarantine: does not fail the step"
        };
        let groups = [(None, others), (Some(heading), quarantined)];
        let groups = groups.into_iter().filter(|(_, cases)| !cases.is_empty());
        groups.map(|(heading, cases)| Group { heading, cases }).collect()
    }

    /// The cases, created one at a time, so that a large report is not held in memory twice.
    fn cases(&self, group: &Group<'a>) -> impl Iterator<Item = CaseView<'a>> {
        let several_runs = self.report.runs.len() > 1;
        let cases: Vec<_> = group.cases.iter().copied().enumerate().collect();
        cases.into_iter().map(move |(at, (run, case))| {
            let open = at < MAX_OPEN && case.outcome.is_bad() && !case.is_quarantined_failure();
            let anchor = self.anchors.get(case).to_owned();
            let shown = Shown {
                several_runs,
                open,
                anchor,
                started_at: self.report.started_at,
            };
            CaseView::new(run, case, shown, trend::marks(self.report, case))
        })
    }
}

/// A list of cases.
struct Group<'a> {
    heading: Option<&'static str>,
    cases: Vec<(&'a RunReport, &'a Case)>,
}

/// The share of the cases with one outcome.
struct Share {
    class: &'static str,
    label: &'static str,
    count: u64,
    /// How many of them are in the list of cases.
    listed: u64,
    from: Percent,
    width: Percent,
}

fn shares(report: &Report) -> Vec<Share> {
    let counts = report.counts();
    let mut before = 0;
    CaseOutcome::ALL
        .into_iter()
        .map(|outcome| {
            let count = counts.get(outcome);
            let cases = report.runs.iter().flat_map(|run| &run.cases);
            let listed = cases.filter(|case| case.outcome == outcome).count();
            let from = Percent::new(before, counts.total);
            before += count;
            Share {
                class: outcome.as_str(),
                label: label(outcome),
                count,
                listed: u64::try_from(listed).unwrap_or(u64::MAX),
                from,
                width: Percent::new(count, counts.total),
            }
        })
        .collect()
}

/// The text with non-breaking spaces between numbers and the words after them.
fn with_nonbreaking_numbers(text: &str) -> String {
    let mut before = ' ';
    let kept = text.chars().map(|c| {
        let is_kept = c == ' ' && before.is_ascii_digit();
        before = c;
        if is_kept { '\u{a0}' } else { c }
    });
    kept.collect()
}

/// The class of the whole report. A report of a run without a single test case is not green.
fn report_class(report: &Report) -> &'static str {
    let verdict = report.verdict().or_else(|| worst_observed(report));
    let without_tests = report.runs.iter().find(|run| run.has_no_tests());
    match without_tests.filter(|_| verdict == Some(Verdict::Passed)) {
        Some(run) => view::run_class(run),
        None => class(verdict),
    }
}

/// The worst observed result; `None` unless all runs were seen to end.
fn worst_observed(report: &Report) -> Option<Verdict> {
    let observed: Option<Vec<_>> = report.runs.iter().map(RunReport::seen).collect();
    observed?.into_iter().max()
}

/// The content security policy: allows the page's own style and script, and the empty icon that keeps browsers from
/// requesting one.
fn policy() -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        sha256(STYLE),
        sha256(SCRIPT)
    )
}

fn sha256(text: &str) -> String {
    BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}
