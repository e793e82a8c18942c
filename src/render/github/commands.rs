//! Workflow commands, and the same messages in plain form where no runner reads them.

use crate::render::escape::{command_data, command_property, cut_chars, log_line};
use crate::render::github::check::{case_title, failure_message};
use crate::render::phrases::{Headline, several};
use crate::render::synthetic_case::{Ending, SyntheticCase};
use crate::report::{Case, Report, RunReport};

/// Characters of a command's line; the runner cuts a message that is longer.
const LINE: usize = 4_096;
/// Characters of a title.
const TITLE: usize = 255;
/// Annotations of one level that GitHub shows for a step.
const ANNOTATIONS: usize = 10;
/// Notices for cases in quarantine, which leaves room for other notices.
const NOTICES: usize = 5;

/// The reader of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// GitHub's runner (`GITHUB_ACTIONS` is `true`), which reads commands in the log.
    Runner,
    /// A person, or another system.
    Plain,
}

/// The level of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Red.
    Error,
    /// Yellow.
    Warning,
    /// Grey.
    Notice,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

impl Reader {
    /// A message of a level; the title may be empty. One line of at most 4,096 characters.
    pub fn message(self, level: Level, title: &str, message: &str) -> String {
        let title = cut_chars(title, TITLE);
        match self {
            Self::Runner => {
                let title = command_property(&title);
                let title = if title.is_empty() {
                    title
                } else {
                    format!(" title={title}")
                };
                let start = format!("::{}{title}::", level.as_str());
                let room = LINE - start.chars().count().min(LINE);
                format!("{start}{}", fit(message, room, command_data))
            }
            Self::Plain => {
                let title = log_line(&title);
                let title = if title.is_empty() { title } else { format!("{title}: ") };
                let start = format!("{}: {title}", level.as_str());
                let room = LINE - start.chars().count().min(LINE);
                format!("{start}{}", fit(message, room, log_line))
            }
        }
    }

    /// Opens a group in the log, which the runner folds.
    pub fn group(self, title: &str) -> String {
        let title = log_line(&cut_chars(title, TITLE));
        match self {
            Self::Runner => format!("::group::{}", command_data(&title)),
            Self::Plain => title,
        }
    }

    /// Closes the group, where there are groups.
    pub fn end_group(self) -> Option<&'static str> {
        match self {
            Self::Runner => Some("::endgroup::"),
            Self::Plain => None,
        }
    }

    /// The line that makes the runner mask a secret; `None` where it would only print the secret. The value is not cleaned,
    /// since the runner searches for exactly that value. A value of several lines is left out: the runner would mask each
    /// line, even a single bracket, and lines that are long enough are secrets of their own.
    pub fn mask(self, secret: &str) -> Option<String> {
        let value = secret.trim();
        let one_line = !value.is_empty() && !value.contains(['\r', '\n']);
        (self == Self::Runner && one_line).then(|| format!("::add-mask::{}", value.replace('%', "%25")))
    }

    /// The failures: runs that failed without a failed case, then failed and errored cases, at most ten, the last of which
    /// counts the rest. They are errors where their run's verdict makes the step fail, else warnings. A step that fails for
    /// another reason has one error that says so. Cases in quarantine follow as notices, at most `NOTICES`.
    pub fn failures(self, report: &Report) -> Vec<String> {
        let level = |run: &RunReport| match run.verdict {
            Some(verdict) if report.fail_on.fails(verdict) => Level::Error,
            Some(_) | None => Level::Warning,
        };
        let several_runs = report.runs.len() > 1;
        let broken_runs = || {
            let synthetic = report
                .runs
                .iter()
                .filter_map(|run| Some((run, SyntheticCase::from_run(run)?)));
            synthetic.filter(|(_, case)| case.ending == Ending::Broken)
        };
        let failed_cases = || report.bad_cases().filter(|(_, case)| !case.is_quarantined_failure());
        let (runs, tests) = (broken_runs().count(), failed_cases().count());
        let total = runs + tests;
        let shown = if total > ANNOTATIONS { ANNOTATIONS - 1 } else { total };
        let of_runs = broken_runs()
            .map(|(run, case)| self.message(level(run), &format!("QA.tech: {}", run.label()), &case.message));
        let of_cases = failed_cases().map(|(run, case)| self.failure(level(run), run, case, several_runs));
        let mut lines: Vec<_> = of_runs.chain(of_cases).take(shown).collect();
        let mut failed_runs = broken_runs()
            .map(|(run, _)| run)
            .chain(failed_cases().map(|(run, _)| run));
        let any_error = failed_runs.any(|run| level(run) == Level::Error);
        if total > shown {
            let left_out = left_out(runs.saturating_sub(shown), tests.min(total - shown));
            let level = if any_error { Level::Error } else { Level::Warning };
            lines.push(self.message(level, "QA.tech", &left_out));
        }
        if !any_error && report.conclusion().is_red() {
            let message = format!("{}; this fails the step", Headline::new(report.as_slice()).title());
            lines.push(self.message(Level::Error, "QA.tech", &message));
        }
        lines.extend(self.quarantined(report, several_runs));
        lines
    }

    /// Notices for failed cases in quarantine.
    fn quarantined(self, report: &Report, several_runs: bool) -> Vec<String> {
        let mut cases = report.bad_cases().filter(|(_, case)| case.is_quarantined_failure());
        let first = cases.by_ref().take(NOTICES);
        let mut lines: Vec<_> = first
            .map(|(run, case)| self.failure(Level::Notice, run, case, several_runs))
            .collect();
        let more = cases.count() as u64;
        if more > 0 {
            let message = format!(
                "{} failed; the job summary lists them",
                several(more, "more quarantined test")
            );
            lines.push(self.message(Level::Notice, "QA.tech", &message));
        }
        lines
    }

    fn failure(self, level: Level, run: &RunReport, case: &Case, several_runs: bool) -> String {
        // No more than a line can show needs to be escaped.
        let message = failure_message(case, LINE);
        self.message(level, &case_title(run, case, several_runs, TITLE), &message)
    }
}

