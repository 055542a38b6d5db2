//! When to try again what failed: one schedule for deliveries to customers and for notifications to endpoints.

use chrono::{DateTime, TimeDelta, Utc};

/// Delays after the first, second, … temporary failure in a row. After the last it is given up.
pub const FAILURE_DELAYS: [TimeDelta; 7] = [
    TimeDelta::seconds(1),
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::hours(1),
    TimeDelta::hours(6),
];

/// A share of the delay, 0 to 1000 per mille of a tenth, that is added to it. It only ever makes things later, so that a
/// schedule is a promise of when something will not happen yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jitter(u16);

pub(crate) const LONGEST_JITTER: Jitter = Jitter(1_000);

impl Jitter {
    pub const NONE: Self = Self(0);

    /// From any random number.
    pub fn from_random(random: u16) -> Self {
        Self(random % 1_001)
    }

    pub(crate) fn after(self, delay: TimeDelta) -> TimeDelta {
        delay + delay / 10_000 * i32::from(self.0)
    }
}

/// When to try again after `failures` earlier temporary failures in a row; `None` once they are used up.
pub fn next_failure(failures: u32, now: DateTime<Utc>, jitter: Jitter) -> Option<DateTime<Utc>> {
    let delay = FAILURE_DELAYS.get(failures as usize)?;
    Some(now + jitter.after(*delay))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_retried_seven_times_and_then_given_up() {
        let noon = "2026-03-14T12:00:00Z".parse().unwrap();
        let delays: Vec<_> =
            (0..=7).map(|n| next_failure(n, noon, Jitter::NONE).map(|at| (at - noon).num_seconds())).collect();
        let expected = [1, 5, 30, 120, 600, 3_600, 21_600].map(Some);
        assert_eq!(delays[..7], expected);
        assert_eq!(delays[7], None);
    }
}
