//! The webhooks by which the stores report: they name an order and say nothing of it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::order::{Happened, Order};
use super::platform::{Platform, status_id};
use super::square::{LOCATION, timestamp};
use super::store::ConnectedStore;

/// What a store sends when something happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Webhook {
    pub store: String,
    pub order: String,
    /// BigCommerce's scope, Square's type. The body has it too.
    pub topic: &'static str,
    /// JSON; what is signed is these bytes.
    pub body: String,
}

pub(super) fn about(store: &ConnectedStore, order: &Order, happened: Happened, now: DateTime<Utc>) -> Webhook {
    let (topic, body) = match store.platform {
        Platform::BigCommerce => bigcommerce(store, order, happened, now),
        Platform::Square => square(store, order, happened, now),
    };
    Webhook { store: store.id.clone(), order: order.id.clone(), topic, body: body.to_string() }
}

/// <https://docs.bigcommerce.com/developer/docs/integrations/webhooks>
fn bigcommerce(store: &ConnectedStore, order: &Order, happened: Happened, now: DateTime<Utc>) -> (&'static str, Value) {
    let id: Value = order.id.parse::<u32>().map_or(Value::Null, Value::from);
    let mut data = json!({ "type": "order", "id": id });
    let scope = match happened {
        Happened::Created => "store/order/created",
        Happened::Updated => "store/order/updated",
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
        Happened::Updated | Happened::StatusUpdated { .. } | Happened::Refunded | Happened::Archived => {
            ("order.updated", "order_updated")
        }
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
