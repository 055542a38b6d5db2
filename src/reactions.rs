//! What follows from what happened: credits are charged for what was done, a cause that was fixed puts the deliveries
//! that waited for it back in the queue, and what a store asks by law is done.
//!
//! A follower of the feed with a checkpoint of its own. Every command it sends is idempotent, so a crash between the
//! command and the checkpoint is harmless, and several nodes may do the same work.

mod privacy;

use std::collections::HashMap;
use std::time::Duration;

use domain::account::{Account, AccountCommand, AccountEvent};
use domain::credits::PaidAction;
use domain::delivery::{Delivery, DeliveryCommand, DeliveryEvent, Order, Phase, WebhookOutcome};
use domain::integration::{Integration, IntegrationEvent};
use domain::notice::NoticeEvent;
use domain::{Asset, DeliveryId, ItemMapping, ResolutionCode};
use projections::View;
use projections::delivery_log;
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
/// Events before the checkpoint that are seen again after a start, to know what was fixed just before.
const SEEN_AGAIN: i64 = 1_000;
const MAX_REMEMBERED_FIXES: usize = 10_000;
const RETRY_AFTER: Duration = Duration::from_millis(500);

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
    let mut reactions = Reactions { service, fixes: HashMap::new() };
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
    /// Where in the log a cause was last fixed, by cause and by whose it is.
    fixes: HashMap<(ResolutionCode, String), i64>,
}

