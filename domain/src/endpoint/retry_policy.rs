//! When a message that could not be sent is sent again, and what so many failures mean for its endpoint.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Jitter, next_failure};

/// A receiver that wants to be called again later is called no sooner, up to this.
pub const MAX_RETRY_AFTER: TimeDelta = TimeDelta::days(1);
/// No delay is longer: the last one of Cloud Elements with its jitter, counted from the first failure.
pub const LONGEST_DELAY: TimeDelta = TimeDelta::days(4);
/// At the seventh failure of a message in a row its endpoint is degraded (Clione's webhooks document, "Retry policy").
const DEGRADING_FAILURES: u32 = 7;
/// So often Cloud Elements retries a message, each time 4 to the power of that many seconds after its first failure.
const CLOUD_ELEMENTS_RETRIES: u32 = 9;
/// Lies between two retries at least, also where the moment of the next one has passed.
const CLOUD_ELEMENTS_SHORTEST: TimeDelta = TimeDelta::seconds(4);
/// So often its newer pages have a message retried, each time 8 to the power of that many seconds after its first failure
/// (docs.cloud-elements.com, "Event retry and queueing").
const CLOUD_ELEMENTS_FIVE_RETRIES: u32 = 5;

/// What an endpoint's owner chose, or else what follows from its profile. These names are the storage format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryPolicy {
    /// [`FAILURE_DELAYS`](crate::schedule::FAILURE_DELAYS), then a dead letter. The endpoint is degraded before.
    Standard,
    /// Nine retries within three days, then a dead letter. The endpoint is disabled with it, and never degraded.
    CloudElements,
    /// Five retries within nine and a half hours, and otherwise as [`RetryPolicy::CloudElements`].
    CloudElementsFive,
    /// What fails is a dead letter at once, for who pulls or replays it. The endpoint goes on.
    Queue,
}

/// The failures of a message in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failures {
    /// The present one included.
    pub(crate) count: u32,
    pub(crate) first_at: DateTime<Utc>,
}

impl RetryPolicy {
    /// When a message is sent again that has failed at `now`; `None` where its retries are used up.
    pub(crate) fn next_attempt(
        self,
        failures: Failures,
        now: DateTime<Utc>,
        jitter: Jitter,
        retry_after: Option<TimeDelta>,
    ) -> Option<DateTime<Utc>> {
        let at = match self {
            Self::Standard => next_failure(failures.count.saturating_sub(1), now, jitter),
            Self::CloudElements => powers_of(4, CLOUD_ELEMENTS_RETRIES, failures, now, jitter),
            Self::CloudElementsFive => powers_of(8, CLOUD_ELEMENTS_FIVE_RETRIES, failures, now, jitter),
            Self::Queue => None,
        }?;
        Some(no_sooner(now, retry_after).map_or(at, |no_sooner| at.max(no_sooner)))
    }

    /// At so many failures of a message in a row its endpoint is degraded or disabled. None where it never is.
    pub fn failure_limit(self) -> Option<u32> {
        match self {
            Self::Standard => Some(DEGRADING_FAILURES),
            Self::CloudElements => Some(CLOUD_ELEMENTS_RETRIES + 1),
            Self::CloudElementsFive => Some(CLOUD_ELEMENTS_FIVE_RETRIES + 1),
            Self::Queue => None,
        }
    }
}

/// Up to when a receiver asks not to be called.
pub(crate) fn no_sooner(now: DateTime<Utc>, retry_after: Option<TimeDelta>) -> Option<DateTime<Utc>> {
    retry_after.map(|after| now + after.clamp(TimeDelta::zero(), MAX_RETRY_AFTER))
}

