//! What callbacks are given of each sender's webhooks.

use cloud_bridge_webhook_handler::{Change, Provider, Sender};
use commerce::payload::checkout::Checkout;
use commerce::{CommerceEventType as Type, Payload};
use serde_json::json;

use crate::server::{Fired, Server, all, next, recording};
use crate::webhooks::*;

#[tokio::test]
async fn a_paid_order_of_shopify_is_complete_with_the_session_that_led_to_it() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    let answer = server.post(&shopify_order(450_789_469, "paid")).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "status": "accepted" })));
    assert_eq!(answer.headers["content-type"], "application/json");
    let Fired::Order(order) = next(&mut fired).await else { panic!("it is an order") };
    assert_eq!(order.order_id, "450789469");
    assert_eq!(order.session_id.as_deref(), Some("sess_m8x2k1_a9"));
    assert_eq!((order.origin.sender, order.origin.provider), (Sender::Shopify, Some(Provider::Shopify)));
    assert_eq!(order.origin.store.as_deref(), Some("storm-audio.myshopify.com"));
}

#[tokio::test]
async fn an_order_is_complete_by_its_signed_body_and_not_by_its_topic() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    let unpaid = shopify_order(450_789_469, "pending");
    assert_eq!(server.post(&unpaid).await.body, json!({ "status": "ignored" }));
    let created =
        shopify_order(450_789_469, "paid").without("x-shopify-topic").with("x-shopify-topic", "orders/create");
    assert_eq!(server.post(&created).await.body, json!({ "status": "accepted" }));
    assert_eq!(all(&server, &mut fired).await.len(), 1);
}

#[tokio::test]
async fn a_checkout_of_shopify_is_complete_once_it_names_its_order() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    let checkout = |completed_at: Option<&str>, order_id: Option<u64>| {
        let url = "https://storm.example.com/checkouts/ac/1/recover";
        shopify(
            "checkouts/update",
            json!({ "id": 901_414_060, "abandoned_checkout_url": url, "completed_at": completed_at, "order_id": order_id,
                "line_items": [], "note_attributes": [{ "name": "session_id", "value": "sess_1" }] }),
        )
    };
    let time = "2026-03-14T12:00:00Z";
    for (completed_at, order_id, status) in
        [(None, Some(7), "ignored"), (Some(time), None, "ignored"), (Some(time), Some(7), "accepted")]
    {
        assert_eq!(server.post(&checkout(completed_at, order_id)).await.body["status"], status, "{order_id:?}");
    }
    let Fired::Order(order) = next(&mut fired).await else { panic!("it is an order") };
    assert_eq!((order.order_id.as_str(), order.session_id.as_deref()), ("7", Some("sess_1")));
}

#[tokio::test]
async fn stock_and_products_of_shopify_are_given_as_the_store_states_them() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    server.post(&shopify_stock(-2, 0)).await;
    let Fired::Inventory(change) = next(&mut fired).await else { panic!("it is stock") };
    assert_eq!((change.stock.inventory_item_id.as_deref(), change.stock.available), (Some("808950810"), Some(-2)));
    assert_eq!(change.stock.location_id.as_deref(), Some("905684977"));

    server.post(&shopify_product("Storm Lead", 0)).await;
    let Fired::Product(change) = next(&mut fired).await else { panic!("it is a product") };
    let Change::Updated(product) = change.change else { panic!("it is there") };
    assert_eq!(product.title.as_deref(), Some("Storm Lead"));
    // In the currency that the handler was given: the body names none.
    assert_eq!(product.variants[0].price.map(|price| price.to_string()).as_deref(), Some("19.99 EUR"));

    server.post(&shopify("products/delete", r#"{"id":632910392}"#)).await;
    let Fired::Product(change) = next(&mut fired).await else { panic!("it is a product") };
    assert!(matches!(&change.change, Change::Deleted(product) if product.product_id == "632910392"));
}

#[tokio::test]
async fn square_names_orders_and_stock_and_says_that_the_catalogue_changed() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    assert_eq!(server.post(&square_order("event-1", "OPEN")).await.body["status"], "ignored");
    server.post(&square_order("event-2", "COMPLETED")).await;
    let Fired::Order(order) = next(&mut fired).await else { panic!("it is an order") };
    assert_eq!((order.order_id.as_str(), order.session_id), ("eA3vssLHKJrv9H0IdJCM3gNqfdcZY", None));
    assert_eq!(order.origin.store.as_deref(), Some("5S9MXCS9Y99KK"));

    let count = |variation: &str| {
        json!({ "catalog_object_id": variation, "location_id": "L1", "state": "IN_STOCK", "quantity": "12",
            "calculated_at": "2026-03-14T12:00:00Z" })
    };
    let counts = json!({ "inventory_counts": [count("V1"), count("V2")] });
    server.post(&square("inventory.count.updated", "event-3", counts)).await;
    for variation in ["V1", "V2"] {
        let Fired::Inventory(change) = next(&mut fired).await else { panic!("it is stock") };
        assert_eq!((change.stock.variant_id.as_deref(), change.stock.available), (Some(variation), Some(12)));
    }

    let version = json!({ "catalog_version": { "updated_at": "2026-03-14T11:59:59Z" } });
    server.post(&square("catalog.version.updated", "event-4", version)).await;
    let Fired::Product(change) = next(&mut fired).await else { panic!("it is the catalogue") };
    assert_eq!(change.change, Change::Catalog { changed_at: "2026-03-14T11:59:59Z".parse().ok() });
}

