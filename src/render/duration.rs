//! Durations and times as text.

use crate::report::Millis;
use chrono::{DateTime, SecondsFormat};

/// A wall-clock time (milliseconds since the Unix epoch) as RFC 3339 in UTC, such as `2026-03-01T12:00:00.000Z`.
/// `None` for times beyond the range of dates.
pub fn utc(at: u64) -> Option<String> {
    let at = DateTime::from_timestamp_millis(i64::try_from(at).ok()?)?;
    Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// A duration for people, in its two largest units: `850 ms`, `42 s`, `3 min 20 s`, `2 h 5 min`.
pub fn format_duration(millis: Millis) -> String {
    let seconds = millis / 1000;
    let (large, small, units) = match seconds {
        0 => return format!("{millis} ms"),
        1..60 => return format!("{seconds} s"),
        60..3600 => (seconds / 60, seconds % 60, ("min", "s")),
        _ => (seconds / 3600, seconds % 3600 / 60, ("h", "min")),
    };
    if small == 0 {
        format!("{large} {}", units.0)
    } else {
        format!("{large} {} {small} {}", units.0, units.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_its_two_largest_units() {
        let durations = [0, 850, 1_000, 59_999, 60_000, 200_000, 3_600_000, 7_500_000];
        let texts = [
            "0 ms",
            "850 ms",
            "1 s",
            "59 s",
            "1 min",
            "3 min 20 s",
            "1 h",
            "2 h 5 min",
        ];
        assert_eq!(durations.map(format_duration), texts.map(str::to_owned));
    }

    #[test]
    fn a_time_beyond_the_range_of_dates_is_none() {
        assert_eq!(utc(1_772_366_400_000).as_deref(), Some("2026-03-01T12:00:00.000Z"));
        assert_eq!(utc(u64::MAX), None);
    }
}
