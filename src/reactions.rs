//! What follows from what happened: a cause that was fixed puts the deliveries that waited for it back in the queue, and what
//! a store asks by law is done.
//!
//! A follower of the feed with a checkpoint of its own. Every command it sends is idempotent, so a crash between the
//! command and the checkpoint is harmless, and several nodes may do the same work.

mod privacy;
mod waking;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::account::AccountEvent;
use domain::delivery::DeliveryEvent;
use domain::integration::{Integration, IntegrationEvent};
use domain::ledger::LedgerEvent;
use domain::notice::NoticeEvent;
use domain::{Credits, ResolutionCode};
use projections::feed::{Fact, Recorded};
use tokio::time::MissedTickBehavior;

use crate::erasure::ErasureError;
use crate::event_log::LoadError;
use crate::recurring::Recurring;
use crate::service::Service;
use waking::Waiting;

const FOLLOWER: &str = "reactions";
/// How often the checkpoint is written at most. What comes after it is seen again after a start, and does nothing twice;
/// the log's only writing connection is for webhooks.
const SAVE_EVERY: Duration = Duration::from_secs(1);
const BATCH: i64 = 200;
const RETRY_AFTER: Duration = Duration::from_millis(500);
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
    let mut reactions =
        Reactions { service, returned: BTreeMap::new(), short_of_credits: BTreeMap::new(), began_at: 0 };
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
    /// Accounts whose deliveries lacked credits, and where the last one began to wait.
    short_of_credits: BTreeMap<String, i64>,
    /// The position at which this began to follow: what waits of other accounts began to wait before.
    began_at: i64,
}

impl Reactions<'_> {
    async fn run(&mut self) -> Result<(), ReactionError> {
        let log = &self.service.log;
        let saved = log.follower_cursor(FOLLOWER).await?;
        if !log.holds(&saved).await? {
            return self.begin_again(saved.position).await;
        }
        let mut cursor = saved.clone();
        self.began_at = self.began_at.max(saved.position);
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
        (self.began_at, self.short_of_credits) = (0, BTreeMap::new());
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
            let of_account = Waiting::all(*code, &account_id, event.position);
            let waiting = Waiting { integration_id: Some(&event.aggregate_id), ..of_account };
            self.release(waiting, event.position, mapping).await?;
        }
        Ok(())
    }

    async fn react_to_account(&mut self, event: &Recorded, told: &AccountEvent) -> Result<(), ReactionError> {
        let account_id = event.aggregate_id.as_str();
        match told {
            AccountEvent::CortexCredentialsSaved { .. } => {
                let waiting = Waiting::all(ResolutionCode::MissingCredentials, account_id, event.position);
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
                self.release(Waiting::all(code, account_id, event.position), event.position, None).await
            }
            LedgerEvent::ReservationSettled { returned, .. } if *returned > Credits::ZERO => {
                self.returned.insert(event.aggregate_id.clone(), event.position);
                Ok(())
            }
            LedgerEvent::ReservationSettled { .. } | LedgerEvent::CreditsReserved { .. } => Ok(()),
        }
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
}
