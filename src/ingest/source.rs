//! Recording a webhook that was let in: as a report of its order, or as a notice; and counting what was recorded, and what was
//! not.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::delivery::{ApiKeyUse, Delivery, DeliveryCommand, DeliveryEvent, DeliveryStatus, Webhook, WebhookOutcome};
use domain::integration::Link;
use domain::notice::{Notice, NoticeCommand, NoticeEvent, NoticeKind, NoticeReceived};
use domain::{DeliveryId, IntegrationId, NoticeId, Private};
use providers::Parsed;

use super::record::{self, Aside, Unsigned};
use super::{Ingest, IngestRefusal, Receipt, customers};
use crate::app::links::CurrentLink;
use event_log::Actor;
use event_log::ids;
use event_log::refusals::RefusalReason;

/// The integration that a webhook came in for.
pub(super) struct Source {
    pub(super) ingest: Arc<Ingest>,
    pub(super) integration_id: IntegrationId,
    pub(super) link: CurrentLink,
    /// Its headers say that the law asks for it.
    pub(super) is_legal_request: bool,
    /// Nothing shows that the store sent it: there is no secret, and the service is one for development.
    pub(super) is_unsigned: bool,
}

impl Source {
    pub(super) fn count(&self, reason: RefusalReason, message: Option<String>) {
        let now = self.ingest.log.clock().now();
        self.ingest.refusals.count(self.link.account_id, self.integration_id, reason, message, now);
    }

    /// Counts a refusal where the merchant can see it, with the sentence that its sender gets.
    pub(super) fn refused(&self, refusal: IngestRefusal) -> IngestRefusal {
        if let Some(reason) = refusal.receipt() {
            self.count(reason, Some(refusal.message()));
        }
        refusal
    }

    pub(super) async fn record(
        self,
        parsed: Parsed,
        unsigned: Unsigned,
        api_key: Option<String>,
        body: Bytes,
    ) -> Result<Receipt, IngestRefusal> {
        match parsed {
            Parsed::Order(order) => {
                // A cancellation is taken in any case: the order would be delivered otherwise.
                if !order.cancelled {
                    self.has_room_today()?;
                }
                let id = order.order_id.clone();
                self.order(&id, unsigned, api_key, body, |link, aside| {
                    record::webhook(order, self.integration_id, link, aside)
                })
                .await
            }
            // It may be a cancellation.
            Parsed::ThinOrder(order) => {
                let id = order.order_id.clone();
                self.order(&id, unsigned, api_key, body, |link, aside| {
                    record::announcement(order, self.integration_id, link, aside)
                })
                .await
            }
            Parsed::Notice(kind) => self.notice(kind, None, unsigned, body).await,
            Parsed::Unusable(why) => {
                if self.is_legal_request {
                    tracing::warn!(
                        integration = %self.integration_id,
                        topic = unsigned.topic.as_deref(),
                        reason = %why,
                        "a privacy request cannot be used, and nothing was done on it: the merchant should do it themselves"
                    );
                }
                let reason = providers::of(self.link.provider).explain(&why);
                self.notice(NoticeKind::Unusable, Some(reason), unsigned, body).await
            }
        }
    }

    async fn order(
        &self,
        order_id: &str,
        unsigned: Unsigned,
        api_key: Option<String>,
        body: Bytes,
        recorded: impl FnOnce(&Link, Aside) -> Webhook,
    ) -> Result<Receipt, IngestRefusal> {
        let received_at = self.ingest.log.clock().now();
        let delivery_id = DeliveryId::of(self.integration_id, order_id);
        let api_key = self.api_key(api_key).await?;
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let aside = Aside { unsigned, api_key, body_bytes, is_unsigned: self.is_unsigned, received_at };
        let mut webhook = recorded(&self.link, aside);
        webhook.body_digest = self.digest("order", &body).map(|digest| Private::Known(hex::encode(digest)));
        let command = DeliveryCommand::RecordWebhook(Box::new(webhook));
        let bytes = body.len();
        let committed =
            self.ingest.log.execute_fresh::<Delivery>(delivery_id, command, &Actor::Store, Some(body)).await?;
        // The webhook comes first of whatever was recorded; a username that it brought may follow.
        let outcome = match committed.events.first() {
            Some(DeliveryEvent::WebhookReceived { outcome, .. }) => {
                self.stored(bytes);
                *outcome
            }
            Some(DeliveryEvent::WebhookRepeated(repeated)) => {
                self.stored(0);
                repeated.outcome
            }
            Some(_) | None => WebhookOutcome::Duplicate,
        };
        if committed.events.is_empty() {
            self.only_counted(Some(delivery_id));
        } else {
            self.accepted(outcome.as_str(), Some(delivery_id));
        }
        let status = match outcome {
            WebhookOutcome::Duplicate => DeliveryStatus::Duplicate,
            WebhookOutcome::Accepted
            | WebhookOutcome::Revised
            | WebhookOutcome::Stale
            | WebhookOutcome::Filtered
            | WebhookOutcome::Cancelled
            | WebhookOutcome::TooLate
            | WebhookOutcome::Announced => committed.aggregate.status().unwrap_or(DeliveryStatus::Queued),
        };
        Ok(Receipt { delivery_id: Some(delivery_id), status: status.as_str(), outcome: outcome.as_str() })
    }

