//! Endpoints over real sockets: receivers that misbehave, and servers that must never be called.

mod certificates;
mod connections;
mod forbidden;
mod proxies;
mod receiver;
mod receivers;
mod stages;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use event_log::clock::Clock;
use reqwest::header::HeaderMap;

use super::resolver::Resolver;
use super::{Attempt, OutboundClient, OutboundRules, Request};

/// Long enough for every receiver that answers.
const LONG: Duration = Duration::from_secs(10);

/// What an operator allows in these tests: this machine, without TLS.
fn loopback() -> OutboundRules {
    OutboundRules { allow_http: true, allowed: vec!["127.0.0.0/8".parse().unwrap()], proxy: None }
}

/// What an operator allows who allows nothing but plain HTTP.
fn plain_http() -> OutboundRules {
    OutboundRules { allow_http: true, ..OutboundRules::default() }
}

fn client(rules: OutboundRules, timeout: Duration) -> OutboundClient {
    let rules = Arc::new(rules);
    client_with(Resolver::new(Arc::clone(&rules)), rules, timeout, Clock::default())
}

fn client_with(resolver: Resolver, rules: Arc<OutboundRules>, timeout: Duration, clock: Clock) -> OutboundClient {
    OutboundClient::with_parts(resolver, super::public_authorities(), rules, timeout, clock).unwrap()
}

async fn post(client: &OutboundClient, url: &str) -> Attempt {
    client.send(Request { url, headers: HeaderMap::new(), body: Bytes::from_static(b"{\"id\":1}") }).await
}

fn failure(attempt: &Attempt) -> &str {
    attempt.failure.as_deref().unwrap_or_default()
}
