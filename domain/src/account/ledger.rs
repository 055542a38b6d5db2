//! The credits of an account: granted, set aside, spent. The balance follows from these and is never stored in events.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AccountEvent, AccountRefusal, CreditMove};
use crate::credits::PaidAction;
use crate::{Credits, DeliveryId};

const MAX_GRANT: Credits = Credits(1_000_000_000);
/// How many grants are remembered so that a repeated one is recognised.
const REMEMBERED_GRANTS: usize = 100;

/// It remembers open reservations only. That an action was already paid for is known to its delivery, which records it
/// before the reservation is closed; so this stays small however many charges there were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    granted: Credits,
    spent: Credits,
    open: Vec<CreditMove>,
    recent_grants: VecDeque<Uuid>,
}

impl Ledger {
    /// What can be spent now.
    pub fn available(&self) -> Credits {
        self.granted - self.spent - self.open.iter().fold(Credits::ZERO, |sum, open| sum + open.credits)
    }

    /// What is set aside for one action of one delivery.
    pub fn reservation(&self, delivery_id: DeliveryId, action: &PaidAction) -> Option<&CreditMove> {
        self.open.iter().find(|open| open.delivery_id == delivery_id && open.action == *action)
    }

    /// Everything that is set aside for a delivery.
    pub fn reservations_of(&self, delivery_id: DeliveryId) -> impl Iterator<Item = &CreditMove> {
        self.open.iter().filter(move |open| open.delivery_id == delivery_id)
    }

    pub(super) fn grant(&self, grant_id: Uuid, credits: Credits) -> Result<Option<AccountEvent>, AccountRefusal> {
        if credits == Credits::ZERO || credits > MAX_GRANT {
            return Err(AccountRefusal::InvalidGrant);
        }
        let known = self.recent_grants.contains(&grant_id);
        Ok((!known).then_some(AccountEvent::CreditsGranted { grant_id, credits }))
    }

    pub(super) fn reserve(
        &self,
        delivery_id: DeliveryId,
        action: PaidAction,
        attempt: u32,
    ) -> Result<Option<AccountEvent>, AccountRefusal> {
        if let Some(open) = self.reservation(delivery_id, &action) {
            let taken_over = CreditMove { attempt, ..open.clone() };
            return Ok((open.attempt < attempt).then_some(AccountEvent::ReservationTakenOver(taken_over)));
        }
        let (price, available) = (action.price(), self.available());
        if price > available {
            return Err(AccountRefusal::InsufficientCredits { price, available });
        }
        Ok(Some(AccountEvent::CreditsReserved(CreditMove { delivery_id, action, credits: price, attempt })))
    }

    pub(super) fn charge(&self, delivery_id: DeliveryId, action: &PaidAction) -> Option<AccountEvent> {
        self.reservation(delivery_id, action).cloned().map(AccountEvent::CreditsCharged)
    }

    /// Nothing once a later attempt counts on it: what is released was looked at while nobody worked on the delivery, and
    /// somebody may have begun since.
    pub(super) fn release(&self, delivery_id: DeliveryId, action: &PaidAction, attempt: u32) -> Option<AccountEvent> {
        let open = self.reservation(delivery_id, action)?;
        (open.attempt <= attempt).then(|| AccountEvent::CreditsReleased(open.clone()))
    }

    pub(super) fn granted(&mut self, grant_id: Uuid, credits: Credits) {
        self.granted = self.granted + credits;
        self.recent_grants.push_back(grant_id);
        if self.recent_grants.len() > REMEMBERED_GRANTS {
            self.recent_grants.pop_front();
        }
    }

    pub(super) fn reserved(&mut self, credit_move: CreditMove) {
        self.close(&credit_move);
        self.open.push(credit_move);
    }

    pub(super) fn charged(&mut self, credit_move: &CreditMove) {
        self.spent = self.spent + credit_move.credits;
        self.close(credit_move);
    }

    pub(super) fn released(&mut self, credit_move: &CreditMove) {
        self.close(credit_move);
    }

    fn close(&mut self, credit_move: &CreditMove) {
        let CreditMove { delivery_id, action, .. } = credit_move;
        self.open.retain(|open| (open.delivery_id, &open.action) != (*delivery_id, action));
    }
}
