//! What a verified webhook says, for the callbacks, and by what it is known again.

use chrono::{DateTime, Utc};
use commerce::{Event as GatewayEvent, Payload};
use domain::integration::Provider;
use domain::resource::{Content, Happened};
use http::HeaderMap;
use providers::{Received, StoreReport};
use sha2::{Digest as _, Sha256};

use crate::event::{
    Change, DeletedProduct, InventoryChange, OrderComplete, Origin, Product, ProductChange, StockLevel,
};
use crate::lane::Found;
use crate::memory::{Claim, Key, Rule};
use crate::refusal::Refusal;
use crate::sender::{Sender, Senders};

/// What a webhook says. Nothing of what no callback is for.
pub(crate) struct Reading {
    /// The webhook itself, which is new once.
    pub(crate) webhook: Claim,
    pub(crate) inventory: Vec<Found<InventoryChange>>,
    pub(crate) orders: Vec<Found<OrderComplete>>,
    pub(crate) products: Vec<Found<ProductChange>>,
}

/// Where an event is from, and within what its ids are unique.
struct Source {
    origin: Origin,
    /// Orders of Shopify and of Square have ids of their own in all stores, so that an order is the same in all reports of
    /// it. Those of other platforms are counted in each store.
    scope: String,
    /// When the webhook was received.
    at: DateTime<Utc>,
}

/// Reads a webhook that `sender` signed.
pub(crate) fn read(
    senders: &Senders,
    sender: Sender,
    headers: &HeaderMap,
    body: &[u8],
    at: DateTime<Utc>,
) -> Result<Reading, Refusal> {
    let received = Received { address: "", headers, body, at };
    match sender {
        Sender::Shopify => of_store(senders, sender, Provider::Shopify, &received),
        Sender::Square => of_store(senders, sender, Provider::Square, &received),
        Sender::Gateway => of_gateway(body, at),
    }
}

fn of_store(
    senders: &Senders,
    sender: Sender,
    provider: Provider,
    received: &Received<'_>,
) -> Result<Reading, Refusal> {
    let platform = providers::of(provider);
    let topic = platform.topic(received);
    if sender == Sender::Shopify && topic.is_none() {
        return Err(Refusal::NoTopic);
    }
    let reports = platform
        .read_reports(topic.as_deref(), received.body, senders.shopify_currency)
        .map_err(|malformed| Refusal::Malformed(platform.explain(&malformed)))?;
    // An id in a header is not signed: who captured a webhook could send it under a new one. So it is the body itself.
    let webhook = match reports.iter().find_map(|report| report.event_id.as_deref()) {
        Some(event_id) => once(&["webhook", provider.as_str(), event_id]),
        None => once(&["body", provider.as_str(), &hex::encode(Sha256::digest(received.body))]),
    };
    let origin = Origin { sender, provider: Some(provider), store: platform.store(received) };
    let source = Source { origin, scope: provider.as_str().to_owned(), at: received.at };
    let mut reading = Reading::of(webhook);
    for report in reports {
        reading.add(&source, report);
    }
    if let Some(change) = platform.catalog_change_in(received.body) {
        reading.products.push(source.product(Change::Catalog { changed_at: change.changed_at }));
    }
    Ok(reading)
}

fn of_gateway(body: &[u8], at: DateTime<Utc>) -> Result<Reading, Refusal> {
    let event = GatewayEvent::read(body).map_err(|invalid| Refusal::Malformed(invalid.to_string()))?;
    // A type that is new since this version was built.
    let Some(event) = event else { return Ok(Reading::of(once(&["unknown"]))) };
    let source = Source::of_gateway(&event, at);
    let mut reading = Reading::of(once(&["event", &event.id.to_string()]));
    match event.payload {
        Payload::OrderPaid(order) => reading.orders.push(source.order(order.order_id, order.session_id)),
        Payload::CheckoutCompleted(checkout) => {
            // Where it names no order, the order's own `order.paid` says it.
            reading.orders.extend(checkout.order_id.map(|order_id| source.order(order_id, checkout.session_id)));
        }
        Payload::InventoryUpdated(stock) => reading.inventory.push(source.stock(stock)),
        Payload::ProductCreated(product) => reading.products.push(source.product(Change::Created(product))),
        Payload::ProductUpdated(product) => reading.products.push(source.product(Change::Updated(product))),
        Payload::ProductDeleted(product) => reading.products.push(source.product(Change::Deleted(product))),
        Payload::OrderCreated(_)
        | Payload::OrderUpdated(_)
        | Payload::OrderCancelled(_)
        | Payload::OrderRefunded(_)
        | Payload::CollectionUpdated(_)
        | Payload::CollectionDeleted(_)
        // It follows from an `inventory.updated`, which has said it.
        | Payload::InventoryOutOfStock(_)
        | Payload::CustomerCreated(_)
        | Payload::CustomerUpdated(_)
        | Payload::DeliveryCompleted(_)
        | Payload::DeliveryActionRequired(_)
        | Payload::DeliveryFailed(_)
        | Payload::EndpointDegraded(_)
        | Payload::ProductSynced(_)
        | Payload::ProductEnriched(_)
        | Payload::ProductManuallyEdited(_)
        | Payload::ProductRolledBack(_)
        | Payload::FaqSubmitted(_)
        | Payload::FaqApproved(_)
        | Payload::FaqRejected(_)
        | Payload::EnrichmentBulkCompleted(_) => {}
    }
    Ok(reading)
}

