//! What a handler is made of, and what is no handler.

mod error;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore, watch};

use crate::callback::{Callback, Calls, Outcome, callback};
use crate::env::{self, EnvError};
use crate::event::{InventoryChange, OrderComplete, ProductChange};
use crate::handler::{Clock, Inner, WebhookHandler};
use crate::lane::{Lane, Queueing};
use crate::memory::{InMemory, Memory};
use crate::sender::{Subscription, Unchecked};

pub use error::BuildError;

/// The path, unless another one is chosen.
pub(crate) const DEFAULT_PATH: &str = "/api/webhooks";
/// More than anything here needs, and less than what the limits are made of can count.
const MAX_LIMIT: usize = 1_000_000;
const MAX_ATTEMPTS: usize = 10;

/// What a handler is made of. Each setting has a default, but for a secret and a callback: one of each is needed.
pub struct Builder {
    path: String,
    senders: Unchecked,
    on_inventory_change: Option<Callback<InventoryChange>>,
    on_order_complete: Option<Callback<OrderComplete>>,
    on_product_change: Option<Callback<ProductChange>>,
    calls: Calls,
    queue_limit: usize,
    max_body_bytes: usize,
    max_concurrent_requests: usize,
    response_timeout: Duration,
    memory: Arc<dyn Memory>,
    clock: Clock,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            path: DEFAULT_PATH.to_owned(),
            senders: Unchecked::default(),
            on_inventory_change: None,
            on_order_complete: None,
            on_product_change: None,
            calls: Calls {
                timeout: Duration::from_secs(30),
                pauses: vec![Duration::from_secs(1), Duration::from_secs(5)],
            },
            queue_limit: 1_024,
            max_body_bytes: 2 * 1_024 * 1_024,
            max_concurrent_requests: 256,
            response_timeout: Duration::from_millis(1_900),
            memory: Arc::new(InMemory::default()),
            clock: Box::new(now),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge at which time comes in")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

impl WebhookHandler {
    /// A builder that takes webhooks of the sender whose secret is in the environment variable `WEBHOOK_SECRET`:
    ///
    /// | `WEBHOOK_SECRET` | `WEBHOOK_URL` | sender |
    /// |---|---|---|
    /// | begins with `whsec_` | | the gateway |
    /// | anything else | the notification URL | Square |
    /// | anything else | not set | Shopify |
    ///
    /// The builder takes further senders, as any does.
    ///
    /// # Errors
    /// Where `WEBHOOK_SECRET` is not set, or one of the variables is empty or no text.
    pub fn from_env() -> Result<Builder, EnvError> {
        env::builder(env::variable)
    }
}

impl Builder {
    /// Takes webhooks of Shopify: an app's client secret, or the secret below the list of webhooks in a shop's settings.
    /// While it is changed give both, by calling this twice: Shopify signs with the old one for up to an hour.
    #[must_use]
    pub fn shopify_secret(mut self, secret: impl Into<String>) -> Self {
        self.senders.shopify.push(secret.into());
        self
    }

    /// The currency that the shop's prices are in, such as `EUR`. Shopify's webhooks about a product do not name it, and
    /// without it a product's prices are left out.
    #[must_use]
    pub fn shopify_currency(mut self, code: impl Into<String>) -> Self {
        self.senders.shopify_currency = Some(code.into());
        self
    }

    /// Takes webhooks of Square: the signature key of a webhook subscription, and its notification URL exactly as it was
    /// entered there, since Square signs it. Call this for each subscription.
    #[must_use]
    pub fn square(mut self, signature_key: impl Into<String>, notification_url: impl Into<String>) -> Self {
        self.senders.square.push(Subscription { key: signature_key.into(), address: notification_url.into() });
        self
    }

    /// Takes webhooks of a commerce gateway: the secret of its endpoint, `whsec_` and all. While it is changed give both, by
    /// calling this twice.
    #[must_use]
    pub fn gateway_secret(mut self, secret: impl Into<String>) -> Self {
        self.senders.gateway.push(secret.into());
        self
    }

    /// What is called when there is more or less of something.
    #[must_use]
    pub fn on_inventory_change<F, R>(mut self, called: F) -> Self
    where
        F: Fn(InventoryChange) -> R + Send + Sync + 'static,
        R: Future<Output: Outcome> + Send + 'static,
    {
        self.on_inventory_change = Some(callback(called));
        self
    }

    /// What is called when an order is paid or a checkout completed: on the first of both, once for each order.
    #[must_use]
    pub fn on_order_complete<F, R>(mut self, called: F) -> Self
    where
        F: Fn(OrderComplete) -> R + Send + Sync + 'static,
        R: Future<Output: Outcome> + Send + 'static,
    {
        self.on_order_complete = Some(callback(called));
        self
    }

