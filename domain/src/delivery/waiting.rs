//! What a delivery waits for, and until when: moments that a wrong clock has set, or that a person moves.
//!
//! A moment that lies further off than its own schedule allows was set by a clock that was ahead: `PullBack` moves it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{DeliveryEvent, DeliveryRefusal, MoveCause, Order, Phase, schedule};
use crate::ResolutionCode;

impl Order {
    /// The moment before which nothing happens by itself, if there is one.
    pub fn waits_until(&self) -> Option<DateTime<Utc>> {
        self.summary.phase.until()
    }

    /// The moment that a clock has set for what comes next, and how long a wait like this one may be.
    fn present_wait(&self) -> Option<(DateTime<Utc>, TimeDelta)> {
        let unread = self.summary.unread.as_ref();
        let longest_fetch = schedule::longest_fetch(unread.map_or(0, |unread| unread.failures));
        match &self.summary.phase {
            Phase::Running(lease) => Some((lease.until, TimeDelta::milliseconds(lease.length_ms))),
            Phase::RetryScheduled { code: ResolutionCode::NdspWaiting, due_at } => {
                Some((*due_at, schedule::longest_wait(self.waits)))
            }
            Phase::RetryScheduled { code: ResolutionCode::StoreUnavailable, due_at } => Some((*due_at, longest_fetch)),
            Phase::RetryScheduled { due_at, .. } => Some((*due_at, schedule::longest_failure(self.failures))),
            Phase::Queued => None,
            Phase::Filtered
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled(_) => unread?.due_at.map(|due_at| (due_at, longest_fetch)),
        }
    }

    /// A moment that lies further ahead than its own schedule allows was set by a clock that was ahead.
    pub(super) fn pull_back(&self, now: DateTime<Utc>) -> Option<DeliveryEvent> {
        let (until, longest) = self.present_wait()?;
        let is_too_far = until - now > longest + schedule::CLOCK_SKEW;
        is_too_far.then(|| DeliveryEvent::WaitMoved { until: now + longest, cause: MoveCause::ClockWasAhead })
    }

    pub(super) fn move_wait(
        &self,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        if self.lease().is_some() {
            return Err(DeliveryRefusal::Running);
        }
        let due_at = self.waits_until().ok_or(DeliveryRefusal::WaitsForNoMoment)?;
        if until < now || until - now > schedule::WAITS_AT_MOST {
            return Err(DeliveryRefusal::MomentOutOfReach);
        }
        let moved = DeliveryEvent::WaitMoved { until, cause: MoveCause::Operator };
        Ok(if until == due_at { vec![] } else { vec![moved] })
    }
}
