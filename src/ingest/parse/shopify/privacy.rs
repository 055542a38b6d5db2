//! What Shopify sends because the law says so: who is to be erased, and of whom something is to be told.

use domain::notice::NoticeKind;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Orders that one request may name.
const MAX_ORDERS: usize = 10_000;

/// Whom a request is about.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PrivacyRequest {
    pub email: Option<String>,
    pub customer_id: Option<String>,
    /// The store's ids of the orders that are to be erased.
    pub orders: Vec<String>,
}

impl PrivacyRequest {
    pub fn is_about_same_customer(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, two: &Option<String>| match (one, two) {
            (Some(one), Some(two)) => one.trim().eq_ignore_ascii_case(two.trim()),
            (Some(_) | None, _) => false,
        };
        same(&self.email, &other.email) || same(&self.customer_id, &other.customer_id)
    }
}

#[derive(Deserialize)]
struct Body {
    shop_domain: String,
    #[serde(rename = "shop_id")]
    _shop_id: IgnoredAny,
    customer: Option<Customer>,
    orders_to_redact: Option<Vec<Value>>,
    orders_requested: Option<IgnoredAny>,
    data_request: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Customer {
    id: Option<Value>,
    email: Option<String>,
}

/// A request about the whole store names nothing but the store: what has more is another thing, whatever its topic.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreAlone {
    #[serde(rename = "shop_id")]
    _shop_id: IgnoredAny,
    #[serde(rename = "shop_domain")]
    _shop_domain: String,
}

/// The kind of a request. The topic is from a header that is not signed, so the body has to be of its shape by itself: no
/// body of another topic can be made to erase anything.
pub(super) fn kind(topic: Option<&str>, json: &str) -> Option<NoticeKind> {
    let topic = topic?;
    let is_topic = |name: &str| topic.eq_ignore_ascii_case(name);
    if is_topic("shop/redact") {
        return serde_json::from_str::<StoreAlone>(json).is_ok().then_some(NoticeKind::ShopRedact);
    }
    if !is_topic("customers/redact") && !is_topic("customers/data_request") {
        return None;
    }
    let body: Body = serde_json::from_str(json).ok()?;
    let asks = body.data_request.is_some() || body.orders_requested.is_some();
    let names_somebody = !body.shop_domain.is_empty() && body.customer.is_some();
    match (names_somebody, asks, body.orders_to_redact.is_some()) {
        (true, true, false) if is_topic("customers/data_request") => Some(NoticeKind::CustomerDataRequest),
        (true, false, _) if is_topic("customers/redact") => Some(NoticeKind::CustomerRedact),
        _ => None,
    }
}

/// Whom a recorded request is about.
pub fn request(body: &[u8]) -> Option<PrivacyRequest> {
    let body: Body = serde_json::from_str(super::super::text(body).ok()?).ok()?;
    let customer = body.customer?;
    let orders = body.orders_to_redact.unwrap_or_default();
    Some(PrivacyRequest {
        email: customer.email.filter(|email| !email.trim().is_empty()),
        customer_id: customer.id.as_ref().and_then(id),
        orders: orders.iter().take(MAX_ORDERS).filter_map(id).collect(),
    })
}

fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDACT: &str = r#"{"shop_id":954889,"shop_domain":"a.myshopify.com","customer":{"id":191167,
        "email":"john@example.com","phone":"555-625-1199"},"orders_to_redact":[299938,"280263"]}"#;
    const BY_EMAIL: &str = r#"{"shop_id":1,"shop_domain":"a.b","customer":{"email":"john@example.com"}}"#;
    const DATA_REQUEST: &str = r#"{"shop_id":954889,"shop_domain":"a.myshopify.com","orders_requested":[299938],
        "customer":{"id":191167,"email":"john@example.com"},"data_request":{"id":9999}}"#;
    const SHOP: &str = r#"{"shop_id":954889,"shop_domain":"a.myshopify.com"}"#;

    #[test]
    fn a_request_is_known_by_its_topic_and_its_own_shape_together() {
        let (redact, data, shop) = (Some("customers/redact"), Some("Customers/Data_Request"), Some("shop/redact"));
        for (topic, body, expected) in [
            (redact, REDACT, Some(NoticeKind::CustomerRedact)),
            (redact, BY_EMAIL, Some(NoticeKind::CustomerRedact)),
            (data, DATA_REQUEST, Some(NoticeKind::CustomerDataRequest)),
            (shop, SHOP, Some(NoticeKind::ShopRedact)),
            (redact, DATA_REQUEST, None),
            (data, REDACT, None),
            (shop, REDACT, None),
            (shop, BY_EMAIL, None),
            (redact, SHOP, None),
            (redact, r#"{"id":1,"customer":{"email":"john@example.com"},"line_items":[]}"#, None),
            (Some("orders/paid"), REDACT, None),
            (None, REDACT, None),
        ] {
            assert_eq!(kind(topic, body), expected, "{topic:?} {body}");
        }
    }

    #[test]
    fn whom_it_is_about_is_read() {
        let named = request(REDACT.as_bytes()).unwrap();
        assert_eq!((named.email.as_deref(), named.customer_id.as_deref()), (Some("john@example.com"), Some("191167")));
        assert_eq!(named.orders, ["299938", "280263"]);
        let named = request(BY_EMAIL.as_bytes()).unwrap();
        assert_eq!((named.email.as_deref(), named.customer_id, named.orders), (Some("john@example.com"), None, vec![]));
        assert!(request(SHOP.as_bytes()).is_none() && request(b"{").is_none());
    }
}