    /// What is called when a product is new, changed or gone.
    #[must_use]
    pub fn on_product_change<F, R>(mut self, called: F) -> Self
    where
        F: Fn(ProductChange) -> R + Send + Sync + 'static,
        R: Future<Output: Outcome> + Send + 'static,
    {
        self.on_product_change = Some(callback(called));
        self
    }

    /// The one path that webhooks are sent to, as the handler sees it: a router that strips a prefix leaves the rest.
    /// `/api/webhooks` by default.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Where it is remembered what has fired. [`InMemory`] by default.
    #[must_use]
    pub fn memory(mut self, memory: impl Memory) -> Self {
        self.memory = Arc::new(memory);
        self
    }

    /// How long a callback may take before it is given up: 30 seconds by default.
    #[must_use]
    pub fn callback_timeout(mut self, at_most: Duration) -> Self {
        self.calls.timeout = at_most;
        self
    }

    /// How long to wait before a callback that returned an error is called again, each time: one second and five seconds by
    /// default, so three calls in all. None for one call. At most ten.
    #[must_use]
    pub fn retry_after(mut self, pauses: impl IntoIterator<Item = Duration>) -> Self {
        self.calls.pauses = pauses.into_iter().take(MAX_ATTEMPTS + 1).collect();
        self
    }

    /// Webhooks that wait for a callback, for each of the callbacks, before more are refused with 503. 1,024 by default.
    #[must_use]
    pub fn queue_limit(mut self, webhooks: usize) -> Self {
        self.queue_limit = webhooks;
        self
    }

    /// Largest body, in bytes, before it is refused with 413. 2 MiB by default: a product of Shopify may have 2,048
    /// variants.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Requests whose body is received at the same time, before more are refused with 503. 256 by default.
    #[must_use]
    pub fn max_concurrent_requests(mut self, requests: usize) -> Self {
        self.max_concurrent_requests = requests;
        self
    }

    /// How long a response may take, however slow the client or the memory: 1.9 seconds by default, since senders wait for
    /// two.
    #[must_use]
    pub fn response_timeout(mut self, at_most: Duration) -> Self {
        self.response_timeout = at_most;
        self
    }

    /// What time it is, for the five minutes within which the gateway's signatures are valid. The system's clock by default.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Box::new(now);
        self
    }

    /// Checks all of it, and starts the tasks that call the callbacks.
    ///
    /// # Errors
    /// Where it would refuse or ignore every webhook, verify nothing, or has a limit that is none.
    pub fn build(self) -> Result<WebhookHandler, BuildError> {
        let senders = self.senders.check()?;
        if self.on_inventory_change.is_none() && self.on_order_complete.is_none() && self.on_product_change.is_none() {
            return Err(BuildError::NoCallback);
        }
        if !self.path.starts_with('/') || self.path.contains(['?', '#']) {
            return Err(BuildError::InvalidPath);
        }
        for (name, limit, at_most) in [
            ("queue_limit", self.queue_limit, MAX_LIMIT),
            ("max_concurrent_requests", self.max_concurrent_requests, MAX_LIMIT),
            ("max_body_bytes", self.max_body_bytes, usize::MAX),
            ("retry_after", self.calls.pauses.len() + 1, MAX_ATTEMPTS),
        ] {
            if limit == 0 || limit > at_most {
                return Err(BuildError::OutOfRange(name));
            }
        }
        for (name, at_most) in [("response_timeout", self.response_timeout), ("callback_timeout", self.calls.timeout)] {
            if at_most.is_zero() {
                return Err(BuildError::OutOfRange(name));
            }
        }
        Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let queueing = Queueing {
            limit: self.queue_limit,
            calls: self.calls,
            closing: watch::Sender::new(false),
            waiting: Arc::new(AtomicUsize::new(0)),
        };
        Ok(WebhookHandler::new(Inner {
            path: self.path,
            senders,
            clock: self.clock,
            memory: self.memory,
            max_body_bytes: self.max_body_bytes,
            response_timeout: self.response_timeout,
            requests: Semaphore::new(self.max_concurrent_requests),
            inventory: Lane::start(self.on_inventory_change, &queueing),
            orders: Lane::start(self.on_order_complete, &queueing),
            products: Lane::start(self.on_product_change, &queueing),
            queueing,
            in_turn: Mutex::new(()),
        }))
    }
}

/// Shows no secret.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("path", &self.path).finish_non_exhaustive()
    }
}
