//! The orders of BigCommerce's API in their odd shapes.

use domain::LineItem;
use domain::integration::Provider;

use crate::bigcommerce::api::{Api, Orders};
use crate::store_api::StoreApi;
use crate::tests::{item, order_in};
use crate::{Malformed, OrderApi as _, OrderReference, OrderStep, StoreOrder};

const ORDER: &str = r#"{"id":250,"customer_id":11,"date_created":"Tue, 20 Nov 2012 00:00:00 +0000",
    "date_modified":"Tue, 20 Nov 2012 00:10:00 +0000","date_shipped":"","status_id":11,"status":"Awaiting Fulfillment",
    "subtotal_ex_tax":"19.0000","total_inc_tax":"19.0000","items_total":1,"payment_status":"captured","refunded_amount":"0.0000",
    "staff_notes":"NDSP username: of_the_staff","customer_message":"","is_deleted":false,"custom_status":"Auf dem Weg",
    "billing_address":{"first_name":"Max","last_name":"Power","company":"","email":"max@example.com","form_fields":[]},
    "products":{"url":"https://api.bigcommerce.com/stores/abc123/v2/orders/250/products","resource":"/orders/250/products"}}"#;

const PRODUCTS: &str = r#"[{"id":12,"order_id":250,"product_id":77,"variant_id":0,"order_address_id":3,"name":"Storm Drive Lead",
    "sku":"STORM-LEAD-V2","upc":"","type":"digital","base_price":"19.0000","quantity":1,"quantity_refunded":0,"is_refunded":false,
    "refunded_amount":"0.0000","product_options":[{"id":7,"option_id":9,"order_product_id":12,"product_option_id":113,
    "display_name":"NDSP Username","display_value":"mutual_max","value":"mutual_max","type":"Text field","name":"Username 1"}]}]"#;

const WANTED: OrderReference<'_> = OrderReference { store: Some("abc123"), order_id: "250" };

fn order(head: &str, products: &str) -> Result<StoreOrder, Malformed> {
    order_in(&Orders, &WANTED, &[head.as_bytes(), products.as_bytes()])
}