#[tokio::test]
async fn each_event_of_the_gateway_calls_its_callback_and_the_others_call_none() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    for (id, of, status) in [
        (1, Type::OrderCreated, "ignored"),
        (2, Type::OrderPaid, "accepted"),
        (3, Type::InventoryUpdated, "accepted"),
        (4, Type::InventoryOutOfStock, "ignored"),
        (5, Type::ProductCreated, "accepted"),
        (6, Type::ProductUpdated, "accepted"),
        (7, Type::ProductDeleted, "accepted"),
        (8, Type::FaqApproved, "ignored"),
        (9, Type::EndpointDegraded, "ignored"),
    ] {
        assert_eq!(server.post(&gateway(&event(of, id))).await.body["status"], status, "{of:?}");
    }
    let all = all(&server, &mut fired).await;
    let orders = all.iter().filter(|fired| matches!(fired, Fired::Order(_))).count();
    let inventory = all.iter().filter(|fired| matches!(fired, Fired::Inventory(_))).count();
    assert_eq!((orders, inventory, all.len()), (1, 1, 5));
}

#[tokio::test]
async fn a_completed_checkout_of_the_gateway_that_names_no_order_completes_none() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    let mut checkout = event(Type::CheckoutCompleted, 1);
    let Payload::CheckoutCompleted(Checkout { order_id, .. }) = &mut checkout.payload else {
        panic!("it is a checkout")
    };
    *order_id = None;
    assert_eq!(server.post(&gateway(&checkout)).await.body["status"], "ignored");
    server.post(&gateway(&event(Type::CheckoutCompleted, 2))).await;
    let Fired::Order(order) = next(&mut fired).await else { panic!("it is an order") };
    assert_eq!((order.order_id.as_str(), order.session_id.as_deref()), ("450789469", Some("sess_m8xk2a_7f3q9z")));
    assert_eq!(order.origin.sender, Sender::Gateway);
}

#[tokio::test]
async fn what_no_callback_is_for_is_ignored_and_still_verified() {
    let (builder, _fired) = recording();
    let server = Server::start(builder).await;
    for webhook in [
        shopify("carts/update", r#"{"id":"c1"}"#),
        shopify("customers/redact", r#"{"shop_id":1,"shop_domain":"storm.myshopify.com","customer":{"id":1}}"#),
        shopify("a topic of tomorrow", "{}"),
        square("payment.updated", "event-1", json!({ "payment": { "order_id": "O1", "status": "COMPLETED" } })),
        square("webhooks.test_notification", "event-2", json!(null)),
        gateway_body(
            r#"{"id":"01959494-2c00-7d33-a1f0-5b6c7d8e9f01","type":"order.shipped","time":"2026-03-14T12:00:00Z",
            "accountId":"01950a11-5c00-7e10-8c4d-1a2b3c4d5e6f","data":{}}"#
                .to_owned(),
            crate::server::now(),
        ),
    ] {
        let answer = server.post(&webhook).await;
        assert_eq!((answer.status, answer.body), (200, json!({ "status": "ignored" })), "{}", webhook.body);
        let changed = server.post(&webhook.clone().with_body(format!("{} ", webhook.body))).await;
        assert_eq!(changed.status, 403, "{}", webhook.body);
    }
}

#[tokio::test]
async fn an_event_without_a_callback_is_ignored() {
    let builder = crate::server::all_senders().on_order_complete(|_| async {});
    let server = Server::start(builder).await;
    assert_eq!(server.post(&shopify_stock(1, 0)).await.body["status"], "ignored");
    assert_eq!(server.post(&shopify_order(1, "paid")).await.body["status"], "accepted");
}
