//! What becomes of a callback that fails, panics or hangs: it is bounded, and the next event goes on.

use std::sync::Arc;
use std::time::Duration;

use cloud_bridge_webhook_handler::{InventoryChange, ProductChange};
use parking_lot::Mutex;

use crate::server::{LONG, SHORT, Server, all_senders};
use crate::webhooks::*;

/// The orders that the callback was called with.
type Called = Arc<Mutex<Vec<String>>>;

async fn called_with(orders: u64, builder: cloud_bridge_webhook_handler::Builder, called: &Called) -> Vec<String> {
    let server = Server::start(builder).await;
    for id in 1..=orders {
        assert_eq!(server.post(&shopify_order(id, "paid")).await.body["status"], "accepted");
    }
    server.drain().await;
    called.lock().clone()
}

#[tokio::test]
async fn events_are_handled_one_after_the_other_in_the_order_in_which_they_were_accepted() {
    let called = Called::default();
    let builder = all_senders().on_order_complete({
        let called = Arc::clone(&called);
        move |order| {
            let called = Arc::clone(&called);
            async move {
                called.lock().push(format!("{} begins", order.order_id));
                tokio::task::yield_now().await;
                called.lock().push(format!("{} ends", order.order_id));
            }
        }
    });
    let expected: Vec<_> = (1..=5).flat_map(|id| [format!("{id} begins"), format!("{id} ends")]).collect();
    assert_eq!(called_with(5, builder, &called).await, expected);
}

#[tokio::test]
async fn a_callback_is_a_closure_that_returns_a_future_or_an_async_closure_or_a_function() {
    async fn called(_: InventoryChange) -> Result<(), std::io::Error> {
        Ok(())
    }
    let (fired, mut received) = tokio::sync::mpsc::unbounded_channel();
    let builder = all_senders()
        .on_inventory_change(called)
        .on_order_complete(move |order| std::future::ready(fired.send(order.order_id)))
        // Without state of its own: what such a closure captures it lends to its future, which outlives the call.
        .on_product_change(async |_: ProductChange| {});
    let server = Server::start(builder).await;
    server.post(&shopify_order(1, "paid")).await;
    assert_eq!(received.recv().await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_callback_that_returns_an_error_is_called_again_until_it_does_not() {
    let called = Called::default();
    let builder = all_senders().retry_after([Duration::ZERO; 4]).on_order_complete({
        let called = Arc::clone(&called);
        move |order| {
            let mut called = called.lock();
            called.push(order.order_id);
            let failed = called.len() < 3;
            async move { if failed { Err("the database is away") } else { Ok(()) } }
        }
    });
    assert_eq!(called_with(2, builder, &called).await, ["1", "1", "1", "2"]);
}

#[tokio::test]
async fn an_event_that_fails_for_good_is_given_up_and_the_next_goes_on() {
    let called = Called::default();
    let builder = all_senders().retry_after([Duration::ZERO; 2]).on_order_complete({
        let called = Arc::clone(&called);
        move |order| {
            called.lock().push(order.order_id);
            async { Err::<(), _>("it cannot be handled") }
        }
    });
    assert_eq!(called_with(2, builder, &called).await, ["1", "1", "1", "2", "2", "2"]);
}

#[tokio::test]
async fn a_callback_that_panics_is_not_called_again_and_the_next_event_goes_on() {
    let called = Called::default();
    let builder = all_senders().retry_after([Duration::ZERO; 2]).on_order_complete({
        let called = Arc::clone(&called);
        move |order| {
            called.lock().push(order.order_id.clone());
            assert_ne!(order.order_id, "1", "it panics before there is a future");
            async move { assert_ne!(order.order_id, "2", "it panics in its future") }
        }
    });
    assert_eq!(called_with(3, builder, &called).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_callback_that_hangs_is_given_up_and_the_next_event_goes_on() {
    let called = Called::default();
    let (held, mut let_go) = tokio::sync::mpsc::channel::<()>(1);
    let held = Mutex::new(Some(held));
    let builder = all_senders().callback_timeout(SHORT).on_order_complete({
        let called = Arc::clone(&called);
        move |order| {
            called.lock().push(order.order_id.clone());
            let held = held.lock().take();
            async move {
                if held.is_some() {
                    std::future::pending::<()>().await;
                }
            }
        }
    });
    assert_eq!(called_with(2, builder, &called).await, ["1", "2"]);
    // What it held is free again.
    assert_eq!(tokio::time::timeout(LONG, let_go.recv()).await, Ok(None));
}
