//! Fetches details of test cases once a run has ended, and before a rerun that depends on them. They never change a
//! verdict, and missing ones are left out.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::LOCATION;

use crate::inputs::CaseDetailsFor;
use crate::net::http;
use crate::net::retry::Deadline;
use crate::qatech::client::{Api, CaseError};
use crate::qatech::details::{CaseAnswer, ImageUrl};
use crate::report::{
    Case, CaseAttempt, CaseDetails, CaseOutcome, FailureKind, ImageFormat, RunReport, Screenshot, Verdict,
};
use crate::runs::shutdown::Shutdown;
use crate::runs::store::{RunHandle, RunStore};
use crate::text::ShortId;

/// Maximum number of concurrent requests.
const AT_ONCE: usize = 8;
/// Maximum number of test cases whose details are requested, over all runs.
const MAX_CASES: usize = 200;
/// Time limit for the details of all ended runs, screenshots included, and for the details that a rerun depends on.
const TIME: Duration = Duration::from_secs(15);
/// Maximum number of screenshots that are fetched, over all runs.
const MAX_SCREENSHOTS: usize = 20;
/// Largest screenshot, in bytes.
const MAX_SCREENSHOT: usize = 3 * 1024 * 1024;
/// Maximum number of redirects that are followed for one screenshot.
const MAX_REDIRECTS: usize = 5;

/// Fetches details, within limits for the whole step.
pub struct DetailsFetcher<'a, A> {
    api: &'a A,
    store: &'a RunStore,
    shutdown: &'a Shutdown,
    /// Fetches screenshots, without a token and without following redirects. `None` if no screenshots are wanted.
    images: Option<&'a reqwest::Client>,
    wanted: CaseDetailsFor,
    cases_left: Cell<usize>,
    screenshots_left: Cell<usize>,
    /// Whether the API has no endpoint for details.
    unsupported: Cell<bool>,
    answered: Cell<bool>,
    asked: RefCell<BTreeSet<Place>>,
}

/// A test case in one attempt of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    run: usize,
    case: usize,
    /// Index into the case's attempts.
    attempt: usize,
}

/// A test case whose details are wanted.
struct Wanted {
    place: Place,
    short_id: String,
    /// Short id of the attempt's run.
    run_short_id: ShortId,
    /// Whether its screenshot is wanted: it failed or errored.
    is_bad: bool,
}

impl<'a, A: Api> DetailsFetcher<'a, A> {
    /// A fetcher that has fetched nothing yet.
    pub fn new(
        api: &'a A,
        store: &'a RunStore,
        shutdown: &'a Shutdown,
        images: Option<&'a reqwest::Client>,
        wanted: CaseDetailsFor,
    ) -> Self {
        Self {
            api,
            store,
            shutdown,
            images,
            wanted,
            cases_left: Cell::new(MAX_CASES),
            screenshots_left: Cell::new(MAX_SCREENSHOTS),
            unsupported: Cell::new(false),
            answered: Cell::new(false),
            asked: RefCell::default(),
        }
    }

    /// Fetches the details of the test cases that `case_details` selects, of each in its decisive attempt. Takes at most
    /// 15 s.
    pub async fn fetch_all(&self) {
        let wanted = self.store.read(|runs| {
            let ended = runs.iter().enumerate().filter(|(_, report)| has_ended(report));
            let cases = ended.flat_map(|(run, report)| {
                let cases = report.cases.iter().enumerate();
                cases.filter_map(move |(case, found)| self.wanted(report, run, case, found))
            });
            let mut cases: Vec<_> = cases.collect();
            // Failed cases come first, since their number is limited.
            cases.sort_by_key(|(rank, wanted)| (*rank, wanted.place));
            cases.into_iter().map(|(_, wanted)| wanted).collect()
        });
        self.fetch(wanted, Deadline::after(TIME)).await;
    }

    /// Fetches the details of what failed in a run's latest attempt, and returns the project's ids of the cases that were
    /// misses of the agent or the platform. Takes at most 15 s, and ends at the deadline.
    pub async fn misses(&self, run: RunHandle<'_>, deadline: Deadline) -> Vec<String> {
        let wanted = run.read(|report| {
            let failed = report.cases.iter().enumerate().filter_map(|(case, found)| {
                let place = Place {
                    run: run.index(),
                    case,
                    attempt: failed_in_latest(report, found)?,
                };
                wanted_attempt(report, place, found)
            });
            failed.collect()
        });
        self.fetch(wanted.unwrap_or_default(), deadline.within(TIME)).await;
        let misses = run.read(|report| {
            let cases = report.cases.iter();
            let missed = cases.filter_map(|case| missed(case.attempts.get(failed_in_latest(report, case)?)?));
            missed.collect()
        });
        misses.unwrap_or_default()
    }

    /// The decisive attempt of a case if its details are wanted, with its priority; lower is first.
    fn wanted(&self, report: &RunReport, run: usize, case: usize, found: &Case) -> Option<(u8, Wanted)> {
        let rank = match (found.outcome, self.wanted) {
            (_, CaseDetailsFor::Off) => return None,
            (CaseOutcome::Failed | CaseOutcome::Errored, CaseDetailsFor::Failed | CaseDetailsFor::All) => 0,
            // It failed as well, in an earlier attempt.
            (CaseOutcome::Flaky, CaseDetailsFor::Failed | CaseDetailsFor::All) => 1,
            (CaseOutcome::Skipped | CaseOutcome::Unfinished | CaseOutcome::Passed, CaseDetailsFor::Failed) => {
                return None;
            }
            (CaseOutcome::Skipped | CaseOutcome::Unfinished | CaseOutcome::Passed, CaseDetailsFor::All) => 2,
        };
        let decisive = found.decisive_attempt()?;
        let attempt = found
            .attempts
            .iter()
            .position(|attempt| std::ptr::eq(attempt, decisive))?;
        wanted_attempt(report, Place { run, case, attempt }, found).map(|wanted| (rank, wanted))
    }

