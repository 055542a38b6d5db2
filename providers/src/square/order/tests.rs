//! The orders of Square's API in their odd shapes.

use domain::LineItem;

use crate::square::api::{Api, Orders};
use crate::store_api::StoreApi;
use crate::tests::{item, order_in};
use crate::{Malformed, OrderApi as _, OrderReference, OrderStep, StoreOrder};

const ORDER: &str = r#"{"order":{"id":"CAISENgvlJ6jLWAzERDzjyHVybY","location_id":"D7AVYMEAPJ3A3","reference_id":"my-order-001",
    "source":{"name":"Square Online"},"customer_id":"KQS3ZJ51XMQ8X5XJHGW0NNB6G8","state":"OPEN","version":2,
    "created_at":"2019-08-06T21:16:44.107Z","updated_at":"2019-08-06T22:16:44.107Z","metadata":{"ndsp_username":"mutual_max"},
    "line_items":[{"uid":"LINE1","catalog_object_id":"BEMYCSMIJL46OCDV4KYIKXIB","catalog_version":3,"name":"Storm Drive Lead",
    "variation_name":"Quad Cortex","quantity":"1","note":"","item_type":"ITEM","base_price_money":{"amount":1900,"currency":"USD"}}],
    "fulfillments":[{"uid":"F1","type":"SHIPMENT","state":"PROPOSED","shipment_details":{"shipping_note":"",
    "recipient":{"display_name":"Max Power","email_address":"max@example.com","phone_number":"1-234-567-8900"}}}],
    "net_amounts":{"total_money":{"amount":1900,"currency":"USD"}},"total_money":{"amount":1900,"currency":"USD"},
    "net_amount_due_money":{"amount":0,"currency":"USD"},"tenders":[{"id":"T1","type":"CARD","note":"NDSP username: of_tender"}]}}"#;

const WANTED: OrderReference<'_> = OrderReference { store: None, order_id: "O1" };

fn read(response: &str) -> Result<StoreOrder, Malformed> {
    order_in(&Orders, &WANTED, &[response.as_bytes()])
}

