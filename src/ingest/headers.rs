//! What the headers of a webhook say about it: its topic, its ids, and what is kept of them beside the body.
//!
//! No store signs them: they are shown, and may only ever make less of a body, never more.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use domain::integration::Provider;

/// Longest value that is kept, in characters.
const MAX_VALUE_CHARS: usize = 200;

/// The headers that are kept with a webhook: how it was sent, and as what. None that could let somebody in, such as
/// `authorization`, `cookie`, `x-api-key` or a signature, and none that a proxy adds about a person, such as an address.
const KEPT: [&str; 31] = [
    "content-type",
    "user-agent",
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
    "x-wc-webhook-delivery-id",
    "x-wc-webhook-event",
    "x-wc-webhook-id",
    "x-wc-webhook-resource",
    "x-wc-webhook-source",
    "x-wc-webhook-topic",
    "x-webhook-id",
    "x-webhook-timestamp",
    "x-webhook-topic",
    "x-webhook-version",
];

/// What is kept of the headers: the first value of each that is on the list, cut where it is too long.
pub(super) fn kept(headers: &HeaderMap) -> BTreeMap<String, String> {
    KEPT.iter().filter_map(|name| Some(((*name).to_owned(), value(headers, name)?))).collect()
}

/// The topic, as Shopify's older webhooks spell it.
///
/// Shopify's newer headers are without `x-`, name the kind of thing and what happened to it apart (`Order`, `create`), and
/// win where both are sent, as in Shopify's own library.
pub(super) fn topic(provider: Provider, headers: &HeaderMap) -> Option<String> {
    match provider {
        Provider::Shopify => shopify_topic(headers).or_else(|| value(headers, "x-shopify-topic")),
        Provider::WooCommerce => value(headers, "x-wc-webhook-topic"),
        Provider::BigCommerce | Provider::Square | Provider::Generic => value(headers, "x-webhook-topic"),
    }
}

pub(super) fn webhook_id(provider: Provider, headers: &HeaderMap) -> Option<String> {
    let names: &[&str] = match provider {
        Provider::Shopify => &["shopify-webhook-id", "x-shopify-webhook-id"],
        Provider::WooCommerce => &["x-wc-webhook-delivery-id"],
        Provider::BigCommerce | Provider::Square | Provider::Generic => &["x-webhook-id"],
    };
    names.iter().find_map(|name| value(headers, name))
}

fn shopify_topic(headers: &HeaderMap) -> Option<String> {
    let topic = value(headers, "shopify-topic")?;
    let action = value(headers, "shopify-action").filter(|_| !topic.contains('/'));
    let Some(action) = action else { return Some(topic) };
    let happened = match action.to_ascii_lowercase().as_str() {
        "update" => "updated".to_owned(),
        other => other.to_owned(),
    };
    Some(format!("{}s/{happened}", topic.to_ascii_lowercase()))
}

fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| value.chars().take(MAX_VALUE_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(headers: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn what_is_kept_is_on_the_list_and_bounded() {
        let long = "v".repeat(5_000);
        let kept = kept(&with(&[
            ("content-type", "application/json"),
            ("user-agent", &long),
            ("x-shopify-triggered-at", "2026-11-21T10:00:00.123Z"),
            ("x-shopify-topic", " orders/paid "),
            ("x-shopify-topic", "orders/create"),
            ("x-shopify-api-version", ""),
            ("authorization", "Bearer cb_live_secret"),
            ("cookie", "session=1"),
            ("x-api-key", "cb_live_secret"),
            ("x-shopify-hmac-sha256", "bm90IHRoZSByaWdodA=="),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-made-up", "1"),
        ]));
        let names: Vec<&str> = kept.keys().map(String::as_str).collect();
        assert_eq!(names, ["content-type", "user-agent", "x-shopify-topic", "x-shopify-triggered-at"]);
        assert_eq!((kept["user-agent"].len(), kept["x-shopify-topic"].as_str()), (MAX_VALUE_CHARS, "orders/paid"));
    }

    #[test]
    fn shopifys_newer_headers_are_read_and_win() {
        for (headers, expected) in [
            (&[("x-shopify-topic", "orders/paid")][..], Some("orders/paid")),
            (&[("shopify-topic", "orders/paid")], Some("orders/paid")),
            (&[("shopify-topic", "Order"), ("shopify-action", "create")], Some("orders/create")),
            (&[("shopify-topic", "Order"), ("shopify-action", "Update")], Some("orders/updated")),
            (&[("shopify-topic", "Product"), ("shopify-action", "delete")], Some("products/delete")),
            (&[("x-shopify-topic", "products/update"), ("shopify-topic", "orders/paid")], Some("orders/paid")),
            (&[("shopify-topic", "orders/paid"), ("shopify-action", "create")], Some("orders/paid")),
            (&[("x-wc-webhook-topic", "order.updated")], None),
        ] {
            assert_eq!(topic(Provider::Shopify, &with(headers)).as_deref(), expected, "{headers:?}");
        }
        let ids = with(&[("x-shopify-webhook-id", "old"), ("shopify-webhook-id", "new")]);
        assert_eq!(webhook_id(Provider::Shopify, &ids).as_deref(), Some("new"));
        assert_eq!(webhook_id(Provider::WooCommerce, &ids), None);
    }
}
