//! What Shopify sends where something happens in a shop.

use commerce::CommerceEventType;
use serde_json::{Value, json};

use crate::sample::{Example, Sample};

pub(super) fn of(event: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
    let Example { number, at, later } = example;
    let order = |topic, changes: Value| {
        let mut body = order(*number, at);
        if let (Some(body), Value::Object(changes)) = (body.as_object_mut(), changes) {
            body.extend(changes);
        }
        sample(topic, &body)
    };
    Some(match event.as_str() {
        "order.created" => vec![order("orders/create", json!({}))],
        "order.updated" => vec![
            order("orders/create", json!({})),
            order("orders/updated", json!({ "total_price": "29.99", "updated_at": later })),
        ],
        "order.paid" => vec![order("orders/paid", json!({ "financial_status": "paid" }))],
        "order.cancelled" => vec![order("orders/cancelled", json!({ "cancelled_at": at }))],
        "order.refunded" => vec![order(
            "orders/updated",
            json!({ "financial_status": "refunded", "refunds": [{ "id": 1, "transactions": [
                { "kind": "refund", "status": "success", "amount": "59.98" }] }] }),
        )],
        "product.created" => vec![sample("products/create", &product(*number, at))],
        "product.updated" => vec![sample("products/update", &product(*number, at))],
        "product.deleted" => vec![sample("products/delete", &json!({ "id": number }))],
        "collection.updated" => vec![sample(
            "collections/update",
            &json!({ "id": number, "admin_graphql_api_id": format!("gid://shopify/Collection/{number}"),
                     "title": "Lead presets", "updated_at": at }),
        )],
        "collection.deleted" => vec![sample("collections/delete", &json!({ "id": number }))],
        "inventory.updated" => vec![sample(
            "inventory_levels/update",
            &json!({ "inventory_item_id": number, "location_id": 655_441_491, "available": 3, "updated_at": at }),
        )],
        "customer.created" => vec![sample("customers/create", &customer(*number, at))],
        "customer.updated" => vec![sample("customers/update", &customer(*number, at))],
        "checkout.completed" => vec![sample(
            "checkouts/update",
            &json!({ "id": number, "token": format!("token-{number}"), "email": "fan@example.com", "updated_at": at,
                     "abandoned_checkout_url": format!("https://shop.example.com/checkouts/{number}/recover"),
                     "completed_at": at, "total_price": "59.98", "currency": "EUR", "line_items": [],
                     "note_attributes": [{ "name": "sessionId", "value": "sess_example" }] }),
        )],
        _ => return None,
    })
}

fn sample(topic: &'static str, body: &Value) -> Sample {
    Sample { topic: Some(("x-shopify-topic", topic)), body: body.to_string().into_bytes() }
}

fn order(number: u64, at: &str) -> Value {
    json!({
        "id": number, "admin_graphql_api_id": format!("gid://shopify/Order/{number}"), "name": format!("#{number}"),
        "order_number": number, "financial_status": "pending", "cancelled_at": null, "updated_at": at, "currency": "EUR",
        "total_price": "59.98", "email": "fan@example.com",
        "customer": { "id": 207_119_551, "first_name": "Robin", "last_name": "Fan", "email": "fan@example.com" },
        "note_attributes": [{ "name": "sessionId", "value": "sess_example" }],
        "line_items": [{ "id": number, "sku": "EXAMPLE", "title": "An example", "product_id": 632_910_392,
                         "variant_id": 808_950_810, "quantity": 2, "current_quantity": 2, "price": "29.99" }],
    })
}

fn product(number: u64, at: &str) -> Value {
    json!({
        "id": number, "admin_graphql_api_id": format!("gid://shopify/Product/{number}"), "title": "Storm Lead",
        "vendor": "Storm Audio", "status": "active", "created_at": at, "updated_at": at,
        "images": [{ "src": "https://shop.example.com/images/storm-lead.jpg" }],
        "variants": [{ "id": number, "sku": "EXAMPLE", "title": "Version 2", "price": "19.99",
                       "inventory_item_id": number, "inventory_management": "shopify", "inventory_quantity": 12 }],
    })
}

fn customer(number: u64, at: &str) -> Value {
    json!({
        "id": number, "admin_graphql_api_id": format!("gid://shopify/Customer/{number}"), "email": "fan@example.com",
        "first_name": "Robin", "last_name": "Fan", "created_at": at, "updated_at": at,
    })
}
