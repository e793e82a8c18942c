//! The HTML report: one file that needs nothing else, for people.
//!
//! The template is `../templates/report.html`; it escapes what it is given but `Clean` and `Line`, which escape
//! themselves. A
//! `Content-Security-Policy` in the page allows the one style and the one script that are in it, by hash, and nothing
//! from outside. Everything can be read without the script, which only adds the filter.

mod facts;
mod parts;
mod timeline;
mod trend;
mod view;

use crate::render::anchor::Anchors;
use crate::render::buffered;
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

/// How many failed and errored cases are open at first: more would bury the list.
const MAX_OPEN: usize = 20;
/// From how many cases on those off-screen are not laid out: pages that have fewer are quick anyway, and browsers find
/// and print them better.
const MANY_CASES: u64 = 200;

/// Writes the report as HTML.
pub fn write(report: &Report, out: &mut impl io::Write) -> io::Result<()> {
    // The template makes many small writes.
    let mut out = buffered(out);
    Page::from(report).write_into(&mut out)?;
    io::Write::flush(&mut out)
}

#[derive(Template)]
#[template(path = "report.html", config = "src/render/templates/askama.toml")]
struct Page<'a> {
    report: &'a Report,
    anchors: Anchors,
    csp: String,
    style: &'static str,
    script: &'static str,
    title: String,
    over: String,
    verdict_class: &'static str,
    verdict: String,
    detail: String,
    facts: Vec<Fact>,
    notes: Vec<Vec<(bool, Clean<'a>)>>,
    total: u64,
    /// Of the failed and errored cases.
    quarantined: u64,
    listed: u64,
    not_listed: u64,
    /// Whether there are so many cases that layout is put off.
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
        let Report {
            started_at: _,
            duration: _,
            mode,
            origin,
            runs,
            interrupted_by: _,
            fail_on: _,
            warnings,
            trend: _,
        } = report;
        let Headline {
            mark: _,
            verdict,
            detail,
        } = Headline::new(report.as_slice());
        let verdict = capitalized(verdict);
        let mut over = origin.repository.as_deref().map_or("QA.tech", |name| name).to_owned();
        if let [run] = runs.as_slice() {
            over.push_str(" · ");
            over.push_str(run.label());
        }
        let over = cut_chars(&one_line(&over), 120).into_owned();
        let listed: usize = runs.iter().map(|run| run.cases.len()).sum();
        let listed = u64::try_from(listed).unwrap_or(u64::MAX);
        // What is only started has no counts yet.
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
            title: format!("{verdict}: {over}"),
            over,
            verdict_class: report_class(report),
            verdict,
            detail: numbers_kept(&detail),
            facts: facts::facts(report),
            notes: warnings.iter().map(|warning| with_code(Some(warning))).collect(),
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
    /// The lists of cases: those in quarantine have one of their own.
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

    /// Each case when its turn has come: a large report is never held twice.
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

/// One outcome's share of the cases.
struct Share {
    class: &'static str,
    label: &'static str,
    count: u64,
    /// Of them, those that are in the list of cases.
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

/// The text with no line break between a number and what it counts.
fn numbers_kept(text: &str) -> String {
    let mut before = ' ';
    let kept = text.chars().map(|c| {
        let is_kept = c == ' ' && before.is_ascii_digit();
        before = c;
        if is_kept { '\u{a0}' } else { c }
    });
    kept.collect()
}

/// The class of the whole report: without a single test case it is not green.
fn report_class(report: &Report) -> &'static str {
    match report.runs.as_slice() {
        [first, ..] if report.runs.iter().all(RunReport::has_no_tests) => view::run_class(first),
        _ => class(report.verdict().or_else(|| worst_seen(report))),
    }
}

/// The worst end that was seen, where all runs were seen to end.
fn worst_seen(report: &Report) -> Option<Verdict> {
    let seen: Option<Vec<_>> = report.runs.iter().map(RunReport::seen).collect();
    seen?.into_iter().max()
}

/// What the page may load and run: its own style and script, and the empty icon that keeps browsers from asking for one.
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
