//! Waking what waits for a merchant: deliveries whose cause was fixed go back to the queue.

use std::time::Duration;

use cqrs_es::Aggregate as _;
use domain::account::{Account, AccountEvent};
use domain::delivery::{DecidedOn, Delivery, DeliveryCommand, Order};
use domain::integration::{Integration, IntegrationEvent};
use domain::ledger::Ledger;
use domain::{Credits, ItemMapping, ResolutionCode};
use futures_util::future::try_join_all;
use projections::delivery_log::{self, DeliveryRow};
use projections::feed::{Fact, Recorded};

use super::{BATCH, ReactionError, Reactions};
use crate::event_log::{Actor, CommandError};

/// Waiting deliveries that are looked through at a time.
const PAGE: i64 = 200;
const LOADS_AT_ONCE: usize = 8;
/// Accounts that are remembered because deliveries of theirs lack credits.
const MAX_REMEMBERED: usize = 10_000;
const VIEW_TIMEOUT: Duration = Duration::from_secs(30);

/// Deliveries of an account that wait for a cause to be fixed.
pub(super) struct Waiting<'w> {
    pub(super) code: ResolutionCode,
    pub(super) account_id: &'w str,
    pub(super) integration_id: Option<&'w str>,
    pub(super) at_most: u64,
    /// The position up to which those began to wait that are meant: the view must show them.
    pub(super) began_by: i64,
}

impl<'w> Waiting<'w> {
    pub(super) fn all(code: ResolutionCode, account_id: &'w str, began_by: i64) -> Self {
        Self { code, account_id, integration_id: None, at_most: u64::MAX, began_by }
    }
}

