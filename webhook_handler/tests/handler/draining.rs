//! The end of a handler: nothing that was accepted is lost, and nothing more is accepted.

use std::sync::Arc;
use std::time::Duration;

use cloud_bridge_webhook_handler::Unfinished;
use tokio::sync::Semaphore;

use crate::server::{Fired, LONG, Server, all_senders, next, recording};
use crate::webhooks::*;

#[tokio::test]
async fn what_was_accepted_is_handled_before_the_handler_has_ended() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    for id in 1..=20 {
        server.post(&shopify_order(id, "paid")).await;
    }
    server.drain().await;
    let handled = std::iter::from_fn(|| fired.try_recv().ok()).filter(|fired| matches!(fired, Fired::Order(_))).count();
    assert_eq!(handled, 20);
    let answer = server.post(&shopify_order(21, "paid")).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (503, Some("closing")));
    assert_eq!(answer.headers["retry-after"], "5");
    // Once more is no harm.
    server.drain().await;
}

#[tokio::test]
async fn a_drain_that_takes_too_long_says_how_much_is_unfinished() {
    let may_return = Arc::new(Semaphore::new(0));
    let builder = all_senders().on_order_complete({
        let may_return = Arc::clone(&may_return);
        move |_| {
            let may_return = Arc::clone(&may_return);
            async move { drop(may_return.acquire_owned().await) }
        }
    });
    let server = Server::start(builder).await;
    for id in 1..=3 {
        server.post(&shopify_order(id, "paid")).await;
    }
    assert_eq!(server.handler.drain(Duration::from_millis(20)).await, Err(Unfinished { events: 3 }));
    // Also while a callback still runs.
    assert_eq!(server.post(&shopify_order(4, "paid")).await.body["code"], "closing");
    may_return.add_permits(3);
    assert_eq!(server.handler.drain(LONG).await, Ok(()));
}

#[tokio::test]
async fn a_handler_that_is_dropped_still_handles_what_it_accepted() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    for id in 1..=3 {
        server.post(&shopify_order(id, "paid")).await;
    }
    drop(server);
    for _ in 1..=3 {
        next(&mut fired).await;
    }
}
