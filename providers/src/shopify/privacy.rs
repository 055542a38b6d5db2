//! What Shopify sends because the law says so: who is to be erased, and who asks what is known of them.

use domain::notice::NoticeKind;
use serde_json::{Map, Value};

use crate::privacy::PrivacyRequest;
use crate::{Malformed, body};

/// Orders that one request may name.
const MAX_ORDERS: usize = 10_000;

/// What only another webhook has: no body of another topic can be made to erase anything by its unsigned header.
const OF_OTHER_TOPICS: [&str; 5] = ["id", "admin_graphql_api_id", "line_items", "token", "myshopify_domain"];

/// The request that a compliance topic brings; none for another topic. A body that cannot be one, or that names no customer and no order, is
/// an error that the merchant sees.
pub(super) fn kind(topic: Option<&str>, json: &str) -> Option<Result<NoticeKind, Malformed>> {
    let kind = asked_by(topic?)?;
    let Ok(Value::Object(body)) = serde_json::from_str::<Value>(json) else {
        return Some(Err(Malformed::NotAnObject));
    };
    let has = |fields: &[&'static str]| {
        fields.iter().copied().find(|field| body.get(*field).is_some_and(|value| !value.is_null()))
    };
    let of_other_requests: &[&'static str] = match kind {
        NoticeKind::ShopRedact => &["data_request", "orders_requested", "customer", "orders_to_redact"],
        NoticeKind::CustomerRedact => &["data_request", "orders_requested"],
        NoticeKind::CustomerDataRequest => &["orders_to_redact"],
        NoticeKind::NotAnOrder | NoticeKind::Commerce | NoticeKind::Unusable | NoticeKind::StoreError => &[],
    };
    let stranger = has(&OF_OTHER_TOPICS).or_else(|| has(of_other_requests));
    let invalid = |field: &str, reason| Err(Malformed::InvalidField { field: field.to_owned(), reason });
    Some(match (kind, stranger) {
        (_, Some(field)) => invalid(field, "does not belong into this privacy request, on which nothing was done"),
        (NoticeKind::ShopRedact, None) if has(&["shop_domain", "shop_id"]).is_none() => {
            invalid("shop_domain", "is missing: this privacy request names no shop, and nothing was done")
        }
        (NoticeKind::ShopRedact, None) => Ok(kind),
        (_, None) if named_in(&body).is_empty() => invalid(
            "customer",
            "has neither an id nor an e-mail address, and `orders_to_redact` or `orders_requested` names no order: nothing was \
             done on this privacy request",
        ),
        (_, None) => Ok(kind),
    })
}

/// Whether Shopify sends this topic because the law says so.
pub(super) fn is_compliance(topic: &str) -> bool {
    asked_by(topic).is_some()
}

fn asked_by(topic: &str) -> Option<NoticeKind> {
    match topic.to_ascii_lowercase().as_str() {
        "shop/redact" => Some(NoticeKind::ShopRedact),
        "customers/redact" => Some(NoticeKind::CustomerRedact),
        "customers/data_request" => Some(NoticeKind::CustomerDataRequest),
        _ => None,
    }
}

/// Who a recorded request names, if it is one.
pub(super) fn request(body: &[u8]) -> Option<PrivacyRequest> {
    let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body::without_mark(body)) else { return None };
    Some(named_in(&body)).filter(|request| !request.is_empty())
}

fn named_in(body: &Map<String, Value>) -> PrivacyRequest {
    let customer = |field: &str| body.get("customer").and_then(|customer| text(customer.get(field)?));
    // One order alone may stand without its list.
    let listed = |field: &str| {
        body.get(field).map(|orders| orders.as_array().map_or_else(|| std::slice::from_ref(orders), Vec::as_slice))
    };
    let orders = ["orders_to_redact", "orders_requested"].into_iter().filter_map(listed);
    PrivacyRequest {
        email: customer("email"),
        customer_id: customer("id").map(|id| legacy_id(&id).to_owned()),
        phone: customer("phone"),
        orders: orders.flatten().filter_map(order_id).take(MAX_ORDERS).collect(),
    }
}

