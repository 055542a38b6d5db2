//! Histories and commands that name what matters and hide the rest.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::test::TestFramework;
use uuid::Uuid;

use crate::credits::PaidAction;
use crate::delivery::schedule::Jitter;
use crate::delivery::{
    ApiKeyUse, Change, CortexCall, CortexOperation, DecidedOn, Delivery, DeliveryCommand, DeliveryEvent, FetchFailure,
    Held, Intent, PlannedAsset, PlannedItem, Received, RequeueCause, StartFacts, Started, StoreCall, Webhook,
    WebhookOutcome,
};
use crate::integration::Provider;
use crate::{
    AccountId, Asset, Credits, IntegrationId, ItemMapping, LineItem, MappingId, MatchType, ResolutionCode, ResourceType,
};

pub(super) use DeliveryEvent::{CancellationRequested, Cancelled, Completed, HandedBack, StatusFiltered};

/// The settings that [`facts`] are of.
pub(super) const DECIDED_ON: DecidedOn = DecidedOn { account_sequence: 3, integration_sequence: 7 };

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
        received_at: noon(),
        thin: false,
        unsigned: false,
        source: crate::ReportSource::Webhook,
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
        body_digest: None,
    }
}

/// A webhook that names the order and says nothing of it.
pub(super) fn thin() -> Webhook {
    Webhook {
        thin: true,
        order_number: None,
        order_status: None,
        username: None,
        email: None,
        items: vec![],
        ..webhook(Intent::Deliver)
    }
}

/// How a store responded.
pub(super) fn store_call(status: u16) -> StoreCall {
    StoreCall { status: Some(status), duration_ms: 12, reason: None }
}

/// The order was read, when so many webhooks had announced it.
pub(super) fn record_fetched(order: Webhook, announcements: u32) -> DeliveryCommand {
    DeliveryCommand::RecordFetched { order: Box::new(order), announcements, call: store_call(200) }
}

/// A try to fetch the order failed so many seconds after noon.
pub(super) fn fail_fetch(failure: FetchFailure, seconds: i64) -> DeliveryCommand {
    DeliveryCommand::FailFetch { failure, now: after(seconds), jitter: Jitter::NONE, decided_on: DECIDED_ON }
}

pub(super) fn unavailable() -> FetchFailure {
    FetchFailure::Unavailable { call: store_call(503), retry_after: None }
}

/// A webhook about an order that was not accepted yet.
pub(super) fn received(intent: Intent) -> DeliveryEvent {
    first(webhook(intent))
}

/// As the store changed the order so many seconds after noon.
pub(super) fn changed(seconds: i64, intent: Intent) -> Webhook {
    Webhook { changed_at: Some(after(seconds)), ..webhook(intent) }
}

/// As it came in so many seconds after noon, without a date of its own.
pub(super) fn undated(seconds: i64, intent: Intent) -> Webhook {
    Webhook { received_at: after(seconds), ..webhook(intent) }
}

/// The first webhook about an order.
pub(super) fn first(webhook: Webhook) -> DeliveryEvent {
    let events = Delivery::default().decide(record(webhook)).unwrap();
    events.into_iter().next().unwrap()
}

/// A later webhook that said nothing new.
pub(super) fn repeated(webhook: Webhook) -> DeliveryEvent {
    did(webhook, WebhookOutcome::Duplicate)
}

pub(super) fn did(webhook: Webhook, outcome: WebhookOutcome) -> DeliveryEvent {
    DeliveryEvent::WebhookReceived { webhook: Box::new(webhook), outcome, changes: vec![] }
}

pub(super) fn revised(webhook: Webhook, changes: Vec<Change>) -> DeliveryEvent {
    DeliveryEvent::WebhookReceived { webhook: Box::new(webhook), outcome: WebhookOutcome::Revised, changes }
}

/// What a webhook does after these events.
pub(super) fn outcome_after(events: impl IntoIterator<Item = DeliveryEvent>, webhook: Webhook) -> WebhookOutcome {
    let events = fold(events).decide(record(webhook)).unwrap();
    let Some(DeliveryEvent::WebhookReceived { outcome, .. }) = events.into_iter().next() else {
        panic!("every webhook is recorded");
    };
    outcome
}