impl Reading {
    fn of(webhook: Claim) -> Self {
        Self { webhook, inventory: vec![], orders: vec![], products: vec![] }
    }

    fn add(&mut self, source: &Source, report: StoreReport) {
        let StoreReport { resource_id, happened, changed_at, content, event_id: _, version: _ } = report;
        match content {
            // As the body says it, which is signed: not as the topic does.
            Content::Order(order) => {
                self.orders.extend(order.paid.then(|| source.order(resource_id, order.session_id)));
            }
            Content::Checkout(checkout) => {
                let order_id = checkout.order_id.filter(|_| checkout.completed);
                self.orders.extend(order_id.map(|order_id| source.order(order_id, checkout.session_id)));
            }
            Content::Stock(stock) => self.inventory.push(source.stock(StockLevel::of(stock, changed_at))),
            Content::Product(product) => {
                let change = match happened {
                    Happened::Created | Happened::Restored => {
                        Change::Created(Product::of(resource_id, product, changed_at))
                    }
                    Happened::Updated => Change::Updated(Product::of(resource_id, product, changed_at)),
                    Happened::Deleted => {
                        let title = product.title;
                        Change::Deleted(DeletedProduct { product_id: resource_id, title, changed_at })
                    }
                };
                self.products.push(source.product(change));
            }
            Content::Collection(_) | Content::Customer {} => {}
        }
    }
}

impl Source {
    fn of_gateway(event: &GatewayEvent, at: DateTime<Utc>) -> Self {
        let store = event.integration_id.map(|id| id.to_string());
        let scope = match event.provider {
            Some(provider @ (Provider::Shopify | Provider::Square)) => provider.as_str().to_owned(),
            Some(Provider::WooCommerce | Provider::BigCommerce | Provider::Generic) | None => {
                store.clone().unwrap_or_else(|| event.account_id.to_string())
            }
        };
        Self { origin: Origin { sender: Sender::Gateway, provider: event.provider, store }, scope, at }
    }

    fn order(&self, order_id: String, session_id: Option<String>) -> Found<OrderComplete> {
        let claim = once(&["order", &self.scope, &order_id]);
        Found { event: OrderComplete { origin: self.origin.clone(), order_id, session_id }, claim: Some(claim) }
    }

    fn stock(&self, stock: StockLevel) -> Found<InventoryChange> {
        let StockLevel { inventory_item_id, variant_id, product_id, location_id, changed_at, .. } = &stock;
        // As the store's own events name it.
        let item = inventory_item_id.as_ref().or(variant_id.as_ref()).or(product_id.as_ref());
        let parts = ["stock", &self.scope, text(item), text(location_id.as_ref())];
        let claim = changed_at.map(|at| not_before(&parts, at));
        Found { event: InventoryChange { origin: self.origin.clone(), stock }, claim }
    }

    fn product(&self, change: Change) -> Found<ProductChange> {
        let changed_at = match &change {
            Change::Created(product) | Change::Updated(product) => product.changed_at,
            // An update from before the deletion, that arrives after it, must not bring the product back.
            Change::Deleted(product) => Some(product.changed_at.unwrap_or(self.at)),
            Change::Catalog { changed_at } => *changed_at,
        };
        let about = match change.product_id() {
            Some(product_id) => ["product", &self.scope, product_id],
            None => ["catalog", &self.scope, text(self.origin.store.as_ref())],
        };
        let claim = changed_at.map(|at| not_before(&about, at));
        Found { event: ProductChange { origin: self.origin.clone(), change }, claim }
    }
}

fn text(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

fn once(parts: &[&str]) -> Claim {
    Claim { key: Key::of(parts.iter().map(|part| part.as_bytes())), rule: Rule::Once }
}

fn not_before(parts: &[&str], at: DateTime<Utc>) -> Claim {
    Claim { key: Key::of(parts.iter().map(|part| part.as_bytes())), rule: Rule::NotBefore(at.timestamp_micros()) }
}
