//! The endpoint for stores: a signed webhook comes in, is verified, understood and recorded, and only then answered.
//!
//! What Shopify or WooCommerce signed is never refused for what it says: they cannot mend their sender, and disable a hook
//! that is refused. It is recorded as unusable, with a reason for the merchant. A generic sender is built by people who can
//! mend it, and gets a 400.

pub(crate) mod customers;
mod headers;
mod instances;
mod notices;
pub mod publishing;
pub mod record;
mod refusal;
mod repeated;
mod source;
pub mod verification;
pub mod volume;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::integration::{Link, Provider};
use domain::{DeliveryId, IntegrationId, Private, ReportSource};
use providers::Received;
use record::Unsigned;
use serde::Serialize;
use tokio::time::timeout;

pub use refusal::IngestRefusal;
use source::Source;

use crate::api::http::body::{Bodies, RequestBody};
use crate::app::api_keys::ApiKeys;
use crate::app::links::{CurrentLink, Links, webhook_url};
use crate::metrics::Metrics;
use event_log::recurring::Recurring;
use event_log::refusals::RefusalReason;
use event_log::refusals::Refusals;
use event_log::{Actor, EventLog, Origin};
use verification::{Sender, Verification};
use volume::Volumes;

/// Largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 2 * 1_024 * 1_024;
/// How long a body may take to arrive. Shopify gives up after five seconds.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long looking up and recording may take: a store must get the refusal before it gives up itself.
const OUR_PART: Duration = Duration::from_secs(2);

/// What a store gets as response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// None for a webhook that is not about an order.
    pub delivery_id: Option<DeliveryId>,
    pub status: &'static str,
    /// What the webhook did: `accepted`, `announced`, `revised`, `duplicate`, `stale`, `filtered`, `cancelled`, `too_late`, or
    /// what it is where it is not about an order.
    pub outcome: &'static str,
}

/// What a platform gets whose webhook is not taken, and which is not to learn that from its status.
#[derive(Serialize)]
struct Refused {
    status: &'static str,
}

/// What the endpoint needs.
pub struct Ingest {
    pub(crate) log: EventLog,
    pub(crate) links: Links,
    pub(crate) api_keys: Arc<ApiKeys>,
    pub(crate) refusals: Arc<Refusals>,
    /// What accounts have stored today.
    pub(crate) volumes: Arc<Volumes>,
    pub(crate) metrics: Arc<Metrics>,
    /// Bodies of requests that are in memory.
    pub(crate) bodies: Arc<Bodies>,
    pub(crate) public_url: String,
    pub(crate) verification: Verification,
    /// Of webhooks that come while the log is away: all of them.
    pub(crate) failures: Recurring,
}

impl Ingest {
    /// The address that stores post to.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/api/webhooks/{provider}/{integration_id}", post(receive))
            .route(&format!("{}/{{element}}", instances::PATH), post(instances::receive_by_header))
            .route(&format!("{}/{{element}}/{{instance}}", instances::PATH), post(instances::receive_by_path))
            .with_state(self)
    }

    /// Records what a store did not send and was read there, as its webhook would have been. Doing it twice does nothing twice.
    pub(crate) async fn record_read(
        self: &Arc<Self>,
        (integration_id, link): (IntegrationId, CurrentLink),
        (topic, body): (String, Vec<u8>),
        (came_by, origin): (ReportSource, Origin),
    ) -> Result<Receipt, IngestRefusal> {
        let source = Source {
            ingest: self.clone(),
            integration_id,
            link,
            is_legal_request: false,
            is_unsigned: false,
            signed_id: None,
            came_by,
            origin,
        };
        let platform = providers::of(source.link.provider);
        let parsed = platform.interpret(Some(&topic), &body).map_err(IngestRefusal::Malformed)?;
        let unsigned = Unsigned { topic: Some(topic), webhook_id: None, headers: None };
        source.record(parsed, unsigned, None, body.into()).await
    }

    pub(crate) fn failures() -> Recurring {
        Recurring::new("webhooks are not stored")
    }
}

/// `POST /api/webhooks/{provider}/{integrationId}`
async fn receive(
    State(ingest): State<Arc<Ingest>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request<Body>,
) -> Response {
    // An address that is no text names no integration.
    let named = path.ok().map(|Path(named)| named);
    received(&ingest, named, request).await
}

