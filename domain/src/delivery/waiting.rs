//! What a delivery waits for, and until when: moments that a wrong clock has set, or that a person moves.

use chrono::{DateTime, TimeDelta, Utc};

use super::{DeliveryEvent, DeliveryRefusal, MoveCause, Order, Phase, schedule};
use crate::ResolutionCode;

/// Clocks of several nodes may be so far apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

impl Order {
    /// The moment before which nothing happens by itself, if there is one.
    pub fn waits_until(&self) -> Option<DateTime<Utc>> {
        match &self.phase {
            Phase::Running(lease) => Some(lease.until),
            Phase::RetryScheduled { due_at, .. } => Some(*due_at),
            Phase::Filtered
            | Phase::Queued
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled(_) => None,
        }
    }

    /// How long a wait like this one may be.
    fn longest_wait(&self) -> TimeDelta {
        match &self.phase {
            Phase::Running(lease) => TimeDelta::milliseconds(lease.length_ms),
            Phase::RetryScheduled { code: ResolutionCode::NdspWaiting, .. } => schedule::longest_wait(self.waits),
            _ => schedule::longest_failure(self.failures),
        }
    }

    /// A moment that lies further ahead than its own schedule allows was set by a clock that was ahead.
    pub(super) fn pulled_back(&self, now: DateTime<Utc>) -> Option<DeliveryEvent> {
        let longest = self.longest_wait();
        let is_too_far = self.waits_until()? - now > longest + CLOCK_SKEW;
        is_too_far.then(|| DeliveryEvent::WaitMoved { until: now + longest, cause: MoveCause::ClockWasAhead })
    }

    pub(super) fn moved(
        &self,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let Phase::RetryScheduled { due_at, .. } = self.phase else {
            return Err(match self.phase {
                Phase::Running(_) => DeliveryRefusal::Running,
                _ => DeliveryRefusal::WaitsForNoMoment,
            });
        };
        if until < now || until - now > schedule::PATIENCE {
            return Err(DeliveryRefusal::MomentOutOfReach);
        }
        let moved = DeliveryEvent::WaitMoved { until, cause: MoveCause::Person };
        Ok(if until == due_at { vec![] } else { vec![moved] })
    }
}
