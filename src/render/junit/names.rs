//! Names that readers can distinguish.
//!
//! Readers fold white space, drop what can't be seen, and take what then has one class and one name for one test: the
//! failure of one would hide behind the pass of the other.

use crate::render::escape::{cut_chars, is_blank, one_line};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Longest tag that distinguishes equal names, in characters.
const MAX_TAG: usize = 60;

/// A name as it is wanted.
pub(super) struct Wanted<'a> {
    /// The name; it may be blank.
    pub(super) name: &'a str,
    /// Texts that distinguish it from others with the same name, the best first.
    pub(super) tags: [&'a str; 2],
}

/// Cleaned names of at most `max` characters, in the order of `wanted`: none is blank, no two are the same, and none is
/// in `taken`. A name that occurs twice gets a tag each time, so that the result does not depend on the order.
pub(super) fn unique(wanted: &[Wanted<'_>], max: usize, mut taken: HashSet<String>) -> Vec<String> {
    let bases: Vec<Cow<'_, str>> = wanted.iter().map(|wanted| base(wanted, max)).collect();
    let mut count: HashMap<&str, usize> = HashMap::with_capacity(bases.len());
    for base in &bases {
        *count.entry(base).or_default() += 1;
    }
    let single = |base: &str, taken: &HashSet<String>| count.get(base) == Some(&1) && !taken.contains(base);
    let singles: Vec<bool> = bases.iter().map(|base| single(base, &taken)).collect();
    for (base, single) in bases.iter().zip(&singles) {
        if *single {
            taken.insert(base.to_string());
        }
    }
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::with_capacity(bases.len());
    for ((wanted, base), single) in wanted.iter().zip(&bases).zip(&singles) {
        let name = if *single {
            base.to_string()
        } else {
            let mut tags = wanted.tags.iter().filter(|tag| !is_blank(tag));
            let tagged = tags.find_map(|tag| {
                let name = with_tag(base, &cut_chars(&one_line(tag), MAX_TAG), max);
                (!taken.contains(&name)).then_some(name)
            });
            tagged.unwrap_or_else(|| numbered(base, numbers.entry(base).or_insert(1), max, &taken))
        };
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// The cleaned name, else the first tag that is not blank.
fn base<'a>(wanted: &Wanted<'a>, max: usize) -> Cow<'a, str> {
    let [first, second] = wanted.tags;
    let found = [wanted.name, first, second].into_iter().find(|text| !is_blank(text));
    match one_line(found.unwrap_or("unnamed")) {
        Cow::Borrowed(line) => cut_chars(line, max),
        Cow::Owned(line) => Cow::Owned(cut_chars(&line, max).into_owned()),
    }
}

/// `name [tag]`, where the name is shortened to leave room for the tag.
fn with_tag(name: &str, tag: &str, max: usize) -> String {
    let room = max.saturating_sub(tag.chars().count() + 3);
    format!("{} [{tag}]", cut_chars(name, room))
}

/// The first number after `last` that makes the name one of its own.
fn numbered(name: &str, last: &mut usize, max: usize, taken: &HashSet<String>) -> String {
    loop {
        *last += 1;
        let name = with_tag(name, &last.to_string(), max);
        if !taken.contains(&name) {
            return name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(all: &[(&str, &str)], max: usize) -> Vec<String> {
        let wanted: Vec<_> = all.iter().map(|(name, tag)| Wanted { name, tags: [tag, ""] }).collect();
        unique(&wanted, max, HashSet::from(["taken".to_owned()]))
    }

    #[test]
    fn what_readers_take_for_one_name_is_told_apart() {
        let all = [
            ("Log in", "c1"),
            ("Log in ", "c2"),
            ("Log  in", "c3"),
            ("Log in\u{200b}", "c4"),
            ("Log\nin", "c5"),
            ("Pay", "c6"),
            ("taken", "c7"),
            (" \u{200b}", "c8"),
        ];
        let expected = [
            "Log in [c1]",
            "Log in [c2]",
            "Log in [c3]",
            "Log in [c4]",
            "Log in [c5]",
            "Pay",
            "taken [c7]",
            "c8",
        ];
        assert_eq!(names(&all, 250), expected);
    }

    #[test]
    fn a_tag_that_does_not_help_gives_way_to_a_number() {
        assert_eq!(
            names(&[("a", "x"), ("a", "x"), ("a", ""), ("a [x]", "y")], 250),
            ["a [2]", "a [3]", "a [4]", "a [x]"]
        );
    }

    proptest! {
        #[test]
        fn names_are_unique_short_and_never_blank(
            all in prop::collection::vec(("[ab \u{200b}\n\\[\\]1]{0,14}", "[ab1\u{200b}]{0,3}"), 0..30), max in 12_usize..40,
        ) {
            let all: Vec<_> = all.iter().map(|(name, tag)| (name.as_str(), tag.as_str())).collect();
            let names = names(&all, max);
            prop_assert_eq!(names.len(), all.len());
            let seen: HashSet<_> = names.iter().map(|name| one_line(name).into_owned()).collect();
            prop_assert_eq!(seen.len(), all.len());
            prop_assert!(!seen.contains("taken"));
            prop_assert!(names.iter().all(|name| !is_blank(name) && name.chars().count() <= max));
        }
    }
}
