//! The door for stores: a signed webhook comes in, is verified, understood and recorded, and only then answered.

mod customers;
mod headers;
pub mod parse;
mod refusal;
pub mod signature;
pub mod volume;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use domain::delivery::{ApiKeyUse, Delivery, DeliveryCommand, DeliveryEvent, DeliveryStatus, WebhookOutcome};
use domain::integration::{Link, Provider};
use domain::notice::{Notice, NoticeCommand, NoticeEvent, NoticeKind, NoticeReceived};
use domain::{DeliveryId, IntegrationId, NoticeId, Private};
use parse::{Aside, Parsed, StoreOrder, Unsigned};
use serde::Serialize;
use tokio::time::timeout;

pub use refusal::IngestRefusal;

use crate::event_log::Actor;
use crate::event_log::refusals::RefusalReason;
use crate::http::body::RequestBody;
use crate::ids;
use crate::service::Service;

/// Largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 2 * 1_024 * 1_024;
/// How long a body may take to arrive. Shopify gives up after five seconds.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long looking up and recording may take: a store must hear that it did not work before it gives up itself.
const OUR_PART: Duration = Duration::from_secs(2);

/// What a store is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// None for a webhook that is not about an order.
    pub delivery_id: Option<DeliveryId>,
    pub status: &'static str,
    /// What the webhook did: `accepted`, `revised`, `duplicate`, `stale`, `filtered`, `cancelled`, `too_late`, or what it
    /// is where it is not about an order.
    pub outcome: &'static str,
}

/// `POST /api/webhooks/{provider}/{integrationId}`
pub async fn receive(
    State(service): State<Arc<Service>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = RequestBody::new(body, &parts.headers, &service.bodies);
    match admit(&service, path.as_ref().ok(), &parts.headers, &mut body).await {
        Ok(Admitted::Recorded(receipt)) => (StatusCode::ACCEPTED, Json(receipt)).into_response(),
        // Exactly 200, or WooCommerce shows the merchant an error on saving the webhook.
        Ok(Admitted::Ping) => (StatusCode::OK, "pong").into_response(),
        Err(refusal) => {
            service.metrics.webhook_refused(refusal.code());
            // Of the address only what is an id: the rest is whatever a stranger wrote.
            let integration = path.ok().and_then(|Path((_, id))| id.parse::<IntegrationId>().ok());
            let integration = integration.map(tracing::field::display);
            tracing::warn!(integration, reason = refusal.code(), "webhook refused");
            body.discard().await;
            refusal.into_response()
        }
    }
}

enum Admitted {
    Recorded(Receipt),
    Ping,
}

