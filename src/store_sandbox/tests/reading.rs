//! Orders as both APIs return them, paging, and who may read.

use chrono::DateTime;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_bigcommerce_order_has_the_documented_fields() {
    let sandbox = two_stores().await;
    let placed = NewOrder { note: Some("Thank you".to_owned()), ..order() };
    let id = sandbox.place_order(HASH, placed).unwrap().order;
    let order = bigcommerce_order(&sandbox, &id).await;
    for (field, value) in [
        ("/id", json!(100)),
        ("/status_id", json!(11)),
        ("/status", json!("Awaiting Fulfillment")),
        ("/payment_status", json!("captured")),
        ("/items_total", json!(1)),
        ("/total_inc_tax", json!("19.0000")),
        ("/refunded_amount", json!("0.0000")),
        ("/is_deleted", json!(false)),
        ("/customer_message", json!("Thank you")),
        ("/staff_notes", Value::Null),
        ("/billing_address/first_name", json!("Max")),
        ("/billing_address/last_name", json!("Musician")),
        ("/billing_address/email", json!("max@example.com")),
        ("/billing_address/form_fields", json!([{ "name": "NDSP username", "value": "max" }])),
    ] {
        assert_eq!(order.pointer(field), Some(&value), "{field}");
    }
    DateTime::parse_from_rfc2822(order["date_created"].as_str().unwrap()).unwrap();
    assert_eq!(order["date_modified"], order["date_created"]);
}

#[tokio::test]
async fn products_are_read_on_their_own() {
    let sandbox = two_stores().await;
    let (product_id, variant_id, variation) = (Some("77".into()), Some("80".into()), Some("Mono".into()));
    let line = NewLine { product_id, variant_id, variation, quantity: 2, ..NewLine::of_sku("SKU-1", "Glass Clean") };
    let lines = vec![line, NewLine::titled("Gift wrap")];
    let id = sandbox.place_order(HASH, NewOrder { username_in: UsernameIn::Lines, lines, ..order() }).unwrap().order;
    let products = bigcommerce_products(&sandbox, &id).await;
    for (field, value) in [
        ("/0/id", json!(1)),
        ("/0/order_id", json!(100)),
        ("/0/product_id", json!(77)),
        ("/0/variant_id", json!(80)),
        ("/0/sku", json!("SKU-1")),
        ("/0/name", json!("Glass Clean")),
        ("/0/quantity", json!(2)),
        ("/0/quantity_refunded", json!(0)),
        ("/0/product_options/0/display_value", json!("Mono")),
        ("/0/product_options/1/display_name", json!("NDSP username")),
        ("/0/product_options/1/value", json!("max")),
        ("/1/product_id", json!(0)),
        ("/1/sku", json!("")),
    ] {
        assert_eq!(products.pointer(field), Some(&value), "{field}");
    }
}

#[tokio::test]
async fn products_come_in_pages_and_a_page_without_any_is_empty() {
    let sandbox = two_stores().await;
    let lines = (0..260).map(|number| NewLine::titled(&format!("Preset {number}"))).collect();
    let id = sandbox.place_order(HASH, NewOrder { lines, ..order() }).unwrap().order;
    for (query, first, count) in [
        ("", "Preset 0", 50),
        ("?page=2", "Preset 50", 50),
        ("?limit=250", "Preset 0", 250),
        ("?limit=1000", "Preset 0", 250),
        ("?limit=250&page=2", "Preset 250", 10),
        ("?limit=0&page=x", "Preset 0", 50),
    ] {
        let products: Value = get(&sandbox, &(products_path(&id) + query), TOKEN).await.json().await.unwrap();
        assert_eq!((&products[0]["name"], products.as_array().unwrap().len()), (&json!(first), count), "{query}");
    }
    let empty = get(&sandbox, &(products_path(&id) + "?limit=250&page=3"), TOKEN).await;
    assert_eq!((empty.status(), empty.text().await.unwrap().as_str()), (StatusCode::NO_CONTENT, ""));
}