impl Reactions<'_> {
    /// Puts deliveries that waited for this cause back in the queue, the oldest first.
    pub(super) async fn release(
        &self,
        waiting: Waiting<'_>,
        position: i64,
        mapping: Option<&ItemMapping>,
    ) -> Result<(), ReactionError> {
        let Waiting { code, account_id, integration_id, at_most, began_by } = waiting;
        // What began to wait before the fix is in the view then; what begins to wait after it is looked at when it does.
        if !self.service.projector.wait_for(&[delivery_log::VIEW], began_by, VIEW_TIMEOUT).await {
            return Err(ReactionError::ViewBehind);
        }
        let (mut after, mut left) = (0, usize::try_from(at_most).unwrap_or(usize::MAX));
        while left > 0 {
            let page =
                delivery_log::waiting_for(&self.service.views, code, account_id, integration_id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.listed_at;
            let helps = |row: &&DeliveryRow| {
                let is_of =
                    |mapping: &ItemMapping| row.summary().lines.current.iter().any(|line| mapping.matches(&line.item));
                mapping.is_none_or(is_of)
            };
            let ids: Vec<&str> = page.iter().filter(helps).take(left).map(|row| row.id.as_str()).collect();
            left -= ids.len();
            self.requeue_all(&ids, code, position).await?;
        }
        Ok(())
    }

    /// Together, so that many need one commit, and in their order.
    async fn requeue_all(&self, ids: &[&str], cause: ResolutionCode, fixed_at: i64) -> Result<(), ReactionError> {
        // In memory, each is decided as soon as its turn comes.
        for some in ids.chunks(LOADS_AT_ONCE) {
            let loads: Vec<_> = some.iter().map(|id| self.service.log.recent::<Delivery>(id)).collect();
            try_join_all(loads).await?;
        }
        let requeued: Vec<_> = ids.iter().map(|id| self.requeue(id, cause, fixed_at)).collect();
        try_join_all(requeued).await.map(drop)
    }

    async fn requeue(&self, delivery_id: &str, cause: ResolutionCode, fixed_at: i64) -> Result<(), ReactionError> {
        let command = DeliveryCommand::Release { cause };
        let origin = Actor::System.because_of(fixed_at);
        match self.service.log.execute::<Delivery>(delivery_id, command, origin).await {
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(error) => Err(ReactionError::Command(error.to_string())),
        }
    }

    /// An attempt that began before a fix and ended after it knew nothing of it: nothing else would wake its delivery.
    pub(super) async fn release_if_fixed_meanwhile(
        &mut self,
        event: &Recorded,
        code: ResolutionCode,
        decided_on: Option<DecidedOn>,
    ) -> Result<(), ReactionError> {
        let (Some(account_id), Some(integration_id)) = (event.account_id, event.integration_id) else {
            return Ok(());
        };
        match code {
            ResolutionCode::NoItemMapping | ResolutionCode::AssetNotFound | ResolutionCode::IntegrationInactive => {
                let (stream, seen) = ((Integration::TYPE, integration_id.to_string()), |on: DecidedOn| on.integration);
                self.release_if_settings_fixed(event, code, decided_on, stream, seen).await
            }
            ResolutionCode::MissingCredentials => {
                let (stream, seen) = ((Account::TYPE, account_id.to_string()), |on: DecidedOn| on.account);
                self.release_if_settings_fixed(event, code, decided_on, stream, seen).await
            }
            // Others had reserved what it lacked, and may have given it back before it began to wait.
            ResolutionCode::CreditsExhausted => {
                if self.short_of_credits.len() >= MAX_REMEMBERED {
                    // All that are forgotten began to wait before this event.
                    self.short_of_credits.clear();
                    self.began_at = event.position;
                }
                self.short_of_credits.insert(account_id.to_string(), event.position);
                let ledger: Ledger = self.service.log.load(&account_id.to_string()).await?.aggregate;
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
            | ResolutionCode::OrderStatusFiltered
            | ResolutionCode::Duplicate
            | ResolutionCode::Unknown => Ok(()),
        }
    }

    /// Looks through what was changed since the settings on which it was decided that the delivery has to wait.
    async fn release_if_settings_fixed(
        &self,
        event: &Recorded,
        code: ResolutionCode,
        decided_on: Option<DecidedOn>,
        (kind, id): (&str, String),
        seen: impl Fn(DecidedOn) -> i64,
    ) -> Result<(), ReactionError> {
        let decided_on = if let Some(decided_on) = decided_on {
            decided_on
        } else {
            // By an attempt, which said so when it started.
            let loaded = self.service.log.recent::<Delivery>(&event.aggregate_id).await?;
            let Some(order) = loaded.aggregate.order() else { return Ok(()) };
            order.decided_on
        };
        let mut seen = seen(decided_on);
        loop {
            let changes = self.service.log.recorded_of(kind, &id, seen, BATCH).await?;
            let Some(last) = changes.last() else { return Ok(()) };
            seen = last.sequence;
            let loaded = self.service.log.recent::<Delivery>(&event.aggregate_id).await?;
            let Some(order) = loaded.aggregate.order() else { return Ok(()) };
            if let Some(fix) = changes.iter().find(|change| fixes(change, code, order)) {
                return self.requeue(&event.aggregate_id, code, fix.position).await;
            }
        }
    }

    /// Credits that attempts gave back let as many deliveries go on as they are enough for.
    pub(super) async fn release_for_returned_credits(&mut self) -> Result<(), ReactionError> {
        while let Some((account_id, position)) = self.returned.pop_first() {
            let ledger: Ledger = self.service.log.load(&account_id).await?.aggregate;
            let enough_for = ledger.available().0 / Credits::OF_A_SHARE.0;
            if enough_for > 0 {
                // Those that began to wait later are looked at when they do.
                let began_by = self.short_of_credits.get(&account_id).copied().unwrap_or(self.began_at);
                let all = Waiting::all(ResolutionCode::CreditsExhausted, &account_id, began_by);
                self.release(Waiting { at_most: enough_for, ..all }, position, None).await?;
            }
        }
        Ok(())
    }
}

/// Whether an event fixes this cause for an order.
fn fixes(event: &Recorded, code: ResolutionCode, order: &Order) -> bool {
    match &event.fact {
        Fact::Integration(IntegrationEvent::ItemMappingAdded { mapping }) => {
            matches!(code, ResolutionCode::NoItemMapping | ResolutionCode::AssetNotFound)
                && order.summary.lines.current.iter().any(|line| mapping.matches(&line.item))
        }
        Fact::Integration(IntegrationEvent::IntegrationActivated {}) => code == ResolutionCode::IntegrationInactive,
        Fact::Account(AccountEvent::CortexCredentialsSaved { .. }) => code == ResolutionCode::MissingCredentials,
        Fact::Account(_)
        | Fact::Ledger(_)
        | Fact::Integration(_)
        | Fact::Delivery(_)
        | Fact::Notice(_)
        | Fact::Operation(_)
        | Fact::Checkpoint(_)
        | Fact::Foreign => false,
    }
}
