//! A purchase as Shopify reports it.

use serde_json::{Value, json};

use crate::sample::{Happened, Purchase, Sample, number};

/// Larger than what a floating-point number can tell apart, as Shopify's own sample is.
const ID_BASE: u64 = 820_982_911_946_154_000;

pub(super) fn of(order: &str, purchase: &Purchase<'_>) -> Sample {
    let topic = match purchase.happened {
        Happened::Created => "orders/create",
        Happened::Paid => "orders/paid",
    };
    Sample { topic: Some(("x-shopify-topic", topic)), body: body(order, purchase).to_string().into_bytes() }
}

fn body(order: &str, purchase: &Purchase<'_>) -> Value {
    let number = number(order);
    let attributes: Vec<Value> =
        purchase.username.iter().map(|name| json!({ "name": "ndsp_username", "value": name })).collect();
    let lines = purchase.products.iter().zip(1_u64..).map(|(product, line)| {
        json!({ "id": number * 100 + line, "sku": product.sku, "title": product.title, "quantity": 1, "price": "19.00" })
    });
    json!({
        "id": ID_BASE + number,
        "name": order,
        "order_number": number,
        "financial_status": purchase.status,
        "email": "fan@example.com",
        "customer": { "first_name": "Max", "last_name": "Power", "email": "fan@example.com" },
        "note_attributes": attributes,
        "line_items": lines.collect::<Vec<_>>(),
    })
}
