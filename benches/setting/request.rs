//! One webhook as the bytes of an HTTP request, made for each order by writing over its digits and its signature.

use std::ops::Range;

use anyhow::Context as _;
use domain::integration::Provider;

use crate::setting::order;
use crate::setting::signing::sign;

/// Where webhooks go and with what they are signed.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) provider: Provider,
    pub(crate) path: String,
    pub(crate) secret: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    target: Target,
    bytes: Vec<u8>,
    /// Where the digits of the order begin, in the headers and in the body.
    digits_at: Vec<usize>,
    signature: Range<usize>,
    body_at: usize,
}

impl Request {
    pub(crate) fn new(target: Target, body_bytes: usize) -> anyhow::Result<Self> {
        let body = order::template(target.provider, body_bytes);
        let (name, value) = sign(target.provider, &target.secret, body.as_bytes())
            .context("webhooks of this provider cannot be signed")?;
        let mut text = format!(
            "POST {} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}{name}: ",
            target.path,
            body.len(),
            headers(target.provider),
        );
        let signature = text.len()..text.len() + value.len();
        text.push_str(&value);
        text.push_str("\r\n\r\n");
        let body_at = text.len();
        text.push_str(&body);
        let digits_at = text.match_indices(order::DIGITS).map(|(at, _)| at).collect();
        Ok(Self { target, bytes: text.into_bytes(), digits_at, signature, body_at })
    }

    pub(crate) fn body_bytes(&self) -> usize {
        self.bytes.len() - self.body_at
    }

    /// The webhook about the order with this number.
    pub(crate) fn about(&mut self, number: u64) -> &[u8] {
        let digits = order::digits(number);
        for at in &self.digits_at {
            self.bytes[*at..*at + digits.len()].copy_from_slice(&digits);
        }
        let body = &self.bytes[self.body_at..];
        let (_, signature) = sign(self.target.provider, &self.target.secret, body)
            .expect("a webhook of this provider was signed before");
        self.bytes[self.signature.clone()].copy_from_slice(signature.as_bytes());
        &self.bytes
    }
}

/// What each store says beside the body and its signature.
fn headers(provider: Provider) -> String {
    let digits = order::DIGITS;
    if provider == Provider::Shopify {
        format!(
            "user-agent: Shopify-Captain-Hook\r\nx-shopify-topic: orders/paid\r\nx-shopify-shop-domain: \
             bench.myshopify.com\r\nx-shopify-api-version: 2026-10\r\nx-shopify-webhook-id: \
             b54557e4-bdd9-4b37-8a5f-{digits}\r\nx-shopify-triggered-at: 2026-11-20T20:14:08.123456789Z\r\n"
        )
    } else if provider == Provider::WooCommerce {
        "user-agent: WooCommerce/11.2.0 Hookshot (WordPress/7.0)\r\nx-wc-webhook-source: https://shop.example.com/\r\n\
         x-wc-webhook-topic: order.updated\r\nx-wc-webhook-resource: order\r\nx-wc-webhook-event: updated\r\n\
         x-wc-webhook-id: 7\r\nx-wc-webhook-delivery-id: 5d41402abc4b2a76b9719d911017c592\r\n"
            .to_owned()
    } else {
        String::new()
    }
}
