//! A server with a handler, and what its callbacks were called with.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use cloud_bridge_webhook_handler::{Builder, InventoryChange, OrderComplete, ProductChange, WebhookHandler};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

use crate::webhooks::{ADDRESS, GATEWAY_SECRET, SHOPIFY_SECRET, SQUARE_KEY, Webhook};

/// What is waited for to the end, and longer than what must not time out takes on a busy machine.
pub(crate) const SHORT: Duration = Duration::from_millis(500);
/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// What a callback was called with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fired {
    Inventory(InventoryChange),
    Order(OrderComplete),
    Product(ProductChange),
}

/// What a request got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

/// When the webhooks of these tests are sent.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_773_489_600, 0).expect("it is a time")
}

/// All senders, all callbacks, and a clock that stands still.
pub(crate) fn recording() -> (Builder, UnboundedReceiver<Fired>) {
    let (fired, received) = mpsc::unbounded_channel();
    let builder = all_senders()
        .on_inventory_change({
            let fired = fired.clone();
            move |change| std::future::ready(fired.send(Fired::Inventory(change)))
        })
        .on_order_complete({
            let fired = fired.clone();
            move |order| std::future::ready(fired.send(Fired::Order(order)))
        })
        .on_product_change(move |change| std::future::ready(fired.send(Fired::Product(change))));
    (builder, received)
}

pub(crate) fn all_senders() -> Builder {
    WebhookHandler::builder()
        .shopify_secret(SHOPIFY_SECRET)
        .shopify_currency("EUR")
        .square(SQUARE_KEY, ADDRESS)
        .gateway_secret(GATEWAY_SECRET)
        .clock(now)
}

/// A server on loopback, until it is dropped.
pub(crate) struct Server {
    pub handler: WebhookHandler,
    pub address: SocketAddr,
    client: reqwest::Client,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(builder: Builder) -> Self {
        let handler = builder.build().expect("it is a handler");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it listens");
        let router = Router::new().fallback_service(handler.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { handler, address, client: reqwest::Client::new(), task }
    }

    /// Sends a webhook to the handler's own path.
    pub(crate) async fn post(&self, webhook: &Webhook) -> Answer {
        self.send(webhook.request(&self.client, &format!("http://{}/api/webhooks", self.address))).await
    }

    pub(crate) async fn request(&self, method: &str, path: &str) -> Answer {
        let method = method.parse().expect("it is a method");
        self.send(self.client.request(method, format!("http://{}{path}", self.address))).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = timeout(LONG, request.send()).await.expect("it responds").expect("it is HTTP");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = timeout(LONG, response.bytes()).await.expect("it responds").expect("it is whole");
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// Begins a request that declares more than it sends.
    pub(crate) async fn begin(&self, webhook: &Webhook) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let headers: Vec<_> = webhook.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let start = format!("POST /api/webhooks HTTP/1.1\r\nhost: {}\r\ncontent-length: 1000\r\n", self.address);
        stream.write_all(format!("{start}{}\r\n{{", headers.concat()).as_bytes()).await.expect("it reads");
        stream
    }

    /// Waits until everything that was accepted has been handled.
    pub(crate) async fn drain(&self) {
        self.handler.drain(LONG).await.expect("the callbacks return");
    }
}

/// The status line of what the server sends.
pub(crate) async fn status_line(stream: &mut TcpStream) -> String {
    let mut head = vec![0; 12];
    timeout(LONG, stream.read_exact(&mut head)).await.expect("it responds").expect("it is whole");
    String::from_utf8(head).expect("it is text")
}

/// The next event.
pub(crate) async fn next(fired: &mut UnboundedReceiver<Fired>) -> Fired {
    timeout(LONG, fired.recv()).await.expect("a callback is called").expect("there are callbacks")
}

/// Everything that fires of what was accepted so far. Nothing is accepted after it.
pub(crate) async fn all(server: &Server, fired: &mut UnboundedReceiver<Fired>) -> Vec<Fired> {
    server.drain().await;
    std::iter::from_fn(|| fired.try_recv().ok()).collect()
}
