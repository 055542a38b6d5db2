//! What an attempt means for the credits of its account: reserved when it starts, settled when it is over. Appended together
//! with what happened to the delivery, so that a balance is right in the moment in which a delivery is, and no reservation
//! outlives its attempt.

use super::{Delivery, Order};
use crate::credits::PaidAction;
use crate::ledger::LedgerCommand;
use crate::{AccountId, Credits, DeliveryId};

impl Delivery {
    /// What the account's ledger does together with a command that changed this delivery from `before`.
    pub fn settlement(&self, id: DeliveryId, before: &Self) -> Option<(AccountId, LedgerCommand)> {
        let order = self.order()?;
        let held = before.order().and_then(|before| Some((before.lease()?.attempt, before.spent)));
        let command = match (held, order.lease().map(|lease| lease.attempt)) {
            (Some((before, _)), Some(after)) if before == after => return None,
            (held, Some(attempt)) => LedgerCommand::Reserve {
                delivery_id: id,
                attempt,
                credits: order.highest_price(),
                earlier: held.map_or(Credits::ZERO, |(_, spent)| spent),
            },
            (Some((attempt, _)), None) => LedgerCommand::Settle { delivery_id: id, attempt, charged: order.spent },
            (None, None) => return None,
        };
        Some((order.account_id, command))
    }
}

impl Order {
    /// What the plan may cost: less where the customer is followed already, or has what was bought.
    fn highest_price(&self) -> Credits {
        let follow = if self.followed.is_none() { PaidAction::Follow.price() } else { Credits::ZERO };
        self.outstanding().fold(follow, |sum, asset| sum + PaidAction::Share { asset: asset.clone() }.price())
    }

    /// What the latest attempt has spent.
    pub fn spent(&self) -> Credits {
        self.spent
    }
}