#[tokio::test]
async fn a_square_order_has_the_documented_fields() {
    let sandbox = two_stores().await;
    let line = NewLine {
        variant_id: Some("VARIANT1".into()),
        variation: Some("Mono".into()),
        quantity: 2,
        ..NewLine::titled("Storm")
    };
    let lines = vec![line, NewLine::titled("Gift wrap")];
    let id = sandbox.place_order(MERCHANT, NewOrder { lines, ..order() }).unwrap().order;
    let order = square_order(&sandbox, &id).await;
    for (field, value) in [
        ("/id", json!(id)),
        ("/location_id", json!("LSANDBOX00001")),
        ("/state", json!("OPEN")),
        ("/version", json!(1)),
        ("/metadata", json!({ "ndsp_username": "max" })),
        ("/line_items/0/uid", json!("line-1")),
        ("/line_items/0/name", json!("Storm")),
        ("/line_items/0/variation_name", json!("Mono")),
        ("/line_items/0/catalog_object_id", json!("VARIANT1")),
        ("/line_items/0/quantity", json!("2")),
        ("/line_items/0/item_type", json!("ITEM")),
        ("/total_money", json!({ "amount": 5_700, "currency": "USD" })),
        ("/net_amount_due_money/amount", json!(0)),
        ("/tenders/0/amount_money/amount", json!(5_700)),
        ("/fulfillments/0/shipment_details/recipient/email_address", json!("max@example.com")),
        ("/fulfillments/0/shipment_details/recipient/display_name", json!("Max Musician")),
    ] {
        assert_eq!(order.pointer(field), Some(&value), "{field}");
    }
    DateTime::parse_from_rfc3339(order["created_at"].as_str().unwrap()).unwrap();
    let left_out = ["/returns", "/line_items/1/catalog_object_id", "/line_items/0/note", "/line_items/0/sku"];
    assert_eq!(left_out.map(|field| order.pointer(field)), [None; 4]);
}

#[tokio::test]
async fn the_username_is_where_the_customer_typed_it() {
    let sandbox = two_stores().await;
    let place = |store, username_in| {
        let note = Some("Hello".to_owned());
        sandbox.place_order(store, NewOrder { username_in, note, ..order() }).unwrap().order
    };
    let message = bigcommerce_order(&sandbox, &place(HASH, UsernameIn::Message)).await;
    assert_eq!(message["customer_message"], "Hello\nNDSP username: max");
    assert_eq!(message["billing_address"]["form_fields"], json!([]));
    let staff_notes = bigcommerce_order(&sandbox, &place(HASH, UsernameIn::StaffNotes)).await;
    assert_eq!(
        (&staff_notes["staff_notes"], &staff_notes["customer_message"]),
        (&json!("NDSP username: max"), &json!("Hello"))
    );

    let message = square_order(&sandbox, &place(MERCHANT, UsernameIn::Message)).await;
    let shipping_note = message.pointer("/fulfillments/0/shipment_details/shipping_note");
    assert_eq!((shipping_note, message.get("metadata")), (Some(&json!("Hello\nNDSP username: max")), None));
    let lines = square_order(&sandbox, &place(MERCHANT, UsernameIn::Lines)).await;
    assert_eq!(lines["line_items"][0]["note"], "NDSP username: max");
}

#[tokio::test]
async fn only_the_token_of_the_store_reads_it() {
    let sandbox = two_stores().await;
    let second = Store { id: "second".into(), token: "second-token".into(), ..bigcommerce(None) };
    sandbox.connect(second).unwrap();
    let id = sandbox.place_order(HASH, order()).unwrap().order;
    let elsewhere = format!("/stores/nowhere/v2/orders/{id}");
    for (path, token) in
        [(order_path(&id), ""), (order_path(&id), "second-token"), (elsewhere, TOKEN), (products_path(&id), "x")]
    {
        let (status, body) = refused(get(&sandbox, &path, token).await).await;
        assert_eq!(
            (status, &body["status"], &body["title"]),
            (StatusCode::UNAUTHORIZED, &json!(401), &json!("Unauthorized"))
        );
    }
    let (status, body) = refused(get_square(&sandbox, "any", "wrong").await).await;
    let error = json!({
        "category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED", "detail": "This request could not be authorized.",
    });
    assert_eq!((status, &body["errors"]), (StatusCode::UNAUTHORIZED, &json!([error])));
    // A token of the one platform is none of the other.
    assert_eq!(get_square(&sandbox, "any", TOKEN).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        get(&sandbox, &format!("/stores/{MERCHANT}/v2/orders/1"), SQUARE_TOKEN).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_token_can_be_revoked_and_replaced() {
    let sandbox = two_stores().await;
    let id = sandbox.place_order(HASH, order()).unwrap().order;
    let status = async |token| get(&sandbox, &order_path(&id), token).await.status();
    sandbox.revoke_token(HASH).unwrap();
    assert_eq!(status(TOKEN).await, StatusCode::UNAUTHORIZED);
    sandbox.replace_token(HASH, "new-token").unwrap();
    assert_eq!((status(TOKEN).await, status("new-token").await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    sandbox.connect(bigcommerce(None)).unwrap();
    assert_eq!(status(TOKEN).await, StatusCode::OK, "its orders stay when it is connected again");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_in_the_words_of_each_platform() {
    let sandbox = two_stores().await;
    let not_found = json!([{ "status": 404, "message": "The requested resource was not found." }]);
    for path in [order_path("1"), order_path("x"), products_path("1")] {
        let answer = refused(get(&sandbox, &path, TOKEN).await).await;
        assert_eq!(answer, (StatusCode::NOT_FOUND, not_found.clone()), "{path}");
    }
    let (status, body) = refused(get_square(&sandbox, "x", SQUARE_TOKEN).await).await;
    assert_eq!((status, &body["errors"][0]["code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")));
}
