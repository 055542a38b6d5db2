//! What Square sends where something happens at a seller. Its webhooks of orders name an order that has to be read there, and
//! those of the catalogue say that something changed alone, so none of either can be made up.

use commerce::CommerceEventType;
use serde_json::{Value, json};

use crate::sample::{Example, Sample};

pub(super) fn of(event: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
    let Example { number, at, .. } = example;
    let customer = || {
        json!({ "customer": { "id": format!("CUSTOMER{number}"), "given_name": "Robin", "family_name": "Fan",
                              "email_address": "fan@example.com", "updated_at": at, "version": 1 } })
    };
    let (event_type, object) = match event.as_str() {
        "customer.created" => ("customer.created", customer()),
        "customer.updated" => ("customer.updated", customer()),
        "inventory.updated" => (
            "inventory.count.updated",
            json!({ "inventory_counts": [{ "catalog_object_id": format!("VARIATION{number}"), "location_id": "S8GWD5R9QB376",
                                           "state": "IN_STOCK", "quantity": "3", "calculated_at": at }] }),
        ),
        _ => return None,
    };
    Some(vec![sample(event_type, &object, *number, at)])
}

fn sample(event_type: &str, object: &Value, number: u64, at: &str) -> Sample {
    let body = json!({ "merchant_id": "MLEFBHHSJGVHD", "type": event_type, "event_id": format!("example-{number}"),
                       "created_at": at, "data": { "type": event_type, "id": number.to_string(), "object": object } });
    Sample { topic: None, body: body.to_string().into_bytes() }
}
