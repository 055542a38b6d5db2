//! BigCommerce: a webhook says that something happened to an order, and the order is read at the store's API.

mod api;
mod catalogue;
mod example;
mod hooks;
mod oauth;
mod order;
mod order_list;
mod product;
mod report;
mod sample;
mod status;
mod webhook;

use domain::commerce::{CommerceEventType, Currency};
use domain::integration::Provider;
use http::HeaderMap;
use signing::{Encoding, Scheme, code, standard_webhooks};

use crate::platform::{Outgoing, OwnSecret, Platform, Received};
use crate::sample::{Example, Purchase, Sample};
use crate::{Malformed, Parsed, SignatureRefusal, StoreApi, StoreReport, header};

/// The hexadecimal digits of an HMAC over the body alone, which some webhooks carry beside the headers of Standard Webhooks
/// or in their place. It does not sign the time; what a captured one brings is an order that is read at the store anyway.
const BODY_SIGNATURE: Scheme = Scheme { headers: &["X-BC-Webhook-Signature"], encoding: Encoding::Hex };

pub(crate) struct BigCommerce;

impl Platform for BigCommerce {
    fn provider(&self) -> Provider {
        Provider::BigCommerce
    }

    fn recorded_headers(&self) -> &'static [&'static str] {
        &["webhook-id", "webhook-timestamp"]
    }

    /// The `scope`, which the body says and is signed with it.
    fn topic(&self, received: &Received<'_>) -> Option<String> {
        webhook::scope(received.body)
    }

    /// The `hash` stands in where a webhook has no id: it is the same when the webhook is sent again.
    fn webhook_id(&self, received: &Received<'_>) -> Option<String> {
        header::value(received.headers, standard_webhooks::ID).or_else(|| webhook::hash(received.body))
    }

    /// The other signature is of the body alone.
    fn signed_id(&self, received: &Received<'_>) -> Option<String> {
        let is_signed = standard_webhooks::is_in(received.headers);
        header::value(received.headers, standard_webhooks::ID).filter(|_| is_signed)
    }

    fn is_signed(&self, headers: &HeaderMap) -> bool {
        standard_webhooks::is_in(headers) || BODY_SIGNATURE.is_in(headers)
    }

    /// The key is the client secret as it is written, not decoded from base64 as Standard Webhooks has it (bigcommerce/docs,
    /// `docs/integrations/webhooks`, "Validating"). Of two signatures both must verify: neither is there to be ignored.
    fn verify(&self, received: &Received<'_>, secrets: &[&str]) -> Result<(), SignatureRefusal> {
        let is_standard = standard_webhooks::is_in(received.headers);
        if is_standard {
            standard_webhooks::verify(received.headers, received.body, received.at, secrets)?;
        }
        if is_standard && !BODY_SIGNATURE.is_in(received.headers) {
            return Ok(());
        }
        BODY_SIGNATURE.verify(received.headers, &[received.body], secrets)
    }

    /// The id is made of the body, so that a webhook that is sent again has the same.
    fn sign(&self, outgoing: &Outgoing<'_>, secret: &str) -> Vec<(&'static str, String)> {
        let digits = hex::encode(code(secret.as_bytes(), &[outgoing.body]));
        standard_webhooks::sign(&format!("msg_{}", &digits[..24]), outgoing.at, outgoing.body, &[secret])
    }

    fn read(&self, _topic: Option<&str>, json: &str) -> Result<Parsed, Malformed> {
        webhook::read(json).map(Parsed::from)
    }

    fn reports(
        &self,
        _topic: Option<&str>,
        json: &str,
        currency: Option<Currency>,
    ) -> Result<Vec<StoreReport>, Malformed> {
        report::reports(json, currency)
    }

    /// The domain of whose calls fewer than 90 % succeed within two minutes is blocked for three (bigcommerce/docs,
    /// `docs/integrations/webhooks`, "Blocklist").
    fn accepts_refused(&self) -> bool {
        true
    }

    fn store_api(&self) -> Option<&'static dyn StoreApi> {
        Some(&api::Api)
    }

    /// The values of `status_id`, by their names.
    fn order_statuses(&self) -> Option<&'static [&'static str]> {
        Some(&[
            "incomplete",
            "pending",
            "awaiting_payment",
            "manual_verification_required",
            "awaiting_fulfillment",
            "awaiting_shipment",
            "awaiting_pickup",
            "partially_shipped",
            "shipped",
            "completed",
            "disputed",
            "partially_refunded",
            "refunded",
            "declined",
            "cancelled",
        ])
    }

    fn own_secret(&self) -> Option<&'static OwnSecret> {
        Some(&OwnSecret {
            prompt: "The client secret of BigCommerce's API account; return to give it later",
            instructions: "BigCommerce signs with a secret of its own: the client secret of the API account that makes the \
                           webhooks. Settings → Store-level API accounts shows it once, when the account is created.",
        })
    }

    fn sample(&self, order: &str, purchase: &Purchase<'_>) -> Sample {
        sample::webhook(order, purchase)
    }

    fn examples(&self, of: CommerceEventType, example: &Example) -> Option<Vec<Sample>> {
        example::of(of, example)
    }
}
