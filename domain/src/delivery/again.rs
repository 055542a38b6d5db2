//! Another try that a person requests: of one delivery, or of many that are replayed.

use super::{DeliveryEvent, DeliveryRefusal, Intent, Order, Phase};
use crate::integration::is_never_delivered;
use crate::{ItemMapping, Private, ResolutionCode};

impl Order {
    /// A person requests another try, perhaps with the right username.
    pub(super) fn retry(&self, username: Option<String>) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let username = username.map(|name| name.trim().to_owned());
        if username.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > 200) {
            return Err(DeliveryRefusal::InvalidUsername);
        }
        let corrected = username.map(Private::Known).filter(|new| self.summary.username.as_ref() != Some(new));
        self.refuse_what_cannot_be_delivered(corrected.is_some())?;
        match self.summary.phase {
            Phase::Running(_) => return Err(DeliveryRefusal::Running),
            Phase::Completed if !self.summary.lines.has_undelivered() => {
                let fetch = self.request_fetch().filter(|_| corrected.is_none());
                return fetch.map(|fetch| vec![fetch]).ok_or(DeliveryRefusal::AlreadyCompleted);
            }
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
        events.push(DeliveryEvent::RetryRequested { mapping_ids: vec![] });
        Ok(events)
    }

    /// What no other try can help.
    fn refuse_what_cannot_be_delivered(&self, is_corrected: bool) -> Result<(), DeliveryRefusal> {
        if let Some(status) = self.order_status.as_ref().filter(|status| is_never_delivered(status)) {
            return Err(DeliveryRefusal::NeverDelivered { status: status.clone() });
        }
        // What is ordered is not read yet.
        if self.summary.unread.is_some() {
            return Ok(());
        }
        if self.summary.lines.is_emptied() && self.summary.phase != Phase::Completed {
            return Err(DeliveryRefusal::NothingBought);
        }
        let waits_for_username = self.summary.phase == Phase::ActionRequired { code: ResolutionCode::MissingUsername };
        let is_known = self.summary.username.as_ref().is_some_and(|username| username.known().is_some());
        if waits_for_username && !is_known && !is_corrected {
            return Err(DeliveryRefusal::UsernameNeeded);
        }
        Ok(())
    }

    /// One of many that would be delivered today. What is running, done, cancelled or erased is left alone: between the
    /// choice and this a person may have changed it, and a replay must not undo what they did.
    pub(super) fn replay(&self, username: Option<String>) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let left_alone = match self.summary.phase {
            Phase::Queued | Phase::Running(_) | Phase::Cancelled(_) => true,
            Phase::Completed => !self.summary.lines.has_undelivered(),
            Phase::Filtered
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::FailedPermanently { .. } => false,
        };
        if left_alone || self.summary.erased { Ok(vec![]) } else { self.retry(username) }
    }

    /// A person wants the assets of these mappings delivered to a past order that bought what they name.
    pub(super) fn deliver_mappings(&self, mappings: &[ItemMapping]) -> Vec<DeliveryEvent> {
        let is_past =
            self.summary.phase == Phase::Completed && self.summary.intent == Intent::Deliver && !self.summary.erased;
        let lacked =
            mappings.iter().filter(|mapping| self.summary.lines.buy(mapping) && !self.has_shared(&mapping.asset));
        let mapping_ids: Vec<_> = lacked.map(|mapping| mapping.id).collect();
        if is_past && !mapping_ids.is_empty() { vec![DeliveryEvent::RetryRequested { mapping_ids }] } else { vec![] }
    }
}
