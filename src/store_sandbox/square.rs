//! The order API of Square: <https://developer.squareup.com/reference/square/orders-api/retrieve-order>

mod oauth;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::money::{cents, money};
use super::operation::Operation;
use super::order::{NewLine, Order, Return, UsernameIn, in_words};
use super::product::Product;
use super::{StoreSandbox, World};
use crate::scripted::BearerToken;

/// Every merchant here has one location.
pub(super) const LOCATION: &str = "LSANDBOX00001";

pub(super) fn routes() -> Router<StoreSandbox> {
    Router::new()
        .route("/v2/locations", get(list_locations))
        .route("/v2/catalog/list", get(list_catalog))
        .route("/v2/orders/search", post(search_orders))
        .route("/v2/orders/{id}", get(read_order))
        .route("/oauth2/authorize", get(oauth::ask).post(oauth::answer))
        .route("/oauth2/token", post(oauth::exchange))
        .route("/oauth2/token/status", post(oauth::status))
}

/// Has the same order another id.
pub(super) fn rename(answer: &mut Value) {
    let id = format!("{}-other", answer["order"]["id"].as_str().unwrap_or_default());
    answer["order"]["id"] = json!(id);
}

/// As Square writes a moment.
pub(super) fn timestamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn read_order(State(sandbox): State<StoreSandbox>, token: BearerToken, Path(id): Path<String>) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let order = world.stores.square(&token.0, now)?.order(&id)?;
        Ok(Some(json!({ "order": order_json(order) })))
    };
    sandbox.read(Operation::SquareOrder, find).await
}

async fn list_locations(State(sandbox): State<StoreSandbox>, token: BearerToken) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        world.stores.square(&token.0, now)?;
        Ok(Some(json!({ "locations": [{ "id": LOCATION, "name": "Sandbox", "status": "ACTIVE" }] })))
    };
    sandbox.read(Operation::SquareLocations, find).await
}

/// Orders that were changed since a moment, the least recently changed first, whatever else is asked for. A cursor counts what
/// comes before it.
async fn search_orders(State(sandbox): State<StoreSandbox>, token: BearerToken, Json(wanted): Json<Value>) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let store = world.stores.square(&token.0, now)?;
        let since = &wanted["query"]["filter"]["date_time_filter"]["updated_at"]["start_at"];
        let since = since.as_str().and_then(|since| since.parse::<DateTime<Utc>>().ok());
        let is_here = wanted["location_ids"].as_array().is_some_and(|ids| ids.iter().any(|id| id == LOCATION));
        let mut orders: Vec<&Order> = store.all_orders().filter(|_| is_here).collect();
        orders.retain(|order| since.is_none_or(|since| order.updated_at >= since));
        orders.sort_by_key(|order| (order.updated_at, order.id.clone()));
        let limit = wanted["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(500);
        let before = wanted["cursor"].as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let more = orders.len() > before + limit;
        let page: Vec<Value> = orders.into_iter().skip(before).take(limit).map(order_json).collect();
        let mut found = json!({ "orders": page });
        if more {
            found["cursor"] = json!((before + limit).to_string());
        }
        Ok(Some(found))
    };
    sandbox.read(Operation::SquareOrders, find).await
}

/// All at once. Whatever types are asked for, there are items alone.
async fn list_catalog(State(sandbox): State<StoreSandbox>, token: BearerToken) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let store = world.stores.square(&token.0, now)?;
        Ok(Some(json!({ "objects": store.products.values().map(item_json).collect::<Vec<_>>() })))
    };
    sandbox.read(Operation::SquareCatalog, find).await
}

fn item_json(product: &Product) -> Value {
    let variations = product.offered.variants.iter().enumerate().map(|(at, variant)| {
        json!({
            "type": "ITEM_VARIATION",
            "id": format!("VARIATION{}", product.variant_id(at)),
            "item_variation_data": { "sku": variant.sku, "name": variant.title, "price_money": money(cents(1)) },
        })
    });
    json!({
        "type": "ITEM",
        "id": format!("ITEM{}", product.id),
        "updated_at": timestamp(product.updated_at),
        "version": product.updated_at.timestamp_millis(),
        "is_deleted": false,
        "item_data": { "name": product.offered.title, "variations": variations.collect::<Vec<_>>() },
    })
}

/// What does not apply is left out, and is not null or an empty list.
fn order_json(order: &Order) -> Value {
    let total = cents(order.units());
    let mut body = json!({
        "id": order.id,
        "location_id": LOCATION,
        "state": order.status,
        "version": order.version,
        "reference_id": format!("ref-{}", order.id),
        "source": { "name": "Square Online" },
        "created_at": timestamp(order.created_at),
        "updated_at": timestamp(order.updated_at),
        "total_money": money(total),
        "net_amount_due_money": money(if order.is_paid { 0 } else { total }),
    });
    if !order.placed.lines.is_empty() {
        body["line_items"] = json!(line_items(order));
        body["fulfillments"] = json!([fulfillment(order)]);
    }
    if order.is_paid && total > 0 {
        let tender = json!({
            "id": format!("tender-{}", order.id),
            "location_id": LOCATION,
            "type": "CARD",
            "amount_money": money(total),
        });
        body["tenders"] = json!([tender]);
    }
    if let Some(username) = order.username_in(UsernameIn::Order) {
        body["metadata"] = json!({ "ndsp_username": username });
    }
    let refunded = order.refunded.iter().enumerate().filter(|(_, quantity)| **quantity > 0);
    let refunded: Vec<Value> = refunded.map(|(line, quantity)| returned_item(line, *quantity)).collect();
    if !refunded.is_empty() {
        body["returns"] = json!([{ "source_order_id": order.id, "return_line_items": refunded }]);
    }
    if let Some(Return { order: source, line, quantity }) = &order.takes_back {
        body["returns"] =
            json!([{ "source_order_id": source, "return_line_items": [returned_item(*line, *quantity)] }]);
    }
    body
}

fn returned_item(line: usize, quantity: u32) -> Value {
    json!({ "source_line_item_uid": line_uid(line), "quantity": quantity.to_string() })
}

fn line_items(order: &Order) -> Vec<Value> {
    let item = |(position, line): (usize, &NewLine)| {
        let mut item = json!({
            "uid": line_uid(position),
            "name": line.title,
            "quantity": line.quantity.to_string(),
            "item_type": "ITEM",
            "base_price_money": money(cents(1)),
            "total_money": money(cents(line.quantity)),
        });
        if let Some(variant) = &line.variant_id {
            item["catalog_object_id"] = json!(variant);
            item["catalog_version"] = json!(1_700_000_000_000_u64);
        }
        if let Some(variation) = &line.variation {
            item["variation_name"] = json!(variation);
        }
        if let Some(username) = order.username_in(UsernameIn::Lines) {
            item["note"] = json!(in_words(username));
        }
        item
    };
    order.placed.lines.iter().enumerate().map(item).collect()
}

fn fulfillment(order: &Order) -> Value {
    let mut details = json!({
        "recipient": { "display_name": order.placed.customer_name, "email_address": order.placed.email },
    });
    if let Some(message) = order.message() {
        details["shipping_note"] = json!(message);
    }
    json!({
        "uid": format!("fulfillment-{}", order.id),
        "type": "SHIPMENT",
        "state": "PROPOSED",
        "shipment_details": details,
    })
}

fn line_uid(position: usize) -> String {
    format!("line-{}", position + 1)
}
