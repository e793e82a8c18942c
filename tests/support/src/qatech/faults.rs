//! Faults of the fake QA.tech: which requests get which answer instead.

use std::collections::HashMap;
use std::ops::{RangeFrom, RangeInclusive};
use std::sync::Arc;

use crate::http::{Reply, Request};
use crate::qatech::FakeQaTech;

use super::lock;

/// The part that a fault replaces.
#[derive(Clone)]
pub enum Instead {
    /// Everything: the request has no effect.
    Of(Reply),
    /// Only the answer: a run is created, but the client does not get the answer.
    OfTheAnswer(Reply),
    /// The answer is created as usual, and then modified.
    Spoiled(Arc<Spoil>),
}

/// Modifies an answer.
pub type Spoil = dyn Fn(Reply) -> Reply + Send + Sync;

impl Instead {
    /// The usual answer, modified.
    pub fn spoiled(spoil: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> Self {
        Self::Spoiled(Arc::new(spoil))
    }
}

/// Which of the matching requests a fault applies to, counted from 1 for each fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nth {
    /// All of them.
    Every,
    /// One of them.
    Only(usize),
    /// Some of them.
    Range(RangeInclusive<usize>),
}

impl From<usize> for Nth {
    fn from(number: usize) -> Self {
        Self::Only(number)
    }
}

impl From<RangeInclusive<usize>> for Nth {
    fn from(range: RangeInclusive<usize>) -> Self {
        Self::Range(range)
    }
}

impl From<RangeFrom<usize>> for Nth {
    fn from(range: RangeFrom<usize>) -> Self {
        Self::Range(range.start..=usize::MAX)
    }
}

impl Nth {
    fn means(&self, number: usize) -> bool {
        match self {
            Self::Every => true,
            Self::Only(only) => *only == number,
            Self::Range(range) => range.contains(&number),
        }
    }
}

type Intercept = dyn FnMut(&Request, usize) -> Option<Instead> + Send;

enum Rule {
    Fault {
        method: String,
        pattern: String,
        nth: Nth,
        seen: usize,
        instead: Instead,
    },
    Intercept {
        seen: HashMap<(String, String), usize>,
        decide: Box<Intercept>,
    },
}

/// The active faults, oldest first; each counts every request.
#[derive(Default)]
pub(super) struct Faults(Vec<Rule>);

impl Faults {
    /// The first fault that applies to this request.
    pub(super) fn apply(&mut self, request: &Request, path: &str) -> Option<Instead> {
        let mut chosen = None;
        for rule in &mut self.0 {
            let this = match rule {
                Rule::Fault {
                    method,
                    pattern,
                    nth,
                    seen,
                    instead,
                } => {
                    let matches = *method == request.method && matches(pattern, path);
                    *seen += usize::from(matches);
                    (matches && nth.means(*seen)).then(|| instead.clone())
                }
                Rule::Intercept { seen, decide } => {
                    let count = seen.entry((request.method.clone(), path.to_owned())).or_default();
                    *count += 1;
                    decide(request, *count)
                }
            };
            chosen = chosen.or(this);
        }
        chosen
    }
}

impl FakeQaTech {
    /// Answers the n-th request of this method and path with `reply`; it has no effect. `path` is below the
    /// base path, as sent, and may contain `*` for any text: `/run`, `/run/*`.
    pub fn fault(&self, method: &str, path: &str, nth: impl Into<Nth>, reply: Reply) {
        self.add_fault(method, path, nth.into(), Instead::Of(reply));
    }

    /// A [`fault`](Self::fault) of the n-th request to start a run.
    pub fn fault_starts(&self, nth: impl Into<Nth>, reply: Reply) {
        self.fault("POST", "/run", nth, reply);
    }

    /// A [`fault`](Self::fault) of the n-th poll of any run.
    pub fn fault_polls(&self, nth: impl Into<Nth>, reply: Reply) {
        self.fault("GET", "/run/*", nth, reply);
    }

    /// Like [`fault`](Self::fault), but the request has its effect (a run is created), and only the answer is lost.
    pub fn lose_answer(&self, method: &str, path: &str, nth: impl Into<Nth>, reply: Reply) {
        self.add_fault(method, path, nth.into(), Instead::OfTheAnswer(reply));
    }

    /// Answers with these bodies in turn (status 200, JSON), byte for byte; the last one is repeated.
    ///
    /// # Panics
    /// If there is no body.
    pub fn replay(&self, method: &str, path: &str, bodies: &[&str]) {
        let (last, first) = bodies.split_last().expect("a body to replay");
        let reply = |body: &str| Reply::raw(200, "application/json", body);
        for (index, body) in first.iter().enumerate() {
            self.fault(method, path, index + 1, reply(body));
        }
        self.fault(method, path, first.len() + 1..=usize::MAX, reply(last));
    }

    /// Calls `decide` at each request, with the number of requests of this method and path so far, from 1.
    pub fn intercept(&self, decide: impl FnMut(&Request, usize) -> Option<Instead> + Send + 'static) {
        let rule = Rule::Intercept {
            seen: HashMap::new(),
            decide: Box::new(decide),
        };
        lock(&self.shared.faults).0.push(rule);
    }

    /// Ends every fault.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).0.clear();
    }

    fn add_fault(&self, method: &str, path: &str, nth: Nth, instead: Instead) {
        let rule = Rule::Fault {
            method: method.to_owned(),
            pattern: path.to_owned(),
            nth,
            seen: 0,
            instead,
        };
        lock(&self.shared.faults).0.push(rule);
    }
}

/// Whether `text` matches `pattern`, in which `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_anything() {
        for (pattern, text, expected) in [
            ("/run", "/run", true),
            ("/run", "/run/a", false),
            ("/run/*", "/run/a", true),
            ("/run/*", "/run", false),
            ("/run/*b*d", "/run/abcd", true),
            ("/run/*b*d", "/run/abc", false),
            ("*", "", true),
            ("/r*n", "/rn", true),
            ("/run*run", "/run", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
