//! What a filter sees of an event: what stays in the log for good, so that what a filter decided once it decides again, after
//! a person was erased, too.

use serde_json::{Value, json};

use crate::payload::checkout::Checkout;
use crate::payload::customer::Customer;
use crate::payload::delivery::Delivery;
use crate::payload::endpoint::DegradedEndpoint;
use crate::payload::order::Order;
use crate::{Event, Payload};

impl Event {
    /// The event as a filter sees it: as it is sent, but for
    ///
    /// - who a person is: `data.customer` of orders and checkouts, `data.email` and `data.name` of customers;
    /// - `data` of events that programs of the account publish, in which a person may be named anywhere;
    /// - `data` of `delivery.*` beyond `deliveryId`, `sessionId`, `status`, `resolutionCode` and `resolution`: the lines are
    ///   written of the whole story of the delivery when it is sent;
    /// - `data.changes` of `order.updated`, whose sentences are for people;
    /// - `data.url` of `endpoint.degraded`.
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "id": self.id,
            "type": self.event_type(),
            "time": self.time,
            "accountId": self.account_id,
        });
        if let Some(integration_id) = self.integration_id {
            value["integrationId"] = json!(integration_id);
        }
        if let Some(provider) = self.provider {
            value["provider"] = json!(provider);
        }
        if let Some(data) = data(&self.payload) {
            value["data"] = data;
        }
        value
    }
}

/// None for what may be about a person all through.
fn data(payload: &Payload) -> Option<Value> {
    Some(match payload {
        Payload::OrderCreated(data)
        | Payload::OrderPaid(data)
        | Payload::OrderCancelled(data)
        | Payload::OrderRefunded(data) => order(data),
        Payload::OrderUpdated(data) => order(&data.order),
        Payload::CustomerCreated(data) | Payload::CustomerUpdated(data) => {
            json!(Customer { email: None, name: None, ..data.clone() })
        }
        Payload::CheckoutCompleted(data) => json!(Checkout { customer: None, ..data.clone() }),
        Payload::DeliveryCompleted(data) | Payload::DeliveryActionRequired(data) | Payload::DeliveryFailed(data) => {
            delivery(data)
        }
        Payload::ProductCreated(data) | Payload::ProductUpdated(data) => json!(data),
        Payload::ProductDeleted(data) => json!(data),
        Payload::CollectionUpdated(data) | Payload::CollectionDeleted(data) => json!(data),
        Payload::InventoryUpdated(data) => json!(data),
        Payload::InventoryOutOfStock(data) => json!(data),
        Payload::EndpointDegraded(data) => {
            let DegradedEndpoint { endpoint_id, failures, since, reason, url: _ } = data;
            json!({ "endpointId": endpoint_id, "failures": failures, "since": since, "reason": reason })
        }
        Payload::ProductSynced(data) => json!(data),
        Payload::ProductEnriched(_)
        | Payload::ProductManuallyEdited(_)
        | Payload::ProductRolledBack(_)
        | Payload::FaqSubmitted(_)
        | Payload::FaqApproved(_)
        | Payload::FaqRejected(_)
        | Payload::EnrichmentBulkCompleted(_) => return None,
    })
}

fn order(order: &Order) -> Value {
    json!(Order { customer: None, ..order.clone() })
}

fn delivery(delivery: &Delivery) -> Value {
    let mut value = json!({ "deliveryId": delivery.delivery_id, "status": delivery.status });
    if let Some(session_id) = &delivery.session_id {
        value["sessionId"] = json!(session_id);
    }
    if let Some(code) = delivery.resolution_code {
        value["resolutionCode"] = json!(code);
    }
    if let Some(resolution) = &delivery.resolution {
        value["resolution"] = json!(resolution);
    }
    value
}
