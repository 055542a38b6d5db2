//! A purchase as Square reports it, and as its API gives it.

use serde_json::{Value, json};

use super::status;
use crate::OrderReference;
use crate::sample::{Happened, Purchase, Sample};

pub(super) fn webhook(order: &str, purchase: &Purchase<'_>) -> Sample {
    let (event_type, name) = match purchase.happened {
        Happened::Created => ("order.created", "order_created"),
        Happened::Paid => ("order.updated", "order_updated"),
    };
    let id = order.trim_start_matches('#');
    let body = json!({
        "merchant_id": "MLEFBHHSJGVHD",
        "type": event_type,
        "event_id": format!("{id}-{name}"),
        "data": {
            "type": name,
            "id": id,
            "object": { name: { "order_id": id, "location_id": "S8GWD5R9QB376", "state": "OPEN", "version": 3 } },
        },
    });
    Sample { topic: None, body: body.to_string().into_bytes() }
}

pub(super) fn response(order: &OrderReference<'_>, purchase: &Purchase<'_>) -> Vec<u8> {
    let state = if purchase.status == status::COMPLETED { "COMPLETED" } else { "OPEN" };
    let due = if purchase.status == status::OPEN { 1_900 } else { 0 };
    let metadata: Value = purchase.username.iter().map(|name| ("ndsp_username".to_owned(), json!(name))).collect();
    let lines = purchase.products.iter().zip(1_u64..).map(|(product, line)| {
        json!({ "uid": format!("line-{line}"), "catalog_object_id": format!("VARIATION{line}"), "name": product.title,
                "variation_name": "Regular", "quantity": "1", "item_type": "ITEM" })
    });
    let response = json!({ "order": {
        "id": order.order_id,
        "location_id": "S8GWD5R9QB376",
        "state": state,
        "metadata": metadata,
        "line_items": lines.collect::<Vec<_>>(),
        "total_money": { "amount": 1_900, "currency": "USD" },
        "net_amount_due_money": { "amount": due, "currency": "USD" },
    } });
    response.to_string().into_bytes()
}
