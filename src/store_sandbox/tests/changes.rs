//! What happens to orders afterwards: versions grow, and each change shows where the platform shows it.

use chrono::TimeDelta;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_change_is_dated_and_grows_the_version() {
    let sandbox = two_stores().await;
    let id = sandbox.place_order(MERCHANT, order()).unwrap().order;
    let placed = square_order(&sandbox, &id).await;
    sandbox.clock().advance(TimeDelta::hours(1));
    sandbox.set_status(MERCHANT, &id, "COMPLETED").unwrap();
    let completed = square_order(&sandbox, &id).await;
    assert_eq!((&placed["version"], &completed["version"]), (&json!(1), &json!(2)));
    assert_eq!((&placed["state"], &completed["state"]), (&json!("OPEN"), &json!("COMPLETED")));
    assert_eq!(completed["created_at"], placed["created_at"]);
    assert!(completed["updated_at"].as_str() > placed["updated_at"].as_str());

    let id = sandbox.place_order(HASH, order()).unwrap().order;
    sandbox.clock().advance(TimeDelta::hours(1));
    sandbox.set_status(HASH, &id, "Completed").unwrap();
    let order = bigcommerce_order(&sandbox, &id).await;
    assert_eq!((&order["status"], &order["status_id"]), (&json!("Completed"), &json!(10)));
    assert_ne!(order["date_modified"], order["date_created"]);
}

#[tokio::test]
async fn an_order_is_paid_later() {
    let sandbox = two_stores().await;
    let unpaid = NewOrder { unpaid: true, ..order() };
    let of_square = sandbox.place_order(MERCHANT, unpaid.clone()).unwrap().order;
    let order = square_order(&sandbox, &of_square).await;
    assert_eq!((&order["net_amount_due_money"]["amount"], order.get("tenders")), (&json!(1_900), None));
    sandbox.pay(MERCHANT, &of_square).unwrap();
    let order = square_order(&sandbox, &of_square).await;
    assert_eq!((&order["net_amount_due_money"]["amount"], order["tenders"].is_array()), (&json!(0), true));

    let status = Some("Awaiting Payment".to_owned());
    let of_bigcommerce = sandbox.place_order(HASH, NewOrder { status, ..unpaid }).unwrap().order;
    let order = bigcommerce_order(&sandbox, &of_bigcommerce).await;
    assert_eq!((&order["payment_status"], &order["status_id"]), (&json!(""), &json!(7)));
}

#[tokio::test]
async fn a_refund_shows_on_the_line_and_no_more_is_refunded_than_was_bought() {
    let sandbox = two_stores().await;
    let lines = vec![NewLine::titled("Gift wrap"), NewLine { quantity: 3, ..NewLine::titled("Storm") }];
    let placed = NewOrder { lines, ..order() };
    let id = sandbox.place_order(HASH, placed.clone()).unwrap().order;
    sandbox.refund(HASH, &id, 1, 2).unwrap();
    let line = bigcommerce_products(&sandbox, &id).await[1].take();
    assert_eq!((&line["quantity_refunded"], &line["is_refunded"]), (&json!(2), &json!(false)));
    let order = bigcommerce_order(&sandbox, &id).await;
    assert_eq!((&order["status_id"], &order["refunded_amount"]), (&json!(14), &json!("38.0000")));
    for (line, quantity) in [(1, 0), (1, 2), (2, 1)] {
        assert!(sandbox.refund(HASH, &id, line, quantity).is_err(), "{quantity} of line {line}");
    }
    sandbox.refund(HASH, &id, 1, 1).unwrap();
    sandbox.refund(HASH, &id, 0, 1).unwrap();
    assert_eq!(bigcommerce_order(&sandbox, &id).await["status"], "Refunded");

    let id = sandbox.place_order(MERCHANT, placed).unwrap().order;
    sandbox.refund(MERCHANT, &id, 1, 2).unwrap();
    let order = square_order(&sandbox, &id).await;
    let returned = json!([{ "source_line_item_uid": "line-2", "quantity": "2" }]);
    assert_eq!(order["returns"], json!([{ "source_order_id": id, "return_line_items": returned }]));
    assert_eq!((&order["state"], &order["version"]), (&json!("OPEN"), &json!(2)));
}

#[tokio::test]
async fn square_takes_back_in_an_order_of_its_own() {
    let sandbox = two_stores().await;
    let sale = sandbox.place_order(MERCHANT, order()).unwrap().order;
    assert!(sandbox.take_back(MERCHANT, &sale, 0, 2).is_err());
    let webhook = sandbox.take_back(MERCHANT, &sale, 0, 1).unwrap();
    assert_eq!(webhook.topic, "order.created");
    let taken_back = square_order(&sandbox, &webhook.order).await;
    let returned = json!([{ "source_line_item_uid": "line-1", "quantity": "1" }]);
    assert_eq!(taken_back["returns"], json!([{ "source_order_id": sale, "return_line_items": returned }]));
    let shown = ["line_items", "fulfillments", "tenders"].map(|field| taken_back.get(field));
    assert_eq!((shown, &taken_back["state"]), ([None; 3], &json!("COMPLETED")));
    let sold = square_order(&sandbox, &sale).await;
    assert_eq!((sold.get("returns"), &sold["version"]), (None, &json!(1)));

    let id = sandbox.place_order(HASH, order()).unwrap().order;
    assert!(sandbox.take_back(HASH, &id, 0, 1).is_err());
}

