//! What WooCommerce sends where something happens in a store. It has no webhooks of categories, stock and checkouts.

use commerce::CommerceEventType;
use serde_json::{Value, json};

use crate::sample::{Example, Sample};

pub(super) fn of(event: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
    let Example { number, at, later } = example;
    let order = |topic, status, at: &str| sample(topic, &order(*number, status, at));
    Some(match event.as_str() {
        "order.created" => vec![order("order.created", "pending", at)],
        "order.updated" => vec![order("order.created", "pending", at), order("order.updated", "on-hold", later)],
        "order.paid" => vec![order("order.updated", "processing", at)],
        "order.cancelled" => vec![order("order.updated", "cancelled", at)],
        "order.refunded" => vec![order("order.updated", "refunded", at)],
        "product.created" => vec![sample("product.created", &product(*number, at))],
        "product.updated" => vec![sample("product.updated", &product(*number, at))],
        "product.deleted" => vec![sample("product.deleted", &json!({ "id": number }))],
        "customer.created" => vec![sample("customer.created", &customer(*number, at))],
        "customer.updated" => vec![sample("customer.updated", &customer(*number, at))],
        _ => return None,
    })
}

fn sample(topic: &'static str, body: &Value) -> Sample {
    Sample { topic: Some(("x-wc-webhook-topic", topic)), body: body.to_string().into_bytes() }
}

fn order(number: u64, status: &str, at: &str) -> Value {
    let paid_at = (status == "processing" || status == "refunded").then(|| at.trim_end_matches('Z'));
    json!({
        "id": number, "parent_id": 0, "number": number.to_string(), "status": status, "currency": "EUR", "total": "59.98",
        "date_modified_gmt": at.trim_end_matches('Z'), "date_paid_gmt": paid_at, "customer_id": 0,
        "billing": { "email": "fan@example.com", "first_name": "Robin", "last_name": "Fan" },
        "meta_data": [{ "id": 10, "key": "session_id", "value": "sess_example" }],
        "line_items": [{ "id": 3, "name": "An example", "product_id": 567, "variation_id": 0, "quantity": 2, "sku": "EXAMPLE",
                         "price": 29.99, "total": "59.98", "meta_data": [] }],
    })
}

fn product(number: u64, at: &str) -> Value {
    json!({
        "id": number, "name": "Storm Lead", "status": "publish", "sku": "EXAMPLE", "price": "19.99", "regular_price": "19.99",
        "permalink": "https://shop.example.com/product/storm-lead", "manage_stock": true, "stock_quantity": 12,
        "date_modified_gmt": at.trim_end_matches('Z'), "categories": [], "images": [], "variations": [],
    })
}

fn customer(number: u64, at: &str) -> Value {
    json!({ "id": number, "email": "fan@example.com", "first_name": "Robin", "last_name": "Fan",
            "date_modified_gmt": at.trim_end_matches('Z'), "billing": {} })
}
