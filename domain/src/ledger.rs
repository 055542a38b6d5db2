//! The credits of an account: granted, reserved for attempts, spent. The balance follows from these and is never stored
//! in events. A stream of its own, beside the account's settings: every attempt moves it.
//!
//! An attempt reserves what its plan may cost, or as much of it as there is, in the append that starts it, and settles in the
//! append that ends it. So a balance is right whenever a delivery is, and the next start settles what a dead worker left.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use uuid::Uuid;

use crate::event::{EventSourced, LogEvent, Owner, aggregate, domain_event};
use crate::{Credits, DeliveryId};

#[cfg(test)]
mod tests;

const MAX_GRANT: Credits = Credits(1_000_000_000);
/// How many grants are remembered so that a repeated one is recognised.
const REMEMBERED_GRANTS: usize = 100;

/// The fold of a ledger's stream, whose id is the account's. The default is one without a grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    granted: Credits,
    spent: Credits,
    /// Of attempts under way: as many as there are workers, at most.
    open: Vec<Reservation>,
    recent_grants: VecDeque<Uuid>,
}

/// What one attempt of a delivery may spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub delivery_id: DeliveryId,
    pub attempt: u32,
    pub credits: Credits,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerCommand {
    /// The grant's id makes a repeated request harmless.
    Grant { grant_id: Uuid, credits: Credits },
    /// Sets aside what an attempt may cost, or as much of it as there is, so that two deliveries cannot spend the same
    /// credits. An earlier attempt of the delivery that did not live to settle has spent `earlier`.
    Reserve { delivery_id: DeliveryId, attempt: u32, credits: Credits, earlier: Credits },
    /// The attempt is over: what it was charged is spent, and the rest is free again.
    Settle { delivery_id: DeliveryId, attempt: u32, charged: Credits },
}

/// These names are the storage format: add, never rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LedgerEvent {
    CreditsGranted {
        grant_id: Uuid,
        credits: Credits,
    },
    /// What one attempt of a delivery may spend at most.
    CreditsReserved {
        delivery_id: DeliveryId,
        attempt: u32,
        credits: Credits,
    },
    /// The attempt is over: what it spent of its reservation, and what is free again.
    ReservationSettled {
        delivery_id: DeliveryId,
        attempt: u32,
        charged: Credits,
        returned: Credits,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerRefusal {
    #[error("a grant must be 1 to 1000000000 credits")]
    InvalidGrant,
}

impl Ledger {
    pub fn granted(&self) -> Credits {
        self.granted
    }

    /// What can be spent now.
    pub fn available(&self) -> Credits {
        self.granted - self.spent - self.open.iter().fold(Credits::ZERO, |sum, open| sum + open.credits)
    }

    /// What is set aside for a delivery's attempt under way.
    pub fn reservation(&self, delivery_id: DeliveryId) -> Option<&Reservation> {
        self.open.iter().find(|open| open.delivery_id == delivery_id)
    }

    /// Decides a command. The same again decides to nothing.
    pub fn decide(&self, command: LedgerCommand) -> Result<Vec<LedgerEvent>, LedgerRefusal> {
        match command {
            LedgerCommand::Grant { grant_id, credits } => self.grant(grant_id, credits),
            LedgerCommand::Reserve { delivery_id, attempt, credits, earlier } => {
                Ok(self.reserve(delivery_id, attempt, credits, earlier))
            }
            LedgerCommand::Settle { delivery_id, attempt, charged } => {
                let open = self.reservation(delivery_id).filter(|open| open.attempt == attempt);
                Ok(open.map(|open| settle(open, charged)).into_iter().collect())
            }
        }
    }

    fn grant(&self, grant_id: Uuid, credits: Credits) -> Result<Vec<LedgerEvent>, LedgerRefusal> {
        if credits == Credits::ZERO || credits > MAX_GRANT {
            return Err(LedgerRefusal::InvalidGrant);
        }
        let known = self.recent_grants.contains(&grant_id);
        Ok(if known { vec![] } else { vec![LedgerEvent::CreditsGranted { grant_id, credits }] })
    }

    fn reserve(&self, delivery_id: DeliveryId, attempt: u32, credits: Credits, earlier: Credits) -> Vec<LedgerEvent> {
        let open = self.reservation(delivery_id);
        if open.is_some_and(|open| open.attempt >= attempt) {
            return vec![];
        }
        let mut events: Vec<_> = open.map(|open| settle(open, earlier)).into_iter().collect();
        let after = events.iter().cloned().fold(self.clone(), |mut ledger, event| {
            ledger.fold(event);
            ledger
        });
        let credits = credits.min(after.available());
        if credits > Credits::ZERO {
            events.push(LedgerEvent::CreditsReserved { delivery_id, attempt, credits });
        }
        events
    }
}

fn settle(open: &Reservation, charged: Credits) -> LedgerEvent {
    let Reservation { delivery_id, attempt, credits } = open.clone();
    LedgerEvent::ReservationSettled { delivery_id, attempt, charged, returned: credits - charged }
}

domain_event!(LedgerEvent);

impl LogEvent for LedgerEvent {}

aggregate!(Ledger, "ledger", LedgerCommand, LedgerEvent, LedgerRefusal);

impl Ledger {
    fn fold(&mut self, event: LedgerEvent) {
        match event {
            LedgerEvent::CreditsGranted { grant_id, credits } => {
                self.granted = self.granted + credits;
                self.recent_grants.push_back(grant_id);
                if self.recent_grants.len() > REMEMBERED_GRANTS {
                    self.recent_grants.pop_front();
                }
            }
            LedgerEvent::CreditsReserved { delivery_id, attempt, credits } => {
                self.close(delivery_id);
                self.open.push(Reservation { delivery_id, attempt, credits });
            }
            LedgerEvent::ReservationSettled { delivery_id, attempt: _, charged, returned: _ } => {
                self.spent = self.spent + charged;
                self.close(delivery_id);
            }
        }
    }

    fn close(&mut self, delivery_id: DeliveryId) {
        self.open.retain(|open| open.delivery_id != delivery_id);
    }
}

impl EventSourced for Ledger {
    const SNAPSHOT_VERSION: i64 = 1;

    /// The account whose credits these are: the stream has its id.
    fn owner(&self, id: &str) -> Owner {
        Owner { account_id: id.parse().ok(), integration_id: None }
    }
}