pub(super) fn shared(id: &str, credits: u64) -> DeliveryEvent {
    DeliveryEvent::AssetShared { asset: preset(id), username: "max".into(), credits: Credits(credits), call: None }
}

pub(super) fn step_started(action: PaidAction) -> DeliveryEvent {
    DeliveryEvent::StepStarted { action }
}

pub(super) fn begin_step(attempt: u32, action: PaidAction) -> DeliveryCommand {
    DeliveryCommand::BeginStep { held: held(attempt), action }
}

pub(super) fn share(attempt: u32, id: &str) -> DeliveryCommand {
    DeliveryCommand::RecordShare { held: held(attempt), asset: preset(id), credits: Credits(10), call: None }
}

pub(super) fn action_required(code: ResolutionCode) -> DeliveryEvent {
    DeliveryEvent::ActionRequired { code, call: None, assets: vec![], decided_on: None }
}

pub(super) fn retry_scheduled(code: ResolutionCode, due_at: DateTime<Utc>) -> DeliveryEvent {
    DeliveryEvent::RetryScheduled { code, due_at, call: None }
}

pub(super) fn failed(code: ResolutionCode) -> DeliveryEvent {
    DeliveryEvent::FailedPermanently { code, call: None }
}

pub(super) fn retry_requested() -> DeliveryEvent {
    DeliveryEvent::RetryRequested { mapping_ids: vec![] }
}

pub(super) fn requeued() -> DeliveryEvent {
    DeliveryEvent::Requeued { cause: RequeueCause::Revised }
}

pub(super) fn call(operation: CortexOperation, status: u16, reason: &str) -> CortexCall {
    CortexCall { operation, status: Some(status), duration_ms: 12, reason: Some(reason.to_owned()) }
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
    StartFacts {
        mappings: vec![mapping("STORM"), mapping("RAIN"), mapping("SUN")],
        credentials_saved: true,
        api_key_active: true,
        integration_active: true,
        decided_on: DECIDED_ON,
    }
}

pub(super) fn start_at(now: DateTime<Utc>, facts: StartFacts) -> DeliveryCommand {
    DeliveryCommand::Start { worker: "w1".to_owned(), now, lease_until: now + TimeDelta::minutes(1), facts }
}

pub(super) fn started(attempt: u32) -> DeliveryEvent {
    started_at(attempt, 60)
}

pub(super) fn started_with(attempt: u32, lease_until: DateTime<Utc>, plan: Vec<PlannedItem>) -> DeliveryEvent {
    let (worker, username) = ("w1".to_owned(), "max".into());
    let started_at = lease_until - TimeDelta::minutes(1);
    let decided_on = DECIDED_ON;
    DeliveryEvent::Started(Started { attempt, worker, started_at, lease_until, username, plan, decided_on })
}

/// An attempt of both lines whose lease ends so many seconds after noon.
pub(super) fn started_at(attempt: u32, lease_ends: i64) -> DeliveryEvent {
    started_with(attempt, after(lease_ends), plan_of(&["STORM", "RAIN"]))
}

/// Lines of these SKUs in their order, each with the asset of its mapping.
pub(super) fn plan_of(skus: &[&str]) -> Vec<PlannedItem> {
    let planned = (0..).zip(skus);
    planned.map(|(line_index, sku)| PlannedItem { line_index, assets: vec![PlannedAsset::by(&mapping(sku))] }).collect()
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
    running_and([action_required(code)])
}

/// What is known of the order, whatever came in about it.
pub(super) fn known(mut delivery: Delivery) -> Delivery {
    if let Delivery::Order(order) = &mut delivery {
        order.received = Received::default();
    }
    delivery
}

pub(super) fn fold(events: impl IntoIterator<Item = DeliveryEvent>) -> Delivery {
    use cqrs_es::Aggregate;
    let mut delivery = Delivery::default();
    for event in events {
        delivery.apply(event);
    }
    delivery
}
