//! What follows from what happened: a cause that was fixed puts the deliveries that waited for it back in the queue, and what
//! a store asks by law is done.
//!
//! A follower of the feed with a checkpoint of its own. Every command it sends is idempotent, so a crash between the
//! command and the checkpoint is harmless, and several nodes may do the same work.

mod privacy;

use std::collections::BTreeMap;
use std::time::Duration;

use cqrs_es::Aggregate as _;
use domain::account::{Account, AccountEvent};
use domain::delivery::{DecidedOn, Delivery, DeliveryCommand, DeliveryEvent, Order};
use domain::integration::{Integration, IntegrationEvent};
use domain::ledger::{Ledger, LedgerEvent};
use domain::notice::NoticeEvent;
use domain::{Credits, ItemMapping, ResolutionCode};
use futures_util::future::try_join_all;
use projections::View;
use projections::delivery_log::{self, DeliveryRow};
use projections::feed::{Fact, Recorded};
use tokio::time::MissedTickBehavior;

use crate::erasure::ErasureError;
use crate::event_log::{Actor, CommandError, LoadError};
use crate::recurring::Recurring;
use crate::service::Service;

const FOLLOWER: &str = "reactions";
/// How often the checkpoint is written at most. What comes after it is seen again after a start, and does nothing twice;
/// the log's only writing connection is for webhooks.
const SAVE_EVERY: Duration = Duration::from_secs(1);
const BATCH: i64 = 200;
/// Waiting deliveries that are looked through at a time.
const PAGE: i64 = 200;
const LOADS_AT_ONCE: usize = 8;
const RETRY_AFTER: Duration = Duration::from_millis(500);
const VIEW_TIMEOUT: Duration = Duration::from_secs(30);
/// What something follows from, by kind of stream and type of event. Most of the log is not read.
const KINDS: &[(&str, &str)] = &[
    ("integration", "integration_activated"),
    ("integration", "item_mapping_added"),
    ("account", "cortex_credentials_saved"),
    ("account", "retention_set"),
    ("ledger", "credits_granted"),
    ("ledger", "reservation_settled"),
    ("delivery", "action_required"),
    ("notice", "webhook_received"),
];