impl Reactions<'_> {
    async fn run(&mut self) -> Result<(), ReactionError> {
        let log = &self.service.log;
        let saved = log.follower_cursor(FOLLOWER).await?;
        if !log.holds(&saved).await? {
            return self.begin_again(saved.position).await;
        }
        let mut saved = saved.position;
        let mut cursor = log.cursor_at((saved - SEEN_AGAIN).max(0)).await?.unwrap_or_default();
        let mut head = log.head_changes();
        let mut save = tokio::time::interval(SAVE_EVERY);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.service.reacting.begin();
            log.yield_to_webhooks().await;
            head.mark_unchanged();
            let seen_head = head.borrow().clone();
            let events = match log.follow_webhooks_aside(&cursor, BATCH).await {
                Err(LoadError::OtherLog { position }) => return self.begin_again(position).await,
                read => read?,
            };
            for event in &events {
                self.react(event).await?;
                cursor = event.cursor();
            }
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
        self.fixes.clear();
        self.service.reacted.send_replace(0);
        Ok(self.service.log.reset_follower(FOLLOWER).await?)
    }

    async fn react(&mut self, event: &Recorded) -> Result<(), ReactionError> {
        match &event.fact {
            Fact::Integration(told) => self.react_to_integration(event, told).await,
            Fact::Account(told) => self.react_to_account(event, told).await,
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
            self.fixed(*code, event);
            self.release(*code, &account_id, Some(&event.aggregate_id), event.position, mapping).await?;
        }
        Ok(())
    }

    async fn react_to_account(&mut self, event: &Recorded, told: &AccountEvent) -> Result<(), ReactionError> {
        let account_id = event.aggregate_id.as_str();
        match told {
            AccountEvent::CortexCredentialsSaved { .. } => {
                self.fixed(ResolutionCode::MissingCredentials, event);
                self.release(ResolutionCode::MissingCredentials, account_id, None, event.position, None).await
            }
            AccountEvent::CreditsGranted { .. } | AccountEvent::CreditsReleased(_) => {
                self.fixed(ResolutionCode::CreditsExhausted, event);
                self.release(ResolutionCode::CreditsExhausted, account_id, None, event.position, None).await
            }
            AccountEvent::CreditsReserved(reserved) | AccountEvent::ReservationTakenOver(reserved) => {
                self.settle(&reserved.delivery_id.to_string(), event.position).await
            }
            AccountEvent::RetentionSet { .. } => {
                self.service.retention.look_soon();
                Ok(())
            }
            AccountEvent::AccountOpened { .. }
            | AccountEvent::ApiKeyCreated(_)
            | AccountEvent::ApiKeyDeactivated { .. }
            | AccountEvent::ApiKeyLimited { .. }
            | AccountEvent::CortexCredentialsDeleted {}
            | AccountEvent::AttemptAdmitted { .. }
            | AccountEvent::CreditsCharged(_) => Ok(()),
        }
    }

    async fn react_to_delivery(&mut self, event: &Recorded, told: &DeliveryEvent) -> Result<(), ReactionError> {
        match told {
            DeliveryEvent::Followed { .. }
            | DeliveryEvent::ItemShared { .. }
            | DeliveryEvent::Completed {}
            | DeliveryEvent::FailedPermanently { .. }
            | DeliveryEvent::StatusFiltered {}
            | DeliveryEvent::Cancelled {} => self.settle(&event.aggregate_id, event.position).await,
            DeliveryEvent::ActionRequired { code, .. } => {
                self.settle(&event.aggregate_id, event.position).await?;
                self.release_if_fixed_meanwhile(*code, event).await
            }
            // A status that is no longer delivered, or a cancellation, may find credits set aside.
            DeliveryEvent::WebhookReceived {
                outcome: WebhookOutcome::Filtered | WebhookOutcome::Cancelled, ..
            } if event.sequence > 1 => self.settle(&event.aggregate_id, event.position).await,
            DeliveryEvent::WebhookReceived { .. }
            | DeliveryEvent::WebhookRepeated(_)
            | DeliveryEvent::Started(_)
            | DeliveryEvent::LeaseRenewed { .. }
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

    fn fixed(&mut self, code: ResolutionCode, event: &Recorded) {
        if self.fixes.len() >= MAX_REMEMBERED_FIXES {
            self.fixes.clear();
        }
        self.fixes.insert((code, event.aggregate_id.clone()), event.position);
    }

    /// Closes what is set aside for a delivery: charged where the action was done, given back where it no longer will
    /// be, left alone while the delivery goes on.
    async fn settle(&self, delivery_id: &str, caused_by: i64) -> Result<(), ReactionError> {
        let delivery: Delivery = self.service.log.load(delivery_id).await?.aggregate;
        let (Some(order), Ok(delivery_id)) = (delivery.order(), delivery_id.parse::<DeliveryId>()) else {
            return Ok(());
        };
        let account_id = order.account_id.to_string();
        let account: Account = self.service.log.load(&account_id).await?.aggregate;
        let Some(merchant) = account.merchant() else {
            return Ok(());
        };
        for open in merchant.ledger.reservations_of(delivery_id) {
            let action = open.action.clone();
            let command = if was_done(order, &action) {
                AccountCommand::ChargeReservation { delivery_id, action }
            } else if goes_on(&order.phase) {
                continue;
            } else {
                AccountCommand::ReleaseReservation { delivery_id, action, attempt: open.attempt }
            };
            let origin = Actor::System.because_of(caused_by).correlated_with(delivery_id.0);
            let executed = self.service.log.execute::<Account>(&account_id, command, origin).await;
            executed.map_err(|error| ReactionError::Command(error.to_string()))?;
        }
        Ok(())
    }

    /// Puts the deliveries that waited for this cause back in the queue.
    async fn release(
        &self,
        code: ResolutionCode,
        account_id: &str,
        integration_id: Option<&str>,
        position: i64,
        mapping: Option<&ItemMapping>,
    ) -> Result<(), ReactionError> {
        // What began to wait before the fix is in the view then; what begins to wait after it is looked at when it does.
        let patience = Duration::from_secs(30);
        if !self.service.projector.wait_for(View::DeliveryLog, position, patience).await {
            return Err(ReactionError::ViewBehind);
        }
        let mut after = 0;
        loop {
            let waiting =
                delivery_log::waiting_for(&self.service.views, code, account_id, integration_id, after, PAGE).await?;
            let Some(last) = waiting.last() else { return Ok(()) };
            after = last.listed_at;
            for row in &waiting {
                let helps = |mapping: &ItemMapping| row.lines().current.iter().any(|line| mapping.matches(&line.item));
                if mapping.is_none_or(helps) {
                    self.requeue(&row.id, code, position).await?;
                }
            }
        }
    }

    async fn requeue(&self, delivery_id: &str, cause: ResolutionCode, fixed_at: i64) -> Result<(), ReactionError> {
        let command = DeliveryCommand::Release { cause };
        let origin = Actor::System.because_of(fixed_at);
        match self.service.log.execute::<Delivery>(delivery_id, command, origin).await {
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(error) => Err(ReactionError::Command(error.to_string())),
        }
    }

    /// An attempt that began before a fix and ended after it knew nothing of it: nobody else would wake its delivery.
    async fn release_if_fixed_meanwhile(&self, code: ResolutionCode, event: &Recorded) -> Result<(), ReactionError> {
        if self.fixes.is_empty() {
            return Ok(());
        }
        let delivery: Delivery = self.service.log.load(&event.aggregate_id).await?.aggregate;
        let Some(order) = delivery.order() else { return Ok(()) };
        let is_of_integration = matches!(
            code,
            ResolutionCode::NoItemMapping | ResolutionCode::AssetNotFound | ResolutionCode::IntegrationInactive
        );
        let owner = if is_of_integration { order.integration_id.to_string() } else { order.account_id.to_string() };
        let Some(fixed_at) = self.fixes.get(&(code, owner)) else {
            return Ok(());
        };
        if *fixed_at > self.made_due_at(event).await? {
            self.requeue(&event.aggregate_id, code, *fixed_at).await?;
        }
        Ok(())
    }

    /// The position of what made the delivery due, before the attempt or the look that led to this event.
    async fn made_due_at(&self, event: &Recorded) -> Result<i64, ReactionError> {
        let Some(cause) = event.caused_by else { return Ok(0) };
        let causes = self.service.log.read_at(&[cause]).await?;
        let is_attempt = |event: &&Recorded| matches!(event.fact, Fact::Delivery(DeliveryEvent::Started(_)));
        // Where no attempt was made, what made it due is itself the cause.
        Ok(causes.first().filter(is_attempt).and_then(|started| started.caused_by).unwrap_or(cause))
    }
}

fn was_done(order: &Order, action: &PaidAction) -> bool {
    let shared = |asset: &Asset| order.has_shared(asset);
    match action {
        PaidAction::Follow => order.followed.is_some(),
        PaidAction::Share(asset) => shared(asset),
    }
}

/// Whether a delivery may still do what credits were set aside for.
fn goes_on(phase: &Phase) -> bool {
    match phase {
        Phase::Queued | Phase::Running(_) | Phase::RetryScheduled { .. } => true,
        Phase::Filtered
        | Phase::ActionRequired { .. }
        | Phase::Completed
        | Phase::FailedPermanently { .. }
        | Phase::Cancelled(_) => false,
    }
}
