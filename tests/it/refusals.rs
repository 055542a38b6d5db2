//! Refused requests: whatever is wrong with one, its sender hears it, as JSON and in a sentence.

use std::time::Duration;

use domain::integration::Provider;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{TestApp, text};
use crate::engines::{Engine, on_each_engine};

/// Sends a request and returns its status and error code, after a look at the form of the answer.
async fn refused(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.expect("the answer is heard");
    let status = response.status();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    assert_eq!(kind.as_deref(), Some("application/json"), "{status}");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        assert!(response.headers().contains_key("allow"));
    }
    let body: Value = response.json().await.expect("answers are JSON");
    let message = text(&body["error"]["message"]);
    assert!(message.contains(' ') && !message.contains("Error"), "{message} is a sentence");
    (status.as_u16(), text(&body["error"]["code"]))
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

on_each_engine! {
    async fn graphql_says_what_is_wrong_with_a_request(app: &TestApp) {
        let http = reqwest::Client::new();
        let url = format!("{}/graphql", app.node.url);
        let key = &app.admin.api_key;
        let post = |body: String| http.post(&url).bearer_auth(key).header("content-type", "application/json").body(body);
        let large = json!({ "query": format!("{{ account {{ id }} }} # {}", "x".repeat(256 * 1_024)) }).to_string();
        assert_eq!(refused(post(large)).await, code(413, "too_large"));
        assert_eq!(refused(post("x".repeat(5 * 1_024 * 1_024))).await, code(413, "too_large"));
        for (body, reason) in [
            ("", "malformed_body"),
            ("{\"query\":", "malformed_body"),
            ("\u{0}", "malformed_body"),
            ("[]", "batch_not_supported"),
            ("{\"query\":5}", "malformed_request"),
            ("{\"variables\":{}}", "missing_query"),
        ] {
            assert_eq!(refused(post(body.to_owned())).await, code(400, reason), "{body}");
        }
        let form = http.post(&url).bearer_auth(key).form(&[("query", "{ account { id } }")]);
        assert_eq!(refused(form).await, code(415, "unsupported_media_type"));
        assert_eq!(refused(http.delete(&url)).await, code(405, "method_not_allowed"));
        let upgrade = http.get(&url).header("upgrade", "websocket");
        assert_eq!(refused(upgrade).await.1, "not_a_socket");
    }

    async fn an_address_that_is_none_is_not_found(app: &TestApp) {
        let http = reqwest::Client::new();
        let at = |method: Method, path: &str| http.request(method, format!("{}{path}", app.node.url));
        for path in ["/api/webhooks/generic/%ff", "/api/webhooks/generic/42", "/api/webhooks/generic/%00"] {
            assert_eq!(refused(at(Method::POST, path)).await, code(404, "unknown_integration"), "{path}");
        }
        assert_eq!(refused(at(Method::POST, "/api/webhooks/etsy/42")).await, code(404, "unknown_provider"));
        assert_eq!(refused(at(Method::GET, "/api/webhooks/generic/42")).await, code(405, "method_not_allowed"));
        assert_eq!(refused(at(Method::POST, "/api/webhooks/generic")).await, code(404, "not_found"));
        assert_eq!(refused(at(Method::POST, "/health")).await, code(405, "method_not_allowed"));
    }

    async fn a_store_that_sends_too_much_hears_that_it_did(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await;
        for size in [2 * 1_024 * 1_024 + 1, 6 * 1_024 * 1_024] {
            shop.post_bytes(vec![b'x'; size], &[]).await.refused(413, "too_large");
        }
        // Nor does an answer get lost that was given before the body was read.
        shop.update(json!({ "active": false })).await;
        shop.post_bytes(vec![b'x'; 6 * 1_024 * 1_024], &[]).await.refused(404, "unknown_integration");
    }
}

/// No storage is touched, and it takes the ten seconds that a body has: once is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_on_its_way_is_refused_and_counted() {
    crate::app::run(Engine::Sqlite, async |app| {
        let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await;
        let mut socket = TcpStream::connect(app.node.url.trim_start_matches("http://")).await.unwrap();
        let head = format!("POST {} HTTP/1.1\r\nhost: bridge\r\ncontent-length: 100\r\n\r\nabc", shop.path());
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let whole = tokio::time::timeout(Duration::from_secs(20), socket.read_to_string(&mut answer)).await;
        whole.expect("it is answered in time").unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains(r#""code":"too_slow""#), "{answer}");
        let metrics = app.get("/metrics").await.text().await.unwrap();
        assert!(metrics.contains("cloud_bridge_webhooks_refused_total{reason=\"too_slow\"} 1"), "{metrics}");
    })
    .await;
}