#[derive(Debug, thiserror::Error)]
enum ReactionError {
    #[error(transparent)]
    Log(#[from] LoadError),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    #[error("a command failed: {0}")]
    Command(String),
    #[error("the delivery log is too far behind")]
    ViewBehind,
}

/// Runs until it is dropped.
pub(crate) async fn follow(service: &Service) {
    let mut reactions = Reactions { service, returned: BTreeMap::new() };
    let failures = Recurring::new("reactions are interrupted");
    loop {
        if let Err(error) = reactions.run().await {
            failures.failed(&error);
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

struct Reactions<'s> {
    service: &'s Service,
    /// Accounts to which attempts gave credits back, and where.
    returned: BTreeMap<String, i64>,
}

/// Deliveries of an account that wait for a cause to be fixed.
struct Waiting<'w> {
    code: ResolutionCode,
    account_id: &'w str,
    integration_id: Option<&'w str>,
    at_most: u64,
}

impl<'w> Waiting<'w> {
    fn all(code: ResolutionCode, account_id: &'w str) -> Self {
        Self { code, account_id, integration_id: None, at_most: u64::MAX }
    }
}

impl Reactions<'_> {
    async fn run(&mut self) -> Result<(), ReactionError> {
        let log = &self.service.log;
        let saved = log.follower_cursor(FOLLOWER).await?;
        if !log.holds(&saved).await? {
            return self.begin_again(saved.position).await;
        }
        let mut cursor = saved.clone();
        let mut saved = saved.position;
        let mut head = log.head_changes();
        let mut save = tokio::time::interval(SAVE_EVERY);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.service.reacting.begin();
            log.yield_to_webhooks().await;
            head.mark_unchanged();
            let seen_head = head.borrow().clone();
            let events = match log.follow_kinds(&cursor, BATCH, KINDS).await {
                Err(LoadError::OtherLog { position }) => return self.begin_again(position).await,
                read => read?,
            };
            for event in &events {
                self.react(event).await?;
                cursor = event.cursor();
            }
            self.release_for_returned_credits().await?;
            if events.is_empty() && seen_head.position > cursor.position {
                // Nothing but webhooks up to there.
                cursor = seen_head;
            }
            let position = cursor.position;
            self.service.reacting.done();
            self.service.reacted.send_replace(position);
            tokio::select! {
                biased;
                _ = save.tick(), if position > saved => {
                    log.save_follower_cursor(FOLLOWER, &cursor).await?;
                    saved = position;
                }
                () = std::future::ready(()), if !events.is_empty() => {}
                changed = head.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// What was done in answer to another log says nothing of this one. All of it is idempotent.
    async fn begin_again(&mut self, position: i64) -> Result<(), ReactionError> {
        tracing::error!(position, "reactions have followed another event log: they begin again from its first event");
        self.service.reacted.send_replace(0);
        Ok(self.service.log.reset_follower(FOLLOWER).await?)
    }

    async fn react(&mut self, event: &Recorded) -> Result<(), ReactionError> {
        match &event.fact {
            Fact::Integration(told) => self.react_to_integration(event, told).await,
            Fact::Account(told) => self.react_to_account(event, told).await,
            Fact::Ledger(ledger) => self.react_to_ledger(event, ledger).await,
            Fact::Delivery(told) => self.react_to_delivery(event, told).await,
            Fact::Notice(NoticeEvent::WebhookReceived(received)) => privacy::react(self.service, event, received).await,
            Fact::Notice(NoticeEvent::WebhookRepeated(_) | NoticeEvent::PersonalDataErased {})
            | Fact::Checkpoint(_)
            | Fact::Operation(_)
            | Fact::Foreign => Ok(()),
        }
    }

    async fn react_to_integration(&mut self, event: &Recorded, told: &IntegrationEvent) -> Result<(), ReactionError> {
        let (codes, mapping) = match told {
            IntegrationEvent::ItemMappingAdded { mapping } => {
                (&[ResolutionCode::NoItemMapping, ResolutionCode::AssetNotFound][..], Some(mapping))
            }
            IntegrationEvent::IntegrationActivated {} => (&[ResolutionCode::IntegrationInactive][..], None),
            IntegrationEvent::IntegrationCreated(_)
            | IntegrationEvent::IntegrationRenamed { .. }
            | IntegrationEvent::IntegrationDeactivated {}
            // An order that waits for a missing asset waits for the right mapping, not for the end of the wrong one.
            | IntegrationEvent::ItemMappingRemoved { .. }
            | IntegrationEvent::OrderStatusesChanged { .. }
            | IntegrationEvent::SigningSecretSet { .. }
            | IntegrationEvent::SigningSecretRotated { .. } => return Ok(()),
        };
        let integration: Integration = self.service.log.load(&event.aggregate_id).await?.aggregate;
        let Some(link) = integration.link() else { return Ok(()) };
        let account_id = link.account_id.to_string();
        for code in codes {
            let of_account = Waiting::all(*code, &account_id);
            let waiting = Waiting { integration_id: Some(&event.aggregate_id), ..of_account };
            self.release(waiting, event.position, mapping).await?;
        }
        Ok(())
    }

    async fn react_to_account(&mut self, event: &Recorded, told: &AccountEvent) -> Result<(), ReactionError> {
        let account_id = event.aggregate_id.as_str();
        match told {
            AccountEvent::CortexCredentialsSaved { .. } => {
                let waiting = Waiting::all(ResolutionCode::MissingCredentials, account_id);
                self.release(waiting, event.position, None).await
            }
            AccountEvent::RetentionSet { .. } => {
                self.service.retention.look_soon();
                Ok(())
            }
            AccountEvent::AccountOpened { .. }
            | AccountEvent::ApiKeyCreated(_)
            | AccountEvent::ApiKeyDeactivated { .. }
            | AccountEvent::ApiKeyLimited { .. }
            | AccountEvent::CortexCredentialsDeleted {} => Ok(()),
        }
    }

    async fn react_to_ledger(&mut self, event: &Recorded, ledger: &LedgerEvent) -> Result<(), ReactionError> {
        match ledger {
            LedgerEvent::CreditsGranted { .. } => {
                let (code, account_id) = (ResolutionCode::CreditsExhausted, event.aggregate_id.as_str());
                self.release(Waiting::all(code, account_id), event.position, None).await
            }
            LedgerEvent::ReservationSettled { returned, .. } if *returned > Credits::ZERO => {
                self.returned.insert(event.aggregate_id.clone(), event.position);
                Ok(())
            }
            LedgerEvent::ReservationSettled { .. } | LedgerEvent::CreditsReserved { .. } => Ok(()),
        }
    }

    /// Credits that attempts gave back let as many deliveries go on as they are enough for.
    async fn release_for_returned_credits(&mut self) -> Result<(), ReactionError> {
        while let Some((account_id, position)) = self.returned.pop_first() {
            let ledger: Ledger = self.service.log.load(&account_id).await?.aggregate;
            let enough_for = ledger.available().0 / Credits::OF_A_SHARE.0;
            if enough_for > 0 {
                let waiting =
                    Waiting { at_most: enough_for, ..Waiting::all(ResolutionCode::CreditsExhausted, &account_id) };
                self.release(waiting, position, None).await?;
            }
        }
        Ok(())
    }

    async fn react_to_delivery(&mut self, event: &Recorded, told: &DeliveryEvent) -> Result<(), ReactionError> {
        match told {
            DeliveryEvent::ActionRequired { code, decided_on, .. } => {
                self.release_if_fixed_meanwhile(event, *code, *decided_on).await
            }
            DeliveryEvent::WebhookReceived { .. }
            | DeliveryEvent::WebhookRepeated(_)
            | DeliveryEvent::Started(_)
            | DeliveryEvent::StepStarted { .. }
            | DeliveryEvent::LeaseRenewed { .. }
            | DeliveryEvent::Followed { .. }
            | DeliveryEvent::ItemShared { .. }
            | DeliveryEvent::Completed {}
            | DeliveryEvent::FailedPermanently { .. }
            | DeliveryEvent::StatusFiltered {}
            | DeliveryEvent::Cancelled {}
            | DeliveryEvent::WaitMoved { .. }
            | DeliveryEvent::RetryScheduled { .. }
            | DeliveryEvent::CancellationRequested {}
            | DeliveryEvent::HandedBack {}
            | DeliveryEvent::RetryRequested { .. }
            | DeliveryEvent::UsernameCorrected { .. }
            | DeliveryEvent::Requeued { .. }
            | DeliveryEvent::PersonalDataErased { .. } => Ok(()),
        }
    }

    /// Puts deliveries that waited for this cause back in the queue, the oldest first.
    async fn release(
        &self,
        waiting: Waiting<'_>,
        position: i64,
        mapping: Option<&ItemMapping>,
    ) -> Result<(), ReactionError> {
        let Waiting { code, account_id, integration_id, at_most } = waiting;
        // What began to wait before the fix is in the view then; what begins to wait after it is looked at when it does.
        if !self.service.projector.wait_for(&[View::DeliveryLog], position, VIEW_TIMEOUT).await {
            return Err(ReactionError::ViewBehind);
        }
        let (mut after, mut left) = (0, usize::try_from(at_most).unwrap_or(usize::MAX));
        while left > 0 {
            let page =
                delivery_log::waiting_for(&self.service.views, code, account_id, integration_id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.listed_at;
            let helps = |row: &&DeliveryRow| {
                let is_of = |mapping: &ItemMapping| row.lines().current.iter().any(|line| mapping.matches(&line.item));
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
    async fn release_if_fixed_meanwhile(
        &self,
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
}

/// Whether an event fixes this cause for an order.
fn fixes(event: &Recorded, code: ResolutionCode, order: &Order) -> bool {
    match &event.fact {
        Fact::Integration(IntegrationEvent::ItemMappingAdded { mapping }) => {
            matches!(code, ResolutionCode::NoItemMapping | ResolutionCode::AssetNotFound)
                && order.lines.current.iter().any(|line| mapping.matches(&line.item))
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
