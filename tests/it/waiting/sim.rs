//! A simulated QA.tech behind `qatech::client::Api`, on tokio's clock: with time paused, hours of waiting take milliseconds.
//! Included by path where a bench or another test wants it too.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use qatech_run::inputs::{CaseDetailsFor, RerunOnly};
use qatech_run::qatech::client::{Api, CaseError, Cases, GetError, Got, PostError, RerunCases};
use qatech_run::qatech::details::CaseAnswer;
use qatech_run::qatech::wire::{Run, RunTestCase, StartFields, StartRequest, StartedRun};
use qatech_run::report::merge::{KnownElements, Listed};
use qatech_run::report::{Millis, RunReport, sample};
use qatech_run::runs::details::DetailsFetcher;
use qatech_run::runs::driver::{Driver, Origin};
use qatech_run::runs::event::Event;
use qatech_run::runs::poller::Policy;
use qatech_run::runs::shutdown::Shutdown;
use qatech_run::runs::store::{EventHandler, RunHandle, RunStore};
use qatech_run::text::ShortId;
use tokio::time::{Instant, sleep, timeout};

/// A GET that came in.
pub struct Look<'a> {
    /// Time since the simulation began.
    pub at: Duration,
    /// Which GET of all it is, from 1.
    pub nth: usize,
    /// The run that is asked for.
    pub short_id: &'a str,
    /// The cases that are asked for.
    pub cases: Cases,
}

/// A call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `POST /run`.
    Start,
    /// `POST /run/{shortId}`.
    Rerun(String),
    /// `GET /run/{shortId}`.
    Get(String, Cases),
}

/// A call with the time it came at, from the simulation's begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: Duration,
    /// What.
    pub call: Call,
}

