//! What is published of Square's webhooks, and of the orders that they name.

use domain::commerce::Money;
use domain::integration::Provider;
use domain::resource::{Content, Happened, Order, Refunded, Stock};

use crate::square::api::Orders;
use crate::tests::{money, published};
use crate::{OrderApi as _, OrderReference, StoreReport};

const CUSTOMER: &str = r#"{"id":"JDKYHBWT1D4F8MFH63DBMEN8Y4","given_name":"Amelia","family_name":"Earhart","email_address":"amelia@example.com",
    "phone_number":"+1-212-555-4240","updated_at":"2026-11-21T15:00:00.500Z","version":3}"#;

fn dollars(amount: i64) -> Money {
    money(amount, "USD")
}

fn webhook(event_type: &str, data: &str) -> String {
    format!(
        r#"{{"merchant_id":"M","type":"{event_type}","event_id":"bc316346","created_at":"2026-11-21T15:00:00Z","data":{data}}}"#
    )
}

fn reports(event_type: &str, data: &str) -> Vec<StoreReport> {
    crate::of(Provider::Square).reports_in(Some("order.created"), webhook(event_type, data).as_bytes())
}

/// The order of the API's response, with these fields.
fn read(fields: &str) -> (StoreReport, Order) {
    let response = format!(r#"{{"order":{{"id":"O1",{fields}}}}}"#);
    let wanted = OrderReference { store: None, order_id: "O1" };
    assert_eq!(Orders.report(&wanted, &[]), Ok(None));
    let report = Orders.report(&wanted, &[response.as_bytes()]).unwrap().expect("it is whole");
    (report.clone(), published(report))
}

#[test]
fn a_webhook_about_an_order_says_its_state_and_its_version() {
    for (event_type, name, state, happened, status, paid, cancelled) in [
        ("order.created", "order_created", "OPEN", Happened::Created, None, false, false),
        ("order.updated", "order_updated", "OPEN", Happened::Updated, None, false, false),
        ("order.updated", "order_updated", "COMPLETED", Happened::Updated, Some("completed"), true, false),
        ("order.updated", "order_updated", "CANCELED", Happened::Updated, Some("canceled"), false, true),
        (
            "order.fulfillment.updated",
            "order_fulfillment_updated",
            "DRAFT",
            Happened::Updated,
            Some("draft"),
            false,
            false,
        ),
    ] {
        let data = format!(
            r#"{{"id":"O1","object":{{"{name}":{{"order_id":"O1","version":4,"state":"{state}","updated_at":"2026-11-21T15:00:00Z"}}}}}}"#
        );
        let content = Content::Order(Order {
            status: status.map(str::to_owned),
            paid,
            cancelled,
            thin: true,
            ..Order::default()
        });
        let expected = StoreReport {
            event_id: Some("bc316346".to_owned()),
            changed_at: "2026-11-21T15:00:00Z".parse().ok(),
            version: Some(4),
            ..StoreReport::new("O1".to_owned(), happened, content)
        };
        assert_eq!(reports(event_type, &data), [expected], "{event_type} {state}");
    }
    // The time of the webhook stands in for that of the order.
    let undated = reports("order.updated", r#"{"id":"O1"}"#);
    assert_eq!((undated[0].changed_at, undated[0].version), ("2026-11-21T15:00:00Z".parse().ok(), None));
}

#[test]
fn an_order_that_was_read_is_reported_with_what_it_costs() {
    let (report, order) = read(
        r#""state":"OPEN","version":5,"reference_id":"R-1","updated_at":"2026-11-21T15:00:00Z","metadata":{"session_id":"sess_1"},
        "line_items":[{"uid":"a","catalog_object_id":"V1","name":"Storm","quantity":"2","base_price_money":{"amount":1900,"currency":"USD"}},
        {"uid":"b","name":"Gift","quantity":"1","base_price_money":null}],
        "total_money":{"amount":3800,"currency":"USD"},"net_amount_due_money":{"amount":0,"currency":"USD"},
        "returns":[{"source_order_id":"O1","return_line_items":[{"source_line_item_uid":"a","quantity":"1"}],
        "return_amounts":{"total_money":{"amount":1900,"currency":"USD"}}},
        {"source_order_id":"O2","return_amounts":{"total_money":{"amount":700,"currency":"USD"}}}]"#,
    );
    assert_eq!((report.resource_id.as_str(), report.happened), ("O1", Happened::Updated));
    assert_eq!((report.version, report.event_id), (Some(5), None));
    assert_eq!(report.changed_at, "2026-11-21T15:00:00Z".parse().ok());
    assert_eq!((order.number.as_deref(), order.status.as_deref()), (Some("R-1"), Some("paid")));
    assert_eq!((order.session_id.as_deref(), order.total), (Some("sess_1"), Some(dollars(3_800))));
    // What was returned of another order is no refund of this one.
    assert_eq!((order.refunded, order.refunded_amount), (Refunded::Partial, Some(dollars(1_900))));
    assert!(order.paid && !order.cancelled && !order.thin);
    let lines: Vec<_> = order.lines.iter().map(|line| (line.quantity, line.price)).collect();
    assert_eq!(lines, [(1, Some(dollars(1_900))), (1, None)]);
}

#[test]
fn an_order_is_paid_cancelled_and_refunded_by_its_state_and_what_is_due() {
    let lines = r#""line_items":[{"uid":"a","quantity":"1"}]"#;
    let due = |due: i64| {
        format!(
            r#""total_money":{{"amount":1900,"currency":"USD"}},"net_amount_due_money":{{"amount":{due},"currency":"USD"}}"#
        )
    };
    let returned = r#""returns":[{"return_line_items":[{"source_line_item_uid":"a","quantity":"1"}]}]"#;
    for (fields, paid, cancelled, refunded) in [
        (format!(r#""state":"OPEN",{lines},{}"#, due(1_900)), false, false, Refunded::None),
        (format!(r#""state":"OPEN",{lines},{}"#, due(0)), true, false, Refunded::None),
        (format!(r#""state":"COMPLETED",{lines}"#), true, false, Refunded::None),
        (format!(r#""state":"CANCELED",{lines},{}"#, due(0)), false, true, Refunded::None),
        (format!(r#""state":"DRAFT",{lines},{}"#, due(0)), false, false, Refunded::None),
        (format!(r#""state":"COMPLETED",{lines},{returned}"#), true, false, Refunded::Full),
    ] {
        let (_, order) = read(&fields);
        assert_eq!((order.paid, order.cancelled, order.refunded), (paid, cancelled, refunded), "{fields}");
    }
    // Square makes an order of its own of a refund, which sells nothing and has no payment.
    let (_, order) = read(
        r#""state":"COMPLETED","returns":[{"source_order_id":"O2","return_line_items":[{"source_line_item_uid":"a","quantity":"1"}],
        "return_amounts":{"total_money":{"amount":1900,"currency":"USD"}}}]"#,
    );
    assert_eq!((order.status.as_deref(), order.paid, order.cancelled), (Some("refunded"), false, false));
    assert_eq!((order.refunded, order.refunded_amount), (Refunded::Full, Some(dollars(1_900))));
}

#[test]
fn a_currency_without_decimals_is_whole() {
    let (_, order) = read(r#""total_money":{"amount":1980,"currency":"JPY"}"#);
    assert_eq!(order.total.unwrap().to_string(), "1980 JPY");
    for odd in [r#"{"amount":1980}"#, r#"{"amount":"many","currency":"JPY"}"#, "null", "[]"] {
        assert_eq!(read(&format!(r#""total_money":{odd}"#)).1.total, None, "{odd}");
    }
}

#[test]
fn stock_is_what_is_in_stock_of_a_variation_at_a_location() {
    let counts = r#"{"id":"x","object":{"inventory_counts":[
        {"catalog_object_id":"V1","catalog_object_type":"ITEM_VARIATION","state":"IN_STOCK","location_id":"L1","quantity":"10",
         "calculated_at":"2026-11-21T14:00:00Z"},
        {"catalog_object_id":"V1","state":"SOLD","location_id":"L1","quantity":"3","calculated_at":"2026-11-21T14:00:00Z"},
        {"catalog_object_id":"V2","state":"IN_STOCK","location_id":"L1","quantity":"-0.5"},
        {"state":"IN_STOCK","location_id":"L1","quantity":"1"},null]}}"#;
    let stock = |variation: &str, available| {
        let location_id = Some("L1".to_owned());
        Content::Stock(Stock { variant_id: Some(variation.to_owned()), location_id, available, ..Stock::default() })
    };
    let report = |id: &str, changed_at: Option<&str>, content| StoreReport {
        event_id: Some("bc316346".to_owned()),
        changed_at: changed_at.and_then(|at| at.parse().ok()),
        ..StoreReport::new(id.to_owned(), Happened::Updated, content)
    };
    let expected = [
        report("V1@L1", Some("2026-11-21T14:00:00Z"), stock("V1", Some(10))),
        report("V2@L1", None, stock("V2", Some(0))),
    ];
    assert_eq!(reports("inventory.count.updated", counts), expected);
    // Of one thing twice, the last counts.
    let twice = counts.replace(r#""catalog_object_id":"V2""#, r#""catalog_object_id":"V1""#);
    let reports_of_twice = reports("inventory.count.updated", &twice);
    assert_eq!(reports_of_twice, [report("V1@L1", None, stock("V1", Some(0)))]);
    let many = format!(r#"{{"object":{{"inventory_counts":[{}]}}}}"#, vec!["{}"; 1_001].join(","));
    for odd in [r#"{"object":{"inventory_counts":[]}}"#, r#"{"object":{"inventory_counts":{}}}"#, "null", &many] {
        assert!(reports("inventory.count.updated", odd).is_empty());
    }
}

#[test]
fn a_customer_is_reported_by_the_id_alone_and_known_apart() {
    let platform = crate::of(Provider::Square);
    for (event_type, happened) in [
        ("customer.created", Happened::Created),
        ("customer.updated", Happened::Updated),
        ("customer.deleted", Happened::Deleted),
    ] {
        let data = format!(r#"{{"type":"customer","id":"D","deleted":true,"object":{{"customer":{CUSTOMER}}}}}"#);
        let expected = StoreReport {
            event_id: Some("bc316346".to_owned()),
            changed_at: "2026-11-21T15:00:00.500Z".parse().ok(),
            version: Some(3),
            ..StoreReport::new("JDKYHBWT1D4F8MFH63DBMEN8Y4".to_owned(), happened, Content::Customer {})
        };
        assert_eq!(reports(event_type, &data), [expected], "{event_type}");
        let customer = platform.customer_in(None, webhook(event_type, &data).as_bytes()).unwrap();
        assert_eq!(customer.id.as_deref(), Some("JDKYHBWT1D4F8MFH63DBMEN8Y4"));
        assert_eq!(customer.email.as_deref(), Some("amelia@example.com"));
        assert_eq!((customer.name.as_deref(), customer.username), (Some("Amelia Earhart"), None));
    }
    let deleted = reports("customer.deleted", r#"{"type":"customer","id":"D","deleted":true}"#);
    assert_eq!((deleted[0].resource_id.as_str(), deleted[0].changed_at), ("D", "2026-11-21T15:00:00Z".parse().ok()));
    let data = format!(r#"{{"id":"P","object":{{"customer":{CUSTOMER}}}}}"#);
    assert!(platform.customer_in(Some("customer.updated"), webhook("payment.updated", &data).as_bytes()).is_none());
}

#[test]
fn what_names_nothing_is_not_reported() {
    for (event_type, data) in [
        (
            "catalog.version.updated",
            r#"{"type":"catalog","object":{"catalog_version":{"updated_at":"2026-11-21T15:00:00Z"}}}"#,
        ),
        ("webhooks.test_notification", r#"{"type":"webhooks","id":"O1"}"#),
        ("payment.updated", r#"{"type":"payment","id":"P1","object":{"payment":{"order_id":"O1"}}}"#),
        ("customer.created", "{}"),
        ("customer.created", r#"{"id":"a","id":"b"}"#),
        ("order.updated", "{}"),
    ] {
        assert_eq!(reports(event_type, data), [], "{event_type} {data}");
    }
}

#[test]
fn a_change_of_the_catalogue_says_when_and_not_what() {
    let change = |event_type: &str, data: &str| {
        let body = webhook(event_type, data);
        crate::of(Provider::Square).catalog_change_in(body.as_bytes()).map(|change| change.changed_at)
    };
    let data = r#"{"type":"catalog","object":{"catalog_version":{"updated_at":"2026-11-21T14:59:58Z"}}}"#;
    assert_eq!(change("catalog.version.updated", data), Some("2026-11-21T14:59:58Z".parse().ok()));
    assert_eq!(change("catalog.version.updated", "{}"), Some("2026-11-21T15:00:00Z".parse().ok()));
    assert_eq!(change("order.updated", data), None);
    assert_eq!(
        crate::of(Provider::Shopify).catalog_change_in(webhook("catalog.version.updated", data).as_bytes()),
        None
    );
}
