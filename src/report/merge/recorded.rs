//! From which elements of the answers the cases of a run were recorded, so that a poll need not read again what did not change.

use std::collections::HashMap;

use crate::report::Case;
use crate::report::merge::match_cases::Keys;
use crate::report::merge::snapshot::CaseSnapshot;

/// Longest id that is kept beside that of the case, in bytes. A UUID has 36.
const MAX_ID: usize = 64;

/// The index of the case that was last recorded from an element, by the element's digest.
pub type KnownElements = HashMap<u64, usize>;

/// An element of a list of test cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed<T> {
    /// An element equal to that from which the case with this index was last recorded in the same attempt. It was not read.
    Unchanged(usize),
    /// Any other element.
    Read {
        /// The test case. Boxed, since most elements of most answers are unchanged.
        case: Box<T>,
        /// The digest of the element. `None` if it has none: it is then read again by the next poll.
        digest: Option<u64>,
    },
}

impl<T> Listed<T> {
    /// Converts the test case of an element that was read.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Listed<U> {
        match self {
            Self::Unchanged(index) => Listed::Unchanged(index),
            Self::Read { case, digest } => Listed::Read {
                case: Box::new(f(*case)),
                digest,
            },
        }
    }

    /// The test case; `None` for an unchanged element.
    pub fn case(&self) -> Option<&T> {
        match self {
            Self::Unchanged(_) => None,
            Self::Read { case, digest: _ } => Some(case),
        }
    }
}

impl<T> From<T> for Listed<T> {
    /// An element without a digest.
    fn from(case: T) -> Self {
        Self::Read {
            case: Box::new(case),
            digest: None,
        }
    }
}

/// The elements from which the cases of a run were last recorded in one attempt.
#[derive(Debug, Default)]
pub struct Recorded {
    attempt: usize,
    /// By the index of the case. `None` for a case that the attempt has not listed, or whose element can't be restored from it.
    elements: Vec<Option<Element>>,
}

/// An element that can be restored from its case.
#[derive(Debug)]
pub(super) struct Element {
    digest: u64,
    /// Its id, if that differs from the case's: ids differ between attempts.
    id: Option<Box<str>>,
}

impl Recorded {
    /// The elements of an attempt.
    pub fn known(&self, attempt: usize) -> KnownElements {
        let elements = self.elements.iter().enumerate().filter(|_| attempt == self.attempt);
        elements
            .filter_map(|(index, element)| Some((element.as_ref()?.digest, index)))
            .collect()
    }

    /// Drops the elements of other attempts.
    pub(super) fn enter(&mut self, attempt: usize) {
        if attempt != self.attempt {
            *self = Self {
                attempt,
                elements: Vec::new(),
            };
        }
    }

    /// Replaces the element of a case.
    pub(super) fn set(&mut self, index: usize, element: Option<Element>) {
        if self.elements.len() <= index {
            self.elements.resize_with(index + 1, || None);
        }
        if let Some(place) = self.elements.get_mut(index) {
            *place = element;
        }
    }

    fn get(&self, index: usize) -> Option<&Element> {
        self.elements.get(index)?.as_ref()
    }

    /// The keys of a case's element.
    pub(super) fn keys<'a>(&'a self, cases: &'a [Case], index: usize) -> Option<Keys<'a>> {
        let (element, case) = (self.get(index)?, cases.get(index)?);
        Some(Keys {
            id: element.id.as_deref().unwrap_or(&case.id),
            short_id: &case.latest()?.short_id,
            name: &case.name,
        })
    }

    /// A case's element as it was read.
    pub(super) fn restore(&self, cases: &[Case], index: usize) -> Option<Listed<CaseSnapshot>> {
        let Keys { id, short_id, name } = self.keys(cases, index)?;
        let case = cases.get(index)?;
        let latest = case.latest()?;
        Some(Listed::Read {
            case: Box::new(CaseSnapshot {
                id: id.to_owned(),
                short_id: short_id.to_owned(),
                name: name.to_owned(),
                status: latest.status.clone(),
                result: latest.result.clone(),
                title: latest.title.clone(),
                reasoning: latest.reasoning.clone(),
                goal: case.goal.clone(),
                examples: case.examples.clone(),
            }),
            digest: Some(self.get(index)?.digest),
        })
    }
}

impl Element {
    /// The element that a case is about to be recorded from; `None` if the case will differ from it, because it has another name
    /// or keeps an earlier text.
    pub(super) fn new(case: &Case, seen: &CaseSnapshot, digest: u64) -> Option<Self> {
        let id = (seen.id != case.id).then_some(seen.id.as_str());
        let can_be_restored = seen.name == case.name
            && id.is_none_or(|id| id.len() <= MAX_ID)
            && (seen.goal.is_some() || case.goal.is_none())
            && (seen.examples.is_some() || case.examples.is_none());
        can_be_restored.then(|| Self {
            digest,
            id: id.map(Into::into),
        })
    }
}