/// `2 more runs and 1 more test failed; the job summary lists them`.
fn left_out(runs: usize, tests: usize) -> String {
    let parts = [(runs, "more run"), (tests, "more test")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, what)| several(count as u64, what)).collect();
    format!("{} failed; the job summary lists them", parts.join(" and "))
}

/// The longest start of a text that has at most `room` characters once it is escaped.
fn fit(text: &str, room: usize, escape: impl Fn(&str) -> String) -> String {
    let mut keep = room;
    loop {
        let escaped = escape(&cut_chars(text, keep));
        let over = escaped.chars().count().saturating_sub(room);
        if over == 0 {
            return escaped;
        }
        // A character becomes three at most.
        keep = keep.saturating_sub(over.div_ceil(3));
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::report::sample::{large, report, run, shop};
    use crate::report::{FailOn, Mode, QuarantineNote, Verdict};

    /// The failures, with `fail_on` as it is by default.
    fn failures(reader: Reader, report: &Report) -> Vec<String> {
        failures_with(reader, report, FailOn::default())
    }

    fn failures_with(reader: Reader, report: &Report, fail_on: FailOn) -> Vec<String> {
        let mut report = report.clone();
        report.fail_on = fail_on;
        reader.failures(&report)
    }

    #[test]
    fn a_message_for_the_runner_and_for_people() {
        let say = |reader: Reader| reader.message(Level::Warning, "a: b, c", "100 %\nof it ##[x]");
        assert_eq!(
            say(Reader::Runner),
            "::warning title=a%3A b%2C c::100 %25%0Aof it # #[x]"
        );
        assert_eq!(say(Reader::Plain), "warning: a: b, c: 100 % of it # #[x]");
        assert_eq!(Reader::Runner.message(Level::Notice, "", "x"), "::notice::x");
        assert_eq!(
            Reader::Plain.message(Level::Error, "", "::error::x"),
            "error: : :error::x"
        );
    }

    #[test]
    fn groups_are_for_the_runner() {
        assert_eq!(Reader::Runner.group("Waiting\n::x"), "::group::Waiting ::x");
        assert_eq!(Reader::Runner.end_group(), Some("::endgroup::"));
        assert_eq!(
            (Reader::Plain.group("Waiting"), Reader::Plain.end_group()),
            ("Waiting".to_owned(), None)
        );
    }

    #[test]
    fn a_secret_of_one_line_is_masked_and_only_for_the_runner() {
        assert_eq!(Reader::Runner.mask("to%ken").unwrap(), "::add-mask::to%25ken");
        assert_eq!(Reader::Runner.mask(" token ").unwrap(), "::add-mask::token");
        for none in ["  ", "{\n}", "{\r}"] {
            assert_eq!(Reader::Runner.mask(none), None);
        }
        assert_eq!(Reader::Plain.mask("token"), None);
    }

    #[test]
    fn ten_failures_at_most_and_the_last_counts_the_rest() {
        insta::assert_snapshot!(failures(Reader::Runner, &shop()).join("\n"), @r#"
        ::error title=Pay with a saved card::Could not find the pay button%0A%0AI opened the basket and chose the saved card ending in 4242.%0AThe page showed a spinner for 30 seconds.%0A%0AThen the message "Something went wrong" appeared and the pay button was gone, so the order was never placed.
        ::error title=Search for a product::The browser crashed%0A%0AThe page stopped answering after the third letter was typed.
        ::error title=Change the delivery address::New address was not saved%0A%0AAfter saving, the old address was still shown in the order summary.
        "#);
        let lines = |cases: usize| failures(Reader::Runner, &large(cases, 10));
        assert_eq!(lines(100).len(), 10);
        assert_eq!(
            lines(100)[9],
            "::error title=Case number 93::What came of it%0A%0AThe agent"
        );
        assert_eq!(lines(110).len(), 10);
        assert_eq!(
            lines(110)[9],
            "::error title=QA.tech::2 more tests failed; the job summary lists them"
        );
    }

    #[test]
    fn what_the_step_lets_through_is_no_error_and_what_fails_it_is_told() {
        let tolerated = failures_with(Reader::Runner, &shop(), FailOn::new(vec![]));
        assert_eq!(tolerated.len(), 3);
        assert!(
            tolerated.iter().all(|line| line.starts_with("::warning title=")),
            "{tolerated:?}"
        );
        let mut flaky = shop();
        flaky.runs[0].cases.retain(|case| !case.outcome.is_bad());
        flaky.runs[0].verdict = Some(Verdict::Flaky);
        assert!(failures(Reader::Plain, &flaky).is_empty());
        let told = "error: QA.tech: Passed, but flaky: 1 of 11 tests only in a rerun; this fails the step";
        let fail_on = FailOn::new(vec![Verdict::Flaky]);
        assert_eq!(failures_with(Reader::Plain, &flaky, fail_on.clone()), [told]);
        // Beside a failed run that is let through.
        flaky.runs.extend(shop().runs);
        let lines = failures_with(Reader::Plain, &flaky, fail_on.clone());
        assert!(
            lines.len() == 4 && lines[3].starts_with("error: QA.tech: Failed: "),
            "{lines:?}"
        );
    }

    #[test]
    fn failures_in_quarantine_are_notices_after_all_others() {
        let mut report = large(200, 10);
        for case in report.runs[0].cases.iter_mut().skip(50) {
            case.quarantine = Some(QuarantineNote {
                reason: Some("known bug".into()),
                until: None,
            });
        }
        let lines = failures(Reader::Runner, &report);
        let levels: Vec<_> = lines.iter().filter_map(|line| line.split([':', ' ']).nth(2)).collect();
        assert_eq!(levels, [["error"; 5].as_slice(), &["notice"; 6]].concat());
        assert!(
            lines[5].contains("::What came of it%0AQuarantined: known bug%0A"),
            "{}",
            lines[5]
        );
        assert!(
            lines[10].ends_with("::10 more quarantined tests failed; the job summary lists them"),
            "{}",
            lines[10]
        );
    }

    #[test]
    fn of_a_look_failed_cases_are_warnings_and_what_breaks_the_step_is_an_error() {
        let mut look = large(200, 10);
        look.mode = Mode::Look;
        look.runs[0].verdict = None;
        let mut gone = run("Gone", "x", vec![]);
        gone.verdict = Some(Verdict::Unknown);
        look.runs.push(gone);
        let lines = failures(Reader::Plain, &look);
        assert!(lines[0].starts_with("error: "), "{}", lines[0]);
        assert!(
            lines[1..9].iter().all(|line| line.starts_with("warning: ")),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 10);
    }

    #[test]
    fn what_is_left_out_is_told_as_runs_and_as_tests() {
        let broken = |number| {
            let mut broken = run(&format!("Plan {number}"), "x", vec![]);
            broken.verdict = Some(Verdict::TimedOut);
            broken
        };
        let rest = |report: &Report| failures(Reader::Plain, report).pop();
        let mut runs = report((1..=11).map(broken).collect());
        let told = |rest: &str| Some(format!("error: QA.tech: {rest} failed; the job summary lists them"));
        assert_eq!(rest(&runs), told("2 more runs"));
        runs.runs.extend(large(10, 10).runs);
        assert_eq!(rest(&runs), told("2 more runs and 1 more test"));
    }
}
