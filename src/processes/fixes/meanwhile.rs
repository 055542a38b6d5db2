//! What an attempt cannot know: a fix that came while it was under way. It began before the fix and ended after it, and
//! nothing else would wake its delivery.

use cqrs_es::Aggregate as _;
use domain::account::{Account, AccountEvent};
use domain::delivery::{DecidedOn, Delivery, Order};
use domain::integration::{Integration, IntegrationEvent};
use domain::ledger::Ledger;
use domain::{AccountId, Credits, ResolutionCode};
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Position, Sequence};

use super::Fixes;
use crate::processes::failure::Failure;

/// Accounts that are remembered because deliveries of theirs lack credits.
const MAX_REMEMBERED: usize = 10_000;
/// Changes of settings that are read at a time.
const PAGE: i64 = 200;

impl Fixes {
    pub(super) async fn wake_if_fixed_meanwhile(
        &mut self,
        event: &Recorded,
        code: ResolutionCode,
        decided_on: Option<DecidedOn>,
    ) -> Result<(), Failure> {
        let (Some(account_id), Some(integration_id)) = (event.account_id, event.integration_id) else {
            return Ok(());
        };
        match code {
            ResolutionCode::NoItemMapping
            | ResolutionCode::AssetNotFound
            | ResolutionCode::IntegrationInactive
            | ResolutionCode::StoreAccessMissing => {
                let (stream, seen) = ((Integration::TYPE, integration_id.to_string()), |on: DecidedOn| {
                    Sequence(on.integration_sequence)
                });
                self.wake_if_settings_fixed(event, code, decided_on, stream, seen).await
            }
            ResolutionCode::MissingCredentials => {
                let (stream, seen) =
                    ((Account::TYPE, account_id.to_string()), |on: DecidedOn| Sequence(on.account_sequence));
                self.wake_if_settings_fixed(event, code, decided_on, stream, seen).await
            }
            // Others had reserved what it lacked, and may have given it back before it began to wait.
            ResolutionCode::CreditsExhausted => {
                self.remember_short_of_credits(account_id, event.position);
                let ledger: Ledger = self.data.log.load(account_id).await?.aggregate;
                if ledger.available() >= Credits::OF_A_SHARE {
                    self.requeue(&event.aggregate_id, code, event.position).await?;
                }
                Ok(())
            }
            ResolutionCode::MissingUsername
            | ResolutionCode::InvalidUsername
            | ResolutionCode::InactiveApiKey
            | ResolutionCode::NdspWaiting
            | ResolutionCode::TemporaryFailure
            | ResolutionCode::StoreUnavailable
            | ResolutionCode::OrderStatusFiltered
            | ResolutionCode::Duplicate
            | ResolutionCode::Unknown => Ok(()),
        }
    }

    fn remember_short_of_credits(&mut self, account_id: AccountId, position: Position) {
        if self.short_of_credits.len() >= MAX_REMEMBERED {
            // All that are forgotten began to wait before this event.
            self.short_of_credits.clear();
            self.began_at = self.began_at.max(position);
        }
        let last = self.short_of_credits.entry(account_id).or_insert(position);
        // A parked event is tried again after others.
        *last = position.max(*last);
    }

    /// Looks through what was changed since the settings on which it was decided that the delivery has to wait.
    async fn wake_if_settings_fixed(
        &self,
        event: &Recorded,
        code: ResolutionCode,
        decided_on: Option<DecidedOn>,
        (kind, id): (&str, String),
        seen: impl Fn(DecidedOn) -> Sequence + Send,
    ) -> Result<(), Failure> {
        let decided_on = if let Some(decided_on) = decided_on {
            decided_on
        } else {
            // By an attempt, which said so when it started.
            let loaded = self.data.log.recent::<Delivery>(&event.aggregate_id).await?;
            let Some(order) = loaded.aggregate.order() else { return Ok(()) };
            order.decided_on
        };
        let mut seen = seen(decided_on);
        loop {
            let changes = self.data.log.recorded_of(kind, &id, seen, PAGE).await?;
            let Some(last) = changes.last() else { return Ok(()) };
            seen = last.sequence;
            let loaded = self.data.log.recent::<Delivery>(&event.aggregate_id).await?;
            let Some(order) = loaded.aggregate.order() else { return Ok(()) };
            if let Some(fix) = changes.iter().find(|change| fixes(change, code, order)) {
                return self.requeue(&event.aggregate_id, code, fix.position).await;
            }
        }
    }
}

/// Whether an event fixes this cause for an order.
fn fixes(event: &Recorded, code: ResolutionCode, order: &Order) -> bool {
    match &event.event {
        AnyEvent::Integration(IntegrationEvent::ItemMappingAdded { mapping }) => {
            matches!(code, ResolutionCode::NoItemMapping | ResolutionCode::AssetNotFound)
                && order.summary.lines.current.iter().any(|line| mapping.matches(&line.item))
        }
        AnyEvent::Integration(IntegrationEvent::IntegrationActivated {}) => code == ResolutionCode::IntegrationInactive,
        AnyEvent::Integration(IntegrationEvent::StoreAccessSaved { .. }) => code == ResolutionCode::StoreAccessMissing,
        AnyEvent::Account(AccountEvent::CortexCredentialsSaved { .. }) => code == ResolutionCode::MissingCredentials,
        AnyEvent::Account(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Delivery(_)
        | AnyEvent::Notice(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Publication(_)
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => false,
    }
}
