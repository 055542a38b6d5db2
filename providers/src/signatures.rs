//! Known signatures of every platform, and all that looks like one.

use chrono::DateTime;
use domain::integration::Provider;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use strum::IntoEnumIterator as _;

use crate::{Outgoing, Received, SignatureRefusal, of};

const SECRET: &str = "shpss_0123456789";
const BODY: &[u8] = br#"{"orderId":"order-1234","targetUsername":"cortex_user_42","items":[{"sku":"STORM-LEAD-V2"}]}"#;
// Made with `openssl dgst -sha256 -hmac "$SECRET"`.
const BASE64: &str = "ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL050=";
const HEX: &str = "sha256=ba0019218b1dc28606dcee7d1ef262beb3f5223f81e169b3dd0d0e8fa2cbd39d";
const OF_SPECIAL_CHARS: &str = "pP0DLtaSEVgKjUwp8N+Ria/794uKCKG/rNcCVp/42a4=";
const OF_ENTITIES: &str = "xdhcsi+Ox5mnzyM2Fx7fYK+n6XvuzIxBtzVcJQGWiIA=";
const OF_NO_SECRET: &str = "x/on3gtKF8c+9KpNKqlVzwl2lxES9VGwnvcu+AxlbuA=";

const UNPREFIXED: &str = "Shopify-Hmac-Sha256";
const SHOPIFY: &str = "X-Shopify-Hmac-Sha256";
const WOOCOMMERCE: &str = "X-WC-Webhook-Signature";
const GENERIC: &str = "X-Webhook-Signature";
const NDSP: &str = "X-NDSP-Signature";
const BIGCOMMERCE: &str = "X-BC-Webhook-Signature";
const STANDARD: &str = "webhook-signature";
const SQUARE: &str = "x-square-hmacsha256-signature";
const ADDRESS: &str = "https://bridge.example.com/hook";
/// Over the address and the body.
const OF_ADDRESS: &str = "tilvC1cCBkbvr2Jdhr2e6swpxmuSM4gd3pBOXIMRSj0=";

