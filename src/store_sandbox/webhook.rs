//! The webhooks by which the stores report: they name an order and say nothing of it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::order::{Happened, Order};
use super::platform::{Platform, status_id};
use super::shopify::order::order_json;
use super::square::{LOCATION, timestamp};
use super::store::ConnectedStore;
use super::woocommerce;

/// What a store sends when something happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Webhook {
    pub store: String,
    pub order: String,
    /// Shopify's topic, BigCommerce's scope, Square's type. The bodies of the last two have it too.
    pub topic: &'static str,
    /// JSON; what is signed is these bytes.
    pub body: String,
}

/// All that are sent of it: Shopify sends one for each of several topics.
pub(super) fn about(store: &ConnectedStore, order: &Order, happened: Happened, now: DateTime<Utc>) -> Vec<Webhook> {
    let reports = match store.platform {
        Platform::Shopify => shopify(order, happened),
        Platform::BigCommerce => vec![bigcommerce(store, order, happened, now)],
        Platform::Square => vec![square(store, order, happened, now)],
        Platform::WooCommerce => vec![woocommerce(order, happened)],
    };
    let webhook = |(topic, body): (&'static str, Value)| Webhook {
        store: store.id.clone(),
        order: order.id.clone(),
        topic,
        body: body.to_string(),
    };
    reports.into_iter().map(webhook).collect()
}

/// <https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks>
fn woocommerce(order: &Order, happened: Happened) -> (&'static str, Value) {
    match happened {
        Happened::Created => ("order.created", woocommerce::order::order_json(order)),
        // To the bin: of what is deleted its id is left.
        Happened::Archived => ("order.deleted", json!({ "id": order.id.parse::<u64>().unwrap_or_default() })),
        Happened::Updated
        | Happened::Paid
        | Happened::Cancelled
        | Happened::StatusUpdated { .. }
        | Happened::Refunded => ("order.updated", woocommerce::order::order_json(order)),
    }
}

/// An app was removed: <https://shopify.dev/docs/api/webhooks?reference=toml#list-of-topics-app/uninstalled>
pub(super) fn uninstalled(store: &ConnectedStore, now: DateTime<Utc>) -> Webhook {
    let domain = format!("{}{}", store.id, super::shopify::DOMAIN);
    let body = json!({
        "id": 548_380_009,
        "name": store.id,
        "domain": domain,
        "myshopify_domain": domain,
        "currency": "USD",
        "updated_at": timestamp(now),
    });
    Webhook { store: store.id.clone(), order: String::new(), topic: "app/uninstalled", body: body.to_string() }
}

/// <https://shopify.dev/docs/api/webhooks>
fn shopify(order: &Order, happened: Happened) -> Vec<(&'static str, Value)> {
    if happened == Happened::Archived {
        let id: u64 = order.id.parse().unwrap_or_default();
        return vec![("orders/delete", json!({ "id": id }))];
    }
    let topics: &[&'static str] = match happened {
        Happened::Created if order.is_paid => &["orders/create", "orders/paid"],
        Happened::Created => &["orders/create"],
        Happened::Paid => &["orders/paid", "orders/updated"],
        Happened::Cancelled => &["orders/cancelled", "orders/updated"],
        Happened::Updated | Happened::StatusUpdated { .. } | Happened::Refunded | Happened::Archived => {
            &["orders/updated"]
        }
    };
    topics.iter().map(|topic| (*topic, order_json(order))).collect()
}

/// <https://docs.bigcommerce.com/developer/docs/integrations/webhooks>
fn bigcommerce(store: &ConnectedStore, order: &Order, happened: Happened, now: DateTime<Utc>) -> (&'static str, Value) {
    let id: Value = order.id.parse::<u32>().map_or(Value::Null, Value::from);
    let mut data = json!({ "type": "order", "id": id });
    let scope = match happened {
        Happened::Created => "store/order/created",
        Happened::Updated | Happened::Paid | Happened::Cancelled => "store/order/updated",
        Happened::StatusUpdated { from } => {
            data["status"] = json!({ "previous_status_id": status_id(from), "new_status_id": status_id(order.status) });
            "store/order/statusUpdated"
        }
        Happened::Refunded => "store/order/refund/created",
        Happened::Archived => "store/order/archived",
    };
    // As long as the real one, a SHA-1 of the data. That of two changes which say the same is the same; here the version
    // keeps them apart.
    let hash = hex::encode(Sha256::digest(format!("{scope} {data} {}", order.version)));
    let body = json!({
        "scope": scope,
        "store_id": "1025646",
        "producer": format!("stores/{}", store.id),
        "data": data,
        "hash": &hash[..40],
        "created_at": now.timestamp(),
    });
    (scope, body)
}

/// <https://developer.squareup.com/reference/square/webhooks/order.updated>
fn square(store: &ConnectedStore, order: &Order, happened: Happened, now: DateTime<Utc>) -> (&'static str, Value) {
    let (kind, object) = match happened {
        Happened::Created => ("order.created", "order_created"),
        Happened::Updated
        | Happened::Paid
        | Happened::Cancelled
        | Happened::StatusUpdated { .. }
        | Happened::Refunded
        | Happened::Archived => ("order.updated", "order_updated"),
    };
    let mut thin = json!({
        "order_id": order.id,
        "version": order.version,
        "state": order.status,
        "location_id": LOCATION,
        "created_at": timestamp(order.created_at),
    });
    if happened != Happened::Created {
        thin["updated_at"] = json!(timestamp(order.updated_at));
    }
    // The moment keeps apart what a sandbox sent that was ended since.
    let event = format!("{}/{}/{}/{}", store.id, order.id, order.version, now.timestamp_micros());
    let body = json!({
        "merchant_id": store.id,
        "type": kind,
        "event_id": Uuid::new_v5(&Uuid::NAMESPACE_URL, event.as_bytes()),
        "created_at": timestamp(now),
        "data": { "type": object, "id": order.id, "object": { object: thin } },
    });
    (kind, body)
}