async fn admit(
    service: &Arc<Service>,
    path: Option<&Path<(String, String)>>,
    headers: &HeaderMap,
    body: &mut RequestBody<'_>,
) -> Result<Admitted, IngestRefusal> {
    // An address that is no text names no integration.
    let Path((provider, integration_id)) = path.ok_or(IngestRefusal::UnknownIntegration)?;
    let provider = Provider::parse(provider).ok_or(IngestRefusal::UnknownProvider)?;
    let integration_id: IntegrationId = integration_id.parse().map_err(|_| IngestRefusal::UnknownIntegration)?;
    let began = Instant::now();
    let found = timeout(OUR_PART, service.integrations.find(integration_id)).await;
    let link = found.map_err(|_| took_too_long())??.ok_or(IngestRefusal::UnknownIntegration)?;
    let our_part = OUR_PART.saturating_sub(began.elapsed());
    if link.provider != provider {
        return Err(IngestRefusal::UnknownIntegration);
    }
    let source = Source { service: service.clone(), integration_id, link };
    let link = &source.link;
    // Shopify asks for a shop's erasure days after the app is gone, when the integration may well be deactivated.
    let topic = headers::topic(provider, headers);
    let is_asked_by_law =
        provider == Provider::Shopify && topic.as_deref().is_some_and(parse::shopify::privacy::is_compliance);
    if !link.active && !is_asked_by_law {
        return Err(source.refused(IngestRefusal::InactiveIntegration));
    }
    let read = body.read(MAX_BODY_BYTES, BODY_TIMEOUT).await;
    let body = read.map_err(|refusal| source.refused(refusal.into()))?;
    if provider == Provider::WooCommerce && parse::is_woocommerce_ping(headers, &body) {
        source.count(RefusalReason::Ping, None);
        return Ok(Admitted::Ping);
    }
    // Over the raw bytes, before anything of them is believed.
    signature::verify(provider, headers, &body, link.signing_secrets(service.clock.now()))
        .map_err(|refusal| source.refused(refusal.into()))?;
    let unsigned = Unsigned {
        topic,
        webhook_id: headers::webhook_id(provider, headers),
        headers: Some(Private::Known(headers::kept(headers))),
    };
    let parsed = parse::parse(provider, unsigned.topic.as_deref(), &body)
        .map_err(|malformed| source.refused(IngestRefusal::Malformed(malformed)))?;
    let api_key = headers.get("x-api-key").map(|key| key.to_str().unwrap_or_default().to_owned());
    // On its own: a client that hangs up, or whose patience ends before the log answers, changes nothing about what is
    // recorded, counted and said in the log.
    let recording = tokio::spawn(source.record(parsed, unsigned, api_key, body));
    match timeout(our_part, recording).await {
        Ok(Ok(recorded)) => recorded.map(Admitted::Recorded),
        Ok(Err(panicked)) => Err(IngestRefusal::Unavailable(panicked.to_string())),
        Err(_) => Err(took_too_long()),
    }
}

fn took_too_long() -> IngestRefusal {
    IngestRefusal::Unavailable("the event log took too long".to_owned())
}

/// The integration that a webhook came in for.
struct Source {
    service: Arc<Service>,
    integration_id: IntegrationId,
    link: Arc<Link>,
}

impl Source {
    fn count(&self, reason: RefusalReason, message: Option<String>) {
        let now = self.service.clock.now();
        self.service.refusals.count(self.link.account_id, self.integration_id, reason, message, now);
    }

    /// Counts a refusal where the merchant can see it, with the sentence that its sender gets.
    fn refused(&self, refusal: IngestRefusal) -> IngestRefusal {
        if let Some(reason) = refusal.receipt() {
            self.count(reason, Some(refusal.message()));
        }
        refusal
    }

    async fn record(
        self,
        parsed: Parsed,
        unsigned: Unsigned,
        api_key: Option<String>,
        body: Bytes,
    ) -> Result<Receipt, IngestRefusal> {
        let now = self.service.clock.now();
        if let Err(full) = self.service.volumes.admit(self.link.account_id, self.service.limits.daily_bytes, now) {
            return Err(self.refused(IngestRefusal::DayIsFull(full)));
        }
        match parsed {
            Parsed::Order(order) => self.order(order, unsigned, api_key, body).await,
            Parsed::Notice(kind) => self.notice(kind, None, unsigned, body).await,
            Parsed::Unusable(why) => {
                if unsigned.topic.as_deref().is_some_and(parse::shopify::privacy::is_compliance) {
                    tracing::warn!(
                        integration = %self.integration_id,
                        topic = unsigned.topic.as_deref(),
                        reason = %why,
                        "a privacy request cannot be used, and nothing was done on it: the merchant should do it by hand"
                    );
                }
                self.notice(NoticeKind::Unusable, Some(why.for_merchant(self.link.provider)), unsigned, body).await
            }
        }
    }

