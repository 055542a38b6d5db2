//! How fast an endpoint is sent: by its rate, and while it is degraded.

use chrono::{DateTime, TimeDelta, Utc};

/// Between two, by the lowest rate.
const LONGEST_INTERVAL: TimeDelta = TimeDelta::seconds(1);

#[derive(Clone, Copy, Default)]
pub(in crate::dispatcher) struct Pace {
    sent_at: Option<DateTime<Utc>>,
    /// Whether the endpoint had a rate then.
    was_limited: bool,
    /// As long as it is degraded.
    next_probe_at: Option<DateTime<Utc>>,
}

impl Pace {
    /// Takes note that one is sent now, to an endpoint that has a rate or none.
    pub(in crate::dispatcher) fn sent(
        &mut self,
        per_second: Option<u32>,
        probe_interval: TimeDelta,
        now: DateTime<Utc>,
    ) {
        self.sent_at = Some(now);
        self.was_limited = per_second.is_some();
        self.next_probe_at = Some(now + probe_interval);
    }

    /// When the next may be sent, where that is not now, by the endpoint's rate in a second as it is now: a rate that was lowered, or
    /// is new, counts from what was sent last. A moment too far off was set by a clock that was ahead.
    pub(in crate::dispatcher) fn not_before(
        &self,
        per_second: Option<u32>,
        is_degraded: bool,
        probe_interval: TimeDelta,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let later = |at: Option<DateTime<Utc>>, longest| at.filter(|at| *at > now && *at - now <= longest);
        let interval = per_second.map(|rate| TimeDelta::microseconds(1_000_000 / i64::from(rate.max(1))));
        let paced = later(self.sent_at.zip(interval).map(|(sent_at, interval)| sent_at + interval), LONGEST_INTERVAL);
        let probed = later(self.next_probe_at.filter(|_| is_degraded), probe_interval);
        paced.max(probed)
    }

    /// Whether nothing is to be remembered of what was sent.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        !self.was_limited || self.sent_at.is_none_or(|at| at + LONGEST_INTERVAL <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_not_sent_more_than_its_rate() {
        let noon: DateTime<Utc> = "2026-03-14T12:00:00Z".parse().unwrap();
        let mut pace = Pace::default();
        let at = |pace: &Pace, now| pace.not_before(Some(4), false, TimeDelta::minutes(5), now);
        assert_eq!(at(&pace, noon), None);
        pace.sent(Some(4), TimeDelta::minutes(5), noon);
        assert_eq!(at(&pace, noon), Some(noon + TimeDelta::milliseconds(250)));
        assert_eq!(at(&pace, noon + TimeDelta::milliseconds(250)), None);
        assert_eq!(at(&pace, noon - TimeDelta::hours(1)), None, "a clock that was set back holds up nothing");
        assert_eq!(pace.not_before(Some(4), true, TimeDelta::minutes(5), noon), Some(noon + TimeDelta::minutes(5)));
    }

    #[test]
    fn a_rate_that_is_changed_counts_from_what_was_sent_last() {
        let noon: DateTime<Utc> = "2026-03-14T12:00:00Z".parse().unwrap();
        for before in [None, Some(1), Some(1_000)] {
            let mut pace = Pace::default();
            pace.sent(before, TimeDelta::minutes(5), noon);
            let at = |rate| pace.not_before(rate, false, TimeDelta::minutes(5), noon);
            assert_eq!(at(Some(1)), Some(noon + TimeDelta::seconds(1)), "{before:?}");
            assert_eq!(at(Some(10)), Some(noon + TimeDelta::milliseconds(100)), "{before:?}");
            assert_eq!(at(None), None, "{before:?}");
        }
    }
}
