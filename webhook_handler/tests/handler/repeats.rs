//! Nothing fires twice, and nothing old fires late.

use std::collections::BTreeSet;

use commerce::payload::checkout::Checkout;
use commerce::payload::order::Order;
use commerce::{CommerceEventType as Type, Event, Payload};
use domain::IntegrationId;
use domain::integration::Provider;
use uuid::Uuid;

use crate::server::{Fired, Server, all, now, recording};
use crate::webhooks::*;

fn available(fired: &[Fired]) -> Vec<Option<i64>> {
    let available = |fired: &Fired| match fired {
        Fired::Inventory(change) => change.stock.available,
        Fired::Order(_) | Fired::Product(_) => panic!("it is stock"),
    };
    fired.iter().map(available).collect()
}

#[tokio::test]
async fn a_repeated_webhook_fires_nothing_twice_under_whichever_unsigned_name() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    let order = String::from_utf8(event(Type::InventoryUpdated, 1).body()).expect("it is JSON");
    let renamed = shopify_stock(5, 0).without("x-shopify-webhook-id").with("x-shopify-webhook-id", "another");
    for (first, again) in [
        (shopify_stock(5, 0), renamed),
        (square_order("event-1", "COMPLETED"), square_order("event-1", "COMPLETED").with("square-retry-number", "1")),
        // The gateway signs a repetition again, with another time.
        (gateway_body(order.clone(), now()), gateway_message("msg_2", order, now() + chrono::TimeDelta::seconds(90))),
    ] {
        assert_eq!(server.post(&first).await.body["status"], "accepted", "{}", first.body);
        let answer = server.post(&again).await;
        assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("duplicate")), "{}", first.body);
    }
    assert_eq!(all(&server, &mut fired).await.len(), 3);
}

#[tokio::test]
async fn of_repetitions_at_the_same_instant_one_fires() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    let webhook = shopify_order(1, "paid");
    let posts: Vec<_> = (0..20).map(|_| server.post(&webhook)).collect();
    let mut statuses: Vec<_> =
        futures_util::future::join_all(posts).await.into_iter().map(|answer| answer.body["status"].clone()).collect();
    statuses.sort_by_key(ToString::to_string);
    assert_eq!(statuses[0], "accepted");
    assert!(statuses[1..].iter().all(|status| status == "duplicate"), "{statuses:?}");
    assert_eq!(all(&server, &mut fired).await.len(), 1);
}

fn paid(id: u128, provider: Provider, integration: u128, order: &str) -> Event {
    let mut event = event(Type::OrderPaid, id);
    let Payload::OrderPaid(Order { order_id, .. }) = &mut event.payload else { panic!("it is an order") };
    *order_id = order.to_owned();
    Event { provider: Some(provider), integration_id: Some(IntegrationId(Uuid::from_u128(integration))), ..event }
}

fn completed(id: u128, order: &str) -> Event {
    let mut event = event(Type::CheckoutCompleted, id);
    let Payload::CheckoutCompleted(Checkout { order_id, .. }) = &mut event.payload else { panic!("it is a checkout") };
    *order_id = Some(order.to_owned());
    event
}

#[tokio::test]
async fn an_order_is_complete_once_on_the_first_of_its_payment_and_its_checkout() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    for (first, second) in [
        (gateway(&paid(1, Provider::Shopify, 1, "11")), gateway(&completed(2, "11"))),
        (gateway(&completed(3, "12")), gateway(&paid(4, Provider::Shopify, 1, "12"))),
        // Shopify itself, and the gateway that the shop is connected to.
        (shopify_order(13, "paid"), gateway(&paid(5, Provider::Shopify, 1, "13"))),
        (shopify_order(14, "paid"), shopify_order(14, "partially_refunded")),
    ] {
        assert_eq!(server.post(&first).await.body["status"], "accepted", "{}", first.body);
        assert_eq!(server.post(&second).await.body["status"], "duplicate", "{}", second.body);
    }
    assert_eq!(all(&server, &mut fired).await.len(), 4);
}

#[tokio::test]
async fn orders_of_two_stores_that_count_alike_are_two() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    for event in [
        paid(1, Provider::WooCommerce, 1, "1234"),
        paid(2, Provider::WooCommerce, 2, "1234"),
        paid(3, Provider::Shopify, 1, "1234"),
    ] {
        assert_eq!(server.post(&gateway(&event)).await.body["status"], "accepted", "{event:?}");
    }
    let stores: BTreeSet<_> = all(&server, &mut fired)
        .await
        .into_iter()
        .map(|fired| match fired {
            Fired::Order(order) => (order.origin.provider.map(Provider::as_str), order.origin.store),
            Fired::Inventory(_) | Fired::Product(_) => panic!("it is an order"),
        })
        .collect();
    assert_eq!(stores.len(), 3);
}

#[tokio::test]
async fn an_older_level_of_stock_does_not_fire_after_a_newer_one() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    for (webhook, status) in [
        (shopify_stock(5, 10), "accepted"),
        (shopify_stock(6, 9), "duplicate"),
        // Of two in the same second the one that arrives later counts.
        (shopify_stock(4, 10), "accepted"),
        (shopify_stock(3, 11), "accepted"),
    ] {
        assert_eq!(server.post(&webhook).await.body["status"], status, "{}", webhook.body);
    }
    assert_eq!(available(&all(&server, &mut fired).await), [Some(5), Some(4), Some(3)]);
}

#[tokio::test]
async fn of_several_levels_in_one_webhook_those_that_are_new_fire() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    let counts = |event_id: &str, counts: &[(&str, &str, u32)]| {
        let counts: Vec<_> = counts
            .iter()
            .map(|(variation, quantity, second)| {
                serde_json::json!({ "catalog_object_id": variation, "location_id": "L1", "state": "IN_STOCK",
                    "quantity": quantity, "calculated_at": format!("2026-03-14T12:00:{second:02}Z") })
            })
            .collect();
        square("inventory.count.updated", event_id, serde_json::json!({ "inventory_counts": counts }))
    };
    server.post(&counts("event-1", &[("V1", "10", 10)])).await;
    server.post(&counts("event-2", &[("V1", "9", 9), ("V2", "20", 9), ("V3", "30", 9)])).await;
    // Of one webhook the larger ones first.
    assert_eq!(available(&all(&server, &mut fired).await), [Some(10), Some(30), Some(20)]);
}

#[tokio::test]
async fn an_update_from_before_its_deletion_does_not_bring_a_product_back() {
    let (builder, mut fired) = recording();
    // The deletion itself has no time: it is as old as its webhook.
    let server = Server::start(builder.clock(|| "2026-03-14T12:00:30Z".parse().expect("it is a time"))).await;
    for (webhook, status) in [
        (shopify_product("Storm Lead", 10), "accepted"),
        (shopify("products/delete", r#"{"id":632910392}"#), "accepted"),
        (shopify_product("Storm Lead V2", 20), "duplicate"),
        (shopify_product("Storm Lead V3", 40), "accepted"),
    ] {
        assert_eq!(server.post(&webhook).await.body["status"], status, "{}", webhook.body);
    }
    assert_eq!(all(&server, &mut fired).await.len(), 3);
}