    async fn order(
        &self,
        order: StoreOrder,
        unsigned: Unsigned,
        api_key: Option<String>,
        body: Bytes,
    ) -> Result<Receipt, IngestRefusal> {
        let received_at = self.service.clock.now();
        let delivery_id = DeliveryId::of(self.integration_id, &order.order_id);
        let api_key = self.api_key(api_key).await?;
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let aside = Aside { unsigned, api_key, body_bytes, received_at };
        let mut webhook = order.into_webhook(self.integration_id, &self.link, aside);
        webhook.body_digest = self.digest("order", &body).map(|digest| Private::Known(hex::encode(digest)));
        let command = DeliveryCommand::RecordWebhook(Box::new(webhook));
        let id = delivery_id.to_string();
        let bytes = body.len();
        let committed = self.service.log.execute_fresh::<Delivery>(&id, command, &Actor::Store, Some(body)).await?;
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
            | WebhookOutcome::TooLate => committed.aggregate.status().unwrap_or(DeliveryStatus::Queued),
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
        let named = customers::named_in(topic.as_deref(), &body);
        let order = match kind {
            NoticeKind::Unusable => customers::order_in(topic.as_deref(), &body),
            NoticeKind::NotAnOrder
            | NoticeKind::StoreError
            | NoticeKind::CustomerDataRequest
            | NoticeKind::CustomerRedact
            | NoticeKind::ShopRedact => customers::NamedOrder::default(),
        };
        let received = NoticeReceived {
            account_id: self.link.account_id,
            integration_id: self.integration_id,
            provider: self.link.provider,
            kind,
            topic,
            webhook_id,
            headers,
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
            reason,
            order_id: order.id,
            order_number: order.number,
            customers: Some(named).filter(|named| !named.is_empty()).map(Private::Known),
        };
        let at = self.service.clock.now();
        let id = self.notice_id(kind, &body, at).to_string();
        let command = NoticeCommand::Record { received: Box::new(received), at };
        let bytes = body.len();
        let committed = self.service.log.execute_fresh::<Notice>(&id, command, &Actor::Store, Some(body)).await?;
        match committed.events.first() {
            None => self.only_counted(None),
            Some(event) => {
                self.stored(if matches!(event, NoticeEvent::WebhookReceived(_)) { bytes } else { 0 });
                self.accepted(kind.as_str(), None);
            }
        }
        Ok(Receipt { delivery_id: None, status: kind.as_str(), outcome: kind.as_str() })
    }

    /// The same bytes have the same id: so they are stored once, by construction. What a store asks by law is done again when
    /// it asks again, a day later at the soonest.
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
        let index = self.service.log.blind_index()?;
        Some(index.body_digest(self.integration_id, kind, body))
    }

    fn stored(&self, body: usize) {
        let (limit, now) = (self.service.limits.daily_bytes, self.service.clock.now());
        self.service.volumes.count(self.link.account_id, body, limit, now);
    }

    /// One of many in an hour that say nothing new: it is counted, and no more is kept of it.
    fn only_counted(&self, delivery: Option<DeliveryId>) {
        self.count(RefusalReason::Repeated, None);
        self.accepted(RefusalReason::Repeated.as_str(), delivery);
    }

    fn accepted(&self, outcome: &'static str, delivery: Option<DeliveryId>) {
        let provider = self.link.provider.as_str();
        self.service.metrics.webhook_accepted(provider, outcome);
        let delivery = delivery.map(tracing::field::display);
        tracing::info!(provider, integration = %self.integration_id, delivery, outcome, "webhook recorded");
    }

    /// A webhook may name an API key beside its signature. Who has the wrong one has a reason to look.
    async fn api_key(&self, key: Option<String>) -> Result<ApiKeyUse, IngestRefusal> {
        let Some(key) = key else { return Ok(ApiKeyUse::None) };
        let known = self.service.api_key(&key).await;
        let known = known.map_err(|error| IngestRefusal::Unavailable(error.to_string()))?;
        let ours = known.filter(|known| known.account_id == self.link.account_id.to_string());
        Ok(ours.and_then(|key| key.id.parse().ok()).map_or(ApiKeyUse::Foreign, ApiKeyUse::Key))
    }
}
