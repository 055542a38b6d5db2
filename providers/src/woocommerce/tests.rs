//! WooCommerce's orders in their odd shapes, and the things that look like one.

use domain::integration::Provider;
use domain::notice::NoticeKind;

use crate::tests::{item, order_of};
use crate::{Malformed, Parsed, StoreOrder};

/// From the webhooks document.
const DOCUMENTED: &str = r#"{
    "id": 1234, "order_key": "wc_order_abc123", "billing": { "email": "customer@example.com" },
    "meta_data": [{ "key": "ndsp_username", "value": "cortex_user_42" }],
    "line_items": [{ "sku": "STORM-LEAD-V2", "product_id": 567, "variation_id": 890,
        "name": "Storm Drive Lead Preset", "quantity": 1 }] }"#;

fn parsed(topic: Option<&str>, json: &str) -> Result<Parsed, Malformed> {
    crate::of(Provider::WooCommerce).interpret(topic, json.as_bytes())
}

/// An order with these fields beside its id and its empty list of lines.
fn order_with(fields: &str) -> StoreOrder {
    order_of(parsed(Some("order.updated"), &format!(r#"{{"id":1,"line_items":[],{fields}}}"#)))
}

#[test]
fn the_documented_order_is_read() {
    for topic in [None, Some("order.created"), Some("Order.Restored")] {
        assert_eq!(
            parsed(topic, DOCUMENTED),
            Ok(Parsed::Order(StoreOrder {
                order_id: "1234".to_owned(),
                order_number: None,
                order_status: None,
                changed_at: None,
                cancelled: false,
                username: Some("cortex_user_42".to_owned()),
                email: Some("customer@example.com".to_owned()),
                customer_name: None,
                customer_id: None,
                items: vec![item(Some("STORM-LEAD-V2"), Some("567"), Some("890"), Some("Storm Drive Lead Preset"), 1)],
            }))
        );
    }
}

#[test]
fn odd_lines_are_read_as_far_as_they_say_something() {
    let lines = r#"[
        {"name":"A","sku":"","product_id":7,"variation_id":0,"quantity":1.5,"price":17.647059},
        {"name":"B","sku":null,"product_id":0,"variation_id":"0","quantity":-1,"price":10.799999999999999},
        {"name":"C","sku":4711,"product_id":"7","quantity":"2","image":{"id":""},"meta_data":[{"value":{"a":[]}}]},
        {"name":"","quantity":0},
        "odd"]"#;
    let order = order_of(parsed(Some("order.updated"), &format!(r#"{{"id":1,"line_items":{lines}}}"#)));
    assert_eq!(
        order.items,
        [
            item(None, Some("7"), None, Some("A"), 2),
            item(None, None, None, Some("B"), 0),
            item(Some("4711"), Some("7"), None, Some("C"), 2),
            item(None, None, None, None, 0),
        ]
    );
}

#[test]
fn odd_fields_are_read_as_far_as_they_say_something() {
    let order = order_with(
        r#""number":"A-17","status":"processing","customer_id":0,"date_paid":null,
           "billing":{"first_name":"Max","last_name":"","email":"a@b.c"}"#,
    );
    assert_eq!(order.order_number.as_deref(), Some("A-17"));
    assert_eq!(order.order_status.as_deref(), Some("processing"));
    assert_eq!((order.email.as_deref(), order.customer_name.as_deref()), (Some("a@b.c"), Some("Max")));
    assert_eq!(order_with(r#""number":17"#).order_number.as_deref(), Some("17"));
    for billing in ["null", "[]", "{}", r#""""#, "7", "true", r#"["Max","Power","a@b.c"]"#] {
        let order = order_with(&format!(r#""billing":{billing},"number":null,"status":null"#));
        assert_eq!(
            (order.email, order.customer_name, order.order_number, order.order_status),
            (None, None, None, None)
        );
    }
}

#[test]
fn the_username_is_in_the_meta_data_or_else_in_the_note() {
    let note = r#""customer_note":"Cortex username - from_note""#;
    for (meta_data, username) in [
        (r#"[{"id":1,"key":"_ndsp_username","value":"max"}]"#, "max"),
        (r#"[{"key":"a","value":{"b":[1]}},{"key":"cortex_username","value":42}]"#, "42"),
        (r#"[{"key":"ndsp_username","value":["max"]}]"#, "from_note"),
        (r#"{"ndsp_username":"max"}"#, "max"),
        ("null", "from_note"),
        ("[]", "from_note"),
    ] {
        let order = order_with(&format!(r#""meta_data":{meta_data},{note}"#));
        assert_eq!(order.username.as_deref(), Some(username), "{meta_data}");
    }
}

#[test]
fn an_order_is_cancelled_by_its_status_or_by_its_deletion() {
    for (status, cancelled) in [
        ("pending", false),
        ("completed", false),
        ("failed", false),
        ("checkout-draft", false),
        ("cancelled", true),
        ("Refunded", true),
        ("trash", true),
    ] {
        assert_eq!(order_with(&format!(r#""status":"{status}""#)).cancelled, cancelled, "{status}");
    }
    let deleted = order_of(parsed(Some("order.deleted"), r#"{"id":17}"#));
    assert!(deleted.cancelled && deleted.items.is_empty() && deleted.order_id == "17");
}

#[test]
fn what_is_not_an_order_is_a_notice() {
    let order = r#"{"id":1,"line_items":[]}"#;
    let error = r#"{"code":"woocommerce_rest_cannot_view","message":"Sorry","data":{"status":401}}"#;
    for (topic, json, kind) in [
        (Some("order.updated"), error, NoticeKind::StoreError),
        (None, error, NoticeKind::StoreError),
        (None, r#"{"code":"a","message":"b","data":null}"#, NoticeKind::NotAnOrder),
        (Some("coupon.created"), r#"{"id":1,"code":"WINTER"}"#, NoticeKind::NotAnOrder),
        (Some("product.updated"), order, NoticeKind::NotAnOrder),
        (Some("subscription.created"), order, NoticeKind::NotAnOrder),
        (Some("order.created"), r#"{"id":1,"line_items":[],"billing_period":"month"}"#, NoticeKind::NotAnOrder),
        (Some("action.woocommerce_add_to_cart"), r#"{"action":"a","arg":1}"#, NoticeKind::NotAnOrder),
        (Some("product.deleted"), r#"{"id":17}"#, NoticeKind::NotAnOrder),
        (None, r#"{"id":17}"#, NoticeKind::NotAnOrder),
        (None, r#"{"id":1,"line_items":{}}"#, NoticeKind::NotAnOrder),
        (None, r#"{"line_items":[]}"#, NoticeKind::NotAnOrder),
        (None, "[]", NoticeKind::NotAnOrder),
        (None, "17", NoticeKind::NotAnOrder),
        (None, r#""webhook_id=7""#, NoticeKind::NotAnOrder),
    ] {
        assert_eq!(parsed(topic, json), Ok(Parsed::Notice(kind)), "{topic:?} {json}");
    }
}

#[test]
fn an_order_topic_with_a_body_that_is_no_whole_order_is_unusable_and_says_why() {
    let whole = ": let the store send whole orders";
    for (topic, json, reason) in [
        ("order.updated", r#"{"id":17}"#, format!("`line_items` is missing{whole}")),
        ("order.deleted", r#"{"id":17,"name":"Max"}"#, format!("`line_items` is missing{whole}")),
        ("order.deleted", r#"{"id":null}"#, "`id` must not be null".to_owned()),
        ("Order.Created", r#"{"id":17,"line_items":null}"#, "`line_items` must not be null".to_owned()),
        // As before version 3 of WooCommerce's API, which a webhook may still be set to.
        (
            "order.created",
            r#"{"order":{"id":17,"line_items":[]}}"#,
            "the order lies in `order` and must be the body itself".to_owned(),
        ),
        ("order.deleted", "[17]", "the body must be a JSON object".to_owned()),
    ] {
        let Ok(Parsed::Unusable(why)) = parsed(Some(topic), json) else { panic!("{topic} {json} is usable") };
        assert_eq!(crate::of(Provider::WooCommerce).explain(&why), reason, "{topic} {json}");
    }
}

/// As WooCommerce sends a refund under the topics of orders.
#[test]
fn a_refund_is_no_order_and_an_order_that_belongs_to_another_is_one() {
    let with = |fields: &str, quantity: &str| {
        let lines =
            format!(r#"[{{"name":"Storm &ndash; Drive","product_id":567,"sku":"STORM","quantity":{quantity}}}]"#);
        parsed(Some("order.updated"), &format!(r#"{{"id":1300,"line_items":{lines},{fields}}}"#))
    };
    let refund = r#""parent_id":1234,"status":"completed","total":"-19.00""#;
    for (fields, quantity) in [
        (refund, "-1"),
        (r#""parent_id":1234,"status":"completed""#, "-1"),
        (r#""parent_id":1234,"status":"completed","total":"-19.00""#, "0"),
        (r#""amount":"19.00","reason":"","refunded_by":1,"refunded_payment":false"#, "-1"),
    ] {
        assert_eq!(with(fields, quantity), Ok(Parsed::Notice(NoticeKind::NotAnOrder)), "{fields}");
    }
    // A marketplace splits an order among its sellers.
    let part = order_of(with(r#""parent_id":1234,"status":"completed","total":"19.00""#, "1"));
    assert_eq!((part.order_id.as_str(), part.items[0].quantity), ("1300", 1));
    let order = order_of(with(r#""parent_id":0,"status":"completed","total":"0.00""#, "-1"));
    assert_eq!(order.items[0].quantity, 0);
}

#[test]
fn the_username_is_read_from_lines_and_fields_of_the_billing_form_and_from_notes_with_entities() {
    for (fields, username) in [
        (r#""meta_data":[{"id":9,"key":"_billing_ndsp_username","value":"max"}]"#, Some("max")),
        (r#""meta_data":[{"id":9,"key":"billing_cortex-username","value":"max"}]"#, Some("max")),
        (r#""customer_note":"NDSP username: &quot;max&quot;""#, Some("max")),
        (r#""customer_note":"NDSP username&#58; m&uuml;ller""#, Some("m\u{fc}ller")),
        (r#""customer_note":"NDSP username: &lt;max&gt;""#, Some("max")),
    ] {
        assert_eq!(order_with(fields).username.as_deref(), username, "{fields}");
    }
    let line = r#"{"sku":"STORM","quantity":1,"meta_data":[{"id":3,"key":"NDSP Username","value":"＠max"}]}"#;
    let order =
        order_of(parsed(None, &format!(r#"{{"id":1,"line_items":[{line}],"customer_note":"Username: other"}}"#)));
    assert_eq!(order.username.as_deref(), Some("max"));
}

#[test]
fn titles_are_kept_as_people_read_them() {
    let line = r#"{"name":"Rock &#038; Roll &ndash; Max&#8217;s","quantity":1}"#;
    let order = order_of(parsed(None, &format!(r#"{{"id":1,"status":"processing","line_items":[{line}]}}"#)));
    assert_eq!(order.items[0].title.as_deref(), Some("Rock & Roll \u{2013} Max\u{2019}s"));
}
