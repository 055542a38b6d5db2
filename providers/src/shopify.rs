//! Shopify: the whole order, sent on each of the topics that the merchant chose, and what the law asks for.

mod api;
mod catalogue;
mod example;
mod oauth;
mod order;
mod order_list;
mod privacy;
mod product;
mod refunds;
mod report;
mod sample;
mod subscriptions;
#[cfg(test)]
mod tests;

use domain::commerce::{CommerceEventType, Currency};
use domain::integration::Provider;
use http::HeaderMap;
use signing::{Encoding, Scheme};

use crate::header;
use crate::platform::{Outgoing, OwnSecret, Platform, Received};
use crate::sample::{Example, Purchase, Sample};
use crate::{Malformed, Parsed, PrivacyRequest, SignatureRefusal, StoreApi, StoreCustomer, StoreReport};

/// The base64 of an HMAC over the body. Newer webhooks name all their headers without `X-`.
const SIGNATURE: Scheme =
    Scheme { headers: &["X-Shopify-Hmac-Sha256", "Shopify-Hmac-Sha256"], encoding: Encoding::Base64 };

pub(crate) struct Shopify;

impl Platform for Shopify {
    fn provider(&self) -> Provider {
        Provider::Shopify
    }

    fn recorded_headers(&self) -> &'static [&'static str] {
        &[
            "shopify-action",
            "shopify-api-version",
            "shopify-event-id",
            "shopify-handle",
            "shopify-resource-id",
            "shopify-shop-domain",
            "shopify-topic",
            "shopify-triggered-at",
            "shopify-webhook-id",
            "x-shopify-api-version",
            "x-shopify-event-id",
            "x-shopify-name",
            "x-shopify-order-id",
            "x-shopify-shop-domain",
            "x-shopify-sub-topic",
            "x-shopify-test",
            "x-shopify-topic",
            "x-shopify-triggered-at",
            "x-shopify-webhook-id",
        ]
    }

    fn topic(&self, received: &Received<'_>) -> Option<String> {
        topic(received.headers)
    }

    fn webhook_id(&self, received: &Received<'_>) -> Option<String> {
        header::first(received.headers, &["shopify-webhook-id", "x-shopify-webhook-id"])
    }

    fn is_signed(&self, headers: &HeaderMap) -> bool {
        SIGNATURE.is_in(headers)
    }

    /// The shop's domain. A header, which is not signed.
    fn store(&self, received: &Received<'_>) -> Option<String> {
        header::first(received.headers, &["shopify-shop-domain", "x-shopify-shop-domain"])
    }

    /// Shopify asks for a shop's erasure days after the app is gone, when the integration may well be deactivated.
    fn is_legal_request(&self, headers: &HeaderMap) -> bool {
        topic(headers).is_some_and(|topic| privacy::is_compliance(&topic))
    }

    fn verify(&self, received: &Received<'_>, secrets: &[&str]) -> Result<(), SignatureRefusal> {
        SIGNATURE.verify(received.headers, &[received.body], secrets)
    }

    fn sign(&self, outgoing: &Outgoing<'_>, secret: &str) -> Vec<(&'static str, String)> {
        vec![SIGNATURE.sign(&[outgoing.body], secret)]
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

    fn privacy_request(&self, body: &[u8]) -> Option<PrivacyRequest> {
        privacy::request(body)
    }

    /// The values of `financial_status`.
    fn order_statuses(&self) -> Option<&'static [&'static str]> {
        Some(&[
            "pending",
            "authorized",
            "partially_paid",
            "paid",
            "partially_refunded",
            "refunded",
            "voided",
            "expired",
        ])
    }

    fn own_secret(&self) -> Option<&'static OwnSecret> {
        Some(&OwnSecret {
            prompt: "Shopify's own signing secret, as it shows it below the list of webhooks; return to give it later",
            instructions: "Shopify signs with a secret of its own. Settings → Notifications → Webhooks shows it below the \
                           list of webhooks (of an app's webhooks it is the app's client secret).",
        })
    }

    fn store_api(&self) -> Option<&'static dyn StoreApi> {
        Some(&api::Api)
    }

    fn json_advice(&self) -> &'static str {
        "choose the format JSON for this webhook in the store's settings"
    }

    fn whole_orders_advice(&self) -> &'static str {
        "let the store send whole orders (no include_fields)"
    }

    fn sample(&self, order: &str, purchase: &Purchase<'_>) -> Sample {
        sample::of(order, purchase)
    }

    fn examples(&self, of: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
        example::of(of, example)
    }
}

/// The topic, as Shopify's older webhooks spell it.
///
/// Its newer headers are without `x-`, name the kind of thing and what happened to it apart (`Order`, `create`), and win
/// where both are sent, as in Shopify's own library.
fn topic(headers: &HeaderMap) -> Option<String> {
    let Some(topic) = header::value(headers, "shopify-topic") else {
        return header::value(headers, "x-shopify-topic");
    };
    let action = header::value(headers, "shopify-action").filter(|_| !topic.contains('/'));
    let Some(action) = action else { return Some(topic) };
    let happened = match action.to_ascii_lowercase().as_str() {
        "update" => "updated".to_owned(),
        other => other.to_owned(),
    };
    Some(format!("{}s/{happened}", topic.to_ascii_lowercase()))
}
