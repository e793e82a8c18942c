//! Workflow commands, and the same words in plain form where no runner reads them.

use crate::render::escape::{command_data, command_property, cut_chars, is_blank, log_line};
use crate::render::github::check::{StepConclusion, case_title};
use crate::render::phrases::{Headline, several};
use crate::render::synthetic_case::{Ending, SyntheticCase};
use crate::report::{Case, FailOn, Report, RunReport};

/// Characters of a command's line; the runner cuts a message that is longer.
const LINE: usize = 4_096;
/// Characters of a title.
const TITLE: usize = 255;
/// Annotations of one kind that GitHub shows for a step.
const ANNOTATIONS: usize = 10;

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// GitHub's runner (`GITHUB_ACTIONS` is `true`): it takes commands out of the log.
    Runner,
    /// A person, or another system.
    Plain,
}

/// How bad a message is.
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

    /// Opens a fold in the log.
    pub fn group(self, title: &str) -> String {
        let title = log_line(&cut_chars(title, TITLE));
        match self {
            Self::Runner => format!("::group::{}", command_data(&title)),
            Self::Plain => title,
        }
    }

    /// Closes the fold, where there are folds.
    pub fn end_group(self) -> Option<&'static str> {
        match self {
            Self::Runner => Some("::endgroup::"),
            Self::Plain => None,
        }
    }

    /// The line that makes the runner mask a secret; none where it would only print it. Nothing of a secret is cleaned
    /// away: the runner looks for the very value. None of several lines is handed over: of such a one the runner masks
    /// each line, be it a single bracket, and those that are long enough are secrets by themselves.
    pub fn mask(self, secret: &str) -> Option<String> {
        let value = secret.trim();
        let one_line = !value.is_empty() && !value.contains(['\r', '\n']);
        (self == Self::Runner && one_line).then(|| format!("::add-mask::{}", value.replace('%', "%25")))
    }

    /// What is red, at most ten: runs without a red case that are red as a whole, then failed and errored cases. With
    /// more, the last one counts the rest. They are errors where their run's verdict makes the step fail, and warnings
    /// where the step lets it through, as it does with runs that were only looked at. A step that fails for something else
    /// has one error that says so.
    pub fn failures(self, report: &Report, fail_on: &FailOn) -> Vec<String> {
        let level = |run: &RunReport| match run.verdict {
            Some(verdict) if fail_on.fails(verdict) => Level::Error,
            Some(_) | None => Level::Warning,
        };
        let several_runs = report.runs.len() > 1;
        let synthetic_cases = || {
            let wholes = report
                .runs
                .iter()
                .filter_map(|run| Some((run, SyntheticCase::from_run(run)?)));
            wholes.filter(|(_, whole)| whole.ending == Ending::Broken)
        };
        let (runs, tests) = (synthetic_cases().count(), report.bad_cases().count());
        let total = runs + tests;
        let shown = if total > ANNOTATIONS { ANNOTATIONS - 1 } else { total };
        let wholes = synthetic_cases()
            .map(|(run, whole)| self.message(level(run), &format!("QA.tech: {}", run.label()), &whole.message));
        let cases = report
            .bad_cases()
            .map(|(run, case)| self.failure(level(run), run, case, several_runs));
        let mut lines: Vec<_> = wholes.chain(cases).take(shown).collect();
        let mut red = synthetic_cases()
            .map(|(run, _)| run)
            .chain(report.bad_cases().map(|(run, _)| run));
        let any_error = red.any(|run| level(run) == Level::Error);
        if total > shown {
            let left_out = [
                (runs.saturating_sub(shown), "more run"),
                (tests.min(total - shown), "more test"),
            ];
            let left_out = left_out.into_iter().filter(|(count, _)| *count > 0);
            let left_out: Vec<_> = left_out.map(|(count, what)| several(count as u64, what)).collect();
            let message = format!("{} failed; the job summary lists them", left_out.join(" and "));
            let level = if any_error { Level::Error } else { Level::Warning };
            lines.push(self.message(level, "QA.tech", &message));
        }
        if !any_error && StepConclusion::of(report, fail_on).is_red() {
            let message = format!("{}; the step fails for that", Headline::of(report.as_slice()).title());
            lines.push(self.message(Level::Error, "QA.tech", &message));
        }
        lines
    }

    fn failure(self, level: Level, run: &RunReport, case: &Case, several_runs: bool) -> String {
        let telling = case.decisive_attempt();
        let reason = telling.and_then(|attempt| attempt.title.as_deref()).unwrap_or_default();
        let thought = telling
            .and_then(|attempt| attempt.reasoning.as_deref())
            .unwrap_or_default();
        // Only so much can be shown, so more need not be escaped.
        let thought = cut_chars(thought, LINE);
        let message = match (is_blank(reason), is_blank(&thought)) {
            (true, true) => format!("The test {}", case.outcome.as_str()),
            (true, false) => thought.into_owned(),
            (false, true) => reason.to_owned(),
            (false, false) => format!("{reason}\n{thought}"),
        };
        self.message(level, &case_title(run, case, several_runs, TITLE), &message)
    }
}

