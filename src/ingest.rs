//! The door for stores: a signed webhook comes in, is verified, understood and recorded, and only then answered.

mod customers;
mod headers;
pub mod parse;
mod refusal;
pub mod signature;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use domain::delivery::{ApiKeyUse, Delivery, DeliveryCommand, DeliveryEvent, DeliveryStatus, WebhookOutcome};
use domain::integration::{Link, Provider};
use domain::notice::{Notice, NoticeCommand, NoticeKind, NoticeReceived};
use domain::{DeliveryId, IntegrationId, NoticeId, Private};
use parse::{Aside, Parsed, StoreOrder, Unsigned};
use serde::Serialize;

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
/// How long a webhook may take in all. What takes longer than its body is on our side.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(15);

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
    let admitting = admit(&service, path.as_ref().ok(), &parts.headers, &mut body);
    let admitted = tokio::time::timeout(WEBHOOK_TIMEOUT, admitting).await;
    match admitted.unwrap_or_else(|_| Err(IngestRefusal::Unavailable("it took too long".to_owned()))) {
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
    service: &Service,
    path: Option<&Path<(String, String)>>,
    headers: &HeaderMap,
    body: &mut RequestBody<'_>,
) -> Result<Admitted, IngestRefusal> {
    // An address that is no text names no integration.
    let Path((provider, integration_id)) = path.ok_or(IngestRefusal::UnknownIntegration)?;
    let provider = Provider::parse(provider).ok_or(IngestRefusal::UnknownProvider)?;
    let integration_id: IntegrationId = integration_id.parse().map_err(|_| IngestRefusal::UnknownIntegration)?;
    let link = service.integrations.find(integration_id).await?.ok_or(IngestRefusal::UnknownIntegration)?;
    if link.provider != provider {
        return Err(IngestRefusal::UnknownIntegration);
    }
    let source = Source { service, integration_id, link: &link };
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
    let receipt = match parsed {
        Parsed::Order(order) => source.order(order, unsigned, headers, body).await?,
        Parsed::Notice(kind) => source.notice(kind, None, unsigned, body).await?,
        Parsed::Unusable(why) => {
            if unsigned.topic.as_deref().is_some_and(parse::shopify::privacy::is_compliance) {
                tracing::warn!(
                    integration = %integration_id,
                    topic = unsigned.topic.as_deref(),
                    reason = %why,
                    "a privacy request cannot be used, and nothing was done on it: the merchant should do it by hand"
                );
            }
            source.notice(NoticeKind::Unusable, Some(why.for_merchant(source.link.provider)), unsigned, body).await?
        }
    };
    Ok(Admitted::Recorded(receipt))
}

/// The integration that a webhook came in for.
struct Source<'s> {
    service: &'s Service,
    integration_id: IntegrationId,
    link: &'s Link,
}

impl Source<'_> {
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

    async fn order(
        &self,
        order: StoreOrder,
        unsigned: Unsigned,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Receipt, IngestRefusal> {
        let received_at = self.service.clock.now();
        let delivery_id = DeliveryId::of(self.integration_id, &order.order_id);
        let api_key = self.api_key(headers).await?;
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let aside = Aside { unsigned, api_key, body_bytes, received_at };
        let webhook = order.into_webhook(self.integration_id, self.link, aside);
        let command = DeliveryCommand::RecordWebhook(Box::new(webhook));
        let id = delivery_id.to_string();
        let committed = self.service.log.execute_fresh::<Delivery>(&id, command, &Actor::Store, Some(body)).await?;
        // The webhook comes first of whatever was recorded; a username that it brought may follow.
        let outcome = match committed.events.first() {
            Some(DeliveryEvent::WebhookReceived { outcome, .. }) => Some(*outcome),
            Some(_) | None => None,
        };
        let outcome = outcome.unwrap_or(WebhookOutcome::Duplicate);
        self.accepted(outcome.as_str(), Some(delivery_id));
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
        let id = NoticeId(ids::fresh()).to_string();
        let command = NoticeCommand::Record(Box::new(received));
        self.service.log.execute_fresh::<Notice>(&id, command, &Actor::Store, Some(body)).await?;
        self.accepted(kind.as_str(), None);
        Ok(Receipt { delivery_id: None, status: kind.as_str(), outcome: kind.as_str() })
    }

    fn accepted(&self, outcome: &'static str, delivery: Option<DeliveryId>) {
        let provider = self.link.provider.as_str();
        self.service.metrics.webhook_accepted(provider, outcome);
        let delivery = delivery.map(tracing::field::display);
        tracing::info!(provider, integration = %self.integration_id, delivery, outcome, "webhook recorded");
    }

    /// A webhook may name an API key beside its signature. Who has the wrong one has a reason to look.
    async fn api_key(&self, headers: &HeaderMap) -> Result<ApiKeyUse, IngestRefusal> {
        let Some(key) = headers.get("x-api-key").map(|value| value.to_str().unwrap_or_default()) else {
            return Ok(ApiKeyUse::None);
        };
        let known = self.service.api_key(key).await;
        let known = known.map_err(|error| IngestRefusal::Unavailable(error.to_string()))?;
        let ours = known.filter(|known| known.account_id == self.link.account_id.to_string());
        Ok(ours.and_then(|key| key.id.parse().ok()).map_or(ApiKeyUse::Foreign, ApiKeyUse::Key))
    }
}
