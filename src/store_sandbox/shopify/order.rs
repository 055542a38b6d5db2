//! An order as Shopify's webhooks have it, whole: <https://shopify.dev/docs/api/webhooks#orders>

use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::store_sandbox::money::{cents, decimal};
use crate::store_sandbox::order::{NewLine, Order, UsernameIn, in_words};

/// The values of `financial_status`.
pub(in crate::store_sandbox) const STATUSES: [&str; 8] =
    ["pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "voided", "expired"];

pub(in crate::store_sandbox) fn order_json(order: &Order) -> Value {
    let total = price(cents(order.units()));
    let (first_name, last_name) =
        order.placed.customer_name.split_once(' ').unwrap_or((&order.placed.customer_name, ""));
    let attributes: Vec<Value> = order
        .username_in(UsernameIn::Order)
        .map(|username| json!({ "name": "NDSP Username", "value": username }))
        .into_iter()
        .collect();
    let moment = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, false);
    json!({
        "id": number(&order.id),
        "admin_graphql_api_id": format!("gid://shopify/Order/{}", order.id),
        "name": format!("#{}", order.number),
        "order_number": order.number,
        "financial_status": order.status,
        "fulfillment_status": null,
        "created_at": moment(order.created_at),
        "updated_at": moment(order.updated_at),
        "cancelled_at": order.cancelled_at.map(moment),
        "currency": "USD",
        "total_price": total,
        "subtotal_price": total,
        "email": order.placed.email,
        "contact_email": order.placed.email,
        "note": order.message(),
        "note_attributes": attributes,
        "customer": { "id": 7_000_000_001_u64, "email": order.placed.email, "first_name": first_name, "last_name": last_name },
        "test": false,
        "checkout_id": null,
        "line_items": order.placed.lines.iter().enumerate().map(|(at, line)| line_json(order, at, line)).collect::<Vec<_>>(),
        "refunds": refunds(order),
    })
}

fn line_json(order: &Order, at: usize, line: &NewLine) -> Value {
    let properties: Vec<Value> = order
        .username_in(UsernameIn::Lines)
        .map(|username| json!({ "name": "NDSP username", "value": in_words(username) }))
        .into_iter()
        .collect();
    let refunded = order.refunded.get(at).copied().unwrap_or_default();
    json!({
        "id": line_id(order, at),
        "sku": line.sku,
        "title": line.title,
        "variant_title": line.variation,
        "name": line.title,
        "product_id": line.product_id.as_deref().map(number),
        "variant_id": line.variant_id.as_deref().map(number),
        "quantity": line.quantity,
        "current_quantity": line.quantity - refunded,
        "price": price(cents(1)),
        "properties": properties,
    })
}

fn refunds(order: &Order) -> Vec<Value> {
    let lines: Vec<Value> = order
        .refunded
        .iter()
        .enumerate()
        .filter(|(_, quantity)| **quantity > 0)
        .map(|(at, quantity)| json!({ "line_item_id": line_id(order, at), "quantity": quantity }))
        .collect();
    if lines.is_empty() { vec![] } else { vec![json!({ "id": 1, "refund_line_items": lines, "transactions": [] })] }
}

pub(in crate::store_sandbox) fn line_id(order: &Order, at: usize) -> u64 {
    let order: u64 = order.id.parse().unwrap_or_default();
    order.saturating_mul(1_000).saturating_add(at as u64 + 1)
}

/// Ids are numbers beyond what a float holds.
fn number(id: &str) -> Value {
    id.parse::<u64>().map_or(Value::Null, Value::from)
}

/// With two decimals, where others here have four.
fn price(cents: u64) -> String {
    let text = decimal(cents);
    text.strip_suffix("00").unwrap_or(&text).to_owned()
}
