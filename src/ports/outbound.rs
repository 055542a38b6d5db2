//! The port by which subscribers' endpoints are called. A subscriber may name any URL, so none may lead into the operator's own
//! network: see `docs/outbound-safety.md`.

mod address;
mod attempt;
mod certificate;
mod connection;
mod connector;
mod resolver;
mod stage;
mod url;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use event_log::clock::Clock;
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::Resolve;
use rustls::RootCertStore;

pub use address::NotPublic;
pub use attempt::{Attempt, Request};
use connector::{Connector, Proxy};
use resolver::{Names, Resolver};
use url::EndpointHost;
pub use url::{CheckedUrl, UrlRefusal};

/// How long an attempt may take as a whole, from resolving the name to the last byte of the answer.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long connecting may take: resolving the name, TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that are kept open to one host while nothing is sent. More than an endpoint is sent at a time, or these would
/// connect again and again where many endpoints are of one host, as those of an automation service are.
const MAX_IDLE_PER_HOST: usize = 256;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("cloud-bridge/", env!("CARGO_PKG_VERSION"));

type HttpClient = legacy::Client<Connector, Full<Bytes>>;

/// What an operator allows beyond https to public addresses.
#[derive(Clone, Default)]
pub struct OutboundRules {
    pub allow_http: bool,
    /// Ranges that are called although they are not public.
    pub allowed: Vec<IpNet>,
    /// An HTTP proxy through which all endpoints are called. It resolves their names, so that it has to judge the addresses.
    pub proxy: Option<Url>,
}

/// The proxy's URL may hold a password.
impl fmt::Debug for OutboundRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OutboundRules")
            .field("allow_http", &self.allow_http)
            .field("allowed", &self.allowed)
            .field("proxy", &self.proxy.is_some())
            .finish()
    }
}

impl OutboundRules {
    fn judge(&self, address: IpAddr) -> Result<(), NotPublic> {
        if self.is_allowed(address) { Ok(()) } else { address::is_public(address) }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|range| range.contains(&address))
    }

    /// Names of the local network can only lead into allowed ranges, and only where this process resolves them is it seen that
    /// they do.
    fn resolve_local_names(&self) -> bool {
        self.proxy.is_none() && !self.allowed.is_empty()
    }
}

/// Says nothing of the proxy's URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("the proxy's URL must begin with http:// or https://")]
    NotHttp,
    #[error("the proxy's URL cannot be used by the HTTP client")]
    Unusable,
}

/// A connection pool to the endpoints of subscribers. When to try again is the worker's decision: within an attempt a request is
/// repeated once, where the receiver had closed the kept connection.
#[derive(Clone)]
pub struct OutboundClient {
    http: HttpClient,
    /// The same without kept connections.
    unpooled: HttpClient,
    proxy: Option<Proxy>,
    rules: Arc<OutboundRules>,
    resolver: Resolver,
    timeout: Duration,
    /// Dates of responses are compared with it.
    clock: Clock,
}

impl OutboundClient {
    pub fn new(rules: OutboundRules, clock: Clock) -> Result<Self, ProxyError> {
        let rules = Arc::new(rules);
        let resolver = Resolver::new(Arc::clone(&rules));
        Self::with_parts(resolver, public_authorities(), rules, ATTEMPT_TIMEOUT, clock)
    }

    /// What bounds an answer beside the time: [`connection`], and the HTTP client, which refuses more than 100 headers, and a head
    /// of more than 408 KiB (8 KiB and 100 × 4 KiB), trailers and chunk extensions of more than 16 KiB each. It decompresses
    /// nothing, speaks HTTP/1.1 only, follows no redirect, and reads no settings from the environment.
    fn with_parts(
        resolver: Resolver,
        authorities: RootCertStore,
        rules: Arc<OutboundRules>,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, ProxyError> {
        let proxy = rules.proxy.as_ref().map(Proxy::new).transpose()?;
        // The resolver of endpoints would refuse a proxy inside the operator's network.
        let of_names = if proxy.is_some() { Names::OfProxy } else { Names::OfEndpoints };
        let names = of_names(resolver.clone());
        let connector = Connector::new(names, proxy.clone(), authorities);
        let client = |kept| {
            legacy::Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(kept)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_timer(TokioTimer::new())
                .build(connector.clone())
        };
        let (http, unpooled) = (client(MAX_IDLE_PER_HOST), client(0));
        Ok(Self { http, unpooled, proxy, rules, resolver, timeout, clock })
    }

    /// Whether a subscriber may name this URL as an endpoint, at this moment: each attempt judges it again. Behind a proxy the name
    /// is not resolved.
    pub async fn check(&self, url: &str) -> Result<CheckedUrl, UrlRefusal> {
        let checked = CheckedUrl::parse(url, &self.rules)?;
        if let (EndpointHost::Name(name), None) = (checked.host(), &self.rules.proxy) {
            self.resolver.resolve_name(name).await?;
        }
        Ok(checked)
    }

    /// The same by its spelling alone: what its name resolves to is judged when it is connected to by [`Self::resolver`].
    pub(super) fn checked(&self, url: &str) -> Result<CheckedUrl, UrlRefusal> {
        CheckedUrl::parse(url, &self.rules)
    }

    /// Resolves names for other HTTP clients that call what merchants name.
    pub(super) fn resolver(&self) -> impl Resolve + use<> {
        self.resolver.clone()
    }

    /// The operator's proxy, which resolves names itself.
    pub(super) fn proxy(&self) -> Option<&Url> {
        self.rules.proxy.as_ref()
    }

    /// Posts a body to an endpoint. It returns within the timeout, whatever the receiver does; dropping it ends the attempt.
    pub async fn send(&self, request: Request<'_>) -> Attempt {
        attempt::send(self, request).await
    }
}

/// Those that browsers trust.
fn public_authorities() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}
