//! Matches the test cases of one poll with those that are known.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::report::Case;
use crate::report::merge::snapshot::{CaseSnapshot, fallback_name};

/// What a test case is matched by; empty where the API returned none.
#[derive(Clone, Copy, Default)]
pub(super) struct Keys<'a> {
    pub(super) id: &'a str,
    pub(super) short_id: &'a str,
    pub(super) name: &'a str,
}

impl<'a> From<&'a CaseSnapshot> for Keys<'a> {
    fn from(seen: &'a CaseSnapshot) -> Self {
        Self {
            id: &seen.id,
            short_id: &seen.short_id,
            name: &seen.name,
        }
    }
}

/// For each case that a poll has seen, the index of the known case that it is.
pub(super) fn match_cases(cases: &[Case], attempt: usize, seen: &[Keys<'_>]) -> Vec<Option<usize>> {
    let mut matches = vec![None; seen.len()];
    if cases.is_empty() {
        return matches;
    }
    let mut taken = HashSet::new();
    let by_id = unique(cases.iter().map(|case| case.id.as_str()));
    let by_short_id = unique(cases.iter().map(|case| case.short_id.as_str()));
    let by_name = unique(cases.iter().map(|case| case.name.as_str()));
    let seen_ids = unique(seen.iter().map(|case| case.id));
    let seen_short_ids = unique(seen.iter().map(|case| case.short_id));
    let seen_names = unique(seen.iter().map(|case| case.name));
    // Each rule is applied to all cases before the next one: a name must not take a case that an id matches.
    let rules: [(Key, Places<'_>, Places<'_>); 3] = [
        (|case| case.id, seen_ids, by_id),
        (|case| case.short_id, seen_short_ids, by_short_id),
        (|case| case.name, seen_names, by_name),
    ];
    for (key, on_this_side, on_that_side) in rules {
        for (case, place) in seen.iter().zip(matches.iter_mut()) {
            let key = key(case);
            if place.is_some() || !matches!(on_this_side.get(key), Some(Some(_))) {
                continue;
            }
            if let Some(Some(index)) = on_that_side.get(key)
                && taken.insert(*index)
            {
                *place = Some(*index);
            }
        }
    }
    if matches.contains(&None) {
        match_in_order(cases, attempt, seen, &mut matches, &taken);
    }
    matches
}

/// Matches cases without a unique key in their order: the first of a kind is the first in the attempt's earlier poll, and so
/// on. Never across attempts: a rerun that lists one of two may mean either, and must not forgive the wrong one.
fn match_in_order(
    cases: &[Case],
    attempt: usize,
    seen: &[Keys<'_>],
    matches: &mut [Option<usize>],
    taken: &HashSet<usize>,
) {
    let mut alike: HashMap<(&str, &str, &str), VecDeque<usize>> = HashMap::new();
    for (index, case) in cases.iter().enumerate() {
        let of_attempt = case.latest().is_some_and(|latest| latest.attempt == attempt);
        if of_attempt && !taken.contains(&index) {
            let Case { id, short_id, name, .. } = case;
            let named = *name != fallback_name(short_id, id, index);
            let name = if named { name.as_str() } else { "" };
            alike.entry((id, short_id, name)).or_default().push_back(index);
        }
    }
    for (case, place) in seen.iter().zip(matches).filter(|(_, place)| place.is_none()) {
        let Keys { id, short_id, name } = *case;
        let name = if name.trim().is_empty() { "" } else { name };
        *place = alike.get_mut(&(id, short_id, name)).and_then(VecDeque::pop_front);
    }
}

/// One of a case's keys.
type Key = for<'a> fn(&Keys<'a>) -> &'a str;
/// The index of each key; `None` for a key that occurs twice.
type Places<'a> = HashMap<&'a str, Option<usize>>;

/// The index of each key. Empty keys are ignored.
fn unique<'a>(keys: impl Iterator<Item = &'a str>) -> Places<'a> {
    let mut map = HashMap::new();
    for (index, key) in keys.enumerate().filter(|(_, key)| !key.is_empty()) {
        map.entry(key).and_modify(|place| *place = None).or_insert(Some(index));
    }
    map
}
