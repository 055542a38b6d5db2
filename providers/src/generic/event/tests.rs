//! The events that a sender of one's own may post: those of docs/events, as they stand there.

use domain::integration::Provider;
use domain::notice::NoticeKind;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use super::*;
use crate::Parsed;
use crate::tests::{money, one, published};

/// An event of this type as docs/events gives it for example.
fn sample(event_type: Type) -> Value {
    serde_json::from_str(commerce::sample(event_type)).unwrap()
}

fn interpret(body: &Value) -> Result<Parsed, Malformed> {
    crate::of(Provider::Generic).interpret(None, body.to_string().as_bytes())
}

fn report(body: &Value) -> StoreReport {
    one(crate::of(Provider::Generic).reports_in(Some("order.cancelled"), body.to_string().as_bytes()))
}

fn with(event_type: Type, field: &str, value: Value) -> Value {
    let mut body = sample(event_type);
    body["data"][field] = value;
    body
}

fn order(body: &Value) -> Order {
    published(report(body))
}

fn refused(body: &Value) -> String {
    assert!(crate::of(Provider::Generic).reports_in(None, body.to_string().as_bytes()).is_empty());
    interpret(body).unwrap_err().to_string()
}

#[test]
fn every_event_that_stores_publish_is_taken_and_no_other() {
    for event_type in Type::iter() {
        let body = sample(event_type);
        if event_type.publisher() == Publisher::Store {
            assert_eq!(interpret(&body), Ok(Parsed::Notice(NoticeKind::NotAnOrder)), "{event_type:?}");
            let report = report(&body);
            assert_eq!(report.event_id.as_deref(), body["id"].as_str());
            assert!(report.changed_at.is_some() && report.version.is_none());
        } else {
            assert_eq!(refused(&body), "`type` must be a type of event that stores publish (docs/events)");
        }
    }
}

#[test]
fn what_happened_and_to_what_follows_from_the_signed_type() {
    for (event_type, happened, id) in [
        (Type::OrderCreated, Happened::Created, "orderId"),
        (Type::OrderUpdated, Happened::Updated, "orderId"),
        (Type::OrderPaid, Happened::Updated, "orderId"),
        (Type::ProductCreated, Happened::Created, "productId"),
        (Type::ProductUpdated, Happened::Updated, "productId"),
        (Type::ProductDeleted, Happened::Deleted, "productId"),
        (Type::CollectionUpdated, Happened::Updated, "collectionId"),
        (Type::CollectionDeleted, Happened::Deleted, "collectionId"),
        (Type::CustomerCreated, Happened::Created, "customerId"),
        (Type::CustomerUpdated, Happened::Updated, "customerId"),
        (Type::CheckoutCompleted, Happened::Updated, "checkoutId"),
    ] {
        let body = sample(event_type);
        let report = report(&body);
        assert_eq!((report.happened, Some(report.resource_id.as_str())), (happened, body["data"][id].as_str()));
    }
    let stock = report(&sample(Type::InventoryUpdated));
    assert_eq!(stock.resource_id, "49148385@655441491");
    let mut nowhere = with(Type::InventoryUpdated, "locationId", Value::Null);
    nowhere["data"]["inventoryItemId"] = Value::Null;
    let of_variant = format!("{}@", nowhere["data"]["variantId"].as_str().unwrap());
    assert_eq!(report(&nowhere).resource_id, of_variant);
}

#[test]
fn the_type_says_that_an_order_is_paid_cancelled_or_refunded_as_well_as_the_data() {
    let plain = |event_type: Type| {
        let mut body = with(event_type, "paid", json!(false));
        (body["data"]["cancelled"], body["data"]["refunded"]) = (json!(false), json!("none"));
        order(&body)
    };
    for (event_type, paid, cancelled, refunded) in [
        (Type::OrderCreated, false, false, Refunded::None),
        (Type::OrderUpdated, false, false, Refunded::None),
        (Type::OrderPaid, true, false, Refunded::None),
        (Type::OrderCancelled, false, true, Refunded::None),
        (Type::OrderRefunded, false, false, Refunded::Partial),
    ] {
        let order = plain(event_type);
        assert_eq!((order.paid, order.cancelled, order.refunded), (paid, cancelled, refunded), "{event_type:?}");
    }
    let said = order(&with(Type::OrderUpdated, "cancelled", json!(true)));
    assert!(said.paid && said.cancelled);
    let refunded = order(&sample(Type::OrderRefunded));
    assert_eq!((refunded.refunded, refunded.refunded_amount), (Refunded::Full, Some(money(3_998, "EUR"))));
    // What changed need not be said.
    let mut without = sample(Type::OrderUpdated);
    without["data"].as_object_mut().unwrap().remove("changes");
    assert_eq!(report(&without).happened, Happened::Updated);
}

