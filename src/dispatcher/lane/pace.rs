//! How fast an endpoint is sent: by its rate, and while it is degraded.

use chrono::{DateTime, TimeDelta, Utc};

#[derive(Clone, Copy, Default)]
pub(in crate::dispatcher) struct Pace {
    /// By the endpoint's rate.
    next_send_at: Option<DateTime<Utc>>,
    /// As long as it is degraded.
    next_probe_at: Option<DateTime<Utc>>,
}

impl Pace {
    /// Takes note that one is sent now, to an endpoint of this rate in a second.
    pub(in crate::dispatcher) fn sent(
        &mut self,
        per_second: Option<u32>,
        probe_interval: TimeDelta,
        now: DateTime<Utc>,
    ) {
        let interval = per_second.map(|rate| TimeDelta::microseconds(1_000_000 / i64::from(rate.max(1))));
        self.next_send_at = interval.map(|interval| self.next_send_at.unwrap_or(now).max(now) + interval);
        self.next_probe_at = Some(now + probe_interval);
    }

    /// When the next may be sent, where that is not now. A moment too far off was set by a clock that was ahead.
    pub(in crate::dispatcher) fn not_before(
        &self,
        is_degraded: bool,
        probe_interval: TimeDelta,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let later = |at: Option<DateTime<Utc>>, longest| at.filter(|at| *at > now && *at - now <= longest);
        let paced = later(self.next_send_at, TimeDelta::seconds(1));
        let probed = later(self.next_probe_at.filter(|_| is_degraded), probe_interval);
        paced.max(probed)
    }

    /// Whether nothing is to be remembered of what was sent.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.next_send_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_not_sent_more_than_its_rate() {
        let noon: DateTime<Utc> = "2026-03-14T12:00:00Z".parse().unwrap();
        let mut pace = Pace::default();
        let at = |pace: &Pace, now| pace.not_before(false, TimeDelta::minutes(5), now);
        assert_eq!(at(&pace, noon), None);
        pace.sent(Some(4), TimeDelta::minutes(5), noon);
        assert_eq!(at(&pace, noon), Some(noon + TimeDelta::milliseconds(250)));
        assert_eq!(at(&pace, noon + TimeDelta::milliseconds(250)), None);
        assert_eq!(at(&pace, noon - TimeDelta::hours(1)), None, "a clock that was set back holds up nothing");
        assert_eq!(pace.not_before(true, TimeDelta::minutes(5), noon), Some(noon + TimeDelta::minutes(5)));
    }
}