/// An order by its id, or as an object that has one.
fn order_id(order: &Value) -> Option<String> {
    text(order.get("id").unwrap_or(order)).map(|id| legacy_id(&id).to_owned())
}

/// The number at the end of a global id (`gid://shopify/Customer/191167`), which is the id that webhooks use.
fn legacy_id(id: &str) -> &str {
    match id.strip_prefix("gid://shopify/").and_then(|path| path.split_once('/')) {
        Some((_, number)) => number.split('?').next().unwrap_or(number),
        None => id,
    }
}

/// A text or a number, as a text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
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
        let extra = r#"{"shop_id":1,"shop_domain":"a.b","reason":"new","customer":{"email":12345}}"#;
        let orders_alone = r#"{"shop_domain":"a.b","customer":null,"orders_to_redact":[{"id":299938}]}"#;
        for one in ["299938", r#""gid://shopify/Order/299938""#, r#"{"id":299938}"#] {
            let alone = format!(r#"{{"shop_domain":"a.b","orders_to_redact":{one}}}"#);
            assert_eq!(request(alone.as_bytes()).unwrap().orders, ["299938"], "{one}");
        }
        assert!(request(br#"{"shop_domain":"a.b","orders_to_redact":null}"#).is_none());
        for (topic, body, expected) in [
            (redact, REDACT, Some(Some(NoticeKind::CustomerRedact))),
            (redact, BY_EMAIL, Some(Some(NoticeKind::CustomerRedact))),
            (redact, extra, Some(Some(NoticeKind::CustomerRedact))),
            (redact, orders_alone, Some(Some(NoticeKind::CustomerRedact))),
            (data, DATA_REQUEST, Some(Some(NoticeKind::CustomerDataRequest))),
            (data, r#"{"orders_requested":[299938]}"#, Some(Some(NoticeKind::CustomerDataRequest))),
            (shop, SHOP, Some(Some(NoticeKind::ShopRedact))),
            (shop, r#"{"shop_domain":"a.b","reason":"uninstalled"}"#, Some(Some(NoticeKind::ShopRedact))),
            (redact, DATA_REQUEST, Some(None)),
            (data, REDACT, Some(None)),
            (shop, REDACT, Some(None)),
            (shop, BY_EMAIL, Some(None)),
            (shop, r#"{"id":1,"domain":"a.b","shop_domain":"a.b"}"#, Some(None)),
            (shop, "{}", Some(None)),
            (redact, SHOP, Some(None)),
            (redact, r#"{"customer":{"phone":"555-625-1199"}}"#, Some(None)),
            (redact, r#"{"id":1,"customer":{"email":"john@example.com"},"line_items":[]}"#, Some(None)),
            (redact, "[]", Some(None)),
            (Some("orders/paid"), REDACT, None),
            (None, REDACT, None),
        ] {
            assert_eq!(kind(topic, body).map(Result::ok), expected, "{topic:?} {body}");
        }
    }

    #[test]
    fn whom_it_is_about_is_read() {
        let named = request(REDACT.as_bytes()).unwrap();
        assert_eq!((named.email.as_deref(), named.customer_id.as_deref()), (Some("john@example.com"), Some("191167")));
        assert_eq!(named.orders, ["299938", "280263"]);
        let named = request(BY_EMAIL.as_bytes()).unwrap();
        assert_eq!((named.email.as_deref(), named.customer_id, named.orders), (Some("john@example.com"), None, vec![]));
        let orders = request(br#"{"orders_requested":[1,{"id":2}],"customer":{"email":77}}"#).unwrap();
        assert_eq!((orders.orders, orders.email.as_deref()), (vec!["1".to_owned(), "2".to_owned()], Some("77")));
        assert!(request(SHOP.as_bytes()).is_none() && request(b"{").is_none());
    }
}
