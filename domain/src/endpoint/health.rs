//! What failures and successes mean for an endpoint: warnings on the way, then degraded or disabled, and well again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Activity, DisableCause, EndpointEvent, MessageFailure, RetryPolicy, Subscription};

/// Shares of the failures that degrade or disable an endpoint, in percent: at each its account is warned.
const WARNINGS: [u8; 3] = [50, 70, 90];
/// No fewer failures of a message in a row mean anything for its endpoint.
pub(crate) const FIRST_WARNING_FAILURES: u32 = 3;
/// The status by which an endpoint says that it wants nothing any more.
pub(crate) const GONE: u16 = 410;

/// How well an endpoint can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    #[default]
    Healthy,
    /// Its account was warned at this share of the failures that degrade or disable it.
    Failing { percent: u8 },
    /// A message failed seven times in a row, for the first time at `since`.
    Degraded { since: DateTime<Utc> },
}

impl Subscription {
    /// Whether a success may mean anything for it: [`EndpointCommand::RecordSuccess`](super::EndpointCommand::RecordSuccess)
    /// decides to nothing where it does not.
    pub fn is_failing(&self) -> bool {
        match self.health {
            Health::Healthy => false,
            Health::Failing { .. } | Health::Degraded { .. } => true,
        }
    }

    pub(super) fn record_failure(&self, failure: MessageFailure) -> Option<EndpointEvent> {
        let MessageFailure { failures, since, status, reason } = failure;
        if matches!(self.activity, Activity::Disabled(_)) {
            return None;
        }
        if status == Some(GONE) {
            return Some(EndpointEvent::EndpointDisabled { cause: DisableCause::Gone, reason });
        }
        let policy = self.settings.retry_policy();
        let limit = policy.failure_limit()?;
        if failures < limit {
            let percent = warning(failures, limit).filter(|percent| self.is_news(*percent))?;
            return Some(EndpointEvent::EndpointFailing { percent, failures, limit, since, reason });
        }
        match (policy, self.health) {
            (RetryPolicy::CloudElements | RetryPolicy::CloudElementsFive, _) => {
                Some(EndpointEvent::EndpointDisabled { cause: DisableCause::FailurePolicy, reason })
            }
            (RetryPolicy::Standard, Health::Degraded { .. }) | (RetryPolicy::Queue, _) => None,
            (RetryPolicy::Standard, Health::Healthy | Health::Failing { .. }) => {
                Some(EndpointEvent::EndpointDegraded { since, failures, reason })
            }
        }
    }

    fn is_news(&self, percent: u8) -> bool {
        match self.health {
            Health::Healthy => true,
            Health::Failing { percent: warned } => percent > warned,
            Health::Degraded { .. } => false,
        }
    }

    /// Any success ends a degradation. Warnings are only taken back by the success of a message that would have caused one:
    /// others may succeed all the while.
    pub(super) fn record_success(&self, failures: u32) -> Option<EndpointEvent> {
        let limit = self.settings.retry_policy().failure_limit();
        let is_over = match self.health {
            Health::Healthy => false,
            // What was warned of does not come any more where there is no limit.
            Health::Failing { .. } => limit.is_none_or(|limit| warning(failures, limit).is_some()),
            Health::Degraded { .. } => true,
        };
        is_over.then_some(EndpointEvent::EndpointRecovered {})
    }
}

/// The highest warning that so many failures are, each share rounded to whole failures: of 7, the 4th, 5th and 6th; of 10, the
/// 5th, 7th and 9th.
fn warning(failures: u32, limit: u32) -> Option<u8> {
    let reached = |percent: &u8| failures >= (limit * u32::from(*percent) + 50) / 100;
    WARNINGS.into_iter().rev().find(reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_warning_comes_before_what_it_warns_of() {
        let warnings = |policy: RetryPolicy| {
            let limit = policy.failure_limit().unwrap();
            (1..limit).map(|failures| warning(failures, limit)).collect::<Vec<_>>()
        };
        let (half, more, most) = (Some(50), Some(70), Some(90));
        assert_eq!(warnings(RetryPolicy::Standard), [None, None, None, half, more, most]);
        assert_eq!(warnings(RetryPolicy::CloudElements), [None, None, None, None, half, half, more, more, most]);
        assert_eq!(warnings(RetryPolicy::CloudElementsFive), [None, None, half, more, most]);
    }

    #[test]
    fn no_policy_warns_sooner_than_the_first_warning() {
        let limits = [RetryPolicy::Standard, RetryPolicy::CloudElements, RetryPolicy::CloudElementsFive];
        for limit in limits.map(|policy| policy.failure_limit().unwrap()) {
            assert_eq!(warning(FIRST_WARNING_FAILURES - 1, limit), None);
        }
        assert!(limits.iter().any(|policy| warning(FIRST_WARNING_FAILURES, policy.failure_limit().unwrap()).is_some()));
    }
}
