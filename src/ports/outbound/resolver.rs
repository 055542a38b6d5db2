//! Resolves the names of endpoints, and judges every address between the answer and its use: there is no second look-up that could
//! answer otherwise.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use reqwest::dns::{self, Addrs, Resolve, Resolving};
use tokio::sync::Semaphore;
use tower::Service;

use super::connector::BoxError;
use super::url::{UrlRefusal, is_local_name};
use super::{CONNECT_TIMEOUT, OutboundRules, stage};

/// A resolution may not take longer than all of connecting.
const RESOLUTION_TIMEOUT: Duration = CONNECT_TIMEOUT;
/// The system's resolver holds a thread until it ends, even when its answer is no longer waited for. Names whose servers are silent
/// must not take all threads of the process.
const MAX_RESOLUTIONS: usize = 64;
/// Most addresses of a name that are tried, one after the other.
const MAX_ADDRESSES: usize = 8;

/// How a name is looked up: by the system, or in a test by what the test says.
type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

#[derive(Clone)]
pub(super) struct Resolver {
    rules: Arc<OutboundRules>,
    lookup: Lookup,
    resolutions: Arc<Semaphore>,
    timeout: Duration,
}

impl Resolver {
    pub(super) fn new(rules: Arc<OutboundRules>) -> Self {
        Self::with_lookup(rules, Arc::new(|name| Box::pin(system_lookup(name))))
    }

    pub(super) fn with_lookup(rules: Arc<OutboundRules>, lookup: Lookup) -> Self {
        let resolutions = Arc::new(Semaphore::new(MAX_RESOLUTIONS));
        Self { rules, lookup, resolutions, timeout: RESOLUTION_TIMEOUT }
    }

    /// The addresses of a name that may be connected to.
    pub(super) async fn resolve_name(&self, name: &str) -> Result<Vec<IpAddr>, UrlRefusal> {
        if is_local_name(name) && !self.rules.resolve_local_names() {
            return Err(UrlRefusal::LocalName);
        }
        judge_all(&self.rules, name, self.look_up_in_time(name).await?)
    }

    /// The addresses of the operator's proxy, wherever they are.
    async fn resolve_proxy(&self, name: &str) -> Result<Vec<IpAddr>, UrlRefusal> {
        self.look_up_in_time(name).await
    }

    async fn look_up_in_time(&self, name: &str) -> Result<Vec<IpAddr>, UrlRefusal> {
        let found = tokio::time::timeout(self.timeout, self.look_up(name.to_owned())).await;
        found.map_err(|_| UrlRefusal::ResolutionTimeout)?
    }

    async fn look_up(&self, name: String) -> Result<Vec<IpAddr>, UrlRefusal> {
        let resolutions = Arc::clone(&self.resolutions);
        let permit = resolutions.acquire_owned().await.map_err(|_| UrlRefusal::NotResolved)?;
        let lookup = (self.lookup)(name);
        // In a task of its own: the permit is held as long as the thread, also when its answer is no longer waited for.
        let resolution = tokio::spawn(async move {
            let found = lookup.await;
            drop(permit);
            found
        });
        resolution.await.map_err(|_| UrlRefusal::NotResolved)?.map_err(|_| UrlRefusal::NotResolved)
    }
}

/// What the HTTP client resolves: the names of endpoints, or that of the proxy, which may be inside the operator's network.
#[derive(Clone)]
pub(super) enum Names {
    OfEndpoints(Resolver),
    OfProxy(Resolver),
}

impl Names {
    async fn resolve(self, name: Name) -> Result<vec::IntoIter<SocketAddr>, BoxError> {
        stage::note_resolving();
        let addresses = match self {
            Self::OfEndpoints(resolver) => resolver.resolve_name(name.as_str()).await?,
            Self::OfProxy(resolver) => resolver.resolve_proxy(name.as_str()).await?,
        };
        stage::note_resolved(&addresses);
        // The HTTP client puts the URL's port in the place of 0.
        let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
        Ok(addresses.into_iter())
    }
}

/// For an HTTP client with connections of its own.
impl Resolve for Resolver {
    fn resolve(&self, name: dns::Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.resolve_name(name.as_str()).await?;
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().resolve(name))
    }
}

