//! The generic format, and every mistake in it by its name.

use domain::integration::Provider;
use domain::resource::{Happened, Refunded};

use crate::tests::{item, one, order_of, published};
use crate::{Malformed, Parsed, StoreOrder};

fn parsed(json: &str) -> Result<Parsed, Malformed> {
    crate::of(Provider::Generic).interpret(Some("checkouts/create"), json.as_bytes())
}

fn refused(json: &str) -> String {
    parsed(json).unwrap_err().to_string()
}

#[test]
fn the_documented_order_is_read() {
    let json = r#"{
        "orderId": "order-1234", "customerEmail": "fan@music.com", "targetUsername": "cortex_user_42",
        "items": [{ "sku": "STORM-LEAD-V2", "productId": "prod_123", "title": "Storm Drive Lead Preset", "quantity": 1 }] }"#;
    assert_eq!(
        parsed(json),
        Ok(Parsed::Order(StoreOrder {
            order_id: "order-1234".to_owned(),
            order_number: None,
            order_status: None,
            changed_at: None,
            cancelled: false,
            username: Some("cortex_user_42".to_owned()),
            email: Some("fan@music.com".to_owned()),
            customer_name: None,
            customer_id: None,
            items: vec![item(Some("STORM-LEAD-V2"), Some("prod_123"), None, Some("Storm Drive Lead Preset"), 1)],
        }))
    );
}

#[test]
fn optional_fields_are_read_where_they_are() {
    let order = order_of(parsed(
        r#"{"orderId":18446744073709551616,"orderNumber":1042,"orderStatus":"paid","updatedAt":"2026-11-21T10:00:00Z","customerName":"Max Power",
            "customerEmail":["odd"],"targetUsername":" @max ","cancelled":false,
            "items":[{"variantId":70,"quantity":0.5},{"title":"Storm","quantity":null}]}"#,
    ));
    assert_eq!(order.order_id, "18446744073709551616");
    assert_eq!(order.order_number.as_deref(), Some("1042"));
    assert_eq!(order.order_status.as_deref(), Some("paid"));
    assert_eq!(order.changed_at, Some("2026-11-21T10:00:00Z".parse().unwrap()));
    assert_eq!(order.customer_name.as_deref(), Some("Max Power"));
    assert_eq!((order.email.as_deref(), order.username.as_deref()), (None, Some("max")));
    assert_eq!(order.items, [item(None, None, Some("70"), None, 1), item(None, None, None, Some("Storm"), 1)]);
}

