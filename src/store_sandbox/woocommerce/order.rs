//! An order as WooCommerce's API and its webhooks have it: <https://woocommerce.github.io/woocommerce-rest-api-docs/#orders>

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::store_sandbox::money::{cents, decimal};
use crate::store_sandbox::order::{NewLine, Order, UsernameIn, in_words};

/// <https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties>
pub(in crate::store_sandbox) const STATUSES: [&str; 8] =
    ["pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "trash"];

pub(in crate::store_sandbox) fn order_json(order: &Order) -> Value {
    let (first_name, last_name) =
        order.placed.customer_name.split_once(' ').unwrap_or((&order.placed.customer_name, ""));
    let meta: Vec<Value> = order
        .username_in(UsernameIn::Order)
        .map(|username| json!({ "id": 1, "key": "cortex_username", "value": username }))
        .into_iter()
        .collect();
    json!({
        "id": number(&order.id),
        "parent_id": 0,
        "number": order.number,
        "status": if order.is_archived { "trash" } else { order.status },
        "currency": "USD",
        "date_created_gmt": date(order.created_at),
        "date_modified_gmt": date(order.updated_at),
        "date_paid_gmt": order.is_paid.then(|| date(order.created_at)),
        "total": decimal(cents(order.units())),
        "customer_id": 0,
        "customer_note": order.message().unwrap_or_default(),
        "billing": { "first_name": first_name, "last_name": last_name, "email": order.placed.email },
        "meta_data": meta,
        "line_items": order.placed.lines.iter().enumerate().map(|(at, line)| line_json(order, at, line)).collect::<Vec<_>>(),
        "refunds": refunds(order),
    })
}

fn line_json(order: &Order, at: usize, line: &NewLine) -> Value {
    let meta: Vec<Value> = order
        .username_in(UsernameIn::Lines)
        .map(|username| json!({ "id": 2, "key": "NDSP username", "value": in_words(username) }))
        .into_iter()
        .collect();
    json!({
        "id": at + 1,
        "name": line.title,
        "product_id": line.product_id.as_deref().map_or(json!(0), number),
        "variation_id": line.variant_id.as_deref().map_or(json!(0), number),
        "quantity": line.quantity,
        "sku": line.sku,
        "price": 19.0,
        "total": decimal(cents(line.quantity)),
        "meta_data": meta,
    })
}

/// How much, and not of which lines: that is in the refund itself.
fn refunds(order: &Order) -> Vec<Value> {
    let units = order.units_refunded();
    if units == 0 {
        vec![]
    } else {
        vec![json!({ "id": 900, "reason": "", "total": format!("-{}", decimal(cents(units))) })]
    }
}

/// In whole seconds, and without a zone.
pub(in crate::store_sandbox) fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn number(id: &str) -> Value {
    id.parse::<u64>().map_or(json!(0), Value::from)
}