async fn system_lookup(name: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Keeps those addresses that may be connected to; where there is none, says why of the first.
fn judge_all(rules: &OutboundRules, name: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, UrlRefusal> {
    let judge = |address: &IpAddr| match rules.judge(*address) {
        // A local name may only lead where the operator said.
        Ok(()) if is_local_name(name) && !rules.is_allowed(*address) => Err(UrlRefusal::LocalName),
        judged => judged.map_err(UrlRefusal::NotPublic),
    };
    let mut permitted: Vec<IpAddr> = found.iter().copied().filter(|address| judge(address).is_ok()).collect();
    permitted.truncate(MAX_ADDRESSES);
    if permitted.is_empty() {
        return Err(found.iter().find_map(|address| judge(address).err()).unwrap_or(UrlRefusal::NotResolved));
    }
    Ok(permitted)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::super::address::NotPublic;
    use super::*;

    const PRIVATE: UrlRefusal = UrlRefusal::NotPublic(NotPublic::Private);

    fn addresses(addresses: &[&str]) -> Vec<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    fn allowing(ranges: &[&str]) -> OutboundRules {
        let allowed = ranges.iter().map(|range| range.parse().unwrap()).collect();
        OutboundRules { allowed, ..OutboundRules::default() }
    }

    #[test]
    fn only_addresses_that_may_be_connected_to_are_kept() {
        let rules = OutboundRules::default();
        let judged = |found: &[&str]| judge_all(&rules, "shop.example", addresses(found));
        assert_eq!(judged(&["1.1.1.1", "2606:4700::1"]), Ok(addresses(&["1.1.1.1", "2606:4700::1"])));
        assert_eq!(judged(&["10.0.0.1", "1.1.1.1", "::1"]), Ok(addresses(&["1.1.1.1"])));
        assert_eq!(judged(&["10.0.0.1", "127.0.0.1"]), Err(PRIVATE));
        assert_eq!(judged(&[]), Err(UrlRefusal::NotResolved));
        assert_eq!(judged(&["1.1.1.1"; 20]).unwrap().len(), MAX_ADDRESSES);
    }

    #[test]
    fn a_local_name_leads_only_into_a_range_that_the_operator_allows() {
        let rules = allowing(&["10.0.0.0/8"]);
        let judged = |name, found: &[&str]| judge_all(&rules, name, addresses(found));
        assert_eq!(judged("shop.internal", &["10.0.0.1"]), Ok(addresses(&["10.0.0.1"])));
        assert_eq!(judged("shop.internal", &["1.1.1.1"]), Err(UrlRefusal::LocalName));
        assert_eq!(judged("shop", &["1.1.1.1", "10.0.0.1"]), Ok(addresses(&["10.0.0.1"])));
        assert_eq!(judged("shop.example", &["10.0.0.1"]), Ok(addresses(&["10.0.0.1"])));
        assert_eq!(judged("shop.example", &["192.168.0.1"]), Err(PRIVATE));
    }

    #[tokio::test]
    async fn localhost_is_not_even_looked_up() {
        let lookup: Lookup = Arc::new(|name| panic!("looked up {name}"));
        let resolver = Resolver::with_lookup(Arc::new(OutboundRules::default()), lookup);
        assert_eq!(resolver.resolve_name("localhost").await, Err(UrlRefusal::LocalName));
    }

    #[tokio::test]
    async fn the_http_client_gets_the_refusal_itself() {
        let resolver = Resolver::new(Arc::new(allowing(&["10.0.0.0/8"])));
        let refused = Names::OfEndpoints(resolver).resolve(Name::from_str("localhost").unwrap()).await.err().unwrap();
        let refusal = UrlRefusal::NotPublic(NotPublic::Loopback);
        assert_eq!(refused.downcast_ref(), Some(&refusal));
    }

    #[tokio::test]
    async fn the_system_resolves_what_may_be_called() {
        let resolver = Resolver::new(Arc::new(allowing(&["127.0.0.0/8"])));
        assert_eq!(resolver.resolve_name("localhost").await, Ok(addresses(&["127.0.0.1"])));
    }

    #[tokio::test]
    async fn a_silent_name_server_is_not_waited_for() {
        let lookup: Lookup = Arc::new(|_| Box::pin(std::future::pending()));
        let resolver = Resolver::with_lookup(Arc::new(OutboundRules::default()), lookup);
        let resolver = Resolver { timeout: Duration::from_millis(10), ..resolver };
        assert_eq!(resolver.resolve_name("shop.example").await, Err(UrlRefusal::ResolutionTimeout));
        assert_eq!(resolver.resolutions.available_permits(), MAX_RESOLUTIONS - 1, "its thread still counts");
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_refused() {
        let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(io::Error::other("no such name")) }));
        let resolver = Resolver::with_lookup(Arc::new(OutboundRules::default()), lookup);
        assert_eq!(resolver.resolve_name("shop.example").await, Err(UrlRefusal::NotResolved));
        assert_eq!(resolver.resolutions.available_permits(), MAX_RESOLUTIONS);
    }
}
