//! What is refused, with which status, and that it says why.

use std::time::Duration;

use chrono::TimeDelta;
use commerce::CommerceEventType as Type;
use tokio::io::AsyncWriteExt as _;

use crate::server::{Server, all_senders, now, recording, status_line};
use crate::webhooks::*;

async fn refused(server: &Server, webhook: &Webhook) -> (u16, String) {
    let answer = server.post(webhook).await;
    assert_eq!(answer.body["status"], "refused", "{answer:?}");
    assert!(!answer.body["reason"].as_str().expect("it says why").is_empty());
    (answer.status, answer.body["code"].as_str().expect("it has a code").to_owned())
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn what_no_configured_secret_signed_is_refused_with_403() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    for webhook in [shopify_order(1, "paid"), square_order("event-1", "COMPLETED"), gateway(&event(Type::OrderPaid, 1))]
    {
        let changed = webhook.clone().with_body(webhook.body.replace('1', "2"));
        assert_eq!(refused(&server, &changed).await, code(403, "signature_wrong"), "{}", webhook.body);
        let mut malformed = webhook.clone();
        for (name, value) in &mut malformed.headers {
            if name.to_lowercase().ends_with("signature") || name.to_lowercase().ends_with("sha256") {
                *value = "no signature".to_owned();
            }
        }
        assert_eq!(refused(&server, &malformed).await, code(403, "signature_malformed"), "{}", webhook.body);
        let unsigned = Webhook { headers: vec![], body: webhook.body.clone() };
        assert_eq!(refused(&server, &unsigned).await, code(403, "not_signed"), "{}", webhook.body);
    }
    assert!(crate::server::all(&server, &mut fired).await.is_empty());
}

#[tokio::test]
async fn a_sender_without_a_secret_here_is_refused_by_name() {
    let builder = cloud_bridge_webhook_handler::WebhookHandler::builder().shopify_secret(SHOPIFY_SECRET);
    let server = Server::start(builder.on_order_complete(|_| async {})).await;
    let answer = server.post(&square_order("event-1", "COMPLETED")).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (403, Some("sender_not_configured")));
    assert!(answer.body["reason"].as_str().expect("it says why").contains("Square"), "{answer:?}");
}

#[tokio::test]
async fn a_webhook_of_two_senders_is_of_neither() {
    let server = Server::start(recording().0).await;
    let mut both = shopify_order(1, "paid");
    both.headers.extend(square_order("event-1", "COMPLETED").headers);
    assert_eq!(refused(&server, &both).await, code(400, "signed_twice"));
}

#[tokio::test]
async fn a_signature_of_square_is_valid_for_the_address_of_its_subscription() {
    let server = Server::start(
        cloud_bridge_webhook_handler::WebhookHandler::builder()
            .square(SQUARE_KEY, "https://shop.example.com/api/webhooks/")
            .square("another key", ADDRESS)
            .on_order_complete(|_| async {}),
    )
    .await;
    assert_eq!(refused(&server, &square_order("event-1", "COMPLETED")).await, code(403, "signature_wrong"));
}

#[tokio::test]
async fn each_of_several_secrets_verifies_while_one_is_changed() {
    let new = "whsec_CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
    let server = Server::start(
        cloud_bridge_webhook_handler::WebhookHandler::builder()
            .shopify_secret("shpss_new")
            .shopify_secret(format!(" {SHOPIFY_SECRET}\n"))
            .square("a new key", ADDRESS)
            .square(SQUARE_KEY, ADDRESS)
            .gateway_secret(new)
            .gateway_secret(GATEWAY_SECRET)
            .clock(now)
            .on_order_complete(|_| async {}),
    )
    .await;
    for webhook in [shopify_order(1, "paid"), square_order("event-1", "COMPLETED"), gateway(&event(Type::OrderPaid, 1))]
    {
        assert_eq!(server.post(&webhook).await.status, 200, "{}", webhook.body);
    }
}