/// An order with these fields beside its id.
fn order_with(fields: &str) -> StoreOrder {
    read(&format!(r#"{{"order":{{"id":"O1",{fields}}}}}"#)).unwrap()
}

fn line(fields: &str) -> LineItem {
    order_with(&format!(r#""line_items":[{{{fields}}}]"#)).items.remove(0)
}

fn status(fields: &str) -> (String, bool) {
    let order = order_with(fields);
    (order.order_status.unwrap(), order.cancelled)
}

fn message(step: Result<impl Sized, Malformed>) -> String {
    step.err().expect("is malformed").to_string()
}

#[test]
fn an_order_is_read_in_one_request() {
    let wanted = OrderReference { store: None, order_id: "CAISENgvlJ6jLWAzERDzjyHVybY" };
    let path = "/v2/orders/CAISENgvlJ6jLWAzERDzjyHVybY".to_owned();
    assert_eq!(Orders.next(&wanted, &[]), Ok(OrderStep::Request { path }));
    assert_eq!(
        order_in(&Orders, &wanted, &[ORDER.as_bytes()]),
        Ok(StoreOrder {
            order_id: "CAISENgvlJ6jLWAzERDzjyHVybY".to_owned(),
            order_number: Some("my-order-001".to_owned()),
            order_status: Some("paid".to_owned()),
            changed_at: "2019-08-06T22:16:44.107Z".parse().ok(),
            cancelled: false,
            username: Some("mutual_max".to_owned()),
            email: Some("max@example.com".to_owned()),
            customer_name: Some("Max Power".to_owned()),
            customer_id: Some("KQS3ZJ51XMQ8X5XJHGW0NNB6G8".to_owned()),
            // Without the name of the variation: its id says which it is.
            items: vec![item(None, None, Some("BEMYCSMIJL46OCDV4KYIKXIB"), Some("Storm Drive Lead"), 1)],
        })
    );
    assert_eq!(Api.store(Some("anything")), Ok(None));
}

#[test]
fn a_response_about_another_order_or_about_none_is_malformed() {
    let too_many = format!(r#"{{"order":{{"id":"O1","line_items":[{}]}}}}"#, vec!["{}"; 1_001].join(","));
    for (response, reason) in [
        (r#"{"order":{"id":"O2"}}"#, "`id` is of another order"),
        (r#"{"order":{"id":"o1"}}"#, "`id` is of another order"),
        (r#"{"order":{"id":null}}"#, "`id` is missing"),
        (r#"{"order":{}}"#, "`id` is missing"),
        (r#"{"order":null}"#, "`order` is missing"),
        (r#"{"errors":[{"category":"AUTHENTICATION_ERROR","code":"UNAUTHORIZED"}]}"#, "`order` is missing"),
        ("[]", "the body must be a JSON object"),
        ("", "the body ends before its JSON does (line 1, column 0)"),
        ("<html>max@example.com</html>", "the body is not JSON (line 1, column 1)"),
        (r#"{"order":{"id":"O1","line_items":{}}}"#, "`line_items` must be a list"),
        (
            r#"{"order":{"id":"O1","state":"OPEN","state":"OPEN"}}"#,
            "`state` is there twice in one object (line 1, column 42)",
        ),
        (&too_many, "`line_items` must not have more than 1,000 entries"),
    ] {
        assert_eq!(message(read(response)), reason);
    }
}

#[test]
fn an_open_order_of_which_nothing_is_due_is_paid() {
    let paid = r#""total_money":{"amount":1900},"net_amount_due_money":{"amount":0}"#;
    for (fields, expected) in [
        (format!(r#""state":"DRAFT",{paid}"#), ("draft", false)),
        (format!(r#""state":"CANCELED",{paid}"#), ("canceled", true)),
        (r#""state":"COMPLETED""#.to_owned(), ("completed", false)),
        (format!(r#""state":"NEW_TO_US",{paid}"#), ("new_to_us", false)),
        (format!(r#""state":"OPEN",{paid}"#), ("paid", false)),
        (
            r#""state":"OPEN","total_money":{"amount":1900},"net_amount_due_money":{"amount":1}"#.to_owned(),
            ("open", false),
        ),
        // A part of it.
        (r#""state":"OPEN","net_amount_due_money":{"amount":1},"tenders":[{"id":"T"}]"#.to_owned(), ("open", false)),
        (r#""state":"OPEN","net_amount_due_money":{"amount":0},"tenders":[{"id":"T"}]"#.to_owned(), ("paid", false)),
        (r#""state":"OPEN","tenders":[{"id":"T"}]"#.to_owned(), ("paid", false)),
        (r#""state":"OPEN","tenders":[],"net_amount_due_money":null"#.to_owned(), ("open", false)),
        // A basket that is still empty.
        (
            r#""state":"OPEN","total_money":{"amount":0},"net_amount_due_money":{"amount":0}"#.to_owned(),
            ("open", false),
        ),
        (r#""state":null,"total_money":[],"tenders":null"#.to_owned(), ("open", false)),
    ] {
        assert_eq!(status(&fields), (expected.0.to_owned(), expected.1), "{fields}");
    }
}

#[test]
fn what_was_returned_is_taken_off_and_what_was_returned_of_another_order_is_not() {
    let lines = r#""state":"COMPLETED","line_items":[{"uid":"a","quantity":"1"},{"uid":"b","quantity":"3"}]"#;
    let returned = |source: &str, lines: &str| {
        let lines: Vec<String> = lines
            .split(' ')
            .map(|line| line.split_once('=').unwrap())
            .map(|(uid, quantity)| format!(r#"{{"source_line_item_uid":"{uid}","quantity":"{quantity}"}}"#))
            .collect();
        format!(r#"{{"source_order_id":{source},"return_line_items":[{},null]}}"#, lines.join(","))
    };
    let part = returned(r#""O1""#, "a=1 b=1");
    for (returns, quantities, expected) in [
        (format!("[{part}]"), [0, 2], "completed"),
        (format!("[{part},{}]", returned("null", "b=1.5")), [0, 0], "refunded"),
        (format!("[{}]", returned(r#""O2""#, "a=1 b=3")), [1, 3], "completed"),
        ("[null,{}]".to_owned(), [1, 3], "completed"),
        ("{}".to_owned(), [1, 3], "completed"),
    ] {
        let order = order_with(&format!(r#"{lines},"returns":{returns}"#));
        assert_eq!(order.items.iter().map(|item| item.quantity).collect::<Vec<_>>(), quantities, "{returns}");
        assert_eq!(
            (order.order_status.as_deref(), order.cancelled),
            (Some(expected), expected == "refunded"),
            "{returns}"
        );
    }
    // Square makes an order of its own of a refund, which sells nothing.
    let of_a_refund = format!(r#""state":"COMPLETED","returns":[{}]"#, returned(r#""O2""#, "a=1"));
    assert_eq!(status(&of_a_refund), ("refunded".to_owned(), true));
    let endless = format!(r#""returns":[{}]"#, vec!["{}"; 1_001].join(","));
    let refused = read(&format!(r#"{{"order":{{"id":"O1",{endless}}}}}"#));
    assert_eq!(message(refused), "`returns` must not have more than 1,000 entries");
}

#[test]
fn odd_fields_are_read_as_far_as_they_say_something() {
    for (fields, expected) in [
        (r#""quantity":"1.5","name":"A""#, item(None, None, None, Some("A"), 2)),
        (r#""quantity":"","name":"","catalog_object_id":"""#, item(None, None, None, None, 1)),
        (r#""quantity":null,"name":null,"catalog_object_id":null,"note":null"#, item(None, None, None, None, 1)),
        (r#""quantity":2,"catalog_object_id":7,"variation_name":"Regular""#, item(None, None, Some("7"), None, 2)),
    ] {
        assert_eq!(line(fields), expected, "{fields}");
    }
    assert!(order_with(r#""line_items":[null,7,[]]"#).items.is_empty());
    for (fields, number) in [
        (r#""reference_id":"R-1","ticket_name":"Table 3""#, Some("R-1")),
        (r#""reference_id":"","ticket_name":"Table 3""#, Some("Table 3")),
        (r#""reference_id":null"#, None),
    ] {
        assert_eq!(order_with(fields).order_number.as_deref(), number, "{fields}");
    }
    let created = order_with(r#""created_at":"2019-08-06T21:16:44Z","updated_at":null"#);
    assert_eq!(created.changed_at, "2019-08-06T21:16:44Z".parse().ok());
}

#[test]
fn the_customer_is_the_first_recipient_that_is_named() {
    let recipient =
        |name: &str, email: &str| format!(r#"{{"recipient":{{"display_name":{name},"email_address":{email}}}}}"#);
    let max = recipient(r#""Max Power""#, r#""max@example.com""#);
    for (fulfillments, name, email) in [
        (format!(r#"[{{"pickup_details":{max}}}]"#), Some("Max Power"), Some("max@example.com")),
        (format!(r#"[{{"shipment_details":{max}}}]"#), Some("Max Power"), Some("max@example.com")),
        (format!(r#"[{{"delivery_details":{max}}}]"#), Some("Max Power"), Some("max@example.com")),
        (format!(r#"[{{"digital_details":{max}}}]"#), Some("Max Power"), Some("max@example.com")),
        (
            format!(r#"[null,{{"pickup_details":{}}},{{"digital_details":{max}}}]"#, recipient(r#""M""#, "null")),
            Some("M"),
            Some("max@example.com"),
        ),
        (r#"[{"pickup_details":{"recipient":null}},{"pickup_details":[]}]"#.to_owned(), None, None),
        ("{}".to_owned(), None, None),
    ] {
        let order = order_with(&format!(r#""fulfillments":{fulfillments}"#));
        assert_eq!((order.customer_name.as_deref(), order.email.as_deref()), (name, email), "{fulfillments}");
    }
}

#[test]
fn the_username_is_in_the_metadata_or_in_the_note_of_a_line_or_of_a_fulfillment() {
    let metadata = r#""metadata":{"source":"web","Cortex_Username":"of_metadata"}"#;
    let lines = r#""line_items":[{"note":"gift wrap"},{"note":"NDSP username: of_line"}]"#;
    let pickup = r#""fulfillments":[{"shipment_details":{"shipping_note":null}},{"pickup_details":{"note":"NDSP username: of_pickup"}}]"#;
    let shipping = r#""fulfillments":[{"shipment_details":{"shipping_note":"NDSP username: of_shipping"}}]"#;
    for (fields, username) in [
        (format!("{metadata},{lines},{pickup}"), Some("of_metadata")),
        (format!(r#""metadata":{{}},{lines},{pickup}"#), Some("of_line")),
        (format!(r#""metadata":null,{pickup}"#), Some("of_pickup")),
        (shipping.to_owned(), Some("of_shipping")),
        (r#""tenders":[{"note":"NDSP username: of_tender"}]"#.to_owned(), None),
    ] {
        assert_eq!(order_with(&fields).username.as_deref(), username, "{fields}");
    }
}
