//! Shopify's orders in their odd shapes, and the things that look like one.

use domain::LineItem;
use domain::integration::Provider;
use domain::notice::NoticeKind;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::tests::{item, order_of, received};
use crate::{Malformed, Parsed, StoreOrder};

/// From the webhooks document.
const DOCUMENTED: &str = r#"{
    "id": 5678901234, "order_number": 1042, "email": "customer@example.com", "note": "NDSP username: from_note",
    "note_attributes": [{ "name": "ndsp_username", "value": "cortex_user_42" }],
    "line_items": [{ "sku": "STORM-LEAD-V2", "product_id": 7891234567890, "variant_id": 43210987654321,
        "title": "Storm Drive Lead Preset", "quantity": 1 }] }"#;

fn parsed(topic: Option<&str>, json: &str) -> Result<Parsed, Malformed> {
    crate::of(Provider::Shopify).interpret(topic, json.as_bytes())
}

fn order(json: &str) -> StoreOrder {
    order_of(parsed(Some("orders/paid"), json))
}

/// An order with these fields beside its id and its empty list of lines.
fn order_with(fields: &str) -> StoreOrder {
    order(&format!(r#"{{"id":1,"line_items":[],{fields}}}"#))
}

fn line(fields: &str) -> LineItem {
    order(&format!(r#"{{"id":1,"line_items":[{{{fields}}}]}}"#)).items.remove(0)
}

#[test]
fn the_documented_order_is_read() {
    for topic in [None, Some(""), Some("orders/create"), Some(" ORDERS/PAID ")] {
        assert_eq!(
            parsed(topic, DOCUMENTED),
            Ok(Parsed::Order(StoreOrder {
                order_id: "5678901234".to_owned(),
                order_number: Some("1042".to_owned()),
                order_status: None,
                changed_at: None,
                cancelled: false,
                username: Some("cortex_user_42".to_owned()),
                email: Some("customer@example.com".to_owned()),
                customer_name: None,
                customer_id: None,
                items: vec![item(
                    Some("STORM-LEAD-V2"),
                    Some("7891234567890"),
                    Some("43210987654321"),
                    Some("Storm Drive Lead Preset"),
                    1
                )],
            }))
        );
    }
}

#[test]
fn ids_keep_every_digit_and_the_shown_number_is_the_name() {
    let order = order(r##"{"id":820982911946154508123456,"name":"#1042","order_number":1042,"line_items":[]}"##);
    assert_eq!(order.order_id, "820982911946154508123456");
    assert_eq!(order.order_number.as_deref(), Some("#1042"));
    assert_eq!(order_with(r#""name":"""#).order_number, None);
    let changed = order_with(r#""updated_at":"2026-11-21T10:00:00-05:00""#);
    assert_eq!(changed.changed_at, "2026-11-21T15:00:00Z".parse().ok());
}

#[test]
fn odd_lines_are_read_as_far_as_they_say_something() {
    for (fields, expected) in [
        (r#""sku":null,"product_id":null,"variant_id":null,"title":"Tip""#, item(None, None, None, Some("Tip"), 1)),
        (r#""sku":"","product_id":0,"variant_id":0,"title":"""#, item(None, None, None, None, 1)),
        (r#""sku":4711,"product_id":"12","quantity":"2""#, item(Some("4711"), Some("12"), None, None, 2)),
        (r#""sku":"a\u0000b","quantity":1.5"#, item(Some("ab"), None, None, None, 2)),
        (r#""sku":["a"],"quantity":-1"#, item(None, None, None, None, 0)),
        (r#""sku":"a","quantity":2,"current_quantity":0"#, item(Some("a"), None, None, None, 0)),
        (r#""sku":"a","quantity":2,"current_quantity":null"#, item(Some("a"), None, None, None, 2)),
        (r#""sku":"a","quantity":null"#, item(Some("a"), None, None, None, 1)),
        (r#""sku":"a","quantity":1e400,"price":1e400"#, item(Some("a"), None, None, None, u32::MAX)),
    ] {
        assert_eq!(line(fields), expected, "{fields}");
    }
    assert!(order(r#"{"id":1,"line_items":[null,7,"a",["sku"],[]]}"#).items.is_empty());
}

#[test]
fn an_order_from_which_everything_was_taken_is_cancelled() {
    for (lines, cancelled) in [
        (r#"{"sku":"a","quantity":2,"current_quantity":0},{"sku":"b","quantity":0}"#, true),
        (r#"{"sku":"a","quantity":2,"current_quantity":0},{"sku":"b","quantity":1}"#, false),
        ("", false),
    ] {
        assert_eq!(order(&format!(r#"{{"id":1,"line_items":[{lines}]}}"#)).cancelled, cancelled, "{lines}");
    }
}

#[test]
fn the_username_is_in_an_attribute_or_else_in_the_note() {
    let note = r#""note":"Hi!\nNDSP username: from_note""#;
    for (fields, username) in [
        (format!(r#""note_attributes":[{{"name":"Cortex_Username","value":"@max"}}],{note}"#), Some("max")),
        (format!(r#""note_attributes":{{"ndsp_username":"max"}},{note}"#), Some("max")),
        (format!(r#""note_attributes":[{{"name":"ndsp_username","value":" "}}],{note}"#), Some("from_note")),
        (format!(r#""note_attributes":[],{note}"#), Some("from_note")),
        (format!(r#""note_attributes":{{}},{note}"#), Some("from_note")),
        (format!(r#""note_attributes":null,{note}"#), Some("from_note")),
        (format!(r#""note_attributes":"x",{note}"#), Some("from_note")),
        (note.to_owned(), Some("from_note")),
        (r#""note":"please gift wrap""#.to_owned(), None),
        (r#""note":null"#.to_owned(), None),
        (r#""note":["NDSP username: max"]"#.to_owned(), None),
    ] {
        assert_eq!(order_with(&fields).username.as_deref(), username, "{fields}");
    }
}

#[test]
fn the_customer_may_be_anywhere_or_nowhere() {
    for (fields, email, name) in [
        (r#""email":"a@b.c","contact_email":"d@e.f""#, Some("a@b.c"), None),
        (r#""email":"","contact_email":"d@e.f""#, Some("d@e.f"), None),
        (r#""email":null,"customer":{"email":"d@e.f","first_name":"Max"}"#, Some("d@e.f"), Some("Max")),
        (r#""customer":{"first_name":" Max ","last_name":"Power"}"#, None, Some("Max Power")),
        (r#""customer":null,"billing_address":{"first_name":"","last_name":"Power"}"#, None, Some("Power")),
        (r#""customer":[],"billing_address":[["Max"]]"#, None, None),
        (r#""customer":{},"billing_address":{"first_name":null}"#, None, None),
    ] {
        let order = order_with(fields);
        assert_eq!((order.email.as_deref(), order.customer_name.as_deref()), (email, name), "{fields}");
    }
}

#[test]
fn an_order_is_cancelled_by_its_own_words_or_by_the_topic() {
    for (topic, fields, cancelled) in [
        ("orders/updated", r#""cancelled_at":null,"financial_status":"paid""#, false),
        ("orders/updated", r#""cancelled_at":"","financial_status":"partially_refunded""#, false),
        ("orders/updated", r#""financial_status":"voided""#, false),
        ("orders/updated", r#""cancelled_at":"2026-10-01T10:00:00Z""#, true),
        ("orders/updated", r#""financial_status":"refunded""#, true),
        ("orders/cancelled", r#""cancelled_at":null"#, true),
        ("orders/delete", r#""cancelled_at":null"#, true),
    ] {
        let order = order_of(parsed(Some(topic), &format!(r#"{{"id":1,"line_items":[{{"sku":"a"}}],{fields}}}"#)));
        assert_eq!((order.cancelled, order.items.len()), (cancelled, 1), "{topic} {fields}");
    }
    let deleted = order_of(parsed(Some("orders/delete"), r#"{"id":820982911946154508}"#));
    assert!(deleted.cancelled && deleted.items.is_empty() && deleted.order_id == "820982911946154508");
}

#[test]
fn what_is_not_an_order_is_a_notice() {
    let order = r#"{"id":1,"line_items":[]}"#;
    for (topic, json) in [
        (Some("checkouts/create"), order),
        (Some("draft_orders/create"), order),
        (Some("carts/update"), order),
        (Some("orders"), order),
        (Some("ordersé/x"), order),
        // Things that look like an order, sent under a topic that is not signed.
        (Some("orders/paid"), r#"{"id":1,"line_items":[],"abandoned_checkout_url":"https://a.b"}"#),
        (
            Some("orders/paid"),
            r#"{"id":1,"line_items":[],"invoice_url":"https://a.b","status":"open","order_id":null}"#,
        ),
        (Some("orders/paid"), r#"{"id":"eeafa272","token":"eeafa272","line_items":[]}"#),
        (Some("orders/paid"), r#"{"id":1,"order_id":2,"status":"success","line_items":[]}"#),
        (Some("orders/paid"), r#"{"id":1,"line_items":[],"admin_graphql_api_id":"gid://shopify/DraftOrder/1"}"#),
        (None, r#"{"id":1,"order_id":2,"refund_line_items":[]}"#),
        (None, r#"{"id":1,"title":"Storm Drive","variants":[]}"#),
        (Some("orders/edited"), r#"{"order_edit":{"id":1}}"#),
        // Nothing says that it should be an order.
        (None, r#"{"id":1}"#),
        (None, r#"{"id":1,"line_items":null}"#),
        (None, r#"{"id":null,"line_items":[]}"#),
        (None, "[1,2,3]"),
        (Some("products/delete"), r#"{"id":1}"#),
        (Some("products/update"), "[1,2,3]"),
    ] {
        assert_eq!(parsed(topic, json), Ok(Parsed::Notice(NoticeKind::NotAnOrder)), "{topic:?} {json}");
    }
}

#[test]
fn an_order_topic_with_a_body_that_is_no_whole_order_is_unusable_and_says_why() {
    let whole = ": let the store send whole orders (no include_fields)";
    for (topic, json, reason) in [
        (
            "orders/paid",
            r##"{"id":820982911946154508,"updated_at":"2026-11-21T10:00:00-05:00","name":"#1042"}"##,
            format!("`line_items` is missing{whole}"),
        ),
        ("orders/delete", r#"{"id":1,"title":"Storm Drive"}"#, format!("`line_items` is missing{whole}")),
        ("orders/paid", r#"{"id":1,"line_items":null}"#, "`line_items` must not be null".to_owned()),
        ("orders/paid", r#"{"id":1,"line_items":{}}"#, "`line_items` must be a list".to_owned()),
        ("Orders/Create", r#"{"id":null,"line_items":[]}"#, "`id` must not be null".to_owned()),
        ("orders/updated", r#"{"id":"","line_items":[]}"#, "`id` must not be empty".to_owned()),
        ("orders/updated", r#"{"line_items":[]}"#, "`id` is missing".to_owned()),
        (
            "orders/paid",
            r#"{"order":{"id":820982911946154508,"line_items":[{"sku":"STORM"}]}}"#,
            "the order lies in `order` and must be the body itself".to_owned(),
        ),
        ("orders/paid", "{}", "`id` is missing".to_owned()),
        ("orders/paid", "[1,2,3]", "the body must be a JSON object".to_owned()),
        ("orders/paid", r#""id""#, "the body must be a JSON object".to_owned()),
        ("orders/paid", "null", "the body must be a JSON object".to_owned()),
    ] {
        let Ok(Parsed::Unusable(why)) = parsed(Some(topic), json) else { panic!("{topic} {json} is usable") };
        assert_eq!(crate::of(Provider::Shopify).explain(&why), reason, "{topic} {json}");
    }
}

#[test]
fn the_username_may_be_a_property_of_a_line() {
    let order = |fields: &str, properties: &str| {
        order(&format!(
            r#"{{"id":1,"line_items":[{{"sku":"a","properties":null}},{{"sku":"b","properties":{properties}}}]{fields}}}"#
        ))
    };
    for (properties, username) in [
        (r#"[{"name":"Colour","value":"red"},{"name":"_NDSP Username","value":"max"}]"#, Some("max")),
        (r#"{"ndsp-username":"max"}"#, Some("max")),
        (r#"[{"name":"ndsp_username","value":""}]"#, None),
        ("{}", None),
        (r#""x""#, None),
    ] {
        assert_eq!(order("", properties).username.as_deref(), username, "{properties}");
    }
    let of_line = r#"[{"name":"ndsp_username","value":"of_line"}]"#;
    let of_order = r#","note_attributes":[{"name":"Cortex Username","value":"of_order"}]"#;
    assert_eq!(order(of_order, of_line).username.as_deref(), Some("of_order"));
    let of_note = r#","note":"NDSP username: of_note""#;
    assert_eq!(order(of_note, of_line).username.as_deref(), Some("of_line"));
}

#[test]
fn an_order_names_itself_one() {
    let order = order_with(r#""admin_graphql_api_id":"gid://shopify/Order/1","token":"ab","cart_token":"cd""#);
    assert_eq!(order.order_id, "1");
}

#[test]
fn what_was_refunded_is_taken_off_where_the_order_does_not_say_what_is_left() {
    let quantities = |json: &str| order(json).items.iter().map(|item| item.quantity).collect::<Vec<_>>();
    let refunds = r#""refunds":[{"id":1,"refund_line_items":[{"line_item_id":11,"quantity":1},{"line_item_id":12,"quantity":1}]},
        {"id":2,"refund_line_items":[{"line_item_id":"12","quantity":1}]},{"id":3,"transactions":[{}]},null]"#;
    let lines = r#""line_items":[{"id":11,"quantity":1},{"id":12,"quantity":3},{"id":13,"quantity":1}]"#;
    assert_eq!(quantities(&format!(r#"{{"id":1,{lines},{refunds}}}"#)), [0, 1, 1]);
    assert_eq!(quantities(&format!(r#"{{"id":1,{lines},"refunds":{{}}}}"#)), [1, 3, 1]);
    let said =
        r#""line_items":[{"id":11,"quantity":2,"current_quantity":2},{"id":12,"quantity":3,"current_quantity":0}]"#;
    assert_eq!(quantities(&format!(r#"{{"id":1,{said},{refunds}}}"#)), [2, 0], "what the order says counts");
    let all =
        r#""line_items":[{"id":11,"quantity":1}],"refunds":[{"refund_line_items":[{"line_item_id":11,"quantity":1}]}]"#;
    assert!(order(&format!(r#"{{"id":1,{all}}}"#)).cancelled, "nothing is left of it");
}

#[test]
fn the_newer_headers_are_read_and_win() {
    let of_shopify = crate::of(Provider::Shopify);
    let with = |headers: &[(&'static str, &'static str)]| {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        headers.collect::<HeaderMap>()
    };
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
        assert_eq!(of_shopify.topic(&received(&with(headers), b"")).as_deref(), expected, "{headers:?}");
    }
    let ids = with(&[("x-shopify-webhook-id", "old"), ("shopify-webhook-id", "new")]);
    let ids = received(&ids, b"");
    assert_eq!(of_shopify.webhook_id(&ids).as_deref(), Some("new"));
    assert_eq!(crate::of(Provider::WooCommerce).webhook_id(&ids), None);
}

#[test]
fn what_the_law_asks_for_is_known_by_its_topic_alone() {
    for (topic, expected) in [("customers/redact", true), ("Shop/Redact", true), ("orders/paid", false)] {
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-shopify-topic"), topic.parse().unwrap())]);
        assert_eq!(crate::of(Provider::Shopify).is_legal_request(&headers), expected, "{topic}");
        assert!(!crate::of(Provider::WooCommerce).is_legal_request(&headers), "{topic}");
    }
}