#[tokio::test]
async fn a_signed_time_is_valid_for_five_minutes_either_way() {
    let server = Server::start(recording().0).await;
    let body = String::from_utf8(event(Type::OrderPaid, 1).body()).expect("it is JSON");
    for (seconds, status) in [(-301, 403), (-300, 200), (300, 200), (301, 403)] {
        let webhook = gateway_body(body.clone(), now() + TimeDelta::seconds(seconds));
        assert_eq!(server.post(&webhook).await.status, status, "{seconds}");
    }
    let late = gateway_body(body, now() - TimeDelta::hours(1));
    assert_eq!(refused(&server, &late).await, code(403, "signature_expired"));
}

#[tokio::test]
async fn a_signed_body_that_is_not_as_its_schema_says_is_refused_with_400_and_the_field() {
    let server = Server::start(recording().0).await;
    let paid = String::from_utf8(event(Type::OrderPaid, 1).body()).expect("it is JSON");
    for (webhook, field) in [
        (shopify("products/update", "{"), "line 1"),
        (shopify("products/update", r#"{"title":"Storm"}"#), "`id`"),
        (shopify("orders/paid", "<order/>"), "format JSON"),
        (square_body(r#"{"type":"order.updated","event_id":"event-1","data":{}}"#), "order_updated.order_id"),
        (gateway_body("{}".to_owned(), now()), "id"),
        (gateway_body(paid.replace(r#""orderId""#, r#""order""#), now()), "orderId"),
        (gateway_body(paid.replace(r#""quantity":2"#, r#""quantity":-2"#), now()), "items[0].quantity"),
        (gateway_body(paid.replace(r#""accountId""#, r#""account""#), now()), "accountId"),
    ] {
        let answer = server.post(&webhook).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (400, Some("malformed")), "{}", webhook.body);
        assert!(answer.body["reason"].as_str().expect("it says why").contains(field), "{answer:?}");
    }
}

#[tokio::test]
async fn a_webhook_of_shopify_without_its_topic_is_refused() {
    let server = Server::start(recording().0).await;
    let webhook = shopify_order(1, "paid").without("x-shopify-topic");
    assert_eq!(refused(&server, &webhook).await, code(400, "no_topic"));
    // Its newer webhooks name it otherwise.
    let newer = webhook.with("shopify-topic", "Order").with("shopify-action", "update");
    assert_eq!(server.post(&newer).await.status, 200);
}

#[tokio::test]
async fn a_sample_is_verified_and_read_and_reaches_no_callback() {
    let (builder, mut fired) = recording();
    let server = Server::start(builder).await;
    let event = gateway(&event(Type::OrderPaid, 1));
    let sample = event.clone().with("webhook-test", "true");
    let answer = server.post(&sample).await;
    assert_eq!((answer.status, answer.body), (200, serde_json::json!({ "status": "test" })));
    let changed = sample.clone().with_body(sample.body.replace('1', "2"));
    assert_eq!(refused(&server, &changed).await, code(403, "signature_wrong"));
    let malformed = gateway_body("{}".to_owned(), now()).with("webhook-test", "true");
    assert_eq!(refused(&server, &malformed).await, code(400, "malformed"));
    assert_eq!(server.handler.waiting(), 0);
    // Its id is not remembered.
    assert_eq!(server.post(&event).await.body["status"], "accepted");
    // Stores send no samples: what is not signed makes nothing one.
    let order = shopify_order(2, "paid").with("webhook-test", "true");
    assert_eq!(server.post(&order).await.body["status"], "accepted");
    assert_eq!(crate::server::all(&server, &mut fired).await.len(), 2);
}

#[tokio::test]
async fn one_path_takes_one_method() {
    let server = Server::start(recording().0).await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = server.request(method, "/api/webhooks").await;
        assert_eq!((answer.status, answer.headers["allow"].as_bytes()), (405, &b"POST"[..]), "{method}");
    }
    for path in ["/", "/api/webhooks/", "/api/webhooks/shopify"] {
        assert_eq!(server.request("POST", path).await.status, 404, "{path}");
    }
    let (builder, _fired) = recording();
    let elsewhere = Server::start(builder.path("/hooks")).await;
    assert_eq!(elsewhere.request("GET", "/hooks").await.status, 405);
    assert_eq!(elsewhere.request("GET", "/api/webhooks").await.status, 404);
}

#[tokio::test]
async fn a_body_is_as_long_as_the_limit_whether_it_declares_its_length_or_not() {
    let (builder, _fired) = recording();
    let server = Server::start(builder.max_body_bytes(1_000)).await;
    let of = |bytes: usize| {
        let padding = bytes - r#"{"id":""}"#.len();
        shopify("carts/update", format!(r#"{{"id":"{}"}}"#, "x".repeat(padding)))
    };
    assert_eq!(server.post(&of(1_000)).await.status, 200);
    assert_eq!(refused(&server, &of(1_001)).await, code(413, "too_large"));
    // In chunks.
    let url = format!("http://{}/api/webhooks", server.address);
    for (bytes, status) in [(1_000, 200), (1_001, 413), (100_000, 413)] {
        let webhook = of(bytes);
        let chunked = reqwest::Body::wrap(http_body_util::StreamBody::new(chunks(&webhook.body)));
        let request = webhook.request(&reqwest::Client::new(), &url).body(chunked);
        assert_eq!(server.send(request).await.status, status, "{bytes}");
    }
}

fn chunks(
    body: &str,
) -> impl futures_util::Stream<Item = Result<http_body::Frame<bytes::Bytes>, std::io::Error>> + use<> {
    let frames: Vec<_> = body
        .as_bytes()
        .chunks(100)
        .map(|chunk| Ok(http_body::Frame::data(bytes::Bytes::copy_from_slice(chunk))))
        .collect();
    futures_util::stream::iter(frames)
}

#[tokio::test]
async fn a_body_that_declares_to_be_too_long_is_refused_before_it_is_read() {
    let builder = all_senders().on_order_complete(|_| async {}).response_timeout(Duration::from_millis(50));
    let server = Server::start(builder.max_body_bytes(999)).await;
    let mut stream = server.begin(&shopify_order(1, "paid")).await;
    assert_eq!(status_line(&mut stream).await, "HTTP/1.1 413");
}

#[tokio::test]
async fn a_client_that_sends_all_of_its_body_first_still_learns_that_it_is_refused() {
    let (builder, _fired) = recording();
    let server = Server::start(builder.response_timeout(crate::server::LONG).max_body_bytes(32_000_000)).await;
    // More than what lies between client and server: otherwise the client would not notice.
    let body = "x".repeat(32_000_000);
    let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("it listens");
    let head = format!("POST /api/webhooks HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    for part in [head.as_bytes(), body.as_bytes()] {
        stream.write_all(part).await.expect("it reads");
    }
    assert_eq!(status_line(&mut stream).await, "HTTP/1.1 403");
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_given_up() {
    let builder = all_senders().on_order_complete(|_| async {}).response_timeout(Duration::from_millis(50));
    let server = Server::start(builder).await;
    let mut stream = server.begin(&shopify_order(1, "paid")).await;
    assert_eq!(status_line(&mut stream).await, "HTTP/1.1 408");
}

#[tokio::test]
async fn the_content_type_is_not_read_since_what_is_signed_is_the_body() {
    let server = Server::start(recording().0).await;
    for (id, content_type) in [(1, "application/json; charset=utf-8"), (2, "text/plain"), (3, "")] {
        let webhook = shopify_order(id, "paid").with("content-type", content_type);
        assert_eq!(server.post(&webhook).await.status, 200, "{content_type:?}");
    }
}
