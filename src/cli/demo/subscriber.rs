//! Subscribers of the demonstration: real receivers, which verify what they get. One prints it, one fails at first.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use commerce::Secret;
use event_log::clock::Clock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::app::keys;
use crate::cli::{Client, bind, event_line};

/// Lines that are kept until they are printed; the oldest go first.
const MAX_LINES: usize = 1_000;

const CREATE: &str = "mutation($input: CreateEndpointInput!) {
  createEndpoint(input: $input) { endpoint { id } userErrors { code message field } } }";
const UNDELIVERED: &str =
    "{ dispatches(first: 1, filter: { statuses: [QUEUED, RETRYING, DEAD_LETTER] }) { nodes { id } } }";

pub(super) struct Subscriber {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    secret: Secret,
    seen: Mutex<Seen>,
    changed: Notify,
}

/// What a subscriber has got.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) events: u64,
    /// What was not signed with its secret.
    pub(super) forged: u64,
    /// How often it has failed, and is to fail yet.
    pub(super) failed: u64,
    to_fail: u64,
    lines: VecDeque<String>,
}

impl Subscriber {
    /// Listens, and has events of these types sent to it. It fails the first so many times.
    pub(super) async fn subscribe(client: &Client, what: &str, types: &[&str], to_fail: u64) -> anyhow::Result<Self> {
        let listener = bind("127.0.0.1:0").await?;
        let url = format!("http://{}/webhooks", listener.local_addr()?);
        let secret = keys::new_endpoint_secret();
        let input = json!({
            "url": url, "eventTypes": types, "description": what, "signingSecret": secret.expose(),
        });
        let seen = Mutex::new(Seen { to_fail, ..Seen::default() });
        let shared = Arc::new(Shared { secret, seen, changed: Notify::new() });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "a subscriber of the demonstration ended");
            }
        });
        let subscriber = Self { shared, serving };
        client
            .change(CREATE, json!({ "input": input }), "createEndpoint")
            .await
            .context("a subscriber has no endpoint")?;
        Ok(subscriber)
    }

    pub(super) fn seen(&self) -> Seen {
        self.shared.seen.lock().clone()
    }

    /// The lines of events that were not taken yet, once there are any.
    pub(super) async fn lines(&self) -> Vec<String> {
        loop {
            // Registered before it is examined, or a change between the two would be missed.
            let changed = self.shared.changed.notified();
            let lines: Vec<String> = self.shared.seen.lock().lines.drain(..).collect();
            if !lines.is_empty() {
                return lines;
            }
            changed.await;
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        json!({ "events": self.events, "forged": self.forged, "failed": self.failed })
    }
}

/// Whether everything that was to be sent was delivered.
pub(super) async fn all_delivered(client: &Client) -> anyhow::Result<bool> {
    let found = client.ask(UNDELIVERED, json!({})).await?;
    Ok(found["dispatches"]["nodes"].as_array().is_some_and(Vec::is_empty))
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let now = Clock::default().now();
    let is_verified = commerce::verify(&headers, &body, std::slice::from_ref(&shared.secret), now).is_ok();
    let mut seen = shared.seen.lock();
    if !is_verified {
        seen.forged += 1;
        return StatusCode::UNAUTHORIZED;
    }
    if seen.failed < seen.to_fail {
        seen.failed += 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    seen.events += 1;
    if seen.lines.len() == MAX_LINES {
        seen.lines.pop_front();
    }
    seen.lines.push_back(event_line(now, &serde_json::from_slice(&body).unwrap_or_default()));
    drop(seen);
    shared.changed.notify_one();
    StatusCode::NO_CONTENT
}
