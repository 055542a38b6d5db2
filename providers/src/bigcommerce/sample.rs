//! A purchase as BigCommerce reports it, and as its API gives it.

use serde_json::{Value, json};

use super::status;
use crate::OrderReference;
use crate::sample::{Happened, Purchase, Sample, number};

pub(super) fn webhook(order: &str, purchase: &Purchase<'_>) -> Sample {
    let scope = match purchase.happened {
        Happened::Created => "store/order/created",
        Happened::Paid => "store/order/updated",
    };
    let body = json!({
        "scope": scope,
        "store_id": "1025646",
        "data": { "type": "order", "id": number(order) },
        "hash": "dd70c0976e06b67aaf671e73f49dcb79230ebf9d",
        "producer": "stores/abc123",
    });
    Sample { topic: None, body: body.to_string().into_bytes() }
}

/// The order, then its products.
pub(super) fn responses(order: &OrderReference<'_>, purchase: &Purchase<'_>) -> Vec<Vec<u8>> {
    let id = number(order.order_id);
    // A status of other platforms is the one that this one gives to what was paid.
    let status_id = status::id_of(purchase.status).or_else(|| status::id_of("awaiting_fulfillment"));
    let head = json!({
        "id": id,
        "status_id": status_id,
        "customer_id": 0,
        "billing_address": { "first_name": "Max", "last_name": "Power", "email": "fan@example.com", "form_fields": [] },
        "customer_message": "",
        "is_deleted": false,
    });
    let options: Vec<Value> = purchase
        .username
        .iter()
        .map(|name| {
            json!({ "id": 1, "name": "Text field 1", "display_name": "NDSP Username", "value": name, "display_value": name })
        })
        .collect();
    let products = purchase.products.iter().zip(1_u64..).map(|(product, line)| {
        json!({ "id": line, "order_id": id, "product_id": 70 + line, "variant_id": 0, "name": product.title,
                "sku": product.sku, "quantity": 1, "quantity_refunded": 0, "product_options": options })
    });
    [head, products.collect()].iter().map(|response| response.to_string().into_bytes()).collect()
}
