//! Orders as stores send them, with what a story is about and nothing else named.

use serde_json::{Value, json};

/// A paid Shopify order for these products.
pub(crate) fn shopify(id: u64, username: &str, skus: &[&str]) -> Value {
    let lines: Vec<Value> = skus
        .iter()
        .map(|sku| json!({ "sku": sku, "product_id": 7, "variant_id": 70, "title": format!("{sku} lead"), "quantity": 1 }))
        .collect();
    json!({
        "id": id,
        "name": format!("#{id}"),
        "order_number": id,
        "email": "max@music.com",
        "financial_status": "paid",
        "cancelled_at": null,
        "customer": { "first_name": "Max", "last_name": "Music" },
        "note_attributes": [{ "name": "ndsp_username", "value": username }],
        "line_items": lines,
    })
}

pub(crate) fn woocommerce(id: u64, status: &str, username: &str, skus: &[&str]) -> Value {
    let lines: Vec<Value> = skus
        .iter()
        .map(|sku| json!({ "sku": sku, "product_id": 7, "variation_id": 0, "name": format!("{sku} lead"), "quantity": 1 }))
        .collect();
    json!({
        "id": id,
        "number": id.to_string(),
        "status": status,
        "order_key": "wc_order_abc",
        "billing": { "email": "max@music.com", "first_name": "Max", "last_name": "Music" },
        "meta_data": [{ "id": 1, "key": "ndsp_username", "value": username }],
        "line_items": lines,
    })
}

pub(crate) fn generic(id: &str, username: &str, skus: &[&str]) -> Value {
    let items: Vec<Value> = skus.iter().map(|sku| json!({ "sku": sku, "quantity": 1 })).collect();
    json!({ "orderId": id, "customerEmail": "max@music.com", "targetUsername": username, "items": items })
}
