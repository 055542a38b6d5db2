//! Histories and commands that name what matters and hide the rest.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::test::TestFramework;
use uuid::Uuid;

use crate::delivery::{
    ApiKeyUse, Delivery, DeliveryCommand, DeliveryEvent, Held, Intent, StartFacts, Started, Webhook, WebhookOutcome,
};
use crate::integration::Provider;
use crate::{
    AccountId, Asset, IntegrationId, ItemMapping, LineItem, MappingId, MatchType, ResolutionCode, ResourceType,
};

pub(super) use DeliveryEvent::{
    ActionRequired, CancellationRequested, Cancelled, Completed, FailedPermanently, HandedBack, ItemShared,
    RetryRequested, RetryScheduled,
};

pub(super) fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

pub(super) fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

pub(super) fn given(events: impl Into<Vec<DeliveryEvent>>) -> cqrs_es::test::AggregateTestExecutor<Delivery> {
    TestFramework::with(()).given(events.into())
}

pub(super) fn item(sku: &str) -> LineItem {
    LineItem { sku: Some(sku.to_owned()), quantity: 1, ..LineItem::default() }
}

pub(super) fn webhook(intent: Intent) -> Webhook {
    Webhook {
        account_id: AccountId(Uuid::from_u128(1)),
        integration_id: IntegrationId(Uuid::from_u128(2)),
        provider: Provider::Shopify,
        order_id: "1042".to_owned(),
        order_number: Some("#1042".to_owned()),
        order_status: Some("paid".to_owned()),
        intent,
        changed_at: None,
        received_at: None,
        username: Some("max".into()),
        email: Some("max@music.com".into()),
        customer_name: None,
        customer_id: None,
        items: vec![item("STORM"), item("RAIN")],
        api_key: ApiKeyUse::None,
        topic: Some("orders/paid".to_owned()),
        webhook_id: None,
        headers: None,
        body_bytes: 2_000,
    }
}

/// A webhook about an order that was not accepted yet.
pub(super) fn received(intent: Intent) -> DeliveryEvent {
    told(webhook(intent))
}

/// As the store told after it changed the order so many seconds after noon.
pub(super) fn changed(seconds: i64, intent: Intent) -> Webhook {
    Webhook { changed_at: Some(after(seconds)), ..webhook(intent) }
}

/// As it came in so many seconds after noon, without a date of its own.
pub(super) fn undated(seconds: i64, intent: Intent) -> Webhook {
    Webhook { received_at: Some(after(seconds)), ..webhook(intent) }
}

pub(super) fn told(webhook: Webhook) -> DeliveryEvent {
    let outcome = Delivery::default().outcome_of(&webhook);
    became(webhook, outcome)
}

/// A webhook about an order that was accepted before.
pub(super) fn repeated(webhook: Webhook) -> DeliveryEvent {
    became(webhook, WebhookOutcome::Duplicate)
}

pub(super) fn became(webhook: Webhook, outcome: WebhookOutcome) -> DeliveryEvent {
    DeliveryEvent::WebhookReceived { webhook: Box::new(webhook), outcome }
}

pub(super) fn record(webhook: Webhook) -> DeliveryCommand {
    DeliveryCommand::RecordWebhook(Box::new(webhook))
}

pub(super) fn preset(id: &str) -> Asset {
    Asset::new(ResourceType::Preset, id)
}

pub(super) fn mapping(sku: &str) -> ItemMapping {
    ItemMapping {
        id: MappingId(Uuid::nil()),
        match_type: MatchType::Sku,
        external_ref: sku.to_owned(),
        asset: preset(&sku.to_lowercase()),
    }
}

pub(super) fn facts() -> StartFacts {
    StartFacts { mappings: vec![mapping("STORM"), mapping("RAIN")], credentials_saved: true, api_key_active: true }
}

pub(super) fn start_at(now: DateTime<Utc>, facts: StartFacts) -> DeliveryCommand {
    DeliveryCommand::Start { worker: "w1".to_owned(), now, lease_until: now + TimeDelta::minutes(1), facts }
}

pub(super) fn started(attempt: u32) -> DeliveryEvent {
    DeliveryEvent::Started(Started {
        attempt,
        worker: "w1".to_owned(),
        lease_until: after(60),
        plan: vec![preset("storm"), preset("rain")],
        unmapped: vec![],
    })
}

pub(super) fn held(attempt: u32) -> Held {
    Held { worker: "w1".to_owned(), attempt }
}

/// The order was accepted and a first attempt runs until [`after`]`(60)`.
pub(super) fn running() -> Vec<DeliveryEvent> {
    vec![received(Intent::Deliver), started(1)]
}

pub(super) fn running_and(more: impl IntoIterator<Item = DeliveryEvent>) -> Vec<DeliveryEvent> {
    running().into_iter().chain(more).collect()
}

pub(super) fn waiting_for(code: ResolutionCode) -> Vec<DeliveryEvent> {
    running_and([ActionRequired { code }])
}

pub(super) fn fold(events: impl IntoIterator<Item = DeliveryEvent>) -> Delivery {
    use cqrs_es::Aggregate;
    let mut delivery = Delivery::default();
    for event in events {
        delivery.apply(event);
    }
    delivery
}
