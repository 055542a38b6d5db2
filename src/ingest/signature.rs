//! Tells a webhook that the store signed from one that anybody else could have sent.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::integration::Provider;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// An HMAC-SHA256.
type Code = [u8; 32];

const HEX_PREFIX: &str = "sha256=";
/// How long 32 bytes are in base64, padding included.
const BASE64_LENGTH: usize = 44;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    #[error("the webhook carries no signature")]
    Missing,
    /// Not the encoding that this provider uses, or the header is repeated.
    #[error("the signature is not in the form that this provider uses")]
    Malformed,
    #[error("the signature was not made with the integration's signing secret over this body")]
    Wrong,
}

/// Whether one of `secrets` signed `body`, compared in constant time over the bytes as they were received.
///
/// The generic provider has two header names (webhooks document, "Signature verification"), and so has Shopify, whose newer
/// webhooks name all their headers without `x-`. Where both are present both
/// must verify: a signature is never there to be ignored. An empty secret verifies nothing, since anyone can sign with it.
pub fn verify<'s>(
    provider: Provider,
    headers: &HeaderMap,
    body: &[u8],
    secrets: impl Iterator<Item = &'s str>,
) -> Result<(), SignatureRefusal> {
    let claimed = claimed_codes(provider, headers)?;
    let mut verified = vec![Choice::from(0); claimed.len()];
    // No early end: how long this takes must not tell which of the secrets was right.
    for secret in secrets.filter(|secret| !secret.is_empty()) {
        for key in keys(provider, secret) {
            let expected = code(&key, body);
            for (verified, claimed) in verified.iter_mut().zip(&claimed) {
                *verified |= expected.ct_eq(claimed);
            }
        }
    }
    let all = verified.into_iter().fold(Choice::from(1), |all, one| all & one);
    if all.into() { Ok(()) } else { Err(SignatureRefusal::Wrong) }
}

/// The header, name and value, by which a store of this provider signs `body`. None where signing is not supported yet.
pub fn sign(provider: Provider, secret: &str, body: &[u8]) -> Option<(&'static str, String)> {
    let name = *header_names(provider).first()?;
    let key = keys(provider, secret).next()?;
    Some((name, encoded(provider, &code(&key, body))?))
}

fn header_names(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Shopify => &["x-shopify-hmac-sha256", "shopify-hmac-sha256"],
        Provider::WooCommerce => &["x-wc-webhook-signature"],
        Provider::Generic => &["x-webhook-signature", "x-ndsp-signature"],
        Provider::BigCommerce | Provider::Square => &[],
    }
}

fn claimed_codes(provider: Provider, headers: &HeaderMap) -> Result<Vec<Code>, SignatureRefusal> {
    let mut claimed = vec![];
    for name in header_names(provider) {
        let mut values = headers.get_all(*name).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return Err(SignatureRefusal::Malformed);
        }
        claimed.push(decoded(provider, value.as_bytes()).ok_or(SignatureRefusal::Malformed)?);
    }
    if claimed.is_empty() { Err(SignatureRefusal::Missing) } else { Ok(claimed) }
}

fn decoded(provider: Provider, value: &[u8]) -> Option<Code> {
    match provider {
        Provider::Shopify | Provider::WooCommerce => {
            // The length goes first: a header may be as long as the server allows, and decoding it is not free.
            if value.len() != BASE64_LENGTH {
                return None;
            }
            BASE64_STANDARD.decode(value).ok()?.try_into().ok()
        }
        Provider::Generic => {
            let mut code = Code::default();
            hex::decode_to_slice(value.strip_prefix(HEX_PREFIX.as_bytes())?, &mut code).ok()?;
            Some(code)
        }
        Provider::BigCommerce | Provider::Square => None,
    }
}

fn encoded(provider: Provider, code: &Code) -> Option<String> {
    match provider {
        Provider::Shopify | Provider::WooCommerce => Some(BASE64_STANDARD.encode(code)),
        Provider::Generic => Some(format!("{HEX_PREFIX}{}", hex::encode(code))),
        Provider::BigCommerce | Provider::Square => None,
    }
}

/// The keys that a store may make of a secret, the usual one first.
///
/// WooCommerce signs with the secret after decoding its HTML entities (`WC_Webhook::generate_signature`); stores older
/// than its pull request 22722 of 2019 sign with the secret as it is.
fn keys(provider: Provider, secret: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let as_it_is = Cow::Borrowed(secret);
    let (first, second) = match provider {
        Provider::WooCommerce => {
            let decoded = special_chars_decoded(secret);
            let differs = decoded != as_it_is;
            (decoded, differs.then_some(as_it_is))
        }
        Provider::Shopify | Provider::Generic | Provider::BigCommerce | Provider::Square => (as_it_is, None),
    };
    std::iter::once(first).chain(second)
}

fn code(key: &str, body: &[u8]) -> Code {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    hmac.update(body);
    hmac.finalize().into_bytes().into()
}

/// What `wp_specialchars_decode(…, ENT_QUOTES)` of `WordPress` makes of a text: five characters in their usual spellings,
/// once. A full HTML decoder would also decode `&copy;`, and so sign with a key that no store has.
fn special_chars_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        let entity = after.split_once(';').and_then(|(name, after)| Some((special_char(name)?, after)));
        let (character, after) = entity.unwrap_or(('&', after));
        decoded.push(character);
        rest = after;
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn special_char(entity: &str) -> Option<char> {
    let Some(number) = entity.strip_prefix('#') else {
        return match entity {
            "amp" => Some('&'),
            "gt" => Some('>'),
            "lt" => Some('<'),
            "quot" => Some('"'),
            _ => None,
        };
    };
    // The angle brackets are known in decimal only.
    match number.strip_prefix(['x', 'X']) {
        Some(hex) => match hex.trim_start_matches('0') {
            "22" => Some('"'),
            "26" => Some('&'),
            "27" => Some('\''),
            _ => None,
        },
        None => match number.trim_start_matches('0') {
            "34" => Some('"'),
            "38" => Some('&'),
            "39" => Some('\''),
            "60" => Some('<'),
            "62" => Some('>'),
            _ => None,
        },
    }
}