type Show = dyn Fn(&Look<'_>) -> Result<Got, GetError>;
type Create = dyn Fn(usize) -> Result<StartedRun, PostError>;

/// The simulated API.
pub struct Sim {
    began: Instant,
    /// How long each answer takes, by when it was asked for; `None` is a POST's.
    latency: Box<dyn Fn(Duration, Option<Cases>) -> Duration>,
    show: Box<Show>,
    create: Box<Create>,
    asked: RefCell<Vec<Asked>>,
    unchanged: Cell<usize>,
}

impl Sim {
    /// Answers GETs with `show`; starts and reruns create `run1`, `run2`, … at once.
    pub fn new(show: impl Fn(&Look<'_>) -> Result<Got, GetError> + 'static) -> Self {
        Self {
            began: Instant::now(),
            latency: Box::new(|_, _| Duration::ZERO),
            show: Box::new(show),
            create: Box::new(|nth| Ok(started(nth))),
            asked: RefCell::default(),
            unchanged: Cell::default(),
        }
    }

    /// Lets each answer take that long; a request gives up after 30 s, as the real client's do.
    pub fn latency(self, latency: Duration) -> Self {
        self.latency_of(move |_, _| latency)
    }

    /// Lets answers with these cases (a POST's: `None`) take that long, by when they were asked for.
    pub fn latency_of(mut self, latency: impl Fn(Duration, Option<Cases>) -> Duration + 'static) -> Self {
        self.latency = Box::new(latency);
        self
    }

    /// Answers the n-th POST, from 1, with this instead.
    pub fn create(mut self, create: impl Fn(usize) -> Result<StartedRun, PostError> + 'static) -> Self {
        self.create = Box::new(create);
        self
    }

    /// Every call so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// How many elements of answers were not read, since they were known.
    pub fn unchanged(&self) -> usize {
        self.unchanged.get()
    }

    /// Gives each element a digest, and leaves out the known ones, as the client does.
    fn as_read(&self, mut got: Got, known: &KnownElements) -> Got {
        for listed in got.run.run_test_cases.iter_mut().flatten() {
            let mut hasher = DefaultHasher::new();
            format!("{listed:?}").hash(&mut hasher);
            let element = hasher.finish();
            if let Some(index) = known.get(&element) {
                *listed = Listed::Unchanged(*index);
                self.unchanged.set(self.unchanged.get() + 1);
            } else if let Listed::Read { case: _, digest } = listed {
                *digest = Some(element);
            }
        }
        got
    }

    /// When each GET came.
    pub fn looks(&self) -> Vec<(Duration, Cases)> {
        let asked = self.asked.borrow();
        asked
            .iter()
            .filter_map(|asked| match &asked.call {
                Call::Get(_, cases) => Some((asked.at, *cases)),
                Call::Start | Call::Rerun(_) => None,
            })
            .collect()
    }

    /// When each POST came.
    pub fn posts(&self) -> Vec<Duration> {
        let asked = self.asked.borrow();
        asked
            .iter()
            .filter(|asked| !matches!(asked.call, Call::Get(..)))
            .map(|asked| asked.at)
            .collect()
    }

    fn note(&self, call: Call) {
        let at = self.began.elapsed();
        self.asked.borrow_mut().push(Asked { at, call });
    }

    async fn post(&self, call: Call, limit: Duration) -> Result<StartedRun, PostError> {
        self.note(call);
        let nth = self.posts().len();
        match timeout(
            limit.min(Duration::from_secs(30)),
            sleep((self.latency)(self.began.elapsed(), None)),
        )
        .await
        {
            Ok(()) => (self.create)(nth),
            Err(_) => Err(PostError::Ambiguous("timed out".to_owned())),
        }
    }
}

impl Api for Sim {
    async fn start(&self, _request: &StartRequest<'_>, timeout: Duration) -> Result<StartedRun, PostError> {
        self.post(Call::Start, timeout).await
    }

    async fn rerun(&self, short_id: &ShortId, _: RerunCases<'_>, timeout: Duration) -> Result<StartedRun, PostError> {
        self.post(Call::Rerun(short_id.to_string()), timeout).await
    }

    async fn case(&self, _: &str) -> Result<CaseAnswer, CaseError> {
        Err(CaseError::Unsupported)
    }

    async fn get(
        &self,
        short_id: &ShortId,
        _id: Option<&str>,
        cases: Cases,
        known: &KnownElements,
    ) -> Result<Got, GetError> {
        self.note(Call::Get(short_id.to_string(), cases));
        let at = self.began.elapsed();
        let nth = self.looks().len();
        if timeout(Duration::from_secs(30), sleep((self.latency)(at, Some(cases))))
            .await
            .is_err()
        {
            return Err(GetError::Retry {
                what: "timed out".to_owned(),
                after: None,
            });
        }
        let got = (self.show)(&Look {
            at,
            nth,
            short_id,
            cases,
        })?;
        Ok(self.as_read(got, known))
    }
}

/// The answer to the n-th POST.
pub fn started(nth: usize) -> StartedRun {
    StartedRun {
        id: Some(format!("id-run{nth}")),
        short_id: sample::valid_short_id(&format!("run{nth}")),
        url: Some(format!("https://app.qa.tech/run{nth}")),
        test_count: None,
        test_plan: None,
    }
}

/// An answer to a GET, with cases of these names and results, and as large as its texts.
pub fn run(look: &Look<'_>, status: &str, result: Option<&str>, cases: &[(&str, &str)]) -> Got {
    let wanted = |result: &str| match look.cases {
        Cases::All => true,
        Cases::Failed => matches!(result, "FAILED" | "SKIPPED"),
        Cases::None => false,
    };
    let run_test_cases: Vec<_> = cases
        .iter()
        .filter(|(_, result)| wanted(result))
        .map(|(name, result)| RunTestCase {
            id: Some(format!("id-{name}")),
            name: Some((*name).to_owned()),
            status: Some(if result.is_empty() { "RUNNING" } else { "COMPLETED" }.to_owned()),
            result: (!result.is_empty()).then(|| (*result).to_owned()),
            ..RunTestCase::default()
        })
        .map(Listed::from)
        .collect();
    Got {
        size: 100 + 100 * run_test_cases.len(),
        run: Run {
            id: format!("id-{}", look.short_id),
            short_id: look.short_id.to_owned(),
            status: status.to_owned(),
            result: result.map(ToOwned::to_owned),
            run_test_cases: Some(run_test_cases),
        },
    }
}

/// A failure that may pass, with the delay the server asked for.
pub fn retry(after: Option<Duration>) -> GetError {
    GetError::Retry {
        what: "HTTP 503 Service Unavailable".to_owned(),
        after,
    }
}

/// What is played against a simulation: one run.
#[derive(Clone)]
pub struct Play {
    /// Deadline.
    pub timeout: Duration,
    /// Fixed interval.
    pub poll_interval: Option<Duration>,
    /// Stop at the first failed case.
    pub fail_fast: bool,
    /// One look only.
    pub poll_once: bool,
    /// How often failed cases are rerun.
    pub reruns: u32,
    /// The run to attach to, else one is started.
    pub attach: Option<&'static str>,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3600),
            poll_interval: None,
            fail_fast: false,
            poll_once: false,
            reruns: 0,
            attach: None,
        }
    }
}

