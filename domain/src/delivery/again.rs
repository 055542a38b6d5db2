//! Another try that a person asks for: of one delivery, or of many that are replayed.

use super::{DeliveryEvent, DeliveryRefusal, Order, Phase};
use crate::{ItemMapping, Private};

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
            Phase::Completed if !self.lines.has_unmapped() => return Err(DeliveryRefusal::AlreadyCompleted),
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
            | Phase::Cancelled(_) => {}
        }
        let mut events: Vec<_> =
            corrected.into_iter().map(|username| DeliveryEvent::UsernameCorrected { username }).collect();
        events.push(DeliveryEvent::RetryRequested { mappings: vec![] });
        Ok(events)
    }

    /// One of many that would be delivered today. What is running, done, cancelled or erased is left alone: between the
    /// choice and this somebody may have changed it, and a replay must not undo what they did.
    pub(super) fn replayed(
        &self,
        username: Option<String>,
        mapping: Option<&ItemMapping>,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        if let Some(mapping) = mapping {
            let asked = DeliveryEvent::RetryRequested { mappings: vec![mapping.id] };
            return Ok(if self.lacks(mapping) { vec![asked] } else { vec![] });
        }
        let left_alone = match self.phase {
            Phase::Queued | Phase::Running(_) | Phase::Cancelled(_) => true,
            Phase::Completed => !self.lines.has_unmapped(),
            Phase::Filtered
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::FailedPermanently { .. } => false,
        };
        if left_alone || self.erased { Ok(vec![]) } else { self.retried(username) }
    }

    /// Whether the delivery was completed, and something that was bought and not refunded would bring one more asset by
    /// this mapping.
    pub fn lacks(&self, mapping: &ItemMapping) -> bool {
        self.phase == Phase::Completed
            && !self.erased
            && !self.has_shared(&mapping.asset)
            && self.lines.current.iter().any(|line| mapping.matches(&line.item))
    }
}
