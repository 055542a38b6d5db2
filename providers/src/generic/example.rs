//! What a sender of one's own posts where something happens: the event itself, as subscribers get it.

use commerce::{CommerceEventType, Publisher};
use serde_json::{Value, json};

use crate::sample::{Example, Sample};

/// What names the thing that an event is about.
const IDS: [&str; 7] =
    ["orderId", "orderNumber", "productId", "collectionId", "customerId", "checkoutId", "inventoryItemId"];

pub(super) fn of(event: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
    if event.publisher() != Publisher::Store {
        return None;
    }
    if event != CommerceEventType::OrderUpdated {
        return Some(vec![sample(event, example, commerce::sample(event), &example.at)]);
    }
    // Something must be known of an order for it to change.
    let order = commerce::sample(CommerceEventType::OrderCreated);
    let mut updated: Value = serde_json::from_str(order).unwrap_or_default();
    updated["data"]["status"] = json!("confirmed");
    let created = sample(CommerceEventType::OrderCreated, example, order, &example.at);
    Some(vec![created, sample(event, example, &updated.to_string(), &example.later)])
}

/// A sample of the type, about this thing.
fn sample(event: CommerceEventType, example: &Example, text: &str, at: &str) -> Sample {
    let mut body: Value = serde_json::from_str(text).unwrap_or_default();
    let data = &mut body["data"];
    for name in IDS {
        if data[name].is_string() {
            data[name] = json!(example.number.to_string());
        }
    }
    if data["changedAt"].is_string() {
        data["changedAt"] = json!(at);
    }
    let body = json!({ "id": format!("{}-{}", event.as_str(), example.number), "type": event.as_str(), "time": at,
                       "data": data.take() });
    Sample { topic: None, body: body.to_string().into_bytes() }
}
