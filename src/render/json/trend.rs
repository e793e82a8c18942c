//! The trend in the JSON report.

use crate::render::duration::utc;
use crate::render::json::counts::CountsJson;
use crate::report::Millis;
use crate::report::trend::{
    CaseName, FlakyCase, Moment, PassRate, QuarantineSuggestion, StillFailing, Trend, TrendPoint,
};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct TrendJson<'a> {
    points: Vec<PointJson<'a>>,
    pass_rate: Option<PassRate>,
    median_duration_ms: Option<Millis>,
    last_green: Option<MomentJson<'a>>,
    new_failures: &'a [CaseName],
    still_failing: Vec<StillFailingJson<'a>>,
    fixed: &'a [CaseName],
    failed_on_default: &'a [CaseName],
    flaky: &'a [FlakyCase],
    suggestions: &'a [QuarantineSuggestion],
}

impl<'a> From<&'a Trend> for TrendJson<'a> {
    fn from(trend: &'a Trend) -> Self {
        let Trend {
            points,
            pass_rate,
            median_duration,
            last_green,
            new_failures,
            still_failing,
            failed_on_default,
            flaky,
            fixed,
            suggestions,
        } = trend;
        Self {
            points: points.iter().map(PointJson::from).collect(),
            pass_rate: *pass_rate,
            median_duration_ms: *median_duration,
            last_green: last_green.as_ref().map(MomentJson::from),
            new_failures,
            still_failing: still_failing.iter().map(StillFailingJson::from).collect(),
            fixed,
            failed_on_default,
            flaky,
            suggestions,
        }
    }
}

#[derive(Serialize)]
struct MomentJson<'a> {
    at: Option<String>,
    sha: Option<&'a str>,
    branch: Option<&'a str>,
    ci_url: Option<&'a str>,
}

impl<'a> From<&'a Moment> for MomentJson<'a> {
    fn from(moment: &'a Moment) -> Self {
        let Moment {
            at,
            sha,
            branch,
            ci_url,
        } = moment;
        Self {
            at: utc(*at),
            sha: sha.as_deref(),
            branch: branch.as_deref(),
            ci_url: ci_url.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct PointJson<'a> {
    #[serde(flatten)]
    moment: MomentJson<'a>,
    verdict: &'static str,
    counts: CountsJson,
    duration_ms: Millis,
    on_default: Option<bool>,
}

impl<'a> From<&'a TrendPoint> for PointJson<'a> {
    fn from(point: &'a TrendPoint) -> Self {
        let TrendPoint {
            moment,
            verdict,
            counts,
            duration,
            on_default,
        } = point;
        Self {
            moment: moment.into(),
            verdict: verdict.as_str(),
            counts: CountsJson(*counts),
            duration_ms: *duration,
            on_default: *on_default,
        }
    }
}

#[derive(Serialize)]
struct StillFailingJson<'a> {
    case: &'a CaseName,
    since: MomentJson<'a>,
    times: u64,
}

impl<'a> From<&'a StillFailing> for StillFailingJson<'a> {
    fn from(still: &'a StillFailing) -> Self {
        let StillFailing { case, since, times } = still;
        Self {
            case,
            since: since.into(),
            times: *times,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::TrendJson;
    use crate::report::sample::{shop, trend};
    use crate::report::trend::QuarantineSuggestion;

    #[test]
    fn fixed_cases_and_suggested_lines_are_in_the_trend() {
        let mut trend = trend(&shop());
        let [fixed, flaky] = [0, 2].map(|index| trend.flaky[index].case.clone());
        trend.fixed = vec![fixed.clone()];
        trend.suggestions = vec![QuarantineSuggestion {
            case: flaky.clone(),
            flaky: 4,
            failed_on_default: 1,
            of: 10,
            line: "Change * until 2026-01-15 # flaky".into(),
        }];
        let json = serde_json::to_value(TrendJson::from(&trend)).unwrap();
        assert_eq!(json["fixed"][0]["name"], fixed.name.as_str());
        let suggestion = serde_json::json!({
            "case": { "id": flaky.id, "short_id": flaky.short_id, "name": flaky.name },
            "flaky": 4,
            "failed_on_default": 1,
            "of": 10,
            "line": "Change * until 2026-01-15 # flaky",
        });
        assert_eq!(json["suggestions"], serde_json::json!([suggestion]));
    }
}
