//! The decisions of one attempt: taking the delivery, each step of it, and how it ends.

use chrono::{DateTime, Utc};

use super::schedule::{self, Jitter};
use super::{DeliveryEvent, DeliveryRefusal, Held, Lease, Order, Phase, StartFacts, Started};
use crate::asset::mappings_for;
use crate::{Asset, Credits, ItemMapping, ResolutionCode};

impl Order {
    /// A worker wants to begin. What a merchant has to fix is found out here, before anything is tried.
    pub(super) fn started(
        &self,
        worker: String,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        facts: &StartFacts,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        match &self.phase {
            Phase::Queued => {}
            Phase::RetryScheduled { due_at, .. } if *due_at <= now => {}
            Phase::Running(lease) if lease.until <= now => {
                if lease.cancel_requested {
                    return Ok(vec![DeliveryEvent::Cancelled]);
                }
                // An attempt that ended without a word counts as a failure: work that kills its worker is given up.
                if self.failures as usize >= schedule::FAILURE_DELAYS.len() {
                    return Ok(vec![DeliveryEvent::FailedPermanently { code: ResolutionCode::Unknown }]);
                }
            }
            Phase::Running(lease) => {
                let again = lease.worker == worker && lease.until == lease_until;
                return if again { Ok(vec![]) } else { Err(DeliveryRefusal::Running) };
            }
            Phase::Filtered
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled => return Err(DeliveryRefusal::NotDue),
        }
        let (plan, unmapped) = self.plan(&facts.mappings);
        if let Some(code) = self.blocked_by(facts, &plan) {
            return Ok(vec![DeliveryEvent::ActionRequired { code }]);
        }
        let attempt = self.attempts.saturating_add(1);
        Ok(vec![DeliveryEvent::Started(Started { attempt, worker, lease_until, plan, unmapped })])
    }

    /// What keeps this delivery from being tried and needs the merchant.
    pub fn blocked_by(&self, facts: &StartFacts, plan: &[Asset]) -> Option<ResolutionCode> {
        if !facts.api_key_active {
            Some(ResolutionCode::InactiveApiKey)
        } else if self.username.as_ref().and_then(|username| username.known()).is_none() {
            Some(ResolutionCode::MissingUsername)
        } else if plan.is_empty() {
            Some(ResolutionCode::NoItemMapping)
        } else if !facts.credentials_saved {
            Some(ResolutionCode::MissingCredentials)
        } else {
            None
        }
    }

    /// The assets that today's mappings give for the items, each once, and the items that have none.
    pub fn plan(&self, mappings: &[ItemMapping]) -> (Vec<Asset>, Vec<usize>) {
        let (mut plan, mut unmapped) = (Vec::<Asset>::new(), Vec::new());
        for (index, item) in self.items.iter().enumerate().filter(|(_, item)| item.quantity > 0) {
            let found = mappings_for(item, mappings);
            if found.is_empty() {
                unmapped.push(index);
            }
            for mapping in found {
                if !plan.contains(&mapping.asset) {
                    plan.push(mapping.asset.clone());
                }
            }
        }
        (plan, unmapped)
    }

    /// Only the attempt that holds the lease may say how it went.
    pub(super) fn held_by(&self, held: &Held) -> Result<&Lease, DeliveryRefusal> {
        self.lease()
            .filter(|lease| lease.worker == held.worker && lease.attempt == held.attempt)
            .ok_or(DeliveryRefusal::LeaseLost)
    }

    pub(super) fn follow_recorded(&self, held: &Held, credits: Credits) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let lease = self.held_by(held)?;
        if self.followed.is_some() {
            return Ok(vec![]);
        }
        Ok(then_cancelled(lease, vec![DeliveryEvent::Followed { credits }]))
    }

    pub(super) fn share_recorded(
        &self,
        held: &Held,
        asset: Asset,
        credits: Credits,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        if self.has_shared(&asset) {
            return Ok(vec![]);
        }
        let lease = self.held_by(held)?;
        if !self.plan.contains(&asset) {
            return Err(DeliveryRefusal::NotPlanned);
        }
        let last = self.outstanding().all(|outstanding| *outstanding == asset);
        let shared = vec![DeliveryEvent::ItemShared { asset, credits }];
        // A cancellation that came during the very last share came too late.
        Ok(if last { shared } else { then_cancelled(lease, shared) })
    }

    pub(super) fn completed(&self, held: &Held) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        if self.phase == Phase::Completed && self.attempts == held.attempt {
            return Ok(vec![]);
        }
        self.held_by(held)?;
        if self.outstanding().next().is_some() {
            return Err(DeliveryRefusal::ItemsOutstanding);
        }
        Ok(vec![DeliveryEvent::Completed])
    }

    /// The customer has not followed back yet. This has a slow schedule of its own and uses up no other attempt.
    pub(super) fn waiting(
        &self,
        held: &Held,
        now: DateTime<Utc>,
        jitter: Jitter,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let code = ResolutionCode::NdspWaiting;
        let due_at = schedule::next_wait(self.waits, self.waiting_since.unwrap_or(now), now, jitter);
        self.ended(held, retry_or_give_up(code, due_at))
    }

    pub(super) fn failing(
        &self,
        held: &Held,
        now: DateTime<Utc>,
        jitter: Jitter,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let code = ResolutionCode::TemporaryFailure;
        self.ended(held, retry_or_give_up(code, schedule::next_failure(self.failures, now, jitter)))
    }

    /// Ends the attempt, unless somebody cancelled meanwhile.
    pub(super) fn ended(&self, held: &Held, end: DeliveryEvent) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let lease = self.held_by(held)?;
        Ok(vec![if lease.cancel_requested { DeliveryEvent::Cancelled } else { end }])
    }
}

fn then_cancelled(lease: &Lease, mut events: Vec<DeliveryEvent>) -> Vec<DeliveryEvent> {
    if lease.cancel_requested {
        events.push(DeliveryEvent::Cancelled);
    }
    events
}

fn retry_or_give_up(code: ResolutionCode, due_at: Option<DateTime<Utc>>) -> DeliveryEvent {
    match due_at {
        Some(due_at) => DeliveryEvent::RetryScheduled { code, due_at },
        None => DeliveryEvent::FailedPermanently { code },
    }
}
