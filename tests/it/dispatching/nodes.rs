//! Restarts, and two nodes: one sends, and the other goes on where it ends.

use domain::DispatchId;
use domain::dispatch::{Dispatch, DispatchCommand, NewAttempt};
use domain::endpoint::{EndpointCommand, RetryPolicy};
use domain::integration::Provider;
use domain::schedule::Jitter;
use event_log::Actor;

use super::{Receiver, buy, command, created, endpoint, objects, publisher, sorted, until};
use crate::app::TestApp;
use crate::engines::{Engine, given_each_engine};
use crate::publishing::order;

async fn what_waits_is_sent_after_a_restart_and_what_was_delivered_is_not(engine: Engine) {
    let app = TestApp::start(engine).await;
    let merchant = app.merchant().await;
    let shop = publisher(&merchant).await;
    let (known, account) = (shop.known(), merchant.id.clone());
    let mut receiver = Receiver::start(&app.clock).await;
    let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
    receiver.responds([204, 500]);
    buy(&shop, 1).await;
    receiver.next().await;
    buy(&shop, 2).await;
    receiver.next().await;
    until(&app, id, &[("delivered", 1), ("retrying", 1)]).await;
    command(&app, id, EndpointCommand::Pause).await;
    buy(&shop, 3).await;
    until(&app, id, &[("delivered", 1), ("retrying", 1), ("queued", 0)]).await;
    let app = app.restart().await;
    assert_eq!(app.again(&known).merchant.id, account);
    app.advance(chrono::TimeDelta::seconds(5));
    command(&app, id, EndpointCommand::Resume).await;
    assert_eq!(sorted(&receiver.take(2).await), [created(2), created(3)]);
    until(&app, id, &[("delivered", 1), ("delivered", 2), ("delivered", 1)]).await;
    assert!(receiver.more().is_empty());
    app.finish().await;
}

/// What another node would have recorded just before it handed the lease over.
async fn fails_elsewhere(app: &TestApp, id: DispatchId) {
    let log = &app.service().data.log;
    let dispatch = log.load::<Dispatch>(id).await.unwrap().aggregate;
    let attempt = NewAttempt {
        message: dispatch.progress().unwrap().message.clone(),
        attempt: dispatch.next_attempt(),
        probe: false,
        policy: RetryPolicy::Standard,
        now: log.clock().now(),
        jitter: Jitter::NONE,
        retry_after: None,
        status: Some(500),
        duration_ms: 1,
        address: None,
        reason: None,
        response: None,
    };
    let command = DispatchCommand::RecordAttempt(Box::new(attempt));
    log.execute::<Dispatch>(id, command, Actor::System).await.unwrap();
}

async fn one_that_another_node_has_just_tried_keeps_to_its_schedule(engine: Engine) {
    let app = TestApp::start(engine).await;
    let merchant = app.merchant().await;
    let shop = publisher(&merchant).await;
    let mut receiver = Receiver::start(&app.clock).await;
    let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
    receiver.responds([500, 500]);
    let mut dispatches = vec![];
    for order in 1..=2 {
        buy(&shop, order).await;
        dispatches.push(DispatchId::of(id, receiver.next().await.id().parse().unwrap()));
    }
    until(&app, id, &[("retrying", 1), ("retrying", 1)]).await;
    receiver.hangs();
    app.advance(chrono::TimeDelta::seconds(2));
    // One at a time, to an endpoint that fails: the other one waits in memory.
    let is_first = objects(&receiver.take(1).await) == [created(1)];
    fails_elsewhere(&app, dispatches[usize::from(is_first)]).await;
    receiver.goes_on();
    let expected = if is_first { [("delivered", 2), ("retrying", 2)] } else { [("retrying", 2), ("delivered", 2)] };
    until(&app, id, &expected).await;
    buy(&shop, 3).await;
    assert_eq!(objects(&receiver.take(1).await), [created(3)]);
    app.advance(chrono::TimeDelta::seconds(6));
    assert_eq!(objects(&receiver.take(1).await), [created(if is_first { 2 } else { 1 })]);
    app.finish().await;
}

given_each_engine! {
    one_that_another_node_has_just_tried_keeps_to_its_schedule
    what_waits_is_sent_after_a_restart_and_what_was_delivered_is_not
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_sends_and_the_other_takes_over_when_it_stops() {
    let app = TestApp::start(Engine::Postgres).await;
    let merchant = app.merchant().await;
    let shop = publisher(&merchant).await;
    let mut receiver = Receiver::start(&app.clock).await;
    let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
    let second = app.second_node(4).await;
    buy(&shop, 1).await;
    assert_eq!(objects(&receiver.take(1).await), [created(1)]);
    until(&app, id, &[("delivered", 1)]).await;
    let body = order(Provider::Shopify, 2, true, "2026-03-10T09:00:00Z").to_string().into_bytes();
    let address = format!("{}{}", second.url, shop.path());
    let signed = shop.signed(&body);
    let stopped = app.stop_node().await;
    let mut request = stopped.http.post(address).header("x-shopify-topic", "orders/create");
    for (name, value) in signed {
        request = request.header(name, value);
    }
    assert_eq!(request.body(body).send().await.unwrap().status(), 202);
    assert_eq!(objects(&receiver.take(1).await), [created(2)], "the second node sends");
    second.stop().await;
    let app = stopped.start().await;
    until(&app, id, &[("delivered", 1), ("delivered", 1)]).await;
    assert!(receiver.more().is_empty());
    app.finish().await;
}
