//! A subscriber's server on loopback: it keeps what it received, and always responds the same.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

pub(crate) struct Receiver {
    pub(crate) address: String,
    received: Received,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn responding(status: StatusCode, body: &'static str) -> Self {
        let received = Received::default();
        let kept = Arc::clone(&received);
        let take = post(move |headers: HeaderMap, bytes: Bytes| {
            kept.lock().push((headers, bytes));
            std::future::ready((status, body))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            axum::serve(listener, Router::new().route("/webhooks", take)).await.unwrap();
        });
        Self { address, received, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    pub(crate) fn received(&self) -> Vec<(HeaderMap, Bytes)> {
        self.received.lock().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
