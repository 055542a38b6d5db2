//! The generic provider: a sender of one's own, which signs and speaks as our documents say.

mod event;
mod example;
mod order;
#[cfg(test)]
mod tests;

use domain::commerce::{CommerceEventType, Currency};
use domain::integration::Provider;
use domain::resource::Happened;
use http::HeaderMap;
use serde_json::{Value, json};
use signing::{Encoding, Scheme};

use crate::header;
use crate::platform::{Outgoing, Platform, Received};
use crate::sample::{Example, Purchase, Sample};
use crate::{Malformed, Parsed, SignatureRefusal, StoreCustomer, StoreReport};

/// The hexadecimal digits of an HMAC over the body, under either of two names (webhooks document, "Signature verification").
const SIGNATURE: Scheme =
    Scheme { headers: &["X-Webhook-Signature", "X-NDSP-Signature"], encoding: Encoding::PrefixedHex };

pub(crate) struct Generic;

impl Platform for Generic {
    fn provider(&self) -> Provider {
        Provider::Generic
    }

    fn recorded_headers(&self) -> &'static [&'static str] {
        &["x-webhook-id", "x-webhook-timestamp", "x-webhook-topic", "x-webhook-version"]
    }

    fn topic(&self, received: &Received<'_>) -> Option<String> {
        header::value(received.headers, "x-webhook-topic")
    }

    fn webhook_id(&self, received: &Received<'_>) -> Option<String> {
        header::value(received.headers, "x-webhook-id")
    }

    fn is_signed(&self, headers: &HeaderMap) -> bool {
        SIGNATURE.is_in(headers)
    }

    fn verify(&self, received: &Received<'_>, secrets: &[&str]) -> Result<(), SignatureRefusal> {
        SIGNATURE.verify(received.headers, &[received.body], secrets)
    }

    fn sign(&self, outgoing: &Outgoing<'_>, secret: &str) -> Vec<(&'static str, String)> {
        vec![SIGNATURE.sign(&[outgoing.body], secret)]
    }

    fn read(&self, _topic: Option<&str>, json: &str) -> Result<Parsed, Malformed> {
        order::read(json).map(Parsed::from)
    }

    fn reports(
        &self,
        _topic: Option<&str>,
        json: &str,
        _currency: Option<Currency>,
    ) -> Result<Vec<StoreReport>, Malformed> {
        let event = || Ok(event::read(json)?.map(|event| event.report));
        order::read(json)?.reports_or(Happened::Updated, event)
    }

    fn customer(&self, _topic: Option<&str>, json: &str) -> Option<StoreCustomer> {
        event::read(json).ok()??.customer
    }

    fn refuses_malformed(&self) -> bool {
        true
    }

    fn sample(&self, order: &str, purchase: &Purchase<'_>) -> Sample {
        let items = purchase.products.iter().map(|product| json!({ "sku": product.sku, "title": product.title }));
        let body = json!({
            "orderId": order,
            "orderStatus": purchase.status,
            "customerEmail": "fan@example.com",
            "targetUsername": purchase.username,
            "items": items.collect::<Vec<Value>>(),
        });
        Sample { topic: None, body: body.to_string().into_bytes() }
    }

    fn examples(&self, of: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
        example::of(of, example)
    }
}
