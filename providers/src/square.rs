//! Square: a webhook says that an order changed, and the order is read at Square's API.

mod api;
mod catalogue;
mod example;
mod money;
mod oauth;
mod order;
mod order_list;
mod report;
mod returns;
mod sample;
mod status;
mod webhook;

use domain::commerce::{CommerceEventType, Currency};
use domain::integration::Provider;
use http::HeaderMap;
use signing::{Encoding, Scheme};

use crate::platform::{Outgoing, OwnSecret, Platform, Received};
use crate::sample::{Example, Purchase, Sample};
use crate::{CatalogChange, Malformed, Parsed, SignatureRefusal, StoreApi, StoreCustomer, StoreReport};

/// The base64 of an HMAC over the address of the webhook, to the letter as it was entered at Square, and the body
/// (developer.squareup.com, "Validate and verify a webhook"). The key is not decoded. `x-square-signature`, which is sent beside
/// it, is an HMAC-SHA1 of old, and not read.
const SIGNATURE: Scheme = Scheme { headers: &["x-square-hmacsha256-signature"], encoding: Encoding::Base64 };

pub(crate) struct Square;

impl Platform for Square {
    fn provider(&self) -> Provider {
        Provider::Square
    }

    fn recorded_headers(&self) -> &'static [&'static str] {
        &[
            "square-environment",
            "square-initial-delivery-timestamp",
            "square-retry-number",
            "square-retry-reason",
            "square-version",
        ]
    }

    /// The `type`, which the body says and is signed with it.
    fn topic(&self, received: &Received<'_>) -> Option<String> {
        webhook::event_type(received.body)
    }

    fn webhook_id(&self, received: &Received<'_>) -> Option<String> {
        webhook::event_id(received.body)
    }

    fn is_signed(&self, headers: &HeaderMap) -> bool {
        SIGNATURE.is_in(headers)
    }

    /// The seller's id, which the body says and is signed with it.
    fn store(&self, received: &Received<'_>) -> Option<String> {
        webhook::merchant_id(received.body)
    }

    fn verify(&self, received: &Received<'_>, secrets: &[&str]) -> Result<(), SignatureRefusal> {
        SIGNATURE.verify(received.headers, &[received.address.as_bytes(), received.body], secrets)
    }

    fn sign(&self, outgoing: &Outgoing<'_>, secret: &str) -> Vec<(&'static str, String)> {
        vec![SIGNATURE.sign(&[outgoing.address.as_bytes(), outgoing.body], secret)]
    }

    fn read(&self, _topic: Option<&str>, json: &str) -> Result<Parsed, Malformed> {
        webhook::read(json).map(Parsed::from)
    }

    fn reports(
        &self,
        _topic: Option<&str>,
        json: &str,
        _currency: Option<Currency>,
    ) -> Result<Vec<StoreReport>, Malformed> {
        report::reports(json)
    }

    fn catalog_change(&self, json: &str) -> Option<CatalogChange> {
        report::catalog_change(json)
    }

    fn customer(&self, _topic: Option<&str>, json: &str) -> Option<StoreCustomer> {
        report::customer(json)
    }

    fn store_api(&self) -> Option<&'static dyn StoreApi> {
        Some(&api::Api)
    }

    /// Made of `state` and of what is due: Square itself has no status for an open order that is paid.
    fn order_statuses(&self) -> Option<&'static [&'static str]> {
        Some(&[status::DRAFT, status::OPEN, status::PAID, status::COMPLETED, status::CANCELED, status::REFUNDED])
    }

    fn signs_address(&self) -> bool {
        true
    }

    fn own_secret(&self) -> Option<&'static OwnSecret> {
        Some(&OwnSecret {
            prompt: "The signature key of Square's webhook subscription; return to give it later",
            instructions: "Square signs with a secret of its own: the signature key of the webhook subscription, which the \
                           Developer Console shows under Webhooks → Subscriptions.",
        })
    }

    fn sample(&self, order: &str, purchase: &Purchase<'_>) -> Sample {
        sample::webhook(order, purchase)
    }

    fn examples(&self, of: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
        example::of(of, example)
    }
}