fn with(headers: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn verify(provider: Provider, headers: &HeaderMap, body: &[u8], secrets: &[&str]) -> Result<(), SignatureRefusal> {
    let received = Received { address: ADDRESS, headers, body, at: DateTime::UNIX_EPOCH };
    of(provider).verify(&received, secrets)
}

fn signed(provider: Provider, secret: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    of(provider).sign(&Outgoing { address: ADDRESS, body, at: DateTime::UNIX_EPOCH }, secret)
}

fn sign(provider: Provider, secret: &str, body: &[u8]) -> Option<(&'static str, String)> {
    signed(provider, secret, body).into_iter().next()
}

fn verified(provider: Provider, headers: &[(&'static str, &str)], secrets: &[&str]) -> Result<(), SignatureRefusal> {
    verify(provider, &with(headers), BODY, secrets)
}

#[test]
fn known_signatures_are_made_and_verified() {
    for (provider, name, value) in [
        (Provider::Shopify, SHOPIFY, BASE64),
        (Provider::WooCommerce, WOOCOMMERCE, BASE64),
        (Provider::Generic, GENERIC, HEX),
        (Provider::Square, SQUARE, OF_ADDRESS),
    ] {
        assert_eq!(sign(provider, SECRET, BODY), Some((name, value.to_owned())));
        assert!(of(provider).is_signed(&with(&[(name, "right or wrong")])), "{provider:?}");
        assert_eq!(verified(provider, &[(name, value)], &[SECRET]), Ok(()));
    }
}

#[test]
fn only_the_form_that_the_provider_uses_is_read() {
    use SignatureRefusal::{Malformed, Wrong};
    let hex = HEX.trim_start_matches("sha256=");
    let (upper, long) = (format!("sha256={}", hex.to_uppercase()), "A".repeat(100_000));
    for (value, answer) in [
        ("", Err(Malformed)),
        (hex, Err(Malformed)),
        (HEX, Err(Malformed)),
        ("ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL050", Err(Malformed)),
        ("ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL050==", Err(Malformed)),
        ("ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL050A", Err(Malformed)),
        ("ugAZIYsdwoYG3O59HvJivrP1Ij-B4Wmz3Q0Oj6LL050=", Err(Malformed)),
        ("ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL05é", Err(Malformed)),
        // The same bytes with another last character: decoders that are not strict take it.
        ("ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL051=", Err(Malformed)),
        ("ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL054=", Err(Wrong)),
        (&long, Err(Malformed)),
    ] {
        assert_eq!(verified(Provider::Shopify, &[(SHOPIFY, value)], &[SECRET]), answer, "{value}");
        assert_eq!(verified(Provider::WooCommerce, &[(WOOCOMMERCE, value)], &[SECRET]), answer, "{value}");
    }
    for (value, answer) in [
        (upper.as_str(), Ok(())),
        (hex, Err(Malformed)),
        (BASE64, Err(Malformed)),
        (&HEX[..HEX.len() - 2], Err(Malformed)),
        (&HEX[..HEX.len() - 1], Err(Malformed)),
        ("sha256=", Err(Malformed)),
        (&long, Err(Malformed)),
    ] {
        assert_eq!(verified(Provider::Generic, &[(GENERIC, value)], &[SECRET]), answer, "{value}");
    }
    for (value, answer) in [
        (hex, Ok(())),
        (&hex.to_uppercase(), Ok(())),
        (HEX, Err(Malformed)),
        (BASE64, Err(Malformed)),
        (&hex[..hex.len() - 2], Err(Malformed)),
        ("", Err(Malformed)),
        (&long, Err(Malformed)),
    ] {
        assert_eq!(verified(Provider::BigCommerce, &[(BIGCOMMERCE, value)], &[SECRET]), answer, "{value}");
    }
}

#[test]
fn the_signature_is_in_one_header_of_the_provider() {
    use SignatureRefusal::{Malformed, Missing};
    let twice = |name| [(name, BASE64), (name, BASE64)];
    assert_eq!(verified(Provider::Shopify, &[], &[SECRET]), Err(Missing));
    assert_eq!(verified(Provider::Generic, &[], &[SECRET]), Err(Missing));
    assert_eq!(verified(Provider::Shopify, &[(WOOCOMMERCE, BASE64)], &[SECRET]), Err(Missing));
    assert_eq!(verified(Provider::Shopify, &twice(SHOPIFY), &[SECRET]), Err(Malformed));
    assert_eq!(verified(Provider::WooCommerce, &twice(WOOCOMMERCE), &[SECRET]), Err(Malformed));
    assert_eq!(verified(Provider::Generic, &[(GENERIC, HEX), (GENERIC, HEX)], &[SECRET]), Err(Malformed));
    assert_eq!(verified(Provider::BigCommerce, &[(GENERIC, HEX)], &[SECRET]), Err(Missing));
    // Square's signature of old is not read.
    assert_eq!(verified(Provider::Square, &[("x-square-signature", OF_ADDRESS)], &[SECRET]), Err(Missing));
    assert_eq!(verified(Provider::Square, &[(SQUARE, OF_ADDRESS), (SQUARE, OF_ADDRESS)], &[SECRET]), Err(Malformed));
}

#[test]
fn a_second_signature_of_the_generic_provider_must_verify_too() {
    let wrong = HEX.replace("ba00", "ba01");
    assert_eq!(verified(Provider::Generic, &[(NDSP, HEX)], &[SECRET]), Ok(()));
    assert_eq!(verified(Provider::Generic, &[(GENERIC, HEX), (NDSP, HEX)], &[SECRET]), Ok(()));
    for both in [[(GENERIC, HEX), (NDSP, wrong.as_str())], [(GENERIC, wrong.as_str()), (NDSP, HEX)]] {
        assert_eq!(verified(Provider::Generic, &both, &[SECRET]), Err(SignatureRefusal::Wrong));
    }
}

#[test]
fn shopifys_newer_header_is_read_and_where_both_are_sent_both_must_verify() {
    let wrong = BASE64.replace("ugAZ", "ugAa");
    assert_eq!(verified(Provider::Shopify, &[(UNPREFIXED, BASE64)], &[SECRET]), Ok(()));
    assert_eq!(verified(Provider::Shopify, &[(SHOPIFY, BASE64), (UNPREFIXED, BASE64)], &[SECRET]), Ok(()));
    for both in [[(SHOPIFY, BASE64), (UNPREFIXED, wrong.as_str())], [(SHOPIFY, wrong.as_str()), (UNPREFIXED, BASE64)]] {
        assert_eq!(verified(Provider::Shopify, &both, &[SECRET]), Err(SignatureRefusal::Wrong));
    }
    assert_eq!(
        verified(Provider::Shopify, &[(SHOPIFY, BASE64), (UNPREFIXED, "")], &[SECRET]),
        Err(SignatureRefusal::Malformed)
    );
}

#[test]
fn any_of_the_secrets_may_have_signed_and_an_empty_one_never() {
    let signed = [(SHOPIFY, BASE64)];
    assert_eq!(verified(Provider::Shopify, &signed, &["another", SECRET]), Ok(()));
    assert_eq!(verified(Provider::Shopify, &signed, &[SECRET, "another"]), Ok(()));
    assert_eq!(verified(Provider::Shopify, &signed, &["another"]), Err(SignatureRefusal::Wrong));
    assert_eq!(verified(Provider::Shopify, &signed, &[]), Err(SignatureRefusal::Wrong));
    assert_eq!(verified(Provider::Shopify, &[(SHOPIFY, OF_NO_SECRET)], &[""]), Err(SignatureRefusal::Wrong));
}

#[test]
fn woocommerce_signs_with_the_decoded_secret_and_once_signed_with_the_raw_one() {
    let (secret, entities) = (r#"a<b>&"c'd"#, "a&lt;b&gt;&amp;&quot;c&#039;d");
    for (secret, signature, answer) in [
        (secret, OF_SPECIAL_CHARS, Ok(())),
        (entities, OF_SPECIAL_CHARS, Ok(())),
        (entities, OF_ENTITIES, Ok(())),
        (secret, OF_ENTITIES, Err(SignatureRefusal::Wrong)),
    ] {
        assert_eq!(verified(Provider::WooCommerce, &[(WOOCOMMERCE, signature)], &[secret]), answer);
    }
    assert_eq!(sign(Provider::WooCommerce, entities, BODY), Some((WOOCOMMERCE, OF_SPECIAL_CHARS.to_owned())));
    assert_eq!(verified(Provider::Shopify, &[(SHOPIFY, OF_SPECIAL_CHARS)], &[entities]), Err(SignatureRefusal::Wrong));
}

#[test]
fn bigcommerce_signs_in_either_way_and_where_both_are_sent_both_must_verify() {
    let standard = signed(Provider::BigCommerce, SECRET, BODY);
    let standard: Vec<_> = standard.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(standard[0].0, STANDARD);
    let hex = HEX.trim_start_matches("sha256=");
    let wrong = hex.replace("ba00", "ba01");
    let with_digits = |digits| [&standard[..], &[(BIGCOMMERCE, digits)]].concat();
    assert_eq!(verified(Provider::BigCommerce, &standard, &[SECRET]), Ok(()));
    assert_eq!(verified(Provider::BigCommerce, &with_digits(hex), &[SECRET]), Ok(()));
    assert_eq!(verified(Provider::BigCommerce, &with_digits(&wrong), &[SECRET]), Err(SignatureRefusal::Wrong));
    let mut both = with_digits(hex);
    both[0].1 = "v1,ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL050=";
    assert_eq!(verified(Provider::BigCommerce, &both, &[SECRET]), Err(SignatureRefusal::Wrong));
}

#[test]
fn a_webhook_of_bigcommerce_that_is_sent_again_has_the_same_id() {
    let id = |body| signed(Provider::BigCommerce, SECRET, body).swap_remove(1);
    let (name, of_body) = id(BODY);
    assert_eq!((name, of_body.as_str()), ("webhook-id", "msg_ba0019218b1dc28606dcee7d"));
    assert_eq!(id(BODY).1, of_body);
    assert_ne!(id(b"{}").1, of_body);
}

#[test]
fn square_signs_the_address_that_it_was_given() {
    let headers = with(&[(SQUARE, OF_ADDRESS)]);
    let verify_at = |address| {
        let received = Received { address, headers: &headers, body: BODY, at: DateTime::UNIX_EPOCH };
        of(Provider::Square).verify(&received, &[SECRET])
    };
    assert_eq!(verify_at(ADDRESS), Ok(()));
    for elsewhere in ["http://bridge.example.com/hook", "https://bridge.example.com/hook/", ""] {
        assert_eq!(verify_at(elsewhere), Err(SignatureRefusal::Wrong), "{elsewhere}");
    }
}

proptest! {
    #[test]
    fn what_sign_makes_verifies_until_one_bit_is_flipped(
        secret in ".{1,40}",
        mut body in prop::collection::vec(any::<u8>(), 1..300),
        bit in any::<prop::sample::Index>(),
    ) {
        for provider in Provider::iter() {
            let signed = signed(provider, &secret, &body);
            let signed: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let headers = with(&signed);
            let check = |body: &[u8]| verify(provider, &headers, body, &[secret.as_str()]);
            prop_assert_eq!(check(&body), Ok(()));
            let bit = bit.index(body.len() * 8);
            body[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(check(&body), Err(SignatureRefusal::Wrong));
            body[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn no_header_makes_verify_panic(
        // Every byte that may stand in a header, also those that are no text.
        value in prop::collection::vec(any::<u8>().prop_filter("a header's", |b| *b == b'\t' || (*b >= 0x20 && *b != 0x7f)), 0..100),
        body in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        for provider in Provider::iter() {
            let mut headers = HeaderMap::new();
            for name in [SHOPIFY, UNPREFIXED, WOOCOMMERCE, GENERIC, NDSP, BIGCOMMERCE, STANDARD, SQUARE] {
                headers.insert(name, HeaderValue::from_bytes(&value).unwrap());
            }
            prop_assert!(verify(provider, &headers, &body, &[SECRET]).is_err());
        }
    }
}
