//! A subscriber's server: a real one on loopback, which verifies what it gets and responds as its script says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use commerce::{Secret, verify};
use event_log::clock::Clock;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

const TIMEOUT: Duration = Duration::from_secs(20);

/// What a receiver got.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) bytes: Bytes,
}

impl Notification {
    pub(crate) fn id(&self) -> String {
        self.header("webhook-id")
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers[name].to_str().expect("headers are text").to_owned()
    }

    pub(crate) fn event_type(&self) -> &str {
        self.body["type"].as_str().expect("an event has a type")
    }
}

struct Shared {
    notifications: mpsc::UnboundedSender<Notification>,
    /// The responses to come; then 204.
    script: Mutex<VecDeque<(u16, &'static str)>>,
    hangs: AtomicBool,
    goes_on: Notify,
    secret: Mutex<Option<Secret>>,
    /// For so many seconds it wants nothing after a failure.
    retry_after: Mutex<Option<u32>>,
    clock: Clock,
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
    notifications: mpsc::UnboundedReceiver<Notification>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start(clock: &Clock) -> Self {
        let (sender, notifications) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            notifications: sender,
            script: Mutex::default(),
            hangs: AtomicBool::new(false),
            goes_on: Notify::new(),
            secret: Mutex::default(),
            retry_after: Mutex::default(),
            clock: clock.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}/hooks", listener.local_addr().expect("it is bound"));
        let router = Router::new().fallback(receive).with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, notifications, serving }
    }

    /// From now on, what is not signed with it fails the story.
    pub(crate) fn expects(&self, secret: &str) {
        *self.shared.secret.lock() = Some(Secret::parse(secret).expect("it is a secret"));
    }

    /// How it responds to the next requests.
    pub(crate) fn responds(&self, responses: impl IntoIterator<Item = u16>) {
        self.shared.script.lock().extend(responses.into_iter().map(|status| (status, "so it is")));
    }

    pub(crate) fn responds_always(&self, status: u16) {
        self.responds(std::iter::repeat_n(status, 100_000));
    }

    /// After each failure from now on it wants to be left alone for so many seconds.
    pub(crate) fn asks_for(&self, seconds: Option<u32>) {
        *self.shared.retry_after.lock() = seconds;
    }

    /// Its script ends.
    pub(crate) fn is_mended(&self) {
        self.shared.script.lock().clear();
    }

    /// Takes requests and does not respond, until it is let go on.
    pub(crate) fn hangs(&self) {
        self.shared.hangs.store(true, Ordering::SeqCst);
    }

    /// Responds to the next requests. Those that hang wait on.
    pub(crate) fn hangs_no_more(&self) {
        self.shared.hangs.store(false, Ordering::SeqCst);
    }

    pub(crate) fn goes_on(&self) {
        self.hangs_no_more();
        self.shared.goes_on.notify_waiters();
    }

    pub(crate) async fn next(&mut self) -> Notification {
        let next = tokio::time::timeout(TIMEOUT, self.notifications.recv()).await;
        next.expect("a notification comes in time").expect("the receiver runs")
    }

    pub(crate) async fn take(&mut self, count: usize) -> Vec<Notification> {
        let mut taken = vec![];
        while taken.len() < count {
            taken.push(self.next().await);
        }
        taken
    }

    /// What came and was not taken yet.
    pub(crate) fn more(&mut self) -> Vec<Notification> {
        std::iter::from_fn(|| self.notifications.try_recv().ok()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> axum::response::Response {
    if let Some(secret) = shared.secret.lock().clone() {
        verify(&headers, &body, &[secret], shared.clock.now()).expect("it is signed with the endpoint's secret");
    }
    let (bytes, body) = (body.clone(), serde_json::from_slice(&body).expect("a notification is JSON"));
    let response = shared.script.lock().pop_front();
    let (goes_on, is_to_hang) = (shared.goes_on.notified(), shared.hangs.load(Ordering::SeqCst));
    shared.notifications.send(Notification { headers, body, bytes }).ok();
    if is_to_hang {
        goes_on.await;
    }
    let (status, text) = response.unwrap_or((204, ""));
    let status = StatusCode::from_u16(status).expect("it is a status");
    let retry_after = shared.retry_after.lock().filter(|_| !status.is_success());
    let headers = retry_after.map(|seconds| [("retry-after", seconds.to_string())]);
    match headers {
        Some(headers) => (status, headers, text).into_response(),
        None => (status, text).into_response(),
    }
}
