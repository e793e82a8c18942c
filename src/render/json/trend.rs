//! The trend in the JSON report.

use crate::render::duration::utc;
use crate::render::json::counts::CountsJson;
use crate::report::Millis;
use crate::report::trend::{CaseName, FlakyCase, Moment, PassRate, StillFailing, Trend, TrendPoint};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct TrendJson<'a> {
    points: Vec<PointJson<'a>>,
    pass_rate: Option<PassRateJson>,
    median_duration_ms: Option<Millis>,
    last_green: Option<MomentJson<'a>>,
    new_failures: Vec<NameJson<'a>>,
    still_failing: Vec<StillFailingJson<'a>>,
    failed_on_default: Vec<NameJson<'a>>,
    flaky: Vec<FlakyJson<'a>>,
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
            fixed: _,
            suggestions: _,
        } = trend;
        Self {
            points: points.iter().map(PointJson::from).collect(),
            pass_rate: pass_rate.map(|PassRate { green, of }| PassRateJson { green, of }),
            median_duration_ms: *median_duration,
            last_green: last_green.as_ref().map(MomentJson::from),
            new_failures: new_failures.iter().map(NameJson::from).collect(),
            still_failing: still_failing.iter().map(StillFailingJson::from).collect(),
            failed_on_default: failed_on_default.iter().map(NameJson::from).collect(),
            flaky: flaky.iter().map(FlakyJson::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct PassRateJson {
    green: u64,
    of: u64,
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
            counts: (*counts).into(),
            duration_ms: *duration,
            on_default: *on_default,
        }
    }
}

#[derive(Serialize)]
struct NameJson<'a> {
    id: &'a str,
    short_id: &'a str,
    name: &'a str,
}

impl<'a> From<&'a CaseName> for NameJson<'a> {
    fn from(case: &'a CaseName) -> Self {
        let CaseName { id, short_id, name } = case;
        Self { id, short_id, name }
    }
}

#[derive(Serialize)]
struct StillFailingJson<'a> {
    case: NameJson<'a>,
    since: MomentJson<'a>,
    times: u64,
}

impl<'a> From<&'a StillFailing> for StillFailingJson<'a> {
    fn from(still: &'a StillFailing) -> Self {
        let StillFailing { case, since, times } = still;
        Self {
            case: case.into(),
            since: since.into(),
            times: *times,
        }
    }
}

#[derive(Serialize)]
struct FlakyJson<'a> {
    case: NameJson<'a>,
    times: u64,
}

impl<'a> From<&'a FlakyCase> for FlakyJson<'a> {
    fn from(flaky: &'a FlakyCase) -> Self {
        let FlakyCase { case, times } = flaky;
        Self {
            case: case.into(),
            times: *times,
        }
    }
}
