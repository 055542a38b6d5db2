//! A purchase as WooCommerce reports it.

use serde_json::{Value, json};

use crate::sample::{Purchase, Sample, number};

pub(super) fn of(order: &str, purchase: &Purchase<'_>) -> Sample {
    Sample {
        topic: Some(("x-wc-webhook-topic", "order.updated")),
        body: body(order, purchase).to_string().into_bytes(),
    }
}

fn body(order: &str, purchase: &Purchase<'_>) -> Value {
    let meta: Vec<Value> =
        purchase.username.iter().map(|name| json!({ "id": 1, "key": "cortex_username", "value": name })).collect();
    let lines = purchase.products.iter().zip(1_u64..).map(|(product, line)| {
        json!({ "id": line, "name": product.title, "product_id": 70 + line, "variation_id": 0, "quantity": 1,
                "sku": product.sku, "price": 17.647_059 })
    });
    json!({
        "id": number(order),
        "number": order,
        "status": purchase.status,
        "billing": { "first_name": "Max", "last_name": "Power", "email": "fan@example.com" },
        "meta_data": meta,
        "line_items": lines.collect::<Vec<_>>(),
    })
}
