//! The cases if there is no room for the details of all: as many folds as fit, then a line for each of the others.

use crate::render::markdown::cases::{Fold, line};
use crate::render::markdown::page::Page;
use crate::render::markdown::{Entry, Groups};
use crate::render::phrases::{number, several};
use crate::report::Report;

/// Characters of reasoning, and of goal, in a fold.
pub(super) const REASONING: usize = 500;
/// Room for headings, for notes about shortened and omitted cases, and for the number of other cases.
const HEADINGS: usize = 1_000;
/// Room for the note about cases that are left out of one list.
const NOTE: usize = 160;
/// Room for the heading of a list and its note about shortened cases.
const HEADING: usize = 240;
/// Room for the number of other cases.
const REST: usize = 240;

/// Adds the cases that need attention, leaving `after` free. False if some are left out.
///
/// Every line is rendered twice: first to measure how much room the lines leave for folds. Both passes stop when the room is
/// used.
pub(super) fn sections(page: &mut Page, report: &Report, groups: &Groups<'_>, after: usize) -> bool {
    let room = page.room().saturating_sub(after + HEADINGS);
    let titles = length(page, groups, true, room) <= room;
    let used = length(page, groups, titles, room);
    let mut spare = room.saturating_sub(used);
    let mut complete = true;
    let rest = if groups.rest.is_empty() { 0 } else { REST };
    let mut lists: &[_] = &groups.with_headings();
    while let Some((&(cases, title), later)) = lists.split_first() {
        let folded = fold_first(page, cases, report, groups, titles, &mut spare);
        // Whatever is left out of this list, the number of cases in each of the others is shown.
        let kept = later.iter().filter(|(cases, _)| !cases.is_empty()).count() * (HEADING + NOTE);
        complete &= push_list(page, groups, cases, title, titles, &folded, kept + rest);
        lists = later;
    }
    complete
}

/// Length of the lines of all cases; any length above `room` if they are longer.
fn length(page: &Page, groups: &Groups<'_>, titles: bool, room: usize) -> usize {
    let (mut piece, mut length) = (String::new(), 0);
    for (run, case) in groups.notable() {
        piece.clear();
        line(&mut piece, case, groups.label(run), titles);
        length += page.length(&piece);
        if length > room {
            break;
        }
    }
    length
}

/// The folds of the first cases.
struct Folded {
    text: String,
    count: usize,
}

/// As many folds as fit in the spare room. A fold uses the difference between its length and that of a line.
fn fold_first(
    page: &Page,
    cases: &[Entry<'_>],
    report: &Report,
    groups: &Groups<'_>,
    titles: bool,
    spare: &mut usize,
) -> Folded {
    let (mut folds, mut fold, mut piece) = (String::new(), String::new(), String::new());
    for (count, (run, case)) in cases.iter().enumerate() {
        fold.clear();
        // Even the shortest fold is longer than `NOTE`.
        if *spare > NOTE {
            let entry = Fold {
                report,
                run,
                case,
                label: groups.label(run),
                reasoning: REASONING,
                open: false,
            };
            entry.push(&mut fold);
        }
        piece.clear();
        line(&mut piece, case, groups.label(run), titles);
        let more = page.length(&fold).saturating_sub(page.length(&piece));
        if more == 0 || more > *spare {
            *spare = 0;
            return Folded { text: folds, count };
        }
        folds.push_str(&fold);
        *spare -= more;
    }
    Folded {
        text: folds,
        count: cases.len(),
    }
}

/// Adds a heading, the folds, and a line for each of the other cases, leaving `after` free. False if some are left out.
fn push_list(
    page: &mut Page,
    groups: &Groups<'_>,
    cases: &[Entry<'_>],
    title: &str,
    titles: bool,
    folded: &Folded,
    after: usize,
) -> bool {
    if cases.is_empty() {
        return true;
    }
    let others = cases.get(folded.count..).unwrap_or_default();
    let note = match (folded.count, others.is_empty(), titles) {
        (0, _, false) => "Names only, to stay within GitHub's limit; what happened is shown at QA.tech.".to_owned(),
        (0, _, true) => {
            "Names and titles only, to stay within GitHub's limit; the rest is shown at QA.tech.".to_owned()
        }
        (_, true, _) => format!("What happened is cut at {REASONING} characters, to stay within GitHub's limit."),
        (_, false, _) => format!(
            "What happened is shown for the first {}, cut at {REASONING} characters; the others have one line each, to \
             stay within GitHub's limit.",
            number(folded.count as u64)
        ),
    };
    // Folds end with an empty line already.
    let end = if others.is_empty() { "" } else { "\n" };
    let heading = format!("### {title} ({})\n\n{note}\n\n", number(cases.len() as u64));
    if !page.open(&heading, end) {
        return false;
    }
    // The folds fit, since they were measured.
    page.push(&folded.text);
    let shown = page.push_all(others, NOTE + after, |out, (run, case)| {
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
