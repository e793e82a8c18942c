//! What one seed stands for: runs that end in a known way, and all that goes wrong on the way there.

use qatech_fakes::qatech::{Case, Rerun, RunScript, When};
use qatech_fakes::tls::NoHandshake;

use crate::fault_matrix::dice::Dice;
use crate::fault_matrix::fault::{Fault, no_handshake};

/// How a run ends, in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Passed,
    Failed,
    Skipped,
    Error,
    Cancelled,
    /// COMPLETED with a result that nobody knows.
    Strange,
    /// COMPLETED without a result.
    Resultless,
    /// Failed; a rerun passes.
    Flaky,
}

impl Ending {
    const ALL: [Self; 8] = [
        Self::Passed,
        Self::Failed,
        Self::Skipped,
        Self::Error,
        Self::Cancelled,
        Self::Strange,
        Self::Resultless,
        Self::Flaky,
    ];

    /// The correct verdicts, besides `unknown` and `timed_out`.
    pub fn truths(self, reruns: u32) -> &'static [&'static str] {
        match self {
            Self::Passed => &["passed"],
            Self::Failed => &["failed"],
            Self::Skipped => &["skipped"],
            Self::Error => &["error"],
            Self::Cancelled => &["cancelled"],
            Self::Strange | Self::Resultless => &[],
            // Where the rerun can't be made or read, the failure stands.
            Self::Flaky if reruns > 0 => &["flaky", "failed"],
            Self::Flaky => &["failed"],
        }
    }

    fn script(self, look: usize) -> RunScript {
        let cases = match self {
            Self::Passed | Self::Error | Self::Cancelled | Self::Strange | Self::Resultless => {
                vec![Case::passed("Login"), Case::passed("Pay").ends(When::Look(look))]
            }
            Self::Failed | Self::Flaky => vec![Case::passed("Login"), Case::failed("Pay").ends(When::Look(look))],
            Self::Skipped => vec![Case::new("Login", qatech_fakes::qatech::Outcome::Skipped)],
        };
        let (status, result) = match self {
            Self::Passed => ("COMPLETED", Some("PASSED")),
            Self::Failed | Self::Flaky => ("COMPLETED", Some("FAILED")),
            Self::Skipped => ("COMPLETED", Some("SKIPPED")),
            Self::Error => ("ERROR", None),
            Self::Cancelled => ("CANCELLED", None),
            Self::Strange => ("COMPLETED", Some("passed")),
            Self::Resultless => ("COMPLETED", None),
        };
        let script = RunScript::new(cases).ends(When::Look(look), status, result);
        match self {
            Self::Failed => script.rerun(Rerun::passing(&[])).rerun(Rerun::passing(&[])),
            Self::Flaky => script.rerun(Rerun::passing(&["Pay"])),
            Self::Passed | Self::Skipped | Self::Error | Self::Cancelled | Self::Strange | Self::Resultless => script,
        }
    }
}

/// One plan, or one run that exists.
#[derive(Clone, Debug)]
pub struct Planned {
    pub ending: Ending,
    /// The look at which it ends.
    pub look: usize,
}

impl Planned {
    /// Its script.
    pub fn script(&self) -> RunScript {
        self.ending.script(self.look)
    }
}

/// A fault, with whether its request has its effect where either may be.
pub type Planted = (Fault, bool);

/// All of it.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub plans: Vec<Planned>,
    /// Runs are attached to instead of started.
    pub attach: bool,
    pub tls: bool,
    pub github: bool,
    pub fail_fast: bool,
    pub reruns: u32,
    /// Seconds.
    pub timeout: f64,
    /// By the number of the POST, over all plans.
    pub posts: Vec<Option<Planted>>,
    /// By the number of the GET, over all runs.
    pub gets: Vec<Option<Planted>>,
    /// By the number of the connection.
    pub handshakes: Vec<Option<NoHandshake>>,
}

impl Schedule {
    /// The schedule of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let dice = &mut dice;
        let count = dice.of(&[1, 1, 1, 2, 3]);
        let tls = dice.percent(30);
        let (posts_bad, gets_bad) = (dice.of(&[0, 20, 60]), dice.of(&[10, 40, 80]));
        Self {
            plans: (0..count)
                .map(|_| Planned {
                    ending: dice.of(&Ending::ALL),
                    look: 1 + dice.below(5) as usize,
                })
                .collect(),
            attach: dice.percent(20),
            tls,
            github: dice.percent(50),
            fail_fast: dice.percent(15),
            reruns: dice.of(&[0, 0, 1, 2]),
            timeout: dice.of(&[1.0, 2.5, 5.0]),
            posts: faults(dice, 8, posts_bad),
            gets: faults(dice, 30, gets_bad),
            handshakes: (0..20)
                .map(|_| (tls && dice.percent(30)).then(|| no_handshake(dice)))
                .collect(),
        }
    }
}

fn faults(dice: &mut Dice, count: usize, percent: u64) -> Vec<Option<Planted>> {
    (0..count)
        .map(|_| dice.percent(percent).then(|| (Fault::random(dice), dice.percent(50))))
        .collect()
}
