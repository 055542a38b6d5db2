//! Another try that a person asks for: of one delivery, or of many that are replayed.

use super::{DeliveryEvent, DeliveryRefusal, Order, Phase};
use crate::Private;

impl Order {
    /// A person asks for another try, perhaps with the right username.
    pub(super) fn retried(&self, username: Option<String>) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let username = username.map(|name| name.trim().to_owned());
        if username.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > 200) {
            return Err(DeliveryRefusal::InvalidUsername);
        }
        let corrected = username.map(Private::Known).filter(|new| self.username.as_ref() != Some(new));
        match self.phase {
            Phase::Running(_) => return Err(DeliveryRefusal::Running),
            Phase::Completed if self.unmapped.is_empty() => return Err(DeliveryRefusal::AlreadyCompleted),
            Phase::Queued => {
                return Ok(corrected
                    .into_iter()
                    .map(|username| DeliveryEvent::UsernameCorrected { username })
                    .collect());
            }
            Phase::Filtered
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled => {}
        }
        let mut events: Vec<_> =
            corrected.into_iter().map(|username| DeliveryEvent::UsernameCorrected { username }).collect();
        events.push(DeliveryEvent::RetryRequested);
        Ok(events)
    }

    /// One of many that would be delivered today. What is under way, done, called off or erased is left alone: between
    /// the choice and this somebody may have changed it, and a replay must not undo what they did.
    pub(super) fn replayed(&self, username: Option<String>) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let left_alone = match self.phase {
            Phase::Queued | Phase::Running(_) | Phase::Cancelled => true,
            Phase::Completed => self.unmapped.is_empty(),
            Phase::Filtered
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::FailedPermanently { .. } => false,
        };
        if left_alone || self.erased { Ok(vec![]) } else { self.retried(username) }
    }
}
