//! The response does not wait for callbacks, and what there is no room for is refused.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::server::{LONG, Server, all, all_senders, next, recording, status_line};
use crate::webhooks::*;

#[tokio::test]
async fn the_response_is_sent_while_the_callback_has_not_returned() {
    let may_return = Arc::new(Semaphore::new(0));
    let builder = all_senders().on_order_complete({
        let may_return = Arc::clone(&may_return);
        move |_| {
            let may_return = Arc::clone(&may_return);
            async move { drop(may_return.acquire_owned().await) }
        }
    });
    let server = Server::start(builder).await;
    assert_eq!(server.post(&shopify_order(1, "paid")).await.body["status"], "accepted");
    assert_eq!(server.handler.waiting(), 1);
    may_return.add_permits(1);
    server.drain().await;
    assert_eq!(server.handler.waiting(), 0);
}

#[tokio::test]
async fn a_full_queue_is_a_503_and_what_it_refused_is_new_when_it_is_sent_again() {
    let may_return = Arc::new(Semaphore::new(0));
    let builder = all_senders().queue_limit(1).on_order_complete({
        let may_return = Arc::clone(&may_return);
        move |_| {
            let may_return = Arc::clone(&may_return);
            async move {
                may_return.acquire().await.expect("it is open").forget();
            }
        }
    });
    let server = Server::start(builder).await;
    // One is in the callback, one in the queue, and there is no room for a third.
    let mut ids = 1..;
    let refused = loop {
        let id = ids.next().expect("there is no end of numbers");
        let answer = server.post(&shopify_order(id, "paid")).await;
        if answer.status != 200 {
            assert_eq!((answer.status, answer.body["code"].as_str()), (503, Some("queue_full")));
            assert_eq!(answer.headers["retry-after"], "5");
            break id;
        }
        assert!(id < 3, "the queue takes more than it may");
    };
    // The queue of another callback has room.
    assert_eq!(server.post(&shopify_stock(1, 0)).await.body["status"], "ignored");
    may_return.add_permits(100);
    let accepted = timeout(LONG, async {
        loop {
            let answer = server.post(&shopify_order(refused, "paid")).await;
            if answer.status == 200 {
                break answer;
            }
        }
    });
    assert_eq!(accepted.await.expect("there is room again").body["status"], "accepted");
    server.drain().await;
}

#[tokio::test]
async fn a_slow_callback_delays_no_other() {
    let (builder, mut fired) = recording();
    let builder = builder.on_order_complete(|_| std::future::pending::<()>());
    let server = Server::start(builder).await;
    server.post(&shopify_order(1, "paid")).await;
    server.post(&shopify_stock(1, 0)).await;
    next(&mut fired).await;
}

#[tokio::test]
async fn more_requests_at_a_time_than_there_is_room_for_are_refused() {
    let (builder, mut fired) = recording();
    let builder = builder.max_concurrent_requests(1).response_timeout(LONG);
    let server = Server::start(builder).await;
    let _held = server.begin(&shopify_order(1, "paid")).await;
    // Until the server has read the head of the one that is held.
    let refused = timeout(LONG, async {
        loop {
            let answer = server.post(&shopify_stock(1, 0)).await;
            if answer.status != 200 {
                break answer;
            }
        }
    });
    let answer = refused.await.expect("there is room for one");
    assert_eq!((answer.status, answer.body["code"].as_str()), (503, Some("too_many_requests")));
    assert!(all(&server, &mut fired).await.len() <= 1);
}

#[tokio::test]
async fn what_is_not_signed_takes_no_room() {
    let (builder, _fired) = recording();
    let builder = builder.max_concurrent_requests(1).response_timeout(std::time::Duration::from_millis(50));
    let server = Server::start(builder).await;
    let mut unsigned = server.begin(&Webhook { headers: vec![], body: String::new() }).await;
    assert_eq!(status_line(&mut unsigned).await, "HTTP/1.1 403");
}
