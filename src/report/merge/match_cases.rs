//! Which case is which, from one look to the next.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::report::Case;
use crate::report::merge::snapshot::{CaseSnapshot, fallback_name};

/// For each seen case, the index of the case that it is.
pub(super) fn match_cases(cases: &[Case], attempt: usize, seen: &[CaseSnapshot]) -> Vec<Option<usize>> {
    let mut match_cases = vec![None; seen.len()];
    if cases.is_empty() {
        return match_cases;
    }
    let mut taken = HashSet::new();
    let by_id = unique(cases.iter().map(|case| case.id.as_str()));
    let by_short_id = unique(cases.iter().map(|case| case.short_id.as_str()));
    let by_name = unique(cases.iter().map(|case| case.name.as_str()));
    let seen_ids = unique(seen.iter().map(|case| case.id.as_str()));
    let seen_short_ids = unique(seen.iter().map(|case| case.short_id.as_str()));
    let seen_names = unique(seen.iter().map(|case| case.name.as_str()));
    // Each rule over all cases before the next one: a name must not take what an id claims.
    let rules: [(Key, Places<'_>, Places<'_>); 3] = [
        (|case| &case.id, seen_ids, by_id),
        (|case| &case.short_id, seen_short_ids, by_short_id),
        (|case| &case.name, seen_names, by_name),
    ];
    for (key, on_this_side, on_that_side) in rules {
        for (case, place) in seen.iter().zip(match_cases.iter_mut()) {
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
    if match_cases.contains(&None) {
        in_order(cases, attempt, seen, &mut match_cases, &taken);
    }
    match_cases
}

/// Places what nothing tells apart: the first of its kind is the first of the attempt's earlier look, and so on. Never
/// across attempts: a rerun that lists one of two may mean either, and must not forgive the wrong one.
fn in_order(
    cases: &[Case],
    attempt: usize,
    seen: &[CaseSnapshot],
    match_cases: &mut [Option<usize>],
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
    for (case, place) in seen.iter().zip(match_cases).filter(|(_, place)| place.is_none()) {
        let CaseSnapshot { id, short_id, name, .. } = case;
        let name = if name.trim().is_empty() { "" } else { name };
        *place = alike
            .get_mut(&(id.as_str(), short_id.as_str(), name))
            .and_then(VecDeque::pop_front);
    }
}

/// One of a case's keys.
type Key = fn(&CaseSnapshot) -> &str;
/// Where each key stands; `None` for one that stands twice.
type Places<'a> = HashMap<&'a str, Option<usize>>;

/// The match_cases of keys. Empty ones count for nothing.
fn unique<'a>(keys: impl Iterator<Item = &'a str>) -> Places<'a> {
    let mut map = HashMap::new();
    for (index, key) in keys.enumerate().filter(|(_, key)| !key.is_empty()) {
        map.entry(key).and_modify(|place| *place = None).or_insert(Some(index));
    }
    map
}
