//! A handler: a request comes in, is verified, read, and queued for the callbacks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{Method, Request};
use http_body::Body;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::body;
use crate::builder::Builder;
use crate::event::{InventoryChange, OrderComplete, ProductChange};
use crate::lane::{Lane, Queueing, Reserved};
use crate::memory::{Claim, Memory};
use crate::reading::{self, Reading};
use crate::refusal::Refusal;
use crate::sender::Senders;

/// How long the memory may take. A response does not wait for it so long: the webhook is then refused, and still queued if
/// the memory says that it is new.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) type Clock = Box<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Receives the webhooks of one path: a [`tower::Service`](tower_service::Service) for axum, hyper and whatever else speaks
/// tower. A clone is the same handler.
///
/// Made by [`WebhookHandler::builder`]; ended by [`WebhookHandler::drain`].
#[derive(Clone)]
pub struct WebhookHandler(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) path: String,
    pub(crate) senders: Senders,
    pub(crate) clock: Clock,
    pub(crate) memory: Arc<dyn Memory>,
    pub(crate) max_body_bytes: usize,
    pub(crate) response_timeout: Duration,
    /// Requests that are being received.
    pub(crate) requests: Semaphore,
    pub(crate) queueing: Queueing,
    pub(crate) inventory: Lane<InventoryChange>,
    pub(crate) orders: Lane<OrderComplete>,
    pub(crate) products: Lane<ProductChange>,
    /// Of two webhooks the one that the memory is asked about first is queued first: otherwise the older of two states could
    /// come last.
    pub(crate) in_turn: Mutex<()>,
}

/// What came of a webhook that is not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Receipt {
    /// A callback is called for it.
    Accepted,
    /// It says nothing new.
    Duplicate,
    /// There is no callback for what it says.
    Ignored,
    /// It is a sample: nothing has happened.
    Test,
}

/// The callbacks had not handled everything in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{events} events were accepted and not handled in time: they are lost when the process ends")]
pub struct Unfinished {
    /// Events that were accepted and not handled.
    pub events: usize,
}

struct Admission {
    webhook: Claim,
    inventory: Reserved<InventoryChange>,
    orders: Reserved<OrderComplete>,
    products: Reserved<ProductChange>,
}

impl WebhookHandler {
    /// What a handler is made of.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Accepts no more webhooks, and waits until the callbacks have handled those that were accepted. From the first call on
    /// every request is refused with 503, so that its sender repeats it.
    ///
    /// Call it after the server has ended, and before the process does.
    ///
    /// # Errors
    /// Where the callbacks need longer than `at_most`. They go on as long as the runtime does.
    pub async fn drain(&self, at_most: Duration) -> Result<(), Unfinished> {
        let Queueing { closing, waiting, .. } = &self.0.queueing;
        closing.send_replace(true);
        // Each queue's task holds a receiver until its queue is empty.
        match timeout(at_most, closing.closed()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Unfinished { events: waiting.load(Ordering::Relaxed) }),
        }
    }

    /// Events that were accepted and are not handled yet, for a metric.
    pub fn waiting(&self) -> usize {
        self.0.queueing.waiting.load(Ordering::Relaxed)
    }

    /// Receives a request, within the time that a response may take.
    pub(crate) async fn receive<B: Body>(&self, request: Request<B>) -> Result<Receipt, Refusal> {
        let deadline = Instant::now() + self.0.response_timeout;
        let (parts, body) = request.into_parts();
        let mut body = Box::pin(body);
        let received = self.admit(&parts, &mut body, deadline).await;
        if received.is_err() {
            // In vain where the client needs longer for it than a response may take.
            timeout_at(deadline, body::discard(&mut body, self.0.max_body_bytes)).await.unwrap_or_default();
        }
        received
    }

    async fn admit<B: Body + Unpin>(&self, parts: &Parts, body: &mut B, deadline: Instant) -> Result<Receipt, Refusal> {
        let inner = &self.0;
        if parts.uri.path() != inner.path {
            return Err(Refusal::UnknownPath);
        }
        if parts.method != Method::POST {
            return Err(Refusal::Method);
        }
        if *inner.queueing.closing.borrow() {
            return Err(Refusal::Closing);
        }
        let sender = inner.senders.sender(&parts.headers)?;
        let _place = inner.requests.try_acquire().map_err(|_| Refusal::TooManyRequests)?;
        let body =
            timeout_at(deadline, body::read(body, inner.max_body_bytes)).await.unwrap_or(Err(Refusal::BodyTimedOut))?;
        let at = (inner.clock)();
        inner
            .senders
            .verify(sender, &parts.headers, &body, at)
            .map_err(|refusal| Refusal::Signature(sender, refusal))?;
        let reading = reading::read(&inner.senders, sender, &parts.headers, &body, at)?;
        if sender.marks_as_sample(&parts.headers) {
            return Ok(Receipt::Test);
        }
        self.accept(reading, deadline).await
    }

    async fn accept(&self, reading: Reading, deadline: Instant) -> Result<Receipt, Refusal> {
        let Reading { webhook, inventory, orders, products } = reading;
        let admission = Admission {
            webhook,
            inventory: self.0.inventory.reserve(inventory)?,
            orders: self.0.orders.reserve(orders)?,
            products: self.0.products.reserve(products)?,
        };
        if admission.inventory.is_empty() && admission.orders.is_empty() && admission.products.is_empty() {
            return Ok(Receipt::Ignored);
        }
        // In a task of its own: a client that hangs up here would leave a webhook that is remembered and not queued.
        let inner = Arc::clone(&self.0);
        let admitted = tokio::spawn(async move { inner.queue(admission).await });
        match timeout_at(deadline, admitted).await {
            Ok(Ok(receipt)) => receipt,
            Ok(Err(_)) => Err(Refusal::MemoryFailed),
            Err(_) => Err(Refusal::MemoryTimedOut),
        }
    }
}

impl Inner {
    async fn queue(&self, admission: Admission) -> Result<Receipt, Refusal> {
        let Admission { webhook, inventory, orders, products } = admission;
        let mut claims = vec![webhook];
        claims.extend(inventory.claims().chain(orders.claims()).chain(products.claims()));
        let asked = claims.len();
        let claimed = timeout(MEMORY_TIMEOUT, async {
            let turn = self.in_turn.lock().await;
            (turn, self.memory.claim(claims).await)
        });
        let (_turn, grants) = claimed.await.map_err(|_| {
            tracing::error!("the memory of webhooks did not return in time");
            Refusal::MemoryTimedOut
        })?;
        let grants = grants.map_err(|error| {
            tracing::error!(%error, "the memory of webhooks failed");
            Refusal::MemoryFailed
        })?;
        if grants.len() != asked {
            tracing::error!(asked, returned = grants.len(), "the memory of webhooks must decide every claim");
            return Err(Refusal::MemoryFailed);
        }
        let mut grants = grants.into_iter();
        if !grants.next().unwrap_or(false) {
            return Ok(Receipt::Duplicate);
        }
        let queued = inventory.queue(&mut grants) + orders.queue(&mut grants) + products.queue(&mut grants);
        Ok(if queued == 0 { Receipt::Duplicate } else { Receipt::Accepted })
    }
}

/// Shows no secret.
impl fmt::Debug for WebhookHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookHandler")
            .field("path", &self.0.path)
            .field("senders", &self.0.senders.configured().collect::<Vec<_>>())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
