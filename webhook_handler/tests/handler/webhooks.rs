//! Webhooks as their platforms send and sign them.

use chrono::{DateTime, Utc};
use commerce::{CommerceEventType, Event};
use domain::integration::Provider;
use providers::Outgoing;
use serde_json::json;
use signing::standard_webhooks;

use crate::server::now;

pub(crate) const SHOPIFY_SECRET: &str = "shpss_0123456789";
pub(crate) const SQUARE_KEY: &str = "a-signature-key";
pub(crate) const ADDRESS: &str = "https://shop.example.com/api/webhooks";
pub(crate) const GATEWAY_SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// The bytes that the base64 of the secret stands for.
const GATEWAY_KEY: [u8; 32] = [7; 32];

/// A request to the handler.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Webhook {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// As a server hands it to a service.
    pub(crate) fn http(&self) -> http::Request<http_body_util::Full<bytes::Bytes>> {
        let request = http::Request::post("/api/webhooks");
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(self.body.clone().into()).expect("it is HTTP")
    }

    pub(crate) fn request(&self, client: &reqwest::Client, url: &str) -> reqwest::RequestBuilder {
        let request = client.post(url).body(self.body.clone());
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

fn signed(provider: Provider, secret: &str, address: &str, body: String) -> Webhook {
    let headers = providers::of(provider).sign(&Outgoing { address, body: body.as_bytes(), at: now() }, secret);
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Webhook { headers, body }
}

pub(crate) fn shopify(topic: &str, body: impl ToString) -> Webhook {
    signed(Provider::Shopify, SHOPIFY_SECRET, "", body.to_string())
        .with("X-Shopify-Topic", topic)
        .with("X-Shopify-Shop-Domain", "storm-audio.myshopify.com")
        .with("X-Shopify-Webhook-Id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043")
}

/// An order of Shopify that is paid, or is not.
pub(crate) fn shopify_order(id: u64, status: &str) -> Webhook {
    let body = json!({ "id": id, "admin_graphql_api_id": format!("gid://shopify/Order/{id}"), "financial_status": status,
        "updated_at": "2026-03-14T12:00:00Z", "line_items": [{ "id": 1, "title": "Storm Lead", "quantity": 1 }],
        "note_attributes": [{ "name": "session_id", "value": "sess_m8x2k1_a9" }] });
    shopify("orders/paid", body)
}

/// A level of stock at Shopify, as it was at that second.
pub(crate) fn shopify_stock(available: i64, second: u32) -> Webhook {
    let body = json!({ "inventory_item_id": 808_950_810, "location_id": 905_684_977, "available": available,
        "updated_at": format!("2026-03-14T12:00:{second:02}Z") });
    shopify("inventory_levels/update", body)
}

pub(crate) fn shopify_product(title: &str, second: u32) -> Webhook {
    let body = json!({ "id": 632_910_392, "title": title, "created_at": "2026-03-01T12:00:00Z",
        "updated_at": format!("2026-03-14T12:00:{second:02}Z"),
        "variants": [{ "id": 70, "price": "19.99", "inventory_item_id": 808_950_810 }] });
    shopify("products/update", body)
}

/// `object` is what lies in `data.object`.
pub(crate) fn square(event_type: &str, event_id: &str, object: serde_json::Value) -> Webhook {
    let body = json!({ "merchant_id": "5S9MXCS9Y99KK", "type": event_type, "event_id": event_id,
        "created_at": "2026-03-14T12:00:00Z", "data": { "type": "any", "id": "any", "object": object } });
    square_body(&body.to_string())
}

pub(crate) fn square_body(body: &str) -> Webhook {
    signed(Provider::Square, SQUARE_KEY, ADDRESS, body.to_owned())
}

pub(crate) fn square_order(event_id: &str, state: &str) -> Webhook {
    let order = json!({ "order_id": "eA3vssLHKJrv9H0IdJCM3gNqfdcZY", "state": state, "version": 4 });
    square("order.updated", event_id, json!({ "order_updated": order }))
}

/// An event of the gateway, as one of its messages.
pub(crate) fn gateway(event: &Event) -> Webhook {
    gateway_body(String::from_utf8(event.body()).expect("it is JSON"), now())
}

pub(crate) fn gateway_body(body: String, at: DateTime<Utc>) -> Webhook {
    gateway_message("msg_1", body, at)
}

/// The id and the time are those of a message: the same event may be sent in another one.
pub(crate) fn gateway_message(id: &str, body: String, at: DateTime<Utc>) -> Webhook {
    let headers = standard_webhooks::sign(id, at, body.as_bytes(), &[GATEWAY_KEY]);
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Webhook { headers, body }
}

/// What the gateway says of this type, as an event of its own.
pub(crate) fn event(of: CommerceEventType, id: u128) -> Event {
    Event { id: uuid::Uuid::from_u128(id), ..Event::sample(of) }
}
