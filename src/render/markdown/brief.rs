//! The cases where not all of them can be told: the first in a fold each, as many as fit, the others on a line each.

use crate::render::markdown::cases::{bad_title, fold, line};
use crate::render::markdown::page::Page;
use crate::render::markdown::{Entry, Groups};
use crate::render::phrases::{number, several};
use crate::report::Report;

/// Characters of reasoning, and of goal, in a fold.
const REASONING: usize = 500;
/// Room for headings, for the words on what is cut or left out, and for the number of the other cases.
const WORDS: usize = 1_000;
/// Room for the words on what is left out of one list.
const NOTE: usize = 160;

/// Failed, then flaky cases, leaving `after` free. Says whether none is left out.
///
/// Every line is made twice, the first time to learn how much room all lines leave for folds; neither goes on once the
/// room is used.
pub(super) fn sections(page: &mut Page, report: &Report, groups: &Groups<'_>, after: usize) -> bool {
    let room = page.room().saturating_sub(after + WORDS);
    let all = || groups.bad.iter().chain(&groups.flaky);
    let titles = length(page, all(), groups, true, room) <= room;
    let used = length(page, all(), groups, titles, room);
    let mut spare = room.saturating_sub(used);
    let mut complete = true;
    for (cases, title) in [(&groups.bad, bad_title(groups)), (&groups.flaky, "Flaky tests")] {
        let (folds, told) = folds(page, cases, report, groups, titles, &mut spare);
        complete &= list(page, groups, cases, title, titles, &folds, told);
    }
    complete
}

/// Length of the lines on all cases; something above `room` where they are more than that.
fn length<'a>(
    page: &Page,
    cases: impl Iterator<Item = &'a Entry<'a>>,
    groups: &Groups<'_>,
    titles: bool,
    room: usize,
) -> usize {
    let (mut piece, mut length) = (String::new(), 0);
    for (run, case) in cases {
        piece.clear();
        line(&mut piece, case, groups.label(run), titles);
        length += page.length(&piece);
        if length > room {
            break;
        }
    }
    length
}

/// As many folds as there is room to spare for, and how many they are. What a fold costs is what it has more than a line.
fn folds(
    page: &Page,
    cases: &[Entry<'_>],
    report: &Report,
    groups: &Groups<'_>,
    titles: bool,
    spare: &mut usize,
) -> (String, usize) {
    let (mut folds, mut made, mut piece) = (String::new(), String::new(), String::new());
    for (told, (run, case)) in cases.iter().enumerate() {
        made.clear();
        // Even the smallest fold has more than that.
        if *spare > NOTE {
            fold(&mut made, report, run, case, groups.label(run), REASONING);
        }
        piece.clear();
        line(&mut piece, case, groups.label(run), titles);
        let more = page.length(&made).saturating_sub(page.length(&piece));
        if more == 0 || more > *spare {
            *spare = 0;
            return (folds, told);
        }
        folds.push_str(&made);
        *spare -= more;
    }
    (folds, cases.len())
}

fn list(
    page: &mut Page,
    groups: &Groups<'_>,
    cases: &[Entry<'_>],
    title: &str,
    titles: bool,
    folds: &str,
    told: usize,
) -> bool {
    if cases.is_empty() {
        return true;
    }
    let others = cases.get(told..).unwrap_or_default();
    let note = match (told, others.is_empty(), titles) {
        (0, _, false) => "Only names, to stay within GitHub's limit: what happened is shown at QA.tech.".to_owned(),
        (0, _, true) => {
            "Only names and titles, to stay within GitHub's limit: the rest is shown at QA.tech.".to_owned()
        }
        (_, true, _) => format!("What happened is cut at {REASONING} characters, to stay within GitHub's limit."),
        (_, false, _) => format!(
            "What happened is shown for the first {}, cut at {REASONING} characters; the others have one line each, to \
             stay within GitHub's limit.",
            number(told as u64)
        ),
    };
    // Folds end with an empty line of their own.
    let end = if others.is_empty() { "" } else { "\n" };
    if !page.open(
        &format!("### {title} ({})\n\n{note}\n\n", number(cases.len() as u64)),
        end,
    ) {
        return false;
    }
    // There is room, as it was measured; without it the lines are all that is tried.
    page.push(folds);
    let shown = page.push_all(others, NOTE, |out, (run, case)| {
        line(out, case, groups.label(run), titles);
    });
    page.close(end);
    let left = others.len() - shown;
    if left > 0 {
        let left = several(left as u64, "more test");
        page.push(&format!("…and {left}, left out to stay within GitHub's limit.\n\n"));
    }
    left == 0
}