/// An order with these fields beside its id, and without products.
fn order_with(fields: &str) -> StoreOrder {
    order(&format!(r#"{{"id":250,{fields}}}"#), "").unwrap()
}

fn line(fields: &str) -> LineItem {
    order(r#"{"id":250}"#, &format!(r#"[{{"order_id":250,{fields}}}]"#)).unwrap().items.remove(0)
}

fn path(responses: &[&[u8]]) -> String {
    match Orders.next(&WANTED, responses) {
        Ok(OrderStep::Request { path }) => path,
        step => panic!("expected a request, found {step:?}"),
    }
}

fn message(step: Result<impl Sized, Malformed>) -> String {
    step.err().expect("is malformed").to_string()
}

/// A page of so many products.
fn page(products: usize) -> String {
    format!("[{}]", vec![r#"{"order_id":250,"sku":"a"}"#; products].join(","))
}

#[test]
fn an_order_is_read_in_two_requests() {
    assert_eq!(path(&[]), "/stores/abc123/v2/orders/250");
    assert_eq!(path(&[ORDER.as_bytes()]), "/stores/abc123/v2/orders/250/products?limit=250&page=1");
    assert_eq!(
        order(ORDER, PRODUCTS),
        Ok(StoreOrder {
            order_id: "250".to_owned(),
            order_number: Some("250".to_owned()),
            order_status: Some("awaiting_fulfillment".to_owned()),
            changed_at: "2012-11-20T00:10:00Z".parse().ok(),
            cancelled: false,
            username: Some("mutual_max".to_owned()),
            email: Some("max@example.com".to_owned()),
            customer_name: Some("Max Power".to_owned()),
            customer_id: Some("11".to_owned()),
            items: vec![item(Some("STORM-LEAD-V2"), Some("77"), None, Some("Storm Drive Lead"), 1)],
        })
    );
    let no_store = OrderReference { store: None, ..WANTED };
    assert_eq!(message(Orders.next(&no_store, &[])), "`store hash` is missing");
}

#[test]
fn products_are_read_page_by_page_until_one_is_not_full() {
    let (full, rest) = (page(250), page(3));
    let mut responses = vec![ORDER.as_bytes(), full.as_bytes()];
    assert_eq!(path(&responses), "/stores/abc123/v2/orders/250/products?limit=250&page=2");
    let read = |responses: &[&[u8]]| order_in(&Orders, &WANTED, responses);
    assert_eq!(read(&[&responses[..], &[b""]].concat()).map(|order| order.items.len()), Ok(250));
    assert_eq!(read(&[&responses[..], &[rest.as_bytes()]].concat()).map(|order| order.items.len()), Ok(253));
    responses.extend([full.as_bytes(); 3]);
    assert_eq!(path(&responses), "/stores/abc123/v2/orders/250/products?limit=250&page=5");
    assert_eq!(read(&[&responses[..], &[b"[]"]].concat()).map(|order| order.items.len()), Ok(1_000));
    let too_many = "`products` must not have more than 1,000 entries";
    assert_eq!(message(read(&[&responses[..], &[rest.as_bytes()]].concat())), too_many);
    assert_eq!(message(order(ORDER, &page(1_001))), too_many);
}

#[test]
fn a_response_about_another_order_or_about_none_is_malformed() {
    for (head, products, reason) in [
        (r#"{"id":251}"#, "", "`id` is of another order"),
        (r#"{"id":"0250"}"#, "", "`id` is of another order"),
        (r#"{"status_id":11}"#, "", "`id` is missing"),
        (r#"{"id":250}"#, r#"[{"order_id":250},{"order_id":251}]"#, "`order_id` is of another order"),
        // As the API reports an error.
        (r#"[{"status":404,"message":"The requested resource was not found."}]"#, "", "the body must be a JSON object"),
        (r#"{"id":250}"#, r#"[{"status":401,"message":"Unauthorized"}]"#, "`order_id` is missing"),
        (r#"{"id":250}"#, r#"{"status":401}"#, "`products` must be a list"),
        ("", "", "the body ends before its JSON does (line 1, column 0)"),
        ("<html>\nmax@example.com</html>", "", "the body is not JSON (line 1, column 1)"),
        (r#"{"id":250}"#, "<html>", "the body is not JSON (line 1, column 1)"),
        (r#"{"id":250,"id":250}"#, "", "`id` is there twice in one object (line 1, column 14)"),
    ] {
        assert_eq!(message(order(head, products)), reason, "{head} {products}");
    }
    // Also before more is requested.
    assert_eq!(message(Orders.next(&WANTED, &[br#"{"id":251}"#])), "`id` is of another order");
    let big = OrderReference { order_id: "9007199254740993", ..WANTED };
    let read = |head: &str| order_in(&Orders, &big, &[head.as_bytes(), b""]);
    assert!(read(r#"{"id":9007199254740993}"#).is_ok() && read(r#"{"id":9007199254740992}"#).is_err());
}

#[test]
fn a_status_has_the_name_of_its_id_and_some_cancel_the_order() {
    for (id, name, cancelled) in [
        (0, "incomplete", false),
        (1, "pending", false),
        (2, "shipped", false),
        (3, "partially_shipped", false),
        (4, "refunded", true),
        (5, "cancelled", true),
        (6, "declined", true),
        (7, "awaiting_payment", false),
        (8, "awaiting_pickup", false),
        (9, "awaiting_shipment", false),
        (10, "completed", false),
        (11, "awaiting_fulfillment", false),
        (12, "manual_verification_required", false),
        (13, "disputed", false),
        (14, "partially_refunded", false),
    ] {
        let order = order_with(&format!(r#""status_id":{id},"status":"Renamed by the merchant""#));
        assert_eq!((order.order_status.as_deref(), order.cancelled), (Some(name), cancelled), "{id}");
        assert!(crate::of(Provider::BigCommerce).order_statuses().is_some_and(|known| known.contains(&name)), "{name}");
    }
    for (fields, name) in [
        (r#""status_id":15,"status":" On its  way - abroad ""#, Some("on_its_way_abroad")),
        (r#""status_id":null,"status":"Shipped""#, Some("shipped")),
        (r#""status_id":-1,"status":"""#, None),
        (r#""status_id":1.5,"status":"--""#, None),
    ] {
        assert_eq!(order_with(fields).order_status.as_deref(), name, "{fields}");
    }
    assert!(order_with(r#""status_id":11,"is_deleted":true"#).cancelled, "an archived order");
    assert!(!order_with(r#""status_id":11,"is_deleted":"true""#).cancelled);
}

#[test]
fn what_was_refunded_is_taken_off() {
    for (fields, quantity) in [
        (r#""quantity":3,"quantity_refunded":1"#, 2),
        (r#""quantity":1,"quantity_refunded":1"#, 0),
        (r#""quantity":1,"quantity_refunded":2"#, 0),
        (r#""quantity":"1.5","quantity_refunded":null"#, 2),
        (r#""quantity":2"#, 2),
        (r#""quantity":null"#, 1),
    ] {
        assert_eq!(line(fields).quantity, quantity, "{fields}");
    }
    let lines = |refunded: [u32; 2]| {
        let [a, b] =
            refunded.map(|refunded| format!(r#"{{"order_id":250,"quantity":1,"quantity_refunded":{refunded}}}"#));
        order(r#"{"id":250,"status_id":14}"#, &format!("[{a},{b}]")).unwrap()
    };
    assert!(!lines([1, 0]).cancelled && lines([1, 1]).cancelled, "nothing is left of it");
}

#[test]
fn odd_products_and_customers_are_read_as_far_as_they_say_something() {
    for (fields, expected) in [
        (r#""sku":"","product_id":0,"variant_id":0,"name":"Custom""#, item(None, None, None, Some("Custom"), 1)),
        (r#""sku":null,"product_id":"77","variant_id":120,"name":null"#, item(None, Some("77"), Some("120"), None, 1)),
        (r#""sku":4711,"product_options":{},"quantity":["2"]"#, item(Some("4711"), None, None, None, 1)),
    ] {
        assert_eq!(line(fields), expected, "{fields}");
    }
    assert!(order(r#"{"id":250}"#, r#"[null,7,"a",[],["order_id"]]"#).unwrap().items.is_empty());
    let guest = order_with(r#""customer_id":0,"billing_address":{"first_name":"","last_name":"Power","email":null}"#);
    assert_eq!((guest.customer_id, guest.customer_name.as_deref(), guest.email), (None, Some("Power"), None));
    for address in ["null", "[]", "{}", r#""""#, r#"["Max"]"#] {
        let order = order_with(&format!(r#""billing_address":{address},"date_modified":"""#));
        assert_eq!((order.customer_name, order.changed_at), (None, None), "{address}");
    }
}

#[test]
fn the_username_is_in_the_billing_form_or_in_an_option_or_in_the_message() {
    let option = r#"[{"order_id":250,"product_options":[]},{"order_id":250,"product_options":[{"display_name":"Cortex username","value":"of_option"}]}]"#;
    let message = r#""customer_message":"NDSP username: of_message""#;
    let form = r#""billing_address":{"form_fields":[{"name":"NDSP Username","value":"of_form"}]}"#;
    let blank = r#""billing_address":{"form_fields":[{"name":"NDSP Username","value":" "}]}"#;
    for (fields, products, username) in [
        (format!("{form},{message}"), option, Some("of_form")),
        (format!("{blank},{message}"), option, Some("of_option")),
        (message.to_owned(), option, Some("of_option")),
        (format!("{blank},{message}"), "[]", Some("of_message")),
        (r#""billing_address":{"form_fields":null},"customer_message":null"#.to_owned(), "[]", None),
        (r#""staff_notes":"NDSP username: max""#.to_owned(), "[]", None),
    ] {
        let order = order(&format!(r#"{{"id":250,{fields}}}"#), products).unwrap();
        assert_eq!(order.username.as_deref(), username, "{fields} {products}");
    }
}

#[test]
fn the_store_is_named_by_its_hash_however_it_is_pasted() {
    for entered in [
        "abc123",
        " abc123 ",
        "stores/abc123",
        "https://api.bigcommerce.com/stores/abc123/v3/",
        "https://api.bigcommerce.com/stores/abc123",
        "https://api.bigcommerce.com/stores/abc123?x=1",
        "https://store-abc123.mybigcommerce.com/manage/dashboard",
    ] {
        assert_eq!(Api.store(Some(entered)), Ok(Some("abc123".to_owned())), "{entered}");
    }
    let long = "a".repeat(51);
    for entered in
        ["", " ", "https://shop.example.com", "my shop", "../v3", "stores/", "stores/../abc", "//store-abc123", &long]
    {
        let refused = Api.store(Some(entered));
        assert!(refused.is_err_and(|sentence| sentence.starts_with("enter the store hash")), "{entered}");
    }
    assert!(Api.store(None).is_err());
}