#[test]
fn an_event_keeps_what_a_subscriber_gets_of_it() {
    let euros = |amount| money(amount, "EUR");
    let order = order(&sample(Type::OrderPaid));
    assert!(order.session_id.is_some() && order.number.is_some() && !order.thin);
    assert_eq!((order.total, order.lines[0].price), (Some(euros(3_998)), Some(euros(1_999))));
    let Content::Product(product) = report(&sample(Type::ProductUpdated)).content else { panic!() };
    assert_eq!((product.images.len(), product.collections.len()), (1, 1));
    assert_eq!(product.url.as_deref(), Some("https://shop.example.com/products/storm-lead"));
    let variant = &product.variants[0];
    assert_eq!((variant.price, variant.compare_at_price), (Some(euros(1_999)), Some(euros(2_499))));
    assert_eq!((variant.stock, variant.inventory_item_id.as_deref()), (Some(12), Some("49148385")));
    let Content::Stock(stock) = report(&sample(Type::InventoryUpdated)).content else { panic!() };
    assert_eq!(stock.available, Some(12));
    let Content::Checkout(checkout) = report(&sample(Type::CheckoutCompleted)).content else { panic!() };
    assert!(checkout.completed && checkout.session_id.is_some() && checkout.order_id.is_some());
    assert_eq!(checkout.total, Some(euros(3_998)));
    let Content::Collection(collection) = report(&sample(Type::CollectionUpdated)).content else { panic!() };
    assert_eq!(collection.title.as_deref(), Some("Lead presets"));
    let Content::Product(deleted) = report(&sample(Type::ProductDeleted)).content else { panic!() };
    assert!(deleted.thin && deleted.title.is_some());
}

#[test]
fn whom_an_event_is_about_is_known_apart_from_its_report() {
    for event_type in [Type::OrderPaid, Type::CustomerCreated, Type::CheckoutCompleted] {
        let body = sample(event_type);
        let customer = crate::of(Provider::Generic).customer_in(None, body.to_string().as_bytes()).unwrap();
        assert_eq!((customer.id.as_deref(), customer.email.as_deref()), (Some("207119551"), Some("fan@example.com")));
        assert_eq!(customer.name.as_deref(), Some("Robin Fan"));
        assert!(!serde_json::to_string(&report(&body).content).unwrap().contains("fan@example.com"));
    }
    let product = sample(Type::ProductUpdated).to_string();
    assert!(crate::of(Provider::Generic).customer_in(None, product.as_bytes()).is_none());
}

#[test]
fn texts_and_lists_and_amounts_are_bounded() {
    let long = "x".repeat(600);
    assert_eq!(order(&with(Type::OrderPaid, "status", json!(long))).status.map(|text| text.len()), Some(500));
    assert_eq!(order(&with(Type::OrderPaid, "status", json!("a\u{0}b"))).status.as_deref(), Some("ab"));
    assert_eq!(order(&with(Type::OrderPaid, "sessionId", json!(long))).session_id, None);
    let total = json!({ "amount": i64::MAX, "currency": "EUR" });
    assert_eq!(order(&with(Type::OrderPaid, "total", total)).total, None);
    let Content::Stock(stock) = report(&with(Type::InventoryUpdated, "available", json!(i64::MIN))).content else {
        panic!()
    };
    assert_eq!(stock.available, None);
    let item = json!({ "quantity": 1 });
    assert_eq!(order(&with(Type::OrderPaid, "items", json!(vec![item; 1_001]))).lines.len(), 1_000);
    let Content::Product(product) = report(&with(Type::ProductUpdated, "url", json!("javascript:1"))).content else {
        panic!()
    };
    assert_eq!(product.url, None);
    for id in [" ", "a\u{0}b", &long] {
        assert_eq!(
            refused(&with(Type::OrderPaid, "orderId", json!(id))),
            "`data` names nothing by an id that can be used"
        );
    }
}

#[test]
fn a_mistake_is_named_and_an_order_stays_one() {
    let reason = "is missing, or not as the schema of this type says (docs/events)";
    for (field, value) in [("paid", json!("yes")), ("items", json!({})), ("refunded", json!("some"))] {
        assert_eq!(refused(&with(Type::OrderPaid, field, value)), format!("`data.{field}` {reason}"));
    }
    let mut body = sample(Type::InventoryUpdated);
    body["data"] = json!([]);
    assert_eq!(refused(&body), format!("`data` {reason}"));
    body["data"] = Value::Null;
    assert_eq!(refused(&body), "`data` must not be null");
    let named_nothing = json!({ "type": "inventory.updated", "data": { "available": 3 } });
    assert_eq!(refused(&named_nothing), "`data` names nothing by an id that can be used");
    for unknown in [json!("order.payed"), json!(7)] {
        let unknown = json!({ "type": unknown, "data": {} });
        assert_eq!(refused(&unknown), "`type` must be a type of event that stores publish (docs/events)");
    }
    let mut undated = sample(Type::OrderPaid);
    undated["time"] = json!("soon");
    assert_eq!(refused(&undated), "`time` must be a date and time like 2026-03-14T12:00:00Z (RFC 3339)");
    // A body of no type at all is an order without its id.
    for body in [json!({ "type": "order" }), json!({ "type": 7 }), json!({ "data": {} })] {
        assert_eq!(refused(&body), "`orderId` is missing");
    }
    let twice = r#"{"type":"order.paid","type":"order.created","data":{}}"#;
    let refused = crate::of(Provider::Generic).interpret(None, twice.as_bytes()).unwrap_err().to_string();
    assert!(refused.starts_with("`type` is there twice"), "{refused}");
    let order =
        json!({ "type": "order.cancelled", "orderId": "1", "targetUsername": "max", "items": [{ "sku": "a" }] });
    assert!(matches!(interpret(&order), Ok(Parsed::Order(_))));
    assert!(matches!(report(&order).content, Content::Order(order) if !order.cancelled));
}