    async fn notice(
        &self,
        kind: NoticeKind,
        reason: Option<String>,
        unsigned: Unsigned,
        body: Bytes,
    ) -> Result<Receipt, IngestRefusal> {
        let Unsigned { topic, webhook_id, headers } = unsigned;
        match kind {
            NoticeKind::NotAnOrder | NoticeKind::Unusable | NoticeKind::StoreError => self.has_room_today()?,
            // What the law requires is taken in any case.
            NoticeKind::CustomerDataRequest | NoticeKind::CustomerRedact | NoticeKind::ShopRedact => {}
        }
        let named = customers::named_in(topic.as_deref(), &body);
        let order = match kind {
            NoticeKind::Unusable => customers::order_in(topic.as_deref(), &body),
            NoticeKind::NotAnOrder
            | NoticeKind::StoreError
            | NoticeKind::CustomerDataRequest
            | NoticeKind::CustomerRedact
            | NoticeKind::ShopRedact => customers::NamedOrder::default(),
        };
        let at = self.ingest.log.clock().now();
        let received = NoticeReceived {
            account_id: self.link.account_id,
            integration_id: self.integration_id,
            provider: self.link.provider,
            kind,
            received_at: at,
            topic,
            webhook_id,
            headers,
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
            unsigned: self.is_unsigned,
            reason,
            order_id: order.id,
            order_number: order.number,
            customers: Some(named).filter(|named| !named.is_empty()).map(Private::Known),
        };
        let id = self.notice_id(kind, &body, at);
        let command = NoticeCommand::Record(Box::new(received));
        let bytes = body.len();
        let committed = self.ingest.log.execute_fresh::<Notice>(id, command, &Actor::Store, Some(body)).await?;
        match committed.events.first() {
            None => self.only_counted(None),
            Some(event) => {
                self.stored(if matches!(event, NoticeEvent::WebhookReceived(_)) { bytes } else { 0 });
                self.accepted(kind.as_str(), None);
            }
        }
        Ok(Receipt { delivery_id: None, status: kind.as_str(), outcome: kind.as_str() })
    }

    /// The same bytes have the same id: so they are stored once, by construction. What a store requests by law is done again when
    /// it repeats the request, a day later at the soonest.
    fn notice_id(&self, kind: NoticeKind, body: &[u8], at: DateTime<Utc>) -> NoticeId {
        let kind = match kind {
            NoticeKind::NotAnOrder | NoticeKind::Unusable | NoticeKind::StoreError => kind.as_str().to_owned(),
            NoticeKind::CustomerDataRequest | NoticeKind::CustomerRedact | NoticeKind::ShopRedact => {
                format!("{} {}", kind.as_str(), at.date_naive())
            }
        };
        let digest = self.digest(&kind, body);
        NoticeId(digest.map_or_else(ids::fresh, |digest| uuid::Builder::from_custom_bytes(digest).into_uuid()))
    }

    fn digest(&self, kind: &str, body: &[u8]) -> Option<[u8; 16]> {
        let index = self.ingest.log.blind_index()?;
        Some(index.body_digest(self.integration_id, kind, body))
    }

    /// Whether the account may store more today.
    fn has_room_today(&self) -> Result<(), IngestRefusal> {
        let room = self.ingest.volumes.admit(self.link.account_id, self.ingest.log.clock().now());
        room.map_err(|full| self.refused(IngestRefusal::DayIsFull(full)))
    }

    fn stored(&self, body: usize) {
        self.ingest.volumes.count(self.link.account_id, body, self.ingest.log.clock().now());
    }

    /// One of many in an hour that say nothing new: it is counted, and no more is kept of it.
    fn only_counted(&self, delivery: Option<DeliveryId>) {
        self.count(RefusalReason::Repeated, None);
        self.accepted(RefusalReason::Repeated.as_str(), delivery);
    }

    fn accepted(&self, outcome: &'static str, delivery: Option<DeliveryId>) {
        let provider = self.link.provider.as_str();
        self.ingest.metrics.webhook_accepted(provider, outcome);
        let delivery = delivery.map(tracing::field::display);
        tracing::info!(provider, integration = %self.integration_id, delivery, outcome, "webhook recorded");
    }

    /// A webhook may name an API key beside its signature. Who has the wrong one has a reason to look.
    async fn api_key(&self, key: Option<String>) -> Result<ApiKeyUse, IngestRefusal> {
        let Some(key) = key else { return Ok(ApiKeyUse::None) };
        let known = self.ingest.api_keys.find(&key).await;
        let known = known.map_err(|error| IngestRefusal::Unavailable(error.to_string()))?;
        let ours = known.filter(|known| known.account_id == self.link.account_id.to_string());
        Ok(ours.and_then(|key| key.id.parse().ok()).map_or(ApiKeyUse::Foreign, |id| ApiKeyUse::Key { id }))
    }
}
