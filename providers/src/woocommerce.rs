//! WooCommerce: the order as its REST API gives it at the moment of sending, and a ping when a webhook is saved.

mod api;
mod catalogue;
mod example;
mod hooks;
mod order;
mod order_list;
mod product;
mod report;
mod sample;
mod secret;
#[cfg(test)]
mod tests;

use domain::commerce::{CommerceEventType, Currency};
use domain::integration::Provider;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use signing::{Encoding, Scheme};

use crate::header;
use crate::platform::{Outgoing, Platform, Received};
use crate::sample::{Example, Purchase, Sample};
use crate::{Malformed, Parsed, SignatureRefusal, StoreApi, StoreCustomer, StoreReport};

/// The base64 of an HMAC over the body.
const SIGNATURE: Scheme = Scheme { headers: &["X-WC-Webhook-Signature"], encoding: Encoding::Base64 };

pub(crate) struct WooCommerce;

impl Platform for WooCommerce {
    fn provider(&self) -> Provider {
        Provider::WooCommerce
    }

    fn recorded_headers(&self) -> &'static [&'static str] {
        &[
            "x-wc-webhook-delivery-id",
            "x-wc-webhook-event",
            "x-wc-webhook-id",
            "x-wc-webhook-resource",
            "x-wc-webhook-source",
            "x-wc-webhook-topic",
        ]
    }

    fn topic(&self, received: &Received<'_>) -> Option<String> {
        header::value(received.headers, "x-wc-webhook-topic")
    }

    fn webhook_id(&self, received: &Received<'_>) -> Option<String> {
        header::value(received.headers, "x-wc-webhook-delivery-id")
    }

    fn is_signed(&self, headers: &HeaderMap) -> bool {
        SIGNATURE.is_in(headers)
    }

    /// The unsigned form `webhook_id=7`, sent on saving a webhook (`WC_Webhook::deliver_ping`).
    fn is_ping(&self, received: &Received<'_>) -> bool {
        let is_form = received.headers.get(CONTENT_TYPE).is_none_or(|value| {
            let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
            media_type.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        });
        let webhook_id = received.body.strip_prefix(b"webhook_id=").unwrap_or_default();
        is_form
            && !SIGNATURE.is_in(received.headers)
            && (1..=20).contains(&webhook_id.len())
            && webhook_id.iter().all(u8::is_ascii_digit)
    }

    fn verify(&self, received: &Received<'_>, secrets: &[&str]) -> Result<(), SignatureRefusal> {
        let keys: Vec<_> = secrets.iter().flat_map(|secret| secret::keys(secret)).collect();
        SIGNATURE.verify(received.headers, &[received.body], &keys)
    }

    fn sign(&self, outgoing: &Outgoing<'_>, secret: &str) -> Vec<(&'static str, String)> {
        vec![SIGNATURE.sign(&[outgoing.body], &secret::decoded(secret))]
    }

    fn read(&self, topic: Option<&str>, json: &str) -> Result<Parsed, Malformed> {
        order::read(topic, json).map(Parsed::from)
    }

    fn reports(
        &self,
        topic: Option<&str>,
        json: &str,
        currency: Option<Currency>,
    ) -> Result<Vec<StoreReport>, Malformed> {
        report::reports(topic, json, currency)
    }

    fn customer(&self, topic: Option<&str>, json: &str) -> Option<StoreCustomer> {
        report::customer(topic, json)
    }

    /// The values of `status`, of which plugins add their own.
    fn order_statuses(&self) -> Option<&'static [&'static str]> {
        Some(&[
            "pending",
            "processing",
            "on-hold",
            "completed",
            "cancelled",
            "refunded",
            "failed",
            "draft",
            "checkout-draft",
            "auto-draft",
            "trash",
        ])
    }

    fn store_api(&self) -> Option<&'static dyn StoreApi> {
        Some(&api::Api)
    }

    fn sample(&self, order: &str, purchase: &Purchase<'_>) -> Sample {
        sample::of(order, purchase)
    }

    fn examples(&self, of: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
        example::of(of, example)
    }
}
