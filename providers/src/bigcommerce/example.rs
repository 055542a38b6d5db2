//! What BigCommerce sends where something happens in a store. Its webhooks of orders name an order that has to be read there, so
//! none can be made up.

use commerce::CommerceEventType;
use serde_json::{Value, json};

use crate::sample::{Example, Sample};

pub(super) fn of(event: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
    let number = example.number;
    let named = |kind: &str| json!({ "type": kind, "id": number });
    let (scope, data) = match event.as_str() {
        "product.created" => ("store/product/created", named("product")),
        "product.updated" => ("store/product/updated", named("product")),
        "product.deleted" => ("store/product/deleted", named("product")),
        "collection.updated" => ("store/category/updated", named("category")),
        "collection.deleted" => ("store/category/deleted", named("category")),
        "customer.created" => ("store/customer/created", named("customer")),
        "customer.updated" => ("store/customer/updated", named("customer")),
        "inventory.updated" => (
            "store/product/inventory/updated",
            json!({ "type": "product", "id": number, "inventory": { "product_id": number, "method": "absolute", "value": 3 } }),
        ),
        "checkout.completed" => {
            ("store/cart/converted", json!({ "type": "cart", "id": format!("cart-{number}"), "orderId": number }))
        }
        _ => return None,
    };
    Some(vec![sample(scope, &data, number)])
}

fn sample(scope: &str, data: &Value, number: u64) -> Sample {
    let body = json!({ "scope": scope, "store_id": "1025646", "data": data, "hash": format!("{number:040x}"),
                       "producer": "stores/abc123" });
    Sample { topic: None, body: body.to_string().into_bytes() }
}
