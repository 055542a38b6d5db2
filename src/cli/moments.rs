//! Moments as people type them, and distances in time as people say them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::moments::absolute;
use event_log::clock::Clock;

const MOMENT: &str =
    "a moment is a date (2026-11-21), a date and time in UTC (2026-11-21 09:30:00 or 2026-11-21T09:30:00Z)";

/// Reads a moment for clap: see [`moment_before`].
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    moment_before(text.trim(), Clock::default().now())
}

/// Reads a moment to come for clap: like [`moment`], but so long from now.
pub(super) fn moment_to_come(text: &str) -> Result<DateTime<Utc>, String> {
    moment_after(text.trim(), Clock::default().now())
}

/// A moment, or so long before now.
fn moment_before(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let relative = || now.checked_sub_signed(duration(text)?);
    absolute(text).or_else(relative).ok_or_else(|| format!("{MOMENT}, or how long ago it is (90s, 2h, 3d)"))
}

/// A moment, or so long after now.
fn moment_after(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let relative = || now.checked_add_signed(duration(text)?);
    absolute(text).or_else(relative).ok_or_else(|| format!("{MOMENT}, or how long it is until then (90s, 2h, 3d)"))
}

fn duration(text: &str) -> Option<TimeDelta> {
    TimeDelta::from_std(humantime::parse_duration(text).ok()?).ok()
}

/// A distance in time in one or two units: `3 minutes`, `2 hours and 5 minutes`.
pub(super) fn distance(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().unsigned_abs();
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let counted = |number: u64, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    let Some(largest) = units.iter().position(|(_, length)| seconds >= *length) else {
        return "less than a second".to_owned();
    };
    let (name, length) = units[largest];
    let first = counted(seconds / length, name);
    // Seconds beside minutes say nothing to anybody.
    match units
        .get(largest + 1)
        .filter(|(_, smaller)| *smaller > 1)
        .map(|(name, smaller)| (name, seconds % length / smaller))
    {
        Some((name, rest)) if rest > 0 => format!("{first} and {}", counted(rest, name)),
        Some(_) | None => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_people_type_it() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T12:00:00Z").unwrap().to_utc();
        for (text, at) in [
            ("2026-11-21T09:30:00+01:00", "2026-11-21T08:30:00Z"),
            ("2026-11-21 09:30:00", "2026-11-21T09:30:00Z"),
            ("2026-11-21T09:30", "2026-11-21T09:30:00Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"),
            ("2h", "2026-11-21T10:00:00Z"),
            ("3d", "2026-11-18T12:00:00Z"),
            ("1h 30m", "2026-11-21T10:30:00Z"),
        ] {
            assert_eq!(moment_before(text, now).unwrap(), DateTime::parse_from_rfc3339(at).unwrap(), "{text}");
        }
        let ahead = DateTime::parse_from_rfc3339("2026-11-21T14:00:00Z").unwrap();
        assert_eq!(moment_after("2h", now).unwrap(), ahead);
        for text in ["", "yesterday", "2026-13-01", "2026-11-21 25:00:00", "10", "-2h", "999999999999999999y"] {
            assert!(moment_before(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn a_distance_is_said_in_two_units_at_most() {
        for (seconds, said) in [
            (0, "less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (185, "3 minutes"),
            (7_500, "2 hours and 5 minutes"),
            (3_600, "1 hour"),
            (90_061, "1 day and 1 hour"),
        ] {
            assert_eq!(distance(TimeDelta::seconds(seconds)), said);
        }
    }
}