/// As much of a text as fits into `room` characters once it is escaped.
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
    use crate::report::{Mode, Verdict};

    fn fail_on() -> FailOn {
        FailOn::new(vec![Verdict::Failed, Verdict::TimedOut, Verdict::Unknown])
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
        insta::assert_snapshot!(Reader::Runner.failures(&shop(), &fail_on()).join("\n"), @r#"
        ::error title=Pay with a saved card::Could not find the pay button%0AI opened the basket and chose the saved card ending in 4242.%0AThe page showed a spinner for 30 seconds.%0A%0AThen the message "Something went wrong" appeared and the pay button was gone, so the order was never placed.
        ::error title=Search for a product::The browser crashed%0AThe page stopped answering after the third letter was typed.
        ::error title=Change the delivery address::New address was not saved%0AAfter saving, the old address was still shown in the order summary.
        "#);
        let lines = |cases: usize| Reader::Runner.failures(&large(cases, 10), &fail_on());
        assert_eq!(lines(100).len(), 10);
        assert_eq!(
            lines(100)[9],
            "::error title=Case number 93::What came of it%0AThe agent"
        );
        assert_eq!(lines(110).len(), 10);
        assert_eq!(
            lines(110)[9],
            "::error title=QA.tech::2 more tests failed; the job summary lists them"
        );
    }

    #[test]
    fn what_the_step_lets_through_is_no_error_and_what_fails_it_is_told() {
        let tolerated = Reader::Runner.failures(&shop(), &FailOn::new(vec![]));
        assert_eq!(tolerated.len(), 3);
        assert!(
            tolerated.iter().all(|line| line.starts_with("::warning title=")),
            "{tolerated:?}"
        );
        let mut flaky = shop();
        flaky.runs[0].cases.retain(|case| !case.outcome.is_bad());
        flaky.runs[0].verdict = Some(Verdict::Flaky);
        assert!(Reader::Plain.failures(&flaky, &fail_on()).is_empty());
        let told = "error: QA.tech: Passed, but flaky: 1 of 11 tests only in a rerun; the step fails for that";
        let fail_on = FailOn::new(vec![Verdict::Flaky]);
        assert_eq!(Reader::Plain.failures(&flaky, &fail_on), [told]);
        // Beside a failed run that is let through.
        flaky.runs.extend(shop().runs);
        let lines = Reader::Plain.failures(&flaky, &fail_on);
        assert!(
            lines.len() == 4 && lines[3].starts_with("error: QA.tech: Failed: "),
            "{lines:?}"
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
        let lines = Reader::Plain.failures(&look, &fail_on());
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
        let rest = |report: &Report| Reader::Plain.failures(report, &fail_on()).pop();
        let mut runs = report((1..=11).map(broken).collect());
        let told = |rest: &str| Some(format!("error: QA.tech: {rest} failed; the job summary lists them"));
        assert_eq!(rest(&runs), told("2 more runs"));
        runs.runs.extend(large(10, 10).runs);
        assert_eq!(rest(&runs), told("2 more runs and 1 more test"));
    }
}