#[tokio::test]
async fn orders_are_cancelled_archived_and_corrected() {
    let sandbox = two_stores().await;
    let id = sandbox.place_order(HASH, order()).unwrap().order;
    sandbox.set_username(HASH, &id, Some("moritz")).unwrap();
    sandbox.cancel(HASH, &id).unwrap();
    sandbox.archive(HASH, &id).unwrap();
    let order_read = bigcommerce_order(&sandbox, &id).await;
    assert_eq!(order_read.pointer("/billing_address/form_fields/0/value"), Some(&json!("moritz")));
    assert_eq!((&order_read["status"], &order_read["is_deleted"]), (&json!("Cancelled"), &json!(true)));

    let id = sandbox.place_order(MERCHANT, order()).unwrap().order;
    sandbox.set_username(MERCHANT, &id, None).unwrap();
    sandbox.cancel(MERCHANT, &id).unwrap();
    let refused = sandbox.archive(MERCHANT, &id).unwrap_err();
    assert_eq!(refused, ControlError::OutOfBounds("Square deletes and archives no order: cancel it"));
    let order_read = square_order(&sandbox, &id).await;
    let shown = (order_read.get("metadata"), &order_read["state"], &order_read["version"]);
    assert_eq!(shown, (None, &json!("CANCELED"), &json!(3)), "what is refused is no new version");
}

#[tokio::test]
async fn what_no_store_could_have_is_refused() {
    let sandbox = two_stores().await;
    sandbox.place_order(HASH, NewOrder { id: Some("7".into()), ..order() }).unwrap();
    let line = |line| NewOrder { lines: vec![line], ..order() };
    let with_id = |id: &str| NewOrder { id: Some(id.to_owned()), ..order() };
    for (store, placed) in [
        (HASH, with_id("7")),
        (HASH, with_id("x7")),
        (HASH, with_id("007")),
        (HASH, with_id("4294967296")),
        (MERCHANT, with_id("../../7")),
        (MERCHANT, with_id("")),
        (HASH, NewOrder { status: Some("COMPLETED".into()), ..order() }),
        (MERCHANT, NewOrder { status: Some("Completed".into()), ..order() }),
        (MERCHANT, NewOrder { username_in: UsernameIn::StaffNotes, ..order() }),
        (HASH, line(NewLine { quantity: 0, ..NewLine::titled("T") })),
        (HASH, line(NewLine { quantity: 1_000_001, ..NewLine::titled("T") })),
        (HASH, line(NewLine { product_id: Some("x".into()), ..NewLine::titled("T") })),
        (HASH, line(NewLine::titled(&"x".repeat(1_001)))),
        (HASH, NewOrder { note: Some("x".repeat(1_001)), ..order() }),
        (HASH, NewOrder { lines: vec![NewLine::titled("T"); 1_001], ..order() }),
    ] {
        let refused = sandbox.place_order(store, placed.clone()).unwrap_err();
        assert!(matches!(refused, ControlError::OutOfBounds(_)), "{placed:?}: {refused:?}");
    }
    assert_eq!(sandbox.place_order("nowhere", order()), Err(ControlError::Unknown("store")));
    assert_eq!(sandbox.cancel(HASH, "8"), Err(ControlError::Unknown("order")));
    assert!(sandbox.set_username(HASH, "7", Some(&"x".repeat(1_001))).is_err());
    let next = sandbox.place_order(HASH, order()).unwrap();
    assert_eq!(next.order, "100", "what was refused used up no id");
}

#[tokio::test]
async fn an_id_that_is_made_up_is_free() {
    let sandbox = two_stores().await;
    for store in [HASH, MERCHANT] {
        let first = sandbox.place_order(store, order()).unwrap().order;
        let next = first.replace("100", "101");
        sandbox.place_order(store, NewOrder { id: Some(next), ..order() }).unwrap();
        assert_eq!(sandbox.place_order(store, order()).unwrap().order, first.replace("100", "102"));
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_told_from_others_is_refused() {
    let sandbox = two_stores().await;
    let store = bigcommerce(None);
    let long = Subscription { url: "x".repeat(1_001), secret: String::new() };
    for refused in [
        Store { id: "../up".into(), token: "t".into(), ..store.clone() },
        Store { id: "other".into(), ..store.clone() },
        Store { token: "t".repeat(1_001), ..store.clone() },
        Store { id: MERCHANT.into(), ..store.clone() },
        Store { webhooks: Some(long), ..store.clone() },
    ] {
        assert!(matches!(sandbox.connect(refused.clone()), Err(ControlError::OutOfBounds(_))), "{}", refused.id);
    }
    assert!(sandbox.replace_token(MERCHANT, TOKEN).is_err());
}

#[tokio::test]
async fn stores_orders_and_lines_are_bounded() {
    let full = sandbox().await;
    for number in 0..100 {
        full.connect(Store { id: format!("s{number}"), token: format!("t{number}"), ..bigcommerce(None) }).unwrap();
    }
    assert_eq!(full.connect(bigcommerce(None)), Err(ControlError::Full { limit: 100 }));
    full.connect(Store { id: "s7".into(), token: "t7".into(), ..bigcommerce(None) }).unwrap();

    for _ in 0..10_000 {
        full.place_order("s0", NewOrder::default()).unwrap();
    }
    assert_eq!(full.place_order("s0", order()), Err(ControlError::Full { limit: 10_000 }));
    let shown = full.report().stores.into_iter().find(|store| store.id == "s0").unwrap();
    assert_eq!((shown.order_count, shown.orders.len()), (10_000, 1_000));

    let long = NewOrder { lines: vec![NewLine::titled("T"); 1_000], ..NewOrder::default() };
    for _ in 0..250 {
        full.place_order("s1", long.clone()).unwrap();
    }
    assert_eq!(full.place_order("s2", order()), Err(ControlError::Full { limit: 250_000 }));
}