/// Each retry is a power of `base` in seconds after the first failure, which makes nothing later where a clock dated it ahead.
fn powers_of(base: i64, retries: u32, failures: Failures, now: DateTime<Utc>, jitter: Jitter) -> Option<DateTime<Utc>> {
    if failures.count > retries {
        return None;
    }
    let delay = TimeDelta::seconds(base.pow(failures.count));
    let at = failures.first_at.min(now) + jitter.after(delay);
    Some(at.max(now + CLOUD_ELEMENTS_SHORTEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::LONGEST_JITTER;

    fn noon() -> DateTime<Utc> {
        "2026-03-14T12:00:00Z".parse().unwrap()
    }

    /// Seconds after the first failure, when each attempt fails at once.
    fn retries(policy: RetryPolicy) -> Vec<i64> {
        let (mut now, mut count) = (noon(), 1);
        let mut retries = vec![];
        while let Some(at) = policy.next_attempt(Failures { count, first_at: noon() }, now, Jitter::NONE, None) {
            retries.push((at - noon()).num_seconds());
            (now, count) = (at, count + 1);
        }
        retries
    }

    #[test]
    fn a_message_is_sent_eight_times_by_the_standard_schedule() {
        assert_eq!(retries(RetryPolicy::Standard), [1, 6, 36, 156, 756, 4_356, 25_956]);
    }

    #[test]
    fn cloud_elements_retries_nine_times_by_the_time_of_the_first_failure() {
        assert_eq!(
            retries(RetryPolicy::CloudElements),
            [4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144],
            "three days"
        );
    }

    #[test]
    fn its_newer_pages_retry_five_times_and_a_queue_never() {
        assert_eq!(retries(RetryPolicy::CloudElementsFive), [8, 64, 512, 4_096, 32_768], "nine and a half hours");
        assert_eq!(retries(RetryPolicy::Queue), Vec::<i64>::new());
    }

    #[test]
    fn a_retry_whose_moment_has_passed_is_four_seconds_away_and_a_clock_ahead_delays_none() {
        let next = |count, first_at| {
            let at = RetryPolicy::CloudElements.next_attempt(Failures { count, first_at }, noon(), Jitter::NONE, None);
            (at.unwrap() - noon()).num_seconds()
        };
        assert_eq!(next(3, noon() - TimeDelta::days(1)), 4);
        assert_eq!(next(3, DateTime::<Utc>::MAX_UTC), 64);
        assert_eq!(next(3, DateTime::<Utc>::MIN_UTC), 4);
    }

    #[test]
    fn no_delay_is_longer_than_the_longest() {
        for policy in [RetryPolicy::Standard, RetryPolicy::CloudElements, RetryPolicy::CloudElementsFive] {
            for count in 1..=CLOUD_ELEMENTS_RETRIES {
                let failures = Failures { count, first_at: noon() };
                let at = policy.next_attempt(failures, noon(), LONGEST_JITTER, Some(LONGEST_DELAY));
                assert!(at.is_none_or(|at| at - noon() <= LONGEST_DELAY), "{policy:?} {count}");
            }
        }
    }

    #[test]
    fn a_receiver_is_left_alone_as_long_as_it_asks_for_up_to_a_day() {
        let next = |policy: RetryPolicy, count, seconds| {
            let failures = Failures { count, first_at: noon() };
            policy
                .next_attempt(failures, noon(), Jitter::NONE, Some(TimeDelta::seconds(seconds)))
                .map(|at| (at - noon()).num_seconds())
        };
        for policy in [RetryPolicy::Standard, RetryPolicy::CloudElements, RetryPolicy::CloudElementsFive] {
            assert_eq!(next(policy, 1, 3_600), Some(3_600));
            assert_eq!(next(policy, 1, 86_400), Some(86_400));
            assert_eq!(next(policy, 1, i64::from(u32::MAX)), Some(86_400));
        }
        assert_eq!(next(RetryPolicy::Standard, 7, 10), Some(21_600), "it never makes anything sooner");
        assert_eq!(next(RetryPolicy::Standard, 1, -10), Some(1));
        assert_eq!(next(RetryPolicy::Standard, 8, 10), None);
        assert_eq!(next(RetryPolicy::CloudElements, 10, 10), None);
    }
}
