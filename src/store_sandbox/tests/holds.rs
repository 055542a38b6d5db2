//! Reads stopped in mid-flight, while something happens to the order.

use serde_json::json;
use tokio::task::JoinHandle;

use super::*;

/// A read of an order that is held at this point.
async fn held_read(sandbox: &StoreSandbox, id: &str, at: HoldPoint) -> JoinHandle<Value> {
    sandbox.hold(Operation::SquareOrder, at);
    let (reader, id) = (sandbox.clone(), id.to_owned());
    let read = tokio::spawn(async move { square_order(&reader, &id).await });
    sandbox.wait_for(Operation::SquareOrder, Stage::Held, 1).await.unwrap();
    read
}

#[tokio::test]
async fn an_order_that_changes_before_it_is_read_is_read_as_it_is_then() {
    let sandbox = two_stores().await;
    let id = sandbox.place_order(MERCHANT, order()).unwrap().order;
    let read = held_read(&sandbox, &id, HoldPoint::BeforeEffect).await;
    sandbox.cancel(MERCHANT, &id).unwrap();
    sandbox.release(Operation::SquareOrder);
    assert_eq!(read.await.unwrap()["state"], "CANCELED");
}

#[tokio::test]
async fn an_order_that_changes_after_it_is_read_arrives_as_it_was() {
    let sandbox = two_stores().await;
    let id = sandbox.place_order(MERCHANT, order()).unwrap().order;
    let read = held_read(&sandbox, &id, HoldPoint::AfterEffect).await;
    sandbox.cancel(MERCHANT, &id).unwrap();
    sandbox.release(On::Any);
    let read = read.await.unwrap();
    assert_eq!((&read["state"], &read["version"]), (&json!("OPEN"), &json!(1)));
    let count = sandbox.wait_for(Operation::SquareOrder, Stage::Answered, 1).await.unwrap();
    assert_eq!(count, CallCount { arrived: 1, held: 0, answered: 1, late: 0 });
}

#[tokio::test]
async fn stopping_ends_the_reads_that_are_held() {
    let sandbox = two_stores().await;
    sandbox.place_order(HASH, order()).unwrap();
    sandbox.hold(Operation::BigCommerceOrder, HoldPoint::BeforeEffect);
    let reader = sandbox.clone();
    let read = tokio::spawn(async move { get(&reader, &order_path("100"), TOKEN).await.status() });
    sandbox.wait_for(Operation::BigCommerceOrder, Stage::Held, 1).await.unwrap();
    sandbox.stop().await;
    assert_eq!(read.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
}