#[test]
fn a_mistake_is_named() {
    for (json, message) in [
        ("{}", "`orderId` is missing"),
        (r#"{"orderId":null}"#, "`orderId` must not be null"),
        (r#"{"orderId":" "}"#, "`orderId` must not be empty"),
        (r#"{"orderId":["1"]}"#, "`orderId` must be a text"),
        (r#"{"orderId":"1\ud83c"}"#, "`orderId` has half of a surrogate pair, which is no text"),
        (r#"{"orderId":"1\u0000"}"#, "`orderId` must not contain U+0000"),
        (r#"{"orderId":1.5}"#, "`orderId` must be a text or a whole number"),
        (r#"{"orderId":1e400}"#, "`orderId` must be a text or a whole number"),
        (r#"{"orderId":"1"}"#, "`targetUsername` is missing"),
        (r#"{"orderId":"1","targetUsername":" @ "}"#, "`targetUsername` must not be empty"),
        (
            r#"{"orderId":"1","targetUsername":"https://example.com/max"}"#,
            "`targetUsername` must be a username, or the address of a profile at Cortex Cloud",
        ),
        (r#"{"orderId":"1","targetUsername":true}"#, "`targetUsername` must be a text"),
        (r#"{"orderId":"1","targetUsername":"max"}"#, "`items` is missing"),
        (r#"{"orderId":"1","targetUsername":"max","items":null}"#, "`items` is missing"),
        (r#"{"orderId":"1","targetUsername":"max","items":[]}"#, "`items` must not be empty"),
        (r#"{"orderId":"1","targetUsername":"max","items":{}}"#, "`items` must be a list"),
        (r#"{"orderId":"1","targetUsername":"max","items":"a"}"#, "`items` must be a list"),
        (r#"{"orderId":"1","targetUsername":"max","items":[{"sku":"a"},"b"]}"#, "`items[1]` must be an object"),
        (
            r#"{"orderId":"1","targetUsername":"max","items":[{"sku":"a"},{"sku":" ","productId":0,"title":null}]}"#,
            "`items[1]` names no product: one of sku, productId, variantId, title is needed",
        ),
        (r#"{"orderId":"1","cancelled":"yes"}"#, "`cancelled` must be true or false"),
        (
            r#"{"orderId":"1","updatedAt":"yesterday"}"#,
            "`updatedAt` must be a date and time like 2026-03-14T12:00:00Z (RFC 3339)",
        ),
        ("[]", "the body must be a JSON object"),
        (r#""order-1234""#, "the body must be a JSON object"),
        ("null", "the body must be a JSON object"),
    ] {
        assert_eq!(refused(json), message, "{json}");
    }
}

#[test]
fn an_item_of_which_there_are_none_is_a_mistake() {
    for quantity in ["0", "-1", "-0.5", r#""0""#, r#""two""#, r#"" ""#, "true", "[2]", "1e400", "1000001"] {
        let json = format!(r#"{{"orderId":"1","targetUsername":"max","items":[{{"sku":"a","quantity":{quantity}}}]}}"#);
        let message = "`items[0].quantity` must be a number above 0, and at most 1,000,000";
        assert_eq!(refused(&json), message, "{quantity}");
    }
}

#[test]
fn a_cancelled_order_needs_nothing_but_its_id() {
    for json in
        [r#"{"orderId":"1","cancelled":true}"#, r#"{"orderId":"1","cancelled":true,"items":[],"targetUsername":null}"#]
    {
        let order = order_of(parsed(json));
        assert!(order.cancelled && order.items.is_empty() && order.username.is_none(), "{json}");
    }
    assert_eq!(refused(r#"{"cancelled":true}"#), "`orderId` is missing");
}

#[test]
fn what_is_published_of_an_order_is_optional_and_none_of_it_is_a_mistake() {
    let of = |fields: &str| {
        let json =
            format!(r#"{{"orderId":"1","targetUsername":"max","items":[{{"sku":"a","price":"9.50"}}],{fields}}}"#);
        let report = one(crate::of(Provider::Generic).reports_in(Some("orders/paid"), json.as_bytes()));
        assert_eq!((report.resource_id.as_str(), report.happened), ("1", Happened::Updated));
        published(report)
    };
    for (fields, paid, cancelled, refunded) in [
        (r#""orderStatus":"open""#, false, false, Refunded::None),
        (r#""orderStatus":"Paid""#, true, false, Refunded::None),
        (r#""orderStatus":"completed""#, true, false, Refunded::None),
        (r#""orderStatus":"Partially refunded""#, true, false, Refunded::Partial),
        (r#""orderStatus":"refunded""#, true, false, Refunded::Full),
        (r#""orderStatus":"Cancelled""#, false, true, Refunded::None),
        (r#""orderStatus":"canceled""#, false, true, Refunded::None),
        (r#""orderStatus":"pending","paid":true"#, true, false, Refunded::None),
        (r#""orderStatus":"paid","paid":false"#, false, false, Refunded::None),
        (r#""paid":"yes","cancelled":true"#, false, true, Refunded::None),
    ] {
        let order = of(fields);
        assert_eq!((order.paid, order.cancelled, order.refunded), (paid, cancelled, refunded), "{fields}");
    }
    let order = of(r#""sessionId":"sess_1","total":"19.00","currency":"EUR","orderNumber":"A-1""#);
    assert_eq!((order.session_id.as_deref(), order.number.as_deref()), (Some("sess_1"), Some("A-1")));
    assert_eq!(order.total.unwrap().to_string(), "19.00 EUR");
    assert_eq!(order.lines[0].price.unwrap().to_string(), "9.50 EUR");
    let odd = of(r#""sessionId":["a"],"total":{"amount":1},"currency":"euros""#);
    assert_eq!((odd.session_id, odd.total, odd.lines[0].price), (None, None, None));
}
