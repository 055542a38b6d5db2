//! The webhooks that changes return, and those that a store sends by itself.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName};
use axum::routing::post;
use chrono::TimeDelta;
use parking_lot::Mutex;
use serde_json::json;

use super::*;

/// Takes webhooks and answers them with the statuses that are left, or 202.
#[derive(Clone, Default)]
struct Receiver {
    statuses: Arc<Mutex<VecDeque<u16>>>,
    received: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Receiver {
    /// Starts it and returns where it listens.
    async fn start(statuses: &[u16]) -> (Self, String) {
        let receiver = Self { statuses: Arc::new(Mutex::new(statuses.iter().copied().collect())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let taking = receiver.clone();
        let receive = post(async move |headers, body| taking.receive(headers, body));
        let router = Router::new().route("/hook", receive);
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    /// A redirect would lead here again.
    fn receive(&self, headers: HeaderMap, body: String) -> (StatusCode, [(HeaderName, &'static str); 1]) {
        self.received.lock().push((headers, body));
        let status = self.statuses.lock().pop_front().unwrap_or(202);
        (StatusCode::from_u16(status).unwrap(), [(LOCATION, "/hook")])
    }

    fn bodies(&self) -> Vec<String> {
        self.received.lock().iter().map(|(_, body)| body.clone()).collect()
    }
}

fn to(url: &str) -> Subscription {
    Subscription { url: url.to_owned(), secret: "secret".to_owned() }
}

fn body(webhook: &Webhook) -> Value {
    serde_json::from_str(&webhook.body).unwrap()
}

#[tokio::test]
async fn bigcommerce_names_the_order_and_what_happened() {
    let sandbox = two_stores().await;
    let created = sandbox.place_order(HASH, order()).unwrap();
    assert_eq!((created.order.as_str(), created.topic), ("100", "store/order/created"));
    let mut thin = body(&created);
    let hash = thin["hash"].take();
    assert!(hash.as_str().unwrap().len() == 40, "{hash}");
    assert!((sandbox.clock().now().timestamp() - thin["created_at"].take().as_i64().unwrap()).abs() <= 1);
    let data = json!({ "type": "order", "id": 100 });
    let expected = json!({
        "scope": "store/order/created", "store_id": "1025646", "producer": "stores/abc123", "data": data,
        "hash": null, "created_at": null,
    });
    assert_eq!(thin, expected);

    let completed = sandbox.set_status(HASH, "100", "Completed").unwrap();
    assert_eq!(completed.topic, "store/order/statusUpdated");
    assert_eq!(body(&completed)["data"]["status"], json!({ "previous_status_id": 11, "new_status_id": 10 }));
    let topics = [
        sandbox.set_username(HASH, "100", Some("moritz")).unwrap().topic,
        sandbox.pay(HASH, "100").unwrap().topic,
        sandbox.refund(HASH, "100", 0, 1).unwrap().topic,
        sandbox.cancel(HASH, "100").unwrap().topic,
        sandbox.archive(HASH, "100").unwrap().topic,
    ];
    let expected = ["updated", "updated", "refund/created", "statusUpdated", "archived"];
    assert_eq!(topics, expected.map(|topic| format!("store/order/{topic}")));
}

#[tokio::test]
async fn square_names_the_order_its_version_and_its_state() {
    let sandbox = two_stores().await;
    let created = sandbox.place_order(MERCHANT, NewOrder { id: Some("S1".into()), ..order() }).unwrap();
    assert_eq!(created.topic, "order.created");
    let thin = body(&created);
    assert_eq!((&thin["merchant_id"], &thin["type"]), (&json!(MERCHANT), &json!("order.created")));
    uuid::Uuid::parse_str(thin["event_id"].as_str().unwrap()).unwrap();
    let data = json!({ "type": "order_created", "id": "S1", "object": { "order_created": {
        "order_id": "S1", "version": 1, "state": "OPEN", "location_id": "LSANDBOX00001", "created_at": thin["created_at"],
    }}});
    assert_eq!(thin["data"], data);

    sandbox.clock().advance(TimeDelta::hours(1));
    let updated = body(&sandbox.cancel(MERCHANT, "S1").unwrap());
    let data = json!({ "type": "order_updated", "id": "S1", "object": { "order_updated": {
        "order_id": "S1", "version": 2, "state": "CANCELED", "location_id": "LSANDBOX00001",
        "created_at": thin["created_at"], "updated_at": updated["created_at"],
    }}});
    assert_eq!((&updated["type"], &updated["data"]), (&json!("order.updated"), &data));
    assert_ne!(updated["event_id"], thin["event_id"]);
}

#[tokio::test]
async fn two_changes_in_one_second_are_two_webhooks() {
    let sandbox = two_stores().await;
    for store in [HASH, MERCHANT] {
        let id = sandbox.place_order(store, order()).unwrap().order;
        let first = sandbox.pay(store, &id).unwrap();
        assert_ne!(sandbox.pay(store, &id).unwrap().body, first.body, "{store}");
    }
}

#[tokio::test]
async fn a_store_with_a_subscription_sends_what_it_returns() {
    let (receiver, url) = Receiver::start(&[]).await;
    let sandbox = sandbox().await;
    sandbox.connect(bigcommerce(Some(to(&url)))).unwrap();
    let webhook = sandbox.place_order(HASH, order()).unwrap();
    sandbox.webhooks_settled().await.unwrap();
    assert_eq!(receiver.bodies(), [webhook.body.as_str()]);
    let received = receiver.received.lock();
    let headers = &received[0].0;
    assert_eq!(headers["content-type"], "application/json");
    let outgoing = providers::Outgoing { address: &url, body: webhook.body.as_bytes(), at: sandbox.clock().now() };
    for (name, _) in providers::of(Platform::BigCommerce.provider()).sign(&outgoing, "secret") {
        assert!(headers.contains_key(name), "{name}");
    }
    let sent = SentWebhook {
        number: 1,
        store: webhook.store,
        order: webhook.order,
        topic: webhook.topic,
        state: SendingState::Delivered,
        attempts: vec![Attempt::Answered { status: 202 }],
    };
    assert_eq!(sandbox.webhooks(), [sent]);
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_with_the_same_bytes() {
    let (receiver, url) = Receiver::start(&[503]).await;
    let sandbox = sandbox().await;
    sandbox.connect(square(Some(to(&url)))).unwrap();
    sandbox.place_order(MERCHANT, order()).unwrap();
    sandbox.webhooks_settled().await.unwrap();
    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
    let retries = receiver
        .received
        .lock()
        .iter()
        .map(|(headers, _)| headers.get("square-retry-number").cloned())
        .collect::<Vec<_>>();
    assert_eq!(retries, [None, Some("1".parse().unwrap())]);
    let sent = &sandbox.webhooks()[0];
    let attempts = [Attempt::Answered { status: 503 }, Attempt::Answered { status: 202 }];
    assert_eq!((sent.state, sent.attempts.as_slice()), (SendingState::Delivered, attempts.as_slice()));
}

#[tokio::test]
async fn what_cannot_be_sent_is_given_up() {
    let sandbox = sandbox().await;
    sandbox.connect(bigcommerce(Some(to("no address")))).unwrap();
    sandbox.place_order(HASH, order()).unwrap();
    sandbox.webhooks_settled().await.unwrap();
    let sent = &sandbox.webhooks()[0];
    let failure = Attempt::Failed { failure: "the address or a header cannot be used" };
    assert_eq!((sent.state, sent.attempts.as_slice()), (SendingState::GivenUp, [failure; 3].as_slice()));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (receiver, url) = Receiver::start(&[301, 302, 200]).await;
    let sandbox = sandbox().await;
    sandbox.connect(bigcommerce(Some(to(&url)))).unwrap();
    sandbox.place_order(HASH, order()).unwrap();
    sandbox.webhooks_settled().await.unwrap();
    let attempts = [301, 302, 200].map(|status| Attempt::Answered { status });
    assert_eq!(sandbox.webhooks()[0].attempts, attempts);
    assert_eq!(receiver.bodies().len(), 3);
}

#[tokio::test]
async fn webhooks_that_nobody_takes_do_not_pile_up_for_ever() {
    // Connections to it are made, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = sandbox().await;
    sandbox.connect(bigcommerce(Some(to(&format!("http://{}", silent.local_addr().unwrap()))))).unwrap();
    let id = sandbox.place_order(HASH, order()).unwrap().order;
    for _ in 1..10_000 {
        sandbox.pay(HASH, &id).unwrap();
    }
    assert_eq!(sandbox.pay(HASH, &id), Err(ControlError::Full { limit: 10_000 }));
    assert_eq!(sandbox.report().stores[0].orders[0].version, 10_000, "what is not reported does not happen");
}

#[tokio::test]
async fn the_last_webhooks_are_remembered() {
    let (_, url) = Receiver::start(&[]).await;
    let sandbox = sandbox().await;
    sandbox.connect(bigcommerce(Some(to(&url)))).unwrap();
    for _ in 0..1_001 {
        sandbox.place_order(HASH, NewOrder::default()).unwrap();
    }
    sandbox.webhooks_settled().await.unwrap();
    let sent = sandbox.webhooks();
    assert_eq!((sent.len(), sent[0].number, sent[999].number), (1_000, 2, 1_001));
    assert!(sent.iter().all(|sent| sent.state == SendingState::Delivered));
}