/// What came of it.
pub struct Played {
    /// The run.
    pub run: RunReport,
    /// Warnings of the report.
    pub warnings: Vec<String>,
    /// Every event, and when it was emitted.
    pub events: Vec<(Millis, Event)>,
    /// How long it took, in simulated time.
    pub took: Duration,
}

impl Played {
    /// The run's verdict, as in outputs.
    pub fn verdict(&self) -> &'static str {
        self.run.verdict.map_or("", |verdict| verdict.as_str())
    }

    /// Why, for people.
    pub fn problem(&self) -> &str {
        self.run.problem.as_deref().unwrap_or_default()
    }

    /// Fails unless it took so many seconds of simulated time.
    #[track_caller]
    pub fn assert_took(&self, seconds: RangeInclusive<u64>) {
        let range = Duration::from_secs(*seconds.start())..=Duration::from_secs(*seconds.end());
        assert!(range.contains(&self.took), "{:?}", self.took);
    }

    /// Fails unless a warning contains this.
    #[track_caller]
    pub fn assert_warned(&self, words: &str) {
        let warned = self.warnings.iter().any(|text| text.contains(words));
        assert!(warned, "no {words:?} in {:?}", self.warnings);
    }
}

/// Keeps the events.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<(Millis, Event)>>>);

impl EventHandler for Kept {
    fn emit(&self, run: RunHandle<'_>, event: Event) {
        self.0.borrow_mut().push((run.store().now(), event));
    }

    /// The store keeps them.
    fn warn(&self, _text: &str) {}
}

/// A run that is known but not started yet.
pub fn planned() -> RunReport {
    RunReport::planned(Some("pln_a".to_owned()))
}

impl Play {
    /// Plays it to its end.
    pub async fn against(self, sim: &Sim) -> Played {
        let kept = Kept::default();
        let began = Instant::now();
        let store = RunStore::new(began, vec![planned()], Box::new(kept.clone()));
        self.on(sim, &store, &Shutdown::default(), began).await;
        let (mut runs, warnings) = store.take();
        Played {
            run: runs.remove(0),
            warnings,
            events: kept.0.take(),
            took: began.elapsed(),
        }
    }

    /// Plays it in a store of the caller's.
    pub async fn on(self, sim: &Sim, store: &RunStore, shutdown: &Shutdown, began: Instant) {
        let details = DetailsFetcher::new(sim, store, shutdown, None, CaseDetailsFor::Off);
        let driver = Driver {
            client: sim,
            policy: Policy {
                deadline: (began + self.timeout).into(),
                poll_interval: self.poll_interval,
                usual_duration: None,
                fail_fast: self.fail_fast,
                poll_once: self.poll_once,
            },
            shutdown,
            start_only: false,
            reruns: self.reruns,
            rerun_only: RerunOnly::Failed,
            details: &details,
        };
        let fields = StartFields::default();
        let origin = match self.attach {
            Some(short_id) => Origin::Attach(sample::valid_short_id(short_id)),
            None => Origin::Start(StartRequest {
                trigger: &fields,
                project_short_id: None,
                test_plan_short_id: Some("pln_a"),
                test_case_ids: &[],
                parameters: None,
                applications: &[],
                notifications: &[],
            }),
        };
        let run = store.runs().next().expect("one run");
        driver.drive(run, origin).await;
    }
}