    async fn fetch(&self, wanted: Vec<Wanted>, until: Deadline) {
        let new = |wanted: &Wanted| self.asked.borrow_mut().insert(wanted.place);
        let mut wanted: Vec<_> = wanted.into_iter().filter(new).collect();
        wanted.truncate(self.cases_left.get());
        self.cases_left.set(self.cases_left.get() - wanted.len());
        let all = async {
            let mut wanted = wanted.iter();
            // The first request is sent alone, so that an API without this endpoint is asked once.
            while !self.answered.get()
                && !self.unsupported.get()
                && let Some(first) = wanted.next()
            {
                self.fetch_one(first).await;
            }
            let rest = futures_util::stream::iter(wanted);
            rest.for_each_concurrent(AT_ONCE, |wanted| self.fetch_one(wanted)).await;
        };
        // Details that arrive later are left out.
        until.limit(all).await;
    }

    async fn fetch_one(&self, wanted: &Wanted) {
        if self.unsupported.get() || self.shutdown.is_stopping() {
            return;
        }
        let answer = self.api.case(&wanted.short_id).await;
        let first = !self.answered.replace(true);
        let CaseAnswer {
            short_id,
            run_short_id,
            details,
            screenshot,
        } = match answer {
            Ok(answer) => answer,
            Err(CaseError::Unsupported) => return self.unsupported.set(first),
            Err(CaseError::Failed) => return,
        };
        // The same case in another run has another failure.
        let is_other = |returned: Option<String>, wanted: &str| returned.is_some_and(|id| id != wanted);
        if is_other(short_id, &wanted.short_id) || is_other(run_short_id, &wanted.run_short_id) {
            return;
        }
        self.keep(wanted.place, |kept| *kept = details);
        let left = self.screenshots_left.get();
        if let (Some(url), Some(images), true) = (screenshot, self.images, wanted.is_bad && left > 0) {
            self.screenshots_left.set(left - 1);
            if let Some(image) = fetch_screenshot(images, url).await {
                self.keep(wanted.place, |kept| kept.screenshot = Some(image));
            }
        }
    }

    /// Changes what is known of a case in one attempt.
    fn keep(&self, place: Place, change: impl FnOnce(&mut CaseDetails)) {
        let Place { run, case, attempt } = place;
        let Some(run) = self.store.runs().nth(run) else { return };
        run.update(|run| {
            let case = run.cases.get_mut(case);
            if let Some(attempt) = case.and_then(|case| case.attempts.get_mut(attempt)) {
                change(attempt.details.get_or_insert_default());
            }
        });
    }
}

/// Whether QA.tech returned the run's final state.
fn has_ended(report: &RunReport) -> bool {
    match report.seen() {
        Some(
            Verdict::Passed
            | Verdict::Failed
            | Verdict::Skipped
            | Verdict::Error
            | Verdict::Cancelled
            | Verdict::Flaky
            | Verdict::Quarantined,
        ) => true,
        Some(Verdict::TimedOut | Verdict::Interrupted | Verdict::Unknown) | None => false,
    }
}

/// The index of a case's attempt in the run's latest attempt, if it failed or errored there.
fn failed_in_latest(report: &RunReport, case: &Case) -> Option<usize> {
    let latest = case.latest()?;
    let is_latest = latest.attempt + 1 == report.attempts.len();
    (is_latest && latest.outcome.is_bad()).then(|| case.attempts.len() - 1)
}

/// The request for an attempt's details; `None` if the attempt has no short id.
fn wanted_attempt(report: &RunReport, place: Place, case: &Case) -> Option<Wanted> {
    let attempt = case.attempts.get(place.attempt)?;
    let run_short_id = report.attempts.get(attempt.attempt)?.short_id.clone();
    (!attempt.short_id.is_empty()).then(|| Wanted {
        place,
        short_id: attempt.short_id.clone(),
        run_short_id,
        is_bad: attempt.outcome.is_bad(),
    })
}

/// The project's id of a case, if this attempt of it was a miss.
fn missed(attempt: &CaseAttempt) -> Option<String> {
    let details = attempt.details.as_ref()?;
    match details.failure_kind()? {
        FailureKind::Agent | FailureKind::Platform => details.project_test_case_id.clone(),
        FailureKind::Product => None,
    }
}

/// Fetches an image; `None` if that fails, or if it is too large or not an image.
async fn fetch_screenshot(images: &reqwest::Client, url: ImageUrl) -> Option<Screenshot> {
    let mut url = url;
    for _ in 0..=MAX_REDIRECTS {
        let response = images.get(url.expose().clone()).send().await.ok()?;
        let status = response.status();
        if status.is_redirection() {
            url = url.redirect(response.headers().get(LOCATION)?.to_str().ok()?)?;
            continue;
        }
        if !status.is_success() {
            return None;
        }
        let bytes = http::read_body_up_to(response, MAX_SCREENSHOT).await.ok()?;
        let format = ImageFormat::from_bytes(&bytes)?;
        return Some(Screenshot { format, bytes });
    }
    None
}
