//! BigCommerce's webhooks in their odd shapes.

use domain::integration::Provider;
use domain::notice::NoticeKind;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::tests::received;
use crate::{Malformed, Parsed, ThinOrder};

/// From BigCommerce's documents.
const WEBHOOK: &str = r#"{"scope":"store/order/created","store_id":"1025646","data":{"type":"order","id":250},
    "hash":"dd70c0976e06b67aaf671e73f49dcb79230ebf9d","created_at":1561479335,"producer":"stores/abc123"}"#;

fn parsed(json: &str) -> Result<Parsed, Malformed> {
    crate::of(Provider::BigCommerce).interpret(Some("store/order/created"), json.as_bytes())
}

fn webhook(scope: &str, data: &str) -> Result<Parsed, Malformed> {
    parsed(&format!(r#"{{"scope":"{scope}","data":{data},"created_at":1561479335}}"#))
}

#[test]
fn the_documented_webhook_names_an_order() {
    let expected =
        ThinOrder { order_id: "250".to_owned(), order_status: None, changed_at: "2019-06-25T16:15:35Z".parse().ok() };
    assert_eq!(parsed(WEBHOOK), Ok(Parsed::ThinOrder(expected)));
}

#[test]
fn the_signed_scope_says_whether_an_order_may_have_changed() {
    let named = |order_id: &str, order_status: Option<&str>| {
        Ok(Parsed::ThinOrder(ThinOrder {
            order_id: order_id.to_owned(),
            order_status: order_status.map(str::to_owned),
            changed_at: "2019-06-25T16:15:35Z".parse().ok(),
        }))
    };
    for (scope, data, expected) in [
        ("store/order/updated", r#"{"type":"order","id":9007199254740993}"#, named("9007199254740993", None)),
        ("store/order/archived/", r#"{"type":"order","id":"250"}"#, named("250", None)),
        ("Store/Order/UPDATED", r#"{"id":250}"#, named("250", None)),
        (
            "store/order/statusUpdated",
            r#"{"type":"order","id":250,"status":{"previous_status_id":0,"new_status_id":10}}"#,
            named("250", Some("completed")),
        ),
        ("store/order/statusUpdated", r#"{"id":250,"status":{"new_status_id":99}}"#, named("250", None)),
        ("store/order/statusUpdated", r#"{"id":250,"status":[10]}"#, named("250", None)),
        ("store/order/refund/created", r#"{"type":"refund","id":250,"refund":{"refund_id":6}}"#, named("250", None)),
        ("store/order/refund/created", r#"{"type":"refund","id":6,"order_id":250}"#, named("250", None)),
        ("store/order/created", r#"{"id":250,"order_id":null}"#, named("250", None)),
    ] {
        assert_eq!(webhook(scope, data), expected, "{scope} {data}");
    }
    let without_time = parsed(r#"{"scope":"store/order/updated","data":{"id":250}}"#);
    let Ok(Parsed::ThinOrder(order)) = without_time else { panic!("{without_time:?}") };
    assert_eq!(order.changed_at, None);
}

#[test]
fn what_is_not_about_an_order_is_a_notice_whatever_the_header_says() {
    for (scope, data) in [
        ("store/order/message/created", r#"{"type":"order","id":250,"message":{"order_message_id":3}}"#),
        ("store/order/transaction/created", r#"{"type":"order","order_id":"250","transaction_id":12}"#),
        ("store/order/metafield/created", r#"{"type":"metafield","metafield_id":3,"resource_id":"250"}"#),
        ("store/product/updated", r#"{"type":"product","id":250}"#),
        ("store/order", r#"{"id":250}"#),
        ("", r#"{"id":250}"#),
        // An order without an id can be read nowhere.
        ("store/order/updated", "{}"),
        ("store/order/updated", "null"),
        ("store/priceList/records/created", r#"[{"type":"price","id":250}]"#),
        ("store/order/updated", r#"[{"type":"order","id":250}]"#),
    ] {
        assert_eq!(webhook(scope, data), Ok(Parsed::Notice(NoticeKind::NotAnOrder)), "{scope} {data}");
    }
    for json in ["[]", "7", "null", r#""store/order/created""#, "{}", r#"{"scope":["store/order/created"]}"#] {
        assert_eq!(parsed(json), Ok(Parsed::Notice(NoticeKind::NotAnOrder)), "{json}");
    }
}

#[test]
fn a_new_order_without_an_id_is_unusable_and_says_why() {
    for (data, reason) in [
        ("{}", "`data.id` is missing"),
        ("[]", "`data.id` is missing"),
        (r#"[{"id":250}]"#, "`data.id` is missing"),
        (r#"{"id":null}"#, "`data.id` must not be null"),
        (r#"{"id":" "}"#, "`data.id` must not be empty"),
        (r#"{"id":1.5}"#, "`data.id` must be a text or a whole number"),
        (r#"{"order_id":1e400}"#, "`data.order_id` must be a text or a whole number"),
    ] {
        let Ok(Parsed::Unusable(why)) = webhook("store/order/created", data) else { panic!("{data} is usable") };
        assert_eq!(why.to_string(), reason, "{data}");
    }
    let twice = webhook("store/order/updated", r#"{"id":250,"id":251}"#);
    assert!(matches!(&twice, Ok(Parsed::Unusable(Malformed::FieldTwice { field, .. })) if field == "id"), "{twice:?}");
}

#[test]
fn topic_and_id_are_of_the_signed_body_where_the_headers_have_none() {
    let platform = crate::of(Provider::BigCommerce);
    let none = HeaderMap::new();
    let of_body = received(&none, WEBHOOK.as_bytes());
    assert_eq!(platform.topic(&of_body).as_deref(), Some("store/order/created"));
    assert_eq!(platform.webhook_id(&of_body).as_deref(), Some("dd70c0976e06b67aaf671e73f49dcb79230ebf9d"));
    let named = HeaderMap::from_iter([(HeaderName::from_static("webhook-id"), HeaderValue::from_static("msg_1"))]);
    assert_eq!(platform.webhook_id(&received(&named, WEBHOOK.as_bytes())).as_deref(), Some("msg_1"));
    let long = format!(r#"{{"scope":"{}"}}"#, "a".repeat(1_000));
    assert_eq!(platform.topic(&received(&none, long.as_bytes())), Some("a".repeat(200)));
    for body in ["", "<html>", "[]", r#"{"scope":null,"hash":" "}"#, &"[".repeat(1_000)] {
        let odd = received(&none, body.as_bytes());
        assert_eq!((platform.topic(&odd), platform.webhook_id(&odd)), (None, None), "{body}");
    }
}