/// `named` is the platform and the integration that an address is of, as they are written there.
async fn received(ingest: &Arc<Ingest>, named: Option<(String, String)>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = RequestBody::new(body, &parts.headers, &ingest.bodies);
    match admit(ingest, named.as_ref(), &parts.headers, &mut body).await {
        Ok(Admitted::Recorded(receipt)) => {
            ingest.failures.worked();
            (StatusCode::ACCEPTED, Json(receipt)).into_response()
        }
        Ok(Admitted::OtherStore) => (StatusCode::OK, Json(Refused { status: "other_store" })).into_response(),
        // Exactly 200, or WooCommerce shows the merchant an error on saving the webhook.
        Ok(Admitted::Ping) => (StatusCode::OK, "pong").into_response(),
        Err(refusal) => {
            ingest.metrics.webhook_refused(refusal.code());
            // Of the address only what is an id: the rest is whatever a stranger wrote.
            let provider = named.as_ref().and_then(|(provider, _)| Provider::parse(provider));
            let integration = named.and_then(|(_, id)| id.parse::<IntegrationId>().ok());
            let integration = integration.map(tracing::field::display);
            if let Some(reason) = refusal.own_fault() {
                // Of all webhooks while it lasts: said once, and counted.
                ingest.failures.failed(reason);
            } else {
                tracing::warn!(integration, reason = refusal.code(), "webhook refused");
            }
            body.discard().await;
            if ingest.verification.hides(provider, &refusal) {
                return (StatusCode::OK, Json(Refused { status: "refused" })).into_response();
            }
            refusal.into_response()
        }
    }
}

enum Admitted {
    Recorded(Receipt),
    Ping,
    /// It is of a store that the integration is not connected with.
    OtherStore,
}

/// An app, or an application of Square, posts the webhooks of all its stores to each address that it was given.
fn is_of_other_store(named: Option<&str>, link: &Link) -> bool {
    matches!((named, link.known_store.as_deref()), (Some(named), Some(known)) if named != known)
}

async fn admit(
    ingest: &Arc<Ingest>,
    named: Option<&(String, String)>,
    headers: &HeaderMap,
    body: &mut RequestBody<'_>,
) -> Result<Admitted, IngestRefusal> {
    let (provider, integration_id) = named.ok_or(IngestRefusal::UnknownIntegration)?;
    let provider = Provider::parse(provider).ok_or(IngestRefusal::UnknownProvider)?;
    let integration_id: IntegrationId = integration_id.parse().map_err(|_| IngestRefusal::UnknownIntegration)?;
    let began = Instant::now();
    let found = timeout(OUR_PART, ingest.links.find(integration_id)).await;
    let link = found.map_err(|_| took_too_long())??.ok_or(IngestRefusal::UnknownIntegration)?;
    let our_part = OUR_PART.saturating_sub(began.elapsed());
    if link.provider != provider {
        return Err(IngestRefusal::UnknownIntegration);
    }
    let platform = providers::of(provider);
    let is_legal_request = platform.is_legal_request(headers);
    let mut source = Source {
        ingest: ingest.clone(),
        integration_id,
        link,
        is_legal_request,
        is_unsigned: false,
        signed_id: None,
        came_by: ReportSource::Webhook,
        origin: Actor::Store.into(),
    };
    let link = &source.link;
    // A store asks to erase a shop days after the app is gone, when the integration may well be deactivated.
    if !link.active && !is_legal_request {
        return Err(source.refused(IngestRefusal::InactiveIntegration));
    }
    let read = body.read(MAX_BODY_BYTES, BODY_TIMEOUT).await;
    let body = read.map_err(|refusal| source.refused(refusal.into()))?;
    let notified = link.notification_url.clone();
    let address = notified.unwrap_or_else(|| webhook_url(&ingest.public_url, provider.as_str(), &integration_id));
    let received = Received { address: &address, headers, body: &body, at: ingest.log.clock().now() };
    if platform.is_ping(&received) {
        source.count(RefusalReason::Ping, None);
        return Ok(Admitted::Ping);
    }
    let sender = ingest.verification.sender(platform, &received, link);
    source.is_unsigned = match sender.map_err(|refusal| source.refused(refusal))? {
        Sender::Store => false,
        Sender::Unknown => true,
    };
    if is_of_other_store(platform.store(&received).as_deref(), &source.link) {
        source.count(RefusalReason::OtherStore, None);
        return Ok(Admitted::OtherStore);
    }
    source.signed_id = platform.signed_id(&received).filter(|_| !source.is_unsigned);
    if source.is_unsigned {
        tracing::warn!(integration = %integration_id, "a webhook is taken unsigned: no signing secret is known for it");
    }
    let unsigned = Unsigned {
        topic: platform.topic(&received),
        webhook_id: platform.webhook_id(&received),
        headers: Some(Private::Known(headers::kept(headers))),
    };
    let parsed = platform
        .interpret(unsigned.topic.as_deref(), &body)
        .map_err(|malformed| source.refused(IngestRefusal::Malformed(malformed)))?;
    let api_key = headers.get("x-api-key").map(|key| key.to_str().unwrap_or_default().to_owned());
    // On its own: a client that hangs up, or whose timeout ends before the log responds, changes nothing about what is
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
