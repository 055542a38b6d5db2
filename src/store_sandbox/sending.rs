//! Sending the webhooks of stores that have a subscription, and keeping how each attempt was answered.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use event_log::ids;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::platform::Platform;
use super::shopify::DOMAIN;
use super::store::Subscription;
use super::webhook::Webhook;
use super::{ControlError, StoreSandbox, World};
use crate::scripted::Interrupted;

/// Before each attempt, in real time.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_secs(1)];
/// WooCommerce sends each once, and stops a webhook that has failed so often in a row (`WC_Webhook::failed_delivery`).
const WOOCOMMERCE_FAILURES: u32 = 7;
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_AT_ONCE: usize = 16;
/// Webhooks that are being sent or wait for that.
const MAX_UNDER_WAY: usize = 10_000;
/// Webhooks that are remembered; the oldest are forgotten.
const MAX_REMEMBERED: usize = 1_000;

/// A webhook that was sent, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentWebhook {
    /// From 1 on, in the order of what happened.
    pub number: u64,
    pub store: String,
    pub order: String,
    pub topic: &'static str,
    pub state: SendingState,
    pub attempts: Vec<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SendingState {
    UnderWay,
    /// Answered with 2xx.
    Delivered,
    GivenUp,
}

/// The status it was answered with, or why there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Attempt {
    Answered { status: u16 },
    Failed { failure: &'static str },
}

pub(super) struct Webhooks {
    http: reqwest::Client,
    permits: Arc<Semaphore>,
    sent: VecDeque<SentWebhook>,
    last_number: u64,
    under_way: usize,
}

/// Where a webhook is sent.
pub(super) struct Receiver {
    pub(super) subscription: Subscription,
    /// Who asked for it, and its number there. None for the address that the store was given.
    pub(super) hook: Option<(String, u64)>,
}

/// A webhook on its way.
pub(super) struct Sending {
    number: u64,
    platform: Platform,
    to: Receiver,
    store: String,
    body: String,
    headers: Vec<(&'static str, String)>,
    http: reqwest::Client,
    permits: Arc<Semaphore>,
}

impl Webhooks {
    pub(super) fn new() -> io::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            // A connection that rests may be closed at the moment it is used again.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(io::Error::other)?;
        let permits = Arc::new(Semaphore::new(MAX_AT_ONCE));
        Ok(Self { http, permits, sent: VecDeque::new(), last_number: 0, under_way: 0 })
    }

    pub(super) fn check_room(&self) -> Result<(), ControlError> {
        if self.under_way >= MAX_UNDER_WAY { Err(ControlError::Full { limit: MAX_UNDER_WAY }) } else { Ok(()) }
    }

    pub(super) fn begin(&mut self, webhook: &Webhook, platform: Platform, to: Receiver) -> Sending {
        if self.sent.len() >= MAX_REMEMBERED {
            self.sent.pop_front();
        }
        self.last_number += 1;
        self.under_way += 1;
        let number = self.last_number;
        let Webhook { store, order, topic, body } = webhook.clone();
        let headers = match platform {
            Platform::Shopify => shopify_headers(&store, topic),
            Platform::WooCommerce => woocommerce_headers(&store, topic, number),
            Platform::BigCommerce | Platform::Square => vec![],
        };
        let (state, attempts) = (SendingState::UnderWay, vec![]);
        self.sent.push_back(SentWebhook { number, store: store.clone(), order, topic, state, attempts });
        let (http, permits) = (self.http.clone(), self.permits.clone());
        Sending { number, platform, to, store, body, headers, http, permits }
    }

    pub(super) fn are_settled(&self) -> bool {
        self.under_way == 0
    }

    pub(super) fn sent(&self) -> Vec<SentWebhook> {
        self.sent.iter().cloned().collect()
    }

    fn note(&mut self, number: u64, attempt: Attempt) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.number == number) {
            sent.attempts.push(attempt);
        }
    }

    fn end(&mut self, number: u64, state: SendingState) {
        self.under_way -= 1;
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.number == number) {
            sent.state = state;
        }
    }
}

