//! Recording a webhook that was let in: as a report of its order, or as a notice; and counting what was recorded, and what was
//! not.

use std::sync::Arc;

use bytes::Bytes;
use domain::delivery::{ApiKeyUse, Delivery, DeliveryCommand, DeliveryEvent, DeliveryStatus, Webhook, WebhookOutcome};
use domain::integration::Link;
use domain::notice::NoticeKind;
use domain::resource::{Content, Publishing, Resource, WebhookSource};
use domain::{DeliveryId, IntegrationId, Private, ReportSource};
use providers::Parsed;

use super::customers::{self, NamedOrder};
use super::publishing::Reports;
use super::record::{self, Aside, Unsigned};
use super::{Ingest, IngestRefusal, Receipt};
use crate::app::links::CurrentLink;
use event_log::refusals::RefusalReason;
use event_log::{Origin, Sequence};

/// The integration that a webhook came in for.
pub(super) struct Source {
    pub(super) ingest: Arc<Ingest>,
    pub(super) integration_id: IntegrationId,
    pub(super) link: CurrentLink,
    /// Its headers say that the law asks for it.
    pub(super) is_legal_request: bool,
    /// Nothing shows that the store sent it: there is no secret, and the service is one for development.
    pub(super) is_unsigned: bool,
    /// The store's own id of the webhook, where that is signed.
    pub(super) signed_id: Option<String>,
    /// How it came, and from whom.
    pub(super) came_by: ReportSource,
    pub(super) origin: Origin,
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
        let reports = self.reports(unsigned.topic.as_deref(), &body);
        let order = NamedOrder::in_parsed(&parsed);
        let is_delivered = match &order {
            // Nothing of an erased order is read for its delivery. What is announced of it is published all the same.
            NamedOrder { id: Some(id), .. } if matches!(parsed, Parsed::ThinOrder(_)) => {
                self.is_delivered(id).await? && !self.is_only_published_since_erased(id).await?
            }
            NamedOrder { id: Some(id), .. } => self.is_delivered(id).await?,
            NamedOrder { id: None, .. } => false,
        };
        match parsed {
            // What is not delivered is published alone: what a webhook only names, once it is read.
            Parsed::ThinOrder(named) if !is_delivered => {
                let reports = Reports::announcing(named.order_id, self.ingest.log.clock().now());
                self.notice((NoticeKind::Commerce, None, order), unsigned, body, reports).await
            }
            Parsed::Order(_) if !is_delivered => {
                self.notice((NoticeKind::Commerce, None, order), unsigned, body, reports).await
            }
            Parsed::Notice(NoticeKind::NotAnOrder) if !reports.is_empty() => {
                let order = reports.order();
                self.notice((NoticeKind::Commerce, None, order), unsigned, body, reports).await
            }
            Parsed::Order(order) => {
                // A cancellation is taken in any case: the order would be delivered otherwise.
                if !order.cancelled {
                    self.has_room_today()?;
                }
                let id = order.order_id.clone();
                self.order((&id, reports), unsigned, api_key, body, |link, aside| {
                    record::webhook(order, self.integration_id, link, aside)
                })
                .await
            }
            // It may be a cancellation. What it names is published once it is read.
            Parsed::ThinOrder(order) => {
                let id = order.order_id.clone();
                self.order((&id, Reports::none()), unsigned, api_key, body, |link, aside| {
                    record::announcement(order, self.integration_id, link, aside)
                })
                .await
            }
            Parsed::Notice(kind) => self.notice((kind, None, order), unsigned, body, Reports::none()).await,
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
                let order = customers::order_in(unsigned.topic.as_deref(), &body);
                self.notice((NoticeKind::Unusable, Some(reason), order), unsigned, body, Reports::none()).await
            }
        }
    }

    async fn order(
        &self,
        (order_id, reports): (&str, Reports),
        unsigned: Unsigned,
        api_key: Option<String>,
        body: Bytes,
        recorded: impl FnOnce(&Link, Aside) -> Webhook,
    ) -> Result<Receipt, IngestRefusal> {
        let received_at = self.ingest.log.clock().now();
        let delivery_id = DeliveryId::of(self.integration_id, order_id);
        let api_key = self.api_key(api_key).await?;
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let aside =
            Aside { unsigned, api_key, body_bytes, is_unsigned: self.is_unsigned, source: self.came_by, received_at };
        let mut webhook = recorded(&self.link, aside);
        let digest = self.digest("order", &body).map(hex::encode);
        webhook.body_digest = digest.clone().map(Private::Known);
        let command = DeliveryCommand::RecordWebhook(Box::new(webhook));
        let bytes = body.len();
        let log = &self.ingest.log;
        let committed = if reports.is_empty() {
            log.execute_fresh::<Delivery>(delivery_id, command, self.origin.clone(), Some(body)).await?
        } else {
            let follow = |events: &[DeliveryEvent], Sequence(sequence)| match events.first() {
                Some(DeliveryEvent::WebhookReceived { .. }) => {
                    let source = WebhookSource::Delivery { id: delivery_id.0, sequence };
                    reports.commands(self.integration_id, &self.link, source)
                }
                Some(_) | None => vec![],
            };
            log.execute_with_body_and::<Delivery, Resource>(
                delivery_id,
                command,
                self.origin.clone(),
                (body, true),
                follow,
            )
            .await?
        };
        if !matches!(committed.events.first(), Some(DeliveryEvent::WebhookReceived { .. })) {
            let others = i64::try_from(committed.events.len()).unwrap_or(i64::MAX).saturating_sub(1);
            let repetition = committed.position.map(|last| last.minus(others));
            self.order_again(delivery_id, digest.as_deref(), &reports, repetition).await?;
        }
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

    /// Whether an order goes to its delivery: where orders are delivered, and where one was when they were. Only there does it
    /// cost a read.
    async fn is_delivered(&self, order_id: &str) -> Result<bool, IngestRefusal> {
        if self.link.purpose.delivers() {
            return Ok(true);
        }
        if !self.link.has_delivered {
            return Ok(false);
        }
        let delivery = self.ingest.log.load::<Delivery>(DeliveryId::of(self.integration_id, order_id)).await?;
        Ok(delivery.aggregate.order().is_some())
    }

    async fn is_only_published_since_erased(&self, order_id: &str) -> Result<bool, IngestRefusal> {
        if !self.link.purpose.publishes() {
            return Ok(false);
        }
        let delivery = self.ingest.log.recent::<Delivery>(DeliveryId::of(self.integration_id, order_id)).await?;
        Ok(delivery.aggregate.order().is_some_and(|order| order.summary.erased))
    }

    /// What the webhook says of the store's resources: what is published, and of a store that is connected what it sells, whatever
    /// is published of it.
    fn reports(&self, topic: Option<&str>, body: &[u8]) -> Reports {
        let publishes = self.link.purpose.publishes();
        if !publishes && self.link.store_access.is_none() {
            return Reports::none();
        }
        let mut reports = providers::of(self.link.provider).reports_priced_in(topic, body, self.link.currency);
        if !publishes {
            reports.retain(|report| matches!(report.content, Content::Product(_) | Content::Collection(_)));
        }
        let digest = match &self.signed_id {
            Some(id) => self.digest(&format!("resource {id}"), b""),
            None => self.digest("resource", body),
        };
        let publishing = match (publishes, self.came_by) {
            (false, _) => Publishing::Nothing,
            (true, ReportSource::Filling) => Publishing::Synced,
            (true, ReportSource::Webhook | ReportSource::Reconciliation | ReportSource::Polling) => Publishing::Usual,
        };
        Reports::new(reports, digest, self.ingest.log.clock().now()).publishing(publishing)
    }

    pub(super) fn digest(&self, kind: &str, body: &[u8]) -> Option<[u8; 16]> {
        let index = self.ingest.log.blind_index()?;
        Some(index.body_digest(self.integration_id, kind, body))
    }

    /// Whether the account may store more today.
    pub(super) fn has_room_today(&self) -> Result<(), IngestRefusal> {
        let room = self.ingest.volumes.admit(self.link.account_id, self.ingest.log.clock().now());
        room.map_err(|full| self.refused(IngestRefusal::DayIsFull(full)))
    }

    pub(super) fn stored(&self, body: usize) {
        self.ingest.volumes.count(self.link.account_id, body, self.ingest.log.clock().now());
    }

    /// One of many in an hour that say nothing new: it is counted, and no more is kept of it.
    pub(super) fn only_counted(&self, delivery: Option<DeliveryId>) {
        self.count(RefusalReason::Repeated, None);
        self.accepted(RefusalReason::Repeated.as_str(), delivery);
    }

    pub(super) fn accepted(&self, outcome: &'static str, delivery: Option<DeliveryId>) {
        let provider = self.link.provider.as_str();
        match self.came_by {
            ReportSource::Webhook => self.ingest.metrics.webhook_accepted(provider, outcome),
            ReportSource::Filling => {}
            ReportSource::Reconciliation | ReportSource::Polling => {
                self.ingest.metrics.order_reconciled(provider, outcome);
            }
        }
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
