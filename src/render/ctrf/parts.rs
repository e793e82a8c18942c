//! Types that the document and its entries share.

use crate::render::escape::{json_text, one_line};
use crate::render::synthetic_case;
use crate::render::synthetic_case::SyntheticCase;
use crate::report::{Attempt, CaseAttempt, Report, RunReport};
use serde::{Serialize, Serializer};

/// Text without control and invisible characters, which the writer of the document removes.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json_text::text(self.0, serializer)
    }
}

/// [`Text`] on one line.
pub(super) struct Line<'a>(pub(super) &'a str);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json_text::text(&one_line(self.0), serializer)
    }
}

pub(super) fn text(text: Option<&String>) -> Option<Text<'_>> {
    text.map(|text| Text(text))
}

pub(super) fn synthetic_cases(report: &Report) -> impl Iterator<Item = (&str, SyntheticCase)> {
    let none = report.runs.is_empty();
    let without = none.then(|| (synthetic_case::SUITE, SyntheticCase::without_runs(report)));
    let with = report.runs.iter();
    with.filter_map(|run| Some((run.label(), SyntheticCase::from_run(run)?)))
        .chain(without)
}

/// The run at QA.tech that an attempt of a case belongs to.
#[derive(Serialize)]
pub(super) struct AttemptExtra<'a> {
    short_id: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Text<'a>>,
}

impl<'a> AttemptExtra<'a> {
    pub(super) fn from_case(run: &'a RunReport, case: &CaseAttempt) -> Option<Self> {
        run.attempts.get(case.attempt).map(Self::from)
    }
}

impl<'a> From<&'a Attempt> for AttemptExtra<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        Self {
            short_id: Text(&attempt.short_id),
            url: attempt.link(),
            status: text(attempt.status.as_ref()),
            result: text(attempt.result.as_ref()),
        }
    }
}