impl Attempt {
    fn is_success(self) -> bool {
        matches!(self, Self::Answered { status: 200..300 })
    }
}

impl Sending {
    pub(super) async fn run(self, sandbox: StoreSandbox) {
        let state = self.attempts(&sandbox).await.unwrap_or(SendingState::GivenUp);
        sandbox.change(|world| {
            world.webhooks.end(self.number, state);
            if let Some(hook) = self.to.hook.as_ref().filter(|_| self.platform == Platform::WooCommerce) {
                note_delivery(world, (&self.store, hook), state == SendingState::Delivered);
            }
        });
    }

    async fn attempts(&self, sandbox: &StoreSandbox) -> Result<SendingState, Interrupted> {
        let attempts = if self.platform == Platform::WooCommerce { 1 } else { PAUSES.len() };
        for (retry, pause) in PAUSES.into_iter().take(attempts).enumerate() {
            sandbox.idle(pause).await?;
            let attempt = self.attempt(sandbox, retry).await;
            tracing::debug!(webhook = self.number, ?attempt, "a store sent a webhook");
            sandbox.change(|world| world.webhooks.note(self.number, attempt));
            if attempt.is_success() {
                return Ok(SendingState::Delivered);
            }
        }
        Ok(SendingState::GivenUp)
    }

    async fn attempt(&self, sandbox: &StoreSandbox, retry: usize) -> Attempt {
        let Ok(_permit) = self.permits.acquire().await else {
            return Attempt::Failed { failure: "the sandbox ended" };
        };
        let Subscription { url, secret } = &self.to.subscription;
        let mut request = self.http.post(url).header(CONTENT_TYPE, "application/json");
        let outgoing = providers::Outgoing { address: url, body: self.body.as_bytes(), at: sandbox.clock().now() };
        for (name, value) in providers::of(self.platform.provider()).sign(&outgoing, secret) {
            request = request.header(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if self.platform == Platform::Square && retry > 0 {
            request = request.header("square-retry-number", retry);
        }
        match request.body(self.body.clone()).send().await {
            Ok(response) => Attempt::Answered { status: response.status().as_u16() },
            Err(error) if error.is_timeout() => Attempt::Failed { failure: "timed out" },
            Err(error) if error.is_builder() => Attempt::Failed { failure: "the address or a header cannot be used" },
            Err(_) => Attempt::Failed { failure: "no connection, or it was lost" },
        }
    }
}

fn note_delivery(world: &mut World, (store, (asked_by, number)): (&str, &(String, u64)), is_delivered: bool) {
    let Ok(store) = world.stores.find_mut(store) else { return };
    let hook = store.installations.get_mut(asked_by).and_then(|asked| asked.subscriptions.get_mut(number));
    let Some(hook) = hook else { return };
    hook.failures = if is_delivered { 0 } else { hook.failures + 1 };
    hook.is_enabled &= hook.failures < WOOCOMMERCE_FAILURES;
}

/// <https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks>
fn woocommerce_headers(store: &str, topic: &str, number: u64) -> Vec<(&'static str, String)> {
    let (resource, event) = topic.split_once('.').unwrap_or((topic, ""));
    vec![
        ("x-wc-webhook-source", format!("https://{store}.example/")),
        ("x-wc-webhook-topic", topic.to_owned()),
        ("x-wc-webhook-resource", resource.to_owned()),
        ("x-wc-webhook-event", event.to_owned()),
        ("x-wc-webhook-id", "1".to_owned()),
        ("x-wc-webhook-delivery-id", number.to_string()),
    ]
}

/// The same for every attempt: <https://shopify.dev/docs/apps/build/webhooks/delivery-structure>
fn shopify_headers(store: &str, topic: &str) -> Vec<(&'static str, String)> {
    vec![
        ("x-shopify-topic", topic.to_owned()),
        ("x-shopify-shop-domain", format!("{store}{DOMAIN}")),
        ("x-shopify-api-version", "2026-07".to_owned()),
        ("x-shopify-webhook-id", ids::fresh().to_string()),
    ]
}
